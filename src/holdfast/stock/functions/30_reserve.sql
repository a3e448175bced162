-- What one request would take from what is left: exact levels as asked; a line without a warehouse from the first
-- warehouse (higher priority, then more stock) that can serve all of it, else spread in that order.
create or replace function stock_pick(p_lines stock_ask[], p_left stock_left[]) returns setof stock_ask
language sql immutable as $$
    with fixed as (
        select sku_id, warehouse_id, sum(quantity)::bigint as quantity
          from unnest(p_lines) where warehouse_id is not null group by sku_id, warehouse_id
    ), spare as (
        select l.sku_id, l.warehouse_id, l.priority, l.quantity - coalesce(f.quantity, 0) as quantity
          from unnest(p_left) l
          left join fixed f using (sku_id, warehouse_id)
         where l.is_open and l.quantity > coalesce(f.quantity, 0)
    ), floating as (
        select a.request_no, a.line_no, s.sku_id, s.warehouse_id,
               least(s.quantity, a.quantity - coalesce(sum(s.quantity) over earlier, 0)) as quantity
          from unnest(p_lines) a
          join spare s using (sku_id)
         where a.warehouse_id is null
        -- a line number alone is not enough: the components of a bundle share theirs
        window earlier as (partition by a.line_no, a.sku_id
            order by s.quantity >= a.quantity desc, s.priority desc, s.quantity desc, s.warehouse_id
            rows between unbounded preceding and 1 preceding)
    )
    select a.request_no, a.line_no, a.sku_id, a.warehouse_id, a.quantity
      from unnest(p_lines) a
      join unnest(p_left) l using (sku_id, warehouse_id)
     where l.is_open and a.quantity <= l.quantity
    union all
    select request_no, line_no, sku_id, warehouse_id, quantity::bigint from floating where quantity > 0
$$;


-- What is left when these picks are taken.
create or replace function stock_left_after(p_left stock_left[], p_picks stock_ask[]) returns stock_left[]
language sql immutable set search_path = public, pg_temp as $$
    select array_agg(row(l.sku_id, l.warehouse_id, l.quantity - coalesce(p.quantity, 0), l.priority, l.is_open)::stock_left)
      from unnest(p_left) l
      left join (select sku_id, warehouse_id, sum(quantity)::bigint as quantity
                   from unnest(p_picks) group by sku_id, warehouse_id) p using (sku_id, warehouse_id)
$$;


-- Why a request cannot be held: the first rule that names it, with every line it concerns.
create or replace function stock_refusal(p_lines stock_ask[], p_left stock_left[], p_picks stock_ask[]) returns stock_answer
language sql stable as $$
    with short as (
        select a.*, s.id is null as unknown_sku, s.archived_at is not null as archived,
               a.warehouse_id is not null and w.id is null as unknown_warehouse,
               a.warehouse_id is not null and not w.is_active as closed,
               coalesce((select sum(l.quantity) from unnest(p_left) l
                          where l.sku_id = a.sku_id and l.is_open and l.warehouse_id = coalesce(a.warehouse_id, l.warehouse_id)), 0) as available
          from unnest(p_lines) a
          left join skus s on s.id = a.sku_id
          left join warehouses w on w.id = a.warehouse_id
         where a.quantity > coalesce((select sum(p.quantity) from unnest(p_picks) p where p.line_no = a.line_no and p.sku_id = a.sku_id), 0)
    ), verdict as (
        select case when bool_or(unknown_sku) then 'unknown_sku'
                    when bool_or(unknown_warehouse) then 'unknown_warehouse'
                    when bool_or(archived) then 'sku_archived'
                    when bool_or(closed) then 'warehouse_inactive'
                    else 'insufficient_stock' end as code
          from short
    )
    select s.request_no, v.code,
           json_build_object('errors', json_agg(json_strip_nulls(json_build_object(
               'line', s.line_no, 'sku_id', s.sku_id, 'warehouse_id', s.warehouse_id,
               'requested', s.quantity, 'available', s.available)) order by s.line_no)),
           false
      from short s, verdict v
     where case v.code when 'unknown_sku' then s.unknown_sku when 'unknown_warehouse' then s.unknown_warehouse
                       when 'sku_archived' then s.archived when 'warehouse_inactive' then s.closed else true end
     group by s.request_no, v.code
$$;


-- What fits as a whole: exact levels first, then all floating lines of a SKU from one warehouse. Requests that touch a
-- SKU of which not everything fits are left for their turn.
create or replace function stock_share(p_asks stock_ask[], p_left stock_left[], out contested uuid[], out grants stock_ask[])
language sql stable as $$
    with fixed as (
        select sku_id, warehouse_id, sum(quantity)::bigint as quantity
          from unnest(p_asks) where warehouse_id is not null group by sku_id, warehouse_id
    ), floating as (
        select sku_id, sum(quantity)::bigint as quantity, min(quantity) as smallest
          from unnest(p_asks) where warehouse_id is null group by sku_id
    ), home as (
        select distinct on (f.sku_id) f.sku_id, l.warehouse_id
          from floating f
          join unnest(p_left) l using (sku_id)
          left join fixed x on (x.sku_id, x.warehouse_id) = (l.sku_id, l.warehouse_id)
         where l.is_open and l.quantity - coalesce(x.quantity, 0) >= f.quantity
           -- A warehouse of higher priority that could serve one of them alone must get its turn, whoever shares the group.
           and not exists (select from unnest(p_left) h
                            where h.sku_id = f.sku_id and h.is_open and h.priority > l.priority and h.quantity >= f.smallest)
         order by f.sku_id, l.priority desc, l.quantity desc, l.warehouse_id
    ), contested as (
        select x.sku_id from fixed x left join unnest(p_left) l using (sku_id, warehouse_id)
         where l.sku_id is null or not l.is_open or l.quantity < x.quantity
        union
        select f.sku_id from floating f where not exists (select from home h where h.sku_id = f.sku_id)
    )
    select (select array_agg(sku_id) from contested),
           (select array_agg(row(a.request_no, a.line_no, a.sku_id, coalesce(a.warehouse_id, h.warehouse_id), a.quantity)::stock_ask)
              from unnest(p_asks) a left join home h using (sku_id)
             where not exists (select from unnest(p_asks) x join contested c using (sku_id) where x.request_no = a.request_no))
$$;


-- Hold every line of each request, or none of that request's. A bundle is held as its components. Where it is allowed, what
-- is short is promised against what is on its way (functions/35_backorder.sql).
-- p_requests: [{n, principal_id, key, hash, actor, reference_type, reference_id, minutes (null: no expiry), allow_backorder,
--               items: [{sku_id, warehouse_id (null: we choose), quantity, allow_backorder, min_remaining_days, serials}],
--               bundles: [{sku_id, quantity, components: [{sku_id, quantity}]}] that a plan has placed among the items}]
-- Outcomes: reserved; unknown_sku, unknown_warehouse, sku_archived, warehouse_inactive, insufficient_stock;
-- those of stock_particular_refusal; idempotency_key_reused.
create or replace function stock_reserve(p_requests json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_now timestamptz;
    v_requests stock_request[];
    v_keys stock_key[];
    v_answers stock_answer[];
    v_asks stock_ask[];
    v_left stock_left[];
    v_expired uuid[];
    v_contested uuid[];
    v_grants stock_ask[];
    v_lines stock_ask[];
    v_picks stock_ask[];
    v_request integer;
    v_bundles stock_bundle[];
    v_placed stock_bundle[];
    v_promises stock_promise[];
    v_may_wait boolean;
    v_wait_picks stock_ask[];
    v_wait stock_promise[];
    v_denied json;
    v_particular boolean := stock_is_particular(p_requests);
    v_refusal stock_answer;
begin
    if v_particular and json_array_length(p_requests) > 1 then
        return query select * from stock_reserve_apart(p_requests);
        return;
    end if;

    -- The requests are read once: every look into a JSON text reads all of it.
    select array_agg(row(n, actor, reference_type, reference_id, minutes, items, principal_id, key, hash)::stock_request),
           array_agg(row(n, principal_id, key, hash)::stock_key) filter (where key is not null)
      into v_requests, v_keys
      from json_to_recordset(p_requests) as r (n integer, principal_id uuid, key text, hash text, actor text,
               reference_type text, reference_id text, minutes integer, items json);
    select coalesce(array_agg(r), '{}') into v_answers from stock_repeats(v_keys) r;

    -- One SKU named twice in one request counts together: 3 + 3 must not pass a check for 5.
    select array_agg(row(n, line_no, sku_id, warehouse_id, quantity)::stock_ask order by n, line_no) into v_asks
      from (select r.request_no as n, min(i.line_no)::integer as line_no, i.sku_id, i.warehouse_id, sum(i.quantity)::bigint as quantity
              from unnest(v_requests) r,
                   rows from (json_to_recordset(r.items) as (sku_id uuid, warehouse_id uuid, quantity bigint))
                       with ordinality as i (sku_id, warehouse_id, quantity, line_no)
             where not exists (select from unnest(v_answers) a where a.request_no = r.request_no)
             group by r.request_no, i.sku_id, i.warehouse_id) merged;
    if v_asks is null then
        return query select * from unnest(v_answers);
        return;
    end if;
    -- A shop without bundles pays for this one look.
    if exists (select from bundle_components) then
        v_bundles := stock_bundles_of(v_asks);
        v_placed := stock_placed_bundles(p_requests);
        if v_bundles is not null then
            v_answers := v_answers || coalesce(stock_archived_bundles(v_bundles), '{}');
            v_asks := array(select a from unnest(stock_exploded(v_asks, v_bundles)) a
                             where not exists (select from unnest(v_answers) x where x.request_no = a.request_no));
        end if;
    end if;

    if v_placed is not null then
        v_bundles := coalesce(v_bundles, '{}') || v_placed;
    end if;

    -- Promise P7: an expired hold never blocks a sale, even when the sweeper is dead. All levels of such a hold join the
    -- lock set, because a reservation is resolved as a whole. One look at the oldest deadline spares the usual group,
    -- which finds nothing to expire, a search per SKU. A few hundred at a time: when the sweeper was away, thousands may
    -- be due on one SKU, and releasing 9,000 made everybody wait for a second.
    v_now := business_now();
    if exists (select from reservations where status = 'active' and expires_at <= v_now) then
        select array_agg(distinct due.reservation_id) into v_expired
          from (select l.reservation_id from inventory_reservations l
                 where l.sku_id in (select sku_id from unnest(v_asks)) and l.status = 'active' and l.expires_at <= v_now
                 limit 500) due;
    end if;

    -- What is left is read by the statement that locks it: a row somebody else changed meanwhile is read again.
    with touched as (
        select a.sku_id, a.warehouse_id from unnest(v_asks) a where a.warehouse_id is not null
        union
        select i.sku_id, i.warehouse_id from unnest(v_asks) a join inventory i using (sku_id) where a.warehouse_id is null
        union
        select l.sku_id, l.warehouse_id from inventory_reservations l where l.reservation_id = any (v_expired)
    ), locked as (
        select i.sku_id, i.warehouse_id, i.available_quantity, w.priority, w.is_active and s.archived_at is null as is_open
          from touched
          join inventory i using (sku_id, warehouse_id)
          join skus s on s.id = i.sku_id
          join warehouses w on w.id = i.warehouse_id
         order by i.sku_id, i.warehouse_id
           for no key update of i
    )
    select coalesce(array_agg(l::stock_left), '{}') into v_left from locked l;
    v_now := business_now();
    if v_expired is not null then
        perform stock_expire_locked(v_expired, v_now);
        select array_agg(row(i.sku_id, i.warehouse_id, i.available_quantity, l.priority, l.is_open)::stock_left) into v_left
          from unnest(v_left) l join inventory i using (sku_id, warehouse_id);
    end if;
    -- What expired since is withdrawn first, so a dead job never sells it; one look at the earliest date spares the rest.
    if v_particular or exists (select from inventory_batches where sellable_quantity > 0 and usable_until <= v_now) then
        v_left := stock_left_now(p_requests, v_left, v_now);
    end if;
    if v_particular then
        v_refusal := stock_particular_refusal(p_requests -> 0, v_now);
        if v_refusal.outcome is not null then
            perform stock_remember(v_keys, array[v_refusal]);
            return query select * from unnest(array[v_refusal]);
            return;
        end if;
    end if;

    -- The common case: every line names its warehouse and everything asked of a level fits.
    if not exists (select from unnest(v_asks) where warehouse_id is null)
       and not exists (select from (select sku_id, warehouse_id, sum(quantity) as quantity
                                      from unnest(v_asks) group by sku_id, warehouse_id) x
                         left join unnest(v_left) l using (sku_id, warehouse_id)
                        where l.sku_id is null or not l.is_open or l.quantity < x.quantity) then
        v_contested := null;
        v_grants := v_asks;
    else
        select c.contested, c.grants into v_contested, v_grants from stock_share(v_asks, v_left) c;
    end if;
    if v_contested is not null and v_expired is not null then
        -- What is short may still be held by the rest of a backlog. These locks come late and out of order; a deadlock
        -- they cause is repeated by the group writer.
        v_expired := array(select distinct l.reservation_id from inventory_reservations l
                            where l.sku_id = any (v_contested) and l.status = 'active' and l.expires_at <= v_now);
        perform stock_lock_reservations(v_expired);
        perform stock_expire_locked(v_expired, v_now);
        select array_agg(row(i.sku_id, i.warehouse_id, i.available_quantity, l.priority, l.is_open)::stock_left) into v_left
          from unnest(v_left) l join inventory i using (sku_id, warehouse_id);
        if v_particular or exists (select from inventory_batches where sellable_quantity > 0 and usable_until <= v_now) then
            v_left := stock_left_now(p_requests, v_left, v_now);
        end if;
        select c.contested, c.grants into v_contested, v_grants from stock_share(v_asks, v_left) c;
    end if;

    -- Only requests that touch a short SKU are decided one by one, in arrival order, so that one refused basket never
    -- costs the next one its stock.
    if v_contested is not null then
        -- What asks for more than a quantity is not promised before it is seen.
        v_may_wait := not v_particular and exists (select from json_to_recordset(p_requests) as r (allow_backorder boolean, items json)
                               where r.allow_backorder or r.items::text like '%allow_backorder%');
        -- Such a request may also name a SKU of which there is enough: not the units that were just granted.
        v_left := stock_left_after(v_left, v_grants);
        for v_request in
            select distinct request_no from unnest(v_asks) where sku_id = any (v_contested) order by request_no
        loop
            select array_agg(a order by a.line_no) into v_lines from unnest(v_asks) a where a.request_no = v_request;
            select coalesce(array_agg(p), '{}') into v_picks from stock_pick(v_lines, v_left) p;
            if (select sum(quantity) from unnest(v_lines)) = (select sum(quantity) from unnest(v_picks)) then
                v_grants := coalesce(v_grants, '{}') || v_picks;
                v_left := stock_left_after(v_left, v_picks);
            else
                if v_may_wait then
                    select b.picks, b.promises, b.denied into v_wait_picks, v_wait, v_denied
                      from json_array_elements(p_requests) e, stock_backorder(e.value, v_lines, v_left, coalesce(v_promises, '{}')) b
                     where (e.value ->> 'n')::integer = v_request;
                end if;
                if v_wait is not null then
                    v_grants := coalesce(v_grants, '{}') || v_wait_picks;
                    v_left := stock_left_after(v_left, v_wait_picks);
                    v_promises := coalesce(v_promises, '{}') || v_wait;
                else
                    v_answers := v_answers || stock_named_refusal(stock_refusal(v_lines, v_left, v_picks), v_bundles, v_denied);
                end if;
            end if;
        end loop;
    end if;

    if exists (select from unnest(v_answers) where not replayed) then
        perform stock_remember(v_keys, v_answers);
    end if;
    if v_grants is not null or v_promises is not null then
        v_answers := v_answers || stock_hold(v_requests, v_grants, v_now, v_promises, v_bundles);
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
    -- One random id per group, numbered in its last 16 bits: RFC 9562 section 6.2 allows a counter there, and drawing
    -- random bytes for each id costs 3 us here, as much as writing the row.
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
               (v_id || lpad(to_hex(r.request_no), 4, '0'))::uuid as id, g.sku_ids, g.lines, g.has_backorders
          from unnest(p_requests) r
          join (select request_no, array_agg(sku_id) as sku_ids, bool_or(is_promised) as has_backorders,
                       json_agg(case when is_promised
                                then json_build_object('sku_id', sku_id, 'reserved_quantity', 0, 'warehouse_id', warehouse_id,
                                                       'backordered_quantity', quantity, 'promise_date', promise_date)
                                else json_build_object('sku_id', sku_id, 'reserved_quantity', quantity, 'warehouse_id', warehouse_id) end
                                order by line_no) as lines
                  from granted group by request_no) g using (request_no)
    ), header as (
        insert into reservations (id, reference_type, reference_id, created_at, expires_at, actor, has_backorders)
        select id, reference_type, reference_id, p_now, expires_at, actor, has_backorders from held
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
        select (v_event_id || lpad(to_hex(request_no), 4, '0'))::uuid, 'inventory.reserved',
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
