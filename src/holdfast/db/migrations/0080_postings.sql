-- Which entries belong to one action, what each left the moving average at, and which entry undoes which.
-- A transaction is an action of a person (an API call, a form, an import); several requests may share one in the group
-- writer, so an entry also keeps the number its request had there. Both are at hand when the entry is written and cost
-- nothing to draw, other than an id. Entries from before this are left without.
alter table inventory_movements
    -- the number of its transaction; a bigint, because a block-range index knows no xid8
    add column posted_in bigint,
    add column request_no integer,
    add column undoes uuid,
    -- the level's moving average after the entry: value as of any instant is one look-up
    add column cost_after numeric(18, 6);
alter table inventory_movements alter column posted_in set default pg_current_xact_id()::text::bigint;
create index inventory_movements_by_posting on inventory_movements using brin (posted_in) with (autosummarize = on);
create index inventory_movements_undoes on inventory_movements (undoes) where undoes is not null;

alter table audit_log add column posted_in bigint;
alter table audit_log alter column posted_in set default pg_current_xact_id()::text::bigint;
create index audit_log_by_posting on audit_log (posted_in);
