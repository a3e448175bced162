-- How many base units a pack of a SKU holds. Stock is kept in base units; packs are turned into units where they come in.
create table sku_packs (
    sku_id uuid not null references skus,
    name text not null constraint pack_name_given check (name <> ''),
    units bigint not null constraint pack_of_two_or_more check (units between 2 and 1000000),
    barcode text,
    primary key (sku_id, name)
);
create unique index sku_packs_by_barcode on sku_packs (barcode) where barcode is not null;

-- What was paid in another currency than the SKU's, beside the entry that has it converted.
create table foreign_costs (
    movement_id uuid primary key,
    sku_id uuid not null,
    currency text not null constraint foreign_currency_code check (currency ~ '^[A-Z]{3}$'),
    unit_cost numeric(18, 6) not null constraint foreign_cost_not_negative check (unit_cost >= 0),
    exchange_rate numeric(18, 9) not null constraint rate_positive check (exchange_rate > 0)
);

-- Where postcodes are, for addresses without coordinates: the longest prefix that fits decides.
create table postcodes (
    country text not null constraint postcode_country_upper check (country = upper(country) and country <> ''),
    prefix text not null constraint postcode_prefix_plain check (prefix ~ '^[0-9A-Z]+$'),
    latitude double precision not null constraint postcode_latitude check (latitude between -90 and 90),
    longitude double precision not null constraint postcode_longitude check (longitude between -180 and 180),
    primary key (country, prefix)
);

grant select on foreign_costs to holdfast_app;
grant select, insert, update, delete on sku_packs, postcodes to holdfast_app;
