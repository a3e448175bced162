-- order_rows
-- Purchase orders, the newest first, with what they cost and what is still to come.
with clock as materialized (select business_now()::date as today)
select o.id, o.number, o.status, o.currency, o.expected_at, o.created_at, p.name as supplier, w.name as warehouse,
       t.lines, t.ordered, t.received, t.cost,
       (o.status in ('sent', 'confirmed', 'partly_received') and o.expected_at < c.today) as is_late,
       case when o.status in ('sent', 'confirmed', 'partly_received') then c.today - o.expected_at end as days_late
  from purchase_orders o
  join suppliers p on p.id = o.supplier_id
  join warehouses w on w.id = o.warehouse_id
 cross join clock c
 cross join lateral (
     select count(*) as lines, coalesce(sum(l.ordered_quantity), 0)::bigint as ordered,
            coalesce(sum(l.received_quantity), 0)::bigint as received,
            coalesce(sum(l.ordered_quantity * l.unit_cost), 0)::numeric as cost
       from purchase_order_lines l
      where l.purchase_order_id = o.id) t
 where (%(after_id)s::uuid is null or o.id < %(after_id)s)
   and (%(supplier_id)s::uuid is null or o.supplier_id = %(supplier_id)s)
   and (%(like)s::text is null or o.number ilike %(like)s or p.name ilike %(like)s)
   and case coalesce(%(state)s::text, 'all')
           when 'unsent' then o.status in ('draft', 'approved')
           when 'coming' then o.status in ('sent', 'confirmed', 'partly_received')
           when 'late' then o.status in ('sent', 'confirmed', 'partly_received') and o.expected_at < c.today
           when 'done' then o.status in ('received', 'closed', 'cancelled')
           else true
       end
 order by o.id desc
 limit %(limit)s;

-- order_counts
-- The sentence over the list, and its tabs.
with clock as materialized (select business_now()::date as today)
select count(*) as total,
       count(*) filter (where o.status in ('draft', 'approved')) as unsent,
       count(*) filter (where o.status in ('sent', 'confirmed', 'partly_received')) as coming,
       count(*) filter (where o.status in ('sent', 'confirmed', 'partly_received') and o.expected_at < c.today) as late,
       count(*) filter (where o.status in ('received', 'closed', 'cancelled')) as done
  from purchase_orders o, clock c;

-- supplier_choices
-- Suppliers for the filter.
select id::text as value, name as label from suppliers where is_active order by name;

-- order_head
-- One order.
select o.id, o.number, o.status, o.currency, o.expected_at, o.note, o.created_by, o.created_at, o.sent_at, o.resolved_at,
       o.version, p.name as supplier, p.email as supplier_email, p.minimum_order_value, w.id as warehouse_id, w.name as warehouse,
       case when o.status in ('sent', 'confirmed', 'partly_received') then business_now()::date - o.expected_at end as days_late
  from purchase_orders o
  join suppliers p on p.id = o.supplier_id
  join warehouses w on w.id = o.warehouse_id
 where o.id = %(order_id)s;

-- order_lines
-- The lines of one order, with what is available of each SKU now.
select l.line_no, l.sku_id, s.code, s.name, l.ordered_quantity as ordered, l.received_quantity as received,
       l.open_quantity as open, l.unit_cost, coalesce(i.available_quantity, 0)::bigint as available, si.supplier_code
  from purchase_order_lines l
  join purchase_orders o on o.id = l.purchase_order_id
  join skus s on s.id = l.sku_id
  left join inventory i on i.sku_id = l.sku_id and i.warehouse_id = o.warehouse_id
  left join supplier_items si on si.sku_id = l.sku_id and si.supplier_id = o.supplier_id
 where l.purchase_order_id = %(order_id)s
 order by l.line_no;

-- order_messages
-- What was written to the supplier about this order, and whether it got there.
select status, recipient, subject, created_at, sent_at, last_error
  from notifications
 where channel = 'email' and dedupe_key like %(key)s
 order by created_at desc
 limit 5;
