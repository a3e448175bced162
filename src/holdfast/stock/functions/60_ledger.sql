-- Months of the ledger exist before they are needed; the default partition is only the wall behind this. A month that
-- already has entries there keeps them there, because PostgreSQL would refuse to give it a partition of its own.
create or replace function stock_ensure_months(p_from date, p_to date) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_month date;
begin
    -- Processes that start together on a new ledger would each take the default partition, then the parent, and deadlock:
    -- whoever finds a month missing waits for its turn, and looks again under it.
    if exists (select from generate_series(date_trunc('month', p_from), date_trunc('month', p_to), interval '1 month') m
                where to_regclass('inventory_movements_' || to_char(m, 'YYYY_MM')) is null) then
        perform pg_advisory_xact_lock(hashtextextended('stock_ensure_months', 0));
    end if;
    for v_month in select generate_series(date_trunc('month', p_from), date_trunc('month', p_to), interval '1 month')::date loop
        if to_regclass(format('inventory_movements_%s', to_char(v_month, 'YYYY_MM'))) is null
            and not exists (select from inventory_movements_default
                             where created_at >= v_month and created_at < v_month + interval '1 month') then
            execute format('create table %I partition of inventory_movements for values from (%L) to (%L)',
                'inventory_movements_' || to_char(v_month, 'YYYY_MM'), v_month, (v_month + interval '1 month')::date);
            execute format('grant select on %I to holdfast_app', 'inventory_movements_' || to_char(v_month, 'YYYY_MM'));
        end if;
    end loop;
end $$;


-- Take over the past of levels that have no ledger yet: entries with their own dates become the ledger, oldest first.
-- p_rows: [{sku_id, warehouse_id, movement_type, quantity, reference_type, reference_id, reason, unit_cost, occurred_at}]
-- All entries of a level must come in one call. Raises ZS002 when a level already has entries, and ZS004 for SKUs kept by
-- batch or serial number, named in its detail: a past of quantities cannot say which units are left. never_oversold-like
-- constraints refuse a past that goes below zero.
create or replace function stock_import_history(p_rows json, p_actor text) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_count integer;
    v_tracked json;
begin
    select json_agg(json_build_object('sku_id', s.id, 'sku_code', s.code, 'tracking', s.tracking) order by s.code) into v_tracked
      from skus s
     where s.tracking <> 'none'
       and s.id in (select sku_id from json_to_recordset(p_rows) as r (sku_id uuid));
    if v_tracked is not null then
        raise exception 'a past of quantities cannot be taken over for tracked SKUs'
            using errcode = 'ZS004', detail = json_build_object('code', 'tracked_sku', 'skus', v_tracked)::text;
    end if;
    insert into inventory (sku_id, warehouse_id)
    select distinct sku_id, warehouse_id from json_to_recordset(p_rows) as r (sku_id uuid, warehouse_id uuid) order by 1, 2
    on conflict do nothing;
    perform from inventory i
      where (i.sku_id, i.warehouse_id) in (select sku_id, warehouse_id from json_to_recordset(p_rows) as r (sku_id uuid, warehouse_id uuid))
      order by i.sku_id, i.warehouse_id
        for no key update;
    if exists (select from json_to_recordset(p_rows) as r (sku_id uuid, warehouse_id uuid)
                 join inventory i using (sku_id, warehouse_id) where i.version > 0) then
        raise exception 'a level that already has entries cannot take over a past' using errcode = 'ZS002';
    end if;
    perform stock_ensure_months(min(occurred_at)::date, (max(occurred_at))::date)
       from json_to_recordset(p_rows) as r (occurred_at timestamptz);

    insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after, unsellable_after,
        reference_type, reference_id, reason, actor, unit_cost, cost_after, occurred_at, created_at)
    select sku_id, warehouse_id, movement_type, quantity, sum(quantity) over so_far, 0,
           reference_type, reference_id, reason, p_actor, unit_cost,
           -- The average of what was bought so far, so that the last one is the average the level is left with.
           round(sum(quantity * unit_cost) filter (where quantity > 0 and unit_cost is not null) over so_far
                 / nullif(sum(quantity) filter (where quantity > 0 and unit_cost is not null) over so_far, 0), 6),
           occurred_at, occurred_at
      from rows from (json_to_recordset(p_rows) as (sku_id uuid, warehouse_id uuid, movement_type text, quantity bigint,
               reference_type text, reference_id text, reason text, unit_cost numeric, occurred_at timestamptz))
           with ordinality as r (sku_id, warehouse_id, movement_type, quantity, reference_type, reference_id, reason, unit_cost,
                                 occurred_at, n)
    window so_far as (partition by sku_id, warehouse_id order by occurred_at, n)
     order by occurred_at, n;
    get diagnostics v_count = row_count;

    update inventory i
       set available_quantity = r.quantity, cost_price = r.unit_cost, version = 1, last_updated = r.last
      from (select sku_id, warehouse_id, sum(quantity)::bigint as quantity, max(occurred_at) as last,
                   round(sum(quantity * unit_cost) filter (where quantity > 0 and unit_cost is not null)
                         / nullif(sum(quantity) filter (where quantity > 0 and unit_cost is not null), 0), 6) as unit_cost
              from json_to_recordset(p_rows) as x (sku_id uuid, warehouse_id uuid, quantity bigint, unit_cost numeric, occurred_at timestamptz)
             group by sku_id, warehouse_id) r
     where (i.sku_id, i.warehouse_id) = (r.sku_id, r.warehouse_id);

    insert into outbox_events (event_type, sku_ids, data)
    select 'inventory.history_imported', array_agg(distinct sku_id), json_build_object('entries', v_count)
      from json_to_recordset(p_rows) as r (sku_id uuid);
    return v_count;
end $$;
