-- How good the forecasts of one day were, all together: what a year's summary adds up instead of millions of grades. Kept by
-- the statement that grades (demand/grading.sql); doctor adds the grades up and compares.
create table forecast_accuracy (
    made_on date primary key,
    graded bigint not null default 0,
    -- pairs whose newest graded forecast is of this day: added up from a day on, every pair counts once
    newest_pairs bigint not null default 0,
    last_day date,
    actual_units double precision not null default 0,
    error_units double precision not null default 0,
    naive_error_units double precision not null default 0,
    bias_units double precision not null default 0,
    pinball_units double precision not null default 0,
    -- forecasts whose demand stayed within their stated level
    within_50 bigint not null default 0,
    within_80 bigint not null default 0,
    within_90 bigint not null default 0,
    within_95 bigint not null default 0,
    within_99 bigint not null default 0
);

insert into forecast_accuracy
select made_on, count(*), count(*) filter (where is_newest), max(last_day), sum(actual_units), sum(abs(actual_units - mean_units)),
       sum(abs(actual_units - naive_units)), sum(mean_units - actual_units),
       sum((select avg(greatest(level * (actual_units - q), (level - 1) * (actual_units - q)))
              from unnest(quantiles, array[0.5, 0.8, 0.9, 0.95, 0.99]) as l (q, level))),
       count(*) filter (where actual_units <= quantiles[1]), count(*) filter (where actual_units <= quantiles[2]),
       count(*) filter (where actual_units <= quantiles[3]), count(*) filter (where actual_units <= quantiles[4]),
       count(*) filter (where actual_units <= quantiles[5])
  from (select *, made_on = max(made_on) over (partition by sku_id, warehouse_id) as is_newest
          from forecast_grades where actual_units is not null) g
 group by made_on;

grant select, insert, update, delete on forecast_accuracy to holdfast_app;
