package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tipoff/app"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// quick is what all tests start the program with: they do not wait before Todoist
// is asked again.
var quick = app.Options{Backoff: time.Millisecond, ImportLease: 2 * time.Second}

// soon is the variable with which a process looks at the schedule all the time.
const soon = "TEST_UPDATES_AT_ONCE"

// TestMain is also the program: a test that wants to kill it runs the test
// binary again with this variable set.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_BINARY_IS_TIPOFF") != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the process at once
		with := quick
		if os.Getenv(soon) != "" {
			with.Refresh, with.UpdateEvery = 20*time.Millisecond, 20*time.Millisecond
		}
		if err := app.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, with); err != nil {
			fmt.Fprintln(os.Stderr, "tipoff:", err)
			code := 1
			if exit, ok := errors.AsType[*app.ExitError](err); ok {
				code = exit.Code
			}
			os.Exit(code)
		}
		return
	}
	if os.Getenv("TIPOFF_TEST_BARE") != "" {
		bare()
	}
	// Tests name files as they stand in the repository.
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	// The program limits its memory, which is too little for many sites in one
	// process: the collector would take a third of their time. Processes that tests
	// start are not meant.
	debug.SetMemoryLimit(2 << 30)
	code := m.Run()
	built.remove()
	os.Exit(code)
}

// midSeason is the clock of most tests: a Cup group day of the season that is
// built in.
var midSeason = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// lateSeason is the clock of tests that import a lot: a team has some 28 games to
// come, in three months.
var lateSeason = time.Date(2027, 2, 10, 12, 0, 0, 0, time.UTC)

// embedded is the season that is built in, read once for all tests, which leave
// it as it is.
var embedded = sync.OnceValue(schedule.Embedded)

var update = flag.Bool("update", false, "write the files that tests generate")

// publicURL is where the sites under test are, as browsers see it. The dialer of
// a browser knows the way.
const publicURL = "http://tipoff.test"

// A site is the program under test beside an in-memory Todoist.
type site struct {
	t       *testing.T
	fake    *fake.Server
	tap     *tap   // what passes between the program and Todoist
	todoist string // address of the in-memory Todoist, by way of the tap
	dir     string // data dir
	args    []string
	env     []string     // of the program, on top of ours
	with    app.Options  // of the program, when it runs in this process
	pages   http.Handler // of the program, when it runs in this process
	program string       // what runs as a process of its own; the test binary itself when empty

	addr   string // where it listens
	public string // its address as browsers see it, without a slash at its end; publicURL when empty
	log    *output
	stop   func() error // asks it to stop and waits
	cmd    *exec.Cmd    // when it runs as a process of its own
}

// newSite is a site that does not run yet, with an in-memory Todoist of its own
// that knows it as an app and has no rate limits. Args follow the usual settings.
func newSite(t *testing.T, now time.Time, args ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), public: publicURL, with: quick}
	if i := slices.Index(args, "-public-url"); i >= 0 {
		s.public = args[i+1]
	}
	s.with.Site = func(pages http.Handler) http.Handler { s.pages = pages; return pages }
	s.fake = fake.New(fake.Config{Now: clockFrom(now), ClientID: "client", ClientSecret: "secret-of-the-client",
		RedirectURIs: []string{s.public + "/oauth/callback"}, FullSyncs: -1, PartialSyncs: -1})
	s.tap = &tap{todoist: s.fake}
	server := httptest.NewServer(s.tap)
	t.Cleanup(server.Close)
	s.todoist = server.URL
	s.args = append(settings(s.todoist, s.dir, now), args...)
	return s
}

// startSite starts a new site in this process.
func startSite(t *testing.T, now time.Time, args ...string) *site {
	t.Helper()
	s := newSite(t, now, args...)
	s.start()
	return s
}

func settings(todoist, dir string, now time.Time) []string {
	return []string{"-addr", "localhost:0", "-public-url", publicURL, "-data-dir", dir,
		"-todoist-client-id", "client", "-todoist-client-secret", "secret-of-the-client",
		"-todoist-api-url", todoist, "-todoist-authorize-url", todoist + "/oauth/authorize",
		"-schedule-url", "", "-espn-url", "", "-now", now.Format(time.RFC3339)}
}

// clockFrom runs on from an instant.
func clockFrom(start time.Time) func() time.Time {
	began := time.Now()
	return func() time.Time { return start.Add(time.Since(began)) }
}

var listening = regexp.MustCompile(`msg=listening .*address=(\S+)`)

// start runs the program with the site's arguments until the test ends.
func (s *site) start() {
	s.t.Helper()
	s.log = &output{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, s.args, s.env, s.log, s.with) }()
	var once sync.Once
	var err error
	s.stop = func() error {
		once.Do(func() { cancel(); err = <-ended })
		return err
	}
	s.t.Cleanup(func() {
		if err := s.stop(); err != nil {
			s.t.Errorf("run: %v", err)
		}
		if s.t.Failed() {
			s.t.Logf("log:\n%s", s.log)
		}
	})
	s.await(func() bool { return len(ended) > 0 })
}

// startProcess runs the program as a process of its own, so that it can be
// killed.
func (s *site) startProcess() {
	s.t.Helper()
	s.log = &output{}
	s.cmd = exec.Command(cmp.Or(s.program, os.Args[0]), s.args...)
	s.cmd.Env = append(append(os.Environ(), "TEST_BINARY_IS_TIPOFF=1"), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd := s.cmd
	s.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s.await(func() bool { return false })
}

// kill ends the process at once.
func (s *site) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Wait()
}

// await waits until the program says where it listens.
func (s *site) await(ended func() bool) {
	s.t.Helper()
	for range 3000 {
		if m := listening.FindStringSubmatch(s.log.String()); m != nil {
			s.addr = m[1]
			return
		}
		if ended() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("the program does not listen; it printed:\n%s", s.log)
}

// restart ends the program and starts it again on the same data, with the clock
// at now and with further arguments.
func (s *site) restart(now time.Time, args ...string) {
	s.t.Helper()
	if s.stop != nil {
		if err := s.stop(); err != nil {
			s.t.Fatalf("run: %v", err)
		}
	}
	s.args = append(append(s.args, "-now", now.Format(time.RFC3339)), args...)
	s.start()
}

// ended is how the process of a site ended; it fails the test if it does not.
func (s *site) ended() error {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		s.t.Fatalf("the program does not end:\n%s", s.log)
		return nil
	}
}

// saying waits until the program has logged something.
func (s *site) saying(what string) {
	s.t.Helper()
	for range 1000 {
		if strings.Contains(s.log.String(), what) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("the program never says %q:\n%s", what, s.log)
}

// output collects what a program prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// account adds an account to the in-memory Todoist.
func (s *site) account(name string, plan fake.Plan) *fake.Account {
	return s.fake.AddAccount(fake.Profile{ID: name + "-1", Email: name + "@example.org", Name: name,
		APIToken: "api-token-of-" + name, Zone: "America/New_York", Plan: plan, TimeFormat: 1})
}

// projects are the account's own projects, without those deleted and the Inbox.
func projects(a *fake.Account) []fake.Project {
	return slices.DeleteFunc(a.Projects(), func(p fake.Project) bool { return p.Inbox || p.Deleted })
}

// tasks are the open tasks of a project.
func tasks(a *fake.Account, project string) []fake.Task {
	return slices.DeleteFunc(a.Tasks(project), func(t fake.Task) bool { return t.Checked || t.Deleted })
}

// onlyProject is the one project of an account.
func onlyProject(t *testing.T, a *fake.Account) fake.Project {
	t.Helper()
	all := projects(a)
	if len(all) != 1 {
		t.Fatalf("the account has %d projects, want 1: %+v", len(all), all)
	}
	return all[0]
}

// writes counts the sync requests that carried commands, reads all others.
func (s *site) requests() (reads, writes int) {
	for _, r := range s.fake.Requests() {
		switch {
		case len(r.Commands) > 0:
			writes++
		case strings.HasPrefix(r.Path, "/api/v1/"):
			reads++
		}
	}
	return reads, writes
}

// invoke runs a command of the program and returns what it printed.
func invoke(t *testing.T, environ []string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := app.Run(t.Context(), args, environ, &out, app.Options{})
	return out.String(), err
}

// version is what the program says of itself in these tests.
func version(t *testing.T) string {
	t.Helper()
	out, err := invoke(t, nil, "version")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(out), "tipoff ")
}

// file writes a file that only this test knows.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const longKey = "a key of thirty-two characters or more"

// lines splits what a program printed.
func lines(s string) []string {
	var all []string
	for scan := bufio.NewScanner(strings.NewReader(s)); scan.Scan(); {
		all = append(all, scan.Text())
	}
	return all
}

// freePort is a port that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
