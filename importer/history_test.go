package importer

import (
	"flag"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tipoff/database"
	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// A history is what happens to one fan's import in a season: the league changes games,
// their owner changes tasks, and in between the import is brought up to date.
type history struct {
	*world
	rt     *rapid.T
	games  []*known
	chosen url.Values // the options as they were chosen last
	ids    int        // how many ids were given to games
	words  int        // how many edits were made
	own    string     // a project of the owner's
}

// known is what has to hold of one game. No two games have the same sides.
type known struct {
	schedule.Game
	ids     map[string]bool // all that it ever had
	gone    bool            // from the schedule
	leftOut bool
	ended   bool // its task was ticked off or deleted by its owner
	deleted bool // and it was deleted
	waiting bool // the task says that the game waits for a date
	off     bool // it was, so that its owner's "no date" may have been the schedule's
	// dateless says that Tipoff took the task's date away and has not set one since: an
	// owner who takes a date of their own away again changes it back.
	dateless bool
	// edits are the fields that the task's owner has set, and to what. elsewhere says
	// that he moved the task into a project of his own.
	edits     map[field]string
	elsewhere bool
}

func playHistories(t *testing.T, checks int) {
	old := flag.Lookup("rapid.checks").Value.String()
	if err := flag.Set("rapid.checks", fmt.Sprint(checks)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", old) })
	db, fans := openDatabase(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		fans++
		newHistory(rt, db, fmt.Sprint("fan-", fans)).play()
	})
}

func TestWhateverHappensEachGameHasItsTask(t *testing.T) { playHistories(t, 15) }

func newHistory(rt *rapid.T, db *database.DB, user string) *history {
	h := &history{world: newWorldIn(rt, db, user, fake.Pro), rt: rt, chosen: url.Values{"team": {"BOS"}}}
	h.own = h.fan.AddProject(fake.Project{Name: "Mine"})
	h.server.SetSwitches(rapid.SampledFrom(switches).Draw(rt, "switches"))
	for range rapid.IntRange(1, 4).Draw(rt, "games") {
		h.announce()
	}
	return h
}

func (h *history) play() {
	h.update(nil)
	steps := map[string]func(){"league": h.league, "owner": h.owner, "options": h.choose, "leave out": h.leaveOut, "ask back": h.askBack}
	names := []string{"league", "league", "league", "owner", "owner", "options", "leave out", "ask back"}
	for range rapid.IntRange(1, 12).Draw(h.rt, "steps") {
		steps[h.pick("step", names...)]()
		h.publishAll()
		if h.chance("update", 60) {
			h.update(nil)
		}
	}
	h.update(nil)
}

func (h *history) pick(label string, values ...string) string {
	return rapid.SampledFrom(values).Draw(h.rt, label)
}

func (h *history) chance(label string, percent int) bool {
	return rapid.IntRange(1, 100).Draw(h.rt, label) <= percent
}

// one draws a game for which keep is true, or returns nil.
func (h *history) one(keep func(*known) bool) *known {
	all := slices.DeleteFunc(slices.Clone(h.games), func(g *known) bool { return !keep(g) })
	if len(all) == 0 {
		return nil
	}
	return rapid.SampledFrom(all).Draw(h.rt, "game")
}

func (h *history) evening() time.Time { return evening(rapid.IntRange(3, 90).Draw(h.rt, "day")) }

// announce adds a game against an opponent, or at a place, that no other game has.
func (h *history) announce() *known {
	n := len(h.games)
	opponent := schedule.Teams()[2+n/2].Code
	away, home := "BOS", opponent
	if n%2 == 1 {
		away, home = opponent, "BOS"
	}
	g := &known{Game: game(0, away, home, h.evening()), ids: map[string]bool{}, edits: map[field]string{}}
	g.Arena = fmt.Sprint("Arena ", n)
	h.rename(g)
	h.games = append(h.games, g)
	h.publishAll()
	return g
}

// rename gives a game another id.
func (h *history) rename(g *known) {
	h.ids++
	g.ID = fmt.Sprintf("4019%05d", h.ids)
	g.ids[g.ID] = true
}

func (h *history) move(g *known) {
	g.Tip = h.evening()
	g.Day = schedule.DayOf(g.Tip, schedule.Eastern())
}

// league changes a game.
func (h *history) league() {
	g := h.one(func(*known) bool { return true })
	what := h.pick("league", "announce", "move", "no time", "postpone", "restore", "make up", "remove", "rename", "arena")
	h.rt.Logf("league: %s %s", what, g.ID)
	g.off = g.off || what == "postpone" || what == "remove" || what == "make up"
	switch what {
	case "announce":
		h.announce()
	case "move":
		h.move(g)
	case "no time":
		g.Tip = time.Time{}
	case "postpone":
		g.Postponed = true
	case "restore":
		g.Postponed, g.gone = false, false
	case "make up":
		if g.Postponed || g.gone {
			g.Postponed, g.gone = false, false
			h.move(g)
			h.rename(g)
		}
	case "remove":
		g.gone = true
	case "rename":
		h.rename(g)
	case "arena":
		g.Arena += "a"
	}
}

func (h *history) publishAll() {
	var games []schedule.Game
	for _, g := range h.games {
		if !g.gone {
			games = append(games, g.Game)
		}
	}
	h.now = h.now.Add(time.Minute)
	h.publish(games...)
}

// open are the open tasks of a game.
func (h *history) open(g *known) []fake.Task {
	return slices.DeleteFunc(h.tasks(), func(t fake.Task) bool { return t.Checked || !g.ids[gameIn(t.Description)] })
}

// owner changes a task.
func (h *history) owner() {
	g := h.one(func(g *known) bool { return len(h.open(g)) == 1 })
	if g == nil {
		h.reopen()
		return
	}
	task := h.open(g)[0]
	h.words++
	word := fmt.Sprint("mine-", h.words)
	edit := func(f field, value string, change func(*fake.Task)) {
		h.edit(task.ID, change)
		g.edits[f] = value
		g.off = g.off && f != fieldDue || g.gone || g.Postponed || f == fieldDue && g.dateless
	}
	what := h.pick("owner", "title", "date", "no date", "text", "priority", "labels", "section", "move", "tick off", "delete", "reopen")
	h.rt.Logf("owner: %s %s %q", what, g.ID, task.Content)
	switch what {
	case "title":
		edit(fieldTitle, word, func(t *fake.Task) { t.Content = word })
	case "date":
		date := fmt.Sprintf("2027-06-%02dT10:00:00Z", h.words%28+1)
		edit(fieldDue, date, func(t *fake.Task) { t.Due = &fake.Due{Date: date, Timezone: "Asia/Tokyo"} })
	case "no date":
		if task.Due != nil {
			edit(fieldDue, "", func(t *fake.Task) { t.Due = nil })
		}
	case "text":
		edit(fieldText, word+"\n"+textOf(task.Description), func(t *fake.Task) { t.Description = word + "\n" + t.Description })
	case "priority":
		edit(fieldPriority, "2", func(t *fake.Task) { t.Priority = 2 })
	case "labels":
		edit(fieldLabels, word, func(t *fake.Task) { t.Labels = []string{word} })
	case "section":
		section := h.fan.AddSection(fake.Section{ProjectID: task.ProjectID, Name: word})
		h.must(h.fan.MoveTask(task.ID, task.ProjectID, section))
		g.edits[fieldSection] = word
	case "move":
		h.must(h.fan.MoveTask(task.ID, h.own, ""))
		g.elsewhere = true
		delete(g.edits, fieldSection)
	case "tick off":
		h.must(h.fan.CompleteTask(task.ID))
		g.ended = true
	case "delete":
		h.must(h.fan.DeleteTask(task.ID))
		g.ended, g.deleted = true, true
	case "reopen":
		h.reopen()
	}
}

// reopen takes the tick of a task back. One that is in another project by then is not
// looked for.
func (h *history) reopen() {
	g := h.one(func(g *known) bool { return g.ended && !g.deleted && !g.elsewhere })
	if g == nil {
		return
	}
	ticked := slices.DeleteFunc(h.tasks(), func(t fake.Task) bool { return !t.Checked || !g.ids[gameIn(t.Description)] })
	last := slices.MaxFunc(ticked, func(a, b fake.Task) int { return a.CompletedAt.Compare(b.CompletedAt) })
	h.must(h.fan.ReopenTask(last.ID))
	g.ended = false
}

// choose changes an option.
func (h *history) choose() {
	all := map[string][]string{"title": {"names", "codes", "emoji"}, "labels": {"nba", "nba,sport"}, "priority": {"1", "2", "4"},
		"duration": {"0", "150"}, "reminder": {"none", "60"}, "sections": {"none", "month"}, "timezone": {"Europe/Berlin", "America/Denver"},
		"venue": {"all", "all", "home", "away"}}
	name := h.pick("option", slices.Sorted(maps.Keys(all))...)
	value := h.pick(name, all[name]...)
	h.chosen.Set(name, value)
	h.update(url.Values{name: {value}})
}

// leaveOut announces a game, and leaves it out.
func (h *history) leaveOut() {
	h.update(nil) // so that all others have their tasks
	g := h.announce()
	if h.wanted(g) {
		g.leftOut = true
		h.update(url.Values{"skip": h.skipped()})
	}
}

// skipped are the ids of the games left out.
func (h *history) skipped() []string {
	ids := []string{""}
	for _, g := range h.games {
		if g.leftOut {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

// askBack asks for a game that was left out, or whose task is gone.
func (h *history) askBack() {
	h.update(nil) // so that it is known what is gone
	g := h.one(func(g *known) bool { return h.on(g) && (g.leftOut || g.ended) })
	if g == nil {
		return
	}
	h.rt.Logf("ask back %s", g.ID)
	v := url.Values{}
	if g.leftOut {
		g.leftOut = false
		v["skip"] = h.skipped()
	} else {
		v.Set("again", g.ID)
	}
	g.reset()
	h.update(v)
}

// reset says that a game has a task that was written anew.
func (g *known) reset() {
	g.ended, g.deleted, g.waiting, g.elsewhere, g.edits = false, false, false, false, map[field]string{}
}

// wanted reports whether the options choose a game.
func (h *history) wanted(g *known) bool {
	venue := h.chosen.Get("venue")
	return (venue != "home" || g.Home.Code == "BOS") && (venue != "away" || g.Away.Code == "BOS")
}

// on reports whether a game has to have a task with its date.
func (h *history) on(g *known) bool { return h.wanted(g) && !g.gone && !g.Postponed }

// update brings the import up to date, with options that were just chosen. It may lose
// Todoist's answers at first.
func (h *history) update(chosen url.Values) {
	query := url.Values{"team": {"BOS"}}
	maps.Copy(query, chosen)
	if h.chance("fault", 25) {
		h.fail(query.Encode())
	}
	h.revive(query.Encode())
	h.now = h.now.Add(time.Minute)
	out := h.once
	if h.chance("twice", 50) {
		out = h.run
	}
	h.check(&out(query.Encode()).Plan.Parts[0].style)
}

// revive updates the import if a deleted task would be reopened. That it is deleted is
// known from Todoist's refusal.
func (h *history) revive(query string) {
	for _, g := range h.games {
		if !g.ended || !g.waiting || !h.on(g) {
			continue
		}
		if !g.deleted {
			g.reset()
			continue
		}
		if _, err := h.try(query); err != nil {
			h.rt.Fatalf("update: %v", err)
		}
		g.waiting = false
	}
}

// fail tries an update while something is wrong. What is under way then has to be known
// afterwards, also where the league moves a game or gives it another id meanwhile.
func (h *history) fail(query string) {
	f := fake.Fault{Nth: rapid.IntRange(1, 3).Draw(h.rt, "nth"), Times: rapid.IntRange(1, 8).Draw(h.rt, "times"), AfterApply: rapid.Bool().Draw(h.rt, "applied")}
	if h.chance("only writes", 70) {
		f.Match = fake.Request.Writes
	}
	switch h.pick("fault", "drop", "cut", "500", "403") {
	case "drop":
		f.Drop = true
	case "cut":
		f.Cut = true
	case "500":
		f.Status = 500
	case "403":
		f.Status, f.AfterApply = 403, false
	}
	h.server.Fail(f)
	_, err := h.try(query)
	h.server.ClearFaults()
	h.rt.Logf("fault: %+v: %v", f, err)
	if err == nil {
		return
	}
	h.im = New(h.im.Season, h.im.Rows, h.im.Now, h.im.Log) // another process goes on
	g := h.one(func(*known) bool { return true })
	switch h.pick("meanwhile", "nothing", "move", "rename") {
	case "move":
		h.move(g)
	case "rename":
		if !strings.Contains(query, "skip=") && !strings.Contains(query, "again=") { // which name games by their ids
			h.rename(g)
		}
	}
	h.publishAll()
}

// check fails the test unless each game has the task that it should have.
func (h *history) check(look *style) {
	for _, g := range h.games {
		open := h.open(g)
		switch {
		case len(open) > 1:
			h.rt.Fatalf("%s has %d open tasks", g.ID, len(open))
		case len(open) == 1 && (g.leftOut || g.ended):
			h.rt.Fatalf("%s is left out: %t; its task was ended: %t; and it has an open one", g.ID, g.leftOut, g.ended)
		case len(open) == 0 && h.on(g) && !g.leftOut && !g.ended:
			h.rt.Fatalf("%s has no open task", g.ID)
		case len(open) == 1:
			h.checkTask(look, g, &open[0])
		}
	}
	if n := len(h.projects()); n > 2 { // the owner's, and the import's
		h.rt.Fatalf("there are %d projects", n)
	}
}

// checkTask looks at a game's one open task.
func (h *history) checkTask(look *style, g *known, t *fake.Task) {
	if elsewhere := t.ProjectID == h.own; elsewhere != g.elsewhere {
		h.rt.Fatalf("%s is elsewhere: %t, want %t", g.ID, elsewhere, g.elsewhere)
	}
	is := seen(h.world, t)
	for f, value := range g.edits {
		if f == fieldDue && value == "" && g.off {
			continue
		}
		if is.value(f) != value {
			h.rt.Fatalf("field %d of %s is %q, and its owner wrote %q", f, g.ID, is.value(f), value)
		}
	}
	_, title := g.edits[fieldTitle]
	_, due := g.edits[fieldDue]
	switch {
	case g.gone || g.Postponed && h.wanted(g):
		if !title && !strings.HasPrefix(t.Content, postponedPrefix) || !due && t.Due != nil {
			h.rt.Fatalf("%s is off, and its task is %q, %+v", g.ID, t.Content, t.Due)
		}
		g.waiting = g.waiting || !title || !due
		g.dateless = g.dateless || t.Due == nil
		if due && t.Due == nil {
			delete(g.edits, fieldDue) // task and schedule agree, so it is the schedule's again
		}
	case h.on(g):
		want := look.taskFor(&g.Game)
		for f := range field(fields) {
			_, edited := g.edits[f]
			hangs := due && (f == fieldZone || f == fieldDuration || f == fieldReminder) // on the date
			if !edited && !hangs && !want.free[f] && (f != fieldSection || !g.elsewhere) && is.value(f) != want.value(f) {
				h.rt.Fatalf("field %d of %s is %q, want %q", f, g.ID, is.value(f), want.value(f))
			}
		}
		g.waiting, g.dateless = false, g.dateless && due
	}
}

// seen is a task of Todoist's as one of ours.
func seen(w *world, t *fake.Task) *task {
	is := &task{title: t.Content, text: textOf(t.Description), priority: t.Priority, labels: t.Labels, section: w.section(*t), reminder: NoReminder}
	if t.Due != nil {
		is.due = &todoist.Due{Date: t.Due.Date, Timezone: &t.Due.Timezone}
	}
	if t.Duration != nil {
		is.duration = t.Duration.Amount
	}
	if minutes := w.reminders(t.ID); len(minutes) > 0 {
		is.reminder = minutes[0]
	}
	return is
}
