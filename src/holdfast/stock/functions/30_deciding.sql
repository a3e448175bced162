-- What one request would take from what is left: exact levels as asked; a line without a warehouse from the first
-- warehouse (higher priority, then more stock) that can serve all of it, else spread in that order.
create or replace function stock_pick(p_lines stock_ask[], p_left stock_left[]) returns setof stock_ask
language sql immutable as $$
    with fixed as (
        select sku_id, warehouse_id, sum(quantity)::bigint as quantity
          from unnest(p_lines) where warehouse_id is not null group by sku_id, warehouse_id
    ), spare as (
        select l.sku_id, l.warehouse_id, l.priority, l.quantity - coalesce(f.quantity, 0) as quantity
          from unnest(p_left) l
          left join fixed f using (sku_id, warehouse_id)
         where l.is_open and l.quantity > coalesce(f.quantity, 0)
    ), floating as (
        select a.request_no, a.line_no, s.sku_id, s.warehouse_id,
               least(s.quantity, a.quantity - coalesce(sum(s.quantity) over earlier, 0)) as quantity
          from unnest(p_lines) a
          join spare s using (sku_id)
         where a.warehouse_id is null
        -- a line number alone is not enough: the components of a bundle share theirs
        window earlier as (partition by a.line_no, a.sku_id
            order by s.quantity >= a.quantity desc, s.priority desc, s.quantity desc, s.warehouse_id
            rows between unbounded preceding and 1 preceding)
    )
    select a.request_no, a.line_no, a.sku_id, a.warehouse_id, a.quantity
      from unnest(p_lines) a
      join unnest(p_left) l using (sku_id, warehouse_id)
     where l.is_open and a.quantity <= l.quantity
    union all
    select request_no, line_no, sku_id, warehouse_id, quantity::bigint from floating where quantity > 0
$$;


-- What is left when these picks are taken.
create or replace function stock_left_after(p_left stock_left[], p_picks stock_ask[]) returns stock_left[]
language sql immutable set search_path = public, pg_temp as $$
    select array_agg(row(l.sku_id, l.warehouse_id, l.quantity - coalesce(p.quantity, 0), l.priority, l.is_open)::stock_left)
      from unnest(p_left) l
      left join (select sku_id, warehouse_id, sum(quantity)::bigint as quantity
                   from unnest(p_picks) group by sku_id, warehouse_id) p using (sku_id, warehouse_id)
$$;


-- Why a request cannot be held: the first rule that names it, with every line it concerns.
create or replace function stock_refusal(p_lines stock_ask[], p_left stock_left[], p_picks stock_ask[]) returns stock_answer
language sql stable as $$
    with short as (
        select a.*, s.id is null as unknown_sku, s.archived_at is not null as archived,
               a.warehouse_id is not null and w.id is null as unknown_warehouse,
               a.warehouse_id is not null and not w.is_active as closed,
               coalesce((select sum(l.quantity) from unnest(p_left) l
                          where l.sku_id = a.sku_id and l.is_open and l.warehouse_id = coalesce(a.warehouse_id, l.warehouse_id)), 0) as available
          from unnest(p_lines) a
          left join skus s on s.id = a.sku_id
          left join warehouses w on w.id = a.warehouse_id
         where a.quantity > coalesce((select sum(p.quantity) from unnest(p_picks) p where p.line_no = a.line_no and p.sku_id = a.sku_id), 0)
    ), verdict as (
        select case when bool_or(unknown_sku) then 'unknown_sku'
                    when bool_or(unknown_warehouse) then 'unknown_warehouse'
                    when bool_or(archived) then 'sku_archived'
                    when bool_or(closed) then 'warehouse_inactive'
                    else 'insufficient_stock' end as code
          from short
    )
    select s.request_no, v.code,
           json_build_object('errors', json_agg(json_strip_nulls(json_build_object(
               'line', s.line_no, 'sku_id', s.sku_id, 'warehouse_id', s.warehouse_id,
               'requested', s.quantity, 'available', s.available)) order by s.line_no)),
           false
      from short s, verdict v
     where case v.code when 'unknown_sku' then s.unknown_sku when 'unknown_warehouse' then s.unknown_warehouse
                       when 'sku_archived' then s.archived when 'warehouse_inactive' then s.closed else true end
     group by s.request_no, v.code
$$;


-- What fits as a whole: exact levels first, then all floating lines of a SKU from one warehouse. Requests that touch a
-- SKU of which not everything fits are left for their turn.
create or replace function stock_share(p_asks stock_ask[], p_left stock_left[], out contested uuid[], out grants stock_ask[])
language sql stable as $$
    with fixed as (
        select sku_id, warehouse_id, sum(quantity)::bigint as quantity
          from unnest(p_asks) where warehouse_id is not null group by sku_id, warehouse_id
    ), floating as (
        select sku_id, sum(quantity)::bigint as quantity, min(quantity) as smallest
          from unnest(p_asks) where warehouse_id is null group by sku_id
    ), home as (
        select distinct on (f.sku_id) f.sku_id, l.warehouse_id
          from floating f
          join unnest(p_left) l using (sku_id)
          left join fixed x on (x.sku_id, x.warehouse_id) = (l.sku_id, l.warehouse_id)
         where l.is_open and l.quantity - coalesce(x.quantity, 0) >= f.quantity
           -- A warehouse of higher priority that could serve one of them alone must get its turn, whoever shares the group.
           and not exists (select from unnest(p_left) h
                            where h.sku_id = f.sku_id and h.is_open and h.priority > l.priority and h.quantity >= f.smallest)
         order by f.sku_id, l.priority desc, l.quantity desc, l.warehouse_id
    ), contested as (
        select x.sku_id from fixed x left join unnest(p_left) l using (sku_id, warehouse_id)
         where l.sku_id is null or not l.is_open or l.quantity < x.quantity
        union
        select f.sku_id from floating f where not exists (select from home h where h.sku_id = f.sku_id)
    )
    select (select array_agg(sku_id) from contested),
           (select array_agg(row(a.request_no, a.line_no, a.sku_id, coalesce(a.warehouse_id, h.warehouse_id), a.quantity)::stock_ask)
              from unnest(p_asks) a left join home h using (sku_id)
             where not exists (select from unnest(p_asks) x join contested c using (sku_id) where x.request_no = a.request_no))
$$;


-- What is asked of which level. One SKU named twice in one request counts together: 3 + 3 must not pass a check for 5.
create or replace function stock_asked(p_requests stock_request[], p_answers stock_answer[]) returns stock_ask[]
language plpgsql stable as $$
begin
    return (
        select array_agg(row(n, line_no, sku_id, warehouse_id, quantity)::stock_ask order by n, line_no)
          from (select r.request_no as n, min(i.line_no)::integer as line_no, i.sku_id, i.warehouse_id, sum(i.quantity)::bigint as quantity
                  from unnest(p_requests) r,
                       rows from (json_to_recordset(r.items) as (sku_id uuid, warehouse_id uuid, quantity bigint))
                           with ordinality as i (sku_id, warehouse_id, quantity, line_no)
                 where not exists (select from unnest(p_answers) a where a.request_no = r.request_no)
                 group by r.request_no, i.sku_id, i.warehouse_id) merged);
end $$;


-- Some of the holds on these SKUs whose time is over. One look at the oldest deadline spares the usual group, which finds
-- nothing to expire, a search per SKU. A few hundred at a time: when the sweeper was away, thousands may be due on one SKU,
-- and releasing 9,000 made everybody wait for a second.
create or replace function stock_due_holds(p_asks stock_ask[], p_now timestamptz) returns uuid[]
language plpgsql stable as $$
begin
    if not exists (select from reservations where status = 'active' and expires_at <= p_now) then
        return null;
    end if;
    return (
        select array_agg(distinct due.reservation_id)
          from (select l.reservation_id from inventory_reservations l
                 where l.sku_id in (select sku_id from unnest(p_asks)) and l.status = 'active' and l.expires_at <= p_now
                 limit 500) due);
end $$;


-- Lock every level that is asked for and those of the holds to expire, and say what is left there for who names no channel. It
-- is read by the statement that locks it: a row somebody else changed meanwhile is read again.
create or replace function stock_lock_left(p_asks stock_ask[], p_expired uuid[]) returns stock_left[]
language plpgsql as $$
declare
    v_left stock_left[];
begin
    with touched as (
        select a.sku_id, a.warehouse_id from unnest(p_asks) a where a.warehouse_id is not null
        union
        select i.sku_id, i.warehouse_id from unnest(p_asks) a join inventory i using (sku_id) where a.warehouse_id is null
        union
        select l.sku_id, l.warehouse_id from inventory_reservations l where l.reservation_id = any (p_expired)
    ), locked as (
        select i.sku_id, i.warehouse_id, greatest(0, i.available_quantity - i.pooled_quantity), w.priority,
               w.is_active and s.archived_at is null as is_open
          from touched
          join inventory i using (sku_id, warehouse_id)
          join skus s on s.id = i.sku_id
          join warehouses w on w.id = i.warehouse_id
         order by i.sku_id, i.warehouse_id
           for no key update of i
    )
    select coalesce(array_agg(l::stock_left), '{}') into v_left from locked l;
    return v_left;
end $$;


-- What is left on locked levels for a channel (null: who names none) after these holds were expired and units past their use
-- withdrawn, so that neither a dead sweeper nor a dead job decides a sale (promise P7).
create or replace function stock_freshened(p_requests json, p_left stock_left[], p_expired uuid[], p_particular boolean, p_channel uuid,
    p_now timestamptz) returns stock_left[]
language plpgsql as $$
declare
    -- One look at the earliest date spares the rest.
    v_past_use boolean := exists (select from inventory_batches where sellable_quantity > 0 and usable_until <= p_now);
begin
    if p_expired is not null then
        perform stock_expire_locked(p_expired, p_now);
    end if;
    if v_past_use then
        perform stock_withdraw_locked(p_left, p_now);
    end if;
    if p_expired is not null or v_past_use or p_channel is not null then
        p_left := stock_left_again(p_left, p_channel);
    end if;
    if p_particular then
        p_left := stock_left_lasting(p_requests, p_left, p_channel, p_now);
    end if;
    return p_left;
end $$;


-- What is left on locked levels as a channel may have it: only in its warehouses, what is its own included.
create or replace function stock_left_again(p_left stock_left[], p_channel uuid) returns stock_left[]
language sql stable as $$
    select coalesce(array_agg(row(i.sku_id, i.warehouse_id, stock_may_take(i, p_channel), l.priority,
                                  l.is_open and (c.warehouse_ids is null or l.warehouse_id = any (c.warehouse_ids)))::stock_left), '{}')
      from unnest(p_left) l
      join inventory i using (sku_id, warehouse_id)
      left join sales_channels c on c.id = p_channel
$$;


-- Whether every line names its warehouse and everything asked of a level fits: the common case.
create or replace function stock_all_fits(p_asks stock_ask[], p_left stock_left[]) returns boolean
language plpgsql immutable as $$
begin
    return not exists (select from unnest(p_asks) where warehouse_id is null)
       and not exists (select from (select sku_id, warehouse_id, sum(quantity) as quantity
                                      from unnest(p_asks) group by sku_id, warehouse_id) x
                         left join unnest(p_left) l using (sku_id, warehouse_id)
                        where l.sku_id is null or not l.is_open or l.quantity < x.quantity);
end $$;


-- Decide the requests that touch a short SKU one by one, in arrival order, so that one refused basket never costs the next
-- one its stock. Adds to what is granted, promised and answered.
create or replace function stock_decide_in_turn(p_requests json, p_asks stock_ask[], p_left stock_left[], p_contested uuid[],
    p_bundles stock_bundle[], p_may_wait boolean, inout grants stock_ask[], inout answers stock_answer[], out promises stock_promise[])
language plpgsql as $$
declare
    v_request integer;
    v_lines stock_ask[];
    v_picks stock_ask[];
    v_wait record;
begin
    p_may_wait := p_may_wait and exists (select from json_to_recordset(p_requests) as r (allow_backorder boolean, items json)
                                          where r.allow_backorder or r.items::text like '%allow_backorder%');
    -- Such a request may also name a SKU of which there is enough: not the units that were just granted.
    p_left := stock_left_after(p_left, grants);
    for v_request in
        select distinct request_no from unnest(p_asks) where sku_id = any (p_contested) order by request_no
    loop
        v_lines := array(select a from unnest(p_asks) a where a.request_no = v_request order by a.line_no);
        v_picks := array(select p from stock_pick(v_lines, p_left) p);
        select null::stock_promise[] as promises, null::json as denied into v_wait;
        if (select sum(quantity) from unnest(v_lines)) is distinct from (select sum(quantity) from unnest(v_picks)) then
            if p_may_wait then
                select b.* into v_wait
                  from json_array_elements(p_requests) e, stock_backorder(e.value, v_lines, p_left, coalesce(promises, '{}')) b
                 where (e.value ->> 'n')::integer = v_request;
            end if;
            if v_wait.promises is null then
                answers := answers || stock_named_refusal(stock_refusal(v_lines, p_left, v_picks), p_bundles, v_wait.denied);
                continue;
            end if;
            v_picks := v_wait.picks;
            promises := coalesce(promises, '{}') || v_wait.promises;
        end if;
        grants := coalesce(grants, '{}') || v_picks;
        p_left := stock_left_after(p_left, v_picks);
    end loop;
end $$;
