create sequence stock_count_numbers;
create table stock_counts (
    id uuid primary key default uuidv7(),
    number text not null constraint stock_count_number_once unique
        default 'SC-' || lpad(nextval('stock_count_numbers')::text, 5, '0'),
    warehouse_id uuid not null references warehouses,
    category text,
    note text not null default '',
    status text not null default 'open' constraint known_count_status check (status in ('open', 'closed', 'cancelled')),
    created_by text not null,
    created_at timestamptz not null,
    resolved_at timestamptz,
    version bigint not null default 1
);
create index stock_counts_by_status on stock_counts (status, id);
create index stock_counts_by_warehouse on stock_counts (warehouse_id, id);

-- What is to be counted, with the newest counting of it.
create table stock_count_lines (
    stock_count_id uuid not null references stock_counts,
    sku_id uuid not null references skus,
    bucket text not null default 'sellable' constraint known_counted_bucket check (bucket in ('sellable', 'unsellable')),
    -- false: found on a shelf although it was not on the list
    is_listed boolean not null,
    status text not null default 'pending'
        constraint known_count_line_status check (status in ('pending', 'counted', 'refused', 'approved')),
    count_no integer not null default 0,
    counted_quantity bigint constraint counted_not_negative check (counted_quantity >= 0),
    counted_at timestamptz,
    counted_by text,
    -- The books at the moment it was counted: the bucket's balance, and the ledger entry that left it there.
    recorded_quantity bigint,
    ledger_at timestamptz not null default '-infinity',
    ledger_seq bigint not null default 0,
    -- what was booked after that entry but had happened by the time of counting
    late_quantity bigint not null default 0,
    variance bigint generated always as (counted_quantity - recorded_quantity - late_quantity) virtual,
    -- adjustments this count has posted, over all recounts
    posted_quantity bigint not null default 0,
    refusal jsonb,
    approved_at timestamptz,
    approved_by text,
    primary key (stock_count_id, sku_id, bucket),
    constraint counted_when_not_pending check ((status = 'pending') = (counted_at is null))
);
create index stock_count_lines_waiting on stock_count_lines (stock_count_id, sku_id) where status in ('counted', 'refused');

-- Every counting that was ever entered, recounts included.
create table stock_count_entries (
    id uuid primary key default uuidv7(),
    stock_count_id uuid not null references stock_counts,
    sku_id uuid not null references skus,
    bucket text not null,
    count_no integer not null,
    counted_quantity bigint not null,
    recorded_quantity bigint not null,
    shelf text,
    counted_at timestamptz not null,
    counted_by text not null,
    created_at timestamptz not null,
    constraint one_entry_per_counting unique (stock_count_id, sku_id, bucket, count_no)
);

grant select, insert, update on stock_counts, stock_count_lines to holdfast_app;
grant select, insert on stock_count_entries to holdfast_app;
grant usage on stock_count_numbers to holdfast_app;
