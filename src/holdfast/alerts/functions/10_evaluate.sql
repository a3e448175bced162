-- What rules watch and what they find, level by level.
-- p_rules: [{id, metric, threshold, clear_margin, sku_id, warehouse_id, category, severity}]; p_skus: null means all.
-- A threshold that is not given is the level's own line: the reorder point a person set, else the computed safety stock,
-- else a share of max_stock. Not the computed reorder point: being below that is the everyday state between order and
-- delivery and already a suggestion, while a buffer that is being eaten is news. A line of zero is none.
-- Levels of archived SKUs and inactive warehouses are not watched, nor those without a line or a measure.
create or replace function alert_measure(p_rules json, p_skus uuid[], p_low_share double precision)
returns table (rule_id uuid, severity text, metric text, sku_id uuid, warehouse_id uuid, value numeric, threshold numeric,
               clear_at numeric, available bigint, on_hand bigint, in_transit bigint, days_of_cover numeric)
language sql stable as $$
    with level as (
        select i.sku_id, i.warehouse_id, s.category, i.available_quantity as available, i.on_hand_quantity as on_hand,
               i.in_transit_quantity as in_transit,
               coalesce(i.reorder_point, nullif(i.computed_safety_stock, 0), i.max_stock * p_low_share)::numeric as line,
               case when f.daily_mean > 0 then round((i.available_quantity / f.daily_mean)::numeric, 2) end as days_of_cover
          from inventory i
          join skus s on s.id = i.sku_id and s.archived_at is null
          join warehouses w on w.id = i.warehouse_id and w.is_active
          left join demand_forecasts f on f.sku_id = i.sku_id and f.warehouse_id = i.warehouse_id
         where (p_skus is null or i.sku_id = any (p_skus))
           and not exists (select from sandbox_skus x where x.sku_id = i.sku_id)
    ), measured as (
        select r.id as rule_id, r.severity, r.metric, l.sku_id, l.warehouse_id,
               case r.metric when 'available_quantity' then l.available when 'on_hand_quantity' then l.on_hand
                             when 'days_of_cover' then l.days_of_cover end::numeric as value,
               coalesce(r.threshold, case when r.metric <> 'days_of_cover' then l.line end) as threshold,
               r.clear_margin, l.available, l.on_hand, l.in_transit, l.days_of_cover
          from json_to_recordset(p_rules) as r (id uuid, metric text, threshold numeric, clear_margin double precision,
                   sku_id uuid, warehouse_id uuid, category text, severity text)
          join level l on (r.sku_id is null or r.sku_id = l.sku_id)
                      and (r.warehouse_id is null or r.warehouse_id = l.warehouse_id)
                      and (r.category is null or r.category = l.category)
    )
    select rule_id, severity, metric, sku_id, warehouse_id, value, threshold, (threshold * (1 + clear_margin))::numeric,
           available, on_hand, in_transit, days_of_cover
      from measured
     where value is not null and threshold is not null
$$;


-- Look at levels and let alerts live: open at or below the line, resolve above the clear level, once each.
-- p_skus null: all levels; p_rules null: all active rules. Running it twice, or twice at once, changes nothing more.
create or replace function alert_evaluate(p_skus uuid[], p_rules uuid[], p_low_share double precision)
returns table (measured integer, opened integer, resolved integer)
language plpgsql as $$
declare
    v_rules json;
    v_now timestamptz := business_now();
begin
    select coalesce(json_agg(r), '[]') into v_rules
      from alert_rules r
     where r.is_active and r.deleted_at is null and (p_rules is null or r.id = any (p_rules));

    return query
    with m as materialized (
        select * from alert_measure(v_rules, p_skus, p_low_share)
    ), known as (
        select a.* from alerts a
         where a.cleared_at is null
           and (p_skus is null or a.sku_id = any (p_skus)) and (p_rules is null or a.rule_id = any (p_rules))
    ), opened as (
        insert into alerts (rule_id, sku_id, warehouse_id, severity, metric, value, threshold, facts, opened_at, updated_at)
        select m.rule_id, m.sku_id, m.warehouse_id, m.severity, m.metric, m.value, m.threshold,
               jsonb_build_object('available_quantity', m.available, 'on_hand_quantity', m.on_hand,
                                  'in_transit_quantity', m.in_transit, 'days_of_cover', m.days_of_cover), v_now, v_now
          from m
         where m.value <= m.threshold
           and not exists (select from known k
                            where (k.rule_id, k.sku_id, k.warehouse_id) = (m.rule_id, m.sku_id, m.warehouse_id))
         order by m.rule_id, m.sku_id, m.warehouse_id
        on conflict (rule_id, sku_id, warehouse_id) where cleared_at is null do nothing
        returning *
    ), ended as (
        -- Above the clear level, or no longer watched at all: the rule is off, the SKU archived, the line gone.
        select k.id, k.status, m.value, m.rule_id is null as is_unwatched
          from known k
          left join m on (m.rule_id, m.sku_id, m.warehouse_id) = (k.rule_id, k.sku_id, k.warehouse_id)
         where m.rule_id is null or m.value > m.clear_at
    ), closed as (
        update alerts a
           set status = 'resolved', cleared_at = v_now, updated_at = v_now, value = coalesce(e.value, a.value),
               resolved_at = coalesce(a.resolved_at, v_now), resolved_by = coalesce(a.resolved_by, 'rule'),
               note = coalesce(a.note, case when e.is_unwatched then 'no longer watched' end)
          from ended e
         where a.id = e.id
        returning a.*, e.status as old_status
    ), moved as (
        -- A live alert shows the figure of now.
        update alerts a
           set value = m.value, threshold = m.threshold, severity = m.severity, updated_at = v_now
          from m join known k on (k.rule_id, k.sku_id, k.warehouse_id) = (m.rule_id, m.sku_id, m.warehouse_id)
         where a.id = k.id and k.status <> 'resolved' and m.value <= m.clear_at
           and (a.value, a.threshold, a.severity) is distinct from (m.value, m.threshold, m.severity)
    ), told as (
        insert into outbox_events (event_type, sku_ids, data, occurred_at)
        select t.event_type, array[t.sku_id],
               json_build_object('alert_id', t.id, 'rule_id', t.rule_id, 'sku_id', t.sku_id, 'warehouse_id', t.warehouse_id,
                                 'severity', t.severity, 'metric', t.metric, 'value', t.value, 'threshold', t.threshold), v_now
          from (select 'alert.opened' as event_type, o.id, o.rule_id, o.sku_id, o.warehouse_id, o.severity, o.metric, o.value, o.threshold
                  from opened o
                union all
                select 'alert.resolved', c.id, c.rule_id, c.sku_id, c.warehouse_id, c.severity, c.metric, c.value, c.threshold
                  from closed c where c.old_status <> 'resolved') t
         order by t.event_type, t.id
    )
    select (select count(*) from m)::integer, (select count(*) from opened)::integer,
           (select count(*) from closed c where c.old_status <> 'resolved')::integer;
end $$;
