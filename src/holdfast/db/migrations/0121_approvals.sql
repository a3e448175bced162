-- How much whoever approves may spend on one order. A role without a row here has no limit; a role with rows has none to
-- spend in a currency that is not among them.
create table approval_limits (
    role text not null constraint known_limited_role check (role in ('planner', 'approver', 'admin')),
    currency text not null constraint limit_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    max_value numeric(18, 2) not null constraint limit_not_negative check (max_value >= 0),
    updated_by text not null,
    updated_at timestamptz not null,
    primary key (role, currency)
);

-- Which suggestions need nobody. Off until somebody turns one on.
create table auto_approvals (
    id uuid primary key default uuidv7(),
    supplier_id uuid references suppliers,
    class_code text constraint auto_class_is_abc_xyz check (class_code ~ '^[ABC][XYZ]$'),
    currency text not null constraint auto_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    -- at most so much per suggestion, and per day of the database clock
    max_value numeric(18, 2) not null constraint auto_value_positive check (max_value > 0),
    daily_max_value numeric(18, 2) not null constraint auto_daily_value_positive check (daily_max_value > 0),
    is_active boolean not null default false,
    updated_by text not null,
    updated_at timestamptz not null
);
create unique index one_auto_approval_per_scope on auto_approvals (supplier_id, class_code, currency) nulls not distinct;

-- What was approved without a person: once per suggestion, and the sum of a day is what the cap counts.
create table auto_approved (
    suggestion_id uuid primary key references replenishment_suggestions,
    auto_approval_id uuid not null,
    value numeric(18, 2) not null,
    currency text not null,
    approved_at timestamptz not null
);
create index auto_approved_by_rule on auto_approved (auto_approval_id, approved_at);

grant select, insert, update, delete on approval_limits, auto_approvals to holdfast_app;
grant select, insert on auto_approved to holdfast_app;
