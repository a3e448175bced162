-- How many of each SKU can be sold now in some warehouses (null: every active one), with so many days left (null: as the SKU
-- asks), by a channel (null: by who names none): what pools keep for others is not for sale. Units of holds whose time is over count, units past their use do not, as for every question (stock_availability).
-- Of a bundle there is as much as of its scarcest component. Archived SKUs are not for sale.
create or replace function stock_sellable(p_skus uuid[], p_warehouses uuid[], p_days integer, p_channel uuid)
returns table (sku_id uuid, available bigint)
language sql stable security definer set search_path = public, pg_temp as $$
    with need as (
        select s.id as for_sku, s.id as sku_id, 1::bigint as per
          from skus s where s.id = any(p_skus) and s.archived_at is null and not s.is_bundle
        union all
        select s.id, c.component_id, c.quantity
          from skus s join bundle_components c on c.bundle_id = s.id
         where s.id = any(p_skus) and s.archived_at is null
    ), part as (
        select n.for_sku, n.sku_id, n.per,
               coalesce(sum(least(stock_would_take(i, p_channel, i.available_quantity + x.expired - x.past_use, x.of_pools),
                                  x.lasting)), 0)::bigint as available
          from need n
          left join (inventory i join warehouses w on w.id = i.warehouse_id and w.is_active)
            on i.sku_id = n.sku_id and (p_warehouses is null or i.warehouse_id = any(p_warehouses))
          left join lateral (
               select due.expired, due.of_pools,
                      coalesce((select sum(b.sellable_quantity) from inventory_batches b
                                 where b.sku_id = i.sku_id and b.warehouse_id = i.warehouse_id and b.sellable_quantity > 0
                                   and b.usable_until <= (select business_now())), 0)::bigint as past_use,
                      -- promises that ask for such a life come first; what is not told apart does not age
                      case when p_days is not null and exists (select from skus s where s.id = i.sku_id and s.tracking <> 'none')
                           then greatest(0, stock_lasting_left(i.sku_id, i.warehouse_id, p_days, p_channel, true, business_now())) end as lasting
                 from (select coalesce(sum(l.quantity), 0)::bigint as expired,
                              coalesce(sum(l.quantity) filter (where l.pool_id is not null and exists (
                                  select from channel_pools p where p.id = l.pool_id and p.ended_at is null)), 0)::bigint as of_pools
                         from inventory_reservations l
                        where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id and l.status = 'active'
                          and l.expires_at <= (select business_now())) due) x on i.sku_id is not null
         group by n.for_sku, n.sku_id, n.per
    )
    select for_sku, min(available / per)::bigint from part group by for_sku
$$;


-- What channels show of some SKUs: max(0, available − buffer). The SKU's buffer goes before its category's, that before the
-- channel's own. A channel that is not active shows nothing.
create or replace function channel_published(p_channels uuid[], p_skus uuid[])
returns table (channel_id uuid, sku_id uuid, available bigint, buffer bigint, published bigint)
language sql stable as $$
    select c.id, a.sku_id, a.available, b.buffer,
           case when c.is_active then greatest(0, a.available - b.buffer) else 0 end
      from sales_channels c
     cross join lateral stock_sellable(p_skus, c.warehouse_ids, c.min_remaining_days, c.id) a
      join skus s on s.id = a.sku_id
     cross join lateral (
           select coalesce((select x.buffer from channel_buffers x where x.channel_id = c.id and x.sku_id = a.sku_id),
                           (select x.buffer from channel_buffers x where x.channel_id = c.id and x.category = s.category),
                           c.buffer) as buffer) b
     where c.id = any(p_channels)
$$;


-- Compare what some SKUs are now with what was last told, and tell each that came or went, once; answers how many.
-- p_channels null: the state of the house and of every channel. One caller at a time: the publisher's turn, or a lock on it.
create or replace function tell_stock_states(p_skus uuid[], p_channels uuid[]) returns bigint
language sql as $$
    with here as (
        select a.sku_id, null::uuid as channel_id, a.available as quantity, a.available > 0 as is_in_stock
          from stock_sellable(p_skus, null, null, null) a
         where p_channels is null
        union all
        -- an archived SKU is nowhere for sale
        select s.id, null, 0, false from skus s where p_channels is null and s.id = any(p_skus) and s.archived_at is not null
        union all
        select p.sku_id, p.channel_id, p.published, p.published > 0
          from channel_published(coalesce(p_channels, array(select id from sales_channels)), p_skus) p
        union all
        select s.id, c.id, 0, false
          from skus s cross join sales_channels c
         where s.id = any(p_skus) and s.archived_at is not null and c.id = any(coalesce(p_channels, array[c.id]))
    ), moved as (
        insert into stock_states as t (sku_id, channel_id, is_in_stock, changed_at)
        select h.sku_id, h.channel_id, h.is_in_stock, business_now()
          from here h
          left join stock_states x on x.sku_id = h.sku_id and x.channel_id is not distinct from h.channel_id
         -- What never was in stock is not told to be out of it. What is as it was is not touched: a conflict locks its row.
         where h.is_in_stock <> coalesce(x.is_in_stock, false)
         order by h.sku_id, h.channel_id
        on conflict (sku_id, channel_id) do update set is_in_stock = excluded.is_in_stock, changed_at = excluded.changed_at
         where t.is_in_stock <> excluded.is_in_stock
        returning t.sku_id, t.channel_id, t.is_in_stock
    ), told as (
        insert into outbox_events (event_type, sku_ids, data)
        select case when m.channel_id is null then 'sku.' else 'channel.' end
                   || case when m.is_in_stock then 'back_in_stock' else 'out_of_stock' end,
               array[m.sku_id],
               json_strip_nulls(json_build_object('sku_id', m.sku_id, 'sku_code', s.code, 'channel_id', c.id, 'channel', c.code,
                   case when m.channel_id is null then 'available_quantity' else 'published_quantity' end, h.quantity))
          from moved m
          join skus s on s.id = m.sku_id
          join here h on h.sku_id = m.sku_id and h.channel_id is not distinct from m.channel_id
          left join sales_channels c on c.id = m.channel_id
         order by m.sku_id, c.code nulls first
        returning 1
    )
    select count(*) from told
$$;
