package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// long lets sign-ins idle for a day, so that tests can wait for tokens to expire.
func long(c *Config) { c.Idle, c.Lifetime = 24*time.Hour, 7*24*time.Hour }

// wantCalls fails unless Todoist was asked for so many refreshes, none a replay.
func wantCalls(t testing.TB, s *site, want int) {
	t.Helper()
	if calls, replays, _ := s.todoist.told(); calls != want || replays != 0 {
		t.Errorf("%d refreshes and %d replays, want %d and 0", calls, replays, want)
	}
}

// wantValid fails unless a token can be used for a user.
func wantValid(t testing.TB, s *site, access string, err error, user string) {
	t.Helper()
	if err != nil {
		t.Errorf("Access = %v", err)
		return
	}
	if got, ok := s.todoist.use(access); !ok || got != user {
		t.Errorf("the token belongs to %q, usable %v; want %s's", got, ok, user)
	}
}

// wantNotAlive fails where a token of a user can be used.
func wantNotAlive(t testing.TB, s *site, user string) {
	t.Helper()
	s.todoist.set(func(td *todoist) {
		for token, p := range td.access {
			if p.user == user && !p.revoked && td.now().Before(p.expires) {
				t.Errorf("%s's token is not revoked: %s", user, token)
			}
		}
	})
}

// Item 30, on two replicas: nobody is signed out, and no refresh token is sent twice.
func TestFiftyRequestsOnTwoReplicasMakeOneRefresh(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at, long)
		replicas := []*site{s, s}
		if at.store != "memory:" {
			replicas[1] = s.replica(t)
		}
		b := newBrowser()
		refused := b.signIn(t, s, "ann").Access
		s.todoist.latency = 20 * time.Millisecond
		for round := 1; round <= 3; round++ {
			if round > 1 {
				refused = "" // the second and third time it is known to have expired
				s.clock.advance(61 * time.Minute)
			}
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					access, err := b.access(replicas[i%2], refused)
					wantValid(t, s, access, err, "ann")
				})
			}
			wg.Wait()
			wantCalls(t, s, round)
			if g := s.grantRow(t, "ann"); g.Tokens.Refresh == "" || !g.asked.IsZero() {
				t.Errorf("the grant has a refresh token: %v, asked: %v", g.Tokens.Refresh != "", g.asked)
			}
		}
	})
}

func TestATokenIsRefreshedAMinuteBeforeItExpires(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	s.clock.advance(58 * time.Minute)
	if got, err := b.access(s, ""); got != first.Access || err != nil {
		t.Errorf("two minutes before: %q, %v; want the first token", got, err)
	}
	s.clock.advance(90 * time.Second)
	got, err := b.access(s, "")
	wantValid(t, s, got, err, "ann")
	if got == first.Access {
		t.Error("half a minute before: still the first token")
	}
	wantCalls(t, s, 1)
	if g := s.grantRow(t, "ann"); g.Tokens.Access != got || g.Tokens.Refresh == first.Refresh || len(g.Tokens.Scope) != 1 {
		t.Error("the new pair is not what is stored") // item 31
	}
}

// Item 29, the part of this package.
func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	second, err := b.access(s, first.Access)
	wantValid(t, s, second, err, "ann")
	if got, err := b.access(s, first.Access); got != second || err != nil {
		t.Errorf("for a token refused earlier: %q, %v; want the current one", got, err)
	}
	wantCalls(t, s, 1)
}

// Sign-ins of one user share a grant: the token that one had refreshed is the other's.
func TestSignInsOfAUserShareAGrant(t *testing.T) {
	s := newSite(t, "memory:", long)
	laptop, phone := newBrowser(), newBrowser()
	laptop.signIn(t, s, "ann")
	phone.signIn(t, s, "ann")
	s.clock.advance(61 * time.Minute)
	one, err := laptop.access(s, "")
	wantValid(t, s, one, err, "ann")
	two, err := phone.access(s, "")
	wantValid(t, s, two, err, "ann")
	if one != two {
		t.Error("the two have different tokens")
	}
	wantCalls(t, s, 1)
}

func TestATokenWithoutARefreshToken(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	b.signInWith(t, s, userNamed("ann"), Tokens{Access: "old-app"})
	s.clock.advance(23 * time.Hour)
	if got, err := b.access(s, ""); got != "old-app" || err != nil {
		t.Errorf("one that never expires: %q, %v", got, err)
	}
	if _, err := b.access(s, "old-app"); !errors.Is(err, ErrSignedOut) {
		t.Errorf("refused: %v, want ErrSignedOut", err)
	}
	wantUser(t, s, b, "")

	b.signInWith(t, s, userNamed("ann"), Tokens{Access: "old-app", Expires: s.clock.now().Add(30 * time.Second)})
	if got, err := b.access(s, ""); got != "old-app" || err != nil {
		t.Errorf("in its last minute: %q, %v", got, err)
	}
	s.clock.advance(time.Minute)
	if _, err := b.access(s, ""); !errors.Is(err, ErrSignedOut) {
		t.Errorf("expired: %v, want ErrSignedOut", err)
	}
	wantUser(t, s, b, "")
}

// Item 34.
func TestAGrantTakenBackSignsOut(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at, long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		s.todoist.disconnect("ann")
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if _, err := s.Access(ctx, first.Access); !errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want ErrSignedOut", err)
			}
			if u, ok := s.User(ctx); ok { // in the same request already
				t.Errorf("User = %+v", u)
			}
		})
		wantUser(t, s, b, "")
		s.wantNoGrant(t, "ann")
		if _, err := b.access(s, ""); !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access = %v, want ErrSignedOut", err)
		}
		wantCalls(t, s, 1)
		b.signIn(t, s, "ann")
		access, err := b.access(s, "")
		wantValid(t, s, access, err, "ann")
	})
}

// A pair that a sign-in elsewhere has brought meanwhile is not wiped with the one that
// Todoist took back, and no sign-in ends for it.
func TestASignInDuringARefreshThatFails(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at, long)
		b, phone := newBrowser(), newBrowser()
		first := b.signIn(t, s, "ann")
		s.todoist.disconnect("ann")
		s.todoist.before = func(int) error {
			phone.signIn(t, s, "ann")
			return nil
		}
		access, err := b.access(s, first.Access)
		wantValid(t, s, access, err, "ann")
		wantUser(t, s, b, "ann")
		wantUser(t, s, phone, "ann")
	})
}

// A pair that a sign-in has brought is not overwritten by a refresh that began before,
// and what the refresh brought is revoked with the grant.
func TestASignInDuringARefresh(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at, long)
		b, phone := newBrowser(), newBrowser()
		first := b.signIn(t, s, "ann")
		var newer Tokens
		s.todoist.after = func(int) error {
			newer = phone.signIn(t, s, "ann")
			return nil
		}
		access, err := b.access(s, first.Access)
		wantValid(t, s, access, err, "ann")
		if g := s.grantRow(t, "ann"); g.Tokens.Refresh != newer.Refresh || access != newer.Access {
			t.Error("the pair of the sign-in has been replaced by an older one")
		}
		if err := b.signOutEverywhere(s); err != nil {
			t.Errorf("SignOutEverywhere = %v", err)
		}
		wantNotAlive(t, s, "ann")
	})
}

// Two first sign-ins at once, on two replicas: no pair is lost.
func TestSignInsAtOnceLoseNoPair(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		sites := []*site{s, s.replica(t)}
		for round := range 5 {
			user := fmt.Sprint("user-", round)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() { newBrowser().signIn(t, sites[i%2], user) })
			}
			wg.Wait()
			if g := s.grantRow(t, user); len(g.all()) != 8 {
				t.Errorf("the grant has %d pairs, want all 8", len(g.all()))
			}
			if n, err := s.Flush(t.Context(), user); n != 8 || err != nil {
				t.Errorf("Flush = %d, %v; want 8", n, err)
			}
			wantNotAlive(t, s, user)
		}
	})
}

// Sign-ins and sign-outs of one user at once leave either a grant and a sign-in, or
// neither.
func TestSignInsAndSignOutsAtOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		sites := []*site{s, s.replica(t)}
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				b, here := newBrowser(), sites[i%2]
				for range 4 {
					b.signIn(t, here, "ann")
					access, err := b.access(here, "")
					wantValid(t, s, access, err, "ann")
					if err := b.signOut(here); err != nil {
						t.Errorf("SignOut = %v", err)
					}
				}
			})
		}
		wg.Wait()
		s.wantNoGrant(t, "ann")
		wantNotAlive(t, s, "ann")
	})
}

// Item 32.
func TestAnAnswerWithoutARefreshTokenReplacesNothingNewer(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at, long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		// Before our question arrives another process asks with the same refresh token
		// and stores the answer.
		var newer Tokens
		s.todoist.before = func(int) error {
			var err error
			if newer, err = s.todoist.exchange(first.Refresh); err != nil {
				t.Error(err)
			}
			g := s.grantRow(t, "ann")
			g.replace(newer, s.now())
			if err := s.swap(t.Context(), &g); err != nil {
				t.Error(err)
			}
			return nil
		}
		got, err := b.access(s, first.Access)
		wantValid(t, s, got, err, "ann")
		if got != newer.Access {
			t.Error("not the same new access token")
		}
		if g := s.grantRow(t, "ann"); g.Tokens.Refresh != newer.Refresh {
			t.Error("the newer refresh token is lost")
		}
	})
}

func TestARefreshGoesOnWhenTheFirstCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database", long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		s.todoist.latency = 5 * time.Second
		var wg sync.WaitGroup
		wg.Go(func() {
			b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				if _, err := s.Access(ctx, first.Access); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Access = %v, want the caller's deadline", err)
				}
			})
		})
		wg.Go(func() {
			time.Sleep(500 * time.Millisecond)
			access, err := b.access(s, first.Access)
			wantValid(t, s, access, err, "ann")
		})
		wg.Wait()
		wantCalls(t, s, 1)
	})
}

func TestClosingWaitsForARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database", long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		s.todoist.latency = 5 * time.Second
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			s.Access(ctx, first.Access)
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if g := s.grantRow(t, "ann"); g.Tokens.Access == first.Access {
			t.Error("the refresh under way was not stored before Close returned")
		}
	})
}

// What a refresh brings for a grant that has ended meanwhile is revoked.
func TestASignOutDuringARefresh(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at, long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		slow := b.clone()
		s.todoist.after = func(int) error {
			if err := b.signOut(s); err != nil {
				t.Error(err)
			}
			return nil
		}
		if got, err := slow.access(s, first.Access); got != "" || !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access = %q, %v; want ErrSignedOut", got, err)
		}
		wantNotAlive(t, s, "ann")
		s.wantNoGrant(t, "ann")
	})
}

// A row that ends and is made anew while a process asks for the first one is not
// mistaken for it, whatever its version.
func TestAGrantMadeAnewDuringARefresh(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at, long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		slow := b.clone()
		var newer Tokens
		s.todoist.after = func(call int) error {
			if call > 1 {
				return nil
			}
			if err := b.signOut(s); err != nil {
				t.Error(err)
			}
			newer = b.signIn(t, s, "ann")
			return nil
		}
		slow.access(s, first.Access)
		if g := s.grantRow(t, "ann"); g.Tokens.Refresh != newer.Refresh {
			t.Error("the new grant's pair is lost")
		}
		wantUser(t, s, b, "ann")
	})
}

func TestARekeyDuringARefresh(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	s.cfg.Keys = []string{"a second secret of 32 characters and more", testKey}
	two := s.replica(t)
	s.todoist.after = func(int) error {
		if _, err := two.Rekey(t.Context()); err != nil {
			t.Error(err)
		}
		return nil
	}
	s.ring = two.ring
	got, err := b.access(s, first.Access)
	wantValid(t, s, got, err, "ann")
	if g := two.grantRow(t, "ann"); g.Tokens.Access != got || g.Tokens.Refresh == first.Refresh {
		t.Error("the new pair is not what is stored")
	}
}

// A grant that nobody used for a week is refreshed once, in case Todoist forgets it.
func TestAGrantThatIsNotUsedIsRefreshedOnceAWeek(t *testing.T) {
	weeks := func(c *Config) { c.Idle, c.Lifetime = 100*24*time.Hour, 100*24*time.Hour }
	s := newSite(t, "memory:", weeks)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	personal := userNamed("bob")
	personal.Personal = true
	newBrowser().signInWith(t, s, personal, Tokens{Access: "personal"})
	for day := range 20 {
		s.clock.advance(24 * time.Hour)
		if err := s.sweep(t.Context()); err != nil {
			t.Errorf("day %d: %v", day, err)
		}
	}
	wantCalls(t, s, 2)
	if g := s.grantRow(t, "ann"); g.Tokens.Refresh == first.Refresh {
		t.Error("the pair is the first one")
	}
	if g := s.grantRow(t, "bob"); g.Tokens.Access != "personal" {
		t.Error("a token that cannot be refreshed is gone")
	}
	access, err := b.access(s, "")
	wantValid(t, s, access, err, "ann")
}

func TestTokensPrintAsNothing(t *testing.T) {
	tokens := Tokens{Access: "secret-a", Refresh: "secret-r"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, tokens) + fmt.Sprintf(verb, &tokens); strings.Contains(got, "secret") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
