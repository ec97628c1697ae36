package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// A calendar is a season in the making: games by their ids.
type calendar map[string]schedule.Game

// game adds a game of the regular season, or puts another in its place. when is
// an instant, or a day for a game without a time.
func (c calendar) game(id, away, home, when string) {
	team, _ := schedule.TeamByCode(home)
	guest, _ := schedule.TeamByCode(away)
	g := schedule.Game{ID: id, Season: "2026-27", Type: schedule.Regular, Home: team.Side(), Away: guest.Side(),
		Arena: team.Arena, City: team.ArenaCity, Status: schedule.Scheduled}
	c[id] = moved(g, when)
}

func moved(g schedule.Game, when string) schedule.Game {
	g.Day, g.Tip = schedule.Day(when), time.Time{}
	if tip, err := time.Parse(time.RFC3339, when); err == nil {
		g.Day, g.Tip = schedule.DayOf(tip, schedule.Eastern()), tip
	}
	return g
}

// edit changes one game.
func (c calendar) edit(id string, change func(*schedule.Game)) {
	g := c[id]
	change(&g)
	c[id] = g
}

func (c calendar) season(asOf time.Time) *schedule.Season {
	s := &schedule.Season{Label: "2026-27", Source: schedule.SourceFile, AsOf: asOf}
	for _, id := range slices.Sorted(maps.Keys(c)) {
		s.Games = append(s.Games, c[id])
	}
	return s
}

// line is a task as its owner sees it in a list.
func line(task fake.Task) string {
	due := "no date"
	if task.Due != nil {
		due = task.Due.Date
	}
	return due + " " + task.Content
}

func TestAYearOfChangesIsReplayed(t *testing.T) {
	t.Parallel()
	games := calendar{}
	d := newDesk(t, fake.Pro, []string{"BOS"}, nil, time.Time{})
	want := map[string]string{} // the task's line, by what the test calls the game
	byGame := func(id string) fake.Task {
		t.Helper()
		for _, task := range d.account.Tasks("") {
			if !task.Deleted && strings.Contains(task.Description, "#tipoff-"+id+")") {
				return task
			}
		}
		t.Fatalf("game %s has no task", id)
		return fake.Task{}
	}
	edit := func(id string, change func(*fake.Task)) {
		t.Helper()
		if err := d.account.EditTask(byGame(id).ID, change); err != nil {
			t.Fatal(err)
		}
	}
	// step plays what is published until a day, imports, and compares.
	step := func(day, what string, added, updated, kept int) {
		t.Helper()
		now, err := time.Parse(time.RFC3339, day+"T12:00:00Z")
		if err != nil {
			t.Fatal(err)
		}
		d.now, d.season = now, games.season(now)
		out := d.run("team=BOS&reminder=60&duration=150&labels=nba&sections=month")
		if out.Added != added || out.Updated != updated || out.Kept != kept {
			t.Errorf("%s: added %d, updated %d, kept %d, want %d, %d, %d", what, out.Added, out.Updated, out.Kept, added, updated, kept)
		}
		var got []string
		for _, p := range d.account.Projects() {
			for _, task := range d.account.Tasks(p.ID) {
				if !task.Deleted {
					got = append(got, line(task))
				}
			}
		}
		lines := slices.Collect(maps.Values(want))
		if missing, more := without(lines, got), without(got, lines); len(missing)+len(more) > 0 {
			t.Errorf("%s: the tasks lack %q and have %q too many", what, missing, more)
		}
	}

	games.game("0022600001", "BOS", "NYK", "2026-10-21T23:30:00Z")
	games.game("0022600002", "DEN", "BOS", "2026-11-25T00:30:00Z")
	games.game("0022600003", "BOS", "ORL", "2027-01-06T00:00:00Z")
	games.game("0022600004", "MIA", "BOS", "2027-01-13T00:30:00Z")
	games.game("0022600005", "BOS", "DET", "2027-02-26T00:00:00Z")
	games.game("0022600006", "BOS", "CHI", "2027-03-04T01:00:00Z")
	games.game("0022600007", "NYK", "BOS", "2027-03-21T00:30:00Z")
	games.game("0022600008", "PHI", "BOS", "2027-04-11")
	games.game("0022600009", "LAL", "GSW", "2027-04-11") // of no concern to Boston
	want["opener"] = "2026-10-21T23:30:00Z Celtics at Knicks"
	want["DEN"] = "2026-11-25T00:30:00Z Celtics vs Nuggets"
	want["ORL"] = "2027-01-06T00:00:00Z Celtics at Magic"
	want["MIA"] = "2027-01-13T00:30:00Z Celtics vs Heat"
	want["DET"] = "2027-02-26T00:00:00Z Celtics at Pistons"
	want["CHI"] = "2027-03-04T01:00:00Z Celtics at Bulls"
	want["NYK"] = "2027-03-21T00:30:00Z Celtics vs Knicks"
	want["PHI"] = "2027-04-11 Celtics vs 76ers"
	step("2026-08-20", "the schedule comes out", 8, 0, 0)

	if err := d.account.CompleteTask(byGame("0022600001").ID); err != nil {
		t.Fatal(err)
	}
	edit("0022600004", func(task *fake.Task) { task.Content = "Heat with Dad" })
	want["MIA"] = "2027-01-13T00:30:00Z Heat with Dad"
	edit("0022600006", func(task *fake.Task) {
		task.Due = &fake.Due{Date: "2027-03-05"}
		task.Priority = 4
	})
	want["CHI"] = "2027-03-05 Celtics at Bulls"
	edit("0022600007", func(task *fake.Task) { task.Description = "Row 12, bring the scarf\n" + task.Description })
	step("2026-11-01", "the owner edits, and nothing else changes", 0, 0, 0)

	games.game("0062600001", "BOS", "MIL", "2026-12-06T01:00:00Z")
	games.edit("0062600001", func(g *schedule.Game) { g.Type, g.Label, g.SubLabel = schedule.Cup, "NBA Cup", "East Quarterfinal" })
	games.game("0022601210", "ATL", "BOS", "2026-12-09T00:30:00Z")
	want["Cup"] = "2026-12-06T01:00:00Z Celtics at Bucks"
	want["ATL"] = "2026-12-09T00:30:00Z Celtics vs Hawks"
	step("2026-12-01", "games are added in December", 2, 0, 0)

	for id, when := range map[string]string{"0022600003": "2027-01-06T00:30:00Z", "0022600004": "2027-01-13T01:00:00Z", "0022600006": "2027-03-04T00:00:00Z"} {
		games.edit(id, func(g *schedule.Game) { *g = moved(*g, when) })
	}
	want["ORL"] = "2027-01-06T00:30:00Z Celtics at Magic"
	want["MIA"] = "2027-01-13T01:00:00Z Heat with Dad"
	step("2026-12-20", "television moves tip-offs", 0, 2, 1)
	if got := byGame("0022600006"); got.Priority != 4 {
		t.Errorf("the owner's priority is %d now", got.Priority)
	}

	games.edit("0022600004", func(g *schedule.Game) { g.Postponed = true })
	games.edit("0022600003", func(g *schedule.Game) { g.Postponed = true })
	want["MIA"] = "no date Heat with Dad"
	want["ORL"] = "no date Postponed: Celtics at Magic"
	step("2027-01-04", "two games are postponed", 0, 2, 1)

	// The league keeps the id of one, ESPN lists the other anew.
	games.edit("0022600004", func(g *schedule.Game) { *g = moved(*g, "2027-02-17T00:30:00Z"); g.Postponed = false })
	games.game("401909999", "BOS", "ORL", "2027-02-18T00:00:00Z")
	want["MIA"] = "2027-02-17T00:30:00Z Heat with Dad"
	want["ORL"] = "2027-02-18T00:00:00Z Celtics at Magic"
	step("2027-01-20", "both have a new date", 0, 2, 1)

	games.game("0022600005", "DET", "BOS", "2027-02-26T00:30:00Z")
	want["DET"] = "2027-02-26T00:30:00Z Celtics vs Pistons"
	step("2027-02-01", "home and away are swapped", 0, 1, 1)

	games.edit("0022600007", func(g *schedule.Game) { g.Arena = "Causeway Center" })
	games.edit("0022600006", func(g *schedule.Game) { g.Arena = "Madison Street Center" })
	step("2027-02-10", "two arenas are renamed", 0, 1, 1)
	if got := byGame("0022600006"); !strings.Contains(got.Description, "Madison Street Center") {
		t.Errorf("the task says %q", got.Description)
	}
	if got := byGame("0022600007"); !strings.Contains(got.Description, "bring the scarf") {
		t.Errorf("the owner's note is gone: %q", got.Description)
	}

	games.edit("0022600008", func(g *schedule.Game) { *g = moved(*g, "2027-04-11T17:00:00Z") })
	want["PHI"] = "2027-04-11T17:00:00Z Celtics vs 76ers"
	step("2027-04-01", "a game without a time gets one", 0, 1, 0)
	task := byGame("0022600008")
	if r := d.account.Reminders(task.ID); len(r) != 1 || r[0].MinuteOffset != 60 || task.Duration == nil || task.Duration.Amount != 150 {
		t.Errorf("with its time the task has the reminders %+v and lasts %+v", r, task.Duration)
	}

	games.game("0052600101", "MIA", "BOS", "2027-04-14T23:30:00Z")
	games.edit("0052600101", func(g *schedule.Game) { g.Type, g.Label = schedule.PlayIn, "Play-In Tournament" })
	want["play-in"] = "2027-04-14T23:30:00Z Celtics vs Heat"
	step("2027-04-12", "the play-in is drawn", 1, 0, 0)

	series := []string{"2027-04-18T17:00:00Z", "2027-04-20T23:00:00Z", "2027-04-23", "2027-04-25", "2027-04-27", "2027-04-29", "2027-05-01"}
	for i, when := range series {
		id := "004260010" + string(rune('1'+i))
		away, home := "NYK", "BOS"
		if i == 2 || i == 3 || i == 5 {
			away, home = home, away
		}
		games.game(id, away, home, when)
		games.edit(id, func(g *schedule.Game) {
			g.Type, g.IfNecessary, g.Series = schedule.Playoffs, i >= 4, "Game "+string(rune('1'+i))
		})
		title := "Celtics vs Knicks"
		if home == "NYK" {
			title = "Celtics at Knicks"
		}
		if i >= 4 {
			title += " (if necessary)"
		}
		want["round 1, "+when] = when + " " + title
	}
	step("2027-04-16", "the play-offs are drawn", 7, 0, 0)

	// Boston wins in five: one game becomes necessary, two vanish.
	games.edit("0042600105", func(g *schedule.Game) { *g = moved(*g, "2027-04-27T23:30:00Z"); g.IfNecessary = false })
	want["round 1, 2027-04-27"] = "2027-04-27T23:30:00Z Celtics vs Knicks"
	step("2027-04-26", "a fifth game is necessary", 0, 1, 0)
	delete(games, "0042600106")
	delete(games, "0042600107")
	want["round 1, 2027-04-29"] = "no date Not needed: Celtics at Knicks"
	want["round 1, 2027-05-01"] = "no date Not needed: Celtics vs Knicks"
	step("2027-04-28", "the others vanish", 0, 2, 0)
	step("2027-07-01", "the season is over", 0, 0, 0)
}
