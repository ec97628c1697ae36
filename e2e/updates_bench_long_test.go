//go:build long

package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
	"tipoff/updates"
)

// A crowd is many imports that update themselves, a third of a thousand for each team.
// Those of Boston and Denver are of fans at an in-memory Todoist; it knows no others.
type crowd struct {
	fake     *fake.Server
	importer *importer.Importer
	worker   *updates.Worker
	rows     *imports.Store
	season   atomic.Pointer[schedule.Season]
	fans     int
}

const crowdSize = 10_000

func newCrowd(t *testing.T, games calendar) *crowd {
	t.Helper()
	c := &crowd{}
	c.season.Store(games.season(midSeason))
	now := func() time.Time { return midSeason }
	c.fake = fake.New(fake.Config{Now: now, FullSyncs: -1, PartialSyncs: -1})
	server := httptest.NewServer(c.fake)
	t.Cleanup(server.Close)
	api := &todoist.API{URL: server.URL, HTTP: todoist.NewHTTP(0)}
	t.Cleanup(api.HTTP.CloseIdleConnections)
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "tipoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	log := slog.New(slog.DiscardHandler)
	c.rows = imports.New(db, now)
	c.importer = importer.New(c.season.Load, c.rows, now, log)
	client := func(user string) *todoist.Client {
		return api.As(func(context.Context, string) (string, error) { return user, nil })
	}
	c.worker = updates.New(updates.Config{Importer: c.importer, Rows: c.rows, Client: client, SignedOut: context.Canceled,
		Season: c.season.Load, Now: now, Every: 10 * time.Millisecond, Log: log})
	teams := schedule.Teams()
	for i := range crowdSize {
		user, team := fmt.Sprintf("fan-%d", i), teams[i%len(teams)].Code
		if team == "BOS" || team == "DEN" {
			c.fans++
			c.fake.AddAccount(fake.Profile{ID: user, Email: user + "@example.org", APIToken: user, Plan: fake.Free, Zone: "America/New_York"})
			opts, err := importer.ParseOptions(parseQuery(t, "auto=on&team="+team))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.importer.Run(t.Context(), client(user), user, "", opts, "", func(importer.Progress) {}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		im := &imports.Import{ID: user, User: user, League: "nba", Season: "2026-27", Teams: []string{team}, Project: "p", Auto: true,
			Request: 1, Options: "team=" + team, Begun: midSeason, Checked: midSeason, Facts: c.importer.Facts([]string{team}, false), Tasks: map[string]*imports.Task{}}
		if _, _, err := c.rows.Claim(t.Context(), im, "bench", midSeason); err != nil {
			t.Fatal(err)
		}
		if err := c.rows.Release(t.Context(), im, "bench"); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// updateCrowd has the league move one game, and says what that takes: CPU to decide who
// is concerned, CPU and requests to Todoist for all of them, and memory at the end.
func updateCrowd(t *testing.T) (decide, all time.Duration, requests, fans int, rss int64) {
	games := calendar{}
	for i, home := range schedule.Teams() {
		guest := schedule.Teams()[(i+1)%30]
		games.game(fmt.Sprintf("00226%05d", i), guest.Code, home.Code, "2027-01-06T00:00:00Z")
	}
	games.game("0022600900", "BOS", "DEN", "2026-12-25T00:30:00Z")
	c := newCrowd(t, games)
	ctx := t.Context()
	if err := c.worker.Mark(ctx); err != nil {
		t.Fatal(err)
	}
	games.game("0022600900", "BOS", "DEN", "2026-12-25T03:00:00Z")
	c.season.Store(games.season(midSeason))
	c.fake.ResetRequests()
	began := spentBy(t, os.Getpid()).cpu
	if err := c.worker.Mark(ctx); err != nil {
		t.Fatal(err)
	}
	decide = spentBy(t, os.Getpid()).cpu - began
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.worker.Run(ctx) }() // it returns nil
	for len(c.fake.Requests()) < 2*c.fans {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	<-ended
	used := spentBy(t, os.Getpid())
	for _, r := range c.fake.Requests() {
		if strings.Contains(r.Path, "/api/v1/") {
			requests++
		}
	}
	return decide, used.cpu - began, requests, c.fans, used.rss
}
