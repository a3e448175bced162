-- Fewer units are there than are promised: somebody has to choose which promise to break, or to wait for goods.
create sequence shortage_numbers;
create table shortage_cases (
    id uuid primary key default uuidv7(),
    number text not null constraint shortage_number_once unique default 'SH-' || lpad(nextval('shortage_numbers')::text, 5, '0'),
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    status text not null default 'open' constraint known_shortage_status check (status in ('open', 'waiting', 'resolved', 'dismissed')),
    cause text not null constraint known_shortage_cause check (cause in ('count', 'adjustment', 'erp', 'expiry', 'recall')),
    -- the document that found it, such as the stock count
    reference_id text,
    -- what is to be booked on the sellable units as soon as it fits
    change bigint not null constraint shortage_takes_away check (change < 0),
    -- units that were promised and not there when it was looked at last
    missing_quantity bigint not null constraint missing_not_negative check (missing_quantity >= 0),
    reason text not null constraint shortage_has_a_reason check (reason <> ''),
    note text not null default '',
    wait_until date,
    opened_by text not null,
    opened_at timestamptz not null,
    resolved_by text,
    resolved_at timestamptz,
    -- [{reservation_id, reference_type, reference_id, quantity}] of the promises that were broken
    broken jsonb not null default '[]',
    version bigint not null default 1,
    constraint shortage_over_has_its_time check ((status in ('resolved', 'dismissed')) = (resolved_at is not null))
);
create unique index one_open_shortage on shortage_cases (sku_id, warehouse_id) where status in ('open', 'waiting');
create index shortage_cases_by_status on shortage_cases (status, id);

grant select, insert, update on shortage_cases to holdfast_app;
grant usage on shortage_numbers to holdfast_app;
