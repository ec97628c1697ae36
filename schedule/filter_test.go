package schedule

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFilterKeepsWhatIsAskedFor(t *testing.T) {
	side := func(code string) Side { t, _ := TeamByCode(code); return t.Side() }
	game := func(id, away, home string, kind Type, tip string) Game {
		g := Game{ID: id, Type: kind, Home: side(home), Away: side(away), Tip: at(tip)}
		g.Day = DayOf(g.Tip, Eastern())
		return g
	}
	national := game("nat", "LAL", "NYK", Regular, "2026-12-25T17:00:00Z")
	national.National = []string{"ABC"}
	tbd := game("tbd", "NYK", "MIA", Cup, "2026-12-05T05:00:00Z")
	tbd.Tip = time.Time{}
	off := game("off", "NYK", "BOS", Regular, "2026-11-02T00:00:00Z")
	off.Postponed = true
	s := &Season{Label: "2026-27", Games: []Game{
		game("pre", "NYK", "BOS", Preseason, "2026-10-05T23:00:00Z"),
		game("past", "BOS", "NYK", Regular, "2026-10-20T23:00:00Z"),
		off,
		game("running", "PHI", "NYK", Regular, "2026-11-20T16:00:00Z"),
		game("over", "PHI", "DET", Regular, "2026-11-20T15:00:00Z"),
		game("soon", "NYK", "DET", Cup, "2026-11-21T00:30:00Z"),
		tbd,
		national,
		{ID: "unknown", Type: Cup, Home: side("NYK"), Day: "2026-12-08"},
		game("star", "NYK", "BOS", AllStar, "2027-02-14T23:00:00Z"),
		game("out", "NYK", "MIA", Playoffs, "2027-04-20T00:00:00Z"),
	}}
	now := at("2026-11-20T18:00:00Z")
	for name, c := range map[string]struct {
		f    Filter
		want []string
	}{
		"everything":            {Filter{}, []string{"past", "off", "running", "over", "soon", "tbd", "nat", "out"}},
		"a team":                {Filter{Teams: []string{"PHI"}}, []string{"running", "over"}},
		"a team in lower case":  {Filter{Teams: []string{"ny"}}, []string{"past", "off", "running", "soon", "tbd", "nat", "out"}},
		"two teams":             {Filter{Teams: []string{"PHI", "LAL"}}, []string{"running", "over", "nat"}},
		"an unknown team":       {Filter{Teams: []string{"XYZ"}}, nil},
		"what is to come":       {Filter{Upcoming: true}, []string{"off", "running", "soon", "tbd", "nat", "out"}},
		"home":                  {Filter{Teams: []string{"NYK"}, Venue: "home"}, []string{"past", "running", "nat"}},
		"away":                  {Filter{Teams: []string{"NYK"}, Venue: "away"}, []string{"off", "soon", "tbd", "out"}},
		"home, for either team": {Filter{Teams: []string{"NYK", "DET"}, Venue: "home"}, []string{"past", "running", "over", "soon", "nat"}},
		"home without a team":   {Filter{Venue: "home", Types: []Type{Cup}}, []string{"soon", "tbd"}},
		"a type":                {Filter{Types: []Type{Preseason, Playoffs}}, []string{"pre", "out"}},
		"All-Star never":        {Filter{Types: []Type{AllStar}}, nil},
		"national TV":           {Filter{National: true}, []string{"nat"}},
		"an opponent":           {Filter{Teams: []string{"NYK"}, Opponents: []string{"phi", "LAL"}}, []string{"running", "nat"}},
		"opponents of anybody":  {Filter{Opponents: []string{"DET"}}, []string{"over", "soon"}},
		"each other":            {Filter{Teams: []string{"NYK", "PHI"}, Opponents: []string{"NYK", "PHI"}}, []string{"running"}},
		"from a day":            {Filter{From: "2026-12-25"}, []string{"nat", "out"}},
		"to a day":              {Filter{To: "2026-11-01"}, []string{"past", "off"}},
		"one Eastern day":       {Filter{From: "2026-11-20", To: "2026-11-20"}, []string{"running", "over", "soon"}},
	} {
		var got []string
		for _, g := range c.f.Games(s, now) {
			got = append(got, g.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	// A game without a time is to come until its Eastern day is over.
	for when, want := range map[string]bool{"2026-12-06T04:59:00Z": true, "2026-12-06T05:00:00Z": false} {
		if got := tbd.Upcoming(at(when)); got != want {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
}

func TestFilterPropertiesOnTheEmbeddedSeason(t *testing.T) {
	s := embeddedSeason()
	codes := []string{"XYZ"}
	for _, team := range Teams() {
		codes = append(codes, team.Code)
	}
	rapid.Check(t, func(t *rapid.T) {
		day := func(name string) Day {
			return Day("2026-10-01").AddDays(rapid.IntRange(0, 200).Draw(t, name))
		}
		f := Filter{
			Teams:     rapid.SliceOfN(rapid.SampledFrom(codes), 0, 3).Draw(t, "teams"),
			Opponents: rapid.SliceOfN(rapid.SampledFrom(codes), 0, 3).Draw(t, "opponents"),
			Upcoming:  rapid.Bool().Draw(t, "upcoming"), National: rapid.Bool().Draw(t, "national"),
			Venue: rapid.SampledFrom([]string{"", "home", "away"}).Draw(t, "venue"), From: day("from"), To: day("to"),
		}
		now := day("now").Time(time.UTC)
		games := f.Games(s, now)
		if !slices.IsSortedFunc(games, func(a, b Game) int { return a.Tip.Compare(b.Tip) }) {
			t.Fatal("the games are out of order")
		}
		// A filter of several teams keeps what those of each of them keep.
		if len(f.Teams) > 0 {
			ids := map[string]bool{}
			for _, team := range f.Teams {
				one := f
				one.Teams = []string{team}
				for _, g := range one.Games(s, now) {
					ids[g.ID] = true
				}
			}
			if len(ids) != len(games) {
				t.Fatalf("got %d games, one by one %d", len(games), len(ids))
			}
		}
		for _, g := range games {
			if g.Day < f.From || g.Day > f.To || f.National && g.National == nil {
				t.Fatalf("%+v keeps %+v", f, g)
			}
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	s, now := embeddedSeason(), at("2026-11-20T18:00:00Z")
	for name, f := range map[string]Filter{
		"one team":   {Teams: []string{"NYK"}, Upcoming: true},
		"five teams": {Teams: []string{"NYK", "BOS", "LAL", "DEN", "MIA"}, Upcoming: true},
		"all":        {},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Games(s, now)
			}
		})
	}
}
