-- start_run
-- One nightly run at a time; null: one is under way.
insert into demand_runs (started_by, pairs_total) values (%(started_by)s, %(pairs_total)s)
on conflict ((true)) where status = 'running' do nothing
returning id;

-- count_pairs
-- How many pairs have a forecast.
select count(*)::integer from demand_forecasts;

-- get_run
-- One run.
select * from demand_runs where id = %(id)s;

-- running_run
-- The run under way, if there is one.
select * from demand_runs where status = 'running';

-- is_overdue
-- Whether a night passed without a run. A new installation has its first one as soon as something was forecast: the season is not known before.
select max(started_at) < (select business_now()) - interval '26 hours' or (max(started_at) is null and exists (select from demand_forecasts))
  from demand_runs;

-- list_runs
-- One page, newest first.
select * from demand_runs where (%(before)s::uuid is null or id < %(before)s) order by id desc limit %(limit)s;

-- try_run
-- Count the attempt; null when it is over or somebody works on it.
update demand_runs set facts = facts || jsonb_build_object('attempts', coalesce((facts ->> 'attempts')::integer, 0) + 1)
 where id = (select id from demand_runs where id = %(id)s and status = 'running' for update skip locked)
returning *;

-- advance_run
-- Progress is kept with the work it speaks of; null when somebody stopped the run.
update demand_runs
   set pairs_done = pairs_done + %(pairs)s, at_sku_id = %(at_sku_id)s, at_warehouse_id = %(at_warehouse_id)s,
       facts = facts || jsonb_build_object('attempts', 0,
           'forecast', coalesce((facts ->> 'forecast')::integer, 0) + %(forecast)s,
           'graded', coalesce((facts ->> 'graded')::integer, 0) + %(graded)s,
           'said', coalesce((facts ->> 'said')::integer, 0) + %(said)s)
 where id = %(id)s and status = 'running'
returning id;

-- finish_run
-- A run ends once.
update demand_runs set status = %(status)s, finished_at = business_now(), facts = facts || %(facts)s
 where id = %(id)s and status = 'running'
returning *;

-- next_pairs
-- The next forecasts in order, with the protection time they were made for, and whether they are of today.
select sku_id, warehouse_id, protection_days, protection_days_sd,
       (made_at at time zone 'UTC')::date >= (business_now() at time zone 'UTC')::date as is_fresh
  from demand_forecasts
 where %(after_sku)s::uuid is null or (sku_id, warehouse_id) > (%(after_sku)s, %(after_warehouse)s::uuid)
 order by sku_id, warehouse_id
 limit %(limit)s;

-- grade_forecasts
-- What came in the time of forecasts that is over: ordinary units by observed time, added to the accuracy of their day. Nothing is said where less than four fifths of it was observed.
with graded as (
    update forecast_grades g
       set graded_at = business_now(), observed_days = a.observed_days,
           actual_units = case when a.observed_days >= 0.8 * a.days then a.units * a.days / a.observed_days end
      from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
      join warehouses w on w.id = p.warehouse_id
      join forecast_grades o on o.sku_id = p.sku_id and o.warehouse_id = p.warehouse_id and o.graded_at is null
           and o.last_day < (business_now() at time zone w.time_zone)::date
     cross join lateral demand_between(o.sku_id, o.warehouse_id, o.made_on, o.last_day) a
     where (g.sku_id, g.warehouse_id, g.made_on) = (o.sku_id, o.warehouse_id, o.made_on)
    returning g.*
), newest as (
    -- as this statement began: none of what it grades is among those before
    select n.made_on, n.before
      from (select t.sku_id, t.warehouse_id, max(t.made_on) as made_on,
                   (select max(o.made_on) from forecast_grades o
                     where (o.sku_id, o.warehouse_id) = (t.sku_id, t.warehouse_id) and o.actual_units is not null) as before
              from graded t
             where t.actual_units is not null
             group by t.sku_id, t.warehouse_id) n
     where n.before is null or n.before < n.made_on
), kept as (
    insert into forecast_accuracy as f (made_on, graded, newest_pairs, last_day, actual_units, error_units, naive_error_units, bias_units,
        pinball_units, within_50, within_80, within_90, within_95, within_99)
    select made_on, sum(graded), sum(newest_pairs), max(last_day), sum(actual_units), sum(error_units), sum(naive_error_units),
           sum(bias_units), sum(pinball_units), sum(within_50), sum(within_80), sum(within_90), sum(within_95), sum(within_99)
      from (select t.made_on, 1 as graded, 0 as newest_pairs, t.last_day, t.actual_units, e.*
              from graded t, demand_errors(t::forecast_grades) e
             where t.actual_units is not null
            union all
            select made_on, 0, 1, null, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from newest
            union all
            select before, 0, -1, null, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from newest where before is not null) part
     group by made_on
     order by made_on
    on conflict (made_on) do update
       set graded = f.graded + excluded.graded, newest_pairs = f.newest_pairs + excluded.newest_pairs,
           last_day = greatest(f.last_day, excluded.last_day), actual_units = f.actual_units + excluded.actual_units,
           error_units = f.error_units + excluded.error_units, naive_error_units = f.naive_error_units + excluded.naive_error_units,
           bias_units = f.bias_units + excluded.bias_units, pinball_units = f.pinball_units + excluded.pinball_units,
           within_50 = f.within_50 + excluded.within_50, within_80 = f.within_80 + excluded.within_80,
           within_90 = f.within_90 + excluded.within_90, within_95 = f.within_95 + excluded.within_95,
           within_99 = f.within_99 + excluded.within_99
)
select count(*)::integer from graded;

-- say_forecasts
-- Write down what is forecast now of pairs whose last forecast has been graded: one at a time, so that errors do not overlap.
insert into forecast_grades (sku_id, warehouse_id, made_on, last_day, method, mean_units, quantiles, naive_units)
select f.sku_id, f.warehouse_id, c.today, c.today + c.days - 1, f.method, f.daily_mean * c.days, f.quantiles, n.units
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
  join demand_forecasts f using (sku_id, warehouse_id)
  join warehouses w on w.id = p.warehouse_id
 cross join lateral (select (business_now() at time zone w.time_zone)::date as today, greatest(1, ceil(f.protection_days))::integer as days) c
 cross join lateral demand_between(f.sku_id, f.warehouse_id, c.today - c.days, c.today - 1) n
 where f.observed_days > 0
   and not exists (select from forecast_grades o where o.sku_id = f.sku_id and o.warehouse_id = f.warehouse_id and o.graded_at is null)
on conflict do nothing;

-- grade_overrides
-- Model and planner against what came, over the observed days of a time that is over.
update forecast_overrides o
   set graded_at = business_now(), observed_days = a.observed_days,
       actual_units = case when a.observed_days >= 0.5 * a.days then a.units end,
       model_units = a.observed_days * o.model_daily_mean,
       override_units = a.observed_days * case o.kind when 'level' then o.value else o.model_daily_mean * (1 + o.value / 100) end
  from forecast_overrides x
  join warehouses w on w.id = x.warehouse_id
 cross join lateral demand_between(x.sku_id, x.warehouse_id, x.first_day, x.last_day) a
 where x.id = o.id and x.graded_at is null and x.withdrawn_at is null and x.last_day < (business_now() at time zone w.time_zone)::date;

-- list_accuracy
-- One page of how good forecasts were, per pair, over the graded times since a day. pinball: mean loss of the five stated levels by units of demand; naive_wape: of "as much as before".
select g.sku_id, g.warehouse_id, count(*)::integer as graded, min(g.made_on) as since, max(g.last_day) as until,
       sum(g.actual_units) as actual_units,
       sum(e.error_units) / nullif(sum(g.actual_units), 0) as wape,
       sum(e.naive_error_units) / nullif(sum(g.actual_units), 0) as naive_wape,
       sum(e.bias_units) / nullif(sum(g.actual_units), 0) as bias,
       sum(e.pinball_units) / nullif(sum(g.actual_units), 0) as pinball,
       json_build_object('0.5', avg(e.within_50)::double precision, '0.8', avg(e.within_80)::double precision,
                         '0.9', avg(e.within_90)::double precision, '0.95', avg(e.within_95)::double precision,
                         '0.99', avg(e.within_99)::double precision) as coverage
  from forecast_grades g
 cross join lateral demand_errors(g) e
 where g.actual_units is not null and g.made_on >= %(since)s
   and (%(sku_id)s::uuid is null or g.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or g.warehouse_id = %(warehouse_id)s)
   and (%(after_sku)s::uuid is null or (g.sku_id, g.warehouse_id) > (%(after_sku)s, %(after_warehouse)s::uuid))
 group by g.sku_id, g.warehouse_id
 order by g.sku_id, g.warehouse_id
 limit %(limit)s;

-- sum_accuracy
-- The same of everything, from the sums of each day.
select coalesce(sum(graded), 0)::integer as graded, coalesce(sum(newest_pairs), 0)::integer as pairs,
       min(made_on) filter (where graded > 0) as since, max(last_day) as until, coalesce(sum(actual_units), 0) as actual_units,
       sum(error_units) / nullif(sum(actual_units), 0) as wape,
       sum(naive_error_units) / nullif(sum(actual_units), 0) as naive_wape,
       sum(bias_units) / nullif(sum(actual_units), 0) as bias,
       sum(pinball_units) / nullif(sum(actual_units), 0) as pinball,
       json_build_object('0.5', sum(within_50)::double precision / nullif(sum(graded), 0),
                         '0.8', sum(within_80)::double precision / nullif(sum(graded), 0),
                         '0.9', sum(within_90)::double precision / nullif(sum(graded), 0),
                         '0.95', sum(within_95)::double precision / nullif(sum(graded), 0),
                         '0.99', sum(within_99)::double precision / nullif(sum(graded), 0)) as coverage
  from forecast_accuracy
 where made_on >= %(since)s;

-- forget_grades
-- Accuracy looks a year back; what is older than two tells nothing any more. Whole days, with their sums.
with old as (
    delete from forecast_accuracy where made_on < (business_now() at time zone 'UTC')::date - 730
)
delete from forecast_grades where made_on < (business_now() at time zone 'UTC')::date - 730;
