// Package importer turns games into tasks. It is the only place that knows both sides:
// what the schedule says and what is in Todoist.
//
// The walk of an import, from the form to Todoist's sync commands:
//
//	ParseOptions   the form's fields become Options               options.go
//	parts          the rows of the imports that they are about    plan.go
//	claim, resume  the lease; a request that was cut off before   run.go
//	read           the account; the open tasks of the project     account.go
//	match          which row belongs to which game                match.go
//	diff           what becomes of each game: the tables          diff.go
//	restrict, fit  what the account does not allow                limits.go
//	structure      the project and its sections                   commands.go
//	commands       the tasks, at most 100 commands a request      commands.go
//	store, send    stored, sent, and what became of it stored     request.go
//
// task.go has the task that a game should have, link.go the link by which a task names
// its game, remove.go what undoing an import deletes.
package importer

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"tipoff/database"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

// An Importer makes plans and carries them out. It is made by [New].
type Importer struct {
	Season func() *schedule.Season
	Rows   *imports.Store
	Now    func() time.Time
	Log    *slog.Logger
	// Lease is how long after this process's last sign of life another one takes over
	// the import that it was writing. It gives three signs in that time, and one before
	// each request, whose time-out is shorter.
	Lease time.Duration
	// PublicURL is where people see the project's page, which tasks link to; empty
	// where nothing serves it.
	PublicURL string

	running, reading queue
	name             string // tells this process from its replicas
}

// New returns an importer. season returns the games as they are known now; it never
// returns nil.
func New(season func() *schedule.Season, rows *imports.Store, now func() time.Time, log *slog.Logger) *Importer {
	return &Importer{Season: season, Rows: rows, Now: now, Log: log, Lease: 30 * time.Second, name: rand.Text()}
}

// ErrUnavailable is wrapped by errors of the database in which imports are kept, and
// ErrLost says that another process has taken an import over.
var (
	ErrUnavailable = database.ErrUnavailable
	ErrLost        = imports.ErrLost
)

// NewID makes the id of a new import.
func NewID() string { return rand.Text() }

// atOnce is how many imports run at the same time, and for how many users a page
// is made for which their account is read. Others wait for a place. An import
// takes its time waiting for Todoist and its memory, a few hundred kB, meanwhile.
const atOnce = 64

// maxWaiting is how many such pages one user may ask for at the same time. It is
// more than a browser opens when it restores its tabs. Those that wait take little
// memory.
const maxWaiting = 64

// ErrBusy means that too many requests of the same user wait already.
var ErrBusy = errors.New("too many requests of this user wait")

// A queue lets the requests of one user go on one at a time, and a bounded number
// over all users.
type queue struct {
	mu     sync.Mutex
	turns  map[string]*turn // by user
	places *semaphore.Weighted
}

// A turn is one user's. waiting counts those who hold it or wait for it.
type turn struct {
	*semaphore.Weighted
	waiting int
}

// enter waits until no other request of this user goes on in this process, and
// then until there is a place among all. It is [ErrBusy] where the user has as
// many as most already.
func (q *queue) enter(ctx context.Context, user string, most int) (leave func(), err error) {
	q.mu.Lock()
	if q.turns == nil {
		q.turns, q.places = map[string]*turn{}, semaphore.NewWeighted(atOnce)
	}
	t := q.turns[user]
	if t == nil {
		t = &turn{Weighted: semaphore.NewWeighted(1)}
		q.turns[user] = t
	}
	if t.waiting >= most {
		q.mu.Unlock()
		return nil, ErrBusy
	}
	t.waiting++
	q.mu.Unlock()
	end := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if t.waiting--; t.waiting == 0 {
			delete(q.turns, user)
		}
	}
	if err := t.Acquire(ctx, 1); err != nil {
		end()
		return nil, err
	}
	if err := q.places.Acquire(ctx, 1); err != nil {
		t.Release(1)
		end()
		return nil, err
	}
	return func() { q.places.Release(1); t.Release(1); end() }, nil
}

// lock waits for the user's turn to write. What runs in another process is
// kept apart by the leases of imports.
func (im *Importer) lock(ctx context.Context, user string) (unlock func(), err error) {
	return im.running.enter(ctx, user, math.MaxInt)
}

// Turn waits for the user's turn to have a page made for which their account is
// read. The page holds on to what was read, so the turn lasts until the page is
// sent. It never waits for an import. It is [ErrBusy] where too many pages wait.
func (im *Importer) Turn(ctx context.Context, user string) (end func(), err error) {
	return im.reading.enter(ctx, user, maxWaiting)
}

// Plan reads the account and says what an import with these options would do now. id is
// that of the import, or empty: then it is the one that the user has of these teams, or
// a new one. Options that do not fit the account are an [Invalid].
func (im *Importer) Plan(ctx context.Context, c *todoist.Client, user, id string, opts Options) (*Plan, error) {
	parts, id, err := im.parts(ctx, user, id, opts)
	if err != nil {
		return nil, err
	}
	a, err := im.read(ctx, c)
	if err != nil {
		return nil, err
	}
	return im.plan(ctx, c, a, id, opts, parts)
}
