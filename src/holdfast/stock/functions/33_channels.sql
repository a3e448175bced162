-- Requests that say for which channel they are. A channel takes only from its warehouses, from its own pools first, and only
-- what lasts as long as it asks for (D-44). Who names no channel, or one with no such rule for what is asked, is decided with
-- all others of the group and pays one look.


-- The requests with the ids of their channels; those that name an unknown one are refused. A channel that is only known to
-- allocation, for which it chooses a strategy, is no channel we sell on.
create or replace function stock_with_channels(p_requests json, inout requests stock_request[], inout answers stock_answer[])
language plpgsql stable as $$
declare
    v_unknown stock_answer[];
begin
    select array_agg(row(q.request_no, q.actor, q.reference_type, q.reference_id, q.minutes, q.items, q.principal_id, q.key, q.hash,
                         c.id)::stock_request),
           array_agg(row(q.request_no, 'unknown_channel', json_build_object('errors', json_build_array(json_build_object(
               'loc', json_build_array('channel'), 'code', 'unknown_channel', 'message', 'There is no such channel.', 'channel', r.channel))),
               false)::stock_answer)
               filter (where r.channel is not null and c.id is null
                         and not exists (select from unnest(answers) a where a.request_no = q.request_no)
                         and not exists (select from settings s where s.name = 'allocation' and s.value -> 'channels' ? r.channel))
      into requests, v_unknown
      from unnest(requests) q
      join json_to_recordset(p_requests) as r (n integer, channel text) on r.n = q.request_no
      left join sales_channels c on c.code = r.channel;
    answers := answers || coalesce(v_unknown, '{}');
end $$;


-- The requests of a group, each with whose eyes look at the stock for it (sees: a channel, or '' for everybody's) and with the
-- life its channel asks for on every line of a tracked SKU; a bundle is named by its components where one of them ages. Null
-- when no channel's rule concerns anything that is asked.
create or replace function stock_seen_by_channels(p_requests json) returns json
language sql stable as $$
    with request as (
        select r.n, r.items, c.id as channel_id, c.warehouse_ids is not null as is_somewhere, c.min_remaining_days as days
          from json_to_recordset(p_requests) as r (n integer, channel text, items json)
          join sales_channels c on c.code = r.channel
    ), part as (
        select r.n, r.channel_id, r.days, coalesce(b.component_id, i.sku_id) as sku_id, b.bundle_id is not null as is_part
          from request r
         cross join json_to_recordset(r.items) as i (sku_id uuid)
          left join bundle_components b on b.bundle_id = i.sku_id
    ), rule as (
        select r.n, r.channel_id, r.days, r.is_somewhere or x.has_pool as is_own, x.ages, x.parts_age
          from request r
         cross join lateral (
               select bool_or(exists (select from channel_pools q where q.channel_id = p.channel_id and q.sku_id = p.sku_id
                                                                    and q.ended_at is null)) as has_pool,
                      coalesce(bool_or(p.days is not null and s.tracking <> 'none'), false) as ages,
                      coalesce(bool_or(p.is_part and p.days is not null and s.tracking <> 'none'), false) as parts_age
                 from part p left join skus s on s.id = p.sku_id
                where p.n = r.n) x
    )
    select json_agg(case when u.ages then stock_asking_for_days(e.value, u.days, u.parts_age) else e.value::jsonb end
                    || jsonb_build_object('sees', case when u.is_own then u.channel_id::text else '' end) order by e.item_no)
      from json_array_elements(p_requests) with ordinality as e (value, item_no)
      left join rule u on u.n = (e.value ->> 'n')::integer
     where exists (select from rule where is_own or ages)
$$;


-- One request with so many days asked for on every line of a tracked SKU. p_parts: its bundles become their components.
create or replace function stock_asking_for_days(p_request json, p_days integer, p_parts boolean) returns jsonb
language sql stable as $$
    with item as (
        select i.line_no, i.value, b.bundle_id, coalesce(b.component_id, (i.value ->> 'sku_id')::uuid) as sku_id,
               coalesce(b.quantity, 1) as per, (i.value ->> 'quantity')::bigint as quantity
          from jsonb_array_elements(p_request::jsonb -> 'items') with ordinality as i (value, line_no)
          left join bundle_components b on p_parts and b.bundle_id = (i.value ->> 'sku_id')::uuid
    ), bundle as (
        select jsonb_agg(jsonb_build_object('sku_id', bundle_id, 'quantity', quantity, 'components', components) order by line_no) as placed
          from (select line_no, bundle_id, quantity,
                       jsonb_agg(jsonb_build_object('sku_id', sku_id, 'quantity', per) order by sku_id) as components
                  from item where bundle_id is not null group by line_no, bundle_id, quantity) b
    )
    select p_request::jsonb
           || jsonb_build_object('items', (
                  select jsonb_agg(i.value || jsonb_build_object('sku_id', i.sku_id, 'quantity', i.quantity * i.per)
                                   || case when s.tracking <> 'none'
                                           then jsonb_build_object('min_remaining_days',
                                                    greatest(p_days, (i.value ->> 'min_remaining_days')::integer))
                                           else '{}' end
                                   order by i.line_no, i.sku_id)
                    from item i left join skus s on s.id = i.sku_id))
           || case when bundle.placed is null then '{}'
                   else jsonb_build_object('bundles', coalesce(nullif(p_request::jsonb -> 'bundles', 'null'), '[]') || bundle.placed) end
      from bundle
$$;


-- Requests that see different things are decided after one another, all levels locked first, in order.
create or replace function stock_reserve_by_channel(p_requests json) returns setof stock_answer
language plpgsql as $$
declare
    v_part json;
begin
    perform stock_lock_asked(p_requests);
    for v_part in
        select json_agg(e.value order by e.item_no)
          from json_array_elements(p_requests) with ordinality as e (value, item_no)
         group by e.value ->> 'sees' order by min(e.item_no)
    loop
        return query select * from stock_reserve(v_part);
    end loop;
end $$;
