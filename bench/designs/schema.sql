-- Tables of the designs we compare ourselves with: the same rows per hold as ours writes (a header, a line, an
-- event, an idempotency key), the same guard on the level, and no index that a competent author would not have.
create table api_key (
    key_hash bytea primary key,
    name text not null,
    scopes text[] not null,
    revoked_at timestamptz
);

-- Levels are updated in place all day: free room in each page keeps those updates off the index (HOT).
create table inventory (
    warehouse_id uuid not null,
    sku_id uuid not null,
    available_quantity bigint not null,
    reserved_quantity bigint not null default 0,
    version bigint not null default 0,
    last_updated timestamptz not null default now(),
    primary key (warehouse_id, sku_id),
    constraint never_oversold check (available_quantity >= 0),
    constraint never_released_twice check (reserved_quantity >= 0)
) with (fillfactor = 50);

create table reservation (
    reservation_id uuid primary key,
    status text not null,
    reference_type text not null,
    reference_id text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz
);

create index reservation_expiry on reservation (expires_at) where status = 'active';

create table reservation_line (
    reservation_id uuid not null references reservation,
    warehouse_id uuid not null,
    sku_id uuid not null,
    quantity bigint not null check (quantity > 0),
    primary key (reservation_id, warehouse_id, sku_id)
);

create table outbox (
    event_id bigint generated always as identity primary key,
    kind text not null,
    payload text not null,
    created_at timestamptz not null default now()
);

create table idempotency_key (
    owner text not null,
    key text not null,
    body_hash bytea not null,
    status smallint not null,
    answer text not null,
    created_at timestamptz not null default now(),
    primary key (owner, key)
);
