-- Read many names at once. Who finds nothing gets a lease: the right to fill in, until somebody changes the name.
-- KEYS: epoch, pause, names. ARGV: lease, its life in ms, now in us.
-- Answers lines: the epoch, then for each name its value, '+' (nothing; the lease is yours) or '-' (nothing; ask elsewhere).
local found = redis.call('MGET', unpack(KEYS))
local epoch = found[1]
if not epoch then
    return ''
end
local head = '{"epoch":"' .. epoch .. '",'
local now = tonumber(ARGV[3])
for i = 3, #KEYS do
    local value = found[i]
    local line = '-'
    if value and string.sub(value, 1, #head) == head then
        local valid_until = string.match(value, '"valid_until":(%d+)', #head)
        if not valid_until or tonumber(valid_until) > now then
            line = value
        end
    end
    if line == '-' and not found[2] and not (value and string.sub(value, 1, 1) == 'L') then
        redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
        line = '+'
    end
    found[i] = line
end
found[2] = table.concat(found, '\n', 3)
return epoch .. '\n' .. found[2]
