-- What each action did to the rows of documents, masters and policies: the row before and after, by transaction. The
-- ledger needs none of this, its entries say it themselves. Kept 90 days, which is how far an action can be undone.
create table row_changes (
    id bigint generated always as identity primary key,
    posted_in bigint not null default pg_current_xact_id()::text::bigint,
    changed_at timestamptz not null default now(),
    table_name text not null,
    row_key jsonb not null,
    before jsonb,
    after jsonb
);
create index row_changes_by_posting on row_changes (posted_in);
create index row_changes_by_age on row_changes using brin (changed_at);

-- One row per action that was taken back; an action is taken back once.
create table undos (
    id uuid primary key default uuidv7(),
    -- The action: its transaction, and within a group of the group writer its request (-1: the whole transaction). The
    -- time tells transactions of one number apart when a dump was restored into another cluster.
    posted_in bigint not null,
    request_no integer not null default -1,
    acted_at timestamptz not null,
    action text not null,
    subject text not null,
    reason text not null constraint undo_has_a_reason check (reason <> ''),
    undone_by text not null,
    undone_at timestamptz not null,
    -- the transaction of the compensation, where its entries and its line of the audit trail are found
    undone_in bigint not null default pg_current_xact_id()::text::bigint,
    facts jsonb not null default '{}',
    constraint undone_once unique (posted_in, request_no, acted_at)
);
create index undos_by_compensation on undos (undone_in);

-- Write down what a statement did to a row. Arguments: key columns; "only" these other columns, or '' for all; columns
-- to leave out. Version and time of change are no content: an undo counts on and does not turn them back.
create function note_row_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' as $$
declare
    v_keys text[] := string_to_array(tg_argv[0], ' ');
    v_only text[] := string_to_array(tg_argv[1], ' ');
    v_without text[] := string_to_array(tg_argv[2], ' ') || '{version,updated_at}'::text[];
    v_before jsonb;
    v_after jsonb;
begin
    if tg_op <> 'INSERT' then
        v_before := to_jsonb(old) - v_without;
    end if;
    if tg_op <> 'DELETE' then
        v_after := to_jsonb(new) - v_without;
    end if;
    if cardinality(v_only) > 0 then
        select jsonb_object_agg(key, value) into v_before from jsonb_each(v_before) where key = any (v_keys || v_only);
        select jsonb_object_agg(key, value) into v_after from jsonb_each(v_after) where key = any (v_keys || v_only);
    end if;
    if v_before is distinct from v_after then
        insert into row_changes (table_name, row_key, before, after)
        values (tg_table_name,
                (select jsonb_object_agg(key, value) from jsonb_each(coalesce(v_after, v_before)) where key = any (v_keys)),
                v_before, v_after);
    end if;
    return null;
end $$;

do $$
declare
    v_table record;
begin
    for v_table in
        select * from (values
            ('skus', 'id', ''), ('warehouses', 'id', ''), ('settings', 'name', ''),
            ('suppliers', 'id', ''), ('supplier_items', 'sku_id supplier_id', ''),
            ('purchase_orders', 'id', ''), ('purchase_order_lines', 'purchase_order_id line_no', ''), ('purchase_receipts', 'id', ''),
            ('transfers', 'id', ''), ('transfer_lines', 'transfer_id line_no', ''),
            ('transfer_receipts', 'id', ''), ('transfer_losses', 'id', ''),
            ('returns', 'id', ''), ('return_lines', 'return_id line_no', ''),
            ('stock_counts', 'id', ''), ('stock_count_lines', 'stock_count_id sku_id bucket', 'variance'), ('stock_count_entries', 'id', ''),
            ('backorder_policies', 'id', ''), ('bundle_components', 'bundle_id component_id', ''),
            ('replenishment_policies', 'id', ''), ('alert_rules', 'id', 'evaluated_at told_at')
        ) as t (name, keys, without)
    loop
        execute format('create trigger changes_are_noted after insert or update or delete on %I for each row '
                       'execute function note_row_change(%L, '''', %L)', v_table.name, v_table.keys, v_table.without);
    end loop;
end $$;
-- The plan writes these by the thousand; what a person decides is their status.
create trigger changes_are_noted after update of status on replenishment_suggestions for each row
    when (old.status <> new.status) execute function note_row_change('id', '', 'arithmetic');
-- Only when a statement names the policy columns: no posting does.
create trigger changes_are_noted after update of safety_stock, reorder_point, max_stock on inventory for each row
    execute function note_row_change('sku_id warehouse_id', 'safety_stock reorder_point max_stock', '');

grant select on row_changes, undos to holdfast_app;
