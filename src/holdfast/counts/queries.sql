-- insert_count
-- A new count.
insert into stock_counts (warehouse_id, category, note, created_by, created_at)
values (%(warehouse_id)s, %(category)s, %(note)s, %(actor)s, business_now())
returning id;

-- list_levels_to_count
-- Everything the warehouse has a record of; archived SKUs only while some of them lie there.
insert into stock_count_lines (stock_count_id, sku_id, is_listed)
select %(id)s, i.sku_id, true
  from inventory i
  join skus s on s.id = i.sku_id
 where i.warehouse_id = %(warehouse_id)s
   and (%(category)s::text is null or s.category = %(category)s)
   and (s.archived_at is null or i.on_hand_quantity > 0);

-- list_skus_to_count
-- The SKUs somebody named, on record or not.
insert into stock_count_lines (stock_count_id, sku_id, is_listed)
select %(id)s, s.id, true
  from skus s
 where s.id = any(%(sku_ids)s)
   and (%(category)s::text is null or s.category = %(category)s);

-- find_unknown
-- SKUs that do not exist.
select (l.n - 1)::integer as line
  from unnest(%(sku_ids)s::uuid[]) with ordinality as l (sku_id, n)
 where not exists (select from skus s where s.id = l.sku_id)
 order by l.n;

-- lock_count
-- Approving, closing and cancelling exclude each other and every entry.
select status, version, warehouse_id, created_at from stock_counts where id = %(id)s for update;

-- share_count
-- Many people may enter at once while nobody approves or closes.
select status, version, warehouse_id, created_at from stock_counts where id = %(id)s for share;

-- add_found
-- What was found although it is not on the list; ordered, so that two of us do not wait for each other.
insert into stock_count_lines (stock_count_id, sku_id, bucket, is_listed)
select %(id)s, e.sku_id, e.bucket, false
  from json_to_recordset(%(entries)s) as e (sku_id uuid, bucket text)
 order by e.sku_id, e.bucket
on conflict do nothing;

-- lock_lines
-- The lines of some entries, locked in one order.
select l.sku_id, s.code as sku_code, s.name as sku_name, l.bucket, l.is_listed, l.status, l.count_no, l.counted_quantity,
       l.recorded_quantity, l.late_quantity, l.variance, l.posted_quantity, l.counted_at, l.counted_by, l.refusal, l.approved_at,
       l.approved_by,
       (select e.found from stock_count_entries e where (e.stock_count_id, e.sku_id, e.bucket, e.count_no)
           = (l.stock_count_id, l.sku_id, l.bucket, l.count_no)) as found
  from stock_count_lines l
  join skus s on s.id = l.sku_id
 where l.stock_count_id = %(id)s
   and (l.sku_id, l.bucket) in (select e.sku_id, e.bucket from json_to_recordset(%(entries)s) as e (sku_id uuid, bucket text))
 order by l.sku_id, l.bucket
   for update of l;

-- now
-- The moment by which an offline counting must have happened.
select business_now();

-- record_entries
-- Counted quantities beside the ledger at that moment: its newest entry, or the newest at or before counted_at.
with ask as (
    select e.*
      from json_to_recordset(%(entries)s) as e (sku_id uuid, bucket text, quantity bigint, counted_at timestamptz, shelf text,
           found jsonb)
), line as (
    update stock_count_lines l
       set status = 'counted', count_no = l.count_no + 1, counted_quantity = a.quantity, counted_by = %(actor)s,
           counted_at = coalesce(a.counted_at, greatest(business_now(), m.created_at)),
           recorded_quantity = coalesce(case l.bucket when 'unsellable' then m.unsellable_after
                                                      else m.balance_after - m.unsellable_after end, 0),
           ledger_at = coalesce(m.created_at, '-infinity'), ledger_seq = coalesce(m.seq, 0), late_quantity = 0,
           refusal = null, approved_at = null, approved_by = null
      from ask a
      left join lateral (
           select created_at, seq, balance_after, unsellable_after
             from inventory_movements m
            where m.sku_id = a.sku_id and m.warehouse_id = %(warehouse_id)s
              and (a.counted_at is null or m.created_at <= a.counted_at)
            order by m.created_at desc, m.seq desc
            limit 1) m on true
     where l.stock_count_id = %(id)s and (l.sku_id, l.bucket) = (a.sku_id, a.bucket)
    returning l.*, a.shelf, a.found
)
insert into stock_count_entries (stock_count_id, sku_id, bucket, count_no, counted_quantity, recorded_quantity, shelf, counted_at,
    counted_by, created_at, found)
select stock_count_id, sku_id, bucket, count_no, counted_quantity, recorded_quantity, shelf, counted_at, counted_by, business_now(), found
  from line;

-- lock_levels
-- From here to the end of the transaction nobody else adjusts these levels.
select count_lock_levels(%(warehouse_id)s, %(sku_ids)s);

-- list_waiting
-- Lines that wait for approval; those that were refused before come last, or they would keep the others out.
select l.sku_id, l.bucket
  from stock_count_lines l
 where l.stock_count_id = %(id)s and l.status in ('counted', 'refused')
 order by l.status, l.sku_id, l.bucket
 limit %(limit)s;

-- count_waiting
-- Counted lines that nobody decided about yet.
select count(*) from stock_count_lines where stock_count_id = %(id)s and status = 'counted';

-- count_undecided
-- What closing would drop, and whether anything was approved.
select count(*) filter (where status in ('counted', 'refused')) as waiting, count(*) filter (where status = 'approved') as approved
  from stock_count_lines where stock_count_id = %(id)s;

-- judge_lines
-- Waiting lines beside what the ledger learned since: entries booked late, and adjustments, which may be the same gap.
select l.sku_id, s.code as sku_code, l.bucket, l.count_no, l.counted_quantity, l.recorded_quantity,
       coalesce(m.late, 0)::bigint as late_quantity, coalesce(m.is_adjusted, false) as is_adjusted,
       coalesce(case l.bucket when 'unsellable' then i.unavailable_quantity else i.available_quantity end, 0) as available_quantity,
       coalesce(i.reserved_quantity, 0) as reserved_quantity
  from stock_count_lines l
  join stock_counts c on c.id = l.stock_count_id
  join skus s on s.id = l.sku_id
  left join inventory i on (i.sku_id, i.warehouse_id) = (l.sku_id, c.warehouse_id)
 cross join lateral (
       select sum(quantity) filter (where occurred_at <= l.counted_at) as late, bool_or(movement_type = 'adjustment') as is_adjusted
         from inventory_movements m
        where m.sku_id = l.sku_id and m.warehouse_id = c.warehouse_id and m.bucket = l.bucket
          and (m.created_at, m.seq) > (l.ledger_at, l.ledger_seq)) m
 where l.stock_count_id = %(id)s and l.status in ('counted', 'refused')
   and (l.sku_id, l.bucket) in (select e.sku_id, e.bucket from json_to_recordset(%(lines)s) as e (sku_id uuid, bucket text))
 order by l.sku_id, l.bucket;

-- find_tracking
-- How the units of some SKUs are told apart.
select id, tracking from skus where id = any(%(sku_ids)s) and tracking <> 'none';

-- judge_units
-- Per batch or unit, counted less what the books had: what they have now without what happened after the counting. Whoever
-- counted none need not name any.
with line as (
    select l.sku_id, c.warehouse_id, s.tracking, l.ledger_at, l.ledger_seq, l.counted_at, coalesce(e.found, '{}') as found
      from stock_count_lines l
      join stock_counts c on c.id = l.stock_count_id
      join skus s on s.id = l.sku_id
      join stock_count_entries e on (e.stock_count_id, e.sku_id, e.bucket, e.count_no)
                                  = (l.stock_count_id, l.sku_id, l.bucket, l.count_no)
     where l.stock_count_id = %(id)s and l.sku_id = any(%(sku_ids)s) and l.bucket = 'sellable' and l.status in ('counted', 'refused')
       and s.tracking <> 'none' and (e.found is not null or l.counted_quantity = 0)
), since as (
    select m.id, m.sku_id, m.batch_id, m.quantity
      from line
      join inventory_movements m on (m.sku_id, m.warehouse_id) = (line.sku_id, line.warehouse_id)
     where m.bucket = 'sellable' and (m.created_at, m.seq) > (line.ledger_at, line.ledger_seq) and m.occurred_at > line.counted_at
), balance as (
    select line.sku_id, b.batch_id, b.sellable_quantity as quantity
      from line
      join inventory_batches b on (b.sku_id, b.warehouse_id) = (line.sku_id, line.warehouse_id)
     where line.tracking = 'batch'
    union all
    select sku_id, batch_id, -quantity from since
), unit as (
    select f.sku_id, f.number as batch, null as serial_number, f.expiry_date, f.quantity
      from (select line.sku_id, x.number, x.expiry_date, x.quantity
              from line, jsonb_to_recordset(line.found -> 'batches') as x (number text, expiry_date date, quantity bigint)) f
    union all
    select b.sku_id, m.number, null, null, -b.quantity
      from balance b
      join line on line.sku_id = b.sku_id and line.tracking = 'batch'
      join batches m on m.id = b.batch_id
    union all
    select line.sku_id, null, x.serial_number, null, 1
      from line, jsonb_array_elements_text(line.found -> 'serials') as x (serial_number)
    union all
    select line.sku_id, null, u.serial_number, null, -1
      from line
      join serials u on (u.sku_id, u.warehouse_id) = (line.sku_id, line.warehouse_id) and u.state = 'sellable'
     where line.tracking = 'serial'
    union all
    select line.sku_id, null, u.serial_number, null, sign(n.quantity)::bigint
      from line
      join since n on n.sku_id = line.sku_id
      join serial_movements u on u.movement_id = n.id
     where line.tracking = 'serial'
)
select sku_id, batch, serial_number, max(expiry_date) as expiry_date, sum(quantity)::bigint as quantity
  from unit
 group by sku_id, batch, serial_number
having sum(quantity) <> 0
 order by sku_id, batch, serial_number;

-- mark_approved
-- Booked, or exact.
update stock_count_lines l
   set status = 'approved', late_quantity = a.late, posted_quantity = l.posted_quantity + a.variance, refusal = null,
       approved_at = business_now(), approved_by = %(actor)s
  from json_to_recordset(%(lines)s) as a (sku_id uuid, bucket text, late bigint, variance bigint)
 where l.stock_count_id = %(id)s and (l.sku_id, l.bucket) = (a.sku_id, a.bucket);

-- mark_refused
-- Not bookable now, with the facts; it keeps waiting.
update stock_count_lines l
   set status = 'refused', refusal = a.refusal
  from jsonb_to_recordset(%(lines)s) as a (sku_id uuid, bucket text, refusal jsonb)
 where l.stock_count_id = %(id)s and (l.sku_id, l.bucket) = (a.sku_id, a.bucket);

-- count_change
-- The version every decision counts; entries do not, they are compared line by line.
update stock_counts
   set status = %(status)s, version = version + 1,
       resolved_at = case when %(status)s = 'open' then null else business_now() end
 where id = %(id)s;

-- list_counts
-- One page with its progress, newest first.
select c.*, w.code as warehouse_code, p.*,
       case when p.lines_total > p.lines_pending then round(p.lines_exact::numeric / (p.lines_total - p.lines_pending), 4) end as accuracy,
       case when p.units_recorded > 0 then greatest(0, round(1 - p.variance_absolute::numeric / p.units_recorded, 4)) end as unit_accuracy
  from stock_counts c
  join warehouses w on w.id = c.warehouse_id
 cross join lateral (
       select count(*) as lines_total, count(*) filter (where l.status = 'pending') as lines_pending,
              count(*) filter (where l.status = 'counted') as lines_counted,
              count(*) filter (where l.status = 'refused') as lines_refused,
              count(*) filter (where l.status = 'approved') as lines_approved,
              count(*) filter (where l.variance = 0) as lines_exact,
              coalesce(sum(l.counted_quantity), 0)::bigint as units_counted,
              coalesce(sum(l.recorded_quantity + l.late_quantity), 0)::bigint as units_recorded,
              coalesce(sum(l.variance), 0)::bigint as variance_net,
              coalesce(sum(abs(l.variance)), 0)::bigint as variance_absolute,
              coalesce(sum(l.variance * i.cost_price), 0)::numeric as variance_value
         from stock_count_lines l
         left join inventory i on (i.sku_id, i.warehouse_id) = (l.sku_id, c.warehouse_id)
        where l.stock_count_id = c.id) p
 where (%(before)s::uuid is null or c.id < %(before)s)
   and (%(id)s::uuid is null or c.id = %(id)s)
   and (%(status)s::text is null or c.status = %(status)s)
   and (%(warehouse_id)s::uuid is null or c.warehouse_id = %(warehouse_id)s)
 order by c.id desc
 limit %(limit)s;

-- list_lines
-- One page of a count's lines in order of SKU code.
select l.sku_id, s.code as sku_code, s.name as sku_name, l.bucket, l.is_listed, l.status, l.count_no, l.counted_quantity,
       l.recorded_quantity, l.late_quantity, l.variance, l.posted_quantity, l.counted_at, l.counted_by, l.refusal, l.approved_at,
       l.approved_by,
       (select e.found from stock_count_entries e where (e.stock_count_id, e.sku_id, e.bucket, e.count_no)
           = (l.stock_count_id, l.sku_id, l.bucket, l.count_no)) as found
  from stock_count_lines l
  join skus s on s.id = l.sku_id
 where l.stock_count_id = %(id)s
   and (%(status)s::text is null or l.status = %(status)s)
   and (%(sku_id)s::uuid is null or l.sku_id = %(sku_id)s)
   and (%(has_variance)s::boolean is null or %(has_variance)s = coalesce(l.variance <> 0, false))
   and (%(after_code)s::text is null or (s.code, l.bucket) > (%(after_code)s, %(after_bucket)s))
 order by s.code, l.bucket
 limit %(limit)s;

-- list_entries
-- Every counting of one SKU, newest first.
select id, sku_id, bucket, count_no, counted_quantity, recorded_quantity, shelf, counted_at, counted_by, created_at, found
  from stock_count_entries
 where stock_count_id = %(id)s and sku_id = %(sku_id)s
 order by id desc;

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);
