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

-- terms_in_force
-- What holds for one level when every policy for it has been asked, the most specific first, as the plan reads it.
with mine as materialized (
    select po.*, row_number() over (order by po.sku_id is null, po.category is null, po.class_code is null, po.warehouse_id is null) as rank
      from skus s
      left join replenishment_classes k on k.sku_id = s.id and k.warehouse_id = %(warehouse_id)s
      join replenishment_policies po
        on (po.sku_id = s.id or (po.sku_id is null and (po.category is null or po.category = s.category)
                                 and (po.class_code is null or po.class_code = k.class_code)))
       and (po.warehouse_id is null or po.warehouse_id = %(warehouse_id)s)
     where s.id = %(sku_id)s
)
select coalesce((select mode from mine where mode is not null order by rank limit 1), 'auto') as mode,
       t.target_service, t.target_fill_rate,
       coalesce((select method from mine where method is not null order by rank limit 1), 's_S') as method,
       coalesce((select review_days from mine where review_days is not null order by rank limit 1), 7) as review_days,
       (select shelf_life_days from mine where shelf_life_days is not null order by rank limit 1) as shelf_life_days,
       (select end_of_life from mine where end_of_life is not null order by rank limit 1) as end_of_life,
       coalesce((select prebuild_days from mine where prebuild_days is not null order by rank limit 1), 0) as prebuild_days,
       coalesce((select order_cost from mine where order_cost is not null order by rank limit 1), 2) as order_cost,
       coalesce((select holding_rate from mine where holding_rate is not null order by rank limit 1), 0.25) as holding_rate
  from (select 1) one
  left join lateral (select target_service, target_fill_rate from mine
                      where coalesce(target_service, target_fill_rate) is not null order by rank limit 1) t on true;

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

-- list_policies
-- One page in order of creation.
select * from replenishment_policies
 where (%(after)s::uuid is null or id > %(after)s)
   and (%(sku_id)s::uuid is null or sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
   and (%(category)s::text is null or category = %(category)s)
   and (%(class_code)s::text is null or class_code = %(class_code)s)
 order by id
 limit %(limit)s;

-- get_policy
-- One policy.
select * from replenishment_policies where id = %(id)s;

-- put_policy
-- One policy per scope: a second one for the same scope replaces the first.
insert into replenishment_policies as p (sku_id, warehouse_id, category, class_code, mode, target_service, target_fill_rate,
    method, review_days, shelf_life_days, end_of_life, prebuild_days, order_cost, holding_rate, updated_by, updated_at)
values (%(sku_id)s, %(warehouse_id)s, %(category)s, %(class_code)s, %(mode)s, %(target_service)s, %(target_fill_rate)s,
    %(method)s, %(review_days)s, %(shelf_life_days)s, %(end_of_life)s, %(prebuild_days)s, %(order_cost)s,
    %(holding_rate)s, %(actor)s, business_now())
on conflict (sku_id, warehouse_id, category, class_code) do update
   set mode = excluded.mode, target_service = excluded.target_service, target_fill_rate = excluded.target_fill_rate,
       method = excluded.method, review_days = excluded.review_days, shelf_life_days = excluded.shelf_life_days,
       end_of_life = excluded.end_of_life, prebuild_days = excluded.prebuild_days,
       order_cost = excluded.order_cost, holding_rate = excluded.holding_rate, updated_by = excluded.updated_by,
       updated_at = excluded.updated_at
returning *;

-- delete_policy
-- The next wider policy holds from now on.
delete from replenishment_policies where id = %(id)s returning *;

-- knows_scope
-- Whether the SKU and the warehouse of a policy exist.
select (%(sku_id)s::uuid is null or exists (select from skus where id = %(sku_id)s)) as sku,
       (%(warehouse_id)s::uuid is null or exists (select from warehouses where id = %(warehouse_id)s)) as warehouse;

-- set_manual_levels
-- Levels a person sets for one SKU and warehouse; null gives the decision back to the plan.
select stock_set_policy(%(sku_id)s, %(warehouse_id)s, %(safety_stock)s, %(reorder_point)s, %(max_stock)s);
