-- Where we sell: what a channel is shown is less than what is there (its buffer), and only what lasts long enough for it.
create table sales_channels (
    id uuid primary key default uuidv7(),
    code text not null constraint channel_code_once unique constraint channel_code_given check (code <> ''),
    name text not null,
    buffer bigint not null default 0 constraint channel_buffer_not_negative check (buffer >= 0),
    min_remaining_days integer constraint channel_days_not_negative check (min_remaining_days >= 0),
    -- null: every active warehouse
    warehouse_ids uuid[],
    -- a level channel that is told the published quantity too
    webhook_id uuid references webhooks on delete set null,
    is_active boolean not null default true,
    -- its states were not looked at since its rules changed
    is_changed boolean not null default true,
    created_at timestamptz not null,
    created_by text not null,
    version bigint not null default 1
);
create unique index sales_channels_by_webhook on sales_channels (webhook_id) where webhook_id is not null;

-- Another buffer for one SKU, or for a category; the SKU's goes before the category's, and that before the channel's.
create table channel_buffers (
    channel_id uuid not null references sales_channels on delete cascade,
    sku_id uuid references skus,
    category text,
    buffer bigint not null constraint subject_buffer_not_negative check (buffer >= 0),
    constraint one_subject_per_buffer check (num_nonnulls(sku_id, category) = 1),
    constraint one_buffer_per_subject unique nulls not distinct (channel_id, sku_id, category)
);

-- What was last told: can a SKU be had at all (no channel), or on a channel. No row: never yet.
create table stock_states (
    sku_id uuid not null,
    channel_id uuid references sales_channels on delete cascade,
    is_in_stock boolean not null,
    changed_at timestamptz not null,
    constraint one_state_per_channel unique nulls not distinct (sku_id, channel_id)
);
create index stock_states_by_channel on stock_states (channel_id, sku_id);

-- What is in stock already is not told as if it came today.
insert into stock_states (sku_id, channel_id, is_in_stock, changed_at)
select i.sku_id, null, true, business_now()
  from inventory i
  join warehouses w on w.id = i.warehouse_id and w.is_active
  join skus s on s.id = i.sku_id and s.archived_at is null
 where i.available_quantity > 0
 group by i.sku_id;

grant select, insert, update, delete on sales_channels, channel_buffers, stock_states to holdfast_app;
