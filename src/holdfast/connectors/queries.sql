-- note_changes
-- Levels that changed since the receiver was last told, one row each however often they changed.
insert into level_pushes (webhook_id, sku_id, warehouse_id, version)
select w.id, i.sku_id, i.warehouse_id, i.version
  from webhooks w
 cross join (select distinct unnest(e.sku_ids) as sku_id
               from outbox_events e
              where e.position > %(after)s and e.position <= %(until)s 
                 -- units of a batch leave what can be sold, or come back to it, without any other event
                 and (starts_with(e.event_type, 'inventory.') or starts_with(e.event_type, 'batch.'))) c
  join inventory i on i.sku_id = c.sku_id
  left join level_pushed p on (p.webhook_id, p.sku_id, p.warehouse_id) = (w.id, i.sku_id, i.warehouse_id)
 where w.mode = 'levels' and w.is_active and i.version > coalesce(p.version, -1)
 order by w.id, i.sku_id, i.warehouse_id
on conflict (webhook_id, sku_id, warehouse_id) do update
   set version = excluded.version, changed_at = now()
 where level_pushes.version < excluded.version;

-- note_all
-- Everything, for a receiver that starts or lost its place.
insert into level_pushes (webhook_id, sku_id, warehouse_id, version)
select %(webhook_id)s, i.sku_id, i.warehouse_id, i.version from inventory i
 where not exists (select from sandbox_skus x where x.sku_id = i.sku_id)
 order by i.sku_id, i.warehouse_id
on conflict do nothing;

-- note_told
-- The receiver took these levels in this version.
insert into level_pushed (webhook_id, sku_id, warehouse_id, version)
select l.webhook_id, l.sku_id, l.warehouse_id, l.sent_version
  from level_pushes l
  join webhook_deliveries d on d.id = l.delivery_id and d.status = 'delivered'
 order by l.webhook_id, l.sku_id, l.warehouse_id
on conflict (webhook_id, sku_id, warehouse_id) do update set version = greatest(level_pushed.version, excluded.version);

-- forget_told
-- Nothing is left to tell of a level that did not change meanwhile.
delete from level_pushes l
 using webhook_deliveries d
 where d.id = l.delivery_id and d.status = 'delivered' and l.version <= l.sent_version;

-- release_settled
-- What changed meanwhile, or went into a dead letter, waits for the next message with its newest figures.
update level_pushes l set delivery_id = null, sent_version = null, changed_at = now()
  from webhook_deliveries d
 where d.id = l.delivery_id and d.status <> 'pending';

-- list_ready
-- Receivers with levels to tell and no message under way: the next message carries what is true then.
select w.id
  from webhooks w
 where w.mode = 'levels' and w.is_active
   and exists (select from level_pushes l where l.webhook_id = w.id and l.delivery_id is null)
   and not exists (select from webhook_deliveries d where d.webhook_id = w.id and d.status = 'pending')
 order by w.id
   for update;

-- take_levels
-- The levels that wait longest, as they are now.
with taken as (
    select * from level_pushes where webhook_id = %(webhook_id)s and delivery_id is null
     order by changed_at, sku_id, warehouse_id limit %(limit)s
)
select l.sku_id, l.warehouse_id, s.code as sku_code, w.code as warehouse_code, i.available_quantity, i.on_hand_quantity,
       i.reserved_quantity, i.unavailable_quantity, i.in_transit_quantity, i.version, i.last_updated,
       p.code as channel, p.published as published_quantity
  from taken l
  join inventory i on i.sku_id = l.sku_id and i.warehouse_id = l.warehouse_id
  join skus s on s.id = l.sku_id
  join warehouses w on w.id = l.warehouse_id
  -- what the channel of this receiver shows of the SKU, over all its warehouses
  left join (select c.code, x.sku_id, x.published
               from sales_channels c
              cross join lateral channel_published(array[c.id], array(select sku_id from taken)) x
              where c.webhook_id = %(webhook_id)s) p on p.sku_id = l.sku_id
 order by s.code, w.code;

-- mark_under_way
-- These levels are in this message in these versions.
update level_pushes l
   set delivery_id = %(delivery_id)s, sent_version = x.version
  from unnest(%(skus)s::uuid[], %(warehouses)s::uuid[], %(versions)s::bigint[]) as x (sku_id, warehouse_id, version)
 where l.webhook_id = %(webhook_id)s and (l.sku_id, l.warehouse_id) = (x.sku_id, x.warehouse_id);
