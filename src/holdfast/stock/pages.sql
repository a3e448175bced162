-- hold_rows
-- Active holds with their lines summed, those that end first at the top.
with found as (
    select r.id, r.reference_type, r.reference_id, r.created_at, r.expires_at, r.actor,
           coalesce(r.expires_at, 'infinity') as ends
      from reservations r
     where r.status = 'active'
       and (%(kind)s::text is null or r.reference_type = %(kind)s)
       and (%(like)s::text is null or r.reference_id ilike %(like)s or exists (
            select from inventory_reservations l join skus s on s.id = l.sku_id
             where l.reservation_id = r.id and l.status = 'active' and (s.code ilike %(prefix)s or s.name ilike %(like)s)))
       and (%(warehouse_id)s::uuid is null or exists (
            select from inventory_reservations l
             where l.reservation_id = r.id and l.status = 'active' and l.warehouse_id = %(warehouse_id)s))
       and (%(after_id)s::uuid is null or (coalesce(r.expires_at, 'infinity'), r.id) > (%(after_end)s::timestamptz, %(after_id)s::uuid))
     order by ends, r.id
     limit %(limit)s
)
select f.id, f.reference_type, f.reference_id, f.created_at, f.expires_at, f.actor,
       t.units, t.skus, t.first_sku_id, t.first_name, t.warehouses
  from found f
  cross join lateral (
      select coalesce(sum(l.quantity), 0)::bigint as units, count(distinct l.sku_id) as skus,
             (array_agg(s.id order by l.line_no))[1] as first_sku_id, (array_agg(s.name order by l.line_no))[1] as first_name,
             string_agg(distinct w.name, ', ') as warehouses
        from inventory_reservations l
        join skus s on s.id = l.sku_id
        join warehouses w on w.id = l.warehouse_id
       where l.reservation_id = f.id and l.status = 'active') t
 order by f.ends, f.id;

-- hold_counts
-- The sentence over the list of holds.
with clock as materialized (select business_now() as now)
select count(*) as holds,
       count(*) filter (where r.expires_at < c.now + interval '10 minutes') as ending,
       count(*) filter (where r.reference_type = 'cart') as carts,
       coalesce((select sum(l.quantity) from inventory_reservations l where l.status = 'active'), 0)::bigint as units
  from reservations r, clock c
 where r.status = 'active';

-- warehouse_choices
-- Active warehouses for filters and forms, most important first.
select id::text as value, name as label from warehouses where is_active order by priority desc, name;

-- adjustable_sku
-- The SKU whose quantity a person wants to correct.
select id, code, name, unit, currency, tracking, archived_at is not null as is_archived, is_bundle from skus where id = %(sku_id)s;

-- adjustable_places
-- Every active warehouse with what is recorded there, so that a correction can say what it saw.
select w.id as warehouse_id, w.name as warehouse_name,
       coalesce(i.available_quantity + i.reserved_quantity, 0)::bigint as sellable,
       coalesce(i.available_quantity, 0)::bigint as available,
       coalesce(i.reserved_quantity, 0)::bigint as reserved,
       coalesce(i.unavailable_quantity, 0)::bigint as unavailable
  from warehouses w
  left join inventory i on i.warehouse_id = w.id and i.sku_id = %(sku_id)s
 where w.is_active
 order by w.priority desc, w.name;

-- adjustable_batches
-- What of each batch is for sale where, what expires first at the top.
select i.warehouse_id, b.number, b.expiry_date, i.sellable_quantity as sellable
  from inventory_batches i
  join batches b on b.id = i.batch_id
  join warehouses w on w.id = i.warehouse_id and w.is_active
 where i.sku_id = %(sku_id)s and i.sellable_quantity > 0
 order by b.expiry_date nulls last, b.number
 limit 500;

-- undo_entry
-- The ledger entry somebody wants to take back.
select movement_type, reference_type, reference_id, reason, bucket, sku_id from inventory_movements where id = %(id)s;

-- names_of
-- SKUs and warehouses by name.
select id, name from skus where id = any(%(ids)s)
union all
select id, name from warehouses where id = any(%(ids)s);
