-- count_pairs
-- How many levels there are to plan.
select count(*)::integer
  from inventory i
  join skus s on s.id = i.sku_id and s.archived_at is null and not exists (select from sandbox_skus x where x.sku_id = s.id)
  join warehouses w on w.id = i.warehouse_id and w.is_active;

-- next_pairs
-- The levels behind the last planned one, in key order, so that a killed run goes on where it was.
select i.sku_id, i.warehouse_id
  from inventory i
  join skus s on s.id = i.sku_id and s.archived_at is null and not exists (select from sandbox_skus x where x.sku_id = s.id)
  join warehouses w on w.id = i.warehouse_id and w.is_active
 where %(after_sku)s::uuid is null or (i.sku_id, i.warehouse_id) > (%(after_sku)s::uuid, %(after_warehouse)s::uuid)
 order by i.sku_id, i.warehouse_id
 limit %(limit)s;

-- pairs_to_plan
-- Levels no plan has seen yet, and those at or below their reorder point that nobody proposed anything for; not twice an hour.
with clock as materialized (select business_now() as now)
select i.sku_id, i.warehouse_id
  from inventory i
  join skus s on s.id = i.sku_id and s.archived_at is null and not exists (select from sandbox_skus x where x.sku_id = s.id)
  join warehouses w on w.id = i.warehouse_id and w.is_active
 cross join clock c
 where (i.computed_reorder_point is null
        or (i.available_quantity + i.in_transit_quantity - i.backordered_quantity <= greatest(i.reorder_point, i.computed_reorder_point)
            and greatest(i.reorder_point, i.computed_reorder_point) > 0)
        -- A delivery put off beyond the protection time of the last forecast.
        or (i.in_transit_quantity > 0 and i.available_quantity - i.backordered_quantity <= greatest(i.reorder_point, i.computed_reorder_point)
            and i.available_quantity + i.in_transit_quantity - i.backordered_quantity
                - (select coalesce(sum(b.quantity), 0)
                     from inbound_lines b
                     join demand_forecasts f on f.sku_id = i.sku_id and f.warehouse_id = i.warehouse_id
                    where b.sku_id = i.sku_id and b.warehouse_id = i.warehouse_id
                      and b.expected_at > c.now::date + ceil(f.protection_days)::integer)
                <= greatest(i.reorder_point, i.computed_reorder_point)
            and greatest(i.reorder_point, i.computed_reorder_point) > 0))
   and not exists (select from replenishment_suggestions r
                    where r.sku_id = i.sku_id and r.warehouse_id = i.warehouse_id and r.status in ('pending', 'approved'))
   and not exists (select from demand_forecasts f
                    where f.sku_id = i.sku_id and f.warehouse_id = i.warehouse_id and f.made_at > c.now - interval '1 hour')
 order by i.sku_id, i.warehouse_id
 limit %(limit)s;

-- read_pairs
-- Everything the plan needs to know about many pairs, in the order given.
with clock as materialized (
    select business_now() as now
), decided as materialized (
    -- Decided and not yet counted in transit: lines of orders that were not sent, and approvals without an order.
    select sku_id, warehouse_id, sum(quantity) as quantity,
           array_agg(expected_at) as dates, array_agg(quantity) as quantities
      from (select l.sku_id, o.warehouse_id, l.ordered_quantity as quantity, coalesce(l.expected_at, o.expected_at) as expected_at
              from purchase_orders o
              join purchase_order_lines l on l.purchase_order_id = o.id
             where o.status in ('draft', 'approved')
            union all
            select sku_id, warehouse_id, suggested_quantity, null
              from replenishment_suggestions
             where status = 'approved' and purchase_order_id is null and transfer_id is null
            union all
            select l.sku_id, t.to_warehouse_id, l.quantity, t.expected_at
              from transfers t
              join transfer_lines l on l.transfer_id = t.id
             where t.status = 'draft') d
     group by sku_id, warehouse_id
)
select p.n::integer as n, i.available_quantity, i.in_transit_quantity, i.backordered_quantity, coalesce(d.quantity, 0)::bigint as approved_quantity,
       (coalesce(late.quantity, 0) + coalesce((select sum(x.quantity) from unnest(d.dates, d.quantities) as x (day, quantity)
                                                where x.day > horizon.last_day), 0))::bigint as later_quantity,
       i.safety_stock, i.reorder_point, i.max_stock,
       i.computed_safety_stock, i.computed_reorder_point, i.computed_order_up_to,
       po.mode, coalesce(tp.target_service, 0.95) as target_service, po.review_days, po.order_cost::double precision as order_cost,
       po.holding_rate, tp.target_fill_rate, po.method,
       -- where no policy names a target, the service level is what was cheapest on the shop's own past
       coalesce(tp.target_service, tp.target_fill_rate) is null as is_by_odds,
       case when coalesce(su.currency, s.currency) = s.currency then s.price end as price,
       po.shelf_life_days, po.end_of_life - c.now::date as days_to_end, po.prebuild_days,
       -- Reviews fall on the same weekdays for everybody: every review_days days, counted from a Monday.
       (c.now::date - date '2024-01-01') %% po.review_days = 0 as is_review_day,
       su.supplier_id, coalesce(su.unit_cost, i.cost_price) as unit_cost,
       case when su.supplier_id is null then s.currency else su.currency end as currency,
       coalesce(su.moq, 1) as moq, coalesce(su.order_multiple, 1) as order_multiple,
       (coalesce(su.lead_time_days, 7) + coalesce(su.wait_days, 0))::double precision as lead_time_days,
       su.max_order_quantity, su.break_quantities, su.break_costs,
       coalesce(su.lead_time_sd_days, 0)::double precision as lead_time_sd_days,
       r.suggested_quantity as rejected_quantity, r.priority as rejected_priority
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) with ordinality as p (sku_id, warehouse_id, n)
  join inventory i on i.sku_id = p.sku_id and i.warehouse_id = p.warehouse_id
  join skus s on s.id = p.sku_id
 cross join clock c
  left join decided d on d.sku_id = p.sku_id and d.warehouse_id = p.warehouse_id
  left join replenishment_classes k on k.sku_id = p.sku_id and k.warehouse_id = p.warehouse_id
  -- The most specific policy wins: SKU here, SKU, category here, category, class here, class, warehouse, everything.
  left join replenishment_policies p1 on p1.sku_id = p.sku_id and p1.warehouse_id = p.warehouse_id
  left join replenishment_policies p2 on p2.sku_id = p.sku_id and p2.warehouse_id is null
  left join replenishment_policies p3 on p3.sku_id is null and p3.category = s.category and p3.warehouse_id = p.warehouse_id
  left join replenishment_policies p4 on p4.sku_id is null and p4.category = s.category and p4.warehouse_id is null
  left join replenishment_policies p5 on p5.class_code = k.class_code and p5.warehouse_id = p.warehouse_id
  left join replenishment_policies p6 on p6.class_code = k.class_code and p6.warehouse_id is null
  left join replenishment_policies p7 on p7.sku_id is null and p7.category is null and p7.class_code is null
                                     and p7.warehouse_id = p.warehouse_id
  left join replenishment_policies p8 on p8.sku_id is null and p8.category is null and p8.class_code is null
                                     and p8.warehouse_id is null
  -- What the most specific policy does not say, the next wider one does; what none says is the default.
  cross join lateral (
       select coalesce(p1.mode, p2.mode, p3.mode, p4.mode, p5.mode, p6.mode, p7.mode, p8.mode, 'auto') as mode,
              coalesce(p1.method, p2.method, p3.method, p4.method, p5.method, p6.method, p7.method, p8.method, 's_S') as method,
              coalesce(p1.review_days, p2.review_days, p3.review_days, p4.review_days, p5.review_days, p6.review_days, p7.review_days, p8.review_days, 7) as review_days,
              coalesce(p1.prebuild_days, p2.prebuild_days, p3.prebuild_days, p4.prebuild_days, p5.prebuild_days, p6.prebuild_days, p7.prebuild_days, p8.prebuild_days, 0) as prebuild_days,
              coalesce(p1.order_cost, p2.order_cost, p3.order_cost, p4.order_cost, p5.order_cost, p6.order_cost, p7.order_cost, p8.order_cost, 2) as order_cost,
              coalesce(p1.holding_rate, p2.holding_rate, p3.holding_rate, p4.holding_rate, p5.holding_rate, p6.holding_rate, p7.holding_rate, p8.holding_rate, 0.25) as holding_rate,
              coalesce(p1.shelf_life_days, p2.shelf_life_days, p3.shelf_life_days, p4.shelf_life_days, p5.shelf_life_days, p6.shelf_life_days, p7.shelf_life_days, p8.shelf_life_days) as shelf_life_days,
              coalesce(p1.end_of_life, p2.end_of_life, p3.end_of_life, p4.end_of_life, p5.end_of_life, p6.end_of_life, p7.end_of_life, p8.end_of_life) as end_of_life) po
  -- A target is one figure of two kinds, so both come from the policy that says one.
  left join replenishment_policies tp on tp.id = case
       when coalesce(p1.target_service, p1.target_fill_rate) is not null then p1.id
       when coalesce(p2.target_service, p2.target_fill_rate) is not null then p2.id
       when coalesce(p3.target_service, p3.target_fill_rate) is not null then p3.id
       when coalesce(p4.target_service, p4.target_fill_rate) is not null then p4.id
       when coalesce(p5.target_service, p5.target_fill_rate) is not null then p5.id
       when coalesce(p6.target_service, p6.target_fill_rate) is not null then p6.id
       when coalesce(p7.target_service, p7.target_fill_rate) is not null then p7.id
       else p8.id end
  left join lateral (
       select t.supplier_id, t.unit_cost, t.currency, t.moq, t.order_multiple, t.max_order_quantity, t.break_quantities, t.break_costs,
              t.lead_time_days, t.lead_time_sd_days,
              -- An order waits for the next day on which the supplier takes one.
              coalesce(supplier_next_order_day(t.order_weekdays, t.closed_days, c.now::date) - c.now::date, 0) as wait_days
         from supplier_terms t
        where t.sku_id = p.sku_id and t.is_active
          and (t.valid_from is null or t.valid_from <= c.now::date) and (t.valid_to is null or t.valid_to >= c.now::date)
        order by t.is_preferred desc, t.unit_cost, t.supplier_id
        limit 1) su on true
 cross join lateral (
       -- The last day an order placed today must cover.
       select c.now::date + ceil(coalesce(su.lead_time_days, 7) + coalesce(su.wait_days, 0) + po.review_days)::integer as last_day) horizon
  left join lateral (
       -- Looked up only where something is on its way.
       select sum(b.quantity) as quantity
         from inbound_lines b
        where i.in_transit_quantity > 0 and b.sku_id = p.sku_id and b.warehouse_id = p.warehouse_id
          and b.expected_at > horizon.last_day) late on true
  left join lateral (
       select x.suggested_quantity, x.priority
         from replenishment_suggestions x
        where x.sku_id = p.sku_id and x.warehouse_id = p.warehouse_id and x.status = 'rejected'
          and x.processed_at > c.now - make_interval(days => po.review_days)
        order by x.processed_at desc
        limit 1) r on true
 order by p.n;

-- is_level
-- Whether there is such a level.
select 1 as one from inventory where sku_id = %(sku_id)s and warehouse_id = %(warehouse_id)s;

-- set_levels
-- Write computed levels; the function locks the levels, so it is called with a few at a time.
select stock_set_computed(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(safety_stock)s::bigint[],
    %(reorder_point)s::bigint[], %(order_up_to)s::bigint[]);

-- lock_pending
-- The plan takes its rows in key order as approvals do, so that a run and a person deciding never deadlock.
select r.id
  from replenishment_suggestions r
  join unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
    on r.sku_id = p.sku_id and r.warehouse_id = p.warehouse_id
 where r.status = 'pending'
 order by r.id
   for update of r;

-- put_suggestions
-- One open suggestion per pair: opened, or brought up to date while it is pending. One event per opened suggestion.
with asked as (
    select a.*, round(a.unit_cost * a.suggested_quantity, 2) as estimated_cost, c.now
      from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(supplier_ids)s::uuid[], %(current_quantity)s::bigint[],
               %(suggested_quantity)s::bigint[], %(priority)s::text[], %(reason)s::text[], %(days_of_cover)s::double precision[],
               %(lead_time_days)s::double precision[], %(unit_cost)s::numeric[], %(currency)s::text[], %(arithmetic)s::jsonb[],
               %(in_transit)s::bigint[], %(kinds)s::text[], %(from_warehouse_ids)s::uuid[])
           as a (sku_id, warehouse_id, supplier_id, current_quantity, suggested_quantity, priority, reason, days_of_cover,
                 lead_time_days, unit_cost, currency, arithmetic, in_transit, kind, from_warehouse_id)
      -- Somebody may have sent an order since the plan looked: then the sum is no longer true, and the next plan decides.
      join inventory i on i.sku_id = a.sku_id and i.warehouse_id = a.warehouse_id and i.in_transit_quantity = a.in_transit
     cross join (select business_now() as now) c
), put as (
    insert into replenishment_suggestions as r (sku_id, warehouse_id, supplier_id, current_quantity, suggested_quantity, priority,
        reason, days_of_cover, lead_time_days, unit_cost, estimated_cost, currency, arithmetic, run_id, kind, from_warehouse_id, created_at, updated_at)
    select sku_id, warehouse_id, supplier_id, current_quantity, suggested_quantity, priority, reason, days_of_cover,
           lead_time_days, unit_cost, estimated_cost, currency, arithmetic, %(run_id)s, kind, from_warehouse_id, now, now
      from asked
    on conflict (sku_id, warehouse_id) where status in ('pending', 'approved') do update
       set supplier_id = excluded.supplier_id, current_quantity = excluded.current_quantity,
           suggested_quantity = excluded.suggested_quantity, priority = excluded.priority, reason = excluded.reason,
           days_of_cover = excluded.days_of_cover, lead_time_days = excluded.lead_time_days, unit_cost = excluded.unit_cost,
           estimated_cost = excluded.estimated_cost, currency = excluded.currency, arithmetic = excluded.arithmetic,
           run_id = excluded.run_id, kind = excluded.kind, from_warehouse_id = excluded.from_warehouse_id,
           updated_at = excluded.updated_at, version = r.version + 1
     where r.status = 'pending'
       and (r.kind, r.from_warehouse_id, r.supplier_id, r.current_quantity, r.suggested_quantity, r.priority, r.reason, r.unit_cost,
            r.currency, r.arithmetic)
           is distinct from
           (excluded.kind, excluded.from_warehouse_id, excluded.supplier_id, excluded.current_quantity, excluded.suggested_quantity, excluded.priority, excluded.reason,
            excluded.unit_cost, excluded.currency, excluded.arithmetic)
    returning new.id, new.sku_id, new.warehouse_id, new.suggested_quantity, new.priority, old.id is null as is_opened
), told as (
    insert into outbox_events (event_type, sku_ids, data)
    select 'replenishment.suggestion_opened', array[sku_id],
           json_build_object('suggestion_id', id, 'sku_id', sku_id, 'warehouse_id', warehouse_id,
                             'suggested_quantity', suggested_quantity, 'priority', priority)
      from put where is_opened
)
select count(*) filter (where is_opened)::integer as opened, count(*) filter (where not is_opened)::integer as updated from put;

-- withdraw_suggestions
-- What is no longer needed is closed; history is kept.
update replenishment_suggestions r
   set status = 'withdrawn', processed_by = 'plan', processed_at = business_now(), version = r.version + 1
  from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[]) as p (sku_id, warehouse_id)
 where r.sku_id = p.sku_id and r.warehouse_id = p.warehouse_id and r.status = 'pending';

-- withdraw_inactive
-- Nobody plans archived SKUs and inactive warehouses, so their suggestions would stay for ever.
update replenishment_suggestions r
   set status = 'withdrawn', processed_by = 'plan', processed_at = business_now(), version = r.version + 1
 where r.status = 'pending'
   and (exists (select from skus s where s.id = r.sku_id and s.archived_at is not null)
        or exists (select from warehouses w where w.id = r.warehouse_id and not w.is_active));

-- start_run
-- A new run, unless one is under way.
insert into replenishment_runs (started_by, started_at, pairs_total)
values (%(started_by)s, business_now(), %(pairs_total)s)
on conflict ((true)) where status = 'running' do nothing
returning id;

-- running_run
-- The run that is under way.
select * from replenishment_runs where status = 'running';

-- get_run
-- One run.
select * from replenishment_runs where id = %(id)s;

-- list_runs
-- Newest first.
select * from replenishment_runs
 where %(before)s::uuid is null or id < %(before)s
 order by id desc
 limit %(limit)s;

-- last_start
-- Seconds since the last run began, whatever became of it.
select extract(epoch from business_now() - max(started_at))::double precision from replenishment_runs;

-- try_run
-- Count attempts at the same place, so that a chunk that always fails does not fail for ever.
update replenishment_runs
   set facts = facts || jsonb_build_object('attempts', coalesce((facts ->> 'attempts')::integer, 0) + 1)
 where id = %(id)s and status = 'running'
returning *;

-- advance_run
-- The chunk is done: remember where, and add up what happened.
update replenishment_runs
   set pairs_done = pairs_done + %(pairs)s, at_sku_id = %(at_sku_id)s, at_warehouse_id = %(at_warehouse_id)s,
       facts = facts || jsonb_build_object('attempts', 0,
           'opened', coalesce((facts ->> 'opened')::integer, 0) + %(opened)s,
           'updated', coalesce((facts ->> 'updated')::integer, 0) + %(updated)s,
           'withdrawn', coalesce((facts ->> 'withdrawn')::integer, 0) + %(withdrawn)s)
 where id = %(id)s;

-- stop_run
-- It stays where it is until somebody goes on with it.
update replenishment_runs set status = 'stopped', finished_at = business_now() where id = %(id)s and status = 'running' returning *;

-- resume_run
-- Go on behind the last finished step, unless another run is under way.
update replenishment_runs r
   set status = 'running', finished_at = null
 where r.id = %(id)s and r.status = 'stopped' and not exists (select from replenishment_runs x where x.status = 'running')
returning *;

-- finish_run
-- Finished or failed, with what there is to say.
update replenishment_runs
   set status = %(status)s, finished_at = business_now(), facts = (facts - 'attempts') || %(facts)s::jsonb
 where id = %(id)s and status = 'running'
returning *;

-- list_suggestions
-- One page, most urgent first.
select r.*, s.code as sku_code, s.name as sku_name, w.code as warehouse_code, u.code as supplier_code, v.code as from_warehouse_code
  from replenishment_suggestions r
  left join warehouses v on v.id = r.from_warehouse_id
  join skus s on s.id = r.sku_id
  join warehouses w on w.id = r.warehouse_id
  left join suppliers u on u.id = r.supplier_id
 where (%(status)s::text is null or r.status = %(status)s)
   and (%(priority)s::text is null or r.priority = %(priority)s)
   and (%(sku_id)s::uuid is null or r.sku_id = %(sku_id)s)
   and (%(warehouse_id)s::uuid is null or r.warehouse_id = %(warehouse_id)s)
   and (%(supplier_id)s::uuid is null or r.supplier_id = %(supplier_id)s)
   and (%(after_rank)s::integer is null
        or (array_position(array['urgent', 'high', 'medium', 'low'], r.priority), r.id) > (%(after_rank)s, %(after_id)s::uuid))
 order by array_position(array['urgent', 'high', 'medium', 'low'], r.priority), r.id
 limit %(limit)s;

-- get_suggestion
-- One suggestion.
select r.*, s.code as sku_code, s.name as sku_name, w.code as warehouse_code, u.code as supplier_code, v.code as from_warehouse_code
  from replenishment_suggestions r
  left join warehouses v on v.id = r.from_warehouse_id
  join skus s on s.id = r.sku_id
  join warehouses w on w.id = r.warehouse_id
  left join suppliers u on u.id = r.supplier_id
 where r.id = %(id)s;

-- lock_suggestions
-- The suggestions somebody decides, in key order, so that two deciders do not wait for each other.
select id, sku_id, warehouse_id, supplier_id, status, suggested_quantity, unit_cost, version, kind, from_warehouse_id
  from replenishment_suggestions
 where id = any(%(ids)s)
 order by id
   for update;

-- approve_suggestions
-- Decided: with which supplier, how many, on which order.
update replenishment_suggestions r
   set status = 'approved', supplier_id = a.supplier_id, purchase_order_id = a.purchase_order_id,
       suggested_quantity = a.quantity, unit_cost = a.unit_cost, currency = a.currency,
       estimated_cost = round(a.unit_cost * a.quantity, 2),
       arithmetic = case when a.quantity = r.suggested_quantity then r.arithmetic
                         else r.arithmetic || jsonb_build_array(jsonb_build_object('key', %(key)s::text,
                             'sign', sign(a.quantity - r.suggested_quantity)::integer,
                             'amount', abs(a.quantity - r.suggested_quantity), 'facts', jsonb_build_object('actor', %(actor)s::text))) end,
       processed_by = %(actor)s, processed_at = business_now(), updated_at = business_now(), version = r.version + 1
  from (select d.*, l.unit_cost, o.currency
          from unnest(%(ids)s::uuid[], %(supplier_ids)s::uuid[], %(order_ids)s::uuid[], %(quantities)s::bigint[])
               as d (id, supplier_id, purchase_order_id, quantity)
          join purchase_orders o on o.id = d.purchase_order_id
          -- what it costs is what the order says: another supplier may have been chosen
          join purchase_order_lines l on l.purchase_order_id = o.id and l.suggestion_id = d.id) a
 where r.id = a.id and r.status = 'pending';

-- reject_suggestion
-- Decided against; not proposed again for one review period unless it becomes urgent.
update replenishment_suggestions
   set status = 'rejected', processed_by = %(actor)s, processed_at = business_now(), updated_at = business_now(),
       version = version + 1
 where id = %(id)s and status = 'pending';

-- follow_orders
-- What became of the orders that approved suggestions went into. A line taken off its draft gives the need back to the plan.
update replenishment_suggestions r
   set status = x.status, updated_at = business_now(), version = r.version + 1
  from (select f.id,
               case when o.status = 'cancelled' or not exists (
                         select from purchase_order_lines l where l.purchase_order_id = o.id and l.suggestion_id = f.id)
                    then 'withdrawn'
                    when o.status in ('received', 'closed') then 'received'
                    when o.status in ('sent', 'confirmed', 'partly_received') then 'ordered'
                    else 'approved' end as status
          from (select id, purchase_order_id, status
                  from replenishment_suggestions
                 where status in ('approved', 'ordered')
                 order by id
                   for update) f
          join purchase_orders o on o.id = f.purchase_order_id) x
 where r.id = x.id and r.status <> x.status;

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);
