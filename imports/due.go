package imports

import (
	"context"
	"slices"
	"time"

	"tipoff/database"
)

// UpdatingUsers is a query for the users who have imports that update themselves.
const UpdatingUsers = `SELECT user_id FROM imports WHERE auto`

// SetAuto says whether an import updates itself. One that does from now on is due.
func (s *Store) SetAuto(ctx context.Context, user, id string, auto bool) error {
	due := int64(0)
	if auto {
		due = s.now().UnixMilli()
	}
	_, err := s.db.Exec(ctx, `UPDATE imports SET auto = $3, due = $4, failures = 0 WHERE id = $1 AND user_id = $2 AND auto <> $3`, id, user, auto, due)
	return err
}

// CountAuto counts a user's imports that update themselves.
func (s *Store) CountAuto(ctx context.Context, user string) (n int, err error) {
	err = s.db.QueryRow(ctx, `SELECT COUNT(*) FROM imports WHERE user_id = $1 AND auto`, user).Scan(&n)
	return n, err
}

// SignedIn makes those imports of a user due that waited for a sign-in.
func (s *Store) SignedIn(ctx context.Context, user string) error {
	_, err := s.db.Exec(ctx, `UPDATE imports SET state = '', due = $3, failures = 0 WHERE user_id = $1 AND state = $2`,
		user, string(SignInAgain), s.now().UnixMilli())
	return err
}

// EndBefore ends the updates of imports of earlier seasons than this one.
func (s *Store) EndBefore(ctx context.Context, season string) error {
	_, err := s.db.Exec(ctx, `UPDATE imports SET auto = $1, due = 0, failures = 0 WHERE auto AND season < $2`, false, season)
	return err
}

// A Group are imports for which the same games count.
type Group struct {
	Teams  string // as in the row
	Played bool
}

// Groups returns those of a season's imports that update themselves.
func (s *Store) Groups(ctx context.Context, season string) ([]Group, error) {
	var all []Group
	err := s.db.Query(ctx, func(row database.Row) error {
		var g Group
		err := row.Scan(&g.Teams, &g.Played)
		all = append(all, g)
		return err
	}, `SELECT DISTINCT teams, played FROM imports WHERE auto AND season = $1`, season)
	return all, err
}

// markBatch is how many imports are marked in one transaction.
const markBatch = 500

// MarkDue makes the imports of a group due whose facts are others than these, each when
// the function says. Those that wait for their owner are left alone, and so are those
// that are due already. It returns how many there are.
func (s *Store) MarkDue(ctx context.Context, season string, g Group, facts string, when func() time.Time) (int, error) {
	var ids []string
	err := s.db.Query(ctx, func(row database.Row) error {
		var id string
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT id FROM imports WHERE auto AND season = $1 AND teams = $2 AND played = $3 AND facts <> $4 AND due = 0 AND project <> ''
		AND state NOT IN ($5, $6)`, season, g.Teams, g.Played, facts, string(SignInAgain), string(LookFirst))
	for batch := range slices.Chunk(ids, markBatch) {
		if err != nil {
			break
		}
		err = s.db.InTx(ctx, func(tx *database.Tx) error {
			for _, id := range batch {
				if _, err := tx.Exec(`UPDATE imports SET due = $2 WHERE id = $1 AND due = 0`, id, when().UnixMilli()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return len(ids), err
}

// ClaimDue takes the leases of at most so many imports that are due, the longest first:
// one of each user, and none of those of whose imports one is being written.
func (s *Store) ClaimDue(ctx context.Context, holder string, until time.Time, most int) ([]*Import, error) {
	now := s.now().UnixMilli()
	// Most of the time there is nothing, which takes no lock to see.
	var due bool
	err := s.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM imports WHERE auto AND due > 0 AND due <= $1)`, now).Scan(&due)
	if err != nil || !due {
		return nil, err
	}
	lock := s.db.ForUpdate()
	if lock != "" {
		lock += " SKIP LOCKED"
	}
	var all []*Import
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		return tx.Query(func(row database.Row) error {
			im, err := scan(row)
			all = append(all, im)
			return err
		}, `UPDATE imports SET lease = $1, holder = $2 WHERE id IN (SELECT id FROM imports i WHERE auto AND due > 0 AND due <= $3 AND lease < $3
			AND NOT EXISTS (SELECT 1 FROM imports o WHERE o.user_id = i.user_id AND (o.lease >= $3
				OR o.auto AND o.due > 0 AND (o.due, o.id) < (i.due, i.id))) ORDER BY due LIMIT $4`+lock+`)
			RETURNING `+columns, until.UnixMilli(), holder, now, most)
	})
	return all, err
}
