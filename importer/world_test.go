package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"tipoff/database"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// midSeason is the clock of most tests.
var midSeason = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// A world is an in-memory Todoist with one fan, a season and a clock that the test
// sets, and an importer between them.
type world struct {
	t      rapid.TB
	now    time.Time
	server *fake.Server
	fan    *fake.Account
	season *schedule.Season
	im     *Importer
	client *todoist.Client
	user   string
	sent   []todoist.Command // since the last forget
	// reads and writes are the requests of the last run.
	reads, writes int
}

// RoundTrip keeps the commands that are sent to the in-memory Todoist.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(cmp.Or[io.Reader](r.Body, http.NoBody))
	if err != nil {
		return nil, err
	}
	var sync struct{ Commands []todoist.Command }
	if json.Unmarshal(body, &sync) == nil {
		w.sent = append(w.sent, sync.Commands...)
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return w.server.Transport().RoundTrip(r)
}

// forget empties what is known of requests and commands.
func (w *world) forget() {
	w.sent = nil
	w.server.ResetRequests()
}

func newWorld(t testing.TB, plan fake.Plan, games ...schedule.Game) *world {
	t.Helper()
	w := newWorldIn(t, openDatabase(t), "fan-1", plan)
	w.publish(games...)
	return w
}

func openDatabase(t testing.TB) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "tipoff.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// newWorldIn is a world without games, whose rows are in a database that it shares
// with other users.
func newWorldIn(t rapid.TB, db *database.DB, user string, plan fake.Plan) *world {
	w := &world{t: t, now: midSeason, user: user}
	clock := func() time.Time { return w.now }
	w.server = fake.New(fake.Config{Now: clock, PartialSyncs: -1, FullSyncs: -1})
	w.fan = w.server.AddAccount(fake.Profile{ID: user, APIToken: "token", Zone: "America/New_York", Plan: plan})
	api := &todoist.API{URL: "https://todoist.test", HTTP: &http.Client{Transport: w}, Backoff: 1}
	w.client = api.As(func(context.Context, string) (string, error) { return "token", nil })
	w.im = New(func() *schedule.Season { return w.season }, imports.New(db, clock), clock, slog.New(slog.DiscardHandler))
	return w
}

// publish makes these games the season.
func (w *world) publish(games ...schedule.Game) {
	w.season = &schedule.Season{Label: "2026-27", Source: schedule.SourceNBA, AsOf: w.now, Games: slices.Clone(games)}
}

// options are those of a query, and the id of the import that it is about.
func (w *world) options(query string) (Options, string) {
	w.t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		w.t.Fatal(err)
	}
	opts, id, err := w.im.Options(context.Background(), w.user, v, false)
	if err != nil {
		w.t.Fatalf("the options of %s: %v", query, err)
	}
	return opts, id
}

func (w *world) plan(query string) *Plan {
	w.t.Helper()
	opts, id := w.options(query)
	plan, err := w.im.Plan(context.Background(), w.client, w.user, id, opts)
	if err != nil {
		w.t.Fatalf("plan %s: %v", query, err)
	}
	return plan
}

// try runs an import with the options of a query.
func (w *world) try(query string) (*Outcome, error) {
	w.t.Helper()
	opts, id := w.options(query)
	return w.im.Run(context.Background(), w.client, w.user, id, opts, "", func(Progress) {})
}

// run fails the test unless an import does all it should, and nothing when it is done
// once more.
func (w *world) run(query string) *Outcome {
	w.t.Helper()
	w.forget()
	out := w.once(query)
	w.reads, w.writes = w.requests()
	first := len(w.server.Requests())
	again := w.once(query)
	if again.Added+again.Updated != 0 {
		w.t.Errorf("a second run of %s adds %d and updates %d", query, again.Added, again.Updated)
	}
	for _, r := range w.server.Requests()[first:] {
		if r.Writes() {
			w.t.Errorf("a second run of %s writes %v", query, r.Commands)
		}
	}
	return out
}

func (w *world) once(query string) *Outcome {
	w.t.Helper()
	out, err := w.try(query)
	if err != nil {
		w.t.Fatalf("import %s: %v", query, err)
	}
	for _, f := range out.Failed {
		w.t.Fatalf("import %s: %s failed: %s", query, f.Change.Title, f.Reason)
	}
	return out
}

// requests counts the reads and the writes since the last reset.
func (w *world) requests() (reads, writes int) {
	for _, r := range w.server.Requests() {
		if r.Writes() {
			writes++
		} else {
			reads++
		}
	}
	return reads, writes
}

// tasks are those that are not deleted.
func (w *world) tasks() []fake.Task {
	return slices.DeleteFunc(w.fan.Tasks(""), func(t fake.Task) bool { return t.Deleted })
}

// projects are the account's without the Inbox.
func (w *world) projects() []fake.Project {
	return slices.DeleteFunc(w.fan.Projects(), func(p fake.Project) bool { return p.Inbox || p.Deleted })
}

// taskOf is the one task that names a game.
func (w *world) taskOf(id string) fake.Task {
	w.t.Helper()
	named := slices.DeleteFunc(w.tasks(), func(t fake.Task) bool { return gameIn(t.Description) != id })
	if len(named) != 1 {
		w.t.Fatalf("%d tasks name the game %s, want 1", len(named), id)
	}
	return named[0]
}

func (w *world) edit(id string, change func(*fake.Task)) {
	w.t.Helper()
	w.must(w.fan.EditTask(id, change))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// only is the one import that there is.
func (w *world) only() *imports.Import {
	w.t.Helper()
	all, err := w.im.Rows.Of(context.Background(), w.user)
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%d imports, %v; want 1", len(all), err)
	}
	return all[0]
}

// section is the name of a task's section.
func (w *world) section(t fake.Task) string {
	for _, s := range w.fan.Sections("") {
		if s.ID == t.SectionID {
			return s.Name
		}
	}
	return ""
}

// reminders are the minutes of a task's, in order.
func (w *world) reminders(task string) (minutes []int) {
	for _, r := range w.fan.Reminders(task) {
		if !r.Deleted {
			minutes = append(minutes, r.MinuteOffset)
		}
	}
	slices.Sort(minutes)
	return minutes
}

// look writes what people see of a task, without its link.
func (w *world) look(t fake.Task) string {
	due, duration := "no date", 0
	if t.Due != nil {
		due = strings.TrimSpace(t.Due.Date + " " + t.Due.Timezone)
	}
	if t.Duration != nil {
		duration = t.Duration.Amount
	}
	return fmt.Sprintf("%s | %s | p%d %v %dmin %v | %s | %q", due, t.Content, 5-t.Priority, t.Labels, duration, w.reminders(t.ID),
		w.section(t), textOf(t.Description))
}

// looks are the looks of all open tasks, in order.
func (w *world) looks() (all []string) {
	for _, t := range w.tasks() {
		if !t.Checked {
			all = append(all, w.look(t))
		}
	}
	slices.Sort(all)
	return all
}

func side(code string) schedule.Side {
	team, _ := schedule.TeamByCode(code)
	return team.Side()
}

// leagueID is the league's id of the test's game with this number.
func leagueID(n int) string { return fmt.Sprintf("00226%05d", n) }

// game is a game of the regular season, in an arena that is named after its number.
func game(n int, away, home string, tip time.Time) schedule.Game {
	return schedule.Game{ID: leagueID(n), Season: "2026-27", Type: schedule.Regular, Away: side(away), Home: side(home),
		Day: schedule.DayOf(tip, schedule.Eastern()), Tip: tip.UTC(), Status: schedule.Scheduled,
		Arena: fmt.Sprintf("Arena %d", n), City: "Springfield"}
}

// evening is half past seven in New York, so many days after midSeason.
func evening(days int) time.Time {
	d := midSeason.In(schedule.Eastern()).AddDate(0, 0, days)
	return time.Date(d.Year(), d.Month(), d.Day(), 19, 30, 0, 0, schedule.Eastern()).UTC()
}

// written is an instant as Todoist writes it.
func written(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
