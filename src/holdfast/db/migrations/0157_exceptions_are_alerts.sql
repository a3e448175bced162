-- Exceptions of orders live as alerts do: a person may resolve one before its cause is over, rules say who is told.

alter table purchase_order_exceptions
    -- 'rule' when the cause ended, else who dealt with it
    add column resolved_by text,
    -- when the cause itself was over; one that a person resolved stays resolved until then
    add column cleared_at timestamptz;
update purchase_order_exceptions set resolved_by = 'rule', cleared_at = resolved_at where resolved_at is not null;
drop index one_live_exception;
create unique index one_live_exception on purchase_order_exceptions (purchase_order_id, line_no, kind) nulls not distinct
    where cleared_at is null;
create index uncleared_exceptions on purchase_order_exceptions (purchase_order_id) where cleared_at is null;

alter table alert_rules
    drop constraint known_metric,
    add constraint known_metric
        check (metric in ('available_quantity', 'on_hand_quantity', 'days_of_cover', 'order_exception'));
insert into alert_rules (name, metric, created_by) values ('Orders not as promised', 'order_exception', 'holdfast');

-- Which rule told of which exception: each once, whatever becomes of it.
create table told_exceptions (
    rule_id uuid not null references alert_rules,
    exception_id uuid not null references purchase_order_exceptions,
    told_at timestamptz not null default now(),
    primary key (rule_id, exception_id)
);
-- What stands open while this version is installed is known already.
insert into told_exceptions (rule_id, exception_id)
select r.id, e.id from alert_rules r, purchase_order_exceptions e where r.metric = 'order_exception';
grant select, insert, delete on told_exceptions to holdfast_app;

-- Exceptions as alerts: each beside the most severe active rule in whose scope it is, none when no rule is.
create view order_alerts as
select e.id, e.purchase_order_id, o.number, o.supplier_id, o.warehouse_id, e.line_no, l.sku_id, e.kind, e.quantity, e.due,
       case when e.resolved_at is not null then 'resolved' when e.acknowledged_at is not null then 'acknowledged' else 'open' end as status,
       coalesce(r.severity, 'warning') as severity, r.id as rule_id, r.name as rule_name,
       e.opened_at, e.acknowledged_at, e.acknowledged_by, e.resolved_at, e.resolved_by
  from purchase_order_exceptions e
  join purchase_orders o on o.id = e.purchase_order_id
  left join purchase_order_lines l on l.purchase_order_id = e.purchase_order_id and l.line_no = e.line_no
  left join skus s on s.id = l.sku_id
  left join lateral (
       select r.id, r.name, r.severity
         from alert_rules r
        where r.metric = 'order_exception' and r.is_active and r.deleted_at is null
          and (r.sku_id is null or r.sku_id = l.sku_id) and (r.warehouse_id is null or r.warehouse_id = o.warehouse_id)
          and (r.category is null or r.category = s.category)
        order by array_position(array['critical', 'warning', 'info'], r.severity), r.id
        limit 1) r on true;
grant select on order_alerts to holdfast_app;
