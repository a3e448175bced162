-- When an order should go out, and what it takes of every limit.
alter table purchase_orders
    -- the day on which its supplier takes orders next, as of the last time somebody wrote on the draft
    add column order_day date;
update purchase_orders o
   set order_day = supplier_next_order_day(p.order_weekdays, p.closed_days, business_now()::date)
  from suppliers p
 where p.id = o.supplier_id and o.status in ('draft', 'approved');

-- Before an order is out, what is ordered counts; then what has come and is still to come. What has no known size takes none.
create view purchase_order_amounts as
select o.id, o.supplier_id, o.warehouse_id, o.currency, o.status, o.sent_at, o.collects_suggestions,
       sum(q.units * l.unit_cost) as money,
       sum(q.units * coalesce(i.pack_volume_l / i.pack_size, 0)) as volume_l,
       sum(q.units * coalesce(i.pack_weight_kg / i.pack_size, 0)) as weight_kg,
       sum(q.units * coalesce(1.0 / k.units, 0)) as pallets
  from purchase_orders o
  join purchase_order_lines l on l.purchase_order_id = o.id
 cross join lateral (
       select case when o.status in ('draft', 'approved') then l.ordered_quantity
                   else l.received_quantity + l.open_quantity end as units) q
  left join supplier_items i on i.supplier_id = o.supplier_id and i.sku_id = l.sku_id
  left join sku_packs k on k.sku_id = l.sku_id and lower(k.name) = 'pallet'
 group by o.id, o.supplier_id, o.warehouse_id, o.currency, o.status, o.sent_at, o.collects_suggestions;
grant select on purchase_order_amounts to holdfast_app;
