-- Decide many reservation requests in one transaction, each on its own, under one idempotency key for them all.
-- p_batches: [{n, principal_id, key, hash, requests: [as for stock_reserve, without keys of their own]}]
-- Outcomes: decided; idempotency_key_reused. The facts are one entry per request, in order: {status: 201, body} when it is
-- held, {outcome, facts} when it is refused.
create or replace function stock_reserve_batch(p_batches json) returns setof stock_answer
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    v_batch record;
    v_key stock_key[];
    v_decided stock_answer[];
begin
    for v_batch in
        select * from json_to_recordset(p_batches) as b (n integer, principal_id uuid, key text, hash text, requests json)
    loop
        v_key := case when v_batch.key is not null
                      then array[row(v_batch.n, v_batch.principal_id, v_batch.key, v_batch.hash)::stock_key] end;
        v_decided := array(select r from stock_repeats(v_key) r);
        if cardinality(v_decided) = 0 then
            v_decided := array(
                select row(v_batch.n, 'decided',
                           coalesce(json_agg(case a.outcome when 'reserved' then json_build_object('status', 201, 'body', a.facts)
                                         else json_build_object('outcome', a.outcome, 'facts', a.facts) end order by a.request_no),
                                    '[]'),
                           false)::stock_answer
                  from stock_reserve(v_batch.requests) a);
            perform stock_remember(v_key, v_decided);
        end if;
        return query select * from unnest(v_decided);
    end loop;
end $$;
