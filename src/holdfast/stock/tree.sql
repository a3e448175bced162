-- place_sums
-- Every warehouse with what it holds, of one SKU or of all. One pass over the levels, or one index range of them.
with held as (
    select i.warehouse_id, sum(i.on_hand_quantity)::bigint as on_hand, sum(i.available_quantity)::bigint as available,
           sum(i.reserved_quantity)::bigint as reserved, sum(i.unavailable_quantity)::bigint as unavailable,
           sum(i.in_transit_quantity)::bigint as in_transit
      from inventory i
     where (%(sku_id)s::uuid is null or i.sku_id = %(sku_id)s)
     group by i.warehouse_id
)
select w.id, w.code, w.name, w.type, w.parent_id, w.capacity, w.is_active, coalesce(h.on_hand, 0) as on_hand,
       coalesce(h.available, 0) as available, coalesce(h.reserved, 0) as reserved, coalesce(h.unavailable, 0) as unavailable,
       coalesce(h.in_transit, 0) as in_transit
  from warehouses w
  left join held h on h.warehouse_id = w.id
 where not exists (select from sandbox_warehouses x where x.warehouse_id = w.id)
 order by w.priority desc, w.code;

-- changed_capacity
-- Warehouses whose fill crossed their capacity since it was last told. Capacity is in base units, its own stock only.
select w.id as warehouse_id, w.code, w.capacity, coalesce(h.on_hand, 0)::bigint as on_hand, coalesce(h.on_hand, 0) > w.capacity as is_over
  from warehouses w
  left join (select warehouse_id, sum(on_hand_quantity) as on_hand from inventory group by warehouse_id) h on h.warehouse_id = w.id
  left join warehouse_fills f on f.warehouse_id = w.id
 where w.capacity is not null and (coalesce(h.on_hand, 0) > w.capacity) <> coalesce(f.is_over, false)
   and not exists (select from sandbox_warehouses x where x.warehouse_id = w.id)
 order by w.code;

-- note_capacity
-- What was told, and the telling of it.
with noted as (
    insert into warehouse_fills (warehouse_id, is_over, changed_at) values (%(warehouse_id)s, %(is_over)s, business_now())
    on conflict (warehouse_id) do update set is_over = excluded.is_over, changed_at = excluded.changed_at
)
insert into outbox_events (event_type, data) values (%(event_type)s, %(data)s);
