-- Lines refused for want of stock, written by who refused them and taken over by demand once a minute (docs/decisions/0144).
-- Only a refusal writes here: a hold that is granted pays nothing.
create table refused_lines (
    id bigint generated always as identity primary key,
    refused_at timestamptz not null,
    sku_id uuid not null,
    -- null: from anywhere
    warehouse_id uuid,
    requested bigint not null,
    available bigint not null,
    reference_type text,
    reference_id text,
    actor text not null
);
grant select, delete on refused_lines to holdfast_app;

-- One shopper's attempt: a cart or an order, else whoever asks within one minute.
alter table demand_refusals add column attempt text;
update demand_refusals set attempt = principal_id || ' ' || request_hash;
alter table demand_refusals
    drop constraint demand_refusals_pkey,
    alter column attempt set not null,
    drop column principal_id,
    drop column request_hash,
    add primary key (sku_id, warehouse_id, day, attempt);
alter table demand_cursor drop column refusals_until;
drop function if exists demand_take_refusals(timestamptz);
