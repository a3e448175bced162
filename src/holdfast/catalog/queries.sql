-- insert_sku
-- A new SKU; the unique indexes on code and barcode refuse a second one.
insert into skus (code, name, barcode, category, unit, price, currency, tracking, attributes)
values (%(code)s, %(name)s, %(barcode)s, %(category)s, %(unit)s, %(price)s, %(currency)s, %(tracking)s, %(attributes)s)
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
   and (%(attributes)s::jsonb is null or attributes @> %(attributes)s)
   and (%(pattern)s::text is null or code ilike %(pattern)s or name ilike %(pattern)s or barcode = %(q)s)
 order by code
 limit %(limit)s;

-- change_sku
-- Absolute write, compared against the version the caller has seen.
update skus
   set name = %(name)s, barcode = %(barcode)s, category = %(category)s, unit = %(unit)s, price = %(price)s,
       currency = %(currency)s, attributes = %(attributes)s,
       archived_at = case when %(archived)s then coalesce(archived_at, now()) end,
       updated_at = now(), version = version + 1
 where id = %(id)s and (%(expected_version)s::bigint is null or version = %(expected_version)s)
returning *;

-- write_event
-- Every change tells.
insert into outbox_events (event_type, sku_ids, data) values (%(event_type)s, %(sku_ids)s, %(data)s);
