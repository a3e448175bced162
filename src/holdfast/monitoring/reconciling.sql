-- keep_run
-- What a look found.
insert into doctor_runs (started_by, seconds, is_healthy, findings, seals)
values (%(started_by)s, extract(epoch from clock_timestamp() - now()), %(is_healthy)s, %(findings)s, %(seals)s)
returning id, started_by, started_at, seconds, is_healthy, findings, seals;

-- list_runs
-- One page, newest first.
select id, started_by, started_at, seconds, is_healthy, findings, seals
  from doctor_runs
 where (%(before)s::uuid is null or id < %(before)s)
 order by id desc
 limit %(limit)s;

-- write_event
-- Every finding tells.
insert into outbox_events (event_type, data) values (%(event_type)s, %(data)s);

-- repair
-- Levels become what ledger, holds and documents make them.
select r.outcome, r.sku_id, s.code as sku_code, r.warehouse_id, w.code as warehouse_code, r.before, r.after
  from stock_repair_levels(%(reason)s, %(actor)s) r
  left join skus s on s.id = r.sku_id
  left join warehouses w on w.id = r.warehouse_id;

-- list_repairs
-- One page of repaired levels, newest first.
select id, sku_id, warehouse_id, before, after, reason, actor, repaired_at
  from level_repairs
 where (%(before)s::uuid is null or id < %(before)s)
 order by id desc
 limit %(limit)s;
