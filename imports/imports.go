// Package imports keeps the rows of imports: one for each project of a user, and one
// for each of its tasks. It knows neither Todoist nor the schedule: what the rows mean
// is for package importer.
//
// A row is written by one process at a time, which holds its lease. What is about to
// be sent to Todoist is stored before it is sent, and what was done after it is
// answered, so that a crash leaves nothing unknown.
package imports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tipoff/database"
)

// Import is one project of one user, with what belongs into it.
type Import struct {
	ID       string // made by the page that shows the form, so that a double click is one import
	User     string
	League   string   // "nba"
	Season   string   // such as 2026-27
	Teams    []string // tricodes, sorted
	Project  string   // Todoist's id; "" until it is made
	Created  bool     // Todoist told us that it made the project for us: only then may it be deleted
	Options  string   // the form's query, without the games left out
	Sections []string // ids of those made by us
	Request  int      // part of the commands' uuids; raised after each answer
	// Sending is the request under way, which was stored before it was sent. It is
	// sent again as it is until it is answered. Empty when there is none.
	Sending []byte
	State   State
	Begun   time.Time
	Checked time.Time // the last time that all of it was right; zero is never

	Zone   string // IANA, of the tasks' times
	Auto   bool   // it updates itself
	Played bool   // games are ticked off once they are over
	// Facts and AsOf are those of the schedule at the last success. Of an import that
	// waits for its owner, the facts are those that it could not follow.
	Facts    string
	AsOf     time.Time
	Due      time.Time // when it is to be updated; zero is not
	Failures int       // of updates by itself, since the last success

	// Tasks has the rows of games, by the schedule's id.
	Tasks map[string]*Task
}

// State says what keeps an import from being brought up to date; "" is nothing.
type State string

// The states of an import. The first two wait for its owner, the next two for a change of
// the schedule as well, and one that is failing is tried again by itself.
const (
	SignInAgain State = "sign in again"
	LookFirst   State = "look first" // it would change so much that its owner has to see it
	Archived    State = "archived"   // the project is
	NoRoom      State = "no room"    // in the owner's Todoist plan
	Failing     State = "failing"
)

// A Task is what an import knows of one game.
type Task struct {
	Game            string // the schedule's id
	Home, Away, Day string // tricodes and the Eastern day, so that the game is known again under another id
	ID              string // Todoist's; "" while it is being made, or where there is none
	State           TaskState
	Wrote           []string // fingerprints of the fields as we wrote them last
}

// Open says that the task is there and has a date.
func (t *Task) Open() bool { return t.State == There }

// TaskState says what became of a game's task.
type TaskState string

// The states of a task.
const (
	There     TaskState = "there"
	Postponed TaskState = "postponed" // there, without a date
	Done      TaskState = "done"      // ticked off by us
	Deleted   TaskState = "deleted"   // by its owner
	LeftOut   TaskState = "left out"  // never made, or not wanted any more
)

// A Store keeps imports in a database.
type Store struct {
	db  *database.DB
	now func() time.Time
}

// New returns a store. Leases are judged by now, which all replicas should agree on to
// some seconds.
func New(db *database.DB, now func() time.Time) *Store { return &Store{db, now} }

// ErrLost says that the lease is not held any more: another process may write.
var ErrLost = errors.New("the lease of the import is lost")

// columns are those of an import's row, rest those that [Store.Save] writes.
const (
	columns = `id, user_id, auto, ` + rest
	rest    = `league, season, teams, project, created, options, sections, request, sending, state, begun, checked, ` +
		`zone, played, facts, as_of, due, failures`
)

// values are those of the columns.
func (im *Import) values() []any {
	return []any{im.ID, im.User, im.Auto, im.League, im.Season, strings.Join(im.Teams, ","), im.Project, im.Created, im.Options,
		strings.Join(im.Sections, ","), im.Request, append([]byte{}, im.Sending...), string(im.State), millis(im.Begun), millis(im.Checked),
		im.Zone, im.Played, im.Facts, millis(im.AsOf), millis(im.Due), im.Failures}
}

func scan(row database.Row) (*Import, error) {
	im := &Import{Tasks: map[string]*Task{}}
	var teams, sections string
	var begun, checked, asOf, due int64
	err := row.Scan(&im.ID, &im.User, &im.Auto, &im.League, &im.Season, &teams, &im.Project, &im.Created, &im.Options, &sections,
		&im.Request, &im.Sending, &im.State, &begun, &checked, &im.Zone, &im.Played, &im.Facts, &asOf, &due, &im.Failures)
	if err != nil {
		return nil, err
	}
	im.Teams, im.Sections = split(teams, ","), split(sections, ",")
	im.Begun, im.Checked, im.AsOf, im.Due = instant(begun), instant(checked), instant(asOf), instant(due)
	return im, nil
}

func split(s, by string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, by)
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// A query is that of a database or of a transaction.
type query func(each func(database.Row) error, statement string, args ...any) error

func (s *Store) read(ctx context.Context) query {
	return func(each func(database.Row) error, statement string, args ...any) error {
		return s.db.Query(ctx, each, statement, args...)
	}
}

// find returns the imports that a condition holds for, with their tasks, the latest first.
func find(q query, where string, args ...any) ([]*Import, error) {
	var all []*Import
	byID := map[string]*Import{}
	err := q(func(row database.Row) error {
		im, err := scan(row)
		if err != nil {
			return err
		}
		all, byID[im.ID] = append(all, im), im
		return nil
	}, `SELECT `+columns+` FROM imports WHERE `+where+` ORDER BY begun DESC, id`, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	err = q(func(row database.Row) error {
		t := &Task{}
		var id, wrote string
		if err := row.Scan(&id, &t.Game, &t.Home, &t.Away, &t.Day, &t.ID, &t.State, &wrote); err != nil {
			return err
		}
		t.Wrote = split(wrote, " ")
		if im := byID[id]; im != nil { // not one that was made since
			im.Tasks[t.Game] = t
		}
		return nil
	}, `SELECT import_id, game, home, away, day, task, state, wrote FROM tasks
		WHERE import_id IN (SELECT id FROM imports WHERE `+where+`)`, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

func first(all []*Import, err error) (*Import, error) {
	if len(all) == 0 {
		return nil, err
	}
	return all[0], err
}

// Get returns an import with its tasks, or nil when this user has none of this id.
func (s *Store) Get(ctx context.Context, user, id string) (*Import, error) {
	return first(find(s.read(ctx), `user_id = $1 AND id = $2`, user, id))
}

// InProject returns the import of a project, or nil.
func (s *Store) InProject(ctx context.Context, user, project string) (*Import, error) {
	return first(find(s.read(ctx), `user_id = $1 AND project = $2 AND project <> ''`, user, project))
}

// Of returns a user's imports with their tasks, the latest first.
func (s *Store) Of(ctx context.Context, user string) ([]*Import, error) {
	return find(s.read(ctx), `user_id = $1`, user)
}

// Claim takes the lease of an import for holder until an instant, and makes the row of
// one that is new. It returns the row as it is and whether the lease was taken: another
// process may hold it. There is no row where the id is another user's, or where a new
// import names a project that has one.
func (s *Store) Claim(ctx context.Context, im *Import, holder string, until time.Time) (row *Import, taken bool, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(`INSERT INTO imports (`+columns+`, lease, holder) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
			$14, $15, $16, $17, $18, $19, $20, $21, 0, '') ON CONFLICT DO NOTHING`, im.values()...)
		if err != nil {
			return err
		}
		row, taken, err = s.take(tx, im, holder, until)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return row, taken, nil
}

// Take is Claim for an import that is not new: there is no row where it has ended.
func (s *Store) Take(ctx context.Context, im *Import, holder string, until time.Time) (row *Import, taken bool, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		row, taken, err = s.take(tx, im, holder, until)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return row, taken, nil
}

func (s *Store) take(tx *database.Tx, im *Import, holder string, until time.Time) (row *Import, taken bool, err error) {
	n, err := tx.Exec(`UPDATE imports SET lease = $3, holder = $4 WHERE id = $1 AND user_id = $2 AND (lease < $5 OR holder = $4)`,
		im.ID, im.User, until.UnixMilli(), holder, s.now().UnixMilli())
	if err != nil {
		return nil, false, err
	}
	row, err = first(find(tx.Query, `user_id = $1 AND id = $2`, im.User, im.ID))
	return row, n > 0, err
}

// A Saving is what [Store.Save] writes beside the import's own row.
type Saving struct {
	Put     []*Task
	Drop    []string // ids of games whose rows go
	Changes []Change // for the history
}

// Save writes an import's row, but for Auto, and what goes with it, and extends the
// lease. It is [ErrLost] when holder does not hold the lease any more, and nothing is
// written then.
func (s *Store) Save(ctx context.Context, im *Import, holder string, until time.Time, with Saving) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		const own = 3 // columns that stay: id, user and auto
		n, err := tx.Exec(`UPDATE imports SET (`+rest+`, lease) = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
			$19) WHERE id = $20 AND user_id = $21 AND holder = $22`, append(im.values()[own:], until.UnixMilli(), im.ID, im.User, holder)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrLost
		}
		for _, game := range with.Drop {
			if _, err := tx.Exec(`DELETE FROM tasks WHERE import_id = $1 AND game = $2`, im.ID, game); err != nil {
				return err
			}
		}
		for some := range slices.Chunk(with.Put, putAtOnce) {
			if err := putTasks(tx, im.ID, some); err != nil {
				return err
			}
		}
		return addChanges(tx, im.ID, with.Changes)
	})
}

// putAtOnce is how many rows of tasks one statement writes.
const putAtOnce = 100

func putTasks(tx *database.Tx, id string, tasks []*Task) error {
	var rows []string
	var args []any
	for _, t := range tasks {
		n := len(args)
		rows = append(rows, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6, n+7, n+8))
		args = append(args, id, t.Game, t.Home, t.Away, t.Day, t.ID, string(t.State), strings.Join(t.Wrote, " "))
	}
	_, err := tx.Exec(`INSERT INTO tasks (import_id, game, home, away, day, task, state, wrote) VALUES `+strings.Join(rows, ", ")+`
		ON CONFLICT (import_id, game) DO UPDATE SET home = excluded.home, away = excluded.away, day = excluded.day, task = excluded.task,
		state = excluded.state, wrote = excluded.wrote`, args...)
	return err
}

// Renew extends all leases that holder has.
func (s *Store) Renew(ctx context.Context, holder string, until time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE imports SET lease = $2 WHERE holder = $1`, holder, until.UnixMilli())
	return err
}

// Release gives the lease back. An import that made nothing, and has nothing under way,
// is forgotten.
func (s *Store) Release(ctx context.Context, im *Import, holder string) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		const held = `id = $1 AND user_id = $2 AND holder = $3`
		// A form may name a project that is there, before anything was made in it.
		_, err := tx.Exec(`DELETE FROM imports WHERE length(sending) = 0 AND (project = '' OR request = 0 AND checked = 0) AND `+held, im.ID, im.User, holder)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE imports SET lease = 0, holder = '' WHERE `+held, im.ID, im.User, holder)
		return err
	})
}

// End deletes an import with its tasks' rows.
func (s *Store) End(ctx context.Context, im *Import) error {
	_, err := s.db.Exec(ctx, `DELETE FROM imports WHERE id = $1 AND user_id = $2`, im.ID, im.User)
	return err
}

// Forget deletes all of a user's imports.
func (s *Store) Forget(ctx context.Context, user string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM imports WHERE user_id = $1`, user)
	return err
}
