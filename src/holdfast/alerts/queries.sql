-- insert_rule
-- A new rule; it is evaluated over all levels by the next job.
insert into alert_rules (name, metric, threshold, clear_margin, sku_id, warehouse_id, category, severity, recipients, is_active, created_by)
values (%(name)s, %(metric)s, %(threshold)s, %(clear_margin)s, %(sku_id)s, %(warehouse_id)s, %(category)s, %(severity)s,
    %(recipients)s, %(is_active)s, %(created_by)s)
returning id;

-- list_rules
-- Rules in order of creation, with how many alerts of theirs are alive.
select r.id, r.name, case r.metric when 'order_exception' then 'order' else r.kind end as kind, r.metric, r.threshold::double precision as threshold, r.clear_margin, r.sku_id, r.warehouse_id,
       r.category, r.severity, r.recipients, r.is_active, r.created_by, r.created_at, r.updated_at,
       case r.metric when 'order_exception' then (select count(*) from order_alerts o where o.rule_id = r.id and o.status <> 'resolved')
            else (select count(*) from alerts a where a.rule_id = r.id and a.cleared_at is null and a.status <> 'resolved') end as live_alerts
  from alert_rules r
 where r.deleted_at is null
   and (%(id)s::uuid is null or r.id = %(id)s)
   and (%(after)s::uuid is null or r.id > %(after)s)
   and (%(is_active)s::boolean is null or r.is_active = %(is_active)s)
 order by r.id
 limit %(limit)s;

-- change_rule
-- A changed rule is evaluated over all levels by the next job.
update alert_rules
   set name = %(name)s, metric = %(metric)s, threshold = %(threshold)s, clear_margin = %(clear_margin)s, sku_id = %(sku_id)s,
       warehouse_id = %(warehouse_id)s, category = %(category)s, severity = %(severity)s, recipients = %(recipients)s,
       is_active = %(is_active)s, updated_at = now(), evaluated_at = null
 where id = %(id)s;

-- delete_rule
-- The rule is gone; its alerts stay in the history, and the live ones are resolved by the next job.
update alert_rules set deleted_at = coalesce(deleted_at, now()), is_active = false, evaluated_at = null where id = %(id)s;

-- list_alerts
-- One page, newest first, beside the level as it is now.
select a.id, a.rule_id, r.name as rule_name, a.sku_id, s.code as sku_code, s.name as sku_name, a.warehouse_id,
       w.code as warehouse_code, a.status, a.severity, a.metric, a.value::double precision as value,
       a.threshold::double precision as threshold, a.facts, a.opened_at, a.updated_at, a.acknowledged_at, a.acknowledged_by,
       a.resolved_at, a.resolved_by, a.note,
       coalesce(i.available_quantity, 0)::bigint as available_quantity, coalesce(i.on_hand_quantity, 0)::bigint as on_hand_quantity,
       coalesce(i.in_transit_quantity, 0)::bigint as in_transit_quantity,
       coalesce(i.reorder_point, i.computed_reorder_point) as reorder_point
  from alerts a
  join alert_rules r on r.id = a.rule_id
  join skus s on s.id = a.sku_id
  join warehouses w on w.id = a.warehouse_id
  left join inventory i on i.sku_id = a.sku_id and i.warehouse_id = a.warehouse_id
 where (%(id)s::uuid is null or a.id = %(id)s)
   and (%(before)s::uuid is null or a.id < %(before)s)
   and (%(status)s::text is null or a.status = %(status)s)
   and (%(severity)s::text is null or a.severity = %(severity)s)
   and (%(rule_id)s::uuid is null or a.rule_id = %(rule_id)s)
   and (%(sku_id)s::uuid is null or a.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or a.warehouse_id = %(warehouse_id)s)
   and (%(category)s::text is null or s.category = %(category)s)
 order by a.id desc
 limit %(limit)s;

-- acknowledge
-- Somebody has seen them; what was seen before keeps its first name.
update alerts
   set status = 'acknowledged', acknowledged_at = business_now(), acknowledged_by = %(actor)s, note = coalesce(%(note)s, note),
       updated_at = business_now()
 where id = any(%(ids)s) and status = 'open'
returning id, sku_id;

-- resolve
-- Somebody has dealt with them. They open again only after the level recovered and fell anew.
update alerts
   set status = 'resolved', resolved_at = business_now(), resolved_by = %(actor)s, note = coalesce(%(note)s, note),
       updated_at = business_now()
 where id = any(%(ids)s) and status <> 'resolved'
returning id, sku_id;

-- tell_events
-- One event per alert that a person decided about.
insert into outbox_events (event_type, sku_ids, data)
select %(event_type)s, array[a.sku_id],
       json_build_object('alert_id', a.id, 'rule_id', a.rule_id, 'sku_id', a.sku_id, 'warehouse_id', a.warehouse_id,
                         'severity', a.severity, 'actor', %(actor)s::text, 'note', a.note)
  from alerts a where a.id = any(%(ids)s)
 order by a.id;

-- note_changes
-- The SKUs of newly published events, once each however often they changed.
insert into alert_checks (sku_id)
select distinct unnest(e.sku_ids) as sku_id
  from outbox_events e
 where e.position > %(after)s and e.position <= %(until)s
   and (starts_with(e.event_type, 'inventory.') or e.event_type = 'sku.changed')
 order by sku_id
on conflict do nothing;

-- take_checks
-- The oldest changes; gone with the transaction that looked at them.
delete from alert_checks
 where sku_id in (select sku_id from alert_checks order by noted_at limit %(limit)s)
returning sku_id;

-- evaluate
-- See alert_evaluate.
select * from alert_evaluate(%(skus)s::uuid[], %(rules)s::uuid[], %(low_share)s);

-- list_unevaluated
-- Rules that are new, changed or deleted since they were last looked at.
select id from alert_rules where evaluated_at is null order by id for update;

-- mark_evaluated
-- Looked at over all levels.
update alert_rules set evaluated_at = now() where %(rules)s::uuid[] is null or id = any(%(rules)s);

-- record_evaluation
-- Only what found something, or looked at everything, is worth a row.
insert into alert_evaluations (scope, seconds, measured, opened, resolved)
values (%(scope)s, extract(epoch from clock_timestamp() - now()), %(measured)s, %(opened)s, %(resolved)s);

-- forget_evaluations
-- Ninety days of history.
delete from alert_evaluations where started_at < now() - interval '90 days';

-- preview
-- What a rule would fire for now, without keeping anything.
with m as materialized (select * from alert_measure(%(rules)s, null, %(low_share)s))
select (select count(*) from m) as watched, (select count(*) from m where value <= threshold) as would_open,
       (select coalesce(json_agg(json_build_object('sku_id', x.sku_id, 'sku_code', x.code, 'sku_name', x.name,
                   'warehouse_id', x.warehouse_id, 'warehouse_code', x.warehouse_code, 'value', x.value, 'threshold', x.threshold)), '[]')
          from (select m.*, s.code, s.name, w.code as warehouse_code
                  from m
                  join skus s on s.id = m.sku_id
                  join warehouses w on w.id = m.warehouse_id
                 where m.value <= m.threshold
                 order by m.value - m.threshold, s.code, w.code
                 limit 50) x) as findings;

-- list_rules_to_tell
-- Rules with alerts nobody was told of; a rule that spoke a moment ago collects for a while first.
select r.id, r.name, r.recipients
  from alert_rules r
 where exists (select from alerts a where a.rule_id = r.id and a.notified_at is null)
   and (r.told_at is null or r.told_at < now() - make_interval(secs => %(seconds)s))
 order by r.id
   for update;

-- take_untold
-- What opened since the rule last spoke; what is over already needs no message.
with untold as (
    update alerts set notified_at = now() where rule_id = %(rule_id)s and notified_at is null
    returning id, sku_id, warehouse_id, status, severity, metric, value, threshold, facts
)
select u.id, s.code as sku_code, s.name as sku_name, w.name as warehouse_name, u.severity, u.metric,
       u.value::double precision as value, u.threshold::double precision as threshold, u.facts
  from untold u
  join skus s on s.id = u.sku_id
  join warehouses w on w.id = u.warehouse_id
 where u.status <> 'resolved'
 order by u.value - u.threshold, s.code;

-- mark_told
-- The rule spoke.
update alert_rules set told_at = now() where id = %(rule_id)s;

-- list_recipients
-- Named people in their language; nobody named means everybody who plans or decides.
select u.email, u.language from users u
 where u.is_active
   and case when cardinality(%(named)s::text[]) = 0 then u.role in ('planner', 'approver', 'admin')
            else lower(u.email) in (select lower(n) from unnest(%(named)s::text[]) n) end
union all
select n, 'en' from unnest(%(named)s::text[]) n
 where not exists (select from users u where lower(u.email) = lower(n));

-- list_low_stock
-- What is low now, most urgent first: the levels of live alerts, each once, by the severest.
select json_agg(json_build_object('sku_id', sku_id, 'warehouse_id', warehouse_id, 'current', current,
                                  'reorder_point', reorder_point, 'priority', (array['high', 'medium', 'low'])[urgency])
                order by urgency, current, sku_id)::text
  from (select a.sku_id, a.warehouse_id, coalesce(max(i.available_quantity), 0) as current,
               max(coalesce(i.reorder_point, i.computed_reorder_point)) as reorder_point,
               min(case a.severity when 'critical' then 1 when 'warning' then 2 else 3 end) as urgency
          from alerts a
          left join inventory i on (i.sku_id, i.warehouse_id) = (a.sku_id, a.warehouse_id)
         where a.status <> 'resolved'
         group by a.sku_id, a.warehouse_id
         order by 5, 3, 1
         limit %(limit)s) low;
