-- mark
-- How far the ledger goes, and who could still add below.
select stock_mark_for_seal();

-- seal
-- Seal what is complete.
select stock_seal(%(range)s, %(seals_max)s);

-- last_seal
-- The newest seal: its hash stands for everything before it.
select no, after_seq, to_seq, entries, encode(hash, 'hex') as hash, sealed_at from ledger_seals order by no desc limit 1;

-- get_seal
-- One seal by its number.
select no, after_seq, to_seq, entries, encode(hash, 'hex') as hash, sealed_at from ledger_seals where no = %(no)s;

-- list_seals
-- One page, newest first.
select no, after_seq, to_seq, entries, encode(hash, 'hex') as hash, sealed_at
  from ledger_seals
 where %(before)s::bigint is null or no < %(before)s
 order by no desc
 limit %(limit)s;

-- check_chain
-- What is wrong with the chain itself.
select no, problem from stock_check_chain();

-- check_seal
-- What differs between the entries of a range and its seal.
select kind, month, seq, entries from stock_check_seal(%(no)s);

-- name_entries
-- What the ledger has under some entry numbers now.
select m.seq, m.id, s.code || '@' || w.code as level, m.created_at
  from inventory_movements m
  left join skus s on s.id = m.sku_id
  left join warehouses w on w.id = m.warehouse_id
 where m.seq = any(%(seqs)s)
 order by m.seq;
