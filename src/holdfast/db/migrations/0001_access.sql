-- The business clock: every decision about time asks business_now(), so a test can move time without waiting.
-- The application role may read the shift and never write it; `holdfast doctor` reports a shift that is not zero.
create table business_clock (
    only_row boolean primary key default true constraint one_clock check (only_row),
    shift interval not null default '0'
);
insert into business_clock default values;

create function business_now() returns timestamptz
language sql volatile parallel restricted as $$
    select clock_timestamp() + shift from business_clock
$$;

create table settings (
    name text primary key,
    value jsonb not null,
    updated_at timestamptz not null default now(),
    updated_by text not null
);

create table users (
    id uuid primary key default uuidv7(),
    email text not null,
    name text not null,
    password_hash text,
    role text not null constraint known_role check (role in ('viewer', 'operator', 'planner', 'approver', 'admin')),
    language text not null default 'en' constraint known_language check (language in ('en', 'zh')),
    is_active boolean not null default true,
    created_at timestamptz not null default now()
);
create unique index users_email_once on users (lower(email));

-- Tokens are random 256-bit strings, so a plain SHA-256 is enough to keep them unreadable at rest.
create table sessions (
    token_hash bytea primary key,
    user_id uuid not null references users on delete cascade,
    csrf_token text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index sessions_by_user on sessions (user_id);

create table sign_in_links (
    token_hash bytea primary key,
    user_id uuid not null references users on delete cascade,
    expires_at timestamptz not null,
    used_at timestamptz
);

create table sign_in_attempts (
    email text not null,
    address text not null,
    attempted_at timestamptz not null default now()
);
create index sign_in_attempts_recent on sign_in_attempts (email, attempted_at);

create table api_keys (
    id uuid primary key default uuidv7(),
    name text not null,
    token_hash bytea not null unique,
    prefix text not null,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    created_by text not null,
    revoked_at timestamptz,
    constraint known_scopes check (scopes <@ array['read', 'operate', 'plan', 'approve', 'admin'])
);

create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor text not null,
    action text not null,
    subject text not null,
    facts jsonb not null default '{}'
);
create index audit_log_by_subject on audit_log (subject, at);

-- The first answer to every write that carried an Idempotency-Key, kept 24 hours.
create table idempotency_keys (
    principal_id uuid not null,
    key text not null,
    request_hash text not null,
    outcome text not null,
    facts json,
    created_at timestamptz not null default now(),
    primary key (principal_id, key)
);
create index idempotency_keys_by_age on idempotency_keys using brin (created_at);

grant select on business_clock to holdfast_app;
grant select, insert, update, delete on settings, users, sessions, sign_in_links, sign_in_attempts, api_keys, idempotency_keys to holdfast_app;
grant select, insert on audit_log to holdfast_app;
