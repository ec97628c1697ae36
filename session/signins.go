package session

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tipoff/database"
)

// A signIn is one browser in which somebody is signed in. One that was ended stays
// for an hour as a row that was last seen never, so that a copy of its cookie does
// not pass for one that the database has lost.
type signIn struct {
	id          string
	user        User
	browser     string
	since, seen time.Time
	alone       error // why the cookie alone knows it: ErrSignedOut or ErrUnavailable; nil when the row does
}

// aloneFor is how long a session lives that its cookie alone knows. A copy of the
// cookie lives as long.
const aloneFor = time.Hour

// Info is one of a user's sign-ins, for the page that lists them.
type Info struct {
	ID      string // names the sign-in to End; opens nothing
	Browser string // such as "Firefox on Linux"
	Since   time.Time
	Seen    time.Time // the last request, to the minute
	Current bool      // the sign-in that asks
}

// live tells whether a sign-in has neither been idle for too long nor become too old.
func (m *Manager) live(s *signIn) bool {
	now := m.now()
	return now.Before(s.seen.Add(m.cfg.Idle)) && now.Before(s.since.Add(m.cfg.Lifetime))
}

// liveOnly is what live asks for, in SQL, with the arguments of liveArgs at place n.
func liveOnly(n int) string { return fmt.Sprintf("seen > $%d AND since > $%d", n, n+1) }

func (m *Manager) liveArgs() (seen, since int64) {
	now := m.now()
	return now.Add(-m.cfg.Idle).UnixMilli(), now.Add(-m.cfg.Lifetime).UnixMilli()
}

// readSignIn fills in what the row of a sign-in says. ErrSignedOut says that there is
// none of this user.
func (m *Manager) readSignIn(ctx context.Context, s *signIn) error {
	var since, seen int64
	err := m.cfg.DB.QueryRow(ctx, `SELECT browser, since, seen FROM sign_ins WHERE id = $1 AND user_id = $2`, s.id, s.user.ID).Scan(&s.browser, &since, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrSignedOut
	}
	s.since, s.seen = time.UnixMilli(since).UTC(), time.UnixMilli(seen).UTC()
	return unavailable("look up the sign-in", err)
}

// touch notes that a sign-in was used, once a minute at most. Of several requests at
// once, one does, and none after its end.
func (m *Manager) touch(ctx context.Context, s *signIn) {
	now := m.now()
	if now.Sub(s.seen) < min(time.Minute, m.cfg.Idle/10) {
		return
	}
	if _, err := m.cfg.DB.Exec(ctx, `UPDATE sign_ins SET seen = $3 WHERE id = $1 AND seen = $2`, s.id, s.seen.UnixMilli(), now.UnixMilli()); err != nil {
		m.cfg.Log.WarnContext(ctx, "last use of a sign-in not noted", "error", err)
		return
	}
	s.seen = now
}

// SignIn makes u the user of this browser, and t what Tipoff acts with for them. The
// session gets a new id; the sign-in that the browser had before ends. When SignIn
// returns nil, all of it is stored. Otherwise nobody is signed in, and t is revoked,
// or kept to be revoked with the grant that the user has.
func (m *Manager) SignIn(ctx context.Context, u User, t Tokens) error {
	rq, ok := m.request(ctx)
	if !ok {
		return errNoRequest
	}
	for _, text := range []*string{&u.Name, &u.Email, &u.Zone, &u.Plan} {
		*text = cut(*text)
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	before := rq.signIn
	s := &signIn{id: random(), user: u, browser: browserOf(rq.r.UserAgent()), since: m.now(), seen: m.now()}
	if err := m.signIn(ctx, rq, s, t); err != nil {
		rq.signIn = nil
		err = fmt.Errorf("sign in: %w", err)
		m.cfg.Log.WarnContext(ctx, "sign-in failed", "user", u.ID, "error", err)
		if !u.Personal {
			_ = m.discard(ctx, u.ID, t) // what fails is logged, and tried again
		}
		if rq.err == nil { // else nothing was stored
			if endErr := m.endSignIns(ctx, u.ID, s.id); endErr != nil {
				m.cfg.Log.WarnContext(ctx, "sign-in not taken back", "user", u.ID, "error", endErr)
			}
		}
		return err
	}
	m.cfg.Log.InfoContext(ctx, "signed in", "user", u.ID, "personal", u.Personal)
	if before != nil {
		if err := m.endSignIns(ctx, before.user.ID, before.id); err != nil {
			m.cfg.Log.WarnContext(ctx, "earlier sign-in not ended", "user", before.user.ID, "error", err)
		}
	}
	return nil
}

// signIn stores a sign-in, its grant and its session.
func (m *Manager) signIn(ctx context.Context, rq *request, s *signIn, t Tokens) error {
	switch {
	case rq.err != nil:
		return rq.err
	case rq.sent:
		return errors.New("the answer has begun, a cookie cannot be set any more")
	case s.user.ID == "" || len(s.user.ID) > maxText || t.Access == "":
		return errors.New("a user id and an access token are needed")
	}
	err := m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		if err := m.putGrant(tx, s.user, t); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO sign_ins (id, user_id, browser, since, seen) VALUES ($1, $2, $3, $4, $4)`,
			s.id, s.user.ID, s.browser, s.since.UnixMilli())
		return err
	})
	if err != nil {
		return unavailable("store it", err)
	}
	return m.storeSession(ctx, rq, s, t)
}

// storeSession makes a new session of this sign-in, with a new id.
func (m *Manager) storeSession(ctx context.Context, rq *request, s *signIn, t Tokens) error {
	if err := m.scs.RenewToken(ctx); err != nil {
		return err
	}
	if rq.signIn == nil || rq.signIn.user.ID != s.user.ID {
		if err := m.scs.Clear(ctx); err != nil {
			return err
		}
	}
	user, err := json.Marshal(s.user)
	if err != nil {
		return err
	}
	m.scs.Put(ctx, valueSignIn, s.id)
	m.scs.Put(ctx, valueUser, string(user))
	m.scs.Put(ctx, valueSince, s.since.Format(time.RFC3339))
	m.scs.Put(ctx, valueAgent, s.browser)
	m.scs.Put(ctx, valueToken, ownCopy(t))
	id, expires, err := m.scs.Commit(ctx)
	if err != nil {
		return err
	}
	rq.signIn, rq.changed = s, false
	if !m.inCookie {
		m.setCookie(rq, m.cookie.name, id, time.Until(expires))
	}
	return nil
}

// SignOut ends this sign-in, and the user's grant if it was the last. The browser's
// cookie goes whatever the error: one that wraps ErrNotRevoked says that Todoist has
// not been told yet, one that wraps ErrUnavailable that the sign-in may stay until it
// runs out.
func (m *Manager) SignOut(ctx context.Context) error { return m.signOut(ctx, "signed out", false) }

// SignOutEverywhere ends all sign-ins of this request's user. Its errors are those of
// SignOut.
func (m *Manager) SignOutEverywhere(ctx context.Context) error {
	return m.signOut(ctx, "signed out everywhere", true)
}

func (m *Manager) signOut(ctx context.Context, what string, everywhere bool) error {
	rq, ok := m.request(ctx)
	if !ok {
		return errNoRequest
	}
	rq.mu.Lock()
	defer rq.mu.Unlock()
	m.dropCookie(rq)
	if rq.err != nil {
		return fmt.Errorf("sign out: %w", rq.err)
	}
	s := rq.signIn
	if s == nil {
		return nil
	}
	own := m.ownTokens(ctx)
	rq.signIn = nil
	id := s.id
	if everywhere {
		id = ""
	}
	err := m.endSignIns(ctx, s.user.ID, id)
	if s.alone != nil && !s.user.Personal {
		err = errors.Join(err, m.discard(ctx, s.user.ID, own)) // no grant has it
	}
	if err := m.scs.Destroy(ctx); err != nil { // what stays opens nothing
		m.cfg.Log.WarnContext(ctx, "ended session not removed", "error", err)
	}
	m.logEnd(ctx, what, s.user.ID, err)
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

func (m *Manager) logEnd(ctx context.Context, what, userID string, err error) {
	if err != nil {
		m.cfg.Log.WarnContext(ctx, what, "user", userID, "error", err)
		return
	}
	m.cfg.Log.InfoContext(ctx, what, "user", userID)
}

// SignIns lists where this request's user is signed in, the latest first.
func (m *Manager) SignIns(ctx context.Context) ([]Info, error) {
	_, own, err := m.signedIn(ctx)
	if err != nil {
		return nil, err
	}
	if own.alone != nil {
		return []Info{{own.id, own.browser, own.since, own.seen, true}}, nil
	}
	seen, since := m.liveArgs()
	var all []Info
	err = m.cfg.DB.Query(ctx, func(row database.Row) error {
		var one Info
		var since, seen int64
		if err := row.Scan(&one.ID, &one.Browser, &since, &seen); err != nil {
			return err
		}
		one.Since, one.Seen, one.Current = time.UnixMilli(since).UTC(), time.UnixMilli(seen).UTC(), one.ID == own.id
		all = append(all, one)
		return nil
	}, `SELECT id, browser, since, seen FROM sign_ins WHERE user_id = $1 AND `+liveOnly(2)+` ORDER BY seen DESC, since DESC`, own.user.ID, seen, since)
	return all, unavailable("list the sign-ins", err)
}

// End ends one of this user's other sign-ins, or this one. An id that names none is
// no error: the sign-in has ended already.
func (m *Manager) End(ctx context.Context, id string) error {
	_, own, err := m.signedIn(ctx)
	if err != nil || !isRandom(id) {
		return err
	}
	if id == own.id {
		return m.SignOut(ctx)
	}
	err = m.endSignIns(ctx, own.user.ID, id)
	m.logEnd(ctx, "sign-in ended", own.user.ID, err)
	return err
}

// endSignIns ends one of a user's sign-ins, or with an empty id all, and the user's
// grant if no other is left.
func (m *Manager) endSignIns(ctx context.Context, userID, id string) error {
	_, err := m.cfg.DB.Exec(ctx, `UPDATE sign_ins SET seen = 0 WHERE user_id = $1 AND ($2 = '' OR id = $2)`, userID, id)
	if err != nil {
		return unavailable("end the sign-in", err)
	}
	todo, err := m.endGrants(ctx, userID)
	return errors.Join(err, m.revoke(ctx, todo))
}

// Flush ends one user's sign-ins, or with an empty id everybody's, and has their
// grants revoked. It tells how many sign-ins were live. An error that wraps
// ErrNotRevoked says that some tokens are left for Run of a serving process.
func (m *Manager) Flush(ctx context.Context, userID string) (int, error) {
	seen, since := m.liveArgs()
	n, err := m.cfg.DB.Exec(ctx, `UPDATE sign_ins SET seen = 0 WHERE ($1 = '' OR user_id = $1) AND `+liveOnly(2), userID, seen, since)
	if err != nil {
		return 0, unavailable("end the sign-ins", err)
	}
	users, err := m.users(ctx, `SELECT user_id FROM grants WHERE $1 = '' OR user_id = $1`, userID)
	if err != nil {
		return int(n), unavailable("look for grants", err)
	}
	todo, err := m.endGrants(ctx, users...)
	return int(n), errors.Join(err, m.revoke(ctx, todo))
}

// Count tells how many sign-ins are live.
func (m *Manager) Count(ctx context.Context) (n int, err error) {
	seen, since := m.liveArgs()
	err = m.cfg.DB.QueryRow(ctx, `SELECT COUNT(*) FROM sign_ins WHERE `+liveOnly(1), seen, since).Scan(&n)
	return n, unavailable("count the sign-ins", err)
}
