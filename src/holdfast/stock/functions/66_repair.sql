-- The reconciler: levels recomputed from what makes them. The ledger, the holds and the open documents are the truth, a
-- level is their sum; so a repair changes the level and never the ledger, and is written down with what was found.


-- What the levels should be: on hand and unsellable from the ledger, reserved and backordered from the lines, in transit
-- from the documents, pooled from what is left of the pools. p_skus null: all of them.
create or replace function stock_level_sums(p_skus uuid[]) returns table (sku_id uuid, warehouse_id uuid, available bigint,
    reserved bigint, unavailable bigint, in_transit bigint, backordered bigint, pooled bigint)
language sql stable as $$
    select sku_id, warehouse_id,
           (coalesce(sum(on_hand), 0) - coalesce(sum(unsellable), 0) - coalesce(sum(held), 0))::bigint,
           coalesce(sum(held), 0)::bigint, coalesce(sum(unsellable), 0)::bigint, coalesce(sum(inbound), 0)::bigint,
           coalesce(sum(waiting), 0)::bigint, coalesce(sum(kept), 0)::bigint
      from (select m.sku_id, m.warehouse_id, sum(m.quantity) as on_hand, sum(m.quantity) filter (where m.bucket = 'unsellable') as unsellable,
                   0 as held, 0 as inbound, 0 as waiting, 0 as kept
              from inventory_movements m where p_skus is null or m.sku_id = any (p_skus) group by 1, 2
            union all
            select l.sku_id, l.warehouse_id, 0, 0, sum(l.quantity) filter (where l.status = 'active'), 0,
                   sum(l.quantity) filter (where l.status = 'backordered'), 0
              from inventory_reservations l
             where l.status in ('active', 'backordered') and (p_skus is null or l.sku_id = any (p_skus)) group by 1, 2
            union all
            select b.sku_id, b.warehouse_id, 0, 0, 0, sum(b.quantity), 0, 0
              from inbound_lines b where p_skus is null or b.sku_id = any (p_skus) group by 1, 2
            union all
            select p.sku_id, p.warehouse_id, 0, 0, 0, 0, 0, sum(p.remaining_quantity)
              from channel_pools p where p.ended_at is null and (p_skus is null or p.sku_id = any (p_skus)) group by 1, 2
            union all
            select i.sku_id, i.warehouse_id, 0, 0, 0, 0, 0, 0 from inventory i where p_skus is null or i.sku_id = any (p_skus)) part
     group by sku_id, warehouse_id
$$;


-- The levels that are not what makes them, beside what they should be. A level that does not exist has null before.
create or replace function stock_damaged_levels(p_skus uuid[]) returns table (sku_id uuid, warehouse_id uuid, before jsonb, after jsonb)
language sql stable as $$
    select s.sku_id, s.warehouse_id,
           case when i.sku_id is not null
                then jsonb_build_object('available', i.available_quantity, 'reserved', i.reserved_quantity, 'unavailable', i.unavailable_quantity,
                                        'in_transit', i.in_transit_quantity, 'backordered', i.backordered_quantity,
                                        'pooled', i.pooled_quantity) end,
           jsonb_build_object('available', s.available, 'reserved', s.reserved, 'unavailable', s.unavailable,
                              'in_transit', s.in_transit, 'backordered', s.backordered, 'pooled', s.pooled)
      from stock_level_sums(p_skus) s
      left join inventory i using (sku_id, warehouse_id)
     where (i.available_quantity, i.reserved_quantity, i.unavailable_quantity, i.in_transit_quantity, i.backordered_quantity,
            i.pooled_quantity)
           is distinct from (s.available, s.reserved, s.unavailable, s.in_transit, s.backordered, s.pooled)
$$;


-- Make damaged levels what they should be. Answers each with 'repaired', or 'shortage' when more is promised than is
-- there: that is no sum gone wrong, and somebody has to choose which promise to break.
create or replace function stock_repair_levels(p_reason text, p_actor text)
returns table (outcome text, sku_id uuid, warehouse_id uuid, before jsonb, after jsonb)
language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
    v_skus uuid[];
    v_now timestamptz;
begin
    -- Without locks first, over everything; then again for the few under their locks, because the first look is old by then.
    select array_agg(distinct d.sku_id) into v_skus from stock_damaged_levels(null) d;
    insert into inventory (sku_id, warehouse_id)
    select d.sku_id, d.warehouse_id from stock_damaged_levels(v_skus) d
      join skus s on s.id = d.sku_id join warehouses w on w.id = d.warehouse_id
     where d.before is null
     order by 1, 2
    on conflict do nothing;
    perform from inventory i where i.sku_id = any (v_skus) order by i.sku_id, i.warehouse_id for no key update;
    v_now := business_now();
    return query
    with damaged as materialized (
        select d.*, (d.after ->> 'available')::bigint >= 0 and (d.after ->> 'unavailable')::bigint >= 0 as is_possible
          from stock_damaged_levels(v_skus) d
         where d.before is not null
    ), level as (
        update inventory i
           set available_quantity = (d.after ->> 'available')::bigint, reserved_quantity = (d.after ->> 'reserved')::bigint,
               unavailable_quantity = (d.after ->> 'unavailable')::bigint, in_transit_quantity = (d.after ->> 'in_transit')::bigint,
               backordered_quantity = (d.after ->> 'backordered')::bigint, pooled_quantity = (d.after ->> 'pooled')::bigint,
               version = i.version + 1, last_updated = greatest(i.last_updated, v_now)
          from damaged d
         where (i.sku_id, i.warehouse_id) = (d.sku_id, d.warehouse_id) and d.is_possible
    ), journal as (
        insert into level_repairs (sku_id, warehouse_id, before, after, reason, actor, repaired_at)
        select d.sku_id, d.warehouse_id, d.before, d.after, p_reason, p_actor, v_now from damaged d where d.is_possible
    ), event as (
        insert into outbox_events (event_type, sku_ids, data, occurred_at)
        select 'inventory.level_repaired', array[d.sku_id],
               json_build_object('sku_id', d.sku_id, 'warehouse_id', d.warehouse_id, 'before', d.before, 'after', d.after, 'reason', p_reason),
               v_now
          from damaged d where d.is_possible order by d.sku_id, d.warehouse_id
    )
    select case when d.is_possible then 'repaired' else 'shortage' end, d.sku_id, d.warehouse_id, d.before, d.after
      from damaged d order by d.sku_id, d.warehouse_id;
end $$;
