package schedule

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLiveIsReadyWithoutNetwork(t *testing.T) {
	l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn", Keeper: newKeeper(), HTTP: &http.Client{Transport: handler(
		func(http.ResponseWriter, *http.Request) { t.Error("the network was asked") })}})
	if s := l.Season(); s.Source != SourceEmbedded || len(s.Games) != 1200 || s.Games[0].Changed.IsZero() {
		t.Errorf("got %s with %d games", s.Source, len(s.Games))
	}
	if r := l.Status(); r.Source != SourceEmbedded || !r.AsOf.Equal(at("2026-08-16T19:35:48Z")) || r.Trouble != "" {
		t.Errorf("got %+v", r)
	}
}

func TestWithoutAnySourceTheScheduleStays(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		var log bytes.Buffer
		results := map[string]int{}
		w := newWeb()
		l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn", Keeper: newKeeper(), Refresh: time.Hour, HTTP: w.client(), Now: now,
			Log: slog.New(slog.NewTextHandler(&log, nil)), Observe: func(source, result string) { results[source+" "+result]++ }})
		began := now()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		time.Sleep(10*time.Hour + 30*time.Minute)
		synctest.Wait()
		r := l.Status()
		if r.Source != SourceEmbedded || r.Trouble != "The league's feed refused the request (403 Forbidden). ESPN refused the request (403 Forbidden)." || r.Since.Sub(began) > time.Minute {
			t.Errorf("got %+v", r)
		}
		if n := results["nba failed"]; n < 9 || n > 12 || results["espn failed"] != n || int64(n) != w.asked.Load() {
			t.Errorf("got %v after %d requests", results, w.asked.Load())
		}
		if n := strings.Count(log.String(), "the schedule is not refreshed"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, log.String())
		}
		answering := answer(wholeFeed())
		w.mu.Lock()
		w.league = answering
		w.mu.Unlock()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if r := l.Status(); r.Trouble != "" || r.Source != SourceNBA || strings.Count(log.String(), "no more trouble") != 1 {
			t.Errorf("got %+v\n%s", r, log.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRunWaitsWhileTheCopyIsRecent(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w, kept := newWeb(), newKeeper()
		w.league = answer(wholeFeed())
		cfg := Config{URL: "https://league/feed", Keeper: kept, Refresh: time.Hour, HTTP: w.client(), Now: now}
		if err := open(t, cfg).Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.league = denied // what matters is when it is asked
		time.Sleep(20 * time.Minute)
		l := open(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		for _, step := range []struct {
			wait time.Duration
			want int64
		}{{39 * time.Minute, 1}, {2 * time.Minute, 2}, {50 * time.Minute, 2}, {20 * time.Minute, 3}} {
			time.Sleep(step.wait)
			synctest.Wait()
			if got := w.asked.Load(); got != step.want {
				t.Errorf("after another %v: got %d requests, want %d", step.wait, got, step.want)
			}
		}
		cancel()
		<-done
	})
}

func TestRunWithoutRefreshOnlyWaits(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w := newWeb()
		l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Now: now})
		ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
		defer cancel()
		if err := l.Run(ctx); err != nil || w.asked.Load() != 0 {
			t.Errorf("got %v after %d requests", err, w.asked.Load())
		}
	})
}

func TestReadersAndRefreshesDoNotDisturbEachOther(t *testing.T) {
	w := newWeb()
	feed := wholeFeed()
	w.league = answer(feed)
	l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Keeper: newKeeper(), Now: func() time.Time { return at("2026-11-20T18:00:00Z") }})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				if n := len(l.Season().For("NYK")); n != 80 {
					t.Errorf("got %d games", n)
				}
				l.Status()
			}
		})
	}
	for range 3 {
		group.Go(func() {
			if err := l.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
