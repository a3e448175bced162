-- suggestions_are_ordered_once
-- A suggestion is on one order that is not cancelled at most, and on one of its own supplier and warehouse.
select concat('suggestion ', l.suggestion_id) as subject, 'on one order' as expected, concat('on ', count(*), ' lines') as found
  from purchase_order_lines l
  join purchase_orders o on o.id = l.purchase_order_id and o.status <> 'cancelled'
 where l.suggestion_id is not null
 group by l.suggestion_id
having count(*) > 1
union all
select concat('suggestion ', r.id), concat('an order to ', r.supplier_id, ' for ', r.warehouse_id),
       concat('order ', o.number, ' to ', o.supplier_id, ' for ', o.warehouse_id)
  from replenishment_suggestions r
  join purchase_orders o on o.id = r.purchase_order_id
 where (o.supplier_id, o.warehouse_id) is distinct from (r.supplier_id, r.warehouse_id);

-- rules_count_what_they_approved
-- What needed nobody is counted against the day of its rule, once and with its value: the cap is only as good as this sum.
select concat('suggestion ', coalesce(r.id, a.suggestion_id)) as subject,
       concat('counted against the rule that approved it') as expected,
       concat('approved by ', r.processed_by, ', worth ', r.estimated_cost, '; counted ', a.value, ' for ', a.auto_approval_id) as found
  from (select * from replenishment_suggestions where processed_by like 'auto:%%') r
  full join auto_approved a on a.suggestion_id = r.id
 where r.processed_by is distinct from 'auto:' || a.auto_approval_id or r.estimated_cost is distinct from a.value;

-- groupings_are_placed
-- What was placed of a grouping is on an order of that supplier and warehouse, and nothing that goes is left of a placed one.
select concat('grouping ', o.grouping_id, ' order ', o.order_no) as subject, 'on an order of its own supplier and warehouse' as expected,
       coalesce(concat('on ', q.number), 'on none') as found
  from order_grouping_orders o
  join order_groupings g on g.id = o.grouping_id
  left join purchase_orders q on q.id = o.purchase_order_id
 where (o.purchase_order_id is not null
        and (q.supplier_id, q.warehouse_id, q.currency) is distinct from (o.supplier_id, o.warehouse_id, o.currency))
    or (g.status = 'placed' and o.verdict = 'goes' and o.purchase_order_id is null);
