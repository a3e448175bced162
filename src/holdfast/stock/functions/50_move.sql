-- Change what is physically there: receipts, sales, adjustments, returns. Each request is all or nothing, in order.
-- p_requests: [{n, principal_id, key, hash, actor, event_type, movement_type, reference_type, reference_id, reason,
--               occurred_at (null: now), channel (of a sale; its code), items: [{sku_id, warehouse_id, bucket, quantity (signed), set_to, expected_quantity,
--               unit_cost, inbound_delta, batch, serials, state}]}]
-- A sale may name bundles: their components leave, in the same entry of the books (facts.bundles).
-- set_to replaces quantity: the physical quantity of the bucket becomes set_to. With expected_quantity a line is posted only if
-- that many are physically there.
-- What is sold or shipped elsewhere leaves what pools keep where it is; what is only reported (adjustments, counts) need not.
-- Outcomes: moved; occurs_later, unknown_channel, unknown_sku, unknown_warehouse, sku_archived, insufficient_stock, below_reserved,
-- version_conflict, inbound_exceeded, sku_is_bundle; those of stock_track; idempotency_key_reused.
create or replace function stock_move(p_requests json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_answers stock_answer[];
    v_expired uuid[];
    v_skus uuid[];
    -- requests that name units of batches, serials or unsellable stock: these are told apart unit by unit
    v_tracked integer[];
    v_levels stock_left[];
    v_warehouses uuid[];
    v_sells_bundles boolean;
    v_request record;
begin
    select coalesce(array_agg(r), '{}') into v_answers from stock_repeats(p_requests) r;
    select array_agg(i.sku_id), array_agg(i.warehouse_id),
           array_agg(distinct r.n) filter (where s.tracking <> 'none' or i.bucket = 'unsellable' or i.batch is not null or i.serials is not null),
           bool_or(s.is_bundle and r.movement_type = 'out' and r.reference_type = 'sale')
      into v_skus, v_warehouses, v_tracked, v_sells_bundles
      from json_to_recordset(p_requests) as r (n integer, movement_type text, reference_type text, items json)
     cross join json_to_recordset(r.items) as i (sku_id uuid, warehouse_id uuid, bucket text, batch json, serials json)
      -- The fence (offset 0) and, below, the arrays keep these look-ups: of a list within a JSON list PostgreSQL expects ten
      -- thousand lines, and reads every SKU and every level for them.
      left join lateral (select tracking, is_bundle from skus where id = i.sku_id offset 0) s on true
     where not exists (select from unnest(v_answers) a where a.request_no = r.n);

    if v_sells_bundles then
        return query select * from stock_move(stock_sales_of_parts(p_requests));
        return;
    end if;

    -- A level is born with its first entry. Ordered, so that two of us do not wait for each other.
    insert into inventory (sku_id, warehouse_id)
    select distinct i.sku_id, i.warehouse_id
      from unnest(v_skus, v_warehouses) as i (sku_id, warehouse_id)
      join skus s on s.id = i.sku_id
      join warehouses w on w.id = i.warehouse_id
     order by 1, 2
    on conflict do nothing;

    select array_agg(distinct l.reservation_id) into v_expired
      from inventory_reservations l
     where l.sku_id = any (v_skus) and l.status = 'active' and l.expires_at <= (select business_now());
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in (
            select x.sku_id, x.warehouse_id from unnest(v_skus, v_warehouses) as x (sku_id, warehouse_id)
            union
            select l.sku_id, l.warehouse_id from inventory_reservations l where l.reservation_id = any (v_expired))
      order by i.sku_id, i.warehouse_id
        for no key update;
    if v_expired is not null then
        perform stock_expire_locked(v_expired, business_now());
    end if;
    if v_tracked is not null then
        select array_agg(distinct row(i.sku_id, i.warehouse_id, 0, 0, true)::stock_left) into v_levels
          from json_to_recordset(p_requests) as r (n integer, items json)
         cross join json_to_recordset(r.items) as i (sku_id uuid, warehouse_id uuid)
         where r.n = any (v_tracked);
        perform stock_withdraw_locked(v_levels, business_now());
    end if;

    for v_request in
        select r.n, r.body from (select (e.value ->> 'n')::integer as n, e.value as body
                                   from json_array_elements(p_requests) e) r
         where not exists (select from unnest(v_answers) a where a.request_no = r.n)
         order by r.n
    loop
        v_answers := v_answers || stock_move_one(v_request.body, business_now(), coalesce(v_request.n = any (v_tracked), false));
    end loop;
    if v_tracked is not null then
        -- What came in past its use, or of a batch that is withdrawn, is here but cannot be sold.
        perform stock_withdraw_locked(v_levels, business_now());
    end if;
    -- Arriving units go to who waits for them, before anybody else can ask.
    perform stock_serve(v_skus, v_warehouses, business_now());
    perform stock_remember(p_requests, v_answers);
    return query select * from unnest(v_answers);
end $$;


-- One request of stock_move, under the locks its caller took. p_tracked: its units are told apart by batch, serial or state.
drop function if exists stock_move_one(json, timestamptz);
create or replace function stock_move_one(p_request json, p_now timestamptz, p_tracked boolean) returns stock_answer
language plpgsql as $$
declare
    v_n integer := (p_request ->> 'n')::integer;
    -- Read once: ->> parses the whole request each time, and a statement would do so for every line of it.
    v_movement_type text := p_request ->> 'movement_type';
    v_reference_type text := p_request ->> 'reference_type';
    v_reference_id text := p_request ->> 'reference_id';
    v_reason text := p_request ->> 'reason';
    v_actor text := p_request ->> 'actor';
    v_occurred_at timestamptz := (p_request ->> 'occurred_at')::timestamptz;
    v_refusal stock_answer;
    v_track record;
    v_pieces stock_piece[];
    v_facts json;
    v_pools record;
    v_channel uuid;
begin
    -- A day of grace: tills have clocks and time zones of their own. What is told as sold next year would be demand of next year.
    if v_occurred_at > p_now + interval '1 day' then
        return row(v_n, 'occurs_later', json_build_object('occurred_at', v_occurred_at, 'now', p_now), false)::stock_answer;
    end if;
    v_refusal := stock_move_refusal(p_request);
    if p_tracked and (v_refusal.outcome is null or v_refusal.outcome not in ('unknown_sku', 'unknown_warehouse', 'sku_archived')) then
        select * into v_track from stock_track(p_request, 'insufficient_stock', p_now);
        v_refusal := v_track.refusal;
        v_pieces := v_track.pieces;
        if v_refusal.outcome is null then
            v_refusal := stock_move_refusal(stock_request_of(v_n, v_pieces));
        end if;
    end if;
    if v_refusal.outcome is null and v_reference_type in ('sale', 'transfer') then
        select * into v_pools from stock_pools_of_move(p_request);
        v_channel := v_pools.channel;
        v_refusal := v_pools.refusal;
    end if;
    if v_refusal.outcome is not null then
        -- A correction that fails was wanted by nobody.
        if v_reference_type = 'sale' then
            perform stock_keep_refusal(p_request, v_refusal.outcome, v_refusal.facts);
        end if;
        return v_refusal;
    end if;

    if v_channel is not null then
        perform stock_sell_from_pools(p_request, v_channel, p_now);
    end if;
    if p_tracked then
        v_pieces := stock_name_batches(p_request, v_pieces, p_now);
        perform stock_settle(p_request, v_pieces, p_now);
    else
        select array_agg(row(i.line_no, i.sku_id, i.warehouse_id, 'sellable', null,
                             coalesce(i.set_to - (v.available_quantity + v.reserved_quantity), i.quantity), i.unit_cost,
                             coalesce(i.inbound_delta, 0), null, null, null, uuidv7())::stock_piece order by i.line_no)
          into v_pieces
          from rows from (json_to_recordset(p_request -> 'items') as (sku_id uuid, warehouse_id uuid,
                   quantity bigint, set_to bigint, unit_cost numeric, inbound_delta bigint))
               with ordinality as i (sku_id, warehouse_id, quantity, set_to, unit_cost, inbound_delta, line_no)
          join inventory v on (v.sku_id, v.warehouse_id) = (i.sku_id, i.warehouse_id);
    end if;

    with piece as materialized (
        select * from unnest(v_pieces) with ordinality as p (line_no, sku_id, warehouse_id, bucket, state, quantity, unit_cost,
            inbound_delta, batch_id, batch_number, serials, movement_id, piece_no)
    ), change as (
        -- What the request does to each level, and the moving average it leaves.
        select i.sku_id, i.warehouse_id, c.sellable, c.unsellable, c.inbound,
               case when c.costed > 0 and i.on_hand_quantity + c.costed > 0
                    then round((coalesce(i.cost_price, c.cost / c.costed) * i.on_hand_quantity + c.cost)
                               / (i.on_hand_quantity + c.costed), 6)
                    else i.cost_price end as cost_price
          from (select sku_id, warehouse_id,
                       sum(case bucket when 'sellable' then quantity else 0 end)::bigint as sellable,
                       sum(case bucket when 'unsellable' then quantity else 0 end)::bigint as unsellable,
                       sum(inbound_delta)::bigint as inbound,
                       coalesce(sum(quantity) filter (where quantity > 0 and unit_cost is not null), 0) as costed,
                       coalesce(sum(quantity * unit_cost) filter (where quantity > 0 and unit_cost is not null), 0) as cost
                  from piece group by sku_id, warehouse_id) c
          join inventory i using (sku_id, warehouse_id)
    ), entry as (
        insert into inventory_movements (id, sku_id, warehouse_id, movement_type, quantity, bucket, balance_after, unsellable_after,
            reference_type, reference_id, reason, actor, unit_cost, cost_after, occurred_at, created_at, request_no, batch_id, state)
        select p.movement_id, p.sku_id, p.warehouse_id, v_movement_type, p.quantity, p.bucket,
               i.on_hand_quantity + sum(p.quantity) over earlier,
               i.unavailable_quantity + sum(case p.bucket when 'unsellable' then p.quantity else 0 end) over earlier,
               v_reference_type, v_reference_id, v_reason, v_actor,
               coalesce(p.unit_cost, i.cost_price), c.cost_price, coalesce(v_occurred_at, p_now),
               greatest(p_now, i.last_updated), v_n, p.batch_id, p.state
          from piece p join inventory i using (sku_id, warehouse_id) join change c using (sku_id, warehouse_id)
         where p.quantity <> 0
        window earlier as (partition by p.sku_id, p.warehouse_id order by p.piece_no)
         order by p.piece_no
    ), level as (
        update inventory i
           set available_quantity = i.available_quantity + c.sellable,
               unavailable_quantity = i.unavailable_quantity + c.unsellable,
               in_transit_quantity = i.in_transit_quantity + c.inbound,
               cost_price = c.cost_price,
               version = i.version + 1,
               last_updated = greatest(i.last_updated, p_now)
          from change c
         where (i.sku_id, i.warehouse_id) = (c.sku_id, c.warehouse_id)
    )
    select json_build_object('reference_type', v_reference_type, 'reference_id', v_reference_id,
               'items', json_agg(case when p_tracked then stock_piece_facts(p.sku_id, p.warehouse_id, p.bucket, p.quantity, p.state,
                                                                            p.batch_id, p.serials)
                                      else json_build_object('sku_id', p.sku_id, 'warehouse_id', p.warehouse_id, 'bucket', p.bucket,
                                                             'quantity', p.quantity) end order by p.piece_no))
      into v_facts from piece p;

    -- A look at the text, for a word that few requests have.
    if strpos(p_request::text, '"foreign_cost"') > 0 then
        insert into foreign_costs (movement_id, sku_id, currency, unit_cost, exchange_rate)
        select p.movement_id, p.sku_id, i.foreign_cost ->> 'currency', (i.foreign_cost ->> 'unit_cost')::numeric,
               (i.foreign_cost ->> 'exchange_rate')::numeric
          from rows from (json_to_recordset(p_request -> 'items') as (foreign_cost json)) with ordinality as i (foreign_cost, line_no)
          join unnest(v_pieces) p on p.line_no = i.line_no and p.quantity > 0
         where i.foreign_cost is not null;
    end if;

    if strpos(p_request::text, '"bundles"') > 0 then
        v_facts := (v_facts::jsonb || jsonb_build_object('bundles', p_request -> 'bundles'))::json;
    end if;

    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    select p_request ->> 'event_type', array_agg(distinct i.sku_id), v_facts, p_now
      from json_to_recordset(v_facts -> 'items') as i (sku_id uuid);
    return row(v_n, 'moved', v_facts, false)::stock_answer;
end $$;


-- Pieces in the shape of a request, for the rules that look at levels only.
create or replace function stock_request_of(p_n integer, p_pieces stock_piece[]) returns json
language sql stable as $$
    select json_build_object('n', p_n, 'items', json_agg(json_build_object('line', line_no, 'sku_id', sku_id, 'warehouse_id', warehouse_id,
               'bucket', bucket, 'quantity', quantity, 'inbound_delta', inbound_delta) order by line_no))
      from unnest(p_pieces)
$$;


-- One posted piece as it is answered and told.
create or replace function stock_piece_facts(p_sku uuid, p_warehouse uuid, p_bucket text, p_quantity bigint, p_state text,
    p_batch uuid, p_serials text[]) returns json
language sql stable as $$
    select json_strip_nulls(json_build_object('sku_id', p_sku, 'warehouse_id', p_warehouse, 'bucket', p_bucket,
               'quantity', p_quantity, 'state', p_state,
               'batch', (select json_build_object('id', b.id, 'number', b.number, 'expiry_date', b.expiry_date)
                           from batches b where b.id = p_batch),
               'serials', to_json(p_serials)))
$$;


-- Why a request of stock_move cannot be posted, or an answer without an outcome.
create or replace function stock_move_refusal(p_request json) returns stock_answer
language sql stable as $$
    with line as (
        select i.*, coalesce(i.bucket, 'sellable') = 'unsellable' as is_unsellable, s.id is null as unknown_sku, w.id is null as unknown_warehouse,
               s.archived_at is not null as archived, s.is_bundle,
               coalesce(v.available_quantity, 0) as available, coalesce(v.reserved_quantity, 0) as reserved,
               coalesce(v.unavailable_quantity, 0) as unavailable, coalesce(v.in_transit_quantity, 0) as in_transit
          from (select x.sku_id, x.warehouse_id, x.bucket, x.quantity, x.set_to, x.expected_quantity, x.inbound_delta,
                       coalesce(x.line, x.item_no) as line_no
                  from rows from (json_to_recordset(p_request -> 'items') as (line integer, sku_id uuid, warehouse_id uuid, bucket text,
                           quantity bigint, set_to bigint, expected_quantity bigint, inbound_delta bigint))
                       with ordinality as x (line, sku_id, warehouse_id, bucket, quantity, set_to, expected_quantity, inbound_delta,
                                             item_no)) i
          left join skus s on s.id = i.sku_id
          left join warehouses w on w.id = i.warehouse_id
          left join inventory v on (v.sku_id, v.warehouse_id) = (i.sku_id, i.warehouse_id)
    ), total as (
        -- Lines on one level and bucket count together, as they do when they are posted.
        select *, case when is_unsellable then unavailable else available + reserved end as physical,
               coalesce(sum(quantity) over (partition by sku_id, warehouse_id, is_unsellable), 0) as change,
               coalesce(sum(quantity) over (partition by sku_id, warehouse_id), 0) as growth,
               coalesce(sum(inbound_delta) over (partition by sku_id, warehouse_id), 0) as inbound
          from line
    ), judged as (
        select *, case when unknown_sku then 1 when unknown_warehouse then 2
                       -- what only changes its state is not received
                       when archived and coalesce(quantity, set_to) > 0 and (set_to is not null or growth > 0) then 3
                       when is_bundle then 8
                       when expected_quantity <> physical then 4
                       when set_to is not null and not is_unsellable and set_to < reserved then 5
                       when set_to is null and is_unsellable and unavailable + change < 0 then 6
                       when set_to is null and not is_unsellable and available + change < 0 then 6
                       when in_transit + inbound < 0 then 7 end as rank
          from total
    ), first as (select min(rank) as rank from judged)
    select (p_request ->> 'n')::integer,
           (array['unknown_sku', 'unknown_warehouse', 'sku_archived', 'version_conflict', 'below_reserved', 'insufficient_stock',
                  'inbound_exceeded', 'sku_is_bundle'])[max(f.rank)],
           json_build_object('errors', json_agg(json_strip_nulls(json_build_object('line', j.line_no, 'sku_id', j.sku_id,
               'warehouse_id', j.warehouse_id, 'requested', coalesce(j.set_to, abs(j.change)),
               'expected', j.expected_quantity, 'actual', case j.rank when 4 then j.physical end,
               'reserved', case j.rank when 5 then j.reserved end,
               'available', case j.rank when 6 then case when j.is_unsellable then j.unavailable else j.available end end)) order by j.line_no)),
           false
      from judged j join first f on j.rank = f.rank
$$;


-- Raise or lower what is on its way, without anything physical moving: purchase orders sent, closed or cancelled.
-- p_lines: [{sku_id, warehouse_id, quantity (signed)}]. Raises in_transit_never_negative when more is taken than was open.
create or replace function stock_expect(p_lines json, p_reference_id text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into inventory (sku_id, warehouse_id)
    select distinct sku_id, warehouse_id from json_to_recordset(p_lines) as l (sku_id uuid, warehouse_id uuid)
     order by 1, 2
    on conflict do nothing;
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in
            (select sku_id, warehouse_id from json_to_recordset(p_lines) as l (sku_id uuid, warehouse_id uuid))
      order by i.sku_id, i.warehouse_id
        for no key update;
    update inventory i
       set in_transit_quantity = i.in_transit_quantity + l.quantity, version = i.version + 1, last_updated = greatest(i.last_updated, business_now())
      from (select sku_id, warehouse_id, sum(quantity)::bigint as quantity
              from json_to_recordset(p_lines) as x (sku_id uuid, warehouse_id uuid, quantity bigint)
             group by sku_id, warehouse_id) l
     where (i.sku_id, i.warehouse_id) = (l.sku_id, l.warehouse_id);
    insert into outbox_events (event_type, sku_ids, data)
    select 'inventory.inbound_changed', array_agg(distinct l.sku_id),
           json_build_object('reference_type', 'purchase', 'reference_id', p_reference_id, 'items', p_lines)
      from json_to_recordset(p_lines) as l (sku_id uuid)
    having count(*) > 0;
end $$;
