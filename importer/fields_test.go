package importer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// These are the rows of the second table: of each field, what was written, what the task
// says and what schedule and options want.

// everything is the query of an import that writes all fields.
const everything = "team=BOS&labels=nba&priority=2&duration=150&reminder=60&sections=month"

// A fieldCase says how one field comes to have a value: by schedule and options, and by
// its owner.
type fieldCase struct {
	name  string // for people
	query string // the option that sets it, where one does
	// league sets it in the schedule, where that does.
	league func(g *schedule.Game, value string)
	owner  func(w *world, task fake.Task, value string)
	is     func(w *world, task fake.Task) string
	// wrote was imported; wants and later are what is wanted then; mine is the owner's.
	wrote, wants, later, mine string
	sends                     string // how wants is sent, when wrote was there
}

func fieldCases() []fieldCase {
	const first = "2026-11-26T00:30:00Z"
	edit := func(change func(t *fake.Task, value string)) func(*world, fake.Task, string) {
		return func(w *world, task fake.Task, value string) {
			w.edit(task.ID, func(t *fake.Task) { change(t, value) })
		}
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			panic(err)
		}
		return n
	}
	return []fieldCase{
		{"Title", "title", nil, edit(func(t *fake.Task, v string) { t.Content = titles[v] }),
			func(w *world, t fake.Task) string {
				for style, title := range titles {
					if title == t.Content {
						return style
					}
				}
				return t.Content
			}, "names", "codes", "emoji", "mine", "item_update [content id]"},
		{"When", "", func(g *schedule.Game, v string) {
			g.Tip, _ = time.Parse(time.RFC3339, v)
			g.Day = schedule.DayOf(g.Tip, schedule.Eastern())
		}, edit(func(t *fake.Task, v string) { t.Due = &fake.Due{Date: v, Timezone: "America/New_York"} }),
			func(w *world, t fake.Task) string { return t.Due.Date },
			first, "2026-11-27T01:00:00Z", "2026-11-28T00:00:00Z", "2026-11-24T10:00:00Z", "item_update [due id]"},
		{"Time zone", "timezone", nil, edit(func(t *fake.Task, v string) { t.Due.Timezone = v }),
			func(w *world, t fake.Task) string { return t.Due.Timezone },
			"America/New_York", "Europe/Berlin", "Europe/Paris", "Asia/Tokyo", "item_update [due id]"},
		{"Description", "", func(g *schedule.Game, v string) { g.Arena = v },
			edit(func(t *fake.Task, v string) { t.Description = withText(t.Description, v+", Springfield") }),
			func(w *world, t fake.Task) string {
				if gameIn(t.Description) != leagueID(1) {
					return "the link is gone: " + t.Description
				}
				return textOf(t.Description)[:len("Arena 1")]
			}, "Arena 1", "Arena A", "Arena B", "Our own", "item_update [description id]"},
		{"Priority", "priority", nil, edit(func(t *fake.Task, v string) { t.Priority = 5 - number(v) }),
			func(w *world, t fake.Task) string { return fmt.Sprint(5 - t.Priority) }, "2", "1", "4", "3", "item_update [id priority]"},
		{"Labels", "labels", nil, edit(func(t *fake.Task, v string) { t.Labels = []string{v} }),
			func(w *world, t fake.Task) string { return t.Labels[0] }, "nba", "sport", "tv", "mine", "item_update [id labels]"},
		{"Duration", "duration", nil, edit(func(t *fake.Task, v string) { t.Duration = &fake.Duration{Amount: number(v), Unit: "minute"} }),
			func(w *world, t fake.Task) string { return fmt.Sprint(t.Duration.Amount) }, "150", "120", "180", "45", "item_update [duration id]"},
		{"Section", "sections", nil, func(w *world, t fake.Task, v string) {
			section := ""
			for _, s := range w.fan.Sections(t.ProjectID) {
				if s.Name == sections[v] {
					section = s.ID
				}
			}
			if v == "mine" {
				section = w.fan.AddSection(fake.Section{ProjectID: t.ProjectID, Name: sections[v]})
			}
			w.must(w.fan.MoveTask(t.ID, t.ProjectID, section))
		}, func(w *world, t fake.Task) string {
			for v, name := range sections {
				if name == w.section(t) {
					return v
				}
			}
			return w.section(t)
		}, "month", "none", "month", "mine", "item_move [id project_id]"},
		{"Reminder", "reminder", nil, func(w *world, t fake.Task, v string) {
			for _, r := range w.fan.Reminders(t.ID) {
				w.write(todoist.Command{Type: "reminder_update", UUID: todoist.UUID(r.ID, v), Args: map[string]any{"id": r.ID, "type": "relative", "minute_offset": number(v)}})
			}
		}, func(w *world, t fake.Task) string { return fmt.Sprint(w.reminders(t.ID)[0]) },
			"60", "30", "15", "5", "reminder_update [id minute_offset type]"},
	}
}

// titles and sections are what tasks have by the values of options.
var (
	titles   = map[string]string{"names": "Celtics at Knicks", "codes": "BOS @ NYK", "emoji": "🏀 Celtics at Knicks", "mine": "With Dad"}
	sections = map[string]string{"none": "", "month": "November 2026", "mine": "With Dad"}
)

// write sends a command as the owner's own program would.
func (w *world) write(c todoist.Command) {
	w.t.Helper()
	if result, err := w.client.Write(context.Background(), []todoist.Command{c}); err != nil || len(result.Refused) > 0 {
		w.t.Fatalf("%s: %v, %v", c.Type, err, result)
	}
}

// begin imports a game, of which everything is written.
func (f *fieldCase) begin(t *testing.T) *world {
	w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)))
	w.run(everything)
	if got := f.value(w); got != f.wrote {
		t.Fatalf("%s is %q, want %q", f.name, got, f.wrote)
	}
	return w
}

func (f *fieldCase) value(w *world) string { return f.is(w, w.taskOf(leagueID(1))) }

// want makes schedule and options want a value, and returns the query.
func (f *fieldCase) want(w *world, value string) string {
	if f.league == nil {
		return team + "&" + f.query + "=" + value
	}
	g := w.season.Games[0]
	f.league(&g, value)
	w.publish(g)
	return team
}

func (f *fieldCase) edits(w *world, value string) {
	w.now = w.now.Add(time.Minute)
	f.owner(w, w.taskOf(leagueID(1)), value)
}

// sends are the commands that were sent but for comments, each with the names of its arguments.
func (w *world) sends() (all []string) {
	for _, c := range w.sent {
		if c.Type != "note_add" {
			all = append(all, fmt.Sprintf("%s %v", c.Type, slices.Sorted(maps.Keys(c.Args))))
		}
	}
	return all
}

func TestAFieldThatOnlyTheScheduleOrTheOptionsChangedIsWrittenAlone(t *testing.T) {
	t.Parallel()
	for _, f := range fieldCases() {
		w := f.begin(t)
		w.run(f.want(w, f.wants))
		if got := f.value(w); got != f.wants {
			t.Errorf("%s is %q, want %q", f.name, got, f.wants)
		}
		if got := w.sends(); !slices.Equal(got, []string{f.sends}) {
			t.Errorf("%s: sent were %q, want %q", f.name, got, f.sends)
		}
	}
}

func TestAFieldThatOnlyItsOwnerChangedIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, f := range fieldCases() {
		w := f.begin(t)
		f.edits(w, f.mine)
		if out := w.run(team); out.Kept != 0 || w.writes != 0 || f.value(w) != f.mine {
			t.Errorf("%s: %d writes, %d told to be kept; it is %q, want %q", f.name, w.writes, out.Kept, f.value(w), f.mine)
		}
	}
}

func TestAFieldThatBothChangedStaysAndBothValuesAreTold(t *testing.T) {
	t.Parallel()
	for _, f := range fieldCases() {
		w := f.begin(t)
		f.edits(w, f.mine)
		query := f.want(w, f.wants)
		changes := w.plan(query).Changes()
		if len(changes) != 1 || changes[0].Kind != Keep || len(changes[0].Kept) != 1 || changes[0].Kept[0].Name() != f.name {
			t.Errorf("%s: the plan is %+v", f.name, changes[0])
			continue
		}
		old, new := changes[0].Kept[0].Values(func(d *todoist.Due) string { return d.Date })
		if old == new || old == "" || new == "" {
			t.Errorf("%s: it tells %q and %q", f.name, old, new)
		}
		if out := w.run(query); out.Kept != 1 || w.writes != 0 || f.value(w) != f.mine {
			t.Errorf("%s: %d writes, %d kept; it is %q, want %q", f.name, w.writes, out.Kept, f.value(w), f.mine)
		}
	}
}

func TestAFieldOnWhichBothAgreeIsTheSchedulesAgain(t *testing.T) {
	t.Parallel()
	for _, f := range fieldCases() {
		w := f.begin(t)
		f.edits(w, f.wants)
		w.run(f.want(w, f.wants))
		if w.writes != 0 {
			t.Errorf("%s: there are %d writes though both agree", f.name, w.writes)
		}
		w.run(f.want(w, f.later))
		if got := f.value(w); got != f.later {
			t.Errorf("%s is %q, want %q", f.name, got, f.later)
		}
	}
}

func TestAFieldThatItsOwnerChangedBackIsTheSchedulesAgain(t *testing.T) {
	t.Parallel()
	for _, f := range fieldCases() {
		w := f.begin(t)
		f.edits(w, f.mine)
		w.run(team)
		f.edits(w, f.wrote)
		w.run(f.want(w, f.wants))
		if got := f.value(w); got != f.wants {
			t.Errorf("%s is %q, want %q", f.name, got, f.wants)
		}
	}
}

func TestWhatItsOwnerAddedToADateStaysWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)))
	w.run(everything)
	task := w.taskOf(leagueID(1))
	w.fan.AddReminder(fake.Reminder{TaskID: task.ID, MinuteOffset: 10})
	w.fan.AddNote(task.ID, "Bring the scarf")
	w.run(team + "&reminder=30")
	if got := w.reminders(task.ID); !slices.Equal(got, []int{10, 30}) {
		t.Errorf("the reminders are %v", got)
	}
	// The owner shows the time of this one game in a zone of his own.
	w.edit(task.ID, func(t *fake.Task) { t.Due.Timezone = "Asia/Tokyo" })
	w.publish(game(1, "BOS", "NYK", evening(8)))
	w.run(team)
	if got := w.taskOf(leagueID(1)).Due; got.Date != written(evening(8)) || got.Timezone != "Asia/Tokyo" {
		t.Errorf("the date is %+v", got)
	}
	// A day of his own needs neither duration nor reminder.
	w.edit(task.ID, func(t *fake.Task) { t.Due, t.Duration = &fake.Due{Date: "2026-12-24"}, nil })
	w.publish(game(1, "BOS", "NYK", evening(9)))
	w.run(team + "&duration=120")
	if got := w.taskOf(leagueID(1)); got.Due.Date != "2026-12-24" || got.Duration != nil || w.writes != 0 {
		t.Errorf("%d writes; the date is %+v, %+v", w.writes, got.Due, got.Duration)
	}
}

func TestAPostponedGameComesBackWithAllThatItHad(t *testing.T) {
	t.Parallel()
	for _, ticked := range []bool{false, true} {
		one := game(1, "BOS", "NYK", evening(5))
		w := newWorld(t, fake.Pro, one)
		w.run(everything)
		before := w.looks()
		off := one
		off.Postponed = true
		w.publish(off)
		w.once(team)
		if got, want := w.looks(), `no date | Postponed: Celtics at Knicks | p2 [nba] 0min [] | November 2026 | "Arena 1, Springfield"`; len(got) != 1 || got[0] != want {
			t.Errorf("postponed it is %q, want %q", got, want)
		}
		if ticked {
			w.must(w.fan.CompleteTask(w.taskOf(one.ID).ID))
		}
		w.publish(one)
		w.run(team)
		if got := w.looks(); !slices.Equal(got, before) {
			t.Errorf("ticked off: %t; it came back as %q, want %q", ticked, got, before)
		}
	}
}
