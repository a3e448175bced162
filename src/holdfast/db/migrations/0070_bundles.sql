-- A bundle is sold as one and stocked as parts (docs/decisions/0071). It has no stock of its own and no bundle is part of
-- another. Written only by catalog_set_bundle.
alter table skus add column is_bundle boolean not null default false;
create table bundle_components (
    bundle_id uuid not null references skus,
    component_id uuid not null references skus constraint no_part_of_itself check (component_id <> bundle_id),
    quantity bigint not null constraint component_quantity_positive check (quantity between 1 and 1000000),
    primary key (bundle_id, component_id)
);
create index bundle_components_by_component on bundle_components (component_id);

-- The bundles of a reservation with what one of them was made of when it was held: a later definition changes nothing here.
create table reserved_bundles (
    reservation_id uuid not null,
    bundle_id uuid not null,
    component_id uuid not null,
    quantity bigint not null constraint bundles_positive check (quantity > 0),
    per_bundle bigint not null constraint per_bundle_positive check (per_bundle > 0),
    primary key (reservation_id, bundle_id, component_id)
);
alter table reservations add column has_bundles boolean not null default false;

create type stock_bundle as (request_no integer, line_no integer, bundle_id uuid, warehouse_id uuid, quantity bigint,
    component_id uuid, per_bundle bigint);

grant select on bundle_components, reserved_bundles to holdfast_app;
