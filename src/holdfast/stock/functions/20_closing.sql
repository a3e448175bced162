-- Close the given parts of open reservation lines (held, or promised and still to come) with their outcome. The caller holds
-- the level locks. A part smaller than its line splits it, so every row keeps one quantity and one outcome for ever. Units
-- that come free go to who waits for them, before anybody else can ask (functions/25_queue.sql).
create or replace function stock_close_lines(p_takes stock_take[], p_now timestamptz) returns void
language plpgsql as $$
declare
    v_skus uuid[];
    v_warehouses uuid[];
begin
    perform stock_end_lines(p_takes, p_now);
    select array_agg(sku_id), array_agg(warehouse_id) into v_skus, v_warehouses
      from unnest(p_takes) t where t.outcome <> 'consumed';
    if v_skus is not null then
        if exists (select from inventory_batches where sellable_quantity > 0 and usable_until <= p_now) then
            -- Units past their use that a hold kept are not for those who wait.
            perform stock_withdraw_locked(array(select row(sku_id, warehouse_id, 0, 0, true)::stock_left from unnest(p_takes)), p_now);
        end if;
        perform stock_serve(v_skus, v_warehouses, p_now);
    end if;
end $$;


-- The same without serving anybody: for units that are free only on paper.
create or replace function stock_end_lines(p_takes stock_take[], p_now timestamptz) returns void
language plpgsql as $$
begin
    insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, status, reserved_at, resolved_at, expires_at,
        promised_at, promise_date, pool_id)
    select t.reservation_id,
           (select max(line_no) from inventory_reservations m where m.reservation_id = t.reservation_id)
               + row_number() over (partition by t.reservation_id order by t.line_no),
           t.sku_id, t.warehouse_id, t.quantity, t.outcome, l.reserved_at, p_now, l.expires_at, l.promised_at, l.promise_date, l.pool_id
      from unnest(p_takes) t
      join inventory_reservations l using (reservation_id, line_no)
     where t.quantity < t.open_quantity;

    update inventory_reservations l
       set quantity = case when t.quantity < t.open_quantity then l.quantity - t.quantity else l.quantity end,
           status = case when t.quantity < t.open_quantity then l.status else t.outcome end,
           resolved_at = case when t.quantity < t.open_quantity then null else p_now end
      from unnest(p_takes) t
     where (l.reservation_id, l.line_no) = (t.reservation_id, t.line_no);

    update reservations h
       set resolved_at = p_now,
           status = case when l.has_consumed then 'consumed' else t.outcome end
      from (select reservation_id, min(outcome) as outcome from unnest(p_takes) group by reservation_id) t
     cross join lateral (select bool_or(status = 'consumed') as has_consumed,
                                bool_or(status in ('active', 'backordered')) as is_open
                           from inventory_reservations where reservation_id = t.reservation_id) l
     where h.id = t.reservation_id and not l.is_open;

    update inventory i
       set reserved_quantity = i.reserved_quantity - t.quantity,
           available_quantity = i.available_quantity + t.freed,
           backordered_quantity = i.backordered_quantity - t.given_up,
           version = i.version + 1,
           last_updated = greatest(i.last_updated, p_now)
      from (select sku_id, warehouse_id, coalesce(sum(quantity) filter (where not was_backordered), 0) as quantity,
                   coalesce(sum(quantity) filter (where outcome <> 'consumed' and not was_backordered), 0) as freed,
                   coalesce(sum(quantity) filter (where was_backordered), 0) as given_up
              from unnest(p_takes) group by sku_id, warehouse_id) t
     where (i.sku_id, i.warehouse_id) = (t.sku_id, t.warehouse_id);

    -- One look where usually nothing is: pools.
    if exists (select from channel_pools) then
        perform stock_give_back_to_pools(p_takes);
    end if;
    -- One look where usually nothing is: units that holds name.
    if exists (select from serials where reservation_id is not null) then
        perform stock_free_units(array(select distinct reservation_id from unnest(p_takes)));
    end if;
end $$;


-- A closed part as events tell it: quantity is what was held; what was only promised is said apart. Not immutable, because
-- what it calls is not either: then PostgreSQL writes it into the statement instead of calling it, 2 us less for each part.
create or replace function stock_take_facts(p_take stock_take) returns json
language sql stable as $$
    select case when p_take.was_backordered
                then json_build_object('sku_id', p_take.sku_id, 'warehouse_id', p_take.warehouse_id, 'quantity', 0,
                                       'backordered_quantity', p_take.quantity)
                else json_build_object('sku_id', p_take.sku_id, 'warehouse_id', p_take.warehouse_id, 'quantity', p_take.quantity) end
$$;


-- Expire the active holds among p_reservations whose time is over. The caller holds the level locks.
-- Answers how many reservations were expired.
create or replace function stock_expire_locked(p_reservations uuid[], p_now timestamptz) returns integer
language plpgsql as $$
declare
    v_event_id text := left(uuidv7()::text, 32);
    v_takes stock_take[];
    v_expired integer;
begin
    select array_agg(row(null, l.reservation_id, l.line_no, l.sku_id, l.warehouse_id, l.quantity, l.quantity, 'expired',
                         l.status = 'backordered')::stock_take)
      into v_takes
      from inventory_reservations l
     where l.reservation_id = any (p_reservations) and l.status in ('active', 'backordered') and l.expires_at <= p_now;
    if v_takes is null then
        return 0;
    end if;

    perform stock_close_lines(v_takes, p_now);
    insert into outbox_events (event_id, event_type, sku_ids, data, occurred_at)
    select case when event_no < 65536 then stock_id_in_group(v_event_id, event_no) else uuidv7() end,
           'inventory.reservation_expired', sku_ids, data, p_now
      from (select (row_number() over () - 1)::integer as event_no, array_agg(distinct t.sku_id) as sku_ids,
                   json_build_object('reservation_id', h.id, 'reference_type', h.reference_type, 'reference_id', h.reference_id,
                       'items', json_agg(stock_take_facts(t))) as data
              from unnest(v_takes) t
              join reservations h on h.id = t.reservation_id
             group by h.id) told;
    get diagnostics v_expired = row_count;
    return v_expired;
end $$;


-- Release up to p_limit holds whose time is over; the sweeper calls this until it answers 0.
create or replace function stock_expire(p_limit integer) returns integer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_now timestamptz := business_now();
    v_reservations uuid[];
begin
    select array_agg(id) into v_reservations
      from (select id from reservations
             where status = 'active' and expires_at <= v_now
             order by expires_at
             limit p_limit) due;
    if v_reservations is null then
        return 0;
    end if;
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in
            (select l.sku_id, l.warehouse_id from inventory_reservations l where l.reservation_id = any (v_reservations))
      order by i.sku_id, i.warehouse_id
        for no key update;
    -- Re-checked under the lock: two sweepers, or a sweeper and a consume, resolve a hold once.
    return stock_expire_locked(v_reservations, v_now);
end $$;


-- Lock every level of the given reservations: from here on nobody else changes these reservations.
create or replace function stock_lock_reservations(p_reservations uuid[]) returns void
language sql as $$
    select from inventory i
      where (i.sku_id, i.warehouse_id) in
            (select l.sku_id, l.warehouse_id from inventory_reservations l where l.reservation_id = any (p_reservations))
      order by i.sku_id, i.warehouse_id
        for no key update
$$;


-- One reservation as the API shows it. What still waits for goods is said per line only where something ever did.
create or replace function stock_reservation_facts(p_reservation uuid) returns json
language sql stable security definer set search_path = public, pg_temp as $$
    select case when h.has_bundles or h.channel_id is not null
                then (f.facts::jsonb || case when h.has_bundles then jsonb_build_object('bundles', stock_open_bundles(h.id)) else '{}' end
                      || case when h.channel_id is null then '{}'
                              else jsonb_build_object('channel', (select c.code from sales_channels c where c.id = h.channel_id)) end)::json
                else f.facts end
      from reservations h
     cross join lateral (select json_build_object('reservation_id', h.id, 'status', h.status, 'reference_type', h.reference_type,
               'reference_id', h.reference_id, 'created_at', h.created_at, 'expires_at', h.expires_at,
               'resolved_at', h.resolved_at, 'picked', h.picked,
               'items', (select json_agg(case when h.has_backorders
                                then json_build_object('sku_id', l.sku_id, 'warehouse_id', l.warehouse_id,
                                    'reserved_quantity', l.held, 'open_quantity', l.open, 'consumed_quantity', l.consumed,
                                    'backordered_quantity', l.backordered, 'promise_date', l.promise_date)
                                else json_build_object('sku_id', l.sku_id, 'warehouse_id', l.warehouse_id,
                                    'reserved_quantity', l.held, 'open_quantity', l.open, 'consumed_quantity', l.consumed) end
                                    order by l.line_no)
                           from (select sku_id, warehouse_id, min(line_no) as line_no,
                                        coalesce(sum(quantity) filter (where reserved_at is not null), 0) as held,
                                        coalesce(sum(quantity) filter (where status = 'active'), 0) as open,
                                        coalesce(sum(quantity) filter (where status = 'consumed'), 0) as consumed,
                                        coalesce(sum(quantity) filter (where status = 'backordered'), 0) as backordered,
                                        -- one line without a date makes the whole unknown
                                        case when bool_and(promise_date is not null) filter (where status = 'backordered')
                                             then max(promise_date) filter (where status = 'backordered') end as promise_date
                                   from inventory_reservations where reservation_id = h.id
                                  group by sku_id, warehouse_id) l)) as facts) f
     where h.id = p_reservation
$$;


-- The bundles of a reservation. open_quantity: how many can be put together of what is still held of their components.
create or replace function stock_open_bundles(p_reservation uuid) returns jsonb
language sql stable as $$
    select jsonb_agg(jsonb_build_object('sku_id', bundle_id, 'quantity', quantity, 'open_quantity', open, 'components', components)
                     order by bundle_id)
      from (select b.bundle_id, min(b.quantity) as quantity, least(min(b.quantity), min(coalesce(l.open, 0) / b.per_bundle)) as open,
                   jsonb_agg(jsonb_build_object('sku_id', b.component_id, 'quantity', b.per_bundle) order by b.component_id) as components
              from reserved_bundles b
              left join (select sku_id, sum(quantity)::bigint as open from inventory_reservations
                          where reservation_id = p_reservation and status = 'active' group by sku_id) l on l.sku_id = b.component_id
             where b.reservation_id = p_reservation
             group by b.bundle_id) bundle
$$;
