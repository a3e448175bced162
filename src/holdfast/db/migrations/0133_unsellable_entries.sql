-- The few entries that say why units could not be sold, for a past instant: found without reading the ledger of the level.
create index inventory_movements_unsellable on inventory_movements (sku_id, warehouse_id, created_at)
    where bucket = 'unsellable';
