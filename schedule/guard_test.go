package schedule

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestGamesAreMatchedByIDThenDayThenSides(t *testing.T) {
	side := func(code string) Side { t, _ := TeamByCode(code); return t.Side() }
	game := func(id, away, home string, day Day) Game {
		return Game{ID: id, Type: Regular, Home: side(home), Away: side(away), Day: day, Tip: at(string(day) + "T23:00:00Z")}
	}
	before := []Game{
		game("0022600001", "BOS", "NYK", "2026-11-01"),
		game("0022600002", "BOS", "NYK", "2026-12-01"),
		game("0022600003", "NYK", "BOS", "2027-01-01"),
		game("0022600004", "LAL", "MIA", "2027-01-02"),
		game("0022600005", "LAL", "DEN", "2027-01-03"),
		game("0022600006", "LAL", "DEN", "2027-01-09"),
		{ID: "0022600007", Type: Cup, Day: "2026-12-04"},
	}
	after := []Game{
		game("0022600002", "BOS", "NYK", "2026-11-01"), // moved onto the other's day, and told by its id
		game("401000001", "BOS", "NYK", "2026-12-01"),
		game("401000002", "BOS", "NYK", "2027-01-01"), // home and away swapped
		game("401000004", "LAL", "MIA", "2027-02-02"), // moved, the only one of its sides
		game("401000005", "LAL", "DEN", "2027-02-03"), // moved, and nobody can tell which
		game("401000006", "LAL", "DEN", "2027-02-09"),
		{ID: "401000007", Type: Cup, Day: "2026-12-04"}, // no sides, no match
	}
	want := []string{"0022600002", "0022600001", "0022600003", "0022600004", "", "", ""}
	// The first two leave one game each for the third, by sides alone.
	for i, old := range match(before, after) {
		got := ""
		if old != nil {
			got = old.ID
		}
		if got != want[i] {
			t.Errorf("%s: got %q, want %q", after[i].ID, got, want[i])
		}
	}
}

func TestChangedMovesOnlyWithTheGame(t *testing.T) {
	first, later := at("2026-11-20T18:00:00Z"), at("2026-11-21T18:00:00Z")
	for name, c := range map[string]struct {
		change func(*Game)
		moves  bool
	}{
		"nothing":                 {func(*Game) {}, false},
		"channels":                {func(g *Game) { g.National, g.HomeTV = []string{"X"}, []string{"Y"} }, false},
		"status":                  {func(g *Game) { g.Status = Final }, false},
		"label":                   {func(g *Game) { g.SubLabel = "East Group B" }, false},
		"time":                    {func(g *Game) { g.Tip = g.Tip.Add(1) }, true},
		"postponed":               {func(g *Game) { g.Postponed = true }, true},
		"arena":                   {func(g *Game) { g.Arena = "Elsewhere" }, true},
		"the time is taken back":  {func(g *Game) { g.Tip = g.Tip.AddDate(-2000, 0, 0) }, true},
		"home and away":           {func(g *Game) { g.Home, g.Away = g.Away, g.Home }, true},
		"it is only if necessary": {func(g *Game) { g.IfNecessary = true }, true},
	} {
		before, after := Embedded(), Embedded()
		carry(nil, before, first)
		c.change(&after.Games[500])
		id := after.Games[500].ID
		changed := carry(before, after, later)
		if want := map[bool]int{true: 1}[c.moves]; changed != want {
			t.Errorf("%s: got %d changed games, want %d", name, changed, want)
		}
		for _, g := range after.Games {
			want := first
			if g.ID == id && c.moves {
				want = later
			}
			if !g.Changed.Equal(want) {
				t.Errorf("%s: %s changed at %v, want %v", name, g.ID, g.Changed, want)
			}
		}
	}
}

func TestESPNsActualStartIsNoChange(t *testing.T) {
	before, after := Embedded(), Embedded()
	carry(nil, before, before.AsOf)
	after.Source = SourceESPN
	g := &after.Games[10]
	want, id := g.Tip, g.ID
	g.Tip, g.Status = g.Tip.Add(17*60e9), InProgress
	if n := carry(before, after, at("2026-11-20T18:00:00Z")); n != 0 {
		t.Errorf("got %d changed games, want none", n)
	}
	for _, g := range after.Games {
		if g.ID == id && !g.Tip.Equal(want) {
			t.Errorf("got %v, want %v", g.Tip, want)
		}
	}
}

func TestESPNKeepsWhatOnlyTheLeagueTells(t *testing.T) {
	side := func(code string) Side { t, _ := TeamByCode(code); return t.Side() }
	league := Game{
		ID: "0042600404", Season: "2026-27", Type: Playoffs, Home: side("NYK"), Away: side("OKC"), Day: "2027-06-14", Tip: at("2027-06-15T00:30:00Z"),
		IfNecessary: true, Status: Scheduled, Arena: "The Garden", City: "New York", State: "NY", National: []string{"ABC"}, HomeTV: []string{"MSG"},
		Label: "NBA Finals", Series: "Game 5", Changed: at("2027-06-01T00:00:00Z"),
	}
	espn := Game{
		ID: "401999999", Season: "2026-27", Type: Playoffs, Home: side("NYK"), Away: side("OKC"), Day: "2027-06-14", Tip: at("2027-06-15T00:30:00Z"),
		Status: Scheduled, Arena: "Madison Square Garden", City: "New York", State: "NY", National: []string{"ESPN"}, Label: "NBA Finals", Series: "Game 5",
	}
	refresh := func(g Game) (Game, int) {
		next := &Season{Label: "2026-27", Source: SourceESPN, Games: []Game{g}}
		changed := carry(&Season{Label: "2026-27", Source: SourceNBA, Games: []Game{league}}, next, at("2027-06-10T00:00:00Z"))
		return next.Games[0], changed
	}
	if g, changed := refresh(espn); changed != 0 || !reflect.DeepEqual(g, league) {
		t.Errorf("got %d changed games and\n%+v, want\n%+v", changed, g, league)
	}
	moved := espn
	moved.Tip, moved.Status = moved.Tip.Add(2*time.Hour), InProgress
	if g, changed := refresh(moved); changed != 1 || g.ID != league.ID || !g.Tip.Equal(moved.Tip) || g.IfNecessary {
		t.Errorf("got %d changed games and %+v", changed, g)
	}
	swapped := espn
	swapped.Home, swapped.Away, swapped.City = espn.Away, espn.Home, "Oklahoma City"
	if g, _ := refresh(swapped); g.HomeTV != nil || !slices.Equal(g.AwayTV, league.HomeTV) || g.Arena != espn.Arena {
		t.Errorf("got %+v", g)
	}
}
