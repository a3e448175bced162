-- One row per (SKU, warehouse). The application role reads it and writes it only through the posting functions.
-- sku_id leads every key, so the tables can be distributed by SKU.
create table inventory (
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    available_quantity bigint not null default 0 constraint never_oversold check (available_quantity >= 0),
    reserved_quantity bigint not null default 0 constraint reserved_never_negative check (reserved_quantity >= 0),
    unavailable_quantity bigint not null default 0 constraint unavailable_never_negative check (unavailable_quantity >= 0),
    in_transit_quantity bigint not null default 0 constraint in_transit_never_negative check (in_transit_quantity >= 0),
    on_hand_quantity bigint generated always as (available_quantity + reserved_quantity + unavailable_quantity) virtual,
    -- Policy set by a person; null means "computed", and the computed_* columns hold what the last plan found.
    safety_stock bigint constraint safety_stock_not_negative check (safety_stock >= 0),
    reorder_point bigint constraint reorder_point_not_negative check (reorder_point >= 0),
    max_stock bigint constraint max_stock_not_negative check (max_stock >= 0),
    computed_safety_stock bigint,
    computed_reorder_point bigint,
    computed_order_up_to bigint,
    cost_price numeric(18, 6) constraint cost_not_negative check (cost_price >= 0),
    version bigint not null default 0,
    last_updated timestamptz not null default now(),
    primary key (sku_id, warehouse_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index inventory_by_warehouse on inventory (warehouse_id, sku_id);

-- The ledger of what is physically there. Append only: sum of quantity = on_hand, and each entry carries the
-- balance after it, so stock as of any instant is one index lookup.
create table inventory_movements (
    id uuid not null default uuidv7(),
    seq bigint generated always as identity,
    sku_id uuid not null,
    warehouse_id uuid not null,
    movement_type text not null constraint known_movement_type check (movement_type in ('in', 'out', 'transfer', 'adjustment')),
    quantity bigint not null,
    bucket text not null default 'sellable' constraint known_bucket check (bucket in ('sellable', 'unsellable')),
    balance_after bigint not null constraint balance_never_negative check (balance_after >= 0),
    unsellable_after bigint not null constraint unsellable_balance_never_negative check (unsellable_after >= 0),
    reference_type text not null constraint known_reference_type check (reference_type in
        ('purchase', 'sale', 'return', 'transfer', 'adjustment', 'count', 'reservation', 'scrap', 'import', 'receipt', 'order', 'cart', 'manual')),
    reference_id text,
    reason text not null constraint reason_given check (reason <> ''),
    actor text not null constraint actor_given check (actor <> ''),
    unit_cost numeric(18, 6),
    occurred_at timestamptz not null,
    created_at timestamptz not null,
    constraint movement_sign_fits_type check (
        case movement_type when 'in' then quantity > 0 when 'out' then quantity < 0 else quantity <> 0 end),
    primary key (sku_id, warehouse_id, created_at, seq)
) partition by range (created_at);
create table inventory_movements_default partition of inventory_movements default;
create index inventory_movements_by_time on inventory_movements (created_at, seq);
create index inventory_movements_by_reference on inventory_movements (reference_type, reference_id) where reference_id is not null;

create function forbid_rewriting_history() returns trigger
language plpgsql as $$
begin
    raise exception 'movements are append-only' using errcode = 'ZS001';
end $$;
create trigger movements_are_append_only before update or delete on inventory_movements
    for each row execute function forbid_rewriting_history();

-- The header carries the returned reservation id; the lines are the ledger of promises.
create table reservations (
    id uuid primary key,
    reference_type text not null constraint known_reservation_type check (reference_type in ('cart', 'order', 'manual')),
    reference_id text not null,
    status text not null default 'active'
        constraint known_reservation_status check (status in ('active', 'consumed', 'expired', 'cancelled')),
    created_at timestamptz not null,
    expires_at timestamptz,
    resolved_at timestamptz,
    extended_minutes integer not null default 0,
    actor text not null,
    constraint carts_expire check (reference_type <> 'cart' or expires_at is not null),
    constraint resolved_when_not_active check ((status = 'active') = (resolved_at is null))
) with (fillfactor = 85);
create index reservations_to_expire on reservations (expires_at) where status = 'active' and expires_at is not null;
create index reservations_by_reference on reservations (reference_type, reference_id);

-- Each line is an interval from reserved_at to resolved_at with one outcome. A partial consume or release splits it.
create table inventory_reservations (
    reservation_id uuid not null,
    line_no integer not null,
    sku_id uuid not null,
    warehouse_id uuid not null,
    quantity bigint not null constraint reserved_quantity_positive check (quantity > 0),
    status text not null default 'active'
        constraint known_line_status check (status in ('active', 'consumed', 'expired', 'cancelled')),
    reserved_at timestamptz not null,
    resolved_at timestamptz,
    -- copied from the header, so that one index finds the expired holds of a SKU (promise P7)
    expires_at timestamptz,
    primary key (reservation_id, line_no),
    constraint line_resolved_when_not_active check ((status = 'active') = (resolved_at is null))
) with (fillfactor = 85);
create index inventory_reservations_active on inventory_reservations (sku_id, expires_at) where status = 'active';

-- What the posting functions pass between their steps.
create type stock_answer as (request_no integer, outcome text, facts json, replayed boolean);
create type stock_ask as (request_no integer, line_no integer, sku_id uuid, warehouse_id uuid, quantity bigint);
create type stock_left as (sku_id uuid, warehouse_id uuid, quantity bigint, priority integer, is_open boolean);
create type stock_take as (request_no integer, reservation_id uuid, line_no integer, sku_id uuid, warehouse_id uuid,
    open_quantity bigint, quantity bigint, outcome text);

grant select on inventory, inventory_movements, reservations, inventory_reservations to holdfast_app;
