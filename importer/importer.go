// Package importer turns games into tasks. It is the only place that knows
// both sides: what the schedule says and what is in Todoist.
//
// An import is a difference. [Options] say which games are wanted and how
// their tasks look; every task that Tipoff makes ends in a link whose fragment
// is a mark, which names the game and what was written; a [Plan] is what has to
// change so that the tasks found become the tasks wanted. The first import, a
// later one, going on after a crash and bringing a project up to date are all
// the same function. Nothing is remembered between two requests but what is in
// Todoist.
//
//	options.go   what a person chose, read from a query or a form
//	mark.go      what a task says about itself
//	task.go      the task that a game should have
//	match.go     which task belongs to which game
//	plan.go      the difference
//	offers.go    what would fit where the difference does not
//	account.go   what is read of a Todoist account
//	run.go       carrying a plan out
//	remove.go    taking back what was imported
package importer

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"tipoff/schedule"
	"tipoff/todoist"
)

// An Importer makes plans and carries them out.
type Importer struct {
	// Season returns the games as they are known now; it is never nil.
	Season func() *schedule.Season
	Now    func() time.Time

	running, reading queue
}

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

// lock waits for the user's turn to write. What runs in another process at the
// same time is met by the commands' uuids: see [Importer.Run].
func (im *Importer) lock(ctx context.Context, user string) (unlock func(), err error) {
	return im.running.enter(ctx, user, math.MaxInt)
}

// Turn waits for the user's turn to have a page made for which their account is
// read. The page holds on to what was read, so the turn lasts until the page is
// sent. It never waits for an import. It is [ErrBusy] where too many pages wait.
func (im *Importer) Turn(ctx context.Context, user string) (end func(), err error) {
	return im.reading.enter(ctx, user, maxWaiting)
}

// Plan reads the account and says what an import with these options would do
// now. Options that do not fit the account are an [Invalid].
func (im *Importer) Plan(ctx context.Context, c *todoist.Client, opts Options) (*Plan, error) {
	acc, err := im.read(ctx, c, opts)
	if err != nil {
		return nil, err
	}
	return im.plan(ctx, c, acc, opts, nil)
}
