-- Demand line by line (docs/decisions/0110). Each function takes what is new, changes demand_lines, and answers what it
-- touched, with the order where something came back of it. Doing it twice changes nothing: entries above the floor are read again until no late commit can be among them.
-- Days are those of the warehouse's time zone. Transfers, corrections, counts and scrap are no demand.


-- Every day once, with the order where something came back of it.
create or replace function demand_told_apart(p_touched demand_touch[]) returns demand_touch[]
language sql stable as $$
    select array_agg(row(t.sku_id, t.warehouse_id, t.day, t.reference_type, t.reference_id)::demand_touch)
      from (select distinct c.sku_id, c.warehouse_id, c.day, o.reference_type, o.reference_id
              from unnest(p_touched) c
              left join returned_orders o using (reference_type, reference_id)) t
$$;


-- Sales and imported history: ledger entries that no reservation stands behind. What a hold consumes carries the number of
-- its request, an imported entry has none.
create or replace function demand_take_sales(p_after bigint) returns demand_touch[]
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_touched demand_touch[];
begin
    with taken as (
        insert into demand_lines (sku_id, warehouse_id, day, kind, source_id, quantity, reference_type, reference_id, at)
        select m.sku_id, m.warehouse_id, (m.occurred_at at time zone w.time_zone)::date,
               case m.reference_type when 'return' then 'return' else 'sale' end, m.id, -m.quantity, m.reference_type, m.reference_id,
               m.occurred_at
          from demand_new_entries(p_after) m
          join warehouses w on w.id = m.warehouse_id
         where m.movement_type in ('in', 'out')
           and (m.reference_type = 'sale' and m.undoes is null
                or m.reference_type in ('order', 'cart', 'manual', 'reservation') and m.undoes is null and m.request_no is null
                -- A return that no document describes: nobody knows the order, so it counts on its own day.
                or m.reference_type = 'return' and demand_return_of(m.reference_id) is null)
           and not exists (select from sandbox_skus x where x.sku_id = m.sku_id)
        on conflict do nothing
        returning sku_id, warehouse_id, day, reference_type, reference_id
    )
    select array_agg(t::demand_touch) into v_touched from taken t;
    return demand_told_apart(v_touched);
end $$;


-- The return a ledger entry names, if there is one.
create or replace function demand_return_of(p_reference_id text) returns uuid
language sql stable as $$
    select r.id from returns r
     where r.id = case when p_reference_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_reference_id::uuid end
$$;


-- What these reservations count for now. An order counts from the moment it is placed, shipped or not, also where it waits
-- for goods; a cart or a manual hold only once it is consumed; what was given back or expired does not. All on the day the
-- hold was placed.
create or replace function demand_take_orders(p_reservations uuid[]) returns demand_touch[]
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_touched demand_touch[];
begin
    with line as materialized (
        select h.id, h.reference_type, h.reference_id, h.created_at, l.sku_id, l.warehouse_id,
               (h.created_at at time zone w.time_zone)::date as day,
               coalesce(sum(l.quantity) filter (where l.status = 'consumed'
                   or (h.reference_type = 'order' and l.status in ('active', 'backordered'))), 0)::bigint as quantity
          from unnest(p_reservations) as r (reservation_id)
          join reservations h on h.id = r.reservation_id
          join inventory_reservations l on l.reservation_id = h.id
          join warehouses w on w.id = l.warehouse_id
         where not exists (select from sandbox_skus x where x.sku_id = l.sku_id)
         group by h.id, l.sku_id, l.warehouse_id, w.time_zone
    ), counted as (
        insert into demand_lines as d (sku_id, warehouse_id, day, kind, source_id, quantity, reference_type, reference_id, at)
        select sku_id, warehouse_id, day, 'order', id, quantity, reference_type, reference_id, created_at from line where quantity > 0
        on conflict (sku_id, warehouse_id, day, kind, source_id) do update
           set quantity = excluded.quantity, reference_type = excluded.reference_type, reference_id = excluded.reference_id
         where (d.quantity, d.reference_type, d.reference_id) is distinct from (excluded.quantity, excluded.reference_type, excluded.reference_id)
        returning sku_id, warehouse_id, day, reference_type, reference_id
    ), dropped as (
        delete from demand_lines d using line l
         where l.quantity = 0 and (d.sku_id, d.warehouse_id, d.day, d.kind, d.source_id) = (l.sku_id, l.warehouse_id, l.day, 'order', l.id)
        returning d.sku_id, d.warehouse_id, d.day, d.reference_type, d.reference_id
    )
    select array_agg(t::demand_touch) into v_touched from (select * from counted union all select * from dropped) t;
    return demand_told_apart(v_touched);
end $$;


-- What an undo took back of a sale or of a consumed hold, on the day of the line it corrects. The entry has the reference and
-- the moment of the one it undoes, and by both the hold is found that was consumed then.
create or replace function demand_take_undos(p_after bigint) returns demand_touch[]
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_touched demand_touch[];
begin
    with taken as (
        insert into demand_lines (sku_id, warehouse_id, day, kind, source_id, quantity, reference_type, reference_id, corrects, at)
        select m.sku_id, m.warehouse_id, (coalesce(h.created_at, m.occurred_at) at time zone w.time_zone)::date, 'undo', m.id,
               -m.quantity, m.reference_type, m.reference_id, coalesce(h.id, m.undoes), m.created_at
          from demand_new_entries(p_after) m
          join warehouses w on w.id = m.warehouse_id
          left join lateral (
               select r.id, r.created_at
                 from reservations r
                 join inventory_reservations l on l.reservation_id = r.id
                where r.reference_type = m.reference_type and r.reference_id = m.reference_id
                  and l.sku_id = m.sku_id and l.warehouse_id = m.warehouse_id and l.status = 'consumed'
                  and l.resolved_at = m.occurred_at
                order by r.created_at, r.id
                limit 1) h on true
         where m.undoes is not null
           and m.reference_type in ('sale', 'order', 'cart', 'manual', 'reservation')
           and not exists (select from sandbox_skus x where x.sku_id = m.sku_id)
        on conflict do nothing
        returning sku_id, warehouse_id, day, reference_type, reference_id
    )
    select array_agg(t::demand_touch) into v_touched from taken t;
    return demand_told_apart(v_touched);
end $$;


-- What came back, on the day and in the warehouse of the order line it belongs to: the units of all returns of an order are
-- laid one after the other along the units of its lines, oldest first. What is beyond them counts on the day it came back.
-- Anew for every order that has a new return, or had one and was touched.
create or replace function demand_take_returns(p_after bigint, p_touched demand_touch[]) returns demand_touch[]
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_orders demand_touch[];
    v_removed demand_touch[];
    v_added demand_touch[];
begin
    select array_agg(row(o.sku_id, null, null, o.reference_type, o.reference_id)::demand_touch) into v_orders
      from (select r.reference_type, r.reference_id, m.sku_id
              from demand_new_entries(p_after) m
              join returns r on r.id = demand_return_of(m.reference_id)
             where m.reference_type = 'return'
               and not exists (select from sandbox_skus x where x.sku_id = m.sku_id)
            union
            select t.reference_type, t.reference_id, t.sku_id
              from unnest(p_touched) t
             where t.reference_id is not null) o;
    if v_orders is null then
        return null;
    end if;

    with removed as (
        delete from demand_lines d using unnest(v_orders) o
         where d.kind = 'return' and d.reference_id = o.reference_id and d.sku_id = o.sku_id and d.reference_type = o.reference_type
        returning d.sku_id, d.warehouse_id, d.day, d.reference_type, d.reference_id
    )
    select array_agg(t::demand_touch) into v_removed from removed t;

    with back as materialized (
        select *, sum(quantity) over so_far - quantity as first_unit, sum(quantity) over so_far as last_unit
          from (select o.sku_id, o.reference_type, o.reference_id, r.id, r.warehouse_id, min(m.occurred_at) as at, sum(m.quantity) as quantity
                  from unnest(v_orders) o
                  join returns r on r.reference_type = o.reference_type and r.reference_id = o.reference_id
                  join inventory_movements m on m.reference_type = 'return' and m.reference_id = r.id::text and m.sku_id = o.sku_id
                 group by o.sku_id, o.reference_type, o.reference_id, r.id
                having sum(m.quantity) > 0) b
        window so_far as (partition by sku_id, reference_type, reference_id order by at, id)
    ), wanted as materialized (
        select *, sum(quantity) over so_far - quantity as first_unit, sum(quantity) over so_far as last_unit,
               sum(quantity) over (partition by sku_id, reference_type, reference_id) as total
          from (select o.sku_id, o.reference_type, o.reference_id, d.day, d.warehouse_id, sum(d.quantity) as quantity
                  from unnest(v_orders) o
                  join demand_lines d on d.reference_id = o.reference_id and d.sku_id = o.sku_id and d.reference_type = o.reference_type
                       and d.kind <> 'return'
                 group by o.sku_id, o.reference_type, o.reference_id, d.day, d.warehouse_id
                having sum(d.quantity) > 0) b
        window so_far as (partition by sku_id, reference_type, reference_id order by day, warehouse_id)
    ), placed as (
        select b.*, w.warehouse_id as demand_warehouse_id, w.day,
               least(b.last_unit, w.last_unit) - greatest(b.first_unit, w.first_unit) as units
          from back b
          join wanted w using (sku_id, reference_type, reference_id)
         where least(b.last_unit, w.last_unit) > greatest(b.first_unit, w.first_unit)
        union all
        select b.*, b.warehouse_id, (b.at at time zone p.time_zone)::date, b.last_unit - greatest(b.first_unit, coalesce(t.total, 0))
          from back b
          join warehouses p on p.id = b.warehouse_id
          left join lateral (select w.total from wanted w
                              where (w.sku_id, w.reference_type, w.reference_id) = (b.sku_id, b.reference_type, b.reference_id)
                              limit 1) t on true
         where b.last_unit > coalesce(t.total, 0)
    ), added as (
        insert into demand_lines (sku_id, warehouse_id, day, kind, source_id, quantity, reference_type, reference_id, at)
        select sku_id, demand_warehouse_id, day, 'return', id, -sum(units), reference_type, reference_id, min(at)
          from placed
         group by sku_id, demand_warehouse_id, day, id, reference_type, reference_id
        returning sku_id, warehouse_id, day, reference_type, reference_id
    )
    select array_agg(t::demand_touch) into v_added from added t;
    return v_removed || v_added;
end $$;
