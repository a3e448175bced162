-- list_levels
-- What is there of the pairs of an import; a pair without a row has nothing.
select i.sku_id, i.warehouse_id, i.available_quantity, i.reserved_quantity, i.unavailable_quantity,
       greatest(0, i.available_quantity - i.pooled_quantity) as free_quantity
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
  join inventory i using (sku_id, warehouse_id);

-- list_warehouses
-- The warehouses a file may name, and the day it is in each.
select id, code, time_zone, (business_now() at time zone time_zone)::date as today from warehouses;
