-- One row per order something came back of. Locked by every return of that order, so that two at once are counted together.
create table returned_orders (
    reference_type text not null constraint known_returned_type check (reference_type in ('order', 'sale', 'cart', 'manual')),
    reference_id text not null,
    last_returned_at timestamptz not null,
    primary key (reference_type, reference_id)
);

create sequence return_numbers;
create table returns (
    id uuid primary key default uuidv7(),
    number text not null constraint return_number_once unique default 'RT-' || lpad(nextval('return_numbers')::text, 5, '0'),
    reference_type text not null,
    reference_id text not null,
    warehouse_id uuid not null references warehouses,
    -- the parcel or the shop's own return number; the same again is the same return
    return_reference text,
    reason text not null default '',
    -- accepted although the ledger does not know that this much was sold
    is_unmatched boolean not null default false,
    created_by text not null,
    created_at timestamptz not null,
    foreign key (reference_type, reference_id) references returned_orders,
    constraint unmatched_has_a_reason check (not is_unmatched or reason <> '')
);
create index returns_by_order on returns (reference_type, reference_id);
create unique index one_return_per_return_reference on returns (reference_type, reference_id, return_reference)
    where return_reference is not null;
create index returns_by_warehouse on returns (warehouse_id, id);

create table return_lines (
    return_id uuid not null references returns,
    line_no integer not null,
    sku_id uuid not null references skus,
    -- the shop's id of the order line
    order_line text,
    quantity bigint not null constraint returned_positive check (quantity > 0),
    outcome text not null constraint known_outcome check (outcome in ('restock', 'unsellable', 'scrap', 'refund_only')),
    primary key (return_id, line_no)
);
create index return_lines_by_sku on return_lines (sku_id, return_id);

grant select, insert, update on returned_orders to holdfast_app;
grant select, insert on returns, return_lines to holdfast_app;
grant usage on return_numbers to holdfast_app;
