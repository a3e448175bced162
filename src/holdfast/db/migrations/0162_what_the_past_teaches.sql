-- How far the forecasts of all series were off at past origins, as a regression on what the methods had said
-- (docs/decisions/0164): found once a night with the season, read by whoever forecasts a few of them.
alter table demand_seasons
    -- lists of numbers in the order of `Regression`; null: too little is known
    add column regression jsonb;
