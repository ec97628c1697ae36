package importer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// A world is an importer at an in-memory Todoist, with a schedule and a clock
// that the test sets.
type world struct {
	fake     *fake.Server
	account  *fake.Account
	client   *todoist.Client
	importer *importer.Importer
	season   *schedule.Season
	now      time.Time
}

func newWorld() *world {
	w := &world{now: time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.fake = fake.New(fake.Config{Now: clock, FullSyncs: -1, PartialSyncs: -1})
	w.account = w.fake.AddAccount(fake.Profile{ID: "fan-1", APIToken: "fan", Plan: fake.Pro, Zone: "America/New_York"})
	api := &todoist.API{URL: "http://todoist.test", HTTP: &http.Client{Transport: w.fake.Transport()},
		Backoff: time.Microsecond, Patience: 10 * time.Millisecond}
	w.client = api.As(func(context.Context, string) (string, error) { return "fan", nil })
	w.importer = &importer.Importer{Season: func() *schedule.Season { return w.season }, Now: clock}
	return w
}

func (w *world) run(query url.Values) (*importer.Outcome, error) {
	opts, err := importer.ParseOptions(query)
	if err != nil {
		return nil, err
	}
	return w.importer.Run(context.Background(), w.client, "fan-1", opts, "", func(importer.Progress) {})
}

// writes counts the requests since the last reset that asked for a change.
func (w *world) writes() (n int) {
	for _, r := range w.fake.Requests() {
		if r.Writes() {
			n++
		}
	}
	return n
}

// open are the open tasks that Tipoff made, wherever they are.
func (w *world) open() []fake.Task {
	return slices.DeleteFunc(w.account.Tasks(""), func(t fake.Task) bool {
		return t.Checked || t.Deleted || !strings.Contains(t.Description, "#tipoff=1&")
	})
}

// described is what a task says above its link.
func described(t fake.Task) string {
	text, _, _ := strings.Cut(t.Description, "[Game page](")
	return strings.TrimSpace(text)
}

// A fixture is a game of which states of the season differ.
type fixture struct {
	away, home string
	day        schedule.Day
}

// fixtures are games of four teams, each with a week of its own so that no two
// of one pair ever fall on the same day.
func fixtures() []fixture {
	pairs := [][2]string{{"BOS", "NYK"}, {"PHI", "BOS"}, {"MIA", "BOS"}, {"NYK", "PHI"}, {"NYK", "BOS"}, {"BOS", "MIA"}, {"PHI", "NYK"},
		{"BOS", "PHI"}, {"MIA", "NYK"}, {"BOS", "NYK"}, {"PHI", "MIA"}}
	var all []fixture
	day := schedule.Day("2026-11-01")
	for _, p := range pairs {
		all = append(all, fixture{p[0], p[1], day})
		day = day.AddDays(7)
	}
	return all
}

// drawSeason draws a state of the season, from one source or from either of two
// that give the games different ids.
func drawSeason(t *rapid.T, mixed bool, asOf time.Time) *schedule.Season {
	s := &schedule.Season{Label: "2026-27", Source: schedule.SourceFile, AsOf: asOf}
	espn := mixed && rapid.IntRange(0, 4).Draw(t, "source") == 0
	for i, f := range fixtures() {
		// Most games are as they were planned.
		change := func(what string) bool { return rapid.IntRange(0, 5).Draw(t, what) == 0 }
		if change("gone") {
			continue
		}
		away, _ := schedule.TeamByCode(f.away)
		home, _ := schedule.TeamByCode(f.home)
		if change("swapped") {
			away, home = home, away
		}
		day := f.day
		if change("moved") {
			day = day.AddDays(rapid.IntRange(-2, 2).Draw(t, "days"))
		}
		g := schedule.Game{ID: fmt.Sprintf("00226%05d", i+1), Season: s.Label, Type: schedule.Regular, Status: schedule.Scheduled,
			Away: away.Side(), Home: home.Side(), Day: day, Arena: home.Arena, City: home.ArenaCity}
		if espn {
			g.ID = strconv.Itoa(401900001 + i)
		}
		if !change("no time") {
			g.Tip = day.Time(schedule.Eastern()).Add(time.Duration(rapid.SampledFrom([]int{39, 40, 44}).Draw(t, "tip")) * 30 * time.Minute).UTC()
		}
		g.Postponed = change("postponed")
		if change("renamed arena") {
			g.Arena = "Corporate Arena"
		}
		if change("television") {
			g.National = []string{"NBC"}
		}
		s.Games = append(s.Games, g)
	}
	return s
}

// drawLook draws options that say how tasks look.
func drawLook(t *rapid.T) url.Values {
	v := url.Values{"games": {rapid.SampledFrom([]string{"upcoming", "all"}).Draw(t, "games")}}
	for _, field := range [][]string{{"title", "codes", "emoji"}, {"labels", "nba", "nba,sport"}, {"priority", "2"}, {"duration", "150"},
		{"reminder", "60"}, {"sections", "month"}, {"view", "board"}, {"timezone", "Europe/Berlin", "America/Denver"}} {
		if i := rapid.IntRange(0, len(field)-1).Draw(t, field[0]); i > 0 {
			v.Set(field[0], field[i])
		}
	}
	return v
}

// seen is what a person sees of the account's open tasks: those with a date,
// and the titles of those without.
func (w *world) seen() (dated, undated []string) {
	sections := map[string]string{}
	for _, s := range w.account.Sections("") {
		sections[s.ID] = s.Name
	}
	for _, t := range w.open() {
		if t.Due == nil {
			undated = append(undated, t.Content)
			continue
		}
		var reminders []int
		for _, r := range w.account.Reminders(t.ID) {
			if !r.Deleted {
				reminders = append(reminders, r.MinuteOffset)
			}
		}
		zone, minutes := "", 0
		if t.Due.HasTime() {
			zone = t.Due.Timezone
		}
		if t.Duration != nil {
			minutes = t.Duration.Amount
		}
		dated = append(dated, fmt.Sprintf("%s %s %q %q %v p%d %d minutes, reminders %v in %q", t.Due.Date, zone, t.Content, described(t),
			t.Labels, t.Priority, minutes, reminders, sections[t.SectionID]))
	}
	slices.Sort(dated)
	return dated, undated
}

// Whatever the schedule was when a team was imported, bringing the project up
// to date leaves the same tasks as importing today's schedule alone, but for
// those of games that are off.
func TestTheWayToAScheduleLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, alone := newWorld(), newWorld()
		query := drawLook(t)
		query["team"] = rapid.SampledFrom([][]string{{"BOS"}, {"NYK"}, {"BOS", "NYK"}}).Draw(t, "teams")
		mixed := rapid.Bool().Draw(t, "several sources")
		for i := range rapid.IntRange(1, 3).Draw(t, "earlier states") {
			w.season = drawSeason(t, mixed, w.now.Add(time.Duration(i)*time.Minute))
			if _, err := w.run(query); err != nil {
				t.Fatalf("import an earlier state: %v", err)
			}
		}
		w.season = drawSeason(t, mixed, w.now.Add(time.Hour))
		alone.season = w.season
		for _, in := range []*world{w, alone} {
			if out, err := in.run(query); err != nil || len(out.Failed) > 0 {
				t.Fatalf("import the last state: %v, %+v", err, out)
			}
			if mixed {
				// With ids that change, games that moved are told apart by what
				// is left over, and of that there is less after the first run.
				if _, err := in.run(query); err != nil {
					t.Fatal(err)
				}
			}
			in.fake.ResetRequests()
			if again, err := in.run(query); err != nil || in.writes() > 0 {
				t.Fatalf("a second run: %v, %d writes: %q", err, in.writes(), pending(again.Plan))
			}
		}
		got, off := w.seen()
		want, none := alone.seen()
		if !slices.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
		for _, title := range off {
			if !strings.HasPrefix(title, "Postponed: ") && !strings.HasPrefix(title, "Off the schedule: ") {
				t.Errorf("without a date is %q", title)
			}
		}
		if len(none) > 0 {
			t.Errorf("importing today's schedule alone makes tasks without a date: %q", none)
		}
	})
}

// pending says what a plan would write.
func pending(p *importer.Plan) (changes []string) {
	for _, c := range p.Changes() {
		if c.Kind == importer.Add && c.Pending() {
			changes = append(changes, "a task for "+c.Game.ID+" "+c.Title)
		}
		for _, f := range c.Fields {
			old, new := f.Values(func(d *todoist.Due) string { return d.Date })
			changes = append(changes, fmt.Sprintf("%s of %q of %s from %q to %q", f.Name(), c.Title, c.Game.ID, old, new))
		}
	}
	return changes
}

// What a second look at an imported season costs, without the network: the
// in-memory Todoist answers within the process.
func BenchmarkDifference(b *testing.B) {
	codes := []string{}
	for _, t := range schedule.Teams() {
		codes = append(codes, t.Code)
	}
	for name, query := range map[string]url.Values{
		"one team":     {"team": {"BOS"}, "games": {"all"}},
		"thirty teams": {"team": codes, "games": {"all"}, "target": {importer.TargetEach}},
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld()
			w.season = schedule.Embedded()
			if out, err := w.run(query); err != nil || len(out.Failed) > 0 {
				b.Fatal(err)
			}
			opts, err := importer.ParseOptions(query)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				plan, err := w.importer.Plan(context.Background(), w.client, opts)
				if err != nil || plan.Pending() > 0 {
					b.Fatalf("%v, %d pending", err, plan.Pending())
				}
			}
		})
	}
}
