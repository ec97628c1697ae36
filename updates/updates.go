// Package updates keeps imports right with nobody pressing. It notices that the
// schedule has changed, finds the imports that this concerns without asking Todoist, and
// has package importer bring them up to date.
//
// Several processes may do this over one database: what is due lies there, and a lease
// gives each import to one of them.
package updates

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

const (
	// atOnce is how many imports are updated at the same time.
	atOnce = 8
	// markEvery is how often all imports are compared with the schedule though it is the
	// same: a game may be over, and another process may have updated an import with an
	// older schedule.
	markEvery = time.Minute
	// A failed update is tried again after retryFirst, then after twice as long, and so
	// on up to retryMost, and each time up to half as long again.
	retryFirst = time.Minute
	retryMost  = 4 * time.Hour
	// limit bounds one update with all its waits.
	limit = 5 * time.Minute
)

// Config says what a Worker works with.
type Config struct {
	Importer *importer.Importer
	Rows     *imports.Store
	// Client is Todoist as a user. Its calls end with SignedOut where there is no grant
	// any more.
	Client    func(user string) *todoist.Client
	SignedOut error
	Season    func() *schedule.Season
	Now       func() time.Time
	Spread    time.Duration // over which the imports that a change concerns are updated
	Every     time.Duration // how often the database is asked for what is due; 0 is a second
	Log       *slog.Logger
	// Observe is told the result of each update: "done", "unchanged", "held", "waiting",
	// "later", "gone" or "failed", and its error where there is one. It may be nil.
	Observe func(result string, err error)
}

// A Worker updates imports.
type Worker struct {
	Config
	marked   *schedule.Season // the season with which imports were compared last
	markedAt time.Time
}

// New returns a worker.
func New(cfg Config) *Worker {
	cfg.Every = cmp.Or(cfg.Every, time.Second)
	if cfg.Observe == nil {
		cfg.Observe = func(string, error) {}
	}
	return &Worker{Config: cfg}
}

// Run updates imports until ctx ends, waits for those under way, and returns nil.
func (w *Worker) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, atOnce)
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	for {
		if err := w.Mark(ctx); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "imports not compared with the schedule", "error", err)
		}
		for w.begin(ctx, places, &running) {
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// begin waits for a place and begins to update as many imports as are due and have one.
// It reports whether there were any.
func (w *Worker) begin(ctx context.Context, places chan struct{}, running *sync.WaitGroup) bool {
	select {
	case <-ctx.Done():
		return false
	case places <- struct{}{}:
	}
	due, err := w.Importer.ClaimDue(ctx, atOnce-len(places)+1)
	<-places
	if err != nil && ctx.Err() == nil {
		w.Log.WarnContext(ctx, "imports that are due not found", "error", err)
	}
	for _, row := range due {
		places <- struct{}{}
		running.Go(func() { w.update(ctx, row); <-places })
	}
	return len(due) > 0
}

// Mark makes those imports due whose games the schedule has changed since they were
// right, each at some moment of the spread. An import's updates end when the next season
// comes.
func (w *Worker) Mark(ctx context.Context) error {
	season, now := w.Season(), w.Now()
	if season == w.marked && now.Sub(w.markedAt) < markEvery {
		return nil
	}
	if err := w.Rows.EndBefore(ctx, season.Label); err != nil {
		return err
	}
	groups, err := w.Rows.Groups(ctx, season.Label)
	if err != nil {
		return err
	}
	when := func() time.Time { return now.Add(rand.N(w.Spread + 1)) }
	for _, g := range groups {
		n, err := w.Rows.MarkDue(ctx, season.Label, g, w.Importer.Facts(strings.Split(g.Teams, ","), g.Played), when)
		if err != nil {
			return err
		}
		if n > 0 {
			w.Log.InfoContext(ctx, "imports to be updated", "imports", n, "within", w.Spread)
		}
	}
	w.marked, w.markedAt = season, now
	return nil
}

// update brings one import up to date.
func (w *Worker) update(ctx context.Context, row *imports.Import) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result := "later" // unless it comes to be settled: another process was at it
	out, err := w.Importer.Update(ctx, w.Client(row.User), row, func(row *imports.Import, err error) { result = w.settle(row, err) })
	switch {
	case errors.Is(err, importer.ErrGone):
		result = "gone"
	case result == "done" && out.Updated+out.Added == 0:
		result = "unchanged"
	case errors.Is(err, importer.ErrLost):
		result = "later"
	}
	attrs := []any{"import", row.ID, "result", result}
	if out != nil {
		attrs = append(attrs, "added", out.Added, "updated", out.Updated, "kept", out.Kept, "failed", len(out.Failed))
	}
	if err != nil {
		w.Log.WarnContext(ctx, "import not updated", append(attrs, "error", err)...)
	} else {
		w.Log.InfoContext(ctx, "import updated", attrs...)
	}
	w.Observe(result, err)
}

// settle says what becomes of an import whose update ended, and the result's name. What
// only its owner can mend waits for them, or for another change of the schedule. All
// else is tried again.
func (w *Worker) settle(row *imports.Import, err error) string {
	wait := func(state imports.State) string {
		row.State, row.Due, row.Failures = state, time.Time{}, 0
		return "waiting"
	}
	stopped := (*importer.Stopped)(nil)
	switch {
	case err == nil && row.State == "" && row.Due.IsZero():
		return "done"
	case errors.Is(err, importer.ErrOver):
		wait("")
		return "unchanged"
	case errors.Is(err, w.SignedOut):
		return wait(imports.SignInAgain)
	case errors.Is(err, importer.ErrLookFirst):
		wait(imports.LookFirst)
		return "held"
	case errors.Is(err, importer.ErrArchived):
		return wait(imports.Archived)
	case errors.As(err, &stopped):
		return wait(imports.NoRoom)
	case errors.Is(err, importer.ErrStale), errors.Is(err, context.Canceled):
		row.Due = w.Now().Add(rand.N(retryFirst))
		return "later"
	}
	if pause := importer.Retry(err); pause > 0 {
		row.Due = w.Now().Add(pause + rand.N(pause/4+time.Second))
		return "later"
	}
	pause := min(retryFirst<<min(row.Failures, 20), retryMost)
	row.Failures++
	if row.Failures > failuresSaid {
		row.State = imports.Failing
	}
	row.Due = w.Now().Add(pause + rand.N(pause/2))
	return "failed"
}

// failuresSaid is after how many failures in a row the owner's page says so.
const failuresSaid = 3
