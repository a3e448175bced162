-- What suppliers say about an order, and what is not as it should be.

alter table purchase_order_lines
    -- The open balance by promised day: [{quantity, expected_at, is_confirmed}] that add up to open_quantity, a day
    -- of null being the order's. Null: all of it on the line's day. A part that is confirmed for another day leaves the day of the rest as it was.
    add column schedule jsonb,
    -- the day first promised: ours on sending, then the supplier's first word; later words change expected_at only
    add column promised_at date,
    -- what the supplier said will not come, and why
    add column refused_quantity bigint not null default 0 constraint refused_not_negative check (refused_quantity >= 0),
    add column refusal text;
update purchase_order_lines l set promised_at = coalesce(l.expected_at, o.expected_at)
  from purchase_orders o
 where o.id = l.purchase_order_id and o.sent_at is not null;

-- Everything still to come of purchase orders, one row per promised day.
create view purchase_order_parts as
select l.purchase_order_id, l.line_no, l.sku_id, o.warehouse_id, o.supplier_id, o.number,
       coalesce(s.quantity, l.open_quantity) as quantity,
       coalesce(case when s.quantity is null then l.expected_at else s.expected_at end, o.expected_at) as expected_at,
       coalesce(s.is_confirmed, l.confirmed_quantity is not null) as is_confirmed
  from purchase_order_lines l
  join purchase_orders o on o.id = l.purchase_order_id
  left join lateral jsonb_to_recordset(l.schedule) as s (quantity bigint, expected_at date, is_confirmed boolean) on true
 where l.open_quantity > 0;

create or replace view inbound_lines as
select sku_id, warehouse_id, 'purchase' as source, purchase_order_id as document_id, number, line_no, quantity, expected_at
  from purchase_order_parts
union all
select l.sku_id, t.to_warehouse_id, 'transfer', t.id, t.number, l.line_no, l.open_quantity, t.expected_at
  from transfer_lines l
  join transfers t on t.id = l.transfer_id
 where l.open_quantity > 0;

-- Late, short, refused, over-delivered: one row per cause, from the day it is found until it is over. Acknowledging
-- says that somebody deals with it.
create table purchase_order_exceptions (
    id uuid primary key default uuidv7(),
    purchase_order_id uuid not null references purchase_orders,
    -- null: the order as a whole
    line_no integer,
    kind text not null constraint known_exception check (kind in ('late', 'short', 'refused', 'over_delivered', 'not_delivered')),
    quantity bigint not null,
    due date,
    opened_at timestamptz not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at timestamptz
);
create unique index one_live_exception on purchase_order_exceptions (purchase_order_id, line_no, kind) nulls not distinct
    where resolved_at is null;
create index live_exceptions on purchase_order_exceptions (kind, purchase_order_id) where resolved_at is null;

-- Every word of the supplier about an order, whichever way it came, and every notice of shipment.
create table purchase_order_statements (
    id uuid primary key default uuidv7(),
    purchase_order_id uuid not null references purchase_orders,
    kind text not null constraint known_statement check (kind in ('confirmed', 'message', 'shipped')),
    -- link: the supplier's own page; api: a program or a person of ours passed it on
    source text not null constraint known_statement_source check (source in ('link', 'api')),
    said jsonb not null,
    actor text not null,
    -- one per form: a form sent twice is one statement
    request_key text,
    said_at timestamptz not null
);
create unique index a_form_is_one_statement on purchase_order_statements (purchase_order_id, request_key) where request_key is not null;
create index purchase_order_statements_by_order on purchase_order_statements (purchase_order_id, id);

-- The address at which a supplier answers without an account. The address is signed with the installation's secret and
-- not stored; the row says whether it still opens the door.
create table supplier_links (
    id uuid primary key default uuidv7(),
    purchase_order_id uuid not null references purchase_orders,
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_by text,
    first_seen_at timestamptz,
    last_seen_at timestamptz,
    -- requests in the running minute
    window_began_at timestamptz,
    window_requests integer not null default 0
);
create index supplier_links_by_order on supplier_links (purchase_order_id, id);

-- Suppliers whose orders go out over their own API.
alter table suppliers
    add column order_channel text not null default 'email' constraint known_order_channel check (order_channel in ('email', 'api')),
    add column api_url text,
    add column api_secret_sealed bytea,
    -- the supplier keeps our idempotency key, so an order of unknown fate may be sent again
    add column api_is_idempotent boolean not null default true,
    add constraint an_api_has_an_address check (order_channel <> 'api' or api_url is not null);

-- What went, or shall go, to a supplier's API, and what became of it. The id is the message id and the idempotency key.
create table purchase_order_pushes (
    id uuid primary key default uuidv7(),
    purchase_order_id uuid not null references purchase_orders,
    kind text not null constraint known_push check (kind in ('order', 'cancellation')),
    body text not null,
    -- sending: the request is out and no answer is known yet; unknown: a person decides
    status text not null default 'queued'
        constraint known_push_status check (status in ('queued', 'sending', 'accepted', 'refused', 'unknown')),
    attempts integer not null default 0,
    last_status integer,
    last_error text,
    created_at timestamptz not null,
    tried_at timestamptz,
    finished_at timestamptz
);
create index purchase_order_pushes_by_order on purchase_order_pushes (purchase_order_id, id);
create unique index one_push_per_kind on purchase_order_pushes (purchase_order_id, kind);

-- Costs a supplier asked for and when they changed, for the scorecard.
create table supplier_cost_changes (
    id uuid primary key default uuidv7(),
    supplier_id uuid not null references suppliers,
    sku_id uuid not null references skus,
    cost_before numeric(18, 6) not null,
    cost_after numeric(18, 6) not null,
    changed_at timestamptz not null
);
create index supplier_cost_changes_by_supplier on supplier_cost_changes (supplier_id, changed_at);

grant select on purchase_order_parts to holdfast_app;
grant select, insert, update, delete on purchase_order_exceptions, supplier_links, purchase_order_pushes to holdfast_app;
grant select, insert on purchase_order_statements, supplier_cost_changes to holdfast_app;

-- On-time needs the receipts of a supplier's lines, and lead times are learned from them.
create view purchase_arrivals as
select o.supplier_id, o.id as purchase_order_id, (x.line ->> 'line_no')::integer as line_no, (x.line ->> 'sku_id')::uuid as sku_id,
       (x.line ->> 'quantity')::bigint as quantity, o.sent_at, r.received_at,
       extract(epoch from r.received_at - o.sent_at)::double precision / 86400 as days
  from purchase_receipts r
  join purchase_orders o on o.id = r.purchase_order_id
 cross join lateral jsonb_array_elements(r.lines) as x (line)
 where o.sent_at is not null;
grant select on purchase_arrivals to holdfast_app;
create index purchase_receipts_by_time on purchase_receipts (received_at);

create function schedule_total(p_schedule jsonb) returns bigint
language sql immutable parallel safe as $$
    select coalesce(sum(quantity), 0)::bigint from jsonb_to_recordset(p_schedule) as s (quantity bigint)
$$;
alter table purchase_order_lines
    add constraint schedule_adds_up check (schedule is null or schedule_total(schedule) = open_quantity);
