package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// A backend is a place for a test's rows that no other test uses.
type backend struct {
	name string
	// dsn makes an empty place and returns its DSN. Opened twice it is the same place.
	dsn func(t testing.TB) string
}

// servers are the stores that keep sessions on the server.
var servers = []backend{
	{"memory", func(testing.TB) string { return "memory:" }},
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "sessions.db") }},
	{"redis", redisDSN},
	{"postgres", postgresDSN},
	{"mongodb", mongoDSN},
}

// place is a name for a test's own prefix, schema or database.
func place() string { return "tipoff_test_" + strings.ToLower(rand.Text()[:12]) }

// address returns the DSN of a server to test with, and skips where none listens
// at the one assumed. One named in the environment must be there.
func address(t testing.TB, variable, assumed string) string {
	t.Helper()
	if dsn := os.Getenv(variable); dsn != "" {
		return dsn
	}
	u, err := url.Parse(assumed)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err != nil {
		t.Skipf("nothing listens at %s; set %s", u.Host, variable)
	}
	conn.Close()
	return assumed
}

func withQuery(t testing.TB, dsn, key, value string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func redisDSN(t testing.TB) string {
	dsn := address(t, "TIPOFF_TEST_REDIS", "redis://127.0.0.1:6379/0")
	prefix := place()
	t.Cleanup(func() {
		o, err := redis.ParseURL(dsn)
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(o)
		defer c.Close()
		ctx := context.Background()
		for keys := c.Scan(ctx, 0, "{"+prefix+"}:*", 1000).Iterator(); keys.Next(ctx); {
			c.Del(ctx, keys.Val())
		}
	})
	return withQuery(t, dsn, "prefix", prefix)
}

func postgresDSN(t testing.TB) string {
	dsn := address(t, "TIPOFF_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test")
	schema := place()
	run := func(query string) {
		ctx := context.Background()
		c, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, query); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE SCHEMA " + schema)
	t.Cleanup(func() { run("DROP SCHEMA " + schema + " CASCADE") })
	return withQuery(t, dsn, "search_path", schema)
}

func mongoDSN(t testing.TB) string {
	dsn := mongoServer(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + place()
	t.Cleanup(func() {
		c, err := mongo.Connect(options.Client().ApplyURI(dsn))
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		defer c.Disconnect(ctx)
		if err := c.Database(u.Path[1:]).Drop(ctx); err != nil {
			t.Error(err)
		}
	})
	return u.String()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// openTestStore opens a backend and closes it after the test.
func openTestStore(t testing.TB, dsn string) store {
	t.Helper()
	s, err := openStore(context.Background(), dsn, time.Now, quiet())
	if err != nil {
		t.Fatalf("open %s: %v", MaskDSN(dsn), err)
	}
	t.Cleanup(func() { s.close() })
	return bounded{s}
}

// TestStores is what every store must do. The cases share a store and keep to
// owners and keys of their own, as real sessions do.
func TestStores(t *testing.T) {
	for _, b := range servers {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := openTestStore(t, b.dsn(t))
			for _, c := range storeCases {
				t.Run(c.name, func(t *testing.T) { c.run(t, s) })
			}
		})
	}
}

// at is the instant that rows of the tests expire around, an hour from now so that
// backends that expire rows themselves leave them alone.
var at = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)

func sameRow(a, b row) bool {
	return a.Key == b.Key && a.Owner == b.Owner && bytes.Equal(a.Value, b.Value) && a.Expires.Equal(b.Expires)
}

func mustPut(t testing.TB, s store, rows ...row) {
	t.Helper()
	for _, r := range rows {
		if err := s.put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// wantRow fails unless the store holds exactly this row.
func wantRow(t *testing.T, s store, want row) {
	t.Helper()
	got, ok, err := s.get(t.Context(), want.Key)
	if err != nil || !ok || !sameRow(got, want) {
		t.Errorf("get(%q) = %+v, %v, %v; want %+v", want.Key, got, ok, err, want)
	}
}

func wantNone(t *testing.T, s store, key string) {
	t.Helper()
	if got, ok, err := s.get(t.Context(), key); ok || err != nil {
		t.Errorf("get(%q) = %+v, %v, %v; want no row and no error", key, got, ok, err)
	}
}

func keysOf(rows []row) []string {
	keys := []string{}
	for _, r := range rows {
		keys = append(keys, r.Key)
	}
	slices.Sort(keys)
	return keys
}

var storeCases = []struct {
	name string
	run  func(t *testing.T, s store)
}{
	{"an unknown key is no row and no error", func(t *testing.T, s store) {
		wantNone(t, s, "session/nobody")
	}},
	{"what was put is read back, bytes of all kinds included", func(t *testing.T, s store) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		r := row{"session/bytes", "owner-bytes", all, at}
		mustPut(t, s, r)
		wantRow(t, s, r)
	}},
	{"put replaces everything", func(t *testing.T, s store) {
		mustPut(t, s, row{"session/twice", "owner-1", []byte("one"), at})
		r := row{"session/twice", "owner-2", []byte("two"), at.Add(time.Minute)}
		mustPut(t, s, r)
		wantRow(t, s, r)
	}},
	{"swap writes in place of the value that was read", func(t *testing.T, s store) {
		mustPut(t, s, row{"session/swap", "", []byte("one"), at})
		r := row{"session/swap", "owner-swap", []byte("two"), at.Add(time.Minute)}
		if ok, err := s.swap(t.Context(), []byte("one"), r); !ok || err != nil {
			t.Fatalf("swap = %v, %v; want true", ok, err)
		}
		wantRow(t, s, r)
		if rows, err := s.owned(t.Context(), "owner-swap"); len(rows) != 1 || err != nil {
			t.Errorf("owned = %v, %v; want the row, which has an owner now", keysOf(rows), err)
		}
	}},
	{"swap leaves another value alone", func(t *testing.T, s store) {
		r := row{"session/other", "", []byte("newer"), at}
		mustPut(t, s, r)
		if ok, err := s.swap(t.Context(), []byte("older"), row{"session/other", "", []byte("mine"), at}); ok || err != nil {
			t.Errorf("swap = %v, %v; want false", ok, err)
		}
		wantRow(t, s, r)
	}},
	{"swap never brings back a row that is gone", func(t *testing.T, s store) {
		mustPut(t, s, row{"session/gone", "", []byte("one"), at})
		if ok, err := s.remove(t.Context(), "session/gone", nil); !ok || err != nil {
			t.Fatalf("remove = %v, %v", ok, err)
		}
		if ok, err := s.swap(t.Context(), []byte("one"), row{"session/gone", "", []byte("two"), at}); ok || err != nil {
			t.Errorf("swap = %v, %v; want false", ok, err)
		}
		wantNone(t, s, "session/gone")
	}},
	{"remove tells whether there was a row", func(t *testing.T, s store) {
		mustPut(t, s, row{"session/once", "", []byte("one"), at})
		for _, want := range []bool{true, false} {
			if ok, err := s.remove(t.Context(), "session/once", nil); ok != want || err != nil {
				t.Errorf("remove = %v, %v; want %v", ok, err, want)
			}
		}
	}},
	{"remove with a value leaves another value alone", func(t *testing.T, s store) {
		r := row{"token/kept", "owner-kept", []byte("newer"), at}
		mustPut(t, s, r)
		if ok, err := s.remove(t.Context(), r.Key, []byte("older")); ok || err != nil {
			t.Errorf("remove = %v, %v; want false", ok, err)
		}
		wantRow(t, s, r)
		if ok, err := s.remove(t.Context(), r.Key, []byte("newer")); !ok || err != nil {
			t.Errorf("remove = %v, %v; want true", ok, err)
		}
		wantNone(t, s, r.Key)
	}},
	{"owned lists one owner's rows and no others", func(t *testing.T, s store) {
		mustPut(t, s,
			row{"session/a1", "owner-a", []byte("1"), at}, row{"token/a1", "owner-a", []byte("1"), at},
			row{"session/b1", "owner-b", []byte("1"), at}, row{"session/n1", "", []byte("1"), at},
			row{"session/a2", "owner-a", []byte("1"), at}, row{"session/a3", "owner-a", []byte("1"), at})
		if _, err := s.remove(t.Context(), "session/a2", nil); err != nil {
			t.Fatal(err)
		}
		rows, err := s.owned(t.Context(), "owner-a")
		if want := []string{"session/a1", "session/a3", "token/a1"}; !slices.Equal(keysOf(rows), want) || err != nil {
			t.Errorf("owned = %v, %v; want %v", keysOf(rows), err, want)
		}
		for _, r := range rows {
			wantRow(t, s, r)
		}
	}},
	{"a row that changes hands leaves its first owner", func(t *testing.T, s store) {
		mustPut(t, s, row{"session/hands", "owner-first", []byte("1"), at})
		if ok, err := s.swap(t.Context(), []byte("1"), row{"session/hands", "", []byte("2"), at}); !ok || err != nil {
			t.Fatalf("swap = %v, %v", ok, err)
		}
		if rows, err := s.owned(t.Context(), "owner-first"); len(rows) != 0 || err != nil {
			t.Errorf("owned = %v, %v; want none", keysOf(rows), err)
		}
	}},
	{"due lists what has expired, at most as many as asked for", func(t *testing.T, s store) {
		early := at.Add(-30 * time.Minute)
		for _, kind := range kinds {
			mustPut(t, s, row{kind + "/due", "owner-due", []byte("1"), early})
		}
		mustPut(t, s, row{"session/due-later", "", []byte("1"), early.Add(time.Millisecond)})
		rows, err := s.due(t.Context(), early, 100)
		want := []string{"check/due", "flow/due", "revoke/due", "session/due", "token/due"}
		if !slices.Equal(keysOf(rows), want) || err != nil {
			t.Errorf("due = %v, %v; want %v", keysOf(rows), err, want)
		}
		for _, r := range rows {
			wantRow(t, s, r)
		}
		if rows, err := s.due(t.Context(), early, 2); len(rows) != 2 || err != nil {
			t.Errorf("due with limit 2 = %v, %v", keysOf(rows), err)
		}
		r := row{"session/due", "owner-due", []byte("2"), at}
		if ok, err := s.swap(t.Context(), []byte("1"), r); !ok || err != nil {
			t.Fatalf("swap of an expired row = %v, %v; want true", ok, err)
		}
		if rows, err := s.due(t.Context(), early, 100); len(rows) != 4 || err != nil {
			t.Errorf("due after one was prolonged = %v, %v; want 4", keysOf(rows), err)
		}
		for _, key := range append(want, "session/due-later") {
			if _, err := s.remove(t.Context(), key, nil); err != nil {
				t.Fatal(err)
			}
		}
		if rows, err := s.due(t.Context(), early.Add(time.Minute), 100); len(rows) != 0 || err != nil {
			t.Errorf("due after all were removed = %v, %v; want none", keysOf(rows), err)
		}
	}},
	{"count counts the live rows of one kind", func(t *testing.T, s store) {
		late := at.Add(10 * time.Hour)
		mustPut(t, s,
			row{"flow/c1", "", []byte("1"), late}, row{"flow/c2", "", []byte("1"), late.Add(time.Millisecond)},
			row{"flow/c3", "", []byte("1"), late.Add(time.Hour)}, row{"revoke/c4", "", []byte("1"), late.Add(time.Hour)})
		if n, err := s.count(t.Context(), kindFlow, late); n != 2 || err != nil {
			t.Errorf("count = %d, %v; want 2", n, err)
		}
	}},
	{"each visits every row once, also when they are removed on the way", func(t *testing.T, s store) {
		want := map[string]bool{}
		for i := range 600 { // more than a page
			r := row{fmt.Sprintf("flow/each-%d", i), "", []byte("1"), at}
			mustPut(t, s, r)
			want[r.Key] = true
		}
		seen := map[string]int{}
		err := s.each(t.Context(), func(r row) error {
			if !want[r.Key] {
				return nil
			}
			seen[r.Key]++
			_, err := s.remove(t.Context(), r.Key, r.Value)
			return err
		})
		if err != nil || len(seen) != len(want) {
			t.Errorf("each visited %d of %d rows: %v", len(seen), len(want), err)
		}
		stop := errors.New("stop")
		mustPut(t, s, row{"flow/each-last", "", []byte("1"), at})
		if err := s.each(t.Context(), func(row) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("each = %v; want the error of its function", err)
		}
	}},
	{"of many swaps at once exactly one wins", func(t *testing.T, s store) {
		for round := range 5 {
			key := fmt.Sprintf("token/race-%d", round)
			mustPut(t, s, row{key, "", []byte("start"), at})
			var wins atomic.Int32
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					ok, err := s.swap(t.Context(), []byte("start"), row{key, "", fmt.Append(nil, i), at})
					if err != nil {
						t.Error(err)
					}
					if ok {
						wins.Add(1)
					}
				})
			}
			wg.Wait()
			if wins.Load() != 1 {
				t.Errorf("%d swaps won, want 1", wins.Load())
			}
		}
	}},
	{"of many removals at once exactly one wins", func(t *testing.T, s store) {
		mustPut(t, s, row{"flow/race", "", []byte("start"), at})
		var wins atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ok, err := s.remove(t.Context(), "flow/race", []byte("start"))
				if err != nil {
					t.Error(err)
				}
				if ok {
					wins.Add(1)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Errorf("%d removals won, want 1", wins.Load())
		}
	}},
	{"a context that is over ends a read", func(t *testing.T, s store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := s.get(ctx, "session/nobody"); err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("get = %v; want an error that wraps ErrUnavailable, or none", err)
		}
	}},
	{"a visitor who has left does not break off a write", func(t *testing.T, s store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := row{"session/left", "", []byte("1"), at}
		if err := s.put(ctx, r); err != nil {
			t.Fatal(err)
		}
		wantRow(t, s, r)
		r.Value = []byte("2")
		if ok, err := s.swap(ctx, []byte("1"), r); !ok || err != nil {
			t.Errorf("swap = %v, %v", ok, err)
		}
		if ok, err := s.remove(ctx, r.Key, nil); !ok || err != nil {
			t.Errorf("remove = %v, %v", ok, err)
		}
	}},
}
