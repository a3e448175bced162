-- ledger_bounds
-- From when to when the ledger's months are complete. Between these an instant needs no look into the default partition,
-- and the months can be read newest first, until the first entry is found.
select min(month) as first_month, max(month) + interval '1 month' as end_of_months, count(*) = max(rank) - min(rank) + 1 as are_gapless
  from (select to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'UTC' as month,
               substr(c.relname, length(c.relname) - 6, 4)::integer * 12 + right(c.relname, 2)::integer as rank
          from pg_inherits h join pg_class c on c.oid = h.inhrelid
         where h.inhparent = 'inventory_movements'::regclass and c.relname ~ '_\d{4}_\d\d$') months;

-- plan_for_this_instant
-- Months are left out when the plan is made, so the plan must know the instant.
set local plan_cache_mode = force_custom_plan;

-- list_levels_as_of
-- On hand of past instants: the newest entry of each level at or before it. One descent of one month's index, as a rule; an
-- entry that lies outside the months (the default partition holds it) is looked for beside.
select s.code as sku_code, w.code as warehouse_code, i.sku_id, i.warehouse_id,
       coalesce(m.balance_after, 0) as on_hand_quantity, coalesce(m.unsellable_after, 0) as unavailable_quantity, m.cost_after,
       m.created_at, coalesce(x.states, '{}') as states
  from inventory i
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
  left join lateral (
       select * from (
           (select balance_after, unsellable_after, cost_after, created_at, seq
              from inventory_movements m
             where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id
               and m.created_at >= %(from_month)s and m.created_at <= %(as_of)s and m.created_at < %(end_of_months)s
             order by m.created_at desc, m.seq desc
             limit 1)
           union all
           (select balance_after, unsellable_after, cost_after, created_at, seq
              from inventory_movements_default m
             where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id and m.created_at <= %(as_of)s
             order by m.created_at desc, m.seq desc
             limit 1)) newest
        order by created_at desc, seq desc
        limit 1) m on true
  -- Why what could not be sold could not: the entries of the unsellable bucket until then, which are few and have an index.
  left join lateral (
       select json_object_agg(y.state, y.quantity) as states
         from (select coalesce(u.state, 'damaged') as state, sum(u.quantity)::bigint as quantity
                 from inventory_movements u
                where u.sku_id = i.sku_id and u.warehouse_id = i.warehouse_id and u.bucket = 'unsellable'
                  and u.created_at <= %(as_of)s
                group by 1 having sum(u.quantity) <> 0) y
        where m.unsellable_after > 0) x on true
 where (%(sku_id)s::uuid is null or i.sku_id = %(sku_id)s)
   and (%(sku_id)s::uuid is not null or not exists (select from sandbox_skus x where x.sku_id = i.sku_id))
   and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
   and (%(category)s::text is null or s.category = %(category)s)
   and (%(pattern)s::text is null or s.code ilike %(pattern)s or s.name ilike %(pattern)s or s.barcode = %(q)s)
   and (%(after_code)s::text is null or (s.code, w.code) > (%(after_code)s, %(after_warehouse)s))
 order by s.code, w.code
 limit %(limit)s;

-- explain_levels
-- A level beside what makes it: the newest entry of its ledger, its holds, its states.
select i.warehouse_id, w.code as warehouse_code, i.available_quantity, i.reserved_quantity, i.unavailable_quantity,
       i.on_hand_quantity, i.in_transit_quantity, i.backordered_quantity, i.pooled_quantity, i.cost_price, s.currency,
       coalesce(m.balance_after, 0) as ledger_on_hand, coalesce(m.unsellable_after, 0) as ledger_unavailable,
       (select coalesce(sum(quantity), 0)::bigint from inventory_reservations l
         where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id and l.status = 'active') as active_sum,
       (select coalesce(sum(quantity), 0)::bigint from inventory_reservations l
         where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id and l.status = 'backordered') as backordered_sum,
       (select coalesce(json_agg(json_build_object('state', x.state, 'quantity', x.quantity) order by x.state), '[]')
          from (select state, sum(quantity)::bigint as quantity from inventory_states x
                 where x.sku_id = i.sku_id and x.warehouse_id = i.warehouse_id group by state having sum(quantity) > 0) x) as states
  from inventory i
  join warehouses w on w.id = i.warehouse_id
  join skus s on s.id = i.sku_id
  left join lateral (
       select balance_after, unsellable_after from inventory_movements m
        where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id
        order by m.created_at desc, m.seq desc limit 1) m on true
 where i.sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
 order by w.code;

-- explain_entries
-- The newest entries of each level by type and reason, and the balance they start from: bounded, however long the ledger is.
with newest as (
    select m.*, row_number() over (partition by m.warehouse_id order by m.created_at, m.seq) as n
      from inventory i
     cross join lateral (
           select m.* from inventory_movements m
            where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id
            order by m.created_at desc, m.seq desc limit %(entries_max)s) m
     where i.sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
)
select warehouse_id, movement_type, bucket, state, reason, sum(quantity)::bigint as quantity, count(*) as entries,
       min(occurred_at) as first_at, max(occurred_at) as last_at,
       max(balance_after - quantity) filter (where n = 1) as opening_quantity, max(created_at) filter (where n = 1) as opening_before
  from newest
 group by warehouse_id, movement_type, bucket, state, reason
 order by warehouse_id, movement_type, reason;

-- explain_inbound
-- What is on its way to the levels of a SKU: the open lines of purchase orders and transfers, soonest first.
select warehouse_id, source, document_id, number, line_no, quantity, expected_at
  from inbound_lines
 where sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
 order by expected_at nulls last, number, line_no;

-- explain_cost
-- What left the moving average of each level as it is: its newest entry, or a cost correction after it.
select i.warehouse_id, m.id as movement_id, m.created_at, m.cost_after,
       c.id as correction_id, c.created_at as corrected_at, c.cost_after as corrected_cost
  from inventory i
 cross join lateral (
       select id, created_at, cost_after from inventory_movements m
        where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id
        order by m.created_at desc, m.seq desc limit 1) m
  left join lateral (
       select id, created_at, cost_after from cost_corrections c
        where c.sku_id = i.sku_id and c.warehouse_id = i.warehouse_id and c.created_at >= m.created_at
        order by c.created_at desc limit 1) c on true
 where i.sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s);

-- list_statement
-- The ledger of one level, newest first, with the balance each entry started from.
select id, seq, movement_type, quantity, bucket, state, balance_after - quantity as balance_before, balance_after, unsellable_after,
       cost_after, unit_cost, reference_type, reference_id, reason, actor, occurred_at, created_at, undoes
  from inventory_movements
 where sku_id = %(sku_id)s and warehouse_id = %(warehouse_id)s
   and (%(since)s::timestamptz is null or created_at > %(since)s)
   and (%(until)s::timestamptz is null or created_at <= %(until)s)
   and (%(before_created_at)s::timestamptz is null or (created_at, seq) < (%(before_created_at)s, %(before_seq)s))
 order by created_at desc, seq desc
 limit %(limit)s;

-- balance_of_level
-- What a level had after its newest entry up to an instant or before an entry: what a page without entries opens and closes with.
select coalesce((select m.balance_after from inventory_movements m
                  where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id
                    and (%(until)s::timestamptz is null or m.created_at <= %(until)s)
                    and (%(before_created_at)s::timestamptz is null or (m.created_at, m.seq) < (%(before_created_at)s, %(before_seq)s))
                  order by m.created_at desc, m.seq desc
                  limit 1), 0)
  from inventory i
 where i.sku_id = %(sku_id)s and i.warehouse_id = %(warehouse_id)s;

-- explain_pools
-- What is kept of each level for single channels: given, less what their holds and sales took; in the order in which they are filled.
select p.warehouse_id, c.code as channel, p.quantity, p.taken_quantity, p.remaining_quantity,
       stock_pool_cover(p.sku_id, p.warehouse_id, p.channel_id, i.available_quantity) as there_quantity,
       (select coalesce(sum(l.quantity), 0)::bigint from inventory_reservations l where l.pool_id = p.id and l.status = 'active') as held,
       (select coalesce(sum(l.quantity), 0)::bigint from inventory_reservations l where l.pool_id = p.id and l.status = 'consumed')
           + (select coalesce(sum(x.quantity), 0)::bigint from pool_sales x where x.pool_id = p.id) as sold
  from channel_pools p
  join sales_channels c on c.id = p.channel_id
  join inventory i on i.sku_id = p.sku_id and i.warehouse_id = p.warehouse_id
 where p.sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or p.warehouse_id = %(warehouse_id)s) and p.ended_at is null
 order by p.id;
