package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// A league is a site whose schedule is a file that the test writes. The site looks at it
// all the time, and updates imports at once.
type league struct {
	*site
	games calendar
	label string // the season's
	path  string
	asOf  time.Time
	ahead atomic.Int64 // how far the program's clock is ahead of Todoist's
	rows  *imports.Store
}

// The games of the Celtics in a league, on 20 November. The first is over.
const (
	opener  = "0022600001"
	nuggets = "0022600002"
	magic   = "0022600003"
	magic2  = "0022600004"
	lakers  = "0022600101" // a game of other teams
)

// newLeague is a league that does not run yet.
func newLeague(t *testing.T, args ...string) *league {
	t.Helper()
	l := &league{games: calendar{}, label: "2026-27", path: filepath.Join(t.TempDir(), "feed.json"), asOf: midSeason.Add(-time.Hour)}
	l.games.game(opener, "BOS", "NYK", "2026-10-21T23:30:00Z")
	l.games.game(nuggets, "DEN", "BOS", "2026-11-25T00:30:00Z")
	l.games.game(magic, "BOS", "ORL", "2027-01-06T00:00:00Z")
	l.games.game(magic2, "BOS", "ORL", "2027-03-13T00:30:00Z")
	l.games.game(lakers, "LAL", "GSW", "2026-12-02T03:00:00Z")
	all := schedule.Teams() // each of which has to have a game
	for i, team := range all {
		other := all[(i+1)%len(all)].Code
		if !slices.Contains([]string{team.Code, other}, "BOS") && !slices.Contains([]string{team.Code, other}, "LAL") {
			l.games.game(fmt.Sprintf("00226009%02d", i), team.Code, other, "2027-02-03T00:30:00Z")
		}
	}
	l.site = newSite(t, midSeason, append([]string{"-schedule-url", l.path, "-update-spread", "0"}, args...)...)
	l.with.Refresh, l.with.UpdateEvery = 20*time.Millisecond, 20*time.Millisecond
	clock := clockFrom(midSeason)
	l.with.Now = func() time.Time { return clock().Add(time.Duration(l.ahead.Load())) }
	l.publish()
	return l
}

func startLeague(t *testing.T, args ...string) *league {
	t.Helper()
	l := newLeague(t, args...)
	l.start()
	return l
}

// publish writes the games as they are now.
func (l *league) publish() {
	l.asOf = l.asOf.Add(time.Second)
	feed(l.t, l.path, l.label, l.asOf, l.games.season(l.asOf).Games)
}

// move has the league move games, and publish that.
func (l *league) move(when string, ids ...string) {
	for _, id := range ids {
		l.games.edit(id, func(g *schedule.Game) { *g = moved(*g, when); g.Postponed = false })
	}
	l.publish()
}

func (l *league) postpone(id string) {
	l.games.edit(id, func(g *schedule.Game) { g.Postponed = true })
	l.publish()
}

// edit changes a game and publishes that.
func (l *league) edit(id string, change func(*schedule.Game)) {
	l.games.edit(id, change)
	l.publish()
}

// until waits for something that the program does by itself.
func (l *league) until(what string, done func() bool) {
	l.t.Helper()
	for range 12000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.t.Fatalf("it never comes to this: %s", what)
}

// store reads the site's database.
func (l *league) store() *imports.Store {
	l.t.Helper()
	if l.rows == nil {
		dsn := "sqlite:" + filepath.Join(l.dir, "tipoff.db")
		if i := slices.Index(l.args, "-database"); i >= 0 {
			dsn = l.args[i+1]
		}
		db, err := database.Open(l.t.Context(), dsn, database.WithLimit(time.Minute))
		if err != nil {
			l.t.Fatal(err)
		}
		l.t.Cleanup(func() { db.Close() })
		l.rows = imports.New(db, l.with.Now)
	}
	return l.rows
}

// A follower is somebody with an import that updates itself.
type follower struct {
	*league
	account *fake.Account
	b       *browser
}

// follow imports with the options of a query, and signs out again.
func (l *league) follow(name, query string) *follower {
	l.t.Helper()
	f := l.join(name, query, "on")
	f.b.post("/sign-out", nil).want(http.StatusSeeOther)
	return f
}

// join imports with the options of a query, and stays.
func (l *league) join(name, query, auto string) *follower {
	l.t.Helper()
	f := &follower{league: l, account: l.account(name, fake.Pro)}
	f.b = l.browser().signIn(f.account)
	f.press(query, auto)
	l.fake.ResetRequests()
	return f
}

// press presses the button of the import page.
func (f *follower) press(query, auto string) {
	f.t.Helper()
	form := f.b.get("/import?"+query).want(http.StatusOK).form("post", "/imports")
	form.Set("auto", auto)
	f.b.post("/imports", form).want(http.StatusSeeOther)
}

// row is the one import of the follower.
func (f *follower) row() *imports.Import {
	f.t.Helper()
	all, err := f.store().Of(f.t.Context(), f.account.Profile().ID)
	if err != nil || len(all) != 1 {
		f.t.Fatalf("%d imports, %v; want one", len(all), err)
	}
	return all[0]
}

// history is what was changed, the latest first.
func (f *follower) history() []string {
	f.t.Helper()
	changes, err := f.store().Changes(f.t.Context(), f.account.Profile().ID, f.row().ID)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, c := range changes {
		by := "by hand"
		if c.Auto {
			by = "by itself"
		}
		all = append(all, fmt.Sprintf("%s %s: %s, %s -> %s", by, c.What, c.Title, cmp.Or(c.Was, "-"), cmp.Or(c.Becomes, "-")))
	}
	return all
}

// task is the one task that names a game.
func (f *follower) task(id string) fake.Task {
	f.t.Helper()
	all := slices.DeleteFunc(f.account.Tasks(""), func(task fake.Task) bool { return task.Deleted || gameIn(task) != id })
	if len(all) != 1 {
		f.t.Fatalf("%d tasks name the game %s, want 1", len(all), id)
	}
	return all[0]
}

// comments are those of a game's task.
func (f *follower) comments(id string) (all []string) {
	f.t.Helper()
	task := f.task(id)
	for _, note := range f.account.Notes() {
		if note.TaskID == task.ID {
			all = append(all, note.Content)
		}
	}
	return all
}

func (f *follower) rewrite(id string, change func(*fake.Task)) {
	f.t.Helper()
	if err := f.account.EditTask(f.task(id).ID, change); err != nil {
		f.t.Fatal(err)
	}
}

// follows waits until a game's task has the line.
func (f *follower) follows(id, want string) {
	f.t.Helper()
	f.until(fmt.Sprintf("the task of %s is %q; it is %q", id, want, line(f.task(id))), func() bool { return line(f.task(id)) == want })
}

// idle waits until the import is neither due nor being updated, with this state.
func (f *follower) idle(state imports.State) {
	f.t.Helper()
	f.until(fmt.Sprintf("the import waits with the state %q", state), func() bool {
		row := f.row()
		return row.Due.IsZero() && row.State == state && len(row.Sending) == 0
	})
}

// wantOpen fails the test unless these are the open tasks.
func (f *follower) wantOpen(want ...string) {
	f.t.Helper()
	wantOpen(f.t, f.account, "now", want)
}

// wantHistory fails the test unless this is what was changed, the latest first.
func (f *follower) wantHistory(want ...string) {
	f.t.Helper()
	if got := f.history(); !slices.Equal(got, want) {
		f.t.Errorf("the history is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (f *follower) wantComments(id string, want ...string) {
	f.t.Helper()
	if got := f.comments(id); !slices.Equal(got, want) {
		f.t.Errorf("the comments are\n%q, want\n%q", got, want)
	}
}

// asked counts the requests to Todoist for this account.
func (f *follower) asked() (reads, writes int) {
	for _, r := range f.fake.Requests() {
		switch {
		case r.Account != f.account.Profile().ID:
		case r.Writes():
			writes++
		default:
			reads++
		}
	}
	return reads, writes
}

// wantAsked fails the test unless there were so many requests for this account.
func (f *follower) wantAsked(reads, writes int) {
	f.t.Helper()
	if r, w := f.asked(); r != reads || w != writes {
		f.t.Errorf("%d reads and %d writes at Todoist, want %d and %d: %+v", r, w, reads, writes, f.fake.Requests())
	}
}

// A witness follows the Lakers. It shows that the program has seen what was published.
type witness struct {
	*follower
	night int
}

func (l *league) witness() *witness { return &witness{l.follow("wanda", "team=LAL"), 9} }

// sees waits until two changes that were published now or before have been dealt with.
func (w *witness) sees() {
	w.t.Helper()
	for range 2 {
		w.night++
		when := fmt.Sprintf("%s-12-%02dT03:00:00Z", w.label[:4], w.night)
		w.move(when, lakers)
		w.follows(lakers, when+" Lakers at Warriors")
		w.idle("")
	}
}
