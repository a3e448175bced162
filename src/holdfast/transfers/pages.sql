-- transfer_rows
-- Transfers, the newest first, with what of them is still on its way.
with clock as materialized (select business_now()::date as today)
select t.id, t.number, t.status, t.expected_at, t.created_at, f.name as from_name, d.name as to_name, s.lines, s.units, s.open,
       s.lost, s.first_name,
       case when t.status in ('shipped', 'partly_received') then c.today - t.expected_at end as days_late
  from transfers t
  join warehouses f on f.id = t.from_warehouse_id
  join warehouses d on d.id = t.to_warehouse_id
 cross join clock c
 cross join lateral (
       select count(*) as lines, coalesce(sum(l.quantity), 0)::bigint as units, coalesce(sum(l.open_quantity), 0)::bigint as open,
              coalesce(sum(l.lost_quantity), 0)::bigint as lost, (array_agg(k.name order by l.line_no))[1] as first_name
         from transfer_lines l
         join skus k on k.id = l.sku_id
        where l.transfer_id = t.id) s
 where (%(after_id)s::uuid is null or t.id < %(after_id)s)
   and (%(from_id)s::uuid is null or t.from_warehouse_id = %(from_id)s)
   and (%(to_id)s::uuid is null or t.to_warehouse_id = %(to_id)s)
   and (%(like)s::text is null or t.number ilike %(like)s or exists (
        select from transfer_lines l join skus k on k.id = l.sku_id
         where l.transfer_id = t.id and (k.code ilike %(prefix)s or k.name ilike %(like)s)))
   and case coalesce(%(state)s::text, 'all')
           when 'draft' then t.status = 'draft'
           when 'coming' then t.status in ('shipped', 'partly_received')
           when 'late' then t.status in ('shipped', 'partly_received') and t.expected_at < c.today
           when 'done' then t.status in ('received', 'closed', 'cancelled')
           else true
       end
 order by t.id desc
 limit %(limit)s;

-- transfer_counts
-- The sentence over the list, and its tabs.
with clock as materialized (select business_now()::date as today)
select count(*) as total,
       count(*) filter (where t.status = 'draft') as draft,
       count(*) filter (where t.status in ('shipped', 'partly_received')) as coming,
       count(*) filter (where t.status in ('shipped', 'partly_received') and t.expected_at < c.today) as late,
       count(*) filter (where t.status in ('received', 'closed', 'cancelled')) as done
  from transfers t, clock c;

-- transfer_head
-- One transfer.
select t.id, t.number, t.status, t.expected_at, t.note, t.created_by, t.created_at, t.shipped_at, t.resolved_at, t.version,
       f.id as from_id, f.name as from_name, d.id as to_id, d.name as to_name,
       case when t.status in ('shipped', 'partly_received') then business_now()::date - t.expected_at end as days_late
  from transfers t
  join warehouses f on f.id = t.from_warehouse_id
  join warehouses d on d.id = t.to_warehouse_id
 where t.id = %(transfer_id)s;

-- transfer_lines
-- The lines of one transfer, with what its source has of each SKU now.
select l.line_no, l.sku_id, k.code, k.name, k.barcode, l.quantity, l.open_quantity as open, l.received_quantity as received,
       l.unsellable_quantity as damaged, l.lost_quantity as lost, l.unit_cost, greatest(0, coalesce(i.available_quantity - i.pooled_quantity, 0))::bigint as available
  from transfer_lines l
  join transfers t on t.id = l.transfer_id
  join skus k on k.id = l.sku_id
  left join inventory i on i.sku_id = l.sku_id and i.warehouse_id = t.from_warehouse_id
 where l.transfer_id = %(transfer_id)s
 order by l.line_no;

-- transfer_deliveries
-- What arrived of one transfer, the newest first.
select r.received_at, r.actor, r.reference, x.good, x.damaged, x.lost
  from transfer_receipts r
 cross join lateral (
       select coalesce(sum(l.quantity), 0)::bigint as good, coalesce(sum(l.unsellable_quantity), 0)::bigint as damaged,
              coalesce(sum(l.lost_quantity), 0)::bigint as lost
         from jsonb_to_recordset(r.lines) as l (quantity bigint, unsellable_quantity bigint, lost_quantity bigint)) x
 where r.transfer_id = %(transfer_id)s
 order by r.id desc
 limit 20;

-- transfer_losses
-- What of one transfer reached no shelf, and why.
select x.lost_at, x.actor, x.reason, x.quantity, x.unit_cost, k.name, k.id as sku_id
  from transfer_losses x
  join skus k on k.id = x.sku_id
 where x.transfer_id = %(transfer_id)s
 order by x.id
 limit 100;

-- parts_on_way
-- Batches and units of one transfer that have not arrived, what expires first at the top.
select p.line_no, p.sku_id, b.number as batch, b.expiry_date, p.serial_number, p.open_quantity as quantity
  from transfer_parts p
  left join batches b on b.id = p.batch_id
 where p.transfer_id = %(transfer_id)s and p.open_quantity > 0
 order by p.line_no, b.expiry_date nulls last, b.number, p.serial_number
 limit 5000;

-- parts_at_source
-- Batches, or units with a number, that could travel on a draft: per line what would be chosen first at the top.
select l.line_no, l.sku_id, x.batch, x.expiry_date, x.serial_number, x.quantity
  from transfer_lines l
  join transfers t on t.id = l.transfer_id
  join skus s on s.id = l.sku_id and s.tracking <> 'none'
 cross join lateral (
       (select b.number as batch, b.expiry_date, null as serial_number, i.sellable_quantity as quantity
          from inventory_batches i
          join batches b on b.id = i.batch_id
         where s.tracking = 'batch' and i.sku_id = l.sku_id and i.warehouse_id = t.from_warehouse_id
           and i.sellable_quantity > 0 and i.usable_until > (select business_now())
         order by i.usable_until, b.id
         limit 20)
       union all
       (select null, null, u.serial_number, 1
          from serials u
         where s.tracking = 'serial' and u.sku_id = l.sku_id and u.warehouse_id = t.from_warehouse_id
           and u.state = 'sellable' and u.reservation_id is null
         order by u.received_at, u.serial_number
         limit 20)) x
 where l.transfer_id = %(transfer_id)s and t.status = 'draft'
 order by l.line_no, x.expiry_date nulls last, x.batch, x.serial_number;
