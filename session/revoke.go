package session

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"tipoff/database"
)

const (
	sweepEvery = time.Minute
	sweepBatch = 200
	// sweepGrace is how long sign-ins that ran out still count for the sweep, so that
	// replicas whose clocks differ a little do not end each other's.
	sweepGrace = 10 * time.Second
	// revokeTimeout bounds one attempt at revoking everything that a call has to revoke.
	revokeTimeout = 5 * time.Second
	// revokeFor is how long Todoist is told again and again to forget a token.
	revokeFor = 24 * time.Hour
)

// A revocation is a pair of tokens that Todoist has to be told to forget.
type revocation struct {
	id     string // of its row; empty where the database could not take it
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

// sweep removes what has expired, ends the grants that nobody needs any more,
// refreshes grants that nobody used for long, and tells Todoist again what it could
// not be told.
func (m *Manager) sweep(ctx context.Context) error {
	now := m.now()
	seen, since := m.graceArgs()
	var errs []error
	remove := func(query string, args ...any) {
		_, err := m.cfg.DB.Exec(ctx, query, args...)
		errs = append(errs, err)
	}
	remove(`DELETE FROM sessions WHERE expires < $1`, time.Now().UnixMilli()) // scs's clock
	remove(`DELETE FROM spent_states WHERE expires < $1`, now.UnixMilli())
	remove(`DELETE FROM sign_ins WHERE (seen <= $1 OR since <= $2) AND since <= $3`, seen, since, now.Add(-aloneFor).UnixMilli())
	unneeded, err := m.users(ctx, `SELECT user_id FROM grants g WHERE NOT EXISTS
		(SELECT 1 FROM sign_ins s WHERE s.user_id = g.user_id AND `+liveOnly(1)+`)`+` AND g.user_id NOT IN (`+m.cfg.Needed+`) LIMIT $3`, seen, since, sweepBatch)
	errs = append(errs, err)
	todo, err := m.endGrants(ctx, unneeded...)
	errs = append(errs, err)
	due, err := m.claimRevocations(ctx)
	errs = append(errs, err)
	_ = m.revoke(ctx, append(todo, due...)) // what fails is logged, and due again later
	if now.Before(m.keepAliveFrom) {
		return errors.Join(errs...)
	}
	unused, err := m.users(ctx, `SELECT user_id FROM grants WHERE used < $1 LIMIT $2`, now.Add(-unusedFor).UnixMilli(), sweepBatch)
	errs = append(errs, err)
	for _, user := range unused {
		if err := m.keepAlive(ctx, user); err != nil {
			// A refresh without an answer can cost the grant, so the others wait.
			m.keepAliveFrom = now.Add(time.Hour)
			errs = append(errs, fmt.Errorf("refresh a grant that nobody used: %w", err))
			break
		}
	}
	return errors.Join(errs...)
}

// graceArgs are liveArgs for the sweep.
func (m *Manager) graceArgs() (seen, since int64) {
	seen, since = m.liveArgs()
	return seen - sweepGrace.Milliseconds(), since - sweepGrace.Milliseconds()
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

// endGrants ends the grants of those users who are signed in nowhere and whose grants
// nothing else needs. It returns what
// the caller has to revoke: the tokens, and all that the grants had before.
func (m *Manager) endGrants(ctx context.Context, users ...string) (todo []revocation, err error) {
	seen, since := m.graceArgs()
	for _, user := range users {
		var ended []revocation
		txErr := m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
			g, err := m.lockGrant(tx, user)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			var live int
			err = tx.QueryRow(`SELECT (SELECT COUNT(*) FROM sign_ins WHERE user_id = $1 AND `+liveOnly(2)+`)
				+ (SELECT COUNT(*) FROM (`+m.cfg.Needed+`) AS needed WHERE user_id = $1)`, user, seen, since).Scan(&live)
			if err != nil || live > 0 {
				return err
			}
			if _, err := tx.Exec(`DELETE FROM grants WHERE user_id = $1`, user); err != nil {
				return err
			}
			ended, err = m.queueRevocations(tx, g.all()...)
			return err
		})
		if txErr != nil {
			err = errors.Join(err, unavailable("end the grant", txErr))
			continue
		}
		todo = append(todo, ended...)
	}
	return todo, err
}

// Discard revokes tokens of a sign-in that failed before it was known whose they are.
func (m *Manager) Discard(ctx context.Context, t Tokens) {
	_ = m.discard(ctx, "", t) // what fails is logged, and tried again
}

// discard revokes a pair that nobody keeps. Where its user has a grant it is remembered
// in that, since nobody knows whether revoking the pair would end the grant. Where the
// database cannot be asked, Todoist is told once. The error wraps ErrNotRevoked.
func (m *Manager) discard(ctx context.Context, user string, t Tokens) error {
	if t.Access == "" {
		return nil
	}
	var todo []revocation
	err := m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		g, err := m.lockGrant(tx, user)
		switch {
		case errors.Is(err, sql.ErrNoRows) || err == nil && g.Tokens.Access == "":
			todo, err = m.queueRevocations(tx, t)
		case err == nil && g.Tokens.Access != t.Access:
			g.remember(t)
			err = m.writeGrant(tx.Exec, &g)
		}
		return err
	})
	if err != nil {
		m.cfg.Log.WarnContext(ctx, "token to be revoked not kept", "error", err)
		todo = []revocation{{tokens: t}}
	}
	return m.revoke(ctx, todo)
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
		plain, err := json.Marshal(t)
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

// claimRevocations takes up what is due, for this replica alone, and says when it is
// due again: each time a minute later than the last. What has been tried for a day is
// given up.
func (m *Manager) claimRevocations(ctx context.Context) (due []revocation, err error) {
	now := m.now()
	given, err := m.cfg.DB.Exec(ctx, `DELETE FROM revocations WHERE since < $1`, now.Add(-revokeFor).UnixMilli())
	if err != nil {
		return nil, err
	}
	if given > 0 {
		m.cfg.Log.ErrorContext(ctx, "token not revoked, given up", "pairs", given)
	}
	lock := m.cfg.DB.ForUpdate()
	if lock != "" {
		lock += " SKIP LOCKED"
	}
	err = m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		return tx.Query(func(row database.Row) error {
			var id string
			var sealed []byte
			err := row.Scan(&id, &sealed)
			if t, ok := m.openTokens("revocation/"+id, sealed); ok {
				due = append(due, revocation{id, t})
			}
			return err
		}, `UPDATE revocations SET tries = tries + 1, next = $1 + (tries + 2) * $2 WHERE id IN
			(SELECT id FROM revocations WHERE next <= $1 ORDER BY next LIMIT $3`+lock+`) RETURNING id, sealed`,
			now.UnixMilli(), sweepEvery.Milliseconds(), sweepBatch)
	})
	return due, err
}

// revoke makes an attempt at revoking what has been queued, a few at a time, and all
// within one time limit. A visitor who leaves does not cut it off. The error wraps
// ErrNotRevoked: the rest is Run's.
func (m *Manager) revoke(ctx context.Context, todo []revocation) error {
	if m.cfg.Revoke == nil || len(todo) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(4)
	for _, r := range todo {
		g.Go(func() error {
			if err := m.tellTodoist(ctx, r.tokens); err != nil || r.id == "" {
				return err
			}
			// A row that stays is tried again, and Todoist says that it is done.
			if _, err := m.cfg.DB.Exec(ctx, `DELETE FROM revocations WHERE id = $1`, r.id); err != nil {
				m.cfg.Log.WarnContext(ctx, "revoked token not removed", "error", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		m.cfg.Log.WarnContext(ctx, "token not revoked, will be tried again", "error", err)
		return fmt.Errorf("%w: %w", ErrNotRevoked, err)
	}
	m.cfg.Log.InfoContext(ctx, "token revoked", "pairs", len(todo))
	return nil
}

func (m *Manager) tellTodoist(ctx context.Context, t Tokens) (err error) {
	defer recovered(&err)
	return m.cfg.Revoke(ctx, t)
}

// recovered makes an error of a panic, which in a goroutine of ours would end the
// program. It is to be deferred.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}
