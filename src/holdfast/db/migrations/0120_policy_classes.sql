-- Policies per class of demand (A, B, C by value; X, Y, Z by how even it is), and what a policy may say beside its target.
alter table replenishment_policies
    add column class_code text constraint class_is_abc_xyz check (class_code ~ '^[ABC][XYZ]$'),
    -- share of units served at once; null: target_service, the probability of no stock-out, rules
    add column target_fill_rate double precision
        constraint target_fill_rate_is_a_share check (target_fill_rate between 0.5 and 0.9999),
    -- s_S: at or below s up to S; R_S: at every review up to S; s_nQ: at or below s in whole lots
    add column method text not null default 's_S' constraint known_ordering_method check (method in ('s_S', 'R_S', 's_nQ')),
    -- never more than sells within so many days
    add column shelf_life_days integer constraint shelf_life_positive check (shelf_life_days > 0),
    -- the last day of sale: stock runs down to it
    add column end_of_life date,
    -- one lot lasts at least so many days: stock built before a season
    add column prebuild_days integer not null default 0 constraint prebuild_days_not_negative check (prebuild_days >= 0),
    add constraint class_or_narrower check (class_code is null or (sku_id is null and category is null));
drop index one_policy_per_scope;
create unique index one_policy_per_scope on replenishment_policies (sku_id, warehouse_id, category, class_code) nulls not distinct;

-- The class of every level, computed every night.
create table replenishment_classes (
    sku_id uuid not null,
    warehouse_id uuid not null,
    class_code text not null constraint pair_class_is_abc_xyz check (class_code ~ '^[ABC][XYZ]$'),
    yearly_value numeric(18, 2) not null,
    currency text not null,
    -- standard deviation ÷ mean of the demand of four weeks
    variation double precision,
    classed_at timestamptz not null,
    primary key (sku_id, warehouse_id)
);
create index replenishment_classes_by_class on replenishment_classes (class_code);
grant select, insert, update, delete on replenishment_classes to holdfast_app;
