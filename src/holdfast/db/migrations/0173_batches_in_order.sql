-- The list of batches shows what expires first, and what never does last.
create index batches_in_order on batches (coalesce(expiry_date, '9999-12-31'), id);
