package schedule

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"
)

// game is a game of the regular season that begins at seven in the evening.
func game(id, away, home string, day Day) Game {
	side := func(code string) Side { t, _ := TeamByCode(code); return t.Side() }
	host, _ := TeamByCode(home)
	begins := day.Time(Eastern()).Add(19 * time.Hour).UTC()
	return Game{ID: id, Season: seasonLabel(seasonYear(begins)), Type: Regular, Home: side(home), Away: side(away), Day: day, Tip: begins,
		Status: Scheduled, Arena: host.Arena, City: host.ArenaCity, State: host.ArenaState}
}

func TestGamesAreMatchedByIDThenDayThenSides(t *testing.T) {
	before := []Game{
		game("0022600001", "BOS", "NYK", "2026-11-01"),
		game("0022600002", "BOS", "NYK", "2026-12-01"),
		game("0022600003", "NYK", "BOS", "2027-01-01"),
		game("0022600004", "LAL", "MIA", "2027-01-02"),
		game("0022600005", "LAL", "DEN", "2027-01-03"),
		game("0022600006", "LAL", "DEN", "2027-01-09"),
		game("0022600007", "DAL", "GSW", "2027-01-19"),
		game("0022600008", "GSW", "DAL", "2027-04-02"),
		game("0022600009", "NYK", "DET", "2027-02-26"),
		game("0022600010", "MIA", "ORL", "2027-03-01"),
		game("0022600011", "ORL", "MIA", "2027-03-03"),
		{ID: "0022600012", Type: Cup, Day: "2026-12-04"},
	}
	after := []Game{
		game("0022600002", "BOS", "NYK", "2026-11-01"), // moved onto the other's day, and told by its id
		game("401000001", "BOS", "NYK", "2026-12-01"),  // the only one of its sides that is left
		game("401000003", "NYK", "BOS", "2027-01-01"),  // the same day
		game("401000004", "LAL", "MIA", "2027-02-02"),  // moved, the only one of its sides
		game("401000005", "LAL", "DEN", "2027-02-03"),  // moved, and nobody can tell which
		game("401000006", "LAL", "DEN", "2027-02-09"),
		game("401000007", "DAL", "GSW", "2027-04-02"), // moved onto the day of the other
		game("401000008", "GSW", "DAL", "2027-04-05"),
		game("401000009", "DET", "NYK", "2027-02-26"), // home and away swapped
		game("401000010", "ORL", "MIA", "2027-03-01"), // swapped or moved, and nobody can tell which
		game("401000011", "ORL", "MIA", "2027-03-05"),
		{ID: "401000012", Type: Cup, Day: "2026-12-04"}, // no sides, no match
	}
	want := []string{"0022600002", "0022600001", "0022600003", "0022600004", "", "", "0022600007", "0022600008", "0022600009", "", "", ""}
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

// The changes of January 2024, when two games of the Warriors were postponed
// and two more had to make room for them, the Magic's arena was renamed and
// Detroit and New York swapped a home game. The sources take turns. The ids are
// made up.
func TestIDsStayWithTheirGamesWhenSourcesAlternate(t *testing.T) {
	type fact struct {
		id         string
		away, home string
		days       [3]Day // on 15 January, on 20 January and from 27 January on; "" = postponed
	}
	facts := []fact{
		{"0022300434", "DAL", "GSW", [3]Day{"2023-12-30", "2023-12-30", "2023-12-30"}},
		{"0022300557", "GSW", "UTA", [3]Day{"2024-01-17", "", "2024-02-15"}},
		{"0022300571", "DAL", "GSW", [3]Day{"2024-01-19", "", "2024-04-02"}},
		{"0022300758", "GSW", "UTA", [3]Day{"2024-02-12", "2024-02-12", "2024-02-12"}},
		{"0022300948", "GSW", "DAL", [3]Day{"2024-03-13", "2024-03-13", "2024-03-13"}},
		{"0022301089", "GSW", "DAL", [3]Day{"2024-04-02", "2024-04-02", "2024-04-05"}},
		{"0022301109", "ATL", "DAL", [3]Day{"2024-04-05", "2024-04-05", "2024-04-04"}},
		{"0022301139", "UTA", "GSW", [3]Day{"2024-04-07", "2024-04-07", "2024-04-07"}},
	}
	original := map[string]Day{}
	for _, f := range facts {
		original[f.id] = f.days[0]
	}
	season := func(source string, state int) *Season {
		s := &Season{Label: "2023-24", Source: source}
		for i, f := range facts {
			g := game(f.id, f.away, f.home, cmp.Or(f.days[state], original[f.id]))
			g.Postponed = f.days[state] == ""
			if source == SourceESPN {
				g.ID = "40158" + strconv.Itoa(5000+i)
				if f.days[2] != original[f.id] && state == 2 {
					g.ID = "40162" + strconv.Itoa(5000+i) // ESPN gives a moved game a new one
				}
			}
			s.Games = append(s.Games, g)
		}
		swapped, orlando := game("0022300832", "NYK", "DET", "2024-02-26"), game("0022300591", "MIA", "ORL", "2024-01-21")
		if state == 2 {
			swapped = game("0022300832", "DET", "NYK", "2024-02-26")
		}
		orlando.Arena = [3]string{"Amway Center", "Kia Center", "Kia Center"}[state]
		if source == SourceESPN {
			swapped.ID, orlando.ID = "401589000", "401589001"
		}
		s.Games = append(s.Games, swapped, orlando)
		s.finish()
		return s
	}
	now := at("2024-01-15T12:00:00Z")
	for _, sources := range [][]string{
		{SourceNBA, SourceESPN, SourceESPN, SourceNBA},
		{SourceNBA, SourceNBA, SourceESPN, SourceESPN, SourceNBA},
		{SourceNBA, SourceESPN, SourceNBA, SourceESPN},
	} {
		var current *Season
		for i, source := range sources {
			state := min(i, 2)
			next := season(source, state)
			carry(current, next, now)
			current = next
			want := map[string]Game{}
			for _, g := range season(SourceNBA, state).Games {
				want[g.ID] = g
			}
			for _, g := range current.Games {
				w, ok := want[g.ID]
				if !ok || !sameFacts(&g, &w) {
					t.Errorf("%v, step %d: got %s at %s on %s in %s as %q, want %s at %s on %s in %s", sources, i,
						g.Away.Code, g.Home.Code, g.Day, g.Arena, g.ID, w.Away.Code, w.Home.Code, w.Day, w.Arena)
				}
				delete(want, g.ID)
			}
			if len(want) > 0 {
				t.Errorf("%v, step %d: %d games have lost their ids", sources, i, len(want))
			}
			// The same again changes nothing.
			again := season(source, state)
			if n := carry(current, again, now); n != 0 {
				t.Errorf("%v, step %d: got %d changed games from the same schedule, want none", sources, i, n)
			}
			current = again
		}
	}
}

func TestRefreshThatTakesAwayTooManyGamesToComeIsRefused(t *testing.T) {
	// On 20 November 226 games are over and 974 are to come; in the morning of
	// the last day 15 are.
	const autumn, lastDay = "2026-11-20T18:00:00Z", "2027-04-11T12:00:00Z"
	// season has the first n games, of which some are postponed.
	season := func(n, from, to int) *Season {
		s := embeddedSeason()
		for i := from; i < to; i++ {
			s.Games[i].Postponed = true
		}
		s.Games = s.Games[:n]
		return s
	}
	whole := season(1200, 0, 0)
	for name, c := range map[string]struct {
		now           string
		current, next *Season
		reason        string
	}{
		"one field of all games":            {autumn, whole, season(1200, 0, 1200), "974 of 974 games to come are postponed, cancelled or missing"},
		"over a tenth is postponed":         {autumn, whole, season(1200, 1102, 1200), "98 of 974 games to come are postponed, cancelled or missing"},
		"a tenth is postponed":              {autumn, whole, season(1200, 1103, 1200), ""},
		"a tenth more is":                   {autumn, season(1200, 1103, 1200), season(1200, 1016, 1200), ""},
		"a handful is":                      {autumn, whole, season(1200, 300, 304), ""},
		"games that are over":               {autumn, whole, season(1200, 0, 150), ""},
		"the last days go":                  {"2027-04-01T12:00:00Z", whole, season(1150, 0, 0), "50 of 88 games to come are postponed, cancelled or missing"},
		"some are lost and some postponed":  {autumn, whole, season(1150, 300, 360), "110 of 974 games to come are postponed, cancelled or missing"},
		"a handful of the last day":         {lastDay, whole, season(1200, 1190, 1195), ""},
		"more than a handful of the last":   {lastDay, whole, season(1200, 1190, 1196), "6 of 15 games to come are postponed, cancelled or missing"},
		"those that were postponed go away": {autumn, season(1200, 1103, 1200), season(1103, 0, 0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if refused, ok := errors.AsType[*RefusedError](check(c.current, c.next, at(c.now))); ok {
				got = refused.Reason
			}
			if got != c.reason {
				t.Errorf("got %q, want %q", got, c.reason)
			}
		})
	}
}

func TestFaultyGamesAreLeftOutAndNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Season)
		left    int
		trouble string
	}{
		"none": {func(*Season) {}, 1200, ""},
		"a game twice": {func(s *Season) { s.Games = append(s.Games, s.Games[3]) }, 1200,
			"ESPN has a faulty entry, which is left out: game 401909834 (Hawks at Magic) is listed twice."},
		"a day out of the season": {func(s *Season) { s.Games[5].Day = "2029-01-01" }, 1199,
			"ESPN has a faulty entry, which is left out: game 401909091 (Timberwolves at Heat) is on 2029-01-01, outside of the season."},
		"an instant out of the season, and a game twice": {func(s *Season) {
			s.Games[5].Tip = at("2026-06-01T23:00:00Z")
			s.Games = append(s.Games, s.Games[3])
		}, 1199, "ESPN has 2 faulty entries, which are left out: " +
			"game 401909091 (Timberwolves at Heat) is on 2026-06-01, outside of the season; game 401909834 (Hawks at Magic) is listed twice."},
		"many": {func(s *Season) { s.Games = append(s.Games, s.Games[:5]...) }, 1200,
			"ESPN has 5 faulty entries, which are left out: game 401909088 (Celtics at Pistons) is listed twice; " +
				"game 401909089 (76ers at Knicks) is listed twice; game 401909090 (Thunder at Spurs) is listed twice; and 2 more."},
	} {
		s := embeddedSeason()
		c.change(s)
		if got := leftOut(SourceESPN, leaveOut(s)); got != c.trouble || len(s.Games) != c.left {
			t.Errorf("%s: got %d games and %q, want %d and %q", name, len(s.Games), got, c.left, c.trouble)
		}
	}
}

func TestPlayoffGamesThatAreNotNeededMayGo(t *testing.T) {
	side := func(code string) Side { t, _ := TeamByCode(code); return t.Side() }
	now := at("2027-05-01T12:00:00Z")
	current, next := embeddedSeason(), embeddedSeason()
	for n := range 8 {
		g := Game{ID: "00426001" + string(rune('0'+n)) + "7", Season: "2026-27", Type: Playoffs, Home: side("NYK"), Away: side("OKC"),
			Day: "2027-05-02", Tip: at("2027-05-03T00:00:00Z"), IfNecessary: true}
		current.Games = append(current.Games, g)
	}
	if err := check(current, next, now); err != nil {
		t.Error(err)
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
		before, after := embeddedSeason(), embeddedSeason()
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
	before, after := embeddedSeason(), embeddedSeason()
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

func TestESPNKeepsWhatOnlyTheLeagueTellsAndNoMore(t *testing.T) {
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
	if g, changed := refresh(espn); changed != 1 || g.ID != league.ID || g.Series != "Game 5" || !slices.Equal(g.National, league.National) ||
		!slices.Equal(g.HomeTV, league.HomeTV) || g.Arena != espn.Arena || g.IfNecessary {
		t.Errorf("got %d changed games and %+v", changed, g)
	}
	same := espn
	same.Arena, same.State, same.IfNecessary = "", "", true
	if g, changed := refresh(same); changed != 0 || !reflect.DeepEqual(g, league) {
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
