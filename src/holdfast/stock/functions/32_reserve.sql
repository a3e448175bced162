-- Hold every line of each request, or none of that request's. A bundle is held as its components. Where it is allowed, what
-- is short is promised against what is on its way (functions/35_backorder.sql).
-- p_requests: [{n, principal_id, key, hash, actor, reference_type, reference_id, minutes (null: no expiry), allow_backorder,
--               items: [{sku_id, warehouse_id (null: we choose), quantity, allow_backorder, min_remaining_days, serials}],
--               bundles: [{sku_id, quantity, components: [{sku_id, quantity}]}] that a plan has placed among the items,
--               channel (its code; functions/33_channels.sql), sees (set there: whose pools and warehouses count, '' for none)}]
-- Outcomes: reserved; unknown_channel, unknown_sku, unknown_warehouse, sku_archived, warehouse_inactive, insufficient_stock;
-- those of stock_particular_refusal; idempotency_key_reused.
create or replace function stock_reserve(p_requests json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_particular boolean := stock_is_particular(p_requests);
    v_now timestamptz;
    v_requests stock_request[];
    v_keys stock_key[];
    v_answers stock_answer[];
    v_asks stock_ask[];
    v_bundles stock_bundle[];
    v_expired uuid[];
    v_left stock_left[];
    v_contested uuid[];
    v_grants stock_ask[];
    v_promises stock_promise[];
    v_refusal stock_answer;
    v_named boolean;
    v_sees text;
    v_channel uuid;
    v_seen json;
    v_held stock_answer[];
begin
    if v_particular and json_array_length(p_requests) > 1 then
        return query select * from stock_reserve_apart(p_requests);
        return;
    end if;

    -- The requests are read once: every look into a JSON text reads all of it.
    select array_agg(row(n, actor, reference_type, reference_id, minutes, items, principal_id, key, hash, null)::stock_request),
           array_agg(row(n, principal_id, key, hash)::stock_key) filter (where key is not null),
           bool_or(channel is not null), min(sees)
      into v_requests, v_keys, v_named, v_sees
      from json_to_recordset(p_requests) as r (n integer, principal_id uuid, key text, hash text, actor text,
               reference_type text, reference_id text, minutes integer, items json, channel text, sees text);
    if v_named and v_sees is null then
        v_seen := stock_seen_by_channels(p_requests);
        if v_seen is not null then
            return query select * from stock_reserve_by_channel(v_seen);
            return;
        end if;
    end if;
    v_channel := nullif(v_sees, '')::uuid;
    select coalesce(array_agg(r), '{}') into v_answers from stock_repeats(v_keys) r;
    if v_named then
        select c.requests, c.answers into v_requests, v_answers from stock_with_channels(p_requests, v_requests, v_answers) c;
    end if;
    v_asks := stock_asked(v_requests, v_answers);
    if v_asks is null then
        perform stock_remember(v_keys, v_answers);
        return query select * from unnest(v_answers);
        return;
    end if;
    -- A shop without bundles pays for this one look.
    if exists (select from bundle_components) then
        select u.asks, u.answers, u.bundles into v_asks, v_answers, v_bundles from stock_unbundled(p_requests, v_asks, v_answers) u;
    end if;

    -- All levels of an expired hold join the lock set, because a reservation is resolved as a whole.
    v_expired := stock_due_holds(v_asks, business_now());
    v_left := stock_lock_left(v_asks, v_expired);
    v_now := business_now();
    v_left := stock_freshened(p_requests, v_left, v_expired, v_particular, v_channel, v_now);
    if v_particular then
        v_refusal := stock_particular_refusal(p_requests -> 0, v_now);
        if v_refusal.outcome is not null then
            perform stock_remember(v_keys, array[v_refusal]);
            perform stock_keep_refused(array[v_refusal], v_requests);
            return query select * from unnest(array[v_refusal]);
            return;
        end if;
    end if;

    if stock_all_fits(v_asks, v_left) then
        v_grants := v_asks;
    else
        select c.contested, c.grants into v_contested, v_grants from stock_share(v_asks, v_left) c;
        if v_contested is not null and v_expired is not null then
            -- What is short may still be held by the rest of a backlog. These locks come late and out of order; a deadlock
            -- they cause is repeated by the group writer.
            v_expired := array(select distinct l.reservation_id from inventory_reservations l
                                where l.sku_id = any (v_contested) and l.status = 'active' and l.expires_at <= v_now);
            perform stock_lock_reservations(v_expired);
            v_left := stock_freshened(p_requests, v_left, v_expired, v_particular, v_channel, v_now);
            select c.contested, c.grants into v_contested, v_grants from stock_share(v_asks, v_left) c;
        end if;
        if v_contested is not null then
            -- What asks for more than a quantity is not promised before it is seen.
            select t.grants, t.answers, t.promises into v_grants, v_answers, v_promises
              from stock_decide_in_turn(p_requests, v_asks, v_left, v_contested, v_bundles, not v_particular, v_grants, v_answers) t;
        end if;
    end if;

    if exists (select from unnest(v_answers) where not replayed) then
        perform stock_remember(v_keys, v_answers);
        perform stock_keep_refused(v_answers, v_requests);
    end if;
    if v_grants is not null or v_promises is not null then
        v_held := stock_hold(v_requests, v_grants, v_now, v_promises, v_bundles);
        if v_channel is not null then
            perform stock_take_from_pools(array(select (h.facts ->> 'reservation_id')::uuid from unnest(v_held) h), v_channel);
        end if;
        v_answers := v_answers || v_held;
        if v_particular and v_answers[1].outcome = 'reserved' then
            perform stock_write_particulars(p_requests -> 0, (v_answers[1].facts ->> 'reservation_id')::uuid, v_now);
        end if;
    end if;
    return query select * from unnest(v_answers);
end $$;


-- Write what was decided: header, lines, levels, outbox, keys. Answers one row per request held. What is promised and not
-- yet there is a line of its own, in the answer too.
create or replace function stock_hold(p_requests stock_request[], p_grants stock_ask[], p_now timestamptz,
    p_promises stock_promise[] default null, p_bundles stock_bundle[] default null) returns stock_answer[]
language plpgsql as $$
declare
    v_id text := left(uuidv7()::text, 32);
    v_event_id text := left(uuidv7()::text, 32);
    v_answers stock_answer[];
begin
    with granted as materialized (
        select request_no, row_number() over (partition by request_no order by line_no, warehouse_id, is_promised) as line_no,
               sku_id, warehouse_id, quantity, is_promised, promise_date
          from (select request_no, line_no, sku_id, warehouse_id, quantity, false as is_promised, null::date as promise_date
                  from unnest(p_grants)
                union all
                select request_no, line_no, sku_id, warehouse_id, quantity, true, promise_date from unnest(p_promises)) g
    ), level as (
        update inventory i
           set available_quantity = i.available_quantity - g.quantity + g.promised,
               reserved_quantity = i.reserved_quantity + g.quantity - g.promised,
               backordered_quantity = i.backordered_quantity + g.promised,
               version = i.version + 1,
               last_updated = greatest(i.last_updated, p_now)
          from (select sku_id, warehouse_id, sum(quantity)::bigint as quantity,
                       sum(case when is_promised then quantity else 0 end)::bigint as promised
                  from granted group by sku_id, warehouse_id) g
         where (i.sku_id, i.warehouse_id) = (g.sku_id, g.warehouse_id)
    ), held as materialized (
        select r.*, p_now + make_interval(mins => r.minutes) as expires_at,
               stock_id_in_group(v_id, r.request_no) as id, g.sku_ids, g.lines, g.has_backorders
          from unnest(p_requests) r
          join (select request_no, array_agg(sku_id) as sku_ids, bool_or(is_promised) as has_backorders,
                       json_agg(case when is_promised
                                then json_build_object('sku_id', sku_id, 'reserved_quantity', 0, 'warehouse_id', warehouse_id,
                                                       'backordered_quantity', quantity, 'promise_date', promise_date)
                                else json_build_object('sku_id', sku_id, 'reserved_quantity', quantity, 'warehouse_id', warehouse_id) end
                                order by line_no) as lines
                  from granted group by request_no) g using (request_no)
    ), header as (
        insert into reservations (id, reference_type, reference_id, created_at, expires_at, actor, has_backorders, channel_id)
        select id, reference_type, reference_id, p_now, expires_at, actor, has_backorders, channel_id from held
    ), line as (
        insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, status, reserved_at, expires_at,
            promised_at, promise_date)
        select h.id, g.line_no, g.sku_id, g.warehouse_id, g.quantity, case when g.is_promised then 'backordered' else 'active' end,
               case when not g.is_promised then p_now end, h.expires_at, case when g.is_promised then p_now end, g.promise_date
          from granted g join held h using (request_no)
    ), answer as materialized (
        select *, case when p_bundles is null then plain else stock_with_bundles(plain, p_bundles, request_no) end as facts
          from (select *, json_build_object('reservation_id', id, 'status', 'active', 'reference_type', reference_type,
                          'reference_id', reference_id, 'created_at', p_now, 'expires_at', expires_at, 'items', lines) as plain
                  from held) told
    ), event as (
        insert into outbox_events (event_id, event_type, sku_ids, data, occurred_at)
        select stock_id_in_group(v_event_id, request_no), 'inventory.reserved',
               -- a request may take one SKU from several warehouses
               case when cardinality(sku_ids) = 1 then sku_ids else array(select distinct unnest(sku_ids)) end, facts, p_now
          from answer order by request_no
    ), kept as (
        insert into idempotency_keys (principal_id, key, request_hash, outcome, facts)
        select principal_id, key, hash, 'reserved', facts from answer where key is not null order by principal_id, key
    )
    select array_agg(row(request_no, 'reserved', facts, false)::stock_answer) into v_answers from answer;
    if p_bundles is not null then
        perform stock_keep_bundles(v_answers, p_bundles);
    end if;
    return v_answers;
end $$;
