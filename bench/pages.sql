-- The shop of bench/pages.py: a level of every SKU in every warehouse, each with an entry in the ledger and an event; as many
-- holds and open alerts as SKUs; 25 sent orders per supplier and warehouse.
select setseed(0.5);

insert into skus (code, name, category, barcode)
select 'K' || lpad(n::text, 7, '0'), 'Item ' || n || ' of the shop', 'C' || n %% 50, '40' || n
  from generate_series(1, %(skus)s) n;

insert into warehouses (code, name, type, capacity)
select 'W' || n, 'W' || n, 'main', 1000000000 from generate_series(1, %(warehouses)s) n;

insert into inventory (sku_id, warehouse_id, available_quantity, reorder_point, cost_price)
select s.id, w.id, case when random() < 0.001 then 0 else (random() * 100)::int end, 10, 3 from skus s, warehouses w;

create temp table level as select sku_id, warehouse_id, row_number() over () as n from inventory;

create index on level (n);

select stock_ensure_months(current_date - 95, current_date);

insert into inventory_movements (sku_id, warehouse_id, movement_type, quantity, balance_after, unsellable_after,
    reference_type, reference_id, reason, actor, occurred_at, created_at)
select sku_id, warehouse_id, 'in', 5, 5, 0, 'purchase', 'R' || n, 'bench', 'bench', t.at, t.at
  from level
 cross join lateral (select now() - (1 + n %% 90) * interval '1 day' - n * interval '1 ms' as at) t;

with header as (
    insert into reservations (id, reference_type, reference_id, created_at, expires_at, actor)
    select uuidv7(), 'cart', 'cart-' || n, now(), now() + interval '1 day' + n * interval '1 s', 'bench'
      from generate_series(1, %(skus)s) n
    returning id, expires_at
)
insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, status, reserved_at, expires_at)
select h.id, 1, l.sku_id, l.warehouse_id, 1, 'active', now(), h.expires_at
  from (select *, row_number() over () as n from header) h
  join level l using (n);

update inventory i set reserved_quantity = 1
  from level l where l.n <= %(skus)s and (i.sku_id, i.warehouse_id) = (l.sku_id, l.warehouse_id);

insert into outbox_events (event_type, sku_ids, data, occurred_at, position, published_at)
select 'inventory.reserved', array[sku_id], '{}', now(), n, now() from level;

insert into alert_rules (name, threshold, created_by) values ('low', 10, 'bench');

insert into alerts (rule_id, sku_id, warehouse_id, severity, metric, value, threshold, opened_at)
select r.id, l.sku_id, l.warehouse_id, 'warning', 'available_quantity', 3, 10, now() - n * interval '1 s'
  from level l, alert_rules r where r.name = 'low' and n <= %(skus)s;

insert into suppliers (code, name) select 'S' || n, 'Supplier ' || n from generate_series(1, 200) n;

insert into supplier_items (supplier_id, sku_id, unit_cost, is_preferred)
select p.id, s.id, 3, true
  from (select id, row_number() over () as n from skus) s
  join (select id, row_number() over () as n from suppliers) p on p.n = 1 + s.n %% 200;

with head as (
    insert into purchase_orders (supplier_id, warehouse_id, currency, created_by, status, sent_at, expected_at, approved_at, approved_by)
    select p.id, w.id, 'EUR', 'bench', 'sent', now(), current_date + 9, now(), 'bench'
      from suppliers p, warehouses w, generate_series(1, 25)
    returning id, supplier_id
)
insert into purchase_order_lines (purchase_order_id, line_no, sku_id, ordered_quantity, open_quantity, unit_cost)
select h.id, i.line_no, i.sku_id, 10, 10, 3
  from head h
 cross join lateral (select sku_id, row_number() over () as line_no
                       from supplier_items where supplier_id = h.supplier_id limit 4) i;

analyze;
