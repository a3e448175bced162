-- Which batches and units a transfer carries: one row per batch, or per unit with a serial number. Nothing for other SKUs.
create table transfer_parts (
    transfer_id uuid not null,
    line_no integer not null,
    sku_id uuid not null references skus,
    batch_id uuid references batches,
    serial_number text,
    open_quantity bigint not null constraint part_open_not_negative check (open_quantity >= 0),
    foreign key (transfer_id, line_no) references transfer_lines,
    constraint one_part_per_unit unique nulls not distinct (transfer_id, line_no, batch_id, serial_number)
);
grant select, insert, update on transfer_parts to holdfast_app;

-- Which units came back.
alter table return_lines add column batch text, add column serials text[];
