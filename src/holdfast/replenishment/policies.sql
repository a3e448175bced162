-- read_worth
-- What every level is expected to sell in a year, in money, and how even its demand is; archived and sandbox SKUs left out.
select f.sku_id, f.warehouse_id, f.daily_mean, f.day_variance, f.level_variance,
       coalesce(s.price, i.cost_price, 0)::double precision as unit_value, coalesce(s.currency, '') as currency
  from demand_forecasts f
  join inventory i on i.sku_id = f.sku_id and i.warehouse_id = f.warehouse_id
  join skus s on s.id = f.sku_id and s.archived_at is null
 where not exists (select from sandbox_skus x where x.sku_id = s.id);

-- write_classes
-- The class of every level as of tonight.
insert into replenishment_classes as k (sku_id, warehouse_id, class_code, yearly_value, currency, variation, classed_at)
select p.sku_id, p.warehouse_id, p.class_code, round(p.yearly_value::numeric, 2), p.currency, p.variation, c.now
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(class_codes)s::text[], %(yearly_values)s::double precision[],
              %(currencies)s::text[], %(variations)s::double precision[])
       as p (sku_id, warehouse_id, class_code, yearly_value, currency, variation)
 cross join (select business_now() as now) c
on conflict (sku_id, warehouse_id) do update
   set class_code = excluded.class_code, yearly_value = excluded.yearly_value, currency = excluded.currency,
       variation = excluded.variation, classed_at = excluded.classed_at;

-- forget_classes
-- Levels that are planned no more have no class.
delete from replenishment_classes k
 where not exists (select from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
                    where p.sku_id = k.sku_id and p.warehouse_id = k.warehouse_id);

-- class_cells
-- The nine classes: how many levels, what they sell in a year, how much of it is out of stock now, and the policy that is theirs.
select k.class_code, k.currency, count(*)::integer as levels, sum(k.yearly_value)::numeric as yearly_value,
       count(*) filter (where i.available_quantity <= 0)::integer as empty,
       max(k.classed_at) as classed_at
  from replenishment_classes k
  join inventory i on i.sku_id = k.sku_id and i.warehouse_id = k.warehouse_id
 group by 1, 2
 order by 1, 2;

-- class_of
-- The class of one level.
select class_code from replenishment_classes where sku_id = %(sku_id)s and warehouse_id = %(warehouse_id)s;

-- policy_in_force
-- Which policy holds for one level: the most specific one, as the plan reads it.
select po.*
  from skus s
  left join replenishment_classes k on k.sku_id = s.id and k.warehouse_id = %(warehouse_id)s
  join replenishment_policies po
    on (po.sku_id = s.id or (po.sku_id is null and (po.category is null or po.category = s.category)
                             and (po.class_code is null or po.class_code = k.class_code)))
   and (po.warehouse_id is null or po.warehouse_id = %(warehouse_id)s)
 where s.id = %(sku_id)s
 order by po.sku_id is null, po.category is null, po.class_code is null, po.warehouse_id is null
 limit 1;

-- policy_rows
-- Every policy with the names of what it is for, the widest first.
select p.*, s.code as sku_code, s.name as sku_name, w.name as warehouse
  from replenishment_policies p
  left join skus s on s.id = p.sku_id
  left join warehouses w on w.id = p.warehouse_id
 order by p.sku_id is not null, p.category is not null, p.class_code is not null, s.code, p.category, p.class_code, w.name nulls first
 limit 500;

-- category_choices
-- Categories in use.
select distinct category as value, category as label from skus where category is not null and archived_at is null order by 1 limit 500;

-- sku_named
-- A SKU by its code.
select id, code, name from skus where code = %(code)s and archived_at is null;

-- warehouse_named
-- The name of a warehouse.
select name from warehouses where id = %(id)s;

-- supplier_choices
-- Active suppliers.
select id::text as value, name as label from suppliers where is_active order by name limit 500;

-- main_currency
-- The currency most suppliers are paid in.
select currency from suppliers where is_active group by currency order by count(*) desc, currency limit 1;
