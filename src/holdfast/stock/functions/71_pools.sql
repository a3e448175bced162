-- Give units of a level to a channel, more or fewer of them, or (quantity null) end its pool. A pool may be larger than what is
-- there: it binds what comes. What is kept no longer goes to who waits.
-- p_request: {sku_id, warehouse_id, channel_id, quantity, expected_version (null: whatever it has; 0: there is none yet), actor}
-- Outcomes: pool_changed; pool_not_found, version_conflict, below_taken; unknown_sku, unknown_warehouse, sku_is_bundle,
-- sku_archived, warehouse_not_of_channel.
create or replace function stock_set_pool(p_request json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_ask record;
    v_before record;
    v_refusal text;
    v_now timestamptz;
    v_facts json;
begin
    select r.*, case when s.id is null then 'unknown_sku' when w.id is null then 'unknown_warehouse' when s.is_bundle then 'sku_is_bundle'
                     when s.archived_at is not null and r.quantity is not null then 'sku_archived'
                     when r.quantity is not null and r.warehouse_id <> all (c.warehouse_ids) then 'warehouse_not_of_channel' end as refused
      into v_ask
      from json_to_record(p_request) as r (sku_id uuid, warehouse_id uuid, channel_id uuid, quantity bigint, expected_version bigint, actor text)
      left join skus s on s.id = r.sku_id
      left join warehouses w on w.id = r.warehouse_id
      left join sales_channels c on c.id = r.channel_id;
    if v_ask.refused is not null then
        return query select 0, v_ask.refused, '{}'::json, false;
        return;
    end if;

    if v_ask.quantity is not null then
        insert into inventory (sku_id, warehouse_id) values (v_ask.sku_id, v_ask.warehouse_id) on conflict do nothing;
    end if;
    perform from inventory where (sku_id, warehouse_id) = (v_ask.sku_id, v_ask.warehouse_id) for no key update;
    v_now := business_now();
    select * into v_before from channel_pools
     where (sku_id, warehouse_id, channel_id) = (v_ask.sku_id, v_ask.warehouse_id, v_ask.channel_id) and ended_at is null;
    v_refusal := case when v_ask.expected_version <> coalesce(v_before.version, 0) then 'version_conflict'
                      when v_before.id is null and v_ask.quantity is null then 'pool_not_found'
                      when v_ask.quantity < v_before.taken_quantity then 'below_taken' end;
    if v_refusal is not null then
        return query select 0, v_refusal, json_build_object('version', coalesce(v_before.version, 0), 'taken_quantity', v_before.taken_quantity), false;
        return;
    end if;

    if v_before.id is null then
        insert into channel_pools (sku_id, warehouse_id, channel_id, quantity, created_at, created_by, changed_at, changed_by)
        values (v_ask.sku_id, v_ask.warehouse_id, v_ask.channel_id, v_ask.quantity, v_now, v_ask.actor, v_now, v_ask.actor);
    else
        update channel_pools
           set quantity = coalesce(v_ask.quantity, quantity), ended_at = case when v_ask.quantity is null then v_now end,
               changed_at = v_now, changed_by = v_ask.actor, version = version + 1
         where id = v_before.id;
    end if;
    perform stock_pools_changed(v_ask.sku_id, v_ask.warehouse_id, v_now);

    select json_build_object('pool_id', p.id, 'sku_id', p.sku_id, 'warehouse_id', p.warehouse_id, 'channel_id', p.channel_id, 'channel', c.code,
               'quantity', case when p.ended_at is null then p.quantity end, 'quantity_before', v_before.quantity,
               'taken_quantity', p.taken_quantity, 'remaining_quantity', case when p.ended_at is null then p.remaining_quantity else 0 end,
               'version', p.version)
      into v_facts
      from channel_pools p join sales_channels c on c.id = p.channel_id
     where (p.sku_id, p.warehouse_id, p.channel_id) = (v_ask.sku_id, v_ask.warehouse_id, v_ask.channel_id)
     order by p.ended_at is null desc, p.changed_at desc, p.id desc
     limit 1;
    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    values ('inventory.pool_changed', array[v_ask.sku_id], v_facts, v_now);
    return query select 0, 'pool_changed', v_facts, false;
end $$;


-- A level after one of its pools was given more or less; what no pool keeps any more goes to who waits. The caller holds its lock.
create or replace function stock_pools_changed(p_sku uuid, p_warehouse uuid, p_now timestamptz) returns void
language plpgsql as $$
begin
    update inventory i
       set pooled_quantity = (select coalesce(sum(p.remaining_quantity), 0) from channel_pools p
                               where p.sku_id = p_sku and p.warehouse_id = p_warehouse and p.ended_at is null),
           version = i.version + 1, last_updated = greatest(i.last_updated, p_now)
     where (i.sku_id, i.warehouse_id) = (p_sku, p_warehouse);
    perform stock_serve(array[p_sku], array[p_warehouse], p_now);
end $$;
