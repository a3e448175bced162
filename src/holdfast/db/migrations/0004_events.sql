-- One row per change, written in the transaction of the change. Fanned out to deliveries by the publisher.
create table outbox_events (
    id bigint generated always as identity primary key,
    event_id uuid not null default uuidv7(),
    event_type text not null,
    sku_ids uuid[] not null default '{}',
    data json not null,
    occurred_at timestamptz not null default clock_timestamp(),
    published_at timestamptz
);
create index outbox_events_unpublished on outbox_events (id) where published_at is null;
create index outbox_events_by_type on outbox_events (event_type, id);

create table webhooks (
    id uuid primary key default uuidv7(),
    name text not null,
    url text not null,
    event_types text[] not null,
    secret_sealed bytea not null,
    is_active boolean not null default true,
    -- 'events' posts each event; 'levels' posts the newest absolute level of each changed SKU, coalesced.
    mode text not null default 'events' constraint known_webhook_mode check (mode in ('events', 'levels')),
    created_at timestamptz not null default now(),
    created_by text not null
);

create table webhook_deliveries (
    id bigint generated always as identity primary key,
    webhook_id uuid not null references webhooks on delete cascade,
    message_id text not null,
    event_type text not null,
    payload json not null,
    status text not null default 'pending'
        constraint known_delivery_status check (status in ('pending', 'delivered', 'dead')),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    last_status integer,
    last_error text,
    created_at timestamptz not null default now(),
    delivered_at timestamptz
);
create index webhook_deliveries_pending on webhook_deliveries (webhook_id, id) where status = 'pending';
create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, id);

-- Absolute levels waiting to be told to a level-pushing webhook: one row per SKU and warehouse, however often it changed.
create table level_pushes (
    webhook_id uuid not null references webhooks on delete cascade,
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    version bigint not null,
    changed_at timestamptz not null default now(),
    primary key (webhook_id, sku_id, warehouse_id)
);

-- Messages to people: e-mail and the console inbox. The row is the delivery log.
create table notifications (
    id uuid primary key default uuidv7(),
    channel text not null constraint known_channel check (channel in ('email', 'inbox')),
    kind text not null,
    recipient text not null,
    language text not null default 'en',
    subject text not null,
    body text not null,
    attachments jsonb not null default '[]',
    dedupe_key text,
    status text not null default 'queued'
        constraint known_notification_status check (status in ('queued', 'sent', 'failed')),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    last_error text,
    read_at timestamptz,
    created_at timestamptz not null default now(),
    sent_at timestamptz
);
create unique index notifications_once on notifications (dedupe_key, channel, recipient) where dedupe_key is not null;
create index notifications_queued on notifications (next_attempt_at) where status = 'queued';
create index notifications_inbox on notifications (recipient, created_at) where channel = 'inbox';

grant select, insert, update, delete on outbox_events, webhooks, webhook_deliveries, level_pushes, notifications to holdfast_app;
