-- grade_decisions
-- What became of every decision whose window has begun: from the day the order would have arrived, over lead time and four
-- weeks. Empty shelves are counted in days; what lies above the order-up-to level of the suggestion at the end is excess.
-- A grade changes until its window ends.
with clock as materialized (
    select business_now() as now
), decided as (
    select r.id, r.sku_id, r.warehouse_id, r.processed_by, r.processed_at, r.unit_cost, r.currency, r.suggested_quantity as last_quantity,
           coalesce((select sum((l ->> 'sign')::bigint * (l ->> 'amount')::bigint) from jsonb_array_elements(r.arithmetic) l
                      where l ->> 'key' = 'decided_by_hand'), 0) as by_hand,
           coalesce((select sum((l ->> 'sign')::bigint * (l ->> 'amount')::bigint) from jsonb_array_elements(r.arithmetic) l
                      where l ->> 'key' in ('expected_demand', 'buffer', 'fill_buffer', 'manual_level', 'order_lot', 'max_stock_cap',
                                            'shelf_life_cap', 'end_of_life_cap')), 0) as order_up_to,
           r.status, r.processed_at::date + ceil(r.lead_time_days)::integer as begins,
           r.processed_at::date + 2 * ceil(r.lead_time_days)::integer + 28 as ends
      from replenishment_suggestions r
      left join decision_grades g on g.suggestion_id = r.id
     where r.status in ('approved', 'ordered', 'received', 'rejected') and r.processed_at is not null
       and (g.suggestion_id is null or not g.is_final)
), due as (
    select d.*, least(d.ends, c.now::date) as until, c.now
      from decided d
     cross join clock c
     where d.begins < c.now::date
)
insert into decision_grades as g (suggestion_id, decision, decided_by, decided_at, sku_id, warehouse_id, suggested_quantity,
    decided_quantity, stockout_days, excess_units, excess_value, currency, window_begins, window_ends, is_final, graded_at)
select d.id, case when d.status = 'rejected' then 'rejected' when d.by_hand <> 0 then 'changed' else 'followed' end,
       d.processed_by, d.processed_at, d.sku_id, d.warehouse_id, d.last_quantity - d.by_hand,
       case when d.status = 'rejected' then 0 else d.last_quantity end,
       coalesce(e.days, 0), x.units, round(x.units * d.unit_cost, 2), d.currency, d.begins, d.ends, d.ends <= d.now::date, d.now
  from due d
  left join lateral (
       -- A day counts once, whatever emptied the shelf.
       select count(distinct day)::integer as days
         from empty_shelf_spans s
        cross join lateral generate_series(greatest(s.first_day, d.begins)::timestamp,
                                           least(coalesce(s.last_day, d.until - 1), d.until - 1)::timestamp, interval '1 day') as day
        where s.sku_id = d.sku_id and s.warehouse_id = d.warehouse_id and s.first_day > '-infinity') e on true
  left join lateral (
       select greatest(coalesce((select m.balance_after from inventory_movements m
                                  where m.sku_id = d.sku_id and m.warehouse_id = d.warehouse_id
                                    and m.created_at < d.until::timestamptz
                                  order by m.created_at desc, m.seq desc
                                  limit 1), 0) - greatest(d.order_up_to, 0), 0) as units) x on true
on conflict (suggestion_id) do update
   set stockout_days = excluded.stockout_days, excess_units = excluded.excess_units, excess_value = excluded.excess_value,
       is_final = excluded.is_final, graded_at = excluded.graded_at;

-- month_report
-- One month of decisions by kind, and by who decided.
select g.decision, g.decided_by, coalesce(g.currency, '') as currency, count(*)::integer as decisions,
       count(*) filter (where g.is_final)::integer as final,
       count(*) filter (where g.stockout_days > 0)::integer as with_stockout,
       sum(g.stockout_days)::integer as stockout_days, coalesce(sum(g.excess_value), 0)::numeric as excess_value
  from decision_grades g
 where g.decided_at >= %(month)s::date and g.decided_at < %(month)s::date + interval '1 month'
 group by 1, 2, 3
 order by array_position(array['followed', 'changed', 'rejected'], g.decision), 2, 3;

-- list_grades
-- The decisions of a month that cost most: empty shelves first, then excess.
select g.*, s.code as sku_code, s.name as sku_name, w.name as warehouse
  from decision_grades g
  join skus s on s.id = g.sku_id
  join warehouses w on w.id = g.warehouse_id
 where g.decided_at >= %(month)s::date and g.decided_at < %(month)s::date + interval '1 month'
   and (%(decision)s::text is null or g.decision = %(decision)s)
 order by g.stockout_days desc, g.excess_value desc nulls last, g.suggestion_id
 limit %(limit)s;

-- this_month
-- The first day of the month it is.
select date_trunc('month', business_now())::date as month;
