package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Tokens are what Todoist gave to act for a user. They print as "[tokens]".
type Tokens struct {
	Access  string
	Refresh string    // empty for personal API tokens and for apps from before refresh tokens
	Expires time.Time // of the access token; zero: never
	Scope   []string
}

// LogValue keeps the tokens out of logs.
func (Tokens) LogValue() slog.Value { return slog.StringValue("[tokens]") }

// String and GoString keep the tokens out of everything that fmt prints.
func (Tokens) String() string   { return "[tokens]" }
func (Tokens) GoString() string { return "[tokens]" }

const (
	// refreshEarly is how long before its expiry an access token is replaced.
	refreshEarly = time.Minute

	// Todoist answers a refresh token that was used already with the same new
	// access token for 60 s, and takes it for stolen after that: every token of
	// the user is revoked. From the moment a token may have been used it is
	// therefore sent again for resendFor only, which with askTimeout leaves ten
	// seconds for clocks that differ and answers that linger.
	resendFor  = 40 * time.Second
	askTimeout = 10 * time.Second

	// A replica that finds another one at it waits for that one's answer until
	// it must have given up.
	waitForOther = askTimeout + 2*time.Second
	waitStep     = 100 * time.Millisecond

	// flightTimeout bounds a refresh with all its waits and attempts.
	flightTimeout = resendFor + askTimeout
)

// A record is a token row's content.
type record struct {
	Tokens
	Personal bool
	// Asked is when a refresh with this pair was begun, zero when none was. It is
	// stored before Todoist is asked, so that after a crash it is known that the
	// refresh token may be used up. By names the process.
	Asked time.Time
	By    string
}

// storedRecord is a record's JSON. Tokens has none of its own, lest one be written
// somewhere by accident.
type storedRecord struct {
	Access   string    `json:"access"`
	Refresh  string    `json:"refresh,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
	Scope    []string  `json:"scope,omitempty"`
	Personal bool      `json:"personal,omitempty"`
	Asked    time.Time `json:"asked,omitzero"`
	By       string    `json:"by,omitempty"`
}

func (r record) encode() []byte {
	b, _ := json.Marshal(storedRecord{
		r.Access, r.Refresh, r.Expires, r.Scope, r.Personal, r.Asked, r.By,
	}) // strings and times of this century always encode
	return b
}

func decodeRecord(b []byte) (record, bool) {
	var s storedRecord
	if json.Unmarshal(b, &s) != nil || s.Access == "" {
		return record{}, false
	}
	return record{
		Tokens:   Tokens{Access: s.Access, Refresh: s.Refresh, Expires: s.Expires, Scope: s.Scope},
		Personal: s.Personal,
		Asked:    s.Asked,
		By:       s.By,
	}, true
}

// fresh tells whether the access token can be used without a refresh.
func (r record) fresh(refused string, now time.Time) bool {
	return r.Access != refused && (r.Expires.IsZero() || now.Before(r.Expires.Add(-refreshEarly)))
}

// valid tells whether the access token can still be used.
func (r record) valid(refused string, now time.Time) bool {
	return r.Access != refused && (r.Expires.IsZero() || now.Before(r.Expires))
}

// Access returns the access token of this request's session. refused is an
// access token that Todoist has just answered 401 to, or empty at first; it is
// never returned again.
//
// The pair is refreshed a minute before it expires, or when refused is the
// current one: once, however many requests ask, and stored before it is used.
// ErrSignedOut says that there is none, or none any more; the user is then taken
// out of the session, so that the sign-in page is shown and does not send back
// here. Any other error is Todoist's or the store's, and passes.
func (m *Manager) Access(ctx context.Context, refused string) (string, error) {
	rq, ok := m.request(ctx)
	if !ok {
		return "", errNoRequest
	}
	rq.mu.Lock()
	err := rq.err
	_, signedIn := m.userOf(ctx, rq)
	key := kindToken + "/" + m.sessionID(ctx)
	inCookie, _ := m.cookieTokens(ctx)
	rq.mu.Unlock()
	if err != nil {
		return "", err
	}
	if !signedIn {
		return "", ErrSignedOut
	}

	var access string
	if m.stateless {
		access, err = inCookie.Access, nil
		if access == "" || !inCookie.valid(refused, m.now()) {
			err = ErrSignedOut
		}
	} else {
		access, err = m.access(ctx, key, refused)
	}
	if errors.Is(err, ErrSignedOut) {
		m.forget(ctx, rq)
	}
	if err != nil {
		return "", err
	}
	return access, nil
}

// forget takes the user out of a session that has lost its token.
func (m *Manager) forget(ctx context.Context, rq *request) {
	rq.mu.Lock()
	defer rq.mu.Unlock()
	m.unset(ctx, rq, valueUser)
	m.unset(ctx, rq, valueTokens)
	rq.user = nil
	if rq.sent && m.stateless {
		rq.changes = nil // the cookie dies with its token, within the hour
		return
	}
	if rq.loaded.Value == nil {
		return
	}
	if err := m.commit(ctx, rq); err != nil {
		m.cfg.Log.WarnContext(ctx, "session not written", "error", err)
	}
}

// access is Access for a token row.
func (m *Manager) access(ctx context.Context, key, refused string) (string, error) {
	for range 3 {
		_, rec, err := m.record(ctx, key)
		if err != nil {
			return "", err
		}
		if rec.fresh(refused, m.now()) {
			return rec.Access, nil
		}
		// One at a time per row. The first caller's leaving must not break off what
		// the others wait for, nor lose the answer.
		flight := m.flights.DoChan(key, func() (any, error) {
			if !m.takeOff() {
				return nil, fmt.Errorf("refresh the token: %w", ErrUnavailable)
			}
			defer m.flying.Done()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTimeout)
			defer cancel()
			return m.renew(ctx, key, refused)
		})
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for a new token: %w", ctx.Err())
		case got := <-flight:
			if got.Err != nil {
				return "", got.Err
			}
			// The flight may have been somebody's who had not been refused.
			if access := got.Val.(string); access != refused {
				return access, nil
			}
		}
	}
	return "", errors.New("get an access token: Todoist gave the refused one again")
}

// takeOff counts a refresh that begins, unless the Manager has been closed.
func (m *Manager) takeOff() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.flying.Add(1)
	}
	return !m.closed
}

// record reads and opens a token row. What is not there or does not open is
// ErrSignedOut.
func (m *Manager) record(ctx context.Context, key string) (row, record, error) {
	r, ok, err := m.store.get(ctx, key)
	if err != nil {
		return row{}, record{}, err
	}
	rec, ok := m.openRecord(r, ok)
	if !ok {
		return row{}, record{}, ErrSignedOut
	}
	return r, rec, nil
}

func (m *Manager) openRecord(r row, ok bool) (record, bool) {
	if !ok {
		return record{}, false
	}
	plain, ok := m.ring.open(r.Key, r.Value)
	if !ok {
		return record{}, false
	}
	return decodeRecord(plain)
}

// swap replaces a token row's record. It returns the row as written.
func (m *Manager) swap(ctx context.Context, r row, rec record) (row, bool, error) {
	old := r.Value
	r.Value = m.ring.seal(r.Key, rec.encode())
	ok, err := m.store.swap(ctx, old, r)
	return r, ok, err
}

// renew gets a new pair, unless somebody else has. The row is read again before
// everything that is decided by it.
func (m *Manager) renew(ctx context.Context, key, refused string) (string, error) {
	for {
		r, rec, err := m.record(ctx, key)
		if err != nil {
			return "", err
		}
		now := m.now()
		switch {
		case rec.fresh(refused, now):
			return rec.Access, nil

		case rec.Refresh == "" || m.cfg.Refresh == nil:
			if rec.valid(refused, now) {
				return rec.Access, nil
			}
			return "", m.wipe(ctx, r, "the token is used up and there is no refresh token")

		case rec.Asked.IsZero():
			rec.Asked, rec.By = now, m.id
			r, ok, err := m.swap(ctx, r, rec)
			if err != nil {
				return "", err
			}
			if ok {
				return m.ask(ctx, r, rec, refused, false)
			}
			// Somebody else has changed the row: read it again.

		case now.Sub(rec.Asked).Abs() > resendFor:
			if rec.valid(refused, now) {
				return rec.Access, nil
			}
			return "", m.wipe(ctx, r, "an earlier refresh was cut off")

		case rec.By == m.id || now.Sub(rec.Asked) > waitForOther:
			// We asked and got no answer, or another process did and has died.
			return m.ask(ctx, r, rec, refused, true)

		case rec.valid(refused, now):
			return rec.Access, nil // another process is getting the next one

		default:
			select {
			case <-ctx.Done():
				return "", fmt.Errorf("wait for another process's new token: %w", ctx.Err())
			case <-time.After(waitStep):
			}
		}
	}
}

// ask asks Todoist for a new pair and stores it. The row says already that it was
// asked; rec is its content. again says that it may have been asked with before,
// without an answer.
func (m *Manager) ask(ctx context.Context, r row, rec record, refused string, again bool) (string, error) {
	var next Tokens
	var err error
	for try := range 2 {
		if try > 0 {
			// The answer may have been lost on its way: the same question gets the
			// same access token, while it is not too late.
			if m.now().Sub(rec.Asked) > resendFor {
				break
			}
			again = true
			m.cfg.Log.WarnContext(ctx, "token refresh asked again", "error", err)
		}
		next, err = m.askOnce(ctx, rec.Refresh)
		if err == nil || errors.Is(err, ErrGrantGone) || errors.Is(err, ErrUntouched) {
			break
		}
	}

	switch {
	case err == nil && next.Access == "":
		return "", errors.New("refresh the token: the answer has no access token")
	case err == nil && next.Refresh == "" && !again:
		// Somebody else has asked with the same token within the last minute. Their
		// pair is in the row, or will be, and is newer than anything of ours.
		return next.Access, nil
	case err == nil && next.Refresh == "":
		return m.keepAccess(ctx, r, rec, next)
	case err == nil:
		return m.keep(ctx, r, rec, next)
	case errors.Is(err, ErrGrantGone):
		is, now, readErr := m.record(ctx, r.Key)
		if readErr != nil {
			return "", readErr
		}
		if now.Refresh != rec.Refresh {
			return now.Access, nil // somebody else was quicker
		}
		return "", m.wipe(ctx, is, "Todoist took the grant back")
	case errors.Is(err, ErrUntouched) && !again:
		// As if it had never been asked.
		rec.Asked, rec.By = time.Time{}, ""
		if _, _, err := m.swap(ctx, r, rec); err != nil {
			m.cfg.Log.WarnContext(ctx, "token refresh not unmarked", "error", err)
		}
	}
	m.cfg.Log.WarnContext(ctx, "token refresh failed", "error", err)
	if rec.valid(refused, m.now()) {
		return rec.Access, nil // good for the rest of its last minute
	}
	return "", fmt.Errorf("refresh the token: %w", err)
}

func (m *Manager) askOnce(ctx context.Context, refresh string) (Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return m.cfg.Refresh(ctx, refresh)
}

// keep stores a new pair in place of the one it was got with, and only there.
func (m *Manager) keep(ctx context.Context, r row, rec record, next Tokens) (string, error) {
	if next.Scope == nil {
		next.Scope = rec.Scope
	}
	pair := record{Tokens: next, Personal: rec.Personal}
	for try := 0; ; try++ {
		_, ok, err := m.swap(ctx, r, pair)
		if ok {
			m.cfg.Log.InfoContext(ctx, "token refreshed")
			return next.Access, nil
		}
		var now record
		if err == nil {
			r, now, err = m.record(ctx, r.Key)
		}
		switch {
		case errors.Is(err, ErrSignedOut):
			// The session ended meanwhile, and with it goes what it would have got.
			if err := m.retire(ctx, pair, ""); err != nil {
				m.cfg.Log.WarnContext(ctx, "token not revoked", "error", err)
			}
			return "", ErrSignedOut
		case err != nil && try < 3:
			// A store that comes back within seconds still gets the pair.
			select {
			case <-ctx.Done():
			case <-time.After(time.Second << try):
			}
		case err != nil:
			return "", fmt.Errorf("store the new token: %w", err)
		case now.Refresh != rec.Refresh && now.Access != next.Access:
			return now.Access, nil // newer than ours
		case now.Refresh != rec.Refresh && now.Refresh != "":
			return now.Access, nil // ours, written by an attempt that seemed to fail
		}
		// The row holds the pair we asked with, sealed again with another key, or our
		// access token without its refresh token: ours belongs there.
	}
}

// keepAccess takes an access token that came without a refresh token because the
// answer to an earlier attempt was lost, and the refresh token with it. The access
// token is kept for the rest of its hour; then the user must sign in. A row that
// has changed, because the answer was not lost after all, is newer and stays.
func (m *Manager) keepAccess(ctx context.Context, r row, rec record, next Tokens) (string, error) {
	if next.Scope == nil {
		next.Scope = rec.Scope
	}
	_, ok, err := m.swap(ctx, r, record{Tokens: next, Personal: rec.Personal})
	if err != nil {
		return "", fmt.Errorf("store the new token: %w", err)
	}
	m.cfg.Log.InfoContext(ctx, "token refreshed without a refresh token", "kept", ok)
	return next.Access, nil
}

// wipe deletes a token row that is worthless, unless it has changed, and returns
// ErrSignedOut.
func (m *Manager) wipe(ctx context.Context, r row, why string) error {
	ok, err := m.store.remove(ctx, r.Key, r.Value)
	if err != nil {
		return err
	}
	if ok {
		m.cfg.Log.InfoContext(ctx, "token wiped", "reason", why)
	}
	return ErrSignedOut
}
