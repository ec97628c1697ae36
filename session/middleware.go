package session

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

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
	if c, err := rq.r.Cookie(m.cookie.name); err == nil && m.plausible(c.Value) {
		token = c.Value
	}
	loaded, err := m.scs.Load(ctx, token)
	if err == nil {
		if rq.signIn, err = m.signInOf(loaded); err == nil && rq.signIn != nil {
			return loaded
		}
	}
	if err != nil {
		rq.err = err
		if ctx.Err() == nil { // else the visitor has left
			m.cfg.Log.WarnContext(ctx, "session not read", "error", err)
		}
	}
	loaded, _ = m.scs.Load(ctx, "") // a new session never fails
	return loaded
}

// plausible tells whether a cookie's value can be one of ours, so that anything
// else does not reach the store.
func (m *Manager) plausible(value string) bool {
	if m.inCookie {
		return value != ""
	}
	return len(value) == 43 // 32 bytes in base64
}

// signInOf returns the live sign-in of a session that was loaded, nil when nobody is
// signed in.
func (m *Manager) signInOf(ctx context.Context) (*signIn, error) {
	id := m.scs.GetString(ctx, valueSignIn)
	if id == "" {
		return nil, nil
	}
	s := &signIn{id: id}
	if json.Unmarshal([]byte(m.scs.GetString(ctx, valueUser)), &s.user) != nil || s.user.ID == "" {
		return nil, nil
	}
	known, err := m.readSignIn(ctx, s)
	switch {
	case m.inCookie && (err != nil || !known):
		return m.inCookieAlone(ctx, s), nil
	case err != nil:
		return nil, err
	case !known || !m.live(s):
		return nil, nil
	}
	m.touch(ctx, s)
	return s, nil
}

// inCookieAlone returns a sign-in that the database does not know, as long as its
// session is valid by itself.
func (m *Manager) inCookieAlone(ctx context.Context, s *signIn) *signIn {
	since, err := time.Parse(time.RFC3339, m.scs.GetString(ctx, valueSince))
	own, ok := m.ownTokens(ctx)
	now := m.now()
	if err != nil || !ok || !own.valid("", now) || now.Sub(since).Abs() >= aloneFor {
		return nil
	}
	s.since, s.seen, s.browser, s.alone = since, now, m.scs.GetString(ctx, valueAgent), true
	return s
}

// finish stores what the request changed and, the first time, sets its cookies.
func (m *Manager) finish(ctx context.Context, rq *request, w http.ResponseWriter) {
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if err := m.save(ctx, rq); err != nil {
		m.cfg.Log.WarnContext(ctx, "session not written", "error", err)
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

// save stores the session if it was changed and somebody is signed in, and has its
// cookie set; the caller holds the request's lock.
func (m *Manager) save(ctx context.Context, rq *request) error {
	if rq.signIn == nil || !rq.changed {
		return nil
	}
	if m.inCookie && rq.sent {
		return nil // a cookie cannot be set any more; what is in it stays good
	}
	return m.commit(ctx, rq)
}

// commit writes the session and has its cookie set.
func (m *Manager) commit(ctx context.Context, rq *request) error {
	token, expires, err := m.scs.Commit(ctx)
	if err != nil {
		return err
	}
	rq.changed = false
	if m.inCookie {
		token = rq.sealed
	}
	if !rq.sent {
		m.setCookie(rq, m.cookie.name, token, time.Until(expires))
	}
	return nil
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
