-- What was wanted and not sold. Kept beside the sales and never part of them: one is a count, the other an estimate.


-- Take over the lines that were refused since the last time. One shopper's attempt counts once per SKU, warehouse and day, with
-- the most that was short of it: a cart or an order by its reference, whoever names none by the minute. What somebody refuses
-- meanwhile is taken next time.
create or replace function demand_take_refusals() returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_touched demand_touch[];
begin
    with taken as (
        delete from refused_lines returning *
    ), line as (
        select t.sku_id, w.id as warehouse_id, (t.refused_at at time zone w.time_zone)::date as day, t.requested, t.available,
               t.refused_at, coalesce(t.reference_type || ' ' || nullif(t.reference_id, ''),
                                      t.actor || ' ' || to_char(t.refused_at at time zone 'UTC', 'HH24:MI')) as attempt
          from taken t
         -- Whoever would take it from anywhere would have got it from the first warehouse that keeps it.
         cross join lateral (
               select w.id, w.time_zone
                 from inventory i
                 join warehouses w on w.id = i.warehouse_id
                where i.sku_id = t.sku_id and (t.warehouse_id is null or i.warehouse_id = t.warehouse_id)
                order by w.is_active desc, w.priority desc, w.id
                limit 1) w
         where not exists (select from sandbox_skus x where x.sku_id = t.sku_id)
    ), refused as (
        insert into demand_refusals as d (sku_id, warehouse_id, day, attempt, requested, available, at)
        select distinct on (sku_id, warehouse_id, day, attempt) sku_id, warehouse_id, day, attempt, requested, available, refused_at
          from line
         order by sku_id, warehouse_id, day, attempt, requested - available desc, refused_at
        on conflict (sku_id, warehouse_id, day, attempt) do update
           set requested = excluded.requested, available = excluded.available
         where excluded.requested - excluded.available > d.requested - d.available
        returning sku_id, warehouse_id, day
    )
    select array_agg(distinct row(sku_id, warehouse_id, day, null, null)::demand_touch) into v_touched from refused;

    insert into demand_daily as d (sku_id, warehouse_id, day, refused_quantity)
    select r.sku_id, r.warehouse_id, r.day, sum(r.requested - r.available)
      from unnest(v_touched) t
      join demand_refusals r on (r.sku_id, r.warehouse_id, r.day) = (t.sku_id, t.warehouse_id, t.day)
     group by r.sku_id, r.warehouse_id, r.day
    on conflict (sku_id, warehouse_id, day) do update set refused_quantity = excluded.refused_quantity;
end $$;


-- Estimate what was lost on the days from p_first to p_last of each level: the mean rate of the 90 days before, by the time in
-- which something could be bought, times the empty share of the day. No estimate where less than a week of that was seen.
create or replace function demand_estimate_lost(p_skus uuid[], p_warehouses uuid[], p_first date[], p_last date[]) returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    with level as materialized (
        select p.*, w.time_zone
          from unnest(p_skus, p_warehouses, p_first, p_last) as p (sku_id, warehouse_id, first_day, last_day)
          join warehouses w on w.id = p.warehouse_id
    ), span as (
        -- A shelf that nothing was bought from for a quarter has lost nothing.
        select l.sku_id, l.warehouse_id, l.first_day, l.time_zone, s.empty_from, s.empty_until,
               greatest((s.empty_from at time zone l.time_zone)::date, l.first_day - 90) as from_day,
               least((s.empty_until at time zone l.time_zone)::date, l.last_day) as to_day
          from level l
          join empty_shelf_spans s on s.sku_id = l.sku_id and s.warehouse_id = l.warehouse_id
               and (s.empty_until is null or s.empty_until > (l.first_day - 90)::timestamp at time zone l.time_zone)
               and s.empty_from < (l.last_day + 1)::timestamp at time zone l.time_zone
         where exists (select from demand_daily d where d.sku_id = l.sku_id and d.warehouse_id = l.warehouse_id
                          and d.day >= l.first_day - 90 and d.day < l.last_day and d.quantity > 0)
    ), share as (
        select sku_id, warehouse_id, first_day, day,
               (select sum(extract(epoch from upper(r) - lower(r))) from unnest(range_agg(part)) r)
                   / extract(epoch from upper(whole) - lower(whole)) as share
          from (select s.sku_id, s.warehouse_id, s.first_day, s.from_day + n as day,
                       tstzrange((s.from_day + n)::timestamp at time zone s.time_zone, (s.from_day + n + 1)::timestamp at time zone s.time_zone) as whole,
                       tstzrange(s.empty_from, s.empty_until) as empty
                  from span s cross join lateral generate_series(0, s.to_day - s.from_day) n) x
         cross join lateral (select whole * empty as part) p
         where not isempty(part)
         group by sku_id, warehouse_id, first_day, day, whole
    ), seen as (
        select *, 90 - coalesce(sum(share) over (partition by sku_id, warehouse_id order by day
                                    range between interval '90 days' preceding and interval '1 day' preceding), 0) as observed_days
          from share
    ), lost as materialized (
        select s.sku_id, s.warehouse_id, s.day, least(s.share, 1)::double precision as share,
               case when s.observed_days >= 7 then (s.share * u.units / s.observed_days)::double precision end as units
          from seen s
         cross join lateral (select coalesce(sum(greatest(0, d.quantity - d.bulk_quantity)), 0) as units
                               from demand_daily d
                              where d.sku_id = s.sku_id and d.warehouse_id = s.warehouse_id and d.day >= s.day - 90 and d.day < s.day) u
         where s.day >= s.first_day and u.units > 0
    ), cleared as (
        update demand_daily d set empty_share = 0, lost_quantity = null
          from level l
         where d.sku_id = l.sku_id and d.warehouse_id = l.warehouse_id and d.day between l.first_day and l.last_day
           and (d.empty_share <> 0 or d.lost_quantity is not null)
           and not exists (select from lost x where (x.sku_id, x.warehouse_id, x.day) = (d.sku_id, d.warehouse_id, d.day))
    )
    insert into demand_daily as d (sku_id, warehouse_id, day, empty_share, lost_quantity)
    select sku_id, warehouse_id, day, share, units from lost
    on conflict (sku_id, warehouse_id, day) do update
       set empty_share = excluded.empty_share, lost_quantity = excluded.lost_quantity
     where (d.empty_share, d.lost_quantity) is distinct from (excluded.empty_share, excluded.lost_quantity);
end $$;


-- Estimate the days that ended since the last time, warehouse by warehouse, because a day ends where the warehouse is.
create or replace function demand_finish_days() returns void
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_open record;
    v_skus uuid[];
begin
    for v_open in
        select w.id, w.time_zone, coalesce(f.day + 1, c.yesterday) as first_day, c.yesterday
          from warehouses w
          left join demand_finished_days f on f.warehouse_id = w.id
         cross join lateral (select (business_now() at time zone w.time_zone)::date - 1 as yesterday) c
         where f.day is null or f.day < c.yesterday
         order by w.id
    loop
        select array_agg(distinct sku_id) into v_skus
          from empty_shelf_spans
         where warehouse_id = v_open.id
           and (empty_until is null or empty_until > v_open.first_day::timestamp at time zone v_open.time_zone);
        if v_skus is not null then
            perform demand_estimate_lost(v_skus, array_fill(v_open.id, array[cardinality(v_skus)]),
                -- A worker that was away for long makes up a quarter, no more.
                array_fill(greatest(v_open.first_day, v_open.yesterday - 89), array[cardinality(v_skus)]),
                array_fill(v_open.yesterday, array[cardinality(v_skus)]));
        end if;
        insert into demand_finished_days (warehouse_id, day) values (v_open.id, v_open.yesterday)
        on conflict (warehouse_id) do update set day = excluded.day;
    end loop;
end $$;
