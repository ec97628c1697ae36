//go:build load

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/http"
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
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func newGetter(addr string, header string) (*getter, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &getter{conn, bufio.NewReaderSize(conn, 64<<10), []byte(header)}, nil
}

// get asks once and returns the status and the body's length.
func (g *getter) get() (status, length int, err error) {
	if _, err := g.conn.Write(g.request); err != nil {
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
	cpu       time.Duration // of the server, for one request
	bytes     int
}

// measure asks for a page for a while over several connections.
func measure(t *testing.T, addr string, pid int, header string, span time.Duration) rate {
	t.Helper()
	const connections = 16
	var n, size atomic.Int64
	var wg sync.WaitGroup
	before, began := spentBy(t, pid), time.Now()
	until := began.Add(span)
	for range connections {
		wg.Go(func() {
			g, err := newGetter(addr, header)
			if err != nil {
				t.Error(err)
				return
			}
			defer g.conn.Close()
			for time.Now().Before(until) {
				status, length, err := g.get()
				if err != nil || status != http.StatusOK {
					t.Errorf("answered %d: %v", status, err)
					return
				}
				n.Add(1)
				size.Store(int64(length))
			}
		})
	}
	wg.Wait()
	took, after := time.Since(began), spentBy(t, pid)
	if n.Load() == 0 {
		t.Fatal("nothing was answered")
	}
	return rate{float64(n.Load()) / took.Seconds(), (after.cpu - before.cpu) / time.Duration(n.Load()), int(size.Load())}
}

// startBare starts it with these bytes and returns its address and process.
func startBare(t *testing.T, body []byte) (string, int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(path, body, 0o600); err != nil {
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

// started runs a built program with the site's arguments and waits until it is
// ready. It returns how long that took.
func (s *site) started(program string) time.Duration {
	s.t.Helper()
	// A file, as a service's log is: reading along would cost this process.
	log, err := os.Create(filepath.Join(s.t.TempDir(), "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.logFile = log.Name()
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

// body is what an address answers, as it is sent.
func body(t *testing.T, addr, header string) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(header)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("answered %s: %v", resp.Status, err)
	}
	return b.Bytes()
}

func TestSpeedOfPages(t *testing.T) {
	s, _ := newTapped(t, midSeason, publicURL, "-metrics-addr", cmp.Or(os.Getenv("METRICS"), "127.0.0.1:0"), "-pprof")
	s.started(built.program(t))
	b := s.browser().signIn(s.account("ann", fake.Free))
	for _, page := range []struct {
		name, path string
		cookies    []*http.Cookie
	}{
		{"home, signed out", "/", nil}, {"team page, signed out", "/teams/bos", nil},
		{"home, signed in", "/", b.cookies()}, {"team page, signed in", "/teams/bos", b.cookies()},
		{"team page with a filter", "/teams/bos?venue=home&tv=national", nil}, {"sessions, signed in", "/sessions", b.cookies()},
	} {
		if only := os.Getenv("PAGE"); only != "" && only != page.name {
			continue
		}
		for _, accept := range []string{"gzip, deflate, br, zstd", ""} {
			header := asked(page.path, accept, page.cookies)
			addr, pid := startBare(t, body(t, s.addr, header))
			var ours, theirs []rate
			var ratios []float64
			measure(t, s.addr, s.cmd.Process.Pid, header, time.Second/2)
			for range rounds() {
				ours = append(ours, measure(t, s.addr, s.cmd.Process.Pid, header, span()))
				theirs = append(theirs, measure(t, addr, pid, header, span()))
				ratios = append(ratios, ours[len(ours)-1].perSecond/theirs[len(theirs)-1].perSecond)
			}
			perSecond, cpu := func(r rate) float64 { return r.perSecond }, func(r rate) float64 { return float64(r.cpu) }
			o, h := median(ours, perSecond), median(theirs, perSecond)
			oc, hc := median(ours, cpu).cpu, median(theirs, cpu).cpu
			t.Logf("%-26s %6d bytes: %6.0f/s, bare %6.0f/s, ratio %.2f; CPU %v, bare %v, ratio %.2f", page.name, o.bytes, o.perSecond, h.perSecond,
				median(ratios, func(f float64) float64 { return f }), oc.Round(time.Microsecond), hc.Round(time.Microsecond), float64(oc)/float64(hc))
		}
	}
}

func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("ROUNDS")); err == nil {
		return n
	}
	return 5
}

func span() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("SPAN")); err == nil {
		return d
	}
	return 2 * time.Second
}
