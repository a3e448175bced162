-- Who wants units of a SKU when some come free (docs/decisions/0073). An offer is an ordinary hold with a deadline; what
-- became of it is read from its reservation, so nothing that ends a hold has to know about the list.
create table waiting_entries (
    id uuid primary key default uuidv7(),
    -- the place in the queue
    place bigint generated always as identity,
    sku_id uuid not null references skus,
    -- null: any active warehouse
    warehouse_id uuid references warehouses,
    quantity bigint not null constraint waiting_quantity_positive check (quantity > 0),
    reference_id text not null,
    offer_minutes integer not null constraint offer_minutes_positive check (offer_minutes > 0),
    status text not null default 'waiting' constraint known_waiting_status check (status in ('waiting', 'offered', 'cancelled')),
    reservation_id uuid,
    actor text not null,
    created_at timestamptz not null,
    offered_at timestamptz,
    constraint an_offer_has_its_hold check ((status = 'offered') = (reservation_id is not null))
);
create index waiting_entries_queue on waiting_entries (sku_id, place) where status = 'waiting';
create index waiting_entries_by_reservation on waiting_entries (reservation_id) where reservation_id is not null;
create index waiting_entries_by_reference on waiting_entries (reference_id);
grant select on waiting_entries to holdfast_app;
