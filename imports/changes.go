package imports

import (
	"context"
	"time"

	"tipoff/database"
)

// A Change is what was changed in one game's task.
type Change struct {
	At          time.Time
	Game, Title string // the schedule's id, and the task's title
	What        ChangeKind
	// Was and Becomes are dates as Todoist writes them, "" for none.
	Was, Becomes string
	Auto         bool // by itself, and not by a button
}

// ChangeKind says what was changed.
type ChangeKind string

// The kinds of changes.
const (
	Added     ChangeKind = "added"
	Moved     ChangeKind = "moved"
	PutOff    ChangeKind = "postponed"
	Back      ChangeKind = "back" // a postponed game has a date again
	NotNeeded ChangeKind = "not needed"
	TickedOff ChangeKind = "ticked off"
	Details   ChangeKind = "details"
)

// kept is how many changes of an import are kept.
const kept = 100

func addChanges(tx *database.Tx, id string, all []Change) error {
	if len(all) == 0 {
		return nil
	}
	var last int64
	if err := tx.QueryRow(`SELECT COALESCE(MAX(number), 0) FROM changes WHERE import_id = $1`, id).Scan(&last); err != nil {
		return err
	}
	for _, c := range all {
		last++
		_, err := tx.Exec(`INSERT INTO changes (import_id, number, at, game, title, what, was, becomes, auto) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			id, last, c.At.UnixMilli(), c.Game, c.Title, string(c.What), c.Was, c.Becomes, c.Auto)
		if err != nil {
			return err
		}
	}
	_, err := tx.Exec(`DELETE FROM changes WHERE import_id = $1 AND number <= $2`, id, last-kept)
	return err
}

// Changes returns what was changed in a user's import, the latest first.
func (s *Store) Changes(ctx context.Context, user, id string) ([]Change, error) {
	var all []Change
	err := s.db.Query(ctx, func(row database.Row) error {
		var c Change
		var at int64
		err := row.Scan(&at, &c.Game, &c.Title, &c.What, &c.Was, &c.Becomes, &c.Auto)
		c.At = instant(at)
		all = append(all, c)
		return err
	}, `SELECT c.at, c.game, c.title, c.what, c.was, c.becomes, c.auto FROM changes c JOIN imports i ON i.id = c.import_id
		WHERE i.id = $1 AND i.user_id = $2 ORDER BY c.number DESC`, id, user)
	return all, err
}
