-- insert_transfer
-- A new draft; it promises and moves nothing.
insert into transfers (from_warehouse_id, to_warehouse_id, expected_at, note, created_by, created_at)
values (%(from_warehouse_id)s, %(to_warehouse_id)s, %(expected_at)s, %(note)s, %(actor)s, business_now())
returning id;

-- find_unmovable
-- Lines that cannot travel: the SKU is unknown, or archived and could not be received.
select (l.n - 1)::integer as line, l.sku_id, case when s.id is null then 'unknown_sku' when s.is_bundle then 'sku_is_bundle' else 'sku_archived' end as code
  from unnest(%(sku_ids)s::uuid[]) with ordinality as l (sku_id, n)
  left join skus s on s.id = l.sku_id
 where s.id is null or s.archived_at is not null or s.is_bundle
 order by l.n;

-- add_lines
-- One line per SKU in the order given; a SKU named twice counts together.
insert into transfer_lines (transfer_id, line_no, sku_id, quantity)
select %(id)s, row_number() over (order by min(l.n)), l.sku_id, sum(l.quantity)
  from rows from (json_to_recordset(%(lines)s) as (sku_id uuid, quantity bigint)) with ordinality as l (sku_id, quantity, n)
 group by l.sku_id;

-- delete_lines
-- A draft is written anew.
delete from transfer_lines where transfer_id = %(id)s;

-- change_transfer
-- Note and date, and the version every change counts.
update transfers set note = %(note)s, expected_at = %(expected_at)s, version = version + 1 where id = %(id)s;

-- lock_transfer
-- Everything that changes a transfer takes this lock before it touches stock levels.
select status, version from transfers where id = %(id)s for update;

-- mark_shipped
-- From here on the open lines are in transit.
update transfers set status = 'shipped', shipped_at = business_now(), version = version + 1 where id = %(id)s;

-- open_lines
-- What was shipped is to come, at what it cost at the source; the level is locked by the posting before.
update transfer_lines l
   set open_quantity = l.quantity, unit_cost = i.cost_price
  from transfers t, inventory i
 where t.id = l.transfer_id and l.transfer_id = %(id)s and (i.sku_id, i.warehouse_id) = (l.sku_id, t.from_warehouse_id);

-- add_parts
-- What left the source, told apart by batch or serial number; nothing for SKUs that are not.
insert into transfer_parts (transfer_id, line_no, sku_id, batch_id, serial_number, open_quantity)
select l.transfer_id, l.line_no, i.sku_id, (i.batch ->> 'id')::uuid, u.serial_number, sum(coalesce(u.one, -i.quantity))
  from json_to_recordset(%(items)s) as i (sku_id uuid, quantity bigint, batch json, serials json)
  join transfer_lines l on l.transfer_id = %(id)s and l.sku_id = i.sku_id
  left join lateral (select s as serial_number, 1 as one from json_array_elements_text(i.serials) s) u on true
 where i.quantity < 0 and (i.batch is not null or i.serials is not null)
 group by 1, 2, 3, 4, 5;

-- list_parts
-- What of it is still on its way; what expires first comes first.
select p.sku_id, b.number as batch, p.serial_number, p.open_quantity
  from transfer_parts p
  left join batches b on b.id = p.batch_id
 where p.transfer_id = %(id)s and p.open_quantity > 0
 order by p.line_no, b.expiry_date, b.id, p.serial_number;

-- receive_parts
-- Batches and units that arrived, or are lost.
update transfer_parts p
   set open_quantity = p.open_quantity - u.quantity
  from (select sku_id, batch, serial, sum(quantity)::bigint as quantity
          from json_to_recordset(%(units)s) as x (sku_id uuid, batch text, serial text, quantity bigint)
         group by sku_id, batch, serial) u
  left join batches b on b.sku_id = u.sku_id and b.number = u.batch
 where p.transfer_id = %(id)s and p.sku_id = u.sku_id
   and case when u.serial is not null then p.serial_number = u.serial else p.batch_id = b.id and p.serial_number is null end;

-- lose_units
-- Units with a number that reached no shelf.
select stock_lose_units(%(sku_id)s, %(serials)s);

-- receive_lines
-- Book a delivery on its lines.
update transfer_lines l
   set open_quantity = l.open_quantity - a.quantity - a.unsellable_quantity - a.lost_quantity,
       received_quantity = l.received_quantity + a.quantity,
       unsellable_quantity = l.unsellable_quantity + a.unsellable_quantity,
       lost_quantity = l.lost_quantity + a.lost_quantity
  from json_to_recordset(%(lines)s) as a (sku_id uuid, quantity bigint, unsellable_quantity bigint, lost_quantity bigint)
 where l.transfer_id = %(id)s and l.sku_id = a.sku_id;

-- mark_received
-- Received when everything arrived; closed when everything is accounted for but some of it was lost.
update transfers t
   set status = case when x.is_open then 'partly_received' when x.has_losses then 'closed' else 'received' end,
       resolved_at = case when not x.is_open then business_now() end, version = t.version + 1
  from (select coalesce(bool_or(l.open_quantity > 0), false) as is_open, coalesce(bool_or(l.lost_quantity > 0), false) as has_losses
          from transfer_lines l where l.transfer_id = %(id)s) x
 where t.id = %(id)s;

-- mark_cancelled
-- A draft that will not be shipped.
update transfers set status = 'cancelled', resolved_at = business_now(), version = version + 1 where id = %(id)s;

-- insert_receipt
-- A delivery, once per delivery note.
insert into transfer_receipts (transfer_id, reference, lines, actor, received_at)
values (%(id)s, %(reference)s, %(lines)s, %(actor)s, business_now());

-- insert_losses
-- Units that reached no shelf, at what they cost when they were shipped.
insert into transfer_losses (transfer_id, line_no, sku_id, quantity, unit_cost, reason, actor, lost_at)
select l.transfer_id, l.line_no, l.sku_id, a.lost_quantity, l.unit_cost, %(reason)s, %(actor)s, business_now()
  from json_to_recordset(%(lines)s) as a (sku_id uuid, lost_quantity bigint)
  join transfer_lines l on l.transfer_id = %(id)s and l.sku_id = a.sku_id
 where a.lost_quantity > 0
 order by l.line_no;

-- find_receipt
-- The delivery note that came before.
select id, reference, lines, actor, received_at
  from transfer_receipts
 where transfer_id = %(id)s and reference = %(reference)s;

-- get_transfer
-- One transfer with its sums.
select t.*, f.code as from_warehouse_code, d.code as to_warehouse_code, s.*
  from transfers t
  join warehouses f on f.id = t.from_warehouse_id
  join warehouses d on d.id = t.to_warehouse_id
 cross join lateral (
       select count(*) as lines_total, coalesce(sum(l.quantity), 0)::bigint as quantity_total,
              coalesce(sum(l.open_quantity), 0)::bigint as open_total,
              coalesce(sum(l.received_quantity), 0)::bigint as received_total,
              coalesce(sum(l.unsellable_quantity), 0)::bigint as unsellable_total,
              coalesce(sum(l.lost_quantity), 0)::bigint as lost_total
         from transfer_lines l where l.transfer_id = t.id) s
 where t.id = %(id)s;

-- list_transfers
-- One page, newest first.
select t.*, f.code as from_warehouse_code, d.code as to_warehouse_code, s.*
  from transfers t
  join warehouses f on f.id = t.from_warehouse_id
  join warehouses d on d.id = t.to_warehouse_id
 cross join lateral (
       select count(*) as lines_total, coalesce(sum(l.quantity), 0)::bigint as quantity_total,
              coalesce(sum(l.open_quantity), 0)::bigint as open_total,
              coalesce(sum(l.received_quantity), 0)::bigint as received_total,
              coalesce(sum(l.unsellable_quantity), 0)::bigint as unsellable_total,
              coalesce(sum(l.lost_quantity), 0)::bigint as lost_total
         from transfer_lines l where l.transfer_id = t.id) s
 where (%(before)s::uuid is null or t.id < %(before)s)
   and (%(status)s::text is null or t.status = %(status)s)
   and (%(from_warehouse_id)s::uuid is null or t.from_warehouse_id = %(from_warehouse_id)s)
   and (%(to_warehouse_id)s::uuid is null or t.to_warehouse_id = %(to_warehouse_id)s)
   and (%(number)s::text is null or t.number = %(number)s)
   and (%(sku_id)s::uuid is null or exists (
        select from transfer_lines l where l.transfer_id = t.id and l.sku_id = %(sku_id)s))
   and (%(is_late)s::boolean is null or %(is_late)s =
        (t.status in ('shipped', 'partly_received') and coalesce(t.expected_at < (select business_now()::date), false)))
 order by t.id desc
 limit %(limit)s;

-- list_lines
-- The lines of one transfer.
select l.line_no, l.sku_id, s.code as sku_code, s.name as sku_name, l.quantity, l.open_quantity, l.received_quantity,
       l.unsellable_quantity, l.lost_quantity, l.unit_cost
  from transfer_lines l
  join skus s on s.id = l.sku_id
 where l.transfer_id = %(id)s
 order by l.line_no;

-- list_receipts
-- What arrived of one transfer.
select id, reference, lines, actor, received_at from transfer_receipts where transfer_id = %(id)s order by id;

-- list_losses
-- What of one transfer reached no shelf.
select id, line_no, sku_id, quantity, unit_cost, reason, actor, lost_at from transfer_losses where transfer_id = %(id)s order by id;

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);
