-- start_backtest
-- One at a time: it needs a core for itself.
insert into replenishment_backtests (started_by, started_at, asked)
values (%(actor)s, business_now(), %(asked)s)
on conflict ((true)) where status = 'running' do nothing
returning id;

-- running_backtest
-- The one under way.
select * from replenishment_backtests where status = 'running';

-- get_backtest
-- One backtest with its result.
select * from replenishment_backtests where id = %(id)s;

-- list_backtests
-- Newest first.
select * from replenishment_backtests where %(before)s::uuid is null or id < %(before)s order by id desc limit %(limit)s;

-- set_phase
-- What it is doing, for whoever waits.
update replenishment_backtests set phase = %(phase)s where id = %(id)s and status = 'running';

-- finish_backtest
-- With its result, or with what went wrong.
update replenishment_backtests
   set status = %(status)s, finished_at = business_now(), phase = 'done', result = %(result)s, error = %(error)s
 where id = %(id)s and status = 'running';
