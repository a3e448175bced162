-- An alert is over for the rule when the level was above the line again (cleared), whoever resolved it before. So a person
-- may resolve an alert whose stock is still low, and it does not open again until the level recovered and fell anew.
alter table alerts
    add column cleared_at timestamptz,
    add column notified_at timestamptz,
    add constraint cleared_is_resolved check (cleared_at is null or status = 'resolved'),
    add constraint resolved_has_its_time check ((status = 'resolved') = (resolved_at is not null));
update alerts set cleared_at = resolved_at where status = 'resolved';
drop index one_live_alert;
create unique index one_alert_per_cause on alerts (rule_id, sku_id, warehouse_id) where cleared_at is null;
create index alerts_to_tell on alerts (rule_id) where notified_at is null;

alter table alert_rules
    -- null: the rule is new or was changed and is evaluated over all levels next
    add column evaluated_at timestamptz,
    add column told_at timestamptz,
    add column deleted_at timestamptz;

-- SKUs whose stock changed since the rules last looked at them, however often they changed.
create table alert_checks (
    sku_id uuid primary key,
    noted_at timestamptz not null default now()
);

-- What each look at the levels found.
create table alert_evaluations (
    id bigint generated always as identity primary key,
    scope text not null constraint known_evaluation_scope check (scope in ('changes', 'rules', 'all')),
    started_at timestamptz not null default clock_timestamp(),
    seconds double precision not null,
    measured integer not null,
    opened integer not null,
    resolved integer not null
);
create index alert_evaluations_by_time on alert_evaluations (started_at);

insert into alert_rules (name, created_by) values ('Low stock', 'holdfast');

grant select, insert, update, delete on alert_checks, alert_evaluations to holdfast_app;
