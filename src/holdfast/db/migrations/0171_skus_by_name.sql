-- The stock list in the order of names: a page of it, and not all of it, is read.
create index skus_by_name on skus (name, id) where archived_at is null;
