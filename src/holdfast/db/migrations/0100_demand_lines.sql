-- Demand by the line it came from: an order on the day it was placed, a sale on the day it happened, what came back on the
-- day of what it belongs to. Kept by demand_refresh() beside the posting functions, which know nothing of it
-- (docs/decisions/0110). A day is the sum of its lines, so a day's update costs what the day costs.
create table demand_lines (
    sku_id uuid not null,
    warehouse_id uuid not null,
    day date not null,
    kind text not null constraint known_demand_kind check (kind in ('order', 'sale', 'undo', 'return')),
    -- order: its reservation; sale and undo: the ledger entry; return: the return, or its entry where no return is known
    source_id uuid not null,
    -- units wanted; what came back or was undone is negative
    quantity bigint not null,
    reference_type text not null,
    -- of a return: the order it belongs to
    reference_id text,
    -- what an undo took back: the source_id of a line
    corrects uuid,
    at timestamptz not null,
    -- units of one line above which it is a one-off, when it was judged; null: too small, or too little was known
    one_off_above bigint,
    is_one_off boolean not null default false,
    primary key (sku_id, warehouse_id, day, kind, source_id)
);
create index demand_lines_by_reference on demand_lines (reference_id, sku_id) where reference_id is not null;
-- Only large lines can be one-offs (BULK_UNITS_MIN in demand/history.py).
create index demand_lines_large on demand_lines (sku_id, warehouse_id, day) where quantity >= 30;
create type demand_touch as (sku_id uuid, warehouse_id uuid, day date, reference_type text, reference_id text);
drop function if exists demand_sum_days(uuid[], uuid[], timestamptz[]);

-- A planner's word on a large line wins over the rule.
create table demand_verdicts (
    source_id uuid not null,
    sku_id uuid not null references skus,
    warehouse_id uuid not null references warehouses,
    is_one_off boolean not null,
    reason text not null default '',
    said_by text not null,
    said_at timestamptz not null default business_now(),
    primary key (source_id, sku_id, warehouse_id)
);

-- What is known of a day is kept in parts; their sum is the demand.
alter table demand_daily rename quantity to imported_quantity;
alter table demand_daily rename orders to imported_orders;
alter table demand_daily
    alter column imported_quantity set default 0,
    add column sold_quantity bigint not null default 0,
    add column sold_lines integer not null default 0,
    add column returned_quantity bigint not null default 0,
    -- of what was sold: units of one-off lines, which no shelf stock is kept for
    add column bulk_quantity bigint not null default 0,
    -- beside the sales and never part of them: how much of the day the shelf was empty, what would have sold in that time at
    -- the rate before (null: no rate is known), what was asked for and refused
    add column empty_share double precision not null default 0,
    add column lost_quantity double precision,
    add column refused_quantity bigint not null default 0,
    add column quantity bigint generated always as (imported_quantity + sold_quantity - returned_quantity) virtual,
    add column orders integer generated always as (imported_orders + sold_lines) virtual,
    add constraint empty_share_is_a_share check (empty_share between 0 and 1);
-- From the first entry of its ledger on a level is summed again, by lines.
update demand_daily d set imported_quantity = 0, imported_orders = 0
  from warehouses w
 where w.id = d.warehouse_id
   and exists (select from inventory_movements m
                where m.sku_id = d.sku_id and m.warehouse_id = d.warehouse_id
                  and (m.created_at at time zone w.time_zone)::date <= d.day);

alter table demand_cursor
    -- the feed of events tells which reservations changed
    add column last_event_id bigint not null default 0,
    add column marked_event_id bigint,
    -- refusals are remembered for a day only, and read on from here
    add column refusals_until timestamptz not null default '-infinity',
    -- nothing was read yet: every reservation is, whether or not its events are still kept
    add column is_new boolean not null default true;
update demand_cursor set last_seq = 0, marked_seq = null, marked_before = null;

-- Empty shelves by the moment and not only by the day: their share of a day is known.
drop table empty_shelf_spans;
create table empty_shelf_spans (
    sku_id uuid not null,
    warehouse_id uuid not null,
    -- empty: nothing sellable was there, by the ledger. promised: all of it was promised, as seen once a minute.
    cause text not null default 'empty' constraint known_empty_cause check (cause in ('empty', 'promised')),
    empty_from timestamptz not null,
    -- null = still empty
    empty_until timestamptz,
    -- days that began empty: the first one, and the last (null = until today). None if the first lies behind the last.
    first_day date not null,
    last_day date,
    primary key (sku_id, warehouse_id, cause, empty_from)
);
create index empty_shelf_spans_by_end on empty_shelf_spans (warehouse_id, empty_until);

-- The last local day that was finished: what was lost on it is estimated once it is over.
create table demand_finished_days (
    warehouse_id uuid primary key references warehouses,
    day date not null
);

-- Requests that were refused for want of stock, once per customer's request however often it was repeated: the same
-- principal asking for exactly the same again on one day is one refusal (docs/decisions/0111).
create table demand_refusals (
    sku_id uuid not null,
    warehouse_id uuid not null,
    day date not null,
    principal_id uuid not null,
    request_hash text not null,
    requested bigint not null,
    available bigint not null,
    at timestamptz not null,
    primary key (sku_id, warehouse_id, day, principal_id, request_hash)
);

grant select, insert, update, delete on demand_lines, demand_verdicts, empty_shelf_spans, demand_finished_days, demand_refusals to holdfast_app;
