package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// begin starts a sign-in in a request of its own.
func (b *browser) begin(t testing.TB, s *site, next string) (f Flow) {
	t.Helper()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		var err error
		if f, err = s.Begin(ctx, next, []string{"data:read_write"}); err != nil {
			t.Errorf("Begin = %v", err)
		}
	})
	return f
}

func (b *browser) finish(s *site, state string) (f Flow, ok bool) {
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { f, ok = s.Finish(ctx, state) })
	return f, ok
}

// Items 16 to 19.
func TestSignInUnderWay(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		b, other := newBrowser(), newBrowser()

		f := b.begin(t, s, "/import?team=BOS")
		if len(f.State) != 43 || len(f.Verifier) != 43 || f.State == f.Verifier { // 32 bytes each
			t.Errorf("state of %d and verifier of %d characters, want 43 and different", len(f.State), len(f.Verifier))
		}
		for name, value := range b.cookies() {
			if strings.Contains(value+name, f.State) || strings.Contains(value+name, f.Verifier) {
				t.Error("the cookie shows the state or the verifier")
			}
		}
		if _, ok := other.finish(s, f.State); ok {
			t.Error("another browser has finished it")
		}
		for _, wrong := range []string{"", "x", f.State + "x", f.State[:42], strings.ToLower(f.State), f.Verifier} {
			if _, ok := b.finish(s, wrong); ok {
				t.Errorf("finished with the state %q", wrong)
			}
		}
		thief := b.clone()
		got, ok := b.finish(s, f.State)
		if !ok || got.Verifier != f.Verifier || got.Next != "/import?team=BOS" || !slices.Equal(got.Scopes, f.Scopes) {
			t.Errorf("Finish = %+v, %v; want what was begun", got, ok)
		}
		if _, ok := b.finish(s, f.State); ok {
			t.Error("finished twice")
		}
		if _, ok := thief.finish(s.replica(t), f.State); ok {
			t.Error("finished twice by a copy of the cookies, on another replica")
		}

		// Two tabs; the second after the first has signed in, with a new session id.
		one, two := b.begin(t, s, "/one"), b.begin(t, s, "/two")
		if got, ok := b.finish(s, one.State); !ok || got.Next != "/one" {
			t.Errorf("first tab: %+v, %v", got, ok)
		}
		b.signIn(t, s, "ann")
		if got, ok := b.finish(s, two.State); !ok || got.Next != "/two" {
			t.Errorf("second tab: %+v, %v", got, ok)
		}
		wantUser(t, s, b, "ann")

		// A quarter of an hour.
		inTime, late := b.begin(t, s, "/"), b.begin(t, s, "/")
		s.clock.advance(15*time.Minute - time.Second)
		if _, ok := b.finish(s, inTime.State); !ok {
			t.Error("too late just before 15 minutes")
		}
		s.clock.advance(2 * time.Second)
		if _, ok := b.finish(s, late.State); ok {
			t.Error("finished after 15 minutes")
		}
	})
}

func TestANinthSignInDropsTheOldest(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		b := newBrowser()
		b.jar[s.CookieName()+"-rubbish"] = "rubbish" // goes first
		var all []Flow
		for i := range maxFlows + 3 {
			all = append(all, b.begin(t, s, fmt.Sprint("/", i)))
			s.clock.advance(time.Second)
		}
		if n := len(b.cookies()); n != maxFlows {
			t.Errorf("%d cookies, want %d: %v", n, maxFlows, b.cookies())
		}
		for i, f := range all {
			if _, ok := b.finish(s, f.State); ok != (i >= 3) {
				t.Errorf("sign-in %d of %d finished: %v", i+1, len(all), ok)
			}
		}
		s.clock.advance(15 * time.Minute)
		if err := s.sweep(t.Context()); err != nil || s.count(t, "spent_states") != 0 {
			t.Errorf("%d rows left, %v", s.count(t, "spent_states"), err)
		}
	})
}

func TestOfManyWaysBackOneIsTaken(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		two := s.replica(t)
		b := newBrowser()
		f := b.begin(t, s, "/")
		var wins atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			thief, here := b.clone(), []*site{s, two}[i%2]
			wg.Go(func() {
				if _, ok := thief.finish(here, f.State); ok {
					wins.Add(1)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Errorf("%d of 20 were taken, want 1", wins.Load())
		}
	})
}

// A cookie of one sign-in does not do for another, nor one that was changed.
func TestASignInsCookieIsItsOwn(t *testing.T) {
	s := newSite(t, "cookie:")
	b := newBrowser()
	one, two := b.begin(t, s, "/"), b.begin(t, s, "/")
	b.jar[s.flowCookie(one.State)] = b.jar[s.flowCookie(two.State)]
	if _, ok := b.finish(s, one.State); ok {
		t.Error("finished with the cookie of another sign-in")
	}
	value := []byte(b.jar[s.flowCookie(two.State)])
	value[20] ^= 1
	b.jar[s.flowCookie(two.State)] = string(value)
	if _, ok := b.finish(s, two.State); ok {
		t.Error("finished with a cookie that was changed")
	}
}

func TestASignInThatFitsNoCookieIsRefused(t *testing.T) {
	s := newSite(t, "cookie:")
	newBrowser().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if _, err := s.Begin(ctx, "/"+strings.Repeat("x", 4000), nil); !errors.Is(err, ErrTooLong) {
			t.Errorf("Begin with a way back of 4,000 characters = %v, want ErrTooLong", err)
		}
	})
}

func TestASignInComesBackWhileTheDatabaseIsDown(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	f := b.begin(t, s, "/")
	thief := b.clone()
	mend := s.broken(t, "spent_states")
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if _, ok := s.Finish(ctx, f.State); ok || !errors.Is(s.Err(ctx), ErrUnavailable) {
			t.Errorf("Finish = %v, Err = %v; want false and ErrUnavailable", ok, s.Err(ctx))
		}
	})
	mend()
	if _, ok := thief.finish(s, f.State); !ok {
		t.Error("it cannot be finished when the database is back")
	}
}
