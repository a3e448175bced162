-- What one request may be promised beyond what is left: for every line that is short, how much is held now and how much is
-- promised, where and for when. Nothing is short of a rule: p_promises null means that the request is refused, and p_denied
-- says per short line why.
-- p_request: the request as stock_reserve got it; a line may be backordered when it or the request says allow_backorder.
create or replace function stock_backorder(p_request json, p_lines stock_ask[], p_left stock_left[], p_taken stock_promise[],
    out picks stock_ask[], out promises stock_promise[], out denied json)
language plpgsql stable as $$
declare
    v_allowed integer[];
    v_line record;
    v_found record;
begin
    select array_agg(line_no) into v_allowed
      from json_to_record(p_request) as r (allow_backorder boolean, items json),
           rows from (json_to_recordset(r.items) as (allow_backorder boolean)) with ordinality as i (allow_backorder, line_no)
     where coalesce(i.allow_backorder, r.allow_backorder, false);
    if v_allowed is null then
        return;
    end if;

    -- What there is of a line that may wait is held now.
    select coalesce(array_agg(p), '{}') into picks
      from stock_pick(array(
           select row(a.request_no, a.line_no, a.sku_id, a.warehouse_id,
                      case when a.warehouse_id is null or a.line_no <> all (v_allowed) then a.quantity
                           else least(a.quantity, coalesce(l.quantity, 0)) end)::stock_ask
             from unnest(p_lines) a
             left join unnest(p_left) l on l.sku_id = a.sku_id and l.warehouse_id = a.warehouse_id and l.is_open), p_left) p
     where p.quantity > 0;

    promises := '{}';
    for v_line in
        select a.*, a.quantity - coalesce((select sum(p.quantity) from unnest(picks) p
                                            where p.line_no = a.line_no and p.sku_id = a.sku_id), 0)::bigint as short
          from unnest(p_lines) a order by a.line_no, a.sku_id
    loop
        continue when v_line.short = 0;
        -- The warehouse that can promise soonest; where it is the same, the one of higher priority.
        select * into v_found from stock_promise_of(v_line.sku_id, v_line.warehouse_id, v_line.short, p_left, p_taken || promises);
        if v_line.line_no = any (v_allowed) and v_found.denied is null then
            promises := promises || row(v_line.request_no, v_line.line_no, v_line.sku_id, v_found.warehouse_id, v_line.short,
                                        v_found.promise_date)::stock_promise;
        else
            denied := (coalesce(denied::jsonb, '{}') || jsonb_build_object(v_line.line_no::text,
                case when v_line.line_no = any (v_allowed) then v_found.denied else 'not_asked_for' end))::json;
        end if;
    end loop;
    if denied is not null then
        promises := null;
    end if;
end $$;


-- Where so many units of a SKU can be promised soonest, or why they cannot: not_allowed, limit_reached, no_dated_inbound.
create or replace function stock_promise_of(p_sku uuid, p_warehouse uuid, p_units bigint, p_left stock_left[], p_taken stock_promise[],
    out warehouse_id uuid, out promise_date date, out denied text)
language sql stable as $$
    with place as (
        select l.warehouse_id, l.priority, coalesce(here.mode, anywhere.mode, 'never') as mode,
               case when here.mode is null then anywhere.quantity_max else here.quantity_max end as quantity_max,
               -- what comes fills the pools first
               greatest(0, i.pooled_quantity - i.available_quantity)
                   + i.backordered_quantity + coalesce((select sum(t.quantity) from unnest(p_taken) t
                                                   where t.sku_id = l.sku_id and t.warehouse_id = l.warehouse_id), 0) + p_units as ahead
          from unnest(p_left) l
          join inventory i using (sku_id, warehouse_id)
          left join backorder_policies here on here.sku_id = l.sku_id and here.warehouse_id = l.warehouse_id
          left join backorder_policies anywhere on anywhere.sku_id = l.sku_id and anywhere.warehouse_id is null
         where l.sku_id = p_sku and l.is_open and l.warehouse_id = coalesce(p_warehouse, l.warehouse_id)
    ), dated as (
        select p.*, stock_inbound_date(p_sku, p.warehouse_id, p.ahead::bigint) as promise_date from place p
    ), judged as (
        select warehouse_id, promise_date, priority,
               case when mode = 'never' then 'not_allowed' when ahead > quantity_max then 'limit_reached'
                    when mode = 'dated' and promise_date is null then 'no_dated_inbound' end as denied
          from dated
    )
    select warehouse_id, promise_date, coalesce(denied, case when warehouse_id is null then 'not_allowed' end)
      from (select 1) one
      left join judged on true
     order by denied is not null, promise_date nulls last, priority desc, warehouse_id
     limit 1
$$;


-- When dated inbound of a level, soonest first, has brought so many units; null: not as far as anybody knows. What is
-- overdue promises nothing: nobody knows when it comes.
create or replace function stock_inbound_date(p_sku uuid, p_warehouse uuid, p_units bigint) returns date
language sql stable as $$
    select min(expected_at)
      from (select expected_at, sum(quantity) over (order by expected_at) as so_far
              from inbound_lines
             where sku_id = p_sku and warehouse_id = p_warehouse and expected_at >= (select business_now()::date)) inbound
     where so_far >= p_units
$$;


-- A refusal whose short lines also say why they cannot wait.
create or replace function stock_naming_denials(p_answer stock_answer, p_denied json) returns stock_answer
language sql stable as $$
    select p_answer.request_no, p_answer.outcome,
           json_build_object('errors', json_agg(case when p_denied -> (e.line ->> 'line') is null then e.line
                             else (e.line::jsonb || jsonb_build_object('backorder', p_denied -> (e.line ->> 'line')))::json end order by e.n)),
           p_answer.replayed
      from json_array_elements(p_answer.facts -> 'errors') with ordinality as e (line, n)
$$;


-- Whether more than what is there may be promised of a SKU, in one warehouse or (null) wherever nothing else is said; mode
-- null takes the rule back. Levels are born with the rule, so that a pre-order has one to wait at.
-- Answers null when it was done, else sku_not_found, unknown_warehouse or sku_is_bundle.
create or replace function stock_set_backorder_policy(p_sku uuid, p_warehouse uuid, p_mode text, p_quantity_max bigint, p_actor text)
returns text
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if not exists (select from skus where id = p_sku) then
        return 'sku_not_found';
    elsif p_warehouse is not null and not exists (select from warehouses where id = p_warehouse) then
        return 'unknown_warehouse';
    elsif exists (select from skus where id = p_sku and is_bundle) then
        return 'sku_is_bundle';
    end if;
    if p_mode is null then
        delete from backorder_policies where sku_id = p_sku and warehouse_id is not distinct from p_warehouse;
        return null;
    end if;
    insert into inventory (sku_id, warehouse_id)
    select p_sku, id from warehouses where id = coalesce(p_warehouse, id) and is_active order by id
    on conflict do nothing;
    insert into backorder_policies (sku_id, warehouse_id, mode, quantity_max, updated_by)
    values (p_sku, p_warehouse, p_mode, p_quantity_max, p_actor)
    on conflict on constraint one_backorder_policy do update
       set mode = excluded.mode, quantity_max = excluded.quantity_max, updated_by = excluded.updated_by, updated_at = business_now();
    return null;
end $$;
