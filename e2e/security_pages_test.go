package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// posts are the routes that write, from the place where they are declared.
func posts(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("handlers/handlers.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`\.Post\("([^"]+)"`).FindAllSubmatch(source, -1) {
		all = append(all, strings.ReplaceAll(string(m[1]), "{id}", "6Xanyprojectofa"))
	}
	if len(all) < 6 {
		t.Fatalf("only %d routes take a POST: %v", len(all), all)
	}
	return all
}

func TestSecurity35FormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", secureURL)
	b := s.browser().signIn(s.account("ann", fake.Free))
	before := len(s.tap.exchanges("/"))
	for _, path := range posts(t) {
		for _, header := range [][]string{
			{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://tipoff.test"}, {"Origin", "https://tipoff.test.evil.example"},
			{"Origin", "https://tipoff.test:444"}, {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, {"Origin", "https://other.tipoff.test", "Sec-Fetch-Site", "same-site"},
			{"Origin", "", "Sec-Fetch-Site", "cross-site"},
		} {
			if p := b.post(path, url.Values{"team": {"BOS"}, "everywhere": {"1"}}, header...); p.status != http.StatusForbidden {
				t.Errorf("POST %s with %v answered %d", path, header, p.status)
			}
		}
	}
	if len(s.tap.exchanges("/")) != before || !b.signedIn() {
		t.Error("a refused request did something")
	}
	b.post("/sign-out", nil, "Sec-Fetch-Site", "same-origin").want(http.StatusSeeOther)
}

func TestSecurity36EveryAnswerHasItsHeaders(t *testing.T) {
	t.Parallel()
	for _, public := range []string{publicURL, secureURL} {
		s := startSite(t, midSeason, "-public-url", public)
		visitor, b := s.browser(), s.browser().signIn(s.account("ann", fake.Free))
		asset := regexp.MustCompile(`/static/[^"]+`).FindString(visitor.get("/").body)
		for _, p := range []*page{
			visitor.get("/"), visitor.get("/teams/bos"), visitor.get("/teams/xyz"), visitor.get("/teams/bos.ics"), visitor.get("/teams/bos.csv"), visitor.get("/sign-in"),
			visitor.get("/oauth/callback"), visitor.get("/no/such/page"), visitor.get("/livez"), visitor.get("/readyz"), visitor.get(asset), visitor.get("/favicon.ico"),
			visitor.post("/imports", nil), visitor.post("/sign-out", nil, "Origin", "https://evil.example"),
			b.get("/"), b.get("/import?team=BOS"), b.get("/projects"), b.get("/account"), b.post("/imports", nil),
		} {
			policy := map[string]string{}
			for _, d := range strings.Split(p.header.Get("Content-Security-Policy"), ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(d), " ")
				policy[name] = value
			}
			for name, want := range map[string]string{"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "object-src": "'none'", "base-uri": "'none'", "frame-ancestors": "'none'"} {
				if policy[name] != want {
					t.Errorf("%s: %s is %q, want %q", p.url, name, policy[name], want)
				}
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin"} {
				if got := p.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", p.url, name, got, want)
				}
			}
			if got := p.header.Get("Referrer-Policy"); got != "same-origin" && got != "no-referrer" {
				t.Errorf("%s: Referrer-Policy is %q", p.url, got)
			}
			if hsts := p.header.Get("Strict-Transport-Security"); (hsts != "") != (public == secureURL) {
				t.Errorf("%s: Strict-Transport-Security is %q", p.url, hsts)
			}
			if p.header.Get("Server")+p.header.Get("X-Powered-By") != "" || p.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %v", p.url, p.header)
			}
		}
	}
}

// nasty is what names and words of others may hold.
const nasty = `"><script>alert(1)</script><img src=x onerror=alert(2)>'</textarea></title>{{.}}`

// harmless fails the test where a page has an element or attribute that nasty
// made.
func (p *page) harmless() *page {
	p.t.Helper()
	for n := range p.elements() {
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				p.t.Errorf("%s has <%s %s=%q>", p.url, n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "img" || n.Data == "script" && n.FirstChild != nil || n.Data == "style" || n.Data == "iframe" || n.Data == "textarea" {
			p.t.Errorf("%s has a <%s> with %v", p.url, n.Data, n.Attr)
		}
	}
	return p
}

func TestSecurity37WordsOfOthersAreEscaped(t *testing.T) {
	t.Parallel()
	season := embedded()
	games := slices.Clone(season.Games)
	for i := range games {
		games[i].Arena, games[i].City, games[i].Label, games[i].SubLabel, games[i].National = nasty, nasty, nasty, nasty, []string{nasty}
	}
	path := filepath.Join(t.TempDir(), "feed.json")
	feed(t, path, season.Label, midSeason, games)
	s := startSite(t, midSeason, "-schedule-url", path)
	account := s.fake.AddAccount(fake.Profile{ID: "nasty-1", Email: nasty, Name: nasty, APIToken: "api-token-of-nasty", Zone: "America/New_York", Plan: fake.Pro})
	other := account.AddProject(fake.Project{Name: nasty})
	b, visitor := s.browser().signIn(account), s.browser()
	for _, address := range []string{"/", "/teams/bos", "/teams/bos?from=" + url.QueryEscape(nasty), "/sign-in?next=" + url.QueryEscape("/"+nasty), "/no/" + url.PathEscape(nasty)} {
		visitor.get(address).harmless()
	}
	shown := 0
	count := func(p *page) *page {
		if strings.Contains(text(p.body), `<script>alert(1)</script>`) {
			shown++
		}
		return p.harmless()
	}
	count(b.get("/"))
	count(b.get("/teams/bos"))
	for _, field := range []string{"team", "timezone", "name", "labels", "opponent", "view", "priority", "from", "skip", "target", "title"} {
		v := url.Values{"team": {"BOS"}}
		v.Set(field, nasty)
		count(b.get("/import?" + v.Encode()))
		count(b.post("/imports", v))
	}
	done := b.post("/imports", url.Values{"team": {"BOS"}, "name": {nasty}, "labels": {"a<b>"}, "target": {other}})
	project, _, _ := strings.Cut(done.want(http.StatusSeeOther).location(), "?")
	for _, address := range []string{done.location(), project, project + "/remove", "/projects", "/account", "/import?team=BOS&target=" + other} {
		count(b.get(address).want(http.StatusOK))
	}
	for _, fault := range []fake.Fault{
		{Status: 400, Body: `{"error":"<script>alert(1)</script>","error_tag":"<script>alert(1)</script>","error_code":1}`},
		{Status: 503, Body: "<html><script>alert(1)</script></html>", ContentType: "text/html", RetryAfter: 66},
		{Refuse: &fake.Error{Message: nasty, Tag: nasty, Code: 1, HTTP: 400}, CommandIndex: -1},
	} {
		remove := s.fake.Fail(fault)
		count(b.post("/imports", url.Values{"team": {"NYK"}}))
		count(b.get("/projects"))
		remove()
	}
	count(visitor.get("/oauth/callback?error=" + url.QueryEscape(nasty) + "&error_description=" + url.QueryEscape(nasty)))
	if shown < 10 {
		t.Errorf("only %d pages showed what was to be escaped", shown)
	}
}

func TestSecurity39WhatMattersIsLoggedInUTCWithItsRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	s.env = []string{"TZ=Asia/Tokyo"}
	s.startProcess()
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	s.fake.ExpireAccess(account)
	project, _, _ := strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
	_, err := b.try("/sign-in/token", url.Values{"token": {"nobody's"}})
	if err != nil {
		t.Fatal(err)
	}
	s.browser().get("/oauth/callback?code=x&state=y")
	consent, err := s.fake.Consent(b.post(project+"/remove", nil).want(http.StatusSeeOther).location(), account)
	if err != nil {
		t.Fatal(err)
	}
	b.get(consent).want(http.StatusSeeOther)
	b.post(project+"/remove", nil).want(http.StatusSeeOther)
	b.post("/sign-out", nil)
	s.fake.Fail(fake.Fault{Path: "/oauth/access_token", Status: 400, Body: `{"error":"bad_authorization_code"}`})
	_, back := b.begin(account, "/")
	b.get(back).want(http.StatusBadRequest)
	s.saying("sign-in failed") // what a process prints arrives a little later
	for _, message := range []string{"signed in", "sign-in failed", "token refreshed", "import finished", "import removed", "token revoked", "signed out"} {
		line := regexp.MustCompile(`(?m)^.*msg="?` + message + `"? .*$|^.*msg="?` + message + `"?$`).FindString(s.log.String())
		at := regexp.MustCompile(`^time=\d{4}-\d\d-\d\dT[\d:.]+Z `)
		if !at.MatchString(line) || !regexp.MustCompile(` request=[A-Z2-7]{12}`).MatchString(line) {
			t.Errorf("%s: %q", message, line)
		}
	}
}

func TestSecurity40ForwardedHeadersOfAStrangerChangeNothing(t *testing.T) {
	t.Parallel()
	forged := []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "X-Real-IP", "203.0.113.9", "Forwarded", "for=203.0.113.9", "True-Client-IP", "203.0.113.9"}
	s := startSite(t, midSeason)
	p := s.browser().post("/sign-in", nil, forged...).want(http.StatusSeeOther)
	for _, c := range setCookies(p) {
		if c.Secure || c.Domain != "" {
			t.Errorf("a forged header changed the cookie to %s", strings.Replace(c.String(), c.Value, "…", 1))
		}
	}
	if p := s.browser().get("/teams/bos"); strings.Contains(p.body, "evil.example") || p.header.Get("Strict-Transport-Security") != "" {
		t.Error("a forged header changed a page")
	}
	if log := s.log.String(); strings.Contains(log, "203.0.113.") || !strings.Contains(log, "from=127.0.0.1") && !strings.Contains(log, "from=::1") {
		t.Error("a forged header is in the log as an address")
	}
	// A stranger cannot get round the limits with it, nor use up another's.
	guess := func(s *site, from string) int {
		t.Helper()
		return s.browser().post("/sign-in/token", url.Values{"token": {"a guess"}}, "X-Forwarded-For", from).status
	}
	limited := 0
	for i := range 70 {
		if guess(s, fmt.Sprintf("203.0.113.%d", i)) == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 {
		t.Error("a stranger with made-up addresses is never limited")
	}
	// A proxy that is trusted tells people apart.
	s = startSite(t, midSeason, "-trusted-proxies", "127.0.0.0/8,::1")
	for range 70 {
		guess(s, "192.0.2.66, 203.0.113.9")
	}
	if got := guess(s, "192.0.2.99, 203.0.113.9"); got != http.StatusTooManyRequests {
		t.Errorf("what a client wrote before the proxy's own entry changed who it is: %d", got)
	}
	if got := guess(s, "203.0.113.10"); got == http.StatusTooManyRequests {
		t.Error("one client used up another's tries")
	}
	if !strings.Contains(s.log.String(), "from=203.0.113.0/24") {
		t.Error("the network that a trusted proxy names is not logged")
	}
}

func TestSecurity41ATodoistThatIsSlowOrDownHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b, visitor := s.browser().signIn(s.account("ann", fake.Free)), s.browser()

	// Told to wait for long, Tipoff does not.
	s.fake.Fail(fake.Fault{Path: "/api/v1/", Status: 429, RetryAfter: 66})
	before := len(s.tap.exchanges("/api/v1/"))
	if p := b.get("/import?team=BOS"); p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" {
		t.Errorf("a 429 is answered with %d, Retry-After %q", p.status, p.header.Get("Retry-After"))
	}
	if got := len(s.tap.exchanges("/api/v1/")) - before; got != 1 {
		t.Errorf("after a 429 that says wait 66 seconds Todoist was asked %d times", got)
	}
	s.fake.ClearFaults()

	var people []*browser
	for i := range 10 {
		people = append(people, s.browser().signIn(s.account(fmt.Sprint("user-", i), fake.Free)))
	}
	arrived := make(chan struct{}, 100)
	s.fake.Fail(fake.Fault{Path: "/api/v1/", Delay: time.Hour, Match: func(fake.Request) bool { arrived <- struct{}{}; return true }})
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, b := range people {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, publicURL+"/import?team=BOS", nil)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := b.client.Do(req); err == nil {
				resp.Body.Close()
			}
		})
	}
	for range people {
		<-arrived
	}
	for _, path := range []string{"/", "/teams/bos", "/teams/bos.ics", "/sign-in", "/readyz", "/livez"} {
		visitor.get(path).want(http.StatusOK)
	}
	b.get("/account").want(http.StatusOK)
	leave()
	wg.Wait()
	s.fake.ClearFaults()
	b.get("/import?team=BOS").want(http.StatusOK)
}

func TestSecurity41TriesAndWaitsAreBounded(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"no answer ever": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"a gateway that is down": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusBadGateway, Body: http.NoBody}, nil
		},
		"a wait of ten seconds each time": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"10"}}, Body: http.NoBody}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				api := &todoist.API{URL: "http://todoist.test", HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
					tries++
					return answer(r)
				})}}
				began := time.Now()
				_, err := api.As(func(context.Context, string) (string, error) { return "token", nil }).User(t.Context())
				if took := time.Since(began); err == nil || took > 2*time.Minute || tries > 5 {
					t.Errorf("given up after %d tries and %v: %v", tries, took, err)
				}
			})
		})
	}
	client, ok := todoist.NewHTTP(0).Transport.(*http.Transport)
	if !ok || client.ResponseHeaderTimeout == 0 || client.TLSHandshakeTimeout == 0 {
		t.Error("the client for Todoist has no time limits of its own")
	}
}

func TestSecurity42APanicIsOnePlainPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	s.with.Todoist = func(http.RoundTripper) http.RoundTripper {
		return transport(func(*http.Request) (*http.Response, error) { panic("a mistake in the program") })
	}
	s.start()
	s.account("ann", fake.Free)
	b := s.browser()
	for range 3 {
		p := b.post("/sign-in/token", url.Values{"token": {"api-token-of-ann"}}).want(http.StatusInternalServerError).has("Something broke on our side")
		for _, detail := range []string{"goroutine", "runtime", ".go:", "a mistake", "panic"} {
			if strings.Contains(p.body, detail) {
				t.Errorf("the page shows %q", detail)
			}
		}
	}
	b.get("/livez").want(http.StatusOK)
	if !strings.Contains(s.log.String(), "a mistake in the program") || !strings.Contains(s.log.String(), "goroutine") {
		t.Error("the log does not say what happened")
	}
}

func TestSecurity42WhatIsForOperatorsIsNotPublic(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/vars", "/debug", "/.git/config", "/.env", "/data/secret.key", "/static/", "/static/../main.go", "/config", "/admin",
		"/demo/todoist/", "/api/v1/user", "/oauth/access_token", "/oauth/authorize"} {
		if p := b.get(path); p.status != http.StatusNotFound && p.status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s answered %d", path, p.status)
		}
	}
}
