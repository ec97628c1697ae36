package session

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

// A request is what Wrap knows of the request being served.
type request struct {
	r *http.Request

	mu      sync.Mutex
	signIn  *signIn // who is signed in, or nil
	err     error   // why that is not known
	changed bool    // the session, since it was read or written
	cookies []*http.Cookie
	sent    bool // the header is on its way
}

type requestKey struct{}

// request returns what Wrap put into the context.
func (m *Manager) request(ctx context.Context) (*request, bool) {
	rq, ok := ctx.Value(requestKey{}).(*request)
	return rq, ok
}

// errNoRequest is a mistake in the program: a handler outside of Wrap.
var errNoRequest = errors.New("no session in this context: the handler is not inside Wrap")

// Wrap gives each request its session. Changes are stored, and cookies set,
// before the first byte of the answer; those that a handler makes later, while it
// streams, when it returns. A store that fails does not fail the request: nobody
// is signed in then, and Err says why.
func (m *Manager) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Cookie")
		rq := &request{r: r}
		ctx := m.load(context.WithValue(r.Context(), requestKey{}, rq), rq)
		next.ServeHTTP(&writer{ResponseWriter: w, m: m, ctx: ctx, rq: rq}, r.WithContext(ctx))
		m.finish(ctx, rq, w)
	})
}

// load reads the session that the request's cookie names, and its sign-in. Without a
// cookie the store is left alone.
func (m *Manager) load(ctx context.Context, rq *request) context.Context {
	token := ""
	if c, err := rq.r.Cookie(m.cookie.name); err == nil && (m.inCookie || isRandom(c.Value)) {
		token = c.Value
	}
	loaded, err := m.scs.Load(ctx, token)
	if err == nil {
		rq.signIn, err = m.signInOf(loaded)
	}
	if err != nil {
		rq.err = err
		if ctx.Err() == nil { // else the visitor has left
			m.cfg.Log.WarnContext(ctx, "session not read", "error", err)
		}
	}
	if rq.signIn == nil {
		loaded, _ = m.scs.Load(ctx, "") // a new session never fails
	}
	return loaded
}

// signInOf returns the live sign-in of a session that was loaded, nil when nobody is
// signed in.
func (m *Manager) signInOf(ctx context.Context) (*signIn, error) {
	s := &signIn{id: m.scs.GetString(ctx, valueSignIn)}
	if json.Unmarshal([]byte(m.scs.GetString(ctx, valueUser)), &s.user) != nil || s.id == "" || s.user.ID == "" {
		return nil, nil
	}
	err := m.readSignIn(ctx, s)
	switch {
	case err != nil && m.inCookie && m.validAlone(ctx, s):
		s.alone = err
		return s, nil
	case errors.Is(err, ErrSignedOut):
		return nil, nil
	case err != nil:
		return nil, err
	case !m.live(s):
		return nil, nil
	}
	m.touch(ctx, s)
	return s, nil
}

// validAlone tells whether a session that is in its cookie, and of which the database
// does not know the sign-in, is valid by itself, and fills in the sign-in.
func (m *Manager) validAlone(ctx context.Context, s *signIn) bool {
	since, err := time.Parse(time.RFC3339, m.scs.GetString(ctx, valueSince))
	own, now := m.ownTokens(ctx), m.now()
	s.since, s.seen, s.browser = since, now, m.scs.GetString(ctx, valueAgent)
	return err == nil && own.valid("", now) && now.Sub(since).Abs() < aloneFor
}

// finish stores what the request changed and, the first time, sets its cookies.
func (m *Manager) finish(ctx context.Context, rq *request, w http.ResponseWriter) {
	rq.mu.Lock()
	defer rq.mu.Unlock()
	// With the header on its way a cookie cannot be set any more. The session that is
	// in it stays good.
	if rq.changed && rq.signIn != nil && !(m.inCookie && rq.sent) {
		rq.changed = false
		if _, _, err := m.scs.Commit(ctx); err != nil {
			m.cfg.Log.WarnContext(ctx, "session not written", "error", err)
		}
	}
	if rq.sent {
		return
	}
	rq.sent = true
	for _, c := range rq.cookies {
		w.Header().Add("Set-Cookie", c.String())
	}
	if len(rq.cookies) > 0 {
		w.Header().Add("Cache-Control", `no-cache="Set-Cookie"`)
	}
}

// writer has the session stored before the answer begins.
type writer struct {
	http.ResponseWriter
	m   *Manager
	ctx context.Context
	rq  *request
	ok  bool // stored
}

func (w *writer) begin() {
	if !w.ok {
		w.ok = true
		w.m.finish(w.ctx, w.rq, w.ResponseWriter)
	}
}

// WriteHeader stores the session unless the header is only informational.
func (w *writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(b)
}

// Flush is for those who look for an http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController.
func (w *writer) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach deadlines and the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
