-- insert_supplier
-- A new supplier; the constraint on code refuses a second one.
insert into suppliers (code, name, email, language, currency, lead_time_days, lead_time_sd_days, minimum_order_value,
    over_receipt_share, order_weekdays, closed_days, truck_volume_l, truck_weight_kg, contact_name, phone)
values (%(code)s, %(name)s, %(email)s, %(language)s, %(currency)s, %(lead_time_days)s, %(lead_time_sd_days)s,
    %(minimum_order_value)s, %(over_receipt_share)s, %(order_weekdays)s, supplier_closed_days(%(closed_days)s::json),
    %(truck_volume_l)s, %(truck_weight_kg)s, %(contact_name)s, %(phone)s)
returning id;

-- get_supplier
-- One supplier by id.
select id, code, name, email, contact_name, phone, language, currency, lead_time_days, lead_time_sd_days, minimum_order_value,
       over_receipt_share, order_weekdays, supplier_closed_days(closed_days) as closed_days, truck_volume_l,
       truck_weight_kg, order_channel, api_url, api_is_idempotent, api_secret_sealed is not null as has_api_secret,
       is_active, created_at, updated_at
  from suppliers
 where id = %(id)s;

-- list_suppliers
-- One page in order of code.
select id, code, name, email, contact_name, phone, language, currency, lead_time_days, lead_time_sd_days, minimum_order_value,
       over_receipt_share, order_weekdays, supplier_closed_days(closed_days) as closed_days, truck_volume_l,
       truck_weight_kg, order_channel, api_url, api_is_idempotent, api_secret_sealed is not null as has_api_secret,
       is_active, created_at, updated_at
  from suppliers
 where (%(after)s::text is null or code > %(after)s)
   and (%(is_active)s::boolean is null or is_active = %(is_active)s)
   and (%(pattern)s::text is null or code ilike %(pattern)s or name ilike %(pattern)s)
 order by code
 limit %(limit)s;

-- change_supplier
-- All columns a person may change; the service fills in those that stay.
update suppliers
   set name = %(name)s, email = %(email)s, language = %(language)s, currency = %(currency)s,
       lead_time_days = %(lead_time_days)s, lead_time_sd_days = %(lead_time_sd_days)s,
       minimum_order_value = %(minimum_order_value)s, over_receipt_share = %(over_receipt_share)s,
       order_weekdays = %(order_weekdays)s, closed_days = supplier_closed_days(%(closed_days)s::json),
       truck_volume_l = %(truck_volume_l)s, truck_weight_kg = %(truck_weight_kg)s,
       contact_name = %(contact_name)s, phone = %(phone)s, is_active = %(is_active)s, updated_at = now()
 where id = %(id)s;

-- set_channel
-- How orders reach a supplier; without a new secret the old one stays.
update suppliers
   set order_channel = %(channel)s, api_url = %(url)s, api_is_idempotent = %(is_idempotent)s,
       api_secret_sealed = coalesce(%(sealed)s::bytea, api_secret_sealed), updated_at = now()
 where id = %(id)s;

-- note_cost_changes
-- Before new terms are written: costs that they change, for the scorecard.
insert into supplier_cost_changes (supplier_id, sku_id, cost_before, cost_after, changed_at)
select i.supplier_id, i.sku_id, i.unit_cost, n.unit_cost, business_now()
  from json_to_recordset(%(items)s) as n (sku_id uuid, unit_cost numeric)
  join supplier_items i on i.supplier_id = %(supplier_id)s and i.sku_id = n.sku_id
 where i.unit_cost <> n.unit_cost;

-- find_unknown_skus
-- Which of the SKUs named do not exist, by their place in what was given.
select coalesce(array_agg((t.place - 1)::int order by t.place), '{}')
  from unnest(%(sku_ids)s::uuid[]) with ordinality as t (id, place)
 where not exists (select from skus s where s.id = t.id);

-- put_supplier_items
-- Terms of many SKUs at once; a term given again replaces the old one.
insert into supplier_items (supplier_id, sku_id, supplier_code, unit_cost, currency, break_quantities, break_costs, moq,
    order_multiple, max_order_quantity, pack_size, pack_volume_l, pack_weight_kg, valid_from, valid_to, lead_time_days,
    lead_time_sd_days, is_preferred)
select %(supplier_id)s, i.sku_id, i.supplier_code, i.unit_cost, i.currency, i.break_quantities, i.break_costs, i.moq,
       i.order_multiple, i.max_order_quantity, i.pack_size, i.pack_volume_l, i.pack_weight_kg, i.valid_from, i.valid_to,
       i.lead_time_days, i.lead_time_sd_days, i.is_preferred
  from json_to_recordset(%(items)s) as i (sku_id uuid, supplier_code text, unit_cost numeric, currency text,
       break_quantities bigint[], break_costs numeric[], moq bigint, order_multiple bigint, max_order_quantity bigint,
       pack_size bigint, pack_volume_l numeric, pack_weight_kg numeric, valid_from date, valid_to date,
       lead_time_days numeric, lead_time_sd_days numeric, is_preferred boolean)
on conflict (sku_id, supplier_id) do update
   set supplier_code = excluded.supplier_code, unit_cost = excluded.unit_cost, currency = excluded.currency,
       break_quantities = excluded.break_quantities, break_costs = excluded.break_costs, moq = excluded.moq,
       order_multiple = excluded.order_multiple, max_order_quantity = excluded.max_order_quantity,
       pack_size = excluded.pack_size, pack_volume_l = excluded.pack_volume_l, pack_weight_kg = excluded.pack_weight_kg,
       valid_from = excluded.valid_from, valid_to = excluded.valid_to, lead_time_days = excluded.lead_time_days,
       lead_time_sd_days = excluded.lead_time_sd_days, is_preferred = excluded.is_preferred, updated_at = now();

-- unprefer_others
-- One preferred supplier per SKU: the newest wish wins.
update supplier_items set is_preferred = false, updated_at = now()
 where sku_id = any(%(sku_ids)s) and supplier_id <> %(supplier_id)s and is_preferred;

-- list_supplier_items
-- What a supplier offers, in order of SKU code.
select i.supplier_id, i.sku_id, s.code as sku_code, i.supplier_code, i.unit_cost, i.currency, i.break_quantities,
       i.break_costs, i.moq, i.order_multiple, i.max_order_quantity, i.pack_size, i.pack_volume_l, i.pack_weight_kg,
       i.valid_from, i.valid_to, i.lead_time_days, i.lead_time_sd_days, i.is_preferred, i.updated_at
  from supplier_items i
  join skus s on s.id = i.sku_id
 where i.supplier_id = %(supplier_id)s
   and (%(sku_id)s::uuid is null or i.sku_id = %(sku_id)s)
   and (%(after)s::text is null or s.code > %(after)s)
 order by s.code
 limit %(limit)s;

-- delete_supplier_item
-- A supplier no longer offers a SKU; orders keep their own cost.
delete from supplier_items where supplier_id = %(supplier_id)s and sku_id = %(sku_id)s;

-- suppliers_by_code
-- The suppliers that a file names.
select id, code, name, email, contact_name, phone, language, currency, lead_time_days, lead_time_sd_days, minimum_order_value,
       over_receipt_share, order_weekdays, supplier_closed_days(closed_days) as closed_days, truck_volume_l,
       truck_weight_kg, order_channel, api_url, api_is_idempotent, api_secret_sealed is not null as has_api_secret,
       is_active, created_at, updated_at
  from suppliers
 where code = any(%(codes)s);

-- items_of_suppliers
-- All terms of some suppliers, to compare a file with.
select i.supplier_id, i.sku_id, s.code as sku_code, i.supplier_code, i.unit_cost, i.currency, i.break_quantities,
       i.break_costs, i.moq, i.order_multiple, i.max_order_quantity, i.pack_size, i.pack_volume_l, i.pack_weight_kg,
       i.valid_from, i.valid_to, i.lead_time_days, i.lead_time_sd_days, i.is_preferred, i.updated_at
  from supplier_items i
  join skus s on s.id = i.sku_id
 where i.supplier_id = any(%(ids)s);
