-- A suggestion may be to move what another warehouse can spare instead of buying it.
alter table replenishment_suggestions
    add column kind text not null default 'purchase' constraint known_suggestion_kind check (kind in ('purchase', 'transfer')),
    add column from_warehouse_id uuid references warehouses,
    add column transfer_id uuid references transfers,
    add constraint transfer_has_a_source check ((kind = 'transfer') = (from_warehouse_id is not null));
create index replenishment_suggestions_by_transfer on replenishment_suggestions (transfer_id) where transfer_id is not null;
