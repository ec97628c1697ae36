package session

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const testKey = "b3f0c9e1d2a4758697a8b9c0d1e2f304-one"

// clock is the time of day, moved by hand.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// A site is a Manager with what it works with.
type site struct {
	*Manager
	todoist *todoist
	clock   *clock
	log     *safeBuffer
	faults  *faulty
	cfg     Config
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// faulty is a store that can be made to fail, and counts.
type faulty struct {
	store
	err           atomic.Pointer[error] // of every call
	hang          atomic.Bool           // until the call's time is over
	reads, writes atomic.Int64
	beforeSwap    func(r row) // may be set before use
}

func (f *faulty) fail(err error) {
	if err == nil {
		f.err.Store(nil)
		return
	}
	f.err.Store(&err)
}

func (f *faulty) check(ctx context.Context, n *atomic.Int64) error {
	n.Add(1)
	if f.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *faulty) get(ctx context.Context, key string) (row, bool, error) {
	if err := f.check(ctx, &f.reads); err != nil {
		return row{}, false, err
	}
	return f.store.get(ctx, key)
}

func (f *faulty) put(ctx context.Context, r row) error {
	if err := f.check(ctx, &f.writes); err != nil {
		return err
	}
	return f.store.put(ctx, r)
}

func (f *faulty) swap(ctx context.Context, old []byte, r row) (bool, error) {
	if f.beforeSwap != nil {
		f.beforeSwap(r)
	}
	if err := f.check(ctx, &f.writes); err != nil {
		return false, err
	}
	return f.store.swap(ctx, old, r)
}

func (f *faulty) remove(ctx context.Context, key string, old []byte) (bool, error) {
	if err := f.check(ctx, &f.writes); err != nil {
		return false, err
	}
	return f.store.remove(ctx, key, old)
}

func (f *faulty) owned(ctx context.Context, owner string) ([]row, error) {
	if err := f.check(ctx, &f.reads); err != nil {
		return nil, err
	}
	return f.store.owned(ctx, owner)
}

func (f *faulty) due(ctx context.Context, by time.Time, limit int) ([]row, error) {
	if err := f.check(ctx, &f.reads); err != nil {
		return nil, err
	}
	return f.store.due(ctx, by, limit)
}

// newSite opens a Manager on a store, with its own Todoist unless changed.
func newSite(t testing.TB, dsn string, change ...func(*Config)) *site {
	t.Helper()
	s := &site{clock: &clock{}, log: &safeBuffer{}}
	s.todoist = newTodoist(s.clock.now)
	s.cfg = Config{
		Store:   dsn,
		Keys:    []string{testKey},
		URL:     &url.URL{Scheme: "https", Host: "tipoff.example"},
		Now:     s.clock.now,
		Log:     slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Refresh: s.todoist.refresh,
		Revoke:  s.todoist.revoke,
	}
	for _, c := range change {
		c(&s.cfg)
	}
	s.open(t)
	return s
}

// open opens the Manager anew, as after a restart or in another process. The
// earlier one stays open.
func (s *site) open(t testing.TB) {
	t.Helper()
	m, err := Open(context.Background(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Manager = m
	in := m.store.(bounded).in
	if s.faults != nil && s.cfg.Store == "memory:" {
		in = s.faults.store // as if it were the same process
	}
	s.faults = &faulty{store: in}
	m.store = bounded{s.faults}
	t.Cleanup(func() { m.Close() })
}

// replica is another process on the same store, with the same Todoist.
func (s *site) replica(t testing.TB) *site {
	t.Helper()
	other := *s
	other.open(t)
	return &other
}

// A browser keeps cookies.
type browser struct {
	agent string
	mu    sync.Mutex
	jar   map[string]string
}

func newBrowser() *browser {
	return &browser{
		agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		jar:   make(map[string]string),
	}
}

func (b *browser) cookies() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.jar)
}

// clone is a browser with a copy of the cookies, such as a thief's.
func (b *browser) clone() *browser { return &browser{agent: b.agent, jar: b.cookies()} }

type page func(ctx context.Context, w http.ResponseWriter)

// visit has a site answer one request with a page.
func (b *browser) visit(s *site, p page) *http.Response {
	r := httptest.NewRequest("GET", "https://tipoff.example/", nil)
	r.Header.Set("User-Agent", b.agent)
	for name, value := range b.cookies() {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p(r.Context(), w) })).ServeHTTP(w, r)
	res := w.Result()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
	return res
}

func userNamed(id string) User {
	return User{ID: id, Name: "Name of " + id, Email: id + "@example.com", Zone: "Europe/Berlin", Plan: "pro"}
}

// signIn signs a user in with new tokens.
func (b *browser) signIn(t testing.TB, s *site, id string) Tokens {
	t.Helper()
	tokens := s.todoist.signIn(id)
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, userNamed(id), tokens); err != nil {
			t.Errorf("sign in %s: %v", id, err)
		}
	})
	return tokens
}

// who tells whom a site takes the browser for.
func (b *browser) who(s *site) (id string) {
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		u, _ := s.User(ctx)
		id = u.ID
	})
	return id
}

func wantUser(t testing.TB, s *site, b *browser, want string) {
	t.Helper()
	if got := b.who(s); got != want {
		t.Errorf("signed in as %q, want %q", got, want)
	}
}

// access asks for the access token in a request of its own.
func (b *browser) access(s *site, refused string) (token string, err error) {
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { token, err = s.Access(ctx, refused) })
	return token, err
}

func (b *browser) put(s *site, name, value string) *http.Response {
	return b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { s.Put(ctx, name, value) })
}

func (b *browser) get(s *site, name string) (value string) {
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { value = s.Get(ctx, name) })
	return value
}

func (b *browser) signOut(s *site) (err error) {
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { err = s.SignOut(ctx) })
	return err
}

func (b *browser) sessions(t testing.TB, s *site) (all []Info) {
	t.Helper()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		var err error
		if all, err = s.Sessions(ctx); err != nil {
			t.Errorf("sessions: %v", err)
		}
	})
	return all
}

// everyStore runs a test on each kind of store that keeps sessions on the server.
func everyStore(t *testing.T, test func(t *testing.T, dsn string)) {
	for _, b := range servers {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			test(t, b.dsn(t))
		})
	}
}

// TestLife is what a session goes through, on every store.
func TestLife(t *testing.T) {
	everyStore(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
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

		all := laptop.sessions(t, s)
		if len(all) != 2 {
			t.Fatalf("%d sessions listed, want 2: %+v", len(all), all)
		}
		if all[0].Browser != "Safari on iPhone" || all[0].Current || all[1].Browser != "Firefox on Linux" || !all[1].Current {
			t.Errorf("listed %+v; want the iPhone, then this Firefox", all)
		}
		if since := s.clock.now().Sub(all[0].Since); since < 0 || since > time.Minute {
			t.Errorf("the iPhone is signed in since %v ago", since)
		}
		// What is written says when it was, too, so it would change the order.
		laptop.put(s, "team", "BOS")
		if got := laptop.get(s, "team"); got != "BOS" {
			t.Errorf("Get = %q, want BOS", got)
		}

		// Another user can end none of them.
		other.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if err := s.End(ctx, all[0].Handle); err != nil {
				t.Errorf("End = %v", err)
			}
		})
		wantUser(t, s, phone, "ann")
		laptop.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if err := s.End(ctx, all[0].Handle); err != nil {
				t.Errorf("End = %v", err)
			}
		})
		wantUser(t, s, phone, "")
		wantUser(t, s, laptop, "ann")
		if _, err := phone.access(s, ""); !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access of an ended session = %v, want ErrSignedOut", err)
		}

		phone.signIn(t, s, "ann")
		laptop.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if err := s.SignOutEverywhere(ctx); err != nil {
				t.Errorf("SignOutEverywhere = %v", err)
			}
		})
		wantUser(t, s, laptop, "")
		wantUser(t, s, phone, "")
		wantUser(t, s, other, "bob")
		if _, _, revoked := s.todoist.told(); len(revoked) != 3 {
			t.Errorf("%d tokens revoked, want all 3 of ann's", len(revoked))
		}

		// What is sealed with an old key opens, and is sealed with the new one.
		s.cfg.Keys = []string{strings.Repeat("new key ", 3) + "0123456789", testKey}
		s.open(t)
		wantUser(t, s, other, "bob")
		if n, err := s.Rekey(t.Context()); n < 2 || err != nil {
			t.Errorf("Rekey = %d, %v; want at least a session and its token", n, err)
		}
		s.cfg.Keys = s.cfg.Keys[:1]
		s.open(t)
		wantUser(t, s, other, "bob")
		if got, err := other.access(s, ""); got != bob.Access || err != nil {
			t.Errorf("Access after Rekey = %q, %v", got, err)
		}
		if n, err := s.Rekey(t.Context()); n != 0 || err != nil {
			t.Errorf("second Rekey = %d, %v; want 0", n, err)
		}

		// The operator ends one user's sessions, then everybody's.
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
		if _, ok := s.todoist.use(bob.Access); ok {
			t.Error("bob's token outlives the flush")
		}

		// An idle session ends, and its token with it.
		left := laptop.signIn(t, s, "ann")
		s.clock.advance(time.Hour + 20*time.Second)
		wantUser(t, s, laptop, "")
		if err := s.cleanUp(t.Context()); err != nil {
			t.Errorf("clean up: %v", err)
		}
		if _, _, revoked := s.todoist.told(); len(revoked) == 0 || revoked[len(revoked)-1] != left.Access {
			t.Errorf("revoked %v; want the idle session's token last", revoked)
		}
		s.clock.advance(25 * time.Hour) // and whatever was left
		if err := s.cleanUp(t.Context()); err != nil {
			t.Errorf("clean up: %v", err)
		}
		err := s.store.each(t.Context(), func(r row) error {
			t.Errorf("a row is left: %s", r.Key)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAVisitorWithoutACookieDoesNotTouchTheStore(t *testing.T) {
	s := newSite(t, "memory:")
	s.faults.fail(errors.New("down"))
	b := newBrowser()
	res := b.visit(s, func(ctx context.Context, w http.ResponseWriter) {
		if u, ok := s.User(ctx); ok {
			t.Errorf("User = %v, want nobody", u)
		}
		if err := s.Err(ctx); err != nil {
			t.Errorf("Err = %v, want nil", err)
		}
		s.Get(ctx, "team")
		s.Pop(ctx, "flash")
		w.Write([]byte("hello"))
	})
	if n := s.faults.reads.Load() + s.faults.writes.Load(); n != 0 {
		t.Errorf("%d calls to the store, want none", n)
	}
	if len(res.Cookies()) != 0 {
		t.Errorf("cookies %v, want none before something is to be kept", res.Cookies())
	}
}

func TestACookieOfAnotherFormDoesNotReachTheStore(t *testing.T) {
	s := newSite(t, "memory:")
	s.faults.reads.Store(0)
	b := newBrowser()
	b.jar[s.CookieName()] = strings.Repeat("x", 3000)
	wantUser(t, s, b, "")
	if n := s.faults.reads.Load(); n != 0 {
		t.Errorf("%d reads, want none", n)
	}
}

// Items 1 and 2 of the checklist.
func TestSignInGivesANewID(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.put(s, "team", "BOS") // a session before sign-in
	before := b.clone()
	b.signIn(t, s, "ann")
	if b.cookies()[s.CookieName()] == before.cookies()[s.CookieName()] {
		t.Error("the cookie is the same after sign-in")
	}
	wantUser(t, s, before, "")
	wantUser(t, s, b, "ann")
	if got := b.get(s, "team"); got != "BOS" {
		t.Errorf("the team after sign-in is %q, want it kept", got)
	}

	// The same user again: the id is new, the session before ends, its token goes.
	before = b.clone()
	old, _ := b.access(s, "")
	b.signIn(t, s, "ann")
	wantUser(t, s, before, "")
	wantUser(t, s, b, "ann")
	if got := b.get(s, "team"); got != "BOS" {
		t.Errorf("the team after signing in again is %q, want it kept", got)
	}
	if _, ok := s.todoist.use(old); ok {
		t.Error("the earlier token is not revoked")
	}

	// Another user in the same browser finds nothing of the first.
	b.signIn(t, s, "bob")
	if got := b.get(s, "team"); got != "" {
		t.Errorf("bob finds ann's team %q", got)
	}

	seen := map[string]bool{}
	for range 100 {
		b := newBrowser()
		b.signIn(t, s, "ann")
		id := b.cookies()[s.CookieName()]
		if seen[id] || len(id) != 43 { // 32 bytes
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

func TestARequestUnderWayDoesNotBringBackWhatWasSignedOut(t *testing.T) {
	everyStore(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
		b := newBrowser()
		b.signIn(t, s, "ann")
		slow := b.clone()
		res := slow.visit(s, func(ctx context.Context, w http.ResponseWriter) {
			if err := b.signOut(s); err != nil {
				t.Errorf("SignOut = %v", err)
			}
			s.Put(ctx, "team", "BOS")
			if _, err := s.Access(ctx, ""); !errors.Is(err, ErrSignedOut) {
				t.Errorf("Access = %v, want ErrSignedOut", err)
			}
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

func TestARequestUnderWayDoesNotUndoASignIn(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.put(s, "team", "BOS")
	slow := b.clone()
	slow.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		b.signIn(t, s, "ann")
		s.Put(ctx, "team", "NYK")
	})
	wantUser(t, s, b, "ann")
	if got := b.get(s, "team"); got != "BOS" {
		t.Errorf("team = %q, want the one the new session has", got)
	}
}

func TestChangesOfTwoRequestsAtOnceAreBothKept(t *testing.T) {
	everyStore(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
		b := newBrowser()
		b.signIn(t, s, "ann")
		b.put(s, "gone", "x")
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			s.Put(ctx, "outer", "1")
			s.Pop(ctx, "gone")
			b.put(s, "inner", "2")
		})
		if got := b.get(s, "outer") + b.get(s, "inner") + b.get(s, "gone"); got != "12" {
			t.Errorf("kept %q, want both changes and the deletion", got)
		}
		wantUser(t, s, b, "ann")
	})
}

func TestPopReturnsATextOnce(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.put(s, "flash", "Done.")
	for _, want := range []string{"Done.", ""} {
		var got string
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { got = s.Pop(ctx, "flash") })
		if got != want {
			t.Errorf("Pop = %q, want %q", got, want)
		}
	}
}

func TestSetUserKeepsTheSession(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	id := b.cookies()[s.CookieName()]
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		s.SetUser(ctx, User{ID: "bob", Name: "Bob"}) // nobody becomes another like that
		s.SetUser(ctx, User{ID: "ann", Name: "Ann", Zone: "America/New_York"})
	})
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if u, ok := s.User(ctx); !ok || u != (User{ID: "ann", Name: "Ann", Zone: "America/New_York"}) {
			t.Errorf("User = %+v, %v", u, ok)
		}
	})
	if b.cookies()[s.CookieName()] != id {
		t.Error("the id has changed")
	}
	newBrowser().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		s.SetUser(ctx, User{ID: "ann"})
		if _, ok := s.User(ctx); ok {
			t.Error("SetUser has signed somebody in")
		}
	})
}

// Item 4.
func TestAnIdleSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:")
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
func TestASessionEndsAfterItsLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:")
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

// The row's own expiry is not sealed. Whoever can write to the store cannot
// prolong a session by it.
func TestAProlongedRowIsStillOver(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.signIn(t, s, "ann")
	err := s.store.each(t.Context(), func(r row) error {
		r.Expires = r.Expires.Add(1000 * time.Hour)
		return s.store.put(t.Context(), r)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.advance(2 * time.Hour)
	wantUser(t, s, b, "")
}

func TestLastSeenIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:")
		b := newBrowser()
		b.signIn(t, s, "ann")
		s.faults.writes.Store(0)
		for range 600 {
			time.Sleep(time.Second)
			wantUser(t, s, b, "ann")
		}
		if n := s.faults.writes.Load(); n != 10 {
			t.Errorf("%d writes in 600 requests within ten minutes, want 10", n)
		}
	})
}

func TestAnExpiredSessionsTokenIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()

		b := newBrowser()
		tokens := b.signIn(t, s, "ann")
		s.todoist.set(func(td *todoist) { td.onRevoke = func() error { return errors.New("503") } })
		time.Sleep(time.Hour + 2*time.Minute)
		if n, _ := s.Count(ctx); n != 0 {
			t.Errorf("%d sessions, want 0", n)
		}
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
		s := newSite(t, "memory:")
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
		s.store.each(ctx, func(r row) error { t.Errorf("left: %s", r.Key); return nil })
	})
}

// A sign-out of many sessions while Todoist is down takes one time limit.
func TestATodoistThatHangsHoldsUpASignOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "memory:", func(c *Config) {
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
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if err := s.SignOutEverywhere(ctx); !errors.Is(err, ErrNotRevoked) {
				t.Errorf("SignOutEverywhere = %v, want ErrNotRevoked", err)
			}
		})
		if took := time.Since(begun); took > 2*revokeTimeout {
			t.Errorf("took %v", took)
		}
		if n, _ := s.Count(t.Context()); n != 0 {
			t.Errorf("%d sessions left, want none", n)
		}
		if n, _ := s.store.count(t.Context(), kindRevoke, time.Time{}); n != 31 {
			t.Errorf("%d tokens to be revoked, want 31", n)
		}
	})
}

func TestAPersonalTokenIsNeverRevoked(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		u := userNamed("ann")
		u.Personal = true
		if err := s.SignIn(ctx, u, Tokens{Access: "personal-token"}); err != nil {
			t.Error(err)
		}
	})
	if got, err := b.access(s, ""); got != "personal-token" || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
	if err := b.signOut(s); err != nil {
		t.Errorf("SignOut = %v", err)
	}
	if _, _, revoked := s.todoist.told(); len(revoked) != 0 {
		t.Errorf("revoked %v", revoked)
	}
}

func TestSignInNeedsAUserAndAToken(t *testing.T) {
	s := newSite(t, "memory:")
	b := newBrowser()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, User{Name: "nobody"}, Tokens{Access: "a"}); err == nil {
			t.Error("signed in without an id")
		}
		if err := s.SignIn(ctx, userNamed("ann"), Tokens{}); err == nil {
			t.Error("signed in without a token")
		}
	})
	wantUser(t, s, b, "")
}

// TestOutside: without Wrap everything says so or does nothing, and nothing panics.
func TestOutside(t *testing.T) {
	s := newSite(t, "memory:")
	ctx := t.Context()
	s.SetUser(ctx, userNamed("ann"))
	s.Put(ctx, "a", "b")
	if _, ok := s.User(ctx); ok || s.Get(ctx, "a") != "" || s.Pop(ctx, "a") != "" || s.Err(ctx) != nil {
		t.Error("something was kept outside of a request")
	}
	if _, ok := s.Finish(ctx, "state"); ok {
		t.Error("a sign-in was finished outside of a request")
	}
	_, accessErr := s.Access(ctx, "")
	_, beginErr := s.Begin(ctx, "/", nil)
	_, listErr := s.Sessions(ctx)
	for _, err := range []error{accessErr, beginErr, listErr, s.SignIn(ctx, userNamed("ann"), Tokens{Access: "a"}),
		s.SignOut(ctx), s.SignOutEverywhere(ctx), s.End(ctx, "x")} {
		if !errors.Is(err, errNoRequest) {
			t.Errorf("error %v, want %v", err, errNoRequest)
		}
	}
}

// Item 28: two users at once never get each other's token.
func TestUsersNeverShareAToken(t *testing.T) {
	everyStore(t, func(t *testing.T, dsn string) {
		s := newSite(t, dsn)
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

// Item 25: what was sealed as one row does not open as another, nor when a bit of
// it has changed; and that is signed out, not an error.
func TestRowsCannotBeSwappedNorChanged(t *testing.T) {
	s := newSite(t, "memory:")
	ann, bob := newBrowser(), newBrowser()
	ann.signIn(t, s, "ann")
	bob.signIn(t, s, "bob")
	rows := map[string]row{}
	s.store.each(t.Context(), func(r row) error { rows[r.Key] = r; return nil })
	key := func(kind string, b *browser) string { return kind + "/" + hash(b.cookies()[s.CookieName()]) }
	put := func(key string, value []byte) {
		r := rows[key]
		r.Value = value
		mustPut(t, s.store, r)
	}
	restore := func() {
		for _, r := range rows {
			mustPut(t, s.store, r)
		}
	}

	put(key(kindToken, ann), rows[key(kindToken, bob)].Value)
	if got, err := ann.access(s, ""); !errors.Is(err, ErrSignedOut) {
		t.Errorf("with bob's token row ann gets %q, %v; want ErrSignedOut", got, err)
	}
	restore()
	put(key(kindSession, ann), rows[key(kindSession, bob)].Value)
	wantUser(t, s, ann, "")
	put(key(kindSession, ann), rows[key(kindToken, ann)].Value)
	wantUser(t, s, ann, "")
	restore()
	wantUser(t, s, ann, "ann")

	whole := rows[key(kindSession, ann)].Value
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		put(key(kindSession, ann), flipped)
		ann.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if _, ok := s.User(ctx); ok || s.Err(ctx) != nil {
				t.Errorf("with byte %d changed: signed in %v, Err %v; want signed out and no error", i, ok, s.Err(ctx))
			}
		})
	}
	for _, broken := range [][]byte{{}, {sealVersion}, []byte("rubbish"), whole[:20]} {
		put(key(kindSession, ann), broken)
		wantUser(t, s, ann, "")
	}

	// What opens and is no session is signed out as well.
	for _, text := range []string{"", "null", "[]", `{"v":{"user":"{\"id\":\"ann\"}"}}`, `{"d":"x"}`} {
		put(key(kindSession, ann), s.ring.seal(key(kindSession, ann), []byte(text)))
		wantUser(t, s, ann, "")
	}
	for _, text := range []string{"", "null", "{}", "[1]"} {
		restore()
		put(key(kindToken, ann), s.ring.seal(key(kindToken, ann), []byte(text)))
		if _, err := ann.access(s, ""); !errors.Is(err, ErrSignedOut) {
			t.Errorf("Access with a token row of %q = %v, want ErrSignedOut", text, err)
		}
	}
}

// Item 26: another key is a clean signed-out.
func TestAnotherKeySignsOut(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/s.db")
	b := newBrowser()
	b.signIn(t, s, "ann")
	s.cfg.Keys = []string{"another key with 32 characters or more"}
	s.open(t)
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if _, ok := s.User(ctx); ok || s.Err(ctx) != nil {
			t.Errorf("signed in %v, Err %v; want signed out and no error", ok, s.Err(ctx))
		}
	})
	b.signIn(t, s, "ann")
	wantUser(t, s, b, "ann")
	s.clock.advance(48 * time.Hour)
	if err := s.cleanUp(t.Context()); err != nil { // rows of the lost key go as well
		t.Error(err)
	}
	s.store.each(t.Context(), func(r row) error { t.Errorf("left: %s", r.Key); return nil })
}

// Item 38, for this package: the log of everything here, failures included, has no
// token, cookie, state or verifier in it.
func TestTheLogHoldsNoSecrets(t *testing.T) {
	s := newSite(t, "sqlite:"+t.TempDir()+"/s.db")
	b := newBrowser()
	var flow Flow
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		flow, _ = s.Begin(ctx, "/next", []string{"data:read_write"})
	})
	tokens := b.signIn(t, s, "ann")
	secrets := []string{flow.State, flow.Verifier, hash(flow.State), tokens.Access, tokens.Refresh, testKey}
	for _, value := range b.cookies() {
		secrets = append(secrets, value, hash(value))
	}
	access, _ := b.access(s, tokens.Access)
	secrets = append(secrets, access)
	s.todoist.set(func(td *todoist) { td.onRevoke = func() error { return errors.New("503") } })
	s.todoist.set(func(td *todoist) { td.before = func(int) error { return errors.New("502") } })
	b.access(s, access)
	s.faults.fail(errors.New("down"))
	b.access(s, "")
	b.put(s, "team", "BOS")
	b.signOut(s)
	s.faults.fail(nil)
	b.signIn(t, s, "ann")
	b.signOut(s)
	s.cfg.Log.Info("printed", "tokens", tokens, "pointer", &tokens, "record", record{Tokens: tokens})
	log := s.log.String()
	for _, want := range []string{"signed in", "signed out", "token refreshed", "token refresh failed", "token not revoked", "session not read"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q", want)
		}
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(log, secret) {
			t.Errorf("the log holds the secret %q", secret)
		}
	}
}
