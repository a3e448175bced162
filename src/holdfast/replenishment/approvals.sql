-- list_limits
-- Every limit.
select * from approval_limits order by role, currency;

-- put_limit
-- One limit per role and currency.
insert into approval_limits (role, currency, max_value, updated_by, updated_at)
values (%(role)s, %(currency)s, %(max_value)s, %(actor)s, business_now())
on conflict (role, currency) do update
   set max_value = excluded.max_value, updated_by = excluded.updated_by, updated_at = excluded.updated_at
returning *;

-- delete_limit
-- Without any row a role has no limit again.
delete from approval_limits where role = %(role)s and currency = %(currency)s returning *;

-- limit_of
-- The role of whoever acts, and what it may spend in a currency: people by their role, keys by their widest scope.
with who as (
    select coalesce(
        (select u.role from users u where 'user:' || u.email = %(actor)s),
        (select case when 'admin' = any (k.scopes) then 'admin' when 'approve' = any (k.scopes) then 'approver' else 'planner' end
           from api_keys k where 'key:' || k.name = %(actor)s and k.revoked_at is null
          order by 'admin' = any (k.scopes), 'approve' = any (k.scopes) limit 1)) as role
)
select w.role, l.max_value, exists (select from approval_limits x where x.role = w.role) as is_limited
  from who w
  left join approval_limits l on l.role = w.role and l.currency = %(currency)s;

-- order_value
-- What an order comes to, in its currency.
select o.number, o.currency, coalesce(sum(l.ordered_quantity * l.unit_cost), 0)::numeric as value
  from purchase_orders o
  left join purchase_order_lines l on l.purchase_order_id = o.id
 where o.id = %(id)s
 group by o.id;

-- list_rules
-- Every rule, the most specific first.
select r.*, coalesce(t.spent, 0)::numeric as spent_today
  from auto_approvals r
  left join lateral (select sum(a.value) as spent from auto_approved a
                      where a.auto_approval_id = r.id and a.approved_at >= date_trunc('day', business_now())) t on true
 order by r.supplier_id is null, r.class_code is null, r.currency, r.id;

-- put_rule
-- One rule per supplier, class and currency.
insert into auto_approvals as r (supplier_id, class_code, currency, max_value, daily_max_value, is_active, updated_by, updated_at)
values (%(supplier_id)s, %(class_code)s, %(currency)s, %(max_value)s, %(daily_max_value)s, %(is_active)s, %(actor)s, business_now())
on conflict (supplier_id, class_code, currency) do update
   set max_value = excluded.max_value, daily_max_value = excluded.daily_max_value, is_active = excluded.is_active,
       updated_by = excluded.updated_by, updated_at = excluded.updated_at
returning id;

-- delete_rule
-- From now on somebody must look.
delete from auto_approvals where id = %(id)s returning *;

-- lock_rules
-- Two workers with the same cap take turns.
select id from auto_approvals where is_active order by id for update;

-- approvable
-- Pending suggestions a rule covers, the most pressing first, each with the most specific rule. What a person must look at,
-- because an order is late or the smallest order exceeds the maximum, is never among them.
select r.id, r.version, r.supplier_id, r.warehouse_id, r.currency, r.estimated_cost as value, x.id as rule_id, x.daily_max_value,
       coalesce(r.suggested_quantity * supplier_unit_cost(t.unit_cost, t.break_quantities, t.break_costs, r.suggested_quantity), r.estimated_cost)
           as money,
       coalesce(r.suggested_quantity * t.pack_volume_l / t.pack_size, 0) as volume_l,
       coalesce(r.suggested_quantity * t.pack_weight_kg / t.pack_size, 0) as weight_kg, coalesce(r.suggested_quantity / k.units::numeric, 0) as pallets
  from replenishment_suggestions r
  left join supplier_items t on t.supplier_id = r.supplier_id and t.sku_id = r.sku_id
  left join sku_packs k on k.sku_id = r.sku_id and lower(k.name) = 'pallet'
  left join replenishment_classes c on c.sku_id = r.sku_id and c.warehouse_id = r.warehouse_id
  join lateral (select a.id, a.max_value, a.daily_max_value
                  from auto_approvals a
                 where a.is_active and a.currency = r.currency
                   and (a.supplier_id is null or a.supplier_id = r.supplier_id)
                   and (a.class_code is null or a.class_code = c.class_code)
                 order by a.supplier_id is null, a.class_code is null
                 limit 1) x on r.estimated_cost <= x.max_value
 where r.status = 'pending' and r.supplier_id is not null and r.reason not in ('inbound_too_late', 'over_max_stock')
 order by array_position(array['urgent', 'high', 'medium', 'low'], r.priority), r.id
 limit 500;

-- remember_approved
-- In the transaction of the approval, so that a crash forgets both or neither.
insert into auto_approved (suggestion_id, auto_approval_id, value, currency, approved_at)
select r.id, a.rule_id, r.estimated_cost, r.currency, business_now()
  from unnest(%(suggestion_ids)s::uuid[], %(rule_ids)s::uuid[]) as a (suggestion_id, rule_id)
  join replenishment_suggestions r on r.id = a.suggestion_id;

-- knows_supplier
-- Whether a supplier exists.
select id from suppliers where id = %(id)s;
