-- What one unit costs when so many are ordered at once: the cost of the highest break reached, else the plain cost.
create or replace function supplier_unit_cost(p_unit_cost numeric, p_break_quantities bigint[], p_break_costs numeric[], p_quantity bigint)
returns numeric
language sql immutable parallel safe as $$
    select coalesce((select cost
                       from unnest(p_break_quantities, p_break_costs) as b (quantity, cost)
                      where quantity <= p_quantity
                      order by quantity desc
                      limit 1), p_unit_cost)
$$;


-- Days on which a supplier takes no orders, as [{first_day, last_day}], and back.
create or replace function supplier_closed_days(p_closed datemultirange) returns json
language sql immutable parallel safe as $$
    select coalesce(json_agg(json_build_object('first_day', lower(r), 'last_day', upper(r) - 1) order by lower(r)), '[]')
      from unnest(p_closed) as r
$$;

create or replace function supplier_closed_days(p_closed json) returns datemultirange
language sql immutable parallel safe as $$
    select coalesce(range_agg(daterange(first_day, last_day, '[]')), '{}')
      from json_to_recordset(p_closed) as c (first_day date, last_day date)
$$;
