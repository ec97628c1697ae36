package handlers

import (
	"bytes"
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
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

// keepingServer is a whole site with a clock that stands still.
func keepingServer(t *testing.T) (*server, http.Handler) {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }
	public := &url.URL{Scheme: "https", Host: "tipoff.example"}
	games, err := schedule.Open(schedule.Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Config: Config{PublicURL: public, Schedule: games, Sessions: testSessions(t), Metrics: NewMetrics("test"), Now: now,
		Importer: &importer.Importer{Season: games.Season, Now: now}, Todoist: &todoist.API{}, Log: slog.New(slog.DiscardHandler)},
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

func TestAKeptPageIsThePageItself(t *testing.T) {
	s, h := keepingServer(t)
	people := map[string]*session.User{
		"visitor":  nil,
		"ann":      {ID: "1", Name: "Ann", Plan: "Free", Zone: "Europe/Berlin", Clock24: true, DayFirst: true, StartDay: 1, Lang: "de"},
		"bob":      {ID: "2", Name: "Bob", Plan: "Pro", Zone: "America/Los_Angeles", StartDay: 7, Lang: "en"},
		"nasty":    {ID: "3", Name: `<img src=x onerror=alert(1)>"'&` + initialMark + nameMark + planMark + whoHole, Plan: `"><script>`, Zone: "Mars/Phobos"},
		"long":     {ID: "4", Name: strings.Repeat("Ω", 900), Plan: "Business"},
		"nameless": {ID: "5"},
	}
	for name, u := range people {
		var cookie *http.Cookie
		if u != nil {
			cookie = signedIn(t, s, *u)
		}
		for _, path := range []string{"/", "/teams/NYK"} {
			// A query, whatever it is, leads past the cache.
			want := strings.ReplaceAll(ask(t, h, path+"?", "", cookie), "&#43;", "+")
			plain := ask(t, h, path+"?x=", "", cookie)
			if plain != ask(t, h, path+"?x=", "gzip", cookie) {
				t.Errorf("%s: %s differs by coding without the cache", name, path)
			}
			for _, accept := range []string{"", "gzip", "zstd", "gzip, deflate, br, zstd", "gzip;q=0"} {
				for range 2 {
					if got := ask(t, h, path, accept, cookie); strings.ReplaceAll(got, "&#43;", "+") != want {
						t.Fatalf("%s: %s in %q is not the page that is rendered for the request:\n%s", name, path, accept, difference(got, want))
					}
				}
			}
		}
	}
}

// difference is where two texts part.
func difference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("got  …%.300s\nwant …%.300s", got[max(0, i-60):], want[max(0, i-60):])
}

func TestAKeptPageShowsNobodyElse(t *testing.T) {
	s, h := keepingServer(t)
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

func TestAKeptPageFollowsWhoReadsIt(t *testing.T) {
	_, h := keepingServer(t)
	eastern, berlin := ask(t, h, "/teams/bos", "gzip", nil), ask(t, h, "/teams/bos", "gzip", nil, timesHeader, "Europe/Berlin~24~1~1~de")
	if eastern == berlin || ask(t, h, "/teams/bos", "gzip", nil) != eastern {
		t.Error("how one visitor reads times is how another gets them")
	}
}

func TestAKeptPageIsRenderedOnce(t *testing.T) {
	e := &edition{}
	rendered := 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			k, err := e.page(keptKey{path: "/"}, func() ([]byte, error) { rendered++; return []byte("page"), nil })
			if err != nil || string(k.before) != "page" {
				t.Errorf("got %v, %v", k, err)
			}
		})
	}
	wg.Wait()
	if rendered != 1 {
		t.Errorf("rendered %d times", rendered)
	}
}

func TestAPageWhoseRenderingPanicsIsAnErrorForThoseBehind(t *testing.T) {
	e := &edition{}
	func() {
		defer func() { _ = recover() }()
		_, _ = e.page(keptKey{}, func() ([]byte, error) { panic("broken") })
	}()
	if _, err := e.page(keptKey{}, func() ([]byte, error) { return nil, nil }); err == nil {
		t.Error("an empty page was taken for a good one")
	}
}

func TestAnEditionEndsWithItsScheduleAndItsTime(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	c := &cache{now: func() time.Time { return now }}
	one, other := &schedule.Season{}, &schedule.Season{}
	first := c.at(one, "")
	if c.at(one, "") != first {
		t.Error("the edition changed without a reason")
	}
	if c.at(other, "") == first || c.at(other, "ESPN is not answering.") == c.at(other, "") {
		t.Error("the edition of another schedule is used")
	}
	second := c.at(one, "")
	now = now.Add(keepFor)
	if c.at(one, "") == second {
		t.Error("an edition outlived its time")
	}
	third := c.at(one, "")
	now = now.Add(-time.Hour)
	if c.at(one, "") == third {
		t.Error("an edition of the future is used after the clock was set back")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	e := &edition{}
	page := bytes.Repeat([]byte("x"), 90_000)
	kept := 0
	for i := range 1000 {
		k, err := e.page(keptKey{times: fmt.Sprint(i)}, func() ([]byte, error) { return page, nil })
		if err != nil {
			t.Fatal(err)
		}
		if k != nil {
			kept++
		}
	}
	if kept < 50 || kept*len(page) > keepAtMost {
		t.Errorf("%d pages of %d bytes are kept", kept, len(page))
	}
	if k, _ := e.page(keptKey{times: "0"}, nil); k == nil {
		t.Error("what was kept before the cache was full is not found")
	}
}

func TestAFullCacheIsGoneAround(t *testing.T) {
	s, h := keepingServer(t)
	want := ask(t, h, "/", "gzip", nil)
	s.cache.present.Load().size.Store(keepAtMost + 1)
	if got := ask(t, h, "/", "gzip", nil, timesHeader, "America/New_York~12~0~0~en"); len(got) < len(want)/2 {
		t.Errorf("got %.200s", got)
	}
}

func TestTheSumOfAPageWithAGapIsRight(t *testing.T) {
	p := testPages(t, "")
	for _, n := range []int{0, 1, 7, 1000, 100_000} {
		k := &kept{}
		page := strings.Repeat("before", n) + whoHole + strings.Repeat("after it", n)
		k.render(func() ([]byte, error) { return []byte(page), nil })
		var b, who bytes.Buffer
		k.gzipAround(&b, p, &account{Name: "Ann"})
		p.writeWho(&who, &account{Name: "Ann"})
		z, err := gzip.NewReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil || string(got) != strings.Replace(page, whoHole, who.String(), 1) {
			t.Errorf("%d: %v", n, err)
		}
	}
}
