package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestLife is what sessions, sign-ins and grants go through, with every store and
// database.
func TestLife(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		laptop, phone, other := newBrowser(), newBrowser(), newBrowser()
		phone.agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
		first := laptop.signIn(t, s, "ann")
		s.clock.advance(2 * time.Second)
		phone.signIn(t, s, "ann")
		bob := other.signIn(t, s, "bob")

		wantUser(t, s, laptop, "ann")
		wantUser(t, s, other, "bob")
		if n, err := s.Count(t.Context()); n != 3 || err != nil {
			t.Errorf("Count = %d, %v; want 3", n, err)
		}
		if got, err := laptop.access(s, ""); got != first.Access || err != nil {
			t.Errorf("Access = %q, %v; want the token signed in with", got, err)
		}
		laptop.put(s, "team", "BOS")
		if got := laptop.get(s, "team"); got != "BOS" {
			t.Errorf("Get = %q, want BOS", got)
		}

		all := laptop.signIns(t, s)
		if len(all) != 2 {
			t.Fatalf("%d sign-ins listed, want 2: %+v", len(all), all)
		}
		if all[0].Browser != "Safari on iPhone" || all[0].Current || all[1].Browser != "Firefox on Linux" || !all[1].Current {
			t.Errorf("listed %+v; want the iPhone, then this Firefox", all)
		}
		if since := s.clock.now().Sub(all[0].Since); since < 0 || since > time.Minute {
			t.Errorf("the iPhone is signed in since %v ago", since)
		}

		// Another user can end none of them; their owner can, and that counts at once.
		if err := other.end(s, all[0].ID); err != nil {
			t.Errorf("End = %v", err)
		}
		wantUser(t, s, phone, "ann")
		if err := laptop.end(s, all[0].ID); err != nil {
			t.Errorf("End = %v", err)
		}
		wantUser(t, s, phone, "")
		wantUser(t, s, laptop, "ann")
		if _, err := phone.access(s, ""); !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access of a sign-in that was ended = %v, want ErrSignedOut", err)
		}
		if _, _, revoked := s.todoist.told(); len(revoked) != 0 {
			t.Errorf("revoked %v, though ann is still signed in", revoked)
		}

		phone.signIn(t, s, "ann")
		if err := laptop.signOutEverywhere(s); err != nil {
			t.Errorf("SignOutEverywhere = %v", err)
		}
		wantUser(t, s, laptop, "")
		wantUser(t, s, phone, "")
		wantUser(t, s, other, "bob")
		if _, _, revoked := s.todoist.told(); len(revoked) != 3 {
			t.Errorf("%d pairs revoked, want all 3 of ann's", len(revoked))
		}
		s.wantNoGrant(t, "ann")

		// What is sealed with an old key opens, and in the database is sealed anew.
		s.cfg.Keys = []string{strings.Repeat("new key ", 3) + "0123456789", testKey}
		s.open(t)
		wantUser(t, s, other, "bob")
		least := 1 // the grant
		if at.store == "database" {
			least = 2 // and the session
		}
		if n, err := s.Rekey(t.Context()); n < least || err != nil {
			t.Errorf("Rekey = %d, %v; want %d or more", n, err, least)
		}
		if n, err := s.Rekey(t.Context()); n != 0 || err != nil {
			t.Errorf("second Rekey = %d, %v; want 0", n, err)
		}
		other.put(s, "team", "NYK") // writes the session
		s.cfg.Keys = s.cfg.Keys[:1]
		s.open(t)
		wantUser(t, s, other, "bob")
		if got, err := other.access(s, bob.Access); got == "" || err != nil {
			t.Errorf("Access after Rekey = %q, %v", got, err)
		}

		// The operator ends one user's sign-ins, then everybody's.
		laptop.signIn(t, s, "ann")
		if n, err := s.Flush(t.Context(), "ann"); n != 1 || err != nil {
			t.Errorf("Flush of one user = %d, %v; want 1", n, err)
		}
		wantUser(t, s, laptop, "")
		wantUser(t, s, other, "bob")
		if n, err := s.Flush(t.Context(), ""); n != 1 || err != nil {
			t.Errorf("Flush of all = %d, %v; want 1", n, err)
		}
		wantUser(t, s, other, "")
		for _, user := range []string{"ann", "bob"} {
			s.wantNoGrant(t, user)
		}

		// An idle sign-in ends, and its grant with it.
		left := laptop.signIn(t, s, "ann")
		s.clock.advance(time.Hour + time.Second)
		wantUser(t, s, laptop, "")
		s.clock.advance(sweepGrace)
		if err := s.sweep(t.Context()); err != nil {
			t.Errorf("sweep: %v", err)
		}
		if _, _, revoked := s.todoist.told(); revoked[len(revoked)-1] != left.Access {
			t.Errorf("revoked %v; want the idle sign-in's token last", revoked)
		}
		for _, table := range []string{"sign_ins", "grants", "revocations"} {
			if n := s.count(t, table); n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
	})
}

// A user whom a request finds signed in may be ended by another one, in any replica;
// what the first then writes signs nobody in again.
func TestALateWriteSignsNobodyInAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		b := newBrowser()
		b.signIn(t, s, "ann")
		slow := b.clone()
		res := slow.visit(s, func(ctx context.Context, w http.ResponseWriter) {
			if err := b.signOut(s); err != nil {
				t.Errorf("SignOut = %v", err)
			}
			s.Put(ctx, "team", "BOS")
		})
		if len(res.Cookies()) != 0 {
			t.Errorf("the slow answer sets %v, which could replace a newer cookie", res.Cookies())
		}
		wantUser(t, s, slow, "")
		if n, err := s.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("Count = %d, %v; want 0", n, err)
		}
	})
}

// Neither does the note of its last use.
func TestALateTouchSignsNobodyInAgain(t *testing.T) {
	everyDatabase(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		b := newBrowser()
		b.signIn(t, s, "ann")
		s.clock.advance(2 * time.Minute)
		b.clone().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			_, signedIn, _ := s.signedIn(ctx)
			slow := *signedIn
			slow.seen = slow.since // as before it was noted
			if err := b.signOut(s); err != nil {
				t.Errorf("SignOut = %v", err)
			}
			s.touch(ctx, &slow)
		})
		if n, err := s.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("Count = %d, %v; want 0", n, err)
		}
	})
}

func TestARequestUnderWayDoesNotUndoASignIn(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	slow := b.clone()
	res := slow.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		b.signIn(t, s, "ann")
		s.Put(ctx, "team", "NYK")
	})
	if len(res.Cookies()) != 0 {
		t.Errorf("the slow answer sets %v, which would replace the newer cookie", res.Cookies())
	}
	wantUser(t, s, b, "ann")
	wantUser(t, s, slow, "")
}

func TestAVisitorWithoutACookieAsksNoStore(t *testing.T) {
	s := newSite(t, "memory:")
	s.faults.fail(errors.New("down"))
	defer s.broken(t, "sign_ins", "grants", "sessions")()
	b := newBrowser()
	res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		if u, ok := s.User(ctx); ok {
			t.Errorf("User = %v, want nobody", u)
		}
		s.Put(ctx, "team", "BOS") // nothing is kept of visitors
		if got := s.Get(ctx, "team") + s.Pop(ctx, "team"); got != "" {
			t.Errorf("kept %q", got)
		}
		w.Write([]byte("hello"))
		if err := s.Err(ctx); err != nil {
			t.Errorf("Err = %v, want nil", err)
		}
	})
	if n := s.faults.reads.Load() + s.faults.writes.Load(); n != 0 {
		t.Errorf("%d calls to the store, want none", n)
	}
	if len(res.Cookies()) != 0 {
		t.Errorf("cookies %v", res.Cookies())
	}
	b.jar[s.CookieName()] = strings.Repeat("x", 3000) // nor one with a cookie that is not ours
	wantUser(t, s, b, "")
	if n := s.faults.reads.Load(); n != 0 {
		t.Errorf("%d calls to the store, want none", n)
	}
}

// Items 1 and 2 of the checklist.
func TestSignInGivesANewID(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	b.put(s, "team", "BOS")

	// The same user again: the id is new, the sign-in before ends.
	before := b.clone()
	b.signIn(t, s, "ann")
	if b.cookies()[s.CookieName()] == before.cookies()[s.CookieName()] {
		t.Error("the cookie is the same after a sign-in")
	}
	wantUser(t, s, before, "")
	wantUser(t, s, b, "ann")
	if n, _ := s.Count(t.Context()); n != 1 {
		t.Errorf("%d sign-ins, want 1", n)
	}
	if got := b.get(s, "team"); got != "BOS" {
		t.Errorf("the team after signing in again is %q, want it kept", got)
	}

	// Another user in the same browser finds nothing of the first, whose grant ends.
	b.signIn(t, s, "bob")
	if got := b.get(s, "team"); got != "" {
		t.Errorf("bob finds ann's team %q", got)
	}
	s.wantNoGrant(t, "ann")

	seen := map[string]bool{}
	for range 50 {
		b := newBrowser()
		b.signIn(t, s, "ann")
		id := b.cookies()[s.CookieName()]
		if seen[id] || !isRandom(id) { // 32 bytes
			t.Fatalf("session id %q seen before or not of 256 bits", id)
		}
		seen[id] = true
	}
}

// Item 3.
func TestAnIDIsRefusedAfterSignOut(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	tokens := b.signIn(t, s, "ann")
	thief := b.clone()
	if err := b.signOut(s); err != nil {
		t.Errorf("SignOut = %v", err)
	}
	if c := b.cookies(); len(c) != 0 {
		t.Errorf("cookies after sign-out: %v", c)
	}
	wantUser(t, s, thief, "")
	if _, err := thief.access(s, ""); !errors.Is(err, ErrSignedOut) {
		t.Errorf("Access with the old cookie = %v, want ErrSignedOut", err)
	}
	if _, ok := s.todoist.use(tokens.Access); ok {
		t.Error("the token is not revoked")
	}
}

func TestPopReturnsATextOnce(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	b.put(s, "flash", "Done.")
	for _, want := range []string{"Done.", ""} {
		var got string
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { got = s.Pop(ctx, "flash") })
		if got != want {
			t.Errorf("Pop = %q, want %q", got, want)
		}
	}
}

// Item 4.
func TestAnIdleSignInEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database")
		b := newBrowser()
		b.signIn(t, s, "ann")
		for range 10 { // any request keeps it alive
			time.Sleep(50 * time.Minute)
			wantUser(t, s, b, "ann")
		}
		time.Sleep(time.Hour - time.Second)
		wantUser(t, s, b, "ann")
		time.Sleep(time.Hour)
		wantUser(t, s, b, "")
	})
}

// Item 5.
func TestASignInEndsAfterItsLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database")
		b := newBrowser()
		b.signIn(t, s, "ann")
		begun := time.Now()
		for time.Since(begun) < 24*time.Hour-30*time.Minute {
			wantUser(t, s, b, "ann")
			time.Sleep(30 * time.Minute)
		}
		wantUser(t, s, b, "ann")
		time.Sleep(30 * time.Minute)
		wantUser(t, s, b, "")
		b.signIn(t, s, "ann") // begins another
		time.Sleep(time.Minute)
		wantUser(t, s, b, "ann")
	})
}

func TestLastUseIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database")
		b := newBrowser()
		b.signIn(t, s, "ann")
		seen := map[int64]bool{}
		for range 300 {
			time.Sleep(2 * time.Second)
			wantUser(t, s, b, "ann")
			var at int64
			if err := s.cfg.DB.QueryRow(t.Context(), "SELECT seen FROM sign_ins").Scan(&at); err != nil {
				t.Fatal(err)
			}
			seen[at] = true
		}
		if len(seen) != 11 {
			t.Errorf("%d different times in ten minutes, want that of the sign-in and one a minute", len(seen))
		}
		if n := s.faults.writes.Load(); n != 1 { // the sign-in's
			t.Errorf("%d writes to the store, want none for reading pages", n-1)
		}
	})
}

func TestSignInNeedsAUserAndAToken(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	tokens := s.todoist.signIn("ann")
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, User{Name: "nobody"}, tokens); err == nil {
			t.Error("signed in without an id")
		}
		if err := s.SignIn(ctx, userNamed("ann"), Tokens{}); err == nil {
			t.Error("signed in without a token")
		}
	})
	wantUser(t, s, b, "")
	if _, ok := s.todoist.use(tokens.Access); ok {
		t.Error("the token of a sign-in that failed is not revoked")
	}
}

// Without Wrap everything says so or does nothing, and nothing panics.
func TestOutside(t *testing.T) {
	s := newSite(t, "memory:")
	ctx := t.Context()
	s.Put(ctx, "a", "b")
	if _, ok := s.User(ctx); ok || s.Get(ctx, "a") != "" || s.Pop(ctx, "a") != "" || s.Err(ctx) != nil || s.Scope(ctx) != nil {
		t.Error("something was kept outside of a request")
	}
	if _, ok := s.Finish(ctx, "state"); ok {
		t.Error("a sign-in was finished outside of a request")
	}
	_, accessErr := s.Access(ctx, "")
	_, beginErr := s.Begin(ctx, "/", nil)
	_, listErr := s.SignIns(ctx)
	for _, err := range []error{accessErr, beginErr, listErr, s.SignIn(ctx, userNamed("ann"), Tokens{Access: "a"}),
		s.SignOut(ctx), s.SignOutEverywhere(ctx), s.End(ctx, "x"), s.Narrow(ctx, nil)} {
		if !errors.Is(err, errNoRequest) {
			t.Errorf("error %v, want %v", err, errNoRequest)
		}
	}
}

// Item 28: two users at once never get each other's token.
func TestUsersNeverShareAToken(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		var wg sync.WaitGroup
		for _, id := range []string{"ann", "bob"} {
			b := newBrowser()
			b.signIn(t, s, id)
			for range 20 {
				wg.Go(func() {
					access, err := b.access(s, "")
					if user, ok := s.todoist.use(access); user != id || !ok || err != nil {
						t.Errorf("%s has a token of %q: %v", id, user, err)
					}
					access, err = b.access(s, access)
					if user, ok := s.todoist.use(access); user != id || !ok || err != nil {
						t.Errorf("%s has a new token of %q: %v", id, user, err)
					}
				})
			}
		}
		wg.Wait()
	})
}

func TestBrowserNames(t *testing.T) {
	for _, c := range []struct{ agent, want string }{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari on macOS"},
		{"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"},
		{"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome on iPad"},
		{"Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Chrome on ChromeOS"},
		{"curl/8.10", "curl"},
		{"", "a browser"},
		{"<script>alert(1)</script>", "a browser"},
	} {
		if got := browserOf(c.agent); got != c.want {
			t.Errorf("browserOf(%q) = %q, want %q", c.agent, got, c.want)
		}
	}
}

// A user's name and address are cut to what a cookie can hold.
func TestLongNamesAreCut(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	u := userNamed("ann")
	u.Name = strings.Repeat("Ä", 1000)
	b.signInWith(t, s, u, s.todoist.signIn("ann"))
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		got, _ := s.User(ctx)
		if n := len(got.Name); n < 200 || n > maxText+len("…") || !strings.HasSuffix(got.Name, "Ä…") {
			t.Errorf("the name has %d bytes: %q", n, got.Name)
		}
	})
	if !slices.Equal([]string{cut("short"), cut("")}, []string{"short", ""}) {
		t.Error("short texts are changed")
	}
}
