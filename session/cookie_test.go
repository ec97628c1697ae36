package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestLifeInACookie is TestLife where the database keeps sign-ins and grants, and the
// browser the session.
func TestLifeInACookie(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			s := newSiteAt(t, place{"cookie:", db.dsn(t)})
			b, phone := newBrowser(), newBrowser()
			tokens := b.signIn(t, s, "ann")
			two := s.replica(t)
			wantUser(t, two, b, "ann")
			if got, err := b.access(two, ""); got != tokens.Access || err != nil {
				t.Errorf("Access = %q, %v", got, err)
			}
			b.put(two, "team", "BOS")
			if got := b.get(s, "team"); got != "BOS" {
				t.Errorf("Get = %q", got)
			}
			if n := s.count(t, "sessions"); n > 2 { // what Check writes
				t.Errorf("the server keeps %d sessions", n)
			}

			// Two values for the same session never look alike, and a changed one is none.
			value := b.cookies()[s.CookieName()]
			b.put(s, "team", "NYK")
			b.put(s, "team", "BOS")
			if b.cookies()[s.CookieName()] == value {
				t.Error("sealed twice the same")
			}
			for i := 0; i < len(value); i += 13 {
				changed := []byte(value)
				changed[i] = 'A' + (changed[i]+1)%26
				thief := newBrowser()
				thief.jar[s.CookieName()] = string(changed)
				if string(changed) != value && thief.who(s) != "" {
					t.Fatalf("signed in with byte %d changed", i)
				}
			}
			sealed, _ := decodeCookie(value)
			plain, ok := s.ring.open(s.CookieName(), sealed)
			if !ok || strings.Contains(string(plain), tokens.Refresh) || !strings.Contains(string(plain), tokens.Access) {
				t.Error("the cookie must hold the access token and not the refresh token")
			}

			// Its token is refreshed like any other, and one ended elsewhere is over.
			phone.signIn(t, s, "ann")
			s.clock.advance(59*time.Minute + 30*time.Second)
			access, err := b.access(s, "")
			wantValid(t, s, access, err, "ann")
			s.clock.advance(10 * time.Minute)
			wantUser(t, s, b, "ann")
			if got, err := b.access(s, ""); got != access || err != nil {
				t.Errorf("Access = %q, %v; want the refreshed token", got, err)
			}
			all := b.signIns(t, s)
			if len(all) != 1 || !all[0].Current { // the phone's has run out
				t.Errorf("sign-ins %+v, want this one", all)
			}
			phone.signIn(t, s, "ann")
			if err := phone.end(s, all[0].ID); err != nil {
				t.Errorf("End = %v", err)
			}
			wantUser(t, s, b, "")
			wantUser(t, s, phone, "ann")

			thief := phone.clone()
			if err := phone.signOut(s); err != nil {
				t.Errorf("SignOut = %v", err)
			}
			wantUser(t, s, thief, "")
			if err := s.sweep(t.Context()); err != nil {
				t.Error(err)
			}
			wantUser(t, s, thief, "") // it is not forgotten that it was ended
			wantNotAlive(t, s, "ann")
		})
	}
}

// alone is a site whose database has forgotten everything since the sign-ins.
func alone(t *testing.T, s *site) {
	t.Helper()
	for _, table := range []string{"sign_ins", "grants", "sessions", "spent_states"} {
		s.exec(t, "DELETE FROM "+table)
	}
}

// Where the database has forgotten its sign-in, a session in a cookie is valid by
// itself until its access token ends, an hour at most.
func TestASessionInACookieAlone(t *testing.T) {
	hour := func(s *site) Tokens { return s.todoist.signIn("ann") }
	for _, c := range []struct {
		name   string
		tokens func(s *site) Tokens
		want   time.Duration
	}{
		{"with a token of an hour", hour, time.Hour},
		{"with one that expires earlier", func(s *site) Tokens {
			return Tokens{Access: "a", Expires: s.clock.now().Add(20 * time.Minute)}
		}, 20 * time.Minute},
		{"with one that never expires", func(*site) Tokens { return Tokens{Access: "a"} }, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "cookie:")
			b := newBrowser()
			tokens := c.tokens(s)
			b.signInWith(t, s, userNamed("ann"), tokens)
			alone(t, s)
			wantUser(t, s, b, "ann")
			if all := b.signIns(t, s); len(all) != 1 || !all[0].Current || all[0].Browser != "Firefox on Linux" {
				t.Errorf("sign-ins %+v, want this one", all)
			}
			b.put(s, "team", "BOS")
			if got := b.get(s, "team"); got != "BOS" {
				t.Errorf("Get = %q", got)
			}
			s.clock.advance(c.want - 5*time.Second)
			wantUser(t, s, b, "ann")
			if got, err := b.access(s, ""); got != tokens.Access || err != nil {
				t.Errorf("Access = %q, %v", got, err)
			}
			s.clock.advance(6 * time.Second)
			wantUser(t, s, b, "")
		})
	}
}

// A cookie that the database does not know gets nothing from a grant that it knows.
func TestACookieAloneGetsNoNewToken(t *testing.T) {
	s := newSite(t, "cookie:")
	b := newBrowser()
	tokens := b.signIn(t, s, "ann")
	alone(t, s)
	newBrowser().signIn(t, s, "ann")
	wantUser(t, s, b, "ann")
	if got, err := b.access(s, tokens.Access); !errors.Is(err, ErrSignedOut) {
		t.Errorf("Access = %q, %v; want ErrSignedOut", got, err)
	}
	wantUser(t, s, b, "") // and the page does not send back here
	s.grantRow(t, "ann")
}

func TestACookieAloneIsSignedOut(t *testing.T) {
	s := newSite(t, "cookie:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	alone(t, s)
	if err := b.signOut(s); err != nil {
		t.Errorf("SignOut = %v", err)
	}
	wantUser(t, s, b, "")
	wantNotAlive(t, s, "ann")
}

// With the database down a session in a cookie goes on, but gets no new token.
func TestACookieWhileTheDatabaseIsDown(t *testing.T) {
	s := newSite(t, "cookie:")
	b := newBrowser()
	tokens := b.signIn(t, s, "ann")
	mend := s.broken(t, "sign_ins", "grants")
	wantUser(t, s, b, "ann")
	if got, err := b.access(s, ""); got != tokens.Access || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
	if _, err := b.access(s, tokens.Access); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Access for a refused token = %v, want ErrUnavailable", err)
	}
	mend()
	access, err := b.access(s, tokens.Access)
	wantValid(t, s, access, err, "ann")
	b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		io.WriteString(w, "begun") // too late to change the cookie
		access, err := s.Access(ctx, access)
		wantValid(t, s, access, err, "ann")
	})
	wantUser(t, s, b, "ann")
	access, err = b.access(s, access)
	wantValid(t, s, access, err, "ann")
}

// Item 13.
func TestCookiesFit(t *testing.T) {
	s := newSite(t, "cookie:")
	b := newBrowser()
	check := func(res *http.Response) {
		t.Helper()
		for _, c := range res.Cookies() {
			if n := len(c.Name) + len(c.Value); n > maxCookie {
				t.Errorf("cookie %s has %d bytes", c.Name, n)
			}
		}
	}
	check(b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		u := userNamed("ann")
		u.Name, u.Email = strings.Repeat("Ä", 255), strings.Repeat("e", 254)
		if err := s.SignIn(ctx, u, Tokens{Access: strings.Repeat("a", 500)}); err != nil {
			t.Errorf("a long name, address and token do not fit: %v", err)
		}
	}))
	wantUser(t, s, b, "ann")
	check(b.put(s, "flash", strings.Repeat("x", 4000)))
	wantUser(t, s, b, "ann") // the change is lost, the session is not
	if !strings.Contains(s.log.String(), "session not written") {
		t.Error("the lost change is not in the log")
	}
	check(b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, userNamed("bob"), Tokens{Access: strings.Repeat("a", 4000)}); err == nil {
			t.Error("signed in with a token that fits no cookie")
		}
	}))
	wantUser(t, s, b, "ann")
	s.wantNoGrant(t, "bob")
}

// Whatever a browser sends as its cookie is a session of ours or nobody.
func FuzzCookie(f *testing.F) {
	silent := func(c *Config) { c.Log = slog.New(slog.DiscardHandler) }
	m, server := newSite(f, "cookie:", silent), newSite(f, "memory:", silent)
	b := newBrowser()
	b.signIn(f, m, "ann")
	good := b.cookies()[m.CookieName()]
	f.Add(good)
	f.Add(good[:len(good)-1] + "A")
	f.Add(good + "=")
	f.Add(good[:9] + "\xf5" + good[9:])
	f.Add("")
	f.Add(strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, value string) {
		b := newBrowser()
		b.jar[m.CookieName()] = value
		// What arrives: net/http leaves out what no cookie may have.
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: m.CookieName(), Value: value})
		var sealed []byte
		if c, err := r.Cookie(m.CookieName()); err == nil {
			sealed, _ = decodeCookie(c.Value)
		}
		if _, ours := m.ring.open(m.CookieName(), sealed); b.who(m) != "" && !ours {
			t.Errorf("signed in by %q", value)
		}
		b = newBrowser()
		b.jar[server.CookieName()] = value
		wantUser(t, server, b, "")
	})
}
