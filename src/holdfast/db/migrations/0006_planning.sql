-- Demand per (SKU, warehouse, day): orders at order date, returns netted, transfers excluded.
create table demand_daily (
    sku_id uuid not null,
    warehouse_id uuid not null,
    day date not null,
    quantity bigint not null,
    orders integer not null default 0,
    -- false where the shelf was empty (sales are then a lower bound of demand)
    observed boolean not null default true,
    primary key (sku_id, warehouse_id, day)
);
create index demand_daily_by_day on demand_daily (day);

create table demand_cursor (
    only_row boolean primary key default true constraint one_cursor check (only_row),
    last_created_at timestamptz not null default '-infinity',
    last_seq bigint not null default 0
);
insert into demand_cursor default values;

create table forecasts (
    sku_id uuid not null,
    warehouse_id uuid not null,
    made_at timestamptz not null,
    method text not null,
    demand_class text not null,
    daily_mean double precision not null,
    daily_sd double precision not null,
    trend_percent_per_week double precision not null,
    protection_days double precision not null,
    -- demand over the protection time at .5 .8 .9 .95 .99
    quantiles double precision[] not null,
    -- cumulative demand after each of the next 90 days: low (10 %), middle, high (90 %)
    band_low double precision[] not null,
    band_mid double precision[] not null,
    band_high double precision[] not null,
    primary key (sku_id, warehouse_id)
);

create table replenishment_policies (
    id uuid primary key default uuidv7(),
    -- null = everything; the most specific policy wins: (sku, warehouse) > sku > category > warehouse > all
    sku_id uuid references skus,
    warehouse_id uuid references warehouses,
    category text,
    mode text not null default 'auto' constraint known_policy_mode check (mode in ('auto', 'manual', 'none')),
    target_service double precision not null default 0.95
        constraint target_service_is_a_share check (target_service between 0.5 and 0.999),
    review_days integer not null default 7 constraint review_days_positive check (review_days > 0),
    order_cost numeric(18, 2) not null default 2,
    holding_rate double precision not null default 0.25,
    updated_by text not null,
    updated_at timestamptz not null default now()
);
create unique index one_policy_per_scope on replenishment_policies (sku_id, warehouse_id, category) nulls not distinct;

create table replenishment_runs (
    id uuid primary key default uuidv7(),
    started_by text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    status text not null default 'running' constraint known_run_status check (status in ('running', 'finished', 'failed', 'stopped')),
    pairs_total integer not null default 0,
    pairs_done integer not null default 0,
    facts jsonb not null default '{}'
);

create table replenishment_suggestions (
    id uuid primary key default uuidv7(),
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    supplier_id uuid references suppliers,
    status text not null default 'pending'
        constraint known_suggestion_status check (status in ('pending', 'approved', 'ordered', 'received', 'rejected', 'withdrawn')),
    current_quantity bigint not null,
    suggested_quantity bigint not null constraint suggested_positive check (suggested_quantity > 0),
    priority text not null constraint known_priority check (priority in ('low', 'medium', 'high', 'urgent')),
    reason text not null,
    days_of_cover double precision,
    lead_time_days double precision not null,
    unit_cost numeric(18, 6),
    estimated_cost numeric(18, 2),
    currency text,
    -- the lines that add up to suggested_quantity; see replenishment/model.py
    arithmetic jsonb not null,
    run_id uuid references replenishment_runs,
    purchase_order_id uuid references purchase_orders,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    processed_by text,
    processed_at timestamptz,
    version bigint not null default 1
);
create unique index one_open_suggestion on replenishment_suggestions (sku_id, warehouse_id) where status in ('pending', 'approved');
create index replenishment_suggestions_by_status on replenishment_suggestions (status, id);
create index replenishment_suggestions_by_supplier on replenishment_suggestions (supplier_id) where status = 'pending';

grant select, insert, update, delete on demand_daily, demand_cursor, forecasts, replenishment_policies, replenishment_runs,
    replenishment_suggestions to holdfast_app;
