-- Bring demand up to the ledger and to the reservations; answers how many (SKU, warehouse) pairs had something new.
-- It reads what is behind two floors, an entry number and an event number, so a run costs what happened since and not what
-- ever happened. Doing it twice changes nothing.
--
-- A number is taken before its transaction commits, so "everything up to the highest number" may lack some that are still
-- on their way. The floors therefore only rise to numbers seen while nothing else was under way, or marked earlier, once
-- every transaction that ran at the time of the mark has ended.
create or replace function demand_refresh() returns integer
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_cursor demand_cursor;
    v_snapshot pg_snapshot;
    v_high bigint;
    -- where new entries begin; null: there are none, and nobody looks for them again
    v_after bigint;
    v_event_high bigint;
    v_alone boolean;
    v_reservations uuid[];
    v_skus uuid[];
    v_warehouses uuid[];
    v_touched demand_touch[];
begin
    select * into v_cursor from demand_cursor for update;
    -- First the numbers, then who is still writing, then the rows: who wrote below a number has either ended, and is read
    -- below, or is seen here. A snapshot would not do: it lists no transaction above the newest one that has ended.
    v_high := demand_last_entry(v_cursor.last_seq);
    select max(id) into v_event_high from outbox_events where id > v_cursor.last_event_id;
    v_alone := not exists (select from demand_writers());
    v_snapshot := pg_current_snapshot();

    v_after := case when v_high is not null then v_cursor.last_seq end;
    v_reservations := demand_changed_reservations(v_cursor);
    v_touched := demand_take_sales(v_after) || demand_take_orders(v_reservations) || demand_take_undos(v_after);
    v_touched := v_touched || demand_take_returns(v_after, v_touched);
    if v_touched is not null then
        perform demand_sum_days(v_touched);
        perform demand_judge_lines(v_touched);
    end if;
    perform demand_take_refusals();
    select skus, warehouses into v_skus, v_warehouses from demand_look_at_shelves(v_after, v_reservations, v_touched);

    update demand_cursor
       set is_new = false,
           last_seq = case when v_alone then greatest(v_high, last_seq)
                           when marked_before <= pg_snapshot_xmin(v_snapshot) then marked_seq
                           else last_seq end,
           last_event_id = case when v_alone then greatest(v_event_high, last_event_id)
                                when marked_before <= pg_snapshot_xmin(v_snapshot) then marked_event_id
                                else last_event_id end,
           marked_seq = case when v_alone then null when demand_mark_stands(marked_before, v_snapshot) then marked_seq
                             else greatest(v_high, last_seq) end,
           marked_event_id = case when v_alone then null when demand_mark_stands(marked_before, v_snapshot) then marked_event_id
                                  else greatest(v_event_high, last_event_id) end,
           marked_before = case when v_alone then null when demand_mark_stands(marked_before, v_snapshot) then marked_before
                                else pg_current_xact_id() end;
    return coalesce((select count(*) from (select distinct * from unnest(v_skus, v_warehouses)) p), 0);
end $$;


-- Whether a mark is still waiting for transactions that ran when it was made.
create or replace function demand_mark_stands(p_marked_before xid8, p_snapshot pg_snapshot) returns boolean
language sql immutable as $$
    select p_marked_before > pg_snapshot_xmin(p_snapshot) and p_marked_before <= pg_snapshot_xmax(p_snapshot)
$$;


-- Transactions of others that have written to the ledger or to the outbox, or are about to, and have not ended.
create or replace function demand_writers() returns table (virtualtransaction text)
language sql volatile as $$
    select distinct l.virtualtransaction from pg_locks l
     where l.locktype = 'relation' and l.relation in ('inventory_movements'::regclass, 'outbox_events'::regclass) and l.granted
       and l.database = (select oid from pg_database where datname = current_database())
       and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
       and l.pid is distinct from pg_backend_pid()
$$;


-- The reservations that changed since the last time, by the events they told; the first time all there are.
create or replace function demand_changed_reservations(p_cursor demand_cursor) returns uuid[]
language plpgsql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    if p_cursor.is_new then
        return array(select id from reservations);
    end if;
    return array(
        select distinct (e.data ->> 'reservation_id')::uuid
          from outbox_events e
         where e.id > p_cursor.last_event_id
           and e.event_type in ('inventory.reserved', 'inventory.reservation_converted', 'inventory.reservation_consumed',
               'inventory.reservation_released', 'inventory.reservation_expired', 'inventory.backorder_filled')
           and e.data ->> 'reservation_id' is not null);
end $$;


-- Find the empty times of every level that has new entries or promises, and estimate again what was lost on days that are
-- over and were touched. Answers those levels.
create or replace function demand_look_at_shelves(p_after bigint, p_reservations uuid[], p_touched demand_touch[],
    out skus uuid[], out warehouses uuid[])
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_skus uuid[];
    v_warehouses uuid[];
    v_entered timestamptz[];
    v_first date[];
    v_last date[];
begin
    select array_agg(sku_id), array_agg(warehouse_id), array_agg(entered) into v_skus, v_warehouses, v_entered
      from (select sku_id, warehouse_id, min(created_at) as entered
              from demand_new_entries(p_after) m
             where not exists (select from sandbox_skus x where x.sku_id = m.sku_id)
             group by sku_id, warehouse_id) fresh;
    if v_skus is not null then
        perform demand_find_empty_shelves(v_skus, v_warehouses, v_entered);
    end if;

    select array_agg(sku_id), array_agg(warehouse_id) into skus, warehouses
      from (select * from unnest(v_skus, v_warehouses) as p (sku_id, warehouse_id)
            union
            select l.sku_id, l.warehouse_id from unnest(p_reservations) r (id) join inventory_reservations l on l.reservation_id = r.id) changed;
    if skus is not null then
        perform demand_see_promised(skus, warehouses);
    end if;

    perform demand_finish_days();
    select array_agg(c.sku_id), array_agg(c.warehouse_id), array_agg(greatest(c.since, f.day - 89)), array_agg(f.day)
      into v_skus, v_warehouses, v_first, v_last
      from (select sku_id, warehouse_id, min(since) as since
              from (select sku_id, warehouse_id, day as since from unnest(p_touched)
                    union all
                    select p.sku_id, p.warehouse_id, (p.entered at time zone w.time_zone)::date
                      from unnest(v_skus, v_warehouses, v_entered) as p (sku_id, warehouse_id, entered)
                      join public.warehouses w on w.id = p.warehouse_id) t
             group by sku_id, warehouse_id) c
      join demand_finished_days f on f.warehouse_id = c.warehouse_id and f.day >= c.since;
    if v_skus is not null then
        perform demand_estimate_lost(v_skus, v_warehouses, v_first, v_last);
    end if;
end $$;


-- Forget everything that was summed, so that the next refresh reads ledger and reservations from the beginning. Imported days,
-- refusals and what planners said stay.
create or replace function demand_start_over() returns void
language plpgsql as $$
begin
    perform from demand_cursor for update;
    delete from demand_lines;
    update demand_daily
       set sold_quantity = 0, sold_lines = 0, returned_quantity = 0, bulk_quantity = 0, empty_share = 0, lost_quantity = null
     where (sold_quantity, sold_lines, returned_quantity, bulk_quantity, empty_share) <> (0, 0, 0, 0, 0) or lost_quantity is not null;
    delete from demand_daily where imported_quantity = 0 and imported_orders = 0 and refused_quantity = 0;
    delete from empty_shelf_spans where cause = 'empty';
    update demand_cursor set is_new = true, last_seq = 0, last_event_id = 0, marked_seq = null, marked_event_id = null, marked_before = null;
end $$;
