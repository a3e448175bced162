-- batch_rows
-- Batches, what expires first at the top.
with clock as materialized (select business_now()::date as today)
select b.id, b.number, b.expiry_date, b.state, s.id as sku_id, s.code, s.name, p.name as supplier, q.sellable, q.unsellable,
       q.stranded, q.warehouses, b.expiry_date - c.today as days_left
  from batches b
  join skus s on s.id = b.sku_id
  left join suppliers p on p.id = b.supplier_id
 cross join clock c
 cross join lateral (
       select coalesce(sum(i.sellable_quantity), 0)::bigint as sellable, coalesce(sum(i.unsellable_quantity), 0)::bigint as unsellable,
              coalesce(sum(i.stranded_quantity), 0)::bigint as stranded,
              string_agg(w.name, ', ' order by w.priority desc, w.name) as warehouses
         from inventory_batches i
         join warehouses w on w.id = i.warehouse_id
        where i.batch_id = b.id and i.sellable_quantity + i.unsellable_quantity > 0
          and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)) q
 where (%(like)s::text is null or b.number ilike %(like)s or s.code ilike %(prefix)s or s.name ilike %(like)s)
   and (%(sku_id)s::uuid is null or b.sku_id = %(sku_id)s)
   and case %(state)s
           when 'soon' then b.expiry_date between c.today and c.today + 30 and q.sellable > 0
           when 'expired' then b.expiry_date < c.today and q.sellable + q.unsellable > 0
           when 'quarantined' then b.state = 'quarantined'
           when 'recalled' then b.state = 'recalled'
           when 'all' then %(warehouse_id)s::uuid is null or q.sellable + q.unsellable > 0
           else q.sellable + q.unsellable > 0
       end
   and (%(after_date)s::date is null or (coalesce(b.expiry_date, '9999-12-31'), b.id) > (%(after_date)s, %(after_id)s::uuid))
 order by coalesce(b.expiry_date, '9999-12-31'), b.id
 limit %(limit)s;

-- batch_counts
-- The sentence over the list, and its tabs.
with clock as materialized (select business_now()::date as today),
held as (
    select i.batch_id, sum(i.sellable_quantity) as sellable, sum(i.sellable_quantity + i.unsellable_quantity) as here
      from inventory_batches i
     where i.sellable_quantity + i.unsellable_quantity > 0
     group by i.batch_id
)
select count(h.batch_id) as here,
       count(*) filter (where b.expiry_date between c.today and c.today + 30 and h.sellable > 0) as soon,
       coalesce(sum(h.sellable) filter (where b.expiry_date between c.today and c.today + 30), 0)::bigint as soon_units,
       count(h.batch_id) filter (where b.expiry_date < c.today) as expired,
       count(*) filter (where b.state = 'quarantined') as quarantined,
       count(*) filter (where b.state = 'recalled') as recalled,
       count(*) as total
  from batches b
 cross join clock c
  left join held h on h.batch_id = b.id;

-- expiring_weeks
-- Sellable units by the week their date falls in, twelve weeks ahead; week 0 ends seven days from today.
with clock as materialized (select business_now()::date as today)
select n.week::integer as week, c.today + n.week * 7 as starts,
       coalesce((select sum(i.sellable_quantity)
                   from batches b
                   join inventory_batches i on i.batch_id = b.id and i.sellable_quantity > 0
                  where b.expiry_date >= c.today + n.week * 7 and b.expiry_date < c.today + n.week * 7 + 7
                    and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)), 0)::bigint as units
  from clock c, generate_series(0, 11) as n (week)
 order by n.week;

-- batch_names
-- What a batch is of and from.
select s.name as sku_name, p.name as supplier, b.expiry_date - business_now()::date as days_left
  from batches b
  join skus s on s.id = b.sku_id
  left join suppliers p on p.id = b.supplier_id
 where b.id = %(batch_id)s;

-- place_names
-- Names of the warehouses of a page.
select id, name from warehouses where id = any(%(ids)s);

-- unit_rows
-- Units by number, the exact ones first.
select u.sku_id, s.code, s.name, u.serial_number, u.state, w.name as warehouse, b.number as batch, b.id as batch_id, u.changed_at
  from serials u
  join skus s on s.id = u.sku_id
  left join warehouses w on w.id = u.warehouse_id
  left join batches b on b.id = u.batch_id
 where (%(prefix)s::text is null or u.serial_number ilike %(prefix)s or s.code ilike %(prefix)s)
   and (%(sku_id)s::uuid is null or u.sku_id = %(sku_id)s)
   and (%(after_sku)s::uuid is null or (u.sku_id, u.serial_number) > (%(after_sku)s, %(after_number)s))
 order by u.sku_id, u.serial_number
 limit %(limit)s;
