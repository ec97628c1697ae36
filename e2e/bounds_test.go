package e2e

import (
	"bufio"
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

// numbered writes members of an object with keys of their own.
func numbered(w io.Writer, begin, value string, bytes int) {
	b := bufio.NewWriterSize(w, 64<<10)
	_, _ = b.WriteString(begin)
	for i, n := 0, 0; n < bytes; i++ {
		m, err := fmt.Fprintf(b, "%q:%s,", strconv.Itoa(i), value)
		if err != nil {
			return
		}
		n += m
	}
	_, _ = b.WriteString(`"":` + value + `}}`)
	_ = b.Flush()
}

func TestATodoistWhoseAnswersAreMadeToExhaustMemoryDoesNot(t *testing.T) {
	t.Parallel()
	const large = 46 << 20 // below what would be refused for its size alone
	answers := map[string]func(io.Writer){
		"empty-tasks":    func(w io.Writer) { repeated(w, `{"sync_token":"x","items":[`, `{},`, `]}`, large) },
		"empty-projects": func(w io.Writer) { repeated(w, `{"sync_token":"x","projects":[`, `{},`, `]}`, large) },
		"nothings":       func(w io.Writer) { repeated(w, `{"sync_token":"x","reminders":[`, `null,`, `]}`, large) },
		"list-upon-list": func(w io.Writer) { repeated(w, `{"sync_token":"x"`, `,"sections":[{},{},{}]`, `}`, large) },
		"labels":         func(w io.Writer) { repeated(w, `{"sync_token":"x","items":[{"labels":[`, `"",`, `]}]}`, large) },
		"fewer-labels": func(w io.Writer) {
			repeated(w, `{"sync_token":"x","items":[`, `{"labels":[`+strings.Repeat(`"",`, 2000)+`""]},`, `]}`, large)
		},
		"one-long-text":   func(w io.Writer) { repeated(w, `{"sync_token":"x","user":{"full_name":"`, `x`, `"}}`, large) },
		"results":         func(w io.Writer) { numbered(w, `{"sync_token":"x","sync_status":{`, `{}`, large) },
		"identifiers":     func(w io.Writer) { numbered(w, `{"sync_token":"x","temp_id_mapping":{`, `""`, large) },
		"what-is-unknown": func(w io.Writer) { repeated(w, `{"sync_token":"x","odd":[`, `[[],{}],`, `,]`, large) },
		"nesting":         func(w io.Writer) { repeated(w, `{"sync_token":"x","odd":`, `[`, ``, large) },
		"a-page":          func(w io.Writer) { repeated(w, `{"results":[`, `{},`, `],"next_cursor":"more"}`, large) },
	}
	s := &site{t: t, dir: t.TempDir()}
	s.fake = fake.New(fake.Config{Now: clockFrom(midSeason), FullSyncs: -1, PartialSyncs: -1})
	var well atomic.Bool
	well.Store(true)
	wire := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name, _ := strings.Cut(r.Header.Get("Authorization"), "api-token-of-")
		if answer := answers[name]; answer != nil && !well.Load() {
			answer(w)
			return
		}
		s.fake.ServeHTTP(w, r)
	}))
	t.Cleanup(wire.Close)
	s.todoist = wire.URL
	s.args = append(settings(wire.URL, s.dir, midSeason), "-todoist-client-id", "", "-todoist-client-secret", "")
	s.startBuilt()
	visitor := s.browser()
	browsers, project := map[string]*browser{}, map[string]string{}
	for name := range answers {
		s.account(name, fake.Free)
		b := s.browser()
		b.post("/sign-in/token", url.Values{"token": {"api-token-of-" + name}}).want(http.StatusSeeOther)
		project[name], _, _ = strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
		browsers[name] = b
	}
	before := s.mostMemory()
	well.Store(false)
	var wg sync.WaitGroup
	for name, b := range browsers {
		for _, path := range []string{"/projects", "/import?team=NYK", project[name]} {
			wg.Go(func() {
				if p, err := b.try(path, nil); err != nil || p.status < 500 {
					t.Errorf("%s: GET %s: %v %+v", name, path, err, p)
				}
			})
		}
	}
	for range 20 {
		visitor.get("/teams/bos").want(http.StatusOK)
	}
	wg.Wait()
	if most := s.mostMemory(); most > before+128<<20 {
		t.Errorf("the program took %d MB, before it %d", most>>20, before>>20)
	}
	t.Logf("at most %d MB, before it %d", s.mostMemory()>>20, before>>20)
	well.Store(true)
	for _, b := range browsers {
		b.get("/projects").want(http.StatusOK)
	}
}

func TestAnAccountThatIsMadeToExhaustMemoryDoesNot(t *testing.T) {
	t.Parallel()
	s := &site{t: t, dir: t.TempDir()}
	s.fake, s.todoist = newTodoist(t, midSeason)
	s.args = settings(s.todoist, s.dir, midSeason)
	s.startBuilt()
	account := s.account("ann", fake.Pro)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	made := tasks(account, "")
	for i := range 1500 {
		// Copies of the user's own tasks, below notes as long as Todoist takes.
		made := made[i%len(made)]
		account.AddTask(fake.Task{ProjectID: account.InboxID(), Content: made.Content,
			Description: strings.Repeat("[", 16000-len(made.Description)) + made.Description})
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if p, err := b.try("/import?team=BOS", nil); err != nil || p.status != http.StatusOK {
				t.Errorf("the page answered %+v, %v", p, err)
			}
		})
	}
	wg.Wait()
	if most := s.mostMemory(); most > 200<<20 {
		t.Errorf("the program took %d MB", most>>20)
	} else {
		t.Logf("at most %d MB", most>>20)
	}
}

func TestAPageSaysThatAnAccountHoldsTooMuch(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Pro)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	made := tasks(account, project)[0]
	var options strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&options, "&%d", i)
	}
	for range 200 {
		account.AddTask(fake.Task{ProjectID: project, Content: made.Content,
			Description: strings.Replace(made.Description, "&team=BOS", "&team=BOS"+options.String(), 1)})
	}
	for _, path := range []string{"/import?team=BOS", "/projects", "/projects/" + project} {
		b.get(path).want(http.StatusUnprocessableEntity).has("Your Todoist is too large for Tipoff").has("Shorten their descriptions")
	}
	b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusUnprocessableEntity).has("Nothing was changed")
}

func TestTheAccountOfOneUserIsReadForOnePageAtATime(t *testing.T) {
	t.Parallel()
	const asked, inLine = 30, 16
	s, tp := newTapped(t, midSeason, publicURL)
	reading, let := make(chan struct{}, 10*asked), make(chan struct{})
	tp.before = func(_ http.ResponseWriter, x *exchange) bool {
		if x.path == "/api/v1/sync" && x.header.Get("Authorization") == "Bearer api-token-of-ann" {
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
	refused, shown := make(chan *page, asked), make(chan *page, asked)
	var wg sync.WaitGroup
	for i := range asked {
		wg.Go(func() {
			p, err := ann.try([]string{"/import?team=BOS", "/projects", "/projects/1", "/projects/1/remove"}[i%4], nil)
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
	s, tp := newTapped(t, midSeason, publicURL)
	writing, let := make(chan struct{}), make(chan struct{})
	tp.before = func(_ http.ResponseWriter, x *exchange) bool {
		if x.path == "/api/v1/sync" && x.fields.Get("sync_token") != "*" {
			close(writing)
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
	const large = 19 << 20
	feedOf := func(games string) string {
		return `{"leagueSchedule":{"seasonYear":"2026-27","gameDates":[{"games":[` + games
	}
	for name, answer := range map[string]func(io.Writer){ // ESPN's where it begins with "an event"
		"empty games": func(w io.Writer) { repeated(w, feedOf(""), `{},`, `]}]}}`, large) },
		"small games": func(w io.Writer) {
			repeated(w, feedOf(""), `{"gameId":"0022600001","gameDateEst":"2026-10-20T00:00:00Z"},`, `]}]}}`, large)
		},
		"empty days": func(w io.Writer) { repeated(w, `{"leagueSchedule":{"gameDates":[`, `{},`, `]}}`, large) },
		"a game of channels": func(w io.Writer) {
			repeated(w, feedOf(`{"broadcasters":{"homeTvBroadcasters":[`), `{},`, `]}}]}]}}`, large)
		},
		"what is unknown":      func(w io.Writer) { repeated(w, `{"odd":`, `[`, ``, large) },
		"an event of no games": func(w io.Writer) { repeated(w, `{"events":[{"competitions":[`, `{},`, `]}]}`, large) },
		"an event is empty":    func(w io.Writer) { repeated(w, `{"events":[`, `{},`, `]}`, large) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w) }))
			t.Cleanup(feed.Close)
			s := &site{t: t, dir: t.TempDir()}
			s.fake, s.todoist = newTodoist(t, midSeason)
			source := []string{"-schedule-url", feed.URL + "/feed.json"}
			if strings.HasPrefix(name, "an event") {
				source = []string{"-espn-url", feed.URL}
			}
			s.args = append(append(settings(s.todoist, s.dir, midSeason), "-schedule-refresh", "1h"), source...)
			s.startBuilt()
			s.saying("the schedule is not refreshed")
			s.browser().get("/teams/bos").want(http.StatusOK).has(fmt.Sprintf("All %d games", len(seasonOf("BOS"))))
			if most := s.mostMemory(); most > 120<<20 {
				t.Errorf("the program took %d MB", most>>20)
			} else {
				t.Logf("at most %d MB", most>>20)
			}
		})
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

func TestSlowAndIdleClientsTakeLittleAndHoldUpNobody(t *testing.T) {
	t.Parallel()
	s, _ := newTapped(t, midSeason, publicURL)
	s.startBuilt()
	account := s.account("ann", fake.Free)
	b, visitor := s.browser().signIn(account), s.browser()
	visitor.get("/").want(http.StatusOK)
	before := s.mostMemory()
	const head = "GET / HTTP/1.1\r\nHost: tipoff.test\r\n"
	var slow []net.Conn
	for range 1000 {
		s.hold("")
		// An answer that is never read, so that the connection is an idle one.
		s.hold("GET /livez HTTP/1.1\r\nHost: tipoff.test\r\n\r\n")
	}
	for range 200 {
		slow = append(slow, s.hold(head))
		s.hold(head + "Cookie: " + strings.Repeat("x", 30<<10))
		s.hold("POST /imports HTTP/1.1\r\nHost: tipoff.test\r\nOrigin: http://tipoff.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\nteam=")
	}
	for range 50 {
		// Pages upon pages, none of which is read.
		s.hold(strings.Repeat(head+"\r\n", 200))
	}
	// Each sends another letter of a header again and again.
	var wg sync.WaitGroup
	var closed atomic.Int64
	for _, conn := range slow {
		wg.Go(func() {
			defer closed.Add(1)
			for {
				if _, err := io.WriteString(conn, "X"); err != nil {
					return
				}
				_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
				if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF || !os.IsTimeout(err) {
					return
				}
			}
		})
	}
	// Meanwhile others are served, and can import.
	for _, path := range []string{"/", "/teams/bos", "/teams/bos.ics", "/sign-in", "/readyz", "/livez"} {
		s.browser().get(path).want(http.StatusOK)
	}
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	if closed.Load() == int64(len(slow)) {
		t.Error("nobody was slow while others were served")
	}
	most := s.mostMemory()
	if most > before+128<<20 {
		t.Errorf("the program took %d MB, before it %d", most>>20, before>>20)
	}
	t.Logf("at most %d MB, before it %d", most>>20, before>>20)
	// Who takes ten seconds for headers is not waited for.
	wg.Wait()
	visitor.get("/teams/nyk").want(http.StatusOK)
}

func TestVisitorsWhoSendAGigabyteTakeLittle(t *testing.T) {
	t.Parallel()
	s, _ := newTapped(t, midSeason, publicURL)
	s.startBuilt()
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	cookies := ""
	for _, c := range b.cookies() {
		cookies += "; " + c.Name + "=" + c.Value
	}
	before := s.mostMemory()
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			begin := "POST /imports HTTP/1.1\r\nHost: tipoff.test\r\nOrigin: http://tipoff.test\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\nCookie: x=y" + cookies + "\r\n\r\n"
			piece := "8000\r\n" + strings.Repeat("a=b&", 8<<10) + "\r\n"
			if i%2 == 0 {
				begin = "GET / HTTP/1.1\r\nHost: tipoff.test\r\n"
				piece = "X-A: " + strings.Repeat("x", 1000) + "\r\n"
			}
			repeated(conn, begin, piece, "", 32<<20)
		})
	}
	wg.Wait()
	s.browser().get("/teams/bos").want(http.StatusOK)
	if p := b.post("/imports", url.Values{"team": {"BOS"}}); p.status != http.StatusSeeOther {
		t.Errorf("an import after it answered %d", p.status)
	}
	if most := s.mostMemory(); most > before+64<<20 {
		t.Errorf("the program took %d MB, before it %d", most>>20, before>>20)
	} else {
		t.Logf("at most %d MB, before it %d", most>>20, before>>20)
	}
}
