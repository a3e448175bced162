create table skus (
    id uuid primary key default uuidv7(),
    code text not null,
    name text not null,
    barcode text,
    category text,
    unit text not null default 'piece',
    price numeric(18, 6) constraint price_not_negative check (price >= 0),
    currency text constraint currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    tracking text not null default 'none' constraint known_tracking check (tracking in ('none', 'batch', 'serial')),
    attributes jsonb not null default '{}',
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version bigint not null default 1,
    constraint price_has_currency check (price is null or currency is not null)
);
create unique index skus_code_once on skus (code);
create unique index skus_barcode_once on skus (barcode) where barcode is not null;
create index skus_by_category on skus (category) where archived_at is null;
create index skus_by_attributes on skus using gin (attributes jsonb_path_ops);

create table warehouses (
    id uuid primary key default uuidv7(),
    code text not null constraint warehouse_code_once unique,
    name text not null,
    type text not null constraint known_warehouse_type check (type in ('main', 'regional', 'local')),
    parent_id uuid references warehouses constraint not_its_own_parent check (parent_id <> id),
    address jsonb not null default '{}',
    latitude double precision constraint latitude_on_earth check (latitude between -90 and 90),
    longitude double precision constraint longitude_on_earth check (longitude between -180 and 180),
    time_zone text not null default 'UTC',
    capacity bigint constraint capacity_not_negative check (capacity >= 0),
    priority integer not null default 100,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version bigint not null default 1,
    constraint coordinates_in_pairs check ((latitude is null) = (longitude is null))
);
create index warehouses_by_parent on warehouses (parent_id);

-- Nothing that stock ever pointed to is deleted: archive or deactivate instead.
grant select, insert, update on skus, warehouses to holdfast_app;
