package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestALostAnswerIsAskedForAgainAtOnce(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	s.todoist.after = func(call int) error {
		if call == 1 {
			return errLostAnswer
		}
		return nil
	}
	got, err := b.access(s, first.Access)
	wantValid(t, s, got, err, "ann")
	s.clock.advance(50 * time.Minute)
	got, err = b.access(s, "")
	wantValid(t, s, got, err, "ann")
	wantCalls(t, s, 2)
	// The refresh token went with the lost answer. The old one is never sent again.
	s.clock.advance(15 * time.Minute)
	if _, err := b.access(s, ""); !errors.Is(err, ErrSignedOut) {
		t.Errorf("when the access token has expired: %v, want ErrSignedOut", err)
	}
	wantCalls(t, s, 2)
}

func TestAfterLostAnswersTheTokenIsNotSentLate(t *testing.T) {
	for _, c := range []struct {
		name   string
		second error
	}{
		{"both answers lost", errLostAnswer},
		{"the second refused before Todoist looked", fmt.Errorf("429: %w", ErrUntouched)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "memory:", long)
			b := newBrowser()
			first := b.signIn(t, s, "ann")
			s.todoist.after = func(call int) error {
				if call == 1 {
					return errLostAnswer
				}
				return c.second
			}
			if _, err := b.access(s, first.Access); err == nil || errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want an error that passes", err)
			}
			wantUser(t, s, b, "ann")
			s.clock.advance(30 * time.Second) // still time
			if _, err := b.access(s, first.Access); err == nil || errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want an error that passes", err)
			}
			calls, _, _ := s.todoist.told()
			s.clock.advance(31 * time.Second) // Todoist would take it for stolen
			s.todoist.after = nil
			if _, err := b.access(s, first.Access); !errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want ErrSignedOut", err)
			}
			wantCalls(t, s, calls)
			wantUser(t, s, b, "")
		})
	}
}

func TestATodoistThatIsDownSignsNobodyOut(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	b.signIn(t, s, "ann")
	s.clock.advance(2 * time.Hour)
	s.todoist.before = func(int) error { return fmt.Errorf("connection refused: %w", ErrUntouched) }
	for range 10 {
		s.clock.advance(time.Minute)
		if _, err := b.access(s, ""); !errors.Is(err, ErrUntouched) {
			t.Errorf("Access = %v, want why Todoist was not reached", err)
		}
	}
	s.todoist.before = nil
	access, err := b.access(s, "")
	wantValid(t, s, access, err, "ann")
}

func TestATokenInItsLastMinuteIsUsedWhileTodoistIsDown(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	s.clock.advance(59*time.Minute + 30*time.Second)
	s.todoist.before = func(int) error { return errLostAnswer }
	if got, err := b.access(s, ""); got != first.Access || err != nil {
		t.Errorf("Access = %q, %v; want the token that is good for half a minute", got, err)
	}
}

// crash leaves the database as a process does that dies between Todoist's answer and
// storing it.
func crash(t *testing.T, s *site, user string) (marked grant, lost Tokens) {
	t.Helper()
	g := s.grantRow(t, user)
	g.asked, g.by = s.now(), "a process that has died"
	if err := s.swap(t.Context(), &g); err != nil {
		t.Fatalf("swap = %v", err)
	}
	lost, err := s.todoist.exchange(g.Tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	return g, lost
}

// Item 31: after a crash the same access token is had within the minute, and after
// it there is a sign-in and no replay.
func TestACrashBetweenAnswerAndStore(t *testing.T) {
	t.Run("within the minute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, "database", long)
			b := newBrowser()
			first := b.signIn(t, s, "ann")
			_, lost := crash(t, s, "ann")
			got, err := b.access(s, first.Access)
			wantValid(t, s, got, err, "ann")
			if got != lost.Access {
				t.Error("not the access token that the dead process was given")
			}
			time.Sleep(55 * time.Minute)
			got, err = b.access(s, "")
			wantValid(t, s, got, err, "ann")
			time.Sleep(6 * time.Minute)
			if _, err := b.access(s, ""); !errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want ErrSignedOut", err)
			}
			wantCalls(t, s, 1)
		})
	})
	t.Run("after the minute", func(t *testing.T) {
		everyDatabase(t, func(t *testing.T, at place) {
			s := newSiteAt(t, at, long)
			b, phone := newBrowser(), newBrowser()
			first := b.signIn(t, s, "ann")
			phone.signIn(t, s, "bob")
			crash(t, s, "ann")
			s.clock.advance(61 * time.Second)
			if _, err := b.access(s, first.Access); !errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want ErrSignedOut", err)
			}
			wantCalls(t, s, 0)
			b.signIn(t, s, "ann")
			access, err := b.access(s, "") // would be revoked by a replay
			wantValid(t, s, access, err, "ann")
			wantUser(t, s, phone, "bob")
		})
	})
}

// A process that was thought dead and then stores its pair wins over the access
// token that another one got meanwhile.
func TestASlowProcessStillStoresItsPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database", long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		marked, lost := crash(t, s, "ann")
		access, err := b.access(s, first.Access)
		wantValid(t, s, access, err, "ann")
		if g := s.grantRow(t, "ann"); g.Tokens.Refresh != "" {
			t.Fatal("the other process has a refresh token already")
		}
		if got, err := s.keep(t.Context(), marked, lost); got.Access != lost.Access || err != nil {
			t.Errorf("keep = %q, %v", got.Access, err)
		}
		if g := s.grantRow(t, "ann"); g.Tokens.Refresh != lost.Refresh || len(g.Replaced) != 0 {
			t.Error("the refresh token is lost")
		}
	})
}

// While another process asks, its answer is waited for.
func TestAnotherProcesssRefreshIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database", long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		time.Sleep(59*time.Minute + 30*time.Second)
		marked, lost := crash(t, s, "ann")
		if got, err := b.access(s, ""); got != first.Access || err != nil {
			t.Errorf("Access = %q, %v; want the old token while it is good", got, err)
		}
		go func() {
			time.Sleep(3 * time.Second)
			s.keep(t.Context(), marked, lost)
		}()
		got, err := b.access(s, first.Access)
		if got != lost.Access || err != nil {
			t.Errorf("Access = %q, %v; want the other process's", got, err)
		}
		wantCalls(t, s, 0)
	})
}

// Item 31: a pair that cannot be stored is not used, and is stored when the database
// comes back in time.
func TestADatabaseThatFailsDuringARefresh(t *testing.T) {
	t.Run("for seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, "database", long)
			b := newBrowser()
			first := b.signIn(t, s, "ann")
			s.todoist.after = func(int) error {
				time.AfterFunc(2*time.Second, s.broken(t, "grants"))
				return nil
			}
			got, err := b.access(s, first.Access)
			wantValid(t, s, got, err, "ann")
			if g := s.grantRow(t, "ann"); g.Tokens.Access != got || g.Tokens.Refresh == "" {
				t.Error("the new pair is not stored")
			}
			wantCalls(t, s, 1)
		})
	})
	t.Run("for good", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, "database", long)
			b := newBrowser()
			first := b.signIn(t, s, "ann")
			var mend func()
			s.todoist.after = func(int) error {
				mend = s.broken(t, "grants")
				return nil
			}
			if got, err := b.access(s, first.Access); got != "" || !errors.Is(err, ErrUnavailable) {
				t.Errorf("Access = %q, %v; want ErrUnavailable and no token", got, err)
			}
			s.todoist.after = nil
			mend()
			got, err := b.access(s, first.Access) // within the minute
			wantValid(t, s, got, err, "ann")
			wantCalls(t, s, 2)
		})
	})
}

func TestATodoistThatGivesTheRefusedTokenAgain(t *testing.T) {
	s := newSite(t, "memory:", long, func(c *Config) {
		c.Refresh = func(context.Context, string, []string) (Tokens, error) {
			return Tokens{Access: "the-same", Refresh: random()}, nil
		}
	})
	b := newBrowser()
	b.signInWith(t, s, userNamed("ann"), Tokens{Access: "the-same", Refresh: random()})
	if got, err := b.access(s, "the-same"); err == nil || strings.Contains(err.Error(), "the-same") {
		t.Errorf("Access = %q, %v; want an error without the token", got, err)
	}
}

func TestAnAnswerWithoutAnAccessTokenIsAnError(t *testing.T) {
	s := newSite(t, "memory:", long, func(c *Config) {
		c.Refresh = func(context.Context, string, []string) (Tokens, error) { return Tokens{Refresh: "r"}, nil }
	})
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	if got, err := b.access(s, first.Access); got != "" || err == nil {
		t.Errorf("Access = %q, %v; want an error", got, err)
	}
	if g := s.grantRow(t, "ann"); g.Tokens.Refresh != first.Refresh {
		t.Error("the pair has been replaced")
	}
}

// A panic of what asks Todoist is an error of the request, and does not end the
// program.
func TestAPanicDuringARefresh(t *testing.T) {
	s := newSite(t, "memory:", long, func(c *Config) {
		c.Refresh = func(context.Context, string, []string) (Tokens, error) { panic("boom") }
		c.Revoke = func(context.Context, Tokens) error { panic("boom") }
	})
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	if got, err := b.access(s, first.Access); got != "" || err == nil || errors.Is(err, ErrSignedOut) {
		t.Errorf("Access = %q, %v; want an error that passes", got, err)
	}
	if err := b.signOut(s); !errors.Is(err, ErrNotRevoked) {
		t.Errorf("SignOut = %v, want ErrNotRevoked", err)
	}
}
