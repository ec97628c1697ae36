package importer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// note is a text as long as a description may be, less a mark.
var note = strings.Repeat("The arena opens two hours before. ", 470)

// marked is a description of this user's import of the Celtics, below a note.
func marked(n int, note string) string {
	return describe(note, "https://www.nba.com/game/1", mark{game: refOf(new(game(n, "BOS", "NYK", evening(1)))), set: "s",
		written: midSeason, asOf: midSeason, prints: new(task).prints(), options: map[string][]string{"team": {"BOS"}}})
}

func TestOnlyWhatAPlanLooksAtIsHeldOfAnAccount(t *testing.T) {
	w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(1))), fake.Pro)
	project := w.fan.AddProject(fake.Project{Name: "Games"})
	add := func(title, description string) string {
		return w.fan.AddTask(fake.Task{ProjectID: project, Content: title, Description: description})
	}
	ours, done := add("Celtics at Knicks", marked(1, note)), add("Celtics at Knicks", marked(1, note))
	theirs, other := add("Celtics at Knicks", note), add("Buy milk", note)
	if err := w.fan.CompleteTask(done); err != nil {
		t.Fatal(err)
	}
	for query, ids := range map[string][]string{"team=BOS": {ours, theirs}, "team=BOS&target=" + project: {ours, theirs, other}} {
		a, err := w.im.read(t.Context(), w.client(), w.opts(query))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.readCompleted(t.Context(), w.client(), ""); err != nil {
			t.Fatal(err)
		}
		if len(a.tasks) != len(ids) || len(a.completed) != 1 {
			t.Errorf("%s: %d open and %d completed tasks are held, want %d and 1", query, len(a.tasks), len(a.completed), len(ids))
		}
		for _, id := range ids {
			e := a.tasks[id]
			if want := map[bool]string{true: marked(1, note)}[id == ours]; e == nil || e.Description != want || len(e.text) > maxText+len("…") {
				t.Errorf("%s: of task %s this is held: %.200v", query, id, e)
			}
		}
		if e := a.completed[done]; e == nil || !e.marked || e.text != "" {
			t.Errorf("%s: of the completed task this is held: %.200v", query, e)
		}
	}
}

// The owner's words stay where an update writes, however many they are.
func TestALongNoteStaysInATaskThatIsBroughtUpToDate(t *testing.T) {
	g := game(1, "BOS", "NYK", evening(1))
	w := newWorld(t, seasonOf(midSeason, g), fake.Pro)
	w.imports("team=BOS")
	made := w.taskOf(g.ID)
	if err := w.fan.EditTask(made.ID, func(t *fake.Task) { t.Description = note[:15000] + t.Description }); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Hour)
	g.Tip = g.Tip.Add(time.Hour)
	w.season = seasonOf(midSeason.Add(time.Hour), g)
	w.imports("team=BOS")
	if moved := w.taskOf(g.ID); moved.Due.Date == made.Due.Date || !strings.HasPrefix(moved.Description, note[:15000]) {
		t.Errorf("the task is due %s and says %.100q", moved.Due.Date, moved.Description)
	}
}

func TestAnAccountThatHoldsTooMuchIsReadOnceAndNotToItsEnd(t *testing.T) {
	for name, description := range map[string]func(int) string{
		"long notes": func(i int) string { return marked(i, note) },
		"many options": func(i int) string {
			var b strings.Builder
			for n := range 2500 {
				fmt.Fprintf(&b, "&%d", n)
			}
			return strings.Replace(marked(i, ""), "&team=BOS", "&team=BOS"+b.String(), 1)
		},
		"one option many times": func(i int) string {
			return strings.Replace(marked(i, ""), "&team=BOS", "&team=BOS"+strings.Repeat("&skip=", 2500), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(1))), fake.Pro)
			for i := range maxSize/entryOf(&todoist.Task{Description: description(1)}).size() + 1 {
				w.fan.AddTask(fake.Task{ProjectID: w.fan.InboxID(), Content: "Celtics at Knicks", Description: description(i)})
			}
			_, err := w.im.Plan(t.Context(), w.client(), w.opts("team=BOS"))
			if n := len(w.server.Requests()); !errors.Is(err, todoist.ErrTooLarge) || n != 1 {
				t.Errorf("got %v after %d requests", err, n)
			}
		})
	}
}
