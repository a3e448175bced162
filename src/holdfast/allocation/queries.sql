-- list_shelves
-- What active warehouses have of these SKUs. Units of holds whose time is over count as available (P7): reserving frees them.
select w.id as warehouse_id, w.code, w.priority, w.latitude, w.longitude,
       w.address ->> 'country' as country, w.address ->> 'region' as region,
       i.sku_id,
       (i.available_quantity + coalesce(expired.quantity, 0))::bigint as available,
       coalesce(i.safety_stock, i.computed_safety_stock, 0) as keep
  from inventory i
  join warehouses w on w.id = i.warehouse_id and w.is_active
  left join lateral (
       select sum(l.quantity) as quantity
         from inventory_reservations l
        where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id
          and l.status = 'active' and l.expires_at <= (select business_now())) expired on true
 where i.sku_id = any (%(sku_ids)s)
 order by w.code, i.sku_id;

-- list_skus
-- Which of these SKUs exist, and whether they may still be promised.
select id, archived_at is not null as archived from skus where id = any (%(sku_ids)s);

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
