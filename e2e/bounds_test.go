package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// mostMemory is the most resident memory that the site's process has had, in
// bytes.
func (s *site) mostMemory() int64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return kb << 10
		}
	}
	s.t.Fatal("the process does not say what it takes")
	return 0
}

// startBuilt starts the program as it is shipped: the race detector takes memory
// of its own.
func (s *site) startBuilt() {
	s.t.Helper()
	onLinux(s.t)
	s.program = built.program(s.t)
	s.startProcess()
}

// repeated writes begin and then a piece until nobody reads on, or for about so
// many bytes; then end.
func repeated(w io.Writer, begin, piece, end string, bytes int) {
	_, err := io.WriteString(w, begin)
	chunk := strings.Repeat(piece, 1+(64<<10)/len(piece))
	for n := 0; n < bytes && err == nil; n += len(chunk) {
		_, err = io.WriteString(w, chunk)
	}
	if err == nil {
		_, _ = io.WriteString(w, strings.TrimSuffix(piece, ",")+end)
	}
}

// atMost fails the test if the site's process has had more memory than this.
func (s *site) atMost(bytes int64) {
	s.t.Helper()
	if most := s.mostMemory(); most > bytes {
		s.t.Errorf("the program took %d MB, want %d at most", most>>20, bytes>>20)
	} else {
		s.t.Logf("at most %d MB of %d", most>>20, bytes>>20)
	}
}

const feedBegin = `{"leagueSchedule":{"seasonYear":"2026-27","gameDates":[{"games":[`

// floodingFeeds are feeds that would take far more memory than their bytes, of
// which each has almost as many as are read; ESPN's where it begins with "an event".
var floodingFeeds = map[string]func(w io.Writer, bytes int){
	"empty games": func(w io.Writer, n int) { repeated(w, feedBegin, `{},`, `]}]}}`, n) },
	"small games": func(w io.Writer, n int) {
		repeated(w, feedBegin, `{"gameId":"0022600001","gameDateEst":"2026-10-20T00:00:00Z"},`, `]}]}}`, n)
	},
	"empty days": func(w io.Writer, n int) { repeated(w, `{"leagueSchedule":{"gameDates":[`, `{},`, `]}}`, n) },
	"a game of channels": func(w io.Writer, n int) {
		repeated(w, feedBegin+`{"broadcasters":{"homeTvBroadcasters":[`, `{},`, `]}}]}]}}`, n)
	},
	"what is unknown":      func(w io.Writer, n int) { repeated(w, `{"odd":`, `[`, ``, n) },
	"an event of no games": func(w io.Writer, n int) { repeated(w, `{"events":[{"competitions":[`, `{},`, `]}]}`, n) },
	"an event is empty":    func(w io.Writer, n int) { repeated(w, `{"events":[`, `{},`, `]}`, n) },
}

// floodFeed starts the program with such a feed and fails the test unless it
// refuses the feed, still has its schedule, and takes little memory for it.
func floodFeed(t *testing.T, name string) {
	t.Parallel()
	feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { floodingFeeds[name](w, 19<<20) }))
	t.Cleanup(feed.Close)
	source := []string{"-schedule-url", feed.URL + "/feed.json"}
	if strings.HasPrefix(name, "an event") {
		source = []string{"-espn-url", feed.URL}
	}
	s := newSite(t, midSeason, append(source, "-schedule-refresh", "1h")...)
	s.startBuilt()
	s.saying("the schedule is not refreshed")
	s.browser().get("/teams/bos").want(http.StatusOK).has(fmt.Sprintf("All %d games", len(seasonOf("BOS"))))
	s.atMost(120 << 20)
}

func TestTheAccountOfOneUserIsReadForOnePageAtATime(t *testing.T) {
	t.Parallel()
	const asked, inLine = 80, 64
	s := newSite(t, midSeason)
	reading, let := make(chan struct{}, 10*asked), make(chan struct{})
	var holding atomic.Bool
	s.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
		if holding.Load() && x.path == "/api/v1/sync" && x.header.Get("Authorization") == "Bearer api-token-of-ann" {
			reading <- struct{}{}
			<-let
		}
		return false
	}
	s.start()
	signIn := func(name string) *browser {
		s.account(name, fake.Free)
		b := s.browser()
		b.post("/sign-in/token", url.Values{"token": {"api-token-of-" + name}}).want(http.StatusSeeOther)
		return b
	}
	ann, ben := signIn("ann"), signIn("ben")
	form := ann.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
	ann.post("/imports", form).want(http.StatusSeeOther)
	holding.Store(true)
	refused, shown := make(chan *page, asked), make(chan *page, asked)
	var wg sync.WaitGroup
	for i := range asked {
		wg.Go(func() {
			p, err := ann.try([]string{"/import?team=BOS", "/import?team=NYK", "/projects"}[i%3], nil)
			switch {
			case err != nil:
				t.Error(err)
			case p.status == http.StatusTooManyRequests:
				refused <- p
			default:
				shown <- p
			}
		})
	}
	// All have come once those are answered for which the line has no room.
	reads := 0
	for told := 0; told < asked-inLine && reads < 2; {
		select {
		case p := <-refused:
			told++
			if p.has("Too many requests"); p.header.Get("Retry-After") == "" {
				t.Error("a page too many does not say when to come again")
			}
		case <-reading:
			reads++
		}
	}
	// Others do not wait for her.
	ben.get("/projects").want(http.StatusOK)
	if reads += len(reading); reads > 1 {
		t.Errorf("Todoist was asked %d times at once for one user", reads)
	}
	close(let)
	wg.Wait()
	if len(shown) != inLine {
		t.Errorf("%d of %d pages are shown, want %d", len(shown), asked, inLine)
	}
	for range len(shown) {
		if p := <-shown; p.status != http.StatusOK && p.status != http.StatusNotFound {
			t.Errorf("%s answered %d", p.url, p.status)
		}
	}
}

func TestAnImportUnderWayHoldsUpNoPageOfItsUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	writing, let := make(chan struct{}, 9), make(chan struct{})
	s.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
		if x.path == "/api/v1/sync" && x.fields().Get("sync_token") != "*" {
			writing <- struct{}{}
			<-let
		}
		return false
	}
	s.start()
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	form := b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
	done := make(chan *page, 1)
	go func() {
		p, err := b.try("/imports", form)
		if err != nil {
			t.Error(err)
		}
		done <- p
	}()
	<-writing
	b.get("/projects").want(http.StatusOK)
	b.get("/import?team=NYK").want(http.StatusOK)
	close(let)
	if p := <-done; p == nil || p.status != http.StatusSeeOther {
		t.Errorf("the import was answered with %+v", p)
	}
}

func TestAFeedThatIsMadeToExhaustMemoryDoesNot(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"small games", "an event of no games"} {
		t.Run(name, func(t *testing.T) { floodFeed(t, name) })
	}
}

// hold opens a connection to the site, sends something and keeps it open until
// the test ends.
func (s *site) hold(send string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, send); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func TestConnectionsThatSendNothingOnAreClosed(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	s.with.ReadHeaderTimeout, s.with.IdleTimeout = 100*time.Millisecond, 100*time.Millisecond
	s.start()
	for name, send := range map[string]string{
		"without a request":         "",
		"in the middle of a header": "GET / HTTP/1.1\r\nHost: tipoff.test\r\nX-A: b",
		"in the middle of a body":   "POST /sign-in/token HTTP/1.1\r\nHost: tipoff.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000\r\n\r\ntoken=",
		"between two requests":      "GET /livez HTTP/1.1\r\nHost: tipoff.test\r\n\r\n",
	} {
		conn := s.hold(send)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Far more than the longest of the times.
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stays open")
			}
		})
	}
}
