-- Seal finished ranges of the ledger with SHA-256, each seal over the one before it (docs/decisions/0082).
--
-- An entry is hashed as the text PostgreSQL gives of row(columns…), times in UTC: unambiguous, and the same after a dump
-- and restore. Hash of an entry = sha256(text). Digest of a month's part = sha256(the hashes, by entry number). Hash of a
-- seal = sha256('holdfast seal|no|after_seq|to_seq|column,…|month:entries:digest,…' || hash of the seal before).
-- Entry numbers are given before transactions commit. Whoever takes one holds a lock on the ledger until its transaction
-- has ended; so when everybody who held one right after the number was read has let go, no entry up to that number can come
-- any more. Writers wait for nothing. (Transaction numbers would do too, but they also count other databases of the server.)


-- Remember how far the ledger goes, and who could still add below. A mark that waits is left alone.
create or replace function stock_mark_for_seal() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_seq bigint;
begin
    select last_value into v_seq from inventory_movements_seq_seq where is_called;
    update ledger_seal_mark
       set seq = v_seq, writers = array(select virtualtransaction from stock_ledger_writers())
     where seq is null and v_seq is not null;
end $$;


-- Transactions of others that have written to the ledger, or are about to, and have not ended.
create or replace function stock_ledger_writers() returns table (virtualtransaction text)
language sql volatile as $$
    select distinct l.virtualtransaction from pg_locks l
     where l.locktype = 'relation' and l.relation = 'inventory_movements'::regclass and l.granted
       and l.database = (select oid from pg_database where datname = current_database())
       and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
       and l.pid is distinct from pg_backend_pid()
$$;


-- Seal what the mark says is complete, p_range entry numbers at a time and p_seals_max seals at most; answers how many.
create or replace function stock_seal(p_range integer, p_seals_max integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set datestyle = 'ISO, YMD' set timezone = 'UTC' as $$
declare
    v_mark ledger_seal_mark;
    v_last ledger_seals;
    v_columns text[];
    v_sealed integer := 0;
begin
    -- One sealer at a time.
    select * into v_mark from ledger_seal_mark for update;
    if v_mark.seq is null
       or exists (select from stock_ledger_writers() w where w.virtualtransaction = any (v_mark.writers)) then
        return 0;
    end if;
    select array_agg(attname order by attnum) into v_columns
      from pg_attribute where attrelid = 'inventory_movements'::regclass and attnum > 0 and not attisdropped;
    select * into v_last from ledger_seals order by no desc limit 1;
    v_last.no := coalesce(v_last.no, 0);
    v_last.to_seq := coalesce(v_last.to_seq, 0);
    v_last.hash := coalesce(v_last.hash, decode(repeat('00', 32), 'hex'));
    while v_last.to_seq < v_mark.seq and v_sealed < p_seals_max loop
        v_last := stock_seal_range(v_last, least(v_last.to_seq + p_range, v_mark.seq), v_columns);
        v_sealed := v_sealed + 1;
    end loop;
    if v_last.to_seq >= v_mark.seq then
        update ledger_seal_mark set seq = null, writers = '{}';
    end if;
    return v_sealed;
end $$;


-- One seal after p_former, up to p_to_seq.
create or replace function stock_seal_range(p_former ledger_seals, p_to_seq bigint, p_columns text[]) returns ledger_seals
language plpgsql as $$
declare
    v_seal ledger_seals;
    v_parts ledger_seal_parts[];
begin
    execute format(
        'select array_agg(row($1, month, entries, digest, seqs, marks)::ledger_seal_parts order by month) from ('
        'select month, count(*) as entries, sha256(string_agg(hash, null order by seq)) as digest, array_agg(seq order by seq) as seqs, '
        'string_agg(substr(hash, 1, 8), null order by seq) as marks '
        'from (select m.seq, date_trunc(''month'', m.created_at)::date as month, sha256(convert_to(%s, ''UTF8'')) as hash '
        'from inventory_movements m where m.seq > $2 and m.seq <= $3) e group by month) p', stock_entry_text(p_columns))
       into v_parts using p_former.no + 1, p_former.to_seq, p_to_seq;
    select p_former.no + 1, p_former.to_seq, p_to_seq, coalesce(sum(entries), 0), p_columns, p_former.hash,
           stock_seal_hash(p_former.no + 1, p_former.to_seq, p_to_seq, p_columns, p_former.hash, v_parts), business_now()
      into v_seal
      from unnest(v_parts);
    insert into ledger_seals select v_seal.*;
    insert into ledger_seal_parts select * from unnest(v_parts);
    insert into outbox_events (event_type, data)
    values ('ledger.sealed', json_build_object('no', v_seal.no, 'to_seq', p_to_seq, 'entries', v_seal.entries,
                                                         'hash', encode(v_seal.hash, 'hex')));
    return v_seal;
end $$;


-- The text of an entry m as an expression, to be put into a statement.
create or replace function stock_entry_text(p_columns text[]) returns text
language sql stable as $$
    select 'row(' || string_agg(format(case when a.atttypid = 'timestamptz'::regtype then 'm.%I at time zone ''UTC''' else 'm.%I' end, c.name),
                                ', ' order by c.n) || ')::text'
      from unnest(p_columns) with ordinality as c (name, n)
      join pg_attribute a on a.attrelid = 'inventory_movements'::regclass and a.attname = c.name
$$;


create or replace function stock_seal_hash(p_no bigint, p_after_seq bigint, p_to_seq bigint, p_columns text[], p_former_hash bytea,
    p_parts ledger_seal_parts[]) returns bytea
language sql immutable as $$
    select sha256(convert_to(concat_ws('|', 'holdfast seal', p_no, p_after_seq, p_to_seq, array_to_string(p_columns, ','),
               (select string_agg(concat(to_char(month, 'YYYY-MM'), ':', entries, ':', encode(digest, 'hex')), ',' order by month)
                  from unnest(p_parts))), 'UTF8') || p_former_hash)
$$;


-- What is wrong with the chain itself, the entries apart: a seal that is missing, or was changed, or joins no former one.
create or replace function stock_check_chain() returns table (no bigint, problem text)
language sql stable as $$
    select s.no, case when s.no <> s.place then 'a seal before it is missing'
                      when s.after_seq <> s.former_to_seq then 'does not begin where the seal before it ended'
                      when s.former_hash <> s.hash_before then 'does not join the seal before it'
                      else 'the seal itself was changed' end
      from (select *, row_number() over chain as place, coalesce(lag(to_seq) over chain, 0) as former_to_seq,
                   coalesce(lag(hash) over chain, decode(repeat('00', 32), 'hex')) as hash_before
              from ledger_seals window chain as (order by no)) s
     where s.no <> s.place or s.after_seq <> s.former_to_seq or s.former_hash <> s.hash_before
        or s.hash <> stock_seal_hash(s.no, s.after_seq, s.to_seq, s.columns, s.former_hash,
                         array(select p from ledger_seal_parts p where p.seal_no = s.no order by month))
     order by s.no
$$;


-- Compare the entries of one range with its seal. Answers what differs: entries changed, missing or inserted; a part whose
-- entries fit their marks but not its digest (somebody changed the marks too); and months that are not attached any more,
-- which cannot be looked at.
create or replace function stock_check_seal(p_no bigint) returns table (kind text, month date, seq bigint, entries bigint)
language plpgsql stable set datestyle = 'ISO, YMD' set timezone = 'UTC' as $$
declare
    v_seal ledger_seals;
    v_entries text;
begin
    select * into v_seal from ledger_seals s where s.no = p_no;
    if (select count(*) from pg_attribute a where a.attrelid = 'inventory_movements'::regclass and a.attname = any (v_seal.columns)
           and not a.attisdropped) < cardinality(v_seal.columns) then
        return query select 'column_gone', null::date, null::bigint, v_seal.entries;
        return;
    end if;
    v_entries := format('select m.seq, date_trunc(''month'', m.created_at)::date as month, sha256(convert_to(%s, ''UTF8'')) as hash '
                        'from inventory_movements m where m.seq > $2 and m.seq <= $3', stock_entry_text(v_seal.columns));
    return query execute
        'with entry as materialized (' || v_entries || '), found as ('
        '    select e.month, count(*) as entries, sha256(string_agg(hash, null order by e.seq)) as digest from entry e group by e.month'
        '), part as ('
        '    select p.*, exists (select from pg_inherits where inhparent = ''inventory_movements''::regclass'
        '               and inhrelid = to_regclass(''inventory_movements_'' || to_char(p.month, ''YYYY_MM''))) as attached'
        '      from ledger_seal_parts p where p.seal_no = $1'
        '), gone as ('
        '    select p.* from part p where not p.attached and not exists (select from found f where f.month = p.month)'
        '), wrong as ('
        '    select coalesce(p.month, f.month) as month from part p full join found f using (month)'
        '     where p.digest is distinct from f.digest and not exists (select from gone g where g.month = coalesce(p.month, f.month))'
        '), noted as ('
        '    select p.month, s.seq, substr(p.marks, (s.n::integer - 1) * 8 + 1, 8) as mark'
        '      from part p, unnest(p.seqs) with ordinality as s (seq, n)'
        '     where p.month in (select w.month from wrong w)'
        '), different as ('
        '    select case when e.seq is null then ''missing'' when o.seq is null then ''inserted'' else ''changed'' end as kind,'
        '           coalesce(o.month, e.month) as month, seq'
        '      from noted o full join (select * from entry where entry.month in (select w.month from wrong w)) e using (seq)'
        '     where o.mark is distinct from substr(e.hash, 1, 8)'
        ')'
        'select d.kind, d.month, d.seq, null::bigint from different d '
        'union all select ''marks_changed'', w.month, null, null from wrong w where not exists (select from different) '
        'union all select ''archived'', g.month, null, g.entries from gone g '
        'order by 2, 3'
        using p_no, v_seal.after_seq, v_seal.to_seq;
end $$;
