package session

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	flowLifetime = 15 * time.Minute
	maxFlows     = 8 // sign-ins under way in one browser
)

// A Flow is a sign-in under way: what must be remembered from the redirect to
// Todoist until the way back.
type Flow struct {
	State    string // 32 random bytes
	Verifier string // for PKCE, 32 random bytes
	Next     string // where to go after, as given to Begin
	Scopes   []string
	Begun    time.Time
}

// Begin starts a sign-in. It is bound to this browser by a sealed cookie of its own,
// which holds all of it. It ends after 15 minutes, and a ninth ends the oldest. The
// error wraps ErrTooLong where next does not fit into a cookie.
func (m *Manager) Begin(ctx context.Context, next string, scopes []string) (Flow, error) {
	rq, ok := m.request(ctx)
	if !ok {
		return Flow{}, errNoRequest
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	if rq.sent {
		return Flow{}, errors.New("begin a sign-in: the answer has begun, a cookie cannot be set any more")
	}
	f := Flow{State: random(), Verifier: random(), Next: next, Scopes: scopes, Begun: m.now()}
	name := m.flowCookie(f.State)
	plain, err := json.Marshal(f)
	if err != nil {
		return Flow{}, fmt.Errorf("begin a sign-in: %w", err)
	}
	value := encodeCookie(m.ring.seal(name, plain))
	if n := len(name) + len(value); n > maxCookie {
		return Flow{}, fmt.Errorf("begin a sign-in: %w: needs %d bytes, browsers keep %d", ErrTooLong, n, maxCookie)
	}
	m.dropOldFlows(rq)
	m.setCookie(rq, name, value, flowLifetime)
	return f, nil
}

// ErrTooLong says that a sign-in's next page does not fit into a cookie.
var ErrTooLong = errors.New("the address is too long for a cookie")

// Finish returns the sign-in that a state belongs to, once: it is spent before it
// is compared. It reports false for a state that is empty, unknown, spent, older
// than 15 minutes or another browser's. (Or that cannot be looked up: see Err.)
func (m *Manager) Finish(ctx context.Context, state string) (Flow, bool) {
	rq, ok := m.request(ctx)
	if !ok || state == "" {
		return Flow{}, false
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	name := m.flowCookie(state)
	c, err := rq.r.Cookie(name)
	if err != nil || rq.sent {
		return Flow{}, false
	}
	m.setCookie(rq, name, "", 0)
	f, ok := m.openFlow(c)
	if !ok {
		return Flow{}, false
	}
	n, err := m.cfg.DB.Exec(ctx, `INSERT INTO spent_states (id, expires) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`,
		hash(state), f.Begun.Add(flowLifetime).UnixMilli())
	if err != nil {
		rq.err = unavailable("note that the sign-in came back", err)
		m.cfg.Log.WarnContext(ctx, "sign-in not looked up", "error", err)
		return Flow{}, false
	}
	same := subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) == 1
	if n == 0 || !same || m.now().Sub(f.Begun) > flowLifetime {
		return Flow{}, false
	}
	return f, true
}

// flowCookie names a sign-in's cookie, so that several do not collide.
func (m *Manager) flowCookie(state string) string { return m.cookie.name + "-" + hash(state)[:12] }

// openFlow reads what a sign-in's cookie holds.
func (m *Manager) openFlow(c *http.Cookie) (Flow, bool) {
	var f Flow
	sealed, _ := decodeCookie(c.Value)
	plain, ok := m.ring.open(c.Name, sealed)
	ok = ok && json.Unmarshal(plain, &f) == nil
	return f, ok
}

// dropOldFlows makes room for one more sign-in: the oldest go, and so do cookies
// that look like one and do not open.
func (m *Manager) dropOldFlows(rq *request) {
	type old struct {
		name string
		flow Flow
	}
	var all []old
	for _, c := range rq.r.Cookies() {
		if strings.HasPrefix(c.Name, m.cookie.name+"-") {
			f, _ := m.openFlow(c)
			all = append(all, old{c.Name, f})
		}
	}
	slices.SortFunc(all, func(a, b old) int { return cmp.Compare(a.flow.Begun.UnixNano(), b.flow.Begun.UnixNano()) })
	for len(all) >= maxFlows {
		m.setCookie(rq, all[0].name, "", 0)
		all = all[1:]
	}
}
