-- find_api_key
-- Every request with a bearer token asks this; served by the unique index on token_hash.
select id, name, scopes from api_keys where token_hash = %(token_hash)s and revoked_at is null;

-- insert_api_key
-- A new key; the token itself is never stored.
insert into api_keys (name, token_hash, prefix, scopes, created_by)
values (%(name)s, %(token_hash)s, %(prefix)s, %(scopes)s, %(created_by)s)
returning id, name, prefix, scopes, created_at, created_by, revoked_at;

-- list_api_keys
-- Keys in order of creation; revoked ones stay visible.
select id, name, prefix, scopes, created_at, created_by, revoked_at
  from api_keys
 where %(after)s::uuid is null or id > %(after)s
 order by id
 limit %(limit)s;

-- revoke_api_key
-- Revoking twice keeps the first time.
update api_keys set revoked_at = coalesce(revoked_at, now()) where id = %(id)s
returning id, name, prefix, scopes, created_at, created_by, revoked_at;

-- insert_bootstrap_key
-- HOLDFAST_BOOTSTRAP_TOKEN is valid on an empty installation only: never beside keys that people made.
insert into api_keys (name, token_hash, prefix, scopes, created_by)
select 'bootstrap', %(token_hash)s, %(prefix)s, array['admin'], 'bootstrap'
 where not exists (select from api_keys)
on conflict do nothing;

-- find_first_answer
-- The stored answer of a repeated write.
select request_hash, outcome, facts from idempotency_keys where principal_id = %(principal_id)s and key = %(key)s;

-- claim_key
-- Claim a key before the work: of two at once the second waits here and then finds the first answer.
insert into idempotency_keys (principal_id, key, request_hash, outcome)
values (%(principal_id)s, %(key)s, %(request_hash)s, 'claimed')
on conflict do nothing
returning key;

-- store_answer
-- The answer belongs to the transaction that did the work.
update idempotency_keys set outcome = 'http', facts = %(facts)s where principal_id = %(principal_id)s and key = %(key)s;

-- forget_old_answers
-- Keys are kept 24 hours (contract).
delete from idempotency_keys where created_at < now() - interval '24 hours';

-- write_audit
-- One line of the audit trail.
insert into audit_log (actor, action, subject, facts) values (%(actor)s, %(action)s, %(subject)s, %(facts)s);

-- list_audit
-- The trail, newest first.
select a.id, a.at, a.actor, a.action, a.subject, a.facts,
       case when u.id is not null
            then jsonb_build_object('undo_id', u.id, 'undone_by', u.undone_by, 'undone_at', u.undone_at, 'reason', u.reason) end as undone
  from audit_log a
  left join undos u on (u.posted_in, u.request_no, u.acted_at) = (a.posted_in, -1, a.at)
 where (%(before)s::bigint is null or a.id < %(before)s)
   and (%(subject)s::text is null or a.subject = %(subject)s)
 order by a.id desc
 limit %(limit)s;
