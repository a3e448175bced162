-- The one rule of usability, for hold, pick, availability and report: a unit is usable until this instant. Through the
-- expiry date in the warehouse's time zone, less the days the SKU must still have; never when quarantined or recalled.
create or replace function stock_usable_until(p_state text, p_expiry_date date, p_min_remaining_days integer, p_time_zone text)
returns timestamptz
language sql stable as $$
    select case when p_state <> 'usable' then '-infinity'::timestamptz
                when p_expiry_date is null then 'infinity'
                else (p_expiry_date - p_min_remaining_days + 1)::timestamp at time zone p_time_zone end
$$;


-- Why units of a batch are not sellable, or 'sellable'.
create or replace function stock_batch_reason(p_state text, p_usable_until timestamptz, p_now timestamptz) returns text
language sql immutable as $$
    select case when p_state <> 'usable' then p_state when p_usable_until <= p_now then 'expired' else 'sellable' end
$$;


-- Past use although still counted as available: what the next withdrawal takes out. Nothing while all of it is promised.
create or replace function stock_past_use(p_sku uuid, p_warehouse uuid, p_available bigint, p_now timestamptz) returns bigint
language sql stable as $$
    select least(p_available, coalesce(sum(b.sellable_quantity), 0))::bigint
      from inventory_batches b
     where b.sku_id = p_sku and b.warehouse_id = p_warehouse and b.usable_until <= p_now and b.sellable_quantity > 0
$$;
