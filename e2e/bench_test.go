package e2e

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/handlers"
	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

// discarding is an answer that nobody reads.
type discarding struct{ header http.Header }

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarding) WriteHeader(int)             {}

// BenchmarkPages asks for pages without a network between.
func BenchmarkPages(b *testing.B) {
	public := &url.URL{Scheme: "https", Host: "tipoff.test"}
	log := slog.New(handlers.LogRequests(slog.NewTextHandler(&discarding{}, nil)))
	now := clockFrom(midSeason)
	db, err := database.Open(context.Background(), "sqlite:"+filepath.Join(b.TempDir(), "tipoff.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	sessions, err := session.Open(context.Background(), session.Config{DB: db, Store: "database",
		Keys: []string{"the key of a benchmark, of 32 letters and more"}, URL: public, Now: now, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	defer sessions.Close()
	games, err := schedule.Open(b.Context(), schedule.Config{Now: now})
	if err != nil {
		b.Fatal(err)
	}
	site, err := handlers.New(handlers.Config{PublicURL: public, Schedule: games, Sessions: sessions, Importer: importer.New(games.Season, imports.New(db, now), now, log),
		Todoist: &todoist.API{HTTP: http.DefaultClient}, Metrics: handlers.NewMetrics("test"), Now: now, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	// Somebody signs in.
	w := httptest.NewRecorder()
	sessions.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := session.User{ID: "1", Name: "Ann Example", Email: "ann@example.org", Zone: "Europe/Berlin", Clock24: true, Plan: "Free"}
		if err := sessions.SignIn(r.Context(), user, session.Tokens{Access: strings.Repeat("a", 40), Refresh: strings.Repeat("b", 40), Expires: now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	cookie := w.Result().Cookies()[0]

	for _, page := range []struct {
		name, path string
		signedIn   bool
	}{
		{"home signed out", "/", false}, {"home signed in", "/", true},
		{"team signed out", "/teams/bos", false}, {"team signed in", "/teams/bos", true},
		{"team with a filter", "/teams/bos?venue=home", false}, {"livez", "/livez", false},
	} {
		b.Run(page.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", page.path, nil)
			r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
			if page.signedIn {
				r.AddCookie(cookie)
			}
			b.ReportAllocs()
			answer := httptest.NewRecorder()
			if site.ServeHTTP(answer, r); answer.Code != http.StatusOK {
				b.Fatalf("answered %d: %s", answer.Code, answer.Body)
			}
			for b.Loop() {
				site.ServeHTTP(&discarding{http.Header{}}, r)
			}
		})
	}
}
