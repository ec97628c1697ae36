package importer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// claimed is an import of the Celtics that updates itself, and that was claimed after the
// league moved its game from the fifth day to the sixth.
func claimed(t *testing.T) (w *world, row *imports.Import) {
	t.Helper()
	two := game(2, "DEN", "BOS", evening(40))
	w = newWorld(t, fake.Pro, game(1, "BOS", "NYK", evening(5)), two)
	w.run("team=BOS&auto=on")
	w.now = w.now.Add(time.Minute)
	w.publish(game(1, "BOS", "NYK", evening(6)), two)
	for _, g := range value(w.im.Rows.Groups(t.Context(), "2026-27"))(t) {
		value(w.im.Rows.MarkDue(t.Context(), "2026-27", g, w.im.Facts([]string{"BOS"}, g.Played), func() time.Time { return w.now }))(t)
	}
	due := value(w.im.ClaimDue(t.Context(), 8))(t)
	if len(due) != 1 {
		t.Fatalf("%d imports are due, want 1", len(due))
	}
	w.forget()
	return w, due[0]
}

func value[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// update updates a claimed import.
func (w *world) update(row *imports.Import) error {
	_, err := w.im.Update(context.Background(), w.client, row, func(row *imports.Import, err error) {
		if err != nil {
			row.Due = time.Time{}
		}
	})
	return err
}

func TestAClaimedImportIsUpdatedByOneReadAndOneWrite(t *testing.T) {
	w, row := claimed(t)
	w.must(w.update(row))
	if reads, writes := w.requests(); reads != 1 || writes != 1 {
		t.Errorf("%d reads and %d writes, want 1 and 1", reads, writes)
	}
	if got := w.taskOf(leagueID(1)).Due.Date; got != written(evening(6)) {
		t.Errorf("the task is due %s", got)
	}
	if row := w.only(); !row.Due.IsZero() || row.Facts != w.im.Facts([]string{"BOS"}, false) {
		t.Errorf("the import is still due: %+v", row)
	}
}

func TestFactsAreWhoPlaysWhenAndWhether(t *testing.T) {
	now := evening(6)
	facts := func(played bool, change func(*schedule.Game)) string {
		one := game(1, "BOS", "NYK", evening(5))
		change(&one)
		season := &schedule.Season{Label: "2026-27", Games: []schedule.Game{one, game(2, "DEN", "BOS", evening(40)), game(3, "LAL", "UTA", evening(9))}}
		return facts(season, now, []string{"BOS"}, played)
	}
	as := facts(false, func(*schedule.Game) {})
	for name, change := range map[string]func(*schedule.Game){
		"the time":            func(g *schedule.Game) { g.Tip = g.Tip.Add(time.Minute) },
		"no time":             func(g *schedule.Game) { g.Tip = time.Time{} },
		"the day":             func(g *schedule.Game) { g.Day = "2026-12-24" },
		"the sides' swap":     func(g *schedule.Game) { g.Home, g.Away = g.Away, g.Home },
		"another side":        func(g *schedule.Game) { g.Home = side("MIA") },
		"it is off":           func(g *schedule.Game) { g.Postponed = true },
		"it may not be":       func(g *schedule.Game) { g.IfNecessary = true },
		"it is not ours":      func(g *schedule.Game) { g.Away = side("LAC") },
		"it is not decided":   func(g *schedule.Game) { g.Home = schedule.Side{} },
		"it is an exhibition": func(g *schedule.Game) { g.Type = schedule.AllStar },
	} {
		if facts(false, change) == as {
			t.Errorf("%s is no fact", name)
		}
	}
	for name, change := range map[string]func(*schedule.Game){
		"the arena": func(g *schedule.Game) { g.Arena, g.City, g.State = "Garden", "Boston", "MA" },
		"television": func(g *schedule.Game) {
			g.National, g.HomeTV, g.AwayTV = []string{"NBC"}, []string{"YES"}, []string{"NBCS"}
		},
		"the label":  func(g *schedule.Game) { g.Label, g.SubLabel, g.Series = "NBA Cup", "East Group A", "Game 4" },
		"the id":     func(g *schedule.Game) { g.ID = "401909999" },
		"its course": func(g *schedule.Game) { g.Status = schedule.Final },
	} {
		if facts(false, change) != as {
			t.Errorf("%s is a fact", name)
		}
	}
	if is := facts(true, func(*schedule.Game) {}); is == as {
		t.Error("that a game is over is no fact for who wants it ticked off")
	} else if facts(true, func(g *schedule.Game) { g.Status = schedule.InProgress }) == is {
		t.Error("a game that goes on is over")
	}
}

func TestTheButtonsOptionsStayThoughAnUpdateWasClaimedBefore(t *testing.T) {
	w, row := claimed(t)
	w.run("team=BOS&auto=on&priority=1&played=complete")
	options := w.only().Options
	w.forget()
	if err := w.update(row); !errors.Is(err, ErrLost) {
		t.Errorf("Update = %v, want that there is nothing left to do", err)
	}
	if got := w.only(); got.Options != options || !got.Played {
		t.Errorf("the options are %s, want %s", got.Options, options)
	}
	if reads, writes := w.requests(); reads+writes != 0 {
		t.Errorf("%d reads and %d writes, want none", reads, writes)
	}
}

func TestAnImportThatEndedAfterItWasClaimedIsNotMadeAgain(t *testing.T) {
	w, row := claimed(t)
	w.must(w.im.Rows.End(t.Context(), row)) // and its project stays
	for _, task := range w.tasks() {
		w.must(w.fan.DeleteTask(task.ID))
	}
	if err := w.update(row); !errors.Is(err, ErrGone) {
		t.Errorf("Update = %v, want that the import is gone", err)
	}
	if all := value(w.im.Rows.Of(t.Context(), w.user))(t); len(all) != 0 {
		t.Errorf("the import is there again: %+v", all[0])
	}
	if reads, writes := w.requests(); reads+writes+len(w.tasks()) != 0 {
		t.Errorf("%d reads and %d writes, want none", reads, writes)
	}
}

func TestAnImportThatWasSwitchedOffAfterItWasClaimedIsLeftAlone(t *testing.T) {
	w, row := claimed(t)
	w.must(w.im.Rows.SetAuto(t.Context(), w.user, row.ID, false))
	if err := w.update(row); !errors.Is(err, ErrLost) {
		t.Errorf("Update = %v, want that there is nothing to do", err)
	}
	if reads, writes := w.requests(); reads+writes != 0 {
		t.Errorf("%d reads and %d writes, want none", reads, writes)
	}
}

func TestTasksThatAreNotKnownAreNotTakenOverUnseen(t *testing.T) {
	w, row := claimed(t)
	known := w.only()
	w.must(w.im.Rows.Save(t.Context(), known, w.im.name, w.now.Add(time.Minute), imports.Saving{Drop: slices.Collect(maps.Keys(known.Tasks))}))
	if err := w.update(row); !errors.Is(err, ErrLookFirst) {
		t.Errorf("Update = %v, want that its owner looks first", err)
	}
	if _, writes := w.requests(); writes != 0 {
		t.Errorf("%d writes, want none", writes)
	}
}

func TestAChangeDuringAnUpdateIsFollowedByAnother(t *testing.T) {
	w, row := claimed(t)
	w.server.Fail(fake.Fault{Command: "item_update", Times: 1, Status: 502, Match: func(fake.Request) bool {
		w.publish(game(1, "BOS", "NYK", evening(7)), game(2, "DEN", "BOS", evening(40)))
		return true
	}})
	for _, want := range []time.Time{evening(6), evening(7)} {
		w.must(w.update(row))
		if got := w.taskOf(leagueID(1)).Due.Date; got != written(want) {
			t.Errorf("the task is due %s, want %s", got, written(want))
		}
		due := value(w.im.ClaimDue(t.Context(), 8))(t)
		if len(due) > 0 != (want == evening(6)) {
			t.Fatalf("%d imports are due", len(due))
		}
	}
}
