package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tipoff/handlers"
	"tipoff/importer"
	"tipoff/session"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// noLiveTokens fails the test if a token of the account still works.
func (s *site) noLiveTokens(a *fake.Account) {
	s.t.Helper()
	if access, refresh := s.fake.LiveTokens(a); access+refresh != 0 {
		s.t.Errorf("%d access and %d refresh tokens still work", access, refresh)
	}
}

func TestASignInThatFailsAfterTheExchangeLeavesNoToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		store string
		fault func(*site) fake.Fault // for the request that reads the name
		user  string                 // the user's name
		want  int
	}{
		"Todoist refuses the name": {
			fault: func(*site) fake.Fault { return fake.Fault{Status: http.StatusForbidden} },
			want:  http.StatusBadGateway,
		},
		"Todoist asks for a pause": {
			fault: func(*site) fake.Fault { return fake.Fault{Status: http.StatusTooManyRequests, RetryAfter: 900} },
			want:  http.StatusServiceUnavailable,
		},
		"the answer names no user": {
			fault: func(*site) fake.Fault { return fake.Fault{Status: http.StatusOK, Body: "{}"} },
			want:  http.StatusInternalServerError,
		},
		"the user's id is too long": {
			fault: func(*site) fake.Fault {
				return fake.Fault{Status: http.StatusOK, Body: fmt.Sprintf(`{"id":%q}`, strings.Repeat("7", 1000))}
			},
			want: http.StatusInternalServerError,
		},
		"the store fails": {
			fault: func(s *site) fake.Fault {
				return fake.Fault{Match: func(fake.Request) bool { s.breakStore(); return true }}
			},
			want: http.StatusServiceUnavailable,
		},
		"the session does not fit into a cookie": {
			store: "cookie:",
			user:  strings.Repeat("<", 300),
			want:  http.StatusInternalServerError,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var args []string
			if tt.store != "" {
				args = []string{"-session-store", tt.store}
			}
			s := startSite(t, midSeason, args...)
			account := s.fake.AddAccount(fake.Profile{ID: "ann-1", Email: tt.user + "@example.org", Name: tt.user, Lang: tt.user,
				APIToken: "api-token-of-ann", Zone: "America/New_York"})
			b := s.browser()
			_, back := b.begin(account, "/")
			if tt.fault != nil {
				f := tt.fault(s)
				f.Path, f.Times = "/api/v1/user", 1
				s.fake.Fail(f)
			}
			b.get(back).want(tt.want)
			if s.fake.CountTokenEvents(fake.Exchanged) != 1 {
				t.Fatal("no code was exchanged")
			}
			s.noLiveTokens(account)
		})
	}
}

func TestTokensOfAFailedSignInAreRevokedOnceTodoistAnswersAgain(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser()
	_, back := b.begin(account, "/")
	s.fake.Fail(fake.Fault{Path: "/api/v1/", Status: http.StatusServiceUnavailable, RetryAfter: 900})
	b.get(back).want(http.StatusBadGateway)
	s.fake.ClearFaults()
	s.restart(midSeason.Add(5 * time.Minute)) // the cleanup runs at the start
	s.saying(`msg="token revoked"`)
	s.noLiveTokens(account)
}

func TestAPersonalTokenIsNotRevokedWhenTheSignInFails(t *testing.T) {
	t.Parallel()
	s, tp := startTapped(t, midSeason, publicURL)
	s.account("ann", fake.Free)
	s.fake.Fail(fake.Fault{Path: "/api/v1/user", Status: http.StatusOK, Body: "{}"})
	s.browser().post("/sign-in/token", url.Values{"token": {"api-token-of-ann"}}).want(http.StatusInternalServerError)
	if n := len(tp.exchanges("/api/v1/revoke")); n != 0 {
		t.Errorf("Todoist was asked %d times to revoke", n)
	}
}

// The test calls the handler itself, because over the network nobody knows when
// the program notices that a visitor has left.
func TestAVisitorWhoLeavesDuringTheExchangeLeavesNoToken(t *testing.T) {
	t.Parallel()
	server := fake.New(fake.Config{Now: clockFrom(midSeason), ClientID: "client", ClientSecret: "secret-of-the-client",
		RedirectURIs: []string{publicURL + "/oauth/callback"}})
	account := server.AddAccount(fake.Profile{ID: "ann-1", Email: "ann@example.org", Name: "ann", APIToken: "api-token-of-ann", Zone: "UTC"})
	visitor, leave := context.WithCancel(t.Context())
	api := &todoist.API{URL: "http://todoist.test", HTTP: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		resp, err := server.Transport().RoundTrip(r)
		if r.URL.Path == "/oauth/access_token" {
			leave()
			if r.Context().Err() != nil {
				return nil, r.Context().Err()
			}
		}
		return resp, err
	})}}
	app := &todoist.App{API: api, ClientID: "client", ClientSecret: "secret-of-the-client",
		AuthorizeURL: "http://todoist.test/oauth/authorize", RedirectURL: publicURL + "/oauth/callback"}
	public, err := url.Parse(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	sessions, err := session.Open(t.Context(), session.Config{Store: "memory:", Keys: []string{anotherKey(t)}, URL: public,
		Now: clockFrom(midSeason), Log: log,
		Revoke: func(ctx context.Context, t session.Tokens) error { return app.Revoke(ctx, t.Access, t.Refresh) }})
	if err != nil {
		t.Fatal(err)
	}
	defer sessions.Close()
	pages, err := handlers.New(handlers.Config{PublicURL: public, Sessions: sessions, Importer: &importer.Importer{}, Todoist: api,
		App: app, Metrics: handlers.NewMetrics("test"), Now: clockFrom(midSeason), Log: log})
	if err != nil {
		t.Fatal(err)
	}

	asked := httptest.NewRecorder()
	form := httptest.NewRequest(http.MethodPost, publicURL+"/sign-in", nil)
	form.Header.Set("Origin", publicURL)
	pages.ServeHTTP(asked, form)
	back, err := server.Consent(asked.Header().Get("Location"), account)
	if err != nil {
		t.Fatal(err)
	}
	callback := httptest.NewRequestWithContext(visitor, http.MethodGet, back, nil)
	for _, c := range asked.Result().Cookies() {
		callback.AddCookie(c)
	}
	pages.ServeHTTP(httptest.NewRecorder(), callback)
	if server.CountTokenEvents(fake.Exchanged) != 1 {
		t.Fatal("no code was exchanged")
	}
	if access, refresh := server.LiveTokens(account); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens still work", access, refresh)
	}
}

func TestASignInBegunBeforeTheAppWasTakenAwayIsExplained(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"", "cookie:"} {
		s := startSite(t, midSeason, "-session-store", store)
		b := s.browser()
		_, back := b.begin(s.account("ann", fake.Free), "/")
		s.restart(midSeason.Add(time.Minute), "-todoist-client-id", "", "-todoist-client-secret", "")
		p := b.get(back).want(http.StatusNotFound).has("you cannot sign in with Todoist").has("Use a personal API token instead")
		if !strings.Contains(p.body, `href="/sign-in"`) {
			t.Error("the page does not lead to the sign-in page")
		}
		if strings.Contains(s.log.String(), "panic") {
			t.Error("the program panicked")
		}
	}
}
