-- What stock is worth as of an instant, from what was known by then: entries and cost corrections written up to it. Nothing
-- is ever posted again, so a value that was reported once is reported again (docs/decisions/0085).


-- The moving average as of an instant: two look-ups per level; as the levels stand, when no instant is named: one pass over
-- them. A level whose cost nobody ever told has none.
create or replace function stock_average_value(p_as_of timestamptz, p_sku uuid, p_warehouse uuid)
returns table (sku_id uuid, warehouse_id uuid, quantity bigint, valued_quantity bigint, value numeric)
language sql stable security definer set search_path = public, pg_temp as $$
    select i.sku_id, i.warehouse_id, i.on_hand_quantity, case when i.cost_price is null then 0 else i.on_hand_quantity end,
           round(i.on_hand_quantity * i.cost_price, 6)
      from inventory i
     where p_as_of is null and i.on_hand_quantity > 0
       and (p_sku is null or i.sku_id = p_sku) and (p_warehouse is null or i.warehouse_id = p_warehouse)
    union all
    select i.sku_id, i.warehouse_id, m.balance_after, case when k.cost is null then 0 else m.balance_after end,
           round(m.balance_after * k.cost, 6)
      from inventory i
     cross join lateral (
           select balance_after, unit_cost, cost_after, posted_in, created_at from inventory_movements m
            where m.sku_id = i.sku_id and m.warehouse_id = i.warehouse_id and m.created_at <= p_as_of
            order by m.created_at desc, m.seq desc limit 1) m
      left join lateral (
           select c.cost_after, c.id from cost_corrections c
            where c.sku_id = i.sku_id and c.warehouse_id = i.warehouse_id and c.created_at <= p_as_of and c.created_at >= m.created_at
            order by c.created_at desc limit 1) c on true
     -- Entries from before averages were kept tell the cost they went at.
     cross join lateral (select case when c.id is not null then c.cost_after when m.posted_in is null then coalesce(m.cost_after, m.unit_cost)
                                     else m.cost_after end as cost) k
     where p_as_of is not null and m.balance_after > 0
       and (p_sku is null or i.sku_id = p_sku) and (p_warehouse is null or i.warehouse_id = p_warehouse)
$$;


-- The layers that are left by first in, first out: what is here came last. In a queue it does not matter when things left,
-- only how many are left; so the layers are the newest arrivals that add up to the balance, found by one running sum.
-- An entry and the one that undoes it are both left out, and so is what a posting only moves between buckets.
create or replace function stock_fifo_layers(p_as_of timestamptz, p_sku uuid, p_warehouse uuid)
returns table (sku_id uuid, warehouse_id uuid, movement_id uuid, created_at timestamptz, quantity bigint, unit_cost numeric)
language sql stable security definer set search_path = public, pg_temp as $$
    with entry as (
        select m.id, m.seq, m.sku_id, m.warehouse_id, m.quantity, m.unit_cost, m.created_at,
               case when m.posted_in is null then 1
                    else sum(m.quantity) over (partition by m.sku_id, m.warehouse_id, m.posted_in, m.request_no) end as net
          from inventory_movements m
         where m.created_at <= p_as_of and m.undoes is null
           and (p_sku is null or m.sku_id = p_sku) and (p_warehouse is null or m.warehouse_id = p_warehouse)
           and not exists (select from inventory_movements u where u.undoes = m.id and u.created_at <= p_as_of)
    ), balance as (
        select sku_id, warehouse_id, sum(quantity) as quantity from entry group by sku_id, warehouse_id
    ), arrival as (
        select e.*, b.quantity - coalesce(sum(e.quantity) over newer, 0) as left_for_it
          from entry e join balance b using (sku_id, warehouse_id)
         where e.quantity > 0 and e.net <> 0
        window newer as (partition by e.sku_id, e.warehouse_id order by e.created_at desc, e.seq desc
            rows between unbounded preceding and 1 preceding)
    )
    select a.sku_id, a.warehouse_id, a.id, a.created_at, least(a.quantity, a.left_for_it)::bigint, coalesce(c.unit_cost, a.unit_cost)
      from arrival a
      left join lateral (select c.unit_cost from cost_corrections c where c.movement_id = a.id and c.created_at <= p_as_of
                          order by c.created_at desc limit 1) c on true
     where a.left_for_it > 0
$$;


create or replace function stock_fifo_value(p_as_of timestamptz, p_sku uuid, p_warehouse uuid)
returns table (sku_id uuid, warehouse_id uuid, quantity bigint, valued_quantity bigint, value numeric)
language sql stable as $$
    select sku_id, warehouse_id, sum(quantity)::bigint, coalesce(sum(quantity) filter (where unit_cost is not null), 0)::bigint,
           round(sum(quantity * unit_cost), 6)
      from stock_fifo_layers(coalesce(p_as_of, 'infinity'), p_sku, p_warehouse)
     group by sku_id, warehouse_id
$$;


-- Learn what goods really cost after they were booked. What of them is still here, by first in first out, changes the
-- moving average; what is gone is an expense of today. Appended; no entry changes.
-- Outcomes: cost_corrected; movement_not_found, not_an_arrival, cost_below_zero.
create or replace function stock_correct_cost(p_movement uuid, p_unit_cost numeric, p_reason text, p_actor text) returns stock_answer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    v_entry inventory_movements;
    v_level inventory;
    v_before numeric;
    v_here bigint;
    v_value numeric;
    v_average numeric;
    v_at timestamptz;
    v_facts json;
begin
    select * into v_entry from inventory_movements where id = p_movement;
    if v_entry.id is null then
        return row(0, 'movement_not_found', '{}'::json, false)::stock_answer;
    elsif v_entry.quantity < 0 or v_entry.undoes is not null then
        return row(0, 'not_an_arrival', '{}'::json, false)::stock_answer;
    end if;
    select * into v_level from inventory
     where (sku_id, warehouse_id) = (v_entry.sku_id, v_entry.warehouse_id) for no key update;
    select coalesce((select c.unit_cost from cost_corrections c where c.movement_id = p_movement order by c.created_at desc limit 1),
                    v_entry.unit_cost, 0) into v_before;
    select coalesce(sum(quantity), 0) into v_here
      from stock_fifo_layers('infinity', v_entry.sku_id, v_entry.warehouse_id) where movement_id = p_movement;
    v_value := v_here * (p_unit_cost - v_before);
    v_average := case when v_level.on_hand_quantity = 0 or v_here = 0 then v_level.cost_price
                      when v_level.cost_price is null then case when v_here = v_level.on_hand_quantity then p_unit_cost end
                      else round((v_level.cost_price * v_level.on_hand_quantity + v_value) / v_level.on_hand_quantity, 6) end;
    if v_average < 0 then
        return row(0, 'cost_below_zero', json_build_object('cost_price', v_level.cost_price), false)::stock_answer;
    end if;
    -- Strictly between the entries before and after it, so that "as of" knows which average was newer.
    v_at := greatest(business_now(), v_level.last_updated + interval '1 microsecond');
    update inventory set cost_price = v_average, version = version + 1, last_updated = v_at
     where (sku_id, warehouse_id) = (v_entry.sku_id, v_entry.warehouse_id);
    insert into cost_corrections (sku_id, warehouse_id, movement_id, quantity, unit_cost_before, unit_cost, on_hand_quantity, stock_value,
        expensed_value, cost_before, cost_after, reason, actor, created_at)
    values (v_entry.sku_id, v_entry.warehouse_id, p_movement, v_entry.quantity, v_before, p_unit_cost, v_here, v_value,
            (v_entry.quantity - v_here) * (p_unit_cost - v_before), v_level.cost_price, v_average, p_reason, p_actor, v_at);
    select json_build_object('movement_id', p_movement, 'sku_id', v_entry.sku_id, 'warehouse_id', v_entry.warehouse_id,
               'quantity', v_entry.quantity, 'on_hand_quantity', v_here, 'unit_cost_before', v_before::text, 'unit_cost', p_unit_cost::text,
               'stock_value', v_value::text, 'expensed_value', ((v_entry.quantity - v_here) * (p_unit_cost - v_before))::text,
               'cost_before', v_level.cost_price::text, 'cost_after', v_average::text) into v_facts;
    insert into outbox_events (event_type, sku_ids, data, occurred_at)
    values ('inventory.cost_corrected', array[v_entry.sku_id], v_facts, v_at);
    return row(0, 'cost_corrected', v_facts, false)::stock_answer;
end $$;
