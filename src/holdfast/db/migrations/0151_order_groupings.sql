-- How much may be ordered: money, litres, kilograms or pallets, for each order or within a period, for everything, a supplier,
-- a warehouse, or a supplier in a warehouse. What the supplier's own terms say about its truck and its minimum holds besides.
create table order_limits (
    id uuid primary key default uuidv7(),
    measure text not null constraint known_measure check (measure in ('money', 'volume_l', 'weight_kg', 'pallets')),
    per text not null constraint known_period check (per in ('order', 'day', 'week', 'month', 'quarter')),
    supplier_id uuid references suppliers,
    warehouse_id uuid references warehouses,
    currency text constraint order_limit_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    most numeric(18, 3) not null constraint most_not_negative check (most >= 0),
    updated_by text not null,
    updated_at timestamptz not null,
    constraint money_has_a_currency check ((measure = 'money') = (currency is not null))
);
create unique index one_order_limit_per_scope on order_limits (measure, per, supplier_id, warehouse_id, currency) nulls not distinct;

-- Pending suggestions put together to orders under these limits: what goes now, what waits, and why. One proposal at a time.
create table order_groupings (
    id uuid primary key default uuidv7(),
    status text not null default 'proposed' constraint known_grouping_status check (status in ('proposed', 'placed', 'replaced')),
    made_by text not null,
    made_at timestamptz not null,
    placed_by text,
    placed_at timestamptz,
    facts jsonb not null,
    constraint placed_by_somebody check ((status = 'placed') = (placed_by is not null and placed_at is not null))
);
create unique index one_proposed_grouping on order_groupings ((true)) where status = 'proposed';

create table order_grouping_orders (
    grouping_id uuid not null references order_groupings on delete cascade,
    order_no integer not null,
    supplier_id uuid not null references suppliers,
    warehouse_id uuid not null references warehouses,
    currency text not null,
    -- the next day on which the supplier takes orders
    order_day date,
    lead_time_days double precision not null,
    verdict text not null constraint known_order_verdict check (verdict in ('goes', 'below_minimum', 'nothing_fits')),
    -- what is on the collecting draft already, and what the proposal adds
    draft_value numeric(18, 2) not null,
    value numeric(18, 2) not null,
    facts jsonb not null,
    purchase_order_id uuid references purchase_orders,
    primary key (grouping_id, order_no)
);

create table order_grouping_lines (
    grouping_id uuid not null,
    line_no integer not null,
    order_no integer not null,
    -- null: it was not asked for yet and fills an order up to its minimum
    suggestion_id uuid,
    suggestion_version bigint,
    sku_id uuid not null,
    warehouse_id uuid not null,
    wanted_quantity bigint not null constraint wanted_positive check (wanted_quantity > 0),
    quantity bigint not null constraint grouped_not_negative check (quantity >= 0),
    cost numeric(18, 2) not null,
    verdict text not null constraint known_line_verdict check (verdict in ('goes', 'partly', 'waits', 'fills_up')),
    why text,
    -- expected lost sales, in the currency of the order: what ordering saves, and what waiting costs
    saves numeric(18, 2) not null,
    waiting_costs numeric(18, 2) not null,
    days_of_cover double precision,
    filling jsonb,
    primary key (grouping_id, line_no),
    foreign key (grouping_id, order_no) references order_grouping_orders on delete cascade,
    constraint waits_or_goes check ((verdict = 'waits') = (quantity = 0)),
    constraint no_more_than_wanted check (quantity <= wanted_quantity),
    constraint filled_without_suggestion check ((verdict = 'fills_up') = (suggestion_id is null))
);
create index order_grouping_lines_by_order on order_grouping_lines (grouping_id, order_no, verdict);

grant select, insert, update, delete on order_limits, order_groupings, order_grouping_orders, order_grouping_lines to holdfast_app;
-- What was ordered in this month is read whenever a limit is looked at.
create index purchase_orders_by_sending on purchase_orders (sent_at) where sent_at is not null;
