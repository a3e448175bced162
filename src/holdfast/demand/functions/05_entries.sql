-- The ledger behind an entry number. Every partition has indexes that end in seq, and reading one of them whole looks cheap
-- to the planner; the block ranges of seq leave finished months alone, so nothing else may be used here.


-- The highest entry number above p_after, null when there is none.
create or replace function demand_last_entry(p_after bigint) returns bigint
language plpgsql stable set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off as $$
begin
    return (select max(seq) from inventory_movements where seq > p_after);
end $$;


-- The entries above p_after; none for null.
create or replace function demand_new_entries(p_after bigint) returns setof inventory_movements
language plpgsql stable set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off as $$
begin
    if p_after is not null then
        return query select * from inventory_movements where seq > p_after;
    end if;
end $$;
