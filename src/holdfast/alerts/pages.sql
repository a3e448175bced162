-- alert_rows
-- Alerts of one state, the worst and newest first.
select a.id, a.status, a.severity, a.metric, a.value, a.threshold, a.opened_at, a.acknowledged_by, a.acknowledged_at,
       a.resolved_by, a.resolved_at, a.sku_id, s.code, s.name, w.name as warehouse, r.name as rule,
       array_position(array['critical', 'warning', 'info'], a.severity) as rank
  from alerts a
  join alert_rules r on r.id = a.rule_id
  join skus s on s.id = a.sku_id
  join warehouses w on w.id = a.warehouse_id
 where a.status = %(status)s
   and (%(severity)s::text is null or a.severity = %(severity)s)
   and (%(warehouse_id)s::uuid is null or a.warehouse_id = %(warehouse_id)s)
   and (%(like)s::text is null or s.name ilike %(like)s or s.code ilike %(prefix)s)
   and (%(after_id)s::uuid is null
        or array_position(array['critical', 'warning', 'info'], a.severity) > %(after_rank)s::integer
        or (array_position(array['critical', 'warning', 'info'], a.severity) = %(after_rank)s::integer and a.id < %(after_id)s::uuid))
 order by array_position(array['critical', 'warning', 'info'], a.severity), a.id desc
 limit %(limit)s;

-- alert_counts
-- The tabs of the inbox.
with clock as materialized (select business_now() as now)
select count(*) filter (where status = 'open') as open,
       count(*) filter (where status = 'open' and severity = 'critical') as critical,
       count(*) filter (where status = 'acknowledged') as acknowledged,
       count(*) filter (where status = 'resolved' and resolved_at > c.now - interval '1 day') as resolved_lately
  from alerts, clock c;

-- warehouse_choices
-- Active warehouses for the filter, most important first.
select id::text as value, name as label from warehouses where is_active order by priority desc, name;
