-- Move units of a batch between sellable and the state its dates and its own state ask for. Serials are listed if there are any.
create or replace function stock_batch_request(p_batch uuid, p_sku uuid, p_warehouse uuid, p_from text, p_to text, p_quantity bigint,
    p_serials text[], p_actor text) returns json
language sql stable as $$
    select json_build_object('n', 0, 'by_batch', true, 'actor', p_actor, 'movement_type', 'transfer', 'reference_type', 'adjustment',
               'reference_id', p_batch,
               'event_type', case when p_to = 'sellable' then 'batch.restored' when p_to = 'expired' then 'batch.expired'
                                  else 'batch.withdrawn' end,
               'reason', case when p_to = 'sellable' then 'usable again' else p_to end,
               'items', json_build_array(
                   json_build_object('sku_id', p_sku, 'warehouse_id', p_warehouse, 'quantity', -p_quantity, 'batch_id', p_batch,
                       'bucket', case when p_from = 'sellable' then 'sellable' else 'unsellable' end,
                       'state', nullif(p_from, 'sellable'), 'serials', to_json(p_serials)),
                   json_build_object('sku_id', p_sku, 'warehouse_id', p_warehouse, 'quantity', p_quantity, 'batch_id', p_batch,
                       'bucket', case when p_to = 'sellable' then 'sellable' else 'unsellable' end,
                       'state', nullif(p_to, 'sellable'), 'serials', to_json(p_serials))))
$$;


-- Take units past their use, or of a batch that is quarantined or recalled, out of what can be sold on levels the caller has
-- locked. What is promised stays: it is stranded, and the next withdrawal after it is given back takes it.
-- Answers how many withdrawals were posted.
create or replace function stock_withdraw_locked(p_levels stock_left[], p_now timestamptz) returns integer
language plpgsql as $$
declare
    v_take record;
    v_count integer := 0;
begin
    for v_take in
        with past as (
            select b.sku_id, b.warehouse_id, b.batch_id, b.usable_until, i.available_quantity, s.tracking,
                   stock_batch_reason(m.state, b.usable_until, p_now) as state,
                   -- a unit that a hold names cannot leave it
                   b.sellable_quantity - case when s.tracking = 'serial' then (
                       select count(*) from serials u where u.batch_id = b.batch_id and u.warehouse_id = b.warehouse_id
                          and u.reservation_id is not null) else 0 end as quantity
              from (select distinct sku_id, warehouse_id from unnest(p_levels)) l
              join inventory_batches b using (sku_id, warehouse_id)
              join inventory i using (sku_id, warehouse_id)
              join batches m on m.id = b.batch_id
              join skus s on s.id = b.sku_id
             where b.usable_until <= p_now and b.sellable_quantity > 0
        ), take as (
            select *, least(quantity, available_quantity - coalesce(sum(quantity) over earlier, 0))::bigint as taken
              from past
            window earlier as (partition by sku_id, warehouse_id order by usable_until, batch_id rows between unbounded preceding and 1 preceding)
        )
        select t.*, case when tracking = 'serial' then array(
                   select u.serial_number from serials u
                    where u.batch_id = t.batch_id and u.warehouse_id = t.warehouse_id and u.state = 'sellable' and u.reservation_id is null
                    order by u.received_at, u.serial_number limit t.taken) end as serials
          from take t where taken > 0
         order by sku_id, warehouse_id, usable_until, batch_id
    loop
        perform stock_post_for_batch(stock_batch_request(v_take.batch_id, v_take.sku_id, v_take.warehouse_id, 'sellable', v_take.state,
            v_take.taken, v_take.serials, 'schedule'), p_now);
        v_count := v_count + 1;
    end loop;
    perform stock_tell_stranded(p_levels, p_now);
    return v_count;
end $$;


-- Post what a batch asks for; under the locks of its levels this cannot be refused.
create or replace function stock_post_for_batch(p_request json, p_now timestamptz) returns void
language plpgsql as $$
declare
    v_answer stock_answer := stock_move_one(p_request, p_now, true);
begin
    if v_answer.outcome <> 'moved' then
        raise exception 'a batch could not be withdrawn: %', v_answer.outcome using errcode = 'ZS003', detail = v_answer.facts::text;
    end if;
end $$;


-- Keep in each row how many units are past use but promised, and tell when they become more.
create or replace function stock_tell_stranded(p_levels stock_left[], p_now timestamptz) returns void
language sql as $$
    with counted as (
        update inventory_batches b
           set stranded_quantity = case when b.usable_until <= p_now then b.sellable_quantity else 0 end
          from (select distinct sku_id, warehouse_id from unnest(p_levels)) l
         where (b.sku_id, b.warehouse_id) = (l.sku_id, l.warehouse_id)
           and b.stranded_quantity <> case when b.usable_until <= p_now then b.sellable_quantity else 0 end
        returning b.sku_id, b.warehouse_id, b.batch_id, old.stranded_quantity as told, new.stranded_quantity as stranded
    )
    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    select 'batch.stranded', array[c.sku_id],
           json_build_object('batch_id', c.batch_id, 'number', b.number, 'expiry_date', b.expiry_date, 'state', b.state,
               'sku_id', c.sku_id, 'warehouse_id', c.warehouse_id, 'stranded_quantity', c.stranded), p_now
      from counted c join batches b on b.id = c.batch_id
     where c.stranded > c.told
$$;


-- Withdraw what is past its use on up to p_limit levels; the job calls this until it answers 0. A sale that comes before the
-- job withdraws by itself, so a dead job never sells an expired unit.
create or replace function stock_withdraw(p_limit integer) returns integer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_now timestamptz := business_now();
    v_levels stock_left[];
begin
    select array_agg(distinct row(due.sku_id, due.warehouse_id, 0, 0, true)::stock_left) into v_levels
      from (select b.sku_id, b.warehouse_id
              from inventory_batches b
              join inventory i using (sku_id, warehouse_id)
             where b.sellable_quantity > 0 and b.usable_until <= v_now
               and (i.available_quantity > 0 or b.stranded_quantity <> b.sellable_quantity)
             limit p_limit) due;
    if v_levels is null then
        return 0;
    end if;
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in (select sku_id, warehouse_id from unnest(v_levels))
      order by i.sku_id, i.warehouse_id
        for no key update;
    return stock_withdraw_locked(v_levels, business_now());
end $$;


-- Withdraw what is past its use on one level now. Answers how many units stay because they are promised; null when the units
-- of the SKU are not told apart.
create or replace function stock_withdraw_level(p_sku uuid, p_warehouse uuid) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_now timestamptz;
begin
    if exists (select from skus where id = p_sku and tracking = 'none') then
        return null;
    end if;
    perform from inventory where (sku_id, warehouse_id) = (p_sku, p_warehouse) for no key update;
    v_now := business_now();
    perform stock_withdraw_locked(array[row(p_sku, p_warehouse, 0, 0, true)::stock_left], v_now);
    return (select coalesce(sum(sellable_quantity), 0)::bigint from inventory_batches
             where (sku_id, warehouse_id) = (p_sku, p_warehouse) and usable_until <= v_now);
end $$;


-- After a batch, the days a SKU must have left or a time zone changed: units go where they belong now. The caller has locked
-- the levels. Units that somebody set aside by hand (damaged, quality_hold) stay where they are.
create or replace function stock_align_locked(p_batches uuid[], p_actor text, p_now timestamptz) returns void
language plpgsql as $$
declare
    v_row record;
    v_levels stock_left[];
    v_skus uuid[];
    v_warehouses uuid[];
begin
    perform stock_rework_usable(p_batches);
    for v_row in
        select x.sku_id, x.warehouse_id, x.batch_id, x.state, x.quantity, stock_batch_reason(m.state, b.usable_until, p_now) as target,
               case when s.tracking = 'serial' then array(
                   select u.serial_number from serials u
                    where u.batch_id = x.batch_id and u.warehouse_id = x.warehouse_id and u.state = x.state) end as serials
          from inventory_states x
          join inventory_batches b on (b.sku_id, b.warehouse_id, b.batch_id) = (x.sku_id, x.warehouse_id, x.batch_id)
          join batches m on m.id = x.batch_id
          join skus s on s.id = x.sku_id
         where x.batch_id = any (p_batches) and x.quantity > 0 and x.state in ('quarantined', 'expired', 'recalled')
           and x.state <> stock_batch_reason(m.state, b.usable_until, p_now)
         order by x.sku_id, x.warehouse_id, x.batch_id
    loop
        perform stock_post_for_batch(stock_batch_request(v_row.batch_id, v_row.sku_id, v_row.warehouse_id, v_row.state, v_row.target,
            v_row.quantity, v_row.serials, p_actor), p_now);
    end loop;
    select array_agg(row(sku_id, warehouse_id, 0, 0, true)::stock_left), array_agg(sku_id), array_agg(warehouse_id)
      into v_levels, v_skus, v_warehouses
      from (select distinct sku_id, warehouse_id from inventory_batches where batch_id = any (p_batches)) here;
    perform stock_withdraw_locked(v_levels, p_now);
    if v_skus is not null then
        perform stock_serve(v_skus, v_warehouses, p_now);
    end if;
end $$;


-- Lock the levels of some batches, then the batches themselves.
create or replace function stock_lock_batches(p_batches uuid[]) returns void
language plpgsql as $$
begin
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in (select sku_id, warehouse_id from inventory_batches where batch_id = any (p_batches))
      order by i.sku_id, i.warehouse_id
        for no key update;
    perform from batches where id = any (p_batches) order by id for no key update;
    -- A receipt that came first may have put the batch into one more warehouse; it is locked late, and a deadlock is repeated.
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in (select sku_id, warehouse_id from inventory_batches where batch_id = any (p_batches))
      order by i.sku_id, i.warehouse_id
        for no key update;
end $$;


-- Quarantine, release or recall a batch everywhere. Answers the state it had, or null when there is no such batch.
create or replace function stock_judge_batch(p_batch uuid, p_state text, p_reason text, p_actor text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_now timestamptz;
    v_before text;
begin
    perform stock_lock_batches(array[p_batch]);
    v_now := business_now();
    select state into v_before from batches where id = p_batch;
    if v_before is null or v_before = p_state then
        return v_before;
    end if;
    update batches set state = p_state, state_reason = p_reason, changed_at = v_now, version = version + 1 where id = p_batch;
    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    select case p_state when 'usable' then 'batch.released' else 'batch.' || p_state end, array[sku_id],
           json_build_object('batch_id', id, 'number', number, 'sku_id', sku_id, 'state', state, 'before', v_before, 'reason', p_reason), v_now
      from batches where id = p_batch;
    perform stock_align_locked(array[p_batch], p_actor, v_now);
    return v_before;
end $$;


-- Correct the dates and the supplier of a batch if it still has p_expected_version (null: whatever it has). Answers the
-- version it had, or null when there is no such batch.
create or replace function stock_change_batch(p_batch uuid, p_production_date date, p_expiry_date date, p_supplier uuid,
    p_expected_version bigint, p_actor text) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_now timestamptz;
    v_before bigint;
begin
    perform stock_lock_batches(array[p_batch]);
    v_now := business_now();
    select version into v_before from batches where id = p_batch;
    if v_before is null or v_before <> p_expected_version then
        return v_before;
    end if;
    update batches
       set production_date = p_production_date, expiry_date = p_expiry_date, supplier_id = p_supplier, changed_at = v_now,
           version = version + 1
     where id = p_batch;
    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    select 'batch.changed', array[sku_id], json_build_object('batch_id', id, 'number', number, 'sku_id', sku_id,
               'production_date', production_date, 'expiry_date', expiry_date, 'supplier_id', supplier_id), v_now
      from batches where id = p_batch;
    perform stock_align_locked(array[p_batch], p_actor, v_now);
    return v_before;
end $$;


-- The days a SKU must have left, or a warehouse's time zone, changed: usability is worked out anew.
create or replace function stock_rework(p_sku uuid, p_warehouse uuid, p_actor text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_batches uuid[] := array(select distinct batch_id from inventory_batches
                               where sku_id = p_sku or warehouse_id = p_warehouse);
begin
    if cardinality(v_batches) > 0 then
        perform stock_lock_batches(v_batches);
        perform stock_align_locked(v_batches, p_actor, business_now());
    end if;
end $$;


-- Active lines that cannot be served any more from usable units of their level, newest first to lose: quantity is the part
-- that is missing.
create or replace function stock_stranded_lines(p_skus uuid[])
returns table (sku_id uuid, warehouse_id uuid, reservation_id uuid, line_no integer, quantity bigint, short_quantity bigint,
               reference_type text, reference_id text, reserved_at timestamptz, expires_at timestamptz)
language sql stable as $$
    with usable as (
        select b.sku_id, b.warehouse_id, coalesce(sum(b.sellable_quantity) filter (where b.usable_until > c.now), 0) as quantity
          from inventory_batches b cross join (select business_now() as now) c
         where b.sku_id = any (p_skus)
         group by b.sku_id, b.warehouse_id
        having sum(b.sellable_quantity) filter (where b.usable_until <= c.now) > 0
    ), line as (
        select l.*, sum(l.quantity) over (partition by l.sku_id, l.warehouse_id order by l.reserved_at, l.reservation_id, l.line_no)
                    - u.quantity as missing
          from usable u
          join inventory_reservations l on l.sku_id = u.sku_id and l.warehouse_id = u.warehouse_id and l.status = 'active'
    )
    select l.sku_id, l.warehouse_id, l.reservation_id, l.line_no, l.quantity, least(l.quantity, l.missing)::bigint,
           h.reference_type, h.reference_id, l.reserved_at, l.expires_at
      from line l join reservations h on h.id = l.reservation_id
     where l.missing > 0
     order by l.reserved_at desc, l.reservation_id
$$;


-- Units that left for a transfer and reached no shelf. What they cost the ledger was written when they were shipped.
create or replace function stock_lose_units(p_sku uuid, p_serials text[]) returns void
language sql security definer set search_path = public, pg_temp as $$
    update serials set state = 'lost', changed_at = business_now()
     where sku_id = p_sku and serial_number = any (p_serials) and state = 'in_transit'
$$;
