-- Only the draft that collects approved suggestions is one per supplier and warehouse; people may keep several drafts.
drop index one_draft_per_supplier_and_warehouse;
alter table purchase_orders
    add column collects_suggestions boolean not null default false,
    add column approved_by text,
    add column approved_at timestamptz,
    add column confirmed_at timestamptz;
create unique index one_collecting_draft on purchase_orders (supplier_id, warehouse_id)
    where status = 'draft' and collects_suggestions;
create index purchase_orders_by_supplier on purchase_orders (supplier_id, id);
create index purchase_order_lines_by_suggestion on purchase_order_lines (suggestion_id) where suggestion_id is not null;

-- What the supplier promised for a line. The open balance keeps its own date when a part arrives.
alter table purchase_order_lines
    add column confirmed_quantity bigint constraint confirmed_not_negative check (confirmed_quantity >= 0),
    add column expected_at date;

-- How much more than ordered we accept, as a share of the ordered quantity.
alter table suppliers
    add column over_receipt_share numeric(6, 4) not null default 0
        constraint over_receipt_share_is_a_share check (over_receipt_share between 0 and 1);

-- What arrived, one row per delivery; lead times are learned from these.
create table purchase_receipts (
    id uuid primary key default uuidv7(),
    purchase_order_id uuid not null references purchase_orders,
    -- the delivery note; the same note again is the same delivery
    reference text,
    lines jsonb not null,
    actor text not null,
    received_at timestamptz not null
);
create unique index one_receipt_per_delivery_note on purchase_receipts (purchase_order_id, reference) where reference is not null;
create index purchase_receipts_by_order on purchase_receipts (purchase_order_id, id);

grant select, insert on purchase_receipts to holdfast_app;
