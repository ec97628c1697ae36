package importer

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// twoGames is a season of two games of Boston's.
func twoGames() *schedule.Season {
	return seasonOf(midSeason, game(1, "BOS", "NYK", evening(2)), game(2, "BOS", "LAL", evening(4)))
}

func TestAGameThatWasCompletedIsDoneWhereverItsTaskIs(t *testing.T) {
	for name, elsewhere := range map[string]func(*world) string{
		"the Inbox":      func(w *world) string { return w.fan.InboxID() },
		"a new project":  func(w *world) string { return w.fan.AddProject(fake.Project{Name: "With Jo"}) },
		"its own, still": func(w *world) string { return w.onlyProject().ID },
	} {
		for _, query := range []string{"team=BOS", "team=BOS&team=NYK&target=each"} {
			t.Run(name+" "+query, func(t *testing.T) {
				w := newWorld(t, twoGames(), fake.Free)
				w.imports("team=BOS")
				task := w.taskOf("0022600001")
				if err := w.fan.MoveTask(task.ID, elsewhere(w), ""); err != nil {
					t.Fatal(err)
				}
				if err := w.fan.CompleteTask(task.ID); err != nil {
					t.Fatal(err)
				}
				w.season = seasonOf(midSeason.Add(time.Hour), append(w.season.Games, game(3, "MIA", "BOS", evening(6)))...)
				w.imports(query)
				for _, other := range w.tasks("") {
					if other.ID != task.ID && other.ProjectID != task.ProjectID && strings.Contains(other.Description, "game=0022600001.") &&
						strings.Contains(other.Description, "team=BOS") {
						t.Errorf("%q was made again", other.Content)
					}
				}
				w.taskOf("0022600003")
			})
		}
	}
}

// Todoist may repeat a refusal whenever it gets the same command again.
func TestWhatWasRefusedOnceIsHeardAgainLater(t *testing.T) {
	refusals := map[string]fake.Fault{
		"each task":    {Command: "item_add", CommandIndex: -1, Refuse: &fake.Error{Message: "No", Code: 1, Tag: "FORBIDDEN", HTTP: 403}},
		"each change":  {Command: "item_update", CommandIndex: -1, Refuse: &fake.Error{Message: "No", Code: 1, Tag: "FORBIDDEN", HTTP: 403}},
		"the project":  {Command: "project_add", CommandIndex: -1, Refuse: &fake.Error{Message: "No", Code: 1, Tag: "FORBIDDEN", HTTP: 403}},
		"one too many": {Command: "project_add", CommandIndex: -1, Refuse: &fake.Error{Message: "Full", Code: 49, Tag: "MAX_PROJECTS_LIMIT_REACHED", HTTP: 403}},
		"a full one":   {Command: "item_add", CommandIndex: -1, Refuse: &fake.Error{Message: "Full", Code: 49, Tag: "MAX_ITEMS_LIMIT_REACHED", HTTP: 403}},
		"the scope":    {Command: "item_add", CommandIndex: -1, Refuse: &fake.Error{Message: "No", Code: 403, Tag: "AUTH_INSUFFICIENT_TOKEN_SCOPE", HTTP: 403}},
	}
	for name, fault := range refusals {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, twoGames(), fake.Free)
			w.server.SetSwitches(fake.Switches{ReplayRepeatsErrors: true})
			if fault.Command == "item_update" {
				w.imports("team=BOS")
			}
			w.server.Fail(fault)
			const query = "team=BOS&labels=nba"
			for range 3 {
				w.wait(time.Minute)
				out, err := w.run(query)
				if err != nil || len(out.Failed) != 2 {
					t.Fatalf("with all of it refused, %d failed: %v", len(out.Failed), err)
				}
			}
			w.server.ClearFaults()
			w.wait(time.Minute)
			w.imports(query)
			w.silent(query)
			w.taskOf("0022600001")
			w.taskOf("0022600002")
			w.onlyProject()
		})
	}
}

// Two who try again at the same time, after the same refusal, still agree.
func TestTwoWhoAreRefusedAtOnceMakeNoDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, sw := range switches {
			if sw.UnresolvedToInbox {
				continue // then the Inbox has the tasks, and all are told so
			}
			w := newWorld(t, twoGames(), fake.Free)
			w.server.SetSwitches(sw)
			// The first try of each of them.
			w.server.Fail(fake.Fault{Command: "project_add", Times: 2, Refuse: &fake.Error{Message: "No", Code: 1, Tag: "FORBIDDEN", HTTP: 403}})
			w.twoAtOnce("team=BOS")
			w.wait(time.Minute)
			w.imports("team=BOS")
			w.onlyProject()
			w.taskOf("0022600001")
			w.taskOf("0022600002")
		}
	})
}

// Each time a project is removed and imported again, the uuids of all times
// before are spent.
func TestTwoWhoImportAtOnceWhatWasRemovedOftenMakeNoDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoGames(), fake.Free)
		for range 2 * maxRounds {
			w.imports("team=BOS")
			if _, err := w.im.Remove(t.Context(), w.client(), "fan-1", w.onlyProject().ID, true); err != nil {
				t.Fatal(err)
			}
			w.wait(time.Hour)
		}
		// Todoist takes its time, so that the two go side by side.
		w.server.Fail(fake.Fault{Path: "/sync", Delay: time.Second})
		w.twoAtOnce("team=BOS")
		w.server.ClearFaults()
		w.onlyProject()
		w.taskOf("0022600001")
		w.taskOf("0022600002")
	})
}

func TestAGameLeftOutIsNotAnotherOne(t *testing.T) {
	w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(2)), game(2, "BOS", "NYK", evening(9))), fake.Free)
	w.imports("team=BOS&skip=0022600001")
	if err := w.fan.DeleteTask(w.taskOf("0022600002").ID); err != nil {
		t.Fatal(err)
	}
	// The one left out is off the schedule; the other is wanted as before.
	w.season = seasonOf(midSeason.Add(time.Hour), game(2, "BOS", "NYK", evening(9)))
	w.imports("team=BOS&games=upcoming&skip=0022600001.BOS.NYK.20261122")
	w.taskOf("0022600002")
}

func TestRemindersAndCommentsOfTheOwnersStay(t *testing.T) {
	w := newWorld(t, twoGames(), fake.Pro)
	w.imports("team=BOS&reminder=60")
	task, stripped := w.taskOf("0022600001"), w.taskOf("0022600002")
	w.fan.AddReminder(fake.Reminder{TaskID: task.ID, MinuteOffset: 15})
	w.fan.AddNote(task.ID, "Bring the scarf")
	if err := w.fan.EditTask(stripped.ID, func(t *fake.Task) { t.Description = "Mine now" }); err != nil {
		t.Fatal(err)
	}
	w.fan.AddReminder(fake.Reminder{TaskID: stripped.ID, MinuteOffset: 10})
	reminders := func(task string) (minutes []int) {
		for _, r := range w.fan.Reminders(task) {
			if !r.Deleted {
				minutes = append(minutes, r.MinuteOffset)
			}
		}
		slices.Sort(minutes)
		return minutes
	}
	for query, want := range map[string][]int{"team=BOS&reminder=30": {15, 30}, "team=BOS&reminder=15": {15, 15}, "team=BOS&title=codes&reminder=60": {15, 60}} {
		w.imports(query)
		w.silent(query)
		if got := reminders(task.ID); !slices.Equal(got, want) {
			t.Errorf("after %s the task has the reminders %v, want %v", query, got, want)
		}
	}
	project := w.onlyProject().ID
	if _, err := w.im.Remove(t.Context(), w.client(), "fan-1", project, true); err != nil {
		t.Fatal(err)
	}
	if got := reminders(stripped.ID); !slices.Equal(got, []int{10, 60}) {
		t.Errorf("the task without a mark has the reminders %v after all", got)
	}
	for _, n := range w.fan.Notes() {
		if n.Deleted != (n.TaskID == task.ID) {
			t.Errorf("the comment %q is deleted: %t", n.Content, n.Deleted)
		}
	}
}

// A game below which its owner has completed tasks would take these along.
func TestWhatHoldsCompletedTasksOfTheOwnersIsNotTakenBack(t *testing.T) {
	w := newWorld(t, twoGames(), fake.Free)
	w.imports("team=BOS")
	project := w.onlyProject().ID
	for _, id := range []string{"0022600001", "0022600002"} {
		sub := w.fan.AddTask(fake.Task{ProjectID: project, ParentID: w.taskOf(id).ID, Content: "Buy tickets"})
		if err := w.fan.CompleteTask(sub); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.im.Remove(t.Context(), w.client(), "fan-1", project, false)
	if err != nil || r.Held != 2 || len(r.Tasks) != 0 || r.Others != 0 || r.Whole {
		t.Fatalf("%v, %+v", err, r)
	}
	if n := len(w.tasks(project)); n != 4 {
		t.Errorf("%d tasks are left, want 4", n)
	}
}

// twoAtOnce has two replicas import for the fan at the same time.
func (w *world) twoAtOnce(query string) {
	w.t.Helper()
	opts, done := w.opts(query), make(chan error)
	for range 2 {
		im := w.replica()
		go func() {
			_, err := im.Run(w.t.Context(), w.client(), "fan-1", opts, "", func(Progress) {})
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

// TestAGameMovedIntoAnotherProjectDoesNotMakeItItsOwn imports into a project to
// which the owner has moved a game from one that was taken by its name.
func TestAGameMovedIntoAnotherProjectDoesNotMakeItItsOwn(t *testing.T) {
	for _, taken := range []bool{true, false} {
		w := newWorld(t, twoGames(), fake.Free)
		mine := w.fan.AddProject(fake.Project{Name: "Mine"})
		w.wait(time.Minute)
		if taken {
			w.fan.AddProject(fake.Project{Name: "Boston Celtics 2026-27"})
		}
		w.wait(time.Hour)
		w.imports("team=BOS")
		if err := w.fan.MoveTask(w.taskOf("0022600001").ID, mine, ""); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Hour)
		query := "team=BOS&team=NYK&games=upcoming&priority=2&target=" + mine
		if out := w.imports(query); out.Plan.Parts[0].set != out.Left.Parts[0].set || len(w.tasks(mine)) != 2 {
			t.Errorf("taken %t: there are %d tasks, and the set changed from %s to %s", taken, len(w.tasks(mine)),
				out.Plan.Parts[0].set, out.Left.Parts[0].set)
		}
		w.silent(query)
		// Whose project it was before is no reason to take it back whole.
		for _, p := range w.projects() {
			if p.Name != "Boston Celtics 2026-27" {
				continue
			}
			r, err := w.im.Removal(t.Context(), w.client(), p.ID, false)
			if err != nil || r.Whole == taken {
				t.Errorf("taken %t: %v, the project would go: %t", taken, err, r.Whole)
			}
		}
	}
}

func TestAnUpdateKeepsTheOptionsOfOpenTasksWhateverIsCompleted(t *testing.T) {
	w := newWorld(t, twoGames(), fake.Free)
	inbox := w.fan.InboxID()
	w.imports("team=BOS&team=NYK&target=" + inbox)
	for _, task := range w.tasks(inbox) {
		if err := w.fan.CompleteTask(task.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.season = seasonOf(midSeason.Add(time.Hour), append(w.season.Games, game(3, "MIA", "BOS", evening(6)))...)
	w.imports("team=BOS&title=emoji&target=" + inbox)
	e, err := w.im.Project(t.Context(), w.client(), inbox)
	if err != nil || e.Plan.Pending() != 0 || e.Plan.Options.Title != TitleEmoji {
		t.Errorf("%v: %d changes with titles as %s, want none with %s", err, e.Plan.Pending(), e.Plan.Options.Title, TitleEmoji)
	}
}

func TestATaskWithoutItsMarkStandsForItsGameWhenAnotherGameMoves(t *testing.T) {
	w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(2)), game(2, "BOS", "NYK", evening(4))), fake.Free)
	w.imports("team=BOS")
	stripped, other := w.taskOf("0022600001"), w.taskOf("0022600002")
	if err := w.fan.EditTask(stripped.ID, func(t *fake.Task) { t.Description = "mine" }); err != nil {
		t.Fatal(err)
	}
	// The second game has a new day and a new id.
	w.season = seasonOf(midSeason.Add(time.Hour), game(1, "BOS", "NYK", evening(2)), game(3, "BOS", "NYK", evening(9)))
	w.imports("team=BOS")
	if got := w.taskOf("0022600003"); got.ID != other.ID || len(w.tasks("")) != 2 {
		t.Errorf("the game that moved has the task %s of %d, want %s of 2", got.ID, len(w.tasks("")), other.ID)
	}
	w.silent("team=BOS")
}
