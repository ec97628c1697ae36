package e2e

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

func TestAStopLetsARunningImportFinishAndEndsAllElseAtOnce(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("streamed %v", stream), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, midSeason)
			s.startProcess()
			account := s.account("sig", fake.Free)
			b := s.browser().signIn(account)
			form := b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
			working, goOn := make(chan struct{}, 9), make(chan struct{})
			s.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
				if x.writes() {
					working <- struct{}{}
					<-goOn
				}
				return false
			}
			var header []string
			if stream {
				header = []string{"Accept", "text/event-stream"}
			}
			answered := make(chan *page, 1)
			go func() {
				p, err := b.try("/imports", form, header...)
				if err != nil {
					t.Errorf("the import that was running: %v", err)
				}
				answered <- p
			}()
			<-working
			// A visitor who has been served and keeps the connection open.
			idle, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer idle.Close()
			fmt.Fprintf(idle, "GET /livez HTTP/1.1\r\nHost: tipoff.test\r\n\r\n")
			reader := bufio.NewReader(idle)
			resp, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)

			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			s.saying("msg=stopping")
			idle.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := reader.ReadByte(); err != io.EOF {
				t.Errorf("a connection that nobody uses stays open: %v", err)
			}
			if conn, err := net.Dial("tcp", s.addr); err == nil {
				conn.Close()
				t.Error("a program that is stopping takes new connections")
			}
			if len(answered) != 0 {
				t.Fatal("the import was answered before Todoist was done")
			}
			close(goOn)
			p := <-answered
			if err := s.ended(); err != nil {
				t.Errorf("the program ended with %v:\n%s", err, s.log)
			}
			if p == nil {
				return
			}
			if stream && !strings.Contains(p.body, "event: done\n") || !stream && p.status != http.StatusSeeOther {
				t.Errorf("the import was answered with %d:\n%s", p.status, p.body)
			}
			wantExactly(t, account, embedded(), "BOS", midSeason)
		})
	}
}

func TestASecondSignalEndsTheProgramAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	s.startProcess()
	b := s.browser().signIn(s.account("two", fake.Free))
	working := make(chan struct{})
	goOn := make(chan struct{})
	t.Cleanup(func() { close(goOn) })
	s.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
		close(working)
		<-goOn
		return true
	}
	go b.try("/import?team=BOS", nil)
	<-working
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.saying("msg=stopping")
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.ended(); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("the program ended with %v", err)
	}
}

func TestSystemdIsToldWhenTheServiceIsReadyAndWhenItStops(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	said := func() string {
		b := make([]byte, 100)
		socket.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := socket.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	s := newSite(t, midSeason)
	s.env = []string{"NOTIFY_SOCKET=" + path}
	s.start()
	if got := said(); got != "READY=1" {
		t.Errorf("at the start it says %q", got)
	}
	s.browser().get("/readyz").want(http.StatusOK)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if got := said(); got != "STOPPING=1" {
		t.Errorf("at the stop it says %q", got)
	}
}

// A level is what a process uses at one moment.
type level struct {
	heap, goroutines, files, disk, log float64
}

// level measures the process after a collection of its garbage.
func (s *site) level() level {
	s.t.Helper()
	// What lies in a pool survives one collection.
	for range 2 {
		if status, _ := fetch(s.t, s.operator()+"/debug/pprof/heap?gc=1"); status != http.StatusOK {
			s.t.Fatalf("the heap's profile answered %d", status)
		}
	}
	m := s.scrape()
	var l level
	l.heap, _ = m.sum("go_memstats_heap_alloc_bytes")
	l.goroutines, _ = m.sum("go_goroutines")
	l.files, _ = m.sum("process_open_fds")
	l.log = float64(len(s.log.String()))
	filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			l.disk += float64(info.Size())
		}
		return nil
	})
	return l
}

func TestMemoryFilesDiskAndLogStayFlatOverHundredsOfRequests(t *testing.T) {
	t.Parallel()
	stayFlat(t, 10, 20)
}

// stayFlat fails the test if the program has more of anything after so many rounds
// than it had before them, when it was warm. A round is a dozen requests.
func stayFlat(t *testing.T, warm, rounds int) {
	s := newSite(t, midSeason, "-metrics-addr", "localhost:0", "-pprof", "-trusted-proxies", "127.0.0.1,::1")
	s.program = built.program(t) // the race detector keeps what this looks for
	s.startProcess()
	s.account("sok", fake.Free)
	requests := 0
	// A round is what fans do in a day: look around, sign in, import, look
	// again, go. Some leave a sign-in half done, some ask for nonsense.
	round := func(n int) {
		from := []string{"X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n%100)}
		b := s.browser()
		ask := func(path string, form url.Values, want int) {
			p, err := b.try(path, form, from...)
			if err != nil {
				t.Fatal(err)
			}
			p.want(want)
			requests++
		}
		ask("/", nil, 200)
		for _, team := range []string{"BOS", "nyk", "LAL"} {
			ask("/teams/"+team, nil, 200)
			ask("/teams/"+team+".ics", nil, 200)
		}
		ask("/odd/"+fmt.Sprint(n), nil, 404)
		ask("/sign-in", url.Values{"next": {"/"}}, 303)
		ask("/sign-in/token", url.Values{"token": {"api-token-of-sok"}}, 303)
		ask("/account", nil, 200)
		if n%10 == 0 {
			ask("/import?team=BOS", nil, 200)
			ask("/imports", url.Values{"team": {"BOS"}}, 303)
			ask("/projects", nil, 200)
		}
		ask("/sign-out", url.Values{}, 303)
		b.client.CloseIdleConnections()
	}
	// Caches and pools fill first. SQLite's log grows to its size of 4 MB.
	for n := range warm {
		round(n)
	}
	before, asked := s.level(), requests
	for n := range rounds {
		round(n)
	}
	after := s.level()
	more := float64(requests - asked)
	t.Logf("%v requests: %+v, then %+v", more, before, after)
	for _, grown := range []struct {
		what  string
		by    float64
		bound float64
	}{
		{"the heap", after.heap - before.heap, 3 << 20},
		{"goroutines", after.goroutines - before.goroutines, 10},
		{"open files", after.files - before.files, 10},
		{"the disk", after.disk - before.disk, 5 << 20},
		{"the log, a request", (after.log - before.log) / more, 400},
	} {
		if grown.by > grown.bound {
			t.Errorf("%s grew by %.0f over %.0f requests, want at most %.0f", grown.what, grown.by, more, grown.bound)
		}
	}
}
