package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where Live gets its schedule from.
type Config struct {
	URL     string        // the league's feed: an http(s) URL or a file's path; "" = it is never asked
	ESPNURL string        // scheme and host of ESPN's API; "" = it is never asked
	Keeper  Keeper        // of the last good schedule, unless the feed is a file; nil = it is not kept
	Refresh time.Duration // how often Run asks; 0 = never
	HTTP    *http.Client  // nil = http.DefaultClient
	Now     func() time.Time
	Log     *slog.Logger

	// Observe is told the source ("nba", "espn" or "file") and the result
	// ("changed", "unchanged", "refused" or "failed") of every attempt at a
	// refresh. It may be nil.
	Observe func(source, result string)
}

// Live holds the best schedule there is and refreshes it.
//
// The league's feed is asked first, and ESPN when that does not answer or is
// refused. What is got replaces the season at hand only if it passes the
// guards of check. A feed in a file stands for itself: ESPN is not asked.
// Games that cannot be right are left out, and Status and the log name them.
type Live struct {
	cfg     Config
	season  atomic.Pointer[Season]
	trouble atomic.Pointer[trouble]

	mu         sync.Mutex // held during a refresh
	validators validators // of the league's answer that the season is from
	version    int64      // of what the keeper has that is known here
}

// Report says where the schedule is from and what is wrong with it.
type Report struct {
	Source  string    // as in Season
	AsOf    time.Time // when that source last stood behind it
	Trouble string    // sentences for people; "" when all is well
	Since   time.Time // when the trouble began; zero when there is none
}

// Open returns a schedule that is ready at once, without the network: that of
// the file if the feed is one, else the last good one if that was kept and fits,
// else the season that came with the program. A file that cannot be read or
// holds no season of all thirty teams is an error. That a kept schedule is not
// used is logged.
func Open(ctx context.Context, cfg Config) (*Live, error) {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string, string) {}
	}
	l := &Live{cfg: cfg}
	if l.isFile() {
		s, v, err := l.readFile(validators{})
		if err != nil {
			return nil, fmt.Errorf("read the schedule %s: %w", cfg.URL, err)
		}
		faulty := leaveOut(s)
		if err := checkWhole(s); err != nil {
			return nil, fmt.Errorf("read the schedule %s: %w", cfg.URL, err)
		}
		carry(nil, s, s.AsOf)
		l.season.Store(s)
		if len(faulty) == 0 {
			l.validators = v
		}
		l.settle(leftOut(SourceFile, faulty), nil)
		return l, nil
	}
	s := Embedded()
	carry(nil, s, s.AsOf)
	l.season.Store(s)
	if _, err := l.load(ctx); err != nil {
		cfg.Log.Warn("the saved schedule is not used", "error", err)
	}
	return l, nil
}

// Season returns the present season. It is never nil.
func (l *Live) Season() *Season { return l.season.Load() }

// Play publishes a season that differs from the present one by what change does to a
// copy of its games. It is for the demo, whose visitors play the league.
func (l *Live) Play(change func([]Game) []Game) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, current := l.cfg.Now().UTC(), l.Season()
	next := &Season{Label: current.Label, Source: current.Source, AsOf: now, Games: change(slices.Clone(current.Games))}
	next.finish()
	carry(current, next, now)
	l.season.Store(next)
}

// Status reports on the present season.
func (l *Live) Status() Report {
	s := l.season.Load()
	r := Report{Source: s.Source, AsOf: s.AsOf}
	if t := l.trouble.Load(); t != nil {
		r.Trouble, r.Since = t.text, t.since
	}
	return r
}

// newsEvery is how often Run looks whether another process has refreshed the
// schedule.
const newsEvery = time.Minute

// Run refreshes the schedule until the context ends, and then returns nil. The
// first time is at once, unless the schedule at hand is recent; the pauses
// between differ by a tenth, so that many installations do not ask in step. Of
// the processes that share a keeper one asks, and the others take over what it
// got.
func (l *Live) Run(ctx context.Context) error {
	if l.cfg.Refresh <= 0 {
		<-ctx.Done()
		return nil
	}
	defer l.release(ctx)
	for wait := l.untilDue(); ; {
		step := min(wait, newsEvery)
		timer := time.NewTimer(step)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		wait -= step
		news, err := l.load(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			l.cfg.Log.Warn("the saved schedule is not used", "error", err)
		case news:
			wait = l.untilDue()
		}
		if wait > 0 {
			continue
		}
		if l.claim(ctx) {
			_ = l.Refresh(ctx) // reported by itself
		}
		wait = l.cfg.Refresh + time.Duration((rand.Float64()-0.5)*0.2*float64(l.cfg.Refresh))
	}
}

// untilDue returns how long the schedule at hand is recent.
func (l *Live) untilDue() time.Duration {
	s := l.Season()
	if s.Source != SourceNBA && s.Source != SourceESPN {
		return 0
	}
	return max(0, min(l.cfg.Refresh, s.AsOf.Add(l.cfg.Refresh).Sub(l.cfg.Now())))
}

// claim reports whether this process is the one to refresh now. A claim ends
// before the next refresh is due, so that another process can take over. A
// keeper that does not answer keeps nobody from refreshing.
func (l *Live) claim(ctx context.Context) bool {
	if l.cfg.Keeper == nil || l.isFile() {
		return true
	}
	now := l.cfg.Now()
	ok, err := l.cfg.Keeper.Claim(ctx, now, now.Add(l.cfg.Refresh*4/5))
	if err != nil {
		l.cfg.Log.Warn("other processes may refresh the schedule as well", "error", err)
		return true
	}
	return ok
}

// release lets another process refresh at once. The context may be over.
func (l *Live) release(ctx context.Context) {
	if l.cfg.Keeper == nil || l.isFile() {
		return
	}
	if err := l.cfg.Keeper.Release(context.WithoutCancel(ctx)); err != nil {
		l.cfg.Log.Warn("the next start may be late to refresh the schedule", "error", err)
	}
}
