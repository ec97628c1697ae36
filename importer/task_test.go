package importer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// What a season's tasks look like, options by options.
func TestTasksLookAsChosen(t *testing.T) {
	t.Parallel()
	base := game(1, "BOS", "NYK", evening(2)) // a Sunday, 2026-11-23T00:30:00Z
	base.Arena, base.City = "Madison Square Garden", "New York"
	base.National, base.AwayTV, base.HomeTV = []string{"ESPN", "ABC"}, []string{"NBCSB"}, []string{"MSG"}
	home := game(2, "LAL", "BOS", evening(4))
	home.Type, home.Label, home.SubLabel = schedule.Cup, "NBA Cup", "East Group A"
	tbd := game(3, "BOS", "CHI", evening(6))
	tbd.Tip = time.Time{}
	finals := game(4, "BOS", "MIA", evening(8))
	finals.Type, finals.IfNecessary, finals.Label, finals.Series = schedule.Playoffs, true, "East Finals", "Game 7"

	for query, want := range map[string][]string{
		"team=BOS": {
			`2026-11-23T00:30:00Z America/New_York | Celtics at Knicks | p4 [] 0min [] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, NBCSB"`,
			`2026-11-25T00:30:00Z America/New_York | Celtics vs Lakers | p4 [] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A"`,
			`2026-11-26 | Celtics at Bulls | p4 [] 0min [] |  | "Arena 3, Springfield\nTime to be decided"`,
			`2026-11-29T00:30:00Z America/New_York | Celtics at Heat (if necessary) | p4 [] 0min [] |  | "Arena 4, Springfield\nEast Finals · Game 7"`,
		},
		"team=BOS&title=codes&labels=nba,celtics&priority=1&tbd=skip&to=2026-11-24&timezone=Europe/Berlin": {
			`2026-11-23T00:30:00Z Europe/Berlin | BOS @ NYK | p1 [nba celtics] 0min [] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, NBCSB"`,
			`2026-11-25T00:30:00Z Europe/Berlin | BOS vs LAL | p1 [nba celtics] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A"`,
		},
		"team=LAL&title=emoji&timezone=team&duration=150&reminder=30&sections=month": {
			`2026-11-25T00:30:00Z America/Los_Angeles | 🏀 Lakers at Celtics | p4 [] 150min [30] | November 2026 | "Arena 2, Springfield\nNBA Cup · East Group A"`,
		},
		"team=BOS&team=NYK&opponent=NYK&opponent=BOS&reminder=0": {
			`2026-11-23T00:30:00Z America/New_York | Celtics at Knicks | p4 [] 0min [0] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, MSG, NBCSB"`,
		},
		"team=BOS&tbd=allday&type=regular&duration=120&reminder=60&from=2026-11-26": {
			`2026-11-26 | Celtics at Bulls | p4 [] 0min [] |  | "Arena 3, Springfield\nTime to be decided"`,
		},
		"team=BOS&venue=home":  {`2026-11-25T00:30:00Z America/New_York | Celtics vs Lakers | p4 [] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A"`},
		"team=BOS&tv=national": {`2026-11-23T00:30:00Z America/New_York | Celtics at Knicks | p4 [] 0min [] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, NBCSB"`},
		"team=BOS&skip=0022600001&skip=0022600003&skip=0022600004": {
			`2026-11-25T00:30:00Z America/New_York | Celtics vs Lakers | p4 [] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A"`},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fake.Pro, base, home, tbd, finals)
			w.run(query)
			if got := w.looks(); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestADescriptionEndsWithALinkThatNamesTheGame(t *testing.T) {
	t.Parallel()
	other := game(2, "DEN", "BOS", evening(4))
	other.ID = "401900002"
	guest := game(3, "BOS", "MIA", evening(6))
	guest.ID, guest.Arena, guest.City = "x_1", "", ""
	w := newWorld(t, fake.Free, game(1, "BOS", "NYK", evening(2)), other, guest)
	w.run("team=BOS")
	for id, want := range map[string]string{
		"0022600001": "Arena 1, Springfield\n[Game page](https://www.nba.com/game/0022600001#tipoff-0022600001)",
		"401900002":  "Arena 2, Springfield\n[Game page](https://www.espn.com/nba/game/_/gameId/401900002#tipoff-401900002)",
		"x_1":        "[Game page](https://www.nba.com/schedule#tipoff-x_1)",
	} {
		if got := w.taskOf(id).Description; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestATitleNeverMakesATaskThatCannotBeTickedOff(t *testing.T) {
	t.Parallel()
	stars := game(1, "BOS", "NYK", evening(2))
	stars.Away.Name = "* Stars"
	w := newWorld(t, fake.Free, stars)
	w.run("team=BOS")
	if got := w.taskOf(stars.ID).Content; got != "Stars at Knicks" {
		t.Errorf("the title is %q", got)
	}
}

func TestASectionIsTheMonthThatItsTasksShow(t *testing.T) {
	t.Parallel()
	late := time.Date(2026, 12, 1, 0, 30, 0, 0, time.UTC) // 30 November in New York
	tbd := game(3, "BOS", "CHI", late)
	tbd.Tip = time.Time{}
	for query, want := range map[string]map[string]string{
		"team=BOS&sections=month":                            {leagueID(1): "November 2026", leagueID(2): "January 2027", leagueID(3): "November 2026"},
		"team=BOS&sections=month&timezone=Europe/Berlin":     {leagueID(1): "December 2026", leagueID(2): "January 2027", leagueID(3): "November 2026"},
		"team=BOS&sections=month&timezone=team&target=INBOX": {leagueID(1): "November 2026", leagueID(2): "January 2027", leagueID(3): "November 2026"},
		"team=BOS": {leagueID(1): "", leagueID(2): "", leagueID(3): ""},
	} {
		w := newWorld(t, fake.Free, game(1, "BOS", "NYK", late), game(2, "LAL", "BOS", evening(50)), tbd)
		w.run(strings.ReplaceAll(query, "INBOX", w.fan.InboxID()))
		for id, section := range want {
			if got := w.section(w.taskOf(id)); got != section {
				t.Errorf("%s: game %s is in %q, want %q", query, id, got, section)
			}
		}
		names := map[string]bool{}
		for _, s := range w.fan.Sections("") {
			if names[s.Name] {
				t.Errorf("%s: the section %s is there twice", query, s.Name)
			}
			names[s.Name] = true
		}
	}
}

func TestAGameThatMovesIntoAnotherMonthMovesIntoItsSection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Free, game(1, "BOS", "NYK", evening(2)), game(2, "LAL", "BOS", evening(4)))
	w.run("team=BOS&sections=month")
	w.publish(game(1, "BOS", "NYK", evening(30)), game(2, "LAL", "BOS", evening(4)))
	w.run("team=BOS")
	if got := w.section(w.taskOf(leagueID(1))); got != "December 2026" {
		t.Errorf("it is in %q", got)
	}
	if got := w.section(w.taskOf(leagueID(2))); got != "November 2026" {
		t.Errorf("the other game is in %q", got)
	}
}

func TestProjectsLookAsChosen(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]struct{ name, style, colour string }{
		"team=BOS":                       {"Boston Celtics 2026-27", "list", "green"},
		"team=BOS&view=board":            {"Boston Celtics 2026-27", "board", "green"},
		"team=BOS&name=My+games":         {"My games", "list", "green"},
		"team=BOS&team=LAL":              {"Celtics, Lakers 2026-27", "list", "charcoal"},
		"team=BOS&team=LAL&team=NYK":     {"Celtics, Lakers, Knicks 2026-27", "list", "charcoal"},
		"team=BOS&view=list&name=++X+Y+": {"X Y", "list", "green"},
	} {
		w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(2)))
		w.run(query)
		p := w.projects()
		if len(p) != 1 || p[0].Name != want.name || p[0].ViewStyle != want.style || p[0].Color != want.colour {
			t.Errorf("%s: got %+v; want %+v", query, p, want)
		}
	}
}

func TestAProjectIsSortedByDateAndACalendarWhereThePlanHasThem(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]map[fake.Plan]string{
		"team=BOS":               {fake.Free: "list", fake.Pro: "list"},
		"team=BOS&view=board":    {fake.Free: "board", fake.Pro: "board"},
		"team=BOS&view=calendar": {fake.Free: "list", fake.Pro: "calendar"},
	} {
		for plan, mode := range want {
			w := newWorld(t, plan, game(1, "BOS", "NYK", evening(2)))
			out := w.run(query)
			if told := len(out.Plan.Notices) > 0; told != (mode == "list" && strings.HasSuffix(query, "calendar")) {
				t.Errorf("%s: the notices are %v", query, out.Plan.Notices)
			}
			last, sorted := "", ""
			for _, c := range w.sent {
				if c.Type == "view_options_set" {
					last, sorted = fmt.Sprint(c.Args["view_mode"]), fmt.Sprint(c.Args["sorted_by"])
				}
			}
			if last != mode || sorted != "due_date" {
				t.Errorf("%s: the project is a %s by %s, want a %s", query, last, sorted, mode)
			}
		}
	}
}

func TestAnImportGoesWithoutWhatAPlanHasNot(t *testing.T) {
	t.Parallel()
	const query = "team=BOS&sections=month&duration=150&reminder=60"
	for name, tt := range map[string]struct {
		limits func(*fake.Limits)
		wants  string
		told   bool
	}{
		"everything":         {func(*fake.Limits) {}, "150min [60] | November 2026", false},
		"no durations":       {func(l *fake.Limits) { l.Durations = false }, "0min [60] | November 2026", true},
		"no reminders":       {func(l *fake.Limits) { l.CustomReminders = false }, "150min [] | November 2026", true},
		"room for no others": {func(l *fake.Limits) { l.Reminders = 1 }, "150min [] | November 2026", true},
	} {
		w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(2)), game(2, "LAL", "BOS", evening(4)))
		limits := fake.Pro.Limits()
		tt.limits(&limits)
		w.fan.SetLimits(limits, limits)
		out := w.run(query)
		if told := len(out.Plan.Notices) > 0; out.Added != 2 || told != tt.told {
			t.Errorf("%s: added %d; the notices are %v", name, out.Added, out.Plan.Notices)
		}
		for _, look := range w.looks() {
			if !strings.Contains(look, tt.wants) {
				t.Errorf("%s: got %s, want %s", name, look, tt.wants)
			}
		}
	}
}

// projectColours are the nearest of Todoist's twenty to each team's own, by CIEDE2000
// with lightness counting half.
var projectColours = map[string]string{
	"ATL": "red", "BOS": "green", "BKN": "charcoal", "CHA": "teal", "CHI": "red", "CLE": "berry_red", "DAL": "blue", "DEN": "light_blue",
	"DET": "light_blue", "GSW": "yellow", "HOU": "red", "IND": "light_blue", "LAC": "grape", "LAL": "grape", "MEM": "light_blue",
	"MIA": "berry_red", "MIL": "green", "MIN": "light_blue", "NOP": "light_blue", "NYK": "light_blue", "OKC": "blue", "ORL": "blue",
	"PHI": "light_blue", "PHX": "grape", "POR": "red", "SAC": "grape", "SAS": "charcoal", "TOR": "red", "UTA": "grape", "WAS": "red",
}

func TestEachTeamsProjectHasTheNearestOfTodoistsColours(t *testing.T) {
	t.Parallel()
	for _, team := range schedule.Teams() {
		if got := Colour(team); got != projectColours[team.Code] {
			t.Errorf("%s of %s is %s, want %s", team.Code, team.Primary, got, projectColours[team.Code])
		}
	}
}
