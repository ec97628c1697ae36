package session

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"tipoff/database/databasetest"
)

// Item 27.
func TestWeakKeysAreRefused(t *testing.T) {
	for _, c := range []struct{ name, keys, want string }{
		{"none", "", "no secret key"},
		{"a short one", "short", "has 5 characters, must have 32"},
		{"a short second one", testKey + ",short", "secret key 2 of 2: has 5"},
		{"31 characters", testKey[:31], "has 31 characters"},
		{"one letter", strings.Repeat("a", 40), "different characters"},
		{"one word", strings.Repeat("change-me-please", 3), "repeated"},
		{"good", testKey, ""},
		{"two good ones", testKey + ",0123456789abcdef0123456789abcdeX", ""},
		{"digits", "31415926535897932384626433832795", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var keys []string
			if c.keys != "" {
				keys = strings.Split(c.keys, ",")
			}
			_, err := Open(t.Context(), Config{DB: openDB(t, databasetest.SQLite(t)), Store: "memory:", Keys: keys, Now: new(clock).now, Log: quiet()})
			if c.want == "" {
				if err != nil {
					t.Errorf("Open = %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("Open = %v, want %q", err, c.want)
			}
			for _, key := range keys {
				if strings.Contains(err.Error(), key) {
					t.Errorf("the error shows the key: %v", err)
				}
			}
		})
	}
}

func mustRing(t testing.TB, keys ...string) ring {
	t.Helper()
	k, err := newRing(keys)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheFirstKeySealsAndAnyOpens(t *testing.T) {
	const older, newer = testKey, "another secret, of 36 characters too"
	before, both, after := mustRing(t, older), mustRing(t, newer, older), mustRing(t, newer)
	sealed := before.seal("row", []byte("text"))
	if got, ok := both.open("row", sealed); string(got) != "text" || !ok {
		t.Errorf("with both keys: %q, %v", got, ok)
	}
	if _, ok := after.open("row", sealed); ok {
		t.Error("opened without its key")
	}
	if got, ok := after.open("row", both.seal("row", []byte("text"))); string(got) != "text" || !ok {
		t.Errorf("sealed with both keys: %q, %v", got, ok)
	}
}

// Item 25.
func TestSealing(t *testing.T) {
	k := mustRing(t, testKey)
	one, two := k.seal("row", []byte("text")), k.seal("row", []byte("text"))
	if bytes.Equal(one, two) {
		t.Error("sealed twice the same: the nonce is not fresh")
	}
	if bytes.Contains(one, []byte("text")) {
		t.Error("the text is readable")
	}
	if _, ok := k.open("another row", one); ok {
		t.Error("opened under another name")
	}
	for i := range one {
		for bit := range 8 {
			flipped := bytes.Clone(one)
			flipped[i] ^= 1 << bit
			if _, ok := k.open("row", flipped); ok {
				t.Fatalf("opened with bit %d of byte %d flipped", bit, i)
			}
		}
	}
	for n := range one {
		if _, ok := k.open("row", one[:n]); ok {
			t.Fatalf("opened when cut to %d bytes", n)
		}
	}
}

// Whatever bytes are in the database: they are what was sealed, or signed out.
func FuzzSealed(f *testing.F) {
	s := newSite(f, "database", func(c *Config) { c.Log = quiet() })
	b := newBrowser()
	tokens := b.signIn(f, s, "ann")
	key := hash(b.cookies()[s.CookieName()])
	var session, grant []byte
	if err := errors.Join(s.cfg.DB.QueryRow(f.Context(), `SELECT data FROM sessions WHERE token = $1`, key).Scan(&session),
		s.cfg.DB.QueryRow(f.Context(), `SELECT sealed FROM grants`).Scan(&grant)); err != nil {
		f.Fatal(err)
	}
	f.Add(session, true)
	f.Add(grant, false)
	f.Add([]byte{}, true)
	f.Add([]byte{sealVersion, 1, 2, 3}, false)
	f.Add([]byte(`{"values":{"user":"{\"id\":\"ann\"}"}}`), true)
	f.Fuzz(func(t *testing.T, value []byte, isSession bool) {
		row := map[bool][]byte{true: session, false: grant}
		good := bytes.Equal(value, row[isSession])
		row[isSession] = value
		s.exec(t, `UPDATE sessions SET data = $1 WHERE token = $2`, row[true], key)
		s.exec(t, `UPDATE grants SET sealed = $1`, row[false])
		s.exec(t, `UPDATE sign_ins SET seen = since`) // also what was ended
		b.clone().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			u, ok := s.User(ctx)
			if err := s.Err(ctx); err != nil {
				t.Errorf("Err = %v", err)
			}
			if isSession && ok != good {
				t.Errorf("signed in as %q by %x", u.ID, value)
			}
			g, err := s.grantOf(ctx, "ann")
			if !isSession && (err == nil) != good || err == nil && g.Tokens.Access != tokens.Access {
				t.Errorf("the grant is read as %v, %v by %x", g.Tokens.Access, err, value)
			}
		})
	})
}
