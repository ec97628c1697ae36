//go:build long

package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// TestLongAllThirtyTeamsTakeTwoWritesEach is about 2,460 tasks in
// 30 projects: each game is in the projects of both its sides.
func TestLongAllThirtyTeamsTakeTwoWritesEach(t *testing.T) {
	s := startSite(t, midSeason)
	account := s.account("max", fake.Pro)
	b := s.browser().signIn(account)
	form := b.get("/import?"+everyTeam().Encode()).want(http.StatusOK).form("post", "/imports")
	s.fake.ResetRequests()
	p := b.post("/imports", form, "Accept", "text/event-stream").want(http.StatusOK)
	var done []int
	last := ""
	for _, line := range lines(p.body) {
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			last = event
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || last != "progress" {
			continue
		}
		var at struct{ Done, Total int }
		if err := json.Unmarshal([]byte(data), &at); err != nil {
			t.Fatal(err)
		}
		if len(done) > 0 && at.Done < done[len(done)-1] {
			t.Errorf("the progress goes back from %d to %d", done[len(done)-1], at.Done)
		}
		done = append(done, at.Done)
	}
	if last != "done" {
		t.Fatalf("the import ended with %q:\n%.800s", last, p.body)
	}
	if distinct := slices.Compact(done); len(distinct) < 10 {
		t.Errorf("the progress has the values %v, want 10 or more", distinct)
	}
	commands, writes := 0, 0
	for _, r := range s.fake.Requests() {
		if len(r.Commands) > 0 {
			writes++
			commands += len(r.Commands)
		}
	}
	// Each project takes one write, and its 80 games or so another one.
	if writes != 60 {
		t.Errorf("%d commands took %d writes, want 60", commands, writes)
	}
	t.Logf("%d commands in %d writes", commands, writes)
	wantSeasons(t, account, schedule.Teams())

	s.fake.ResetRequests()
	b.post("/imports", form).want(http.StatusSeeOther)
	if _, writes := s.requests(); writes != 0 {
		t.Errorf("the second import wrote %d times", writes)
	}
}

func TestLongEveryOfferOfWhatFitsCanBeRun(t *testing.T) {
	doesNotFit(t, 100)
}

func TestLongEveryTeamOfARealFeedGetsOneTaskPerUpcomingGame(t *testing.T) { realFeeds(t) }

func TestLongTwoSnapshotsOfASeasonMakeNoDoubles(t *testing.T) {
	twoSnapshots(t, "TOR", "MIL", "HOU", "DET", "ATL")
}

func TestLongTheLeagueAndESPNNameTheSameGames(t *testing.T) {
	twoSources(t, "BOS", "CHI", "LAC", "NYK", "SAS", "UTA")
}

func TestLongASeasonWithPostponedShellsAndMakeUpsMakesNoDoubles(t *testing.T) {
	makeUps(t, "CHI", "DAL", "DEN", "GSW", "MEM", "MIA", "MIL", "MIN")
}
