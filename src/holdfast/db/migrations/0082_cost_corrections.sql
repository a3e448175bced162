-- What goods turned out to cost, learned after they were booked (a late invoice, freight, duty). Appended, never posted
-- again: the average rises for what is still here, and what is gone already is an expense of the day we learned it.
create table cost_corrections (
    id uuid primary key default uuidv7(),
    sku_id uuid not null,
    warehouse_id uuid not null,
    -- the entry by which the goods came in
    movement_id uuid not null,
    quantity bigint not null constraint corrected_quantity_positive check (quantity > 0),
    unit_cost_before numeric(18, 6) not null,
    unit_cost numeric(18, 6) not null constraint corrected_cost_not_negative check (unit_cost >= 0),
    -- units of it that were still on hand, by first in first out
    on_hand_quantity bigint not null constraint corrected_on_hand_within check (on_hand_quantity between 0 and quantity),
    stock_value numeric(24, 6) not null,
    expensed_value numeric(24, 6) not null,
    -- the moving average of the level before and after
    cost_before numeric(18, 6),
    cost_after numeric(18, 6) constraint corrected_average_not_negative check (cost_after >= 0),
    reason text not null constraint correction_has_a_reason check (reason <> ''),
    actor text not null,
    created_at timestamptz not null,
    posted_in bigint not null default pg_current_xact_id()::text::bigint
);
create index cost_corrections_by_level on cost_corrections (sku_id, warehouse_id, created_at);
create index cost_corrections_by_movement on cost_corrections (movement_id, created_at);
create trigger movements_are_append_only before update or delete on cost_corrections
    for each row execute function forbid_rewriting_history();

grant select on cost_corrections to holdfast_app;
