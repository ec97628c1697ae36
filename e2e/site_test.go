package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
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

	"golang.org/x/net/html"

	"tipoff/app"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// TestMain is also the program: a test that wants to kill it runs the test
// binary again with this variable set.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_BINARY_IS_TIPOFF") != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the process at once
		if err := app.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, app.Options{}); err != nil {
			fmt.Fprintln(os.Stderr, "tipoff:", err)
			os.Exit(1)
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
	// The tests make a lot that is short-lived, and collecting it takes a third of
	// their time. A program that runs by itself is not meant.
	debug.SetGCPercent(400)
	code := m.Run()
	built.remove()
	os.Exit(code)
}

// midSeason is the clock of most tests: a Cup group day of the season that is
// built in.
var midSeason = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

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
	todoist string // address of the in-memory Todoist
	dir     string // data dir
	args    []string
	addr    string // where it listens
	public  string // its address as browsers see it, without a slash at its end; publicURL when empty
	log     *output
	logFile string       // what it prints, where that goes to a file
	stop    func() error // asks it to stop and waits
	cmd     *exec.Cmd    // when it runs as a process of its own
	env     []string     // of the program, on top of ours
	with    app.Options  // of the program, when it runs in this process
	program string       // what that process runs; the test binary itself when empty
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

// clockFrom runs on from an instant.
func clockFrom(start time.Time) func() time.Time {
	began := time.Now()
	return func() time.Time { return start.Add(time.Since(began)) }
}

// newTodoist starts an in-memory Todoist that knows the app at publicURL.
func newTodoist(t *testing.T, now time.Time) (*fake.Server, string) {
	t.Helper()
	server := fake.New(fake.Config{Now: clockFrom(now), ClientID: "client", ClientSecret: "secret-of-the-client",
		RedirectURIs: []string{publicURL + "/oauth/callback"}})
	ts := httptest.NewServer(server)
	t.Cleanup(ts.Close)
	return server, ts.URL
}

// startSite starts the program in this process with a new in-memory Todoist.
func startSite(t *testing.T, now time.Time, args ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.fake, s.todoist = newTodoist(t, now)
	s.args = append(settings(s.todoist, s.dir, now), args...)
	s.start()
	return s
}

func settings(todoist, dir string, now time.Time) []string {
	return []string{"-addr", "localhost:0", "-public-url", publicURL, "-data-dir", dir,
		"-todoist-client-id", "client", "-todoist-client-secret", "secret-of-the-client",
		"-todoist-api-url", todoist, "-todoist-authorize-url", todoist + "/oauth/authorize",
		"-schedule-url", "", "-espn-url", "", "-now", now.Format(time.RFC3339)}
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

// A browser has cookies and follows no redirect by itself.
type browser struct {
	t      *testing.T
	site   *site
	public string
	client *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	public := cmp.Or(s.public, publicURL)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if u, err := url.Parse(public); err == nil && strings.TrimSuffix(addr, ":80") == u.Host {
				addr = s.addr
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		// Behind an https address stands a proxy that speaks http to the program.
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.addr)
		},
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &browser{s.t, s, public, &http.Client{Jar: jar, Transport: transport, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// A page is an answer with its body.
type page struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	url    *url.URL
	base   string // the public address's path
}

// try sends a request and reports what became of it; a form makes it a POST.
func (b *browser) try(path string, form url.Values, header ...string) (*page, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	address := path
	if strings.HasPrefix(path, "/") {
		// Redirects name the public address's path, the tests do not.
		address = b.public + strings.TrimPrefix(path, basePath(b.public))
	}
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin(b.public))
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &page{b.t, resp.StatusCode, resp.Header, string(raw), resp.Request.URL, basePath(b.public)}, nil
}

// basePath is the path of a public address.
func basePath(public string) string { return strings.TrimPrefix(public, origin(public)) }

// origin is an address without its path.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

func (b *browser) get(path string) *page {
	b.t.Helper()
	p, err := b.try(path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *browser) post(path string, form url.Values, header ...string) *page {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	p, err := b.try(path, form, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// want fails the test unless the status is right.
func (p *page) want(status int) *page {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("%s answered %d %s, want %d:\n%.1500s", p.url, p.status, p.header.Get("Location"), status, text(p.body))
	}
	return p
}

// has fails the test unless the page's text says so.
func (p *page) has(words string) *page {
	p.t.Helper()
	if !strings.Contains(text(p.body), words) {
		p.t.Errorf("%s does not say %q:\n%.3000s", p.url, words, text(p.body))
	}
	return p
}

// location is where a redirect leads.
func (p *page) location() string { return p.header.Get("Location") }

// text is a page without its tags.
func text(body string) string {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return body
	}
	var words []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			words = append(words, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// form reads the fields that a browser would send with the form of this action
// and method when its button is pressed.
func (p *page) form(method, action string) url.Values {
	p.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.t.Fatal(err)
	}
	attr := func(n *html.Node, name string) (string, bool) {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val, true
			}
		}
		return "", false
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		a, _ := attr(n, "action")
		m, _ := attr(n, "method")
		if a != p.base+action || !strings.EqualFold(m, method) {
			continue
		}
		id, _ := attr(n, "id")
		values := url.Values{}
		take := func(f *html.Node) {
			name, _ := attr(f, "name")
			value, _ := attr(f, "value")
			kind, _ := attr(f, "type")
			_, checked := attr(f, "checked")
			if name == "" || (kind == "checkbox" || kind == "radio") && !checked {
				return
			}
			switch f.Data {
			case "input":
				values.Add(name, value)
			case "select":
				for o := range f.Descendants() {
					if _, selected := attr(o, "selected"); o.Data == "option" && selected {
						value, _ := attr(o, "value")
						values.Add(name, value)
					}
				}
			}
		}
		for f := range doc.Descendants() {
			if f.Type != html.ElementNode {
				continue
			}
			owner, other := attr(f, "form")
			inside := false
			for up := f.Parent; up != nil; up = up.Parent {
				inside = inside || up == n
			}
			if inside && !other || other && owner == id {
				take(f)
			}
		}
		return values
	}
	p.t.Fatalf("%s has no %s form to %s", p.url, method, action)
	return nil
}

// account adds an account to the in-memory Todoist.
func (s *site) account(name string, plan fake.Plan) *fake.Account {
	return s.fake.AddAccount(fake.Profile{ID: name + "-1", Email: name + "@example.org", Name: name,
		APIToken: "api-token-of-" + name, Zone: "America/New_York", Plan: plan, TimeFormat: 1})
}

// signIn goes through the whole sign-in as the account.
func (b *browser) signIn(a *fake.Account) *browser {
	b.t.Helper()
	asked := b.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusSeeOther)
	back, err := b.site.fake.Consent(asked.location(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	b.get(back).want(http.StatusSeeOther)
	return b
}

// importTeam opens the import page and presses the button. It returns the
// answer to that.
func (b *browser) importTeam(query string) *page {
	b.t.Helper()
	p := b.get("/import?" + query).want(http.StatusOK)
	return b.post("/imports", p.form("post", "/imports"))
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

// feed writes games in the shape of the league's feed, for -schedule-url.
func feed(t *testing.T, path, label string, at time.Time, games []schedule.Game) {
	t.Helper()
	byDay := map[schedule.Day][]any{}
	var days []schedule.Day
	side := func(s schedule.Side) map[string]any {
		team, _ := schedule.TeamByCode(s.Code)
		return map[string]any{"teamId": team.ID, "teamTricode": s.Code, "teamCity": s.City, "teamName": s.Name}
	}
	for _, g := range games {
		prefix := map[schedule.Type]string{schedule.Preseason: "001", schedule.Playoffs: "004", schedule.PlayIn: "005"}[g.Type]
		if prefix == "" {
			prefix = "002"
		}
		id := g.ID
		if len(id) != 10 {
			id = prefix + label[2:4] + id[len(id)-5:]
		}
		status, zero := "7:30 pm ET", g.Tip
		local := g.Tip.In(schedule.Eastern())
		clock := local.Format("1900-01-01T15:04:05Z")
		if g.TBD() {
			status, clock = "TBD", "0001-01-01T00:00:00Z"
			zero = g.Day.Time(schedule.Eastern())
			local = zero
		}
		if g.Postponed {
			status = "PPD"
		}
		sub := ""
		if g.Type == schedule.Cup {
			sub = "in-season"
		}
		var tv []any
		for _, name := range g.National {
			tv = append(tv, map[string]any{"broadcasterScope": "natl", "broadcasterMedia": "tv", "broadcasterDisplay": name})
		}
		if byDay[g.Day] == nil {
			days = append(days, g.Day)
		}
		byDay[g.Day] = append(byDay[g.Day], map[string]any{
			"gameId": id, "gameStatus": 1, "gameStatusText": status, "gameDateEst": string(g.Day) + "T00:00:00Z",
			"gameTimeEst": clock, "homeTeamTime": local.Format("2006-01-02T15:04:05Z"),
			"gameDateTimeEst": local.Format("2006-01-02T15:04:05Z"), "gameDateTimeUTC": zero.UTC().Format(time.RFC3339),
			"gameLabel": g.Label, "gameSubLabel": g.SubLabel, "gameSubtype": sub, "postponedStatus": "N",
			"arenaName": g.Arena, "arenaCity": g.City, "arenaState": g.State, "ifNecessary": fmt.Sprint(g.IfNecessary),
			"seriesGameNumber": g.Series,
			"homeTeam":         side(g.Home), "awayTeam": side(g.Away),
			"broadcasters": map[string]any{"nationalBroadcasters": tv},
		})
	}
	slices.Sort(days)
	var dates []any
	for _, day := range days {
		dates = append(dates, map[string]any{"gameDate": day.Time(time.UTC).Format("01/02/2006 00:00:00"), "games": byDay[day]})
	}
	raw, err := json.Marshal(map[string]any{
		"meta":           map[string]any{"version": 1, "time": at.UTC().Format("2006-01-02T15:04:05.0Z")},
		"leagueSchedule": map[string]any{"seasonYear": label, "leagueId": "00", "gameDates": dates},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Written beside and renamed, so that the program never reads half.
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// sharedFile is a real schedule file that is not part of the repository.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "shared", "data", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("the real schedule files are not here")
	}
	return path
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
