-- Days are the sums of their lines.


-- Sum these days again. A day without a line that was not imported and on which nothing was refused or lost has no row.
create or replace function demand_sum_days(p_touched demand_touch[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    insert into demand_daily as d (sku_id, warehouse_id, day, sold_quantity, sold_lines, returned_quantity)
    select t.sku_id, t.warehouse_id, t.day,
           coalesce(sum(l.quantity) filter (where l.kind <> 'return'), 0), coalesce(sum(sign(l.quantity)) filter (where l.kind <> 'return'), 0),
           coalesce(-sum(l.quantity) filter (where l.kind = 'return'), 0)
      from (select distinct sku_id, warehouse_id, day from unnest(p_touched)) t
      left join demand_lines l using (sku_id, warehouse_id, day)
     group by t.sku_id, t.warehouse_id, t.day
    on conflict (sku_id, warehouse_id, day) do update
       set sold_quantity = excluded.sold_quantity, sold_lines = excluded.sold_lines, returned_quantity = excluded.returned_quantity
     where (d.sold_quantity, d.sold_lines, d.returned_quantity)
           is distinct from (excluded.sold_quantity, excluded.sold_lines, excluded.returned_quantity);

    delete from demand_daily d using unnest(p_touched) t
     where (d.sku_id, d.warehouse_id, d.day) = (t.sku_id, t.warehouse_id, t.day)
       and d.sold_quantity = 0 and d.returned_quantity = 0 and d.imported_quantity = 0 and d.imported_orders = 0
       and d.lost_quantity is null and d.refused_quantity = 0
       and not exists (select from demand_lines l where (l.sku_id, l.warehouse_id, l.day) = (d.sku_id, d.warehouse_id, d.day));
end $$;


-- Judge the large lines of these levels from the first touched day on, and separate the units of those that are one-offs.
-- A line is one when it is above 6 times the mean sale day of the year before it and not below 30 units (the figures of
-- demand/history.py), and at least five sale days are known; a planner's word wins.
create or replace function demand_judge_lines(p_touched demand_touch[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_changed demand_touch[];
begin
    with level as (
        select sku_id, warehouse_id, min(day) as since from unnest(p_touched) group by sku_id, warehouse_id
    ), judged as materialized (
        select l.sku_id, l.warehouse_id, l.day, l.kind, l.source_id, j.above, coalesce(v.is_one_off, l.quantity > j.above, false) as is_one_off
          from level p
          join demand_lines l on l.sku_id = p.sku_id and l.warehouse_id = p.warehouse_id and l.day >= p.since
               and l.quantity >= 30 and l.kind in ('order', 'sale')
         cross join lateral (
               select case when count(*) >= 5 then greatest(30, ceil(6 * avg(d.quantity)))::bigint end as above
                 from demand_daily d
                where d.sku_id = l.sku_id and d.warehouse_id = l.warehouse_id and d.day >= l.day - 365 and d.day < l.day and d.quantity > 0) j
          left join demand_verdicts v on (v.source_id, v.sku_id, v.warehouse_id) = (l.source_id, l.sku_id, l.warehouse_id)
    ), changed as (
        update demand_lines l
           set one_off_above = j.above, is_one_off = j.is_one_off
          from judged j
         where (l.sku_id, l.warehouse_id, l.day, l.kind, l.source_id) = (j.sku_id, j.warehouse_id, j.day, j.kind, j.source_id)
           and (l.one_off_above, l.is_one_off) is distinct from (j.above, j.is_one_off)
        returning l.sku_id, l.warehouse_id, l.day, l.reference_type, l.reference_id
    )
    select array_agg(t::demand_touch) into v_changed from changed t;

    update demand_daily d
       set bulk_quantity = b.units
      from (select t.sku_id, t.warehouse_id, t.day, coalesce(sum(greatest(0, l.quantity + n.taken_back)), 0)::bigint as units
              from (select distinct sku_id, warehouse_id, day from unnest(p_touched || v_changed)) t
              left join demand_lines l on (l.sku_id, l.warehouse_id, l.day) = (t.sku_id, t.warehouse_id, t.day)
                   and l.quantity >= 30 and l.is_one_off
              left join lateral (
                   -- what was undone or came back of it is not demand at all
                   select coalesce(sum(x.quantity), 0) as taken_back
                     from demand_lines x
                    where (x.sku_id, x.warehouse_id, x.day) = (l.sku_id, l.warehouse_id, l.day)
                      and (x.kind = 'undo' and x.corrects = l.source_id
                           or x.kind = 'return' and x.reference_id = l.reference_id and x.reference_type = l.reference_type)) n on true
             group by t.sku_id, t.warehouse_id, t.day) b
     where (d.sku_id, d.warehouse_id, d.day) = (b.sku_id, b.warehouse_id, b.day) and d.bulk_quantity <> b.units;
end $$;


-- Judge one level again from a day on: somebody spoke about a line, or a month was recomputed.
create or replace function demand_judge_again(p_sku uuid, p_warehouse uuid, p_day date) returns void
language sql as $$
    select demand_judge_lines(array[row(p_sku, p_warehouse, p_day, null, null)::demand_touch])
$$;
