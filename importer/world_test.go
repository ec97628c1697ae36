package importer

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata"

	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// midSeason is the clock of most tests: a Cup group day of the embedded season.
var midSeason = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// A world is an in-memory Todoist with one fan, a season, and an importer
// between, without a network. In a bubble it takes no time.
type world struct {
	t      testing.TB
	now    func() time.Time
	server *fake.Server
	fan    *fake.Account
	season *schedule.Season
	im     *Importer
	api    *todoist.API
	ahead  atomic.Int64 // how far wait has moved the clock
}

func newWorld(t testing.TB, season *schedule.Season, plan fake.Plan) *world {
	began := time.Now()
	w := &world{t: t, season: season}
	w.now = func() time.Time { return midSeason.Add(time.Since(began) + time.Duration(w.ahead.Load())) }
	w.server = fake.New(fake.Config{Now: w.now, PartialSyncs: -1, FullSyncs: -1})
	w.fan = w.server.AddAccount(fake.Profile{ID: "fan-1", Email: "fan@example.org", APIToken: "token", Zone: "America/New_York", Plan: plan})
	w.api = &todoist.API{URL: "https://todoist.test", HTTP: &http.Client{Transport: w.server.Transport()}}
	w.im = w.replica()
	return w
}

// wait lets time pass, also outside of a bubble.
func (w *world) wait(d time.Duration) { w.ahead.Add(int64(d)) }

// replica is an importer of another process.
func (w *world) replica() *Importer {
	return &Importer{Season: func() *schedule.Season { return w.season }, Now: w.now}
}

func (w *world) client() *todoist.Client {
	return w.api.As(func(context.Context, string) (string, error) { return "token", nil })
}

// opts parses a query.
func (w *world) opts(query string) Options {
	w.t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		w.t.Fatal(err)
	}
	o, err := ParseOptions(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// run imports with the options of a query.
func (w *world) run(query string) (*Outcome, error) {
	w.t.Helper()
	return w.im.Run(w.t.Context(), w.client(), "fan-1", w.opts(query), "", func(Progress) {})
}

// imports fails the test unless an import does all it should.
func (w *world) imports(query string) *Outcome {
	w.t.Helper()
	out, err := w.run(query)
	if err != nil {
		w.t.Fatalf("import %s: %v", query, err)
	}
	for _, f := range out.Failed {
		w.t.Fatalf("import %s: %s failed: %s", query, f.Change.Title, f.Reason)
	}
	return out
}

// writes counts the requests with commands since the last reset.
func (w *world) writes() int {
	n := 0
	for _, r := range w.server.Requests() {
		if len(r.Commands) > 0 {
			n++
		}
	}
	return n
}

// silent fails the test if an import with the query writes anything.
func (w *world) silent(query string) {
	w.t.Helper()
	w.server.ResetRequests()
	out := w.imports(query)
	if n := w.writes(); n != 0 || out.Added+out.Updated != 0 {
		w.t.Errorf("importing %s again wrote %d times, added %d and updated %d", query, n, out.Added, out.Updated)
	}
}

// tasks are those of a project that are not deleted, or all for "".
func (w *world) tasks(project string) []fake.Task {
	return slices.DeleteFunc(w.fan.Tasks(project), func(t fake.Task) bool { return t.Deleted })
}

// projects are the account's without those deleted and the Inbox.
func (w *world) projects() []fake.Project {
	return slices.DeleteFunc(w.fan.Projects(), func(p fake.Project) bool { return p.Inbox || p.Deleted })
}

func (w *world) onlyProject() fake.Project {
	w.t.Helper()
	all := w.projects()
	if len(all) != 1 {
		w.t.Fatalf("there are %d projects, want 1: %+v", len(all), all)
	}
	return all[0]
}

// taskOf is the one task of a game.
func (w *world) taskOf(id string) fake.Task {
	w.t.Helper()
	var found []fake.Task
	for _, t := range w.tasks("") {
		if m, _, ok := findMark(t.Description); ok && m.game.ID == id {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("game %s has %d tasks, want 1", id, len(found))
	}
	return found[0]
}

// look writes what people see of tasks: each as one line, without what marks
// say, in an order of its own.
func (w *world) look(tasks []fake.Task) []string {
	sections := map[string]string{}
	for _, s := range w.fan.Sections("") {
		sections[s.ID] = s.Name
	}
	var all []string
	for _, t := range tasks {
		due := "no date"
		if t.Due != nil {
			due = strings.TrimSpace(t.Due.Date + " " + t.Due.Timezone)
		}
		duration := 0
		if t.Duration != nil {
			duration = t.Duration.Amount
		}
		var reminders []int
		for _, r := range w.fan.Reminders(t.ID) {
			if !r.Deleted {
				reminders = append(reminders, r.MinuteOffset)
			}
		}
		all = append(all, fmt.Sprintf("%s | %s | p%d %v %dmin %v | %s | %q done=%t", due, t.Content, 5-t.Priority, t.Labels, duration,
			reminders, sections[t.SectionID], textOf(t.Description), t.Checked))
	}
	slices.Sort(all)
	return all
}

// diffLines names what two lists of lines do not share.
func diffLines(got, want []string) string {
	var b strings.Builder
	for _, l := range got {
		if !slices.Contains(want, l) {
			fmt.Fprintln(&b, "got  ", l)
		}
	}
	for _, l := range want {
		if !slices.Contains(got, l) {
			fmt.Fprintln(&b, "want ", l)
		}
	}
	if b.Len() == 0 && len(got) != len(want) {
		fmt.Fprintf(&b, "got %d, want %d lines, with repetitions", len(got), len(want))
	}
	return b.String()
}

// side is a team in a game.
func side(code string) schedule.Side {
	team, ok := schedule.TeamByCode(code)
	if !ok {
		return schedule.Side{Code: code, Name: code}
	}
	return team.Side()
}

// game is a game of the regular season at an instant, with an arena that names
// it for good.
func game(n int, away, home string, tip time.Time) schedule.Game {
	return schedule.Game{ID: fmt.Sprintf("00226%05d", n), Season: "2026-27", Type: schedule.Regular, Away: side(away), Home: side(home),
		Day: schedule.DayOf(tip, schedule.Eastern()), Tip: tip.UTC(), Status: schedule.Scheduled,
		Arena: fmt.Sprintf("Arena %d", n), City: "Springfield"}
}

// seasonOf puts games in order, as of a time.
func seasonOf(asOf time.Time, games ...schedule.Game) *schedule.Season {
	games = slices.Clone(games)
	slices.SortFunc(games, func(a, b schedule.Game) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), a.Tip.Compare(b.Tip), cmp.Compare(a.ID, b.ID))
	})
	return &schedule.Season{Label: "2026-27", Source: schedule.SourceNBA, AsOf: asOf, Games: games}
}

// evening is half past seven in New York, so many days after midSeason.
func evening(days int) time.Time {
	d := midSeason.In(schedule.Eastern()).AddDate(0, 0, days)
	return time.Date(d.Year(), d.Month(), d.Day(), 19, 30, 0, 0, schedule.Eastern()).UTC()
}
