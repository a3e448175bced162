-- The bundles among what is asked, with the definition of this moment: one row per bundle line and component.
create or replace function stock_bundles_of(p_asks stock_ask[]) returns stock_bundle[]
language sql stable as $$
    select array_agg(row(a.request_no, a.line_no, a.sku_id, a.warehouse_id, a.quantity, c.component_id, c.quantity)::stock_bundle)
      from unnest(p_asks) a
      join bundle_components c on c.bundle_id = a.sku_id
$$;


-- The bundles whose components a plan has placed among the items of its request already.
create or replace function stock_placed_bundles(p_requests json) returns stock_bundle[]
language sql stable as $$
    select array_agg(row(r.n, b.line_no, b.sku_id, null, b.quantity, c.sku_id, c.quantity)::stock_bundle)
      from json_to_recordset(p_requests) as r (n integer, bundles json),
           rows from (json_to_recordset(r.bundles) as (sku_id uuid, quantity bigint, components json))
               with ordinality as b (sku_id, quantity, components, line_no),
           json_to_recordset(b.components) as c (sku_id uuid, quantity bigint)
$$;


-- Every bundle replaced by its components, and summed again: a basket may name a bundle and one of its components.
create or replace function stock_exploded(p_asks stock_ask[], p_bundles stock_bundle[]) returns stock_ask[]
language sql stable as $$
    select array_agg(row(request_no, line_no, sku_id, warehouse_id, quantity)::stock_ask order by request_no, line_no, sku_id)
      from (select request_no, min(line_no) as line_no, sku_id, warehouse_id, sum(quantity)::bigint as quantity
              from (select request_no, line_no, sku_id, warehouse_id, quantity from unnest(p_asks) a
                     where not exists (select from unnest(p_bundles) b where b.bundle_id = a.sku_id)
                    union all
                    select request_no, line_no, component_id, warehouse_id, quantity * per_bundle from unnest(p_bundles)) part
             group by request_no, sku_id, warehouse_id) merged
$$;


-- Refusals of requests that name an archived bundle; its components may well be for sale by themselves.
create or replace function stock_archived_bundles(p_bundles stock_bundle[]) returns stock_answer[]
language sql stable as $$
    select array_agg(row(request_no, 'sku_archived', json_build_object('errors', errors), false)::stock_answer)
      from (select b.request_no, json_agg(json_build_object('line', b.line_no, 'sku_id', b.bundle_id, 'requested', b.quantity)
                                          order by b.line_no) as errors
              from (select distinct request_no, line_no, bundle_id, quantity from unnest(p_bundles)) b
              join skus s on s.id = b.bundle_id and s.archived_at is not null
             group by b.request_no) refused
$$;


-- A refusal whose short lines also say which bundles of the request they belong to.
create or replace function stock_naming_bundles(p_answer stock_answer, p_bundles stock_bundle[]) returns stock_answer
language sql stable as $$
    select p_answer.request_no, p_answer.outcome,
           json_build_object('errors', json_agg(case when b.ids is null then e.line
                             else (e.line::jsonb || jsonb_build_object('bundles', b.ids))::json end order by e.n)),
           p_answer.replayed
      from json_array_elements(p_answer.facts -> 'errors') with ordinality as e (line, n)
      left join lateral (
           select to_jsonb(array_agg(distinct x.bundle_id)) as ids from unnest(p_bundles) x
            where x.request_no = p_answer.request_no and x.component_id = (e.line ->> 'sku_id')::uuid) b on true
$$;


-- The answer of a reservation with the bundles it holds, and what one of each is made of.
create or replace function stock_with_bundles(p_facts json, p_bundles stock_bundle[], p_request integer) returns json
language sql stable as $$
    with line as (
        select line_no, bundle_id, quantity,
               jsonb_agg(jsonb_build_object('sku_id', component_id, 'quantity', per_bundle) order by component_id) as components
          from unnest(p_bundles) where request_no = p_request
         group by line_no, bundle_id, quantity
    ), bundle as (
        select min(line_no) as line_no, bundle_id, sum(quantity) as quantity, components from line group by bundle_id, components
    ), told as (
        select jsonb_agg(jsonb_build_object('sku_id', bundle_id, 'quantity', quantity, 'components', components) order by line_no) as bundles
          from bundle
    )
    select case when bundles is null then p_facts else (p_facts::jsonb || jsonb_build_object('bundles', bundles))::json end from told
$$;


-- Remember what the bundles of new reservations are made of; consume and release by bundle go by this.
create or replace function stock_keep_bundles(p_answers stock_answer[], p_bundles stock_bundle[]) returns void
language sql as $$
    insert into reserved_bundles (reservation_id, bundle_id, component_id, quantity, per_bundle)
    select (a.facts ->> 'reservation_id')::uuid, b.bundle_id, b.component_id, sum(b.quantity), min(b.per_bundle)
      from unnest(p_answers) a
      join unnest(p_bundles) b using (request_no)
     where a.outcome = 'reserved' and not a.replayed
     group by 1, 2, 3;
    update reservations h set has_bundles = true
      from unnest(p_answers) a
     where a.outcome = 'reserved' and not a.replayed and h.id = (a.facts ->> 'reservation_id')::uuid
       and exists (select from reserved_bundles b where b.reservation_id = h.id)
$$;


-- A refusal whose short lines also say which bundles they belong to and why they cannot wait.
create or replace function stock_named_refusal(p_answer stock_answer, p_bundles stock_bundle[], p_denied json) returns stock_answer
language plpgsql stable as $$
begin
    if p_bundles is not null then
        p_answer := stock_naming_bundles(p_answer, p_bundles);
    end if;
    if p_denied is not null and p_answer.outcome = 'insufficient_stock' then
        p_answer := stock_naming_denials(p_answer, p_denied);
    end if;
    return p_answer;
end $$;


-- Requests to consume or release with every bundle they name replaced by the components it was reserved with.
create or replace function stock_resolve_exploded(p_requests json) returns json
language sql stable as $$
    select json_agg(case when x.items is null then e.value else (e.value::jsonb || jsonb_build_object('items', x.items))::json end order by e.n)
      from json_array_elements(p_requests) with ordinality as e (value, n)
      left join lateral (
           select jsonb_agg(jsonb_build_object('sku_id', coalesce(b.component_id, i.sku_id), 'warehouse_id', i.warehouse_id,
                                               'quantity', i.quantity * coalesce(b.per_bundle, 1),
                                               'batch', i.batch, 'serials', i.serials)) as items,
                  bool_or(b.bundle_id is not null) as any_bundle
             from json_to_recordset(case json_typeof(e.value -> 'items') when 'array' then e.value -> 'items' end)
                  as i (sku_id uuid, warehouse_id uuid, quantity bigint, batch text, serials json)
             left join reserved_bundles b on b.reservation_id = (e.value ->> 'reservation_id')::uuid and b.bundle_id = i.sku_id) x
        on x.any_bundle
$$;


-- Every bundle among what is asked replaced by its components; requests that name an archived one are refused.
create or replace function stock_unbundled(p_requests json, inout asks stock_ask[], inout answers stock_answer[], out bundles stock_bundle[])
language plpgsql as $$
declare
    v_placed stock_bundle[] := stock_placed_bundles(p_requests);
begin
    bundles := stock_bundles_of(asks);
    if bundles is not null then
        answers := answers || coalesce(stock_archived_bundles(bundles), '{}');
        asks := array(select a from unnest(stock_exploded(asks, bundles)) a
                       where not exists (select from unnest(answers) x where x.request_no = a.request_no));
    end if;
    if v_placed is not null then
        bundles := coalesce(bundles, '{}') || v_placed;
    end if;
end $$;


-- Sales with every bundle replaced by its components, and beside them which bundles these were. A bundle whose definition was
-- taken away meanwhile stays as it is, and is refused like any SKU without stock.
create or replace function stock_sales_of_parts(p_requests json) returns json
language sql stable as $$
    with item as (
        select e.n, i.line_no, i.value as item, c.component_id, c.quantity as per,
               (i.value ->> 'sku_id')::uuid as sku_id, (i.value ->> 'quantity')::bigint as quantity
          from json_array_elements(p_requests) with ordinality as e (value, n)
         cross join jsonb_array_elements(e.value::jsonb -> 'items') with ordinality as i (value, line_no)
          left join bundle_components c on c.bundle_id = (i.value ->> 'sku_id')::uuid
         where e.value ->> 'movement_type' = 'out' and e.value ->> 'reference_type' = 'sale'
    ), sale as (
        select n, jsonb_agg(case when component_id is null then item
                                 else item || jsonb_build_object('sku_id', component_id, 'quantity', quantity * per) end
                            order by line_no, component_id) as items
          from item group by n having bool_or(component_id is not null)
    ), bundle as (
        select n, jsonb_agg(jsonb_build_object('sku_id', sku_id, 'quantity', -quantity, 'components', parts) order by line_no) as bundles
          from (select n, line_no, sku_id, quantity,
                       jsonb_agg(jsonb_build_object('sku_id', component_id, 'quantity', per) order by component_id) as parts
                  from item where component_id is not null group by n, line_no, sku_id, quantity) named
         group by n
    )
    select json_agg(case when s.items is null then e.value
                         else (e.value::jsonb || jsonb_build_object('items', s.items, 'bundles', b.bundles))::json end order by e.n)
      from json_array_elements(p_requests) with ordinality as e (value, n)
      left join sale s using (n)
      left join bundle b using (n)
$$;
