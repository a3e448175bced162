-- database_day
-- The day the database believes it is: the demo's past ends the day before.
select business_now()::date;

-- read_progress
-- How far an earlier load came; no row means nothing was loaded.
select value from settings where name = 'demo';

-- write_progress
-- Kept in the transaction of the stage it speaks of, so an interrupted load continues where it stopped.
insert into settings (name, value, updated_by) values ('demo', %(value)s, 'demo')
on conflict (name) do update set value = excluded.value, updated_at = now(), updated_by = excluded.updated_by;

-- holds_another_shop
-- The demo never mixes with somebody's own SKUs.
select exists (select from skus);

-- list_level_ids
-- Ids behind the codes of the demo's levels.
select s.code as sku, w.code as warehouse, s.id as sku_id, w.id as warehouse_id
  from skus s cross join warehouses w
 where w.code = any(%(warehouses)s);

-- copy_demand
-- Two years of demand, by the fastest way in; the demand feature owns the table and defines its columns.
copy demand_daily (sku_id, warehouse_id, day, imported_quantity, imported_orders) from stdin (format csv);

-- copy_short_days
-- Days of the ledger on which more was wanted than was there; the rest of its demand is summed from the ledger.
copy demand_daily (sku_id, warehouse_id, day, sold_quantity, sold_lines, observed) from stdin (format csv);

-- import_history
-- The past of some levels, through the posting function that checks it.
select stock_import_history(%(rows)s, %(actor)s);

-- levels_with_entries
-- What an interrupted load already posted.
select sku_id, warehouse_id from inventory where version > 0;

-- list_popular
-- What people buy where: units in the last four weeks of the story, and how many an order line takes. Lines are counted
-- before the ledger begins, which sums a day into one entry.
select d.sku_id, d.warehouse_id, w.code as warehouse, sum(d.quantity) filter (where d.day > %(last_day)s::date - 28)::float8 / 28 as units_a_day,
       coalesce(sum(d.quantity) filter (where d.day <= %(last_day)s::date - 120)::float8
                / nullif(sum(d.orders) filter (where d.day <= %(last_day)s::date - 120), 0), 2) as units_a_line
  from demand_daily d
  join skus s on s.id = d.sku_id and s.archived_at is null
  join warehouses w on w.id = d.warehouse_id
 where d.day > %(last_day)s::date - 400 and d.day <= %(last_day)s::date
 group by d.sku_id, d.warehouse_id, w.code
having sum(d.quantity) filter (where d.day > %(last_day)s::date - 28) > 0;

-- write_past_order
-- An order of the past that has arrived: sent, confirmed the same day, received. Its goods are in the ledger already. What the
-- supplier did not have was said when it confirmed.
with said as materialized (
    select l.n::integer as line_no, l.sku_id, l.came, l.missing, l.unit_cost
      from rows from (json_to_recordset(%(lines)s) as (sku_id uuid, came bigint, missing bigint, unit_cost numeric))
           with ordinality as l (sku_id, came, missing, unit_cost, n)
), made as (
    insert into purchase_orders (id, supplier_id, warehouse_id, status, currency, order_day, expected_at, created_by, created_at, approved_by,
                                 approved_at, sent_at, confirmed_at, resolved_at, version)
    select %(id)s, p.id, %(warehouse_id)s, 'received', %(currency)s, %(ordered_at)s::date, %(promised_on)s, %(actor)s, %(ordered_at)s, %(actor)s,
           %(ordered_at)s, %(ordered_at)s, %(ordered_at)s::timestamptz + interval '4 hours', %(arrived_at)s, 4
      from suppliers p
     where p.code = %(supplier)s
    returning id
), lines as (
    insert into purchase_order_lines (purchase_order_id, line_no, sku_id, ordered_quantity, confirmed_quantity, received_quantity,
                                      refused_quantity, refusal, unit_cost, promised_at)
    select m.id, s.line_no, s.sku_id, s.came + s.missing, s.came, s.came, s.missing, case when s.missing > 0 then 'sold out' end, s.unit_cost,
           %(promised_on)s
      from made m, said s
), word as (
    insert into purchase_order_statements (purchase_order_id, kind, source, said, actor, said_at)
    select m.id, 'confirmed', 'link',
           json_build_object('expected_at', %(promised_on)s::date,
                             'lines', (select coalesce(json_agg(json_build_object('line_no', s.line_no, 'quantity', s.came, 'expected_at', null,
                                                                                  'is_rest_open', false, 'reason', 'sold out') order by s.line_no), '[]')
                                         from said s where s.missing > 0)),
           'supplier', %(ordered_at)s::timestamptz + interval '4 hours'
      from made m
)
insert into purchase_receipts (purchase_order_id, reference, lines, actor, received_at)
select m.id, 'DN-' || right(m.id::text, 4),
       (select json_agg(json_build_object('line_no', s.line_no, 'sku_id', s.sku_id, 'quantity', s.came) order by s.line_no) from said s),
       %(actor)s, %(arrived_at)s
  from made m;
