-- What each look of the doctor found, and what was repaired: nothing is put right in silence.
create table doctor_runs (
    id uuid primary key default uuidv7(),
    started_by text not null,
    started_at timestamptz not null default now(),
    seconds double precision not null,
    is_healthy boolean not null,
    -- [{check, promise, sentence, count, violations: [{subject, expected, found}]}] of the checks that found something
    findings jsonb not null,
    seals jsonb not null default '{}'
);
create index doctor_runs_by_time on doctor_runs (started_at);

create table level_repairs (
    id uuid primary key default uuidv7(),
    sku_id uuid not null,
    warehouse_id uuid not null,
    -- quantities as they were found, and as ledger, holds and open documents make them
    before jsonb not null,
    after jsonb not null,
    reason text not null constraint repair_has_a_reason check (reason <> ''),
    actor text not null,
    repaired_at timestamptz not null
);
create index level_repairs_by_level on level_repairs (sku_id, warehouse_id, repaired_at);
create trigger repairs_are_append_only before update or delete on level_repairs for each row execute function forbid_rewriting_history();

grant select, insert on doctor_runs to holdfast_app;
grant select on level_repairs to holdfast_app;
