-- What was promised beyond what is there (docs/decisions/0072): a reservation line with status backordered. It was never
-- held (reserved_at is null) and is not part of reserved_quantity; arriving units turn it into an active line.
alter table inventory
    add column backordered_quantity bigint not null default 0 constraint backordered_never_negative check (backordered_quantity >= 0);

alter table reservations add column has_backorders boolean not null default false;
alter table inventory_reservations
    alter column reserved_at drop not null,
    add column promised_at timestamptz,
    add column promise_date date,
    drop constraint known_line_status,
    add constraint known_line_status check (status in ('active', 'backordered', 'consumed', 'expired', 'cancelled')),
    drop constraint line_resolved_when_not_active,
    add constraint line_resolved_when_not_active check ((status in ('active', 'backordered')) = (resolved_at is null)),
    add constraint only_a_promise_is_not_held check (reserved_at is not null or (promised_at is not null and status not in ('active', 'consumed'))),
    add constraint a_backorder_is_not_held check (status <> 'backordered' or reserved_at is null);
-- The queue of a level: oldest promise first.
create index inventory_reservations_backordered on inventory_reservations (sku_id, warehouse_id, promised_at, reservation_id, line_no)
    where status = 'backordered';

-- Whether more may be promised than is there: of a SKU in one warehouse, or (warehouse null) wherever nothing else is said.
create table backorder_policies (
    id uuid primary key default uuidv7(),
    sku_id uuid not null references skus,
    warehouse_id uuid references warehouses,
    -- dated: only against inbound lines with a date; always: also without a date, as for a pre-order
    mode text not null constraint known_backorder_mode check (mode in ('never', 'dated', 'always')),
    quantity_max bigint constraint backorder_limit_positive check (quantity_max > 0),
    updated_by text not null,
    updated_at timestamptz not null default business_now(),
    constraint one_backorder_policy unique nulls not distinct (sku_id, warehouse_id)
);
grant select on backorder_policies to holdfast_app;

alter type stock_take add attribute was_backordered boolean;
create type stock_promise as (request_no integer, line_no integer, sku_id uuid, warehouse_id uuid, quantity bigint, promise_date date);
-- It takes two arguments more from here on; functions/ makes it anew.
drop function if exists stock_hold(json, stock_ask[], timestamptz);
drop function if exists stock_hold(stock_request[], stock_ask[], timestamptz);
