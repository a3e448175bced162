create table suppliers (
    id uuid primary key default uuidv7(),
    code text not null constraint supplier_code_once unique,
    name text not null,
    email text,
    language text not null default 'en',
    currency text not null default 'EUR' constraint supplier_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    lead_time_days numeric(8, 2) not null default 7 constraint lead_time_not_negative check (lead_time_days >= 0),
    lead_time_sd_days numeric(8, 2) not null default 0 constraint lead_time_sd_not_negative check (lead_time_sd_days >= 0),
    minimum_order_value numeric(18, 2),
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table supplier_items (
    supplier_id uuid not null references suppliers,
    sku_id uuid not null references skus,
    supplier_code text,
    unit_cost numeric(18, 6) not null constraint unit_cost_not_negative check (unit_cost >= 0),
    moq bigint not null default 1 constraint moq_positive check (moq > 0),
    order_multiple bigint not null default 1 constraint order_multiple_positive check (order_multiple > 0),
    lead_time_days numeric(8, 2),
    lead_time_sd_days numeric(8, 2),
    is_preferred boolean not null default false,
    updated_at timestamptz not null default now(),
    primary key (sku_id, supplier_id)
);
create unique index one_preferred_supplier on supplier_items (sku_id) where is_preferred;
create index supplier_items_by_supplier on supplier_items (supplier_id, sku_id);

create sequence purchase_order_numbers;
create table purchase_orders (
    id uuid primary key default uuidv7(),
    number text not null constraint purchase_order_number_once unique
        default 'PO-' || lpad(nextval('purchase_order_numbers')::text, 5, '0'),
    supplier_id uuid not null references suppliers,
    warehouse_id uuid not null references warehouses,
    status text not null default 'draft' constraint known_order_status check (status in
        ('draft', 'approved', 'sent', 'confirmed', 'partly_received', 'received', 'closed', 'cancelled')),
    currency text not null,
    expected_at date,
    note text not null default '',
    created_by text not null,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    resolved_at timestamptz,
    version bigint not null default 1
);
create index purchase_orders_by_status on purchase_orders (status, id);
create unique index one_draft_per_supplier_and_warehouse on purchase_orders (supplier_id, warehouse_id) where status = 'draft';

create table purchase_order_lines (
    purchase_order_id uuid not null references purchase_orders,
    line_no integer not null,
    sku_id uuid not null references skus,
    ordered_quantity bigint not null constraint ordered_positive check (ordered_quantity > 0),
    received_quantity bigint not null default 0 constraint received_not_negative check (received_quantity >= 0),
    -- What is still to come and counted in in_transit: set on send, lowered by receipts, zero when closed or cancelled.
    open_quantity bigint not null default 0 constraint open_not_negative check (open_quantity >= 0),
    unit_cost numeric(18, 6) not null,
    suggestion_id uuid,
    primary key (purchase_order_id, line_no)
);
create index purchase_order_lines_open on purchase_order_lines (sku_id) where open_quantity > 0;

grant select, insert, update, delete on suppliers, supplier_items, purchase_orders, purchase_order_lines to holdfast_app;
grant usage on purchase_order_numbers to holdfast_app;
