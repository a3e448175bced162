-- Lock the levels of some SKUs in one warehouse, and those of holds whose time is over on them, in the order all posting
-- functions use. Between this and the adjustment nobody else can adjust the same shelf: two counts of one shelf would
-- otherwise both book the same missing unit.
create or replace function count_lock_levels(p_warehouse uuid, p_skus uuid[]) returns void
language sql security definer set search_path = public, pg_temp as $$
    select from inventory i
      where (i.sku_id, i.warehouse_id) in (
            select s, p_warehouse from unnest(p_skus) s
            union
            select other.sku_id, other.warehouse_id
              from inventory_reservations due
              join inventory_reservations other on other.reservation_id = due.reservation_id
             where due.sku_id = any (p_skus) and due.status = 'active' and due.expires_at <= (select business_now()))
      order by i.sku_id, i.warehouse_id
        for no key update
$$;
