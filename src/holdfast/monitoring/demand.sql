-- demand_is_its_sources
-- P10: what is kept as sold and returned is what ledger and reservations say, read from the beginning; levels with something new are left to the next refresh.
with fresh as materialized (
    select m.sku_id, m.warehouse_id from demand_cursor c join inventory_movements m on m.seq > c.last_seq
    union
    select l.sku_id, l.warehouse_id
      from demand_cursor c
      join outbox_events e on e.id > c.last_event_id and e.event_type like 'inventory.%%'
      join inventory_reservations l on l.reservation_id = (e.data ->> 'reservation_id')::uuid
), line as (
    select l.sku_id, l.warehouse_id, (h.created_at at time zone w.time_zone)::date as day, l.quantity
      from reservations h
      join inventory_reservations l on l.reservation_id = h.id
      join warehouses w on w.id = l.warehouse_id
     where l.status = 'consumed' or (h.reference_type = 'order' and l.status in ('active', 'backordered'))
    union all
    select m.sku_id, m.warehouse_id, (coalesce(h.created_at, m.occurred_at) at time zone w.time_zone)::date, -m.quantity
      from inventory_movements m
      join warehouses w on w.id = m.warehouse_id
      left join lateral (
           select r.created_at
             from reservations r
             join inventory_reservations l on l.reservation_id = r.id
            where m.undoes is not null and r.reference_type = m.reference_type and r.reference_id = m.reference_id
              and l.sku_id = m.sku_id and l.warehouse_id = m.warehouse_id and l.status = 'consumed' and l.resolved_at = m.occurred_at
            order by r.created_at, r.id
            limit 1) h on true
     where m.movement_type in ('in', 'out')
       and (m.reference_type = 'sale'
            or m.reference_type in ('order', 'cart', 'manual', 'reservation') and (m.undoes is not null or m.request_no is null))
), sold as (
    select sku_id, warehouse_id, day, sum(quantity) as units from line group by sku_id, warehouse_id, day
), returned as (
    -- Which day a return belongs to is the order's affair; how much came back is not.
    select sku_id, sum(units) as units
      from (select sku_id, greatest(0, sum(quantity)) as units
              from inventory_movements m
             where reference_type = 'return' and exists (select from returns r where r.id::text = m.reference_id)
             group by sku_id, reference_id
            union all
            select sku_id, quantity
              from inventory_movements m
             where reference_type = 'return' and movement_type in ('in', 'out')
               and not exists (select from returns r where r.id::text = m.reference_id)) back
     group by sku_id
), wrong as (
    select sku_id, warehouse_id, day, coalesce(s.units, 0) as expected, coalesce(d.sold_quantity, 0) as found, 'sold' as part
      from sold s
      full join demand_daily d using (sku_id, warehouse_id, day)
     where coalesce(s.units, 0) <> coalesce(d.sold_quantity, 0)
       and not exists (select from fresh f where (f.sku_id, f.warehouse_id) = (coalesce(s.sku_id, d.sku_id), coalesce(s.warehouse_id, d.warehouse_id)))
    union all
    select sku_id, null, null, coalesce(r.units, 0), coalesce(d.units, 0), 'returned'
      from returned r
      full join (select sku_id, sum(returned_quantity) as units from demand_daily group by sku_id) d using (sku_id)
     where coalesce(r.units, 0) <> coalesce(d.units, 0)
       and not exists (select from fresh f where f.sku_id = coalesce(r.sku_id, d.sku_id))
)
select concat('demand of ', s.code, '@' || w.code, ' on ' || x.day) as subject,
       concat(x.part, '=', x.expected) as expected, concat(x.part, '=', x.found) as found
  from wrong x
  join skus s on s.id = x.sku_id
  left join warehouses w on w.id = x.warehouse_id
 where not (select is_new from demand_cursor)
   and not exists (select from sandbox_skus b where b.sku_id = x.sku_id)
 order by 1;

-- refused_is_its_attempts
-- What was refused on a day is the sum of what its attempts were short of.
select concat('refused of ', s.code, '@' || w.code, ' on ' || day) as subject, coalesce(r.units, 0)::text as expected,
       coalesce(d.refused_quantity, 0)::text as found
  from (select sku_id, warehouse_id, day, sum(requested - available) as units from demand_refusals group by sku_id, warehouse_id, day) r
  full join (select sku_id, warehouse_id, day, refused_quantity from demand_daily where refused_quantity <> 0) d
       using (sku_id, warehouse_id, day)
  join skus s on s.id = sku_id
  join warehouses w on w.id = warehouse_id
 where coalesce(r.units, 0) <> coalesce(d.refused_quantity, 0)
 order by 1;

-- accuracy_is_its_grades
-- The sums that accuracy is told from are those of the grades; units as far as adding in another order lets them be equal.
with told as (
    select made_on, sum(graded) as graded, sum(newest) as newest_pairs, sum(actual) as actual_units, sum(error) as error_units,
           sum(naive) as naive_error_units, sum(bias) as bias_units, sum(pinball) as pinball_units, sum(within) as within
      from (select g.made_on, 1 as graded, (g.made_on = max(g.made_on) over (partition by g.sku_id, g.warehouse_id))::integer as newest,
                   g.actual_units as actual, e.error_units as error, e.naive_error_units as naive, e.bias_units as bias,
                   e.pinball_units as pinball, e.within_50 + e.within_80 + e.within_90 + e.within_95 + e.within_99 as within
              from forecast_grades g
             cross join lateral demand_errors(g) e
             where g.actual_units is not null) each_grade
     group by made_on
)
select 'accuracy of forecasts of ' || made_on as subject,
       concat_ws(' ', t.graded, t.newest_pairs, t.within, round(t.actual_units::numeric, 2), round(t.error_units::numeric, 2)) as expected,
       concat_ws(' ', f.graded, f.newest_pairs, f.within_50 + f.within_80 + f.within_90 + f.within_95 + f.within_99,
                 round(f.actual_units::numeric, 2), round(f.error_units::numeric, 2)) as found
  from told t
  full join forecast_accuracy f using (made_on)
 where (coalesce(t.graded, 0), coalesce(t.newest_pairs, 0), coalesce(t.within, 0))
       is distinct from (coalesce(f.graded, 0), coalesce(f.newest_pairs, 0),
                         coalesce(f.within_50 + f.within_80 + f.within_90 + f.within_95 + f.within_99, 0))
    or abs(coalesce(t.actual_units, 0) - coalesce(f.actual_units, 0)) > 1e-6 * (1 + abs(coalesce(t.actual_units, 0)))
    or abs(coalesce(t.error_units, 0) - coalesce(f.error_units, 0)) > 1e-6 * (1 + abs(coalesce(t.error_units, 0)))
    or abs(coalesce(t.naive_error_units, 0) - coalesce(f.naive_error_units, 0)) > 1e-6 * (1 + abs(coalesce(t.naive_error_units, 0)))
    or abs(coalesce(t.bias_units, 0) - coalesce(f.bias_units, 0)) > 1e-6 * (1 + abs(coalesce(t.error_units, 0)))
    or abs(coalesce(t.pinball_units, 0) - coalesce(f.pinball_units, 0)) > 1e-6 * (1 + abs(coalesce(t.pinball_units, 0)))
 order by 1;
