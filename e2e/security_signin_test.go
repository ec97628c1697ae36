package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

func TestSecurity16TheStateIsRandomAndUsedOnceAndBoundToTheBrowser(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	var states []string
	for range 50 {
		states = append(states, query(s.browser().post("/sign-in", nil).want(http.StatusSeeOther).location(), "state"))
	}
	randomness(t, states, 16)

	refused := func(what string, b *browser, back string) {
		t.Helper()
		calls := s.tap.tokenCalls()
		if p := b.get(back); p.status < 400 || p.status > 499 || b.session() != "" {
			t.Errorf("%s: answered %d", what, p.status)
		}
		if s.tap.tokenCalls() != calls {
			t.Errorf("%s: a token was asked for", what)
		}
	}
	b := s.browser()
	_, back := b.begin(account, "/")
	refused("another browser", s.browser(), back)
	other := s.browser()
	other.begin(account, "/")
	refused("another browser with a sign-in of its own", other, back)
	refused("no state", b, alter(back, "state", ""))
	refused("a wrong state", b, alter(back, "state", states[0]))
	refused("no code", s.browser(), alter(back, "code", ""))
	b.get(back).want(http.StatusSeeOther)
	b.post("/sign-out", nil)
	refused("a state used before", b, back)

	late := s.browser()
	_, back = late.begin(account, "/")
	s.restart(midSeason.Add(16 * time.Minute))
	refused("a state of 16 minutes ago", late, back)
}

func TestSecurity17TheStateIsGoneBeforeTheExchange(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser()
	_, back := b.begin(s.account("ann", fake.Free), "/")
	s.fake.Fail(fake.Fault{Path: "/oauth/access_token", Status: 503})
	b.get(back).want(http.StatusBadGateway)
	s.fake.ClearFaults()
	calls := s.tap.tokenCalls()
	b.get(back).want(http.StatusBadRequest)
	if s.tap.tokenCalls() != calls {
		t.Error("a state was used a second time after its exchange failed")
	}

	// Twenty at once with one state: one of them may go on.
	_, back = b.begin(s.fake.Account("ann-1"), "/")
	jar := b.client.Jar
	var wg sync.WaitGroup
	calls = s.tap.tokenCalls()
	for range 20 {
		c := s.browser()
		c.client.Jar = &copiedJar{jar.Cookies(&url.URL{Scheme: "http", Host: "tipoff.test", Path: "/"})}
		wg.Go(func() {
			if _, err := c.try(back, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := s.tap.tokenCalls() - calls; got != 1 {
		t.Errorf("20 callbacks with one state asked for a token %d times", got)
	}

	source, err := os.ReadFile("session/flow.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(source, []byte("subtle.ConstantTimeCompare(")) || regexp.MustCompile(`State\s*[!=]=\s*state|state\s*[!=]=\s*[a-z]+\.State`).Match(source) {
		t.Error("a state is not compared in constant time")
	}
}

// copiedJar always sends the same cookies.
type copiedJar struct{ cookies []*http.Cookie }

func (j *copiedJar) SetCookies(*url.URL, []*http.Cookie) {}
func (j *copiedJar) Cookies(*url.URL) []*http.Cookie     { return j.cookies }

func TestSecurity18TheVerifierStaysOnTheServer(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"database", "cookie:"} {
		s := startSite(t, midSeason, "-session-store", store)
		b := s.browser()
		there, back := b.begin(s.account("ann", fake.Free), "/")
		if query(there, "code_challenge_method") != "S256" || query(there, "state") == "" {
			t.Fatalf("no S256 challenge, or no state, in %s", there)
		}
		var sent []string
		for _, c := range b.cookies() {
			raw, _ := base64.RawURLEncoding.DecodeString(c.Value)
			sent = append(sent, c.Value, string(raw))
		}
		b.get(back).want(http.StatusSeeOther)
		x := s.tap.exchanges("/oauth/access_token")[0]
		verifier := x.fields().Get("code_verifier")
		sum := sha256.Sum256([]byte(verifier))
		if len(verifier) < 43 || base64.RawURLEncoding.EncodeToString(sum[:]) != query(there, "code_challenge") {
			t.Errorf("%s: the verifier of %d characters is not the challenge's", store, len(verifier))
		}
		for _, text := range append(sent, there, back) {
			if strings.Contains(text, verifier) {
				t.Errorf("%s: the browser saw the verifier", store)
			}
		}
	}
}

func TestSecurity19TwoTabsCanSignInAtOnce(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"-session-store", "cookie:"}} {
		s := startSite(t, midSeason, args...)
		account := s.account("ann", fake.Free)
		b := s.browser()
		_, first := b.begin(account, "/teams/bos")
		_, second := b.begin(account, "/teams/nyk")
		if p := b.get(second).want(http.StatusSeeOther); p.location() != "/teams/nyk" {
			t.Errorf("the second tab leads to %s", p.location())
		}
		if p := b.get(first).want(http.StatusSeeOther); p.location() != "/teams/bos" {
			t.Errorf("the first tab leads to %s", p.location())
		}
		if !b.signedIn() {
			t.Error("not signed in after both")
		}
	}
}

func TestSecurity20TheRedirectAddressIsTheConfiguredOne(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", secureURL)
	account := s.account("ann", fake.Free)
	const want = secureURL + "/oauth/callback"
	for _, header := range [][]string{
		{"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Proto", "http"}, {"X-Forwarded-Port", "81"}, {"X-Forwarded-Prefix", "/evil"},
		{"Forwarded", "host=evil.example;proto=http"}, {"X-Original-URL", "/evil"}, {"X-Forwarded-Server", "evil.example"},
	} {
		b := s.browser()
		p := b.post("/sign-in", nil, header...).want(http.StatusSeeOther)
		if got := query(p.location(), "redirect_uri"); got != want {
			t.Errorf("with %v: redirect_uri %s", header, got)
		}
		back, err := s.fake.Consent(p.location(), account)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := b.try(back, nil, header...); err != nil || p.location() != "/" {
			t.Errorf("with %v: the callback leads to %s: %v", header, p.location(), err)
		}
	}
	for _, x := range s.tap.exchanges("/oauth/access_token") {
		if got := x.fields().Get("redirect_uri"); got != want {
			t.Errorf("a token was asked for with redirect_uri %s", got)
		}
	}
	// A Host header of somebody else's changes nothing either.
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /sign-in HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 0\r\nOrigin: %s\r\n\r\n", secureURL)
	answer := make([]byte, 16<<10)
	n, _ := conn.Read(answer)
	if !bytes.Contains(answer[:n], []byte("redirect_uri="+url.QueryEscape(want))) {
		t.Errorf("with another Host: %.200s", answer[:n])
	}
}

func TestSecurity21NextLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-trusted-proxies", "127.0.0.0/8,::1")
	account := s.account("ann", fake.Free)
	signedIn := s.browser().signIn(account)
	for i, next := range []string{
		"https://evil.example/", "http://evil.example", "//evil.example", "///evil.example", "////evil.example/%2e%2e", `/\evil.example`, `\/evil.example`, `\\evil.example`,
		"/\t/evil.example", "/\n/evil.example", "/%09/evil.example", "/%5cevil.example", "/%2f/evil.example", "/%2Fevil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
		"data:text/html,x", " //evil.example", "\x00//evil.example", "/.//evil.example", "/..//evil.example", "/teams//evil.example", "evil.example", "?next=//evil.example",
		"@evil.example", "/@evil.example", ":80", "http:evil.example", "https:/evil.example", "https:///evil.example", "//user@evil.example", "/;@evil.example", "/#//evil.example",
	} {
		from := []string{"X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)}
		b := s.browser()
		p := b.post("/sign-in", url.Values{"next": {next}}, from...).want(http.StatusSeeOther)
		back, err := s.fake.Consent(p.location(), account)
		if err != nil {
			t.Fatal(err)
		}
		after, err := b.try(back, nil, from...)
		if err != nil {
			t.Fatal(err)
		}
		for how, p := range map[string]*page{
			"after the callback": after.want(http.StatusSeeOther),
			"after a token":      s.browser().post("/sign-in/token", url.Values{"token": {"api-token-of-ann"}, "next": {next}}, from...).want(http.StatusSeeOther),
			"when signed in":     signedIn.get("/sign-in?" + url.Values{"next": {next}}.Encode()).want(http.StatusSeeOther),
		} {
			u, err := url.Parse(publicURL + "/sign-in")
			if err != nil {
				t.Fatal(err)
			}
			to, err := u.Parse(p.location())
			if err != nil || to.Host != u.Host || to.Scheme != "http" || !strings.HasPrefix(p.location(), "/") ||
				strings.HasPrefix(p.location(), "//") || strings.ContainsAny(p.location(), "\\\t\r\n ") {
				t.Errorf("next=%q %s leads to %q", next, how, p.location())
			}
		}
	}
}

func TestSecurity21NextStaysBelowTheBasePath(t *testing.T) {
	t.Parallel()
	const base = "/tipoff"
	s := startSite(t, midSeason, "-public-url", publicURL+base)
	account := s.account("ann", fake.Free)
	signedIn := s.browser().signIn(account)
	for next, want := range map[string]string{
		"/":           "/",
		"/teams/bos":  "/teams/bos",
		"/teams/bos/": "/teams/bos/",
		"/import?team=BOS&from=2026-12-01&name=a/../b%2F..": "/import?team=BOS&from=2026-12-01&name=a/../b%2F..",

		"/../other-app/logout":                "/",
		"/teams/../../other-app/logout":       "/",
		"/./../other-app/logout":              "/",
		"/../tipoff-2/":                       "/",
		"/..":                                 "/",
		"/../":                                "/",
		"/.":                                  "/",
		"/teams/..":                           "/",
		"/teams/./bos":                        "/",
		"/%2e%2e/other-app/logout":            "/",
		"/%2E./other-app/logout":              "/",
		"/..%2fother-app/logout":              "/",
		"/teams%2f..%2f..%2fother-app/logout": "/",
		`/..\other-app\logout`:                "/",
		"/..%5cother-app/logout":              "/",
		"/%2e%2e%5Cother-app/logout":          "/",
		"//other-app/logout":                  "/",
		"/teams//bos":                         "/",
		"/%2f":                                "/",
		"/%2f../other-app":                    "/",
		"/.\t./other-app/logout":              "/",
		"/.%09./other-app/logout":             "/",
		"/%0d%0a../other-app":                 "/",
		"/%00":                                "/",
		"/%7f":                                "/",
	} {
		if got := signedIn.get("/sign-in?" + url.Values{"next": {next}}.Encode()).want(http.StatusSeeOther).location(); got != base+want {
			t.Errorf("next=%q leads to %q, want %q", next, got, base+want)
		}
	}
	b := s.browser()
	_, back := b.begin(account, "/../other-app/logout")
	if got := b.get(back).want(http.StatusSeeOther).location(); got != base+"/" {
		t.Errorf("the callback leads to %q", got)
	}
	token := url.Values{"token": {"api-token-of-ann"}, "next": {"/../other-app/logout"}}
	if got := b.post("/sign-in/token", token).want(http.StatusSeeOther).location(); got != base+"/" {
		t.Errorf("a sign-in with a token leads to %q", got)
	}
}

func TestSecurity22TheCallbackGivesNothingAway(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser()
	_, back := b.begin(s.account("ann", fake.Free), "/")
	if p := b.get(back); p.status != http.StatusSeeOther || p.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the callback answered %d with Referrer-Policy %q", p.status, p.header.Get("Referrer-Policy"))
	}
	// Its pages of errors have the code in their address.
	for _, path := range []string{"/oauth/callback?code=abc&state=def", "/oauth/callback?error=access_denied", "/oauth/callback?error=x&state=y&code=z"} {
		p := s.browser().get(path)
		if p.header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(p.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: Referrer-Policy %q, Cache-Control %q", path, p.header.Get("Referrer-Policy"), p.header.Get("Cache-Control"))
		}
		for n := range p.elements() {
			for _, a := range n.Attr {
				if (a.Key == "src" || a.Key == "href" && n.Data == "link") && !strings.HasPrefix(a.Val, "/static/") {
					t.Errorf("%s loads %s", path, a.Val)
				}
			}
		}
	}
}

func TestSecurity23RefusalsByTodoistAreExplained(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	seen := map[string]string{}
	for code, says := range map[string]string{
		"access_denied":                     "Access wasn’t granted",
		"invalid_scope":                     "does not give this app what it asks for",
		"invalid_application_status":        "does not let this app sign anybody in",
		"<script>alert('unknown')</script>": "ended the sign-in without saying why",
	} {
		b := s.browser()
		there, _ := b.begin(s.fake.AddAccount(fake.Profile{ID: code, Email: code, APIToken: code, Zone: "UTC"}), "/")
		p := b.get("/oauth/callback?" + url.Values{"error": {code}, "state": {query(there, "state")}}.Encode()).want(http.StatusForbidden).has(says)
		if strings.Contains(p.body, "<script>alert") || seen[says] != "" {
			t.Errorf("%s: not escaped, or a page of its own like %s", code, seen[says])
		}
		seen[says] = code
		b.get("/oauth/callback?" + url.Values{"error": {code}}.Encode()).want(http.StatusForbidden)
	}
	if s.tap.tokenCalls() != 0 {
		t.Error("a refusal led to a request for a token")
	}
}

func TestSecurity24OnlyNeededScopesAreAskedFor(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser()
	there, back := b.begin(account, "/")
	if got := query(there, "scope"); got != "data:read_write" {
		t.Errorf("sign-in asks for %s", got)
	}
	b.get(back).want(http.StatusSeeOther)
	project, _, _ := strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
	p := b.post(project+"/remove", nil).want(http.StatusSeeOther)
	if got := query(p.location(), "scope"); got != "data:read_write,data:delete,project:delete" {
		t.Errorf("remove asks for %s", got)
	}
	if got := len(projects(account)); got != 1 {
		t.Errorf("%d projects are left though nobody agreed", got)
	}
}
