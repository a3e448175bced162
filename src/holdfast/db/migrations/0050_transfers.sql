create sequence transfer_numbers;
create table transfers (
    id uuid primary key default uuidv7(),
    number text not null constraint transfer_number_once unique
        default 'TR-' || lpad(nextval('transfer_numbers')::text, 5, '0'),
    from_warehouse_id uuid not null references warehouses,
    to_warehouse_id uuid not null references warehouses,
    status text not null default 'draft' constraint known_transfer_status check (status in
        ('draft', 'shipped', 'partly_received', 'received', 'closed', 'cancelled')),
    expected_at date,
    note text not null default '',
    created_by text not null,
    created_at timestamptz not null,
    shipped_at timestamptz,
    resolved_at timestamptz,
    version bigint not null default 1,
    constraint transfer_goes_elsewhere check (from_warehouse_id <> to_warehouse_id)
);
create index transfers_by_status on transfers (status, id);
create index transfers_from on transfers (from_warehouse_id, id);
create index transfers_to on transfers (to_warehouse_id, id);

create table transfer_lines (
    transfer_id uuid not null references transfers,
    line_no integer not null,
    sku_id uuid not null references skus,
    quantity bigint not null constraint transfer_quantity_positive check (quantity > 0),
    -- What is still to arrive and counted in in_transit of the destination: set on shipping, zero when resolved.
    open_quantity bigint not null default 0 constraint transfer_open_not_negative check (open_quantity >= 0),
    received_quantity bigint not null default 0 constraint transfer_received_not_negative check (received_quantity >= 0),
    unsellable_quantity bigint not null default 0 constraint transfer_unsellable_not_negative check (unsellable_quantity >= 0),
    lost_quantity bigint not null default 0 constraint transfer_lost_not_negative check (lost_quantity >= 0),
    -- the moving average of the source when it was shipped; the goods arrive at this cost
    unit_cost numeric(18, 6),
    primary key (transfer_id, line_no),
    constraint one_line_per_sku unique (transfer_id, sku_id),
    -- nothing before shipping, everything after it
    constraint every_unit_accounted check (
        open_quantity + received_quantity + unsellable_quantity + lost_quantity in (0, quantity))
);
create index transfer_lines_open on transfer_lines (sku_id) where open_quantity > 0;

-- What arrived, one row per delivery.
create table transfer_receipts (
    id uuid primary key default uuidv7(),
    transfer_id uuid not null references transfers,
    -- the delivery note; the same note again is the same delivery
    reference text,
    lines jsonb not null,
    actor text not null,
    received_at timestamptz not null
);
create unique index one_transfer_receipt_per_delivery_note on transfer_receipts (transfer_id, reference) where reference is not null;
create index transfer_receipts_by_transfer on transfer_receipts (transfer_id, id);

-- Units that left the source and reached no shelf. With the two legs in the ledger they add up to zero.
create table transfer_losses (
    id uuid primary key default uuidv7(),
    transfer_id uuid not null references transfers,
    line_no integer not null,
    sku_id uuid not null references skus,
    quantity bigint not null constraint loss_positive check (quantity > 0),
    unit_cost numeric(18, 6),
    reason text not null constraint loss_has_a_reason check (reason <> ''),
    actor text not null,
    lost_at timestamptz not null
);
create index transfer_losses_by_transfer on transfer_losses (transfer_id, id);

grant select, insert, update, delete on transfers, transfer_lines to holdfast_app;
grant select, insert on transfer_receipts, transfer_losses to holdfast_app;
grant usage on transfer_numbers to holdfast_app;

-- Everything that is counted in in_transit, with the document that owns it.
create view inbound_lines as
select l.sku_id, o.warehouse_id, 'purchase' as source, o.id as document_id, o.number, l.line_no, l.open_quantity as quantity,
       coalesce(l.expected_at, o.expected_at) as expected_at
  from purchase_order_lines l
  join purchase_orders o on o.id = l.purchase_order_id
 where l.open_quantity > 0
union all
select l.sku_id, t.to_warehouse_id, 'transfer', t.id, t.number, l.line_no, l.open_quantity, t.expected_at
  from transfer_lines l
  join transfers t on t.id = l.transfer_id
 where l.open_quantity > 0;
grant select on inbound_lines to holdfast_app;
