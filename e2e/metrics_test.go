package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

var metricsAt = regexp.MustCompile(`msg=listening .*metrics=(\S+)`)

// operator is the address of the site's metrics.
func (s *site) operator() string {
	s.t.Helper()
	m := metricsAt.FindStringSubmatch(s.log.String())
	if m == nil {
		s.t.Fatalf("the log names no address of metrics:\n%s", s.log)
	}
	return "http://" + m[1]
}

// A metrics is one reading, by name.
type metrics map[string]*dto.MetricFamily

// scrape reads the metrics as Prometheus does.
func (s *site) scrape() metrics {
	s.t.Helper()
	status, body := fetch(s.t, s.operator()+"/metrics")
	if status != http.StatusOK {
		s.t.Fatalf("/metrics answered %d:\n%s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return families
}

// sum adds up the values of the series that have all these labels, given as
// name and value in turn. A histogram's value is its count.
func (m metrics) sum(name string, labels ...string) (total float64, series int) {
	for _, metric := range m[name].GetMetric() {
		has := 0
		for _, l := range metric.GetLabel() {
			for i := 0; i+1 < len(labels); i += 2 {
				if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
					has++
				}
			}
		}
		if has == len(labels)/2 {
			series++
			total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return total, series
}

// wantMetric fails the test unless the sum is right, at once or soon: a request
// is counted when its answer is already out.
func (s *site) wantMetric(value float64, name string, labels ...string) {
	s.t.Helper()
	var got float64
	var series int
	for range 100 {
		if got, series = s.scrape().sum(name, labels...); got == value && series > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Errorf("%s %v is %v in %d series, want %v", name, labels, got, series, value)
}

func TestOddPathsMakeOneSeries(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-metrics-addr", "localhost:0")
	for i := range 200 {
		method := "GET"
		if i%10 == 0 {
			method = fmt.Sprintf("ODD%d", i)
		}
		req, err := http.NewRequest(method, fmt.Sprintf("http://%s/odd/%d?x=%d", s.addr, i, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	s.wantMetric(180, "tipoff_http_request_duration_seconds", "route", "none", "code", "404", "method", "GET")
	if _, series := s.scrape().sum("tipoff_http_request_duration_seconds"); series > 3 {
		t.Errorf("200 odd requests made %d series", series)
	}
	// What anybody asks for must not get into the log either.
	if strings.Contains(s.log.String(), "/odd/") {
		t.Error("the log has the paths that were asked for")
	}
}

func TestMetricsTellWhatHappenedAndNobodysName(t *testing.T) {
	t.Parallel()
	const base = "/nba/tipoff"
	s := startSite(t, midSeason, "-public-url", publicURL+base, "-metrics-addr", "localhost:0", "-schedule-url", "http://127.0.0.1:1/feed.json")
	account := s.account("mia", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	project := b.importIn(onlyProject(t, account).ID)
	b.get("/projects/" + project).want(http.StatusOK)
	b.get("/teams/bos").want(http.StatusOK)
	b.get("/teams/bos.ics").want(http.StatusOK)

	// A token that Todoist no longer takes is refreshed; an answer
	// that is lost is asked for again.
	s.fake.Fail(fake.Fault{Path: "/api/v1/sync", Status: 401, Times: 1})
	b.get("/projects/" + project).want(http.StatusOK)
	s.fake.Fail(fake.Fault{Path: "/api/v1/sync", Status: 503, Times: 1})
	b.get("/projects/" + project).want(http.StatusOK)
	s.fake.Fail(fake.Fault{Command: "project_add", Status: 400})
	b.importTeam("team=NYK").want(http.StatusBadGateway)
	s.fake.ClearFaults()
	form := b.get("/import?team=MIA").want(http.StatusOK).form("post", "/imports")
	account.AddProject(fake.Project{Name: "Another"})
	form.Set("plan", "a plan that was")
	b.post("/imports", form).want(http.StatusConflict)

	s.wantMetric(1, "tipoff_imports_total", "outcome", "done")
	s.wantMetric(1, "tipoff_imports_total", "outcome", "failed")
	s.wantMetric(1, "tipoff_imports_total", "outcome", "changed")
	s.wantMetric(0, "tipoff_imports_total", "outcome", "partial")
	s.wantMetric(3, "tipoff_http_request_duration_seconds", "route", "/projects/{id}", "method", "GET", "code", "200")
	s.wantMetric(1, "tipoff_http_request_duration_seconds", "route", "/teams/{team}", "method", "GET", "code", "200")
	s.wantMetric(1, "tipoff_http_request_duration_seconds", "route", "/teams/{team}.ics", "method", "GET", "code", "200")
	s.wantMetric(1, "tipoff_http_request_duration_seconds", "route", "/imports", "method", "POST", "code", "303")
	s.wantMetric(1, "tipoff_todoist_request_duration_seconds", "endpoint", "/sync", "outcome", "unauthorized")
	s.wantMetric(1, "tipoff_todoist_request_duration_seconds", "endpoint", "/sync", "outcome", "failed")
	s.wantMetric(1, "tipoff_token_refreshes_total", "outcome", "ok")
	s.wantMetric(2, "tipoff_todoist_request_duration_seconds", "endpoint", "/oauth/access_token", "outcome", "ok") // sign-in and refresh
	s.wantMetric(1, "tipoff_sessions")
	s.wantMetric(1, "tipoff_session_store_up")
	s.wantMetric(1, "tipoff_schedule_info", "source", "embedded", "season", "2026-27")
	s.wantMetric(1, "tipoff_schedule_trouble")
	s.wantMetric(1, "tipoff_schedule_refreshes_total", "source", "nba", "result", "failed")
	s.wantMetric(1, "tipoff_build_info", "version", version(t))
	m := s.scrape()
	if retries, _ := m.sum("tipoff_todoist_retries_total", "endpoint", "/sync"); retries < 2 {
		t.Errorf("%v retries, want 2 or more", retries)
	}
	if asOf, _ := m.sum("tipoff_schedule_as_of_timestamp_seconds"); asOf < 1.7e9 || asOf > float64(midSeason.Unix()) {
		t.Errorf("the schedule is as of %v", asOf)
	}
	if _, ok := m["go_goroutines"]; !ok {
		t.Error("nothing of the process itself")
	}
	for name, family := range m {
		if !strings.HasPrefix(name, "tipoff_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, l := range metric.GetLabel() {
				for _, private := range []string{account.Profile().ID, "mia", project, "BOS", "bos", "NYK", "127.0.0.1"} {
					if strings.Contains(l.GetValue(), private) {
						t.Errorf("%s has the label %s=%q", name, l.GetName(), l.GetValue())
					}
				}
			}
		}
	}
}

func TestMetricsTellHowImportsUpdateThemselves(t *testing.T) {
	t.Parallel()
	games := slices.Clone(embedded().Games)
	path, at := filepath.Join(t.TempDir(), "feed.json"), lateSeason
	// move has the league play a game of a team at home an hour later.
	move := func(home string) {
		t.Helper()
		i := slices.IndexFunc(games, func(g schedule.Game) bool { return g.Tip.After(lateSeason) && g.Home.Code == home })
		at, games[i].Tip = at.Add(time.Minute), games[i].Tip.Add(time.Hour)
		feed(t, path, "2026-27", at, games)
	}
	feed(t, path, "2026-27", at, games)
	s := newSite(t, lateSeason, "-metrics-addr", "localhost:0", "-schedule-url", path, "-update-spread", "0")
	s.with.Refresh, s.with.UpdateEvery = 10*time.Millisecond, time.Millisecond
	s.start()
	b := s.browser().signIn(s.account("mia", fake.Pro))
	for team, auto := range map[string]string{"BOS": "on", "UTA": "on", "ORL": "off"} {
		form := b.get("/import?team="+team).want(http.StatusOK).form("post", "/imports")
		form.Set("auto", auto)
		b.post("/imports", form).want(http.StatusSeeOther)
	}
	s.wantMetric(2, "tipoff_auto_imports")
	s.wantMetric(0, "tipoff_auto_imports_running")
	s.wantMetric(0, "tipoff_auto_updates_total")

	move("BOS")
	s.wantMetric(1, "tipoff_auto_updates_total", "result", "done")
	s.wantMetric(0, "tipoff_auto_imports_due")
	s.wantMetric(0, "tipoff_auto_imports_oldest_due_seconds")
	s.fake.Fail(fake.Fault{Command: "item_update", Refuse: &fake.Error{Message: "Invalid argument value", Tag: "INVALID_ARGUMENT_VALUE", Code: 20, HTTP: 400}, CommandIndex: -1})
	move("BOS")
	s.wantMetric(1, "tipoff_auto_updates_total", "result", "failed", "reason", "games")
	s.fake.Fail(fake.Fault{Path: "/api/v1/tasks", Status: 429, RetryAfter: 900})
	move("UTA")
	s.wantMetric(1, "tipoff_auto_updates_total", "result", "later", "reason", "limited")
	s.wantMetric(3, "tipoff_auto_updates_total")
}

func TestAHostWhoSwitchesUpdatesOffHasNoGaugesOfThem(t *testing.T) {
	t.Parallel()
	m := startSite(t, midSeason, "-metrics-addr", "localhost:0", "-auto-update=false").scrape()
	for name := range m {
		if strings.HasPrefix(name, "tipoff_auto_imports") {
			t.Errorf("%s is there", name)
		}
	}
}

func TestMetricsHaveAListenerOfTheirOwnAndProfilesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-metrics-addr", "localhost:0")
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap"} {
		if status, body := fetch(t, "http://"+s.addr+path); status != http.StatusNotFound || strings.Contains(body, "go_goroutines") {
			t.Errorf("the site itself answers %s with %d", path, status)
		}
	}
	for path, want := range map[string]int{"/metrics": 200, "/debug/pprof/": 404, "/": 404, "/teams/BOS": 404} {
		if status, _ := fetch(t, s.operator()+path); status != want {
			t.Errorf("the metrics' listener answers %s with %d, want %d", path, status, want)
		}
	}
	_, raw := fetch(t, s.operator()+"/metrics")
	problems, err := promlint.New(strings.NewReader(raw)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "tipoff_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	asked := startSite(t, midSeason, "-metrics-addr", "localhost:0", "-pprof")
	if status, body := fetch(t, asked.operator()+"/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("profiles that were asked for: %d", status)
	}
	if off := startSite(t, midSeason); strings.Contains(off.log.String(), "metrics=") {
		t.Error("metrics are served though nobody asked for them")
	}
}

// exprs are the PromQL expressions in the dashboard and the alerts.
func exprs(t *testing.T) (dashboard, alerts []string) {
	t.Helper()
	raw, err := os.ReadFile("deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatalf("deploy/grafana.json: %v", err)
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			dashboard = append(dashboard, target.Expr)
		}
	}
	rules, err := os.ReadFile("deploy/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?s)expr: (\|\n)?(.*?)\n +(for|labels):`).FindAllStringSubmatch(string(rules), -1) {
		alerts = append(alerts, m[2])
	}
	return dashboard, alerts
}

func TestTheDashboardAndTheAlertsUseMetricsThatExist(t *testing.T) {
	t.Parallel()
	dashboard, alerts := exprs(t)
	if len(dashboard) < 10 || len(alerts) != 4 {
		t.Fatalf("found %d expressions in the dashboard and %d alerts", len(dashboard), len(alerts))
	}
	s := startSite(t, midSeason, "-metrics-addr", "localhost:0", "-schedule-url", "http://127.0.0.1:1/")
	account := s.account("dee", fake.Free)
	s.fake.Fail(fake.Fault{Path: "/api/v1/user", Status: 503, Times: 1})
	s.browser().signIn(account)
	m := s.scrape()
	manual, err := os.ReadFile("docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range m {
		if strings.HasPrefix(name, "tipoff_") && !strings.Contains(string(manual), "`"+name+"`") {
			t.Errorf("docs/operate.md does not explain %s", name)
		}
	}
	for _, name := range regexp.MustCompile("`(tipoff_[a-z_]+)`").FindAllStringSubmatch(string(manual), -1) {
		if m[name[1]] == nil && name[1] != "tipoff_schedule_refreshes_total" {
			t.Errorf("docs/operate.md explains %s, which is not there", name[1])
		}
	}
	for _, expr := range slices.Concat(dashboard, alerts) {
		for _, name := range regexp.MustCompile(`\b(tipoff|go|process)_[a-z_]+`).FindAllString(expr, -1) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if m[name] == nil && m[base] == nil {
				t.Errorf("there is no metric %s, used in\n%s", name, expr)
			}
		}
		for _, label := range regexp.MustCompile(`(outcome|result|source|code|route)=~?"([^"]*)"`).FindAllStringSubmatch(expr, -1) {
			known := "done changed refused partial failed ok gone unknown unauthorized limited lost nba espn file embedded 5.. none /imports " +
				"unchanged held waiting later gone"
			for _, value := range strings.Split(label[2], "|") {
				if !slices.Contains(strings.Fields(known), value) {
					t.Errorf("%s is never %q, used in\n%s", label[1], value, expr)
				}
			}
		}
	}
}

// tool is the path of a program that the test needs.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skip(name + " is not here; .ci/install has it")
	return ""
}

func TestPrometheusTakesTheAlertsAndTheyFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	dashboard, _ := exprs(t)
	// The dashboard's expressions are checked as rules, with the one variable
	// of Grafana's filled in.
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, expr := range dashboard {
		expr, err := json.Marshal(strings.NewReplacer("$__rate_interval", "5m", "$job", "tipoff").Replace(expr))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rules, "  - record: panel_%d\n    expr: %s\n", i, expr)
	}
	asRules := file(t, rules.String())
	for _, args := range [][]string{
		{"check", "rules", "deploy/alerts.yml"}, {"check", "rules", asRules}, {"test", "rules", "e2e/testdata/alerts.yml"},
	} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
