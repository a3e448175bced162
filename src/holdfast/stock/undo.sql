-- find_audit_entry
-- One line of the audit trail, with the transaction it belongs to.
select id, at as acted_at, actor, action, subject, posted_in from audit_log where id = %(id)s;

-- find_entry
-- One ledger entry with its transaction and request; the line of the audit trail of that transaction, when there is one.
select m.id, m.posted_in, m.request_no, m.actor, m.reference_type, m.reference_id, m.undoes,
       uuid_extract_timestamp(m.id) as written_at, a.id as audit_id
  from inventory_movements m
  left join lateral (select id from audit_log
                      where posted_in = m.posted_in and at between uuid_extract_timestamp(m.id) - interval '1 hour'
                                                                and uuid_extract_timestamp(m.id) + interval '1 minute'
                      order by id limit 1) a on true
 where m.id = %(id)s
 limit 1;

-- first_entry_of
-- When the first entry of a request of the group writer was written: the time that names the action.
select min(uuid_extract_timestamp(id)) from stock_entries_of(%(posted_in)s, %(request_no)s, %(acted_at)s);

-- actions_of
-- Everything the audit trail says of one transaction.
select action, subject from audit_log where posted_in = %(posted_in)s and at = %(acted_at)s order by id;

-- find_undo
-- Who took an action back.
select id as undo_id, undone_at, undone_by, reason
  from undos
 where (posted_in, request_no, acted_at) = (%(posted_in)s, %(request_no)s, %(acted_at)s);

-- claim_undo
-- An action is taken back once.
select stock_claim_undo(%(posted_in)s, %(request_no)s, %(acted_at)s, %(action)s, %(subject)s, %(reason)s, %(actor)s);

-- restore_rows
-- Documents, masters and policies become what they were.
select outcome, table_name, row_key, before, now from stock_restore_rows(%(posted_in)s, %(acted_at)s);

-- open_inbound
-- What the documents an action touched have in transit.
select l.sku_id, l.warehouse_id, sum(l.quantity)::bigint as quantity
  from inbound_lines l
 where l.document_id in (
       select (coalesce(c.row_key ->> 'purchase_order_id', c.row_key ->> 'transfer_id', c.row_key ->> 'id'))::uuid
         from row_changes c
        where c.posted_in = %(posted_in)s and c.changed_at = %(acted_at)s
          and c.table_name in ('purchase_orders', 'purchase_order_lines', 'transfers', 'transfer_lines'))
 group by l.sku_id, l.warehouse_id;

-- undo_entries
-- The opposite of every entry of an action.
select outcome, facts::text, replayed
  from stock_undo_entries(%(undo_id)s, %(posted_in)s, %(request_no)s, %(acted_at)s, %(inbound)s, %(actor)s, %(reason)s);

-- list_consumed
-- What an action consumed of holds, with the deadline of the hold it came from; null minutes hold for ever.
select e.reference_type, e.reference_id, e.sku_id, e.warehouse_id, -sum(e.quantity)::bigint as quantity,
       case when h.expires_at is not null then floor(extract(epoch from h.expires_at - business_now()) / 60)::integer end as minutes
  from stock_entries_of(%(posted_in)s, %(request_no)s, %(acted_at)s) e
 cross join lateral (
       select h.expires_at from reservations h
        where (h.reference_type, h.reference_id) = (e.reference_type, e.reference_id) and h.status in ('consumed', 'active')
          and exists (select from inventory_reservations l
                       where l.reservation_id = h.id and l.status = 'consumed' and l.sku_id = e.sku_id and l.warehouse_id = e.warehouse_id)
        order by h.resolved_at desc nulls first
        limit 1) h
 where e.reference_type in ('cart', 'order', 'manual') and e.quantity < 0 and e.movement_type = 'out'
 group by e.reference_type, e.reference_id, e.sku_id, e.warehouse_id, h.expires_at
 order by e.reference_type, e.reference_id, e.sku_id, e.warehouse_id;

-- settle
-- What the undo did, beside the undo; units that came free go to who waits.
select stock_settle_undo(%(undo_id)s, %(facts)s);

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);

-- forget_row_changes
-- Further back nothing is undone.
select stock_forget_row_changes(%(days)s);
