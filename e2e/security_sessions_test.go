package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tipoff/app"
	"tipoff/todoist/fake"
)

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
		project, project + "/remove", "/account", "/no/such/page", "/projects/none"} {
		b.get(path).form("post", "/sign-out")
	}
}

func TestSecurity07ALinkSignsNobodyOut(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	for _, path := range []string{"/sign-out", "/sign-out?everywhere=1", "/account/sessions/end"} {
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
	if out := flush("ann-1"); !strings.Contains(out, "2 sign-ins ended.") || a1.signedIn() || a2.signedIn() || !b.signedIn() {
		t.Errorf("ending one user's sessions: %s", out)
	}
	if out := flush(); !strings.Contains(out, "1 sign-ins ended.") || b.signedIn() {
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
