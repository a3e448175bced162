-- list_channels
-- Channels by code.
select c.*, coalesce((select array_agg(w.code order by w.code) from warehouses w where w.id = any(c.warehouse_ids)), '{}') as warehouse_codes
  from sales_channels c
 where (%(code)s::text is null or c.code = %(code)s)
   and (%(after)s::text is null or c.code > %(after)s)
 order by c.code
 limit %(limit)s;

-- insert_channel
-- A new channel; one of the same code is found by who asks.
insert into sales_channels (code, name, buffer, min_remaining_days, warehouse_ids, webhook_id, is_active, created_at, created_by)
values (%(code)s, %(name)s, %(buffer)s, %(min_remaining_days)s, %(warehouse_ids)s, %(webhook_id)s, %(is_active)s, business_now(), %(actor)s)
on conflict (code) do nothing
returning id;

-- change_channel
-- Its rules changed, so everything it shows is looked at again.
update sales_channels
   set name = %(name)s, buffer = %(buffer)s, min_remaining_days = %(min_remaining_days)s, warehouse_ids = %(warehouse_ids)s,
       webhook_id = %(webhook_id)s, is_active = %(is_active)s, is_changed = true, version = version + 1
 where id = %(id)s;

-- touch_channel
-- A buffer of it changed.
update sales_channels set is_changed = true, version = version + 1 where id = %(id)s;

-- set_sku_buffer
-- The buffer of one SKU.
insert into channel_buffers (channel_id, sku_id, buffer) values (%(channel_id)s, %(sku_id)s, %(buffer)s)
on conflict (channel_id, sku_id, category) do update set buffer = excluded.buffer;

-- set_category_buffer
-- The buffer of a category.
insert into channel_buffers (channel_id, category, buffer) values (%(channel_id)s, %(category)s, %(buffer)s)
on conflict (channel_id, sku_id, category) do update set buffer = excluded.buffer;

-- delete_buffer
-- The next wider buffer holds again.
delete from channel_buffers
 where channel_id = %(channel_id)s and sku_id is not distinct from %(sku_id)s::uuid and category is not distinct from %(category)s::text;

-- list_buffers
-- Buffers of one channel: categories first, then SKUs by code.
select b.sku_id, s.code as sku_code, b.category, b.buffer
  from channel_buffers b
  left join skus s on s.id = b.sku_id
 where b.channel_id = %(channel_id)s
 order by b.category nulls last, s.code
 limit 10000;

-- known_warehouses
-- Which of these warehouses there are.
select id from warehouses where id = any(%(ids)s);

-- list_published
-- What a channel shows, by SKU code.
with page as (
    select s.id, s.code from skus s
     where s.archived_at is null and (%(sku_id)s::uuid is null or s.id = %(sku_id)s)
       and (%(after)s::text is null or s.code > %(after)s)
       and not exists (select from sandbox_skus x where x.sku_id = s.id)
     order by s.code limit %(limit)s
)
select p.sku_id, x.code as sku_code, p.available as available_quantity, p.buffer, p.published as published_quantity
  from channel_published(array[%(channel_id)s::uuid], array(select id from page)) p
  join page x on x.id = p.sku_id
 order by x.code;

-- tell_changed
-- Hears the publisher: SKUs that changed, and the bundles they are in, that came into stock or went out of it.
with changed as (
    select distinct unnest(e.sku_ids) as sku_id
      from outbox_events e
     where e.position > %(after)s and e.position <= %(until)s
       and e.event_type not in ('sku.back_in_stock', 'sku.out_of_stock', 'channel.back_in_stock', 'channel.out_of_stock')
), skus as (
    select sku_id from changed
    union
    select c.bundle_id from bundle_components c join changed x on x.sku_id = c.component_id
)
select tell_stock_states(array(select sku_id from skus), null) as told where exists (select from changed);

-- take_turn
-- Whoever compares states holds the publisher's turn, so that nothing is told twice.
select last_position from outbox_cursor for update;

-- changed_channels
-- Channels whose rules changed since they were looked at.
select id from sales_channels where is_changed;

-- mark_looked_at
-- Everything such a channel shows was compared.
update sales_channels set is_changed = false where id = any(%(ids)s);

-- next_skus
-- Some SKUs in order of their ids, for a round over everything.
select id from skus
 where (%(after)s::uuid is null or id > %(after)s) and not exists (select from sandbox_skus x where x.sku_id = skus.id)
 order by id limit %(limit)s;

-- tell_states
-- Compare some SKUs with what was last told.
select tell_stock_states(%(sku_ids)s, %(channel_ids)s::uuid[]);

-- push_again
-- Level channels whose published quantities may have changed are told everything anew.
insert into level_pushes (webhook_id, sku_id, warehouse_id, version)
select c.webhook_id, i.sku_id, i.warehouse_id, i.version
  from sales_channels c
  join inventory i on true
 where c.id = any(%(ids)s) and c.webhook_id is not null
   and not exists (select from sandbox_skus x where x.sku_id = i.sku_id)
 order by i.sku_id, i.warehouse_id
-- a message under way has the old quantities
on conflict (webhook_id, sku_id, warehouse_id) do update set delivery_id = null, sent_version = null, changed_at = now();

-- pools_outside
-- A pool of a channel in a warehouse it would not sell from any more.
select s.code as sku_code, w.code as warehouse_code
  from channel_pools p
  join skus s on s.id = p.sku_id
  join warehouses w on w.id = p.warehouse_id
 where p.channel_id = %(id)s and p.ended_at is null and p.warehouse_id <> all (%(warehouse_ids)s::uuid[])
 order by s.code, w.code
 limit 20;
