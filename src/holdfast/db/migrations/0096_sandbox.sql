-- SKUs and warehouses of the self-test: no list, alert, plan, webhook or channel takes notice (docs/decisions/0096).
create table sandbox_skus (
    sku_id uuid primary key references skus
);
create table sandbox_warehouses (
    warehouse_id uuid primary key references warehouses
);
grant select, insert on sandbox_skus, sandbox_warehouses to holdfast_app;
