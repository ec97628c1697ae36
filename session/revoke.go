package session

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tipoff/database"
)

const (
	sweepEvery    = time.Minute
	sweepBatch    = 200
	revokeTimeout = 5 * time.Second
	// revokeFor is how long Todoist is told again and again to forget a token.
	revokeFor = 24 * time.Hour
	// sweepGrace is how long ended sign-ins stay, so that replicas whose clocks
	// differ a little do not end each other's.
	sweepGrace = 10 * time.Second
)

// A revocation is a pair of tokens that Todoist has to be told to forget.
type revocation struct {
	id     string
	tokens Tokens
}

// Run sweeps until ctx ends: see sweep. Several replicas may run it on one database.
// It returns nil.
func (m *Manager) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := m.sweep(ctx); err != nil && ctx.Err() == nil {
			m.cfg.Log.WarnContext(ctx, "sweep of sign-ins", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep removes what has expired, ends the grants of users who are signed in nowhere,
// refreshes grants that nobody used for long, and tells Todoist again what it could
// not be told.
func (m *Manager) sweep(ctx context.Context) error {
	now := m.now()
	seen, since := m.liveArgs()
	grace := sweepGrace.Milliseconds()
	var errs []error
	for _, s := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM sessions WHERE expires < $1`, []any{time.Now().UnixMilli()}},
		{`DELETE FROM spent_states WHERE expires < $1`, []any{now.UnixMilli()}},
		{`DELETE FROM sign_ins WHERE seen <= $1 OR since <= $2`, []any{seen - grace, since - grace}},
	} {
		_, err := m.cfg.DB.Exec(ctx, s.query, s.args...)
		errs = append(errs, err)
	}
	unneeded, err := m.users(ctx, `SELECT user_id FROM grants g WHERE NOT EXISTS (SELECT 1 FROM sign_ins s WHERE s.user_id = g.user_id) LIMIT $1`, sweepBatch)
	errs = append(errs, err)
	for _, user := range unneeded {
		if err := m.endGrant(ctx, user); err != nil && !errors.Is(err, ErrNotRevoked) { // which is logged
			errs = append(errs, err)
		}
	}
	unused, err := m.users(ctx, `SELECT user_id FROM grants WHERE used < $1 LIMIT $2`, now.Add(-unusedFor).UnixMilli(), sweepBatch)
	errs = append(errs, err)
	for _, user := range unused {
		m.keepAlive(ctx, user)
	}
	due, err := m.claimRevocations(ctx)
	_ = m.revoke(ctx, due) // what fails is logged, and due again later
	return errors.Join(append(errs, err)...)
}

func (m *Manager) users(ctx context.Context, query string, args ...any) (users []string, err error) {
	err = m.cfg.DB.Query(ctx, func(row database.Row) error {
		var user string
		err := row.Scan(&user)
		users = append(users, user)
		return err
	}, query, args...)
	return users, err
}

// endGrant ends a user's grant unless the user is signed in somewhere: its tokens,
// and all that it had before, are revoked. The error wraps ErrNotRevoked where
// Todoist could not be told yet.
func (m *Manager) endGrant(ctx context.Context, userID string) error {
	var todo []revocation
	seen, since := m.liveArgs()
	err := m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		g, err := m.readGrant(tx.QueryRow(`SELECT `+grantColumns+` FROM grants WHERE user_id = $1`+m.cfg.DB.ForUpdate(), userID))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var live int
		if err := tx.QueryRow(`SELECT COUNT(*) FROM sign_ins WHERE user_id = $1 AND `+liveOnly(2), userID, seen, since).Scan(&live); err != nil || live > 0 {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM grants WHERE user_id = $1`, userID); err != nil {
			return err
		}
		todo, err = m.queueRevocations(tx, g.all()...)
		return err
	})
	if err != nil {
		return unavailable("end the grant", err)
	}
	return m.revoke(ctx, todo)
}

// retire has a pair revoked that is in no grant.
func (m *Manager) retire(ctx context.Context, t Tokens) error {
	var todo []revocation
	err := m.cfg.DB.InTx(ctx, func(tx *database.Tx) (err error) {
		todo, err = m.queueRevocations(tx, t)
		return err
	})
	if err != nil {
		return unavailable("keep the token to be revoked", err)
	}
	return m.revoke(ctx, todo)
}

// Discard revokes tokens of a sign-in that failed before it was known whose they are.
func (m *Manager) Discard(ctx context.Context, t Tokens) { m.discard(ctx, User{}, t) }

// discard revokes tokens that no grant keeps. If the database is not there to keep
// them for a later try, Todoist is told once.
func (m *Manager) discard(ctx context.Context, u User, t Tokens) {
	if u.Personal || t.Access == "" {
		return
	}
	ctx = context.WithoutCancel(ctx) // the visitor may have left
	if errors.Is(m.retire(ctx, t), ErrUnavailable) && m.cfg.Revoke != nil {
		if err := m.tellTodoist(ctx, t); err != nil {
			m.cfg.Log.WarnContext(ctx, "token not revoked", "error", err)
		}
	}
}

// queueRevocations stores tokens that are to be revoked. The sweep leaves them alone
// for a minute, for the first attempt is the caller's.
func (m *Manager) queueRevocations(tx *database.Tx, all ...Tokens) (todo []revocation, err error) {
	if m.cfg.Revoke == nil {
		return nil, nil
	}
	now := m.now()
	for _, t := range all {
		r := revocation{random(), t}
		plain, err := json.Marshal(stored(t))
		if err != nil {
			return nil, err
		}
		_, err = tx.Exec(`INSERT INTO revocations (id, sealed, since, next, tries) VALUES ($1, $2, $3, $4, 0)`,
			r.id, m.ring.seal("revocation/"+r.id, plain), now.UnixMilli(), now.Add(sweepEvery).UnixMilli())
		if err != nil {
			return nil, err
		}
		todo = append(todo, r)
	}
	return todo, nil
}

// claimRevocations takes up what is due, for this replica alone: it is due again when
// the attempt after this one would be. What has been tried for a day is given up.
func (m *Manager) claimRevocations(ctx context.Context) (due []revocation, err error) {
	now := m.now()
	given, err := m.cfg.DB.Exec(ctx, `DELETE FROM revocations WHERE since < $1`, now.Add(-revokeFor).UnixMilli())
	if err != nil {
		return nil, err
	}
	if given > 0 {
		m.cfg.Log.ErrorContext(ctx, "tokens not revoked, given up", "tokens", given)
	}
	err = m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		type row struct {
			id     string
			sealed []byte
			tries  int
		}
		var rows []row
		skip := ""
		if m.cfg.DB.ForUpdate() != "" {
			skip = m.cfg.DB.ForUpdate() + " SKIP LOCKED"
		}
		err := tx.Query(func(r database.Row) error {
			var one row
			err := r.Scan(&one.id, &one.sealed, &one.tries)
			rows = append(rows, one)
			return err
		}, `SELECT id, sealed, tries FROM revocations WHERE next <= $1 ORDER BY next LIMIT $2`+skip, now.UnixMilli(), sweepBatch)
		if err != nil {
			return err
		}
		for _, r := range rows {
			t, ok := m.openTokens("revocation/"+r.id, r.sealed)
			if !ok {
				if _, err := tx.Exec(`DELETE FROM revocations WHERE id = $1`, r.id); err != nil {
					return err
				}
				continue
			}
			next := now.Add(min(time.Hour, sweepEvery<<min(r.tries+1, 6)))
			if _, err := tx.Exec(`UPDATE revocations SET next = $2, tries = tries + 1 WHERE id = $1`, r.id, next.UnixMilli()); err != nil {
				return err
			}
			due = append(due, revocation{r.id, t})
		}
		return nil
	})
	return due, err
}

// revoke makes an attempt at revoking what has been queued, a few at a time. The
// first failure ends it, so that a Todoist that is down costs one time limit and
// not one each; the rest is Run's. The error wraps ErrNotRevoked.
func (m *Manager) revoke(ctx context.Context, todo []revocation) error {
	if m.cfg.Revoke == nil {
		return nil
	}
	g, within := errgroup.WithContext(context.WithoutCancel(ctx))
	g.SetLimit(4)
	for _, r := range todo {
		g.Go(func() error {
			if within.Err() != nil {
				return fmt.Errorf("%w: %w", ErrNotRevoked, within.Err())
			}
			if err := m.tellTodoist(ctx, r.tokens); err != nil {
				m.cfg.Log.WarnContext(ctx, "token not revoked, will be tried again", "error", err)
				return fmt.Errorf("%w: %w", ErrNotRevoked, err)
			}
			// A row that stays is tried again, and Todoist says that it is done.
			if _, err := m.cfg.DB.Exec(ctx, `DELETE FROM revocations WHERE id = $1`, r.id); err != nil {
				m.cfg.Log.WarnContext(ctx, "revoked token not removed", "error", err)
			}
			return nil
		})
	}
	return g.Wait()
}

// tellTodoist has tokens revoked, whatever becomes of the visitor meanwhile.
func (m *Manager) tellTodoist(ctx context.Context, t Tokens) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	if err := m.cfg.Revoke(ctx, t); err != nil {
		return err
	}
	m.cfg.Log.InfoContext(ctx, "token revoked")
	return nil
}
