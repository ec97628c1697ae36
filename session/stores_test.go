package session

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"tipoff/database"
	"tipoff/database/databasetest"
)

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What scs asks of a store, and what we ask beyond that.
func TestStores(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		store := s.scs.Store.(sealed)
		inside := store.in.(*faulty).CtxStore // the same without the seal
		ctx, soon := t.Context(), time.Now().Add(time.Minute)
		want := func(store scs.CtxStore, token string, b []byte, ok bool) {
			t.Helper()
			got, found, err := store.FindCtx(ctx, token)
			if !bytes.Equal(got, b) || found != ok || err != nil {
				t.Errorf("Find(%s) = %q, %v, %v; want %q, %v", token, got, found, err, b, ok)
			}
		}
		put := func(store scs.CtxStore, token string, b []byte, expires time.Time) {
			t.Helper()
			if err := store.CommitCtx(ctx, token, b, expires); err != nil {
				t.Errorf("Commit(%s) = %v", token, err)
			}
		}

		want(store, "nobody", nil, false)
		if err := store.DeleteCtx(ctx, "nobody"); err != nil {
			t.Errorf("Delete of nothing = %v", err)
		}
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		put(store, "one", all, soon)
		want(store, "one", all, true)
		put(store, "one", []byte("changed"), soon)
		want(store, "one", []byte("changed"), true)
		put(inside, "late", []byte("x"), time.Now().Add(300*time.Millisecond))
		put(inside, "early", []byte("x"), time.Now().Add(time.Hour))

		// Sealed, each for its own key; what does not open is not there.
		row, _, err := inside.FindCtx(ctx, "one")
		if err != nil || bytes.Contains(row, []byte("changed")) {
			t.Errorf("in the store is %q, %v", row, err)
		}
		put(inside, "two", row, soon)
		want(store, "two", nil, false)
		put(inside, "two", []byte("rubbish"), soon)
		want(store, "two", nil, false)
		put(store, "two", []byte("two"), soon)
		want(store, "two", []byte("two"), true)

		if err := store.DeleteCtx(ctx, "one"); err != nil {
			t.Errorf("Delete = %v", err)
		}
		want(store, "one", nil, false)
		want(store, "two", []byte("two"), true)

		// A visitor who leaves ends a read, and no write.
		left, leave := context.WithCancel(ctx)
		leave()
		if _, _, err := store.FindCtx(left, "two"); err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("Find for a visitor who has left = %v", err)
		}
		if err := store.CommitCtx(left, "two", []byte("written"), soon); err != nil {
			t.Errorf("Commit for a visitor who has left = %v", err)
		}
		want(store, "two", []byte("written"), true)
		if err := store.DeleteCtx(left, "two"); err != nil {
			t.Errorf("Delete for a visitor who has left = %v", err)
		}
		want(store, "two", nil, false)

		want(inside, "early", []byte("x"), true)
		for found, deadline := true, time.Now().Add(10*time.Second); found; {
			if _, found, err = inside.FindCtx(ctx, "late"); err != nil || time.Now().After(deadline) {
				t.Fatalf("what has expired is still found: %v", err)
			}
		}
	})
}

// A start that fails says which store and why, and does not show the password.
func TestAStoreThatCannotBeOpened(t *testing.T) {
	for _, c := range []struct{ name, dsn, want string }{
		{"nothing", "", "unknown kind"},
		{"a path alone", "/var/lib/sessions.db", "unknown kind"},
		{"an unknown kind", "mysql://root:Pa55w0rd@localhost/x", "session store mysql://root:***@localhost/x: is an unknown kind"},
		{"what a database is", "postgres://root:Pa55w0rd@localhost/x", "use database"},
		{"more after memory", "memory:Pa55w0rd", "session store memory:***: is written memory:"},
		{"no colon after memory", "memory", "is written memory:"},
		{"more after cookie", "cookie:Pa55w0rd", "is written cookie:"},
		{"Redis not there", "redis://:Pa55w0rd@127.0.0.1:1/0", "session store redis://:***@127.0.0.1:1/0: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"Redis with TLS not there", "rediss://:Pa55w0rd@127.0.0.1:1/0", "connection refused"},
		{"Redis database no number", "redis://:Pa55w0rd@127.0.0.1:1/zero", "zero"},
		{"Redis option unknown", "redis://:Pa55w0rd@127.0.0.1:1/0?colour=red", "colour"},
		{"Redis without a server", "redis:Pa55w0rd", "session store redis:***: names no server"},
		{"an unescaped password", "redis://:Pa55w0rd/x@127.0.0.1:6379/0", "percent-encoded"},
		{"an odd URL", "redis://:Pa55w0rd@127.0.0.1:port/0", "not a valid URL"},
		{"MongoDB not there", "mongodb://tipoff:Pa55w0rd@127.0.0.1:1/x?serverSelectionTimeoutMS=50", "connection refused"},
		{"MongoDB option wrong", "mongodb://tipoff:Pa55w0rd@127.0.0.1:1/x?ssl=maybe", "ssl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := Open(context.Background(), Config{DB: openDB(t, databasetest.SQLite(t)), Store: c.dsn, Keys: []string{testKey}, Now: time.Now, Log: quiet()})
			if err == nil {
				m.Close()
				t.Fatal("opened")
			}
			if got := err.Error(); !strings.HasPrefix(got, "session store ") || !strings.Contains(got, c.want) || strings.Contains(got, "Pa55") {
				t.Errorf("Open = %v; want it to say %q and no password", err, c.want)
			}
		})
	}
}

// Neither a masked address nor what a parser says of one shows the password.
func FuzzStoreAddress(f *testing.F) {
	f.Add("redis", "user", "Pa55word!", "host:6379/0")
	f.Add("mongodb", "u:v", "Pa55@word", "host:1,host:2/db")
	f.Add("mongodb+srv", "u", "Pa55%zzword", "")
	f.Add("rediss", "u", "Pa55%41word", "[::1]:x")
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		const secret = "Pa55w0rdThatIsSecret"
		dsn := scheme + "://" + user + ":" + password + secret + "@" + rest
		if strings.Contains(scheme+user+rest, secret) || strings.ContainsAny(rest, "@") {
			return
		}
		if got := database.Mask(dsn); strings.Contains(got, secret) {
			t.Errorf("Mask(%q) = %q", dsn, got)
		}
		err := CheckStore(dsn)
		if err == nil {
			switch scheme {
			case "redis", "rediss":
				_, err = redis.ParseURL(dsn)
			case "mongodb": // mongodb+srv asks the network
				_, err = connstring.ParseAndValidate(dsn)
			}
		}
		if err != nil && strings.Contains(scrub(err.Error(), dsn), secret) {
			t.Errorf("scrubbed: %v", scrub(err.Error(), dsn))
		}
	})
}

// A full disk loses nothing that was there, and no half of a sign-in is left.
func TestAFullDisk(t *testing.T) {
	s := newSite(t, "database")
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	s.exec(t, "PRAGMA max_page_count = 1") // as it is now, and no more
	var full error
	for range 200 {
		newBrowser().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			full = s.SignIn(ctx, userNamed("bob"), s.todoist.signIn("bob"))
		})
		if full != nil {
			break
		}
	}
	if !errors.Is(full, ErrUnavailable) || !strings.Contains(full.Error(), "full") {
		t.Fatalf("SignIn = %v, want ErrUnavailable for a full disk", full)
	}
	wantUser(t, s, b, "ann")
	if got, err := b.access(s, ""); got != first.Access || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
	s.exec(t, "PRAGMA max_page_count = 100000")
	b.signIn(t, s, "ann")
	wantUser(t, s, b, "ann")
}
