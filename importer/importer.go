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
	"sync"
	"time"

	"tipoff/schedule"
	"tipoff/todoist"
)

// An Importer makes plans and carries them out, one at a time for each user.
type Importer struct {
	// Season returns the games as they are known now; it is never nil.
	Season func() *schedule.Season
	Now    func() time.Time

	mu      sync.Mutex
	writers map[string]*writer
	places  chan struct{} // taken by the imports that run
}

// atOnce is how many imports run at the same time; others wait for a place. An
// import takes its time waiting for Todoist and its memory, a few hundred kB,
// meanwhile.
const atOnce = 64

// A writer is the turn of one user to write. waiting counts those who hold it
// or wait for it.
type writer struct {
	turn    chan struct{}
	waiting int
}

// lock waits until no other import of this user runs in this process, and then
// until there is a place among all. What runs in another process at the same
// time is met by the commands' uuids: see [Importer.Run].
func (im *Importer) lock(ctx context.Context, user string) (unlock func(), err error) {
	im.mu.Lock()
	if im.writers == nil {
		im.writers, im.places = map[string]*writer{}, make(chan struct{}, atOnce)
	}
	w := im.writers[user]
	if w == nil {
		w = &writer{turn: make(chan struct{}, 1)}
		im.writers[user] = w
	}
	w.waiting++
	im.mu.Unlock()
	leave := func() {
		im.mu.Lock()
		defer im.mu.Unlock()
		if w.waiting--; w.waiting == 0 {
			delete(im.writers, user)
		}
	}
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
	select {
	case im.places <- struct{}{}:
		return func() { <-im.places; <-w.turn; leave() }, nil
	case <-ctx.Done():
		<-w.turn
		leave()
		return nil, ctx.Err()
	}
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
