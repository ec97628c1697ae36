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

// long lets sessions idle for a day, so that tests can wait for tokens to expire.
func long(c *Config) { c.Idle, c.Lifetime = 24*time.Hour, 7*24*time.Hour }

// stored returns the record that a browser's session has in the store.
func stored(t testing.TB, s *site, b *browser) (row, record) {
	t.Helper()
	r, rec, err := s.record(t.Context(), kindToken+"/"+hash(b.cookies()[s.CookieName()]))
	if err != nil {
		t.Fatalf("read the token row: %v", err)
	}
	return r, rec
}

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

// Item 30.
func TestFiftyRequestsMakeOneRefresh(t *testing.T) {
	everyStore(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn, long)
		b := newBrowser()
		refused := b.signIn(t, s, "ann").Access
		s.todoist.latency = 20 * time.Millisecond
		for round := 1; round <= 3; round++ {
			if round > 1 {
				refused = "" // the second and third time it is known to have expired
				s.clock.advance(61 * time.Minute)
			}
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					access, err := b.access(s, refused)
					wantValid(t, s, access, err, "ann")
				})
			}
			wg.Wait()
			wantCalls(t, s, round)
		}
	})
}

// Issue: over two processes with one store nobody is signed out, and no refresh
// token is sent after its minute.
func TestTwoProcessesRefreshOnce(t *testing.T) {
	for _, kind := range servers[1:] { // those that processes can share
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, kind.dsn(t), long)
			two := s.replica(t)
			b := newBrowser()
			b.signIn(t, s, "ann")
			s.todoist.latency = 100 * time.Millisecond
			for round := 1; round <= 3; round++ {
				s.clock.advance(61 * time.Minute)
				var wg sync.WaitGroup
				for i := range 20 {
					wg.Go(func() {
						access, err := b.access([]*site{s, two}[i%2], "")
						wantValid(t, s, access, err, "ann")
					})
				}
				wg.Wait()
				if calls, replays, _ := s.todoist.told(); replays != 0 || calls != round {
					t.Errorf("%d refreshes and %d replays in %d rounds, want one each", calls, replays, round)
				}
				if _, rec := stored(t, s, b); rec.Refresh == "" || !rec.Asked.IsZero() {
					t.Errorf("in the store is a pair with refresh token: %v, asked: %v", rec.Refresh != "", rec.Asked)
				}
			}
		})
	}
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
	if _, rec := stored(t, s, b); rec.Access != got || rec.Refresh == first.Refresh || len(rec.Scope) != 1 {
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

func TestATokenWithoutARefreshToken(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	signIn := func(expires time.Time) {
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if err := s.SignIn(ctx, userNamed("ann"), Tokens{Access: "old-app", Expires: expires}); err != nil {
				t.Error(err)
			}
		})
	}
	signIn(time.Time{})
	s.clock.advance(23 * time.Hour)
	if got, err := b.access(s, ""); got != "old-app" || err != nil {
		t.Errorf("one that never expires: %q, %v", got, err)
	}
	if _, err := b.access(s, "old-app"); !errors.Is(err, ErrSignedOut) {
		t.Errorf("refused: %v, want ErrSignedOut", err)
	}
	wantUser(t, s, b, "")

	signIn(s.clock.now().Add(30 * time.Second))
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
	everyStore(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn, long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		b.put(s, "team", "BOS")
		s.todoist.disconnect("ann")
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if _, err := s.Access(ctx, first.Access); !errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want ErrSignedOut", err)
			}
			// In the same request already nobody is signed in, and a message can be left.
			if u, ok := s.User(ctx); ok {
				t.Errorf("User = %+v", u)
			}
			s.Put(ctx, "flash", "Todoist has signed you out.")
		})
		wantUser(t, s, b, "")
		if got := b.get(s, "flash") + b.get(s, "team"); got != "Todoist has signed you out.BOS" {
			t.Errorf("left in the session: %q", got)
		}
		if _, ok, err := s.store.get(t.Context(), kindToken+"/"+hash(b.cookies()[s.CookieName()])); ok || err != nil {
			t.Errorf("the token row is there: %v, %v", ok, err)
		}
		if _, err := b.access(s, ""); !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access = %v, want ErrSignedOut", err)
		}
		wantCalls(t, s, 1)
	})
}

// Item 32.
func TestAnAnswerWithoutARefreshTokenReplacesNothingNewer(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	// Before our question arrives somebody else asks with the same refresh token and
	// stores the answer, as on a store that lets two writers win.
	var newer Tokens
	s.todoist.before = func(int) error {
		var err error
		if newer, err = s.todoist.exchange(first.Refresh); err != nil {
			t.Error(err)
		}
		r, _ := stored(t, s, b)
		if _, ok, err := s.swap(t.Context(), r, record{Tokens: newer}); !ok || err != nil {
			t.Errorf("swap = %v, %v", ok, err)
		}
		return nil
	}
	got, err := b.access(s, first.Access)
	wantValid(t, s, got, err, "ann")
	if got != newer.Access {
		t.Error("not the same new access token")
	}
	if _, rec := stored(t, s, b); rec.Refresh != newer.Refresh {
		t.Error("the newer refresh token is lost")
	}
}

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

// crash leaves the store as a process does that dies between Todoist's answer and
// storing it.
func crash(t *testing.T, s *site, b *browser) (lost Tokens) {
	t.Helper()
	r, rec := stored(t, s, b)
	refresh := rec.Refresh
	rec.Asked, rec.By = s.now(), "a process that has died"
	if _, ok, err := s.swap(t.Context(), r, rec); !ok || err != nil {
		t.Fatalf("swap = %v, %v", ok, err)
	}
	lost, err := s.todoist.exchange(refresh)
	if err != nil {
		t.Fatal(err)
	}
	return lost
}

// Item 31: after a crash the same access token is had within the minute, and after
// it there is a sign-in and no replay.
func TestACrashBetweenAnswerAndStore(t *testing.T) {
	t.Run("within the minute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, "memory:", long)
			b := newBrowser()
			first := b.signIn(t, s, "ann")
			lost := crash(t, s, b)
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
		s := newSite(t, "memory:", long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		phone := newBrowser()
		phone.signIn(t, s, "ann")
		crash(t, s, b)
		s.clock.advance(61 * time.Second)
		if _, err := b.access(s, first.Access); !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access = %v, want ErrSignedOut", err)
		}
		wantCalls(t, s, 0)
		access, err := phone.access(s, "") // would be revoked by a replay
		wantValid(t, s, access, err, "ann")
	})
}

// A process that was thought dead and then stores its pair wins over the access
// token that another one got meanwhile.
func TestASlowProcessStillStoresItsPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:", long)
		b := newBrowser()
		b.signIn(t, s, "ann")
		r, rec := stored(t, s, b)
		lost := crash(t, s, b)
		marked, _ := stored(t, s, b)
		access, err := b.access(s, rec.Access)
		wantValid(t, s, access, err, "ann")
		if _, now := stored(t, s, b); now.Refresh != "" {
			t.Fatal("the other process has a refresh token already")
		}
		r.Value = marked.Value
		if got, err := s.keep(t.Context(), r, rec, lost); got != lost.Access || err != nil {
			t.Errorf("keep = %q, %v", got, err)
		}
		if _, now := stored(t, s, b); now.Refresh != lost.Refresh {
			t.Error("the refresh token is lost")
		}
	})
}

// While another process asks, its answer is waited for.
func TestAnotherProcesssRefreshIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:", long)
		b := newBrowser()
		first := b.signIn(t, s, "ann")
		lost := crash(t, s, b)
		if got, err := b.access(s, ""); got != first.Access || err != nil {
			t.Errorf("Access = %q, %v; want the old token while it is good", got, err)
		}
		go func() {
			time.Sleep(3 * time.Second)
			r, _ := stored(t, s, b)
			s.swap(t.Context(), r, record{Tokens: lost})
		}()
		got, err := b.access(s, first.Access)
		if got != lost.Access || err != nil {
			t.Errorf("Access = %q, %v; want the other process's", got, err)
		}
		wantCalls(t, s, 0)
	})
}

// Item 31: a pair that cannot be stored is not used, and is stored when the store
// comes back in time.
func TestAStoreThatFailsDuringARefresh(t *testing.T) {
	t.Run("for seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, "memory:", long)
			b := newBrowser()
			first := b.signIn(t, s, "ann")
			s.todoist.after = func(int) error {
				s.faults.fail(errors.New("down"))
				time.AfterFunc(2*time.Second, func() { s.faults.fail(nil) })
				return nil
			}
			got, err := b.access(s, first.Access)
			wantValid(t, s, got, err, "ann")
			if _, rec := stored(t, s, b); rec.Access != got || rec.Refresh == "" {
				t.Error("the new pair is not stored")
			}
			wantCalls(t, s, 1)
		})
	})
	t.Run("for good", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, "memory:", long)
			b := newBrowser()
			first := b.signIn(t, s, "ann")
			s.todoist.after = func(int) error {
				s.faults.fail(errors.New("down"))
				return nil
			}
			if got, err := b.access(s, first.Access); got != "" || !errors.Is(err, ErrUnavailable) {
				t.Errorf("Access = %q, %v; want ErrUnavailable and no token", got, err)
			}
			s.todoist.after = nil
			s.faults.fail(nil)
			got, err := b.access(s, first.Access) // within the minute
			wantValid(t, s, got, err, "ann")
			wantCalls(t, s, 2)
		})
	})
}

func TestARefreshGoesOnWhenTheFirstCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:", long)
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
		s := newSite(t, "memory:", long)
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
		if _, rec := stored(t, s, b); rec.Access == first.Access {
			t.Error("the refresh under way was not stored before Close returned")
		}
	})
}

// What a refresh brings for a session that has ended meanwhile is revoked.
func TestASignOutDuringARefresh(t *testing.T) {
	everyStore(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn, long)
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
		for token := range s.todoist.access {
			if _, ok := s.todoist.use(token); ok {
				t.Errorf("a token outlives the session: %s", token)
			}
		}
		if _, ok, _ := s.store.get(t.Context(), kindToken+"/"+hash(slow.cookies()[s.CookieName()])); ok {
			t.Error("the token row is back")
		}
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
	if _, rec := stored(t, two, b); rec.Access != got || rec.Refresh == first.Refresh {
		t.Error("the new pair is not what is stored")
	}
}

func TestATodoistThatGivesTheRefusedTokenAgain(t *testing.T) {
	s := newSite(t, "memory:", long, func(c *Config) {
		c.Refresh = func(context.Context, string) (Tokens, error) {
			return Tokens{Access: "the-same", Refresh: random()}, nil
		}
	})
	b := newBrowser()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, userNamed("ann"), Tokens{Access: "the-same", Refresh: random()}); err != nil {
			t.Error(err)
		}
	})
	if got, err := b.access(s, "the-same"); err == nil || strings.Contains(err.Error(), "the-same") {
		t.Errorf("Access = %q, %v; want an error without the token", got, err)
	}
}

func TestAnAnswerWithoutAnAccessTokenIsAnError(t *testing.T) {
	s := newSite(t, "memory:", long, func(c *Config) {
		c.Refresh = func(context.Context, string) (Tokens, error) { return Tokens{Refresh: "r"}, nil }
	})
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	if got, err := b.access(s, first.Access); got != "" || err == nil {
		t.Errorf("Access = %q, %v; want an error", got, err)
	}
	if _, rec := stored(t, s, b); rec.Refresh != first.Refresh {
		t.Error("the pair has been replaced")
	}
}

func TestTokensPrintAsNothing(t *testing.T) {
	tokens := Tokens{Access: "secret-a", Refresh: "secret-r"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, tokens) + fmt.Sprintf(verb, &tokens); strings.Contains(got, "secret") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
