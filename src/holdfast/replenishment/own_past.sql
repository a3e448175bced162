-- chosen_levels
-- The levels that sell most in money, by their codes: a file of them that is sorted has the same order.
select sku_id, warehouse_id, sku, location
  from (select f.sku_id, f.warehouse_id, s.code as sku, w.code as location
          from demand_forecasts f
          join skus s on s.id = f.sku_id and s.archived_at is null
          join warehouses w on w.id = f.warehouse_id and w.is_active
          join inventory i on i.sku_id = f.sku_id and i.warehouse_id = f.warehouse_id
         where not exists (select from sandbox_skus x where x.sku_id = s.id)
           and (%(warehouse_id)s::uuid is null or f.warehouse_id = %(warehouse_id)s)
           and (%(category)s::text is null or s.category = %(category)s)
         order by f.daily_mean * coalesce(s.price, i.cost_price, 1) desc, f.sku_id, f.warehouse_id
         limit %(series_max)s) chosen
 order by sku collate "C", location collate "C";

-- kept_odds
-- The odds of service that were found last.
select odds, usual_worth from service_odds order by made_at desc limit 1;

-- odds_are_missing
-- Whether levels were planned and nobody chose their odds yet.
select not exists (select from service_odds)
   and exists (select from demand_forecasts f join inventory i on (i.sku_id, i.warehouse_id) = (f.sku_id, f.warehouse_id));

-- general_money
-- What an order and a year of holding cost where no narrower policy says anything else.
select coalesce(order_cost, 2)::double precision as order_cost, coalesce(holding_rate, 0.25)::double precision as holding_rate
  from replenishment_policies
 where sku_id is null and category is null and class_code is null and warehouse_id is null;

-- save_odds
-- What the past says tonight; twice at one moment is once.
insert into service_odds (odds, usual_worth, order_cost, holding_rate, series, trials)
values (%(odds)s, %(usual_worth)s, %(order_cost)s, %(holding_rate)s, %(series)s, %(trials)s)
on conflict (made_at) do update
   set odds = excluded.odds, usual_worth = excluded.usual_worth, order_cost = excluded.order_cost,
       holding_rate = excluded.holding_rate, series = excluded.series, trials = excluded.trials;

-- forget_odds
-- A year of nights is kept, to see what orders were placed by.
delete from service_odds where made_at < (select business_now()) - interval '1 year';
