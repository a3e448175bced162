-- make_skus
-- The sandbox's SKUs are made once and used again by every run; a code somebody else took is left alone.
with new as (
    insert into skus (code, name)
    select 'SELFTEST-' || lpad(n::text, 2, '0'), 'Self-test ' || n from generate_series(1, %(count)s) n
    on conflict (code) do nothing
    returning id
)
insert into sandbox_skus select id from new;

-- make_warehouses
-- Its warehouses likewise.
with new as (
    insert into warehouses (code, name, type)
    select 'SELFTEST-' || n, 'Self-test ' || n, 'local' from unnest(array['A', 'B']) n
    on conflict (code) do nothing
    returning id
)
insert into sandbox_warehouses select id from new;

-- open_skus
-- For the time of a run.
update skus set archived_at = null from sandbox_skus x where x.sku_id = skus.id and archived_at is not null;

-- open_warehouses
-- For the time of a run.
update warehouses set is_active = true from sandbox_warehouses x where x.warehouse_id = warehouses.id and not is_active;

-- list_skus
-- In order of their numbers.
select id::text from skus join sandbox_skus x on x.sku_id = skus.id order by code;

-- list_warehouses
-- In order of their letters.
select id::text from warehouses join sandbox_warehouses x on x.warehouse_id = warehouses.id order by code;

-- archive_skus
-- Nothing can be promised or received any more.
update skus set archived_at = now() from sandbox_skus x where x.sku_id = skus.id and archived_at is null;

-- close_warehouses
-- The same for the warehouses.
update warehouses set is_active = false from sandbox_warehouses x where x.warehouse_id = warehouses.id and is_active;

-- list_active_holds
-- What the attackers left behind.
select distinct reservation_id::text as id
  from inventory_reservations join sandbox_skus using (sku_id)
 where status = 'active'
 limit %(limit)s;

-- list_stock
-- What is still there, to be taken to zero.
select sku_id::text, warehouse_id::text, available_quantity as quantity
  from inventory join sandbox_skus using (sku_id)
 where available_quantity > 0;

-- begin
-- Where the run begins: its time, its first event, and how often the database had to break a deadlock so far.
select now() as at, coalesce((select max(id) from outbox_events), 0) as event_id,
       (select deadlocks from pg_stat_database where datname = current_database()) as deadlocks;

-- levels_that_do_not_add_up
-- Each level beside its ledger and its active lines; a negative figure never adds up.
select s.code as subject,
       concat('on_hand=', coalesce(m.quantity, 0), ' reserved=', coalesce(l.quantity, 0)) as expected,
       concat('on_hand=', i.on_hand_quantity, ' reserved=', i.reserved_quantity, ' available=', i.available_quantity) as found
  from inventory i
  join sandbox_skus using (sku_id)
  join skus s on s.id = i.sku_id
  left join (select sku_id, warehouse_id, sum(quantity) as quantity
               from inventory_movements join sandbox_skus using (sku_id) group by 1, 2) m using (sku_id, warehouse_id)
  left join (select sku_id, warehouse_id, sum(quantity) as quantity
               from inventory_reservations join sandbox_skus using (sku_id)
              where status = 'active' group by 1, 2) l using (sku_id, warehouse_id)
 where i.on_hand_quantity <> coalesce(m.quantity, 0) or i.reserved_quantity <> coalesce(l.quantity, 0);

-- negative_figures
-- More promised or sold than there was, in any level or at any moment of the ledger.
select s.code as subject, 'nothing below zero' as expected,
       concat('available=', i.available_quantity, ' reserved=', i.reserved_quantity) as found
  from inventory i join sandbox_skus using (sku_id) join skus s on s.id = i.sku_id
 where least(i.available_quantity, i.reserved_quantity) < 0
union all
select 'entry ' || m.seq, 'nothing below zero', 'balance_after=' || m.balance_after
  from inventory_movements m join sandbox_skus using (sku_id)
 where m.created_at >= %(since)s and m.balance_after < 0;

-- broken_chain
-- Each entry's balance is the one before it plus its own quantity.
select 'entry ' || seq as subject, 'balance_after=' || before + quantity as expected, 'balance_after=' || balance_after as found
  from (select m.seq, m.quantity, m.balance_after, m.created_at,
               lag(m.balance_after, 1, 0::bigint) over (partition by m.sku_id, m.warehouse_id order by m.created_at, m.seq) as before
          from inventory_movements m join sandbox_skus using (sku_id)) x
 where created_at >= %(since)s and balance_after <> before + quantity;

-- holds_of_run
-- Every hold the run left in the database, with what its lines and the ledger say was taken.
select h.reference_id, h.id::text, h.status, coalesce(l.consumed, 0)::bigint as consumed, coalesce(m.taken, 0)::bigint as taken
  from reservations h
  left join (select reservation_id, sum(quantity) filter (where status = 'consumed') as consumed
               from inventory_reservations join sandbox_skus using (sku_id) group by 1) l on l.reservation_id = h.id
  left join (select reference_id, -sum(quantity) as taken
               from inventory_movements join sandbox_skus using (sku_id)
              where created_at >= %(since)s and reference_type = 'cart' group by 1) m using (reference_id)
 where starts_with(h.reference_id, %(tag)s);

-- moves_of_run
-- Every receipt and sale of the run as the ledger has it.
select reference_id, sku_id::text, warehouse_id::text, sum(quantity)::bigint as quantity, count(*)::integer as entries
  from inventory_movements join sandbox_skus using (sku_id)
 where created_at >= %(since)s and reference_type in ('receipt', 'sale') and starts_with(reference_id, %(tag)s)
 group by 1, 2, 3;

-- untold
-- What the events say was reserved and ended, beside the lines of each hold of the run.
with told as (
    select (e.data ->> 'reservation_id')::uuid as id,
           sum(i.reserved_quantity) filter (where e.event_type = 'inventory.reserved') as reserved,
           sum(i.quantity) filter (where e.event_type <> 'inventory.reserved') as ended
      from outbox_events e, json_to_recordset(e.data -> 'items') as i (quantity bigint, reserved_quantity bigint)
     where e.id > %(event_id)s
       and e.event_type in ('inventory.reserved', 'inventory.reservation_consumed', 'inventory.reservation_released',
                            'inventory.reservation_expired')
     group by 1
), held as (
    select l.reservation_id as id, sum(l.quantity) as reserved, sum(l.quantity) filter (where l.status <> 'active') as ended
      from inventory_reservations l join reservations h on h.id = l.reservation_id
     where starts_with(h.reference_id, %(tag)s)
     group by 1
)
select 'hold ' || h.id as subject, concat('reserved=', h.reserved, ' ended=', coalesce(h.ended, 0)) as expected,
       concat('reserved=', coalesce(t.reserved, 0), ' ended=', coalesce(t.ended, 0)) as found
  from held h left join told t using (id)
 where (h.reserved, coalesce(h.ended, 0)) is distinct from (coalesce(t.reserved, 0), coalesce(t.ended, 0));

-- deadlocks
-- How often the database broke a deadlock in its life.
select deadlocks from pg_stat_database where datname = current_database();
