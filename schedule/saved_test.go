package schedule

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

// checkRoundTrip saves a decoded season and reads it back.
func checkRoundTrip(t *testing.T, s *Season) {
	t.Helper()
	if _, ok := startYear(s.Label); !ok {
		return // refused when read, as by Live
	}
	var saved bytes.Buffer
	if err := Encode(&saved, s); err != nil {
		t.Fatal(err)
	}
	text := saved.String()
	got, _, err := decode(&saved)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("got  %+v\nwant %+v\nin %s", got, s, text)
	}
}

func TestSavedSeasonsAreWhole(t *testing.T) {
	for _, name := range []string{
		"nba-2024-25-cdn-20240816.json", "nba-2026-27-cdn-synthetic.json", "nba-2026-27-cdn-cup-placeholders-20261004.json",
	} {
		t.Run(name, func(t *testing.T) {
			s, err := DecodeNBA(bytes.NewReader(realFile(t, name)))
			if err != nil {
				t.Fatal(err)
			}
			checkRoundTrip(t, s)
		})
	}
}

// variedSeason has each field of a game in use.
func variedSeason() *Season {
	return &Season{Label: "2026-27", Source: SourceNBA, AsOf: at("2026-11-20T18:19:20Z"), Games: []Game{
		{
			ID: "0012600009", Season: "2026-27", Type: Preseason, Home: Side{"NOP", "New Orleans", "Pelicans"},
			Away: Side{"MEL", "Melbourne", "United"}, Day: "2026-10-03", Tip: at("2026-10-03T09:30:00Z"), Neutral: true, Status: Final,
			Arena: "Rod Laver Arena", City: "Melbourne", National: []string{"NBA TV", "Local10/Local10+ Platinum"},
			HomeTV: []string{"GCSEN"}, AwayTV: []string{"10"}, Changed: at("2026-10-03T12:00:01Z"),
		},
		{
			ID: "0022600100", Season: "2026-27", Type: Regular, Home: Side{"NYK", "New York", "Knicks"}, Away: Side{"LAC", "LA", "Clippers"},
			Day: "2026-11-03", Tip: at("2026-11-05T02:00:00Z"), Postponed: true, Status: Scheduled,
		},
		{ID: "0022601201", Season: "2026-27", Type: Cup, Day: "2026-12-04", Status: Scheduled, Label: "NBA Cup", Series: "Date subject to change"},
		{
			ID: "0042600404", Season: "2026-27", Type: Playoffs, Home: Side{"BOS", "Boston", "Celtics"}, Away: Side{"LAL", "Los Angeles", "Lakers"},
			Day: "2027-06-14", IfNecessary: true, Status: InProgress, Arena: "TD Garden", City: "Boston", State: "MA",
			Label: "NBA Finals", SubLabel: "x", Series: "Game 4",
		},
	}}
}

func TestSavedSeasonKeepsEveryField(t *testing.T) {
	checkRoundTrip(t, variedSeason())

	var saved bytes.Buffer
	season := variedSeason()
	want := header{Season: season.Label, Source: season.Source, AsOf: season.AsOf, Games: len(season.Games),
		validators: validators{URL: "https://league/feed", ETag: `W/"1"`, Modified: "Fri, 20 Nov 2026 10:00:00 GMT"},
		Trouble:    "ESPN is not answering.", Since: season.AsOf}
	if err := encode(&saved, season, header{validators: want.validators, Trouble: want.Trouble, Since: want.Since}); err != nil {
		t.Fatal(err)
	}
	if _, got, err := decode(&saved); err != nil || got != want {
		t.Errorf("got %+v and %v, want %+v", got, err, want)
	}
}

func TestSavedSeasonIsReadWholeOrNotAtAll(t *testing.T) {
	var saved bytes.Buffer
	if err := Encode(&saved, variedSeason()); err != nil {
		t.Fatal(err)
	}
	whole := strings.TrimSuffix(saved.String(), "\n")
	for n := range whole {
		if _, _, err := decode(strings.NewReader(whole[:n])); err == nil {
			t.Fatalf("cut after %d of %d bytes: got no error", n, len(whole))
		}
	}
	for name, change := range map[string][2]string{
		"no season":        {`"season":"2026-27"`, `"season":"2026-28"`},
		"a bad time":       {"2026-10-03T09:30:00Z", "2026-10-03T09:3"},
		"too few games":    {`"games":4`, `"games":5`},
		"too many games":   {`"games":4`, `"games":3`},
		"no number at all": {`,"games":4`, ``},
	} {
		changed := strings.Replace(whole, change[0], change[1], 1)
		if changed == whole {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, _, err := decode(strings.NewReader(changed)); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestEmbeddedSeasonIsWhole(t *testing.T) {
	s := Embedded()
	if s.Label != "2026-27" || s.Source != SourceEmbedded || !s.AsOf.Equal(at("2026-08-16T19:35:48Z")) || len(s.Games) != 1200 {
		t.Errorf("got %s from %s as of %v with %d games", s.Label, s.Source, s.AsOf, len(s.Games))
	}
	ids, from, to := map[string]bool{}, Day(""), Day("")
	from, to = s.Window()
	neutral, austin, cup := 0, 0, 0
	for i, g := range s.Games {
		if !g.Known() || g.TBD() || ids[g.ID] || g.Day < from || g.Day > to || g.Arena == "" || !g.Counts() {
			t.Errorf("got %+v", g)
		}
		ids[g.ID] = true
		if i > 0 && s.Games[i-1].Day > g.Day {
			t.Errorf("%s is out of order", g.ID)
		}
		if g.Neutral {
			neutral++
		}
		if g.City == "Austin" {
			austin++
		}
		if g.Type == Cup {
			cup++
		}
		if strings.HasPrefix(g.Arena, "crypto") || strings.Contains(g.Arena, "(") {
			t.Errorf("%s: arena %q", g.ID, g.Arena)
		}
	}
	if neutral != 3 || austin != 3 || cup != 60 {
		t.Errorf("got %d neutral, %d in Austin, %d Cup games; want 3, 3, 60", neutral, austin, cup)
	}
	for _, team := range Teams() {
		home, games := 0, s.For(team.Code)
		for _, g := range games {
			if g.AtHome(team.Code) {
				home++
			}
		}
		if len(games) != 80 || home != 40 {
			t.Errorf("%s: got %d games, %d at home; want 80, 40", team.Code, len(games), home)
		}
	}
	opening := s.For("NYK")[0]
	if opening.Title("") != "76ers at Knicks" || !opening.Tip.Equal(at("2026-10-20T23:00:00Z")) ||
		opening.Place() != "Madison Square Garden, New York, NY" || opening.URL() != "https://www.espn.com/nba/game/_/gameId/401909089" {
		t.Errorf("got %+v", opening)
	}
}

func TestSavedScheduleThatIsBadIsNotUsed(t *testing.T) {
	kept := newKeeper()
	var log bytes.Buffer
	cfg := Config{URL: "https://league/feed", Keeper: kept, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for name, saved := range map[string]string{
		"cut short": embedded[:len(embedded)/2], "empty": "", "something else": "{}", "few games": `{"season":"2026-27","games":0}`,
		"older than what came": strings.Replace(embedded, `"asOf":"2026-08-16`, `"asOf":"2026-08-15`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			log.Reset()
			kept.saved, kept.version = []byte(saved), 1
			l := open(t, cfg)
			if s := l.Season(); s.Source != SourceEmbedded || len(s.Games) != 1200 || strings.Count(log.String(), "WARN") != 1 {
				t.Errorf("got %s with %d games\n%s", s.Source, len(s.Games), log.String())
			}
		})
	}
}

func TestScheduleIsServedAndRefreshedWithoutItsKeeper(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		var log bytes.Buffer
		w := newWeb()
		w.league = answer(wholeFeed())
		l := open(t, Config{URL: "https://league/feed", Keeper: &keeper{shelf: &shelf{gone: errors.New("no database")}}, HTTP: w.client(), Refresh: time.Hour,
			Now: now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := l.Run(ctx); err != nil || l.Season().Source != SourceNBA || !strings.Contains(log.String(), "the schedule is not saved") {
			t.Errorf("got %v, %s\n%s", err, l.Season().Source, log.String())
		}
	})
}

func BenchmarkEmbedded(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Embedded()
	}
}
