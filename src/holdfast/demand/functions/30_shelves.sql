-- When shelves were empty. On a day that began empty and sold nothing, nothing is known about demand.


-- Find again the empty times of each level behind the last entry before p_since, by the balances of the ledger.
create or replace function demand_find_empty_shelves(p_skus uuid[], p_warehouses uuid[], p_since timestamptz[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_before timestamptz[];
    v_sellable bigint[];
begin
    select array_agg(b.created_at order by p.n), array_agg(b.sellable order by p.n)
      into v_before, v_sellable
      from unnest(p_skus, p_warehouses, p_since) with ordinality as p (sku_id, warehouse_id, since, n)
      left join lateral (
           select m.created_at, m.balance_after - m.unsellable_after as sellable
             from inventory_movements m
            where m.sku_id = p.sku_id and m.warehouse_id = p.warehouse_id and m.created_at < p.since
            order by m.created_at desc, m.seq desc
            limit 1) b on true;

    delete from empty_shelf_spans s
     using unnest(p_skus, p_warehouses, v_before) as p (sku_id, warehouse_id, before_at)
     where s.sku_id = p.sku_id and s.warehouse_id = p.warehouse_id and s.cause = 'empty'
       and (p.before_at is null or s.empty_from > p.before_at);

    insert into empty_shelf_spans (sku_id, warehouse_id, empty_from, empty_until, first_day, last_day)
    with entry as (
        select p.sku_id, p.warehouse_id, m.created_at, m.seq, m.balance_after - m.unsellable_after as sellable
          from unnest(p_skus, p_warehouses, p_since) as p (sku_id, warehouse_id, since)
          join inventory_movements m on m.sku_id = p.sku_id and m.warehouse_id = p.warehouse_id and m.created_at >= p.since
        union all
        -- Before the first entry the shelf was empty since ever; otherwise the entry before is where we start from.
        select p.sku_id, p.warehouse_id, coalesce(p.before_at, '-infinity'), 0, coalesce(p.sellable, 0)
          from unnest(p_skus, p_warehouses, v_before, v_sellable) as p (sku_id, warehouse_id, before_at, sellable)
    ), timed as (
        select e.sku_id, e.warehouse_id, e.sellable, e.created_at, w.time_zone, lead(e.created_at) over entries as next_at
          from entry e
          join warehouses w on w.id = e.warehouse_id
        window entries as (partition by e.sku_id, e.warehouse_id order by e.created_at, e.seq)
    )
    select sku_id, warehouse_id, created_at, next_at, (created_at at time zone time_zone)::date + 1, (next_at at time zone time_zone)::date
      from timed
     where sellable <= 0 and (next_at is null or next_at > created_at)
    on conflict (sku_id, warehouse_id, cause, empty_from) do update
       set empty_until = excluded.empty_until, last_day = excluded.last_day;
end $$;


-- All units of a level may be promised while they still lie there: nobody can buy one. Seen on the levels that changed, so
-- to the minute the refresh runs in; the moment is that of the level's last change.
create or replace function demand_see_promised(p_skus uuid[], p_warehouses uuid[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    update empty_shelf_spans s
       set empty_until = greatest(i.last_updated, s.empty_from), last_day = (greatest(i.last_updated, s.empty_from) at time zone w.time_zone)::date
      from (select distinct * from unnest(p_skus, p_warehouses) as p (sku_id, warehouse_id)) t
      join inventory i using (sku_id, warehouse_id)
      join warehouses w on w.id = t.warehouse_id
     where s.sku_id = t.sku_id and s.warehouse_id = t.warehouse_id and s.cause = 'promised' and s.empty_until is null
       and (i.available_quantity > 0 or i.reserved_quantity = 0);

    insert into empty_shelf_spans (sku_id, warehouse_id, cause, empty_from, first_day)
    select t.sku_id, t.warehouse_id, 'promised', i.last_updated, (i.last_updated at time zone w.time_zone)::date + 1
      from (select distinct * from unnest(p_skus, p_warehouses) as p (sku_id, warehouse_id)) t
      join inventory i using (sku_id, warehouse_id)
      join warehouses w on w.id = t.warehouse_id
     where i.available_quantity = 0 and i.reserved_quantity > 0
       and not exists (select from empty_shelf_spans s
                        where s.sku_id = t.sku_id and s.warehouse_id = t.warehouse_id and s.cause = 'promised' and s.empty_until is null)
       and not exists (select from sandbox_skus x where x.sku_id = t.sku_id)
    on conflict do nothing;
end $$;
