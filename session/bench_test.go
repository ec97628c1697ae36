package session

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/database/databasetest"
)

// fill puts n live sign-ins with their sessions and grants into a site, as signing in
// leaves them, and returns their cookies.
func fill(b *testing.B, s *site, n int) []string {
	b.Helper()
	cookies := make([]string, n)
	now := s.now()
	err := s.cfg.DB.InTx(b.Context(), func(tx *database.Tx) error {
		for i := range cookies {
			cookies[i] = random()
			u := User{ID: fmt.Sprint(i), Name: "Ann Example", Email: "ann@example.com", Zone: "Europe/Berlin", Plan: "pro"}
			tokens := s.todoist.signIn(u.ID)
			if err := s.putGrant(tx, u, tokens); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO sign_ins (id, user_id, browser, since, seen) VALUES ($1, $2, 'Firefox on Linux', $3, $3)`,
				hash(cookies[i]), u.ID, now.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for i, cookie := range cookies {
		content, err := codec{}.Encode(now.Add(24*time.Hour), map[string]any{
			valueSignIn: hash(cookie),
			valueUser:   fmt.Sprintf(`{"id":"%d","name":"Ann Example","email":"ann@example.com","zone":"Europe/Berlin","plan":"pro"}`, i),
			valueToken:  ownCopy(s.todoist.signIn(fmt.Sprint(i))), "+team": "BOS",
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.scs.Store.(sealed).CommitCtx(b.Context(), hash(cookie), content, now.Add(24*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
	return cookies
}

// BenchmarkStores measures a signed-in page through the middleware, with 1,000 people
// signed in. Repeat with
//
//	go test -run '^$' -bench Stores ./session
func BenchmarkStores(b *testing.B) {
	places := []struct {
		name, store string
		database    func(testing.TB) string
	}{{"cookie and sqlite", "cookie:", databasetest.SQLite}}
	for _, db := range databases {
		for _, store := range stores {
			places = append(places, struct {
				name, store string
				database    func(testing.TB) string
			}{store.name + " and " + db.name, store.dsn(b), db.dsn})
		}
	}
	for _, at := range places {
		b.Run(at.name, func(b *testing.B) {
			s := newSiteAt(b, place{at.store, at.database(b)}, func(c *Config) { c.Log = quiet() })
			var cookies []string
			if at.store == "cookie:" {
				visitor := newBrowser()
				visitor.signIn(b, s, "ann")
				cookies = []string{visitor.jar[s.CookieName()]}
			} else {
				cookies = fill(b, s, 1000)
			}
			page := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := s.Access(r.Context(), ""); err != nil {
					b.Error(err)
				}
				w.Write([]byte("hello"))
			}))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := httptest.NewRequest("GET", "/", nil)
				r.AddCookie(&http.Cookie{Name: s.CookieName(), Value: cookies[i%len(cookies)]})
				page.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
