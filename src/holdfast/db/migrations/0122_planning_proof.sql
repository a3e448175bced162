-- What became of decisions, and what policies would have cost on the shop's own past.
create table decision_grades (
    suggestion_id uuid primary key references replenishment_suggestions,
    decision text not null constraint known_decision check (decision in ('followed', 'changed', 'rejected')),
    decided_by text not null,
    decided_at timestamptz not null,
    sku_id uuid not null,
    warehouse_id uuid not null,
    suggested_quantity bigint not null,
    decided_quantity bigint not null,
    -- days with an empty shelf between the delivery this order would have brought and the end of the window
    stockout_days integer not null,
    -- what lies above the order-up-to level at the end of the window, at the cost of the suggestion
    excess_units bigint not null,
    excess_value numeric(18, 2),
    currency text,
    window_begins date not null,
    window_ends date not null,
    is_final boolean not null,
    graded_at timestamptz not null
);
create index decision_grades_by_time on decision_grades (decided_at, suggestion_id);

create table replenishment_backtests (
    id uuid primary key default uuidv7(),
    started_by text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    status text not null default 'running' constraint known_backtest_status check (status in ('running', 'finished', 'failed')),
    asked jsonb not null,
    phase text not null default 'waiting',
    result jsonb,
    error text
);
create unique index one_running_backtest on replenishment_backtests ((true)) where status = 'running';
grant select, insert, update, delete on decision_grades, replenishment_backtests to holdfast_app;
