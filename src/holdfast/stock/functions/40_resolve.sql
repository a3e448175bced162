-- Consume or release reservations, whole or in part.
-- p_requests: [{n, principal_id, key, hash, actor, reservation_id, action: consume|release,
--               items (null: everything open): [{sku_id, warehouse_id (null: any), quantity, batch, serials}]}]
-- Outcomes: consumed, released (also when it was so already); reservation_not_found, already_consumed, already_cancelled,
-- reservation_expired, exceeds_reservation, still_backordered (nothing of it is there yet); units_not_usable and
-- those of stock_naming_refusal; idempotency_key_reused.
-- An item may name a bundle of the reservation: its components are meant, as they were when it was made.
-- A hold past its deadline that nobody swept yet may still be consumed: the units are set aside (D-27).
create or replace function stock_resolve(p_requests json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_now timestamptz;
    v_answers stock_answer[];
    v_takes stock_take[];
    v_tracked integer[];
    v_picked record;
    v_pieces stock_piece[];
begin
    select coalesce(array_agg(r), '{}') into v_answers from stock_repeats(p_requests) r;
    -- A shop that never held a bundle pays for this one look.
    if exists (select from reserved_bundles) then
        p_requests := stock_resolve_exploded(p_requests);
    end if;
    perform stock_lock_reservations(array(
        select reservation_id from json_to_recordset(p_requests) as r (n integer, reservation_id uuid)
         where not exists (select from unnest(v_answers) a where a.request_no = r.n)));
    v_now := business_now();

    -- What is refused, or was done already.
    select v_answers || coalesce(array_agg(row(n, outcome,
               case when outcome in ('consumed', 'released') then stock_reservation_facts(reservation_id)
                    else json_build_object('reservation_id', reservation_id) end, false)::stock_answer), '{}')
      into v_answers
      from (select r.n, r.reservation_id,
                   case when h.id is null then 'reservation_not_found'
                        -- Everything that is there was consumed, the rest waits for goods: once more changes nothing.
                        when h.status = 'active' and h.has_backorders and r.action = 'consume' and not exists (
                            select from inventory_reservations l where l.reservation_id = h.id and l.status = 'active')
                        then case when exists (select from inventory_reservations l where l.reservation_id = h.id and l.status = 'consumed')
                                  then 'consumed' else 'still_backordered' end
                        when h.status = 'active' then null
                        when h.status = 'consumed' and r.action = 'consume' then 'consumed'
                        -- After a partial consume the rest may have been released: releasing again changes nothing.
                        when h.status = 'consumed' and not exists (
                            select from inventory_reservations l where l.reservation_id = h.id
                               and l.status = 'cancelled' and l.resolved_at = h.resolved_at) then 'already_consumed'
                        when r.action = 'release' then 'released'
                        when h.status = 'expired' then 'reservation_expired'
                        else 'already_cancelled' end as outcome
              from json_to_recordset(p_requests) as r (n integer, reservation_id uuid, action text)
              left join reservations h on h.id = r.reservation_id
             where not exists (select from unnest(v_answers) a where a.request_no = r.n)) judged
     where outcome is not null;

    -- The open lines each remaining request takes, oldest line first. Only what is there is consumed; what is given back is
    -- taken first from what was only promised, so that the customer keeps the units that can be shipped, and last from a pool,
    -- as if less had been asked for.
    with ask as (
        select r.n, r.reservation_id, r.action, r.items
          from json_to_recordset(p_requests) as r (n integer, reservation_id uuid, action text, items json)
         where not exists (select from unnest(v_answers) a where a.request_no = r.n)
    ), part as (
        select a.n, i.sku_id, i.warehouse_id, sum(i.quantity) as quantity
          from ask a, json_to_recordset(a.items) as i (sku_id uuid, warehouse_id uuid, quantity bigint)
         group by a.n, i.sku_id, i.warehouse_id
    ), here as (
        -- First what is asked of a named warehouse, ...
        select a.n, a.action, a.items, l.reservation_id, l.line_no, l.sku_id, l.warehouse_id, l.quantity, l.status,
               a.action = 'release' and l.pool_id is not null as is_kept,
               greatest(0, least(l.quantity, coalesce(p.quantity, 0) - coalesce(sum(l.quantity) over earlier, 0))) as named
          from ask a
          join inventory_reservations l on l.reservation_id = a.reservation_id
               and (l.status = 'active' or (l.status = 'backordered' and a.action = 'release'))
          left join part p on (p.n, p.sku_id, p.warehouse_id) = (a.n, l.sku_id, l.warehouse_id)
        window earlier as (partition by a.n, l.sku_id, l.warehouse_id
            order by l.status = 'backordered' desc, a.action = 'release' and l.pool_id is not null, l.line_no
            rows between unbounded preceding and 1 preceding)
    ), anywhere as (
        -- ... then what may come from anywhere, from the rest: a unit answers for one part of the request only.
        select h.*, greatest(0, least(h.quantity - h.named, coalesce(p.quantity, 0)
                        - coalesce(sum(h.quantity - h.named) over earlier, 0))) as floating
          from here h
          left join part p on (p.n, p.sku_id) = (h.n, h.sku_id) and p.warehouse_id is null
        window earlier as (partition by h.n, h.sku_id order by h.status = 'backordered' desc, h.is_kept, h.line_no
            rows between unbounded preceding and 1 preceding)
    )
    select array_agg(row(n, reservation_id, line_no, sku_id, warehouse_id, quantity,
                         case when items is null then quantity else named + floating end,
                         case action when 'consume' then 'consumed' else 'cancelled' end, status = 'backordered')::stock_take order by n, line_no)
      into v_takes
      from anywhere where items is null or named + floating > 0;

    select v_answers || coalesce(array_agg(row(r.n, 'exceeds_reservation',
               json_build_object('reservation_id', r.reservation_id, 'errors', excess.errors), false)::stock_answer), '{}')
      into v_answers
      from json_to_recordset(p_requests) as r (n integer, reservation_id uuid, items json)
      cross join lateral (
           select json_agg(json_strip_nulls(json_build_object('sku_id', i.sku_id, 'warehouse_id', i.warehouse_id,
                      'requested', i.quantity, 'open', coalesce(t.quantity, 0)))) as errors
             from (select sku_id, warehouse_id, sum(quantity) as quantity,
                          sum(sum(quantity)) over (partition by sku_id) - sum(quantity) as elsewhere
                     from json_to_recordset(r.items) as x (sku_id uuid, warehouse_id uuid, quantity bigint)
                    group by sku_id, warehouse_id) i
             left join lateral (select greatest(0, sum(t.quantity) - case when i.warehouse_id is null then i.elsewhere else 0 end)
                                           as quantity
                                  from unnest(v_takes) t
                                 where t.request_no = r.n and t.sku_id = i.sku_id
                                   and t.warehouse_id = coalesce(i.warehouse_id, t.warehouse_id)) t on true
            where i.quantity > coalesce(t.quantity, 0)) excess
     where r.items is not null and excess.errors is not null
       and not exists (select from unnest(v_answers) a where a.request_no = r.n);
    select array_agg(t) into v_takes from unnest(v_takes) t
     where not exists (select from unnest(v_answers) a where a.request_no = t.request_no);

    select array_agg(distinct t.request_no order by t.request_no) into v_tracked
      from unnest(v_takes) t join skus s on s.id = t.sku_id
     where t.outcome = 'consumed' and s.tracking <> 'none';
    if v_tracked is not null then
        select * into v_picked from stock_pick_units(p_requests, v_takes, v_tracked, v_now);
        v_pieces := v_picked.pieces;
        v_answers := v_answers || v_picked.refused;
        select array_agg(t) into v_takes from unnest(v_takes) t
         where not exists (select from unnest(v_answers) a where a.request_no = t.request_no);
    end if;

    if v_takes is not null then
        perform stock_write_consumption(p_requests, v_takes, v_pieces, v_now);
        perform stock_close_lines(v_takes, v_now);
        v_answers := v_answers || stock_tell_resolution(v_takes, v_now);
    end if;
    perform stock_remember(p_requests, v_answers);
    return query select * from unnest(v_answers);
end $$;


-- The ledger entries of what is consumed, one per line, or per batch where units were picked (p_pieces); the caller lowers
-- the levels afterwards, under the same locks.
drop function if exists stock_write_consumption(json, stock_take[], timestamptz);
create or replace function stock_write_consumption(p_requests json, p_takes stock_take[], p_pieces stock_piece[], p_now timestamptz)
returns void
language sql as $$
    with leaving as (
        select t.request_no, t.reservation_id, t.line_no::bigint as line_no, t.sku_id, t.warehouse_id, t.quantity,
               null::uuid as batch_id, uuidv7() as id
          from unnest(p_takes) t
         where t.outcome = 'consumed'
           and not exists (select from unnest(p_pieces) p where p.line_no = t.request_no and p.sku_id = t.sku_id)
        union all
        select p.line_no, t.reservation_id, p.piece_no, p.sku_id, p.warehouse_id, -p.quantity, p.batch_id, p.movement_id
          from unnest(p_pieces) with ordinality as p (line_no, sku_id, warehouse_id, bucket, state, quantity, unit_cost, inbound_delta,
                   batch_id, batch_number, serials, movement_id, piece_no)
          join (select distinct request_no, reservation_id from unnest(p_takes)) t on t.request_no = p.line_no
    )
    insert into inventory_movements (id, sku_id, warehouse_id, movement_type, quantity, bucket, balance_after, unsellable_after,
        reference_type, reference_id, reason, actor, unit_cost, cost_after, occurred_at, created_at, request_no, batch_id)
    select t.id, t.sku_id, t.warehouse_id, 'out', -t.quantity, 'sellable',
           i.on_hand_quantity - sum(t.quantity) over (partition by t.sku_id, t.warehouse_id order by t.request_no, t.line_no),
           i.unavailable_quantity, h.reference_type, h.reference_id, 'sold', r.actor, i.cost_price, i.cost_price, p_now,
           greatest(p_now, i.last_updated), t.request_no, t.batch_id
      from leaving t
      join inventory i using (sku_id, warehouse_id)
      join reservations h on h.id = t.reservation_id
      join json_to_recordset(p_requests) as r (n integer, actor text) on r.n = t.request_no
     order by t.request_no, t.line_no
$$;


-- One outbox row and one answer per request that consumed or released something.
create or replace function stock_tell_resolution(p_takes stock_take[], p_now timestamptz) returns stock_answer[]
language plpgsql as $$
declare
    v_answers stock_answer[];
begin
    with change as (
        select t.request_no, t.reservation_id, min(t.outcome) as outcome, array_agg(distinct t.sku_id) as sku_ids,
               json_agg(stock_take_facts(t)) as items
          from unnest(p_takes) t group by t.request_no, t.reservation_id
    ), event as (
        insert into outbox_events (event_type, sku_ids, data, occurred_at)
        select case c.outcome when 'consumed' then 'inventory.reservation_consumed' else 'inventory.reservation_released' end, c.sku_ids,
               json_build_object('reservation_id', h.id, 'reference_type', h.reference_type, 'reference_id', h.reference_id,
                                 'items', c.items), p_now
          from change c join reservations h on h.id = c.reservation_id
         order by c.request_no
    )
    select array_agg(row(request_no, case outcome when 'consumed' then 'consumed' else 'released' end,
                         stock_reservation_facts(reservation_id), false)::stock_answer)
      into v_answers from change;
    return v_answers;
end $$;


-- Give reservations more time, or hand them over from cart to order in place.
-- p_requests: [{n, principal_id, key, hash, actor, reservation_id, action: extend|convert, minutes, extension_max,
--               reference_type, reference_id}]
-- extend adds minutes to the deadline, in total never past created_at + first hold + extension_max.
-- convert sets the reference and a new deadline of minutes from now (null: none).
-- Outcomes: extended, converted; reservation_not_found, reservation_expired, already_consumed, already_cancelled,
-- does_not_expire, extension_limit_reached.
create or replace function stock_prolong(p_requests json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_now timestamptz;
    v_answers stock_answer[];
    v_changes json;
begin
    select coalesce(array_agg(r), '{}') into v_answers from stock_repeats(p_requests) r;
    perform stock_lock_reservations(array(
        select reservation_id from json_to_recordset(p_requests) as r (n integer, reservation_id uuid)
         where not exists (select from unnest(v_answers) a where a.request_no = r.n)));
    v_now := business_now();

    select v_answers || coalesce(array_agg(row(n, outcome, json_strip_nulls(json_build_object('reservation_id', reservation_id,
               'minutes_left', case outcome when 'extension_limit_reached' then greatest(0, extension_max - extended_minutes) end)),
               false)::stock_answer), '{}')
      into v_answers
      from (select r.n, r.reservation_id, r.extension_max, h.extended_minutes,
                   case when h.id is null then 'reservation_not_found'
                        when h.status = 'consumed' then 'already_consumed'
                        when h.status = 'cancelled' then 'already_cancelled'
                        -- A hold past its deadline is dead although not yet swept: its units may be resold at any moment.
                        when h.status = 'expired' or h.expires_at <= v_now then 'reservation_expired'
                        when r.action = 'extend' and h.expires_at is null then 'does_not_expire'
                        when r.action = 'extend' and h.extended_minutes + r.minutes > r.extension_max then 'extension_limit_reached'
                        end as outcome
              from json_to_recordset(p_requests) as r (n integer, reservation_id uuid, action text, minutes integer, extension_max integer)
              left join reservations h on h.id = r.reservation_id
             where not exists (select from unnest(v_answers) a where a.request_no = r.n)) judged
     where outcome is not null;

    with ask as (
        select r.* from json_to_recordset(p_requests) as r (n integer, reservation_id uuid, action text, minutes integer,
                                                            reference_type text, reference_id text)
         where not exists (select from unnest(v_answers) a where a.request_no = r.n)
    ), header as (
        update reservations h
           set expires_at = case a.action when 'extend' then h.expires_at else v_now end + make_interval(mins => a.minutes),
               extended_minutes = case a.action when 'extend' then h.extended_minutes + a.minutes else 0 end,
               reference_type = case a.action when 'extend' then h.reference_type else a.reference_type end,
               reference_id = case a.action when 'extend' then h.reference_id else a.reference_id end
          from ask a where h.id = a.reservation_id
        returning a.n, a.action, h.id, h.expires_at, h.reference_type, h.reference_id
    ), line as (
        update inventory_reservations l set expires_at = h.expires_at
          from header h where l.reservation_id = h.id and l.status in ('active', 'backordered')
        returning h.n, l.sku_id
    ), event as (
        insert into outbox_events (event_type, sku_ids, data, occurred_at)
        select case h.action when 'extend' then 'inventory.reservation_extended' else 'inventory.reservation_converted' end,
               (select array_agg(distinct l.sku_id) from line l where l.n = h.n),
               json_build_object('reservation_id', h.id, 'reference_type', h.reference_type, 'reference_id', h.reference_id,
                                 'expires_at', h.expires_at), v_now
          from header h order by h.n
    )
    select json_agg(json_build_object('n', n, 'action', action, 'id', id)) into v_changes from header;

    select v_answers || coalesce(array_agg(row(c.n, case c.action when 'extend' then 'extended' else 'converted' end,
                                 stock_reservation_facts(c.id), false)::stock_answer), '{}')
      into v_answers
      from json_to_recordset(v_changes) as c (n integer, action text, id uuid);
    perform stock_remember(p_requests, v_answers);
    return query select * from unnest(v_answers);
end $$;
