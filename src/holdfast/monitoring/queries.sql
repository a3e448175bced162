-- quantities_not_negative
-- P1: the constraints say so; a row that breaks them got in while they were away.
select s.code || '@' || w.code as subject, 'no quantity below 0' as expected,
       concat('available=', i.available_quantity, ' reserved=', i.reserved_quantity, ' unavailable=', i.unavailable_quantity,
              ' in_transit=', i.in_transit_quantity, ' backordered=', i.backordered_quantity, ' pooled=', i.pooled_quantity) as found
  from inventory i
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where least(i.available_quantity, i.reserved_quantity, i.unavailable_quantity, i.in_transit_quantity, i.backordered_quantity, i.pooled_quantity) < 0
 order by 1;

-- constraints_in_force
-- P1: the walls themselves: present, enforced and validated.
select n.name as subject, 'in force' as expected,
       case when c.oid is null then 'missing' when not c.conenforced then 'not enforced' else 'not validated' end as found
  from unnest(array['never_oversold', 'reserved_never_negative', 'unavailable_never_negative', 'in_transit_never_negative',
                 'backordered_never_negative', 'pooled_never_negative', 'pool_never_negative', 'pool_never_overdrawn'])
       as n (name)
  left join pg_constraint c on c.conname = n.name and c.conrelid in ('inventory'::regclass, 'channel_pools'::regclass)
 where c.oid is null or not c.conenforced or not c.convalidated
 order by 1;

-- on_hand_is_its_movements
-- P2: on hand, and the unsellable part of it, beside the sum of the ledger.
select s.code || '@' || w.code as subject,
       concat('on_hand=', coalesce(m.quantity, 0), ' unavailable=', coalesce(m.unsellable, 0)) as expected,
       concat('on_hand=', i.on_hand_quantity, ' unavailable=', i.unavailable_quantity) as found
  from inventory i
  left join (select sku_id, warehouse_id, sum(quantity) as quantity,
                    coalesce(sum(quantity) filter (where bucket = 'unsellable'), 0) as unsellable
               from inventory_movements group by sku_id, warehouse_id) m using (sku_id, warehouse_id)
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where i.on_hand_quantity <> coalesce(m.quantity, 0) or i.unavailable_quantity <> coalesce(m.unsellable, 0)
 order by 1;

-- reserved_is_its_lines
-- P2: reserved beside the active reservation lines.
select s.code || '@' || w.code as subject, concat('reserved=', coalesce(l.quantity, 0)) as expected,
       concat('reserved=', i.reserved_quantity) as found
  from inventory i
  left join (select sku_id, warehouse_id, sum(quantity) as quantity
               from inventory_reservations where status = 'active' group by sku_id, warehouse_id) l using (sku_id, warehouse_id)
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where i.reserved_quantity <> coalesce(l.quantity, 0)
 order by 1;

-- backordered_is_its_lines
-- P2: what is promised beyond what is there beside the reservation lines that wait; nobody waits while there is
-- something that no pool keeps.
select s.code || '@' || w.code as subject,
       concat('backordered=', coalesce(l.quantity, 0), case when l.due > 0 and i.available_quantity > i.pooled_quantity then ' available=0' end) as expected,
       concat('backordered=', i.backordered_quantity, case when l.due > 0 and i.available_quantity > i.pooled_quantity then ' available=' || i.available_quantity end) as found
  from inventory i
  left join (select sku_id, warehouse_id, sum(quantity) as quantity,
                    count(*) filter (where expires_at is null or expires_at > (select business_now())) as due
               from inventory_reservations where status = 'backordered' group by sku_id, warehouse_id) l using (sku_id, warehouse_id)
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where i.backordered_quantity <> coalesce(l.quantity, 0) or (l.due > 0 and i.available_quantity > i.pooled_quantity)
 order by 1;

-- bundles_are_their_parts
-- P2: a bundle has components that are none themselves, and no stock of its own.
select 'bundle ' || s.code as subject, 'components, no bundle among them, no stock of its own' as expected,
       concat('components=', (select count(*) from bundle_components c where c.bundle_id = s.id),
              ' bundles among them=', (select count(*) from bundle_components c join skus p on p.id = c.component_id
                                        where c.bundle_id = s.id and p.is_bundle),
              ' units=', (select coalesce(sum(on_hand_quantity + in_transit_quantity + backordered_quantity), 0) from inventory i
                           where i.sku_id = s.id)) as found
  from skus s
 where (s.is_bundle <> exists (select from bundle_components c where c.bundle_id = s.id))
    or (s.is_bundle and (exists (select from bundle_components c join skus p on p.id = c.component_id where c.bundle_id = s.id and p.is_bundle)
                         or exists (select from inventory i where i.sku_id = s.id
                                       and (on_hand_quantity > 0 or in_transit_quantity > 0 or backordered_quantity > 0))))
 order by 1;

-- offers_have_their_hold
-- P2: an entry of the waiting list that was offered units has a reservation for exactly these.
select 'waiting entry ' || e.id as subject, 'a hold of ' || e.quantity as expected,
       'a hold of ' || coalesce(sum(l.quantity), 0) as found
  from waiting_entries e
  left join inventory_reservations l on l.reservation_id = e.reservation_id and l.sku_id = e.sku_id
 where e.status = 'offered'
 group by e.id
having coalesce(sum(l.quantity), 0) <> e.quantity
 order by e.id;

-- in_transit_is_open_lines
-- P2: in transit beside the open lines of purchase orders and transfers.
select s.code || '@' || w.code as subject, concat('in_transit=', coalesce(o.quantity, 0)) as expected,
       concat('in_transit=', coalesce(i.in_transit_quantity, 0)) as found
  from inventory i
  full join (select sku_id, warehouse_id, sum(quantity) as quantity
               from inbound_lines group by sku_id, warehouse_id) o using (sku_id, warehouse_id)
  join skus s on s.id = sku_id
  join warehouses w on w.id = warehouse_id
 where coalesce(i.in_transit_quantity, 0) <> coalesce(o.quantity, 0)
 order by 1;

-- transfers_add_up
-- P2: what a transfer took out of the source is on its way, at the destination, or written off as lost.
with part as (
    select transfer_id::text as id, sku_id, open_quantity + lost_quantity as quantity from transfer_lines
    union all
    select reference_id, sku_id, quantity from inventory_movements where reference_type = 'transfer'
), loss as (
    select l.transfer_id, l.sku_id, l.lost_quantity, coalesce(sum(x.quantity), 0) as written_off
      from transfer_lines l
      left join transfer_losses x using (transfer_id, line_no)
     group by l.transfer_id, l.line_no
)
select concat('transfer ', coalesce(t.number, p.id), ' ', s.code) as subject, 'legs + losses + open = 0' as expected,
       sum(p.quantity)::text as found
  from part p
  left join transfers t on t.id::text = p.id
  join skus s on s.id = p.sku_id
 group by t.number, p.id, s.code
having sum(p.quantity) <> 0
union all
select concat('transfer ', t.number, ' ', s.code), 'losses=' || l.lost_quantity, 'losses=' || l.written_off
  from loss l
  join transfers t on t.id = l.transfer_id
  join skus s on s.id = l.sku_id
 where l.lost_quantity <> l.written_off
 order by 1;

-- returns_were_posted
-- P2: every unit a return says is back has its ledger entry, and every scrapped one left again.
with told as (
    select return_id::text as id, sku_id, sum(quantity) filter (where outcome <> 'refund_only') as back,
           coalesce(sum(quantity) filter (where outcome = 'scrap'), 0) as scrapped
      from return_lines group by return_id, sku_id
), posted as (
    select reference_id as id, sku_id, coalesce(sum(quantity) filter (where reference_type = 'return'), 0) as back,
           coalesce(-sum(quantity) filter (where reference_type = 'scrap'), 0) as scrapped
      from inventory_movements where reference_type in ('return', 'scrap') group by reference_id, sku_id
)
select concat('return ', r.number, ' ', s.code) as subject, concat('back=', coalesce(t.back, 0), ' scrapped=', t.scrapped) as expected,
       concat('back=', coalesce(p.back, 0), ' scrapped=', coalesce(p.scrapped, 0)) as found
  from told t
  join returns r on r.id::text = t.id
  join skus s on s.id = t.sku_id
  left join posted p on (p.id, p.sku_id) = (t.id, t.sku_id)
 where (coalesce(t.back, 0), t.scrapped) is distinct from (coalesce(p.back, 0), coalesce(p.scrapped, 0))
 order by 1;

-- counts_were_posted
-- P2: what a stock count says it adjusted, beside its ledger entries.
select concat('stock count ', c.number, ' ', s.code, ' ', l.bucket) as subject, concat('posted=', l.posted_quantity) as expected,
       concat('posted=', coalesce(m.quantity, 0)) as found
  from stock_count_lines l
  join stock_counts c on c.id = l.stock_count_id
  join skus s on s.id = l.sku_id
  left join (select reference_id, sku_id, bucket, sum(quantity) as quantity
               from inventory_movements where reference_type = 'count' group by 1, 2, 3) m
    on (m.reference_id, m.sku_id, m.bucket) = (c.id::text, l.sku_id, l.bucket)
 where l.posted_quantity <> coalesce(m.quantity, 0)
 order by 1;

-- balances_chain
-- P2: each ledger entry carries the balance after it; the first entry of a level that does not is named.
select s.code || '@' || w.code as subject,
       concat('balance_after=', c.balance, ' unsellable_after=', c.unsellable) as expected,
       concat('balance_after=', c.balance_after, ' unsellable_after=', c.unsellable_after, ' in entry ', c.seq) as found
  from (select distinct on (sku_id, warehouse_id) *
          from (select sku_id, warehouse_id, created_at, seq, balance_after, unsellable_after,
                       sum(quantity) over so_far as balance,
                       coalesce(sum(quantity) filter (where bucket = 'unsellable') over so_far, 0) as unsellable
                  from inventory_movements
                window so_far as (partition by sku_id, warehouse_id order by created_at, seq)) m
         where balance_after <> balance or unsellable_after <> unsellable
         order by sku_id, warehouse_id, created_at, seq) c
  join skus s on s.id = c.sku_id
  join warehouses w on w.id = c.warehouse_id
 order by 1;

-- cost_is_the_newest
-- P2: a level's moving average is what its newest entry or cost correction left. Older entries than that do not say.
select s.code || '@' || w.code as subject, concat('cost=', coalesce(n.cost_after::text, 'unknown')) as expected,
       concat('cost=', coalesce(i.cost_price::text, 'unknown')) as found
  from inventory i
 cross join lateral (
       select m.cost_after, m.posted_in, m.created_at from inventory_movements m
        where (m.sku_id, m.warehouse_id) = (i.sku_id, i.warehouse_id)
        order by m.created_at desc, m.seq desc limit 1) m
  left join lateral (
       select c.cost_after, c.created_at from cost_corrections c
        where (c.sku_id, c.warehouse_id) = (i.sku_id, i.warehouse_id) and c.created_at >= m.created_at
        order by c.created_at desc limit 1) c on true
 cross join lateral (select case when c.created_at is not null then c.cost_after else m.cost_after end as cost_after) n
  join skus s on s.id = i.sku_id
  join warehouses w on w.id = i.warehouse_id
 where m.posted_in is not null and i.cost_price is distinct from n.cost_after
 order by 1;

-- undone_is_opposite
-- P2: an entry that undoes another has its level and bucket and the opposite quantity; an entry is undone once.
select 'movement ' || u.id as subject, concat('the opposite of ', u.undoes, ', once') as expected,
       case when m.id is null then 'no such entry' when u.again > 1 then concat('undone ', u.again, ' times')
            else concat('quantity ', u.quantity, ' against ', m.quantity) end as found
  from (select *, count(*) over (partition by undoes) as again from inventory_movements where undoes is not null) u
  left join inventory_movements m on m.id = u.undoes
 where m.id is null or u.again > 1
    or (u.sku_id, u.warehouse_id, u.bucket, u.quantity) <> (m.sku_id, m.warehouse_id, m.bucket, -m.quantity)
 order by 1;

-- seals_chain
-- P6: each seal follows from the one before. Whether the entries fit their seals is asked by `doctor --seals`.
select 'seal ' || no as subject, 'an unbroken chain' as expected, problem as found from stock_check_chain() order by no;

-- headers_fit_lines
-- P3: a reservation is active while one of its lines is; it ends as its lines did; its lines share its deadline.
select 'reservation ' || h.id as subject,
       case when l.lines is null then 'at least one line'
            when l.active > 0 then concat('active, due ', coalesce(h.expires_at::text, 'never'))
            when l.consumed > 0 then 'consumed' when l.expired = 0 then 'cancelled' when l.cancelled = 0 then 'expired'
            else 'cancelled or expired' end as expected,
       concat(h.status, case when l.active > 0 then concat(', lines due ', coalesce(l.due::text, 'never')) end) as found
  from reservations h
  left join (select reservation_id, count(*) as lines, count(*) filter (where status in ('active', 'backordered')) as active,
                    count(*) filter (where status = 'consumed') as consumed,
                    count(*) filter (where status = 'expired') as expired,
                    count(*) filter (where status = 'cancelled') as cancelled,
                    max(expires_at) filter (where status in ('active', 'backordered')) as due,
                    count(distinct coalesce(expires_at, 'infinity')) filter (where status in ('active', 'backordered')) as dues
               from inventory_reservations group by reservation_id) l on l.reservation_id = h.id
 where l.lines is null
    or (h.status = 'active') <> (l.active > 0)
    or (h.status = 'consumed' and l.consumed = 0)
    or (h.status in ('expired', 'cancelled') and l.consumed > 0)
    or (h.status = 'expired' and l.expired = 0)
    or (h.status = 'cancelled' and l.cancelled = 0)
    or (l.active > 0 and (l.dues > 1 or l.due is distinct from h.expires_at))
 order by h.id;

-- commits_are_confirmed
-- P4: with synchronous_standby_names set and no such standby, every commit waits; nothing is lost, and nothing is sold.
select 'synchronous_standby_names = ' || standby_names as subject, 'a standby that confirms' as expected,
       concat(coalesce(standbys_attached::text, 'unknown number'), ' attached, ', commits_waiting, ' commits waiting for up to ',
              round(seconds_waiting), ' s') as found
  from commit_confirmation()
 where standby_names <> '' and (commits_waiting > 0 or standbys_attached = 0);

-- answers_are_complete
-- P5: a key that was claimed has its first answer; without it the repeat could not be told what was said.
select concat('key ', key, ' of ', principal_id) as subject, 'the first answer' as expected, 'none' as found
  from idempotency_keys
 where outcome = 'claimed' or facts is null
 order by created_at, key;

-- stock_has_one_way_in
-- P6: the application role may read the stock tables, partitions of the ledger included, and never write them.
with stock as (
    select unnest(array['inventory', 'inventory_movements', 'reservations', 'inventory_reservations', 'batches', 'inventory_batches',
        'inventory_states', 'serials', 'serial_movements', 'channel_pools', 'pool_sales']::regclass[]) as id
    union
    select inhrelid from pg_inherits where inhparent = 'inventory_movements'::regclass
)
select 'holdfast_app on ' || id::regclass as subject, 'select only' as expected, string_agg(p.privilege, ', ' order by p.privilege) as found
  from stock, unnest(array['insert', 'update', 'delete', 'truncate', 'trigger']) as p (privilege)
 where case when p.privilege in ('insert', 'update') then has_any_column_privilege('holdfast_app', id, p.privilege)
            else has_table_privilege('holdfast_app', id, p.privilege) end
 group by id
 order by 1;

-- history_is_guarded
-- P6: the trigger that refuses to rewrite the ledger is there and on, for the ledger and each of its partitions.
select t.id::regclass::text as subject, 'movements_are_append_only' as expected,
       case when g.tgname is null then 'missing' else 'disabled' end as found
  from (select 'inventory_movements'::regclass::oid as id
        union
        select inhrelid from pg_inherits where inhparent = 'inventory_movements'::regclass) t
  left join pg_trigger g on g.tgrelid = t.id and g.tgname = 'movements_are_append_only'
 where g.tgname is null or g.tgenabled = 'D'
 order by 1;

-- functions_are_sealed
-- P6: a posting function that runs as its owner fixes its search path, or a caller could slip in tables of his own.
select p.oid::regprocedure::text as subject, 'a fixed search_path' as expected, 'none' as found
  from pg_proc p
 where starts_with(p.proname, 'stock_') and p.prosecdef
   and not exists (select from unnest(p.proconfig) c where starts_with(c, 'search_path='))
 order by 1;

-- leaked_holds
-- P7: holds still active this long after their deadline: nobody sweeps.
select concat('reservation ', id, ' for ', reference_type, ' ', reference_id) as subject,
       'resolved by ' || (expires_at + make_interval(mins => %(grace_minutes)s)) as expected, 'still active' as found
  from reservations
 where status = 'active' and expires_at < (select business_now()) - make_interval(mins => %(grace_minutes)s)
 order by expires_at, id;

-- reservations_were_told
-- P8: what the events say was reserved, consumed, released and expired of a reservation, beside its lines.
with told_since as (
    select coalesce(min(occurred_at), '-infinity') as at from outbox_events
), told as (
    select (e.data ->> 'reservation_id')::uuid as id,
           sum(coalesce(i.reserved_quantity, i.quantity))
               filter (where e.event_type in ('inventory.reserved', 'inventory.backorder_filled')) as reserved,
           sum(i.quantity) filter (where e.event_type = 'inventory.reservation_consumed') as consumed,
           sum(i.quantity) filter (where e.event_type = 'inventory.reservation_released') as released,
           sum(i.quantity) filter (where e.event_type = 'inventory.reservation_expired') as expired
      from outbox_events e, json_to_recordset(e.data -> 'items') as i (quantity bigint, reserved_quantity bigint)
     where e.event_type in ('inventory.reserved', 'inventory.backorder_filled', 'inventory.reservation_consumed',
                            'inventory.reservation_released', 'inventory.reservation_expired')
     group by 1
), held as (
    -- What was promised and given up before it arrived was never held.
    select reservation_id as id, coalesce(sum(quantity), 0) as reserved, sum(quantity) filter (where status = 'consumed') as consumed,
           sum(quantity) filter (where status = 'cancelled') as released, sum(quantity) filter (where status = 'expired') as expired
      from inventory_reservations where reserved_at is not null group by 1
), compared as (
    select h.id, concat('reserved=', coalesce(l.reserved, 0), ' consumed=', coalesce(l.consumed, 0), ' released=', coalesce(l.released, 0),
                        ' expired=', coalesce(l.expired, 0)) as expected,
           concat('reserved=', coalesce(t.reserved, 0), ' consumed=', coalesce(t.consumed, 0), ' released=', coalesce(t.released, 0),
                  ' expired=', coalesce(t.expired, 0)) as found
      from reservations h
      left join held l on l.id = h.id
      left join told t on t.id = h.id
     where h.created_at >= (select at from told_since)
)
select 'events of reservation ' || id as subject, expected, found from compared where expected <> found order by id;

-- movements_were_told
-- P8: what the events say moved, beside the ledger. A past that was taken over is told by one event of its own.
with told_since as (
    select coalesce(min(occurred_at), '-infinity') as at from outbox_events
), told as (
    select i.sku_id, i.warehouse_id, coalesce(i.bucket, 'sellable') as bucket,
           sum(case e.event_type when 'inventory.reservation_consumed' then -i.quantity else i.quantity end) as quantity
      from outbox_events e, json_to_recordset(e.data -> 'items') as i (sku_id uuid, warehouse_id uuid, bucket text, quantity bigint)
     where e.event_type = 'inventory.reservation_consumed' or i.bucket is not null
     group by 1, 2, 3
), moved as (
    select sku_id, warehouse_id, bucket, sum(quantity) as quantity
      from inventory_movements
     where created_at >= (select at from told_since) and created_at > uuid_extract_timestamp(id) - interval '30 seconds'
     group by 1, 2, 3
)
select concat('events of ', s.code, '@', w.code, ' ', bucket) as subject, concat('moved=', coalesce(m.quantity, 0)) as expected,
       concat('moved=', coalesce(t.quantity, 0)) as found
  from moved m
  full join told t using (sku_id, warehouse_id, bucket)
  join skus s on s.id = sku_id
  join warehouses w on w.id = warehouse_id
 where coalesce(m.quantity, 0) <> coalesce(t.quantity, 0)
 order by 1;

-- nothing_points_nowhere
-- Ledger, lines and suggestions name levels and documents that exist; partitions and speed keep some of it from being a foreign key.
select 'movement of ' || m.sku_id || ' in ' || m.warehouse_id as subject, 'a level' as expected, count(*) || ' entries without' as found
  from inventory_movements m
 where not exists (select from inventory i where (i.sku_id, i.warehouse_id) = (m.sku_id, m.warehouse_id))
 group by m.sku_id, m.warehouse_id
union all
select 'reservation line ' || l.reservation_id || '/' || l.line_no, 'a reservation and a level',
       case when h.id is null then 'no reservation' else 'no level' end
  from inventory_reservations l
  left join reservations h on h.id = l.reservation_id
  left join inventory i using (sku_id, warehouse_id)
 where h.id is null or i.sku_id is null
union all
select concat('purchase order line ', l.purchase_order_id, '/', l.line_no), 'its suggestion ' || l.suggestion_id, 'no such suggestion'
  from purchase_order_lines l
 where l.suggestion_id is not null and not exists (select from replenishment_suggestions r where r.id = l.suggestion_id)
 order by 1;

-- clock_is_not_shifted
-- Business time is the database clock; a shift belongs to tests.
select 'business_clock' as subject, 'shift 0' as expected, 'shift ' || shift as found from business_clock where shift <> interval '0';
