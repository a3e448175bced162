-- write_trial
-- A test is asked for; it takes the place of the one before.
insert into supplier_tests (supplier_id, message_id, channel, recipient, status, asked_by, asked_at)
values (%(supplier_id)s, uuidv7(), %(channel)s, %(recipient)s, 'waiting', %(actor)s, business_now())
on conflict (supplier_id) do update
   set message_id = excluded.message_id, channel = excluded.channel, recipient = excluded.recipient, status = 'waiting',
       last_status = null, last_error = null, asked_by = excluded.asked_by, asked_at = excluded.asked_at, answered_at = null
returning message_id;

-- waiting_trial
-- A test that still waits, and how to reach the supplier's system.
select t.supplier_id, t.message_id, t.asked_at, p.code as supplier_code, p.api_url, p.api_secret_sealed
  from supplier_tests t
  join suppliers p on p.id = t.supplier_id
 where t.message_id = %(message_id)s and t.status = 'waiting' and t.channel = 'api';

-- write_answer
-- What became of a test, unless another was asked for meanwhile.
update supplier_tests
   set status = %(status)s, last_status = %(last_status)s, last_error = %(last_error)s, answered_at = business_now()
 where message_id = %(message_id)s and status = 'waiting';

-- last_trial
-- The last test of a supplier's order channel; of an e-mail the delivery log knows what became of it.
select t.channel, t.recipient, t.asked_by, t.asked_at,
       case when t.channel = 'api' then t.status when n.status = 'sent' then 'taken' when n.status = 'failed' then 'refused'
            else 'waiting' end as status,
       t.last_status, coalesce(t.last_error, n.last_error) as last_error, coalesce(t.answered_at, n.sent_at) as answered_at
  from supplier_tests t
  left join notifications n on t.channel = 'email' and n.channel = 'email' and n.dedupe_key = %(key)s || t.message_id
 where t.supplier_id = %(supplier_id)s;
