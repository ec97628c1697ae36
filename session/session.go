// Package session knows who is here, and keeps what Todoist gave to act for each
// user.
//
// There are three things:
//
//   - A session belongs to one browser. It holds the id of its sign-in, who that is,
//     how they read times, and a copy of the access token. scs keeps it, sealed, in
//     the store that the host chose (stores.go).
//   - A sign-in is a row: user, browser, since when, last seen. A session is signed in
//     only while its sign-in is neither ended, nor idle for too long, nor too old, by
//     the program's clock. Ending a sign-in signs out at once, whatever the store
//     still holds or a late request writes to it (signins.go).
//   - A grant is a row for each user: the tokens, the user's name and address, sealed
//     (grants.go). A session whose token has run out gets the next one from there; one
//     refresh at a time over all replicas (refresh.go). A grant lives as long as its
//     user is signed in somewhere; then its tokens are revoked (revoke.go).
//
// With the store "cookie:" the session is in the browser's cookie. Where the database
// knows its sign-in, it is like any other. Where it does not, because the disk forgets
// or replicas share none, the session is valid by itself until its access token ends,
// an hour after the sign-in at most.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/sync/singleflight"

	"tipoff/database"
)

var (
	// ErrSignedOut says that the request has no session with a token, or has
	// none any more: the user must sign in.
	ErrSignedOut = errors.New("signed out")
	// ErrUnavailable says that the database or the session store cannot be reached:
	// who is here is not known, and a page that needs it answers 503.
	ErrUnavailable = errors.New("session store unavailable")
	// ErrNotRevoked says that signing out worked here, but that Todoist could not
	// be told yet to forget the tokens. It will be tried again.
	ErrNotRevoked = errors.New("tokens not yet revoked at Todoist")

	// ErrGrantGone is wrapped by an error of Config.Refresh when Todoist answered
	// invalid_grant: the refresh token is worthless.
	ErrGrantGone = errors.New("grant gone")
	// ErrUntouched is wrapped by an error of Config.Refresh when the refresh token
	// was certainly not consumed: no connection was made, or Todoist answered with
	// an error other than invalid_grant. Any other error leaves that open, and the
	// token is then not sent again once Todoist would take it for stolen.
	ErrUntouched = errors.New("refresh token not consumed")
)

// Config is what a Manager needs.
type Config struct {
	// DB keeps sign-ins and grants. The Manager does not close it.
	DB *database.DB
	// Store is where sessions are kept: "database", memory:, cookie:, redis://,
	// rediss:// or mongodb://.
	Store string
	// Keys are secrets of 32 characters or more. The first seals, any opens.
	Keys []string
	// Idle and Lifetime end a sign-in; an hour and a day when zero.
	Idle, Lifetime time.Duration
	// URL is Tipoff's public address. It decides the cookies' name, path and
	// whether they are kept to https.
	URL *url.URL
	Now func() time.Time
	Log *slog.Logger
	// Refresh asks Todoist for a new pair of tokens with these scopes, or with those
	// of before when there are none. See ErrGrantGone and ErrUntouched. An answer
	// without a refresh token has Tokens.Refresh empty. Nil where Todoist does not
	// know this program.
	Refresh func(ctx context.Context, refreshToken string, scopes []string) (Tokens, error)
	// Revoke tells Todoist to forget the tokens. Tokens that it does not know
	// any more are no error. Nil when tokens cannot be revoked.
	Revoke func(ctx context.Context, t Tokens) error
	// Needed is a query for the column user_id of those whose grants live on without a
	// sign-in. It may be empty.
	Needed string
}

// User is what pages need to know of who is signed in without asking Todoist.
type User struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
	Zone     string `json:"zone,omitempty"` // IANA time zone
	Clock24  bool   `json:"clock24,omitempty"`
	DayFirst bool   `json:"dayFirst,omitempty"` // dates as 20 Oct and not Oct 20
	StartDay int    `json:"startDay,omitempty"` // first day of the week: Monday is 1, Sunday 7
	Plan     string `json:"plan,omitempty"`
	Personal bool   `json:"personal,omitempty"` // signed in by personal API token, which is not ours to revoke
}

// A Manager knows all sessions. It is safe for concurrent use.
type Manager struct {
	cfg       Config
	ring      ring
	scs       *scs.SessionManager
	checked   []scs.CtxStore // what Check writes to
	close     func() error   // ends the store
	inCookie  bool           // the store is the cookie
	process   string         // tells this process from its replicas
	cookie    cookieForm
	refreshes singleflight.Group // under way, by user

	keepAliveFrom time.Time // the sweep's: no earlier refresh of unused grants

	mu         sync.Mutex
	refreshing sync.WaitGroup // for Close
	closed     bool           // no more refreshes
}

// Open opens the store and makes sure that it can be written to. The error says
// what is wrong and shows no password.
func Open(ctx context.Context, cfg Config) (*Manager, error) {
	keys, err := newRing(cfg.Keys)
	if err != nil {
		return nil, err
	}
	if cfg.Idle <= 0 {
		cfg.Idle = time.Hour
	}
	if cfg.Lifetime <= 0 {
		cfg.Lifetime = 24 * time.Hour
	}
	if cfg.Needed == "" {
		cfg.Needed = `SELECT '' AS user_id` // nobody
	}
	if err := CheckStore(cfg.Store); err != nil {
		return nil, fmt.Errorf("session store %s: %w", database.Mask(cfg.Store), err)
	}
	m := &Manager{cfg: cfg, ring: keys, inCookie: cfg.Store == "cookie:", process: random(), cookie: formOf(cfg.URL)}
	store, closeStore, err := m.openStore(ctx)
	if err != nil {
		return nil, m.storeError(err)
	}
	m.close = closeStore
	// Not scs.New, which starts a goroutine for a memory store of its own that
	// cannot be stopped without a race. The cookie is ours, see setCookie.
	m.scs = &scs.SessionManager{Lifetime: cfg.Lifetime, HashTokenInStore: !m.inCookie, Codec: codec{}, Store: store}
	m.checked = []scs.CtxStore{sealed{in: databaseStore{db: cfg.DB}, ring: keys}}
	if !m.inCookie && cfg.Store != "database" {
		m.checked = append(m.checked, store)
	}
	if err := m.Check(ctx); err != nil {
		return nil, m.storeError(errors.Join(err, closeStore()))
	}
	return m, nil
}

// Close releases the store. The owner lets requests and Run end first. A refresh
// that a request no longer waits for is still given the time of one answer, so
// that its tokens are not lost.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	done := make(chan struct{})
	go func() {
		m.refreshing.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(askTimeout):
	}
	return m.close()
}

// CookieName returns the name of the session's cookie.
func (m *Manager) CookieName() string { return m.cookie.name }

// now is the clock in UTC.
func (m *Manager) now() time.Time { return m.cfg.Now().UTC() }

// random returns 32 random bytes as text.
func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// isRandom tells whether a text can be one of ours, so that anything else does not
// reach a store.
func isRandom(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == 32 && len(s) == 43
}

// hash returns a digest of one of our random texts under which it can be stored
// and looked up without being known.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// unavailable says of an error of the database that who is here is not known.
func unavailable(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

// What a session holds. Names given to Put have a plus sign before them.
const (
	valueSignIn = "sign-in" // the id of its row
	valueUser   = "user"    // JSON of User
	valueToken  = "token"   // JSON of Tokens, without the refresh token
	valueSince  = "since"   // RFC 3339; counts only where there is no row
	valueAgent  = "agent"   // the browser; likewise
)

// codec writes a session as JSON. All values are strings, so that nothing needs to
// be registered as encoding/gob wants it.
type codec struct{}

type storedSession struct {
	Deadline time.Time      `json:"deadline"`
	Values   map[string]any `json:"values"`
}

func (codec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(storedSession{deadline, values})
}

// Decode never fails: scs would make an error of it. What cannot be read is an empty
// session, in which nobody is signed in.
func (codec) Decode(data []byte) (time.Time, map[string]any, error) {
	var s storedSession
	if json.Unmarshal(data, &s) != nil || s.Values == nil {
		return time.Time{}, map[string]any{}, nil
	}
	return s.Deadline, s.Values, nil
}

// Err tells why it is not known who is here: an error wrapping ErrUnavailable
// when the store failed during this request, else nil.
func (m *Manager) Err(ctx context.Context) error {
	if _, _, err := m.signedIn(ctx); errors.Is(err, ErrUnavailable) {
		return err
	}
	return nil
}

// User returns who is signed in.
func (m *Manager) User(ctx context.Context) (User, bool) {
	_, s, err := m.signedIn(ctx)
	if err != nil {
		return User{}, false
	}
	return s.user, true
}

// signedIn returns the request's sign-in, or why there is none.
func (m *Manager) signedIn(ctx context.Context) (*request, *signIn, error) {
	rq, ok := m.request(ctx)
	if !ok {
		return nil, nil, errNoRequest
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if rq.err != nil {
		return rq, nil, rq.err
	}
	if rq.signIn == nil {
		return rq, nil, ErrSignedOut
	}
	return rq, rq.signIn, nil
}

// Put keeps a small text in the session. Nothing is kept of visitors who are not
// signed in.
func (m *Manager) Put(ctx context.Context, name, value string) {
	if rq, _, err := m.signedIn(ctx); err == nil && m.scs.GetString(ctx, "+"+name) != value {
		m.set(ctx, rq, "+"+name, value)
	}
}

// set changes the session, which is stored with the answer.
func (m *Manager) set(ctx context.Context, rq *request, key, value string) {
	rq.mu.Lock()
	defer rq.mu.Unlock()
	m.scs.Put(ctx, key, value)
	rq.changed = true
}

// Get returns what Put kept, or nothing.
func (m *Manager) Get(ctx context.Context, name string) string {
	if _, _, err := m.signedIn(ctx); err != nil {
		return ""
	}
	return m.scs.GetString(ctx, "+"+name)
}

// Pop is Get, and forgets the text.
func (m *Manager) Pop(ctx context.Context, name string) string {
	rq, _, err := m.signedIn(ctx)
	if err != nil || !m.scs.Exists(ctx, "+"+name) {
		return ""
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	rq.changed = true
	return m.scs.PopString(ctx, "+"+name)
}

// Check tells whether the database and the store can be written to and read, and
// what they return opened.
func (m *Manager) Check(ctx context.Context) error {
	key, text := "check-"+m.process, []byte(m.now().String())
	for _, store := range m.checked {
		if err := store.CommitCtx(ctx, key, text, time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if got, ok, err := store.FindCtx(ctx, key); err != nil {
			return err
		} else if !ok || string(got) != string(text) {
			return fmt.Errorf("%w: it lost or changed what was just written", ErrUnavailable)
		}
	}
	return nil
}

// maxText is how many bytes are remembered of each word about a user.
const maxText = 300

// cut shortens what is too long to be remembered.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
