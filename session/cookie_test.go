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

// TestLifeInACookie is TestLife where the server keeps nothing.
func TestLifeInACookie(t *testing.T) {
	s := newSite(t, "cookie:")
	b := newBrowser()
	tokens := b.signIn(t, s, "ann")
	two := s.replica(t) // any process with the key knows the session
	wantUser(t, two, b, "ann")
	if got, err := b.access(two, ""); got != tokens.Access || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
	b.put(two, "team", "BOS")
	if got := b.get(s, "team"); got != "BOS" {
		t.Errorf("Get = %q", got)
	}
	if all := b.sessions(t, s); len(all) != 1 || !all[0].Current || all[0].Browser != "Firefox on Linux" {
		t.Errorf("sessions %+v, want this one", all)
	}
	if n, err := s.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("Count = %d, %v; want 0", n, err)
	}
	if n, err := s.Flush(t.Context(), "ann"); n != 0 || err != nil {
		t.Errorf("Flush = %d, %v; want 0", n, err)
	}

	// Two values for the same session never look alike, and a changed one is none.
	value := b.cookies()[s.CookieName()]
	b.put(s, "team", "NYK")
	b.put(s, "team", "BOS")
	if b.cookies()[s.CookieName()] == value {
		t.Error("sealed twice the same")
	}
	for i := range len(value) {
		changed := []byte(value)
		changed[i] = 'A' + (changed[i]+1)%26
		thief := newBrowser()
		thief.jar[s.CookieName()] = string(changed)
		if string(changed) != value && thief.who(s) != "" {
			t.Fatalf("signed in with byte %d changed", i)
		}
	}

	plain, ok := s.ring.open(s.CookieName(), mustDecode(t, value))
	if !ok || strings.Contains(string(plain), tokens.Refresh) || !strings.Contains(string(plain), tokens.Access) {
		t.Error("the cookie must hold the access token and not the refresh token")
	}

	if err := b.signOut(s); err != nil {
		t.Errorf("SignOut = %v", err)
	}
	wantUser(t, s, b, "")
	if _, _, revoked := s.todoist.told(); len(revoked) != 1 || revoked[0] != tokens.Access {
		t.Errorf("revoked %v", revoked)
	}

	b.signIn(t, s, "ann")
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		all, _ := s.Sessions(ctx)
		if err := s.End(ctx, all[0].Handle); err != nil {
			t.Errorf("End = %v", err)
		}
	})
	wantUser(t, s, b, "")
	first := b.signIn(t, s, "ann")
	b.signIn(t, s, "ann")
	if _, ok := s.todoist.use(first.Access); ok {
		t.Error("the earlier token is not revoked")
	}
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignOutEverywhere(ctx); err != nil {
			t.Errorf("SignOutEverywhere = %v", err)
		}
	})
	wantUser(t, s, b, "")
	s.store.each(t.Context(), func(r row) error {
		if r.kind() != kindCheck {
			t.Errorf("the server keeps %s", r.Key)
		}
		return nil
	})
}

func mustDecode(t *testing.T, value string) []byte {
	t.Helper()
	b, ok := decodeCookie(value)
	if !ok {
		t.Fatalf("cookie %q", value)
	}
	return b
}

func TestASessionInACookieEndsWithItsToken(t *testing.T) {
	hour := func(s *site) Tokens { return s.todoist.signIn("ann") }
	for _, c := range []struct {
		name   string
		tokens func(s *site) Tokens
		idle   time.Duration
		want   time.Duration
	}{
		{"of an hour", hour, 2 * time.Hour, time.Hour},
		{"that expires earlier", func(s *site) Tokens {
			return Tokens{Access: "a", Expires: s.clock.now().Add(20 * time.Minute)}
		}, 2 * time.Hour, 20 * time.Minute},
		{"that never expires, within the hour", func(*site) Tokens { return Tokens{Access: "a"} }, 2 * time.Hour, time.Hour},
		{"or when idle", hour, 10 * time.Minute, 10 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "cookie:", func(cfg *Config) { cfg.Idle = c.idle })
			b := newBrowser()
			res := b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
				if err := s.SignIn(ctx, userNamed("ann"), c.tokens(s)); err != nil {
					t.Error(err)
				}
			})
			if got := time.Duration(res.Cookies()[0].MaxAge) * time.Second; got > time.Hour+time.Second {
				t.Errorf("the browser keeps it %v", got)
			}
			still := b.clone()
			s.clock.advance(c.want - 5*time.Second)
			wantUser(t, s, still, "ann")
			s.clock.advance(6 * time.Second)
			wantUser(t, s, b, "")
		})
	}
}

func TestARefusedTokenInACookieSignsOut(t *testing.T) {
	s := newSite(t, "cookie:")
	b := newBrowser()
	tokens := b.signIn(t, s, "ann")
	if _, err := b.access(s, tokens.Access); !errors.Is(err, ErrSignedOut) {
		t.Errorf("Access = %v, want ErrSignedOut", err)
	}
	wantUser(t, s, b, "")
	b.signIn(t, s, "ann")
	tokens2, _ := b.access(s, "")
	b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		io.WriteString(w, "begun") // too late to take the cookie back
		if _, err := s.Access(ctx, tokens2); !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access = %v, want ErrSignedOut", err)
		}
	})
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
}

// Whatever a browser sends as its cookie is a session of ours or nobody.
func FuzzCookie(f *testing.F) {
	m, server := fuzzSite(f, "cookie:"), fuzzSite(f, "memory:")
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

func fuzzSite(f *testing.F, dsn string) *site {
	return newSite(f, dsn, func(c *Config) { c.Log = slog.New(slog.DiscardHandler) })
}
