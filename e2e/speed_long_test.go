//go:build long

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist/fake"
)

// spent is what a process has used so far.
type spent struct {
	cpu       time.Duration
	rss, peak int64 // bytes
}

// usageOf reads it from /proc.
func spentBy(t *testing.T, pid int) spent {
	t.Helper()
	var u spent
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	for _, ticks := range fields[11:13] {
		n, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		u.cpu += time.Duration(n) * 10 * time.Millisecond // a clock tick of Linux
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			u.rss = kb << 10
		case "VmHWM":
			u.peak = kb << 10
		}
	}
	return u
}

// A getter asks for one page over and over on one connection, with as little
// work of its own as can be.
type getter struct {
	conn net.Conn
	in   *bufio.Reader
}

func newGetter(addr string) (*getter, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &getter{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// get asks once and returns the status and the body's length.
func (g *getter) get(header string) (status, length int, err error) {
	if _, err := io.WriteString(g.conn, header); err != nil {
		return 0, 0, err
	}
	line, err := g.in.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	status, err = strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, 0, err
	}
	for {
		line, err := g.in.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && string(name) == "Content-Length" {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, 0, err
			}
		}
	}
	_, err = g.in.Discard(length)
	return status, length, err
}

// A rate is how fast something was.
type rate struct {
	perSecond float64
	p99       time.Duration
	cpu       time.Duration // of the server, for one request
	bytes     int
}

// measure asks for pages in turn for a while over several connections.
func measure(t *testing.T, addr string, pid int, span time.Duration, headers ...string) rate {
	t.Helper()
	const connections = 16
	var size atomic.Int64
	took := make([][]time.Duration, connections)
	var wg sync.WaitGroup
	before, began := spentBy(t, pid), time.Now()
	until := began.Add(span)
	for i := range connections {
		wg.Go(func() {
			g, err := newGetter(addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer g.conn.Close()
			for next := i; time.Now().Before(until); next++ {
				asked := time.Now()
				status, length, err := g.get(headers[next%len(headers)])
				if err != nil || status != http.StatusOK {
					t.Errorf("answered %d: %v", status, err)
					return
				}
				took[i] = append(took[i], time.Since(asked))
				size.Store(int64(length))
			}
		})
	}
	wg.Wait()
	whole, after := time.Since(began), spentBy(t, pid)
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	n := len(all)
	if n == 0 {
		t.Fatal("nothing was answered")
	}
	return rate{float64(n) / whole.Seconds(), all[n*99/100], (after.cpu - before.cpu) / time.Duration(n), int(size.Load())}
}

// startBare starts it with this answer and returns its address and process.
func startBare(t *testing.T, answer []byte) (string, int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(path, answer, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TIPOFF_TEST_BARE="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}

// median is the middle of what was measured.
func median[T any](all []T, by func(T) float64) T {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b T) int {
		switch x, y := by(a), by(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2]
}

// logFile is what the program prints to when it is started.
func (s *site) logFile() string { return s.dir + ".log" }

// started runs a built program with the site's arguments and waits until it is
// ready. It returns how long that took.
func (s *site) started(program string) time.Duration {
	s.t.Helper()
	// A file, as a service's log is: reading along would cost this process.
	log, err := os.Create(s.logFile())
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	read := func() string {
		raw, err := os.ReadFile(log.Name())
		if err != nil {
			s.t.Fatal(err)
		}
		return string(raw)
	}
	s.cmd = exec.Command(program, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd := s.cmd
	s.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for s.addr = ""; s.addr == ""; time.Sleep(200 * time.Microsecond) {
		if m := listening.FindStringSubmatch(read()); m != nil {
			s.addr = m[1]
		}
		if time.Since(began) > 30*time.Second {
			s.t.Fatalf("the program does not listen; it printed:\n%s", read())
		}
	}
	for {
		resp, err := http.Get("http://" + s.addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Since(began)
			}
		}
		if time.Since(began) > 30*time.Second {
			s.t.Fatalf("not ready: %v", err)
		}
	}
}

// asked is the request of a page as a browser sends it.
func asked(path, accept string, cookies []*http.Cookie) string {
	head := "GET " + path + " HTTP/1.1\r\nHost: tipoff.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
	if accept != "" {
		head += "Accept-Encoding: " + accept + "\r\n"
	}
	for _, c := range cookies {
		head += "Cookie: " + c.Name + "=" + c.Value + "\r\n"
	}
	return head + "\r\n"
}

// answered is all that an address answers, as it is sent.
func answered(t *testing.T, addr, header string) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(strings.Replace(header, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(raw, []byte("HTTP/1.1 200 ")) {
		t.Fatalf("answered %.200s: %v", raw, err)
	}
	return bytes.Replace(raw, []byte("Connection: close\r\n"), nil, 1)
}

// A comparison is a page beside the same bytes from a bare handler.
type comparison struct {
	ours, bare rate
	ratio      float64 // of what is answered in a second
}

// compare asks for a page and for the same bytes in turn, so that both get the
// same of a machine that does something else as well. What it returns are
// medians.
func (s *site) compare(path, accept string, cookies []*http.Cookie) comparison {
	s.t.Helper()
	const rounds, span = 5, time.Second
	header, pid := asked(path, accept, cookies), s.cmd.Process.Pid
	addr, barePID := startBare(s.t, answered(s.t, s.addr, header))
	measure(s.t, s.addr, pid, span/2, header)
	measure(s.t, addr, barePID, span/2, header)
	var ours, bare []rate
	var ratios []float64
	for range rounds {
		ours = append(ours, measure(s.t, s.addr, pid, span, header))
		bare = append(bare, measure(s.t, addr, barePID, span, header))
		ratios = append(ratios, ours[len(ours)-1].perSecond/bare[len(bare)-1].perSecond)
	}
	perSecond := func(r rate) float64 { return r.perSecond }
	return comparison{median(ours, perSecond), median(bare, perSecond), median(ratios, func(f float64) float64 { return f })}
}

// TestTargets measures what docs/speed.md has a table of, and prints it. It
// judges nothing: machines differ.
func TestTargets(t *testing.T) {
	var table []string
	line := func(what, target, reached string, more ...any) {
		table = append(table, fmt.Sprintf("| %s | %s | %s |", what, target, fmt.Sprintf(reached, more...)))
		t.Log(table[len(table)-1])
	}

	// Start and rest.
	var starts []time.Duration
	for range 9 {
		s := newSite(t, midSeason)
		starts = append(starts, s.started(built.program(t)))
		s.cmd.Process.Kill()
	}
	line("start to ready, with the season that is built in", "150 ms", "%v", median(starts, func(d time.Duration) float64 { return float64(d) }).Round(time.Millisecond))
	s := newSite(t, midSeason)
	s.started(built.program(t))
	b := s.browser().signIn(s.account("ann", fake.Free))
	b.get("/").want(http.StatusOK)
	b.get("/teams/bos").want(http.StatusOK)
	time.Sleep(5 * time.Second)
	line("resident memory, idle with a season loaded", "40 MB", "%s", mb(spentBy(t, s.cmd.Process.Pid).rss))

	// Requests to Todoist.
	account := s.account("bob", fake.Free)
	other := s.browser().signIn(account)
	s.fake.ResetRequests()
	other.post("/imports", url.Values{"team": {"BOS"}, "games": {"all"}}).want(http.StatusSeeOther)
	reads, writes := s.requests()
	line("requests to Todoist, a whole season imported", "1 read, 2 writes", "%d read, %d writes", reads, writes)
	s.fake.ResetRequests()
	other.post("/imports", url.Values{"team": {"BOS"}, "games": {"all"}, "target": {onlyProject(t, account).ID}}).want(http.StatusSeeOther)
	_, writes = s.requests()
	line("writes, the same once more", "0", "%d", writes)

	// Pages beside bare handlers.
	const browsers = "gzip, deflate, br, zstd"
	for _, page := range []struct {
		name, path string
		cookies    []*http.Cookie
	}{
		{"home page, signed out", "/", nil}, {"home page, signed in", "/", b.cookies()},
		{"team page, signed out", "/teams/bos", nil}, {"team page, signed in", "/teams/bos", b.cookies()},
		{"account page", "/account", b.cookies()},
	} {
		c := s.compare(page.path, browsers, page.cookies)
		line(fmt.Sprintf("%s, %.1f kB: of a bare handler’s pages a second", page.name, float64(c.ours.bytes)/1000), "",
			"%.2f: %.0f of %.0f; CPU %v, bare %v", c.ratio, c.ours.perSecond, c.bare.perSecond, c.ours.cpu.Round(time.Microsecond), c.bare.cpu.Round(time.Microsecond))
	}
	var filters []string
	for _, team := range schedule.Teams() {
		for _, query := range []string{"venue=home", "tv=national", "venue=away&opponent=NYK&opponent=BOS", "from=2026-12-24&to=2027-02-28", "type=cup&games=upcoming"} {
			filters = append(filters, asked("/teams/"+team.Code+"?"+query, browsers, nil))
		}
	}
	filtered := measure(t, s.addr, s.cmd.Process.Pid, 5*time.Second, filters...)
	line(fmt.Sprintf("season pages with %d filters, a second", len(filters)), "1,000, p99 50 ms", "%.0f, p99 %v; CPU %v", filtered.perSecond, filtered.p99.Round(time.Millisecond), filtered.cpu.Round(time.Microsecond))
	s.cmd.Process.Kill()

	// Parts, in this process.
	line("a sealed session read, opened and decoded", "", "%v", sessionLoad(t).Round(100*time.Nanosecond))
	size, cpu := refreshCost(t)
	line(fmt.Sprintf("the schedule refreshed from a feed of %s, CPU", mb(size)), "80 ms", "%v", cpu.Round(time.Millisecond))

	// 10,000 imports that update themselves, in this process with its Todoist.
	decide, all, requests, fans, rss := updateCrowd(t)
	line("10,000 imports that update themselves, one game moves: CPU to decide", "1 s", "%v", decide.Round(10*time.Millisecond))
	line("requests to Todoist then, and imports that they are for", "2 each", "%d for %d; CPU %v, memory with Todoist %s", requests, fans, all.Round(time.Millisecond), mb(rss))

	// Everybody at once.
	l := startLoad(t)
	l.fake.Fail(fake.Fault{Path: "/api/v1/", Delay: 200 * time.Millisecond})
	took, peak, was := &latencies{}, l.watchMemory(), spentBy(t, l.cmd.Process.Pid)
	l.each(func(i int, u *loadUser) { u.run(t, u.team, i%2 == 0, false, took) })
	line(fmt.Sprintf("resident memory, %d imports at once", loadUsers), "150 MB", "%s", mb(peak()))
	line("CPU for an import", "", "%v", ((spentBy(t, l.cmd.Process.Pid).cpu - was.cpu) / loadUsers).Round(100*time.Microsecond))

	fmt.Printf("\n| | target | reached |\n| --- | ---: | ---: |\n%s\n", strings.Join(table, "\n"))
}

// sessionLoad is how long it takes until it is known who asks.
func sessionLoad(t *testing.T) time.Duration {
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "tipoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sessions, err := session.Open(t.Context(), session.Config{DB: db, Store: "database", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Keys: []string{"the key of a benchmark, of 32 letters and more"}, URL: &url.URL{Scheme: "https", Host: "tipoff.test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer sessions.Close()
	w := httptest.NewRecorder()
	sessions.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := sessions.SignIn(r.Context(), session.User{ID: "1", Name: "Ann Example", Zone: "Europe/Berlin"}, session.Tokens{Access: "token"}); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(w.Result().Cookies()[0])
	page := sessions.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := sessions.User(r.Context()); !ok {
			t.Error("nobody is signed in")
		}
	}))
	return time.Duration(testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			page.ServeHTTP(&discarding{http.Header{}}, r)
		}
	}).NsPerOp())
}

// refreshCost is the CPU that a refresh takes, here with the server that is
// asked, and the size of its feed: our own facts in the league's form, with as
// much beside them as the league sends.
func refreshCost(t *testing.T) (size int64, cpu time.Duration) {
	path := filepath.Join(t.TempDir(), "feed.json")
	feed(t, path, "2026-27", midSeason, embedded().Games)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	beside := `{"leaders":[` + strings.TrimSuffix(strings.Repeat(`{"personId":1,"name":"Somebody Else","points":0.5,"team":"NYK"},`, 25), ",") + `],"gameId"`
	raw = bytes.ReplaceAll(raw, []byte(`"gameId"`), []byte(beside[1:]))
	league := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(raw) }))
	defer league.Close()
	live, err := schedule.Open(t.Context(), schedule.Config{URL: league.URL, HTTP: http.DefaultClient, Now: clockFrom(midSeason), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	const times = 20
	before := spentBy(t, os.Getpid())
	for range times {
		if err := live.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return int64(len(raw)), (spentBy(t, os.Getpid()).cpu - before.cpu) / times
}
