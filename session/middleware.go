package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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

// load reads the session that the request's cookie names. Without a cookie the
// store is left alone.
func (m *Manager) load(ctx context.Context, rq *request) context.Context {
	token := ""
	if c, err := rq.r.Cookie(m.cookie.name); err == nil && m.plausible(c.Value) {
		token = c.Value
	}
	loaded, err := m.scs.Load(ctx, token)
	if err != nil {
		rq.err = err
		if ctx.Err() == nil { // else the visitor has left
			m.cfg.Log.WarnContext(ctx, "session not read", "error", err)
		}
	}
	if err != nil || m.over(loaded, rq) {
		rq.loaded = row{}
		loaded, _ = m.scs.Load(ctx, "") // a new session never fails
	}
	return loaded
}

// plausible tells whether a cookie's value can be one of ours, so that anything
// else does not reach the store.
func (m *Manager) plausible(value string) bool {
	if m.stateless {
		return value != ""
	}
	return len(value) == 43 // 32 bytes in base64
}

// over tells whether a session has ended by its own account. The row's expiry is
// the same, but is not sealed.
func (m *Manager) over(ctx context.Context, rq *request) bool {
	if rq.loaded.Value == nil {
		return false
	}
	now := m.now()
	seen := instant(m.scs.GetString(ctx, valueSeen))
	return !now.Before(m.scs.Deadline(ctx)) || !now.Before(seen.Add(m.cfg.Idle))
}

// touchAfter is how old last-seen may get before it is written again.
func (m *Manager) touchAfter() time.Duration {
	return min(time.Minute, m.cfg.Idle/10)
}

// finish stores what the request changed and, the first time, sets its cookies.
func (m *Manager) finish(ctx context.Context, rq *request, w http.ResponseWriter) {
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if rq.sent && len(rq.changes) == 0 {
		return
	}
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

// save stores the request's changes, and that it was made; the caller holds the
// request's lock.
func (m *Manager) save(ctx context.Context, rq *request) error {
	stored := rq.loaded.Value != nil
	changed := len(rq.changes) > 0
	if !stored && !changed {
		return nil
	}
	if rq.err != nil {
		if changed {
			return rq.err
		}
		return nil
	}
	if !stored && onlyDeletes(rq.changes) {
		rq.changes = nil
		return nil
	}
	if rq.sent && (!stored || m.stateless) {
		rq.changes = nil
		return errors.New("the answer has begun, a cookie cannot be set any more")
	}
	if !changed && m.now().Sub(instant(m.scs.GetString(ctx, valueSeen))) < m.touchAfter() {
		return nil
	}
	if !stored {
		now := m.now()
		m.scs.SetDeadline(ctx, now.Add(m.cfg.Lifetime))
		m.scs.Put(ctx, valueSince, seconds(now))
	}
	return m.commit(ctx, rq)
}

func onlyDeletes(changes map[string]*string) bool {
	for _, value := range changes {
		if value != nil {
			return false
		}
	}
	return true
}

// errLost says that the session is not as it was read.
var errLost = errors.New("the session has changed meanwhile")

// commit writes the session and has its cookie set where it is new.
func (m *Manager) commit(ctx context.Context, rq *request) error {
	isNew := rq.loaded.Value == nil
	for range 10 {
		m.scs.Put(ctx, valueSeen, seconds(m.now()))
		rq.owner = ""
		if u, ok := m.userOf(ctx, rq); ok {
			rq.owner = ownerOf(u.ID)
		}
		token, deadline, err := m.scs.Commit(ctx)
		switch {
		case err == nil:
			rq.changes = nil
			if isNew || m.stateless {
				if m.stateless {
					token = encodeCookie(rq.loaded.Value)
				}
				m.setCookie(rq, m.cookie.name, token, deadline.Sub(m.now()))
			}
			return nil
		case !errors.Is(err, errLost):
			return err
		case len(rq.changes) == 0:
			// Only last-seen would have been written, and the other one did.
			return nil
		}
		if gone, err := m.reload(ctx, rq); err != nil || gone {
			rq.changes = nil
			return err
		}
	}
	return errLost
}

// reload reads the session again and makes the request's changes to it.
func (m *Manager) reload(ctx context.Context, rq *request) (gone bool, err error) {
	r, ok, err := m.store.get(ctx, rq.loaded.Key)
	if err != nil || !ok {
		return !ok, err
	}
	plain, ok := m.ring.open(r.Key, r.Value)
	if !ok {
		return true, nil
	}
	_, values, _ := codec{}.Decode(plain)
	if err := m.scs.Clear(ctx); err != nil {
		return false, err
	}
	for key, value := range values {
		m.scs.Put(ctx, key, value)
	}
	for key, value := range rq.changes {
		if value == nil {
			m.scs.Remove(ctx, key)
		} else {
			m.scs.Put(ctx, key, *value)
		}
	}
	rq.loaded, rq.user = r, nil
	return false, nil
}

// sessionID returns the id of the session's row. It is the hash that scs, too,
// stores the session under.
func (m *Manager) sessionID(ctx context.Context) string { return hash(m.scs.Token(ctx)) }

// seconds and instant write and read times in a session's values.
func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func instant(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// adapter is how scs sees the store: sessions only, sealed, and each written in
// place of the one that this request has read.
type adapter struct{ m *Manager }

// errNoContext is what the methods of scs.Store without a context return. scs
// does not call them where it finds those with one.
var errNoContext = errors.New("session store called without a context")

func (adapter) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (adapter) Commit(string, []byte, time.Time) error { return errNoContext }
func (adapter) Delete(string) error                    { return errNoContext }

// FindCtx reports what does not open, like what is not there, as not found.
func (a adapter) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	rq, ok := a.m.request(ctx)
	if !ok {
		return nil, false, errNoRequest
	}
	var r row
	if a.m.stateless {
		r, ok = a.m.cookieRow(token)
	} else {
		var err error
		r, ok, err = a.m.store.get(ctx, kindSession+"/"+token)
		if err != nil {
			return nil, false, err
		}
		ok = ok && r.Expires.After(a.m.now())
	}
	if !ok {
		return nil, false, nil
	}
	plain, ok := a.m.ring.open(r.Key, r.Value)
	if !ok {
		return nil, false, nil
	}
	rq.loaded = r
	return plain, true, nil
}

// CommitCtx writes a new session, or an old one in place of what was read. scs
// gives the session's deadline as the expiry; without a request it ends earlier.
func (a adapter) CommitCtx(ctx context.Context, token string, b []byte, deadline time.Time) error {
	rq, ok := a.m.request(ctx)
	if !ok {
		return errNoRequest
	}
	if a.m.stateless {
		sealed := a.m.ring.seal(a.m.cookie.name, b)
		if n := len(a.m.cookie.name) + len(encodeCookie(sealed)); n > maxCookie {
			return fmt.Errorf("the session needs a cookie of %d bytes, browsers keep %d", n, maxCookie)
		}
		rq.loaded = row{Key: a.m.cookie.name, Value: sealed}
		return nil
	}
	r := row{Key: kindSession + "/" + token, Expires: earlier(deadline, a.m.now().Add(a.m.cfg.Idle))}
	r.Value = a.m.ring.seal(r.Key, b)
	r.Owner = rq.owner // scs holds its lock: the session cannot be asked here
	if rq.loaded.Value == nil {
		if err := a.m.store.put(ctx, r); err != nil {
			return err
		}
		rq.loaded = r
		return nil
	}
	ok, err := a.m.store.swap(ctx, rq.loaded.Value, r)
	if err != nil {
		return err
	}
	if !ok {
		return errLost
	}
	rq.loaded = r
	return nil
}

func (a adapter) DeleteCtx(ctx context.Context, token string) error {
	if a.m.stateless {
		return nil
	}
	_, err := a.m.store.remove(ctx, kindSession+"/"+token, nil)
	return err
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
