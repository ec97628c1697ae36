package session

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A grant ends with its user's last sign-in, also when that merely runs out, and is
// revoked; what Todoist cannot be told is told again.
func TestAGrantThatRunsOutIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()

		b := newBrowser()
		tokens := b.signIn(t, s, "ann")
		s.todoist.set(func(td *todoist) { td.onRevoke = func() error { return errors.New("503") } })
		time.Sleep(time.Hour + 2*time.Minute)
		if n, _ := s.Count(ctx); n != 0 {
			t.Errorf("%d sign-ins, want 0", n)
		}
		s.wantNoGrant(t, "ann")
		time.Sleep(3 * time.Hour)
		s.todoist.set(func(td *todoist) { td.onRevoke = nil })
		time.Sleep(2 * time.Hour)
		if _, _, revoked := s.todoist.told(); len(revoked) != 1 || revoked[0] != tokens.Access {
			t.Errorf("revoked %q, want %q once", revoked, tokens.Access)
		}
		if !strings.Contains(s.log.String(), "will be tried again") {
			t.Error("the failures are not in the log")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestRevokingIsGivenUpAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		tries := 0
		s.todoist.set(func(td *todoist) { td.onRevoke = func() error { tries++; return errors.New("503") } })
		b := newBrowser()
		b.signIn(t, s, "ann")
		if err := b.signOut(s); !errors.Is(err, ErrNotRevoked) {
			t.Errorf("SignOut = %v, want ErrNotRevoked", err)
		}
		wantUser(t, s, b, "")
		time.Sleep(48 * time.Hour)
		s.todoist.set(func(*todoist) {
			if tries < 10 || tries > 60 {
				t.Errorf("%d attempts in a day", tries)
			}
		})
		if !strings.Contains(s.log.String(), "given up") {
			t.Error("giving up is not in the log")
		}
		if n := s.count(t, "revocations"); n != 0 {
			t.Errorf("%d revocations are left", n)
		}
	})
}

// One pair that Todoist never takes does not keep others from being revoked.
func TestAPairThatCannotBeRevokedHoldsUpNoOther(t *testing.T) {
	s := newSite(t, "memory:")
	bad := s.todoist.signIn("bad")
	s.cfg.Revoke = func(ctx context.Context, tokens Tokens) error {
		if tokens.Access == bad.Access {
			return errors.New("400")
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.todoist.revoke(ctx, tokens)
	}
	s.open(t)
	var todo []revocation
	for range 30 {
		todo = append(todo, revocation{tokens: bad}, revocation{tokens: s.todoist.signIn("ann")})
	}
	if err := s.revoke(t.Context(), todo); !errors.Is(err, ErrNotRevoked) {
		t.Errorf("revoke = %v, want ErrNotRevoked", err)
	}
	wantNotAlive(t, s, "ann")
}

// A sign-out with many pairs while Todoist hangs takes one time limit.
func TestATodoistThatHangsHoldsUpASignOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database", func(c *Config) {
			c.Revoke = func(ctx context.Context, _ Tokens) error {
				<-ctx.Done()
				return ctx.Err()
			}
		})
		b := newBrowser()
		for range 30 {
			newBrowser().signIn(t, s, "ann")
		}
		b.signIn(t, s, "ann")
		begun := time.Now()
		if err := b.signOutEverywhere(s); !errors.Is(err, ErrNotRevoked) {
			t.Errorf("SignOutEverywhere = %v, want ErrNotRevoked", err)
		}
		if took := time.Since(begun); took > revokeTimeout {
			t.Errorf("took %v", took)
		}
		if n, _ := s.Count(t.Context()); n != 0 {
			t.Errorf("%d sign-ins left, want none", n)
		}
		if n := s.count(t, "revocations"); n != 31 {
			t.Errorf("%d pairs to be revoked, want 31", n)
		}
	})
}

// Replicas share what is to be revoked: each pair is told once.
func TestReplicasRevokeEachPairOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		sites := []*site{s, s.replica(t), s.replica(t)}
		s.todoist.set(func(td *todoist) { td.onRevoke = func() error { return errors.New("503") } })
		for range 20 {
			newBrowser().signIn(t, s, "ann")
		}
		if _, err := s.Flush(t.Context(), ""); !errors.Is(err, ErrNotRevoked) {
			t.Errorf("Flush = %v, want ErrNotRevoked", err)
		}
		s.todoist.set(func(td *todoist) { td.onRevoke = nil })
		s.clock.advance(2 * time.Minute)
		var wg sync.WaitGroup
		for _, one := range sites {
			wg.Go(func() {
				if err := one.sweep(t.Context()); err != nil {
					t.Errorf("sweep: %v", err)
				}
			})
		}
		wg.Wait()
		if _, _, revoked := s.todoist.told(); len(revoked) != 20 {
			t.Errorf("%d revocations told, want 20", len(revoked))
		}
		if n := s.count(t, "revocations"); n != 0 {
			t.Errorf("%d revocations are left", n)
		}
	})
}

// A replica whose clock is a little ahead does not end what the others still know.
func TestASweepLeavesALittleTimeForClocks(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	s.clock.advance(time.Hour - 5*time.Second)
	ahead := *s
	ahead.cfg.Now = func() time.Time { return s.clock.now().Add(8 * time.Second) }
	ahead.open(t)
	if err := ahead.sweep(t.Context()); err != nil {
		t.Error(err)
	}
	wantUser(t, s, b, "ann")
	s.grantRow(t, "ann")
}

func TestAPersonalTokenIsNeverRevoked(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	u := userNamed("ann")
	u.Personal = true
	b.signInWith(t, s, u, Tokens{Access: "personal-token"})
	if got, err := b.access(s, ""); got != "personal-token" || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
	// Nor when one got from Todoist takes its place, which is.
	tokens := newBrowser().signIn(t, s, "ann")
	b.signInWith(t, s, u, Tokens{Access: "personal-token"})
	if err := b.signOutEverywhere(s); err != nil {
		t.Errorf("SignOutEverywhere = %v", err)
	}
	if _, _, revoked := s.todoist.told(); len(revoked) != 1 || revoked[0] != tokens.Access {
		t.Errorf("revoked %v, want the pair and not the personal token", revoked)
	}
	s.faults.fail(errors.New("down"))
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, u, Tokens{Access: "personal-token"}); err == nil {
			t.Error("signed in")
		}
	})
	if _, _, revoked := s.todoist.told(); len(revoked) != 1 {
		t.Errorf("revoked %v after a sign-in that failed", revoked)
	}
}

// The pair of a sign-in that failed is revoked at once where its user has no grant, and
// with the grant where there is one: nobody knows what else revoking it would end.
func TestThePairOfASignInThatFailed(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		for _, broken := range []string{"sessions", "sign_ins"} {
			s := newSite(t, "database")
			phone := newBrowser()
			if elsewhere {
				phone.signIn(t, s, "ann")
			}
			tokens := s.todoist.signIn("ann")
			newBrowser().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
				mend := s.broken(t, broken)
				err := s.SignIn(ctx, userNamed("ann"), tokens)
				mend()
				if !errors.Is(err, ErrUnavailable) {
					t.Errorf("SignIn without %s = %v, want ErrUnavailable", broken, err)
				}
				if u, ok := s.User(ctx); ok {
					t.Errorf("User = %+v", u)
				}
			})
			if _, alive := s.todoist.use(tokens.Access); alive != elsewhere {
				t.Errorf("without %s, signed in elsewhere %v: the pair lives: %v", broken, elsewhere, alive)
			}
			if !elsewhere {
				if broken == "sessions" {
					s.wantNoGrant(t, "ann")
				}
				continue
			}
			wantUser(t, s, phone, "ann")
			if err := phone.signOutEverywhere(s); err != nil {
				t.Errorf("SignOutEverywhere = %v", err)
			}
			wantNotAlive(t, s, "ann")
		}
	}
}

// Where the database cannot keep it for later, Todoist is told once.
func TestAPairIsRevokedWithoutADatabase(t *testing.T) {
	s := newSite(t, "memory:")
	tokens := s.todoist.signIn("ann")
	mend := s.broken(t, "grants", "revocations", "sign_ins")
	s.Discard(t.Context(), tokens)
	mend()
	if _, alive := s.todoist.use(tokens.Access); alive {
		t.Error("the token lives on at Todoist")
	}
}

// Without an app at Todoist nothing is revoked, and nothing waits for it.
func TestWithoutAnAppNothingIsRevoked(t *testing.T) {
	s := newSite(t, "memory:", func(c *Config) { c.Refresh, c.Revoke = nil, nil })
	b := newBrowser()
	b.signIn(t, s, "ann")
	if err := b.signOut(s); err != nil {
		t.Errorf("SignOut = %v", err)
	}
	if n := s.count(t, "revocations") + s.count(t, "grants"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// Of many refreshes of grants that nobody used, the first that fails ends the sweep.
func TestASweepAsksATodoistThatIsDownOnce(t *testing.T) {
	var asked atomic.Int32
	s := newSite(t, "memory:", func(c *Config) {
		c.Idle, c.Lifetime = 100*24*time.Hour, 100*24*time.Hour
		c.Refresh = func(context.Context, string, []string) (Tokens, error) {
			asked.Add(1)
			return Tokens{}, ErrUntouched
		}
	})
	for _, user := range []string{"ann", "bob", "eve"} {
		newBrowser().signIn(t, s, user)
	}
	s.clock.advance(8 * 24 * time.Hour)
	if err := s.sweep(t.Context()); !errors.Is(err, ErrUntouched) {
		t.Errorf("sweep = %v, want why Todoist was not reached", err)
	}
	if err := s.sweep(t.Context()); err != nil || asked.Load() != 1 {
		t.Errorf("asked %d times, want once in an hour: %v", asked.Load(), err)
	}
	s.clock.advance(61 * time.Minute)
	if err := s.sweep(t.Context()); !errors.Is(err, ErrUntouched) || asked.Load() != 2 {
		t.Errorf("asked %d times, want again after an hour: %v", asked.Load(), err)
	}
}
