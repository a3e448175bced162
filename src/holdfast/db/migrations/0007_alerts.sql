create table alert_rules (
    id uuid primary key default uuidv7(),
    name text not null,
    kind text not null default 'quantity' constraint known_rule_kind check (kind in ('quantity')),
    metric text not null default 'available_quantity'
        constraint known_metric check (metric in ('available_quantity', 'on_hand_quantity', 'days_of_cover')),
    -- null: the level's own reorder point
    threshold numeric,
    -- the alert resolves itself above threshold x (1 + clear_margin), so a level hovering at the line does not flap
    clear_margin double precision not null default 0.1 constraint clear_margin_not_negative check (clear_margin >= 0),
    sku_id uuid references skus,
    warehouse_id uuid references warehouses,
    category text,
    severity text not null default 'warning' constraint known_severity check (severity in ('info', 'warning', 'critical')),
    recipients text[] not null default '{}',
    is_active boolean not null default true,
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table alerts (
    id uuid primary key default uuidv7(),
    rule_id uuid not null references alert_rules,
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    status text not null default 'open' constraint known_alert_status check (status in ('open', 'acknowledged', 'resolved')),
    severity text not null,
    metric text not null,
    value numeric not null,
    threshold numeric not null,
    facts jsonb not null default '{}',
    opened_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at timestamptz,
    resolved_by text,
    note text
);
create unique index one_live_alert on alerts (rule_id, sku_id, warehouse_id) where status <> 'resolved';
create index alerts_by_status on alerts (status, id);
create index alerts_by_level on alerts (sku_id, warehouse_id);

grant select, insert, update, delete on alert_rules, alerts to holdfast_app;
