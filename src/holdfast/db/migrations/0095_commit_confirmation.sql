-- Whether commits are confirmed by the synchronous standbys that are configured. Runs as its owner, who may see the waits
-- of our own sessions; how many standbys are attached is seen only by a member of pg_monitor, and null otherwise.
create function commit_confirmation(
    out standby_names text, out standbys_attached integer, out commits_waiting integer, out seconds_waiting double precision)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select current_setting('synchronous_standby_names'),
           case when pg_has_role(current_user, 'pg_read_all_stats', 'usage')
                then (select count(*)::integer from pg_stat_replication where sync_state in ('sync', 'quorum')) end,
           count(*)::integer,
           coalesce(extract(epoch from max(clock_timestamp() - state_change)), 0)
      from pg_stat_activity
     where datname = current_database() and wait_event = 'SyncRep'
       -- A healthy standby confirms within milliseconds.
       and state_change < clock_timestamp() - interval '0.5 seconds'
$$;
grant execute on function commit_confirmation() to holdfast_app;
