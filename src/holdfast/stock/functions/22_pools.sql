-- Pools: units of a level that only one channel may take (docs/decisions/0161). A pool is a budget: so many units were given to
-- the channel, what it holds or sold of them is taken, the rest is kept from everybody else. Units that are there fill the
-- pools in the order in which these were made; what is left over is free for all. Whoever holds the lock of a level owns its
-- pools too, so nothing here locks.


-- How many of the units there are kept for a channel and there to be taken. p_due: units that fall back to a pool because
-- the time of their holds is over count as left in it (whoever reserves expires these first).
create or replace function stock_pool_cover(p_sku uuid, p_warehouse uuid, p_channel uuid, p_there bigint, p_due boolean default false)
returns bigint
language sql stable as $$
    with pool as (
        select p.id, p.channel_id,
               p.remaining_quantity + case when p_due then stock_pool_due(p.id) else 0 end as remaining
          from channel_pools p
         where p.sku_id = p_sku and p.warehouse_id = p_warehouse and p.ended_at is null
    )
    select coalesce((select greatest(0, least(mine.remaining, p_there - coalesce((select sum(older.remaining) from pool older
                                                                                   where older.id < mine.id), 0)))
                       from pool mine where mine.channel_id = p_channel), 0)::bigint
$$;


-- What of a pool is held by lines whose time is over.
create or replace function stock_pool_due(p_pool uuid) returns bigint
language sql stable as $$
    select coalesce(sum(l.quantity), 0)::bigint
      from inventory_reservations l
     where l.pool_id = p_pool and l.status = 'active' and l.expires_at <= (select business_now())
$$;


-- How many of a level a channel may take (null: who names none): what no pool keeps, and what is there of its own.
create or replace function stock_may_take(p_level inventory, p_channel uuid) returns bigint
language sql stable as $$
    select greatest(0, p_level.available_quantity - p_level.pooled_quantity)
           + case when p_channel is null or p_level.pooled_quantity = 0 then 0
                  else stock_pool_cover(p_level.sku_id, p_level.warehouse_id, p_channel, p_level.available_quantity) end
$$;


-- The same as a question without locks, from what is or will be there with due holds counted (p_there); p_due of these fall back
-- to pools. What is promised beyond what is there is not free for anybody else.
create or replace function stock_would_take(p_level inventory, p_channel uuid, p_there bigint, p_due bigint) returns bigint
language sql stable as $$
    select greatest(0, p_there - p_level.pooled_quantity - p_due - p_level.backordered_quantity)
           + case when p_channel is null or p_level.pooled_quantity + p_due = 0 then 0
                  else stock_pool_cover(p_level.sku_id, p_level.warehouse_id, p_channel, p_there, true) end
$$;


-- Lines that were just held for a channel take from its pools first, a part of a line by splitting it. What exceeds the pool is
-- of the units that are free for all. The caller holds the levels' locks, and has lowered what is available.
create or replace function stock_take_from_pools(p_reservations uuid[], p_channel uuid) returns void
language plpgsql as $$
declare
    v_takes stock_take[];
begin
    with held as materialized (
        -- Found by their reservations and then their pools (offset 0), never the other way: that would read every pool of the
        -- channel and every line that is held of their SKUs.
        select reservation_id, line_no, sku_id, warehouse_id, quantity
          from inventory_reservations
         where reservation_id = any (p_reservations) and status = 'active' and pool_id is null
    ), line as (
        select l.*, sum(l.quantity) over (partition by l.sku_id, l.warehouse_id) as together,
               sum(l.quantity) over (partition by l.sku_id, l.warehouse_id order by l.reservation_id, l.line_no) - l.quantity as earlier
          from held l
         cross join lateral (
               select from channel_pools p
                where (p.sku_id, p.warehouse_id, p.channel_id) = (l.sku_id, l.warehouse_id, p_channel) and p.ended_at is null offset 0) p
    ), cover as materialized (
        -- as it was before they took anything
        select x.sku_id, x.warehouse_id,
               stock_pool_cover(x.sku_id, x.warehouse_id, p_channel, (i.available_quantity + x.together)::bigint) as quantity
          from (select distinct sku_id, warehouse_id, together from line) x
          join inventory i using (sku_id, warehouse_id)
    )
    select array_agg(row(null, l.reservation_id, l.line_no, l.sku_id, l.warehouse_id, l.quantity,
                         least(l.quantity, c.quantity - l.earlier), 'active', false)::stock_take)
      into v_takes
      from line l join cover c using (sku_id, warehouse_id)
     where c.quantity > l.earlier;
    if v_takes is not null then
        perform stock_write_pool_lines(v_takes, p_channel);
    end if;
end $$;


-- These parts of held lines are of the channel's pools from now on.
create or replace function stock_write_pool_lines(p_takes stock_take[], p_channel uuid) returns void
language plpgsql as $$
begin
    -- What a line has beyond the pool becomes a line of its own, behind it: it is given back first and consumed last.
    insert into inventory_reservations (reservation_id, line_no, sku_id, warehouse_id, quantity, status, reserved_at, expires_at,
        promised_at, promise_date, min_expiry_date)
    select t.reservation_id,
           (select max(line_no) from inventory_reservations m where m.reservation_id = t.reservation_id)
               + row_number() over (partition by t.reservation_id order by t.line_no),
           t.sku_id, t.warehouse_id, t.open_quantity - t.quantity, l.status, l.reserved_at, l.expires_at, l.promised_at, l.promise_date,
           l.min_expiry_date
      from unnest(p_takes) t
      join inventory_reservations l using (reservation_id, line_no)
     where t.quantity < t.open_quantity;
    update inventory_reservations l
       set quantity = t.quantity, pool_id = p.id
      from unnest(p_takes) t
     cross join lateral (
           select id from channel_pools p
            where (p.sku_id, p.warehouse_id, p.channel_id) = (t.sku_id, t.warehouse_id, p_channel) and p.ended_at is null offset 0) p
     where (l.reservation_id, l.line_no) = (t.reservation_id, t.line_no);
    update channel_pools p
       set taken_quantity = p.taken_quantity + t.quantity
      from (select sku_id, warehouse_id, sum(quantity)::bigint as quantity from unnest(p_takes) group by sku_id, warehouse_id) t
     where (p.sku_id, p.warehouse_id, p.channel_id) = (t.sku_id, t.warehouse_id, p_channel) and p.ended_at is null;
    update inventory i
       set pooled_quantity = i.pooled_quantity - t.quantity
      from (select sku_id, warehouse_id, sum(quantity)::bigint as quantity from unnest(p_takes) group by sku_id, warehouse_id) t
     where (i.sku_id, i.warehouse_id) = (t.sku_id, t.warehouse_id);
end $$;


-- What was closed without being consumed goes back to the pool it was taken from. A pool that ended keeps nothing any more.
-- The caller holds the levels' locks.
create or replace function stock_give_back_to_pools(p_takes stock_take[]) returns void
language sql as $$
    with back as (
        select l.pool_id, sum(t.quantity)::bigint as quantity
          from unnest(p_takes) t
          join inventory_reservations l using (reservation_id, line_no)
         where t.outcome in ('cancelled', 'expired') and l.pool_id is not null
         group by l.pool_id
    ), pool as (
        update channel_pools p set taken_quantity = p.taken_quantity - b.quantity
          from back b where p.id = b.pool_id
        returning p.sku_id, p.warehouse_id, p.ended_at, b.quantity
    )
    update inventory i set pooled_quantity = i.pooled_quantity + x.quantity
      from (select sku_id, warehouse_id, sum(quantity)::bigint as quantity from pool where ended_at is null group by sku_id, warehouse_id) x
     where (i.sku_id, i.warehouse_id) = (x.sku_id, x.warehouse_id)
$$;


-- For which channel units leave, if that is said, and why pools do not let them go; no refusal when they do.
create or replace function stock_pools_of_move(p_request json, out channel uuid, out refusal stock_answer)
language plpgsql stable as $$
declare
    v_code text := p_request ->> 'channel';
begin
    if v_code is not null then
        select c.id into channel from sales_channels c where c.code = v_code;
        if channel is null then
            refusal := row((p_request ->> 'n')::integer, 'unknown_channel', json_build_object('errors', json_build_array(json_build_object(
                'loc', json_build_array('channel'), 'code', 'unknown_channel', 'message', 'There is no such channel.', 'channel', v_code))),
                false)::stock_answer;
            return;
        end if;
    end if;
    -- A shop without pools pays for this one look.
    if exists (select from channel_pools where ended_at is null) then
        select (p_request ->> 'n')::integer, 'insufficient_stock',
               json_build_object('errors', json_agg(json_build_object('line', line_no, 'sku_id', sku_id, 'warehouse_id', warehouse_id,
                   'requested', quantity, 'available', may_take) order by line_no)), false
          into refusal
          from (select l.line_no, l.sku_id, l.warehouse_id, l.quantity, stock_may_take(i, channel) as may_take
                  from (select min(x.line_no) as line_no, x.sku_id, x.warehouse_id, -sum(x.quantity) as quantity
                          from rows from (json_to_recordset(p_request -> 'items') as (sku_id uuid, warehouse_id uuid, bucket text,
                                   quantity bigint)) with ordinality as x (sku_id, warehouse_id, bucket, quantity, line_no)
                         where coalesce(x.bucket, 'sellable') = 'sellable'
                         group by x.sku_id, x.warehouse_id) l
                  join inventory i using (sku_id, warehouse_id)
                 where l.quantity > 0) leaving
         where quantity > may_take
        having count(*) > 0;
    end if;
end $$;


-- Units that are sold at once on a channel are of its pools first. The caller holds the levels' locks, and lowers what is
-- available afterwards.
create or replace function stock_sell_from_pools(p_request json, p_channel uuid, p_now timestamptz) returns void
language sql as $$
    with sold as (
        select p.id, p.sku_id, p.warehouse_id,
               least(x.quantity, stock_pool_cover(p.sku_id, p.warehouse_id, p_channel, i.available_quantity)) as quantity
          from (select sku_id, warehouse_id, (-sum(quantity))::bigint as quantity
                  from json_to_recordset(p_request -> 'items') as l (sku_id uuid, warehouse_id uuid, quantity bigint)
                 group by sku_id, warehouse_id) x
          join channel_pools p on (p.sku_id, p.warehouse_id, p.channel_id) = (x.sku_id, x.warehouse_id, p_channel) and p.ended_at is null
          join inventory i on (i.sku_id, i.warehouse_id) = (x.sku_id, x.warehouse_id)
    ), written as (
        insert into pool_sales (pool_id, request_no, posted_in, quantity, sold_at, actor)
        select id, (p_request ->> 'n')::integer, pg_current_xact_id()::text::bigint, quantity, p_now, p_request ->> 'actor'
          from sold where quantity > 0
    ), pool as (
        update channel_pools p set taken_quantity = p.taken_quantity + s.quantity from sold s where p.id = s.id
    )
    update inventory i set pooled_quantity = i.pooled_quantity - s.quantity
      from sold s where (i.sku_id, i.warehouse_id) = (s.sku_id, s.warehouse_id) and s.quantity > 0
$$;
