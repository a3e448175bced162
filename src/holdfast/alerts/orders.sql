-- rules_to_tell_of_orders
-- Rules about orders with live exceptions they did not tell of; a rule that spoke a moment ago collects for a while first.
select r.id, r.name, r.recipients
  from alert_rules r
 where r.metric = 'order_exception' and r.is_active and r.deleted_at is null
   and (r.told_at is null or r.told_at < now() - make_interval(secs => %(seconds)s))
   and exists (select from purchase_order_exceptions e
                where e.resolved_at is null
                  and not exists (select from told_exceptions t where t.rule_id = r.id and t.exception_id = e.id))
 order by r.id
   for update;

-- take_untold_exceptions
-- What is in the rule's scope and alive, each once; marked in the same transaction in which it is told.
with fresh as (
    select a.id, a.number, p.name as supplier_name, a.kind, a.quantity, a.due, s.code as sku_code, s.name as sku_name
      from order_alerts a
      join alert_rules r on r.id = %(rule_id)s
      join suppliers p on p.id = a.supplier_id
      left join skus s on s.id = a.sku_id
     where a.status <> 'resolved'
       and (r.sku_id is null or r.sku_id = a.sku_id) and (r.warehouse_id is null or r.warehouse_id = a.warehouse_id)
       and (r.category is null or r.category = s.category)
       and not exists (select from told_exceptions t where t.rule_id = r.id and t.exception_id = a.id)
), marked as (
    insert into told_exceptions (rule_id, exception_id) select %(rule_id)s, id from fresh
    on conflict do nothing
    returning exception_id
)
select f.* from fresh f join marked m on m.exception_id = f.id order by f.number, f.id;

-- order_alert_rows
-- Alerts of orders of one state, the worst and newest first.
select a.id, a.purchase_order_id, a.number, p.name as supplier, w.name as warehouse, a.line_no, s.code, s.name, a.kind, a.quantity,
       a.due, a.severity, a.status, a.rule_name as rule, a.opened_at, a.acknowledged_by, a.acknowledged_at, a.resolved_by,
       a.resolved_at, array_position(array['critical', 'warning', 'info'], a.severity) as rank
  from order_alerts a
  join suppliers p on p.id = a.supplier_id
  join warehouses w on w.id = a.warehouse_id
  left join skus s on s.id = a.sku_id
 where a.status = %(status)s
   and (%(severity)s::text is null or a.severity = %(severity)s)
   and (%(warehouse_id)s::uuid is null or a.warehouse_id = %(warehouse_id)s)
   and (%(like)s::text is null or a.number ilike %(like)s or p.name ilike %(like)s or s.name ilike %(like)s or s.code ilike %(like)s)
   and (%(after_id)s::uuid is null
        or array_position(array['critical', 'warning', 'info'], a.severity) > %(after_rank)s::integer
        or (array_position(array['critical', 'warning', 'info'], a.severity) = %(after_rank)s::integer and a.id < %(after_id)s::uuid))
 order by array_position(array['critical', 'warning', 'info'], a.severity), a.id desc
 limit %(limit)s;

-- order_alert_counts
-- The tabs of the inbox for orders.
select count(*) filter (where status = 'open') as open,
       count(*) filter (where status = 'open' and severity = 'critical') as critical,
       count(*) filter (where status = 'acknowledged') as acknowledged,
       count(*) filter (where status = 'resolved') as resolved_lately
  from order_alerts
 where status <> 'resolved' or resolved_at > (select business_now()) - interval '1 day';
