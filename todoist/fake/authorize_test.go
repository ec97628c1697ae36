package fake_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// authorizeURL is a good authorization request with some parameters changed;
// an empty value leaves one out.
func authorizeURL(change url.Values) string {
	q := url.Values{"client_id": {"client"}, "scope": {"data:read_write"}, "state": {"a state"}, "redirect_uri": {redirectURI}, "response_type": {"code"}}
	for k, v := range change {
		q[k] = v
		if v[0] == "" {
			q.Del(k)
		}
	}
	return "/oauth/authorize?" + q.Encode()
}

// code goes through the consent page and returns an authorization code.
func (w *world) code(change url.Values) string {
	w.t.Helper()
	to, err := w.s.Consent(authorizeURL(change), w.pro)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		w.t.Fatal(err)
	}
	code := u.Query().Get("code")
	if code == "" {
		w.t.Fatalf("no code in %s", to)
	}
	return code
}

func TestTheConsentPageSaysWhoAsksForWhat(t *testing.T) {
	w := newWorld(t)
	r := w.request("GET", authorizeURL(url.Values{"scope": {"data:read_write,project:delete"}, "state": {`"><script>`}}), "", nil)
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for _, want := range []string{"Tipoff", "stand-in for Todoist", "See, add and change your projects", "Delete projects", "free@example.com", "pro@example.com", "Allow", "Deny", "/demo/todoist/style.css"} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(r.body, "<script") {
		t.Error("the state is not escaped")
	}
	// Chrome holds the redirect that follows a form to its page's policy.
	if csp := r.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://localhost:8080;") {
		t.Errorf("the policy is %q", csp)
	}
}

func TestTheConsentFormGrantsAndDenies(t *testing.T) {
	w := newWorld(t)
	form := url.Values{"client_id": {"client"}, "scope": {"data:read"}, "state": {"s"}, "redirect_uri": {redirectURI}, "account": {"1001"}, "decision": {"allow"}}
	r := w.request("POST", "/oauth/authorize", "", form)
	to, _ := url.Parse(r.header.Get("Location"))
	if r.status != 303 || !strings.HasPrefix(to.String(), redirectURI+"?") || to.Query().Get("state") != "s" || to.Query().Get("code") == "" {
		t.Fatalf("allow: %d %s", r.status, to)
	}
	_, tokens := w.token(exchange(to.Query().Get("code"), nil))
	if u := w.request("GET", "/api/v1/user", tokens["access_token"].(string), nil).object(t); u["id"] != "1001" {
		t.Errorf("the code is for %v", u["id"])
	}
	form.Set("decision", "deny")
	r = w.request("POST", "/oauth/authorize", "", form)
	if to := r.header.Get("Location"); r.status != 303 || to != redirectURI+"?error=access_denied&state=s" {
		t.Errorf("deny: %d %s", r.status, to)
	}
	if g, d := w.s.CountTokenEvents(fake.Granted), w.s.CountTokenEvents(fake.Denied); g != 1 || d != 1 {
		t.Errorf("%d granted and %d denied", g, d)
	}
	for name, change := range map[string]url.Values{
		"an unknown account": {"account": {"nobody"}, "decision": {"allow"}},
		"no decision":        {"decision": {""}},
	} {
		for k, v := range change {
			form[k] = v
		}
		if r := w.request("POST", "/oauth/authorize", "", form); r.status != 400 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
}

func TestTheConsentFormOfAnotherSiteIsRefused(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest("POST", authorizeURL(nil), nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := w.serve(r); got.status != 403 {
		t.Errorf("status %d", got.status)
	}
}

func TestAuthorizationRequestsAreJudged(t *testing.T) {
	back := func(e string) string { return redirectURI + "?error=" + e + "&state=a+state" }
	tests := map[string]struct {
		change   url.Values
		switches fake.Switches
		status   int
		location string
		body     string
	}{
		"a good one shows the page":                 {status: 200},
		"no response type is as good as code":       {change: url.Values{"response_type": {""}}, status: 200},
		"the only redirect URI may be left out":     {change: url.Values{"redirect_uri": {""}}, status: 200},
		"an unknown client is shown":                {change: url.Values{"client_id": {"x"}}, status: 400, body: "invalid_client"},
		"an unregistered redirect is shown":         {change: url.Values{"redirect_uri": {redirectURI + "/"}}, status: 400, body: "Redirect URI not configured"},
		"an unknown scope":                          {change: url.Values{"scope": {"data:everything"}}, status: 302, location: back("invalid_scope")},
		"no scope":                                  {change: url.Values{"scope": {""}}, status: 302, location: back("invalid_scope")},
		"scopes are not separated by spaces":        {change: url.Values{"scope": {"data:read data:delete"}}, status: 302, location: back("invalid_scope")},
		"another response type":                     {change: url.Values{"response_type": {"token"}}, status: 302, location: back("unsupported_response_type")},
		"a plain challenge":                         {change: url.Values{"code_challenge": {"x"}, "code_challenge_method": {"plain"}}, status: 302, location: back("invalid_request")},
		"a suspended app":                           {switches: fake.Switches{InvalidApplicationStatus: true}, status: 302, location: back("invalid_application_status")},
		"errors may come without the state":         {change: url.Values{"scope": {"x"}}, switches: fake.Switches{ErrorsWithoutState: true}, status: 302, location: redirectURI + "?error=invalid_scope"},
		"a challenge by S256 is part of a good one": {change: url.Values{"code_challenge": {"x"}, "code_challenge_method": {"S256"}}, status: 200},
		"a method without a challenge is a mistake": {change: url.Values{"code_challenge_method": {"S256"}}, status: 302, location: back("invalid_request")},
		"several scopes, separated by commas, do":   {change: url.Values{"scope": {"data:read_write,data:delete,project:delete"}}, status: 200},
		"a redirect on another host is never tried": {change: url.Values{"redirect_uri": {"https://evil.example/"}}, status: 400, body: "Redirect URI not configured"},
		"a missing client is as bad as a wrong one": {change: url.Values{"client_id": {""}}, status: 400, body: "invalid_client"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.s.SetSwitches(tt.switches)
			r := w.request("GET", authorizeURL(tt.change), "", nil)
			if r.status != tt.status || r.header.Get("Location") != tt.location {
				t.Errorf("got %d %q, want %d %q", r.status, r.header.Get("Location"), tt.status, tt.location)
			}
			if tt.body != "" && r.object(t)["error"] != tt.body {
				t.Errorf("got %s, want %s", r.body, tt.body)
			}
		})
	}
}

func TestRedirectURIMustBeNamedWhenThereAreSeveral(t *testing.T) {
	w := newWorld(t, func(c *fake.Config) { c.RedirectURIs = []string{redirectURI, "https://example.com/cb?x=1"} })
	r := w.request("GET", authorizeURL(url.Values{"redirect_uri": {""}}), "", nil)
	if r.status != 400 || r.object(t)["error"] != "invalid_request" {
		t.Errorf("got %d %s", r.status, r.body)
	}
	to, err := w.s.Consent(authorizeURL(url.Values{"redirect_uri": {"https://example.com/cb?x=1"}}), nil)
	if want := "https://example.com/cb?x=1&error=access_denied&state=a+state"; err != nil || to != want {
		t.Errorf("got %q %v, want %q", to, err, want)
	}
}
