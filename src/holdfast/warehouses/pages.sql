-- warehouse_choices
-- Active warehouses for filters and forms, most important first.
select id::text as value, name as label
  from warehouses
 where is_active and not exists (select from sandbox_warehouses x where x.warehouse_id = warehouses.id)
 order by priority desc, name;
