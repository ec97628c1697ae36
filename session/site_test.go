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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"tipoff/database"
	"tipoff/database/databasetest"
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

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// faulty is a session store that can be made to fail, and counts.
type faulty struct {
	scs.CtxStore
	err           atomic.Pointer[error] // of every call
	hang          atomic.Bool           // until the call's time is over
	reads, writes atomic.Int64
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

func (f *faulty) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if err := f.check(ctx, &f.reads); err != nil {
		return nil, false, err
	}
	return f.CtxStore.FindCtx(ctx, token)
}

func (f *faulty) CommitCtx(ctx context.Context, token string, b []byte, expires time.Time) error {
	if err := f.check(ctx, &f.writes); err != nil {
		return err
	}
	return f.CtxStore.CommitCtx(ctx, token, b, expires)
}

func (f *faulty) DeleteCtx(ctx context.Context, token string) error {
	if err := f.check(ctx, &f.writes); err != nil {
		return err
	}
	return f.CtxStore.DeleteCtx(ctx, token)
}

// openDB opens a database for a test.
func openDB(t testing.TB, dsn string) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// newSite opens a Manager with a session store, a SQLite database and a Todoist of its
// own, unless changed.
func newSite(t testing.TB, store string, change ...func(*Config)) *site {
	t.Helper()
	return newSiteAt(t, place{store: store, database: databasetest.SQLite(t)}, change...)
}

func newSiteAt(t testing.TB, at place, change ...func(*Config)) *site {
	t.Helper()
	s := &site{clock: &clock{}, log: &safeBuffer{}}
	s.todoist = newTodoist(s.clock.now)
	s.cfg = Config{
		DB:      openDB(t, at.database),
		Store:   at.store,
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
	store := m.scs.Store.(sealed)
	in := store.in
	if s.faults != nil && s.cfg.Store == "memory:" {
		in = s.faults.CtxStore // as if it were the same process
	}
	s.faults = &faulty{CtxStore: in}
	store.in = s.faults
	m.scs.Store = store
	if len(m.checked) > 1 {
		m.checked[1] = store
	}
	t.Cleanup(func() { m.Close() })
}

// replica is another process on the same store and database, with the same Todoist.
func (s *site) replica(t testing.TB) *site {
	t.Helper()
	other := *s
	other.open(t)
	return &other
}

// exec runs a statement on the site's database.
func (s *site) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := s.cfg.DB.Exec(context.Background(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// count counts the rows of a table.
func (s *site) count(t testing.TB, table string) (n int) {
	t.Helper()
	if err := s.cfg.DB.QueryRow(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

// broken has the database refuse everything about tables until the function that it
// returns is called.
func (s *site) broken(t testing.TB, tables ...string) (mend func()) {
	t.Helper()
	for _, table := range tables {
		s.exec(t, "ALTER TABLE "+table+" RENAME TO gone_"+table)
	}
	return func() {
		for _, table := range tables {
			s.exec(t, "ALTER TABLE gone_"+table+" RENAME TO "+table)
		}
	}
}

// grantRow returns the grant that a user has in the database.
func (s *site) grantRow(t testing.TB, user string) grant {
	t.Helper()
	g, err := s.grantOf(context.Background(), user)
	if err != nil {
		t.Fatalf("read %s's grant: %v", user, err)
	}
	return g
}

// wantNoGrant fails where a user has a grant.
func (s *site) wantNoGrant(t testing.TB, user string) {
	t.Helper()
	if _, err := s.grantOf(t.Context(), user); !errors.Is(err, ErrSignedOut) {
		t.Errorf("%s's grant: %v, want none", user, err)
	}
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
	b.signInWith(t, s, userNamed(id), tokens)
	return tokens
}

func (b *browser) signInWith(t testing.TB, s *site, u User, tokens Tokens) {
	t.Helper()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, u, tokens); err != nil {
			t.Errorf("sign in %s: %v", u.ID, err)
		}
	})
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

func (b *browser) signOutEverywhere(s *site) (err error) {
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { err = s.SignOutEverywhere(ctx) })
	return err
}

// signIns lists where the browser's user is signed in.
func (b *browser) signIns(t testing.TB, s *site) (all []Info) {
	t.Helper()
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		var err error
		if all, err = s.SignIns(ctx); err != nil {
			t.Errorf("SignIns = %v", err)
		}
	})
	return all
}

func (b *browser) end(s *site, id string) (err error) {
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { err = s.End(ctx, id) })
	return err
}
