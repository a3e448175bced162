-- insert_statement
-- What the supplier said; a form sent twice is one statement.
insert into purchase_order_statements (purchase_order_id, kind, source, said, actor, request_key, said_at)
values (%(id)s, %(kind)s, %(source)s, %(said)s, %(actor)s, %(request_key)s, business_now())
on conflict (purchase_order_id, request_key) where request_key is not null do nothing
returning id;

-- find_statement
-- The statement of a form that was sent before.
select id from purchase_order_statements where purchase_order_id = %(id)s and request_key = %(request_key)s;

-- list_statements
-- Everything the supplier said about one order.
select id, kind, source, said, actor, said_at from purchase_order_statements where purchase_order_id = %(id)s order by id;

-- write_words
-- What the supplier's words make of the lines: what is confirmed and refused, and when the open balance comes.
update purchase_order_lines l
   set promised_at = case when l.confirmed_quantity is null then coalesce(c.promised_at, l.promised_at) else l.promised_at end,
       confirmed_quantity = c.confirmed, refused_quantity = c.refused, refusal = c.reason, open_quantity = c.open,
       schedule = c.schedule, expected_at = c.expected_at
  from json_to_recordset(%(lines)s) as c (line_no integer, confirmed bigint, refused bigint, reason text, open bigint,
       schedule jsonb, expected_at date, promised_at date)
 where l.purchase_order_id = %(id)s and l.line_no = c.line_no;

-- write_days
-- When the open balance of lines comes.
update purchase_order_lines l
   set schedule = c.schedule, expected_at = c.expected_at
  from json_to_recordset(%(lines)s) as c (line_no integer, schedule jsonb, expected_at date)
 where l.purchase_order_id = %(id)s and l.line_no = c.line_no;

-- mark_confirmed
-- The supplier's word. An order of which a part arrived stays partly received, unless nothing more will come.
update purchase_orders o
   set status = case when o.status <> 'partly_received' then 'confirmed' when x.is_open then o.status else 'received' end,
       resolved_at = case when o.status = 'partly_received' and not x.is_open then business_now() end,
       confirmed_at = business_now(), expected_at = coalesce(%(expected_at)s, o.expected_at), version = o.version + 1
  from (select exists (select from purchase_order_lines l where l.purchase_order_id = %(id)s and l.open_quantity > 0) as is_open) x
 where o.id = %(id)s;

-- promise_days
-- An order that is confirmed as a whole for a day is promised for that day.
update purchase_order_lines set promised_at = %(expected_at)s
 where purchase_order_id = %(id)s and confirmed_quantity is null
   and not exists (select from purchase_order_statements s where s.purchase_order_id = %(id)s and s.kind = 'confirmed');

-- watch
-- See purchase_order_watch.
select w.*, o.number, o.supplier_id, o.warehouse_id, p.name as supplier_name, l.sku_id, s.code as sku_code, s.name as sku_name
  from purchase_order_watch(%(ids)s::uuid[]) w
  join purchase_orders o on o.id = w.purchase_order_id
  join suppliers p on p.id = o.supplier_id
  left join purchase_order_lines l on l.purchase_order_id = w.purchase_order_id and l.line_no = w.line_no
  left join skus s on s.id = l.sku_id
 order by w.id;

-- list_exceptions
-- One page of what is not as it should be, newest first.
select e.id, e.purchase_order_id, o.number, o.supplier_id, p.name as supplier_name, e.line_no, l.sku_id, s.code as sku_code,
       e.kind, e.quantity, e.due, e.opened_at, e.acknowledged_at, e.acknowledged_by, e.resolved_at, e.resolved_by
  from purchase_order_exceptions e
  join purchase_orders o on o.id = e.purchase_order_id
  join suppliers p on p.id = o.supplier_id
  left join purchase_order_lines l on l.purchase_order_id = e.purchase_order_id and l.line_no = e.line_no
  left join skus s on s.id = l.sku_id
 where (%(id)s::uuid is null or e.id = %(id)s)
   and (%(before)s::uuid is null or e.id < %(before)s)
   and (%(purchase_order_id)s::uuid is null or e.purchase_order_id = %(purchase_order_id)s)
   and (%(supplier_id)s::uuid is null or o.supplier_id = %(supplier_id)s)
   and (%(kind)s::text is null or e.kind = %(kind)s)
   and (%(is_live)s::boolean is null or %(is_live)s = (e.resolved_at is null))
   and (%(is_acknowledged)s::boolean is null or %(is_acknowledged)s = (e.acknowledged_at is not null))
 order by e.id desc
 limit %(limit)s;

-- live_exceptions_of
-- What is not as it should be with one order, or one of these; what nobody has seen, or all that is alive.
select id from purchase_order_exceptions
 where purchase_order_id = %(id)s and resolved_at is null and (%(exception_id)s::uuid is null or id = %(exception_id)s);

-- acknowledge_exceptions
-- Somebody deals with them; what opens later asks anew.
update purchase_order_exceptions set acknowledged_at = business_now(), acknowledged_by = %(actor)s
 where id = any(%(ids)s) and resolved_at is null and acknowledged_at is null
returning id, purchase_order_id;

-- resolve_exceptions
-- Somebody has dealt with them. They open again only after their cause was over and came back.
update purchase_order_exceptions set resolved_at = business_now(), resolved_by = %(actor)s
 where id = any(%(ids)s) and resolved_at is null
returning id, purchase_order_id;

-- tell_resolved
-- One event per exception that a person resolved, as when its cause ends.
insert into outbox_events (event_type, sku_ids, data)
select 'purchase_order.exception_resolved', case when l.sku_id is null then '{}' else array[l.sku_id] end,
       json_build_object('exception_id', e.id, 'purchase_order_id', o.id, 'number', o.number, 'supplier_id', o.supplier_id,
                         'warehouse_id', o.warehouse_id, 'line_no', e.line_no, 'sku_id', l.sku_id, 'kind', e.kind,
                         'quantity', e.quantity, 'due', e.due, 'actor', %(actor)s::text)
  from purchase_order_exceptions e
  join purchase_orders o on o.id = e.purchase_order_id
  left join purchase_order_lines l on l.purchase_order_id = e.purchase_order_id and l.line_no = e.line_no
 where e.id = any(%(ids)s)
 order by e.id;
