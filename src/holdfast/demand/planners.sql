-- list_calendar
-- One page of what is said about days, newest first; a scope that is not asked for is not looked at.
select * from demand_calendar
 where (%(sku_id)s::uuid is null or sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
   and (%(category)s::text is null or category = %(category)s)
   and (%(since)s::date is null or last_day >= %(since)s)
   and (%(until)s::date is null or first_day <= %(until)s)
   and (%(before)s::uuid is null or id < %(before)s)
 order by id desc
 limit %(limit)s;

-- add_calendar
-- Said twice it is said once; answers the ids that are new.
insert into demand_calendar (kind, label, first_day, last_day, sku_id, category, warehouse_id, factor, said_by)
select e.*, %(said_by)s
  from unnest(%(kinds)s::text[], %(labels)s::text[], %(first_days)s::date[], %(last_days)s::date[], %(sku_ids)s::uuid[],
           %(categories)s::text[], %(warehouse_ids)s::uuid[], %(factors)s::double precision[]) as e
on conflict on constraint said_once do nothing
returning id;

-- find_calendar
-- One entry by what it says.
select * from demand_calendar
 where (kind, label, first_day, last_day) = (%(kind)s, %(label)s, %(first_day)s, %(last_day)s)
   and sku_id is not distinct from %(sku_id)s::uuid and category is not distinct from %(category)s::text
   and warehouse_id is not distinct from %(warehouse_id)s::uuid;

-- remove_calendar
-- An entry that was wrong.
delete from demand_calendar where id = %(id)s returning label;

-- read_calendar
-- What is said about days in a range, whatever its scope.
select kind, first_day, last_day, sku_id, category, warehouse_id, factor from demand_calendar
 where last_day >= %(since)s and first_day <= %(until)s
 order by id desc;

-- has_calendar_ahead
-- A shop without a coming promotion or holiday pays for this one look.
select exists (select from demand_calendar where last_day >= (business_now() at time zone 'UTC')::date - 1);

-- list_categories
-- The categories of some SKUs, in their order.
select s.category from unnest(%(sku_ids)s::uuid[]) with ordinality as p (id, n) join skus s using (id) order by p.n;

-- find_ids
-- What the codes of a file mean.
select 'sku' as kind, code, id from skus where code = any(%(skus)s)
union all
select 'warehouse', code, id from warehouses where code = any(%(warehouses)s)
union all
select distinct 'category', category, null::uuid from skus where category = any(%(categories)s);

-- put_likeness
-- What a SKU sells like; the last word counts.
insert into sku_likeness (sku_id, like_sku_id, kind, factor, from_day, reason, said_by)
values (%(sku_id)s, %(like_sku_id)s, %(kind)s, %(factor)s, %(from_day)s, %(reason)s, %(said_by)s)
on conflict (sku_id) do update
   set like_sku_id = excluded.like_sku_id, kind = excluded.kind, factor = excluded.factor, from_day = excluded.from_day,
       reason = excluded.reason, said_by = excluded.said_by, said_at = business_now();

-- list_likeness
-- One page by SKU.
select l.sku_id, s.code as sku_code, l.like_sku_id, o.code as like_sku_code, l.kind, l.factor, l.from_day, l.reason, l.said_by, l.said_at
  from sku_likeness l
  join skus s on s.id = l.sku_id
  join skus o on o.id = l.like_sku_id
 where (%(sku_id)s::uuid is null or l.sku_id = %(sku_id)s)
   and (%(after)s::uuid is null or l.sku_id > %(after)s)
 order by l.sku_id
 limit %(limit)s;

-- remove_likeness
-- It stands on its own feet.
delete from sku_likeness where sku_id = %(sku_id)s returning sku_id;

-- leads_back
-- Whether a SKU is, over any number of links, said to sell like another.
with recursive chain (sku_id) as (
    select like_sku_id from sku_likeness where sku_id = %(from_sku_id)s
    union
    select l.like_sku_id from chain c join sku_likeness l on l.sku_id = c.sku_id
)
select exists (select from chain where sku_id = %(to_sku_id)s);

-- read_likeness
-- The links of some pairs, by their place in the question.
select p.n::integer as n, l.like_sku_id, p.warehouse_id, l.factor
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) with ordinality as p (sku_id, warehouse_id, n)
  join sku_likeness l on l.sku_id = p.sku_id;

-- propose_likeness
-- SKUs of the same category that have sold for a quarter, the nearest in price first, with what they sell a day everywhere.
select o.id as sku_id, o.code as sku_code, o.name as sku_name, o.price, o.currency, d.sale_days, d.daily_mean
  from skus s
  join skus o on o.category = s.category and o.id <> s.id and o.archived_at is null
 cross join lateral (
       select count(distinct day)::integer as sale_days, (sum(quantity)::double precision / 90) as daily_mean
         from demand_daily
        where sku_id = o.id and day >= (business_now() at time zone 'UTC')::date - 90 and quantity > 0) d
 where s.id = %(sku_id)s and d.sale_days >= 5
 order by case when o.currency = s.currency and o.price > 0 and s.price > 0 then abs(ln(o.price / s.price)) end nulls last,
          d.sale_days desc, o.id
 limit %(limit)s;

-- lock_overrides
-- Two planners at once must not both override the same days of a level.
select pg_advisory_xact_lock(hashtextextended(%(sku_id)s::text || %(warehouse_id)s::text, 4711));

-- overlapping_override
-- A time has one override.
select id from forecast_overrides
 where sku_id = %(sku_id)s and warehouse_id = %(warehouse_id)s and withdrawn_at is null
   and first_day <= %(last_day)s and last_day >= %(first_day)s
 limit 1;

-- local_day
-- The day it is where the warehouse is; null: no such warehouse.
select (business_now() at time zone time_zone)::date from warehouses where id = %(warehouse_id)s;

-- model_mean
-- What the model says a day sells.
select daily_mean from demand_forecasts where sku_id = %(sku_id)s and warehouse_id = %(warehouse_id)s;

-- add_override
-- A planner's figure for a time, with what the model said then.
insert into forecast_overrides (sku_id, warehouse_id, first_day, last_day, kind, value, reason, model_daily_mean, said_by)
values (%(sku_id)s, %(warehouse_id)s, %(first_day)s, %(last_day)s, %(kind)s, %(value)s, %(reason)s, %(model_daily_mean)s, %(said_by)s)
returning *, null::boolean as helped;

-- withdraw_override
-- A time that ended stays as it was said, to be graded.
update forecast_overrides o set withdrawn_by = %(said_by)s, withdrawn_at = business_now()
  from warehouses w
 where o.id = %(id)s and w.id = o.warehouse_id and o.withdrawn_at is null and o.last_day >= (business_now() at time zone w.time_zone)::date
returning o.*, null::boolean as helped;

-- list_overrides
-- One page, newest first.
select *,
       -- whether the planner was nearer; null while nobody knows, and when both were as near
       case when abs(actual_units - override_units) <> abs(actual_units - model_units)
            then abs(actual_units - override_units) < abs(actual_units - model_units) end
       as helped
  from forecast_overrides
 where (%(id)s::uuid is null or id = %(id)s)
   and (%(sku_id)s::uuid is null or sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or warehouse_id = %(warehouse_id)s)
   and (%(said_by)s::text is null or said_by = %(said_by)s)
   and (%(before)s::uuid is null or id < %(before)s)
 order by id desc
 limit %(limit)s;

-- read_overrides
-- What is overridden of the coming days of some pairs, by their place in the question; days count from today, 0.
select p.n::integer as n, greatest(o.first_day - c.today, 0) as first_ahead, o.last_day - c.today as last_ahead, o.kind, o.value
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) with ordinality as p (sku_id, warehouse_id, n)
  join warehouses w on w.id = p.warehouse_id
 cross join lateral (select (business_now() at time zone w.time_zone)::date as today) c
  join forecast_overrides o on o.sku_id = p.sku_id and o.warehouse_id = p.warehouse_id
       and o.withdrawn_at is null and o.last_day >= c.today;

-- have_overrides
-- A shop that overrides nothing pays for this one look.
select exists (select from forecast_overrides where graded_at is null and withdrawn_at is null);

-- override_report
-- Whether overrides helped, per planner or per SKU: how often the planner was nearer than the model, and by how much in all.
select case %(by)s when 'planner' then o.said_by end as planner, case %(by)s when 'sku' then o.sku_id end as sku_id,
       case %(by)s when 'sku' then min(s.code) end as sku_code,
       count(*)::integer as graded,
       count(*) filter (where abs(o.actual_units - o.override_units) < abs(o.actual_units - o.model_units))::integer as helped,
       count(*) filter (where abs(o.actual_units - o.override_units) > abs(o.actual_units - o.model_units))::integer as harmed,
       sum(o.actual_units) as actual_units,
       sum(abs(o.actual_units - o.model_units)) as model_error_units,
       sum(abs(o.actual_units - o.override_units)) as override_error_units,
       sum(o.override_units - o.actual_units) as override_bias_units
  from forecast_overrides o
  join skus s on s.id = o.sku_id
 where o.actual_units is not null
   and (%(since)s::date is null or o.last_day >= %(since)s)
 group by 1, 2
 order by graded desc, planner, sku_id
 limit %(limit)s;

-- find_line
-- A line of demand a planner may speak about.
select l.sku_id, l.warehouse_id, l.day, l.kind, l.source_id, l.quantity, l.reference_type, l.reference_id, l.at, l.one_off_above,
       l.is_one_off, v.said_by as judged_by, v.reason as judged_because
  from demand_lines l
  left join demand_verdicts v on (v.source_id, v.sku_id, v.warehouse_id) = (l.source_id, l.sku_id, l.warehouse_id)
 where l.sku_id = %(sku_id)s and l.warehouse_id = %(warehouse_id)s and l.source_id = %(source_id)s and l.kind in ('order', 'sale')
 limit 1;

-- put_verdict
-- The planner's word on a large line.
insert into demand_verdicts (source_id, sku_id, warehouse_id, is_one_off, reason, said_by)
values (%(source_id)s, %(sku_id)s, %(warehouse_id)s, %(is_one_off)s, %(reason)s, %(said_by)s)
on conflict (source_id, sku_id, warehouse_id) do update
   set is_one_off = excluded.is_one_off, reason = excluded.reason, said_by = excluded.said_by, said_at = business_now();

-- remove_verdict
-- The rule decides again.
delete from demand_verdicts where source_id = %(source_id)s and sku_id = %(sku_id)s and warehouse_id = %(warehouse_id)s returning source_id;

-- judge_again
-- What was said about a line changes its day at once.
select demand_judge_again(%(sku_id)s, %(warehouse_id)s, %(day)s);

-- list_lines
-- One page of the lines behind demand, newest first.
select l.sku_id, l.warehouse_id, l.day, l.kind, l.source_id, l.quantity, l.reference_type, l.reference_id, l.at, l.one_off_above,
       l.is_one_off, v.said_by as judged_by, v.reason as judged_because
  from demand_lines l
  left join demand_verdicts v on (v.source_id, v.sku_id, v.warehouse_id) = (l.source_id, l.sku_id, l.warehouse_id)
 where l.sku_id = %(sku_id)s
   and (%(warehouse_id)s::uuid is null or l.warehouse_id = %(warehouse_id)s)
   and (%(since)s::date is null or l.day >= %(since)s)
   and (%(until)s::date is null or l.day <= %(until)s)
   and (%(before_day)s::date is null
        or (l.day, l.warehouse_id, l.kind, l.source_id)
           < (%(before_day)s, %(before_warehouse)s::uuid, %(before_kind)s::text, %(before_source)s::uuid))
 order by l.day desc, l.warehouse_id desc, l.kind desc, l.source_id desc
 limit %(limit)s;

-- list_large
-- One page of lines above what is usual for their SKU, newest day first: a planner looks whether they are one-offs.
select l.sku_id, l.warehouse_id, l.day, l.kind, l.source_id, l.quantity, l.reference_type, l.reference_id, l.at, l.one_off_above,
       l.is_one_off, v.said_by as judged_by, v.reason as judged_because
  from demand_lines l
  left join demand_verdicts v on (v.source_id, v.sku_id, v.warehouse_id) = (l.source_id, l.sku_id, l.warehouse_id)
 where l.quantity >= 30 and l.quantity > l.one_off_above
   and (%(sku_id)s::uuid is null or l.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or l.warehouse_id = %(warehouse_id)s)
   and (not %(unjudged)s::boolean or v.source_id is null)
   and (%(before_sku)s::uuid is null
        or (l.sku_id, l.warehouse_id, l.day, l.source_id)
           < (%(before_sku)s, %(before_warehouse)s::uuid, %(before_day)s::date, %(before_source)s::uuid))
 order by l.sku_id desc, l.warehouse_id desc, l.day desc, l.source_id desc
 limit %(limit)s;
