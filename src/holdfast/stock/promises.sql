-- sku_exists
-- Whether there is such a SKU.
select exists (select from skus where id = %(sku_id)s);

-- list_policies
-- The backorder rules of a SKU, the general one first.
select warehouse_id, mode, quantity_max, updated_by, updated_at
  from backorder_policies
 where sku_id = %(sku_id)s
 order by warehouse_id nulls first;

-- set_policy
-- One backorder rule; answers the code of the refusal, or null when it was done.
select stock_set_backorder_policy(%(sku_id)s, %(warehouse_id)s, %(mode)s, %(quantity_max)s, %(actor)s);

-- inbound_changed
-- Date the promises of these levels by what their inbound says now.
select stock_inbound_changed(%(levels)s);

-- overdue_promises
-- Levels whose promises lean on inbound that is late.
select stock_overdue_promises();

-- wait
-- Put somebody on the waiting list.
select outcome, facts::text as facts from stock_wait(%(request)s);

-- stop_waiting
-- Take an entry off the list while it waits; false when it did no more.
select stock_stop_waiting(%(id)s);

-- get_entry
-- One entry; what became of its offer is read from the reservation.
select e.id, e.place, e.sku_id, e.warehouse_id, e.quantity, e.reference_id, waiting_status(e.status, h.status, h.reference_type) as status,
       case when e.status = 'waiting'
            then (select count(*) from waiting_entries b where b.sku_id = e.sku_id and b.status = 'waiting' and b.place < e.place) end as ahead,
       e.reservation_id, e.offered_at, case when h.status = 'active' then h.expires_at end as offer_expires_at, e.created_at
  from waiting_entries e
  left join reservations h on h.id = e.reservation_id
 where e.id = %(id)s;

-- list_entries
-- One page in order of place.
select e.id, e.place, e.sku_id, e.warehouse_id, e.quantity, e.reference_id, waiting_status(e.status, h.status, h.reference_type) as status,
       case when e.status = 'waiting'
            then (select count(*) from waiting_entries b where b.sku_id = e.sku_id and b.status = 'waiting' and b.place < e.place) end as ahead,
       e.reservation_id, e.offered_at, case when h.status = 'active' then h.expires_at end as offer_expires_at, e.created_at
  from waiting_entries e
  left join reservations h on h.id = e.reservation_id
 where (%(after)s::bigint is null or e.place > %(after)s)
   and (%(sku_id)s::uuid is null or e.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or e.warehouse_id = %(warehouse_id)s)
   and (%(reference_id)s::text is null or e.reference_id = %(reference_id)s)
   and (%(status)s::text is null or waiting_status(e.status, h.status, h.reference_type) = %(status)s)
 order by e.place
 limit %(limit)s;
