// Package session knows who is here: it keeps each visitor's session and the
// Todoist tokens that go with it, sealed, on whatever store the host has.
//
// The work is split so that two requests at once cannot hurt each other:
//
//   - A session's data is a blob that scs encodes and this package seals. It is
//     written only in place of what was read. A request that finds another
//     version reads it and makes its own changes again; one that finds the
//     session gone drops them, so nothing signs anybody back in.
//   - The token pair is a row of its own beside the session's, under the same id,
//     and is likewise only ever swapped. See [Manager.Access].
//   - A sign-in under way is a row and a short-lived cookie of its own, so that
//     two tabs can sign in at once. See [Manager.Begin].
//
// The stores are ours. Those that scs offers have no way to say "write this if
// the row is still as I read it", which all of the above needs, and those for
// Redis and MongoDB do not resolve as modules. One small interface (store.go)
// has an implementation per backend; scs sees it through an adapter.
//
// With the store "cookie:" nothing is kept on the server: the session, with the
// access token but without the refresh token, is sealed in the browser's cookie.
// It ends with the access token, an hour after sign-in at the latest. What
// needs a list of sessions ([Manager.SignOutEverywhere], [Manager.End],
// [Manager.Flush]) reaches only the session of the request then, and a copy of
// the cookie stays valid until its hour is over; its token does not, because
// signing out revokes it at Todoist.
//
// An idle session ends after Config.Idle without a request, give or take the
// minute during which last-seen is not written again, and any session ends
// Config.Lifetime after sign-in. Both are checked on the server.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/sync/singleflight"
)

var (
	// ErrSignedOut says that the request has no session with a token, or has
	// none any more: the user must sign in.
	ErrSignedOut = errors.New("signed out")
	// ErrUnavailable says that the session store cannot be reached: who is here
	// is not known, and a page that needs it answers 503.
	ErrUnavailable = errors.New("session store unavailable")
	// ErrNotRevoked says that signing out worked here, but that Todoist could not
	// be told yet to forget the token. It will be tried again.
	ErrNotRevoked = errors.New("token not yet revoked at Todoist")

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
	// Store is a DSN: sqlite:PATH, memory:, cookie:, redis://, rediss://,
	// postgres:// or mongodb://.
	Store string
	// Keys are secrets of 32 characters or more. The first seals, any opens.
	Keys []string
	// Idle and Lifetime end a session; an hour and a day when zero.
	Idle, Lifetime time.Duration
	// URL is Tipoff's public address. It decides the cookies' name, path and
	// whether they are kept to https.
	URL *url.URL
	Now func() time.Time
	Log *slog.Logger
	// Refresh asks Todoist for a new pair of tokens. See ErrGrantGone and
	// ErrUntouched. An answer without a refresh token has Tokens.Refresh empty.
	Refresh func(ctx context.Context, refreshToken string) (Tokens, error)
	// Revoke tells Todoist to forget the tokens. A token that it does not know
	// any more is no error. Nil when tokens cannot be revoked.
	Revoke func(ctx context.Context, t Tokens) error
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

// Info is one of a user's sessions, for the page that lists them.
type Info struct {
	Handle  string // names the session to End; not the cookie's value
	Browser string // such as "Firefox on Linux"
	Since   time.Time
	Seen    time.Time // the last request, to the minute
	Current bool      // the session that asks
}

// A Manager knows all sessions. It is safe for concurrent use.
type Manager struct {
	cfg       Config
	ring      ring
	scs       *scs.SessionManager
	store     store
	stateless bool   // the store is the cookie; store holds only tokens to be revoked
	id        string // tells this process from its replicas
	cookie    cookieForm
	flights   singleflight.Group // refreshes under way, by token row

	mu     sync.Mutex
	flying sync.WaitGroup // the refreshes, for Close
	closed bool           // no more of them
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
	m := &Manager{
		cfg:       cfg,
		ring:      keys,
		stateless: cfg.Store == "cookie:",
		id:        random(),
		cookie:    formOf(cfg.URL),
	}
	// Not scs.New, which starts a goroutine for a memory store of its own that
	// cannot be stopped without a race. The cookie is ours, see setCookie.
	m.scs = &scs.SessionManager{
		Lifetime:         cfg.Lifetime,
		HashTokenInStore: !m.stateless,
		Codec:            codec{},
		Store:            adapter{m},
	}

	in, err := openStore(ctx, cfg.Store, cfg.Now, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("session store %s: %w", MaskDSN(cfg.Store), scrub(err, cfg.Store))
	}
	m.store = bounded{in}
	if err := m.Check(ctx); err != nil {
		in.close()
		return nil, fmt.Errorf("session store %s: %w", MaskDSN(cfg.Store), scrub(err, cfg.Store))
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
		m.flying.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(askTimeout):
	}
	return m.store.close()
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

// hash returns a digest of one of our random texts under which it can be stored
// and looked up without being known.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ownerOf returns the name under which a user's rows are found. It is a pseudonym:
// it cannot be keyed, because it must stay the same when the keys change.
func ownerOf(userID string) string { return hash("tipoff user " + userID)[:22] }

// What a session's blob holds. Names given to Put have a plus sign before them.
const (
	valueUser   = "user"   // JSON of User
	valueAgent  = "agent"  // the browser, for people
	valueSince  = "since"  // Unix seconds
	valueSeen   = "seen"   // Unix seconds
	valueTokens = "tokens" // JSON of record; only with the store cookie:
)

// codec turns session data into bytes for scs, and back on every request: the
// deadline in Unix milliseconds, then each name and value, each text behind its
// length. All values are strings, so that nothing needs to be registered as
// encoding/gob wants it.
type codec struct{}

func (codec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	b := binary.AppendVarint(nil, deadline.UnixMilli())
	for name, value := range values {
		s, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("session value %s is not a string", name)
		}
		b = appendText(appendText(b, name), s)
	}
	return b, nil
}

// Decode never fails: scs would make an error of it. What cannot be read has a
// deadline long past and is thereby signed out.
func (codec) Decode(data []byte) (time.Time, map[string]any, error) {
	values := make(map[string]any, 8)
	deadline, n := binary.Varint(data)
	ok := n > 0
	for rest := data[max(n, 0):]; ok && len(rest) > 0; {
		var name, value string
		name, rest, ok = cutText(rest)
		if ok {
			value, rest, ok = cutText(rest)
			values[name] = value
		}
	}
	if !ok {
		return time.UnixMilli(0).UTC(), map[string]any{}, nil
	}
	return time.UnixMilli(deadline).UTC(), values, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutText(b []byte) (s string, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return "", nil, false
	}
	end := n + int(size)
	return string(b[n:end]), b[end:], true
}

// A request is what Wrap knows of the request being served.
type request struct {
	r *http.Request

	mu      sync.Mutex
	loaded  row                // the session as read or last written; no value: not in the store
	changes map[string]*string // made since; nil deletes
	user    *User              // parsed on first use
	owner   string             // of the row being written
	err     error              // why the session could not be read
	cookies []*http.Cookie     // to be set with the header
	sent    bool               // the header is on its way
}

type requestKey struct{}

// request returns what Wrap put into the context.
func (m *Manager) request(ctx context.Context) (*request, bool) {
	rq, ok := ctx.Value(requestKey{}).(*request)
	return rq, ok
}

// errNoRequest is a mistake in the program: a handler outside of Wrap.
var errNoRequest = errors.New("no session in this context: the handler is not inside Wrap")

// Err tells why it is not known who is here: an error wrapping ErrUnavailable
// when the store failed during this request, else nil.
func (m *Manager) Err(ctx context.Context) error {
	rq, ok := m.request(ctx)
	if !ok {
		return nil
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	return rq.err
}

// User returns who is signed in.
func (m *Manager) User(ctx context.Context) (User, bool) {
	rq, ok := m.request(ctx)
	if !ok {
		return User{}, false
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	return m.userOf(ctx, rq)
}

// userOf is User; the caller holds the request's lock.
func (m *Manager) userOf(ctx context.Context, rq *request) (User, bool) {
	if rq.user == nil {
		var u User
		if s := m.scs.GetString(ctx, valueUser); s == "" || json.Unmarshal([]byte(s), &u) != nil {
			u = User{}
		}
		rq.user = &u
	}
	return *rq.user, rq.user.ID != ""
}

// SetUser replaces what is known of who is signed in, after Todoist told anew.
// It does nothing when that is somebody else.
func (m *Manager) SetUser(ctx context.Context, u User) {
	rq, ok := m.request(ctx)
	if !ok {
		return
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	was, ok := m.userOf(ctx, rq)
	if !ok || was.ID != u.ID || was == u {
		return
	}
	m.setUser(ctx, rq, u)
}

func (m *Manager) setUser(ctx context.Context, rq *request, u User) {
	b, _ := json.Marshal(u) // a struct of strings, bools and a number always encodes
	m.change(ctx, rq, valueUser, string(b))
	rq.user = &u
}

// Put keeps a small text in the session, making one if there is none.
func (m *Manager) Put(ctx context.Context, name, value string) {
	rq, ok := m.request(ctx)
	if !ok {
		return
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if m.scs.GetString(ctx, "+"+name) != value {
		m.change(ctx, rq, "+"+name, value)
	}
}

// Get returns what Put kept, or nothing.
func (m *Manager) Get(ctx context.Context, name string) string {
	rq, ok := m.request(ctx)
	if !ok {
		return ""
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	return m.scs.GetString(ctx, "+"+name)
}

// Pop is Get, and forgets the text.
func (m *Manager) Pop(ctx context.Context, name string) string {
	rq, ok := m.request(ctx)
	if !ok {
		return ""
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	value := m.scs.GetString(ctx, "+"+name)
	if m.scs.Exists(ctx, "+"+name) {
		m.unset(ctx, rq, "+"+name)
	}
	return value
}

// change notes a change of this request; the caller holds its lock.
func (m *Manager) change(ctx context.Context, rq *request, key, value string) {
	if rq.changes == nil {
		rq.changes = make(map[string]*string)
	}
	rq.changes[key] = &value
	m.scs.Put(ctx, key, value)
}

// unset notes a deletion; the caller holds the lock.
func (m *Manager) unset(ctx context.Context, rq *request, key string) {
	if rq.changes == nil {
		rq.changes = make(map[string]*string)
	}
	rq.changes[key] = nil
	m.scs.Remove(ctx, key)
}

// SignIn makes u the user of this browser. The session gets a new id; what it was
// before ends, and its token is revoked. When SignIn returns nil the session is
// stored. When it returns an error the tokens are not kept: see Discard.
func (m *Manager) SignIn(ctx context.Context, u User, t Tokens) error {
	rq, ok := m.request(ctx)
	if !ok {
		return errNoRequest
	}
	if u.ID == "" || len(u.ID) > maxText || t.Access == "" {
		return errors.New("sign in: a user id and an access token are needed")
	}
	// Each request reads them, and a cookie may have to hold them.
	for _, text := range []*string{&u.Name, &u.Email, &u.Zone, &u.Plan} {
		*text = cut(*text)
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if rq.err != nil {
		return fmt.Errorf("sign in: %w", rq.err)
	}
	if rq.sent {
		return errors.New("sign in: the answer has begun, a cookie cannot be set any more")
	}
	err := m.signIn(ctx, rq, u, t)
	if err != nil {
		_ = m.scs.Clear(ctx) // only ever nil
		rq.loaded, rq.changes, rq.user = row{}, nil, nil
		err = fmt.Errorf("sign in: %w", err)
		m.cfg.Log.WarnContext(ctx, "sign-in failed", "user", u.ID, "error", err)
		return err
	}
	m.cfg.Log.InfoContext(ctx, "signed in", "user", u.ID, "personal", u.Personal)
	return nil
}

// maxText is how many bytes a session remembers of each word about its user.
const maxText = 300

// cut shortens what is too long to be remembered.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// Discard revokes tokens that no session keeps. If Todoist cannot be told now,
// Run tries again.
func (m *Manager) Discard(ctx context.Context, t Tokens) {
	ctx = context.WithoutCancel(ctx) // the visitor may have left
	if !errors.Is(m.retire(ctx, record{Tokens: t}, ""), ErrUnavailable) {
		return
	}
	// The store cannot keep them for a later try.
	if err := m.tellTodoist(ctx, pending{Access: t.Access, Refresh: t.Refresh}); err != nil {
		m.cfg.Log.WarnContext(ctx, "token not revoked", "error", err)
	}
}

func (m *Manager) signIn(ctx context.Context, rq *request, u User, t Tokens) error {
	before, was := m.userOf(ctx, rq)
	was = was && rq.loaded.Value != nil
	oldID := m.sessionID(ctx)
	var oldTokens record
	if was && m.stateless {
		oldTokens, was = m.cookieTokens(ctx)
	}

	if err := m.scs.RenewToken(ctx); err != nil {
		return err
	}
	if before.ID != u.ID && before.ID != "" {
		if err := m.scs.Clear(ctx); err != nil {
			return err
		}
	}
	rq.loaded, rq.changes = row{}, nil

	now := m.now()
	rec := record{Tokens: t, Personal: u.Personal}
	deadline := now.Add(m.cfg.Lifetime)
	if m.stateless {
		deadline = earlier(deadline, now.Add(cookieLifetime))
		if !t.Expires.IsZero() {
			deadline = earlier(deadline, t.Expires)
		}
		rec.Refresh = ""
		m.scs.Put(ctx, valueTokens, string(rec.encode()))
	}
	m.scs.SetDeadline(ctx, deadline)
	m.setUser(ctx, rq, u)
	m.scs.Put(ctx, valueAgent, browserOf(rq.r.UserAgent()))
	m.scs.Put(ctx, valueSince, seconds(now))

	// The token first: a session without one would look signed in. A token row
	// that is left without a session is revoked when it expires.
	tokenKey := kindToken + "/" + m.sessionID(ctx)
	if !m.stateless {
		err := m.store.put(ctx, row{
			Key:     tokenKey,
			Owner:   ownerOf(u.ID),
			Value:   m.ring.seal(tokenKey, rec.encode()),
			Expires: deadline,
		})
		if err != nil {
			return err
		}
	}
	if err := m.commit(ctx, rq); err != nil {
		if !m.stateless {
			// If even this fails, the cleanup finds the row when it expires.
			_, _ = m.store.remove(ctx, tokenKey, nil)
		}
		return err
	}

	if was {
		var err error
		if m.stateless {
			err = m.retire(ctx, oldTokens, t.Access)
		} else {
			err = m.retireRows(ctx, t.Access, kindToken+"/"+oldID)
		}
		if err != nil {
			m.cfg.Log.WarnContext(ctx, "earlier token not revoked", "user", before.ID, "error", err)
		}
	}
	return nil
}

// SignOut ends this session and revokes its token. The session is over here
// whatever the error: one that wraps ErrNotRevoked says that Todoist has not been
// told yet, one that wraps ErrUnavailable that only the cookie could be taken
// back.
func (m *Manager) SignOut(ctx context.Context) error {
	rq, ok := m.request(ctx)
	if !ok {
		return errNoRequest
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	u, signedIn := m.userOf(ctx, rq)
	err := m.end(ctx, rq)
	if signedIn || err != nil {
		m.logEnd(ctx, "signed out", u.ID, 1, err)
	}
	return err
}

// end is the whole of SignOut but its log; the caller holds the lock.
func (m *Manager) end(ctx context.Context, rq *request) error {
	m.dropCookie(rq)
	if rq.err != nil {
		return fmt.Errorf("sign out: %w", rq.err)
	}
	id, stored := m.sessionID(ctx), rq.loaded.Value != nil
	tokens, hasTokens := m.cookieTokens(ctx)
	rq.loaded, rq.changes, rq.user = row{}, nil, nil
	if !stored {
		return m.scs.Clear(ctx)
	}
	if err := m.scs.Destroy(ctx); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	var err error
	switch {
	case !m.stateless:
		err = m.retireRows(ctx, "", kindToken+"/"+id)
	case hasTokens:
		err = m.retire(ctx, tokens, "")
	}
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

func (m *Manager) logEnd(ctx context.Context, what, userID string, sessions int, err error) {
	if err != nil {
		m.cfg.Log.WarnContext(ctx, what, "user", userID, "sessions", sessions, "error", err)
		return
	}
	m.cfg.Log.InfoContext(ctx, what, "user", userID, "sessions", sessions)
}

// SignOutEverywhere ends all sessions of this request's user. Its errors are
// those of SignOut.
func (m *Manager) SignOutEverywhere(ctx context.Context) error {
	rq, ok := m.request(ctx)
	if !ok {
		return errNoRequest
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	u, signedIn := m.userOf(ctx, rq)
	err := m.end(ctx, rq)
	n := 1
	if signedIn && !m.stateless && !errors.Is(err, ErrUnavailable) {
		var more int
		var moreErr error
		more, moreErr = m.endOwned(ctx, ownerOf(u.ID))
		n, err = n+more, errors.Join(err, moreErr)
	}
	m.logEnd(ctx, "signed out everywhere", u.ID, n, err)
	return err
}

// Sessions lists where this request's user is signed in, the latest first.
func (m *Manager) Sessions(ctx context.Context) ([]Info, error) {
	rq, ok := m.request(ctx)
	if !ok {
		return nil, errNoRequest
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if rq.err != nil {
		return nil, rq.err
	}
	u, ok := m.userOf(ctx, rq)
	if !ok {
		return nil, ErrSignedOut
	}
	id := m.sessionID(ctx)
	if m.stateless {
		value := func(key string) string { return m.scs.GetString(ctx, key) }
		return []Info{infoOf(onlySession, value, true)}, nil
	}
	rows, err := m.sessionRows(ctx, ownerOf(u.ID))
	if err != nil {
		return nil, err
	}
	return m.infos(rows, id), nil
}

// End ends one of this user's other sessions, or this one. A handle that names
// none is no error: the session has ended already.
func (m *Manager) End(ctx context.Context, handle string) error {
	rq, ok := m.request(ctx)
	if !ok {
		return errNoRequest
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if rq.err != nil {
		return rq.err
	}
	u, ok := m.userOf(ctx, rq)
	if !ok {
		return ErrSignedOut
	}
	if handle == m.handle(ctx) {
		err := m.end(ctx, rq)
		m.logEnd(ctx, "signed out", u.ID, 1, err)
		return err
	}
	if m.stateless {
		return nil
	}
	rows, err := m.sessionRows(ctx, ownerOf(u.ID))
	if err != nil {
		return err
	}
	for _, r := range rows {
		id := r.Key[len(kindSession)+1:]
		if handleOf(id) != handle {
			continue
		}
		err := m.endRow(ctx, id)
		m.logEnd(ctx, "session ended", u.ID, 1, err)
		return err
	}
	return nil
}

// onlySession is the handle of a session in a cookie: there is no other to name.
const onlySession = "this"

// handle returns the handle of the request's own session.
func (m *Manager) handle(ctx context.Context) string {
	if m.stateless {
		return onlySession
	}
	return handleOf(m.sessionID(ctx))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
