-- is_large
-- Whether there are so many levels that nobody should wait for all of them to be added up: an estimate of the last analysis.
select reltuples > 50000 from pg_class where oid = 'inventory'::regclass;

-- stock_rows_by_name
-- What stock_rows says in the order of names, without a look at the levels of any other SKU.
with chosen as (
    select s.id, s.code, s.name, s.category, s.price, s.currency
      from skus s
     where s.archived_at is null and not exists (select from sandbox_skus x where x.sku_id = s.id)
       and (%(category)s::text is null or s.category = %(category)s)
       and (%(like)s::text is null or s.name ilike %(like)s or s.code ilike %(prefix)s or s.barcode = %(q)s)
       and (%(warehouse_id)s::uuid is null
            or exists (select from inventory i where i.sku_id = s.id and i.warehouse_id = %(warehouse_id)s))
       and (%(after_id)s::uuid is null or (s.name, s.id) > (%(after_text)s, %(after_id)s))
     order by s.name, s.id
     limit %(limit)s
)
select c.id, c.code, c.name, c.category, c.price, c.currency, m.available, m.reserved, m.unavailable, m.in_transit,
       m.reorder_point, m.daily_mean, m.available / nullif(m.daily_mean, 0) as cover,
       case when m.available = 0 then 'out' when m.is_low then 'low' when m.is_over then 'over' else 'ok' end as status,
       0::float8 as number_key, c.name as text_key
  from chosen c
 cross join lateral (
       select coalesce(sum(i.available_quantity), 0)::bigint as available,
              coalesce(sum(i.reserved_quantity), 0)::bigint as reserved,
              coalesce(sum(i.unavailable_quantity), 0)::bigint as unavailable,
              coalesce(sum(i.in_transit_quantity), 0)::bigint as in_transit,
              coalesce(sum(coalesce(i.reorder_point, i.computed_reorder_point)), 0)::bigint as reorder_point,
              sum(f.daily_mean) as daily_mean,
              coalesce(bool_or(stock_is_low(i)), false) as is_low,
              coalesce(bool_or(i.available_quantity > i.max_stock), false) as is_over
         from inventory i
         left join forecasts f on f.sku_id = i.sku_id and f.warehouse_id = i.warehouse_id
        where i.sku_id = c.id and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)) m
 order by c.name, c.id;

-- stock_rows
-- One row per SKU over the chosen warehouses, in any of the offered orders, after the cursor. It adds up every level.
with chosen as (
    select s.id, s.code, s.name, s.category, s.price, s.currency
      from skus s
     where s.archived_at is null and not exists (select from sandbox_skus x where x.sku_id = s.id)
       and (%(category)s::text is null or s.category = %(category)s)
       and (%(like)s::text is null or s.name ilike %(like)s or s.code ilike %(prefix)s or s.barcode = %(q)s)
),
summed as (
    select c.id, c.code, c.name, c.category, c.price, c.currency,
           coalesce(sum(i.available_quantity), 0)::bigint as available,
           coalesce(sum(i.reserved_quantity), 0)::bigint as reserved,
           coalesce(sum(i.unavailable_quantity), 0)::bigint as unavailable,
           coalesce(sum(i.in_transit_quantity), 0)::bigint as in_transit,
           coalesce(sum(coalesce(i.reorder_point, i.computed_reorder_point)), 0)::bigint as reorder_point,
           sum(f.daily_mean) as daily_mean,
           coalesce(bool_or(stock_is_low(i)), false) as is_low,
           coalesce(bool_or(i.available_quantity > i.max_stock), false) as is_over
      from chosen c
      left join inventory i on i.sku_id = c.id and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
      left join forecasts f on f.sku_id = i.sku_id and f.warehouse_id = i.warehouse_id
     where %(warehouse_id)s::uuid is null or i.sku_id is not null
     group by c.id, c.code, c.name, c.category, c.price, c.currency
),
judged as (
    select m.*, m.available / nullif(m.daily_mean, 0) as cover,
           case when m.available = 0 then 'out' when m.is_low then 'low' when m.is_over then 'over' else 'ok' end as status
      from summed m
),
keyed as (
    select j.*,
           case %(sort)s
               when 'available' then j.available::float8
               when 'reserved' then j.reserved::float8
               when 'in_transit' then j.in_transit::float8
               when 'cover' then coalesce(j.cover, case when %(descending)s then -1 else 1e12 end)
               else 0
           end * case when %(descending)s then -1 else 1 end as number_key,
           case when %(sort)s = 'code' then j.code else j.name end as text_key,
           %(sort)s in ('name', 'code') and %(descending)s as is_backwards
      from judged j
     where %(status)s::text is null or j.status = %(status)s
)
select k.id, k.code, k.name, k.category, k.price, k.currency, k.available, k.reserved, k.unavailable, k.in_transit,
       k.reorder_point, k.daily_mean, k.cover, k.status, k.number_key, k.text_key
  from keyed k
 where %(after_id)s::uuid is null
    or k.number_key > %(after_number)s::float8
    or (k.number_key = %(after_number)s::float8
        and (case when k.is_backwards then k.text_key < %(after_text)s else k.text_key > %(after_text)s end
             or (k.text_key = %(after_text)s and k.id > %(after_id)s::uuid)))
 order by k.number_key,
          case when not k.is_backwards then k.text_key end,
          case when k.is_backwards then k.text_key end desc,
          k.id
 limit %(limit)s;

-- stock_counts
-- How many SKUs of the chosen ones are in each state: the tabs over the list.
with summed as (
    select s.id,
           coalesce(sum(i.available_quantity), 0) as available,
           coalesce(bool_or(stock_is_low(i)), false) as is_low,
           coalesce(bool_or(i.available_quantity > i.max_stock), false) as is_over
      from skus s
      left join inventory i on i.sku_id = s.id and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)
     where s.archived_at is null and not exists (select from sandbox_skus x where x.sku_id = s.id)
       and (%(category)s::text is null or s.category = %(category)s)
       and (%(like)s::text is null or s.name ilike %(like)s or s.code ilike %(prefix)s or s.barcode = %(q)s)
       and (%(warehouse_id)s::uuid is null or i.sku_id is not null)
     group by s.id
)
select count(*) as total,
       count(*) filter (where available = 0) as out,
       count(*) filter (where available > 0 and is_low) as low,
       count(*) filter (where available > 0 and not is_low and is_over) as over
  from summed;

-- category_choices
-- Categories in use.
select distinct category as value, category as label from skus where category is not null and archived_at is null order by 1;
