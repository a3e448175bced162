-- list_days
-- What is already known of the days of an import.
select d.sku_id, d.warehouse_id, d.day, d.imported_quantity as quantity, d.imported_orders as orders
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(days)s::date[]) as p (sku_id, warehouse_id, day)
  join demand_daily d using (sku_id, warehouse_id, day);

-- list_ledger_starts
-- From its first entry on, the ledger itself says what was sold.
select p.sku_id, p.warehouse_id, (m.created_at at time zone w.time_zone)::date as day
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
  join warehouses w on w.id = p.warehouse_id
 cross join lateral (select created_at from inventory_movements m
                      where m.sku_id = p.sku_id and m.warehouse_id = p.warehouse_id
                      order by created_at
                      limit 1) m;

-- put_days
-- The file's figure replaces the one that was there.
insert into demand_daily (sku_id, warehouse_id, day, imported_quantity, imported_orders)
select * from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(days)s::date[], %(quantities)s::bigint[], %(orders)s::integer[])
on conflict (sku_id, warehouse_id, day) do update
   set imported_quantity = excluded.imported_quantity, imported_orders = excluded.imported_orders, observed = true;
