-- batches_add_up
-- P2: for a batch-tracked SKU every unit is in a batch, sellable and unsellable alike; no other SKU has more in batches than there is.
select s.code || '@' || w.code as subject,
       concat('sellable=', i.available_quantity + i.reserved_quantity, ' unsellable=', i.unavailable_quantity) as expected,
       concat('sellable=', coalesce(b.sellable, 0), ' unsellable=', coalesce(b.unsellable, 0)) as found
  from inventory i
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
  left join (select sku_id, warehouse_id, sum(sellable_quantity) as sellable, sum(unsellable_quantity) as unsellable
               from inventory_batches group by sku_id, warehouse_id) b using (sku_id, warehouse_id)
 where case s.tracking
       when 'batch' then (i.available_quantity + i.reserved_quantity, i.unavailable_quantity)
                         is distinct from (coalesce(b.sellable, 0), coalesce(b.unsellable, 0))
       else b.sellable > i.available_quantity + i.reserved_quantity or b.unsellable > i.unavailable_quantity end
 order by 1;

-- serials_add_up
-- P2: for a serial-tracked SKU every unit on hand has its number; those of a batch are the units the batch has.
select s.code || '@' || w.code as subject,
       concat('sellable=', i.available_quantity + i.reserved_quantity, ' unsellable=', i.unavailable_quantity) as expected,
       concat('sellable=', coalesce(u.sellable, 0), ' unsellable=', coalesce(u.unsellable, 0)) as found
  from inventory i
  join skus s on s.id = i.sku_id and s.tracking = 'serial'
  join warehouses w on w.id = i.warehouse_id
  left join (select sku_id, warehouse_id, count(*) filter (where state = 'sellable') as sellable,
                    count(*) filter (where state <> 'sellable') as unsellable
               from serials where warehouse_id is not null group by sku_id, warehouse_id) u using (sku_id, warehouse_id)
 where (i.available_quantity + i.reserved_quantity, i.unavailable_quantity)
       is distinct from (coalesce(u.sellable, 0), coalesce(u.unsellable, 0))
union all
select concat('batch ', m.number, ' of ', s.code, '@', w.code), concat('units=', b.sellable_quantity, '+', b.unsellable_quantity),
       concat('units=', count(u.serial_number) filter (where u.state = 'sellable'), '+',
              count(u.serial_number) filter (where u.state <> 'sellable'))
  from inventory_batches b
  join batches m on m.id = b.batch_id
  join skus s on s.id = b.sku_id and s.tracking = 'serial'
  join warehouses w on w.id = b.warehouse_id
  left join serials u on u.batch_id = b.batch_id and u.warehouse_id = b.warehouse_id
 group by m.number, s.code, w.code, b.sku_id, b.warehouse_id, b.batch_id
having b.sellable_quantity <> count(u.serial_number) filter (where u.state = 'sellable')
    or b.unsellable_quantity <> count(u.serial_number) filter (where u.state <> 'sellable')
 order by 1;

-- states_add_up
-- P2: why units are not sellable, by level and by batch.
select s.code || '@' || w.code as subject, concat('unavailable=', i.unavailable_quantity) as expected,
       concat('states=', coalesce(x.quantity, 0)) as found
  from inventory i
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
  left join (select sku_id, warehouse_id, sum(quantity) as quantity from inventory_states group by 1, 2) x using (sku_id, warehouse_id)
 where i.unavailable_quantity <> coalesce(x.quantity, 0)
union all
select concat('batch ', m.number, ' in ', w.code), concat('unsellable=', b.unsellable_quantity), concat('states=', coalesce(x.quantity, 0))
  from inventory_batches b
  join batches m on m.id = b.batch_id
  join warehouses w on w.id = b.warehouse_id
  left join (select warehouse_id, batch_id, sum(quantity) as quantity
               from inventory_states where batch_id is not null group by 1, 2) x using (warehouse_id, batch_id)
 where b.unsellable_quantity <> coalesce(x.quantity, 0)
 order by 1;

-- batches_are_their_movements
-- P2: what a batch has in a warehouse beside its ledger entries; the batch that stands for what was there before is left out.
select concat('batch ', m.number, ' in ', w.code) as subject,
       concat('sellable=', coalesce(l.sellable, 0), ' unsellable=', coalesce(l.unsellable, 0)) as expected,
       concat('sellable=', b.sellable_quantity, ' unsellable=', b.unsellable_quantity) as found
  from inventory_batches b
  join batches m on m.id = b.batch_id and m.created_by <> 'migration'
  join warehouses w on w.id = b.warehouse_id
  left join (select warehouse_id, batch_id, coalesce(sum(quantity) filter (where bucket = 'sellable'), 0) as sellable,
                    coalesce(sum(quantity) filter (where bucket = 'unsellable'), 0) as unsellable
               from inventory_movements where batch_id is not null group by 1, 2) l using (warehouse_id, batch_id)
 where (b.sellable_quantity, b.unsellable_quantity) is distinct from (coalesce(l.sellable, 0), coalesce(l.unsellable, 0))
 order by 1;

-- serials_follow_their_entries
-- P2: a unit in stock came in with its last entry, into the warehouse and state it is in; one that left went out with it.
select concat('unit ', u.serial_number, ' of ', s.code) as subject,
       concat(u.state, case when u.warehouse_id is not null then ' in ' || u.warehouse_id end) as expected,
       concat('last entry ', m.quantity, ' ', coalesce(m.state, 'sellable'), ' in ', m.warehouse_id) as found
  from serials u
  join skus s on s.id = u.sku_id
  left join lateral (
       select m.quantity, m.state, m.warehouse_id
         from serial_movements x
         join inventory_movements m on m.sku_id = x.sku_id and m.warehouse_id = x.warehouse_id and m.created_at = x.created_at
                                   and m.id = x.movement_id
        where x.sku_id = u.sku_id and x.serial_number = u.serial_number
        order by m.created_at desc, m.seq desc limit 1) m on true
 where case when u.warehouse_id is null then m.quantity is null or m.quantity > 0
            else m.quantity is null or m.quantity < 0 or m.warehouse_id <> u.warehouse_id or coalesce(m.state, 'sellable') <> u.state end
 order by 1;

-- usability_follows_dates
-- P2: usable_until is worked out when a row is written; here it is worked out again.
select concat('batch ', b.number, ' in ', w.code) as subject,
       stock_usable_until(b.state, b.expiry_date, s.min_remaining_days, w.time_zone)::text as expected, i.usable_until::text as found
  from inventory_batches i
  join batches b on b.id = i.batch_id
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where i.usable_until <> stock_usable_until(b.state, b.expiry_date, s.min_remaining_days, w.time_zone)
 order by 1;

-- leaked_batches
-- P7: units past their use that are available this long after: nobody withdraws them. Promised ones are stranded, not leaked.
select concat('batch ', b.number, ' of ', s.code, '@', w.code) as subject, 'withdrawn' as expected,
       concat(i.sellable_quantity, ' sellable since ', i.usable_until) as found
  from inventory_batches i
  join batches b on b.id = i.batch_id
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
  join inventory v on (v.sku_id, v.warehouse_id) = (i.sku_id, i.warehouse_id)
 where i.sellable_quantity > 0 and v.available_quantity > 0
   and i.usable_until < (select business_now()) - make_interval(mins => %(grace_minutes)s)
   and (i.usable_until > '-infinity' or b.changed_at < (select business_now()) - make_interval(mins => %(grace_minutes)s))
   and not (s.tracking = 'serial' and i.sellable_quantity = (
            select count(*) from serials u where u.batch_id = i.batch_id and u.warehouse_id = i.warehouse_id and u.reservation_id is not null))
 order by 1;
