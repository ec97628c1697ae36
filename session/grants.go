package session

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"tipoff/database"
)

// A grant is what Tipoff acts with for one user.
type grant struct {
	user    string
	version int64
	// asked is when a refresh with this pair was begun, zero when none was. It is
	// stored before Todoist is asked, so that after a crash it is known that the
	// refresh token may be used up. by names the process.
	asked time.Time
	by    string
	used  time.Time // when the pair came
	secrets
}

// secrets are sealed in a grant's row.
type secrets struct {
	Tokens   Tokens   `json:"tokens"`
	Personal bool     `json:"personal,omitempty"` // a personal API token, which is its user's and not ours to revoke
	Name     string   `json:"name,omitempty"`
	Email    string   `json:"email,omitempty"`
	Scope    []string `json:"scope,omitempty"` // what the next refresh asks for; empty is what the pair has
	// Replaced are pairs of earlier sign-ins. Nobody knows whether revoking one pair
	// of a user ends the others, so they are revoked with the grant.
	Replaced []Tokens `json:"replaced,omitempty"`
}

// grantColumns are what readGrant reads.
const grantColumns = `user_id, sealed, version, asked, asked_by, used`

// readGrant reads a row. One that no key opens is a grant without tokens.
func (m *Manager) readGrant(row database.Row) (grant, error) {
	var g grant
	var sealed []byte
	var asked, used int64
	if err := row.Scan(&g.user, &sealed, &g.version, &asked, &g.by, &used); err != nil {
		return grant{}, err
	}
	g.used = time.UnixMilli(used).UTC()
	if asked > 0 {
		g.asked = time.UnixMilli(asked).UTC()
	}
	plain, _ := m.ring.open("grant/"+g.user, sealed)
	_ = json.Unmarshal(plain, &g.secrets) // nothing, where it was not opened
	return g, nil
}

// all are the tokens to be revoked with the grant.
func (g grant) all() []Tokens {
	all := slices.Clone(g.Replaced)
	if g.Tokens.Access != "" && !g.Personal {
		all = append(all, g.Tokens)
	}
	return all
}

// replace puts a pair in the place of the grant's own, which is remembered if anything
// of it could still be used.
func (g *grant) replace(t Tokens, now time.Time) {
	if old := g.Tokens; !g.Personal && old.Access != t.Access && (old.Refresh != "" || old.valid("", now)) {
		g.remember(old)
	}
	g.set(t, now)
}

// set makes t the grant's pair.
func (g *grant) set(t Tokens, now time.Time) {
	g.Tokens, g.asked, g.by, g.used = t, time.Time{}, "", now
}

func (g *grant) remember(t Tokens) {
	g.Replaced = append(g.Replaced, t)
	g.Replaced = g.Replaced[max(0, len(g.Replaced)-maxReplaced):]
}

// putGrant makes t a user's grant, or replaces the pair of the one that is there.
func (m *Manager) putGrant(tx *database.Tx, u User, t Tokens) error {
	now := m.now()
	// This locks the row, also where it is made just now. Its first version is the time,
	// so that it is not taken for a row before it.
	g, err := m.readGrant(tx.QueryRow(`INSERT INTO grants (user_id, sealed, version, asked, asked_by, used) VALUES ($1, $2, $3, 0, '', $4)
		ON CONFLICT (user_id) DO UPDATE SET version = grants.version + 1 RETURNING `+grantColumns,
		u.ID, []byte{}, now.UnixMilli(), now.UnixMilli()))
	if err != nil {
		return err
	}
	g.replace(t, now)
	g.Personal, g.Name, g.Email, g.Scope = u.Personal, u.Name, u.Email, nil
	return m.writeGrant(tx.Exec, &g)
}

// lockGrant reads a user's grant, which nobody else changes before the transaction's
// end.
func (m *Manager) lockGrant(tx *database.Tx, user string) (grant, error) {
	return m.readGrant(tx.QueryRow(`SELECT `+grantColumns+` FROM grants WHERE user_id = $1`+m.cfg.DB.ForUpdate(), user))
}

// grantOf reads a user's grant. ErrSignedOut says that there is none with tokens.
func (m *Manager) grantOf(ctx context.Context, user string) (grant, error) {
	g, err := m.readGrant(m.cfg.DB.QueryRow(ctx, `SELECT `+grantColumns+` FROM grants WHERE user_id = $1`, user))
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && g.Tokens.Access == "":
		return grant{}, ErrSignedOut
	case err != nil:
		return grant{}, unavailable("read the grant", err)
	}
	return g, nil
}

// errChanged says that a grant is not any more as it was read.
var errChanged = errors.New("the grant has changed")

// writeGrant writes a grant in place of the version that was read, or else returns
// errChanged.
func (m *Manager) writeGrant(exec func(query string, args ...any) (int64, error), g *grant) error {
	plain, err := json.Marshal(g.secrets)
	if err != nil {
		return err
	}
	asked := int64(0)
	if !g.asked.IsZero() {
		asked = g.asked.UnixMilli()
	}
	n, err := exec(`UPDATE grants SET sealed = $3, version = version + 1, asked = $4, asked_by = $5, used = $6 WHERE user_id = $1 AND version = $2`,
		g.user, g.version, m.ring.seal("grant/"+g.user, plain), asked, g.by, g.used.UnixMilli())
	if err == nil && n == 0 {
		return errChanged
	}
	g.version++
	return err
}

// swap is writeGrant outside of a transaction.
func (m *Manager) swap(ctx context.Context, g *grant) error {
	err := m.writeGrant(func(query string, args ...any) (int64, error) { return m.cfg.DB.Exec(ctx, query, args...) }, g)
	if errors.Is(err, errChanged) {
		return err
	}
	return unavailable("write the grant", err)
}

// wipe deletes a grant that is worthless, and returns ErrSignedOut, or errChanged where
// it has changed. Pairs that it had before are revoked.
func (m *Manager) wipe(ctx context.Context, g grant, why string) error {
	var todo []revocation
	err := m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		n, err := tx.Exec(`DELETE FROM grants WHERE user_id = $1 AND version = $2`, g.user, g.version)
		if err == nil && n == 0 {
			return errChanged
		}
		if err == nil {
			todo, err = m.queueRevocations(tx, g.Replaced...)
		}
		return err
	})
	if errors.Is(err, errChanged) {
		return err
	}
	if err != nil {
		return unavailable("delete the grant", err)
	}
	m.cfg.Log.InfoContext(ctx, "token wiped", "user", g.user, "reason", why)
	_ = m.revoke(ctx, todo) // what fails is logged, and tried again
	return ErrSignedOut
}
