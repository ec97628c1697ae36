//go:build long && !race

// The race detector takes memory of its own, which these tests would measure.

package e2e

import (
	"bufio"
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

// floods are answers of Todoist that would take far more memory than their bytes,
// by the name of the user who gets them. Each has about so many bytes.
var floods = map[string]func(w io.Writer, bytes int){
	"empty-tasks":    func(w io.Writer, n int) { repeated(w, `{"sync_token":"x","items":[`, `{},`, `]}`, n) },
	"empty-projects": func(w io.Writer, n int) { repeated(w, `{"sync_token":"x","projects":[`, `{},`, `]}`, n) },
	"nothings":       func(w io.Writer, n int) { repeated(w, `{"sync_token":"x","reminders":[`, `null,`, `]}`, n) },
	"list-upon-list": func(w io.Writer, n int) { repeated(w, `{"sync_token":"x"`, `,"sections":[{},{},{}]`, `}`, n) },
	"labels":         func(w io.Writer, n int) { repeated(w, `{"sync_token":"x","items":[{"labels":[`, `"",`, `]}]}`, n) },
	"fewer-labels": func(w io.Writer, n int) {
		repeated(w, `{"sync_token":"x","items":[`, `{"labels":[`+strings.Repeat(`"",`, 2000)+`""]},`, `]}`, n)
	},
	"one-long-text":   func(w io.Writer, n int) { repeated(w, `{"sync_token":"x","user":{"full_name":"`, `x`, `"}}`, n) },
	"results":         func(w io.Writer, n int) { numbered(w, `{"sync_token":"x","sync_status":{`, `{}`, n) },
	"identifiers":     func(w io.Writer, n int) { numbered(w, `{"sync_token":"x","temp_id_mapping":{`, `""`, n) },
	"what-is-unknown": func(w io.Writer, n int) { repeated(w, `{"sync_token":"x","odd":[`, `[[],{}],`, `,]`, n) },
	"nesting":         func(w io.Writer, n int) { repeated(w, `{"sync_token":"x","odd":`, `[`, ``, n) },
	"a-page":          func(w io.Writer, n int) { repeated(w, `{"results":[`, `{},`, `],"next_cursor":"more"}`, n) },
}

// TestLongATodoistWhoseAnswersAreMadeToExhaustMemoryDoesNot lets a user of each of
// the floods look at pages, all at once.
func TestLongATodoistWhoseAnswersAreMadeToExhaustMemoryDoesNot(t *testing.T) {
	s := newSite(t, midSeason)
	var well atomic.Bool
	well.Store(true)
	wire := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name, _ := strings.Cut(r.Header.Get("Authorization"), "api-token-of-")
		if answer := floods[name]; answer != nil && !well.Load() {
			answer(w, 46<<20) // below what would be refused for its size alone
			return
		}
		s.fake.ServeHTTP(w, r)
	}))
	t.Cleanup(wire.Close)
	s.args = append(s.args, "-todoist-api-url", wire.URL)
	s.startProcess()
	visitor := s.browser()
	browsers, project := map[string]*browser{}, map[string]string{}
	for name := range floods {
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
	s.atMost(before + 128<<20)
	well.Store(true)
	for _, b := range browsers {
		b.get("/projects").want(http.StatusOK)
	}
}

func TestLongAFeedThatIsMadeToExhaustMemoryDoesNot(t *testing.T) {
	for name := range floodingFeeds {
		t.Run(name, func(t *testing.T) { floodFeed(t, name) })
	}
}

func TestLongSlowAndIdleClientsTakeLittle(t *testing.T) {
	s := newSite(t, midSeason)
	s.startProcess()
	b := s.browser().signIn(s.account("ann", fake.Free))
	s.browser().get("/").want(http.StatusOK)
	before := s.mostMemory()
	s.holdUp(1000)
	for _, path := range []string{"/", "/teams/bos", "/teams/bos.ics", "/sign-in", "/readyz", "/livez"} {
		s.browser().get(path).want(http.StatusOK)
	}
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	s.atMost(before + 128<<20)
}

func TestLongVisitorsWhoSendAGigabyteTakeLittle(t *testing.T) {
	s := newSite(t, midSeason)
	s.startProcess()
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
	s.atMost(before + 64<<20)
}

func TestLongAnAccountThatIsMadeToExhaustMemoryDoesNot(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
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
	s.atMost(200 << 20)
}

func TestLongAPageSaysThatAnAccountHoldsTooMuch(t *testing.T) {
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Pro)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	id := b.importIn(project)
	for range 6000 {
		account.AddTask(fake.Task{ProjectID: project, Content: "Long", Description: strings.Repeat("x", 4<<10)})
	}
	for _, path := range []string{"/import?team=BOS", "/projects/" + id} {
		b.get(path).want(http.StatusUnprocessableEntity).has("Your Todoist is too large for Tipoff").has("Shorten their descriptions")
	}
	b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusUnprocessableEntity).has("Nothing was changed")
}

func TestLongSlowAndIdleClientsHoldUpNobodyAndAreCutOff(t *testing.T) {
	s := newSite(t, midSeason)
	s.with.ReadHeaderTimeout = 500 * time.Millisecond
	s.start()
	b := s.browser().signIn(s.account("ann", fake.Free))
	s.holdUp(60)
	// Each sends another letter of a header again and again, on a new connection
	// when it is cut off.
	const slow = 20
	cutOff := make(chan bool, slow)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range slow {
		wg.Go(func() {
			for {
				conn, err := net.Dial("tcp", s.addr)
				if err != nil {
					t.Error(err)
					return
				}
				for _, err := io.WriteString(conn, requestLine); err == nil; _, err = io.WriteString(conn, "X") {
					_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
					if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
						break
					}
				}
				conn.Close()
				select {
				case cutOff <- true:
				case <-done:
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
	for range slow {
		<-cutOff
	}
	close(done)
	wg.Wait()
}

const requestLine = "GET / HTTP/1.1\r\nHost: tipoff.test\r\n"

// holdUp opens so many connections of each of the kinds that keep a server busy
// with little, and keeps them open.
func (s *site) holdUp(many int) {
	for range many {
		s.hold("")
		// An answer that is never read, so that the connection is an idle one.
		s.hold("GET /livez HTTP/1.1\r\nHost: tipoff.test\r\n\r\n")
	}
	for range many / 5 {
		s.hold(requestLine)
		s.hold(requestLine + "Cookie: " + strings.Repeat("x", 30<<10))
		s.hold("POST /imports HTTP/1.1\r\nHost: tipoff.test\r\nOrigin: http://tipoff.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\nteam=")
	}
	for range many / 20 {
		// Pages upon pages, none of which is read.
		s.hold(strings.Repeat(requestLine+"\r\n", 200))
	}
}
