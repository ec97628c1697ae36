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

	tokens   Tokens
	personal bool // a personal API token, which is its user's and not ours to revoke
	name     string
	email    string
	// scope is what the next refresh asks for; empty is what the pair has.
	scope []string
	// replaced are pairs of earlier sign-ins. Nobody knows whether revoking one pair
	// of a user ends the others, so they are revoked with the grant.
	replaced []Tokens
}

// sealedGrant is the JSON of what is sealed in a grant's row.
type sealedGrant struct {
	Tokens   storedTokens   `json:"tokens"`
	Personal bool           `json:"personal,omitempty"`
	Name     string         `json:"name,omitempty"`
	Email    string         `json:"email,omitempty"`
	Scope    []string       `json:"scope,omitempty"`
	Replaced []storedTokens `json:"replaced,omitempty"`
}

func (m *Manager) sealGrant(g grant) ([]byte, error) {
	s := sealedGrant{Tokens: stored(g.tokens), Personal: g.personal, Name: g.name, Email: g.email, Scope: g.scope}
	for _, t := range g.replaced {
		s.Replaced = append(s.Replaced, stored(t))
	}
	plain, err := json.Marshal(s)
	return m.ring.seal("grant/"+g.user, plain), err
}

// grantColumns are what readGrant reads.
const grantColumns = `user_id, sealed, version, asked, asked_by`

// readGrant reads a row. One that no key opens is a grant without tokens.
func (m *Manager) readGrant(row database.Row) (grant, error) {
	var g grant
	var sealed []byte
	var asked int64
	if err := row.Scan(&g.user, &sealed, &g.version, &asked, &g.by); err != nil {
		return grant{}, err
	}
	if asked > 0 {
		g.asked = time.UnixMilli(asked).UTC()
	}
	plain, _ := m.ring.open("grant/"+g.user, sealed)
	var s sealedGrant
	if json.Unmarshal(plain, &s) == nil {
		g.tokens, g.personal, g.name, g.email, g.scope = Tokens(s.Tokens), s.Personal, s.Name, s.Email, s.Scope
		for _, t := range s.Replaced {
			g.replaced = append(g.replaced, Tokens(t))
		}
	}
	return g, nil
}

// all are the tokens to be revoked with the grant.
func (g grant) all() []Tokens {
	all := slices.Clone(g.replaced)
	if g.tokens.Access != "" && !g.personal {
		all = append(all, g.tokens)
	}
	return all
}

// replace puts a pair in the place of the grant's own, which is remembered if anything
// of it could still be used.
func (g *grant) replace(t Tokens, now time.Time) {
	if old := g.tokens; !g.personal && old.Access != t.Access && (old.Refresh != "" || old.valid("", now)) {
		g.remember(old)
	}
	g.tokens, g.asked, g.by = t, time.Time{}, ""
}

func (g *grant) remember(t Tokens) {
	g.replaced = append(g.replaced, t)
	g.replaced = g.replaced[max(0, len(g.replaced)-maxReplaced):]
}

// putGrant makes t a user's grant, or replaces the pair of the one that is there.
func (m *Manager) putGrant(tx *database.Tx, u User, t Tokens) error {
	g, err := m.readGrant(tx.QueryRow(`SELECT `+grantColumns+` FROM grants WHERE user_id = $1`+m.cfg.DB.ForUpdate(), u.ID))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	now := m.now()
	g.replace(t, now)
	g.user, g.personal, g.name, g.email, g.scope = u.ID, u.Personal, u.Name, u.Email, nil
	sealed, err := m.sealGrant(g)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO grants (user_id, sealed, version, asked, asked_by, used) VALUES ($1, $2, 1, 0, '', $3)
		ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, version = grants.version + 1, asked = 0, asked_by = '', used = excluded.used`,
		u.ID, sealed, now.UnixMilli())
	return err
}

// grantOf reads a user's grant. ErrSignedOut says that there is none with tokens.
func (m *Manager) grantOf(ctx context.Context, user string) (grant, error) {
	g, err := m.readGrant(m.cfg.DB.QueryRow(ctx, `SELECT `+grantColumns+` FROM grants WHERE user_id = $1`, user))
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && g.tokens.Access == "":
		return grant{}, ErrSignedOut
	case err != nil:
		return grant{}, unavailable("read the grant", err)
	}
	return g, nil
}

// swap writes a grant in place of the version that was read. It reports false, and
// writes nothing, where that is not there any more.
func (m *Manager) swap(ctx context.Context, g grant) (grant, bool, error) {
	sealed, err := m.sealGrant(g)
	if err != nil {
		return g, false, err
	}
	asked := int64(0)
	if !g.asked.IsZero() {
		asked = g.asked.UnixMilli()
	}
	n, err := m.cfg.DB.Exec(ctx, `UPDATE grants SET sealed = $3, version = version + 1, asked = $4, asked_by = $5, used = $6 WHERE user_id = $1 AND version = $2`,
		g.user, g.version, sealed, asked, g.by, m.now().UnixMilli())
	g.version++
	return g, n == 1, unavailable("write the grant", err)
}

// wipe deletes a grant that is worthless, unless it has changed, and returns
// ErrSignedOut. Pairs that it had before are revoked.
func (m *Manager) wipe(ctx context.Context, g grant, why string) error {
	var todo []revocation
	err := m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		n, err := tx.Exec(`DELETE FROM grants WHERE user_id = $1 AND version = $2`, g.user, g.version)
		if err != nil || n == 0 {
			return err
		}
		m.cfg.Log.InfoContext(ctx, "token wiped", "reason", why)
		todo, err = m.queueRevocations(tx, g.replaced...)
		return err
	})
	if err != nil {
		return unavailable("delete the grant", err)
	}
	_ = m.revoke(ctx, todo) // what fails is logged, and tried again
	return ErrSignedOut
}
