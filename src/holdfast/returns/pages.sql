-- return_rows
-- Returns, the newest first, with what of them went where.
select r.id, r.number, r.reference_type, r.reference_id, r.return_reference, r.reason, r.is_unmatched, r.created_by, r.created_at,
       w.name as warehouse, x.restocked, x.damaged, x.scrapped, x.skus, x.first_name
  from returns r
  join warehouses w on w.id = r.warehouse_id
 cross join lateral (
       select coalesce(sum(l.quantity) filter (where l.outcome = 'restock'), 0)::bigint as restocked,
              coalesce(sum(l.quantity) filter (where l.outcome = 'unsellable'), 0)::bigint as damaged,
              coalesce(sum(l.quantity) filter (where l.outcome = 'scrap'), 0)::bigint as scrapped,
              count(distinct l.sku_id) as skus, (array_agg(s.name order by l.line_no))[1] as first_name
         from return_lines l
         join skus s on s.id = l.sku_id
        where l.return_id = r.id) x
 where (%(after_id)s::uuid is null or r.id < %(after_id)s)
   and (%(warehouse_id)s::uuid is null or r.warehouse_id = %(warehouse_id)s)
   and (%(like)s::text is null or r.reference_id ilike %(like)s or r.number ilike %(like)s or r.return_reference ilike %(like)s)
 order by r.id desc
 limit %(limit)s;

-- return_counts
-- The sentence over the list.
select count(*) as total,
       count(*) filter (where created_at > (select business_now()) - interval '7 days') as week
  from returns;

-- find_order
-- As what a reference is known to the ledger: an order, a sale at the till, a cart, a hold by hand.
select distinct reference_type from inventory_movements
 where reference_type in ('order', 'sale', 'cart', 'manual') and reference_id = %(reference_id)s and movement_type = 'out'
 order by 1;

-- sku_names
-- The SKUs of a return form.
select id, code, name from skus where id = any(%(ids)s) order by code;
