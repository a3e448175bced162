-- Who waits for units, and in which order they get them (docs/decisions/0072, 0073): first backorders, oldest promise
-- first, then entries of the waiting list by their place. Whatever makes units available calls stock_serve in the same
-- transaction, under the level locks it holds already, so nobody who comes later can be faster.


-- Give what is available on these levels to who waits for it. The caller holds the locks of all of them. One look says
-- that nobody waits, which is the usual case.
create or replace function stock_serve(p_skus uuid[], p_warehouses uuid[], p_now timestamptz) returns void
language plpgsql as $$
begin
    if not exists (
        select from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)
          join inventory i using (sku_id, warehouse_id)
         where i.backordered_quantity > 0
            or (i.available_quantity > i.pooled_quantity
                and exists (select from waiting_entries e where e.sku_id = t.sku_id and e.status = 'waiting'))) then
        return;
    end if;
    perform stock_fill_backorders(p_skus, p_warehouses, p_now);
    perform stock_date_promises(p_skus, p_warehouses, p_now);
    perform stock_offer(p_skus, p_warehouses, p_now);
end $$;


-- Turn promised units into held ones, oldest promise first, in parts if need be. What is overdue is left to the sweeper. What a
-- pool keeps goes to those who wait on its channel only; what no pool keeps to everybody.
create or replace function stock_fill_backorders(p_skus uuid[], p_warehouses uuid[], p_now timestamptz) returns void
language plpgsql as $$
declare
    v_fills stock_take[];
begin
    if exists (select from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)
                 join inventory i using (sku_id, warehouse_id) where i.pooled_quantity > 0) then
        perform stock_fill_from_pools(p_skus, p_warehouses, p_now);
    end if;
    select array_agg(row(null, reservation_id, line_no, sku_id, warehouse_id, open_quantity, quantity, 'active', true)::stock_take)
      into v_fills
      from (select l.reservation_id, l.line_no, l.sku_id, l.warehouse_id, l.quantity as open_quantity,
                   least(l.quantity, i.available_quantity - i.pooled_quantity - coalesce(sum(l.quantity) over earlier, 0)) as quantity
              from (select distinct sku_id, warehouse_id from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)) t
              join inventory i using (sku_id, warehouse_id)
              join inventory_reservations l using (sku_id, warehouse_id)
             where i.available_quantity > i.pooled_quantity and l.status = 'backordered' and (l.expires_at is null or l.expires_at > p_now)
            window earlier as (partition by l.sku_id, l.warehouse_id order by l.promised_at, l.reservation_id, l.line_no
                rows between unbounded preceding and 1 preceding)) waiting
     where quantity > 0;
    if v_fills is not null then
        perform stock_write_fills(v_fills, p_now);
    end if;
end $$;


-- Backorders of channels from what their own pools keep, oldest promise of each channel first.
create or replace function stock_fill_from_pools(p_skus uuid[], p_warehouses uuid[], p_now timestamptz) returns void
language plpgsql as $$
declare
    v_channel uuid;
    v_fills stock_take[];
begin
    for v_channel in
        select distinct p.channel_id
          from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)
          join channel_pools p using (sku_id, warehouse_id)
         where p.ended_at is null and p.remaining_quantity > 0
         order by 1
    loop
        select array_agg(row(null, reservation_id, line_no, sku_id, warehouse_id, open_quantity, quantity, 'active', true)::stock_take)
          into v_fills
          from (select l.reservation_id, l.line_no, l.sku_id, l.warehouse_id, l.quantity as open_quantity,
                       least(l.quantity, stock_pool_cover(i.sku_id, i.warehouse_id, v_channel, i.available_quantity)
                                         - coalesce(sum(l.quantity) over earlier, 0)) as quantity
                  from (select distinct sku_id, warehouse_id from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)) t
                  join inventory i using (sku_id, warehouse_id)
                  join inventory_reservations l using (sku_id, warehouse_id)
                  join reservations h on h.id = l.reservation_id and h.channel_id = v_channel
                 where l.status = 'backordered' and (l.expires_at is null or l.expires_at > p_now)
                window earlier as (partition by i.sku_id, i.warehouse_id order by l.promised_at, l.reservation_id, l.line_no
                    rows between unbounded preceding and 1 preceding)) waiting
         where quantity > 0;
        if v_fills is not null then
            perform stock_write_pool_lines(stock_write_fills(v_fills, p_now), v_channel);
        end if;
    end loop;
end $$;


-- Write what backorders were given, and tell. Answers the lines that are held now.
create or replace function stock_write_fills(p_fills stock_take[], p_now timestamptz) returns stock_take[]
language plpgsql as $$
declare
    v_held stock_take[];
begin
    -- We hold one level of each of these reservations, not all: another filler may hold another and number new lines too.
    perform from reservations where id in (select reservation_id from unnest(p_fills)) order by id for no key update;
    with new_line as (
        insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, status, reserved_at, expires_at,
            promised_at, promise_date)
        select f.reservation_id,
               (select max(line_no) from inventory_reservations m where m.reservation_id = f.reservation_id)
                   + row_number() over (partition by f.reservation_id order by f.line_no),
               f.sku_id, f.warehouse_id, f.quantity, 'active', p_now, l.expires_at, l.promised_at, l.promise_date
          from unnest(p_fills) f
          join inventory_reservations l using (reservation_id, line_no)
         where f.quantity < f.open_quantity
        returning reservation_id, line_no, sku_id, warehouse_id, quantity
    ), held as (
        select * from new_line
        union all
        select reservation_id, line_no, sku_id, warehouse_id, quantity from unnest(p_fills) where quantity = open_quantity
    )
    select array_agg(row(null, reservation_id, line_no, sku_id, warehouse_id, quantity, quantity, 'active', false)::stock_take)
      into v_held from held;
    update inventory_reservations l
       set quantity = case when f.quantity < f.open_quantity then l.quantity - f.quantity else l.quantity end,
           status = case when f.quantity < f.open_quantity then l.status else 'active' end,
           reserved_at = case when f.quantity < f.open_quantity then null else p_now end
      from unnest(p_fills) f
     where (l.reservation_id, l.line_no) = (f.reservation_id, f.line_no);
    update inventory i
       set available_quantity = i.available_quantity - f.quantity,
           reserved_quantity = i.reserved_quantity + f.quantity,
           backordered_quantity = i.backordered_quantity - f.quantity,
           version = i.version + 1,
           last_updated = greatest(i.last_updated, p_now)
      from (select sku_id, warehouse_id, sum(quantity)::bigint as quantity from unnest(p_fills) group by sku_id, warehouse_id) f
     where (i.sku_id, i.warehouse_id) = (f.sku_id, f.warehouse_id);

    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    select 'inventory.backorder_filled', array_agg(distinct f.sku_id),
           json_build_object('reservation_id', h.id, 'reference_type', h.reference_type, 'reference_id', h.reference_id,
               'items', json_agg(json_build_object('sku_id', f.sku_id, 'warehouse_id', f.warehouse_id, 'quantity', f.quantity,
                                                   'backordered_quantity', f.open_quantity - f.quantity))), p_now
      from unnest(p_fills) f
      join reservations h on h.id = f.reservation_id
     group by h.id;
    return v_held;
end $$;


-- Date what is promised on these levels anew: a backorder is there when dated inbound, soonest first, has covered all that
-- were promised before it and itself. Who is told another date than before gets an event. The caller holds the locks.
create or replace function stock_date_promises(p_skus uuid[], p_warehouses uuid[], p_now timestamptz) returns void
language plpgsql as $$
begin
    with level as (
        -- what comes fills the pools before it is free for who waits
        select distinct i.sku_id, i.warehouse_id, greatest(0, i.pooled_quantity - i.available_quantity) as kept
          from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)
          join inventory i using (sku_id, warehouse_id)
         where i.backordered_quantity > 0
    ), supply as (
        select b.sku_id, b.warehouse_id, b.expected_at,
               sum(b.quantity) over (partition by b.sku_id, b.warehouse_id order by b.expected_at) as so_far
          from level join inbound_lines b using (sku_id, warehouse_id)
         where b.expected_at >= p_now::date
    ), promise as (
        select l.reservation_id, l.line_no, l.promise_date as told,
               (select min(s.expected_at) from supply s
                 where (s.sku_id, s.warehouse_id) = (l.sku_id, l.warehouse_id) and s.so_far >= l.ahead) as found
          from (select q.*, kept + sum(q.quantity) over (partition by q.sku_id, q.warehouse_id
                                                         order by q.promised_at, q.reservation_id, q.line_no) as ahead
                  from level join inventory_reservations q using (sku_id, warehouse_id)
                 where q.status = 'backordered' and (q.expires_at is null or q.expires_at > p_now)) l
    ), changed as (
        update inventory_reservations l set promise_date = p.found
          from promise p
         where (l.reservation_id, l.line_no) = (p.reservation_id, p.line_no) and p.found is distinct from p.told
        returning l.reservation_id, l.line_no, l.sku_id, l.warehouse_id, l.quantity, p.told, p.found
    )
    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    select 'inventory.promise_changed', array_agg(distinct c.sku_id),
           json_build_object('reservation_id', h.id, 'reference_type', h.reference_type, 'reference_id', h.reference_id,
               'items', json_agg(json_build_object('sku_id', c.sku_id, 'warehouse_id', c.warehouse_id, 'backordered_quantity', c.quantity,
                                                   'promise_date', c.found, 'promise_date_before', c.told) order by c.line_no)), p_now
      from changed c
      join reservations h on h.id = c.reservation_id
     group by h.id;
end $$;


-- Offer what is left, and no pool keeps, to the waiting list: in order of place, each entry that one warehouse can serve whole. An entry that
-- does not fit keeps its place and stops nobody behind it. The caller holds the locks.
create or replace function stock_offer(p_skus uuid[], p_warehouses uuid[], p_now timestamptz) returns void
language plpgsql as $$
declare
    v_entry record;
    v_warehouse uuid;
    v_offer stock_answer[];
begin
    for v_entry in
        select e.* from waiting_entries e
         where e.sku_id = any (p_skus) and e.status = 'waiting'
           and e.quantity <= (select max(i.available_quantity - i.pooled_quantity) from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)
                                join inventory i using (sku_id, warehouse_id) where i.sku_id = e.sku_id)
         order by e.place
    loop
        select i.warehouse_id into v_warehouse
          from unnest(p_skus, p_warehouses) as t (sku_id, warehouse_id)
          join inventory i using (sku_id, warehouse_id)
          join warehouses w on w.id = i.warehouse_id and w.is_active
          join skus s on s.id = i.sku_id and s.archived_at is null
         where i.sku_id = v_entry.sku_id and i.available_quantity - i.pooled_quantity >= v_entry.quantity
           and i.warehouse_id = coalesce(v_entry.warehouse_id, i.warehouse_id)
         order by w.priority desc, i.available_quantity - i.pooled_quantity desc, i.warehouse_id
         limit 1;
        continue when v_warehouse is null;
        -- Its owner may take it off the list at this moment: the row says who was first.
        perform from waiting_entries where id = v_entry.id and status = 'waiting' for update;
        continue when not found;
        v_offer := stock_hold(
            array[row(0, 'waiting list', 'cart', v_entry.reference_id, v_entry.offer_minutes, null, null, null, null, null)::stock_request],
            array[row(0, 1, v_entry.sku_id, v_warehouse, v_entry.quantity)::stock_ask], p_now);
        update waiting_entries
           set status = 'offered', offered_at = p_now, reservation_id = (v_offer[1].facts ->> 'reservation_id')::uuid
         where id = v_entry.id;
        insert into outbox_events (event_type, sku_ids, data, occurred_at)
        values ('waiting_list.offered', array[v_entry.sku_id],
            json_build_object('entry_id', v_entry.id, 'sku_id', v_entry.sku_id, 'warehouse_id', v_warehouse, 'quantity', v_entry.quantity,
                'reference_id', v_entry.reference_id, 'reservation_id', v_offer[1].facts -> 'reservation_id',
                'expires_at', v_offer[1].facts -> 'expires_at'), p_now);
    end loop;
end $$;


-- Inbound of these levels was dated, postponed or taken back by its document: date the promises made against it anew, and
-- serve the queue. p_levels: [{sku_id, warehouse_id}].
create or replace function stock_inbound_changed(p_levels json) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_skus uuid[];
    v_warehouses uuid[];
begin
    select array_agg(sku_id), array_agg(warehouse_id) into v_skus, v_warehouses
      from (select i.sku_id, i.warehouse_id
              from inventory i
             where (i.sku_id, i.warehouse_id) in (select sku_id, warehouse_id from json_to_recordset(p_levels) as l (sku_id uuid, warehouse_id uuid))
               and i.backordered_quantity > 0
             order by i.sku_id, i.warehouse_id
               for no key update) locked;
    if v_skus is not null then
        perform stock_serve(v_skus, v_warehouses, business_now());
    end if;
end $$;


-- Levels whose backorders are dated by inbound that is late by now; a daily job dates them anew.
create or replace function stock_overdue_promises() returns json
language sql stable security definer set search_path = public, pg_temp as $$
    select coalesce(json_agg(distinct jsonb_build_object('sku_id', sku_id, 'warehouse_id', warehouse_id)), '[]')
      from inventory_reservations
     where status = 'backordered' and promise_date < (select business_now()::date)
$$;


-- Put somebody on the waiting list of a SKU. What is available now is offered at once if nobody waits for it before.
-- p_request: {sku_id, warehouse_id (null: any active), quantity, reference_id, offer_minutes, actor}
-- Outcomes: waiting (with entry_id); sku_not_found, unknown_warehouse, sku_archived, warehouse_inactive, sku_is_bundle.
create or replace function stock_wait(p_request json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_ask record;
    v_skus uuid[];
    v_warehouses uuid[];
    v_refusal text;
    v_now timestamptz;
    v_entry uuid;
begin
    select r.*, s.id is null as unknown_sku, s.archived_at is not null as archived, s.is_bundle, w.id as place, w.is_active into v_ask
      from json_to_record(p_request) as r (sku_id uuid, warehouse_id uuid, quantity bigint, reference_id text, offer_minutes integer, actor text)
      left join skus s on s.id = r.sku_id
      left join warehouses w on w.id = r.warehouse_id;
    v_refusal := case when v_ask.unknown_sku then 'sku_not_found'
                      when v_ask.warehouse_id is not null and v_ask.place is null then 'unknown_warehouse'
                      when v_ask.archived then 'sku_archived'
                      when v_ask.warehouse_id is not null and not v_ask.is_active then 'warehouse_inactive'
                      when v_ask.is_bundle then 'sku_is_bundle' end;
    if v_refusal is not null then
        return query select 0, v_refusal, json_build_object(), false;
        return;
    end if;

    select array_agg(sku_id), array_agg(warehouse_id) into v_skus, v_warehouses
      from (select i.sku_id, i.warehouse_id from inventory i
             where i.sku_id = v_ask.sku_id and i.warehouse_id = coalesce(v_ask.warehouse_id, i.warehouse_id)
             order by i.sku_id, i.warehouse_id
               for no key update) locked;
    v_now := business_now();
    insert into waiting_entries (sku_id, warehouse_id, quantity, reference_id, offer_minutes, actor, created_at)
    values (v_ask.sku_id, v_ask.warehouse_id, v_ask.quantity, v_ask.reference_id, v_ask.offer_minutes, v_ask.actor, v_now)
    returning id into v_entry;
    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    values ('waiting_list.joined', array[v_ask.sku_id], json_build_object('entry_id', v_entry, 'sku_id', v_ask.sku_id,
        'warehouse_id', v_ask.warehouse_id, 'quantity', v_ask.quantity, 'reference_id', v_ask.reference_id), v_now);
    if v_skus is not null then
        perform stock_serve(v_skus, v_warehouses, v_now);
    end if;
    return query select 0, 'waiting', json_build_object('entry_id', v_entry), false;
end $$;


-- Take an entry off the list while it waits; answers whether it still did. An offer is given back by releasing its hold.
create or replace function stock_stop_waiting(p_entry uuid) returns boolean
language sql security definer set search_path = public, pg_temp as $$
    with gone as (
        update waiting_entries set status = 'cancelled' where id = p_entry and status = 'waiting' returning id, sku_id, reference_id
    ), told as (
        insert into outbox_events (event_type, sku_ids, data, occurred_at)
        select 'waiting_list.left', array[sku_id], json_build_object('entry_id', id, 'sku_id', sku_id, 'reference_id', reference_id), business_now()
          from gone
    )
    select exists (select from gone)
$$;


-- What became of an entry: its own status, or once it was offered that of the hold. A hold that was handed over to an
-- order, or consumed, was accepted.
create or replace function waiting_status(p_entry text, p_hold text, p_reference_type text) returns text
language sql immutable as $$
    select case when p_entry <> 'offered' then p_entry
                when p_hold = 'consumed' or p_reference_type <> 'cart' then 'accepted'
                when p_hold = 'active' then 'offered'
                when p_hold = 'expired' then 'lapsed'
                else 'declined' end
$$;
