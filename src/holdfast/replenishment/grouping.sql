-- list_order_limits
-- Every limit with the names of its scope and what of it is used in its period: orders that went out in it, and everything that
-- did not yet. What was received short or refused is not counted; what a limit for each order holds is counted order by order.
select l.*, p.name as supplier, w.name as warehouse, coalesce(u.used, 0)::numeric as used
  from order_limits l
  left join suppliers p on p.id = l.supplier_id
  left join warehouses w on w.id = l.warehouse_id
  left join lateral (
       select sum(case l.measure when 'money' then o.money when 'volume_l' then o.volume_l when 'weight_kg' then o.weight_kg
                                 else o.pallets end) as used
         from purchase_order_amounts o
        where l.per <> 'order' and o.status <> 'cancelled'
          and (o.sent_at is null or o.sent_at >= date_trunc(replace(l.per, 'order', 'day'), business_now()))
          and (l.supplier_id is null or o.supplier_id = l.supplier_id)
          and (l.warehouse_id is null or o.warehouse_id = l.warehouse_id)
          and (l.currency is null or o.currency = l.currency)) u on true
 order by l.measure <> 'money', l.supplier_id is not null, l.warehouse_id is not null, l.measure, l.per, l.id;

-- limits_of_order
-- The limits an order counts against: what left before it in their period, and what it takes. Other drafts may never leave.
select l.id as order_limit_id, l.measure, l.per, p.name as supplier, w.name as warehouse, l.currency, l.most,
       coalesce(u.used, 0) as before, case l.measure when 'money' then m.money when 'volume_l' then m.volume_l
                                                     when 'weight_kg' then m.weight_kg else m.pallets end as adds
  from purchase_order_amounts m
  join order_limits l on (l.supplier_id is null or l.supplier_id = m.supplier_id)
                     and (l.warehouse_id is null or l.warehouse_id = m.warehouse_id) and (l.currency is null or l.currency = m.currency)
  left join suppliers p on p.id = l.supplier_id
  left join warehouses w on w.id = l.warehouse_id
  left join lateral (
       select sum(case l.measure when 'money' then o.money when 'volume_l' then o.volume_l when 'weight_kg' then o.weight_kg
                                 else o.pallets end) as used
         from purchase_order_amounts o
        where l.per <> 'order' and o.id <> m.id and o.status <> 'cancelled'
          and o.sent_at >= date_trunc(replace(l.per, 'order', 'day'), business_now())
          and (l.supplier_id is null or o.supplier_id = l.supplier_id)
          and (l.warehouse_id is null or o.warehouse_id = l.warehouse_id)
          and (l.currency is null or o.currency = l.currency)) u on true
 where m.id = %(id)s
 order by l.measure <> 'money', l.measure, l.per, l.id;

-- one_leaves_at_a_time
-- Two orders that leave at once do not use the same room; whoever groups does not wait, since a draft counts already.
select pg_advisory_xact_lock(hashtextextended('orders_leaving', 0)) where exists (select from order_limits);

-- lock_order_limits
-- Those who place orders take turns, so that two of them do not use the same room.
select id from order_limits order by id for update;

-- put_order_limit
-- One limit per measure, period and scope.
insert into order_limits as l (measure, per, supplier_id, warehouse_id, currency, most, updated_by, updated_at)
values (%(measure)s, %(per)s, %(supplier_id)s, %(warehouse_id)s, %(currency)s, %(most)s, %(actor)s, business_now())
on conflict (measure, per, supplier_id, warehouse_id, currency) do update
   set most = excluded.most, updated_by = excluded.updated_by, updated_at = excluded.updated_at
returning id;

-- delete_order_limit
-- From now on nothing holds it back.
delete from order_limits where id = %(id)s returning *;

-- knows_places
-- Whether the supplier and the warehouse of a limit exist.
select (%(supplier_id)s::uuid is null or exists (select from suppliers where id = %(supplier_id)s)) as supplier,
       (%(warehouse_id)s::uuid is null or exists (select from warehouses where id = %(warehouse_id)s)) as warehouse;

-- lines_to_group
-- Pending purchases of a supplier that has a price today, with what one unit takes and earns.
select r.id, r.version, r.sku_id, r.warehouse_id, r.supplier_id, t.currency, r.suggested_quantity as wanted, r.days_of_cover,
       t.unit_cost, t.break_quantities, t.break_costs, t.moq, t.order_multiple,
       t.pack_volume_l / t.pack_size as volume_l, t.pack_weight_kg / t.pack_size as weight_kg, 1.0 / k.units as pallets,
       case when s.currency = t.currency then s.price end as price,
       coalesce(f.override_daily_mean, f.daily_mean, 0) as daily_mean, coalesce(f.day_variance, 0) as day_variance,
       coalesce(f.level_variance, 0) as level_variance, f.level_shift
  from replenishment_suggestions r
  join skus s on s.id = r.sku_id and s.archived_at is null and not s.is_bundle
  join supplier_terms t on t.supplier_id = r.supplier_id and t.sku_id = r.sku_id and t.is_active
  left join demand_forecasts f on f.sku_id = r.sku_id and f.warehouse_id = r.warehouse_id
  left join sku_packs k on k.sku_id = r.sku_id and lower(k.name) = 'pallet'
 where r.status = 'pending' and r.kind = 'purchase'
   and (t.valid_from is null or t.valid_from <= (select business_now()::date)) and (t.valid_to is null or t.valid_to >= (select business_now()::date))
 order by r.id;

-- count_unpriced
-- Pending purchases nobody sells at a price that holds today: a person must name a supplier.
select count(*)::integer
  from replenishment_suggestions r
  join skus s on s.id = r.sku_id
 where r.status = 'pending' and r.kind = 'purchase'
   and (s.archived_at is not null or s.is_bundle
        or not exists (select from supplier_terms t
                        where t.supplier_id = r.supplier_id and t.sku_id = r.sku_id and t.is_active
                          and (t.valid_from is null or t.valid_from <= (select business_now()::date))
                          and (t.valid_to is null or t.valid_to >= (select business_now()::date))));

-- lines_to_fill_with
-- For some orders, the levels of their suppliers that will run low next and nobody proposed anything for, soonest first.
select x.sku_id, x.warehouse_id, o.supplier_id, x.currency, x.unit_cost, x.break_quantities, x.break_costs, x.moq, x.order_multiple,
       x.volume_l, x.weight_kg, x.pallets, x.price, x.daily_mean, x.day_variance, x.level_variance, x.level_shift
  from unnest(%(supplier_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(currencies)s::text[]) as o (supplier_id, warehouse_id, currency)
 cross join lateral (
       select t.sku_id, i.warehouse_id, t.currency, t.unit_cost, t.break_quantities, t.break_costs, t.moq, t.order_multiple,
              t.pack_volume_l / t.pack_size as volume_l, t.pack_weight_kg / t.pack_size as weight_kg, 1.0 / k.units as pallets,
              case when s.currency = t.currency then s.price end as price,
              coalesce(f.override_daily_mean, f.daily_mean) as daily_mean, f.day_variance, f.level_variance, f.level_shift
         from supplier_terms t
         join skus s on s.id = t.sku_id and s.archived_at is null and not s.is_bundle
                    and not exists (select from sandbox_skus x where x.sku_id = s.id)
         join inventory i on i.sku_id = t.sku_id and i.warehouse_id = o.warehouse_id
         join demand_forecasts f on f.sku_id = t.sku_id and f.warehouse_id = i.warehouse_id and f.daily_mean > 0
         left join sku_packs k on k.sku_id = t.sku_id and lower(k.name) = 'pallet'
        where t.supplier_id = o.supplier_id and t.currency = o.currency and t.is_active
          and (t.valid_from is null or t.valid_from <= (select business_now()::date))
          and (t.valid_to is null or t.valid_to >= (select business_now()::date))
          and i.computed_order_up_to > i.available_quantity + i.in_transit_quantity - i.backordered_quantity
          and not exists (select from replenishment_suggestions r
                           where r.sku_id = t.sku_id and r.warehouse_id = i.warehouse_id and r.status in ('pending', 'approved'))
        order by (i.available_quantity + i.in_transit_quantity - i.backordered_quantity
                  - coalesce(i.reorder_point, i.computed_reorder_point, 0)) / f.daily_mean, t.sku_id
        limit 40) x;

-- order_heads
-- For each order: the terms of its supplier, its next day, and what is on the draft that collects for it.
select o.n::integer as n, p.minimum_order_value, p.truck_volume_l, p.truck_weight_kg,
       supplier_next_order_day(p.order_weekdays, p.closed_days, business_now()::date) as order_day,
       coalesce(d.money, 0) as money, coalesce(d.volume_l, 0) as volume_l, coalesce(d.weight_kg, 0) as weight_kg,
       coalesce(d.pallets, 0) as pallets
  from unnest(%(supplier_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(currencies)s::text[]) with ordinality
       as o (supplier_id, warehouse_id, currency, n)
  join suppliers p on p.id = o.supplier_id
  left join purchase_order_amounts d on d.supplier_id = o.supplier_id and d.warehouse_id = o.warehouse_id and d.currency = o.currency
                                    and d.status = 'draft' and d.collects_suggestions
 order by o.n;

-- take_turn
-- Who proposes waits for who proposes: there may be no proposal to lock yet.
select pg_advisory_xact_lock(hashtextextended('order_groupings', 0));

-- lock_proposed
-- The proposal, so that two who make or place one take turns.
select id from order_groupings where status = 'proposed' for update;

-- replace_proposed
-- The one before is no longer current; only that there was one is kept.
update order_groupings set status = 'replaced' where status = 'proposed' returning id;

-- forget_orders
-- The orders of a replaced proposal that were not placed.
delete from order_grouping_orders where grouping_id = %(id)s and purchase_order_id is null;

-- insert_grouping
-- The new proposal.
insert into order_groupings (made_by, made_at, facts) values (%(actor)s, business_now(), %(facts)s) returning id;

-- insert_orders
-- Its orders.
insert into order_grouping_orders (grouping_id, order_no, supplier_id, warehouse_id, currency, order_day, lead_time_days, verdict,
    draft_value, value, facts)
select %(id)s, o.* from unnest(%(order_nos)s::integer[], %(supplier_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(currencies)s::text[],
    %(order_days)s::date[], %(lead_days)s::double precision[], %(verdicts)s::text[], %(draft_values)s::numeric[],
    %(values)s::numeric[], %(facts)s::jsonb[]) as o;

-- insert_lines
-- Their lines.
insert into order_grouping_lines (grouping_id, line_no, order_no, suggestion_id, suggestion_version, sku_id, warehouse_id, wanted_quantity,
    quantity, cost, verdict, why, saves, waiting_costs, days_of_cover, filling)
select %(id)s, l.* from unnest(%(line_nos)s::integer[], %(order_nos)s::integer[], %(suggestion_ids)s::uuid[], %(versions)s::bigint[],
    %(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(wanted)s::bigint[], %(quantities)s::bigint[], %(costs)s::numeric[],
    %(verdicts)s::text[], %(whys)s::text[], %(saves)s::numeric[], %(waiting_costs)s::numeric[], %(covers)s::double precision[],
    %(fillings)s::jsonb[]) as l;

-- get_grouping
-- One grouping, and how many of its suggestions were changed or decided since.
select g.id, g.status, g.made_by, g.made_at, g.placed_by, g.placed_at, g.facts,
       case when g.status = 'proposed' then
           (select count(*) from order_grouping_lines l
              join order_grouping_orders o on o.grouping_id = l.grouping_id and o.order_no = l.order_no and o.purchase_order_id is null
              join replenishment_suggestions r on r.id = l.suggestion_id
             where l.grouping_id = g.id and l.quantity > 0
               and (r.status <> 'pending' or r.supplier_id is distinct from o.supplier_id or r.suggested_quantity < l.quantity)) else 0 end::integer as changed
  from order_groupings g
 where g.id = %(id)s;

-- current_grouping
-- The proposal.
select id from order_groupings where status = 'proposed';

-- last_grouping
-- The newest one, to show what became of it.
select id from order_groupings where status <> 'replaced' order by id desc limit 1;

-- lock_grouping
-- Whoever places it holds it.
select status from order_groupings where id = %(id)s for update;

-- list_grouped_orders
-- Orders of a grouping: what goes first, the dearest first.
select o.order_no, o.supplier_id, p.code as supplier_code, p.name as supplier, o.warehouse_id, w.code as warehouse_code, w.name as warehouse,
       o.currency, o.order_day, o.lead_time_days, o.verdict, o.draft_value, o.value, o.facts, o.purchase_order_id, q.number as purchase_order_number
  from order_grouping_orders o
  join suppliers p on p.id = o.supplier_id
  join warehouses w on w.id = o.warehouse_id
  left join purchase_orders q on q.id = o.purchase_order_id
 where o.grouping_id = %(id)s
 order by o.verdict <> 'goes', o.value desc, o.order_no;

-- list_grouped_lines
-- Lines of a grouping, those that cost most to wait first.
select l.line_no, l.order_no, l.suggestion_id, l.suggestion_version, l.sku_id, s.code as sku_code, s.name as sku_name, l.warehouse_id,
       l.wanted_quantity, l.quantity, l.cost, l.verdict, l.why, l.saves, l.waiting_costs, l.days_of_cover, l.filling
  from order_grouping_lines l
  join skus s on s.id = l.sku_id
 where l.grouping_id = %(id)s and l.line_no > %(after)s
   and (%(order_no)s::integer is null or l.order_no = %(order_no)s)
   and (%(verdict)s::text is null or l.verdict = %(verdict)s)
 order by l.line_no
 limit %(limit)s;

-- lines_to_place
-- What goes of some orders, in the order suggestions are locked in.
select l.line_no, l.order_no, l.suggestion_id, l.suggestion_version, l.sku_id, l.warehouse_id, l.quantity, l.cost, l.filling,
       o.supplier_id, o.currency
  from order_grouping_lines l
  join order_grouping_orders o on o.grouping_id = l.grouping_id and o.order_no = l.order_no
 where l.grouping_id = %(id)s and l.order_no = any(%(order_nos)s) and l.quantity > 0 and o.purchase_order_id is null
 order by l.suggestion_id nulls last;

-- open_fillers
-- What fills an order up becomes a suggestion of its own; one that was opened meanwhile, or a level whose sum is no longer true, is not.
with put as (
    insert into replenishment_suggestions (sku_id, warehouse_id, supplier_id, current_quantity, suggested_quantity, priority, reason,
        days_of_cover, lead_time_days, unit_cost, estimated_cost, currency, arithmetic, created_at, updated_at)
    select a.sku_id, a.warehouse_id, a.supplier_id, (a.f ->> 'current_quantity')::bigint, a.quantity, 'low', 'fills_up_order',
           (a.f ->> 'days_of_cover')::double precision, (a.f ->> 'lead_time_days')::double precision, (a.f ->> 'unit_cost')::numeric,
           round((a.f ->> 'unit_cost')::numeric * a.quantity, 2), a.currency, a.f -> 'arithmetic', business_now(), business_now()
      from unnest(%(sku_ids)s::uuid[], %(warehouse_ids)s::uuid[], %(supplier_ids)s::uuid[], %(currencies)s::text[],
                  %(quantities)s::bigint[], %(fillings)s::jsonb[]) as a (sku_id, warehouse_id, supplier_id, currency, quantity, f)
      join inventory i on i.sku_id = a.sku_id and i.warehouse_id = a.warehouse_id
                      and i.in_transit_quantity = (a.f ->> 'in_transit')::bigint
    on conflict (sku_id, warehouse_id) where status in ('pending', 'approved') do nothing
    returning id, sku_id, warehouse_id, suggested_quantity, priority
), told as (
    insert into outbox_events (event_type, sku_ids, data)
    select 'replenishment.suggestion_opened', array[sku_id],
           json_build_object('suggestion_id', id, 'sku_id', sku_id, 'warehouse_id', warehouse_id,
                             'suggested_quantity', suggested_quantity, 'priority', priority)
      from put
)
select id, sku_id, warehouse_id from put;

-- mark_orders_placed
-- Which draft each order went onto.
update order_grouping_orders o
   set purchase_order_id = r.purchase_order_id
  from (select distinct l.order_no, s.purchase_order_id
          from order_grouping_lines l
          join replenishment_suggestions s on s.sku_id = l.sku_id and s.warehouse_id = l.warehouse_id and s.status = 'approved'
         where l.grouping_id = %(id)s and l.order_no = any(%(order_nos)s) and l.quantity > 0) r
 where o.grouping_id = %(id)s and o.order_no = r.order_no;

-- finish_grouping
-- Nothing that goes is left.
update order_groupings g
   set status = 'placed', placed_by = %(actor)s, placed_at = business_now()
 where g.id = %(id)s and g.status = 'proposed'
   and not exists (select from order_grouping_orders o
                    where o.grouping_id = g.id and o.verdict = 'goes' and o.purchase_order_id is null);
