-- frame
-- The counts in the rail, for every page: index look-ups only, and never more than the thousand that it can say.
with clock as materialized (select business_now() as now)
select (select count(*) from (select from replenishment_suggestions where status = 'pending' limit 1000) x) as suggestions,
       exists (select from replenishment_suggestions where status = 'pending' and priority = 'urgent') as is_urgent,
       (select count(distinct purchase_order_id) from purchase_order_parts where expected_at < c.now::date) as late_orders,
       (select count(*) from (select from alerts where status = 'open'
                              union all
                              select from purchase_order_exceptions where resolved_at is null and acknowledged_at is null
                              limit 1000) x) as alerts,
       exists (select from alerts where status = 'open' and severity <> 'info')
           or exists (select from purchase_order_exceptions where resolved_at is null and acknowledged_at is null) as has_bad_alerts,
       (select count(*) from transfers where status in ('shipped', 'partly_received')) as transfers,
       (select count(*) from transfers where status in ('shipped', 'partly_received') and expected_at < c.now::date) as late_transfers,
       (select count(*) from stock_counts where status = 'open') as counts,
       coalesce((select time_zone from warehouses where is_active order by priority desc, code limit 1), 'UTC') as time_zone,
       -- the newest entry, from the end of the newest month: an inequality alone would read the month
       coalesce((select m.created_at from inventory_movements m order by m.created_at desc, m.seq desc limit 1)
                > c.now - interval '2 minutes', false) as is_live
  from clock c;

-- today_decisions
-- What the open suggestions come to, per currency.
select coalesce(currency, '') as currency,
       count(*) as suggestions,
       coalesce(sum(estimated_cost), 0)::numeric as cost,
       count(distinct supplier_id) as suppliers,
       count(*) filter (where priority = 'urgent') as urgent
  from replenishment_suggestions
 where status = 'pending'
 group by 1
 order by suggestions desc;

-- today_running_out
-- The SKUs that will be empty before an order placed now could arrive, worst first.
select s.id as sku_id, s.code, s.name, w.name as warehouse, r.days_of_cover, r.lead_time_days,
       r.suggested_quantity as quantity, p.name as supplier, (select count(distinct t.sku_id) from replenishment_suggestions t
         where t.status = 'pending' and t.reason in ('runs_out_before_delivery', 'stockout', 'backordered')) as total
  from replenishment_suggestions r
  join skus s on s.id = r.sku_id
  join warehouses w on w.id = r.warehouse_id
  left join suppliers p on p.id = r.supplier_id
 where r.status = 'pending' and r.reason in ('runs_out_before_delivery', 'stockout', 'backordered')
 order by r.days_of_cover, r.estimated_cost desc nulls last, r.id
 limit 6;

-- today_orders
-- Orders that wait for us (not sent) or that we wait for too long (late).
with clock as materialized (select business_now()::date as today)
select o.id, o.number, o.status, p.name as supplier, o.expected_at,
       case when o.status in ('draft', 'approved') then null else c.today - r.due end as days_late,
       (select coalesce(sum(l.ordered_quantity * l.unit_cost), 0) from purchase_order_lines l
         where l.purchase_order_id = o.id)::numeric as cost,
       o.currency,
       count(*) filter (where o.status in ('draft', 'approved')) over () as unsent_total,
       count(*) filter (where o.status not in ('draft', 'approved')) over () as late_total
  from purchase_orders o
  join suppliers p on p.id = o.supplier_id
 cross join clock c
 cross join lateral (select min(x.expected_at) as due from purchase_order_parts x where x.purchase_order_id = o.id) r
 where o.status in ('draft', 'approved')
    or (o.status in ('sent', 'confirmed', 'partly_received') and r.due < c.today)
 order by days_late desc nulls last, o.id
 limit 6;

-- today_alerts
-- Open alerts, worst and newest first.
select a.id, a.severity, a.metric, a.value, a.threshold, a.opened_at, s.id as sku_id, s.name, w.name as warehouse,
       count(*) over () as total
  from alerts a
  join skus s on s.id = a.sku_id
  join warehouses w on w.id = a.warehouse_id
 where a.status = 'open'
 order by array_position(array['critical', 'warning', 'info'], a.severity), a.opened_at desc
 limit 6;

-- today_floor
-- What waits on the warehouse floor: index look-ups only.
with clock as materialized (select business_now()::date as today)
select (select count(*) from transfers where status in ('shipped', 'partly_received')) as transfers,
       (select count(*) from transfers where status in ('shipped', 'partly_received') and expected_at < c.today) as late_transfers,
       (select count(*) from stock_counts k join stock_count_lines l on l.stock_count_id = k.id
         where k.status = 'open' and l.status in ('counted', 'refused')) as counted_lines,
       (select count(*) from shortage_cases where status in ('open', 'waiting')) as shortages,
       (select count(*) from batches b where b.expiry_date between c.today and c.today + 30
           and exists (select from inventory_batches i where i.batch_id = b.id and i.sellable_quantity > 0)) as expiring,
       (select count(*) from purchase_order_exceptions where resolved_at is null and acknowledged_at is null) as order_alerts
  from clock c;

-- today_failures
-- What did not get through to people and other systems in the last day.
with clock as materialized (select business_now() as now)
select 'email' as kind, count(*) as number, max(n.last_error) as example
  from notifications n, clock c
 where n.channel = 'email' and n.created_at > c.now - interval '1 day' and (n.status = 'failed' or n.last_error is not null and n.status = 'queued')
having count(*) > 0
union all
select 'webhook', count(*), max(d.last_error)
  from webhook_deliveries d, clock c
 where d.created_at > c.now - interval '1 day' and (d.status = 'dead' or d.status = 'pending' and d.attempts > 0)
having count(*) > 0
union all
select 'plan', count(*), max(r.facts ->> 'error')
  from replenishment_runs r, clock c
 where r.status = 'failed' and r.started_at > c.now - interval '1 day'
having count(*) > 0;

-- today_sales
-- Units and orders that left in each of the last 24 hours, oldest first.
with clock as materialized (select business_now() as now),
hours as (select n, date_trunc('hour', c.now) - make_interval(hours => n) as hour from clock c, generate_series(0, 23) as n),
sold as (
    select date_trunc('hour', m.created_at) as hour, -sum(m.quantity) as units, count(distinct m.reference_id) as orders
      from inventory_movements m, clock c
     where m.movement_type = 'out' and m.created_at > c.now - interval '25 hours'
     group by 1
)
select coalesce(s.units, 0)::bigint as units, coalesce(s.orders, 0)::bigint as orders
  from hours h left join sold s using (hour)
 order by h.n desc;

-- today_stock
-- The shop in four numbers. One pass over the levels.
select coalesce(sum(available_quantity), 0)::bigint as available,
       coalesce(sum(reserved_quantity), 0)::bigint as reserved,
       coalesce(sum(in_transit_quantity), 0)::bigint as in_transit,
       count(*) filter (where available_quantity = 0) as empty_levels,
       count(*) as levels
  from inventory;

-- warehouse_choices
-- Active warehouses for filters and forms, most important first.
select id::text as value, name as label from warehouses
 where is_active and not exists (select from sandbox_warehouses x where x.warehouse_id = warehouses.id)
 order by priority desc, name;

-- sku_head
-- One SKU and what day it is for the business.
select id, code, name, category, unit, price, currency, archived_at is not null as is_archived, business_now()::date as today,
       exists (select from sales_channels) and not is_bundle as has_channels
  from skus
 where id = %(sku_id)s;

-- sku_places
-- Every level of one SKU with the points that hold now.
select w.id as warehouse_id, w.code as warehouse_code, w.name as warehouse_name,
       i.available_quantity as available, i.reserved_quantity as reserved, i.unavailable_quantity as unavailable,
       i.in_transit_quantity as in_transit,
       coalesce(i.reorder_point, i.computed_reorder_point) as reorder_point,
       i.max_stock, i.reorder_point is null as is_computed, i.cost_price as cost, i.pooled_quantity as pooled
  from inventory i
  join warehouses w on w.id = i.warehouse_id
 where i.sku_id = %(sku_id)s
 order by w.priority desc, w.name;

-- sku_forecasts
-- Demand expected of one SKU, per warehouse.
select warehouse_id, daily_mean, daily_sd, band_low, band_high
  from forecasts
 where sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s);

-- sku_days
-- Net change of what is sellable per day, for the picture.
select created_at::date as day, sum(quantity)::bigint as quantity
  from inventory_movements
 where sku_id = %(sku_id)s
   and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
   and bucket = 'sellable'
   and created_at >= %(since)s::date
 group by 1;

-- sku_inbound
-- Open order lines of one SKU, the next arrival first.
select o.id as order_id, o.number, sum(l.open_quantity)::bigint as quantity, o.expected_at, p.name as supplier
  from purchase_order_lines l
  join purchase_orders o on o.id = l.purchase_order_id
  join suppliers p on p.id = o.supplier_id
 where l.sku_id = %(sku_id)s and l.open_quantity > 0
   and (%(warehouse_id)s::uuid is null or o.warehouse_id = %(warehouse_id)s)
 group by o.id, o.number, o.expected_at, p.name
 order by o.expected_at nulls last, o.number
 limit 20;

-- sku_suggestions
-- Pending suggestions of one SKU, the most pressing first.
select r.id, r.version, r.warehouse_id, w.name as warehouse_name, p.name as supplier, r.suggested_quantity as quantity,
       r.lead_time_days as lead_days, r.estimated_cost as cost, r.currency, r.arithmetic, r.updated_at
  from replenishment_suggestions r
  join warehouses w on w.id = r.warehouse_id
  left join suppliers p on p.id = r.supplier_id
 where r.sku_id = %(sku_id)s and r.status = 'pending'
   and (%(warehouse_id)s::uuid is null or r.warehouse_id = %(warehouse_id)s)
 order by array_position(array['urgent', 'high', 'medium', 'low'], r.priority), r.days_of_cover, r.id;

-- sku_lead_days
-- How long a delivery takes: the preferred supplier's term for this SKU.
select coalesce(i.lead_time_days, p.lead_time_days)::float8 as lead_days
  from supplier_items i
  join suppliers p on p.id = i.supplier_id
 where i.sku_id = %(sku_id)s and p.is_active
 order by i.is_preferred desc, lead_days
 limit 1;

-- sku_entries
-- The newest lines of the ledger of one SKU.
select m.id, m.occurred_at, m.movement_type, m.quantity, m.bucket, m.balance_after, w.code as warehouse_code,
       m.reference_type, m.reference_id, m.reason, m.actor,
       m.request_no is not null
           and not exists (select from inventory_movements u where u.undoes = m.id) as can_undo,
       m.undoes is not null as is_undo
  from inventory_movements m
  join warehouses w on w.id = m.warehouse_id
 where m.sku_id = %(sku_id)s and (%(warehouse_id)s::uuid is null or m.warehouse_id = %(warehouse_id)s)
 order by m.created_at desc, m.seq desc
 limit %(limit)s;

-- sku_holds
-- Who holds units of one SKU, the first to expire first.
select l.reservation_id, r.reference_type, r.reference_id, l.quantity, w.code as warehouse_code, l.reserved_at, l.expires_at
  from inventory_reservations l
  join reservations r on r.id = l.reservation_id
  join warehouses w on w.id = l.warehouse_id
 where l.sku_id = %(sku_id)s and l.status = 'active'
   and (%(warehouse_id)s::uuid is null or l.warehouse_id = %(warehouse_id)s)
 order by l.expires_at nulls last, l.reserved_at
 limit %(limit)s;

-- sku_batches
-- The batches of one SKU that are here, what expires first at the top.
select b.id, b.number, b.expiry_date, b.state, sum(i.sellable_quantity)::bigint as sellable, sum(i.unsellable_quantity)::bigint as unsellable,
       b.expiry_date - business_now()::date as days_left
  from inventory_batches i
  join batches b on b.id = i.batch_id
 where i.sku_id = %(sku_id)s and i.sellable_quantity + i.unsellable_quantity > 0
   and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
 group by b.id
 order by b.expiry_date nulls last, b.number
 limit %(limit)s;

-- sku_waiting
-- Who waits for units of one SKU that are not here: promised for a day, or on the waiting list.
(select 'backorder' as kind, r.reference_id, l.quantity, w.name as warehouse, l.promise_date as day, l.promised_at as since
   from inventory_reservations l
   join reservations r on r.id = l.reservation_id
   join warehouses w on w.id = l.warehouse_id
  where l.sku_id = %(sku_id)s and l.status = 'backordered' and (%(warehouse_id)s::uuid is null or l.warehouse_id = %(warehouse_id)s)
  order by l.promised_at
  limit %(limit)s)
union all
(select 'list', e.reference_id, e.quantity, w.name, null, e.created_at
   from waiting_entries e
   left join warehouses w on w.id = e.warehouse_id
  where e.sku_id = %(sku_id)s and e.status = 'waiting'
    and (%(warehouse_id)s::uuid is null or e.warehouse_id is null or e.warehouse_id = %(warehouse_id)s)
  order by e.place
  limit %(limit)s);

-- search_everywhere
-- SKUs, orders and suppliers that fit a few letters; exact codes first.
(select 'sku' as kind, s.id::text as id, s.code as title, s.name as text, case when lower(s.code) = lower(%(q)s) or s.barcode = %(q)s then 0 else 1 end as rank
   from skus s
  where (s.code ilike %(prefix)s or s.name ilike %(like)s or s.barcode = %(q)s)
    and not exists (select from sandbox_skus x where x.sku_id = s.id)
  order by rank, s.archived_at is not null, s.name
  limit 30)
union all
(select 'order', o.id::text, o.number, p.name, case when lower(o.number) = lower(%(q)s) then 0 else 2 end
   from purchase_orders o join suppliers p on p.id = o.supplier_id
  where o.number ilike %(like)s or p.name ilike %(like)s
  order by o.id desc
  limit 10)
union all
(select 'transfer', t.id::text, t.number, f.name || ' → ' || d.name, 0
   from transfers t join warehouses f on f.id = t.from_warehouse_id join warehouses d on d.id = t.to_warehouse_id
  where t.number = upper(%(q)s))
union all
(select 'count', c.id::text, c.number, w.name, 0
   from stock_counts c join warehouses w on w.id = c.warehouse_id
  where c.number = upper(%(q)s))
union all
(select 'batch', b.id::text, b.number, s.name, 0
   from batches b join skus s on s.id = b.sku_id
  where b.number = %(q)s
  order by b.id desc
  limit 10)
union all
(select 'unit', u.sku_id || '/' || u.serial_number, u.serial_number, s.name, 0
   from serials u join skus s on s.id = u.sku_id
  where u.serial_number = %(q)s
  limit 10)
union all
(select 'hold', r.id::text, r.reference_id, r.reference_type, case when r.reference_id = %(q)s then 0 else 2 end
   from reservations r
  where r.reference_type in ('cart', 'order', 'manual') and r.reference_id = %(q)s
  limit 10)
 order by rank, kind desc, text;
