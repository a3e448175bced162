-- insert_push
-- To go to the supplier's API.
insert into purchase_order_pushes (purchase_order_id, kind, body, created_at)
values (%(purchase_order_id)s, %(kind)s, %(body)s, business_now())
returning id;

-- claim
-- Before the request leaves, the table says that it does. What is decided is not sent, nor an order before it is its turn.
update purchase_order_pushes u
   set status = 'sending', attempts = u.attempts + 1, tried_at = business_now()
  from (select id, status from purchase_order_pushes where id = %(id)s and status in ('queued', 'sending') for update) was,
       purchase_orders o
  join suppliers p on p.id = o.supplier_id
 where u.id = was.id and o.id = u.purchase_order_id
returning u.id, u.purchase_order_id, u.body, u.attempts, was.status = 'sending' as was_sending, p.api_url,
          p.api_secret_sealed, p.api_is_idempotent, u.tried_at;

-- write_fate
-- What became of it.
update purchase_order_pushes
   set status = %(status)s, last_status = %(last_status)s, last_error = %(last_error)s,
       finished_at = case when %(status)s <> 'queued' then business_now() end
 where id = %(id)s and status = 'sending';

-- decide
-- A person decides on what was refused or is unknown.
update purchase_order_pushes
   set status = %(status)s, attempts = case when %(status)s = 'queued' then 0 else attempts end,
       finished_at = case when %(status)s = 'queued' then null else business_now() end
 where id = %(id)s and status in ('refused', 'unknown');

-- list_pushes
-- What went to the supplier's API about one order.
select id, purchase_order_id, kind, status, attempts, last_status, last_error, created_at, tried_at, finished_at
  from purchase_order_pushes
 where purchase_order_id = %(id)s
 order by id;
