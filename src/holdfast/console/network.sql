-- network_worth
-- What every warehouse holds, at the moving average and by currency, and how many of its SKUs are low or gone: one pass.
select i.warehouse_id, s.currency, coalesce(sum(i.on_hand_quantity * i.cost_price), 0) as value, count(*) as levels,
       count(*) filter (where i.available_quantity <= 0) as empty,
       count(*) filter (where i.available_quantity > 0
           and i.available_quantity + i.in_transit_quantity <= coalesce(i.reorder_point, i.computed_reorder_point)) as low
  from inventory i
  join skus s on s.id = i.sku_id and s.archived_at is null
 where not exists (select from sandbox_skus x where x.sku_id = i.sku_id)
 group by i.warehouse_id, s.currency;

-- network_coming
-- What is on its way to every warehouse: open lines of orders and transfers, by the indexes of open lines.
with clock as materialized (select business_now()::date as today)
select b.warehouse_id, coalesce(sum(b.quantity) filter (where b.source = 'purchase'), 0)::bigint as orders,
       coalesce(sum(b.quantity) filter (where b.source = 'transfer'), 0)::bigint as transfers,
       min(b.expected_at) filter (where b.expected_at >= c.today) as next_at,
       coalesce(sum(b.quantity) filter (where b.expected_at < c.today), 0)::bigint as late
  from inbound_lines b, clock c
 group by b.warehouse_id;

-- network_suppliers
-- Suppliers with something on its way, those that are late first.
with clock as materialized (select business_now()::date as today),
open as (
    select o.supplier_id, o.id, coalesce(min(l.expected_at), o.expected_at) as due, sum(l.open_quantity) as units
      from purchase_orders o
      join purchase_order_lines l on l.purchase_order_id = o.id and l.open_quantity > 0
     where o.status in ('sent', 'confirmed', 'partly_received')
     group by o.supplier_id, o.id
)
select p.id, p.name, count(*) as orders, sum(x.units)::bigint as units, min(x.due) filter (where x.due >= c.today) as next_at,
       count(*) filter (where x.due < c.today) as late_orders, max(c.today - x.due) filter (where x.due < c.today) as days_late,
       p.lead_time_days::float8 as lead_days
  from open x
  join suppliers p on p.id = x.supplier_id
 cross join clock c
 group by p.id, c.today
 order by late_orders desc, next_at nulls last, p.name
 limit 50;
