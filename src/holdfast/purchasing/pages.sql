-- order_rows
-- Purchase orders, the newest first, with what they cost and what is still to come.
with clock as materialized (select business_now()::date as today)
select o.id, o.number, o.status, o.currency, o.expected_at, o.order_day, o.created_at, p.name as supplier, w.name as warehouse,
       t.lines, t.ordered, t.received, t.cost,
       r.due < c.today as is_late, c.today - r.due as days_late, x.kinds as exceptions, r.due
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
 -- the next arrival
 cross join lateral (select min(p.expected_at) as due from purchase_order_parts p where p.purchase_order_id = o.id) r
 cross join lateral (
     select coalesce(array_agg(distinct e.kind order by e.kind) filter (where e.kind <> 'late'), '{}') as kinds, count(*) as live
       from purchase_order_exceptions e
      where e.purchase_order_id = o.id and e.resolved_at is null) x
 where (%(after_id)s::uuid is null or o.id < %(after_id)s)
   and (%(supplier_id)s::uuid is null or o.supplier_id = %(supplier_id)s)
   and (%(like)s::text is null or o.number ilike %(like)s or p.name ilike %(like)s)
   and case coalesce(%(state)s::text, 'all')
           when 'unsent' then o.status in ('draft', 'approved')
           when 'coming' then o.status in ('sent', 'confirmed', 'partly_received')
           when 'late' then r.due < c.today
           when 'exceptions' then x.live > 0
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
       count(*) filter (where exists (select from purchase_order_parts p
                                       where p.purchase_order_id = o.id and p.expected_at < c.today)) as late,
       count(*) filter (where exists (select from purchase_order_exceptions e
                                       where e.purchase_order_id = o.id and e.resolved_at is null)) as exceptions,
       count(*) filter (where o.status in ('received', 'closed', 'cancelled')) as done
  from purchase_orders o, clock c;

-- supplier_choices
-- Suppliers for the filter.
select id::text as value, name as label from suppliers where is_active order by name;

-- order_head
-- One order.
select o.id, o.number, o.status, o.currency, o.expected_at, o.order_day, o.note, o.created_by, o.created_at, o.sent_at, o.resolved_at,
       o.version, o.supplier_id, p.name as supplier, p.order_channel, p.email as supplier_email, p.minimum_order_value, w.id as warehouse_id, w.name as warehouse,
       (select business_now()::date - min(r.expected_at) from purchase_order_parts r where r.purchase_order_id = o.id) as days_late
  from purchase_orders o
  join suppliers p on p.id = o.supplier_id
  join warehouses w on w.id = o.warehouse_id
 where o.id = %(order_id)s;

-- order_lines
-- The lines of one order, with what is available of each SKU now.
select l.line_no, l.sku_id, s.code, s.name, l.ordered_quantity as ordered, l.received_quantity as received,
       l.open_quantity as open, l.unit_cost, coalesce(i.available_quantity, 0)::bigint as available, si.supplier_code,
       l.confirmed_quantity as confirmed, l.refused_quantity as refused, l.refusal, s.tracking,
       array(select e.kind from purchase_order_exceptions e
              where e.purchase_order_id = l.purchase_order_id and e.line_no = l.line_no and e.resolved_at is null
              order by e.kind) as exceptions,
       (select coalesce(json_agg(json_build_object('quantity', p.quantity, 'expected_at', p.expected_at) order by p.expected_at), '[]')
          from purchase_order_parts p
         where p.purchase_order_id = l.purchase_order_id and p.line_no = l.line_no) as parts
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

-- supplier_rows
-- Suppliers by name, with what is on its way and how many of the lines due in a year came when promised.
select p.id, p.code, p.name, p.is_active, p.order_channel, p.email, p.lead_time_days::double precision as promised_days,
       (select count(*) from supplier_items i where i.supplier_id = p.id) as skus,
       (select count(*) from purchase_orders o
         where o.supplier_id = p.id and o.status in ('sent', 'confirmed', 'partly_received')) as coming,
       (select count(distinct e.purchase_order_id) from purchase_order_exceptions e
          join purchase_orders o on o.id = e.purchase_order_id
         where o.supplier_id = p.id and e.resolved_at is null) as exceptions,
       f.mean_factor, f.receipts, f.is_used
  from suppliers p
  left join supplier_lead_factors f on f.supplier_id = p.id
 where (%(after)s::text is null or (p.name, p.id::text) > (%(after)s, %(after_id)s::text))
   and (%(like)s::text is null or p.name ilike %(like)s or p.code ilike %(like)s)
   and (%(is_active)s::boolean is null or p.is_active = %(is_active)s)
 order by p.name, p.id::text
 limit %(limit)s;

-- terms_rows
-- What a supplier asks for its SKUs and how long each takes, by SKU code.
select t.sku_id, s.code, s.name, t.supplier_code, t.unit_cost, t.currency, t.break_quantities, t.break_costs, t.moq,
       t.order_multiple, t.max_order_quantity, t.pack_size, t.valid_from, t.valid_to,
       business_now()::date between coalesce(t.valid_from, '-infinity') and coalesce(t.valid_to, 'infinity') as is_valid,
       t.is_preferred, t.receipts, l.median_days, l.low_days, l.high_days, t.promised_days, t.lead_time_days, t.lead_time_source
  from supplier_terms t
  join skus s on s.id = t.sku_id
  left join supplier_lead_times l on l.supplier_id = t.supplier_id and l.sku_id = t.sku_id
 where t.supplier_id = %(supplier_id)s
   and (%(like)s::text is null or s.name ilike %(like)s or s.code ilike %(like)s or t.supplier_code ilike %(like)s)
   and (%(after)s::text is null or s.code > %(after)s)
 order by s.code
 limit %(limit)s;

-- today
-- The day it is.
select business_now()::date;
