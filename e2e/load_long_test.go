//go:build long

package e2e

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

const (
	loadUsers    = 500
	loadVisitors = 2000
	// peakTarget is for the resident memory with all imports at once; visitorsTarget
	// with all visitors, and with both together.
	peakTarget, visitorsTarget = 150 << 20, 180 << 20
)

// A load is a site as a process of its own, with many users.
type load struct {
	*site
	users []*loadUser
	feed  string // the schedule's file, served at an address
	asked atomic.Int64
}

type loadUser struct {
	name    string
	account *fake.Account
	browser *browser
	team    string
}

// latencies are how long answers took.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

func (l *latencies) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return "none"
	}
	slices.Sort(l.all)
	at := func(q float64) time.Duration {
		return l.all[int(q*float64(len(l.all)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("%d answers, p50 %v, p90 %v, p99 %v, max %v", len(l.all), at(.5), at(.9), at(.99), at(1))
}

// watchMemory returns a function that ends the watch and tells the most that
// the process had.
func (l *load) watchMemory() func() int64 {
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		peak := int64(0)
		for {
			select {
			case <-done:
				most <- peak
				return
			case <-time.After(20 * time.Millisecond):
				peak = max(peak, spentBy(l.t, l.cmd.Process.Pid).rss)
			}
		}
	}()
	return func() int64 { close(done); return <-most }
}

// startLoad starts the program and signs everybody in.
func startLoad(t *testing.T) *load {
	l := &load{site: newSite(t, midSeason)}
	todoist := httptest.NewServer(l.fake) // without the tap, which takes time of its own
	t.Cleanup(todoist.Close)
	l.feed = filepath.Join(t.TempDir(), "feed.json")
	feed(t, l.feed, "2026-27", midSeason, embedded().Games)
	league := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		http.ServeFile(w, r, l.feed)
	}))
	t.Cleanup(league.Close)
	l.args = append(l.args, "-todoist-api-url", todoist.URL, "-trusted-proxies", "127.0.0.0/8,::1", "-schedule-url", league.URL+"/feed.json", "-schedule-refresh", "1m",
		"-metrics-addr", cmp.Or(os.Getenv("METRICS"), "127.0.0.1:0"), "-pprof")
	l.started(built.program(t))
	t.Cleanup(func() {
		if t.Failed() {
			l.complaints()
		}
	})
	for l.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	teams := schedule.Teams()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 50)
	for i := range loadUsers {
		u := &loadUser{name: fmt.Sprintf("user-%03d", i), team: teams[i%len(teams)].Code}
		u.account = l.account(u.name, fake.Pro)
		u.browser = l.browser()
		// Each is somebody else behind the proxy.
		next := u.browser.client.Transport
		from := fmt.Sprintf("2001:db8:%x::1", i)
		u.browser.client.Transport = transport(func(r *http.Request) (*http.Response, error) {
			r.Header.Set("X-Forwarded-For", from)
			return next.RoundTrip(r)
		})
		u.browser.client.Timeout = 3 * time.Minute
		l.users = append(l.users, u)
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			u.browser.signIn(u.account)
		})
	}
	wg.Wait()
	return l
}

// complaints prints what of the log is no good news.
func (l *load) complaints() {
	raw, err := os.ReadFile(l.logFile())
	if err != nil {
		l.t.Error(err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		if (strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR")) && n < 40 {
			n++
			l.t.Log(strings.TrimSpace(line))
		}
	}
}

// run imports a team, half of the users with a stream, and reports whether it
// is all there. tolerant takes Todoist's own errors for an answer.
func (u *loadUser) run(t *testing.T, team string, streamed, tolerant bool, took *latencies) bool {
	form := url.Values{"team": {team}, "labels": {"of-" + u.name}}
	header := []string{}
	if streamed {
		header = []string{"Accept", "text/event-stream"}
	}
	began := time.Now()
	p, err := u.browser.try("/imports", form, header...)
	took.add(time.Since(began))
	switch {
	case err != nil:
		t.Errorf("%s: %v", u.name, err)
		return false
	case p.status == http.StatusSeeOther, p.status == http.StatusOK && strings.Contains(p.body, "event: done"):
		return true
	case tolerant && (p.status == http.StatusBadGateway || p.status == http.StatusServiceUnavailable ||
		p.status == http.StatusOK && strings.Contains(p.body, "event: failed")):
		if words := text(p.body); !strings.Contains(words, "Todoist") && !strings.Contains(words, "pause") {
			t.Errorf("%s: an error that is not Todoist's: %.600s", u.name, words)
		}
		return false
	}
	t.Errorf("%s: answered %d: %.600s", u.name, p.status, text(p.body))
	return false
}

// each lets every user do something at once.
func (l *load) each(do func(i int, u *loadUser)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, u := range l.users {
		wg.Go(func() { <-start; do(i, u) })
	}
	close(start)
	wg.Wait()
}

// exact fails the test unless every user has each of the teams' games once and
// nobody else's.
func (l *load) exact(season *schedule.Season, teams func(u *loadUser) []string) {
	l.t.Helper()
	for _, u := range l.users {
		want := teams(u)
		if got := len(projects(u.account)); got != len(want) {
			l.t.Errorf("%s has %d projects, want %d", u.name, got, len(want))
		}
		for _, team := range want {
			wantExactly(l.t, u.account, season, team, midSeason)
		}
		for _, p := range projects(u.account) {
			for _, task := range tasks(u.account, p.ID) {
				if !slices.Equal(task.Labels, []string{"of-" + u.name}) {
					l.t.Fatalf("%s has a task with the labels %v", u.name, task.Labels)
				}
			}
		}
		if l.t.Failed() {
			return
		}
	}
}

var links = regexp.MustCompile(`/static/[^"]+`)

// browse lets visitors look at pages with pauses between. Each has a connection
// of its own.
func (l *load) browse(visitors, pages int, pause time.Duration) (took *latencies) {
	took = &latencies{}
	paths := []string{"/", "/sign-in", "/teams/bos.ics", "/teams/nyk.csv"}
	for _, team := range schedule.Teams() {
		paths = append(paths, "/teams/"+strings.ToLower(team.Code))
	}
	paths = append(paths, links.FindAllString(string(answered(l.t, l.addr, asked("/", "", nil))), -1)...)
	var wg sync.WaitGroup
	for range visitors {
		wg.Go(func() {
			g, err := newGetter(l.addr)
			if err != nil {
				l.t.Error(err)
				return
			}
			defer g.conn.Close()
			for range pages {
				path := "/"
				if rand.N(3) > 0 {
					path = paths[rand.N(len(paths))]
				}
				request := asked(path, "gzip, deflate, br, zstd", nil)
				began := time.Now()
				status, length, err := g.get(request)
				took.add(time.Since(began))
				if err != nil || status != http.StatusOK || length == 0 {
					l.t.Errorf("%s answered %d with %d bytes: %v", path, status, length, err)
					return
				}
				time.Sleep(rand.N(pause))
			}
		})
	}
	wg.Wait()
	return took
}

func TestLongLoad(t *testing.T) {
	l := startLoad(t)
	pid := l.cmd.Process.Pid
	t.Logf("%d users signed in; resident %s", loadUsers, mb(spentBy(t, pid).rss))
	l.fake.Fail(fake.Fault{Path: "/api/v1/", Delay: 200 * time.Millisecond})

	// 1. Everybody imports at once.
	took, peak, before := &latencies{}, l.watchMemory(), spentBy(t, pid)
	l.each(func(i int, u *loadUser) { u.run(t, u.team, i%2 == 0, false, took) })
	after, most := spentBy(t, pid), peak()
	l.exact(embedded(), func(u *loadUser) []string { return []string{u.team} })
	t.Logf("%d imports at once: %v; resident at most %s; CPU for one %v", loadUsers, took, mb(most), ((after.cpu - before.cpu) / loadUsers).Round(10*time.Microsecond))
	if most > peakTarget {
		t.Errorf("resident memory reached %s, the target is %s", mb(most), mb(peakTarget))
	}

	// 2. Two thousand look around.
	peak = l.watchMemory()
	took = l.browse(loadVisitors, 10, time.Second)
	most = peak()
	t.Logf("%d visitors: %v; resident at most %s", loadVisitors, took, mb(most))
	if most > visitorsTarget {
		t.Errorf("resident memory reached %s, the target is %s", mb(most), mb(visitorsTarget))
	}

	// 3. Both, while Todoist is not well and the schedule changes.
	l.fake.ClearFaults()
	for _, f := range []fake.Fault{
		{Path: "/api/v1/", Status: 502, AfterApply: true, Match: chance(20)}, {Path: "/api/v1/", Status: 502, Match: chance(20)},
		{Path: "/api/v1/", Status: 429, RetryAfter: 1, Match: chance(20)}, {Path: "/api/v1/", Status: 429, RetryAfter: 90, Match: chance(60)},
		{Path: "/api/v1/", Drop: true, AfterApply: true, Match: chance(40)}, {Path: "/api/v1/", Delay: 200 * time.Millisecond},
	} {
		l.fake.Fail(f)
	}
	moved := slices.Clone(embedded().Games)
	for i := range moved {
		if moved[i].Tip.After(midSeason.Add(30*24*time.Hour)) && i%10 == 0 {
			moved[i].Tip = moved[i].Tip.Add(30 * time.Minute)
		}
	}
	feed(t, l.feed, "2026-27", midSeason.Add(time.Hour), moved)
	times, took, before := l.asked.Load(), &latencies{}, spentBy(t, pid)
	peak = l.watchMemory()
	var wg sync.WaitGroup
	var visits *latencies
	wg.Go(func() { visits = l.browse(loadVisitors, 40, 2*time.Second) })
	second := func(u *loadUser) string {
		i := slices.IndexFunc(schedule.Teams(), func(x schedule.Team) bool { return x.Code == u.team })
		return schedule.Teams()[(i+7)%30].Code
	}
	var failed, pressed, others atomic.Int64
	l.each(func(i int, u *loadUser) {
		for _, team := range []string{second(u), u.team, second(u)} {
			for range 8 {
				pressed.Add(1)
				if u.run(t, team, i%2 == 0, true, took) {
					break
				}
				failed.Add(1)
			}
			// The page is one's own.
			if p, err := u.browser.try("/", nil); err != nil || strings.Count(p.body, u.name) != 2 {
				others.Add(1)
			}
		}
	})
	wg.Wait()
	most = peak()
	t.Logf("%d imports beside %d visitors, %d of them refused by Todoist: %v; visitors: %v; resident at most %s; CPU %v",
		pressed.Load(), loadVisitors, failed.Load(), took, visits, mb(most), spentBy(t, pid).cpu-before.cpu)
	if most > visitorsTarget {
		t.Errorf("resident memory reached %s, which should be at most %s", mb(most), mb(visitorsTarget))
	}
	if others.Load() > 0 {
		t.Errorf("%d pages were not those of who asked", others.Load())
	}
	// The new times are in force within a minute and a tenth; who presses the
	// button then has them.
	for deadline := time.Now().Add(2 * time.Minute); l.asked.Load() < times+1 && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(time.Second)
	l.fake.ClearFaults()
	l.each(func(_ int, u *loadUser) {
		for _, team := range []string{u.team, second(u)} {
			u.run(t, team, false, false, took)
		}
	})
	l.exact(&schedule.Season{Label: "2026-27", Games: moved}, func(u *loadUser) []string { return []string{u.team, second(u)} })
}

// chance is a fault's condition that holds for one request in n.
func chance(n int) func(fake.Request) bool {
	return func(fake.Request) bool { return rand.N(n) == 0 }
}

func mb(bytes int64) string { return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 1, 64) + " MB" }
