-- Demand is summed from the ledger by entry number: history may be imported with old dates, never with old numbers.
create index inventory_movements_by_seq on inventory_movements using brin (seq) with (autosummarize = on);

alter table demand_cursor
    drop column last_created_at,
    -- Entries up to marked_seq are complete once every transaction below marked_before has ended; see demand_refresh().
    add column marked_seq bigint,
    add column marked_before xid8;

-- Days on which the shelf was empty when the day began, and the time before the first entry. Without a sale on such a
-- day nothing is known about demand.
create table empty_shelf_spans (
    sku_id uuid not null,
    warehouse_id uuid not null,
    first_day date not null,
    -- null = still empty
    last_day date,
    primary key (sku_id, warehouse_id, first_day)
);

-- What is expected is stored as a level and two variances; bands of any length follow from them when somebody looks.
alter table forecasts rename to demand_forecasts;
alter table demand_forecasts
    drop column band_low,
    drop column band_mid,
    drop column band_high,
    -- variance of the sum of h days = h * day_variance + h^2 * level_variance
    add column day_variance double precision not null,
    add column level_variance double precision not null,
    add column observed_days integer not null,
    add column bulk_units bigint not null;

-- Quantile of demand summed over each of the next days, at the normal quantile p_z. Wilson & Hilferty (1931) for the
-- gamma distribution with the same mean and variance: close enough for a picture; plans use the exact quantile.
create function demand_band(p_mean double precision, p_day_variance double precision, p_level_variance double precision,
    p_z double precision, p_days integer) returns double precision[]
language sql immutable parallel safe as $$
    select array_agg(case when p_mean <= 0 then 0
                          else round((m * greatest(0, 1 - 1 / (9 * k) + p_z / (3 * sqrt(k))) ^ 3)::numeric, 1)::double precision
                     end order by d)
      from generate_series(1, p_days) d
     cross join lateral (select p_mean * d as m) x
     cross join lateral (select m * m / nullif(greatest(d * p_day_variance + d * d * p_level_variance, m), 0) as k) y
$$;

create view forecasts as
select sku_id, warehouse_id, made_at, method, demand_class, daily_mean, daily_sd, trend_percent_per_week, protection_days,
       quantiles, day_variance, level_variance, observed_days, bulk_units,
       demand_band(daily_mean, day_variance, level_variance, -1.2816, 90) as band_low,
       demand_band(daily_mean, day_variance, level_variance, 0, 90) as band_mid,
       demand_band(daily_mean, day_variance, level_variance, 1.2816, 90) as band_high
  from demand_forecasts;

alter table replenishment_runs
    -- the last pair that was planned: a killed run goes on behind it
    add column at_sku_id uuid,
    add column at_warehouse_id uuid;
create unique index one_running_plan on replenishment_runs ((true)) where status = 'running';

grant select, insert, update, delete on empty_shelf_spans to holdfast_app;
grant select on forecasts to holdfast_app;
