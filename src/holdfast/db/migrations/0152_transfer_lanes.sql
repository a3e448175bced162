-- What moving between two of our own warehouses takes. Both null: the default of every lane along the tree of warehouses that has
-- no row of its own. A row for a pair opens a lane between any two, or closes one.
create table transfer_lanes (
    id uuid primary key default uuidv7(),
    from_warehouse_id uuid references warehouses,
    to_warehouse_id uuid references warehouses,
    is_open boolean not null default true,
    lead_days double precision not null constraint lane_days_not_negative check (lead_days >= 0),
    line_cost numeric(18, 4) not null constraint lane_line_cost_not_negative check (line_cost >= 0),
    unit_cost numeric(18, 6) not null constraint lane_unit_cost_not_negative check (unit_cost >= 0),
    updated_by text not null,
    updated_at timestamptz not null,
    constraint both_ends_or_none check ((from_warehouse_id is null) = (to_warehouse_id is null)),
    constraint lane_goes_somewhere check (from_warehouse_id <> to_warehouse_id)
);
create unique index one_lane_per_pair on transfer_lanes (from_warehouse_id, to_warehouse_id) nulls not distinct;
-- What was assumed until now: two days, and the picking of one line.
insert into transfer_lanes (lead_days, line_cost, unit_cost, updated_by, updated_at) values (2, 2, 0, 'holdfast', now());
grant select, insert, update, delete on transfer_lanes to holdfast_app;
