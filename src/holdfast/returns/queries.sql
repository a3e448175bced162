-- lock_order
-- Every return of an order takes this row first, so that parallel returns are counted one after the other.
insert into returned_orders (reference_type, reference_id, last_returned_at)
values (%(reference_type)s, %(reference_id)s, business_now())
on conflict (reference_type, reference_id) do update set last_returned_at = excluded.last_returned_at;

-- list_returnable
-- What left for an order by the ledger, beside what came back of it. A refund without goods brought nothing back.
with sold as (
    select sku_id, -sum(quantity)::bigint as quantity,
           round(sum(quantity * unit_cost) filter (where unit_cost is not null)
                 / nullif(sum(quantity) filter (where unit_cost is not null), 0), 6) as unit_cost
      from inventory_movements
     where movement_type in ('out', 'in') and reference_type = %(reference_type)s and reference_id = %(reference_id)s
     group by sku_id
), back as (
    select l.sku_id, sum(l.quantity)::bigint as quantity
      from returns r
      join return_lines l on l.return_id = r.id
     where r.reference_type = %(reference_type)s and r.reference_id = %(reference_id)s and l.outcome <> 'refund_only'
     group by l.sku_id
)
select sku_id, s.code as sku_code, coalesce(sold.quantity, 0) as consumed_quantity, coalesce(back.quantity, 0) as returned_quantity,
       sold.unit_cost
  from sold
  full join back using (sku_id)
  join skus s on s.id = sku_id
 order by s.code;

-- find_unknown
-- Lines that name a SKU that does not exist.
select (l.n - 1)::integer as line
  from unnest(%(sku_ids)s::uuid[]) with ordinality as l (sku_id, n)
 where not exists (select from skus s where s.id = l.sku_id)
 order by l.n;

-- insert_return
-- The inspected return of one order.
insert into returns (reference_type, reference_id, warehouse_id, return_reference, reason, is_unmatched, created_by, created_at)
values (%(reference_type)s, %(reference_id)s, %(warehouse_id)s, %(return_reference)s, %(reason)s, %(is_unmatched)s, %(actor)s,
    business_now())
returning id;

-- add_lines
-- What came back, in the order given.
insert into return_lines (return_id, line_no, sku_id, order_line, quantity, outcome, batch, serials)
select %(id)s, l.n, l.sku_id, l.order_line, l.quantity, l.outcome, l.batch,
       case when l.serials is not null then array(select json_array_elements_text(l.serials)) end
  from rows from (json_to_recordset(%(lines)s) as (sku_id uuid, order_line text, quantity bigint, outcome text, batch text, serials json))
       with ordinality as l (sku_id, order_line, quantity, outcome, batch, serials, n);

-- list_sold_units
-- Which batches and units an order still has: what left for it, less what came back on its returns.
with entry as (
    select m.id, m.sku_id, m.batch_id, m.quantity
      from inventory_movements m
     where m.movement_type in ('out', 'in') and m.reference_type = %(reference_type)s and m.reference_id = %(reference_id)s
    union all
    select m.id, m.sku_id, m.batch_id, m.quantity
      from returns r
      join inventory_movements m on m.reference_type = 'return' and m.reference_id = r.id::text
     where r.reference_type = %(reference_type)s and r.reference_id = %(reference_id)s
)
select e.sku_id, b.number as batch, -sum(e.quantity)::bigint as quantity,
       coalesce((select array_agg(distinct u.serial_number)
                   from entry x
                   join serial_movements s on s.movement_id = x.id
                   join serials u on u.sku_id = s.sku_id and u.serial_number = s.serial_number and u.state = 'shipped'
                  where x.sku_id = e.sku_id and x.quantity < 0), '{}') as serials
  from entry e
  join skus k on k.id = e.sku_id and k.tracking <> 'none'
  left join batches b on b.id = e.batch_id
 group by e.sku_id, b.number
having sum(e.quantity) < 0;

-- list_returns
-- One page, newest first.
select r.*, w.code as warehouse_code,
       (select coalesce(sum(l.quantity) filter (where l.outcome <> 'refund_only'), 0)::bigint
          from return_lines l where l.return_id = r.id) as back_total
  from returns r
  join warehouses w on w.id = r.warehouse_id
 where (%(before)s::uuid is null or r.id < %(before)s)
   and (%(id)s::uuid is null or r.id = %(id)s)
   and (%(reference_type)s::text is null or r.reference_type = %(reference_type)s)
   and (%(reference_id)s::text is null or r.reference_id = %(reference_id)s)
   and (%(return_reference)s::text is null or r.return_reference = %(return_reference)s)
   and (%(warehouse_id)s::uuid is null or r.warehouse_id = %(warehouse_id)s)
   and (%(sku_id)s::uuid is null or exists (select from return_lines l where l.return_id = r.id and l.sku_id = %(sku_id)s))
 order by r.id desc
 limit %(limit)s;

-- list_lines
-- The lines of some returns.
select l.return_id, l.line_no, l.sku_id, s.code as sku_code, s.name as sku_name, l.order_line, l.quantity, l.outcome, l.batch,
       l.serials
  from return_lines l
  join skus s on s.id = l.sku_id
 where l.return_id = any(%(ids)s)
 order by l.return_id, l.line_no;

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);
