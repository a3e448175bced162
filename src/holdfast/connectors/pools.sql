-- list_pools
-- Pools by channel, SKU and warehouse: what was given, what of it is held or sold, what is left and there to be taken.
select p.id, p.channel_id, c.code as channel, p.sku_id, s.code as sku_code, s.name as sku_name, p.warehouse_id, w.code as warehouse_code,
       w.name as warehouse_name, p.quantity, p.taken_quantity, p.remaining_quantity,
       stock_pool_cover(p.sku_id, p.warehouse_id, p.channel_id, i.available_quantity) as there_quantity,
       p.created_at, p.created_by, p.changed_at, p.changed_by, p.version
  from channel_pools p
  join sales_channels c on c.id = p.channel_id
  join skus s on s.id = p.sku_id
  join warehouses w on w.id = p.warehouse_id
  join inventory i on i.sku_id = p.sku_id and i.warehouse_id = p.warehouse_id
 where p.ended_at is null
   and (%(channel)s::text is null or c.code = %(channel)s)
   and (%(sku_id)s::uuid is null or p.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or p.warehouse_id = %(warehouse_id)s)
   and (%(after_channel)s::text is null or (c.code, s.code, w.code) > (%(after_channel)s, %(after_sku)s, %(after_warehouse)s))
 order by c.code, s.code, w.code
 limit %(limit)s;

-- set_pool
-- Give, change or end a pool, under the level's lock.
select outcome, facts::text as facts from stock_set_pool(%(request)s);

-- pooled_sku
-- The SKU whose units are given to channels.
select id, code, name, archived_at is not null or is_bundle as is_closed from skus where id = %(sku_id)s;

-- channel_choices
-- Channels to give units to; those that are paused too.
select code as value, name as label from sales_channels order by name, code limit 500;

-- place_choices
-- Warehouses and what of the SKU is available there, most important first.
select w.id as warehouse_id, w.name as warehouse_name, coalesce(i.available_quantity, 0) as available,
       greatest(0, coalesce(i.available_quantity - i.pooled_quantity, 0)) as free
  from warehouses w
  left join inventory i on i.warehouse_id = w.id and i.sku_id = %(sku_id)s
 where w.is_active
 order by i.sku_id is null, w.priority desc, w.name
 limit 500;
