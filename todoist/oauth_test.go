package todoist_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/todoist"
	"tipoff/todoist/fake"
)

const verifier = "a-verifier-of-43-characters-or-more-as-asked-for"

func (w *world) app() *todoist.App {
	return &todoist.App{API: w.api, ClientID: "client", ClientSecret: "secret-of-the-client",
		AuthorizeURL: "https://todoist.test/oauth/authorize", RedirectURL: "https://tipoff.test/oauth/callback"}
}

// code is what the user's consent gives.
func (w *world) code(app *todoist.App, scopes ...string) string {
	w.t.Helper()
	back, err := w.server.Consent(app.AuthorizeFor("the-state", verifier, scopes), w.account)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(back)
	if err != nil || u.Query().Get("state") != "the-state" {
		w.t.Fatalf("consent led to %s, %v", back, err)
	}
	return u.Query().Get("code")
}

// mentions fails the test if an error has something that no log should.
func mentions(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, secret := range append(secrets, "secret-of-the-client", verifier, accessToken) {
		if err != nil && secret != "" && strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
			t.Errorf("the error has %q: %v", secret, err)
		}
	}
}

func TestTheAuthorizeAddressAsksAsTodoistWants(t *testing.T) {
	w := newWorld(t)
	u, err := url.Parse(w.app().AuthorizeFor("state", verifier, []string{todoist.ScopeReadWrite, todoist.ScopeDelete}))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{"client_id": "client", "scope": "data:read_write,data:delete", "state": "state",
		"redirect_uri": "https://tipoff.test/oauth/callback", "response_type": "code", "code_challenge_method": "S256"} {
		if got := q.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if q.Get("code_challenge") == "" || strings.Contains(u.String(), verifier) || strings.Contains(u.String(), "secret-of-the-client") {
		t.Errorf("the address is %s", u)
	}
}

func TestACodeIsTradedOnceForTokens(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	code := w.code(app, todoist.ScopeReadWrite)
	token, err := app.Exchange(t.Context(), code, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if token.Access == "" || token.Refresh == "" || token.Lifetime != time.Hour || !slices.Equal(token.Scopes, []string{todoist.ScopeReadWrite}) {
		t.Errorf("got a token with lifetime %s and scopes %v", token.Lifetime, token.Scopes)
	}
	c := w.api.As(func(context.Context, string) (string, error) { return token.Access, nil })
	if user, err := c.User(t.Context()); err != nil || user.ID != "42" {
		t.Errorf("the token is of %+v, %v", user, err)
	}

	_, err = app.Exchange(t.Context(), code, verifier)
	if refused, ok := errors.AsType[*todoist.Error](err); !ok || refused.Status != http.StatusBadRequest || todoist.Doubtful(err) {
		t.Errorf("a code used twice is the error %v", err)
	}
	mentions(t, err, code)

	second := w.code(app, todoist.ScopeReadWrite)
	_, err = app.Exchange(t.Context(), second, "another-verifier-of-43-characters-or-more-as-well")
	if err == nil {
		t.Error("a code was traded with another verifier")
	}
	mentions(t, err, second)

	app.ClientSecret = "a-false-secret"
	third := w.code(app, todoist.ScopeReadWrite)
	_, err = app.Exchange(t.Context(), third, verifier)
	if err == nil {
		t.Error("a code was traded with another secret")
	}
	mentions(t, err, third, "a-false-secret")
}

func TestTokensOfOldAppsHaveNoRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.server.SetSwitches(fake.Switches{LegacyTokens: true})
	token, err := w.app().Exchange(t.Context(), w.code(w.app(), todoist.ScopeReadWrite), verifier)
	if err != nil || token.Access == "" || token.Refresh != "" || token.Lifetime < 9*365*24*time.Hour {
		t.Errorf("got a refresh token %t, a lifetime of %s, %v", token.Refresh != "", token.Lifetime, err)
	}
}

func TestExchangesThatGoWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		fault    fake.Fault
		doubtful bool
	}{
		"a dropped answer":           {fake.Fault{Drop: true, AfterApply: true}, true},
		"HTML":                       {fake.Fault{Status: 200, Body: "<html>", ContentType: "text/html"}, true},
		"an answer without a token":  {fake.Fault{Status: 200, Body: `{"token_type": "Bearer"}`, ContentType: "application/json"}, true},
		"no answer in time":          {fake.Fault{Delay: time.Hour}, true},
		"500":                        {fake.Fault{Status: 500}, true},
		"an error without a meaning": {fake.Fault{Status: 400, Body: `{"error": {"nested": "` + accessToken + `"}}`}, false},
		"an error that says back":    {fake.Fault{Status: 400, Body: `{"error": "` + accessToken + `"}`, ContentType: "application/json"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				app := w.app()
				code := w.code(app, todoist.ScopeReadWrite)
				tt.fault.Path = "/oauth/access_token"
				w.server.Fail(tt.fault)
				_, err := app.Exchange(t.Context(), code, verifier)
				if err == nil || todoist.Doubtful(err) != tt.doubtful {
					t.Errorf("got %v, want it doubtful: %t", err, tt.doubtful)
				}
				if got := w.sent.Load(); got != 1 {
					t.Errorf("the code was sent %d times", got)
				}
				mentions(t, err, code)
			})
		})
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		app := w.app()
		first, err := app.Exchange(t.Context(), w.code(app, todoist.ScopeReadWrite), verifier)
		if err != nil {
			t.Fatal(err)
		}
		second, err := app.Refresh(t.Context(), first.Refresh)
		if err != nil || second.Access == first.Access || second.Refresh == "" || second.Refresh == first.Refresh {
			t.Fatalf("the refresh gave the same again, or %v", err)
		}
		// Within the minute of grace the answer has no refresh token, and the
		// old one is not made out to be the new one.
		again, err := app.Refresh(t.Context(), first.Refresh)
		if err != nil || again.Access != second.Access || again.Refresh != "" {
			t.Errorf("a refresh within the grace gave a refresh token: %t, %v", again.Refresh != "", err)
		}
		time.Sleep(61 * time.Second)
		_, err = app.Refresh(t.Context(), first.Refresh)
		if !errors.Is(err, todoist.ErrInvalidGrant) {
			t.Errorf("a refresh token used up is the error %v, want ErrInvalidGrant", err)
		}
		mentions(t, err, first.Refresh, first.Access)
	})
}

func TestARefreshIsSentOnce(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	token, err := app.Exchange(t.Context(), w.code(app, todoist.ScopeReadWrite), verifier)
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]fake.Fault{"dropped": {Drop: true}, "500": {Status: 500}, "429": {Status: 429, RetryAfter: 1}} {
		w.sent.Store(0)
		remove := w.server.Fail(fault)
		_, err := app.Refresh(t.Context(), token.Refresh)
		remove()
		if err == nil || errors.Is(err, todoist.ErrInvalidGrant) || w.sent.Load() != 1 {
			t.Errorf("%s: %v after %d requests, want an error after one that is not the grant's", name, err, w.sent.Load())
		}
		mentions(t, err, token.Refresh, token.Access)
	}
}

func TestRevokingEndsTheTokens(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	token, err := app.Exchange(t.Context(), w.code(app, todoist.ScopeReadWrite), verifier)
	if err != nil {
		t.Fatal(err)
	}
	c := w.api.As(func(context.Context, string) (string, error) { return token.Access, nil })
	if err := app.Revoke(t.Context(), token.Access, token.Refresh); err != nil {
		t.Fatal(err)
	}
	if _, err := c.User(t.Context()); err == nil {
		t.Error("the access token still works")
	}
	if _, err := app.Refresh(t.Context(), token.Refresh); !errors.Is(err, todoist.ErrInvalidGrant) {
		t.Errorf("the refresh token is refused with %v, want ErrInvalidGrant", err)
	}
	if err := app.Revoke(t.Context(), token.Access, token.Refresh); err != nil {
		t.Errorf("tokens that are gone cannot be revoked again: %v", err)
	}
	w.sent.Store(0)
	if err := app.Revoke(t.Context(), "", ""); err != nil || w.sent.Load() != 0 {
		t.Errorf("revoking nothing took %d requests, %v", w.sent.Load(), err)
	}
	w.server.Fail(fake.Fault{Status: 503})
	err = app.Revoke(t.Context(), token.Access, token.Refresh)
	if err == nil || !todoist.Doubtful(err) {
		t.Errorf("a server that fails is the error %v", err)
	}
	mentions(t, err, token.Access, token.Refresh)
}
