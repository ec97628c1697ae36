package e2e

import (
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"tipoff/database/databasetest"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// A wrongFeed is an answer of the league's feed that is not right, and what is
// said of it in the log and on pages.
type wrongFeed struct{ url, logged, shown string }

// isSaid starts the program with the feed and fails the test unless that is said.
func (f wrongFeed) isSaid(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-schedule-url", f.url)
	s.saying(f.logged)
	s.saying(f.shown)
	s.browser().get("/teams/orl").want(http.StatusOK).has(f.shown)
}

func TestPagesSayWhatIsWrongWithTheSchedule(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]wrongFeed{
		"every game is postponed": {serveFeed(t, allPostponed()), "the schedule is not refreshed",
			"The league's feed is not used: 974 of 974 games to come are postponed, cancelled or missing."},
		"a game is listed twice": {serveFeed(t, oneTwice()), "the schedule has faulty entries",
			"The league's feed has a faulty entry, which is left out: game 0022609834 (Hawks at Magic) is listed twice."},
		"a web page": {serveAnswer(t, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<!DOCTYPE html><title>Sign in to the hotel</title>")
		}), "the schedule is not refreshed", "The league's feed answered with a web page instead of the schedule."},
		"a refusal": {serveAnswer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }),
			"the schedule is not refreshed", "The league's feed refused the request (403 Forbidden)."},
	} {
		t.Run(name, f.isSaid)
	}
}

func TestAFeedThatPostponesEveryGameTakesNoDateAway(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-schedule-url", serveFeed(t, allPostponed()))
	s.saying("the schedule is not refreshed")
	account := s.account("ann", fake.Free)
	s.browser().signIn(account).importTeam("team=BOS").want(http.StatusSeeOther)
	made := tasks(account, onlyProject(t, account).ID)
	for _, task := range made {
		if task.Due == nil {
			t.Errorf("%s has no date", task.Content)
		}
	}
	if len(made) != 65 {
		t.Errorf("got %d tasks, want 65", len(made))
	}
}

func TestOneReplicaAsksForTheScheduleAndTheOtherReadsIt(t *testing.T) {
	t.Parallel()
	games := slices.Clone(embedded().Games)
	i := slices.IndexFunc(games, func(g schedule.Game) bool { return g.Day > "2027-02-01" && g.Home.Code == "BOS" })
	games[i].Arena = "Harvard Stadium"
	path, asked := filepath.Join(t.TempDir(), "feed.json"), atomic.Int64{}
	feed(t, path, "2026-27", midSeason, games)
	url := serveAnswer(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); http.ServeFile(w, r, path) })
	for name, dsn := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "tipoff.db"), "postgres": databasetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			first := startSite(t, midSeason, "-database", dsn, "-schedule-url", url, "-schedule-refresh", "1h")
			first.saying("schedule refreshed")
			second := startSite(t, midSeason, "-database", dsn, "-schedule-url", url, "-schedule-refresh", "1h")
			for _, s := range []*site{first, second} {
				s.browser().get("/teams/bos").want(http.StatusOK).has("Harvard Stadium")
			}
			if got := asked.Load(); got != 1 {
				t.Errorf("the league was asked %d times", got)
			}
		})
	}
}
