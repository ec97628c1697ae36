package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestThirtyTeams(t *testing.T) {
	teams := Teams()
	if !slices.IsSortedFunc(teams, func(a, b Team) int { return strings.Compare(a.FullName(), b.FullName()) }) {
		t.Error("the teams are not sorted by their full names")
	}
	seen, conference, division := map[string]bool{}, map[string]int{}, map[string]int{}
	for _, team := range teams {
		for _, unique := range []string{team.Code, team.Slug, team.Name, team.Arena} {
			if seen[unique] {
				t.Errorf("%q is there twice", unique)
			}
			seen[unique] = true
		}
		conference[team.Conference]++
		division[team.Division]++
		for _, colour := range []string{team.Primary, team.Secondary} {
			if len(colour) != 7 || colour[0] != '#' || strings.Trim(colour[1:], "0123456789ABCDEF") != "" {
				t.Errorf("%s: %q is not a colour", team.Code, colour)
			}
		}
		if _, err := time.LoadLocation(team.Zone); err != nil {
			t.Error(err)
		}
		if byID, ok := teamByID(team.ID); !ok || byID != team || team.ID < 1610612737 || team.ID > 1610612766 {
			t.Errorf("%s: the number %d leads to %+v", team.Code, team.ID, byID)
		}
	}
	if len(teams) != 30 || len(division) != 6 || conference["East"] != 15 || conference["West"] != 15 {
		t.Errorf("got %d teams, divisions %v, conferences %v", len(teams), division, conference)
	}
	teams[0].Code = "XXX"
	if Teams()[0].Code != "ATL" {
		t.Error("the table can be written to")
	}
	if clippers, _ := TeamByCode("LAC"); clippers.FullName() != "LA Clippers" {
		t.Errorf("got %q", clippers.FullName())
	}
}

func TestTeamsAreFoundByAnyOfTheirCodes(t *testing.T) {
	for code, want := range map[string]string{
		"NYK": "NYK", "nyk": "NYK", "Ny": "NYK", "PHO": "PHX", "brk": "BKN", "CHO": "CHA", "GS": "GSW",
		"NO": "NOP", "SA": "SAS", "utah": "UTA", "WSH": "WAS", "": "", "XYZ": "", "Knicks": "",
	} {
		if team, ok := TeamByCode(code); team.Code != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", code, team.Code, ok)
		}
	}
}

func TestDaysOfTheCalendar(t *testing.T) {
	for _, bad := range []string{"", "2026-10-2", "2026-13-01", "2026-02-29", "2026-10-20T00:00:00Z", "tomorrow"} {
		if day, err := ParseDay(bad); err == nil {
			t.Errorf("%q: got %s", bad, day)
		}
	}
	day, err := ParseDay("2026-10-31")
	if err != nil {
		t.Fatal(err)
	}
	if day.Month() != time.October || day.Year() != 2026 || day.Weekday() != time.Saturday || day.AddDays(1) != "2026-11-01" || day.AddDays(-31) != "2026-09-30" {
		t.Errorf("got %v, %d, %v, %s, %s", day.Month(), day.Year(), day.Weekday(), day.AddDays(1), day.AddDays(-31))
	}
	// From midnight to midnight the day of the change has 25 hours.
	if n := day.DaysTo("2026-11-02"); n != 2 {
		t.Errorf("got %d days, want 2", n)
	}
	if got := day.AddDays(1).Time(Eastern()); !got.Equal(at("2026-11-01T04:00:00Z")) {
		t.Errorf("got %v", got)
	}
	if got := DayOf(at("2026-11-01T03:59:59Z"), Eastern()); got != "2026-10-31" {
		t.Errorf("got %s", got)
	}
}

func TestSidesOfAGame(t *testing.T) {
	g := Game{ID: "0022600062", Home: Side{"NYK", "New York", "Knicks"}, Away: Side{"PHI", "Philadelphia", "76ers"}}
	if !g.Has("NYK") || !g.Has("PHI") || g.Has("BOS") || g.Has("") || !g.AtHome("NYK") || g.AtHome("PHI") || g.AtHome("") {
		t.Error("the sides are not told apart")
	}
	if g.Opponent("NYK").Code != "PHI" || g.Opponent("PHI").Code != "NYK" || g.Opponent("BOS").Known() {
		t.Error("the opponents are wrong")
	}
	for team, want := range map[string]string{"": "76ers at Knicks", "PHI": "76ers at Knicks", "NYK": "Knicks vs 76ers", "BOS": "76ers at Knicks"} {
		if got := g.Title(team); got != want {
			t.Errorf("%q: got %q, want %q", team, got, want)
		}
	}
	if got := (Game{Home: g.Home}).Title(""); got != "To be decided at Knicks" {
		t.Errorf("got %q", got)
	}
	for id, want := range map[string]string{
		"0022600062": "https://www.nba.com/game/0022600062", "401909089": "https://www.espn.com/nba/game/_/gameId/401909089",
		"": "", "00226\"><b>": "", "1": "",
	} {
		if got := (Game{ID: id}).URL(); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}
