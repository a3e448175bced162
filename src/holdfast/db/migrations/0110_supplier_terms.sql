-- What suppliers ask for: calendar and truck of the supplier, price breaks, packs and validity per SKU; and what was
-- learned about how long they take. One view, supplier_terms, answers all of it for whoever plans.

create function is_ascending(p_numbers bigint[]) returns boolean
language sql immutable parallel safe as $$
    select coalesce(bool_and(n.value > 0 and (n.before is null or n.before < n.value)), true)
      from (select value, lag(value) over (order by place) as before
              from unnest(p_numbers) with ordinality as u (value, place)) n
$$;

alter table suppliers
    -- ISO weekdays (1 Monday to 7 Sunday) on which orders are taken; null: every day
    add column order_weekdays smallint[] constraint order_weekdays_are_iso_weekdays
        check (order_weekdays <@ '{1,2,3,4,5,6,7}'::smallint[] and cardinality(order_weekdays) > 0),
    -- days on which no order is taken, whatever the weekday
    add column closed_days datemultirange not null default '{}',
    -- what one truck carries
    add column truck_volume_l numeric(14, 3) constraint truck_volume_positive check (truck_volume_l > 0),
    add column truck_weight_kg numeric(14, 3) constraint truck_weight_positive check (truck_weight_kg > 0);

alter table supplier_items
    -- null: the supplier's currency
    add column currency text constraint item_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
    -- From so many units on, every unit of the line costs so much. Arrays of equal length, quantities ascending.
    add column break_quantities bigint[] not null default '{}',
    add column break_costs numeric(18, 6)[] not null default '{}',
    add column max_order_quantity bigint constraint max_order_quantity_positive check (max_order_quantity > 0),
    -- a pack holds so many base units and takes so much room
    add column pack_size bigint not null default 1 constraint pack_size_positive check (pack_size > 0),
    add column pack_volume_l numeric(14, 4) constraint pack_volume_not_negative check (pack_volume_l >= 0),
    add column pack_weight_kg numeric(14, 4) constraint pack_weight_not_negative check (pack_weight_kg >= 0),
    -- first and last day on which these terms hold; null: open
    add column valid_from date,
    add column valid_to date,
    add constraint validity_ends_after_it_begins check (valid_to >= valid_from),
    add constraint every_break_has_a_cost check (cardinality(break_quantities) = cardinality(break_costs)),
    add constraint breaks_ascend check (is_ascending(break_quantities)),
    add constraint break_costs_not_negative check (0 <= all (break_costs));

-- An order is in one currency, so the draft that collects suggestions is one per currency too.
drop index one_collecting_draft;
create unique index one_collecting_draft on purchase_orders (supplier_id, warehouse_id, currency)
    where status = 'draft' and collects_suggestions;

-- What receipts taught about how long a SKU takes from a supplier, in days from sending to arrival. Written by a job.
create table supplier_lead_times (
    supplier_id uuid not null references suppliers,
    sku_id uuid not null references skus,
    receipts integer not null constraint learned_from_receipts check (receipts > 0),
    mean_days double precision not null,
    sd_days double precision not null,
    low_days double precision not null,
    median_days double precision not null,
    high_days double precision not null,
    -- false: too few receipts, the promise still stands
    is_used boolean not null,
    learned_at timestamptz not null,
    primary key (supplier_id, sku_id)
);

-- The same for a supplier as a whole, as a factor on what it promises: for SKUs that have no receipts of their own.
create table supplier_lead_factors (
    supplier_id uuid primary key references suppliers,
    receipts integer not null,
    mean_factor double precision not null,
    sd_factor double precision not null,
    low_factor double precision not null,
    high_factor double precision not null,
    is_used boolean not null,
    learned_at timestamptz not null
);
grant select, insert, update, delete on supplier_lead_times, supplier_lead_factors to holdfast_app;

-- The first day from p_from on which a supplier takes orders; null when it takes none within a year.
create function supplier_next_order_day(p_weekdays smallint[], p_closed datemultirange, p_from date) returns date
language sql immutable parallel safe as $$
    select case when p_weekdays is null and p_closed = '{}'::datemultirange then p_from
           else (select d::date
                   from generate_series(p_from::timestamp, p_from::timestamp + interval '1 year', interval '1 day') as d
                  where (p_weekdays is null or extract(isodow from d)::smallint = any (p_weekdays)) and not p_closed @> d::date
                  order by d
                  limit 1) end
$$;

-- One row per supplier and SKU: everything that decides how much to order, and when. Lead time in days, learned once
-- there are enough receipts (of the SKU, else of the supplier), promised before that.
create view supplier_terms as
select i.supplier_id, i.sku_id, i.supplier_code, i.is_preferred, p.is_active,
       i.unit_cost, coalesce(i.currency, p.currency) as currency, i.break_quantities, i.break_costs,
       i.moq, i.order_multiple, i.max_order_quantity, i.pack_size, i.pack_volume_l, i.pack_weight_kg,
       i.valid_from, i.valid_to,
       coalesce(i.lead_time_days, p.lead_time_days)::double precision as promised_days,
       coalesce(i.lead_time_sd_days, p.lead_time_sd_days)::double precision as promised_sd_days,
       case when l.is_used then l.mean_days
            when f.is_used then f.mean_factor * greatest(coalesce(i.lead_time_days, p.lead_time_days), 1)::double precision
            else coalesce(i.lead_time_days, p.lead_time_days)::double precision end as lead_time_days,
       case when l.is_used then l.sd_days
            when f.is_used then f.sd_factor * greatest(coalesce(i.lead_time_days, p.lead_time_days), 1)::double precision
            else coalesce(i.lead_time_sd_days, p.lead_time_sd_days)::double precision end as lead_time_sd_days,
       case when l.is_used or f.is_used then 'learned' else 'promised' end as lead_time_source,
       coalesce(l.receipts, 0) as receipts,
       p.minimum_order_value, p.truck_volume_l, p.truck_weight_kg, p.order_weekdays, p.closed_days
  from supplier_items i
  join suppliers p on p.id = i.supplier_id
  left join supplier_lead_times l on l.supplier_id = i.supplier_id and l.sku_id = i.sku_id
  left join supplier_lead_factors f on f.supplier_id = i.supplier_id;
grant select on supplier_terms to holdfast_app;
