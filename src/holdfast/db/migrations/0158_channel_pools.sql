-- Units of a level that only one channel may take (docs/decisions/0161): so many were given to it, and so many of these are
-- held or sold. What is left of it nobody else takes. An ended pool stays, because lines point at it.
create table channel_pools (
    id uuid primary key default uuidv7(),
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    channel_id uuid not null references sales_channels,
    quantity bigint not null,
    -- the sum of its reservation lines that are held or consumed, and of its sales
    taken_quantity bigint not null default 0 constraint pool_never_negative check (taken_quantity >= 0),
    remaining_quantity bigint generated always as (quantity - taken_quantity) virtual,
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    ended_at timestamptz,
    version bigint not null default 1,
    constraint pool_never_overdrawn check (taken_quantity <= quantity)
);
create unique index one_pool_per_channel on channel_pools (sku_id, warehouse_id, channel_id) where ended_at is null;
create index channel_pools_by_channel on channel_pools (channel_id, sku_id, warehouse_id) where ended_at is null;
-- One look says that nothing has to be given back.
create index channel_pools_in_use on channel_pools (id) where taken_quantity > 0;

-- Units of a pool that were sold without a hold.
create table pool_sales (
    pool_id uuid not null references channel_pools,
    -- of the ledger; one sale may have several entries
    request_no integer not null,
    posted_in bigint not null,
    quantity bigint not null constraint pool_sale_positive check (quantity > 0),
    sold_at timestamptz not null,
    actor text not null
);
create index pool_sales_by_pool on pool_sales (pool_id);

alter table inventory
    -- what is left of all its pools: read under the lock that is taken anyway
    add column pooled_quantity bigint not null default 0 constraint pooled_never_negative check (pooled_quantity >= 0);
-- No foreign keys: their triggers would be queued for every hold. `holdfast doctor` looks instead.
alter table reservations add column channel_id uuid;
alter table inventory_reservations add column pool_id uuid;
create index inventory_reservations_of_pool on inventory_reservations (pool_id) where pool_id is not null;

alter type stock_request add attribute channel_id uuid;
grant select on channel_pools, pool_sales to holdfast_app;
-- They take an argument more from here on; functions/ makes them anew.
drop function if exists stock_freshened(json, stock_left[], uuid[], boolean, timestamptz);
drop function if exists stock_left_now(json, stock_left[], timestamptz);
drop function if exists stock_promise_date(uuid, uuid, bigint);
drop function if exists stock_promisable(uuid, uuid, date);
drop function if exists stock_sellable(uuid[], uuid[], integer);
drop function if exists stock_level_sums(uuid[]);
