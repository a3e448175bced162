-- What a forecast of more than two moments says, and how good its method was on the past.
alter table demand_forecasts
    -- what bends the negative binomial at .5 .8 .9 .95 .99 (demand/shape.py); null: nothing does
    add column level_shift double precision[],
    -- mean pinball loss of the method at past origins, by the mean sum; null: it has not tried itself
    add column expected_error double precision;

-- Units of one-off lines, which a forecast leaves out and says so.
create index demand_daily_bulk on demand_daily (sku_id, warehouse_id, day) where bulk_quantity > 0;
create index demand_verdicts_by_level on demand_verdicts (sku_id, warehouse_id);
