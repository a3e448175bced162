-- find_session
-- Every page asks this once: who is signed in with this cookie.
select u.id, u.email, u.name, u.role, u.language, s.csrf_token
  from sessions s join users u on u.id = s.user_id
 where s.token_hash = %(token_hash)s and s.expires_at > (select business_now()) and u.is_active;

-- find_person
-- Sign-in by e-mail, whatever its case.
select id, email, name, role, language, password_hash
  from users
 where lower(email) = lower(%(email)s) and is_active;

-- recent_attempts
-- Throttling counts what this address and this e-mail tried lately.
select count(*) filter (where email = lower(%(email)s)) as by_email,
       count(*) filter (where address = %(address)s) as by_address
  from sign_in_attempts
 where attempted_at > now() - make_interval(mins => %(minutes)s)
   and (email = lower(%(email)s) or address = %(address)s);

-- record_attempt
-- Counted before the password is looked at, so parallel guesses count too.
insert into sign_in_attempts (email, address) values (lower(%(email)s), %(address)s);

-- forget_attempts
-- A right password clears the count of its e-mail.
delete from sign_in_attempts where email = lower(%(email)s);

-- insert_session
-- A new session; only the hash of its token is stored.
insert into sessions (token_hash, user_id, csrf_token, expires_at)
values (%(token_hash)s, %(user_id)s, %(csrf_token)s, business_now() + make_interval(days => %(days)s));

-- delete_session
-- Signing out ends the session on the server too.
delete from sessions where token_hash = %(token_hash)s;

-- delete_other_sessions
-- A new password signs every other browser out.
delete from sessions where user_id = %(user_id)s and token_hash <> %(token_hash)s;

-- find_link
-- Whom a one-time link would sign in; used and expired links sign in nobody.
select u.id, u.email, u.name, u.role, u.language, u.password_hash
  from sign_in_links l join users u on u.id = l.user_id
 where l.token_hash = %(token_hash)s and l.used_at is null and l.expires_at > (select business_now()) and u.is_active;

-- use_link
-- Of two browsers at once only one gets the row.
update sign_in_links
   set used_at = business_now()
 where token_hash = %(token_hash)s and used_at is null and expires_at > (select business_now())
returning user_id;

-- insert_link
-- A one-time link for one person.
insert into sign_in_links (token_hash, user_id, expires_at)
values (%(token_hash)s, %(user_id)s, business_now() + make_interval(hours => %(hours)s));

-- insert_person
-- A person's e-mail is there once; an existing person is left alone and answers no row.
insert into users (email, name, password_hash, role, language)
values (%(email)s, %(name)s, %(password_hash)s, %(role)s, %(language)s)
on conflict (lower(email)) do nothing
returning id;

-- set_password
-- Chosen by the person who is signed in.
update users set password_hash = %(password_hash)s where id = %(user_id)s;

-- set_language
-- The language of messages follows the one chosen in the console.
update users set language = %(language)s where id = %(user_id)s and language <> %(language)s;

-- count_people
-- Whether anyone can sign in at all.
select count(*) from users where is_active;

-- first_admin
-- Whom the start-up message signs in.
select email from users where role = 'admin' and is_active order by created_at, id limit 1;
