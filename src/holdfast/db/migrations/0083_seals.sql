-- Finished ranges of the ledger under a hash chain: who changes an entry afterwards, even past all triggers, is found.
create table ledger_seals (
    no bigint primary key constraint seals_count_from_one check (no > 0),
    -- entries with after_seq < seq <= to_seq
    after_seq bigint not null,
    to_seq bigint not null,
    entries bigint not null constraint sealed_entries_not_negative check (entries >= 0),
    -- what of an entry is under the seal, in this order; columns that come later are under later seals
    columns text[] not null,
    former_hash bytea not null,
    hash bytea not null,
    sealed_at timestamptz not null,
    constraint seal_goes_on check (to_seq > after_seq)
);

-- One row per month a range touches, so that a month which was detached and archived leaves the rest of its ranges
-- verifiable. seqs and marks (8 bytes per entry) name the entry that differs; the digest is over the whole hashes.
create table ledger_seal_parts (
    seal_no bigint not null references ledger_seals,
    month date not null,
    entries bigint not null,
    digest bytea not null,
    seqs bigint[] not null,
    marks bytea not null,
    primary key (seal_no, month)
);

-- Up to which entry number the ledger is complete once these (virtual) transactions have ended.
create table ledger_seal_mark (
    only_row boolean primary key default true constraint one_seal_mark check (only_row),
    seq bigint,
    writers text[] not null default '{}'
);
insert into ledger_seal_mark default values;

create trigger seals_are_append_only before update or delete on ledger_seals for each row execute function forbid_rewriting_history();
create trigger seals_are_append_only before update or delete on ledger_seal_parts for each row execute function forbid_rewriting_history();

grant select on ledger_seals, ledger_seal_parts to holdfast_app;
