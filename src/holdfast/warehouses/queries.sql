-- insert_warehouse
-- A new warehouse; its code is unique.
insert into warehouses (code, name, type, parent_id, address, latitude, longitude, time_zone, capacity, priority, is_active)
values (%(code)s, %(name)s, %(type)s, %(parent_id)s, %(address)s, %(latitude)s, %(longitude)s, %(time_zone)s,
        %(capacity)s, %(priority)s, %(is_active)s)
returning *;

-- get_warehouse
-- One warehouse by id.
select * from warehouses where id = %(id)s;

-- list_warehouses
-- One page in order of code.
select *
  from warehouses
 where (%(after)s::text is null or code > %(after)s)
   and (%(type)s::text is null or type = %(type)s)
   and (%(is_active)s::boolean is null or is_active = %(is_active)s)
   and not exists (select from sandbox_warehouses x where x.warehouse_id = warehouses.id)
 order by code
 limit %(limit)s;

-- change_warehouse
-- Absolute write, compared against the version the caller has seen.
update warehouses
   set name = %(name)s, type = %(type)s, parent_id = %(parent_id)s, address = %(address)s, latitude = %(latitude)s,
       longitude = %(longitude)s, time_zone = %(time_zone)s, capacity = %(capacity)s, priority = %(priority)s,
       is_active = %(is_active)s, updated_at = now(), version = version + 1
 where id = %(id)s and version = %(expected_version)s
returning *;

-- is_above
-- Whether a warehouse lies above another in the tree: a parent must not become its own descendant.
with recursive above as (
    select parent_id from warehouses where id = %(warehouse_id)s
    union
    select w.parent_id from above a join warehouses w on w.id = a.parent_id
)
select exists (select from above where parent_id = %(candidate)s);

-- knows_time_zone
-- The server's own list decides.
select exists (select from pg_timezone_names where name = %(name)s);

-- rework_usability
-- A day ends elsewhere: until when the batches in a warehouse are usable follows from its time zone.
select stock_rework(null, %(id)s, %(actor)s);

-- write_event
-- Every change tells.
insert into outbox_events (event_type, data) values (%(event_type)s, %(data)s);
