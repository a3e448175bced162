-- take_turn
-- There is one publisher at a time: whoever holds this row.
select last_position from outbox_cursor for update;

-- publish
-- Give the next events their place in the feed. Per SKU ids are given under the level's lock, so their order is the truth.
-- What the self-test does gets none: it is settled without being told to anybody.
with due as (
    select id, is_sandbox, row_number() over (partition by is_sandbox order by id) as n
      from (select id, sku_ids && array(select sku_id from sandbox_skus) as is_sandbox
              from outbox_events where published_at is null order by id limit %(limit)s) x
), placed as (
    update outbox_events e
       set position = case when not due.is_sandbox then %(last_position)s + due.n end, published_at = now()
      from due where e.id = due.id
    returning e.position
), moved as (
    update outbox_cursor set last_position = (select max(position) from placed)
     where exists (select from placed where position is not null)
)
select count(*)::integer as settled, coalesce(max(position), %(last_position)s) as last_position from placed;

-- fan_out
-- One delivery per event and webhook that wants it, in feed order. The payload is text and is signed as it is stored.
insert into webhook_deliveries (webhook_id, message_id, event_type, payload)
select w.id, 'evt_' || e.event_id, e.event_type,
       json_build_object('type', e.event_type, 'timestamp', e.occurred_at, 'id', e.event_id, 'position', e.position, 'data', e.data)
  from outbox_events e
  join webhooks w on w.is_active and w.mode = 'events' and exists (
       select from unnest(w.event_types) t
        where t = '*' or t = e.event_type or (right(t, 2) = '.*' and starts_with(e.event_type, left(t, -1))))
 where e.position > %(after)s and e.position <= %(until)s
 order by e.position, w.id;

-- list_events
-- The feed, oldest first.
select position, event_id, event_type, sku_ids, data, occurred_at
  from outbox_events
 where position > %(after)s
   and (%(event_type)s::text is null or event_type = %(event_type)s
        or (right(%(event_type)s, 2) = '.*' and starts_with(event_type, left(%(event_type)s, -1))))
   and (%(sku_id)s::uuid is null or %(sku_id)s = any(sku_ids))
 order by position
 limit %(limit)s;

-- insert_webhook
-- A new receiver; its secret is stored sealed.
insert into webhooks (name, url, event_types, secret_sealed, mode, is_active, created_by)
values (%(name)s, %(url)s, %(event_types)s, %(secret_sealed)s, %(mode)s, %(is_active)s, %(created_by)s)
returning id;

-- list_webhooks
-- Receivers in order of creation, with how they are doing.
select w.id, w.name, w.url, w.event_types, w.mode, w.is_active, w.disabled_reason, w.created_at, w.created_by, w.updated_at,
       d.pending, d.dead, d.last_delivered_at
  from webhooks w
 cross join lateral (
       select (select count(*) from webhook_deliveries d where d.webhook_id = w.id and d.status = 'pending') as pending,
              (select count(*) from webhook_deliveries d where d.webhook_id = w.id and d.status = 'dead') as dead,
              (select d.delivered_at from webhook_deliveries d where d.webhook_id = w.id and d.status = 'delivered'
                order by d.id desc limit 1) as last_delivered_at) d
 where (%(after)s::uuid is null or w.id > %(after)s)
   and (%(id)s::uuid is null or w.id = %(id)s)
 order by w.id
 limit %(limit)s;

-- change_webhook
-- Active again means: the reason for stopping is gone.
update webhooks
   set name = %(name)s, url = %(url)s, event_types = %(event_types)s, is_active = %(is_active)s, updated_at = now(),
       disabled_reason = case when %(is_active)s then null else disabled_reason end
 where id = %(id)s;

-- delete_webhook
-- Its deliveries go with it.
delete from webhooks where id = %(id)s returning id;

-- disable
-- The receiver said it is gone.
update webhooks set is_active = false, disabled_reason = %(reason)s, updated_at = now() where id = %(id)s;

-- enqueue
-- One message for one webhook, whatever its mode.
insert into webhook_deliveries (webhook_id, message_id, event_type, payload)
values (%(webhook_id)s, 'msg_' || uuidv7(), %(event_type)s,
        json_build_object('type', %(event_type)s::text, 'timestamp', now(), 'data', %(data)s::json))
returning id;

-- list_due_webhooks
-- Receivers whose oldest pending message may be tried now. Later ones wait behind it, so that order is kept.
select w.id
  from webhooks w
  join lateral (select next_attempt_at from webhook_deliveries d
                 where d.webhook_id = w.id and d.status = 'pending' order by d.id limit 1) head on true
 where w.is_active and head.next_attempt_at <= now();

-- next_delivery
-- The oldest pending message of a receiver, if its time has come.
select d.id, d.message_id, d.payload::text as body, d.attempts, w.url, w.secret_sealed, now() as tried_at
  from webhooks w
  join lateral (select * from webhook_deliveries d
                 where d.webhook_id = w.id and d.status = 'pending' order by d.id limit 1) d on true
 where w.id = %(webhook_id)s and w.is_active and d.next_attempt_at <= now();

-- mark_delivered
-- Only what is still pending: a second run of the same job finds it settled.
update webhook_deliveries
   set status = 'delivered', attempts = attempts + 1, delivered_at = now(), last_status = %(last_status)s, last_error = null
 where id = %(id)s and status = 'pending';

-- mark_failed
-- Again later, or a dead letter.
update webhook_deliveries
   set status = case when %(give_up)s then 'dead' else 'pending' end, attempts = attempts + 1, last_status = %(last_status)s,
       last_error = %(last_error)s, next_attempt_at = now() + make_interval(secs => %(seconds)s)
 where id = %(id)s and status = 'pending';

-- list_deliveries
-- The log of one receiver, newest first.
select id, webhook_id, message_id, event_type, payload, status, attempts, next_attempt_at, last_status, last_error,
       created_at, delivered_at
  from webhook_deliveries
 where webhook_id = %(webhook_id)s
   and (%(before)s::bigint is null or id < %(before)s)
   and (%(status)s::text is null or status = %(status)s)
   and (%(event_type)s::text is null or event_type = %(event_type)s)
 order by id desc
 limit %(limit)s;

-- replay
-- Named deliveries, or all of a state since a time, are told again under their first id and in their first order.
update webhook_deliveries
   set status = 'pending', attempts = 0, next_attempt_at = now(), last_error = null, last_status = null, delivered_at = null
 where webhook_id = %(webhook_id)s and status <> 'pending'
   and (%(ids)s::bigint[] is null or id = any(%(ids)s))
   and (%(status)s::text is null or status = %(status)s)
   and (%(since)s::timestamptz is null or created_at >= %(since)s);

-- forget_deliveries
-- The log keeps what arrived a week, and dead letters a month.
delete from webhook_deliveries
 where id in (select id from webhook_deliveries
               where status <> 'pending'
                 and created_at < now() - case status when 'delivered' then interval '7 days' else interval '30 days' end
               limit %(limit)s);

-- forget_events
-- The feed reaches back 30 days.
delete from outbox_events
 where id in (select id from outbox_events where published_at < now() - interval '30 days' order by id limit %(limit)s);
