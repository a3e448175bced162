-- shortage_rows
-- Shortage cases, the newest first; what is missing now, while a case is open.
select c.id, c.number, c.status, c.cause, c.opened_at, c.wait_until, s.id as sku_id, s.code, s.name, w.name as warehouse,
       case when c.resolved_at is null then greatest(0, -(i.available_quantity + c.change)) else c.missing_quantity end as missing
  from shortage_cases c
  join skus s on s.id = c.sku_id
  join warehouses w on w.id = c.warehouse_id
  join inventory i on (i.sku_id, i.warehouse_id) = (c.sku_id, c.warehouse_id)
 where case %(state)s when 'open' then c.status in ('open', 'waiting') when 'resolved' then c.status = 'resolved'
                      when 'dismissed' then c.status = 'dismissed' else true end
   and (%(warehouse_id)s::uuid is null or c.warehouse_id = %(warehouse_id)s)
   and (%(after_id)s::uuid is null or c.id < %(after_id)s)
 order by c.id desc
 limit %(limit)s;

-- shortage_counts
-- The tabs over the list.
select count(*) as total, count(*) filter (where status in ('open', 'waiting')) as open,
       count(*) filter (where status = 'resolved') as resolved, count(*) filter (where status = 'dismissed') as dismissed
  from shortage_cases;

-- shortage_names
-- What a case is about, for its head.
select s.name as sku_name, w.name as warehouse, q.number as count_number
  from shortage_cases c
  join skus s on s.id = c.sku_id
  join warehouses w on w.id = c.warehouse_id
  left join stock_counts q on c.cause = 'count' and q.id::text = c.reference_id
 where c.id = %(case_id)s;
