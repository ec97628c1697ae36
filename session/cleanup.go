package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
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
		done := 0
		for _, r := range rows {
			ok, err := m.cleanUpRow(ctx, r)
			if err != nil {
				return err
			}
			if ok {
				done++
			}
		}
		// What another replica took is not there any more next time; stop where
		// nothing moves.
		if len(rows) < cleanupBatch || done == 0 {
			return nil
		}
	}
	return ctx.Err()
}

// cleanUpRow deals with one row and tells whether it was this call that did.
func (m *Manager) cleanUpRow(ctx context.Context, r row) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	switch r.kind() {
	case kindRevoke:
		return m.revokeRow(ctx, r)
	case kindToken:
		err := m.retireRow(ctx, r.Key, "")
		return true, ignoreNotRevoked(err)
	case kindSession:
		ok, err := m.store.remove(ctx, r.Key, r.Value)
		if err != nil || !ok {
			return false, err
		}
		err = m.retireRow(ctx, kindToken+"/"+r.Key[len(kindSession)+1:], "")
		return true, ignoreNotRevoked(err)
	default:
		return m.store.remove(ctx, r.Key, r.Value)
	}
}

// ignoreNotRevoked drops what is logged and tried again anyway.
func ignoreNotRevoked(err error) error {
	if errors.Is(err, ErrNotRevoked) {
		return nil
	}
	return err
}

// retireRow takes a token row out of use and has its token revoked, unless the
// access token is still in use as stillUsed. No row is no error.
func (m *Manager) retireRow(ctx context.Context, key, stillUsed string) error {
	for {
		r, ok, err := m.store.get(ctx, key)
		if err != nil || !ok {
			return err
		}
		rec, opens := m.openRecord(r, true)
		// The copy to be revoked comes first: a crash in between leaves both, and
		// the row without a session is found when it expires.
		var todo row
		if opens && m.mustRevoke(rec, stillUsed) {
			if todo, err = m.queueRevoke(ctx, rec); err != nil {
				return err
			}
		}
		ok, err = m.store.remove(ctx, key, r.Value)
		if err != nil {
			return err
		}
		if todo.Key == "" {
			if ok {
				return nil
			}
			continue
		}
		if !ok {
			// A refresh was quicker: what we have queued is used up.
			if _, err := m.store.remove(ctx, todo.Key, nil); err != nil {
				return err
			}
			continue
		}
		return m.revokeNow(ctx, todo)
	}
}

// retire is retireRow for tokens that are in no row.
func (m *Manager) retire(ctx context.Context, rec record, stillUsed string) error {
	if !m.mustRevoke(rec, stillUsed) {
		return nil
	}
	todo, err := m.queueRevoke(ctx, rec)
	if err != nil {
		return err
	}
	return m.revokeNow(ctx, todo)
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

// revokeNow makes the first attempt. Its error wraps ErrNotRevoked.
func (m *Manager) revokeNow(ctx context.Context, r row) error {
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

// revokeRow makes a further attempt, in this replica only: the row is first moved
// to when the attempt after this one would be.
func (m *Manager) revokeRow(ctx context.Context, r row) (bool, error) {
	plain, ok := m.ring.open(r.Key, r.Value)
	var p pending
	if !ok || json.Unmarshal(plain, &p) != nil || m.cfg.Revoke == nil {
		return m.store.remove(ctx, r.Key, r.Value)
	}
	now := m.now()
	if now.Sub(p.Since) > revokeFor {
		m.cfg.Log.ErrorContext(ctx, "token not revoked, given up", "tries", p.Tries)
		return m.store.remove(ctx, r.Key, r.Value)
	}
	p.Tries++
	b, _ := json.Marshal(p)
	next := row{
		Key:     r.Key,
		Value:   m.ring.seal(r.Key, b),
		Expires: now.Add(min(time.Hour, cleanupEvery<<min(p.Tries, 6))),
	}
	if ok, err := m.store.swap(ctx, r.Value, next); err != nil || !ok {
		return false, err
	}
	return true, ignoreNotRevoked(m.revokeNow(ctx, next))
}

// endRow ends a session that is not the request's own.
func (m *Manager) endRow(ctx context.Context, id string) error {
	if _, err := m.store.remove(ctx, kindSession+"/"+id, nil); err != nil {
		return err
	}
	return m.retireRow(ctx, kindToken+"/"+id, "")
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
	var notRevoked error
	for _, r := range rows {
		if r.kind() != kindToken {
			continue
		}
		err := m.retireRow(ctx, r.Key, "")
		if errors.Is(err, ErrNotRevoked) {
			notRevoked = err
		} else if err != nil {
			return n, err
		}
	}
	return n, notRevoked
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
