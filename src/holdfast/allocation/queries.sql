-- list_shelves
-- What active warehouses have of these SKUs: what reserving would find for the channel (null: for who names none), due holds (P7),
-- batches past use, pools and who waits counted.
select w.id as warehouse_id, w.code, w.priority,
       coalesce(w.latitude, p.latitude) as latitude, coalesce(w.longitude, p.longitude) as longitude,
       w.address ->> 'country' as country, w.address ->> 'region' as region,
       i.sku_id,
       least(stock_would_take(i, %(channel_id)s::uuid, (i.available_quantity + expired.quantity
                 - stock_past_use(i.sku_id, i.warehouse_id, i.available_quantity, c.now))::bigint, expired.of_pools),
             lasting.quantity)::bigint as available,
       coalesce(i.safety_stock, i.computed_safety_stock, 0) as keep,
       -- of batches that end within 30 days
       (select coalesce(sum(b.sellable_quantity), 0) from inventory_batches b
         where b.sku_id = i.sku_id and b.warehouse_id = i.warehouse_id
           and b.usable_until > c.now and b.usable_until <= c.now + interval '30 days')::bigint as soon
  from inventory i
  join warehouses w on w.id = i.warehouse_id and w.is_active
 cross join (select business_now() as now) c
  left join lateral (
       select coalesce(sum(l.quantity), 0) as quantity,
              coalesce(sum(l.quantity) filter (where l.pool_id is not null and exists (
                  select from channel_pools p where p.id = l.pool_id and p.ended_at is null)), 0)::bigint as of_pools
         from inventory_reservations l
        where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id
          and l.status = 'active' and l.expires_at <= c.now) expired on true
  left join unnest(%(lasting)s::uuid[], %(days)s::integer[]) as need (sku_id, days) on need.sku_id = i.sku_id
  -- What lasts as long as the order needs it, less what is promised to others who need it to; the posting looks again, exactly.
  left join lateral (
       select greatest(0, stock_lasting_left(i.sku_id, i.warehouse_id, need.days, %(channel_id)s::uuid, true, c.now)) as quantity
        where need.days is not null) lasting on true
  left join postcodes_of(w.address ->> 'country', w.address ->> 'postcode') p on w.latitude is null
 where i.sku_id = any (%(sku_ids)s)
   and (%(warehouse_ids)s::uuid[] is null or i.warehouse_id = any (%(warehouse_ids)s))
 order by w.code, i.sku_id;

-- find_channel
-- The sales channel with this code, and where it sells from.
select id, warehouse_ids, min_remaining_days from sales_channels where code = %(code)s;

-- list_skus
-- Which of these SKUs exist, whether they may still be promised, and what bundles are made of.
select s.id, s.archived_at is not null as archived, s.tracking,
       (select json_agg(json_build_object('sku_id', c.component_id, 'quantity', c.quantity, 'tracking', p.tracking)
                        order by c.component_id)
          from bundle_components c join skus p on p.id = c.component_id where c.bundle_id = s.id) as components
  from skus s
 where s.id = any (%(sku_ids)s);

-- get_choices
-- What the shop decided about allocation, if anything: default strategy, strategy per channel, strategies of its own.
select value from settings where name = 'allocation';

-- set_choices
-- Replace what the shop decided.
insert into settings (name, value, updated_by) values ('allocation', %(value)s, %(actor)s)
on conflict (name) do update set value = excluded.value, updated_at = now(), updated_by = excluded.updated_by;

-- insert_allocation
-- The plan behind a reservation.
insert into allocations (reservation_id, reference_type, reference_id, plan, actor)
values (%(reservation_id)s, %(reference_type)s, %(reference_id)s, %(plan)s, %(actor)s)
returning id;

-- get_allocation
-- One plan with its reservation.
select * from allocations where id = %(id)s;

-- list_allocations
-- Plans behind reservations, newest first.
select *
  from allocations
 where (%(before)s::uuid is null or id < %(before)s)
   and (%(reservation_id)s::uuid is null or reservation_id = %(reservation_id)s)
   and (%(reference_type)s::text is null or reference_type = %(reference_type)s)
   and (%(reference_id)s::text is null or reference_id = %(reference_id)s)
 order by id desc
 limit %(limit)s;

-- write_event
-- Every change tells, and so does every plan.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);

-- locate
-- Where a postcode is, by the longest prefix that is known.
select latitude, longitude from postcodes_of(%(country)s, %(postcode)s);

-- list_postcodes
-- What is known of the postcodes of an import.
select p.country, p.prefix, p.latitude, p.longitude
  from unnest(%(countries)s::text[], %(prefixes)s::text[]) as x (country, prefix)
  join postcodes p using (country, prefix);

-- set_postcodes
-- Places of many postcodes.
insert into postcodes (country, prefix, latitude, longitude)
select country, prefix, latitude, longitude
  from json_to_recordset(%(rows)s) as r (country text, prefix text, latitude float8, longitude float8)
on conflict (country, prefix) do update set latitude = excluded.latitude, longitude = excluded.longitude;

-- where_units_lie
-- In which warehouse each of these units is; one that is sold, or never was, has none.
select serial_number, warehouse_id from serials where sku_id = %(sku_id)s and serial_number = any(%(serials)s);
