package handlers

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func TestReadinessIsAskedForOnceASecondWhoeverAsks(t *testing.T) {
	var a readiness
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	asked, broken := 0, errors.New("the disk is full")
	ask := func(context.Context) error { asked++; return broken }
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := a.check(t.Context(), now, ask); err != broken {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if asked != 1 {
		t.Errorf("50 visitors had the store asked %d times", asked)
	}
	broken = nil
	if err := a.check(t.Context(), now.Add(time.Second), ask); err != nil || asked != 2 {
		t.Errorf("a second later the answer is %v, asked %d times", err, asked)
	}
}

func TestAVisitorWhoLeavesDoesNotMakeTheSiteUnready(t *testing.T) {
	var a readiness
	gone, leave := context.WithCancel(t.Context())
	leave()
	err := a.check(gone, time.Now(), func(ctx context.Context) error { return ctx.Err() })
	if err != nil {
		t.Errorf("got %v", err)
	}
}
