package schedule

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A shelf is what the keepers of a site's processes share.
type shelf struct {
	mu      sync.Mutex
	gone    error // what each call returns, unless nil
	saved   []byte
	version int64
	holder  *keeper
	until   time.Time
}

// A keeper is one process's Keeper in memory.
type keeper struct{ *shelf }

func newKeeper() *keeper { return &keeper{new(shelf)} }

func (k *keeper) Load(_ context.Context, known int64) ([]byte, int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.version == known {
		return nil, 0, k.gone
	}
	return k.saved, k.version, k.gone
}

func (k *keeper) Save(_ context.Context, saved []byte) (int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved = saved
	k.version++
	return k.version, k.gone
}

func (k *keeper) Claim(_ context.Context, now, until time.Time) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.holder != nil && now.Before(k.until) {
		return false, k.gone
	}
	k.holder, k.until = k, until
	return true, k.gone
}

func (k *keeper) Release(context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.holder == k {
		k.holder = nil
	}
	return k.gone
}

func TestOneProcessAsksAndTheOthersTakeOverWhatItGot(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w, kept := newWeb(), newKeeper()
		run := func() (*Live, func()) {
			l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn", Keeper: &keeper{kept.shelf}, Refresh: time.Hour, HTTP: w.client(), Now: now})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- l.Run(ctx) }()
			return l, func() { cancel(); <-done }
		}
		after := func(d time.Duration, asked int64, source string, all ...*Live) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := w.asked.Load(); got != asked {
				t.Errorf("asked %d times, want %d", got, asked)
			}
			for i, l := range all {
				if r := l.Status(); r.Source != source || r != all[0].Status() {
					t.Errorf("process %d: got %+v, want %s and %+v", i, r, source, all[0].Status())
				}
			}
		}
		// The league turns the one that asks away, and all say so.
		first, stopFirst := run()
		second, stopSecond := run()
		after(2*time.Minute, 1, SourceEmbedded, first, second)
		if first.Status().Trouble == "" {
			t.Error("got no trouble")
		}
		stopFirst()
		stopSecond()

		// A process that is stopped leaves the next one to ask at once.
		w.mu.Lock()
		w.league = answer(wholeFeed())
		w.mu.Unlock()
		first, stopFirst = run()
		second, stopSecond = run()
		after(2*time.Minute, 2, SourceNBA, first, second)
		if t1 := first.Status().Trouble; t1 != "" {
			t.Errorf("still %q", t1)
		}
		after(70*time.Minute, 3, SourceNBA, first, second)
		stopFirst()
		after(70*time.Minute, 4, SourceNBA, second)
		stopSecond()
	})
}
