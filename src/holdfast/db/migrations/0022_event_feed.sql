-- The order in which events became visible to the world. Ids are given before commit, so a reader of ids could miss
-- one that commits late; positions are given by the one publisher, after commit.
alter table outbox_events add column position bigint;
create unique index outbox_events_by_position on outbox_events (position) where position is not null;

create table outbox_cursor (
    only_row boolean primary key default true constraint one_outbox_cursor check (only_row),
    last_position bigint not null default 0
);
insert into outbox_cursor default values;

alter table webhooks
    add column updated_at timestamptz not null default now(),
    -- why we stopped calling it, such as an answer of 410 Gone
    add column disabled_reason text;
create index webhook_deliveries_dead on webhook_deliveries (webhook_id, id) where status = 'dead';
create index webhook_deliveries_settled on webhook_deliveries (created_at) where status <> 'pending';

-- A level that is on its way in a delivery keeps its row until the receiver took it: a dead letter loses no level.
alter table level_pushes
    add column delivery_id bigint references webhook_deliveries on delete set null,
    add column sent_version bigint;
create index level_pushes_by_delivery on level_pushes (delivery_id) where delivery_id is not null;
create index level_pushes_waiting on level_pushes (webhook_id, changed_at) where delivery_id is null;

-- The version each receiver has, so that only changed levels are told.
create table level_pushed (
    webhook_id uuid not null references webhooks on delete cascade,
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    version bigint not null,
    primary key (webhook_id, sku_id, warehouse_id)
);

grant select, update on outbox_cursor to holdfast_app;
grant select, insert, update, delete on level_pushed to holdfast_app;
