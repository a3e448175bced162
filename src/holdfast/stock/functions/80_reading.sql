-- Can so many of a SKU be had now, and where? Many questions at once; nothing is locked.
-- p_requests: [{n, sku_id, quantity, warehouse_id (null: any active), exclude_reference_id (null, or the shopper's own hold)}]
-- Units of holds whose time is over count as available, as they do for a reservation (P7).
-- Outcomes: availability; sku_not_found.
create or replace function stock_availability(p_requests json) returns setof stock_answer
language sql stable security definer set search_path = public, pg_temp as $$
    with ask as (
        select * from json_to_recordset(p_requests)
            as r (n integer, sku_id uuid, quantity bigint, warehouse_id uuid, exclude_reference_id text)
    ), shelf as (
        select a.n, a.quantity as wanted, i.warehouse_id, w.priority,
               i.available_quantity + coalesce((
                   select sum(l.quantity)
                     from inventory_reservations l
                    where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id and l.status = 'active'
                      and (l.expires_at <= c.now
                           or exists (select from reservations h
                                       where h.id = l.reservation_id and h.reference_id = a.exclude_reference_id))
                      and (a.exclude_reference_id is not null or l.expires_at <= c.now)), 0) as available
          from ask a
          join inventory i using (sku_id)
          join warehouses w on w.id = i.warehouse_id and w.is_active
         cross join (select business_now() as now) c
         where a.warehouse_id is null or a.warehouse_id = i.warehouse_id
    ), total as (
        select a.n, s.id as sku_id, s.archived_at is not null as archived, a.quantity as wanted,
               coalesce(sum(x.available), 0)::bigint as available,
               coalesce(bool_or(x.available >= a.quantity), false) as from_one,
               coalesce(json_agg(json_build_object('warehouse_id', x.warehouse_id, 'quantity_available', x.available)
                                 order by x.priority desc, x.available desc) filter (where x.available > 0), '[]') as warehouses
          from ask a
          left join skus s on s.id = a.sku_id
          left join shelf x using (n)
         group by a.n, s.id, a.quantity
    )
    select n, case when sku_id is null then 'sku_not_found' else 'availability' end,
           json_build_object('available', available >= wanted and not archived,
                             'quantity_available', available,
                             'warehouses', warehouses,
                             'fulfillable_from_one', from_one and not archived,
                             'promise_date', case when available >= wanted and not archived then business_now()::date end),
           false
      from total
$$;
