package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	cleanupEvery  = time.Minute
	cleanupBatch  = 200
	revokeTimeout = 5 * time.Second
	// revokeFor is how long Todoist is told again and again to forget a token.
	revokeFor = 24 * time.Hour
	// expired rows are this much overdue before the cleanup takes them, so that
	// replicas whose clocks differ a little do not end each other's sessions.
	cleanupGrace = 10 * time.Second
)

// A pending is a token that Todoist has yet to forget.
type pending struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh,omitempty"`
	Since   time.Time `json:"since"`
	Tries   int       `json:"tries"`
}

func (p pending) tokens() Tokens { return Tokens{Access: p.Access, Refresh: p.Refresh} }

// Run cleans up until ctx ends: it removes what has expired, has Todoist forget
// the tokens of sessions that are gone, and tries again where that failed. Several
// replicas may run it on one store. It returns nil.
func (m *Manager) Run(ctx context.Context) error {
	tick := time.NewTicker(cleanupEvery)
	defer tick.Stop()
	for {
		if err := m.cleanUp(ctx); err != nil && ctx.Err() == nil {
			m.cfg.Log.WarnContext(ctx, "session cleanup", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// cleanUp deals with all rows that are due.
func (m *Manager) cleanUp(ctx context.Context) error {
	for ctx.Err() == nil {
		rows, err := m.store.due(ctx, m.now().Add(-cleanupGrace), cleanupBatch)
		if err != nil {
			return err
		}
		var todo []row // tokens to be revoked
		done := 0
		for _, r := range rows {
			ok, more, err := m.cleanUpRow(ctx, r)
			if err != nil {
				return err
			}
			if ok {
				done++
			}
			todo = append(todo, more...)
		}
		// What fails is logged, and due again later.
		_ = m.revoke(ctx, todo)
		// What another replica took is not there any more next time; stop where
		// nothing moves.
		if len(rows) < cleanupBatch || done == 0 {
			return nil
		}
	}
	return ctx.Err()
}

// cleanUpRow deals with one row. It tells whether it was this call that did, and
// returns the tokens to be revoked.
func (m *Manager) cleanUpRow(ctx context.Context, r row) (ok bool, todo []row, err error) {
	if err := ctx.Err(); err != nil {
		return false, nil, err
	}
	switch r.kind() {
	case kindRevoke:
		return m.claim(ctx, r)
	case kindToken:
		todo, err = m.withdraw(ctx, r.Key, "")
		return true, todo, err
	case kindSession:
		ok, err = m.store.remove(ctx, r.Key, r.Value)
		if err != nil || !ok {
			return false, nil, err
		}
		todo, err = m.withdraw(ctx, tokenKey(r), "")
		return true, todo, err
	default:
		ok, err = m.store.remove(ctx, r.Key, r.Value)
		return ok, nil, err
	}
}

// tokenKey returns the key of the token row that goes with a session's.
func tokenKey(session row) string { return kindToken + "/" + session.Key[len(kindSession)+1:] }

// claim takes up a token that is to be revoked once more, for this replica alone:
// the row is moved to when the attempt after this one would be.
func (m *Manager) claim(ctx context.Context, r row) (ok bool, todo []row, err error) {
	plain, ok := m.ring.open(r.Key, r.Value)
	var p pending
	if !ok || json.Unmarshal(plain, &p) != nil || m.cfg.Revoke == nil {
		ok, err = m.store.remove(ctx, r.Key, r.Value)
		return ok, nil, err
	}
	now := m.now()
	if now.Sub(p.Since) > revokeFor {
		m.cfg.Log.ErrorContext(ctx, "token not revoked, given up", "tries", p.Tries)
		ok, err = m.store.remove(ctx, r.Key, r.Value)
		return ok, nil, err
	}
	p.Tries++
	b, _ := json.Marshal(p) // strings, a number and a time of this century always encode
	next := row{
		Key:     r.Key,
		Value:   m.ring.seal(r.Key, b),
		Expires: now.Add(min(time.Hour, cleanupEvery<<min(p.Tries, 6))),
	}
	if ok, err = m.store.swap(ctx, r.Value, next); err != nil || !ok {
		return false, nil, err
	}
	return true, []row{next}, nil
}

// retireRows takes token rows out of use and has their tokens revoked, except for
// an access token that is stillUsed. All are out of use before Todoist is asked.
// A row that is not there is no error; ErrNotRevoked is one.
func (m *Manager) retireRows(ctx context.Context, stillUsed string, keys ...string) error {
	var todo []row
	for _, key := range keys {
		more, err := m.withdraw(ctx, key, stillUsed)
		if err != nil {
			return err
		}
		todo = append(todo, more...)
	}
	return m.revoke(ctx, todo)
}

// withdraw takes a token row out of use and returns what is to be revoked, which
// is stored as well.
func (m *Manager) withdraw(ctx context.Context, key, stillUsed string) ([]row, error) {
	for {
		r, ok, err := m.store.get(ctx, key)
		if err != nil || !ok {
			return nil, err
		}
		var todo []row
		if rec, ok := m.openRecord(r, true); ok && m.mustRevoke(rec, stillUsed) {
			// This copy comes first: a crash in between leaves both, and the token row
			// is found when it expires.
			queued, err := m.queueRevoke(ctx, rec)
			if err != nil {
				return nil, err
			}
			todo = []row{queued}
		}
		ok, err = m.store.remove(ctx, key, r.Value)
		if err != nil || ok {
			return todo, err
		}
		// A refresh was quicker: what has been queued is used up.
		for _, queued := range todo {
			if _, err := m.store.remove(ctx, queued.Key, nil); err != nil {
				return nil, err
			}
		}
	}
}

// retire has tokens revoked that are in no row.
func (m *Manager) retire(ctx context.Context, rec record, stillUsed string) error {
	if !m.mustRevoke(rec, stillUsed) {
		return nil
	}
	queued, err := m.queueRevoke(ctx, rec)
	if err != nil {
		return err
	}
	return m.revoke(ctx, []row{queued})
}

// mustRevoke tells whether a token is ours to revoke. A personal API token is its
// user's; an app from before refresh tokens may be given the same token twice.
func (m *Manager) mustRevoke(rec record, stillUsed string) bool {
	return m.cfg.Revoke != nil && !rec.Personal && rec.Access != "" && rec.Access != stillUsed
}

// queueRevoke stores a token that is to be revoked. The cleanup leaves it alone
// for a minute, for the first attempt is the caller's.
func (m *Manager) queueRevoke(ctx context.Context, rec record) (row, error) {
	now := m.now()
	key := kindRevoke + "/" + random()
	b, _ := json.Marshal(pending{Access: rec.Access, Refresh: rec.Refresh, Since: now})
	r := row{Key: key, Value: m.ring.seal(key, b), Expires: now.Add(cleanupEvery)}
	return r, m.store.put(ctx, r)
}

// revoke makes an attempt at revoking what has been queued, a few at a time. The
// first failure ends it, so that a Todoist that is down costs one time limit and
// not one each; the rest is Run's. The error wraps ErrNotRevoked.
func (m *Manager) revoke(ctx context.Context, todo []row) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, r := range todo {
		g.Go(func() error {
			if ctx.Err() != nil {
				return fmt.Errorf("%w: %w", ErrNotRevoked, ctx.Err())
			}
			plain, _ := m.ring.open(r.Key, r.Value)
			var p pending
			if err := json.Unmarshal(plain, &p); err != nil {
				return err
			}
			if err := m.tellTodoist(ctx, p); err != nil {
				m.cfg.Log.WarnContext(ctx, "token not revoked, will be tried again", "error", err)
				return fmt.Errorf("%w: %w", ErrNotRevoked, err)
			}
			// A row that stays is tried again, and Todoist says that it is done.
			if _, err := m.store.remove(ctx, r.Key, nil); err != nil {
				m.cfg.Log.WarnContext(ctx, "revoked token not removed", "error", err)
			}
			return nil
		})
	}
	return g.Wait()
}

// tellTodoist has a token revoked, whatever becomes of the visitor meanwhile.
func (m *Manager) tellTodoist(ctx context.Context, p pending) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	if err := m.cfg.Revoke(ctx, p.tokens()); err != nil {
		return err
	}
	m.cfg.Log.InfoContext(ctx, "token revoked")
	return nil
}

// endRow ends a session that is not the request's own.
func (m *Manager) endRow(ctx context.Context, id string) error {
	if _, err := m.store.remove(ctx, kindSession+"/"+id, nil); err != nil {
		return err
	}
	return m.retireRows(ctx, "", kindToken+"/"+id)
}

// endOwned ends all sessions of one user and tells how many there were.
func (m *Manager) endOwned(ctx context.Context, owner string) (int, error) {
	rows, err := m.store.owned(ctx, owner)
	if err != nil {
		return 0, err
	}
	return m.endRows(ctx, rows)
}

// endRows ends the sessions among rows first, so that none can go on, and then
// has their tokens revoked. An error of Todoist does not hold up the rest.
func (m *Manager) endRows(ctx context.Context, rows []row) (n int, err error) {
	for _, r := range rows {
		if r.kind() != kindSession {
			continue
		}
		ok, err := m.store.remove(ctx, r.Key, nil)
		if err != nil {
			return n, err
		}
		if ok {
			n++
		}
	}
	var keys []string
	for _, r := range rows {
		if r.kind() == kindToken {
			keys = append(keys, r.Key)
		}
	}
	return n, m.retireRows(ctx, "", keys...)
}

// Flush ends one user's sessions, or with an empty id everybody's, and has their
// tokens revoked. It tells how many sessions there were. An error that wraps
// ErrNotRevoked says that some tokens are left for Run of a serving process.
func (m *Manager) Flush(ctx context.Context, userID string) (int, error) {
	if userID != "" {
		return m.endOwned(ctx, ownerOf(userID))
	}
	var rows []row
	err := m.store.each(ctx, func(r row) error {
		if r.kind() == kindFlow {
			_, err := m.store.remove(ctx, r.Key, nil)
			return err
		}
		rows = append(rows, row{Key: r.Key})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return m.endRows(ctx, rows)
}

// Rekey seals everything with the first key and tells how many rows were sealed
// with another one before. What no key opens stays: it is signed out and expires.
func (m *Manager) Rekey(ctx context.Context) (int, error) {
	n := 0
	err := m.store.each(ctx, func(r row) error {
		for {
			plain, key, ok := m.ring.openWith(r.Key, r.Value)
			if !ok || key == 0 {
				return nil
			}
			old := r.Value
			r.Value = m.ring.seal(r.Key, plain)
			done, err := m.store.swap(ctx, old, r)
			if err != nil {
				return err
			}
			if done {
				n++
				return nil
			}
			// It has changed meanwhile, and maybe is sealed with the first key now.
			if r, ok, err = m.store.get(ctx, r.Key); err != nil || !ok {
				return err
			}
		}
	})
	return n, err
}

// Check tells whether the store can be written to and read, and what it returns
// opened.
func (m *Manager) Check(ctx context.Context) error {
	key := kindCheck + "/" + m.id
	text := m.now().Format(time.RFC3339Nano)
	err := m.store.put(ctx, row{Key: key, Value: m.ring.seal(key, []byte(text)), Expires: m.now().Add(cleanupEvery)})
	if err != nil {
		return err
	}
	r, ok, err := m.store.get(ctx, key)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: it lost what was just written", ErrUnavailable)
	}
	if _, ok := m.ring.open(key, r.Value); !ok {
		return fmt.Errorf("%w: it changed what was just written", ErrUnavailable)
	}
	return nil
}

// Count tells how many sessions are live. It is 0 with the store cookie.
func (m *Manager) Count(ctx context.Context) (int, error) {
	return m.store.count(ctx, kindSession, m.now())
}

// sessionRows returns a user's live sessions.
func (m *Manager) sessionRows(ctx context.Context, owner string) ([]row, error) {
	rows, err := m.store.owned(ctx, owner)
	return slices.DeleteFunc(rows, func(r row) bool {
		return r.kind() != kindSession || !r.Expires.After(m.now())
	}), err
}

// handleOf names a session to its user. It is not what the store or the cookie has.
func handleOf(id string) string {
	sum := sha256.Sum256([]byte("tipoff handle " + id))
	return hex.EncodeToString(sum[:8])
}

// infos describes the sessions that somebody is signed in with.
func (m *Manager) infos(rows []row, current string) []Info {
	var all []Info
	for _, r := range rows {
		plain, ok := m.ring.open(r.Key, r.Value)
		if !ok {
			continue
		}
		_, values, _ := codec{}.Decode(plain)
		value := func(key string) string {
			s, _ := values[key].(string)
			return s
		}
		if value(valueUser) == "" {
			continue
		}
		id := r.Key[len(kindSession)+1:]
		all = append(all, infoOf(handleOf(id), value, id == current))
	}
	slices.SortFunc(all, func(a, b Info) int {
		if c := b.Seen.Compare(a.Seen); c != 0 {
			return c
		}
		return b.Since.Compare(a.Since)
	})
	return all
}

func infoOf(handle string, value func(string) string, current bool) Info {
	return Info{
		Handle:  handle,
		Browser: value(valueAgent),
		Since:   instant(value(valueSince)),
		Seen:    instant(value(valueSeen)),
		Current: current,
	}
}
