package e2e

import (
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

func TestATodoistThatSendsElsewhereGivesNobodyAToken(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		t.Errorf("another host got %s %s with Authorization %v", r.Method, r.URL.Path, r.Header["Authorization"] != nil)
	}))
	defer elsewhere.Close()
	s := newSite(t, midSeason)
	var path atomic.Value
	var status atomic.Int64
	path.Store("nowhere")
	s.tap.before = func(w http.ResponseWriter, x *exchange) bool {
		if !strings.Contains(x.path, path.Load().(string)) {
			return false
		}
		w.Header().Set("Location", elsewhere.URL+x.path)
		w.WriteHeader(int(status.Load()))
		return true
	}
	s.start()
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	project, _, _ := strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
	for _, code := range []int{301, 302, 303, 307, 308} {
		status.Store(int64(code))
		path.Store("/api/v1/")
		b.get("/projects").want(http.StatusBadGateway)
		b.post("/imports", url.Values{"team": {"NYK"}}).want(http.StatusBadGateway)
		b.post(project+"/remove", nil)
		s.browser().post("/sign-in/token", url.Values{"token": {"api-token-of-ann"}})
		path.Store("/oauth/access_token")
		c := s.browser()
		_, back := c.begin(account, "/")
		if p := c.get(back); p.status < 400 || c.session() != "" {
			t.Errorf("a sign-in whose exchange is sent elsewhere answered %d", p.status)
		}
		s.fake.ExpireAccess(account)
		b.get("/projects")
		path.Store("/api/v1/revoke")
		s.browser().signIn(account).post("/sign-out", nil)
		path.Store("nowhere")
		b.signIn(account)
	}
	if reached.Load() > 0 {
		t.Errorf("another host was reached %d times", reached.Load())
	}
}

func TestAnswersOfTodoistThatMakeNoSenseAreNeverTakenForSuccess(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	var wg sync.WaitGroup
	for name, body := range map[string]string{
		"HTML": "<html><body>Bad gateway</body></html>", "empty": " ", "null": "null", "a list": "[]", "a text": `"ok"`, "a number": "1e999", "cut off": `{"sync_token":"x","user":{"id":"1"`,
		"nested": strings.Repeat("[", 200_000), "nested objects": strings.Repeat(`{"user":`, 200_000), "of other types": `{"sync_token":1,"projects":"none","user":[],"items":{}}`,
		"without a user": `{"sync_token":"x","projects":[],"items":[],"sync_status":null}`, "bytes": "\x00\xff\xfe\x1b]0;x\x07", "two documents": "{}{}",
		"a huge number": `{"sync_token":"x","user":{"id":"1","start_day":` + strings.Repeat("9", 100_000) + `}}`, "nothing": "{}",
	} {
		account := s.account(name, fake.Free)
		b := s.browser().signIn(account)
		s.fake.Fail(fake.Fault{Path: "/api/v1/sync", Account: account.Profile().ID, Status: 200, Body: body})
		wg.Go(func() {
			p, err := b.try("/imports", url.Values{"team": {"BOS"}})
			if err != nil || p.status < 400 {
				t.Errorf("an answer that is %s was taken for a good one: %v %+v", name, err, p)
			}
		})
	}
	wg.Wait()
	s.fake.ClearFaults()
	b := s.browser().signIn(s.fake.Account("HTML-1"))
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	if strings.Contains(s.log.String(), "msg=panic") {
		t.Error("the program panicked")
	}
}

func TestRequestsThatAreTooLargeOrMalformedAreRefused(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	send := func(request string) string {
		t.Helper()
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		// The program may answer and close before it has read everything.
		go io.WriteString(conn, request)
		answer := make([]byte, 12)
		if _, err := io.ReadFull(conn, answer); err != nil {
			return ""
		}
		return string(answer[9:])
	}
	form := func(size int, length string) string {
		return "POST /imports HTTP/1.1\r\nHost: tipoff.test\r\nContent-Type: application/x-www-form-urlencoded\r\n" + length + "\r\n\r\n" + strings.Repeat("a", size)
	}
	for name, tt := range map[string]struct{ request, want string }{
		"a header of 100 kB":              {"GET / HTTP/1.1\r\nHost: tipoff.test\r\nX-A: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", "431"},
		"a header of 30 kB":               {"GET / HTTP/1.1\r\nHost: tipoff.test\r\nX-A: " + strings.Repeat("x", 30<<10) + "\r\n\r\n", "200"},
		"ten thousand headers":            {"GET / HTTP/1.1\r\nHost: tipoff.test\r\n" + strings.Repeat("A: b\r\n", 10_000) + "\r\n", "431"},
		"an address of 100 kB":            {"GET /" + strings.Repeat("x", 100<<10) + " HTTP/1.1\r\nHost: tipoff.test\r\n\r\n", "431"},
		"cookies of 60 kB":                {"GET / HTTP/1.1\r\nHost: tipoff.test\r\nCookie: " + strings.Repeat("tipoff-x=y; ", 5000) + "\r\n\r\n", "431"},
		"no host":                         {"GET / HTTP/1.1\r\n\r\n", "400"},
		"two hosts":                       {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
		"two lengths":                     {"POST /sign-out HTTP/1.1\r\nHost: tipoff.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
		"a length that is negative":       {"POST /sign-out HTTP/1.1\r\nHost: tipoff.test\r\nContent-Length: -1\r\n\r\n", "400"},
		"a line break in a header":        {"GET / HTTP/1.1\r\nHost: tipoff.test\r\nX-A: a\x00b\r\n\r\n", "400"},
		"no HTTP":                         {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"},
		"another version":                 {"GET / HTTP/3.7\r\nHost: tipoff.test\r\n\r\n", "505"},
		"an unknown method":               {"BREW / HTTP/1.1\r\nHost: tipoff.test\r\n\r\n", "405"},
		"TRACE":                           {"TRACE / HTTP/1.1\r\nHost: tipoff.test\r\n\r\n", "405"},
		"CONNECT":                         {"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n", "405"},
		"another site's absolute address": {"GET http://evil.example/teams/bos HTTP/1.1\r\nHost: evil.example\r\n\r\n", "200"},
		"a path out of the site":          {"GET /static/..%2f..%2fmain.go HTTP/1.1\r\nHost: tipoff.test\r\n\r\n", "404"},
		"a form of another kind":          {"POST /sign-in/token HTTP/1.1\r\nHost: tipoff.test\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 3\r\n\r\n--x", "422"},
		"a form that claims a gigabyte":   {form(300<<10, "Content-Length: 1073741824"), "413"},
		"percent signs that mean nothing": {"POST /sign-in/token HTTP/1.1\r\nHost: tipoff.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\ntoken=%z", "400"},
	} {
		if got := send(tt.request); got != tt.want {
			t.Errorf("%s is answered %q, want %s", name, got, tt.want)
		}
	}
	b := s.browser().signIn(s.account("ann", fake.Free))
	for _, path := range []string{"/imports", "/sign-in", "/sign-in/token", "/sign-out", "/account/sessions/end"} {
		if p := b.post(path, url.Values{"x": {strings.Repeat("a", 300<<10)}}); p.status != http.StatusRequestEntityTooLarge {
			t.Errorf("POST %s of 300 kB answered %d", path, p.status)
		}
	}
	b.post("/imports", url.Values{"x": {strings.Repeat("a", 250<<10)}}).want(http.StatusUnprocessableEntity)
	b.get("/account").want(http.StatusOK)
}

// hostileFeeds are answers of a feed that has nothing good in mind.
var hostileFeeds = map[string]http.HandlerFunc{
	"endless games": func(w http.ResponseWriter, _ *http.Request) {
		repeated(w, feedBegin+`{}`, `,{"gameId":"0022600001","gameLabel":"`+strings.Repeat("x", 1000)+`"}`, "", endless)
	},
	"one endless text": func(w http.ResponseWriter, _ *http.Request) {
		repeated(w, `{"leagueSchedule":{"seasonYear":"`, "x", "", endless)
	},
	"endless nesting": func(w http.ResponseWriter, _ *http.Request) { repeated(w, "", "[", "", endless) },
	"a bomb": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		repeated(z, `{"leagueSchedule":{"seasonYear":"`, "x", "", 64<<20)
	},
	"HTML":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
	"a loop": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) },
	"a redirect home": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	},
	"a few games": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"leagueSchedule":{"seasonYear":"2026-27","leagueId":"00","gameDates":[{"games":[{"gameId":"0022600001","gameDateEst":"2026-10-20T00:00:00Z"}]}]}}`)
	},
	"huge headers": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", strings.Repeat("x", 2<<20)) },
}

// endless is more bytes than anybody reads.
const endless = math.MaxInt

// hostile starts the program with such a feed and fails the test unless it is
// refused and the schedule stays as it was.
func hostile(t *testing.T, name string) {
	t.Parallel()
	s := startSite(t, midSeason, "-schedule-url", serveAnswer(t, hostileFeeds[name]), "-schedule-refresh", "1h")
	s.saying("the schedule is not refreshed")
	b := s.browser()
	b.get("/readyz").want(http.StatusOK)
	b.get("/teams/bos").want(http.StatusOK).has("All " + fmt.Sprint(len(seasonOf("BOS"))) + " games")
}

func TestAFeedThatIsHostileLeavesTheScheduleAsItWas(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HTML", "a redirect home", "a few games", "a loop", "huge headers", "endless nesting"} {
		t.Run(name, func(t *testing.T) { hostile(t, name) })
	}
}

// seasonOf are a team's games of the season that is built in, as its page counts
// them.
func seasonOf(team string) []schedule.Game {
	return schedule.Filter{Teams: []string{team}}.Games(embedded(), midSeason)
}

func TestANameOfAnyLengthLeavesPagesWhole(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	for _, length := range []int{60, 1 << 10, 40 << 10, 70 << 10, 300 << 10} {
		name := strings.Repeat("ŵ&", length/3)
		account := s.fake.AddAccount(fake.Profile{ID: fmt.Sprintf("long-%d", length), Email: "long@example.org", Name: name, APIToken: fmt.Sprintf("long-token-%d", length), Zone: "UTC"})
		b := s.browser().signIn(account)
		for _, path := range []string{"/", "/teams/bos", "/account", "/projects"} {
			// The client unpacks what comes packed, and an answer that is not
			// whole is an error.
			if p, err := b.try(path, nil); err != nil || p.status != http.StatusOK || !strings.Contains(p.body, "</html>") || !strings.Contains(p.body, "ŵ&amp;ŵ") {
				t.Fatalf("%s for a name of %d bytes: %v", path, len(name), err)
			}
		}
	}
}

// A limit is how often something is taken in ten minutes, as docs/security.md says.
type limit struct {
	most int
	ask  func(n int) (*page, error) // asks for the nth time
}

// limits are those of a site which believes that it is asked from the addresses
// that proxies name. An import of no team costs a try and does nothing.
func limits(t *testing.T, s *site) map[string]limit {
	address := 0
	from := func() []string {
		address++
		return []string{"X-Forwarded-For", fmt.Sprintf("198.51.100.%d", address)}
	}
	signedIn := func(name string) *browser {
		s.account(name, fake.Free)
		b := s.browser()
		p, err := b.try("/sign-in/token", url.Values{"token": {"api-token-of-" + name}}, from()...)
		if err != nil || p.status != http.StatusSeeOther {
			t.Fatal(err, p)
		}
		return b
	}
	visitor, guessing, returning, home := s.browser(), from(), from(), from()
	var family []*browser
	for i := range 12 {
		family = append(family, signedIn(fmt.Sprint("member-", i)))
	}
	ann, others := family[0], family[1:]
	return map[string]limit{
		"sign-ins of an address": {60, func(int) (*page, error) {
			return visitor.try("/sign-in/token", url.Values{"token": {"a guess"}}, guessing...)
		}},
		"ways back of an address": {120, func(int) (*page, error) { return visitor.try("/oauth/callback?state=x&code=y", nil, returning...) }},
		"imports of a user":       {60, func(int) (*page, error) { return ann.try("/imports", url.Values{"team": {"none"}}, from()...) }},
		"imports of an address": {600, func(n int) (*page, error) {
			return others[n%len(others)].try("/imports", url.Values{"team": {"none"}}, home...)
		}},
	}
}

// reach fails the test unless so many go through and no more.
func (l limit) reach(t *testing.T) {
	n := 0
	for {
		p, err := l.ask(n)
		if err != nil {
			t.Fatal(err)
		}
		if p.status == http.StatusTooManyRequests {
			p.has("Too many requests")
			break
		}
		// Where the clock begins a new ten minutes just now, one or two more go
		// through.
		if n++; n > l.most+2 {
			break
		}
	}
	if n < l.most || n > l.most+2 {
		t.Errorf("%d went through, want %d", n, l.most)
	}
}

func TestSoMuchIsTakenInTenMinutesAndNoMore(t *testing.T) {
	t.Parallel()
	all := limits(t, startSite(t, midSeason, "-trusted-proxies", "127.0.0.0/8,::1"))
	for _, name := range []string{"sign-ins of an address", "imports of a user"} {
		t.Run(name, all[name].reach)
	}
}
