package session

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// fill puts n live sessions into a store, as sign-ins leave them, and returns their
// cookies.
func fill(b *testing.B, s *site, n int) []string {
	b.Helper()
	cookies := make([]string, n)
	var rows []row
	now := s.now()
	for i := range cookies {
		cookies[i] = random()
		id, user := hash(cookies[i]), fmt.Sprintf(`{"id":"%d","name":"Ann Example","email":"ann@example.com","zone":"Europe/Berlin","plan":"pro"}`, i)
		content, err := codec{}.Encode(now.Add(24*time.Hour), map[string]any{
			valueUser: user, valueAgent: "Firefox on Linux", valueSince: seconds(now), valueSeen: seconds(now), "+team": "BOS",
		})
		if err != nil {
			b.Fatal(err)
		}
		owner, key, token := ownerOf(fmt.Sprint(i)), kindSession+"/"+id, kindToken+"/"+id
		rec := record{Tokens: s.todoist.signIn(fmt.Sprint(i))}
		rows = append(rows, row{key, owner, s.ring.seal(key, content), now.Add(time.Hour)},
			row{token, owner, s.ring.seal(token, rec.encode()), now.Add(24 * time.Hour)})
	}
	// FerretDB looks through all documents before it replaces one, so these are
	// inserted there.
	if m, ok := s.faults.store.(*mongoStore); ok {
		for part := range slices.Chunk(rows, 1000) {
			var documents []mongoRow
			for _, r := range part {
				documents = append(documents, m.document(r))
			}
			if _, err := m.rows.InsertMany(b.Context(), documents); err != nil {
				b.Fatal(err)
			}
		}
		return cookies
	}
	g, ctx := errgroup.WithContext(b.Context())
	g.SetLimit(16)
	for _, r := range rows {
		g.Go(func() error { return s.store.put(ctx, r) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	return cookies
}

func heapMB() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkStores measures each store with 10,000 live sessions: reading and
// writing a row, listing a user's, a whole signed-in page through the middleware,
// the same with the token, and opening the store. Repeat with
//
//	go test -run '^$' -bench Stores ./session
func BenchmarkStores(b *testing.B) {
	for _, kind := range servers {
		b.Run(kind.name, func(b *testing.B) {
			before := heapMB()
			s := newSite(b, kind.dsn(b), func(c *Config) { c.Log = slog.New(slog.DiscardHandler) })
			const live = 10_000
			cookies := fill(b, s, live)
			held := heapMB() - before
			page := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, ok := s.User(r.Context()); !ok {
					b.Error("not signed in")
				}
				w.Write([]byte("hello"))
			}))
			withToken := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := s.Access(r.Context(), ""); err != nil {
					b.Error(err)
				}
				w.Write([]byte("hello"))
			}))
			serve := func(h http.Handler, i int) {
				r := httptest.NewRequest("GET", "/", nil)
				r.AddCookie(&http.Cookie{Name: s.CookieName(), Value: cookies[i%live]})
				h.ServeHTTP(httptest.NewRecorder(), r)
			}

			b.Run("load", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if _, ok, err := s.store.get(b.Context(), kindSession+"/"+hash(cookies[i%live])); !ok || err != nil {
						b.Fatal(ok, err)
					}
				}
				b.ReportMetric(held, "MB-held")
			})
			b.Run("save", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					key := kindFlow + "/" + cookies[i%live]
					if err := s.store.put(b.Context(), row{key, "", s.ring.seal(key, make([]byte, 300)), s.now().Add(time.Hour)}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("owned", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					if rows, err := s.store.owned(b.Context(), ownerOf(fmt.Sprint(i%live))); len(rows) != 2 || err != nil {
						b.Fatal(rows, err)
					}
				}
			})
			b.Run("page", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					serve(page, i)
				}
			})
			b.Run("page with token", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					serve(withToken, i)
				}
			})
			b.Run("anonymous page", func(b *testing.B) {
				b.ReportAllocs()
				anonymous := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) }))
				for b.Loop() {
					anonymous.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				}
			})
			b.Run("count", func(b *testing.B) {
				for b.Loop() {
					if n, err := s.Count(b.Context()); n != live || err != nil {
						b.Fatal(n, err)
					}
				}
			})
			b.Run("open", func(b *testing.B) {
				for b.Loop() {
					m, err := Open(context.Background(), s.cfg)
					if err != nil {
						b.Fatal(err)
					}
					m.Close()
				}
			})
		})
	}
	b.Run("cookie", func(b *testing.B) {
		s := newSite(b, "cookie:", func(c *Config) { c.Log = slog.New(slog.DiscardHandler) })
		visitor := newBrowser()
		visitor.signIn(b, s, "ann")
		page := s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := s.User(r.Context()); !ok {
				b.Error("not signed in")
			}
			w.Write([]byte("hello"))
		}))
		b.Run("page", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "/", nil)
				r.AddCookie(&http.Cookie{Name: s.CookieName(), Value: visitor.jar[s.CookieName()]})
				page.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	})
	b.Run("none", func(b *testing.B) {
		page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) })
		b.Run("page", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "/", nil)
				r.AddCookie(&http.Cookie{Name: "tipoff", Value: random()})
				page.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	})
}
