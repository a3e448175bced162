-- refresh
-- Take over what happened since the last time.
select demand_refresh();

-- allow_long_statements
-- The first refresh after an import reads the whole ledger.
set local statement_timeout = '15min';

-- read_histories
-- Days before today of many pairs, packed: per sale day (days back from yesterday, observed, units, hundredths lost on a part-day), per span its two ends.
with clock as materialized (
    select business_now() as now
), pair as (
    select p.n, p.sku_id, p.warehouse_id, (c.now at time zone w.time_zone)::date - 1 as yesterday
      from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) with ordinality as p (sku_id, warehouse_id, n)
      join warehouses w on w.id = p.warehouse_id
     cross join clock c
)
select p.n::integer as n,
       coalesce((select string_agg(int2send((p.yesterday - d.day)::smallint) || int2send(d.observed::integer::smallint)
                                   || int4send(greatest(least(d.quantity - d.bulk_quantity, 2147483647), -2147483647)::integer)
                                   || int4send(case when d.empty_share < 1 then least(coalesce(d.lost_quantity, 0), 1e7) * 100 else 0 end::integer),
                                   ''::bytea order by d.day)
                   from demand_daily d
                  where d.sku_id = p.sku_id and d.warehouse_id = p.warehouse_id and (d.quantity <> 0 or not d.observed or d.lost_quantity > 0)
                    and d.day > p.yesterday - %(days)s::integer and d.day <= p.yesterday), ''::bytea) as sold,
       coalesce((select string_agg(int2send(case when s.first_day = '-infinity' then 32767
                                                 else p.yesterday - greatest(s.first_day, p.yesterday - %(days)s::integer) end::smallint)
                                   || int2send(greatest(p.yesterday - coalesce(e.last_day, p.yesterday), 0)::smallint), ''::bytea)
                   from empty_shelf_spans s
                  -- Demand imported for days before the ledger began: from its first day on, something was known.
                  cross join lateral (select case when s.first_day = '-infinity'
                                                  then least(s.last_day, (select min(d.day) - 1 from demand_daily d
                                                                           where d.sku_id = p.sku_id and d.warehouse_id = p.warehouse_id
                                                                             and d.quantity <> 0))
                                                  else s.last_day end as last_day) e
                  where s.sku_id = p.sku_id and s.warehouse_id = p.warehouse_id and s.first_day <= p.yesterday
                    and (s.last_day is null or s.last_day >= s.first_day)
                    and (e.last_day is null or e.last_day > p.yesterday - %(days)s::integer)), ''::bytea) as empty,
       exists (select from empty_shelf_spans s
                where s.sku_id = p.sku_id and s.warehouse_id = p.warehouse_id and s.first_day = '-infinity') as has_ledger
  from pair p;

-- save_forecasts
-- What was found for many pairs at once; the last forecast of a pair is replaced.
insert into demand_forecasts (sku_id, warehouse_id, made_at, method, demand_class, daily_mean, daily_sd, trend_percent_per_week,
    protection_days, quantiles, day_variance, level_variance, observed_days, bulk_units, protection_days_sd, override_daily_mean,
    level_shift, expected_error, season_factor, occasion_factor)
select f.sku_id, f.warehouse_id, c.now, f.method, f.demand_class, f.daily_mean, f.daily_sd, f.trend, f.protection_days,
       f.quantiles::double precision[], f.day_variance, f.level_variance, f.observed_days, f.bulk_units,
       f.protection_days_sd, f.override_daily_mean, f.level_shift::double precision[], f.expected_error,
       f.season_factor, f.occasion_factor
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(method)s::text[], %(demand_class)s::text[], %(daily_mean)s::double precision[],
           %(daily_sd)s::double precision[], %(trend)s::double precision[], %(protection_days)s::double precision[],
           %(quantiles)s::text[], %(day_variance)s::double precision[], %(level_variance)s::double precision[],
           %(observed_days)s::integer[], %(bulk_units)s::bigint[], %(protection_days_sd)s::double precision[],
           %(override_daily_mean)s::double precision[], %(level_shift)s::text[], %(expected_error)s::double precision[],
           %(season_factor)s::double precision[], %(occasion_factor)s::double precision[])
       as f (sku_id, warehouse_id, method, demand_class, daily_mean, daily_sd, trend, protection_days, quantiles, day_variance,
             level_variance, observed_days, bulk_units, protection_days_sd, override_daily_mean, level_shift,
             expected_error, season_factor, occasion_factor)
 cross join (select business_now() as now) c
on conflict (sku_id, warehouse_id) do update
   set made_at = excluded.made_at, method = excluded.method, demand_class = excluded.demand_class,
       daily_mean = excluded.daily_mean, daily_sd = excluded.daily_sd,
       trend_percent_per_week = excluded.trend_percent_per_week, protection_days = excluded.protection_days,
       quantiles = excluded.quantiles, day_variance = excluded.day_variance, level_variance = excluded.level_variance,
       observed_days = excluded.observed_days, bulk_units = excluded.bulk_units,
       protection_days_sd = excluded.protection_days_sd, override_daily_mean = excluded.override_daily_mean,
       level_shift = excluded.level_shift, expected_error = excluded.expected_error,
       season_factor = excluded.season_factor, occasion_factor = excluded.occasion_factor;

-- list_demand
-- One page of demand per day in its parts, newest first; days without a row had no sale.
select sku_id, warehouse_id, day, quantity, orders, imported_quantity, sold_quantity, returned_quantity, bulk_quantity,
       quantity - bulk_quantity as ordinary_quantity, empty_share, lost_quantity, refused_quantity,
       greatest(coalesce(lost_quantity, 0), refused_quantity)::double precision as lost_total,
       not exists (select from empty_shelf_spans s
                    where s.sku_id = d.sku_id and s.warehouse_id = d.warehouse_id and d.quantity <= 0
                      and d.day >= s.first_day and (s.last_day is null or d.day <= s.last_day)) and observed as observed
  from demand_daily d
 where (%(sku_id)s::uuid is null or sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
   and (%(since)s::date is null or day >= %(since)s)
   and (%(until)s::date is null or day <= %(until)s)
   and (%(before_day)s::date is null
        or (day, sku_id, warehouse_id) < (%(before_day)s, %(before_sku)s::uuid, %(before_warehouse)s::uuid))
 order by day desc, sku_id desc, warehouse_id desc
 limit %(limit)s;

-- list_refusals
-- What was refused of one SKU in one warehouse on one day.
select requested, available, at from demand_refusals
 where sku_id = %(sku_id)s and warehouse_id = %(warehouse_id)s and day = %(day)s
 order by at, attempt
 limit 500;

-- list_empty_times
-- When the shelf was empty on one day.
select s.cause, nullif(s.empty_from, '-infinity') as empty_from, s.empty_until
  from empty_shelf_spans s
  join warehouses w on w.id = s.warehouse_id
 where s.sku_id = %(sku_id)s and s.warehouse_id = %(warehouse_id)s
   and s.empty_from < (%(day)s::date + 1)::timestamp at time zone w.time_zone
   and (s.empty_until is null or s.empty_until > %(day)s::date::timestamp at time zone w.time_zone)
 order by s.empty_from
 limit 500;

-- sum_bulk
-- Units of one-off lines in the days before today, by the place of the pair in the question; most pairs have none.
select p.n::integer as n, sum(d.bulk_quantity)::bigint as units
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) with ordinality as p (sku_id, warehouse_id, n)
  join warehouses w on w.id = p.warehouse_id
  join demand_daily d on d.sku_id = p.sku_id and d.warehouse_id = p.warehouse_id and d.bulk_quantity > 0
       and d.day < (business_now() at time zone w.time_zone)::date
       and d.day >= (business_now() at time zone w.time_zone)::date - %(days)s::integer
 group by p.n;

-- list_judged_normal
-- Pairs of which a planner said that a large line is normal: their days are not cut down again.
select distinct p.n::integer as n
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) with ordinality as p (sku_id, warehouse_id, n)
  join demand_verdicts v on v.sku_id = p.sku_id and v.warehouse_id = p.warehouse_id and not v.is_one_off;

-- sample_pairs
-- Pairs that speak for the shop: all of them, or so many in an order that has nothing to do with what they are.
select sku_id, warehouse_id, protection_days
  from demand_forecasts
 order by hashtextextended(sku_id::text || warehouse_id::text, 1)
 limit %(limit)s;

-- current_season
-- The season that was found last, unless it is too old to be laid along a history.
select first_day, index, series, regression from demand_seasons
 where made_at > (select business_now()) - make_interval(days => %(days)s)
 order by made_at desc
 limit 1;

-- save_season
-- What the nights' sums say; twice at one moment is once.
insert into demand_seasons (first_day, index, series, regression)
values (%(first_day)s, %(index)s, %(series)s, %(regression)s)
on conflict (made_at) do update
   set first_day = excluded.first_day, index = excluded.index, series = excluded.series, regression = excluded.regression;

-- forget_seasons
-- A quarter of nights is kept, to see what orders were placed by.
delete from demand_seasons where made_at < (select business_now()) - interval '90 days';

-- local_yesterdays
-- The last complete day of each warehouse.
select id, (business_now() at time zone time_zone)::date - 1 as yesterday from warehouses where id = any(%(warehouse_ids)s);

-- list_forecasts
-- One page of forecasts by SKU and warehouse.
select sku_id, warehouse_id, made_at, method, demand_class, daily_mean, daily_sd, trend_percent_per_week, protection_days,
       quantiles, day_variance, level_variance, observed_days, bulk_units, override_daily_mean,
       level_shift, expected_error, season_factor, occasion_factor
  from demand_forecasts
 where (%(sku_id)s::uuid is null or sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
   and (%(after_sku)s::uuid is null or (sku_id, warehouse_id) > (%(after_sku)s, %(after_warehouse)s::uuid))
 order by sku_id, warehouse_id
 limit %(limit)s;

-- get_sku
-- Whether there is such a SKU.
select id from skus where id = %(sku_id)s;
