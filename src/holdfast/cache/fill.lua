-- Keep what was looked up under a lease, unless the name was changed, flushed or filled since: then what we were given may
-- be older than what others have seen. ARGV[1]: number of names per entry, with commas.
-- KEYS: the names of all entries, the leased one first in each. Other ARGV, per entry: lease, life in ms, a value per name.
-- Answers how many entries were kept.
local kept, key, argument = 0, 0, 1
for names in string.gmatch(ARGV[1], '%d+') do
    names = tonumber(names)
    local is_ours = redis.call('GET', KEYS[key + 1]) == ARGV[argument + 1]
    if is_ours then
        for n = 1, names do
            redis.call('SET', KEYS[key + n], ARGV[argument + 2 + n], 'PX', ARGV[argument + 2])
        end
        kept = kept + 1
    end
    key = key + names
    argument = argument + 2 + names
end
return kept
