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

// A signIn is one browser in which somebody is signed in.
type signIn struct {
	id          string
	user        User
	browser     string
	since, seen time.Time
	alone       bool // only the cookie knows it
}

// aloneFor is how long a session lives that only its cookie knows. A copy of the
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

// liveOnly is what live asks for, in SQL, with its two arguments from place n on.
func liveOnly(n int) string { return fmt.Sprintf("seen > $%d AND since > $%d", n, n+1) }

func (m *Manager) liveArgs() (seen, since int64) {
	now := m.now()
	return now.Add(-m.cfg.Idle).UnixMilli(), now.Add(-m.cfg.Lifetime).UnixMilli()
}

// readSignIn fills in what the row of a sign-in says. It reports false when there is
// none of this user.
func (m *Manager) readSignIn(ctx context.Context, s *signIn) (bool, error) {
	var since, seen int64
	err := m.cfg.DB.QueryRow(ctx, `SELECT browser, since, seen FROM sign_ins WHERE id = $1 AND user_id = $2`, s.id, s.user.ID).Scan(&s.browser, &since, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	s.since, s.seen = time.UnixMilli(since).UTC(), time.UnixMilli(seen).UTC()
	return err == nil, unavailable("look up the sign-in", err)
}

// touch notes that a sign-in was used, once a minute at most.
func (m *Manager) touch(ctx context.Context, s *signIn) {
	now := m.now()
	if now.Sub(s.seen) < min(time.Minute, m.cfg.Idle/10) {
		return
	}
	if _, err := m.cfg.DB.Exec(ctx, `UPDATE sign_ins SET seen = $2 WHERE id = $1 AND seen < $2`, s.id, now.UnixMilli()); err != nil {
		m.cfg.Log.WarnContext(ctx, "last use of a sign-in not noted", "error", err)
		return
	}
	s.seen = now
}

// SignIn makes u the user of this browser, and t what Tipoff acts with for them. The
// session gets a new id; the sign-in that the browser had before ends. When SignIn
// returns nil, all of it is stored; otherwise nobody is signed in, and t is revoked
// unless other sign-ins of the user need it.
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
	err := m.signIn(ctx, rq, u, t)
	if err != nil {
		rq.signIn = nil
		err = fmt.Errorf("sign in: %w", err)
		m.cfg.Log.WarnContext(ctx, "sign-in failed", "user", u.ID, "error", err)
		return err
	}
	m.cfg.Log.InfoContext(ctx, "signed in", "user", u.ID, "personal", u.Personal)
	return nil
}

func (m *Manager) signIn(ctx context.Context, rq *request, u User, t Tokens) error {
	var err error
	switch {
	case rq.err != nil:
		err = rq.err
	case rq.sent:
		err = errors.New("the answer has begun, a cookie cannot be set any more")
	case u.ID == "" || len(u.ID) > maxText || t.Access == "":
		err = errors.New("a user id and an access token are needed")
	}
	if err != nil {
		m.discard(ctx, u, t)
		return err
	}
	before, now := rq.signIn, m.now()
	s := &signIn{id: random(), user: u, browser: browserOf(rq.r.UserAgent()), since: now, seen: now}
	err = m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		if err := m.putGrant(tx, u, t); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO sign_ins (id, user_id, browser, since, seen) VALUES ($1, $2, $3, $4, $4)`, s.id, u.ID, s.browser, now.UnixMilli())
		return err
	})
	if err != nil {
		m.discard(ctx, u, t)
		return unavailable("store the sign-in", err)
	}
	if err := m.storeSession(ctx, rq, s, t); err != nil {
		// The row is there, and with it the grant: both end as at a sign-out.
		if endErr := m.endSignIns(ctx, u.ID, s.id); endErr != nil {
			m.cfg.Log.WarnContext(ctx, "sign-in not taken back", "error", endErr)
		}
		return err
	}
	if before != nil {
		if err := m.endSignIns(ctx, before.user.ID, before.id); err != nil {
			m.cfg.Log.WarnContext(ctx, "earlier sign-in not ended", "user", before.user.ID, "error", err)
		}
	}
	return nil
}

// storeSession makes a new session of this sign-in.
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
	rq.signIn = s
	return m.commit(ctx, rq)
}

// SignOut ends this sign-in, and the user's grant if it was the last. It is over here
// whatever the error: one that wraps ErrNotRevoked says that Todoist has not been
// told yet, one that wraps ErrUnavailable that only the cookie could be taken back.
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
	own, _ := m.ownTokens(ctx)
	rq.signIn = nil
	ids := []string{s.id}
	if everywhere {
		ids = nil
	}
	err := m.endSignIns(ctx, s.user.ID, ids...)
	if s.alone && !s.user.Personal {
		// No row tells of its token.
		err = errors.Join(err, m.retire(ctx, own))
	}
	if !errors.Is(err, ErrUnavailable) {
		err = errors.Join(err, m.scs.Destroy(ctx))
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
	if own.alone {
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
	if err != nil {
		return err
	}
	if id == own.id {
		return m.SignOut(ctx)
	}
	err = m.endSignIns(ctx, own.user.ID, id)
	m.logEnd(ctx, "sign-in ended", own.user.ID, err)
	return err
}

// Flush ends one user's sign-ins, or with an empty id everybody's, and has their
// grants revoked. It tells how many sign-ins there were. An error that wraps
// ErrNotRevoked says that some tokens are left for Run of a serving process.
func (m *Manager) Flush(ctx context.Context, userID string) (int, error) {
	counts := map[string]int{}
	err := m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		return tx.Query(func(row database.Row) error {
			var user string
			err := row.Scan(&user)
			counts[user]++
			return err
		}, `DELETE FROM sign_ins WHERE $1 = '' OR user_id = $1 RETURNING user_id`, userID)
	})
	if err != nil {
		return 0, unavailable("end the sign-ins", err)
	}
	if userID != "" {
		counts[userID] += 0 // a grant may be there without a sign-in
	}
	n := 0
	for user, of := range counts {
		n += of
		err = errors.Join(err, m.endGrant(ctx, user))
	}
	return n, err
}

// Count tells how many sign-ins are live.
func (m *Manager) Count(ctx context.Context) (n int, err error) {
	seen, since := m.liveArgs()
	err = m.cfg.DB.QueryRow(ctx, `SELECT COUNT(*) FROM sign_ins WHERE `+liveOnly(1), seen, since).Scan(&n)
	return n, unavailable("count the sign-ins", err)
}

// endSignIns ends sign-ins of a user, all without ids, and the user's grant if no
// other is left.
func (m *Manager) endSignIns(ctx context.Context, userID string, ids ...string) error {
	var err error
	if len(ids) == 0 {
		_, err = m.cfg.DB.Exec(ctx, `DELETE FROM sign_ins WHERE user_id = $1`, userID)
	}
	for _, id := range ids {
		_, err = m.cfg.DB.Exec(ctx, `DELETE FROM sign_ins WHERE id = $1 AND user_id = $2`, id, userID)
	}
	if err != nil {
		return unavailable("end the sign-in", err)
	}
	return m.endGrant(ctx, userID)
}
