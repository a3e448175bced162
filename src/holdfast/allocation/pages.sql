-- places
-- Active warehouses as places an order could be near to, and their names.
select w.id, w.code, w.name, w.latitude, w.longitude, w.address ->> 'country' as country, w.address ->> 'region' as region
  from warehouses w
 where w.is_active and not exists (select from sandbox_warehouses x where x.warehouse_id = w.id)
 order by w.priority desc, w.name;

-- named_skus
-- The SKUs of the question.
select id, code, name from skus where id = any(%(ids)s) and archived_at is null order by name;
