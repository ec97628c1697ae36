package importer

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

func TestANewImportTakesOneReadAndTwoWrites(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"team=BOS", "team=BOS&sections=month&duration=150&view=calendar"} {
		w := newWorld(t, fake.Pro)
		w.season = schedule.Embedded()
		out := w.run(query)
		if w.reads != 1 || w.writes != 2 || out.Added != 65 || len(w.tasks()) != 65 {
			t.Errorf("%s: %d reads and %d writes; %d tasks were added, there are %d", query, w.reads, w.writes, out.Added, len(w.tasks()))
		}
		if w.run("team=BOS"); w.reads != 2 || w.writes != 0 {
			t.Errorf("%s: nothing changed, and it takes %d reads and %d writes", query, w.reads, w.writes)
		}
	}
}

func TestAnUpdateTakesTwoReadsAndOneWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(7)), game(3, "BOS", "MIA", evening(9)))
	w.run("team=BOS")
	off := game(3, "BOS", "MIA", evening(9))
	off.Postponed = true
	w.publish(game(1, "BOS", "NYK", evening(6)), game(2, "DEN", "BOS", evening(7)), off, game(4, "BOS", "LAL", evening(11)))
	out := w.run("team=BOS")
	if w.reads != 2 || w.writes != 1 || out.Added != 1 || out.Updated != 2 {
		t.Errorf("%d reads and %d writes; %d added, %d updated", w.reads, w.writes, out.Added, out.Updated)
	}
}

func TestAnImportAfterARemovalTakesAsMuchAsTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(7)))
	for range 3 {
		w.run("team=BOS&sections=month")
		if w.reads != 1 || w.writes != 2 || len(w.projects()) != 1 {
			t.Errorf("%d reads and %d writes; there are %d projects", w.reads, w.writes, len(w.projects()))
		}
		if _, err := w.im.Remove(context.Background(), w.client, w.user, w.only().ID, false); err != nil {
			t.Fatal(err)
		}
		if len(w.tasks()) != 0 || len(w.projects()) != 0 {
			t.Errorf("%d tasks and %d projects are left", len(w.tasks()), len(w.projects()))
		}
	}
}

func TestAViewOfAProjectTakesTwoRequestsWhateverTheAccountHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(7)), game(3, "BOS", "MIA", evening(9)))
	w.run("team=BOS")
	project := w.only().Project
	for i := range 14_000 {
		if i%250 == 0 {
			project = w.fan.AddProject(fake.Project{Name: fmt.Sprint("Mine ", i)})
		}
		id := w.fan.AddTask(fake.Task{ProjectID: project, Content: fmt.Sprint("Mine ", i), ChildOrder: i + 1})
		if i < 4_000 {
			w.must(w.fan.CompleteTask(id))
		}
	}
	w.must(w.fan.DeleteTask(w.taskOf(leagueID(2)).ID))
	w.must(w.fan.CompleteTask(w.taskOf(leagueID(3)).ID))
	view := func(want int) *Existing {
		w.forget()
		e, err := w.im.Project(context.Background(), w.client, w.user, w.only().ID)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(w.server.Requests()); n != want {
			t.Errorf("it takes %d requests, want %d: %+v", n, want, w.server.Requests())
		}
		return e
	}
	if e := view(2); e.Plan.Pending() != 0 || e.Left != 3 {
		t.Errorf("%d changes wait, %d are left", e.Plan.Pending(), e.Left)
	}
	w.publish(game(1, "BOS", "NYK", evening(6)), game(2, "DEN", "BOS", evening(8)), game(3, "BOS", "MIA", evening(10)))
	view(2) // also where tasks that are gone would change
	w.run("team=BOS")
	if e := view(2); e.Plan.Pending() != 0 || e.Left != 1 {
		t.Errorf("after an update %d changes wait, %d are left", e.Plan.Pending(), e.Left)
	}
	w.forget()
	if all, err := w.im.Mine(context.Background(), w.client, w.user); err != nil || len(all) != 1 || len(w.server.Requests()) != 1 {
		t.Errorf("the list has %d imports after %d requests, %v", len(all), len(w.server.Requests()), err)
	}
}

// everyGame is a season of 82 games of the Celtics.
func everyGame() (games []schedule.Game) {
	teams := schedule.Teams()
	for i := range 82 {
		opponent := teams[i%len(teams)].Code
		if opponent == "BOS" {
			opponent = "NYK"
		}
		games = append(games, game(i+1, "BOS", opponent, evening(i+1)))
	}
	return games
}

func TestRequestsHoldAtMostAHundredCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, everyGame()...)
	check := func(what string, writes int) {
		t.Helper()
		for _, r := range w.server.Requests() {
			if len(r.Commands) > todoist.MaxCommands {
				t.Errorf("%s: a request has %d commands", what, len(r.Commands))
			}
		}
		if w.writes != writes {
			t.Errorf("%s takes %d writes, want %d", what, w.writes, writes)
		}
	}
	w.run("team=BOS&reminder=60")
	check("the import", 3) // the project; 164 commands
	if n := len(w.looks()); n != 82 {
		t.Errorf("there are %d tasks", n)
	}
	w.run("team=BOS&sections=month&reminder=30&title=codes")
	check("the update", 4) // the sections; 246 commands
	for _, look := range w.looks() {
		if !strings.Contains(look, "BOS @ ") || !strings.Contains(look, "[30]") || strings.Contains(look, "|  |") {
			t.Errorf("a task is %s", look)
		}
	}
}

func TestProgressOnlyGoesForward(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, everyGame()...)
	opts, id := w.options("team=BOS&reminder=60")
	var seen []Progress
	if _, err := w.im.Run(context.Background(), w.client, w.user, id, opts, "", func(p Progress) { seen = append(seen, p) }); err != nil {
		t.Fatal(err)
	}
	for i, p := range seen[1:] {
		if p.Done < seen[i].Done || p.Total != 82 || p.Message == "" {
			t.Errorf("progress went from %+v to %+v", seen[i], p)
		}
	}
	if last := seen[len(seen)-1]; last.Done != 82 {
		t.Errorf("the last progress is %+v", last)
	}
}

// switches are the ways in which Todoist may answer where its documentation is silent.
var switches = []fake.Switches{{}, {ReplayRepeatsMapping: true}, {ReplayRepeatsErrors: true}, {ReplayRepeatsMapping: true, ReplayRepeatsErrors: true}}

func TestWhatWasSentBeforeACrashIsKnownAfterwardsUnderAnotherID(t *testing.T) {
	t.Parallel()
	for _, sw := range switches {
		for write := 1; write <= 2; write++ {
			w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(7)))
			w.server.SetSwitches(sw)
			w.server.Fail(fake.Fault{Match: fake.Request.Writes, Nth: write, AfterApply: true, Drop: true})
			if _, err := w.try("team=BOS&sections=month&reminder=60"); err == nil {
				t.Fatal("the import goes well without answers")
			}
			w.server.ClearFaults()
			w.im = New(w.im.Season, w.im.Rows, w.im.Now, w.im.Log) // another process
			one, two := game(1, "BOS", "NYK", evening(6)), game(2, "DEN", "BOS", evening(7))
			one.ID, two.ID = "401900001", "401900002"
			w.publish(one, two)
			w.run("team=BOS&sections=month&reminder=60")
			want := []string{
				written(evening(6)) + ` America/New_York | Celtics at Knicks | p4 [] 0min [60] | November 2026 | "Arena 1, Springfield"`,
				written(evening(7)) + ` America/New_York | Celtics vs Nuggets | p4 [] 0min [60] | November 2026 | "Arena 2, Springfield"`,
			}
			if got := w.looks(); !slices.Equal(got, want) || len(w.projects()) != 1 {
				t.Errorf("%+v, write %d: there are %d projects with %q", sw, write, len(w.projects()), got)
			}
		}
	}
}

func TestALostAnswerIsNoLossWhicheverItWas(t *testing.T) {
	t.Parallel()
	for _, sw := range switches {
		for write := 1; write <= 2; write++ {
			w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(40)))
			w.server.SetSwitches(sw)
			w.server.Fail(fake.Fault{Match: fake.Request.Writes, Nth: write, Times: 1, Cut: true})
			w.run("team=BOS&sections=month&reminder=60")
			want := []string{
				written(evening(5)) + ` America/New_York | Celtics at Knicks | p4 [] 0min [60] | November 2026 | "Arena 1, Springfield"`,
				written(evening(40)) + ` America/New_York | Celtics vs Nuggets | p4 [] 0min [60] | December 2026 | "Arena 2, Springfield"`,
			}
			if got := w.looks(); !slices.Equal(got, want) || len(w.projects()) != 1 {
				t.Errorf("%+v, write %d: there are %d projects with %q", sw, write, len(w.projects()), got)
			}
		}
	}
}

// An answer is lost, and then the same request is refused for a while. It was carried out
// all the same, so that what comes next must not pass for it.
func TestARefusalForNowSaysNothingOfALostAnswer(t *testing.T) {
	t.Parallel()
	for _, sw := range switches {
		for name, between := range map[string]fake.Fault{
			"in the same call": {Match: fake.Request.Writes, Nth: 2, Status: 403},
			"a pause":          {Match: fake.Request.Writes, Nth: 5, Status: 429, RetryAfter: 600},
			"another token":    {Match: fake.Request.Writes, Nth: 5, Status: 401},
		} {
			w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(7)))
			w.server.SetSwitches(sw)
			w.run("team=BOS")
			w.publish(game(1, "BOS", "NYK", evening(6)), game(2, "DEN", "BOS", evening(7)), game(3, "BOS", "MIA", evening(9)))
			w.server.Fail(fake.Fault{Match: fake.Request.Writes, Times: between.Nth - 1, AfterApply: true, Drop: true})
			w.server.Fail(between)
			for range 2 {
				if _, err := w.try("team=BOS"); err == nil {
					t.Fatal("the update goes well without answers")
				}
			}
			w.server.ClearFaults()
			w.publish(game(1, "BOS", "NYK", evening(8)), game(2, "DEN", "BOS", evening(7)), game(3, "BOS", "MIA", evening(11)))
			w.run("team=BOS")
			want := []string{
				written(evening(11)) + ` America/New_York | Celtics at Heat | p4 [] 0min [] |  | "Arena 3, Springfield"`,
				written(evening(7)) + ` America/New_York | Celtics vs Nuggets | p4 [] 0min [] |  | "Arena 2, Springfield"`,
				written(evening(8)) + ` America/New_York | Celtics at Knicks | p4 [] 0min [] |  | "Arena 1, Springfield"`,
			}
			slices.Sort(want)
			if got := w.looks(); !slices.Equal(got, want) {
				t.Errorf("%s, %+v: the tasks are %q", name, sw, got)
			}
		}
	}
}

func TestWhatIsRefusedForNowIsMadeLater(t *testing.T) {
	t.Parallel()
	busy := &fake.Error{Message: "Internal Server Error", Code: 500, Tag: "INTERNAL_ERROR", HTTP: 500}
	for _, command := range []string{"section_add", "item_move", "reminder_add"} {
		w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)))
		w.run("team=BOS&sections=month")
		w.publish(game(1, "BOS", "NYK", evening(40)), game(2, "DEN", "BOS", evening(70)))
		w.server.Fail(fake.Fault{Command: command, Refuse: busy, CommandIndex: -1, Times: 1})
		facts := w.only().Facts
		if _, err := w.try("team=BOS&sections=month&reminder=60"); err != nil {
			t.Fatal(err)
		}
		if w.only().Facts != facts {
			t.Errorf("%s: the import counts as right", command) // so that nothing would try it again by itself
		}
		w.server.ClearFaults()
		w.run("team=BOS&sections=month&reminder=60")
		want := []string{
			written(evening(40)) + ` America/New_York | Celtics at Knicks | p4 [] 0min [60] | December 2026 | "Arena 1, Springfield"`,
			written(evening(70)) + ` America/New_York | Celtics vs Nuggets | p4 [] 0min [60] | January 2027 | "Arena 2, Springfield"`,
		}
		if got := w.looks(); !slices.Equal(got, want) {
			t.Errorf("%s: the tasks are %q", command, got)
		}
	}
}

func TestAProjectWhoseIDIsLostIsNotAnotherImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)))
	w.run("team=BOS")
	w.server.Fail(fake.Fault{Command: "project_add", AfterApply: true, Drop: true})
	opts, _ := w.options("team=BOS&target=new")
	id := NewID()
	another := func() error {
		_, err := w.im.Run(context.Background(), w.client, w.user, id, opts, "", func(Progress) {})
		return err
	}
	if err := another(); err == nil {
		t.Fatal("the import goes well without answers")
	}
	w.server.ClearFaults()
	w.must(another())
	all, err := w.im.Rows.Of(context.Background(), w.user)
	if err != nil || len(all) != 2 || all[0].Project == all[1].Project || len(w.projects()) != 2 || len(w.tasks()) != 2 {
		t.Errorf("there are %d imports, %d projects and %d tasks, %v; want 2 each", len(all), len(w.projects()), len(w.tasks()), err)
	}
}

func TestAMoveThatHasToBeWrittenAgainIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)))
	w.run("team=BOS")
	refusal := &fake.Error{Message: "No", HTTP: http.StatusBadRequest, Extra: map[string]any{}}
	w.server.Fail(fake.Fault{Command: "item_update", Refuse: refusal, Times: 1})
	w.publish(game(1, "BOS", "NYK", evening(6)))
	if out, err := w.try("team=BOS"); err != nil || len(out.Failed) != 1 {
		t.Fatalf("the refusal is not reported: %+v, %v", out, err)
	}
	w.run("team=BOS")
	if n := len(w.fan.Notes()); n != 1 {
		t.Errorf("the move is told %d times", n)
	}
	w.publish(game(1, "BOS", "NYK", evening(5)))
	w.run("team=BOS")
	w.publish(game(1, "BOS", "NYK", evening(6)))
	w.run("team=BOS")
	if n := len(w.fan.Notes()); n != 3 {
		t.Errorf("after two moves more there are %d comments", n)
	}
}
