-- What people need of a supplier besides its terms: whom to call, a third way for orders, and whether its system answers.

alter table suppliers
    add column contact_name text,
    add column phone text,
    drop constraint known_order_channel,
    -- page: nothing is sent; a person passes the signed address on, by whatever messenger the supplier reads
    add constraint known_order_channel check (order_channel in ('email', 'api', 'page'));

-- The last try of a supplier's order channel, so that the first order is not the first message.
create table supplier_tests (
    supplier_id uuid primary key references suppliers,
    -- the idempotency key of the request; a later test takes the place of this one
    message_id uuid not null,
    channel text not null constraint known_test_channel check (channel in ('email', 'api')),
    recipient text not null,
    status text not null constraint known_test_status check (status in ('waiting', 'taken', 'refused')),
    last_status integer,
    last_error text,
    asked_by text not null,
    asked_at timestamptz not null,
    answered_at timestamptz
);
grant select, insert, update, delete on supplier_tests to holdfast_app;
