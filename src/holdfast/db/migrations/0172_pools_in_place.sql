-- An index over what is taken made every hold write a new place of its pool into all indexes. Now the row changes in place.
drop index channel_pools_in_use;
alter table channel_pools set (fillfactor = 70);
