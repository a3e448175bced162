-- Wait until no other session has its turn at a row. False when one keeps it for longer than that.
create or replace function take_turn(p_kind integer, p_row integer, p_ms_max integer) returns boolean
language plpgsql as $$
begin
    perform set_config('lock_timeout', p_ms_max || 'ms', true);
    perform pg_advisory_lock(p_kind, p_row);
    return true;
exception when lock_not_available then
    return false;
end $$;
