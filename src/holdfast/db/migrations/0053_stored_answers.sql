-- The answer of a batch is some 400 kB. Packing it would take longer than writing it, and it is kept for a day only.
alter table idempotency_keys alter column facts set storage external;

-- What the posting functions pass between their steps, once the requests are read.
create type stock_key as (request_no integer, principal_id uuid, key text, hash text);
create type stock_request as (request_no integer, actor text, reference_type text, reference_id text, minutes integer, items json,
    principal_id uuid, key text, hash text);
