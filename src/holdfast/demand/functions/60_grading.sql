-- What came in a time, and how good a forecast of it was.


-- Ordinary units of a level from one day to another, and how many of these days something could be bought. A day that sold is
-- observed, even when its shelf was empty in the end. Without a ledger every day is.
create or replace function demand_between(p_sku uuid, p_warehouse uuid, p_first date, p_last date, out units double precision,
    out observed_days double precision, out days integer)
language sql stable as $$
    select coalesce((select sum(d.quantity - d.bulk_quantity
                                -- a part-day with what would have sold in the rest of it, as the forecast reads it
                                + case when d.empty_share < 1 then coalesce(d.lost_quantity, 0) else 0 end) from demand_daily d
                      where d.sku_id = p_sku and d.warehouse_id = p_warehouse and d.day between p_first and p_last), 0)::double precision,
           (p_last - p_first + 1) - (
               select count(*) from (
                   select distinct s.day
                     from (select greatest(e.first_day, p_first) + n as day
                             from empty_shelf_spans e
                            cross join lateral generate_series(0, least(coalesce(e.last_day, p_last), p_last) - greatest(e.first_day, p_first)) n
                            where e.sku_id = p_sku and e.warehouse_id = p_warehouse
                              and e.first_day <= p_last and (e.last_day is null or e.last_day >= p_first)) s
                    where not exists (select from demand_daily d
                                       where d.sku_id = p_sku and d.warehouse_id = p_warehouse and d.day = s.day and d.quantity > 0)) x)::double precision,
           p_last - p_first + 1
$$;


-- Mean pinball loss of the stored levels, units: what a forecast of the quantile costs per unit too high or too low.
create or replace function demand_pinball(p_quantiles double precision[], p_actual double precision) returns double precision
language sql immutable parallel safe as $$
    select avg(greatest(level * (p_actual - q), (level - 1) * (p_actual - q)))
      from unnest(p_quantiles, array[0.5, 0.8, 0.9, 0.95, 0.99]) as l (q, level)
$$;


-- What one graded forecast adds to accuracy: units it was off by, "as much as before" was off by, its bias and its pinball loss,
-- and whether demand stayed within each stated level (0 or 1).
create or replace function demand_errors(p_grade forecast_grades) returns table (error_units double precision,
    naive_error_units double precision, bias_units double precision, pinball_units double precision, within_50 integer,
    within_80 integer, within_90 integer, within_95 integer, within_99 integer)
language sql stable as $$
    select abs(p_grade.actual_units - p_grade.mean_units), abs(p_grade.actual_units - p_grade.naive_units),
           p_grade.mean_units - p_grade.actual_units, demand_pinball(p_grade.quantiles, p_grade.actual_units),
           (p_grade.actual_units <= p_grade.quantiles[1])::integer, (p_grade.actual_units <= p_grade.quantiles[2])::integer,
           (p_grade.actual_units <= p_grade.quantiles[3])::integer, (p_grade.actual_units <= p_grade.quantiles[4])::integer,
           (p_grade.actual_units <= p_grade.quantiles[5])::integer
$$;
