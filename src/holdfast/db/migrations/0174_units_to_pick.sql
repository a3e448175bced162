-- The next unit of a level, with a batch or without one, is a look-up, however many units lie there.
create index serials_to_pick on serials (
    sku_id, warehouse_id, coalesce(batch_id, '00000000-0000-0000-0000-000000000000'), received_at, serial_number
) where state = 'sellable' and reservation_id is null;
