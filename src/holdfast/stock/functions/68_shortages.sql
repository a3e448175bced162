-- Break promises on one level, without giving what comes free to anybody: the units are not there. The caller books their
-- loss in the same transaction, under the lock taken here; that posting serves who waits with what is left.
-- p_takes: [{reservation_id, quantity}]. Answers the parts released, which may be less than was asked.
create or replace function stock_break_promises(p_sku uuid, p_warehouse uuid, p_takes json)
returns table (reservation_id uuid, reference_type text, reference_id text, quantity bigint)
language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
    v_now timestamptz;
    v_takes stock_take[];
begin
    perform stock_lock_for_undo(array[row(p_sku, p_warehouse, 0, 0, true)::stock_left]);
    v_now := business_now();
    select array_agg(row(t.n, t.reservation_id, t.line_no, p_sku, p_warehouse, t.open_quantity, t.quantity, 'cancelled', false)::stock_take)
      into v_takes
      from (select w.n::integer as n, l.reservation_id, l.line_no, l.quantity as open_quantity,
                   least(l.quantity, w.quantity - coalesce(sum(l.quantity) over earlier, 0))::bigint as quantity
              from rows from (json_to_recordset(p_takes) as (reservation_id uuid, quantity bigint))
                   with ordinality as w (reservation_id, quantity, n)
              join inventory_reservations l on l.reservation_id = w.reservation_id
               and l.status = 'active' and (l.sku_id, l.warehouse_id) = (p_sku, p_warehouse)
            window earlier as (partition by w.n order by l.line_no rows between unbounded preceding and 1 preceding)) t
     where t.quantity > 0;
    if v_takes is null then
        return;
    end if;
    perform stock_end_lines(v_takes, v_now);
    perform stock_tell_resolution(v_takes, v_now);
    return query
    select h.id, h.reference_type, h.reference_id, sum(t.quantity)::bigint
      from unnest(v_takes) t join reservations h on h.id = t.reservation_id
     group by h.id order by h.id;
end $$;
