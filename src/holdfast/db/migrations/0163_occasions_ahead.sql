-- Promotions, holidays and closed days ahead raise or lower the forecast (docs/decisions/0165).
alter table demand_calendar
    -- times the usual on these days, as a planner says; null: what the past of this kind of day says
    add column factor double precision constraint factor_is_sensible check (factor >= 0 and factor <= 100);

alter table demand_forecasts
    -- what the calendar ahead did to the mean; 1: nothing
    add column occasion_factor double precision not null default 1;
