-- list_average
-- Every level with its value by moving average as of an instant.
select s.code as sku_code, w.code as warehouse_code, s.category, s.currency, v.sku_id, v.warehouse_id, v.quantity, v.valued_quantity, v.value
  from stock_average_value(%(as_of)s::timestamptz, %(sku_id)s, %(warehouse_id)s) v
  join skus s on s.id = v.sku_id
  join warehouses w on w.id = v.warehouse_id
 where (%(category)s::text is null or s.category = %(category)s)
 order by s.code, w.code;

-- list_fifo
-- Every level with its value by first in, first out as of an instant.
select s.code as sku_code, w.code as warehouse_code, s.category, s.currency, v.sku_id, v.warehouse_id, v.quantity, v.valued_quantity, v.value
  from stock_fifo_value(%(as_of)s::timestamptz, %(sku_id)s, %(warehouse_id)s) v
  join skus s on s.id = v.sku_id
  join warehouses w on w.id = v.warehouse_id
 where (%(category)s::text is null or s.category = %(category)s)
 order by s.code, w.code;

-- total_average
-- Totals by moving average: per currency, and within it per warehouse and per category.
select s.currency, w.code as warehouse_code, s.category, grouping(w.code) = 0 as by_warehouse, grouping(s.category) = 0 as by_category,
       sum(v.quantity)::bigint as quantity, sum(v.valued_quantity)::bigint as valued_quantity, coalesce(sum(v.value), 0) as value
  from stock_average_value(%(as_of)s::timestamptz, %(sku_id)s, %(warehouse_id)s) v
  join skus s on s.id = v.sku_id
  join warehouses w on w.id = v.warehouse_id
 where (%(category)s::text is null or s.category = %(category)s)
 group by grouping sets ((s.currency), (s.currency, w.code), (s.currency, s.category))
 order by s.currency nulls last, by_warehouse, by_category, w.code, s.category nulls last;

-- total_fifo
-- Totals by first in, first out.
select s.currency, w.code as warehouse_code, s.category, grouping(w.code) = 0 as by_warehouse, grouping(s.category) = 0 as by_category,
       sum(v.quantity)::bigint as quantity, sum(v.valued_quantity)::bigint as valued_quantity, coalesce(sum(v.value), 0) as value
  from stock_fifo_value(%(as_of)s::timestamptz, %(sku_id)s, %(warehouse_id)s) v
  join skus s on s.id = v.sku_id
  join warehouses w on w.id = v.warehouse_id
 where (%(category)s::text is null or s.category = %(category)s)
 group by grouping sets ((s.currency), (s.currency, w.code), (s.currency, s.category))
 order by s.currency nulls last, by_warehouse, by_category, w.code, s.category nulls last;

-- list_layers
-- The layers of one SKU that are left, oldest first.
select l.warehouse_id, l.movement_id, l.created_at, l.quantity, l.unit_cost
  from stock_fifo_layers(%(as_of)s, %(sku_id)s, %(warehouse_id)s) l
 order by l.warehouse_id, l.created_at;

-- correct_cost
-- Learn what goods really cost.
select outcome, facts::text, replayed from stock_correct_cost(%(movement_id)s, %(unit_cost)s, %(reason)s, %(actor)s);

-- now
-- The database clock decides what "now" is.
select business_now();
