package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

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
	s := startSite(t, midSeason)
	s.account("ann", fake.Free)
	s.fake.Fail(fake.Fault{Path: "/api/v1/user", Status: http.StatusOK, Body: "{}"})
	s.browser().post("/sign-in/token", url.Values{"token": {"api-token-of-ann"}}).want(http.StatusInternalServerError)
	if n := len(s.tap.exchanges("/api/v1/revoke")); n != 0 {
		t.Errorf("Todoist was asked %d times to revoke", n)
	}
}

// The test calls the handler itself: over the network nobody knows when the
// program notices that a visitor has left.
func TestAVisitorWhoLeavesDuringTheExchangeLeavesNoToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	visitor, leave := context.WithCancel(t.Context())
	s.with.Todoist = func(wire http.RoundTripper) http.RoundTripper {
		return transport(func(req *http.Request) (*http.Response, error) {
			resp, err := wire.RoundTrip(req)
			if err != nil || req.URL.Path != "/oauth/access_token" {
				return resp, err
			}
			leave()
			if err := req.Context().Err(); err != nil {
				resp.Body.Close()
				return nil, err
			}
			return resp, nil
		})
	}
	s.start()
	account := s.account("ann", fake.Free)
	b := s.browser()
	_, back := b.begin(account, "/")
	callback := httptest.NewRequestWithContext(visitor, http.MethodGet, back, nil)
	for _, c := range b.cookies() {
		callback.AddCookie(c)
	}
	s.pages.ServeHTTP(httptest.NewRecorder(), callback)
	if s.fake.CountTokenEvents(fake.Exchanged) != 1 {
		t.Fatal("no code was exchanged")
	}
	s.noLiveTokens(account)
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

func TestSessionCommandsWorkWithEveryStore(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"database", "memory:", "cookie:"} {
		s := startSite(t, midSeason, "-session-store", store)
		ann, bob := s.account("ann", fake.Free), s.account("bob", fake.Free)
		a, b := s.browser().signIn(ann), s.browser().signIn(bob)
		out, err := s.command("sessions", "rekey")
		if err != nil || strings.Contains(out, "are not reached") != (store != "database") {
			t.Errorf("%s: sessions rekey: %v: %s", store, err, out)
		}
		if out, err := s.command("sessions", "flush", "ann-1"); err != nil || !strings.Contains(out, "1 sign-ins ended") || a.signedIn() || !b.signedIn() {
			t.Errorf("%s: sessions flush of one: %v: %s", store, err, out)
		}
		if out, err := s.command("sessions", "flush"); err != nil || !strings.Contains(out, "1 sign-ins ended") || b.signedIn() {
			t.Errorf("%s: sessions flush: %v: %s", store, err, out)
		}
		s.noLiveTokens(ann)
		s.noLiveTokens(bob)
	}
}
