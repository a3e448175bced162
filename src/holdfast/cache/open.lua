-- Learn the epoch, or begin a new one, and keep it alive. Values of another epoch are never read again.
-- KEYS: epoch, pause. ARGV: a token nobody used, life of an epoch in ms, length of the pause in ms,
-- 1 when the caller could not tell us of a change.
-- A new epoch begins when the old one has run out (nobody reached us for its life: we hung, or were flushed), when it was
-- made by another server process (we were restarted, perhaps from an old snapshot), or when a change was missed.
-- It begins with a pause in which nothing is kept: who missed us for the same reason has come back when it is over.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local epoch = redis.call('GET', KEYS[1])
local is_new = not epoch or string.sub(epoch, 1, #run) ~= run
    or (ARGV[4] == '1' and redis.call('EXISTS', KEYS[2]) == 0)
if is_new then
    epoch = run .. '.' .. ARGV[1]
    redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
end
redis.call('SET', KEYS[1], epoch, 'PX', ARGV[2])
return epoch
