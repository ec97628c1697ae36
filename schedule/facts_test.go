package schedule

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// seasonOf makes a season of the Knicks' games: the day, then "v" for a game
// at home or "@" for one away, and the type if it is not a regular one.
func seasonOf(games ...[3]string) *Season {
	knicks, _ := TeamByCode("NYK")
	celtics, _ := TeamByCode("BOS")
	s := &Season{Label: "2026-27"}
	for i, g := range games {
		game := Game{ID: string(rune('a' + i)), Season: s.Label, Type: Regular, Home: knicks.Side(), Away: celtics.Side(), Day: Day(g[0]), Status: Scheduled}
		game.Tip = game.Day.Time(Eastern()).Add(19 * time.Hour).UTC()
		if g[1] == "@" {
			game.Home, game.Away = game.Away, game.Home
		}
		switch g[2] {
		case "":
		case "postponed":
			game.Postponed = true
		case "unknown":
			game.Type, game.Home, game.Away = Playoffs, Side{}, Side{}
		default:
			game.Type = Type(g[2])
		}
		s.Games = append(s.Games, game)
	}
	s.finish()
	return s
}

func TestFactsOfASeason(t *testing.T) {
	s := seasonOf(
		[3]string{"2026-10-05", "v", "preseason"},
		[3]string{"2026-10-06", "@", "preseason"},
		[3]string{"2026-10-20", "v", ""},
		[3]string{"2026-10-21", "@", ""}, // back-to-back
		[3]string{"2026-10-22", "@", "postponed"},
		[3]string{"2026-10-24", "@", ""},
		[3]string{"2026-10-31", "v", "cup"},
		[3]string{"2026-11-01", "@", ""}, // on the day the clocks change
		[3]string{"2026-11-02", "@", ""}, // three days running are two pairs
		[3]string{"2026-11-07", "@", ""},
		[3]string{"2026-11-10", "v", ""},
		[3]string{"2027-02-14", "@", "allstar"},
		[3]string{"2027-04-20", "v", "playoffs"},
	)
	f := FactsFor(s, "nyk", at("2026-11-02T01:30:00Z")) // two and a half hours into the game of November 1
	if f.Games != 9 || f.Home != 4 || f.Away != 5 || f.Left != 5 {
		t.Errorf("got %d games, %d at home, %d away, %d left", f.Games, f.Home, f.Away, f.Left)
	}
	if f.Next == nil || f.Next.Day != "2026-11-01" {
		t.Errorf("got next %+v", f.Next)
	}
	if want := (Trip{3, "2026-11-01", "2026-11-07"}); f.LongestTrip != want {
		t.Errorf("got trip %+v, want %+v", f.LongestTrip, want)
	}
	days := slices.Sorted(maps.Keys(f.BackToBack))
	if want := []Day{"2026-10-20", "2026-10-21", "2026-10-31", "2026-11-01", "2026-11-02"}; f.BackToBacks != 3 || !slices.Equal(days, want) {
		t.Errorf("got %d back-to-backs on %q", f.BackToBacks, days)
	}
	if f := FactsFor(s, "NYK", at("2027-05-01T00:00:00Z")); f.Left != 0 || f.Next != nil {
		t.Errorf("after the season: got %d left, next %+v", f.Left, f.Next)
	}
	if f := FactsFor(s, "LAL", at("2026-10-01T00:00:00Z")); f.Games != 0 || f.Next != nil || f.LongestTrip.Games != 0 {
		t.Errorf("a team without games: got %+v", f)
	}
}

func TestFactsOfTheEmbeddedSeasonAddUp(t *testing.T) {
	s := embeddedSeason()
	for _, team := range Teams() {
		f := FactsFor(s, team.Code, at("2026-11-20T18:00:00Z"))
		if f.Games != 80 || f.Home != 40 || f.Away != 40 || f.Left < 60 || f.Left > 70 || f.Next == nil {
			t.Errorf("%s: got %+v", team.Code, f)
		}
		if f.BackToBacks < 8 || f.BackToBacks > 20 || f.LongestTrip.Games < 3 || f.LongestTrip.Games > 9 {
			t.Errorf("%s: got %d back-to-backs and a trip of %d games", team.Code, f.BackToBacks, f.LongestTrip.Games)
		}
	}
}

func TestStateOfASeason(t *testing.T) {
	preseason := [3]string{"2026-10-05", "v", "preseason"}
	regular := [][3]string{preseason, {"2026-10-20", "v", ""}, {"2027-04-11", "v", ""}}
	final := append(slices.Clone(regular), [3]string{"2027-04-20", "v", "playoffs"}, [3]string{"2027-06-18", "v", "playoffs"})
	for name, c := range map[string]struct {
		games [][3]string
		now   string
		want  State
	}{
		"without games":                         {nil, "2026-08-02T00:00:00Z", NotReleased},
		"with preseason games only":             {regular[:1], "2026-08-02T00:00:00Z", NotReleased},
		"before opening night":                  {regular, "2026-10-19T12:00:00Z", Ahead},
		"on opening night":                      {regular, "2026-10-20T12:00:00Z", RegularSeason},
		"during the last game":                  {regular, "2027-04-12T01:00:00Z", RegularSeason},
		"before the play-offs are known":        {regular, "2027-04-13T12:00:00Z", Postseason},
		"between rounds":                        {append(slices.Clone(regular), [3]string{"2027-04-20", "v", "playoffs"}), "2027-05-10T12:00:00Z", Postseason},
		"between rounds in June, finals to be":  {append(slices.Clone(regular), [3]string{"2027-06-10", "", "unknown"}), "2027-06-05T12:00:00Z", Postseason},
		"before the last game":                  {final, "2027-06-18T12:00:00Z", Postseason},
		"after the last game":                   {final, "2027-06-19T12:00:00Z", Over},
		"with a postponed game never made up":   {append(slices.Clone(final), [3]string{"2027-01-05", "v", "postponed"}), "2027-07-19T12:00:00Z", Over},
		"a season of which no play-offs came":   {regular, "2027-07-01T12:00:00Z", Over},
		"a season long past":                    {regular, "2029-01-01T12:00:00Z", Over},
		"an All-Star game is not opening night": {append(slices.Clone(regular), [3]string{"2026-10-01", "v", "allstar"}), "2026-10-02T12:00:00Z", Ahead},
	} {
		if got := seasonOf(c.games...).State(at(c.now)); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	if got := embeddedSeason().State(at("2026-11-20T18:00:00Z")); got != RegularSeason {
		t.Errorf("got %s", got)
	}
}
