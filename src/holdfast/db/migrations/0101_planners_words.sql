-- What planners know and the ledger does not, and how good forecasts were.

-- Days that are no ordinary demand (promotions) or no days of sale (holidays, closed). The empty scope is everything.
create table demand_calendar (
    id uuid primary key default uuidv7(),
    kind text not null constraint known_calendar_kind check (kind in ('promotion', 'holiday', 'closed', 'other')),
    label text not null constraint label_given check (label <> ''),
    first_day date not null,
    last_day date not null,
    sku_id uuid references skus,
    category text,
    warehouse_id uuid references warehouses,
    said_by text not null,
    said_at timestamptz not null default business_now(),
    constraint calendar_ends_after_it_begins check (last_day >= first_day),
    constraint sku_or_category check (sku_id is null or category is null),
    constraint said_once unique nulls not distinct (kind, label, first_day, last_day, sku_id, category, warehouse_id)
);
create index demand_calendar_by_end on demand_calendar (last_day);

-- A SKU without a past of its own sells like another one, or takes over from it.
create table sku_likeness (
    sku_id uuid primary key references skus,
    like_sku_id uuid not null references skus,
    kind text not null constraint known_likeness check (kind in ('like', 'successor')),
    -- its units for one of the other's
    factor double precision not null constraint factor_is_sensible check (factor > 0 and factor <= 1000),
    -- a successor: from this day on it is sold instead
    from_day date,
    reason text not null default '',
    said_by text not null,
    said_at timestamptz not null default business_now(),
    constraint not_like_itself check (sku_id <> like_sku_id),
    constraint only_a_successor_takes_over check (kind = 'successor' or from_day is null)
);
create index sku_likeness_by_model on sku_likeness (like_sku_id);

alter table demand_forecasts
    -- spread of the protection time the quantiles were made for
    add column protection_days_sd double precision not null default 0,
    -- mean of a day over the protection time as a planner overrides it; null: nobody does
    add column override_daily_mean double precision;

-- A planner's own figure for a time, beside the model's, and later the grade of both.
create table forecast_overrides (
    id uuid primary key default uuidv7(),
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    first_day date not null,
    last_day date not null,
    -- level: units a day; percent: more (or less) than the model
    kind text not null constraint known_override_kind check (kind in ('level', 'percent')),
    value double precision not null,
    reason text not null constraint override_reason_given check (reason <> ''),
    -- what the model said when the override was made
    model_daily_mean double precision not null,
    said_by text not null,
    said_at timestamptz not null default business_now(),
    withdrawn_by text,
    withdrawn_at timestamptz,
    graded_at timestamptz,
    -- units over the observed days of the time; null: too few of them were observed
    observed_days double precision,
    actual_units double precision,
    model_units double precision,
    override_units double precision,
    constraint override_ends_after_it_begins check (last_day >= first_day),
    constraint override_never_below_nothing check (value >= case kind when 'percent' then -100 else 0 end)
);
create index forecast_overrides_of_level on forecast_overrides (sku_id, warehouse_id, first_day);
create index forecast_overrides_to_grade on forecast_overrides (last_day) where graded_at is null and withdrawn_at is null;

-- Forecasts as they were said, one at a time per level, and what came: made_on is the first day it speaks of.
create table forecast_grades (
    sku_id uuid not null,
    warehouse_id uuid not null,
    made_on date not null,
    last_day date not null,
    method text not null,
    mean_units double precision not null,
    -- at .5 .8 .9 .95 .99
    quantiles double precision[] not null,
    -- as many units as in the same time before: what a forecast must beat
    naive_units double precision not null,
    graded_at timestamptz,
    observed_days double precision,
    -- of the whole time; null: too little of it was observed
    actual_units double precision,
    primary key (sku_id, warehouse_id, made_on)
);
create index forecast_grades_open on forecast_grades (sku_id, warehouse_id) where graded_at is null;

create table demand_runs (
    id uuid primary key default uuidv7(),
    started_by text not null,
    started_at timestamptz not null default business_now(),
    finished_at timestamptz,
    status text not null default 'running' constraint known_demand_run_status check (status in ('running', 'finished', 'failed', 'stopped')),
    pairs_total integer not null default 0,
    pairs_done integer not null default 0,
    -- the last pair that was forecast and graded: a killed run goes on behind it
    at_sku_id uuid,
    at_warehouse_id uuid,
    facts jsonb not null default '{}'
);
create unique index one_running_demand_run on demand_runs ((true)) where status = 'running';

-- Trained models. In the database, because workers share no disk; small enough for one value (a few MB).
create table demand_models (
    name text not null,
    trained_at timestamptz not null default business_now(),
    facts jsonb not null default '{}',
    body bytea not null,
    primary key (name, trained_at)
);

grant select, insert, update, delete on demand_calendar, sku_likeness, forecast_overrides, forecast_grades, demand_runs, demand_models
    to holdfast_app;
