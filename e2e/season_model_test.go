package e2e

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// A supporter is a fan whose import updates itself, with what each task must be. It knows
// nothing of the importer: only games, what the fan chose, and what the fan did.
type supporter struct {
	id, team string
	chosen   url.Values // the options
	account  *fake.Account
	project  string
	other    string // a project of the fan's own
	own      string // a task of the fan's own in the import's project
	games    map[string]*gameTask
	facts    string // of the games at the last update
}

// A gameTask is what the task of one game must be.
type gameTask struct {
	id   string // Todoist's, "" until it is seen
	game schedule.Game
	is   map[string]string // fields as the task must say
	// mine are the fields that the fan has set, which stay.
	mine                       map[string]bool
	ticked, deleted, elsewhere bool
	waiting                    bool // it says that the game has no date
	comments                   int
	manyComments               bool // it is not known how many there are
}

// titleOf names a game from the side of the fan's team.
func (f *supporter) titleOf(g *schedule.Game) string {
	codes := f.chosen.Get("title") == "codes"
	switch home := g.Home.Code == f.team; {
	case home && codes:
		return g.Home.Code + " vs " + g.Away.Code
	case codes:
		return g.Away.Code + " @ " + g.Home.Code
	case home:
		return g.Home.Name + " vs " + g.Away.Name
	}
	return g.Away.Name + " at " + g.Home.Name
}

// textOf is what the task says of a game below its title.
func (f *supporter) textOf(g *schedule.Game) string {
	var lines []string
	add := func(line string) {
		if line != "" {
			lines = append(lines, line)
		}
	}
	add(strings.Trim(g.Arena+", "+g.City, ", "))
	tv := slices.Clone(g.National)
	if g.Home.Code == f.team {
		tv = append(tv, g.HomeTV...)
	} else {
		tv = append(tv, g.AwayTV...)
	}
	var channels []string
	for _, channel := range tv {
		if !slices.Contains(channels, channel) {
			channels = append(channels, channel)
		}
	}
	if len(channels) > 0 {
		add("TV: " + strings.Join(channels, ", "))
	}
	add(strings.Join(slices.DeleteFunc([]string{g.Label, g.SubLabel, g.Series}, func(s string) bool { return s == "" }), " · "))
	if g.Tip.IsZero() && !g.Postponed {
		add("Time to be decided")
	}
	return strings.Join(lines, "\n")
}

// wants are the fields of a game's task. Of what is missing nothing is wanted.
func (f *supporter) wants(g *schedule.Game, now time.Time) map[string]string {
	title := f.titleOf(g)
	if g.IfNecessary {
		title += " (if necessary)"
	}
	w := map[string]string{"title": title, "due": "", "duration": "0", "reminder": ""}
	shown := g.Day.Time(time.UTC)
	switch {
	case g.Postponed:
		w["title"] = "Postponed: " + title
	case g.Tip.IsZero():
		w["due"] = string(g.Day)
	default:
		shown = g.Tip.In(schedule.Eastern())
		w["due"], w["zone"] = g.Tip.Format("2006-01-02T15:04:05Z"), "America/New_York"
		w["duration"], w["reminder"] = "0", f.chosen.Get("reminder")
		if f.chosen.Has("duration") {
			w["duration"] = f.chosen.Get("duration")
		}
	}
	if !g.Upcoming(now) {
		// Of what was played the date counts, and nothing else any more.
		delete(w, "duration")
		delete(w, "reminder")
		return w
	}
	w["text"], w["labels"], w["priority"] = f.textOf(g), f.chosen.Get("labels"), "1"
	if f.chosen.Has("priority") {
		shown, _ := strconv.Atoi(f.chosen.Get("priority"))
		w["priority"] = strconv.Itoa(5 - shown)
	}
	if f.chosen.Get("sections") == "month" && !g.Postponed {
		w["section"] = shown.Format("January 2006")
	}
	return w
}

// factsOf are what decides whether the import has to be updated.
func (f *supporter) factsOf(season *schedule.Season, now time.Time) string {
	var b strings.Builder
	for _, g := range season.Games {
		if g.Has(f.team) && g.Known() && g.Type != schedule.AllStar {
			fmt.Fprintln(&b, g.Day, g.Away.Code, g.Home.Code, g.Tip, g.Postponed, g.IfNecessary, f.ticksOff() && g.Ended(now))
		}
	}
	return b.String()
}

func (f *supporter) ticksOff() bool { return f.chosen.Get("played") == "complete" }

// chooses reports whether the fan wants the game.
func (f *supporter) chooses(g *schedule.Game) bool {
	return g.Has(f.team) && g.Known() && g.Type != schedule.AllStar && g.Type != schedule.Preseason &&
		(f.chosen.Get("venue") != "home" || g.Home.Code == f.team)
}

// update says what an update makes of the tasks, where the facts have changed. mass is
// true where more would change at once than goes unseen.
func (f *supporter) update(l *fixtures, now time.Time, unsure bool) (updated, mass bool) {
	facts := f.factsOf(l.season, now)
	if facts == f.facts {
		return false, false
	}
	f.facts = facts
	open, changed := 0, 0
	for name, task := range f.games {
		if l.games[name] == nil && f.vanish(task, now, unsure) {
			open, changed = open+1, changed+1
		}
	}
	for name, g := range l.games {
		task := f.games[name]
		switch {
		case !f.chooses(g):
			if task != nil {
				task.game = *g
			}
			continue
		case task == nil:
			if g.Upcoming(now) && !g.Postponed {
				f.games[name] = &gameTask{game: *g, is: f.wants(g, now), mine: map[string]bool{}, manyComments: unsure}
			}
			continue
		}
		there := !task.ticked && !task.deleted
		written, shows := f.follow(task, g, now, unsure)
		if there && (written || !task.elsewhere) { // others are not looked for
			open++
		}
		if there && shows {
			changed++
		}
	}
	return true, changed > 10 && 2*changed > open
}

// follow is an update of one task. It reports whether anything is written, and whether
// title or date are.
func (f *supporter) follow(task *gameTask, g *schedule.Game, now time.Time, unsure bool) (any, shows bool) {
	task.game = *g
	wants := f.wants(g, now)
	switch {
	case task.deleted:
		return false, false
	case task.ticked:
		if task.waiting && !g.Postponed && g.Upcoming(now) {
			// It was ticked off while it waited for a date, which says nothing of the game.
			task.ticked, task.waiting, task.is, task.mine = false, false, wants, map[string]bool{}
			task.comments++
		}
		return false, false
	}
	was, written := maps.Clone(task.is), f.write(task, wants)
	moved := was["due"] != task.is["due"]
	switch {
	case g.Postponed:
		if moved && was["due"] != "" {
			task.comments++
		}
	case task.waiting && len(written) > 0, moved && was["due"] != "" && task.is["due"] != "":
		task.comments++
	}
	task.manyComments = task.manyComments || moved && unsure
	shows = slices.Contains(written, "title") || slices.Contains(written, "due")
	task.waiting = g.Postponed && (task.waiting || shows)
	if f.ticksOff() && g.Ended(now) {
		task.ticked = true
	}
	return len(written) > 0, shows
}

// vanish is what becomes of a task whose game is not on the schedule any more.
func (f *supporter) vanish(task *gameTask, now time.Time, unsure bool) bool {
	if task.ticked || task.deleted || task.waiting || task.game.Day < schedule.DayOf(now, schedule.Eastern()) {
		return false
	}
	needed := !strings.Contains(task.is["title"], " (if necessary)") || task.mine["title"]
	wants := map[string]string{"title": "Not needed: " + f.titleOf(&task.game), "due": "", "duration": "0", "reminder": ""}
	if needed {
		wants["title"] = "Postponed: " + f.titleOf(&task.game)
	}
	was := task.is["due"]
	written := f.write(task, wants)
	if needed && slices.Contains(written, "due") && was != "" {
		task.comments++
	}
	task.manyComments = task.manyComments || unsure
	shows := slices.Contains(written, "title") || slices.Contains(written, "due")
	task.waiting, task.ticked = needed && shows, !needed
	return shows
}

// write sets the fields that the fan has not, and returns those that change.
func (f *supporter) write(task *gameTask, wants map[string]string) (written []string) {
	for field, value := range wants {
		if task.mine[field] || field == "section" && task.elsewhere || task.is[field] == value {
			continue
		}
		task.is[field] = value
		written = append(written, field)
	}
	if wants["zone"] == "" && !task.mine["zone"] {
		delete(task.is, "zone")
	}
	return written
}

// fieldsOf are the fields of a task as it is.
func (f *supporter) fieldsOf(t *fake.Task) map[string]string {
	is := map[string]string{"title": t.Content, "due": "", "labels": strings.Join(t.Labels, ","), "priority": strconv.Itoa(t.Priority),
		"duration": "0", "reminder": "", "section": "", "text": t.Description}
	if t.Due != nil {
		is["due"], is["zone"] = t.Due.Date, t.Due.Timezone
	}
	if t.Duration != nil {
		is["duration"] = strconv.Itoa(t.Duration.Amount)
	}
	if i := strings.LastIndex(t.Description, "[Game page]("); i >= 0 {
		is["text"] = strings.TrimSpace(t.Description[:i])
	}
	for _, s := range f.account.Sections(t.ProjectID) {
		if s.ID == t.SectionID {
			is["section"] = s.Name
		}
	}
	for _, r := range f.account.Reminders(t.ID) {
		if !r.Deleted {
			is["reminder"] += strconv.Itoa(r.MinuteOffset)
		}
	}
	return is
}

// check fails the test unless the account has exactly the tasks that it must have.
func (f *supporter) check(t *testing.T, when string, l *fixtures) {
	t.Helper()
	there, named := map[string]*fake.Task{}, map[string][]string{}
	for _, task := range f.account.Tasks("") {
		if !task.Deleted {
			there[task.ID] = &task
			if _, id, ok := strings.Cut(task.Description, "#tipoff-"); ok {
				id = strings.TrimSuffix(id, ")")
				named[id] = append(named[id], task.ID)
			}
		}
	}
	comments := map[string]int{}
	for _, n := range f.account.Notes() {
		comments[n.TaskID]++
	}
	if task := there[f.own]; task == nil || task.Content != "Buy popcorn" || task.Checked || task.ProjectID != f.project {
		t.Errorf("%s: %s: the fan's own task is %+v", when, f.id, task)
	}
	delete(there, f.own)
	for name, task := range f.games {
		if task.id == "" {
			if ids := named[task.game.ID]; len(ids) != 1 {
				t.Errorf("%s: %s: %d tasks name %s %s of %s, want 1", when, f.id, len(ids), task.game.ID, task.is["title"], task.game.Day)
				continue
			}
			task.id = named[task.game.ID][0]
		}
		found := there[task.id]
		delete(there, task.id)
		switch {
		case task.deleted:
			if found != nil {
				t.Errorf("%s: %s: the task of %s that was deleted is there: %+v", when, f.id, name, found)
			}
		case found == nil:
			t.Errorf("%s: %s: the task of %s is gone: %v", when, f.id, name, task.is)
		default:
			f.checkTask(t, when+": "+f.id, task, found)
			if n := comments[task.id]; n != task.comments && !task.manyComments {
				t.Errorf("%s: %s: the task %q has %d comments, want %d", when, f.id, found.Content, n, task.comments)
			}
		}
	}
	for _, task := range there {
		t.Errorf("%s: %s has a task too many: %s %+v", when, f.id, line(*task), task)
	}
}

func (f *supporter) checkTask(t *testing.T, when string, task *gameTask, found *fake.Task) {
	t.Helper()
	if found.Checked != task.ticked && !(task.ticked && task.elsewhere && f.ticksOff()) { // which is not looked for
		t.Errorf("%s: the task %q is ticked off: %v, want %v", when, found.Content, found.Checked, task.ticked)
	}
	if elsewhere := found.ProjectID == f.other; elsewhere != task.elsewhere || !elsewhere && found.ProjectID != f.project {
		t.Errorf("%s: the task %q is in the project %s", when, found.Content, found.ProjectID)
	}
	is := f.fieldsOf(found)
	for field, value := range task.is {
		if value != anything && is[field] != value {
			t.Errorf("%s: the %s of %s %s is %q, want %q", when, field, task.game.ID, found.Content, is[field], value)
		}
	}
}

// anything is a field that is not looked at.
const anything = "*"
