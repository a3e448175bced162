-- insert_sku
-- A new SKU; the unique indexes on code and barcode refuse a second one.
insert into skus (code, name, barcode, category, unit, price, currency, tracking, min_remaining_days, attributes)
values (%(code)s, %(name)s, %(barcode)s, %(category)s, %(unit)s, %(price)s, %(currency)s, %(tracking)s, %(min_remaining_days)s,
    %(attributes)s)
returning *;

-- get_sku
-- One SKU by id.
select * from skus where id = %(id)s;

-- list_skus
-- One page in order of code; q matches code, name or barcode.
select *
  from skus
 where (%(after)s::text is null or code > %(after)s)
   and (%(category)s::text is null or category = %(category)s)
   and (%(code)s::text is null or code = %(code)s)
   and (%(archived)s::boolean is null or (archived_at is not null) = %(archived)s)
   and not exists (select from sandbox_skus x where x.sku_id = skus.id)
   and (%(attributes)s::jsonb is null or attributes @> %(attributes)s)
   and (%(pattern)s::text is null or code ilike %(pattern)s or name ilike %(pattern)s or barcode = %(q)s)
 order by code
 limit %(limit)s;

-- change_sku
-- Absolute write, compared against the version the caller has seen.
update skus
   set name = %(name)s, barcode = %(barcode)s, category = %(category)s, unit = %(unit)s, price = %(price)s,
       currency = %(currency)s, attributes = %(attributes)s, min_remaining_days = %(min_remaining_days)s,
       archived_at = case when %(archived)s then coalesce(archived_at, now()) end,
       updated_at = now(), version = version + 1
 where id = %(id)s and (%(expected_version)s::bigint is null or version = %(expected_version)s)
returning *;

-- set_bundle
-- What a bundle is made of; answers the code of the refusal, or null when it was done.
select catalog_set_bundle(%(bundle_id)s, %(components)s);

-- list_components
-- What a bundle is made of.
select c.component_id as sku_id, s.code as sku_code, c.quantity
  from bundle_components c
  join skus s on s.id = c.component_id
 where c.bundle_id = %(bundle_id)s
 order by s.code;

-- rework_usability
-- Until when the batches of a SKU are usable follows from the days it must have left; units go where they belong now.
select stock_rework(%(id)s, null, %(actor)s);

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);

-- list_by_codes
-- What is already known of the rows of an import.
select * from skus where code = any(%(codes)s);

-- list_barcodes
-- Whose the barcodes of an import already are.
select barcode, code from skus where barcode = any(%(barcodes)s);

-- insert_many
-- Many new SKUs with one event each, in one statement.
with new as (
    insert into skus (code, name, barcode, category, unit, price, currency, tracking, attributes, archived_at)
    select code, name, barcode, category, coalesce(unit, 'piece'), price, currency, coalesce(tracking, 'none'),
           coalesce(attributes, '{}'), case when archived then now() end
      from json_to_recordset(%(rows)s) as r (code text, name text, barcode text, category text, unit text, price numeric,
               currency text, tracking text, attributes jsonb, archived boolean)
     order by code
    returning id, code, archived_at
), told as (
    insert into outbox_events (event_type, sku_ids, data)
    select 'sku.created', array[id], json_build_object('sku_id', id, 'code', code, 'archived', archived_at is not null) from new
)
select code, id from new;

-- change_many
-- The named columns of many SKUs, each only if its version is still the one that was compared; one event each.
with change as (
    select * from json_to_recordset(%(rows)s) as r (id uuid, version bigint, name text, barcode text, category text,
        unit text, price numeric, currency text)
), changed as (
    update skus s
       set name = c.name, barcode = c.barcode, category = c.category, unit = c.unit, price = c.price, currency = c.currency,
           updated_at = now(), version = s.version + 1
      from change c
     where s.id = c.id and s.version = c.version
    returning s.id, s.code, s.archived_at
), told as (
    insert into outbox_events (event_type, sku_ids, data)
    select 'sku.changed', array[id], json_build_object('sku_id', id, 'code', code, 'archived', archived_at is not null) from changed
)
select code, id from changed;

-- list_packs
-- The packs of one SKU, smallest first.
select name, units, barcode from sku_packs where sku_id = %(sku_id)s order by units, name;

-- delete_packs
-- All packs are said anew.
delete from sku_packs where sku_id = %(sku_id)s;

-- insert_packs
-- Packs of one SKU; a barcode belongs to one pack.
insert into sku_packs (sku_id, name, units, barcode)
select %(sku_id)s, p.name, p.units, p.barcode from json_to_recordset(%(packs)s) as p (name text, units bigint, barcode text);

-- is_sku_barcode
-- A pack's barcode is no SKU's.
select exists (select from skus where barcode = any(%(barcodes)s));

-- units_of_packs
-- How many base units the named packs hold.
select p.sku_id, p.name, p.units
  from unnest(%(sku_ids)s::uuid[], %(names)s::text[]) as x (sku_id, name)
  join sku_packs p on p.sku_id = x.sku_id and p.name = x.name;
