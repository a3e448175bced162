-- Many looks at once for the cache: totals of SKUs with their split, and reservations; from one snapshot, nothing locked.
-- p_requests: [{n, sku_ids: [], reservation_ids: []}]. Outcome: looked, with facts
-- {now, totals: [{id, version, valid_until, plain, body}], holds: [{id, valid_until, may_be_kept, body}]}. What does not exist is left out.
-- Instants are microseconds since 1970 of business time. valid_until is the next one at which an answer changes although
-- nobody writes: a deadline of a hold (its units count as available from then on, P7), or midnight (the promised day).
-- What is not plain depends on more than these figures: tracked SKUs, bundles, and SKUs that somebody waits for, whose
-- freed units are given away by whoever frees them. So does a hold with lines that wait: other people's changes fill them.
create or replace function stock_look(p_requests json) returns setof stock_answer
language sql stable security definer set search_path = public, pg_temp as $$
    with clock as materialized (
        select business_now() as now
    ), ask as (
        select * from json_to_recordset(p_requests) as r (n integer, sku_ids uuid[], reservation_ids uuid[])
    ), sku as (
        select a.n, s.id, s.archived_at is not null as archived, s.tracking = 'none' and not s.is_bundle and not exists (
                   select from waiting_entries e where e.sku_id = s.id and e.status = 'waiting') as is_plain,
               least((select l.expires_at from inventory_reservations l
                       where l.sku_id = s.id and l.status = 'active' and l.expires_at > c.now
                       order by l.expires_at limit 1),
                     date_trunc('day', c.now, 'UTC') + interval '1 day') as valid_until
          from ask a
         cross join clock c
          join skus s on s.id = any (a.sku_ids)
    ), shelf as (
        select s.n, s.id, i.warehouse_id, i.version, w.priority, w.is_active, i.in_transit_quantity, i.unavailable_quantity,
               -- as anybody may have it: what pools keep, and what falls back to them, apart
               greatest(0, i.available_quantity + x.expired - i.pooled_quantity - x.of_pools) as available,
               i.reserved_quantity - x.expired as reserved, i.pooled_quantity + x.of_pools as pooled,
               i.backordered_quantity, i.last_updated
          from sku s
          join inventory i on i.sku_id = s.id
          join warehouses w on w.id = i.warehouse_id
         cross join clock c
         cross join lateral (
               select coalesce(sum(l.quantity), 0)::bigint as expired,
                      coalesce(sum(l.quantity) filter (where l.pool_id is not null and exists (
                          select from channel_pools p where p.id = l.pool_id and p.ended_at is null)), 0)::bigint as of_pools
                 from inventory_reservations l
                where l.sku_id = i.sku_id and l.warehouse_id = i.warehouse_id and l.status = 'active'
                  and l.expires_at <= c.now) x
    ), total as (
        select s.n, s.id, coalesce(sum(h.version), 0)::bigint as version, s.valid_until,
               s.is_plain and coalesce(sum(h.backordered_quantity), 0) = 0 as plain,
               json_build_object(
                   'sku_id', s.id, 'archived', s.archived,
                   'plain', s.is_plain and coalesce(sum(h.backordered_quantity), 0) = 0,
                   'total_available', coalesce(sum(h.available) filter (where h.is_active), 0)::bigint,
                   'total_reserved', coalesce(sum(h.reserved), 0)::bigint,
                   'total_in_transit', coalesce(sum(h.in_transit_quantity), 0)::bigint,
                   'warehouses', coalesce(json_object_agg(h.warehouse_id, json_build_object(
                       'available', h.available, 'reserved', h.reserved, 'in_transit', h.in_transit_quantity,
                       'unavailable', h.unavailable_quantity, 'pooled', h.pooled, 'is_active', h.is_active, 'version', h.version,
                       'last_updated', h.last_updated) order by h.priority desc, h.available desc)
                       filter (where h.warehouse_id is not null), '{}'),
                   'last_updated', max(h.last_updated),
                   'today', (select now from clock)::date) as body
          from sku s
          left join shelf h on (h.n, h.id) = (s.n, s.id)
         group by s.n, s.id, s.valid_until, s.is_plain, s.archived
    )
    select a.n, 'looked', json_build_object(
               'now', (select (extract(epoch from now) * 1000000)::bigint from clock),
               'totals', coalesce((select json_agg(json_build_object('id', t.id, 'version', t.version, 'plain', t.plain,
                                       'valid_until', (extract(epoch from t.valid_until) * 1000000)::bigint, 'body', t.body))
                                     from total t where t.n = a.n), '[]'),
               'holds', coalesce((select json_agg(json_build_object('id', h.id,
                                       'valid_until', case h.status when 'active'
                                           then (extract(epoch from h.expires_at) * 1000000)::bigint end,
                                       'may_be_kept', not exists (select from inventory_reservations l
                                           where l.reservation_id = h.id and l.status = 'backordered'),
                                       'body', stock_reservation_facts(h.id)))
                                    from reservations h where h.id = any (a.reservation_ids)), '[]')),
           false
      from ask a
$$;
