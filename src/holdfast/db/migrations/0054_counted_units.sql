-- Which units a counting of a tracked SKU found: {"batches": [{number, expiry_date, quantity}]} or {"serials": [...]}.
alter table stock_count_entries add column found jsonb;
