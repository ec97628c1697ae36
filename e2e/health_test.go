package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/app"
	"tipoff/todoist/fake"
)

func TestReadyzSaysWhenSessionsCannotBeKeptAndTheScheduleStaysUp(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-metrics-addr", "localhost:0")
	for _, path := range []string{"/livez", "/readyz"} {
		if status, body := fetch(t, "http://"+s.addr+path); status != http.StatusOK || body != "ok\n" {
			t.Errorf("%s answered %d %q", path, status, body)
		}
	}
	if _, err := invoke(t, nil, "healthcheck", "-addr", s.addr); err != nil {
		t.Errorf("healthcheck of a site that is well: %v", err)
	}
	s.fake.ResetRequests()
	if status, _ := fetch(t, "http://"+s.addr+"/readyz"); status != http.StatusOK || len(s.fake.Requests()) != 0 {
		t.Errorf("/readyz answered %d and asked Todoist %d times", status, len(s.fake.Requests()))
	}

	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "tipoff.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("ALTER TABLE sessions RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(http.StatusServiceUnavailable)
	if status, body := fetch(t, "http://"+s.addr+"/readyz"); status != http.StatusServiceUnavailable || body != "the session store does not answer\n" {
		t.Errorf("/readyz without a store answered %d %q", status, body)
	}
	if status, _ := fetch(t, "http://"+s.addr+"/livez"); status != http.StatusOK {
		t.Errorf("/livez without a store answered %d", status)
	}
	if _, err := invoke(t, nil, "healthcheck", "-addr", s.addr); err == nil || !strings.Contains(err.Error(), "not ready: 503 Service Unavailable: the session store does not answer") {
		t.Errorf("healthcheck without a store: %v", err)
	}
	s.browser().get("/teams/BOS").want(http.StatusOK)
	s.wantMetric(0, "tipoff_session_store_up")
	if _, series := s.scrape().sum("tipoff_sessions"); series != 0 {
		t.Error("sessions are counted though nobody knows how many there are")
	}

	if _, err := db.Exec("ALTER TABLE gone RENAME TO sessions"); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(http.StatusOK)
	if status, _ := fetch(t, "http://"+s.addr+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answered %d after the store came back", status)
	}
	if _, err := invoke(t, nil, "healthcheck", "-addr", "localhost:1"); err == nil || !strings.Contains(err.Error(), "not answering") {
		t.Errorf("healthcheck where nothing runs: %v", err)
	}
}

// requestLines are the log's lines about requests, at least so many as are
// awaited: a line is written when its answer is already out.
func (s *site) requestLines(awaited int) []string {
	var all []string
	for range 200 {
		all = slices.DeleteFunc(lines(s.log.String()), func(line string) bool { return !strings.Contains(line, "msg=request ") })
		if len(all) >= awaited {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return all
}

func TestEachRequestHasOneLineAndHealthChecksHaveNone(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser()
	for range 20 {
		b.get("/livez").want(http.StatusOK)
		b.get("/readyz").want(http.StatusOK)
		b.get("/static/app.css").want(http.StatusOK)
	}
	if got := s.requestLines(0); len(got) != 0 {
		t.Errorf("health checks and static files left %d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	b.get("/teams/BOS").want(http.StatusOK)
	b.get("/projects/6XnotAProjectOfX").want(http.StatusSeeOther)
	b.signIn(s.account("log", fake.Free))
	missing := b.get("/no/such/page").want(http.StatusNotFound)
	b.post("/sign-out", nil).want(http.StatusSeeOther)
	got := s.requestLines(6)
	if len(got) != 6 {
		t.Fatalf("six requests left %d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	ids := map[string]bool{}
	for i, want := range []string{"GET route=/teams/{team} status=200", "GET route=/projects/{id} status=303", "POST route=/sign-in status=303",
		"GET route=/oauth/callback status=303", "GET route=none status=404", "POST route=/sign-out status=303"} {
		if !strings.Contains(got[i], "method="+want+" ") {
			t.Errorf("line %d is not about %s:\n%s", i, want, got[i])
		}
		ids[regexp.MustCompile(`request=(\S+)`).FindString(got[i])] = true
	}
	if len(ids) != 6 {
		t.Errorf("six requests have %d ids: %v", len(ids), ids)
	}
	id := strings.TrimPrefix(regexp.MustCompile(`request=(\S+)`).FindString(got[4]), "request=")
	missing.has(id)
}

func TestTheLogCanBeJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason, "-log-format", "json", "-log-level", "debug", "-addr", "127.0.0.1:"+freePort(t))
	s.addr = s.args[len(s.args)-1]
	s.log = &output{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, s.args, nil, s.log, app.Options{}) }()
	for i := 0; ; i++ {
		if _, err := invoke(t, nil, "healthcheck", "-addr", s.addr); err == nil {
			break
		} else if i == 500 {
			t.Fatalf("%v\n%s", err, s.log)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if status, _ := fetch(t, "http://"+s.addr+"/teams/nyk"); status != http.StatusOK {
		t.Errorf("the page answered %d", status)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var listening, page, health int
	for _, line := range lines(s.log.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		switch {
		case record["msg"] == "listening":
			listening++
			for _, key := range []string{"version", "url", "address", "database", "store", "schedule", "as-of"} {
				if record[key] == nil || record[key] == "" {
					t.Errorf("the start does not say %s: %s", key, line)
				}
			}
		case record["route"] == "/teams/{team}":
			page++
			if record["status"] != 200.0 || record["method"] != "GET" || record["request"] == nil || record["level"] != "INFO" {
				t.Errorf("the line of a request: %s", line)
			}
		case record["route"] == "/readyz":
			health++
			if record["level"] != "DEBUG" {
				t.Errorf("the line of a health check: %s", line)
			}
		}
	}
	if listening != 1 || page != 1 || health == 0 {
		t.Errorf("%d starts, %d pages, %d health checks in\n%s", listening, page, health, s.log)
	}
}

func TestTheLogNamesNetworksAndBelievesTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	type request struct{ what, forwarded, want string }
	for trusted, requests := range map[string][]request{
		"":           {{"nobody is trusted", "198.51.100.7", "127.0.0.1"}},
		"10.0.0.0/8": {{"another proxy is trusted", "198.51.100.7", "127.0.0.1"}},
		"127.0.0.0/8": {
			{"a visitor by IPv4", "198.51.100.7", "198.51.100.0/24"},
			{"a visitor by IPv6", "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
			{"IPv4 in IPv6", "::ffff:198.51.100.7", "198.51.100.0/24"},
			{"with a port", "198.51.100.7:1234", "198.51.100.0/24"},
			{"what the visitor wrote stands before", "203.0.113.9, 198.51.100.7", "198.51.100.0/24"},
			{"nonsense", "nonsense", "127.0.0.1"},
			{"a trusted proxy that says nothing", "", "127.0.0.1"},
			{"a visitor of the host's own network", "192.168.1.20", "192.168.1.20"},
			{"a visitor who claims to be a trusted proxy", "127.0.0.9, 198.51.100.7", "198.51.100.0/24"},
		},
		"127.0.0.0/8,192.0.2.1": {
			{"two trusted proxies", "203.0.113.9, 198.51.100.7, 192.0.2.1", "198.51.100.0/24"},
			{"nonsense before a trusted proxy", "nonsense, 192.0.2.1", "192.0.2.0/24"},
		},
	} {
		t.Run("trusted: "+trusted, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, midSeason, "-trusted-proxies", trusted)
			for i, r := range requests {
				header := []string{"X-Forwarded-For", r.forwarded}
				if r.forwarded == "" {
					header = nil
				}
				// Three times: the hint comes once all the same.
				for range 3 {
					fetch(t, "http://"+s.addr+"/no/such/page", header...)
				}
				got := s.requestLines(3 * (i + 1))
				if len(got) != 3*(i+1) || !strings.Contains(got[len(got)-1]+" ", " from="+r.want+" ") {
					t.Errorf("%s: want from=%s in\n%s", r.what, r.want, strings.Join(got, "\n"))
				}
			}
			hints := strings.Count(s.log.String(), "X-Forwarded-For is not believed")
			if believed := strings.HasPrefix(trusted, "127"); believed && hints != 0 || !believed && hints != 1 {
				t.Errorf("%d hints that the proxy is not trusted:\n%s", hints, s.log)
			}
		})
	}
}

func TestTheStartNamesWhatAHostHasToKnow(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	s.saying("redirect-uri=") // the last of it
	for _, want := range []string{
		`msg=listening version=` + regexp.QuoteMeta(version(t)) + ` url=http://tipoff\.test address=127\.0\.0\.1:\d+ database=sqlite store=database schedule=embedded as-of=2026-\d\d-\d\dT`,
		`redirect-uri=http://tipoff\.test/oauth/callback client-id=client from="command line"`,
		`level=WARN msg="look at the settings" because="the public URL http://tipoff.test is not https`,
	} {
		if !regexp.MustCompile(want).MatchString(s.log.String()) {
			t.Errorf("the start does not match %s:\n%s", want, s.log)
		}
	}
	if strings.Contains(s.log.String(), "secret-of-the-client") {
		t.Error("the start shows a secret")
	}
}

// awaitReady waits until /readyz answers with a status: its answer is kept for a
// second.
func (s *site) awaitReady(status int) {
	s.t.Helper()
	for range 300 {
		if got, _ := fetch(s.t, "http://"+s.addr+"/readyz"); got == status {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("/readyz does not come to answer %d", status)
}
