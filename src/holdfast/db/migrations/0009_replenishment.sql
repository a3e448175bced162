-- What somebody rejected is not proposed again for a while.
create index replenishment_suggestions_rejected on replenishment_suggestions (sku_id, warehouse_id, processed_at)
    where status = 'rejected';
create index replenishment_suggestions_by_order on replenishment_suggestions (purchase_order_id)
    where status in ('approved', 'ordered');

alter table replenishment_policies
    add constraint sku_or_category check (sku_id is null or category is null);
