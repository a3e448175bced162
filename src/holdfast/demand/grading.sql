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
-- Whether a night passed without a run; a new installation waits for its first night.
select max(started_at) < business_now() - interval '26 hours' from demand_runs;

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
-- What came in the time of forecasts that is over: ordinary units by observed time. Nothing is said where less than four fifths of it was observed.
update forecast_grades g
   set graded_at = business_now(), observed_days = a.observed_days,
       actual_units = case when a.observed_days >= 0.8 * a.days then a.units * a.days / a.observed_days end
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
  join warehouses w on w.id = p.warehouse_id
  join forecast_grades o on o.sku_id = p.sku_id and o.warehouse_id = p.warehouse_id and o.graded_at is null
       and o.last_day < (business_now() at time zone w.time_zone)::date
 cross join lateral demand_between(o.sku_id, o.warehouse_id, o.made_on, o.last_day) a
 where (g.sku_id, g.warehouse_id, g.made_on) = (o.sku_id, o.warehouse_id, o.made_on);

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
select * from (
    select sku_id, warehouse_id, count(*)::integer as graded, min(made_on) as since, max(last_day) as until,
           sum(actual_units) as actual_units,
           sum(abs(actual_units - mean_units)) / nullif(sum(actual_units), 0) as wape,
           sum(abs(actual_units - naive_units)) / nullif(sum(actual_units), 0) as naive_wape,
           sum(mean_units - actual_units) / nullif(sum(actual_units), 0) as bias,
           sum(demand_pinball(quantiles, actual_units)) / nullif(sum(actual_units), 0) as pinball,
           array[avg((actual_units <= quantiles[1])::integer), avg((actual_units <= quantiles[2])::integer),
                 avg((actual_units <= quantiles[3])::integer), avg((actual_units <= quantiles[4])::integer),
                 avg((actual_units <= quantiles[5])::integer)]::double precision[] as coverage
      from forecast_grades
     where actual_units is not null and made_on >= %(since)s
       and (%(sku_id)s::uuid is null or sku_id = %(sku_id)s)
       and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
       and (%(after_sku)s::uuid is null or (sku_id, warehouse_id) > (%(after_sku)s, %(after_warehouse)s::uuid))
     group by sku_id, warehouse_id
     order by sku_id, warehouse_id
     limit %(limit)s) found;

-- sum_accuracy
-- The same of everything.
select count(*)::integer as graded, count(distinct (sku_id, warehouse_id))::integer as pairs, min(made_on) as since, max(last_day) as until,
       coalesce(sum(actual_units), 0) as actual_units,
       sum(abs(actual_units - mean_units)) / nullif(sum(actual_units), 0) as wape,
       sum(abs(actual_units - naive_units)) / nullif(sum(actual_units), 0) as naive_wape,
       sum(mean_units - actual_units) / nullif(sum(actual_units), 0) as bias,
       sum(demand_pinball(quantiles, actual_units)) / nullif(sum(actual_units), 0) as pinball,
       array[avg((actual_units <= quantiles[1])::integer), avg((actual_units <= quantiles[2])::integer),
             avg((actual_units <= quantiles[3])::integer), avg((actual_units <= quantiles[4])::integer),
             avg((actual_units <= quantiles[5])::integer)]::double precision[] as coverage
  from forecast_grades
 where actual_units is not null and made_on >= %(since)s;

-- forget_grades
-- Accuracy looks a year back; what is older than two tells nothing any more.
delete from forecast_grades where last_day < (business_now() at time zone 'UTC')::date - 730;
