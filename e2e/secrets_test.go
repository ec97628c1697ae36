package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/app"
	"tipoff/todoist/fake"
)

// A record is what a run of the program left behind: what browsers got, what
// was logged and stored, and the secrets that occurred on the way.
type record struct {
	mu      sync.Mutex
	secrets map[string]string // by what they are
	places  map[string]string // what may hold no secret, by where it is
}

func (r *record) secret(what, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.secrets[value]; !known && value != "" {
		r.secrets[value] = what
	}
}

func (r *record) place(where, content string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places[fmt.Sprintf("%s (%d)", where, len(r.places))] = content
}

// watch notes what a browser gets and which secrets it is given.
func (r *record) watch(b *browser) *browser {
	next := b.client.Transport
	b.client.Transport = transport(func(req *http.Request) (*http.Response, error) {
		for _, name := range []string{"code", "state"} {
			r.secret(name, req.URL.Query().Get(name))
		}
		for _, c := range req.Cookies() {
			r.secret("cookie "+c.Name, c.Value)
		}
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		header := resp.Header.Clone()
		for _, c := range resp.Cookies() {
			r.secret("cookie "+c.Name, c.Value)
		}
		header.Del("Set-Cookie")
		// Two redirects carry what has to be carried: ours to the page of
		// consent, and the one from there, which is not ours.
		if u, err := url.Parse(header.Get("Location")); err == nil && u.Query().Has("state") {
			r.secret("state", u.Query().Get("state"))
			header.Del("Location")
		}
		var head strings.Builder
		if err := header.Write(&head); err != nil {
			return nil, err
		}
		r.place("header of "+req.Method+" "+req.URL.Path, head.String())
		r.place("page "+req.Method+" "+req.URL.Path, string(body))
		return resp, nil
	})
	return b
}

// forms are the ways in which a secret may be written.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret) // a string always encodes
	return []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), strings.Trim(string(quoted), `"`),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))}
}

// leaks fails the test for each secret in a place whose name has this at its
// beginning.
func (r *record) leaks(t *testing.T, prefixes ...string) {
	t.Helper()
	looked := 0
	for where, content := range r.places {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(where, p) }) {
			continue
		}
		looked++
		for secret, what := range r.secrets {
			for _, form := range forms(secret) {
				if i := strings.Index(content, form); i >= 0 {
					t.Errorf("%s has a %s: …%.60q", where, what, content[max(0, i-60):i])
					break
				}
			}
		}
	}
	if looked == 0 {
		t.Errorf("nothing was looked at: %q", prefixes)
	}
}

// fullRun does with a site what can be done, the failures too, and returns what
// that left behind.
func fullRun(t *testing.T, args ...string) *record {
	t.Helper()
	r := &record{secrets: map[string]string{"secret-of-the-client": "client secret"}, places: map[string]string{}}
	s := newSite(t, midSeason, append([]string{"-log-level", "debug"}, args...)...)
	// A Todoist that says back what it was told, in the worst place, while echo
	// is part of the path.
	var mu sync.Mutex
	echo := "nothing"
	setEcho := func(path string) { mu.Lock(); defer mu.Unlock(); echo = path }
	s.tap.before = func(w http.ResponseWriter, x *exchange) bool {
		mu.Lock()
		defer mu.Unlock()
		if !strings.Contains(x.path, echo) {
			return false
		}
		said := x.header.Get("Authorization") + " " + x.fields().Encode()
		for _, values := range x.fields() {
			said += " " + strings.Join(values, " ")
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "66")
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]any{"error": said, "error_description": said, "error_tag": said, "error_code": 1, "error_extra": map[string]any{"explanation": said, "argument": said}})
		return true
	}
	s.start()
	ann, bob := s.account("ann", fake.Pro), s.account("bob", fake.Free)
	newBrowser := func() *browser { return r.watch(s.browser()) }
	get := func(b *browser, paths ...string) {
		t.Helper()
		for _, path := range paths {
			b.get(path)
		}
	}

	visitor := newBrowser()
	get(visitor, "/", "/teams/bos", "/teams/bos.ics", "/teams/bos.csv", "/sign-in", "/import?team=BOS", "/no/such", "/readyz", "/oauth/callback?code=a-code-from-nowhere&state=a-state-from-nowhere",
		"/oauth/callback?error=access_denied&state=another-state-from-nowhere")
	r.secret("typed token", "a-token-that-was-mistyped")
	visitor.post("/sign-in/token", url.Values{"token": {"a-token-that-was-mistyped"}})
	setEcho("/api/v1/")
	visitor.post("/sign-in/token", url.Values{"token": {"a-token-that-was-mistyped"}})
	setEcho("nothing")

	personal := newBrowser()
	personal.post("/sign-in/token", url.Values{"token": {"api-token-of-bob"}}).want(http.StatusSeeOther)
	get(personal, "/projects", "/import?team=DEN", "/account")
	personal.importTeam("team=DEN").want(http.StatusSeeOther)

	b := newBrowser().signIn(ann)
	get(b, "/", "/import?team=BOS", "/projects")
	project, _, _ := strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
	streamed := b.post("/imports", url.Values{"team": {"NYK"}}, "Accept", "text/event-stream").want(http.StatusOK)
	if !strings.Contains(streamed.body, "event: done") {
		t.Errorf("the streamed import ended with %.300s", streamed.body)
	}
	get(b, project, project+"/remove", "/account")

	// What Todoist does not do as it should.
	for _, fault := range []fake.Fault{
		{Path: "/api/v1/", Status: 429, RetryAfter: 66}, {Path: "/api/v1/", Status: 503, RetryAfter: 66, Body: "<html>down</html>", ContentType: "text/html"},
		{Path: "/api/v1/", Status: 403}, {Path: "/api/v1/", Status: 404},
	} {
		remove := s.fake.Fail(fault)
		get(b, "/projects", project)
		b.post("/imports", url.Values{"team": {"LAL"}})
		b.post("/imports", url.Values{"team": {"LAL"}}, "Accept", "text/event-stream")
		b.trySignIn(ann)
		remove()
	}
	// An answer that makes no sense is asked for again, after pauses.
	s.fake.Fail(fake.Fault{Path: "/api/v1/", Status: 200, Body: `{"user":{"token":"a-token-cut-off`, Times: 1})
	get(b, "/projects")
	setEcho("/api/v1/")
	get(b, "/projects", project, "/import?team=LAL")
	b.post("/imports", url.Values{"team": {"LAL"}})
	setEcho("nothing")

	// Sign-ins that fail at the exchange.
	for _, fault := range []fake.Fault{{Path: "/oauth/access_token", Drop: true}, {Path: "/oauth/access_token", Status: 500, Body: "<html>"}, {Path: "/oauth/access_token", AfterApply: true, Cut: true}} {
		remove := s.fake.Fail(fault)
		newBrowser().trySignIn(bob)
		remove()
	}
	setEcho("/oauth/access_token")
	newBrowser().trySignIn(bob)
	setEcho("nothing")
	altered := newBrowser()
	_, back := altered.begin(bob, "/")
	get(altered, alter(back, "code", "a-code-that-was-altered"), back)

	// Refreshes, good and bad.
	s.fake.ExpireAccess(ann)
	get(b, "/projects", "/projects")
	s.fake.ExpireAccess(ann)
	setEcho("/oauth/access_token")
	get(b, "/projects")
	setEcho("nothing")
	b.trySignIn(ann)

	// Remove with consent, and all the ways out.
	asked := b.post(project+"/remove", nil)
	if asked.status == http.StatusSeeOther && strings.Contains(asked.location(), "scope=") {
		back, err := s.fake.Consent(asked.location(), ann)
		if err != nil {
			t.Fatal(err)
		}
		b.get(back)
		b.post(project+"/remove", nil)
	}
	get(b, "/projects?removed=65")
	second := newBrowser().signIn(ann)
	second.post("/account/sessions/end", url.Values{"handle": {"none"}})
	setEcho("/api/v1/revoke")
	second.post("/sign-out", nil)
	setEcho("nothing")
	s.fake.Fail(fake.Fault{Path: "/api/v1/revoke", Drop: true})
	b.post("/sign-out", url.Values{"everywhere": {"1"}})
	s.fake.ClearFaults()
	refused := newBrowser().signIn(ann)
	s.fake.RevokeAll(ann)
	get(refused, "/projects", "/sign-in")
	personal.post("/sign-out", nil)
	r.place("log", s.log.String())
	s.restart(midSeason.Add(10 * time.Minute))
	last := newBrowser().signIn(bob)
	get(last, "/projects")
	for _, command := range [][]string{{"config", "check"}, {"config", "show"}, {"sessions", "rekey"}, {"sessions", "flush", "bob-1"}, {"version"}} {
		var out output
		err := app.Run(t.Context(), append(slices.Clone(command), s.args...), nil, &out, app.Options{})
		r.place("output of "+strings.Join(command, " "), out.String()+fmt.Sprint(err))
	}
	r.place("log", s.log.String())

	// What is on the disk while it runs, and when it has stopped.
	disk := func(when string) {
		err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if d.Name() == "secret.key" {
				r.secret("key", strings.TrimSpace(string(raw)))
				return nil
			}
			r.place("data dir "+when+" "+d.Name(), string(raw))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	disk("while it runs")
	for _, table := range []string{"sessions", "grants", "revocations"} {
		for key, value := range s.rows(table) {
			r.place("database row "+key, key+" "+string(value))
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	disk("stopped")
	r.place("log", s.log.String())
	for value, what := range s.tap.secrets() {
		r.secret(what, value)
	}
	for _, x := range s.tap.exchanges("/") {
		r.place("address asked of Todoist", x.address)
	}
	return r
}

// trySignIn is signIn where it may fail.
func (b *browser) trySignIn(a *fake.Account) {
	b.t.Helper()
	asked := b.post("/sign-in", nil)
	if asked.status != http.StatusSeeOther {
		return
	}
	back, err := b.site.fake.Consent(asked.location(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	b.get(back)
}

func TestSecurity14NoTokenInAnAddressOrAPage(t *testing.T) {
	t.Parallel()
	fullRun(t).leaks(t, "page ", "header ", "address ")
	// Nor do the scripts know a place to keep one.
	scripts, err := filepath.Glob("static/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"localStorage", "sessionStorage", "indexedDB", "document.cookie", "postMessage", "eval(", "innerHTML", "http://", "https://"} {
			if bytes.Contains(raw, []byte(word)) {
				t.Errorf("%s uses %s", path, word)
			}
		}
	}
}

func TestSecurity38NoSecretIsLoggedOrStoredOpenly(t *testing.T) {
	t.Parallel()
	r := fullRun(t)
	r.leaks(t, "log", "output", "data dir", "database row")
	kinds := map[string]int{}
	for _, what := range r.secrets {
		kinds[strings.Fields(what)[0]]++
	}
	for _, what := range []string{"token", "access_token", "refresh_token", "code", "code_verifier", "state", "cookie", "key", "client", "typed"} {
		if kinds[what] == 0 {
			t.Errorf("no %s occurred: %v", what, slices.Sorted(maps.Keys(kinds)))
		}
	}
}

func TestSecurity38NoSecretIsStoredOpenlyWithSessionsInCookies(t *testing.T) {
	t.Parallel()
	fullRun(t, "-session-store", "cookie:").leaks(t, "log", "output", "data dir", "page ", "header ")
}
