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
copy demand_daily (sku_id, warehouse_id, day, quantity, orders) from stdin (format csv);

-- copy_short_days
-- Days of the ledger on which more was wanted than was there; the rest of its demand is summed from the ledger.
copy demand_daily (sku_id, warehouse_id, day, quantity, orders, observed) from stdin (format csv);

-- import_history
-- The past of some levels, through the posting function that checks it.
select stock_import_history(%(rows)s, %(actor)s);

-- levels_with_entries
-- What an interrupted load already posted.
select sku_id, warehouse_id from inventory where version > 0;
