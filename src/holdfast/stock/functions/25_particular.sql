-- Holds that ask for more than a quantity: a life their units must still have (min_remaining_days), or the very units (serials).
-- They are decided alone, after the others of their group, so that the rest pays nothing for them.


-- Whether any request of a group is particular. A look at the text: naming the words in a reference costs time, nothing else.
create or replace function stock_is_particular(p_requests json) returns boolean
language sql immutable as $$
    select strpos(p_requests::text, '"min_remaining_days"') > 0 or strpos(p_requests::text, '"serials"') > 0
$$;


-- The particular requests of a group one by one, the others before them together. All levels are locked first, in order.
create or replace function stock_reserve_apart(p_requests json) returns setof stock_answer
language plpgsql as $$
declare
    v_others json;
    v_request json;
begin
    perform stock_lock_asked(p_requests);
    select json_agg(e.value order by e.item_no) into v_others
      from json_array_elements(p_requests) with ordinality as e (value, item_no) where not stock_is_particular(e.value);
    if v_others is not null then
        return query select * from stock_reserve(v_others);
    end if;
    for v_request in select value from json_array_elements(p_requests) where stock_is_particular(value) loop
        return query select * from stock_reserve(json_build_array(v_request));
    end loop;
end $$;


-- Lock every level that these requests may take something from, of what bundles among them consist of too.
create or replace function stock_lock_asked(p_requests json) returns void
language plpgsql as $$
begin
    perform stock_lock_left((
        select array_agg(row(null, null, coalesce(c.component_id, x.sku_id), x.warehouse_id, 0)::stock_ask)
          from json_to_recordset(p_requests) as r (items json)
         cross join json_to_recordset(r.items) as x (sku_id uuid, warehouse_id uuid)
          -- The fence (offset 0) keeps this a look-up: of a JSON list PostgreSQL expects ten thousand lines.
          left join lateral (select component_id from bundle_components where bundle_id = x.sku_id offset 0) c on true), null);
end $$;


-- What is left as far as this request may have it: a line that needs a longer life finds only what keeps every other promise.
create or replace function stock_left_lasting(p_requests json, p_left stock_left[], p_channel uuid, p_now timestamptz)
returns stock_left[]
language sql stable as $$
    select coalesce(array_agg(row(l.sku_id, l.warehouse_id,
               case when need.days is null then l.quantity
                    else greatest(0, least(l.quantity, stock_lasting_left(l.sku_id, l.warehouse_id, need.days, p_channel, false, p_now))) end,
               l.priority, l.is_open)::stock_left), '{}')
      from unnest(p_left) l
      left join (select x.sku_id, max(x.min_remaining_days) as days
                   from json_to_recordset(p_requests) as r (items json)
                  cross join json_to_recordset(r.items) as x (sku_id uuid, min_remaining_days integer)
                  where x.min_remaining_days is not null group by x.sku_id) need using (sku_id)
$$;


-- How many units that last so many days from today may still be promised to a channel (null: to who names none). For each date d,
-- the units that last until d must cover the lines that need it, and the pools of other channels that need it; so a line that
-- needs D may take the smallest surplus over all d up to D (Hall's condition for nested sets). p_due_are_free: lines whose time
-- is over need nothing any more, as for a question; whoever holds the locks has expired some of them, and trusts none.
create or replace function stock_lasting_left(p_sku uuid, p_warehouse uuid, p_days integer, p_channel uuid, p_due_are_free boolean,
    p_now timestamptz) returns bigint
language sql stable as $$
    with need as (
        select n.min_expiry_date as day, n.quantity
          from inventory_reservations n
         where n.sku_id = p_sku and n.warehouse_id = p_warehouse and n.status = 'active' and n.min_expiry_date is not null
           and not (p_due_are_free and coalesce(n.expires_at <= p_now, false))
        union all
        select stock_last_day_needed(p_warehouse, c.min_remaining_days, p_now),
               stock_pool_cover(p_sku, p_warehouse, p.channel_id, i.available_quantity)
          from channel_pools p
          join sales_channels c on c.id = p.channel_id
          join inventory i on i.sku_id = p.sku_id and i.warehouse_id = p.warehouse_id
         where p.sku_id = p_sku and p.warehouse_id = p_warehouse and p.ended_at is null and p.channel_id is distinct from p_channel
           and c.min_remaining_days is not null
    ), last as (
        select stock_last_day_needed(p_warehouse, p_days, p_now) as day
    )
    select min(stock_units_lasting(p_sku, p_warehouse, d.day, p_now)
               - coalesce((select sum(n.quantity) from need n where n.day >= d.day), 0))::bigint
      from (select day from last union select n.day from need n, last where n.day <= last.day) d
$$;


-- The expiry date a unit must reach to have so many days left today, by the calendar of its warehouse.
create or replace function stock_last_day_needed(p_warehouse uuid, p_days integer, p_now timestamptz) returns date
language sql stable as $$
    select (p_now at time zone w.time_zone)::date + p_days from warehouses w where w.id = p_warehouse
$$;


-- Sellable units of a level, promised ones included, that are usable and last through a day. Units without a batch do not age.
create or replace function stock_units_lasting(p_sku uuid, p_warehouse uuid, p_day date, p_now timestamptz) returns bigint
language sql stable as $$
    select (coalesce(sum(b.sellable_quantity) filter (where b.usable_until > p_now and coalesce(m.expiry_date, 'infinity') >= p_day), 0)
            + max(i.available_quantity + i.reserved_quantity) - coalesce(sum(b.sellable_quantity), 0))::bigint
      from inventory i
      left join inventory_batches b using (sku_id, warehouse_id)
      left join batches m on m.id = b.batch_id
     where i.sku_id = p_sku and i.warehouse_id = p_warehouse
$$;


-- Why one particular request cannot be held as it is asked; the levels are locked.
create or replace function stock_particular_refusal(p_request json, p_now timestamptz) returns stock_answer
language sql stable as $$
    with item as (
        select i.*, s.tracking
          from rows from (json_to_recordset(p_request -> 'items') as (sku_id uuid, warehouse_id uuid, quantity bigint,
                   min_remaining_days integer, serials json))
               with ordinality as i (sku_id, warehouse_id, quantity, min_remaining_days, serials, line_no)
          join skus s on s.id = i.sku_id
         where i.min_remaining_days is not null or i.serials is not null
    ), unit as (
        select i.line_no, i.sku_id, x.serial_number, count(*) over (partition by i.sku_id, x.serial_number) as times,
               u.state = 'sellable' and u.warehouse_id = i.warehouse_id and u.reservation_id is null
                   and coalesce(b.usable_until, 'infinity') > p_now as is_free
          from item i
         cross join json_array_elements_text(i.serials) as x (serial_number)
          -- Fences (offset 0): of a list within a JSON list PostgreSQL expects ten thousand units, and reads all there are.
          left join lateral (select state, warehouse_id, batch_id, reservation_id from serials
                              where sku_id = i.sku_id and serial_number = x.serial_number offset 0) u on true
          left join lateral (select usable_until from inventory_batches
                              where (sku_id, warehouse_id, batch_id) = (i.sku_id, u.warehouse_id, u.batch_id) offset 0) b on true
    ), judged as (
        select i.*, w.taken,
               case when i.tracking = 'none' or (i.tracking = 'batch' and i.serials is not null) then 'not_tracked'
                    when i.serials is not null and json_array_length(i.serials) <> i.quantity then 'serials_mismatch'
                    when w.repeated then 'serial_repeated'
                    when w.taken is not null then 'serial_not_here' end as code
          from item i
          left join (select line_no, bool_or(times > 1) as repeated,
                            array_agg(serial_number) filter (where is_free is not true) as taken
                       from unit group by line_no) w using (line_no)
    ), first as (
        select code from judged where code is not null order by line_no limit 1
    )
    select (p_request ->> 'n')::integer, code,
           json_build_object('errors', json_agg(json_strip_nulls(json_build_object('line', line_no, 'sku_id', sku_id,
               'warehouse_id', warehouse_id, 'requested', quantity, 'serials', case code when 'serial_not_here' then to_json(taken[1:20]) end))
               order by line_no)), false
      from judged join first using (code)
     group by code
$$;


-- Write what a particular hold asked for onto its lines and units.
create or replace function stock_write_particulars(p_request json, p_reservation uuid, p_now timestamptz) returns void
language sql as $$
    update serials u set reservation_id = p_reservation
      from (select array_agg(i.sku_id) as skus, array_agg(x.serial_number) as numbers
              from json_to_recordset(p_request -> 'items') as i (sku_id uuid, serials json)
             cross join json_array_elements_text(i.serials) as x (serial_number)) named,
           unnest(named.skus, named.numbers) as n (sku_id, serial_number)
     where u.sku_id = n.sku_id and u.serial_number = n.serial_number;
    update inventory_reservations l
       set min_expiry_date = stock_last_day_needed(l.warehouse_id, i.days, p_now)
      from (select x.sku_id, max(x.min_remaining_days) as days
              from json_to_recordset(p_request -> 'items') as x (sku_id uuid, min_remaining_days integer)
             where x.min_remaining_days is not null group by x.sku_id) i
     where l.reservation_id = p_reservation and l.sku_id = i.sku_id
$$;
