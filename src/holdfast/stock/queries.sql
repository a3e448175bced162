-- list_levels
-- One page of levels by SKU code and warehouse code. Units of holds whose time is over are still shown as reserved.
select s.code as sku_code, w.code as warehouse_code, s.name as sku_name, s.category, i.sku_id, i.warehouse_id,
       i.available_quantity, i.reserved_quantity, i.on_hand_quantity, i.in_transit_quantity, i.unavailable_quantity,
       i.backordered_quantity, i.pooled_quantity, coalesce(i.safety_stock, i.computed_safety_stock) as safety_stock,
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
       (select u.id from inventory_movements u where u.undoes = m.id limit 1) as undone_by, m.batch_id, m.state,
       f.currency as cost_currency, f.unit_cost as cost_paid, f.exchange_rate
  from inventory_movements m
  left join foreign_costs f on f.movement_id = m.id
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
