-- insert_link
-- A door for one order.
insert into supplier_links (purchase_order_id, created_by, created_at, expires_at)
values (%(id)s, %(actor)s, business_now(), business_now() + make_interval(days => %(days)s))
returning id;

-- revoke_links
-- The doors of one order are closed.
update supplier_links set revoked_at = business_now(), revoked_by = %(actor)s
 where purchase_order_id = %(id)s and revoked_at is null and expires_at > (select business_now());

-- list_links
-- All doors an order ever had.
select id, purchase_order_id, created_by, created_at, expires_at, revoked_at, first_seen_at, last_seen_at,
       revoked_at is null and expires_at > (select business_now()) as is_valid
  from supplier_links
 where purchase_order_id = %(id)s
 order by id desc;

-- open_link
-- Somebody comes in: counted per minute, and seen.
update supplier_links
   set first_seen_at = coalesce(first_seen_at, business_now()), last_seen_at = business_now(),
       window_requests = case when window_began_at > clock_timestamp() - interval '1 minute' then window_requests + 1 else 1 end,
       window_began_at = case when window_began_at > clock_timestamp() - interval '1 minute' then window_began_at else clock_timestamp() end
 where id = %(id)s and revoked_at is null and expires_at > (select business_now())
returning purchase_order_id, window_requests;
