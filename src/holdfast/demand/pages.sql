-- demand_head
-- The SKU whose demand is shown, and the day it is for the shop.
select s.id, s.code, s.name, s.category, s.archived_at is not null as is_archived,
       (business_now() at time zone coalesce((select time_zone from warehouses where is_active order by priority desc, code limit 1), 'UTC'))::date as today
  from skus s
 where s.id = %(sku_id)s;

-- demand_places
-- The warehouses of a SKU, what is forecast there, and how far a year of forecasts was off.
select p.warehouse_id, w.name as warehouse, (business_now() at time zone w.time_zone)::date as today, f.made_at, f.method,
       f.demand_class, f.daily_mean, f.trend_percent_per_week as trend, f.day_variance, f.level_variance, f.observed_days,
       f.override_daily_mean, f.season_factor, g.graded, g.actual_units, g.error_units, g.naive_error_units, g.bias_units
  from (select warehouse_id from inventory where sku_id = %(sku_id)s
        union
        select warehouse_id from demand_forecasts where sku_id = %(sku_id)s) p
  join warehouses w on w.id = p.warehouse_id
  left join demand_forecasts f on f.sku_id = %(sku_id)s and f.warehouse_id = p.warehouse_id
 cross join lateral (
       select count(*)::integer as graded, coalesce(sum(o.actual_units), 0) as actual_units,
              coalesce(sum(e.error_units), 0) as error_units, coalesce(sum(e.naive_error_units), 0) as naive_error_units,
              coalesce(sum(e.bias_units), 0) as bias_units
         from forecast_grades o
        cross join lateral demand_errors(o) e
        where o.sku_id = %(sku_id)s and o.warehouse_id = p.warehouse_id and o.actual_units is not null
          and o.made_on >= (business_now() at time zone w.time_zone)::date - 365) g
 order by w.priority desc, w.name;

-- demand_days
-- What was wanted of a SKU on each day: ordinary lines, one-offs, and what an empty shelf probably cost.
select day, sum(quantity - bulk_quantity)::bigint as ordinary, sum(bulk_quantity)::bigint as one_off,
       sum(greatest(coalesce(lost_quantity, 0), refused_quantity))::double precision as lost
  from demand_daily
 where sku_id = %(sku_id)s and day >= %(since)s and day < %(until)s
   and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
 group by day;

-- large_lines_of_sku
-- Lines far above the usual, newest first, with what a planner said about them.
select l.source_id, l.warehouse_id, w.name as warehouse, l.day, l.quantity, l.reference_id, l.one_off_above, l.is_one_off,
       v.said_by
  from demand_lines l
  join warehouses w on w.id = l.warehouse_id
  left join demand_verdicts v on (v.source_id, v.sku_id, v.warehouse_id) = (l.source_id, l.sku_id, l.warehouse_id)
 where l.sku_id = %(sku_id)s and l.quantity >= 30 and (l.quantity > l.one_off_above or v.source_id is not null)
   and l.kind in ('order', 'sale')
   and (%(warehouse_id)s::uuid is null or l.warehouse_id = %(warehouse_id)s)
 order by l.day desc, l.source_id desc
 limit %(limit)s;

-- overrides_of_sku
-- What planners said about coming and past times of a SKU, latest time first.
select o.id, o.warehouse_id, w.name as warehouse, o.first_day, o.last_day, o.kind, o.value, o.reason, o.model_daily_mean,
       o.said_by, o.withdrawn_at is not null as is_withdrawn,
       o.last_day >= (business_now() at time zone w.time_zone)::date as is_open, o.graded_at is not null as is_graded,
       o.actual_units, o.model_units, o.override_units
  from forecast_overrides o
  join warehouses w on w.id = o.warehouse_id
 where o.sku_id = %(sku_id)s
   and (%(warehouse_id)s::uuid is null or o.warehouse_id = %(warehouse_id)s)
 order by o.first_day desc, o.id desc
 limit %(limit)s;

-- links_of_sku
-- What a SKU sells like or takes over from, and which others do so from it.
select l.sku_id, s.code, s.name, l.like_sku_id, o.code as like_code, o.name as like_name, l.kind, l.factor, l.from_day,
       l.said_by, l.sku_id = %(sku_id)s as is_own
  from sku_likeness l
  join skus s on s.id = l.sku_id
  join skus o on o.id = l.like_sku_id
 where l.sku_id = %(sku_id)s or l.like_sku_id = %(sku_id)s
 order by is_own desc, s.code
 limit %(limit)s;

-- sku_by_code
-- A SKU a person named by its code.
select id from skus where code = %(code)s and archived_at is null;

-- calendar_rows
-- One page of what is said about the days of a year, by the day it begins.
select c.id, c.kind, c.label, c.first_day, c.last_day, c.sku_id, s.code as sku_code, s.name as sku_name, c.category,
       w.name as warehouse, c.said_by, c.said_at, c.factor
  from demand_calendar c
  left join skus s on s.id = c.sku_id
  left join warehouses w on w.id = c.warehouse_id
 where c.last_day >= %(since)s and c.first_day <= %(until)s
   and (%(after_day)s::date is null or (c.first_day, c.id) > (%(after_day)s, %(after_id)s::uuid))
 order by c.first_day, c.id
 limit %(limit)s;

-- calendar_strip
-- The same days without their scopes, for the picture of the year.
select kind, first_day, last_day, min(label) as label, count(*)::integer as entries
  from demand_calendar
 where last_day >= %(since)s and first_day <= %(until)s
 group by kind, first_day, last_day
 order by kind, first_day, last_day
 limit %(limit)s;

-- calendar_categories
-- Categories an entry may speak of.
select distinct category from skus where category is not null and archived_at is null order by category limit 500;

-- today_of_shop
-- The day it is for the shop.
select (business_now() at time zone coalesce((select time_zone from warehouses where is_active order by priority desc, code limit 1), 'UTC'))::date;

-- worst_forecasts
-- The forecasts that missed the most units since a day, with what may be behind it.
select g.sku_id, s.code, s.name, g.warehouse_id, w.name as warehouse, g.graded, g.actual_units, g.error_units,
       g.naive_error_units, g.bias_units, coalesce(f.observed_days, 0) as observed_days, l.sku_id is not null as has_likeness,
       exists (select from demand_lines x
                where x.sku_id = g.sku_id and x.warehouse_id = g.warehouse_id and x.quantity >= 30
                  and x.quantity > x.one_off_above and x.day >= %(since)s
                  and not exists (select from demand_verdicts v
                                   where (v.source_id, v.sku_id, v.warehouse_id) = (x.source_id, x.sku_id, x.warehouse_id))) as has_large_lines
  from (select o.sku_id, o.warehouse_id, count(*)::integer as graded, sum(o.actual_units) as actual_units,
               sum(e.error_units) as error_units, sum(e.naive_error_units) as naive_error_units, sum(e.bias_units) as bias_units
          from forecast_grades o
         cross join lateral demand_errors(o) e
         where o.actual_units is not null and o.made_on >= %(since)s
         group by o.sku_id, o.warehouse_id
         order by error_units desc, o.sku_id, o.warehouse_id
         limit %(limit)s) g
  join skus s on s.id = g.sku_id
  join warehouses w on w.id = g.warehouse_id
  left join demand_forecasts f on f.sku_id = g.sku_id and f.warehouse_id = g.warehouse_id
  left join sku_likeness l on l.sku_id = g.sku_id
 order by g.error_units desc, g.sku_id, g.warehouse_id;
