package session

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisStore keeps rows in Redis, or in what speaks its protocol and runs Lua.
//
// Each row is a hash of value, owner and expiry. Beside them stand one sorted set
// per kind, of keys by expiry, and one set per owner, of keys. All changes are made
// by scripts, hence in one step; all keys share a hash tag, hence one slot of a
// cluster. Redis itself drops a row a week after its expiry.
type redisStore struct {
	client *redis.Client
	tag    string
	now    func() time.Time
}

// redisKeep is how long Redis keeps what no Tipoff has cleaned up.
const redisKeep = 7 * 24 * time.Hour

// The scripts take the row's key, its kind's set and its owner's set; then what
// stands after it. The owner's set lives as long as its longest row.
var (
	redisWrite = `
local function write(value, owner, expires, keep, member, owners)
	local was = redis.call('HGET', KEYS[1], 'owner')
	if was and was ~= '' and was ~= owner then redis.call('SREM', owners .. was, member) end
	redis.call('HSET', KEYS[1], 'value', value, 'owner', owner, 'expires', expires)
	redis.call('PEXPIRE', KEYS[1], keep)
	redis.call('ZADD', KEYS[2], expires, member)
	if owner ~= '' then
		redis.call('SADD', KEYS[3], member)
		if redis.call('PTTL', KEYS[3]) < tonumber(keep) then redis.call('PEXPIRE', KEYS[3], keep) end
	end
end
`
	redisPut = redis.NewScript(redisWrite + `
write(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
return 1`)
	redisSwap = redis.NewScript(redisWrite + `
if redis.call('HGET', KEYS[1], 'value') ~= ARGV[7] then return 0 end
write(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
return 1`)
	redisRemove = redis.NewScript(`
local value = redis.call('HGET', KEYS[1], 'value')
if not value then redis.call('ZREM', KEYS[2], ARGV[1]) return 0 end
if ARGV[3] == '1' and value ~= ARGV[4] then return 0 end
local owner = redis.call('HGET', KEYS[1], 'owner')
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
if owner ~= '' then redis.call('SREM', ARGV[2] .. owner, ARGV[1]) end
return 1`)
)

func openRedis(ctx context.Context, dsn string, now func() time.Time) (store, error) {
	// The parameter prefix is ours: several Tipoffs can share a database.
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	prefix := "tipoff"
	if p := query.Get("prefix"); p != "" {
		prefix = p
	}
	query.Del("prefix")
	u.RawQuery = query.Encode()
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, err
	}
	options.ContextTimeoutEnabled = true // the call's time limit is the only one
	options.DialTimeout = storeTimeout
	options.MaxRetries = 1
	options.DisableIdentity = true // some compatible servers know no CLIENT SETINFO
	s := &redisStore{client: redis.NewClient(options), tag: "{" + prefix + "}:", now: now}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		s.client.Close()
		return nil, err
	}
	return s, nil
}

func (s *redisStore) key(key string) string       { return s.tag + key }
func (s *redisStore) byExpiry(kind string) string { return s.tag + "expires/" + kind }
func (s *redisStore) owner(owner string) string   { return s.tag + "owner/" + owner }

func (s *redisStore) get(ctx context.Context, key string) (row, bool, error) {
	fields, err := s.client.HMGet(ctx, s.key(key), "value", "owner", "expires").Result()
	if err != nil {
		return row{}, false, err
	}
	r, ok := redisRow(key, fields)
	return r, ok, nil
}

// redisRow reads the fields value, owner and expires. What has not all of them is
// no row.
func redisRow(key string, fields []any) (row, bool) {
	value, ok1 := fields[0].(string)
	owner, ok2 := fields[1].(string)
	expires, ok3 := fields[2].(string)
	ms, err := strconv.ParseInt(expires, 10, 64)
	if !ok1 || !ok2 || !ok3 || err != nil {
		return row{}, false
	}
	return row{Key: key, Owner: owner, Value: []byte(value), Expires: time.UnixMilli(ms).UTC()}, true
}

func (s *redisStore) put(ctx context.Context, r row) error {
	return redisPut.Run(ctx, s.client, s.keys(r), s.args(r)...).Err()
}

func (s *redisStore) swap(ctx context.Context, old []byte, r row) (bool, error) {
	n, err := redisSwap.Run(ctx, s.client, s.keys(r), append(s.args(r), old)...).Int()
	return n == 1, err
}

func (s *redisStore) keys(r row) []string {
	return []string{s.key(r.Key), s.byExpiry(r.kind()), s.owner(r.Owner)}
}

func (s *redisStore) args(r row) []any {
	keep := max(0, r.Expires.Sub(s.now())) + redisKeep
	return []any{r.Value, r.Owner, r.Expires.UnixMilli(), keep.Milliseconds(), r.Key, s.owner("")}
}

func (s *redisStore) remove(ctx context.Context, key string, old []byte) (bool, error) {
	compare := "0"
	if old != nil {
		compare = "1"
	}
	r := row{Key: key}
	n, err := redisRemove.Run(ctx, s.client, []string{s.key(key), s.byExpiry(r.kind())}, key, s.owner(""), compare, old).Int()
	return n == 1, err
}

func (s *redisStore) owned(ctx context.Context, owner string) ([]row, error) {
	keys, err := s.client.SMembers(ctx, s.owner(owner)).Result()
	if err != nil {
		return nil, err
	}
	return s.read(ctx, keys)
}

// read reads many rows. Keys whose rows Redis has dropped are taken out of the
// sets.
func (s *redisStore) read(ctx context.Context, keys []string) ([]row, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	answers := make([]*redis.SliceCmd, len(keys))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			answers[i] = p.HMGet(ctx, s.key(key), "value", "owner", "expires")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, key := range keys {
		r, ok := redisRow(key, answers[i].Val())
		if !ok {
			if _, err := s.remove(ctx, key, nil); err != nil {
				return nil, err
			}
			continue
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (s *redisStore) due(ctx context.Context, by time.Time, limit int) ([]row, error) {
	var rows []row
	for _, kind := range kinds {
		keys, err := s.client.ZRangeArgs(ctx, redis.ZRangeArgs{
			Key: s.byExpiry(kind), ByScore: true, Start: "-inf", Stop: by.UnixMilli(), Count: int64(limit - len(rows)),
		}).Result()
		if err != nil {
			return nil, err
		}
		found, err := s.read(ctx, keys)
		if err != nil {
			return nil, err
		}
		if rows = append(rows, found...); len(rows) >= limit {
			break
		}
	}
	return rows, nil
}

func (s *redisStore) each(ctx context.Context, fn func(row) error) error {
	for _, kind := range kinds {
		var cursor uint64
		for {
			// A scan may name a key twice, which does no harm; keys and scores alternate.
			pairs, next, err := s.client.ZScan(ctx, s.byExpiry(kind), cursor, "", 500).Result()
			if err != nil {
				return err
			}
			var keys []string
			for i := 0; i < len(pairs); i += 2 {
				keys = append(keys, pairs[i])
			}
			rows, err := s.read(ctx, keys)
			if err != nil {
				return err
			}
			for _, r := range rows {
				if err := fn(r); err != nil {
					return err
				}
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return nil
}

func (s *redisStore) count(ctx context.Context, kind string, after time.Time) (int, error) {
	n, err := s.client.ZCount(ctx, s.byExpiry(kind), "("+strconv.FormatInt(after.UnixMilli(), 10), "+inf").Result()
	return int(n), err
}

func (s *redisStore) close() error { return s.client.Close() }
