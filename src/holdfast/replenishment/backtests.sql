-- start_backtest
-- One at a time: it needs a core for itself.
insert into replenishment_backtests (started_by, started_at, asked)
values (%(actor)s, business_now(), %(asked)s)
on conflict ((true)) where status = 'running' do nothing
returning id;

-- running_backtest
-- The one under way.
select * from replenishment_backtests where status = 'running';

-- get_backtest
-- One backtest with its result.
select * from replenishment_backtests where id = %(id)s;

-- list_backtests
-- Newest first.
select * from replenishment_backtests where %(before)s::uuid is null or id < %(before)s order by id desc limit %(limit)s;

-- set_phase
-- What it is doing, for whoever waits.
update replenishment_backtests set phase = %(phase)s where id = %(id)s and status = 'running';

-- finish_backtest
-- With its result, or with what went wrong.
update replenishment_backtests
   set status = %(status)s, finished_at = business_now(), phase = 'done', result = %(result)s, error = %(error)s
 where id = %(id)s and status = 'running';

-- chosen_series
-- The levels that sell most in money, with the terms they are planned by.
select f.sku_id, f.warehouse_id, s.code as sku, w.code as location, business_now()::date as today,
       coalesce(t.lead_time_days, 7)::double precision as lead_time_days,
       coalesce(t.lead_time_sd_days, 0)::double precision as lead_time_sd_days, coalesce(t.moq, 1)::bigint as moq,
       coalesce(t.order_multiple, 1)::bigint as order_multiple,
       coalesce(t.unit_cost, i.cost_price)::double precision as unit_cost, s.price::double precision as price,
       coalesce(t.currency, s.currency, '') as currency, i.reorder_point, i.max_stock
  from demand_forecasts f
  join skus s on s.id = f.sku_id and s.archived_at is null
  join warehouses w on w.id = f.warehouse_id and w.is_active
  join inventory i on i.sku_id = f.sku_id and i.warehouse_id = f.warehouse_id
  left join lateral (
       select * from supplier_terms t where t.sku_id = f.sku_id and t.is_active
        order by t.is_preferred desc, t.unit_cost, t.supplier_id limit 1) t on true
 where not exists (select from sandbox_skus x where x.sku_id = s.id)
   and (%(warehouse_id)s::uuid is null or f.warehouse_id = %(warehouse_id)s)
   and (%(category)s::text is null or s.category = %(category)s)
 order by f.daily_mean * coalesce(s.price, t.unit_cost, i.cost_price, 1) desc, f.sku_id, f.warehouse_id
 limit %(series_max)s;
