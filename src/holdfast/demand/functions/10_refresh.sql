-- Bring demand_daily and empty_shelf_spans up to the ledger; answers how many (SKU, warehouse) pairs had new entries.
-- What a touched pair sold from its first touched day on is summed again, so doing it twice changes nothing.
--
-- An entry number is taken before its transaction commits, so "everything up to the highest number" may lack entries
-- that are still on their way. The floor therefore only rises to a number seen while nothing else was under way, or
-- marked earlier, once every transaction that ran at the time of the mark has ended.
create or replace function demand_refresh() returns integer
language plpgsql as $$
declare
    v_cursor demand_cursor;
    v_snapshot pg_snapshot;
    v_high bigint;
    v_alone boolean;
    v_skus uuid[];
    v_warehouses uuid[];
    v_entered timestamptz[];
    v_occurred timestamptz[];
begin
    select * into v_cursor from demand_cursor for update;
    -- First the number, then who is still writing, then the entries: who wrote below the number has either ended, and is
    -- read below, or is seen here. A snapshot would not do: it lists no transaction above the newest one that has ended.
    select max(seq) into v_high from inventory_movements where seq > v_cursor.last_seq;
    v_alone := not exists (select from stock_ledger_writers());
    v_snapshot := pg_current_snapshot();

    select array_agg(sku_id), array_agg(warehouse_id), array_agg(entered), array_agg(occurred)
      into v_skus, v_warehouses, v_entered, v_occurred
      from (select sku_id, warehouse_id, min(created_at) as entered, min(least(created_at, occurred_at)) as occurred
              from inventory_movements
             where seq > v_cursor.last_seq
               and not exists (select from sandbox_skus x where x.sku_id = inventory_movements.sku_id)
             group by sku_id, warehouse_id) fresh;
    if v_skus is not null then
        perform demand_sum_days(v_skus, v_warehouses, v_occurred);
        perform demand_find_empty_shelves(v_skus, v_warehouses, v_entered);
    end if;

    update demand_cursor
       set last_seq = case when v_alone then greatest(v_high, last_seq)
                           when marked_before <= pg_snapshot_xmin(v_snapshot) then marked_seq
                           else last_seq end,
           marked_seq = case when v_alone then null
                             when marked_before > pg_snapshot_xmin(v_snapshot)
                              and marked_before <= pg_snapshot_xmax(v_snapshot) then marked_seq
                             else greatest(v_high, last_seq) end,
           marked_before = case when v_alone then null
                                when marked_before > pg_snapshot_xmin(v_snapshot)
                                 and marked_before <= pg_snapshot_xmax(v_snapshot) then marked_before
                                else pg_current_xact_id() end;
    return coalesce(cardinality(v_skus), 0);
end $$;


-- Sum what was sold of each pair from the day of p_since on. Days are those of the warehouse's time zone.
-- Sold is what left for customers (sales and consumed holds) less what came back; transfers, corrections, counts and
-- scrap are no demand.
create or replace function demand_sum_days(p_skus uuid[], p_warehouses uuid[], p_since timestamptz[]) returns void
language sql as $$
    insert into demand_daily (sku_id, warehouse_id, day, quantity, orders)
    select m.sku_id, m.warehouse_id, d.day, -sum(m.quantity)::bigint,
           coalesce(sum(-sign(m.quantity)) filter (where m.reference_type <> 'return'), 0)::integer
      from unnest(p_skus, p_warehouses, p_since) as p (sku_id, warehouse_id, since)
      join warehouses w on w.id = p.warehouse_id
      -- An order is entered after it occurred; a day more for the zones west of us.
      join inventory_movements m on m.sku_id = p.sku_id and m.warehouse_id = p.warehouse_id
           and m.created_at >= p.since - interval '2 days'
     cross join lateral (select (m.occurred_at at time zone w.time_zone)::date as day) d
     -- An entry that undoes a sale has its reference, its day and the other sign, so that what was undone is no demand.
     where m.movement_type in ('in', 'out') and m.reference_type in ('sale', 'order', 'cart', 'manual', 'reservation', 'return')
       and d.day >= (p.since at time zone w.time_zone)::date
     group by m.sku_id, m.warehouse_id, d.day
    on conflict (sku_id, warehouse_id, day) do update
       set quantity = excluded.quantity, orders = excluded.orders
     where (demand_daily.quantity, demand_daily.orders) is distinct from (excluded.quantity, excluded.orders)
$$;


-- Find again the empty days of each pair behind the last entry before p_since.
create or replace function demand_find_empty_shelves(p_skus uuid[], p_warehouses uuid[], p_since timestamptz[]) returns void
language plpgsql as $$
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
     using unnest(p_skus, p_warehouses, v_before) as p (sku_id, warehouse_id, before_at), warehouses w
     where s.sku_id = p.sku_id and s.warehouse_id = p.warehouse_id and w.id = p.warehouse_id
       and (p.before_at is null or s.first_day > (p.before_at at time zone w.time_zone)::date);

    insert into empty_shelf_spans (sku_id, warehouse_id, first_day, last_day)
    with entry as (
        select p.sku_id, p.warehouse_id, m.created_at, m.seq, m.balance_after - m.unsellable_after as sellable
          from unnest(p_skus, p_warehouses, p_since) as p (sku_id, warehouse_id, since)
          join inventory_movements m on m.sku_id = p.sku_id and m.warehouse_id = p.warehouse_id and m.created_at >= p.since
        union all
        -- Before the first entry the shelf was empty since ever; otherwise the entry before is where we start from.
        select p.sku_id, p.warehouse_id, coalesce(p.before_at, '-infinity'), 0, coalesce(p.sellable, 0)
          from unnest(p_skus, p_warehouses, v_before, v_sellable) as p (sku_id, warehouse_id, before_at, sellable)
    ), dated as (
        select e.sku_id, e.warehouse_id, e.sellable,
               (e.created_at at time zone w.time_zone)::date as day,
               (lead(e.created_at) over entries at time zone w.time_zone)::date as next_day
          from entry e
          join warehouses w on w.id = e.warehouse_id
        window entries as (partition by e.sku_id, e.warehouse_id order by e.created_at, e.seq)
    )
    select sku_id, warehouse_id, day + 1, next_day
      from dated
     where sellable <= 0 and (next_day is null or next_day > day)
    on conflict (sku_id, warehouse_id, first_day) do update set last_day = excluded.last_day;
end $$;
