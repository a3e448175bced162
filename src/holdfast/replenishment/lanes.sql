-- list_lanes
-- The default, then every lane with a row of its own.
select l.*, f.name as from_warehouse, t.name as to_warehouse
  from transfer_lanes l
  left join warehouses f on f.id = l.from_warehouse_id
  left join warehouses t on t.id = l.to_warehouse_id
 order by l.from_warehouse_id is not null, f.name, t.name, l.id;

-- knows_ends
-- Whether both warehouses of a lane exist.
select count(*)::integer from warehouses where id in (%(from_warehouse_id)s, %(to_warehouse_id)s);

-- put_lane
-- One row per pair.
insert into transfer_lanes as l (from_warehouse_id, to_warehouse_id, is_open, lead_days, line_cost, unit_cost, updated_by, updated_at)
values (%(from_warehouse_id)s, %(to_warehouse_id)s, %(is_open)s, %(lead_days)s, %(line_cost)s, %(unit_cost)s, %(actor)s, business_now())
on conflict (from_warehouse_id, to_warehouse_id) do update
   set is_open = excluded.is_open, lead_days = excluded.lead_days, line_cost = excluded.line_cost, unit_cost = excluded.unit_cost,
       updated_by = excluded.updated_by, updated_at = excluded.updated_at
returning id;

-- delete_lane
-- The default holds again; the default itself stays.
delete from transfer_lanes where id = %(id)s and from_warehouse_id is not null returning id;
