-- open_supply
-- For every SKU of an order: what is here, everything else that is open for it, and the demand it must serve. An order is a
-- duplicate where something else is open and, without it, the position in time is above the reorder point already. What is
-- due after the protection time serves nobody before it. Where no plan has seen the SKU, nobody knows what covers it: then only
-- the same quantity on another order is one.
with mine as (
    select l.sku_id, o.warehouse_id, min(l.line_no) as line_no, sum(l.ordered_quantity)::bigint as quantity,
           count(*) > 1 as is_repeated, (array_agg(l.ordered_quantity order by l.line_no))[1] as first_quantity
      from purchase_order_lines l
      join purchase_orders o on o.id = l.purchase_order_id
     where o.id = %(id)s
     group by 1, 2
), supply as (
    select b.sku_id, b.warehouse_id, b.source, b.document_id, b.number, b.quantity, b.expected_at, 'open' as status
      from mine m
      join inbound_lines b on b.sku_id = m.sku_id and b.warehouse_id = m.warehouse_id and b.document_id <> %(id)s
    union all
    select l.sku_id, o.warehouse_id, 'purchase', o.id, o.number, l.ordered_quantity, coalesce(l.expected_at, o.expected_at), o.status
      from purchase_orders o
      join purchase_order_lines l on l.purchase_order_id = o.id
      join mine m on m.sku_id = l.sku_id and m.warehouse_id = o.warehouse_id
     where o.status in ('draft', 'approved') and o.id <> %(id)s
    union all
    select m.sku_id, m.warehouse_id, 'purchase', o.id, o.number, m.quantity - m.first_quantity, o.expected_at, 'this_order'
      from mine m
      join purchase_orders o on o.id = %(id)s
     where m.is_repeated
)
select m.line_no::integer, m.sku_id, s.code as sku_code, s.name as sku_name, m.quantity, coalesce(i.available_quantity, 0)::bigint as available,
       coalesce(i.backordered_quantity, 0)::bigint as backordered, coalesce(i.reorder_point, i.computed_reorder_point, 0)::bigint as reorder_point,
       coalesce(f.protection_days, 14)::double precision as horizon_days,
       round((coalesce(f.daily_mean, 0) * coalesce(f.protection_days, 14))::numeric)::bigint as expected_demand,
       coalesce(x.quantity, 0)::bigint as open_quantity, coalesce(x.in_time, 0)::bigint as in_time_quantity,
       coalesce(x.documents, '[]'::jsonb) as documents,
       case when coalesce(x.quantity, 0) = 0 then false
            when coalesce(i.reorder_point, i.computed_reorder_point) is null then coalesce(x.is_same, false)
            else i.available_quantity - i.backordered_quantity + coalesce(x.in_time, 0)
                 > coalesce(i.reorder_point, i.computed_reorder_point) end as is_duplicate
  from mine m
  join skus s on s.id = m.sku_id
  left join inventory i on i.sku_id = m.sku_id and i.warehouse_id = m.warehouse_id
  left join demand_forecasts f on f.sku_id = m.sku_id and f.warehouse_id = m.warehouse_id
  left join lateral (
       select sum(u.quantity) as quantity, bool_or(u.quantity = m.quantity and u.status <> 'this_order') as is_same,
              sum(u.quantity) filter (where u.expected_at is null
                                      or u.expected_at <= (select business_now()::date) + ceil(coalesce(f.protection_days, 14))::integer) as in_time,
              -- The same quantity again is the likeliest slip, so it is named first.
              jsonb_agg(jsonb_build_object('source', u.source, 'document_id', u.document_id, 'number', u.number, 'quantity', u.quantity,
                                           'expected_at', u.expected_at, 'status', u.status)
                        order by u.quantity <> m.quantity, u.expected_at nulls last, u.number) as documents
         from supply u
        where u.sku_id = m.sku_id and u.warehouse_id = m.warehouse_id) x on true
 order by m.line_no;
