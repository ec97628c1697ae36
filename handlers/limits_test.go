package handlers

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/database"
	"tipoff/schedule"
	"tipoff/session"
)

// limitedServer has just what a limit and its answer need.
func limitedServer(t *testing.T) *server {
	t.Helper()
	games, err := schedule.Open(t.Context(), schedule.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return &server{pages: testPages(t, ""), Config: Config{
		PublicURL: &url.URL{Scheme: "https", Host: "tipoff.example"}, Schedule: games, Sessions: testSessions(t), Now: time.Now,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}}
}

func TestALimitIsPerAddressAndEndsWithItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limitedServer(t)
		h := s.limited(3, s.byAddress)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		ask := func(from, forwarded string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("POST", "/sign-in", nil)
			r.RemoteAddr = from
			if forwarded != "" {
				r.Header.Set("X-Forwarded-For", forwarded)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		for i := range 3 {
			if w := ask("192.0.2.1:1000", ""); w.Code != http.StatusOK {
				t.Fatalf("request %d answered %d", i+1, w.Code)
			}
		}
		w := ask("192.0.2.1:2000", "")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "600" {
			t.Errorf("the fourth answered %d with Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		if w := ask("192.0.2.1:2000", "198.51.100.7"); w.Code != http.StatusTooManyRequests {
			t.Errorf("an address that a stranger made up answered %d", w.Code)
		}
		if w := ask("192.0.2.2:1000", ""); w.Code != http.StatusOK {
			t.Errorf("another address answered %d", w.Code)
		}
		for range 3 {
			ask("10.1.2.3:1000", "2001:db8:1:2::1")
		}
		if w := ask("10.1.2.3:1000", "2001:db8:1:2:ffff::2"); w.Code != http.StatusTooManyRequests {
			t.Errorf("another address of a network that a proxy names answered %d", w.Code)
		}
		if w := ask("10.1.2.3:1000", "2001:db8:1:3::1"); w.Code != http.StatusOK {
			t.Errorf("another network behind the same proxy answered %d", w.Code)
		}
		time.Sleep(2 * limitWindow)
		if w := ask("192.0.2.1:1000", ""); w.Code != http.StatusOK {
			t.Errorf("after two windows the address is answered %d", w.Code)
		}
	})
}

func TestADemoHasNoLimits(t *testing.T) {
	s := limitedServer(t)
	s.Demo = http.NotFoundHandler()
	h := s.limited(1, s.byAddress)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 3 {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest("POST", "/sign-in", nil)); w.Code != http.StatusOK {
			t.Errorf("got %d", w.Code)
		}
	}
}

func testDatabase(t *testing.T) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "tipoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func testSessions(t *testing.T) *session.Manager {
	t.Helper()
	m, err := session.Open(t.Context(), session.Config{DB: testDatabase(t), Store: "database", Keys: []string{"a key of these tests, drawn by no dice"},
		URL: &url.URL{Scheme: "https", Host: "tipoff.example"}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}
