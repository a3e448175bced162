-- The posting functions: the only way stock changes.
--
-- Each takes a JSON array of many requests and answers one row per request, in one transaction. The rules they share:
--   1. Level rows are locked first and in (sku_id, warehouse_id) order by everyone, then anything else is touched.
--      A reservation's lines never change their level, so whoever holds the level locks owns its reservations too.
--   2. Requests for the same level are summed before they are compared with what is left.
--   3. A refusal is a row with a stable code and facts; misuse raises SQLSTATE ZS...
--   4. One outbox row per change, in the same transaction.
--   5. A request that carries an idempotency key stores its answer; a repeat returns it and changes nothing.
--   6. Plans are generic: planning anew for each group costs four times the group. No table is scanned: a plan made while
--      a table was still empty must serve when it is full.
--   7. Only what others may call is `security definer`. The steps run with the rights of whoever calls them, so the
--      application role, which may write no stock table, cannot take a step alone.
-- Within one call no two requests may share an idempotency key or a reservation (the group writer sees to it).


-- The keys that a group of requests carries.
create or replace function stock_keys(p_requests json) returns stock_key[]
language sql immutable as $$
    select array_agg(row(n, principal_id, key, hash)::stock_key)
      from json_to_recordset(p_requests) as r (n integer, principal_id uuid, key text, hash text)
     where key is not null
$$;


-- Requests whose key was seen before, with the first answer, or the refusal to reuse a key for another body.
create or replace function stock_repeats(p_keys stock_key[]) returns setof stock_answer
language sql stable as $$
    select r.request_no,
           case when k.request_hash = r.hash then k.outcome else 'idempotency_key_reused' end,
           case when k.request_hash = r.hash then k.facts else '{}'::json end,
           k.request_hash = r.hash
      from unnest(p_keys) r
      -- The fence (offset 0) keeps this a look-up by the whole key. Joined freely, a plan made while the table was empty reads
      -- all keys of the principal, and a hold costs five times as much after a minute.
      cross join lateral (
           select request_hash, outcome, facts from idempotency_keys
            where principal_id = r.principal_id and key = r.key offset 0) k
$$;


-- Remember the answers of the requests that carry a key. A key that another transaction stored meanwhile raises
-- unique_violation: the group is rolled back and posted again request by request, which then finds the first answer.
create or replace function stock_remember(p_keys stock_key[], p_answers stock_answer[]) returns void
language sql as $$
    insert into idempotency_keys (principal_id, key, request_hash, outcome, facts)
    select r.principal_id, r.key, r.hash, a.outcome, a.facts
      from unnest(p_keys) r
      join unnest(p_answers) a using (request_no)
     where not a.replayed and a.outcome <> 'idempotency_key_reused'
     order by r.principal_id, r.key
$$;


create or replace function stock_repeats(p_requests json) returns setof stock_answer
language sql stable as $$
    select stock_repeats(stock_keys(p_requests))
$$;


create or replace function stock_remember(p_requests json, p_answers stock_answer[]) returns void
language sql as $$
    select stock_remember(stock_keys(p_requests), p_answers)
$$;


-- The id number p_no of a group: what is drawn once per group (left(uuidv7()::text, 32)) and the number in its last 16 bits. RFC 9562
-- section 6.2 allows a counter there; drawing random bytes for each id costs 2 to 3 us here, as much as writing the row.
create or replace function stock_id_in_group(p_group text, p_no integer) returns uuid
language sql immutable as $$
    select (p_group || lpad(to_hex(p_no), 4, '0'))::uuid
$$;
