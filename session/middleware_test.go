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
				if err := s.SignIn(ctx, userNamed("ann"), s.todoist.signIn("ann")); err != nil {
					t.Error(err)
				}
				s.Put(ctx, "team", "BOS")
				c.begin(w)
			})
			if got := b.get(s, "team"); got != "BOS" {
				t.Errorf("kept %q", got)
			}
			if n := len(res.Header["Set-Cookie"]); n != 1 {
				t.Errorf("%d cookies set, want 1", n)
			}
			if n := len(b.put(s, "team", "NYK").Header["Set-Cookie"]); n != 0 || b.get(s, "team") != "NYK" {
				t.Errorf("%d cookies set by a change, want the change and none", n)
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

// Nobody can be signed in after the first byte: there is no way left to set a cookie.
func TestNobodySignsInAfterTheAnswerHasBegun(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	tokens := s.todoist.signIn("ann")
	b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		io.WriteString(w, "x")
		if err := s.SignIn(ctx, userNamed("ann"), tokens); err == nil {
			t.Error("signed in")
		}
		if _, err := s.Begin(ctx, "/", nil); err == nil {
			t.Error("began a sign-in")
		}
	})
	if n, _ := s.Count(t.Context()); n != 0 {
		t.Errorf("%d sign-ins, want none that nobody has the cookie of", n)
	}
	if _, alive := s.todoist.use(tokens.Access); alive {
		t.Error("the token lives on at Todoist")
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

func TestAStoreOrDatabaseThatIsDown(t *testing.T) {
	for _, c := range []struct {
		name string
		down func(s *site) (up func())
		why  string
	}{
		{"store", func(s *site) func() {
			s.faults.fail(errors.New("connection refused"))
			return func() { s.faults.fail(nil) }
		}, "connection refused"},
		{"database", func(s *site) func() { return s.broken(t, "sessions", "sign_ins", "grants") }, "sign_ins"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "memory:")
			b := newBrowser()
			b.signIn(t, s, "ann")
			cookie := b.cookies()[s.CookieName()]
			up := c.down(s)
			res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
				if u, ok := s.User(ctx); ok {
					t.Errorf("User = %+v", u)
				}
				if err := s.Err(ctx); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), c.why) {
					t.Errorf("Err = %v, want ErrUnavailable and why", err)
				}
				_, accessErr := s.Access(ctx, "")
				_, listErr := s.SignIns(ctx)
				for _, err := range []error{accessErr, listErr, s.End(ctx, "x"), s.SignIn(ctx, userNamed("bob"), s.todoist.signIn("bob"))} {
					if !errors.Is(err, ErrUnavailable) {
						t.Errorf("%v, want ErrUnavailable", err)
					}
				}
				s.Put(ctx, "team", "BOS")
				io.WriteString(w, "a page that needs no session")
			})
			if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "a page that needs no session" {
				t.Errorf("answer %d %q", res.StatusCode, body)
			}
			if b.cookies()[s.CookieName()] != cookie {
				t.Error("the cookie was replaced: the user would be signed out when all is well again")
			}
			if err := s.Check(t.Context()); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Check = %v, want ErrUnavailable", err)
			}
			up()
			wantUser(t, s, b, "ann")
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("Check = %v, when it is back", err)
			}
			wantNotAlive(t, s, "bob")
		})
	}
}

// At sign-out the cookie goes even when nothing can be told.
func TestSignOutWhileTheDatabaseIsDown(t *testing.T) {
	for _, from := range []string{"the start", "the middle"} {
		s := newSite(t, "memory:")
		b := newBrowser()
		b.signIn(t, s, "ann")
		up, thief := func() {}, b.clone()
		if from == "the start" {
			up = s.broken(t, "sign_ins", "grants")
		}
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if from == "the middle" {
				up = s.broken(t, "sign_ins", "grants")
			}
			if err := s.SignOut(ctx); !errors.Is(err, ErrUnavailable) {
				t.Errorf("down from %s: SignOut = %v, want ErrUnavailable", from, err)
			}
		})
		up()
		if c := b.cookies(); len(c) != 0 {
			t.Errorf("down from %s: cookies %v", from, c)
		}
		if from == "the middle" { // the session was read, and is gone
			wantUser(t, s, thief, "")
		}
	}
}

// A store that fails at sign-out leaves a session that opens nothing.
func TestSignOutWhileTheStoreIsDown(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	thief := b.clone()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		s.faults.fail(errors.New("down"))
		if err := s.SignOut(ctx); err != nil {
			t.Errorf("SignOut = %v", err)
		}
		s.faults.fail(nil)
	})
	wantUser(t, s, thief, "")
	wantNotAlive(t, s, "ann")
}

func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "database")
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
