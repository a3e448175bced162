-- Whether a warehouse was last told to hold more than it has room for.
create table warehouse_fills (
    warehouse_id uuid primary key references warehouses,
    is_over boolean not null,
    changed_at timestamptz not null
);
grant select, insert, update on warehouse_fills to holdfast_app;
