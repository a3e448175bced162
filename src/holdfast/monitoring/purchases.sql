-- purchases_add_up
-- P2: what an order's line has received is the sum of its receipts, and its parts by promised day are what is open.
with arrived as (
    select r.purchase_order_id, (x.line ->> 'line_no')::integer as line_no, sum((x.line ->> 'quantity')::bigint) as quantity
      from purchase_receipts r
     cross join lateral jsonb_array_elements(r.lines) as x (line)
     group by 1, 2
), promised as (
    select purchase_order_id, line_no, sum(quantity) as quantity from purchase_order_parts group by 1, 2
)
select concat('order ', o.number, ' line ', l.line_no) as subject,
       concat('received=', coalesce(a.quantity, 0), ' open=', coalesce(p.quantity, 0)) as expected,
       concat('received=', l.received_quantity, ' open=', l.open_quantity) as found
  from purchase_order_lines l
  join purchase_orders o on o.id = l.purchase_order_id
  left join arrived a on (a.purchase_order_id, a.line_no) = (l.purchase_order_id, l.line_no)
  left join promised p on (p.purchase_order_id, p.line_no) = (l.purchase_order_id, l.line_no)
 where l.received_quantity <> coalesce(a.quantity, 0) or l.open_quantity <> coalesce(p.quantity, 0)
 order by 1;
