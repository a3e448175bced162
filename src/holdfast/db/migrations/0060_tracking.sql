-- How many days before its expiry date a unit may last be promised or picked; 0: through the expiry date itself.
alter table skus add column min_remaining_days integer not null default 0
    constraint min_remaining_days_not_negative check (min_remaining_days >= 0);

-- The lot master: one row per SKU and number, so that a lot in two warehouses has one pair of dates (D-43).
create table batches (
    id uuid primary key default uuidv7(),
    sku_id uuid not null references skus,
    number text not null constraint batch_number_given check (number <> ''),
    production_date date,
    expiry_date date,
    supplier_id uuid references suppliers,
    state text not null default 'usable' constraint known_batch_state check (state in ('usable', 'quarantined', 'recalled')),
    state_reason text not null default '',
    created_by text not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    version bigint not null default 1,
    constraint batch_number_once unique (sku_id, number),
    constraint produced_before_expiry check (production_date <= expiry_date)
);
create index batches_by_expiry on batches (expiry_date, id) where expiry_date is not null;
create index batches_by_supplier on batches (supplier_id, id) where supplier_id is not null;

-- What of a batch is in a warehouse. usable_until is the one rule of usability, worked out when a row is written and
-- again when the batch, the SKU's min_remaining_days or the warehouse's time zone change (stock_usable_until).
create table inventory_batches (
    sku_id uuid not null,
    warehouse_id uuid not null,
    batch_id uuid not null references batches,
    sellable_quantity bigint not null default 0 constraint batch_never_oversold check (sellable_quantity >= 0),
    unsellable_quantity bigint not null default 0 constraint batch_unsellable_never_negative check (unsellable_quantity >= 0),
    -- of the sellable ones, those that are past use but promised: they cannot leave available, which is empty
    stranded_quantity bigint not null default 0 constraint stranded_never_negative check (stranded_quantity >= 0),
    unit_cost numeric(18, 6),
    usable_until timestamptz not null,
    primary key (sku_id, warehouse_id, batch_id)
) with (fillfactor = 80);
create index inventory_batches_to_withdraw on inventory_batches (usable_until) where sellable_quantity > 0;
create index inventory_batches_by_batch on inventory_batches (batch_id);
create index inventory_batches_by_warehouse on inventory_batches (warehouse_id, batch_id);

-- Why units are not sellable: for each level these add up to unavailable_quantity. batch_id is null for a SKU without batches.
create table inventory_states (
    sku_id uuid not null,
    warehouse_id uuid not null,
    batch_id uuid references batches,
    state text not null constraint known_unsellable_state check (state in
        ('damaged', 'quality_hold', 'quarantined', 'expired', 'recalled')),
    quantity bigint not null default 0 constraint state_never_negative check (quantity >= 0),
    constraint one_row_per_state unique nulls not distinct (sku_id, warehouse_id, batch_id, state)
) with (fillfactor = 80);

-- One unit's identity, for ever. In stock while it has a warehouse.
create table serials (
    sku_id uuid not null references skus,
    serial_number text not null constraint serial_number_given check (serial_number <> ''),
    state text not null constraint known_serial_state check (state in
        ('sellable', 'damaged', 'quality_hold', 'quarantined', 'expired', 'recalled', 'in_transit', 'shipped', 'scrapped', 'lost')),
    warehouse_id uuid references warehouses,
    batch_id uuid references batches,
    -- the hold that names this very unit
    reservation_id uuid,
    received_at timestamptz not null,
    changed_at timestamptz not null,
    primary key (sku_id, serial_number),
    constraint in_stock_somewhere check ((warehouse_id is null) = (state in ('in_transit', 'shipped', 'scrapped', 'lost'))),
    constraint only_sellable_units_are_held check (reservation_id is null or state = 'sellable')
) with (fillfactor = 80);
create index serials_in_stock on serials (sku_id, warehouse_id, received_at, serial_number) where warehouse_id is not null;
create index serials_held on serials (reservation_id) where reservation_id is not null;
create index serials_by_number on serials (serial_number);
create index serials_by_batch on serials (batch_id) where batch_id is not null;

-- Which ledger entries a unit was part of. The entry is found by (sku_id, warehouse_id, created_at) and its id.
create table serial_movements (
    sku_id uuid not null,
    serial_number text not null,
    created_at timestamptz not null,
    movement_id uuid not null,
    warehouse_id uuid not null,
    primary key (sku_id, serial_number, created_at, movement_id)
);
create index serial_movements_by_movement on serial_movements (movement_id);

alter table inventory_movements
    add column batch_id uuid,
    -- why the units are unsellable; null in the sellable bucket, and in entries older than the states (they are damaged)
    add column state text constraint known_movement_state check (state in
        ('damaged', 'quality_hold', 'quarantined', 'expired', 'recalled'));
create index inventory_movements_by_batch on inventory_movements (batch_id, created_at) where batch_id is not null;

-- A line that needs a longer life than the SKU asks for keeps the date its batch must reach.
alter table inventory_reservations add column min_expiry_date date;
create index inventory_reservations_with_need on inventory_reservations (sku_id, warehouse_id)
    where status = 'active' and min_expiry_date is not null;
-- Which batches and units left when a hold on a tracked SKU was consumed, as it was answered.
alter table reservations add column picked jsonb;

-- What a posting function knows of a line, and the pieces it becomes: one per batch and state, with its ledger entry.
create type stock_line as (line_no integer, sku_id uuid, warehouse_id uuid, tracking text, bucket text, state text,
    quantity bigint, set_to bigint, expected_quantity bigint, there bigint, unit_cost numeric, inbound_delta bigint,
    batch_id uuid, batch_number text, batch json, serials text[], reservation_id uuid, min_expiry_date date);
create type stock_piece as (line_no integer, sku_id uuid, warehouse_id uuid, bucket text, state text, quantity bigint,
    unit_cost numeric, inbound_delta bigint, batch_id uuid, batch_number text, serials text[], movement_id uuid);

-- Stock of before: what is unsellable is damaged, as far as anybody said; batch-tracked SKUs get one batch that says
-- nothing; units of serial-tracked SKUs have no numbers, so these SKUs are not tracked until somebody counts them anew.
insert into batches (sku_id, number, created_by, created_at, changed_at)
select distinct i.sku_id, 'before tracking', 'migration', business_now(), business_now()
  from inventory i join skus s on s.id = i.sku_id
 where s.tracking = 'batch' and i.available_quantity + i.reserved_quantity + i.unavailable_quantity > 0;
insert into inventory_batches (sku_id, warehouse_id, batch_id, sellable_quantity, unsellable_quantity, unit_cost, usable_until)
select i.sku_id, i.warehouse_id, b.id, i.available_quantity + i.reserved_quantity, i.unavailable_quantity, i.cost_price, 'infinity'
  from inventory i join batches b on b.sku_id = i.sku_id
 where i.available_quantity + i.reserved_quantity + i.unavailable_quantity > 0;
insert into inventory_states (sku_id, warehouse_id, batch_id, state, quantity)
select i.sku_id, i.warehouse_id, b.id, 'damaged', i.unavailable_quantity
  from inventory i left join batches b on b.sku_id = i.sku_id
 where i.unavailable_quantity > 0;
update skus s set tracking = 'none', version = s.version + 1
 where s.tracking = 'serial'
   and exists (select from inventory i
                where i.sku_id = s.id and i.available_quantity + i.reserved_quantity + i.unavailable_quantity > 0);

grant select on batches, inventory_batches, inventory_states, serials, serial_movements to holdfast_app;
