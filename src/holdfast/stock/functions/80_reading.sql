-- Can so many of a SKU be had, and where? Now, or by a date from what is on its way. Many questions at once; nothing is locked.
-- p_requests: [{n, sku_id, quantity, warehouse_id (null: any active), exclude_reference_id (null, or the shopper's own hold),
--               by (null: now), channel (null: who names none; its warehouses, its pools and the days it asks for count)}]
-- Units that pools keep for other channels are not available. Units of holds whose time is over count as available, as they do for
-- a reservation (P7). Of a bundle there is as much as of its scarcest component. What is promised already is never promised
-- again: dated inbound fills the pools, then counts after all backorders.
-- Outcomes: availability; sku_not_found, unknown_channel, unknown_warehouse.
create or replace function stock_availability(p_requests json) returns setof stock_answer
language sql stable security definer set search_path = public, pg_temp as $$
    with ask as materialized (
        select r.*, s.id is not null as known, s.archived_at is not null as archived, coalesce(s.is_bundle, false) as is_bundle,
               h.id as channel_id, h.warehouse_ids, h.min_remaining_days as days
          from json_to_recordset(p_requests)
            as r (n integer, sku_id uuid, quantity bigint, warehouse_id uuid, exclude_reference_id text, by date, channel text)
          left join skus s on s.id = r.sku_id
          left join sales_channels h on h.code = r.channel
    ), need as (
        select n, sku_id, 1::bigint as per, 1::bigint as parts, warehouse_id, exclude_reference_id, by, channel_id, warehouse_ids, days
          from ask where not is_bundle
        union all
        select a.n, c.component_id, c.quantity, count(*) over (partition by a.n), a.warehouse_id, a.exclude_reference_id, a.by,
               a.channel_id, a.warehouse_ids, a.days
          from ask a join bundle_components c on c.bundle_id = a.sku_id
         where a.is_bundle
    ), shelf as (
        select d.n, d.sku_id, d.per, d.parts, i.warehouse_id, w.priority,
               least(stock_would_take(i, d.channel_id, (i.available_quantity + due.quantity + x.inbound - x.past_use)::bigint,
                                      due.of_pools),
                     x.inbound + x.lasting)::bigint as available
          from need d
          join inventory i using (sku_id)
          join warehouses w on w.id = i.warehouse_id and w.is_active
         cross join (select business_now() as now) c
         cross join lateral (
               select coalesce(sum(l.quantity), 0) as quantity,
                      -- falls back to pools that are still there
                      coalesce(sum(l.quantity) filter (where l.is_due and l.pool_id is not null and exists (
                          select from channel_pools p where p.id = l.pool_id and p.ended_at is null)), 0)::bigint as of_pools
                 from (select o.quantity, o.pool_id, true as is_due
                         from inventory_reservations o
                        where o.sku_id = i.sku_id and o.warehouse_id = i.warehouse_id and o.status = 'active' and o.expires_at <= c.now
                       union all
                       select o.quantity, o.pool_id, false
                         from reservations h
                         join inventory_reservations o on o.reservation_id = h.id
                        where h.reference_type in ('cart', 'order', 'manual') and h.reference_id = d.exclude_reference_id
                          and o.sku_id = i.sku_id and o.warehouse_id = i.warehouse_id and o.status = 'active'
                          and coalesce(o.expires_at > c.now, true)) l) due
         cross join lateral (
               select case when d.by is null then 0 else stock_inbound_by(i.sku_id, i.warehouse_id, d.by) end as inbound,
                      -- what is past its use is not available, withdrawn or not
                      coalesce((select sum(b.sellable_quantity) from inventory_batches b
                                 where b.sku_id = i.sku_id and b.warehouse_id = i.warehouse_id and b.sellable_quantity > 0
                                   and b.usable_until <= c.now), 0) as past_use,
                      case when d.days is not null and exists (select from skus k where k.id = i.sku_id and k.tracking <> 'none')
                           then greatest(0, stock_lasting_left(i.sku_id, i.warehouse_id, d.days, d.channel_id, true, c.now)) end as lasting) x
         where (d.warehouse_id is null or d.warehouse_id = i.warehouse_id)
           and (d.warehouse_ids is null or i.warehouse_id = any (d.warehouse_ids))
    ), place as (
        select n, warehouse_id, priority, min(available / per) as available
          from shelf group by n, warehouse_id, priority, parts having count(*) = parts
    ), whole as (
        select n, min(available / per) as available
          from (select n, per, parts, count(*) over (partition by n) as found, sum(available)::bigint as available
                  from shelf group by n, sku_id, per, parts) component
         where found = parts
         group by n
    ), total as (
        select a.*, coalesce(t.available, 0) as available, coalesce(p.from_one, false) as from_one, coalesce(p.warehouses, '[]') as warehouses
          from ask a
          left join whole t using (n)
          left join lateral (
               select bool_or(x.available >= a.quantity) as from_one,
                      json_agg(json_build_object('warehouse_id', x.warehouse_id, 'quantity_available', x.available)
                               order by x.priority desc, x.available desc) filter (where x.available > 0) as warehouses
                 from place x where x.n = a.n) p on true
    )
    select n, case when not known then 'sku_not_found' when channel is not null and channel_id is null then 'unknown_channel'
                   when warehouse_id is not null and not exists (select from warehouses where id = total.warehouse_id)
                        then 'unknown_warehouse'
                   else 'availability' end,
           json_build_object('available', available >= quantity and not archived,
                             'quantity_available', available,
                             'warehouses', warehouses,
                             'fulfillable_from_one', from_one and not archived,
                             'promise_date', case when archived then null
                                                  when by is null and available >= quantity then business_now()::date
                                                  else stock_promise_date(sku_id, warehouse_id, quantity, channel_id) end),
           false
      from total
$$;


-- What dated inbound brings to a level by a date. What is overdue counts for no date: nobody knows when it comes.
create or replace function stock_inbound_by(p_sku uuid, p_warehouse uuid, p_by date) returns bigint
language sql stable as $$
    select coalesce(sum(quantity), 0)::bigint from inbound_lines
     where sku_id = p_sku and warehouse_id = p_warehouse and expected_at between business_now()::date and p_by
$$;


-- The first day on which so many can be had by a channel (null: by who names none); null: not as far as anybody knows. Every
-- component of a bundle must be there.
create or replace function stock_promise_date(p_sku uuid, p_warehouse uuid, p_quantity bigint, p_channel uuid) returns date
language sql stable as $$
    with need as (
        select p_sku as sku_id, p_quantity as quantity where not exists (select from bundle_components where bundle_id = p_sku)
        union all
        select component_id, quantity * p_quantity from bundle_components where bundle_id = p_sku
    ), day as (
        -- today, and every day on which something comes
        select n.sku_id, n.quantity, business_now()::date as day from need n
        union
        select n.sku_id, n.quantity, b.expected_at from need n join inbound_lines b using (sku_id)
         where b.expected_at >= (select business_now()::date) and b.warehouse_id = coalesce(p_warehouse, b.warehouse_id)
    ), found as (
        select n.sku_id, min(d.day) filter (where stock_promisable(d.sku_id, p_warehouse, d.day, p_channel) >= d.quantity) as day
          from need n left join day d using (sku_id)
         group by n.sku_id
    )
    select case when bool_and(day is not null) then max(day) end from found
$$;


-- How many of a SKU can be promised for a day: what is there, due holds included, plus dated inbound, less pools of others and
-- backorders, level by level, because a surplus here covers no promise made there.
create or replace function stock_promisable(p_sku uuid, p_warehouse uuid, p_by date, p_channel uuid) returns bigint
language sql stable as $$
    select coalesce(sum(stock_would_take(i, p_channel,
               (i.available_quantity + stock_inbound_by(i.sku_id, i.warehouse_id, p_by) + due.quantity)::bigint, due.of_pools)), 0)::bigint
      from inventory i
      join warehouses w on w.id = i.warehouse_id and w.is_active
      left join sales_channels c on c.id = p_channel
     cross join lateral (
           select coalesce(sum(l.quantity), 0) as quantity,
                  coalesce(sum(l.quantity) filter (where l.pool_id is not null and exists (
                      select from channel_pools p where p.id = l.pool_id and p.ended_at is null)), 0)::bigint as of_pools
             from inventory_reservations l
            where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id
              and l.status = 'active' and l.expires_at <= (select business_now())) due
     where i.sku_id = p_sku and i.warehouse_id = coalesce(p_warehouse, i.warehouse_id)
       and (c.warehouse_ids is null or i.warehouse_id = any (c.warehouse_ids))
$$;


-- At or below the point at which it should be ordered again, with what is coming and without what is promised beyond what is there.
create or replace function stock_is_low(p_level inventory) returns boolean
language sql immutable as $$
    select coalesce(p_level.reorder_point, p_level.computed_reorder_point) > 0
           and p_level.available_quantity + p_level.in_transit_quantity - p_level.backordered_quantity
               <= coalesce(p_level.reorder_point, p_level.computed_reorder_point)
$$;
