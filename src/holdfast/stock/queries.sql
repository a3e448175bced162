-- list_levels
-- One page of levels by SKU code and warehouse code. Units of holds whose time is over are still shown as reserved.
select s.code as sku_code, w.code as warehouse_code, s.name as sku_name, s.category, i.sku_id, i.warehouse_id,
       i.available_quantity, i.reserved_quantity, i.on_hand_quantity, i.in_transit_quantity, i.unavailable_quantity,
       i.backordered_quantity, coalesce(i.safety_stock, i.computed_safety_stock) as safety_stock,
       coalesce(i.reorder_point, i.computed_reorder_point) as reorder_point,
       i.max_stock, i.cost_price, i.version, i.last_updated,
       case when i.available_quantity <= 0 then 'out'
            when i.available_quantity <= coalesce(i.reorder_point, i.computed_reorder_point, i.max_stock * %(low_share)s, -1) then 'low'
            when i.on_hand_quantity > i.max_stock then 'over'
            else 'ok' end as status
  from inventory i
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where (%(sku_id)s::uuid is null or i.sku_id = %(sku_id)s)
   and (%(sku_id)s::uuid is not null or not exists (select from sandbox_skus x where x.sku_id = i.sku_id))
   and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
   and (%(category)s::text is null or s.category = %(category)s)
   and (%(pattern)s::text is null or s.code ilike %(pattern)s or s.name ilike %(pattern)s or s.barcode = %(q)s)
   and (%(after_code)s::text is null or (s.code, w.code) > (%(after_code)s, %(after_warehouse)s))
   and (%(status)s::text is null or %(status)s =
        case when i.available_quantity <= 0 then 'out'
             when i.available_quantity <= coalesce(i.reorder_point, i.computed_reorder_point, i.max_stock * %(low_share)s, -1) then 'low'
             when i.on_hand_quantity > i.max_stock then 'over'
             else 'ok' end)
 order by s.code, w.code
 limit %(limit)s;

-- list_levels_as_of
-- On-hand of past instants: the newest ledger entry of each level at or before the instant, by index.
select s.code as sku_code, w.code as warehouse_code, i.sku_id, i.warehouse_id,
       coalesce(m.balance_after, 0) as on_hand_quantity, coalesce(m.unsellable_after, 0) as unavailable_quantity, m.created_at
  from inventory i
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
  left join lateral (
       select balance_after, unsellable_after, created_at
         from inventory_movements m
        where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id and m.created_at <= %(as_of)s
        order by m.created_at desc, m.seq desc
        limit 1) m on true
 where (%(sku_id)s::uuid is null or i.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
   and (%(after_code)s::text is null or (s.code, w.code) > (%(after_code)s, %(after_warehouse)s))
 order by s.code, w.code
 limit %(limit)s;

-- list_active_lines
-- Who holds units of the given SKUs.
select l.sku_id, l.warehouse_id, l.reservation_id, l.quantity, h.reference_type, h.reference_id, l.reserved_at, l.expires_at
  from inventory_reservations l
  join reservations h on h.id = l.reservation_id
 where l.sku_id = any(%(sku_ids)s) and l.status = 'active'
 order by l.reserved_at, l.reservation_id;

-- list_reservations
-- One page, newest first.
select h.id, h.created_at, stock_reservation_facts(h.id) as facts
  from reservations h
 where (%(reference_type)s::text is null or h.reference_type = %(reference_type)s)
   and (%(reference_id)s::text is null or h.reference_id = %(reference_id)s)
   and (%(status)s::text is null or h.status = %(status)s)
   and (%(expiring_before)s::timestamptz is null or (h.status = 'active' and h.expires_at < %(expiring_before)s))
   and (%(sku_id)s::uuid is null or exists (
        select from inventory_reservations l where l.reservation_id = h.id and l.sku_id = %(sku_id)s))
   and (%(warehouse_id)s::uuid is null or exists (
        select from inventory_reservations l where l.reservation_id = h.id and l.warehouse_id = %(warehouse_id)s))
   and (%(before)s::uuid is null or h.id < %(before)s)
 order by h.id desc
 limit %(limit)s;

-- get_reservation
-- One reservation as the API shows it.
select stock_reservation_facts(%(id)s);

-- list_movements
-- The ledger, newest first.
select m.id, m.seq, m.sku_id, m.warehouse_id, m.movement_type, m.quantity, m.bucket, m.balance_after, m.reference_type,
       m.reference_id, m.reason, m.actor, m.unit_cost, m.cost_after, m.occurred_at, m.created_at, m.undoes,
       (select u.id from inventory_movements u where u.undoes = m.id limit 1) as undone_by
  from inventory_movements m
 where (%(sku_id)s::uuid is null or m.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or m.warehouse_id = %(warehouse_id)s)
   and (%(movement_type)s::text is null or m.movement_type = %(movement_type)s)
   and (%(reference_type)s::text is null or m.reference_type = %(reference_type)s)
   and (%(reference_id)s::text is null or m.reference_id = %(reference_id)s)
   and (%(since)s::timestamptz is null or m.created_at >= %(since)s)
   and (%(until)s::timestamptz is null or m.created_at < %(until)s)
   and (%(before_created_at)s::timestamptz is null or (m.created_at, m.seq) < (%(before_created_at)s, %(before_seq)s))
 order by m.created_at desc, m.seq desc
 limit %(limit)s;

-- explain_level
-- A level beside what its rows add up to.
select i.warehouse_id, w.code as warehouse_code, i.available_quantity, i.reserved_quantity, i.unavailable_quantity,
       i.on_hand_quantity, i.in_transit_quantity,
       (select coalesce(sum(quantity), 0)::bigint from inventory_movements m
         where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id) as movements_sum,
       (select coalesce(sum(quantity), 0)::bigint from inventory_movements m
         where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id and m.bucket = 'unsellable') as unsellable_sum,
       (select coalesce(sum(quantity), 0)::bigint from inventory_reservations l
         where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id and l.status = 'active') as active_lines_sum
  from inventory i
  join warehouses w on w.id = i.warehouse_id
 where i.sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
 order by w.code;

-- explain_movements
-- What the ledger of a SKU consists of, by warehouse, type and reason.
select warehouse_id, movement_type, bucket, reason, sum(quantity)::bigint as quantity, count(*) as entries,
       min(occurred_at) as first_at, max(occurred_at) as last_at
  from inventory_movements
 where sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
 group by warehouse_id, movement_type, bucket, reason
 order by warehouse_id, movement_type, reason;

-- explain_inbound
-- What is on its way to the levels of a SKU: the open lines of purchase orders and transfers, soonest first.
select warehouse_id, source, document_id, number, line_no, quantity, expected_at
  from inbound_lines
 where sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
 order by expected_at nulls last, number, line_no;

-- names_of_events
-- What the events of a stretch of the feed, or all after an id, concern, by the names of the cache ('*': everything).
with event as (
    select event_type, sku_ids, data from outbox_events where position > %(after)s and position <= %(until)s
    union all
    select event_type, sku_ids, data from outbox_events where id > %(after_id)s
)
select 'global_inventory:' || sku_id as name from event, unnest(sku_ids) as sku_id
union
select 'inventory:' || (item ->> 'warehouse_id') || ':' || (item ->> 'sku_id')
  from event, json_array_elements(case json_typeof(data -> 'items') when 'array' then data -> 'items' else '[]' end) item
 where item ->> 'warehouse_id' is not null
union
select 'reservation:' || (data ->> 'reservation_id') from event where data ->> 'reservation_id' is not null
union
select '*' from event where event_type = 'warehouse.changed';
