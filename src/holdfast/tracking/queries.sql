-- list_batches
-- One page of batches: what expires first comes first, then by number.
select b.*, s.code as sku_code, q.*
  from batches b
  join skus s on s.id = b.sku_id
 cross join lateral (
       select coalesce(sum(i.sellable_quantity), 0)::bigint as sellable_quantity,
              coalesce(sum(i.unsellable_quantity), 0)::bigint as unsellable_quantity,
              coalesce(sum(i.stranded_quantity), 0)::bigint as stranded_quantity
         from inventory_batches i
        where i.batch_id = b.id and (%(warehouse_id)s::uuid is null or i.warehouse_id = %(warehouse_id)s)) q
 where (%(id)s::uuid is null or b.id = %(id)s)
   and (%(sku_id)s::uuid is null or b.sku_id = %(sku_id)s)
   and (%(number)s::text is null or b.number = %(number)s)
   and (%(state)s::text is null or b.state = %(state)s)
   and (%(supplier_id)s::uuid is null or b.supplier_id = %(supplier_id)s)
   and (%(expiring_before)s::date is null or b.expiry_date < %(expiring_before)s)
   and (%(warehouse_id)s::uuid is null or exists (
        select from inventory_batches i where i.batch_id = b.id and i.warehouse_id = %(warehouse_id)s
           and i.sellable_quantity + i.unsellable_quantity > 0))
   and (not %(in_stock)s::boolean or q.sellable_quantity + q.unsellable_quantity > 0)
   and (not %(stranded)s::boolean or q.stranded_quantity > 0)
   and (%(after_date)s::date is null or (coalesce(b.expiry_date, '9999-12-31'), b.id) > (%(after_date)s, %(after_id)s::uuid))
 order by coalesce(b.expiry_date, '9999-12-31'), b.id
 limit %(limit)s;

-- list_balances
-- Where some batches lie, and why what cannot be sold cannot.
select i.batch_id, i.warehouse_id, w.code as warehouse_code, i.sellable_quantity, i.unsellable_quantity, i.stranded_quantity,
       i.usable_until > (select business_now()) as is_usable, case when isfinite(i.usable_until) then i.usable_until end as usable_until,
       coalesce((select jsonb_object_agg(x.state, x.quantity) from inventory_states x
                  where x.sku_id = i.sku_id and x.warehouse_id = i.warehouse_id and x.batch_id = i.batch_id and x.quantity > 0), '{}') as states
  from inventory_batches i
  join warehouses w on w.id = i.warehouse_id
 where i.batch_id = any(%(ids)s) and i.sellable_quantity + i.unsellable_quantity > 0
 order by w.code;

-- judge_batch
-- Quarantine, release or recall everywhere; answers the state it had.
select stock_judge_batch(%(id)s, %(state)s, %(reason)s, %(actor)s);

-- change_batch
-- Correct dates and supplier; answers the version it had.
select stock_change_batch(%(id)s, %(production_date)s, %(expiry_date)s, %(supplier_id)s, %(expected_version)s, %(actor)s);

-- supplier_exists
-- A batch names a supplier of ours.
select exists (select from suppliers where id = %(id)s);

-- trace_out
-- Who got units of a batch: what left for a reference, net of what came back of it and of what was undone.
with entry as (
    select case m.reference_type when 'return' then r.reference_type else m.reference_type end as reference_type,
           case m.reference_type when 'return' then r.reference_id else m.reference_id end as reference_id,
           m.warehouse_id, m.quantity, m.occurred_at, m.id, m.sku_id
      from inventory_movements m
      left join returns r on m.reference_type = 'return' and r.id::text = m.reference_id
     where m.batch_id = %(id)s and m.movement_type in ('in', 'out')
       and m.reference_type in ('sale', 'order', 'cart', 'manual', 'reservation', 'return')
)
select reference_type, reference_id, -sum(quantity)::bigint as quantity,
       coalesce(-sum(quantity) filter (where quantity < 0), 0)::bigint as shipped_quantity,
       min(occurred_at) filter (where quantity < 0) as shipped_at, array_agg(distinct warehouse_id) as warehouse_ids,
       (select coalesce(array_agg(distinct x.serial_number), '{}')
          from entry n
          join serial_movements x on x.movement_id = n.id
          join serials u on u.sku_id = x.sku_id and u.serial_number = x.serial_number and u.state = 'shipped'
         where n.quantity < 0 and (n.reference_type, n.reference_id) is not distinct from (e.reference_type, e.reference_id)) as serials
  from entry e
 group by reference_type, reference_id
having sum(quantity) filter (where quantity < 0) is not null
 order by min(occurred_at), reference_id;

-- trace_in
-- What brought units of a batch in: a purchase order with its supplier, or a receipt, an adjustment, an import.
select m.reference_type, m.reference_id, m.warehouse_id, sum(m.quantity)::bigint as quantity, min(m.occurred_at) as received_at,
       o.number as purchase_order_number, o.supplier_id, p.code as supplier_code, p.name as supplier_name
  from inventory_movements m
  left join purchase_orders o on m.reference_type = 'purchase' and o.id::text = m.reference_id
  left join suppliers p on p.id = o.supplier_id
 where m.batch_id = %(id)s and m.quantity > 0 and m.reference_type in ('purchase', 'receipt', 'adjustment', 'import', 'count')
   and m.movement_type <> 'transfer'
 group by m.reference_type, m.reference_id, m.warehouse_id, o.number, o.supplier_id, p.code, p.name
 order by min(m.occurred_at);

-- trace_transfers
-- Between which warehouses it travelled.
select t.id as transfer_id, t.number, t.from_warehouse_id, t.to_warehouse_id, t.status,
       -coalesce(sum(m.quantity) filter (where m.quantity < 0), 0)::bigint as shipped_quantity,
       coalesce(sum(m.quantity) filter (where m.quantity > 0), 0)::bigint as received_quantity
  from inventory_movements m
  join transfers t on t.id::text = m.reference_id
 where m.batch_id = %(id)s and m.reference_type = 'transfer'
 group by t.id
 order by t.id;

-- list_stranded
-- Open holds of some SKUs that can no longer be served; the newest lose first.
select * from stock_stranded_lines(%(sku_ids)s);

-- list_units
-- One page of units, by number.
select u.sku_id, s.code as sku_code, u.serial_number, u.state, u.warehouse_id, u.batch_id, b.number as batch_number, u.reservation_id,
       u.received_at, u.changed_at
  from serials u
  join skus s on s.id = u.sku_id
  left join batches b on b.id = u.batch_id
 where (%(sku_id)s::uuid is null or u.sku_id = %(sku_id)s)
   and (%(serial_number)s::text is null or u.serial_number = %(serial_number)s)
   and (%(state)s::text is null or u.state = %(state)s)
   and (%(warehouse_id)s::uuid is null or u.warehouse_id = %(warehouse_id)s)
   and (%(batch_id)s::uuid is null or u.batch_id = %(batch_id)s)
   and (%(reservation_id)s::uuid is null or u.reservation_id = %(reservation_id)s)
   and (%(after_sku)s::uuid is null or (u.sku_id, u.serial_number) > (%(after_sku)s, %(after_number)s))
 order by u.sku_id, u.serial_number
 limit %(limit)s;

-- list_steps
-- The life of one unit, newest first.
select m.id as movement_id, m.warehouse_id, m.movement_type, m.bucket, m.state, m.reference_type, m.reference_id, m.reason, m.actor,
       m.quantity > 0 as is_in, m.created_at
  from serial_movements x
  join inventory_movements m on m.sku_id = x.sku_id and m.warehouse_id = x.warehouse_id and m.created_at = x.created_at
                            and m.id = x.movement_id
 where x.sku_id = %(sku_id)s and x.serial_number = %(serial_number)s
 order by m.created_at desc, m.seq desc;

-- withdraw
-- Take what is past its use out of what can be sold, on so many levels.
select stock_withdraw(%(limit)s);
