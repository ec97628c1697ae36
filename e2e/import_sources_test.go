package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// A desk is an importer at an in-memory Todoist, with a schedule and a clock
// that the test sets.
type desk struct {
	t        *testing.T
	fake     *fake.Server
	account  *fake.Account
	client   *todoist.Client
	importer *importer.Importer
	season   *schedule.Season
	now      time.Time
	teams    []string // tricodes of those that are imported
}

func newDesk(t *testing.T, plan fake.Plan, teams []string, season *schedule.Season, now time.Time) *desk {
	t.Helper()
	d := &desk{t: t, season: season, now: now, teams: teams}
	clock := func() time.Time { return d.now }
	d.fake = fake.New(fake.Config{Now: clock, FullSyncs: -1, PartialSyncs: -1})
	d.account = d.fake.AddAccount(fake.Profile{ID: "fan-1", Email: "fan@example.org", APIToken: "fan", Plan: plan, Zone: "America/New_York"})
	server := httptest.NewServer(d.fake)
	t.Cleanup(server.Close)
	api := &todoist.API{URL: server.URL, HTTP: todoist.NewHTTP(0), Backoff: time.Millisecond}
	t.Cleanup(api.HTTP.CloseIdleConnections)
	d.client = api.As(func(context.Context, string) (string, error) { return "fan", nil })
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "tipoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	d.importer = importer.New(func() *schedule.Season { return d.season }, imports.New(db, clock), clock, slog.New(slog.DiscardHandler))
	return d
}

// run imports with the options of a query, which has to go well, and to write
// nothing when it is done once more.
func (d *desk) run(query string) *importer.Outcome {
	d.t.Helper()
	opts, id, err := d.importer.Options(d.t.Context(), "fan-1", parseQuery(d.t, query), false)
	if err != nil {
		d.t.Fatal(err)
	}
	var first *importer.Outcome
	for again := range 2 {
		d.fake.ResetRequests()
		out, err := d.importer.Run(d.t.Context(), d.client, "fan-1", id, opts, "", func(importer.Progress) {})
		if err != nil {
			d.t.Fatalf("import %s: %v", query, err)
		}
		for _, f := range out.Failed {
			d.t.Errorf("import %s: %s failed: %s", query, f.Change.Title, f.Reason)
		}
		if again == 0 {
			first = out
			continue
		}
		for _, r := range d.fake.Requests() {
			if r.Writes() {
				d.t.Errorf("import %s: a second run in a row writes %v", query, r.Commands)
			}
		}
	}
	return first
}

// dated are the due dates of the open tasks of each of the account's projects,
// by the project's name, and undated the titles of those without.
func (d *desk) dated() (dated map[string][]string, undated []string) {
	dated = map[string][]string{}
	for _, p := range projects(d.account) {
		for _, task := range tasks(d.account, p.ID) {
			if task.Due == nil {
				undated = append(undated, task.Content)
				continue
			}
			dated[p.Name] = append(dated[p.Name], task.Due.Date+" "+task.Content)
		}
		slices.Sort(dated[p.Name])
	}
	slices.Sort(undated)
	return dated, undated
}

// wantDated fails the test unless each team's project has one task for each of
// its games that are on, as they are in the last of the states, and no other task
// with a date. A game that was over whenever it was listed has none.
func (d *desk) wantDated(when string, states ...state) {
	d.t.Helper()
	want := map[string][]string{}
	st := states[len(states)-1]
	for _, g := range st.season.Games {
		if g.Type == schedule.Preseason || g.Type == schedule.AllStar || !g.Known() || g.Postponed {
			continue
		}
		known := slices.ContainsFunc(states, func(st state) bool {
			return slices.ContainsFunc(st.season.Games, func(h schedule.Game) bool {
				return h.Home.Code == g.Home.Code && h.Away.Code == g.Away.Code && h.Day == g.Day && h.Upcoming(st.now)
			})
		})
		if !known {
			continue
		}
		for _, code := range []string{g.Home.Code, g.Away.Code} {
			if !slices.Contains(d.teams, code) {
				continue
			}
			team, _ := schedule.TeamByCode(code)
			due := string(g.Day)
			if !g.TBD() {
				due = g.Tip.Format("2006-01-02T15:04:05Z")
			}
			title := g.Away.Name + " at " + g.Home.Name
			if code == g.Home.Code {
				title = g.Home.Name + " vs " + g.Away.Name
			}
			if g.IfNecessary {
				title += " (if necessary)"
			}
			name := team.City + " " + team.Name + " " + st.season.Label
			want[name] = append(want[name], due+" "+title)
		}
	}
	got, _ := d.dated()
	if len(got) != len(d.teams) || len(want) != len(d.teams) {
		d.t.Fatalf("%s: got tasks of %d teams, want those of %d", when, len(got), len(d.teams))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		slices.Sort(want[name])
		if missing, more := without(want[name], got[name]), without(got[name], want[name]); len(missing)+len(more) > 0 {
			d.t.Errorf("%s: %s lacks %q and has %q too many", when, name, missing, more)
		}
	}
}

// without is a without the elements of b, each taken away once.
func without(a, b []string) []string {
	rest := slices.Clone(a)
	for _, s := range b {
		if i := slices.Index(rest, s); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		}
	}
	return rest
}

// A state is a schedule, and the instant of the import that went by it.
type state struct {
	season *schedule.Season
	now    time.Time
}

// each imports every team of the desk into a project of its own.
func (d *desk) each() *importer.Outcome {
	d.t.Helper()
	return d.run("target=each&games=upcoming&team=" + strings.Join(d.teams, "&team="))
}

// derived reads a schedule in one of the shapes that other people's programs
// keep of the league's and of ESPN's.
func derived(t *testing.T, name, label string, asOf time.Time) *schedule.Season {
	t.Helper()
	raw, err := os.ReadFile(sharedFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	type game struct {
		// The league's.
		GameID   string `json:"game_id"`
		Kind     string `json:"season_type"`
		TipUTC   string `json:"tip_utc"`
		AwayTeam string `json:"away_team"` // PHI (76ers)
		HomeTeam string `json:"home_team"`
		TBD      bool   `json:"is_tbd"`
		// ESPN's.
		ID         string
		Tip        string
		SeasonType string
		Home, Away string
		Broadcast  []string
		Postponed  bool
		// Both have these.
		Venue, City, State string
	}
	var doc struct{ Games []game }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	types := map[string]schedule.Type{"Preseason": schedule.Preseason, "Regular Season": schedule.Regular, "regular": schedule.Regular,
		"playoffs": schedule.Playoffs, "playin": schedule.PlayIn, "allstar": schedule.AllStar, "cup": schedule.Cup}
	s := &schedule.Season{Label: label, Source: schedule.SourceFile, AsOf: asOf}
	for _, x := range doc.Games {
		side := func(code string) schedule.Side {
			code, _, _ = strings.Cut(code, " ")
			if team, ok := schedule.TeamByCode(code); ok {
				return team.Side()
			}
			return schedule.Side{Code: code, Name: code}
		}
		g := schedule.Game{ID: x.GameID + x.ID, Season: label, Type: types[x.Kind+x.SeasonType], Postponed: x.Postponed,
			Home: side(x.HomeTeam + x.Home), Away: side(x.AwayTeam + x.Away), National: x.Broadcast,
			Arena: x.Venue, City: x.City, State: x.State}
		tip, err := time.Parse(time.RFC3339, x.TipUTC+x.Tip)
		if err != nil || g.Type == "" {
			t.Fatalf("%s: game %s: %v, type %q", name, g.ID, err, x.Kind+x.SeasonType)
		}
		g.Day = schedule.DayOf(tip, schedule.Eastern())
		if !x.TBD {
			g.Tip = tip.UTC()
		}
		s.Games = append(s.Games, g)
	}
	return s
}

func TestTwoSnapshotsOfASeasonMakeNoDoubles(t *testing.T) {
	t.Parallel()
	twoSnapshots(t, "TOR", "MIL")
}

func twoSnapshots(t *testing.T, teams ...string) {
	october := derived(t, "nba-2025-26-derived-20251018.json", "2025-26", time.Date(2025, 10, 18, 11, 47, 0, 0, time.UTC))
	november := derived(t, "nba-2025-26-derived-20251107.json", "2025-26", time.Date(2025, 11, 7, 11, 0, 0, 0, time.UTC))
	for name, second := range map[string]time.Time{
		"before the season": time.Date(2025, 10, 20, 12, 0, 0, 0, time.UTC),
		"after three weeks": time.Date(2025, 11, 7, 12, 0, 0, 0, time.UTC),
		"when all are over": time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := state{october, october.AsOf}
			// Three games were moved in between, two of Toronto's among them.
			d := newDesk(t, fake.Pro, teams, first.season, first.now)
			d.each()
			d.wantDated("first", first)
			d.season, d.now = november, second
			out := d.each()
			d.wantDated("second", first, state{november, second})
			if out.Added != 0 {
				t.Errorf("the second snapshot added %d tasks", out.Added)
			}
			// The older one again must not take back what the newer one told.
			d.season = october
			if out := d.each(); out.Added+out.Updated != 0 {
				t.Errorf("an older snapshot added %d and updated %d", out.Added, out.Updated)
			}
			d.wantDated("older again", first, state{november, second})
		})
	}
}

func TestTheLeagueAndESPNNameTheSameGames(t *testing.T) {
	t.Parallel()
	twoSources(t, "BOS", "UTA")
}

func twoSources(t *testing.T, teams ...string) {
	asOf := time.Date(2026, 8, 16, 20, 0, 0, 0, time.UTC)
	file, err := os.Open(sharedFile(t, "nba-2026-27-cdn-synthetic.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	league, err := schedule.DecodeNBA(file)
	if err != nil {
		t.Fatal(err)
	}
	league.AsOf = asOf
	espn := derived(t, "nba-2026-27-espn-derived-20260816.json", "2026-27", asOf)
	for name, sources := range map[string][2]*schedule.Season{
		"the league first": {league, espn},
		"ESPN first":       {espn, league},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := midSeason
			d := newDesk(t, fake.Pro, teams, sources[0], now)
			d.each()
			d.wantDated("first", state{sources[0], now})
			before, _ := d.dated()
			d.season = sources[1]
			if out := d.each(); out.Added != 0 {
				t.Errorf("the other source added %d tasks", out.Added)
			}
			d.wantDated("second", state{sources[1], now})
			if after, _ := d.dated(); !maps.EqualFunc(before, after, slices.Equal) {
				t.Error("the other source, with the same games, changed some")
			}
			// The other source moves games to other days and times, and back at
			// the first one they have moved as well.
			moved := func(s *schedule.Season) *schedule.Season {
				c := &schedule.Season{Label: s.Label, Source: s.Source, AsOf: s.AsOf.Add(time.Hour), Games: slices.Clone(s.Games)}
				pairs := map[string]bool{}
				for i := range c.Games {
					g := &c.Games[i]
					pair := g.Home.Code + g.Away.Code
					if g.Day < "2027-01-10" || g.Day > "2027-02-10" || pairs[pair] || pairs[g.Away.Code+g.Home.Code] {
						continue
					}
					pairs[pair] = true
					g.Tip = g.Tip.Add(25 * time.Hour)
					g.Day = schedule.DayOf(g.Tip, schedule.Eastern())
				}
				return c
			}
			d.season = moved(sources[1])
			if out := d.each(); out.Added != 0 || out.Updated == 0 {
				t.Errorf("the moves added %d and updated %d", out.Added, out.Updated)
			}
			d.wantDated("moved", state{d.season, now})
			d.season = moved(sources[0])
			if out := d.each(); out.Added != 0 {
				t.Errorf("the moves at the first source added %d", out.Added)
			}
			d.wantDated("moved at the first source", state{d.season, now})
		})
	}
}

func TestASeasonWithPostponedShellsAndMakeUpsMakesNoDoubles(t *testing.T) {
	t.Parallel()
	makeUps(t, "CHI", "MIA")
}

// makeUps is about teams each of which has a game that was postponed, to one another.
func makeUps(t *testing.T, teams ...string) {
	at := func(month time.Month, day int) time.Time {
		year := 2025
		if month < time.August {
			year++
		}
		return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	}
	final := derived(t, "nba-2025-26-espn-derived-final.json", "2025-26", at(time.January, 7))
	league := derived(t, "nba-2025-26-derived-20251107.json", "2025-26", at(time.November, 7))
	// ESPN keeps a postponed game as a shell and lists the make-up as another.
	days := map[string]schedule.Day{"MIA CHI": "2026-01-29", "GSW MIN": "2026-01-25", "DEN MEM": "2026-03-18", "DAL MIL": "2026-03-31"}
	// ESPN's states of the season: before the postponements, between them and
	// the new dates, and with these.
	planned := &schedule.Season{Label: final.Label, AsOf: at(time.January, 5)}
	off := &schedule.Season{Label: final.Label, AsOf: at(time.January, 6)}
	for _, g := range final.Games {
		if g.Day == days[g.Away.Code+" "+g.Home.Code] {
			continue
		}
		off.Games = append(off.Games, g)
		g.Postponed = false
		planned.Games = append(planned.Games, g)
	}
	if got := len(final.Games) - len(planned.Games); got != 4 {
		t.Fatalf("the season has %d make-ups, want 4", got)
	}
	for name, tt := range map[string]struct {
		states  []state
		undated int
	}{
		"postponed at ESPN":                     {[]state{{planned, at(time.January, 5)}, {off, at(time.January, 6)}}, len(teams)},
		"the league in autumn, ESPN at the end": {[]state{{league, at(time.November, 7)}, {final, at(time.November, 8)}}, 0},
		"all three from the league on":          {[]state{{league, at(time.November, 7)}, {planned, at(time.January, 5)}, {off, at(time.January, 6)}, {final, at(time.January, 7)}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, fake.Pro, teams, nil, time.Time{})
			for i, st := range tt.states {
				d.season = &schedule.Season{Label: st.season.Label, AsOf: st.now, Games: st.season.Games}
				d.now = st.now
				d.each()
				d.wantDated(fmt.Sprintf("state %d", i+1), tt.states[:i+1]...)
			}
			if _, undated := d.dated(); len(undated) != tt.undated {
				t.Errorf("%d tasks have no date, want %d: %q", len(undated), tt.undated, undated)
			}
		})
	}
}

func parseQuery(t *testing.T, query string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
