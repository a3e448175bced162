-- queue
-- A message in the transaction of its cause; the same cause tells the same person once.
insert into notifications (channel, kind, recipient, language, subject, body, link, facts, attachments, dedupe_key, status,
    created_at, next_attempt_at, sent_at)
values (%(channel)s, %(kind)s, %(recipient)s, %(language)s, %(subject)s, %(body)s, %(link)s, %(facts)s, %(attachments)s,
    %(dedupe_key)s, case %(channel)s when 'inbox' then 'sent' else 'queued' end, now(), now(),
    case %(channel)s when 'inbox' then now() end)
on conflict (dedupe_key, channel, recipient) where dedupe_key is not null do nothing
returning id;

-- list_notifications
-- The delivery log, newest first.
select id, channel, kind, recipient, language, subject, body, link, facts, status, attempts, next_attempt_at, last_error,
       read_at, created_at, sent_at
  from notifications
 where (%(before)s::uuid is null or id < %(before)s)
   and (%(channel)s::text is null or channel = %(channel)s)
   and (%(status)s::text is null or status = %(status)s)
   and (%(kind)s::text is null or kind = %(kind)s)
   and (%(recipient)s::text is null or recipient = %(recipient)s)
   and (%(unread)s::boolean is null or (read_at is null) = %(unread)s)
 order by id desc
 limit %(limit)s;

-- count_waiting
-- What the sentence about the mail server counts.
select count(*) filter (where status = 'queued') as queued, count(*) filter (where status = 'failed') as failed
  from notifications where channel = 'email';

-- mark_read
-- Reading twice keeps the first time.
update notifications set read_at = coalesce(read_at, now()) where id = %(id)s and channel = 'inbox'
returning id;

-- mark_all_read
-- Everything in one inbox up to now.
update notifications set read_at = now() where channel = 'inbox' and recipient = %(recipient)s and read_at is null;

-- anything_due
-- Whether it is worth calling the mail server.
select 1 from notifications where status = 'queued' and channel = 'email' and next_attempt_at <= now() limit 1;

-- claim_due
-- The e-mail that waits longest. Skips what another sender holds.
select id, recipient, subject, body, link, attachments, attempts
  from notifications
 where status = 'queued' and channel = 'email' and next_attempt_at <= now()
 order by next_attempt_at, id
 limit 1
   for update skip locked;

-- all_due
-- Everything that would have been tried now.
select id, recipient, subject, body, link, attachments, attempts
  from notifications
 where status = 'queued' and channel = 'email' and next_attempt_at <= now()
   for update skip locked;

-- mark_sent
-- The mail server took it.
update notifications set status = 'sent', attempts = attempts + 1, sent_at = now(), last_error = null where id = %(id)s;

-- mark_tried
-- Not this time: again later, or given up.
update notifications
   set status = case when %(give_up)s then 'failed' else 'queued' end, attempts = attempts + 1, last_error = %(error)s,
       next_attempt_at = now() + make_interval(secs => %(seconds)s)
 where id = %(id)s;

-- requeue
-- A person wants a failed message tried again.
update notifications set status = 'queued', attempts = 0, next_attempt_at = now() where id = %(id)s and status = 'failed'
returning id;
