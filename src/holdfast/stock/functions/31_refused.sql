-- Keep what was refused for want of stock: somebody wanted it (docs/decisions/0144). Called where a refusal is already
-- certain, so that what is granted pays nothing. A request that is repeated under its key was kept when it was first refused.
create or replace function stock_keep_refused(p_answers stock_answer[], p_requests stock_request[]) returns void
language sql as $$
    insert into refused_lines (refused_at, sku_id, warehouse_id, requested, available, reference_type, reference_id, actor)
    select business_now(), e.sku_id, e.warehouse_id, e.requested, e.available, r.reference_type, r.reference_id, coalesce(r.actor, '')
      from unnest(p_answers) a
      join unnest(p_requests) r using (request_no)
     cross join json_to_recordset(a.facts -> 'errors') as e (sku_id uuid, warehouse_id uuid, requested bigint, available bigint)
     where a.outcome = 'insufficient_stock' and not a.replayed and e.sku_id is not null and e.requested > e.available
$$;


-- The same for one request alone: a sale, or one that was refused before anything was posted.
create or replace function stock_keep_refusal(p_request json, p_outcome text, p_facts json) returns void
language sql security definer set search_path = public, pg_temp as $$
    select stock_keep_refused(array[row(0, p_outcome, p_facts, false)::stock_answer],
        array[row(0, p_request ->> 'actor', p_request ->> 'reference_type', p_request ->> 'reference_id', null, null, null, null, null, null)::stock_request])
$$;
