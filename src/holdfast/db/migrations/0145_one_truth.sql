-- One forecast for the picture, the plan and the replay of the past (docs/decisions/0143). What all series of a shop say
-- together is found once a night and kept, so that whoever forecasts a few of them knows it too.

-- How much more than usual was wanted on each day, one entry per day from first_day on; a null index: too little is known.
create table demand_seasons (
    made_at timestamptz primary key default business_now(),
    first_day date not null,
    index double precision[],
    series integer not null
);

alter table demand_forecasts
    -- what the season ahead did to the mean; 1: nothing
    add column season_factor double precision not null default 1;

-- Odds of service that were cheapest on the shop's own past, for a level of usual worth (docs/decisions/0106).
create table service_odds (
    made_at timestamptz primary key default business_now(),
    odds double precision not null constraint odds_are_positive check (odds > 0),
    -- what missing a unit costs over what holding it for a day does, of the level in the middle
    usual_worth double precision not null constraint worth_is_positive check (usual_worth > 0),
    order_cost double precision not null,
    holding_rate double precision not null,
    series integer not null,
    -- every setting that was tried: odds, cost, fill_rate, stock_value
    trials jsonb not null
);

-- Trained models serve files; the database orders by the method that was cheaper.
drop table demand_models;

grant select, insert, update, delete on demand_seasons, service_odds to holdfast_app;
