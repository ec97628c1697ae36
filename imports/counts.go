package imports

import (
	"context"
	"time"

	"tipoff/database"
)

// Counts are how many imports update themselves.
type Counts struct {
	All     int
	Due     int // and not running
	Running int // somebody holds the lease
	// Oldest is how long the import has been due that is due the longest.
	Oldest time.Duration
}

// Counts counts the imports that update themselves.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	const due = `FILTER (WHERE due > 0 AND due <= $1 AND lease < $1)`
	var c Counts
	now, oldest := s.now(), int64(0)
	err := s.db.QueryRow(ctx, `SELECT COUNT(*), COUNT(*) `+due+`, COUNT(*) FILTER (WHERE lease >= $1), COALESCE(MIN(due) `+due+`, 0)
		FROM imports WHERE auto`, now.UnixMilli()).Scan(&c.All, &c.Due, &c.Running, &oldest)
	if oldest > 0 {
		c.Oldest = now.Sub(instant(oldest))
	}
	return c, err
}

// A StateCount is how many imports of a season are in one state.
type StateCount struct {
	Season  string
	Auto    bool
	State   State
	Imports int
	Oldest  time.Time // when the import was right that was right the longest ago; zero is never
}

// ByState counts all imports by their state, those of the latest season first.
func (s *Store) ByState(ctx context.Context) ([]StateCount, error) {
	var all []StateCount
	err := s.db.Query(ctx, func(row database.Row) error {
		var c StateCount
		var oldest int64
		err := row.Scan(&c.Season, &c.Auto, &c.State, &c.Imports, &oldest)
		c.Oldest = instant(oldest)
		all = append(all, c)
		return err
	}, `SELECT season, auto, state, COUNT(*), MIN(checked) FROM imports GROUP BY season, auto, state ORDER BY season DESC, auto DESC, state`)
	return all, err
}
