-- What is wrong with sent orders now: late parts, lines the supplier cut or refused, lines that brought too much, and
-- orders that never reached the supplier. What is left of an order that has arrived matters for 30 days more.
-- p_orders null: all.
create or replace function purchase_order_faults(p_orders uuid[])
returns table (purchase_order_id uuid, line_no integer, kind text, quantity bigint, due date)
language sql stable as $$
    select p.purchase_order_id, p.line_no, 'late', sum(p.quantity)::bigint, min(p.expected_at)
      from purchase_order_parts p
     where p.expected_at < (select business_now()::date) and (p_orders is null or p.purchase_order_id = any (p_orders))
     group by p.purchase_order_id, p.line_no
    union all
    select l.purchase_order_id, l.line_no, case when l.refused_quantity >= l.ordered_quantity then 'refused' else 'short' end,
           l.refused_quantity, null
      from purchase_order_lines l
      join purchase_orders o on o.id = l.purchase_order_id
     where l.refused_quantity > 0 and o.status in ('sent', 'confirmed', 'partly_received', 'received')
       and coalesce(o.resolved_at > (select business_now()) - interval '30 days', true)
       and (p_orders is null or o.id = any (p_orders))
    union all
    select l.purchase_order_id, l.line_no, 'over_delivered', l.received_quantity - l.ordered_quantity, null
      from purchase_order_lines l
      join purchase_orders o on o.id = l.purchase_order_id
     where l.received_quantity > l.ordered_quantity and o.status in ('sent', 'confirmed', 'partly_received', 'received')
       and coalesce(o.resolved_at > (select business_now()) - interval '30 days', true)
       and (p_orders is null or o.id = any (p_orders))
    union all
    select u.purchase_order_id, null, 'not_delivered', count(*), null
      from purchase_order_pushes u
     where u.status in ('refused', 'unknown') and (p_orders is null or u.purchase_order_id = any (p_orders))
     group by u.purchase_order_id
$$;


-- Let exceptions open and end by what is so now; running it twice changes nothing more. Answers what opened or ended.
-- One that a person resolved opens again only after its cause was over.
create or replace function purchase_order_watch(p_orders uuid[])
returns table (event_type text, id uuid, purchase_order_id uuid, line_no integer, kind text, quantity bigint, due date)
language plpgsql as $$
#variable_conflict use_column
declare
    v_now timestamptz := business_now();
begin
    return query
    with fault as materialized (
        select * from purchase_order_faults(p_orders)
    ), opened as (
        insert into purchase_order_exceptions (purchase_order_id, line_no, kind, quantity, due, opened_at)
        select f.purchase_order_id, f.line_no, f.kind, f.quantity, f.due, v_now
          from fault f
         order by f.purchase_order_id, f.line_no, f.kind
        on conflict (purchase_order_id, line_no, kind) where cleared_at is null do nothing
        returning *
    ), grown as (
        update purchase_order_exceptions e
           set quantity = f.quantity, due = f.due
          from fault f
         where e.resolved_at is null and e.purchase_order_id = f.purchase_order_id and e.kind = f.kind
           and e.line_no is not distinct from f.line_no
           and (e.quantity, e.due) is distinct from (f.quantity, f.due)
    ), ended as (
        update purchase_order_exceptions e
           set cleared_at = v_now, resolved_at = coalesce(e.resolved_at, v_now), resolved_by = coalesce(e.resolved_by, 'rule')
         where e.cleared_at is null and (p_orders is null or e.purchase_order_id = any (p_orders))
           and not exists (select from fault f
                            where f.purchase_order_id = e.purchase_order_id and f.kind = e.kind
                              and f.line_no is not distinct from e.line_no)
        returning new.*, old.resolved_at is null as is_news
    )
    select 'purchase_order.exception_opened', o.id, o.purchase_order_id, o.line_no, o.kind, o.quantity, o.due from opened o
    union all
    select 'purchase_order.exception_resolved', n.id, n.purchase_order_id, n.line_no, n.kind, n.quantity, n.due from ended n where n.is_news;
end $$;
