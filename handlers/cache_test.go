package handlers

import (
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

// keepingServer is a whole site with a clock that stands still.
func cachingServer(t *testing.T) (*server, http.Handler) {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }
	public := &url.URL{Scheme: "https", Host: "tipoff.example"}
	games, err := schedule.Open(t.Context(), schedule.Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Config: Config{PublicURL: public, Schedule: games, Sessions: testSessions(t), Metrics: NewMetrics("test"), Now: now,
		Importer: &importer.Importer{Season: games.Season, Now: now, Rows: imports.New(testDatabase(t), now)}, Todoist: &todoist.API{}, Log: slog.New(slog.DiscardHandler)},
		files: testFiles(t), pages: testPages(t, ""), themes: themes(schedule.Teams()), cache: cache{now: now}}
	return s, s.routes()
}

// signedIn returns the cookie of somebody's new session.
func signedIn(t *testing.T, s *server, u session.User) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	s.Sessions.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := s.Sessions.SignIn(r.Context(), u, session.Tokens{Access: "token"}); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Result().Cookies()[0]
}

// ask is an answer's body, unpacked.
func ask(t *testing.T, h http.Handler, path, accept string, cookie *http.Cookie, header ...string) string {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", accept)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Fatalf("%s answered %d with %d bytes of %s", path, w.Code, w.Body.Len(), w.Header().Get("Content-Length"))
	}
	var body io.Reader = w.Body
	var err error
	switch coding := w.Header().Get("Content-Encoding"); coding {
	case "gzip":
		body, err = gzip.NewReader(w.Body)
	case "zstd":
		body, err = zstd.NewReader(w.Body)
	case "":
	default:
		t.Fatalf("coded in %s", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(body) // gzip's reader checks length and sum
	if err != nil {
		t.Fatalf("%s in %q: %v", path, accept, err)
	}
	return string(raw)
}

func TestACachedPageIsThePageItself(t *testing.T) {
	s, h := cachingServer(t)
	people := map[string]*session.User{
		"visitor":  nil,
		"ann":      {ID: "1", Name: "Ann", Plan: "Free", Zone: "Europe/Berlin", Clock24: true, DayFirst: true, StartDay: 1},
		"bob":      {ID: "2", Name: "Bob", Plan: "Pro", Zone: "America/Los_Angeles", StartDay: 7},
		"nasty":    {ID: "3", Name: `<img src=x onerror=alert(1)>"'&`, Plan: `"><script>`, Zone: "Mars/Phobos"},
		"long":     {ID: "4", Name: strings.Repeat("Ω", 900), Plan: "Business"},
		"nameless": {ID: "5"},
	}
	for name, u := range people {
		var cookie, other *http.Cookie
		if u != nil {
			cookie = signedIn(t, s, *u)
			somebody := *u
			somebody.ID, somebody.Name, somebody.Plan = "9", "Somebody else", "Free"
			other = signedIn(t, s, somebody)
		}
		for _, path := range []string{"/", "/teams/NYK", "/?q=york", "/teams/NYK?venue=home"} {
			s.cache.current.Store(nil)
			want := ask(t, h, path, "", cookie)
			s.cache.current.Store(nil)
			ask(t, h, path, "", other) // who reads times in the same way
			for _, accept := range []string{"", "gzip", "zstd", "gzip, deflate, br, zstd", "gzip;q=0"} {
				for range 2 {
					if got := ask(t, h, path, accept, cookie); got != want {
						t.Fatalf("%s: %s in %q is not the page that is rendered for the request:\n%s", name, path, accept, difference(got, want))
					}
				}
			}
		}
	}
}

func TestParametersThatNobodyKnowsDoNotCount(t *testing.T) {
	s, h := cachingServer(t)
	for _, path := range []string{"/", "/teams/BOS", "/teams/bos"} {
		want := ask(t, h, path, "gzip", nil)
		before := len(cachedKeys(s))
		for _, query := range []string{"?x=1", "?utm_source=mail&utm_medium=x", "?", "?games=all", "?tv=any&venue=all", "?q="} {
			if got := ask(t, h, path+query, "gzip", nil); got != want {
				t.Errorf("%s%s is another page than %s:\n%s", path, query, path, difference(got, want))
			}
		}
		if got := len(cachedKeys(s)); got != before {
			t.Errorf("%s: %d pages and parts are cached, %d before the queries came", path, got, before)
		}
	}
}

func TestAFilteredPageRendersNoGameAgain(t *testing.T) {
	s, h := cachingServer(t)
	ask(t, h, "/teams/bos", "", nil)
	before := len(cachedKeys(s))
	season, err := s.seasonOf("BOS", locale{Zone: schedule.Eastern(), Now: s.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range season.games {
		g.Line = "<li>cached</li>\n"
	}
	page := ask(t, h, "/teams/bos?venue=home&opponent=NYK", "", nil)
	if strings.Count(page, "<li>cached</li>") != 2 || strings.Contains(page, "row game") {
		t.Errorf("the page has other lines than those that were cached: %.2000s", page[strings.Index(page, "Game by game"):])
	}
	if got := len(cachedKeys(s)); got != before {
		t.Errorf("%d pages and parts are cached after a filtered page, %d before", got, before)
	}
}

// cachedKeys are the keys of what is cached now.
func cachedKeys(s *server) (keys []any) {
	if e := s.cache.current.Load(); e != nil {
		e.parts.Range(func(key, _ any) bool { keys = append(keys, key); return true })
	}
	return keys
}

// difference is where two texts part.
func difference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("got  …%.300s\nwant …%.300s", got[max(0, i-60):], want[max(0, i-60):])
}

func TestACachedPageShowsNobodyElse(t *testing.T) {
	s, h := cachingServer(t)
	var wg sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprintf("Person-%02d-of-twenty", i)
		cookie := signedIn(t, s, session.User{ID: fmt.Sprint(i), Name: name, Plan: "Free", Zone: "America/New_York"})
		wg.Go(func() {
			for _, path := range []string{"/", "/teams/bos", "/", "/teams/lal"} {
				for _, accept := range []string{"gzip", ""} {
					page := ask(t, h, path, accept, cookie)
					if strings.Count(page, "-of-twenty") != 2 || strings.Count(page, name) != 2 {
						t.Errorf("%s sees %s with other names", name, path)
					}
				}
			}
		})
		wg.Go(func() {
			if page := ask(t, h, "/", "gzip", nil); strings.Contains(page, "-of-twenty") || !strings.Contains(page, "/sign-in") || strings.Contains(page, "/sign-out") {
				t.Error("a visitor sees a page of somebody's")
			}
		})
	}
	wg.Wait()
}

func TestACachedPageFollowsItsLocale(t *testing.T) {
	_, h := cachingServer(t)
	eastern, berlin := ask(t, h, "/teams/bos", "gzip", nil), ask(t, h, "/teams/bos", "gzip", nil, timesHeader, "Europe/Berlin~24~1~1")
	if eastern == berlin || ask(t, h, "/teams/bos", "gzip", nil) != eastern {
		t.Error("how one visitor reads times is how another gets them")
	}
}

func TestACachedPartIsMadeOnce(t *testing.T) {
	e := &snapshot{}
	made := 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			got, err := cached(e, leagueLocale, pageKey{path: "/"}, func() (string, int, error) { made++; return "page", 4, nil })
			if err != nil || got != "page" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}

func TestASnapshotEndsWithItsScheduleAndItsTime(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	c := &cache{now: func() time.Time { return now }}
	one, other := &schedule.Season{}, &schedule.Season{}
	first := c.at(one, "")
	if c.at(one, "") != first {
		t.Error("the snapshot changed without a reason")
	}
	if c.at(other, "") == first || c.at(other, "ESPN is not answering.") == c.at(other, "") {
		t.Error("the snapshot of another schedule is used")
	}
	second := c.at(one, "")
	now = now.Add(maxAge)
	if c.at(one, "") == second {
		t.Error("a snapshot outlived its time")
	}
	third := c.at(one, "")
	now = now.Add(-time.Hour)
	if c.at(one, "") == third {
		t.Error("a snapshot of the future is used after the clock was set back")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	e := &snapshot{}
	own := func(i int) localeKey { return localeKey{zone: fmt.Sprint("Zone/", i)} }
	made := 0
	page := func() (string, int, error) { made++; return "page", 90_000, nil }
	for i := range 1000 {
		if got, err := cached(e, own(i), pageKey{localeKey: own(i)}, page); got != "page" || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if size := e.size.Load(); made != 1000 || size > maxBytes+90_000 || size < maxBytes/2 {
		t.Errorf("%d of %d bytes are cached", size, maxBytes)
	}
	if _, err := cached(e, own(0), pageKey{localeKey: own(0)}, page); err != nil || made != 1000 {
		t.Errorf("what was cached before it was full is not found: %v", err)
	}
	for range 2 {
		if _, err := cached(e, leagueLocale, pageKey{localeKey: leagueLocale}, page); err != nil || made != 1001 {
			t.Errorf("the page of most visitors is not cached when the cache is full: made %d, %v", made-1000, err)
		}
	}
}
