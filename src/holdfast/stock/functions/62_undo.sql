-- Take an action back as a whole: rows of documents and masters become what they were, and every ledger entry gets one of
-- the opposite sign. Nothing is erased: the entries stay, the compensation names them.


-- Claim an action to be undone; answers the id of the undo, or null when somebody undid it before.
create or replace function stock_claim_undo(p_posted_in bigint, p_request_no integer, p_acted_at timestamptz, p_action text,
    p_subject text, p_reason text, p_actor text) returns uuid
language sql security definer set search_path = public, pg_temp as $$
    insert into undos (posted_in, request_no, acted_at, action, subject, reason, undone_by, undone_at)
    values (p_posted_in, p_request_no, p_acted_at, p_action, p_subject, p_reason, p_actor, business_now())
    on conflict do nothing
    returning id
$$;


-- Restore every row an action changed, the newest change first so that references hold. Answers one row per row touched:
-- 'restored', or 'changed_since' when it is no longer as the action left it; then nothing of it was written.
-- Raises foreign_key_violation when a row that would go is needed by another, unique_violation when its place is taken.
create or replace function stock_restore_rows(p_posted_in bigint, p_acted_at timestamptz)
returns table (outcome text, table_name text, row_key jsonb, before jsonb, now jsonb)
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' as $$
declare
    v_row record;
    v_now jsonb;
begin
    for v_row in
        select c.table_name, c.row_key, max(c.id) as last_id,
               (array_agg(c.before order by c.id))[1] as first_before, (array_agg(c.after order by c.id desc))[1] as last_after
          from row_changes c
         where c.posted_in = p_posted_in and c.changed_at = p_acted_at
         group by c.table_name, c.row_key
        having (array_agg(c.before order by c.id))[1] is distinct from (array_agg(c.after order by c.id desc))[1]
         order by max(c.id) desc
    loop
        execute format('select to_jsonb(t) from %I t, jsonb_populate_record(null::%I, $1) k where %s for update of t',
                       v_row.table_name, v_row.table_name,
                       (select string_agg(format('t.%I = k.%I', k, k), ' and ') from jsonb_object_keys(v_row.row_key) k))
           into v_now using v_row.row_key;
        select jsonb_object_agg(e.key, e.value) into v_now
          from jsonb_each(v_now) e where v_row.last_after is null or v_row.last_after ? e.key;
        table_name := v_row.table_name; row_key := v_row.row_key; before := v_row.first_before; now := v_now;
        outcome := case when v_now is distinct from v_row.last_after then 'changed_since' else 'restored' end;
        if outcome = 'restored' then
            perform stock_restore_row(v_row.table_name, v_row.row_key, v_row.first_before, v_now is not null);
        end if;
        return next;
    end loop;
end $$;


-- One row becomes what it was: gone, back again, or as before. Its version counts on.
create or replace function stock_restore_row(p_table text, p_key jsonb, p_before jsonb, p_exists boolean) returns void
language plpgsql as $$
declare
    v_match text := (select string_agg(format('t.%I = k.%I', k, k), ' and ') from jsonb_object_keys(p_key) k);
    v_columns text := (select string_agg(format('%I', k), ', ') from jsonb_object_keys(p_before) k);
    v_counted text := (select string_agg(case attname when 'version' then 'version = t.version + 1' else 'updated_at = now()' end, ', ')
                         from pg_attribute
                        where attrelid = p_table::regclass and attname in ('version', 'updated_at') and attnum > 0
                          -- a level's version belongs to its quantities
                          and p_table <> 'inventory');
begin
    if p_before is null then
        execute format('delete from %I t using jsonb_populate_record(null::%I, $1) k where %s', p_table, p_table, v_match) using p_key;
    elsif not p_exists then
        execute format('insert into %I (%s) overriding system value select %s from jsonb_populate_record(null::%I, $1)',
                       p_table, v_columns, v_columns, p_table) using p_before;
    else
        execute format('update %I t set (%s) = (select %s from jsonb_populate_record(null::%I, $2))%s '
                       'from jsonb_populate_record(null::%I, $1) k where %s',
                       p_table, v_columns, v_columns, p_table, coalesce(', ' || v_counted, ''), p_table, v_match)
          using p_key, p_before;
    end if;
end $$;


-- The entries of an action. Transactions of one number from before and after a restore lie far apart in time.
create or replace function stock_entries_of(p_posted_in bigint, p_request_no integer, p_acted_at timestamptz)
returns setof inventory_movements
language sql stable security definer set search_path = public, pg_temp as $$
    select m.* from inventory_movements m
     where m.posted_in = p_posted_in and (p_request_no = -1 or m.request_no = p_request_no)
       and uuid_extract_timestamp(m.id) between p_acted_at - interval '1 minute' and p_acted_at + interval '1 hour'
     order by m.seq
$$;


-- Lock the levels of an undo in the order all posting functions use, and release the holds on them whose time is over.
create or replace function stock_lock_for_undo(p_levels stock_left[]) returns void
language plpgsql as $$
declare
    v_expired uuid[];
begin
    select array_agg(distinct l.reservation_id) into v_expired
      from inventory_reservations l
     where l.sku_id in (select sku_id from unnest(p_levels)) and l.status = 'active' and l.expires_at <= (select business_now());
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in (
            select sku_id, warehouse_id from unnest(p_levels)
            union
            select l.sku_id, l.warehouse_id from inventory_reservations l where l.reservation_id = any (v_expired))
      order by i.sku_id, i.warehouse_id
        for no key update;
    if v_expired is not null then
        perform stock_expire_locked(v_expired, business_now());
    end if;
end $$;


-- Post the opposite of every entry of an action, and move what is in transit by p_inbound
-- ([{sku_id, warehouse_id, quantity (signed)}], from the documents that were restored before).
-- Outcomes: undone; insufficient_stock, serial_not_here when units have gone since, serial_in_stock, inbound_exceeded.
create or replace function stock_undo_entries(p_undo uuid, p_posted_in bigint, p_request_no integer, p_acted_at timestamptz,
    p_inbound json, p_actor text, p_reason text) returns stock_answer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_now timestamptz := business_now();
    v_entries inventory_movements[];
    v_pieces stock_piece[];
    v_answer stock_answer;
    v_facts json;
begin
    if p_request_no = -1 then
        perform stock_rework_restored(p_posted_in, p_acted_at);
    end if;
    v_entries := array(select e from stock_entries_of(p_posted_in, p_request_no, p_acted_at) e order by e.seq);
    perform stock_lock_for_undo(array(
        select row(sku_id, warehouse_id, 0, 0, true)::stock_left from unnest(v_entries)
        union select row(sku_id, warehouse_id, 0, 0, true)::stock_left
                from json_to_recordset(p_inbound) as x (sku_id uuid, warehouse_id uuid)));
    v_answer := stock_undo_refusal(v_entries, p_inbound);
    v_pieces := stock_undo_pieces(v_entries);
    if v_answer.outcome is null then
        v_answer := stock_undo_units_refusal(v_pieces);
    end if;
    if v_answer.outcome is not null then
        return v_answer;
    end if;
    perform stock_settle_undo_units(v_pieces, v_now);

    with reversed as (
        select e.*, p.movement_id, p.state as piece_state, -e.quantity as back,
               -- a unit with a number leaves its state before it is in the next
               e.quantity < 0 and p.serials is null as is_first,
               -- what its units are known to have cost by now
               coalesce((select c.unit_cost from cost_corrections c where c.movement_id = e.id order by c.created_at desc limit 1),
                        e.unit_cost, i.cost_price) as cost,
               i.on_hand_quantity, i.unavailable_quantity, i.cost_price, i.last_updated
          from (select u.*, row_number() over (order by u.seq) as n from unnest(v_entries) u) e
          join unnest(v_pieces) p on p.line_no = e.n
          join inventory i on (i.sku_id, i.warehouse_id) = (e.sku_id, e.warehouse_id)
    ), average as (
        select sku_id, warehouse_id, stock_average_without(sku_id, warehouse_id, array_agg(id), min(created_at), min(seq),
                    sum(quantity)::bigint, sum(quantity * cost)) as cost_price
          from reversed group by sku_id, warehouse_id
    )
    insert into inventory_movements (id, sku_id, warehouse_id, movement_type, quantity, bucket, balance_after, unsellable_after,
        reference_type, reference_id, reason, actor, unit_cost, cost_after, occurred_at, created_at, request_no, undoes, batch_id, state)
    select r.movement_id, r.sku_id, r.warehouse_id, case r.movement_type when 'in' then 'out' when 'out' then 'in' else r.movement_type end,
           r.back, r.bucket, r.on_hand_quantity + sum(r.back) over so_far,
           r.unavailable_quantity + sum(case r.bucket when 'unsellable' then r.back else 0 end) over so_far,
           r.reference_type, r.reference_id, p_reason, p_actor, r.unit_cost, a.cost_price, r.occurred_at,
           greatest(v_now, r.last_updated), 0, r.id, r.batch_id, r.piece_state
      from reversed r join average a using (sku_id, warehouse_id)
    -- What comes back is entered before what goes: a balance in between must not be negative.
    window so_far as (partition by r.sku_id, r.warehouse_id order by r.is_first desc, r.seq desc)
     order by r.is_first desc, r.seq desc;

    update inventory i
       set available_quantity = i.available_quantity + c.sellable, unavailable_quantity = i.unavailable_quantity + c.unsellable,
           in_transit_quantity = i.in_transit_quantity + c.inbound,
           cost_price = case when c.entries > 0 then c.cost_price else i.cost_price end,
           version = i.version + 1, last_updated = greatest(i.last_updated, v_now)
      from (select x.sku_id, x.warehouse_id, sum(x.sellable)::bigint as sellable, sum(x.unsellable)::bigint as unsellable,
                   sum(x.inbound)::bigint as inbound, sum(x.entries) as entries,
                   (select m.cost_after from inventory_movements m where (m.sku_id, m.warehouse_id) = (x.sku_id, x.warehouse_id)
                     order by m.created_at desc, m.seq desc limit 1) as cost_price
              from (select e.sku_id, e.warehouse_id, case e.bucket when 'sellable' then -e.quantity else 0 end as sellable,
                           case e.bucket when 'unsellable' then -e.quantity else 0 end as unsellable, 0 as inbound, 1 as entries
                      from unnest(v_entries) e
                    union all
                    select l.sku_id, l.warehouse_id, 0, 0, l.quantity, 0
                      from json_to_recordset(p_inbound) as l (sku_id uuid, warehouse_id uuid, quantity bigint)) x
             group by x.sku_id, x.warehouse_id) c
     where (i.sku_id, i.warehouse_id) = (c.sku_id, c.warehouse_id);

    select json_build_object('undo_id', p_undo,
               'items', coalesce((select json_agg(json_strip_nulls(json_build_object('movement_id', e.id, 'sku_id', e.sku_id,
                                      'warehouse_id', e.warehouse_id, 'bucket', e.bucket, 'quantity', -e.quantity, 'state', p.state,
                                      'batch_id', p.batch_id, 'serials', p.serials)) order by e.n desc)
                                    from (select u.*, row_number() over (order by u.seq) as n from unnest(v_entries) u) e
                                    join unnest(v_pieces) p on p.line_no = e.n), '[]'),
               'in_transit', coalesce(p_inbound, '[]'),
               'levels', coalesce((select json_agg(json_build_object('sku_id', i.sku_id, 'warehouse_id', i.warehouse_id,
                                      'available_quantity', i.available_quantity, 'reserved_quantity', i.reserved_quantity,
                                      'unavailable_quantity', i.unavailable_quantity, 'in_transit_quantity', i.in_transit_quantity,
                                      'cost_price', i.cost_price) order by i.sku_id, i.warehouse_id)
                                     from inventory i
                                    where (i.sku_id, i.warehouse_id) in (select e.sku_id, e.warehouse_id from unnest(v_entries) e)), '[]'))
      into v_facts;
    return row(0, 'undone', v_facts, false)::stock_answer;
end $$;


-- Why the entries cannot be reversed, or an answer without an outcome. The caller holds the level locks.
create or replace function stock_undo_refusal(p_entries inventory_movements[], p_inbound json) returns stock_answer
language sql stable as $$
    with change as (
        select sku_id, warehouse_id, bucket, sum(-quantity)::bigint as quantity from unnest(p_entries) group by 1, 2, 3
    ), judged as (
        select 'insufficient_stock' as code, 2 as rank, c.sku_id, c.warehouse_id, c.bucket, -c.quantity as requested,
               case c.bucket when 'sellable' then i.available_quantity else i.unavailable_quantity end as available
          from change c join inventory i using (sku_id, warehouse_id)
         where c.quantity + case c.bucket when 'sellable' then i.available_quantity else i.unavailable_quantity end < 0
        union
        select 'inbound_exceeded', 3, l.sku_id, l.warehouse_id, null, -l.quantity, i.in_transit_quantity
          from json_to_recordset(p_inbound) as l (sku_id uuid, warehouse_id uuid, quantity bigint)
          join inventory i using (sku_id, warehouse_id)
         where i.in_transit_quantity + l.quantity < 0
    )
    select 0, code, json_build_object('errors', json_agg(json_strip_nulls(json_build_object('sku_id', sku_id,
               'warehouse_id', warehouse_id, 'bucket', bucket, 'requested', requested, 'available', available)))), false
      from judged where rank = (select min(rank) from judged)
     group by code
$$;


-- The moving average of a level without some entries. When they are its newest and nothing touched its cost since, exactly
-- the average before them. Otherwise it is history: what was sold meanwhile left at an average they had a part in, and no
-- entry is posted again. So their units leave at the cost they came in with (or come back at the cost they left with); a
-- value that would not be positive leaves the average as it is.
create or replace function stock_average_without(p_sku uuid, p_warehouse uuid, p_entries uuid[], p_first_at timestamptz, p_first_seq bigint, p_quantity bigint, p_value numeric) returns numeric
language plpgsql stable as $$
declare
    v_level inventory;
    v_before inventory_movements;
    v_corrected numeric;
    v_left bigint;
begin
    select * into v_level from inventory where (sku_id, warehouse_id) = (p_sku, p_warehouse);
    select * into v_before from inventory_movements
     where (sku_id, warehouse_id) = (p_sku, p_warehouse) and (created_at, seq) < (p_first_at, p_first_seq)
     order by created_at desc, seq desc limit 1;
    if not exists (select from inventory_movements
                    where (sku_id, warehouse_id) = (p_sku, p_warehouse) and (created_at, seq) >= (p_first_at, p_first_seq)
                      and not id = any (p_entries))
       and not exists (select from cost_corrections
                        where (sku_id, warehouse_id) = (p_sku, p_warehouse) and created_at >= p_first_at)
       -- An entry from before averages were kept says nothing about them.
       and (v_before.id is null or v_before.posted_in is not null) then
        select cost_after into v_corrected from cost_corrections
         where (sku_id, warehouse_id) = (p_sku, p_warehouse)
           and created_at > coalesce(v_before.created_at, '-infinity') and created_at < p_first_at
         order by created_at desc limit 1;
        return coalesce(v_corrected, v_before.cost_after);
    end if;
    v_left := v_level.on_hand_quantity - p_quantity;
    if v_left > 0 and v_level.cost_price * v_level.on_hand_quantity - p_value >= 0 then
        return round((v_level.cost_price * v_level.on_hand_quantity - p_value) / v_left, 6);
    end if;
    return v_level.cost_price;
end $$;


-- What the undo did is kept beside it, and units that came free and are not held again go to who waits for them. The
-- locks of the undo are still held.
create or replace function stock_settle_undo(p_undo uuid, p_facts jsonb) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update undos set facts = p_facts where id = p_undo and facts = '{}';
    -- What came back past its use, or of a batch that is withdrawn, is here but cannot be sold.
    perform stock_withdraw_locked(array(
        select distinct row((e ->> 'sku_id')::uuid, (e ->> 'warehouse_id')::uuid, 0, 0, true)::stock_left
          from jsonb_array_elements(p_facts -> 'items') e where e ? 'batch_id'), business_now());
    perform stock_serve(array_agg((e ->> 'sku_id')::uuid), array_agg((e ->> 'warehouse_id')::uuid), business_now())
       from jsonb_array_elements((p_facts -> 'items') || (p_facts -> 'in_transit')) e;
end $$;


-- Forget what rows were before; answers how many were forgotten.
create or replace function stock_forget_row_changes(p_days integer) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_count bigint;
begin
    delete from row_changes where changed_at < now() - make_interval(days => p_days);
    get diagnostics v_count = row_count;
    return v_count;
end $$;
