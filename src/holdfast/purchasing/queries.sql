-- line_currencies
-- The currencies in which a supplier prices these SKUs.
select distinct coalesce(i.currency, p.currency) as currency
  from suppliers p
 cross join unnest(%(sku_ids)s::uuid[]) as l (sku_id)
  left join supplier_items i on i.supplier_id = p.id and i.sku_id = l.sku_id
 where p.id = %(supplier_id)s
 order by 1;

-- insert_order
-- A new draft in the currency of its lines.
insert into purchase_orders (supplier_id, warehouse_id, currency, expected_at, note, created_by, created_at)
select p.id, w.id, %(currency)s, %(expected_at)s, %(note)s, %(actor)s, business_now()
  from suppliers p, warehouses w
 where p.id = %(supplier_id)s and w.id = %(warehouse_id)s
returning id;

-- insert_collecting_draft
-- The draft that collects approved suggestions; of two at once the second finds the first one's.
insert into purchase_orders (supplier_id, warehouse_id, currency, created_by, created_at, collects_suggestions)
values (%(supplier_id)s, %(warehouse_id)s, %(currency)s, %(actor)s, business_now(), true)
on conflict (supplier_id, warehouse_id, currency) where status = 'draft' and collects_suggestions do nothing;

-- lock_collecting_draft
-- Locked, so that it is not sent while lines are added.
select id from purchase_orders
 where supplier_id = %(supplier_id)s and warehouse_id = %(warehouse_id)s and currency = %(currency)s and status = 'draft'
   and collects_suggestions
   for update;

-- add_lines
-- A suggestion that is already on an order which is not cancelled is not ordered twice.
insert into purchase_order_lines (purchase_order_id, line_no, sku_id, ordered_quantity, unit_cost, suggestion_id)
select %(id)s,
       (select coalesce(max(line_no), 0) from purchase_order_lines where purchase_order_id = %(id)s)
           + row_number() over (order by l.n),
       l.sku_id, l.quantity, coalesce(l.unit_cost, supplier_unit_cost(i.unit_cost, i.break_quantities, i.break_costs, l.quantity)), l.suggestion_id
  from rows from (json_to_recordset(%(lines)s) as (sku_id uuid, quantity bigint, unit_cost numeric, suggestion_id uuid))
       with ordinality as l (sku_id, quantity, unit_cost, suggestion_id, n)
  left join supplier_items i on i.supplier_id = %(supplier_id)s and i.sku_id = l.sku_id
 where not exists (
       select from purchase_order_lines o
         join purchase_orders p on p.id = o.purchase_order_id
        where o.suggestion_id = l.suggestion_id and p.status <> 'cancelled');

-- write_order_day
-- The day on which the supplier takes orders next, unless a day to come is written already.
update purchase_orders o
   set order_day = supplier_next_order_day(p.order_weekdays, p.closed_days, business_now()::date)
  from suppliers p
 where o.id = %(id)s and p.id = o.supplier_id and (o.order_day is null or o.order_day < (select business_now()::date));

-- find_unorderable
-- Lines that cannot be ordered: the SKU is unknown or archived, or nobody said what it costs today.
select (l.n - 1)::integer as line,
       case when s.id is null then 'unknown_sku' when s.archived_at is not null then 'sku_archived' when s.is_bundle then 'sku_is_bundle'
            when i.unit_cost is null then 'unit_cost_unknown' else 'terms_not_valid' end as code
  from rows from (json_to_recordset(%(lines)s) as (sku_id uuid, unit_cost numeric))
       with ordinality as l (sku_id, unit_cost, n)
  left join skus s on s.id = l.sku_id
  left join supplier_items i on i.supplier_id = %(supplier_id)s and i.sku_id = l.sku_id
 where s.id is null or s.archived_at is not null or s.is_bundle
    or l.unit_cost is null and (i.unit_cost is null or business_now()::date < i.valid_from or business_now()::date > i.valid_to)
 order by l.n;

-- delete_lines
-- A draft is written anew.
delete from purchase_order_lines where purchase_order_id = %(id)s;

-- lock_order
-- Everything that changes an order takes this lock before it touches stock levels.
select status from purchase_orders where id = %(id)s for update;

-- get_order
-- One order with its sums.
select o.*, p.code as supplier_code, p.name as supplier_name, w.code as warehouse_code, t.*
  from purchase_orders o
  join suppliers p on p.id = o.supplier_id
  join warehouses w on w.id = o.warehouse_id
 cross join lateral (
       select count(*) as lines_total, coalesce(sum(l.ordered_quantity), 0)::bigint as ordered_total,
              coalesce(sum(l.received_quantity), 0)::bigint as received_total,
              coalesce(sum(l.open_quantity), 0)::bigint as open_total,
              coalesce(sum(l.ordered_quantity * l.unit_cost), 0)::numeric as cost_total
         from purchase_order_lines l where l.purchase_order_id = o.id) t
 where o.id = %(id)s;

-- list_orders
-- One page, newest first.
select o.*, p.code as supplier_code, p.name as supplier_name, w.code as warehouse_code, t.*
  from purchase_orders o
  join suppliers p on p.id = o.supplier_id
  join warehouses w on w.id = o.warehouse_id
 cross join lateral (
       select count(*) as lines_total, coalesce(sum(l.ordered_quantity), 0)::bigint as ordered_total,
              coalesce(sum(l.received_quantity), 0)::bigint as received_total,
              coalesce(sum(l.open_quantity), 0)::bigint as open_total,
              coalesce(sum(l.ordered_quantity * l.unit_cost), 0)::numeric as cost_total
         from purchase_order_lines l where l.purchase_order_id = o.id) t
 where (%(before)s::uuid is null or o.id < %(before)s)
   and (%(status)s::text is null or o.status = %(status)s)
   and (%(supplier_id)s::uuid is null or o.supplier_id = %(supplier_id)s)
   and (%(warehouse_id)s::uuid is null or o.warehouse_id = %(warehouse_id)s)
   and (%(number)s::text is null or o.number = %(number)s)
   and (%(sku_id)s::uuid is null or exists (
        select from purchase_order_lines l where l.purchase_order_id = o.id and l.sku_id = %(sku_id)s))
   and (%(is_late)s::boolean is null or %(is_late)s =
        exists (select from purchase_order_parts r where r.purchase_order_id = o.id and r.expected_at < (select business_now()::date)))
   and (%(exception)s::text is null or exists (
        select from purchase_order_exceptions e where e.purchase_order_id = o.id and e.resolved_at is null
           and %(exception)s in (e.kind, 'any')))
 order by o.id desc
 limit %(limit)s;

-- list_lines
-- The lines of one order beside the supplier's terms.
select l.line_no, l.sku_id, s.code as sku_code, s.name as sku_name, i.supplier_code, l.ordered_quantity, l.received_quantity,
       l.open_quantity, l.confirmed_quantity, l.refused_quantity, l.refusal, l.expected_at, l.promised_at, l.schedule,
       l.unit_cost, l.suggestion_id, s.tracking,
       array(select e.kind from purchase_order_exceptions e
              where e.purchase_order_id = l.purchase_order_id and e.line_no = l.line_no and e.resolved_at is null
              order by e.kind) as exceptions,
       coalesce(i.moq, 1)::bigint as moq, coalesce(i.order_multiple, 1)::bigint as order_multiple, i.max_order_quantity,
       i.pack_volume_l / i.pack_size as unit_volume_l, i.pack_weight_kg / i.pack_size as unit_weight_kg
  from purchase_order_lines l
  join purchase_orders o on o.id = l.purchase_order_id
  join skus s on s.id = l.sku_id
  left join supplier_items i on i.supplier_id = o.supplier_id and i.sku_id = l.sku_id
 where l.purchase_order_id = %(id)s
 order by l.line_no;

-- list_receipts
-- What arrived for one order.
select id, reference, lines, actor, received_at from purchase_receipts where purchase_order_id = %(id)s order by id;

-- find_receipt
-- The delivery note that came before.
select id, reference, lines, actor, received_at
  from purchase_receipts
 where purchase_order_id = %(id)s and reference = %(reference)s;

-- insert_receipt
-- A delivery, once per delivery note.
insert into purchase_receipts (purchase_order_id, reference, lines, actor, received_at)
values (%(id)s, %(reference)s, %(lines)s, %(actor)s, business_now());

-- mark_approved
-- Somebody who may approve said yes.
update purchase_orders set status = 'approved', approved_by = %(actor)s, approved_at = business_now(), version = version + 1
 where id = %(id)s;

-- today
-- The day it is.
select business_now()::date;

-- order_days
-- Today, and the next day on which the supplier takes orders.
select business_now()::date as today,
       supplier_next_order_day(order_weekdays, closed_days, business_now()::date) as next_order_day
  from suppliers
 where id = %(supplier_id)s;

-- mark_sent
-- From here on the open lines are in transit. Expected after the longest lead time of its lines, unless somebody said when.
update purchase_orders o
   set status = 'sent', sent_at = business_now(), version = o.version + 1,
       approved_by = coalesce(o.approved_by, %(actor)s), approved_at = coalesce(o.approved_at, business_now()),
       expected_at = coalesce(o.expected_at, business_now()::date + (
           select ceil(max(coalesce(t.lead_time_days, p.lead_time_days)))::integer
             from purchase_order_lines l
             join suppliers p on p.id = o.supplier_id
             left join supplier_terms t on t.supplier_id = o.supplier_id and t.sku_id = l.sku_id
            where l.purchase_order_id = o.id))
 where o.id = %(id)s;

-- open_lines
-- What is ordered is now to come.
update purchase_order_lines l
   set open_quantity = l.ordered_quantity, promised_at = coalesce(l.expected_at, o.expected_at)
  from purchase_orders o
 where l.purchase_order_id = %(id)s and o.id = %(id)s;

-- receive_lines
-- Book a delivery on its lines.
update purchase_order_lines l
   set received_quantity = l.received_quantity + r.quantity, open_quantity = l.open_quantity - r.closes,
       schedule = r.schedule, expected_at = r.expected_at
  from json_to_recordset(%(lines)s) as r (line_no integer, quantity bigint, closes bigint, schedule jsonb, expected_at date)
 where l.purchase_order_id = %(id)s and l.line_no = r.line_no;

-- mark_received
-- Received when nothing is open any more.
update purchase_orders o
   set status = case when x.is_open then 'partly_received' else 'received' end,
       resolved_at = case when not x.is_open then business_now() end, version = o.version + 1
  from (select exists (select from purchase_order_lines l where l.purchase_order_id = %(id)s and l.open_quantity > 0) as is_open) x
 where o.id = %(id)s;

-- mark_resolved
-- Cancelled, or closed with what has arrived.
update purchase_orders set status = %(status)s, resolved_at = coalesce(resolved_at, business_now()), version = version + 1
 where id = %(id)s;

-- close_lines
-- Nothing more is to come.
update purchase_order_lines set open_quantity = 0, schedule = null where purchase_order_id = %(id)s and open_quantity > 0;

-- change_order
-- Note and date, and the version every change counts.
update purchase_orders set note = %(note)s, expected_at = %(expected_at)s, version = version + 1 where id = %(id)s;

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);
