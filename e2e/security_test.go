package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"math/bits"
	"net"
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

	"tipoff/app"
	"tipoff/handlers"
	"tipoff/importer"
	"tipoff/session"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// The tests of this file are named after the items of docs/security.md, whose
// table is made from their names. They speak to the program over HTTP wherever
// that can show what is claimed.

const secureURL = "https://tipoff.test"

// query is one value of an address's query.
func query(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// alter changes values of an address's query; an empty one is taken out.
func alter(address string, pairs ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// tokenCalls counts how often the program asked for tokens.
func (tp *tap) tokenCalls() int { return len(tp.exchanges("/oauth/access_token")) }

// randomness fails the test unless values are of at least this many bytes in
// base64 and each bit of these is now 0 and now 1.
func randomness(t *testing.T, values []string, size int) {
	t.Helper()
	var ones, zeros []byte
	seen := map[string]bool{}
	for _, value := range values {
		if seen[value] {
			t.Fatal("a value was given out twice")
		}
		seen[value] = true
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil || len(raw) < size {
			t.Fatalf("a value of %d characters is not %d bytes in base64: %v", len(value), size, err)
		}
		if ones == nil {
			ones, zeros = make([]byte, len(raw)), make([]byte, len(raw))
		}
		for i, b := range raw {
			ones[i] |= b
			zeros[i] |= ^b
		}
	}
	fixed := 0
	for i := range ones {
		fixed += 8 - bits.OnesCount8(ones[i]&zeros[i])
	}
	// Each bit of 50 fair values is the same in all of them once in 2^49 times.
	if fixed > 0 {
		t.Errorf("%d bits were the same in all of %d values", fixed, len(values))
	}
}

func TestSecurity01SessionIDsAreRandomAndNeverShared(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	var ids []string
	for i := range 5 {
		account := s.account(fmt.Sprintf("u%d", i), fake.Free)
		for range 10 {
			ids = append(ids, s.browser().signIn(account).session())
		}
	}
	randomness(t, ids, 16)
}

func TestSecurity02TheCookieChangesAtSignInAndTheOldOneIsWorthless(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	ann, bob := s.account("ann", fake.Free), s.account("bob", fake.Free)
	// An attacker plants a cookie and waits for the victim to sign in with it.
	planted := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte("x"), 32))
	victim := s.browser().with(planted).signIn(ann)
	first := victim.session()
	if first == planted || s.browser().with(planted).signedIn() {
		t.Error("a planted cookie became the victim's session")
	}
	victim.signIn(ann)
	second := victim.session()
	victim.signIn(bob)
	if third := victim.session(); first == second || second == third {
		t.Error("a sign-in kept the cookie")
	}
	for _, old := range []string{first, second} {
		if s.browser().with(old).signedIn() {
			t.Error("the cookie from before a sign-in still opens a session")
		}
	}
}

func TestSecurity03ASessionIsRefusedAfterSignOut(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	id := b.session()
	b.post("/sign-out", nil).want(http.StatusSeeOther)
	if b.session() != "" {
		t.Error("the cookie stays in the browser")
	}
	if s.browser().with(id).signedIn() {
		t.Error("a replayed cookie opens a session that was signed out")
	}
	if access, refresh := s.fake.LiveTokens(s.fake.Account("ann-1")); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens still work", access, refresh)
	}
}

func TestSecurity04AnIdleSessionEndsOnTheServer(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	for _, step := range []struct {
		at   time.Duration
		want bool
	}{{59 * time.Minute, true}, {110 * time.Minute, true}, {171 * time.Minute, false}} {
		s.restart(midSeason.Add(step.at))
		if got := b.signedIn(); got != step.want {
			t.Fatalf("after %v: signed in %v, want %v", step.at, got, step.want)
		}
	}
	var help output
	if err := app.Run(t.Context(), []string{"-h"}, nil, &help, app.Options{}); err != nil || !strings.Contains(help.String(), "without a request after which a session ends (default 1h0m0s)") {
		t.Errorf("the idle time is not documented: %v", err)
	}
}

func TestSecurity05ASessionEndsAtItsLifetimeAndOnlyASignInRenewsIt(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-session-lifetime", "3h")
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	at := midSeason
	for range 3 {
		at = at.Add(55 * time.Minute)
		if s.restart(at); !b.signedIn() {
			t.Fatalf("signed out after %v", at.Sub(midSeason))
		}
	}
	if s.restart(midSeason.Add(181 * time.Minute)); b.signedIn() {
		t.Error("requests alone kept a session beyond its lifetime")
	}
	b.signIn(account)
	if s.restart(midSeason.Add(235 * time.Minute)); !b.signedIn() {
		t.Error("a new sign-in did not begin a new lifetime")
	}
}

func TestSecurity06EverySignedInPageShowsSignOut(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	project, _, _ := strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
	for _, path := range []string{"/", "/teams/bos", "/teams/bos?from=nonsense", "/import?team=BOS", "/import?team=XYZ", "/projects",
		project, project + "/remove", "/sessions", "/no/such/page", "/projects/none"} {
		b.get(path).form("post", "/sign-out")
	}
}

func TestSecurity07ALinkSignsNobodyOut(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	for _, path := range []string{"/sign-out", "/sign-out?everywhere=1", "/sessions/end"} {
		b.get(path).want(http.StatusMethodNotAllowed)
	}
	if !b.signedIn() {
		t.Error("a GET signed out")
	}
}

func TestSecurity08SigningOutEverywhereEndsAllSessionsOfTheUser(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	ann, bob := s.account("ann", fake.Free), s.account("bob", fake.Free)
	here, there, other := s.browser().signIn(ann), s.browser().signIn(ann), s.browser().signIn(bob)
	here.post("/sign-out", url.Values{"everywhere": {"1"}}).want(http.StatusSeeOther)
	if here.signedIn() || there.signedIn() {
		t.Error("a session of the user goes on")
	}
	if !other.signedIn() {
		t.Error("another user's session ended")
	}
	if access, refresh := s.fake.LiveTokens(ann); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens still work", access, refresh)
	}
}

func TestSecurity09TheOperatorEndsSessionsOfOneUserOrAll(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	ann, bob := s.account("ann", fake.Free), s.account("bob", fake.Free)
	a1, a2, b := s.browser().signIn(ann), s.browser().signIn(ann), s.browser().signIn(bob)
	flush := func(args ...string) string {
		t.Helper()
		var out output
		if err := app.Run(t.Context(), append(append([]string{"sessions", "flush"}, args...), s.args...), nil, &out, app.Options{}); err != nil {
			t.Fatalf("sessions flush: %v\n%s", err, &out)
		}
		return out.String()
	}
	if out := flush("ann-1"); !strings.Contains(out, "2 sessions ended.") || a1.signedIn() || a2.signedIn() || !b.signedIn() {
		t.Errorf("ending one user's sessions: %s", out)
	}
	if out := flush(); !strings.Contains(out, "1 sessions ended.") || b.signedIn() {
		t.Errorf("ending all sessions: %s", out)
	}
	if access, refresh := s.fake.LiveTokens(ann); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens still work", access, refresh)
	}
}

func TestSecurity10ASessionBeginsWithAButton(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser()
	for _, path := range []string{"/", "/teams/bos", "/sign-in?next=/import?team=BOS", "/import?team=BOS", "/projects", "/oauth/callback?code=x&state=y", "/no/such/page"} {
		if p := b.get(path); len(p.header["Set-Cookie"]) > 0 || strings.Contains(p.location(), s.todoist) {
			t.Errorf("GET %s began a session: %v, %s", path, p.header["Set-Cookie"], p.location())
		}
	}
	// Consent that nobody asked for here, though somebody gave it there.
	if p := b.get("/oauth/callback?code=0123456789abcdef&state=0123456789abcdef"); p.status < 400 || b.session() != "" {
		t.Errorf("a callback alone answered %d", p.status)
	}
}

func TestSecurity11CookiesAreBoundToTheHostAndToHTTPS(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", secureURL)
	b, account := s.browser(), s.account("ann", fake.Free)
	asked := b.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusSeeOther)
	back, err := s.fake.Consent(asked.location(), account)
	if err != nil {
		t.Fatal(err)
	}
	signedIn := b.get(back).want(http.StatusSeeOther)
	signedOut := b.post("/sign-out", nil).want(http.StatusSeeOther)
	n := 0
	for _, p := range []*page{asked, signedIn, signedOut} {
		for _, c := range setCookies(p) {
			n++
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("cookie %s: %q", c.Name, strings.Replace(c.String(), c.Value, "…", 1))
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d cookies were set or taken back", n)
	}
}

func TestSecurity12PlainHTTPAndPathsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	for public, want := range map[string]http.Cookie{
		"http://localhost:8080":        {Name: "tipoff", Path: "/"},
		secureURL + "/below":           {Name: "__Secure-tipoff", Path: "/below", Secure: true},
		"http://localhost:8080/at/one": {Name: "tipoff", Path: "/at/one"},
	} {
		s := startSite(t, midSeason, "-public-url", public)
		b := s.browser()
		p := b.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusSeeOther)
		back, err := s.fake.Consent(p.location(), s.account("ann", fake.Free))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range setCookies(b.get(back).want(http.StatusSeeOther)) {
			if !strings.HasPrefix(c.Name, want.Name) || strings.HasPrefix(c.Name, "__Host-") || c.Path != want.Path || c.Secure != want.Secure || !c.HttpOnly {
				t.Errorf("%s: %q", public, strings.Replace(c.String(), c.Value, "…", 1))
			}
		}
		if !bytes.Contains(doc, []byte("`"+want.Name+"`")) {
			t.Errorf("docs/security.md does not name the cookie %s", want.Name)
		}
	}
}

func TestSecurity13NoCookieIsOver4096Bytes(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"memory:", "cookie:"} {
		s := startSite(t, midSeason, "-public-url", secureURL, "-session-store", store)
		for _, length := range []int{10, 1000, 3000} {
			account := s.fake.AddAccount(fake.Profile{ID: fmt.Sprint("long", length), Email: strings.Repeat("e", 50) + fmt.Sprint(length) + "@example.org",
				Name: strings.Repeat("Ω", length/2), APIToken: fmt.Sprint("token", length), Zone: "America/New_York"})
			b := s.browser()
			asked := b.post("/sign-in", url.Values{"next": {"/import?team=BOS&labels=" + strings.Repeat("x", min(length, 1900))}})
			pages := []*page{asked}
			if asked.status == http.StatusSeeOther {
				back, err := s.fake.Consent(asked.location(), account)
				if err != nil {
					t.Fatal(err)
				}
				pages = append(pages, b.get(back))
			}
			for _, p := range pages {
				if p.status >= 500 && p.header.Get("Set-Cookie") != "" && b.session() != "" {
					t.Errorf("%s, %d: an error signed in", store, length)
				}
				for _, c := range setCookies(p) {
					if n := len(c.Name) + len(c.Value); n > 4096 {
						t.Errorf("%s, %d: cookie %s has %d bytes", store, length, c.Name, n)
					}
				}
			}
			// What does not fit is cut or refused, never half kept.
			if last := pages[len(pages)-1]; last.status == http.StatusSeeOther && !b.signedIn() {
				t.Errorf("%s, %d: signed in and not", store, length)
			}
		}
	}
}

func TestSecurity15SignedInPagesAreNotKept(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	project, _, _ := strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
	for _, path := range []string{"/", "/teams/bos", "/import?team=BOS", "/import?team=XYZ", "/projects", project, project + "/remove", "/sessions", "/projects/none", "/no/such/page"} {
		if p := b.get(path); !strings.Contains(p.header.Get("Cache-Control"), "no-store") {
			t.Errorf("GET %s: Cache-Control %q", path, p.header.Values("Cache-Control"))
		}
	}
	p := b.post("/sign-out", nil).want(http.StatusSeeOther)
	if got := p.header.Get("Clear-Site-Data"); !strings.Contains(got, `"cache"`) || !strings.Contains(got, `"storage"`) {
		t.Errorf("Clear-Site-Data at sign-out: %q", got)
	}
}

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
	for _, store := range []string{"sqlite:", "cookie:"} {
		args := []string{}
		if store == "cookie:" {
			args = []string{"-session-store", store}
		}
		s := startSite(t, midSeason, args...)
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
		"access_denied":                     "You said no at Todoist",
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

// rows reads the session store's file.
func (s *site) rows(where string) map[string][]byte {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "tipoff.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	found, err := db.Query("SELECT key, value FROM sessions WHERE key LIKE '" + where + "'")
	if err != nil {
		s.t.Fatal(err)
	}
	defer found.Close()
	all := map[string][]byte{}
	for found.Next() {
		var key string
		var value []byte
		if err := found.Scan(&key, &value); err != nil {
			s.t.Fatal(err)
		}
		all[key] = value
	}
	return all
}

// setRow changes a value in the session store's file.
func (s *site) setRow(key string, value []byte) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "tipoff.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE sessions SET value = ? WHERE key = ?", value, key); err != nil {
		s.t.Fatal(err)
	}
}

func TestSecurity25StoredTokensAreSealedToTheirRow(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	ann, bob := s.account("ann", fake.Free), s.account("bob", fake.Free)
	a := s.browser().signIn(ann)
	var annKey string
	for key := range s.rows("token/%") {
		annKey = key
	}
	b := s.browser().signIn(bob)
	rows := s.rows("token/%")
	var bobKey string
	for key := range rows {
		if key != annKey {
			bobKey = key
		}
	}
	annValue, bobValue := rows[annKey], rows[bobKey]
	if annKey == "" || bobKey == "" {
		t.Fatal("the token rows were not found")
	}

	// What was sealed for one row opens as no other, and not with a bit changed.
	refused := func(what string, bs ...*browser) {
		t.Helper()
		before := len(s.tap.exchanges("/api/v1/"))
		for _, b := range bs {
			if p := b.get("/projects"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location(), "/sign-in") {
				t.Errorf("%s: answered %d %s", what, p.status, p.location())
			}
		}
		if got := len(s.tap.exchanges("/api/v1/")); got != before {
			t.Errorf("%s: Todoist was asked all the same", what)
		}
	}
	a.get("/projects").want(http.StatusOK)
	s.setRow(annKey, bobValue)
	s.setRow(bobKey, annValue)
	refused("rows exchanged", a, b)

	a = s.browser().signIn(ann)
	for key, value := range s.rows("token/%") {
		if key == annKey || key == bobKey {
			continue
		}
		for _, i := range []int{0, 1, len(value) / 2, len(value) - 1} {
			flipped := slices.Clone(value)
			flipped[i] ^= 0x10
			s.setRow(key, flipped)
			c := s.browser().with(a.session())
			refused(fmt.Sprintf("a bit flipped at %d", i), c)
		}
	}

	// The nonce is drawn anew for each write: no two sealed values begin alike.
	nonces := map[string]bool{}
	b.signIn(bob)
	n := 0
	for range 20 {
		s.fake.ExpireAccess(bob)
		b.get("/projects").want(http.StatusOK)
		for _, value := range s.rows("%") {
			nonces[string(value[1:13])] = true
		}
		n++
	}
	if len(nonces) < n {
		t.Errorf("%d refreshes used %d nonces", n, len(nonces))
	}
}

func TestSecurity26KeysCanBeChanged(t *testing.T) {
	t.Parallel()
	const oldKey, newKey, other = "the old key: 32 characters and more", "the new key for after the change!!", "and one that never sealed a thing"
	s := startSite(t, midSeason, "-secret-key", oldKey)
	b := s.browser().signIn(s.account("ann", fake.Free))
	s.restart(midSeason, "-secret-key", newKey+","+oldKey)
	b.get("/projects").want(http.StatusOK)
	var out output
	if err := app.Run(t.Context(), append([]string{"sessions", "rekey"}, s.args...), nil, &out, app.Options{}); err != nil || !regexp.MustCompile(`[1-9]\d* records sealed anew`).MatchString(out.String()) {
		t.Errorf("sessions rekey: %v, %s", err, &out)
	}
	s.restart(midSeason, "-secret-key", newKey)
	b.get("/projects").want(http.StatusOK)
	// With a wrong key nobody is signed in, and nothing is an error.
	s.restart(midSeason, "-secret-key", other)
	b.get("/").want(http.StatusOK)
	b.get("/readyz").want(http.StatusOK)
	if b.signedIn() {
		t.Error("a key that sealed nothing opens a session")
	}
	s.restart(midSeason, "-secret-key", newKey)
	b.get("/projects").want(http.StatusOK)
}

func TestSecurity27KeysComeFromOutsideAndWeakOnesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := "kept in a file: 32 characters and more"
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(env string, args ...string) (string, error) {
		var out output
		args = append([]string{"config", "check", "-data-dir", dir}, args...)
		err := app.Run(t.Context(), args, []string{env}, &out, app.Options{})
		return out.String(), err
	}
	for _, env := range []string{"TIPOFF_SECRET_KEY=" + key, "TIPOFF_SECRET_KEY_FILE=" + file} {
		if out, err := check(env); err != nil || strings.Contains(out, key) {
			t.Errorf("a good key from outside: %v", err)
		}
	}
	for what, weak := range map[string]string{
		"short": "Tr0ub4dor&3", "one letter": strings.Repeat("x", 40), "one word over and over": strings.Repeat("correcthorse", 4),
		"a short one behind a good one": key + ",short-one",
	} {
		var out output
		args := append(settings("http://127.0.0.1:1", t.TempDir(), midSeason), "-secret-key", weak)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := app.Run(ctx, args, nil, &out, app.Options{})
		cancel()
		if err == nil || strings.Contains(err.Error()+out.String(), weak) || strings.Contains(out.String(), "listening") {
			t.Errorf("a key that is %s: %v", what, err)
		}
	}
	// The key that is made when none is given is its owner's alone.
	s := startSite(t, midSeason)
	info, err := os.Stat(filepath.Join(s.dir, "secret.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key that was made: %v, %v", info, err)
	}
	made, err := os.ReadFile(filepath.Join(s.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{strings.TrimSpace(string(made))}
	for range 49 {
		keys = append(keys, anotherKey(t))
	}
	randomness(t, keys, 32)
}

// anotherKey is a secret key as the program makes it.
func anotherKey(t *testing.T) string {
	t.Helper()
	key, err := session.Key(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSecurity28NoRequestUsesTheTokenOfAnother(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	teams := []string{"BOS", "NYK", "LAL", "GSW", "CHI"}
	accounts := map[string]*fake.Account{"ann": s.account("ann", fake.Pro), "bob": s.account("bob", fake.Pro)}
	var wg sync.WaitGroup
	// Both speak over the same connections, as behind a proxy.
	shared := s.browser().client.Transport
	for name, account := range accounts {
		b := s.browser().signIn(account)
		b.client.Transport = shared
		for _, team := range teams {
			wg.Go(func() {
				// Tokens end in the middle of it.
				if team == "LAL" {
					s.fake.ExpireAccess(account)
				}
				p, err := b.try("/imports", url.Values{"team": {team}, "labels": {"of-" + name}})
				if err != nil || p.status != http.StatusSeeOther {
					t.Errorf("%s imports %s: %v %+v", name, team, err, p)
				}
			})
			wg.Go(func() {
				if p, err := b.try("/projects", nil); err != nil || p.status != http.StatusOK || strings.Contains(p.body, accounts["ann"].Profile().Name+"<") != (name == "ann") {
					t.Errorf("%s looks at the projects: %v", name, err)
				}
			})
		}
	}
	wg.Wait()
	for name, account := range accounts {
		if got := len(projects(account)); got != len(teams) {
			t.Errorf("%s has %d projects, want %d", name, got, len(teams))
		}
		for _, p := range projects(account) {
			for _, task := range tasks(account, p.ID) {
				if !slices.Equal(task.Labels, []string{"of-" + name}) {
					t.Fatalf("%s has a task with the labels %v", name, task.Labels)
				}
			}
		}
	}
	if len(s.tap.exchanges("/sync")) < 4*len(teams) {
		t.Errorf("only %d requests reached Todoist", len(s.tap.exchanges("/sync")))
	}
}

func TestSecurity29A401IsFollowedByOneRefreshAndOneRetry(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	calls, asked := s.tap.tokenCalls(), len(s.tap.exchanges("/sync"))
	s.fake.ExpireAccess(account)
	b.get("/projects").want(http.StatusOK)
	var statuses []int
	for _, x := range s.tap.exchanges("/sync")[asked:] {
		statuses = append(statuses, x.status)
	}
	if got := s.tap.tokenCalls() - calls; got != 1 || len(statuses) < 2 || statuses[0] != 401 || slices.Contains(statuses[1:], 401) {
		t.Errorf("%d refreshes, answers %v", got, statuses)
	}
	// A Todoist that refuses the new token too has to be asked for another
	// sign-in, and is not asked for ever.
	calls, asked = s.tap.tokenCalls(), len(s.tap.exchanges("/api/v1/"))
	s.fake.Fail(fake.Fault{Path: "/api/v1/", Status: 401})
	p := b.get("/projects")
	if got := s.tap.tokenCalls() - calls; got != 1 || p.status != http.StatusUnauthorized && p.status != http.StatusSeeOther {
		t.Errorf("%d refreshes, and the answer %d", got, p.status)
	}
	if got := len(s.tap.exchanges("/api/v1/")) - asked; got > 3 {
		t.Errorf("Todoist was asked %d times", got)
	}
}

func TestSecurity30FiftyRequestsWithAnExpiredTokenRefreshOnce(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	for range 2 {
		calls := s.tap.tokenCalls()
		s.fake.ExpireAccess(account)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if p, err := b.try("/projects", nil); err != nil || p.status != http.StatusOK {
					t.Errorf("%v %+v", err, p)
				}
			})
		}
		wg.Wait()
		if got := s.tap.tokenCalls() - calls; got != 1 {
			t.Errorf("50 requests refreshed %d times", got)
		}
	}
}

func TestSecurity31ANewPairIsStoredBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	t.Run("killed when the new token is first used", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, midSeason)
		s.startProcess()
		account := s.account("ann", fake.Free)
		b := s.browser().signIn(account)
		s.fake.ExpireAccess(account)
		refreshes := s.fake.CountTokenEvents(fake.Refreshed)
		used, killed := make(chan struct{}), make(chan struct{})
		var once sync.Once
		s.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
			if strings.HasPrefix(x.path, "/api/v1/") && s.fake.CountTokenEvents(fake.Refreshed) > refreshes {
				once.Do(func() { close(used) })
				<-killed
			}
			return false
		}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.try("/projects", nil) })
		<-used
		s.kill()
		close(killed)
		wg.Wait()
		calls := s.tap.tokenCalls()
		s.startProcess()
		b.get("/projects").want(http.StatusOK)
		s.fake.ExpireAccess(account)
		b.get("/projects").want(http.StatusOK)
		if got := s.tap.tokenCalls() - calls; got != 1 || s.fake.CountTokenEvents(fake.ReplayedLate)+s.fake.CountTokenEvents(fake.ReplayedInGrace) > 0 {
			t.Errorf("%d refreshes after the restart, and a token was replayed", got)
		}
	})
	t.Run("killed while it waits for the new pair", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, midSeason)
		s.startProcess()
		account := s.account("ann", fake.Free)
		b := s.browser().signIn(account)
		s.fake.ExpireAccess(account)
		s.fake.Fail(fake.Fault{Path: "/oauth/access_token", AfterApply: true, Delay: time.Minute})
		refreshes := s.fake.CountTokenEvents(fake.Refreshed)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.try("/projects", nil) })
		for s.fake.CountTokenEvents(fake.Refreshed) == refreshes {
			time.Sleep(time.Millisecond)
		}
		s.kill()
		wg.Wait()
		s.fake.ClearFaults()
		for s.tap.tokenCalls() < 2 {
			time.Sleep(time.Millisecond)
		}
		// Two minutes later the old token would be taken for stolen.
		s.args = append(s.args, "-now", midSeason.Add(2*time.Minute).Format(time.RFC3339))
		s.startProcess()
		calls := s.tap.tokenCalls()
		if p := b.get("/projects"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location(), "/sign-in") {
			t.Errorf("answered %d %s, want to be asked to sign in", p.status, p.location())
		}
		if s.tap.tokenCalls() != calls {
			t.Error("a refresh token that may be used up was sent again")
		}
	})
}

func TestSecurity32AnAnswerWithoutARefreshTokenRestoresNone(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	s.fake.ExpireAccess(account)
	s.fake.Fail(fake.Fault{Path: "/oauth/access_token", AfterApply: true, Drop: true, Times: 1})
	b.get("/projects").want(http.StatusOK)
	if got := s.fake.CountTokenEvents(fake.ReplayedInGrace); got != 1 {
		t.Fatalf("the lost answer was asked for again %d times, want 1", got)
	}
	calls := s.tap.tokenCalls()
	s.fake.ExpireAccess(account)
	if p := b.get("/projects"); p.status != http.StatusSeeOther {
		t.Errorf("answered %d, want to be asked to sign in", p.status)
	}
	if s.tap.tokenCalls() != calls {
		t.Error("the consumed refresh token was sent again")
	}
}

func TestSecurity33SigningOutRevokesAtTodoist(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	b.post("/sign-out", nil).want(http.StatusSeeOther)
	revokes := s.tap.exchanges("/api/v1/revoke")
	if len(revokes) == 0 {
		t.Fatal("Todoist was not told")
	}
	for _, x := range revokes {
		user, password, ok := (&http.Request{Header: x.header}).BasicAuth()
		if x.method != http.MethodPost || !ok || user != "client" || password != "secret-of-the-client" || x.fields().Get("token") == "" {
			t.Errorf("revoked by %s as %s", x.method, user)
		}
	}

	b.signIn(account)
	id := b.session()
	s.fake.Fail(fake.Fault{Path: "/api/v1/revoke", Status: 503})
	b.post("/sign-out", nil).want(http.StatusOK).has("Todoist could not be told yet")
	if len(s.rows("token/%")) != 0 || len(s.rows("session/%")) != 0 || s.browser().with(id).signedIn() {
		t.Error("the local copy is still there")
	}
	s.fake.ClearFaults()
	s.restart(midSeason.Add(5 * time.Minute))
	for range 1000 {
		if access, refresh := s.fake.LiveTokens(account); access+refresh == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if access, refresh := s.fake.LiveTokens(account); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens still work", access, refresh)
	}
}

func TestSecurity34ARevokedGrantIsWipedAndTheUserTold(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	s.fake.RevokeAll(account)
	before := len(s.tap.exchanges("/"))
	p := b.get("/projects").want(http.StatusSeeOther)
	// The sign-in page is shown and does not send back.
	b.get(p.location()).want(http.StatusOK).has("Sign in with Todoist")
	if got := len(s.tap.exchanges("/")) - before; got > 2 {
		t.Errorf("Todoist was asked %d times", got)
	}
	if got := len(s.rows("token/%")); got != 0 {
		t.Errorf("%d token rows are left", got)
	}
	// Whoever presses a button hears why nothing happened.
	b.signIn(account)
	s.fake.RevokeAll(account)
	b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusUnauthorized).has("Sign in again")
	b.get("/sign-in").want(http.StatusOK)
}

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
			b.get("/"), b.get("/import?team=BOS"), b.get("/projects"), b.get("/sessions"), b.post("/imports", nil),
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
	for _, address := range []string{done.location(), project, project + "/remove", "/projects", "/sessions", "/import?team=BOS&target=" + other} {
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
	if p := b.get("/projects"); p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" {
		t.Errorf("a 429 is answered with %d, Retry-After %q", p.status, p.header.Get("Retry-After"))
	}
	if got := len(s.tap.exchanges("/api/v1/")) - before; got != 1 {
		t.Errorf("after a 429 that says wait 66 seconds Todoist was asked %d times", got)
	}
	s.fake.ClearFaults()

	arrived := make(chan struct{}, 100)
	s.fake.Fail(fake.Fault{Path: "/api/v1/", Delay: time.Hour, Match: func(fake.Request) bool { arrived <- struct{}{}; return true }})
	ctx, leave := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, publicURL+"/projects", nil)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := b.client.Do(req); err == nil {
				resp.Body.Close()
			}
		})
	}
	for range 20 {
		<-arrived
	}
	for _, path := range []string{"/", "/teams/bos", "/teams/bos.ics", "/sign-in", "/readyz", "/livez"} {
		visitor.get(path).want(http.StatusOK)
	}
	b.get("/sessions").want(http.StatusOK)
	leave()
	wg.Wait()
	s.fake.ClearFaults()
	b.get("/projects").want(http.StatusOK)
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

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSecurity42APanicIsOnePlainPage(t *testing.T) {
	t.Parallel()
	var log output
	public := &url.URL{Scheme: "http", Host: "tipoff.test"}
	logger := slog.New(slog.NewTextHandler(&log, nil))
	sessions, err := session.Open(t.Context(), session.Config{Store: "memory:", Keys: []string{anotherKey(t)}, URL: public, Now: time.Now, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	defer sessions.Close()
	// Without a schedule every page that shows one panics.
	pages, err := handlers.New(handlers.Config{PublicURL: public, Sessions: sessions, Importer: &importer.Importer{}, Todoist: &todoist.API{HTTP: http.DefaultClient}, Metrics: handlers.NewMetrics("test"),
		Now: time.Now, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: pages}
	go server.Serve(listener)
	defer server.Close()
	b := (&site{t: t, addr: listener.Addr().String()}).browser()
	for range 3 {
		p := b.get("/").want(http.StatusInternalServerError).has("Something broke on our side")
		for _, detail := range []string{"goroutine", "runtime", ".go:", "nil pointer", "panic"} {
			if strings.Contains(p.body, detail) {
				t.Errorf("the page shows %q", detail)
			}
		}
	}
	b.get("/livez").want(http.StatusOK)
	if !strings.Contains(log.String(), "nil pointer") || !strings.Contains(log.String(), "goroutine") {
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

// securityItems is how many items the list has, from which docs/security.md has
// its numbers.
const securityItems = 42

func TestTheTableOfSecurityIsThatOfTheTests(t *testing.T) {
	files, err := filepath.Glob("e2e/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	proved := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func TestSecurity(\d\d)(\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			proved[m[1]] = true
			rows[fmt.Sprintf("| %s | %s | [`%s`](../%s) |", m[1], inWords(m[2]), filepath.Base(file), file)] = true
		}
	}
	for i := 1; i <= securityItems; i++ {
		if number := fmt.Sprintf("%02d", i); !proved[number] {
			t.Errorf("no test proves item %s", number)
		}
	}
	const begin, end = "<!-- made from the tests: go test ./e2e -run TableOfSecurity -update -->\n", "<!-- end -->\n"
	table := "| | proved | by |\n| --- | --- | --- |\n" + strings.Join(slices.Sorted(maps.Keys(rows)), "\n") + "\n"
	raw, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	was, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("docs/security.md has no place for the table")
	}
	if *update {
		if err := os.WriteFile("docs/security.md", []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if was != table {
		t.Error("the table in docs/security.md is not that of the tests; run go test ./e2e -run TableOfSecurity -update")
	}
}

// inWords writes the name of a test as words: "IDsAreRandom" as "IDs are random".
func inWords(name string) string {
	for _, border := range []string{`([a-z0-9])([A-Z])`, `([A-Za-z])([0-9])`, `([A-Z])([A-Z][a-rt-z]|[A-Z]s[a-z])`} {
		name = regexp.MustCompile(border).ReplaceAllString(name, "$1 $2")
	}
	words := strings.Fields(name)
	for i, word := range words[1:] {
		if len(word) == 1 || word[1:] == strings.ToLower(word[1:]) && !strings.HasPrefix(word, "Todoist") {
			words[i+1] = strings.ToLower(word)
		}
	}
	return strings.Join(words, " ")
}
