-- Why a reservation was placed where it is: the plan behind it, as it was answered. Where the order went is left out.
create table allocations (
    id uuid primary key default uuidv7(),
    -- no foreign key on the hot table: docs/decisions/0006
    reservation_id uuid not null constraint one_plan_per_reservation unique,
    reference_type text not null,
    reference_id text not null,
    plan json not null,
    actor text not null,
    created_at timestamptz not null default business_now()
);
create index allocations_by_reference on allocations (reference_type, reference_id);

grant select, insert on allocations to holdfast_app;
