package session

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A handler's changes must be stored however it begins its answer.
func TestChangesAreStoredBeforeTheAnswerBegins(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(w http.ResponseWriter)
	}{
		{"by writing", func(w http.ResponseWriter) { w.Write([]byte("x")) }},
		{"by its header", func(w http.ResponseWriter) { w.WriteHeader(http.StatusSeeOther) }},
		{"by flushing", func(w http.ResponseWriter) { w.(http.Flusher).Flush() }},
		{"by flushing through a controller", func(w http.ResponseWriter) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
		}},
		{"by copying", func(w http.ResponseWriter) { io.Copy(w, strings.NewReader("x")) }},
		{"not at all", func(http.ResponseWriter) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "memory:")
			b := newBrowser()
			res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
				s.Put(ctx, "team", "BOS")
				c.begin(w)
			})
			if got := b.get(s, "team"); got != "BOS" {
				t.Errorf("kept %q", got)
			}
			if n := len(res.Header["Set-Cookie"]); n != 1 {
				t.Errorf("%d cookies set, want 1", n)
			}
		})
	}
}

func TestChangesWhileAnAnswerStreamsAreStored(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		io.WriteString(w, "data: 1\n\n")
		s.Put(ctx, "team", "BOS")
		io.WriteString(w, "data: 2\n\n")
	})
	if got := b.get(s, "team"); got != "BOS" {
		t.Errorf("kept %q", got)
	}
	if len(res.Cookies()) != 0 {
		t.Errorf("cookies %v", res.Cookies())
	}
}

// Without a session before the first byte none can be begun: there is no way left
// to set its cookie.
func TestNoSessionBeginsAfterTheAnswerHas(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		io.WriteString(w, "x")
		s.Put(ctx, "team", "BOS")
		if err := s.SignIn(ctx, userNamed("ann"), s.todoist.signIn("ann")); err == nil {
			t.Error("signed in")
		}
		if _, err := s.Begin(ctx, "/", nil); err == nil {
			t.Error("began a sign-in")
		}
	})
	if n, _ := s.Count(t.Context()); n != 0 {
		t.Errorf("%d sessions, want none that nobody has the cookie of", n)
	}
	if !strings.Contains(s.log.String(), "session not written") {
		t.Error("the lost change is not in the log")
	}
}

// Through a real server: a stream of minutes goes out piece by piece, deadlines
// reach the connection, and the cookie is there from the first piece on.
func TestStreamsThroughTheMiddleware(t *testing.T) {
	s := newSite(t, "memory:", func(c *Config) { c.URL = &url.URL{Scheme: "http", Host: "localhost"} })
	next := make(chan struct{})
	server := httptest.NewServer(s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints) // begins nothing yet
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Time{}); err != nil {
			t.Errorf("SetWriteDeadline = %v", err)
		}
		if err := s.SignIn(r.Context(), userNamed("ann"), s.todoist.signIn("ann")); err != nil {
			t.Error(err)
		}
		for range 3 {
			io.WriteString(w, "data: x\n\n")
			if err := rc.Flush(); err != nil {
				t.Errorf("Flush = %v", err)
			}
			<-next
		}
	})))
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	client := server.Client()
	client.Jar = jar
	res, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for range 3 {
		if line, err := lines.ReadString('\n'); line != "data: x\n" || err != nil {
			t.Fatalf("read %q, %v", line, err)
		}
		lines.ReadString('\n')
		next <- struct{}{}
	}
	here, _ := url.Parse(server.URL)
	if got := jar.Cookies(here); len(got) != 1 || got[0].Name != "tipoff" {
		t.Errorf("cookies %v, want the session's", got)
	}
}

// Items 11 and 12.
func TestCookieAttributes(t *testing.T) {
	for _, c := range []struct{ url, name, path, secure string }{
		{"https://tipoff.example", "__Host-tipoff", "/", "Secure"},
		{"https://tipoff.example/", "__Host-tipoff", "/", "Secure"},
		{"https://example.com/tipoff", "__Secure-tipoff", "/tipoff", "Secure"},
		{"https://example.com/a/b/", "__Secure-tipoff", "/a/b", "Secure"},
		{"http://localhost:8080", "tipoff", "/", ""},
		{"http://localhost:8080/tipoff", "tipoff", "/tipoff", ""},
	} {
		for _, dsn := range []string{"memory:", "cookie:"} {
			t.Run(c.url+" "+dsn, func(t *testing.T) {
				s := newSite(t, dsn, func(cfg *Config) { cfg.URL, _ = url.Parse(c.url) })
				if got := s.CookieName(); got != c.name {
					t.Errorf("name %q, want %q", got, c.name)
				}
				b := newBrowser()
				res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
					s.Begin(ctx, "/", nil)
					if err := s.SignIn(ctx, userNamed("ann"), s.todoist.signIn("ann")); err != nil {
						t.Error(err)
					}
				})
				out := b.visit(s, func(ctx context.Context, w http.ResponseWriter) { s.SignOut(ctx) })
				all := append(res.Cookies(), out.Cookies()...)
				if len(all) != 3 {
					t.Fatalf("%d cookies, want a sign-in's, the session's and its end", len(all))
				}
				for i, line := range append(res.Header["Set-Cookie"], out.Header["Set-Cookie"]...) {
					k := all[i]
					if !strings.HasPrefix(k.Name, c.name) || k.Path != c.path || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode ||
						k.Secure != (c.secure != "") || k.Domain != "" || k.MaxAge == 0 || strings.Contains(line, "Domain") {
						t.Errorf("cookie %s", line)
					}
				}
				if all[2].MaxAge >= 0 || all[2].Value != "" {
					t.Errorf("sign-out sets %s", out.Header["Set-Cookie"])
				}
				if got := res.Header.Get("Vary"); got != "Cookie" {
					t.Errorf("Vary: %q, want Cookie", got)
				}
			})
		}
	}
}

func TestAStoreThatIsDown(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	cookie := b.cookies()[s.CookieName()]
	s.faults.fail(errors.New("connection refused"))
	res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		if u, ok := s.User(ctx); ok {
			t.Errorf("User = %+v", u)
		}
		if err := s.Err(ctx); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("Err = %v, want ErrUnavailable and why", err)
		}
		if _, err := s.Access(ctx, ""); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Access = %v, want ErrUnavailable", err)
		}
		if _, err := s.Sessions(ctx); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Sessions = %v, want ErrUnavailable", err)
		}
		if err := s.End(ctx, "x"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("End = %v, want ErrUnavailable", err)
		}
		if err := s.SignIn(ctx, userNamed("bob"), s.todoist.signIn("bob")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("SignIn = %v, want ErrUnavailable", err)
		}
		s.Put(ctx, "team", "BOS")
		io.WriteString(w, "a page that needs no session")
	})
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "a page that needs no session" {
		t.Errorf("answer %d %q", res.StatusCode, body)
	}
	if b.cookies()[s.CookieName()] != cookie {
		t.Error("the cookie was replaced: the user would be signed out when the store is back")
	}
	if err := s.Check(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Check = %v, want ErrUnavailable", err)
	}
	if err := s.cleanUp(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("clean up: %v, want ErrUnavailable", err)
	}
	s.faults.fail(nil)
	wantUser(t, s, b, "ann")
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check = %v, when it is back", err)
	}
}

// A sign-in that cannot be stored is none, also within its request. Its token can
// be revoked while the store still fails.
func TestASignInThatCannotBeStored(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	tokens := s.todoist.signIn("ann")
	res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		s.faults.fail(errors.New("disk full"))
		if err := s.SignIn(ctx, userNamed("ann"), tokens); !errors.Is(err, ErrUnavailable) {
			t.Errorf("SignIn = %v, want ErrUnavailable", err)
		}
		if u, ok := s.User(ctx); ok {
			t.Errorf("User = %+v", u)
		}
		s.Discard(ctx, tokens)
		s.faults.fail(nil)
	})
	if len(res.Cookies()) != 0 {
		t.Errorf("cookies %v", res.Cookies())
	}
	if _, ok := s.todoist.use(tokens.Access); ok {
		t.Error("the token lives on at Todoist")
	}
	if n, _ := s.Count(t.Context()); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// At sign-out the cookie goes even when the store cannot be told.
func TestSignOutWhileTheStoreIsDown(t *testing.T) {
	s := newSite(t, "memory:")
	for _, downFrom := range []string{"the start", "the middle"} {
		b := newBrowser()
		b.signIn(t, s, "ann")
		if downFrom == "the start" {
			s.faults.fail(errors.New("down"))
		}
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			s.faults.fail(errors.New("down"))
			if err := s.SignOut(ctx); !errors.Is(err, ErrUnavailable) {
				t.Errorf("down from %s: SignOut = %v, want ErrUnavailable", downFrom, err)
			}
		})
		s.faults.fail(nil)
		if c := b.cookies(); len(c) != 0 {
			t.Errorf("down from %s: cookies %v", downFrom, c)
		}
	}
}

func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:")
		b := newBrowser()
		b.signIn(t, s, "ann")
		s.faults.hang.Store(true)
		begun := time.Now()
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if err := s.Err(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Err = %v, want ErrUnavailable by a deadline", err)
			}
		})
		if took := time.Since(begun); took != storeTimeout {
			t.Errorf("took %v, want %v", took, storeTimeout)
		}
		s.faults.hang.Store(false)
		wantUser(t, s, b, "ann")
	})
}

// A panic leaves the session as it was and goes on to whoever recovers it.
func TestAPanicStoresNothing(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v", got)
			}
		}()
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			s.Put(ctx, "team", "BOS")
			panic("boom")
		})
	}()
	if got := b.get(s, "team"); got != "" {
		t.Errorf("kept %q", got)
	}
}
