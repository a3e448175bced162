-- count_rows
-- Stock counts, the newest first, with how far they are.
select c.id, c.number, c.status, c.category, c.note, c.created_at, c.created_by, w.name as warehouse, p.lines, p.pending, p.waiting,
       p.exact, p.missing, p.surplus
  from stock_counts c
  join warehouses w on w.id = c.warehouse_id
 cross join lateral (
       select count(*) as lines, count(*) filter (where l.status = 'pending') as pending,
              count(*) filter (where l.status in ('counted', 'refused')) as waiting,
              count(*) filter (where l.variance = 0) as exact,
              coalesce(-sum(l.variance) filter (where l.variance < 0), 0)::bigint as missing,
              coalesce(sum(l.variance) filter (where l.variance > 0), 0)::bigint as surplus
         from stock_count_lines l where l.stock_count_id = c.id) p
 where (%(after_id)s::uuid is null or c.id < %(after_id)s)
   and (%(warehouse_id)s::uuid is null or c.warehouse_id = %(warehouse_id)s)
   and (%(state)s::text is null or c.status = %(state)s)
 order by c.id desc
 limit %(limit)s;

-- count_counts
-- The sentence over the list, and its tabs.
select count(*) as total, count(*) filter (where status = 'open') as open, count(*) filter (where status = 'closed') as closed,
       count(*) filter (where status = 'cancelled') as cancelled,
       (select count(*) from stock_count_lines l where l.status in ('counted', 'refused')
         and exists (select from stock_counts c where c.id = l.stock_count_id and c.status = 'open')) as waiting,
       (select count(*) from shortage_cases where status in ('open', 'waiting')) as shortages
  from stock_counts;

-- category_choices
-- Categories in use.
select distinct category as value from skus where category is not null and archived_at is null order by 1;

-- skus_to_count
-- What a person chose to count: SKUs with a record in the warehouse, perhaps only those nobody counted for a while.
select s.id
  from inventory i
  join skus s on s.id = i.sku_id
 where i.warehouse_id = %(warehouse_id)s
   and (s.archived_at is null or i.on_hand_quantity > 0)
   and (%(category)s::text is null or s.category = %(category)s)
   and (%(like)s::text is null or s.name ilike %(like)s or s.code ilike %(prefix)s)
   and (%(days)s::integer is null or not exists (
        select from stock_count_entries e
          join stock_counts c on c.id = e.stock_count_id
         where e.sku_id = s.id and c.warehouse_id = i.warehouse_id and c.status <> 'cancelled'
           and e.counted_at > (select business_now()) - make_interval(days => %(days)s)))
 order by s.code;

-- count_head
-- One stock count with its progress and what it found.
select c.id, c.number, c.status, c.category, c.note, c.created_by, c.created_at, c.resolved_at, c.version,
       w.id as warehouse_id, w.name as warehouse, p.*
  from stock_counts c
  join warehouses w on w.id = c.warehouse_id
 cross join lateral (
       select count(*) as lines, count(*) filter (where l.status = 'pending') as pending,
              count(*) filter (where l.status in ('counted', 'refused')) as waiting,
              count(*) filter (where l.status = 'approved') as approved,
              count(*) filter (where l.variance = 0) as exact,
              coalesce(-sum(l.variance) filter (where l.variance < 0), 0)::bigint as missing,
              coalesce(sum(l.variance) filter (where l.variance > 0), 0)::bigint as surplus
         from stock_count_lines l where l.stock_count_id = c.id) p
 where c.id = %(count_id)s;

-- count_lines
-- Lines of one count beside what the ledger learned since they were counted: booked late, adjusted meanwhile, moved since.
select l.sku_id, s.code, s.name, l.bucket, l.is_listed, l.status, l.count_no, l.counted_quantity as counted, l.counted_at, l.counted_by,
       l.recorded_quantity as recorded, nullif(l.ledger_at, '-infinity') as ledger_at, l.variance as booked_variance, l.refusal,
       l.approved_at, l.approved_by, coalesce(m.late, 0)::bigint as late, coalesce(m.is_adjusted, false) as is_adjusted,
       coalesce(m.since, 0)::bigint as since, l.late_quantity as booked_late, k.id as shortage_id
  from (select * from stock_count_lines
         where stock_count_id = %(count_id)s
           and case %(state)s when 'left' then status = 'pending' when 'decide' then status in ('counted', 'refused')
                              when 'approved' then status = 'approved' else true end) l
  join skus s on s.id = l.sku_id
  left join shortage_cases k on l.status = 'refused' and (k.sku_id, k.warehouse_id) = (l.sku_id, %(warehouse_id)s)
   and k.status in ('open', 'waiting')
  left join lateral (
       select sum(quantity) filter (where occurred_at <= l.counted_at) as late,
              bool_or(movement_type = 'adjustment') as is_adjusted,
              sum(quantity) filter (where occurred_at > l.counted_at and movement_type <> 'adjustment') as since
         from inventory_movements m
        where l.status in ('counted', 'refused') and m.sku_id = l.sku_id and m.warehouse_id = %(warehouse_id)s
          and m.bucket = l.bucket and (m.created_at, m.seq) > (l.ledger_at, l.ledger_seq)) m on true
 where %(after_code)s::text is null or (s.code, l.bucket) > (%(after_code)s, %(after_bucket)s)
 order by s.code, l.bucket
 limit %(limit)s;

-- left_to_count
-- What nobody has counted yet: the list to walk along. No quantity, so that people count what they see.
select l.sku_id, s.code, s.name, s.barcode
  from stock_count_lines l
  join skus s on s.id = l.sku_id
 where l.stock_count_id = %(count_id)s and l.status = 'pending'
 order by s.code
 limit %(limit)s;

-- counted_before
-- Who counted one SKU last, without the number they found.
select l.count_no, l.counted_by, l.counted_at, l.is_listed
  from stock_count_lines l
 where l.stock_count_id = %(count_id)s and l.sku_id = %(sku_id)s and l.bucket = %(bucket)s;

-- batches_to_count
-- The batches that may lie in a warehouse, by name and date only, so that people count what they see.
select b.number, b.expiry_date
  from inventory_batches i
  join batches b on b.id = i.batch_id
 where i.sku_id = %(sku_id)s and i.warehouse_id = %(warehouse_id)s and i.sellable_quantity > 0
 order by b.expiry_date nulls last, b.number
 limit 200;
