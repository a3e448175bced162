-- open_case
-- One open case per level: a newer finding replaces what an older one wanted to book.
insert into shortage_cases (sku_id, warehouse_id, cause, reference_id, change, missing_quantity, reason, opened_by, opened_at)
select i.sku_id, i.warehouse_id, %(cause)s, %(reference_id)s, %(change)s, greatest(0, -(i.available_quantity + %(change)s)), %(reason)s,
       %(actor)s, business_now()
  from inventory i
 where (i.sku_id, i.warehouse_id) = (%(sku_id)s, %(warehouse_id)s)
on conflict (sku_id, warehouse_id) where status in ('open', 'waiting') do update
   set cause = excluded.cause, reference_id = excluded.reference_id, change = excluded.change,
       missing_quantity = excluded.missing_quantity, reason = excluded.reason, version = shortage_cases.version + 1
returning id, version;

-- open_stranded
-- One case per level where units past their use are promised (of one SKU, or of all); a finding of another kind that is open
-- there stays, and what somebody dismissed is not found again unless more units or another batch are stranded.
with stranded as (
    select b.sku_id, b.warehouse_id, sum(b.stranded_quantity)::bigint as quantity,
           bool_or(m.state <> 'usable') as is_judged, (array_agg(m.id order by b.stranded_quantity desc, m.id))[1]::text as batch_id,
           string_agg('batch ' || m.number || ': ' || stock_batch_reason(m.state, b.usable_until, business_now()), '; '
                      order by m.number) as reason
      from inventory_batches b
      join batches m on m.id = b.batch_id
     where b.sellable_quantity > 0 and b.usable_until <= (select business_now()) and b.stranded_quantity > 0
       and (%(sku_id)s::uuid is null or b.sku_id = %(sku_id)s)
     group by b.sku_id, b.warehouse_id
)
insert into shortage_cases (sku_id, warehouse_id, cause, reference_id, change, missing_quantity, reason, opened_by, opened_at)
select i.sku_id, i.warehouse_id, case when s.is_judged then 'recall' else 'expiry' end, s.batch_id, -s.quantity,
       greatest(0, s.quantity - i.available_quantity), left(s.reason, 500), %(actor)s, business_now()
  from stranded s
  join inventory i using (sku_id, warehouse_id)
 where not exists (
       select from shortage_cases d
        where (d.sku_id, d.warehouse_id) = (s.sku_id, s.warehouse_id) and d.status = 'dismissed' and d.reference_id = s.batch_id
          and -d.change >= s.quantity)
 order by i.sku_id, i.warehouse_id
on conflict (sku_id, warehouse_id) where status in ('open', 'waiting') do update
   set cause = excluded.cause, reference_id = excluded.reference_id, change = excluded.change,
       missing_quantity = excluded.missing_quantity, reason = excluded.reason, version = shortage_cases.version + 1
 where shortage_cases.cause in ('expiry', 'recall')
   and (shortage_cases.change, shortage_cases.reference_id) is distinct from (excluded.change, excluded.reference_id)
returning id, version;

-- find_served
-- Open cases of batches on levels where nothing is stranded any more, except those somebody is deciding about.
select c.id
  from shortage_cases c
  join skus s on s.id = c.sku_id and s.tracking <> 'none'
 where c.status in ('open', 'waiting') and c.cause in ('expiry', 'recall')
   and (%(sku_id)s::uuid is null or c.sku_id = %(sku_id)s)
   and not exists (select from inventory_batches b
                    where (b.sku_id, b.warehouse_id) = (c.sku_id, c.warehouse_id) and b.stranded_quantity > 0)
 order by c.id
   for update of c skip locked;

-- withdraw_level
-- Take what is past its use out of a level; answers what stays because it is promised.
select stock_withdraw_level(%(sku_id)s, %(warehouse_id)s);

-- list_cases
-- One page, newest first; what is missing now, while a case is open.
select c.id, c.number, c.sku_id, s.code as sku_code, c.warehouse_id, w.code as warehouse_code, c.status, c.cause, c.reference_id, c.change,
       case when c.resolved_at is null then greatest(0, -(i.available_quantity + c.change)) else c.missing_quantity end as missing_quantity,
       i.available_quantity, i.reserved_quantity, c.reason, c.note, c.wait_until, c.opened_by, c.opened_at, c.resolved_by, c.resolved_at,
       c.broken, c.version
  from shortage_cases c
  join skus s on s.id = c.sku_id
  join warehouses w on w.id = c.warehouse_id
  join inventory i on (i.sku_id, i.warehouse_id) = (c.sku_id, c.warehouse_id)
 where (%(id)s::uuid is null or c.id = %(id)s)
   and (%(status)s::text is null or c.status = %(status)s)
   and (%(is_over)s::boolean is null or %(is_over)s = (c.resolved_at is not null))
   and (%(sku_id)s::uuid is null or c.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or c.warehouse_id = %(warehouse_id)s)
   and (%(before)s::uuid is null or c.id < %(before)s)
 order by c.id desc
 limit %(limit)s;

-- lock_case
-- One decision at a time.
select status, version from shortage_cases where id = %(id)s for update;

-- list_promises
-- Who was promised units of a level, in the order in which a promise is to be broken: carts, then holds by hand, then orders;
-- the latest promise first.
select h.id as reservation_id, h.reference_type, h.reference_id, sum(l.quantity)::bigint as quantity, min(l.reserved_at) as reserved_at,
       h.expires_at
  from inventory_reservations l
  join reservations h on h.id = l.reservation_id
 where l.status = 'active' and (l.sku_id, l.warehouse_id) = (%(sku_id)s, %(warehouse_id)s)
   and (h.expires_at is null or h.expires_at > (select business_now()))
 group by h.id
 order by case h.reference_type when 'cart' then 1 when 'manual' then 2 else 3 end, min(l.reserved_at) desc, h.id desc;

-- break_promises
-- Release these parts without giving them to anybody.
select reservation_id, reference_type, reference_id, quantity from stock_break_promises(%(sku_id)s, %(warehouse_id)s, %(takes)s);

-- end_case
-- Resolved or dismissed.
update shortage_cases
   set status = %(status)s, resolved_by = %(actor)s, resolved_at = business_now(), note = coalesce(%(note)s, note),
       broken = %(broken)s, version = version + 1
 where id = %(id)s;

-- wait
-- Nothing is decided until goods come.
update shortage_cases
   set status = 'waiting', note = %(note)s, wait_until = %(until)s, version = version + 1
 where id = %(id)s;

-- find_booked
-- Open cases of a document whose finding was booked after all.
select id from shortage_cases
 where status in ('open', 'waiting') and cause = %(cause)s and reference_id = %(reference_id)s and sku_id = any(%(sku_ids)s);

-- physical_level
-- The sellable units of a level as they are now, promised or not.
select available_quantity + reserved_quantity from inventory where (sku_id, warehouse_id) = (%(sku_id)s, %(warehouse_id)s);

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);
