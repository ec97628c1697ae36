package importer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tipoff/imports"
	"tipoff/todoist/fake"
)

// This is the table by which the importer decides: what a row says of a game,
// where its task is and what the schedule says, and the one action that follows.

// A situation is a row of the first table. Game 1, Celtics at Knicks, is the one that it
// is about; game 2 is there so that an import is never empty.
type situation struct {
	row      string // none, there, postponed, done, deleted, left out
	task     string // "" where there is none; open, elsewhere, ticked off, deleted
	schedule string // see league
	query    string // options besides the team
	action   action
	after    imports.TaskState // the row's state after the update
	shows    string            // the task's date and title, where it is open
}

type action string

const (
	nothing  action = "nothing"
	add      action = "add"
	update   action = "update"
	postpone action = "postpone"
	tickOff  action = "tick off"
	reopen   action = "reopen"
)

const team = "team=BOS"

var (
	asSet   = written(evening(5)) + " Celtics at Knicks"
	moved   = written(evening(8)) + " Celtics at Knicks"
	early   = written(evening(3)) + " Celtics at Knicks"
	waiting = "no date Postponed: Celtics at Knicks"
)

func situations() []situation {
	return []situation{
		{"none", "", "as it was", "", add, imports.There, asSet},
		{"none", "", "without a time", "", add, imports.There, "2026-11-25 Celtics at Knicks"},
		{"none", "", "without a time", "&tbd=skip", nothing, "", ""},
		{"none", "", "over", "", nothing, "", ""},
		{"none", "", "over", "&games=all", add, imports.There, asSet},
		{"none", "", "postponed", "", nothing, "", ""},
		{"none", "", "postponed", "&games=all", nothing, "", ""},
		{"none", "", "gone", "", nothing, "", ""},
		{"none", "", "not wanted", "", nothing, "", ""},
		{"none", "", "next season", "", nothing, "", ""},

		{"left out", "", "as it was", "", nothing, imports.LeftOut, ""},
		{"left out", "", "moved", "", nothing, imports.LeftOut, ""},
		{"left out", "", "under another id", "", nothing, imports.LeftOut, ""},
		{"left out", "", "moved, under another id", "", nothing, imports.LeftOut, ""},
		{"left out", "", "postponed", "", nothing, imports.LeftOut, ""},
		{"left out", "", "gone", "", nothing, imports.LeftOut, ""},
		{"left out", "", "over", "&games=all", nothing, imports.LeftOut, ""},
		{"left out", "", "not wanted", "", nothing, imports.LeftOut, ""},
		{"deleted", "", "as it was", "", nothing, imports.Deleted, ""},
		{"deleted", "", "moved", "", nothing, imports.Deleted, ""},
		{"deleted", "", "under another id", "", nothing, imports.Deleted, ""},
		{"deleted", "", "moved, under another id", "", nothing, imports.Deleted, ""},
		{"deleted", "", "postponed", "", nothing, imports.Deleted, ""},
		{"deleted", "", "gone", "", nothing, imports.Deleted, ""},
		{"deleted", "", "over", "&games=all", nothing, imports.Deleted, ""},
		{"deleted", "opened again", "moved", "", update, imports.There, moved},
		{"deleted", "opened again", "moved", "&again=0022600001", update, imports.There, moved},
		{"deleted", "opened again", "gone", "", postpone, imports.Postponed, waiting},
		{"deleted", "opened again elsewhere", "moved", "&again=0022600001", update, imports.There, moved},
		{"done", "", "gone", "", nothing, imports.Done, ""},
		{"done", "", "as it was", "", nothing, imports.Done, ""},

		{"there", "open", "as it was", "", nothing, imports.There, asSet},
		{"there", "open", "moved", "", update, imports.There, moved},
		{"there", "open", "without a time", "", update, imports.There, "2026-11-25 Celtics at Knicks"},
		{"there", "open", "under another id", "", nothing, imports.There, asSet},
		{"there", "open", "moved, under another id", "", update, imports.There, moved},
		{"there", "open", "postponed", "", postpone, imports.Postponed, waiting},
		{"there", "open", "gone", "", postpone, imports.Postponed, waiting},
		{"if necessary", "open", "gone", "", tickOff, imports.Done, ""},
		{"there", "open", "over", "", nothing, imports.There, asSet},
		{"there", "open", "moved and over", "", update, imports.There, early},
		{"there", "open", "not wanted", "", nothing, imports.There, asSet},
		{"there", "open", "next season", "", nothing, imports.There, asSet},
		{"there", "elsewhere", "as it was", "", nothing, imports.There, asSet},
		{"there", "elsewhere", "moved", "", update, imports.There, moved},
		{"there", "elsewhere", "postponed", "", postpone, imports.Postponed, waiting},
		{"there", "elsewhere", "gone", "", postpone, imports.Postponed, waiting},
		{"there", "ticked off", "as it was", "", nothing, imports.There, ""},
		{"there", "ticked off", "moved", "", nothing, imports.Deleted, ""},
		{"there", "ticked off", "moved and over", "", nothing, imports.Deleted, ""},
		{"there", "ticked off", "postponed", "", nothing, imports.Deleted, ""},
		{"there", "ticked off", "gone", "", nothing, imports.Deleted, ""},
		{"there", "deleted", "as it was", "", nothing, imports.There, ""},
		{"there", "deleted", "moved", "", nothing, imports.Deleted, ""},

		{"postponed", "open", "postponed", "", nothing, imports.Postponed, waiting},
		{"postponed", "open", "gone", "", nothing, imports.Postponed, waiting},
		{"postponed", "open", "postponed, at another place", "", update, imports.Postponed, waiting},
		{"postponed", "open", "as it was", "", update, imports.There, asSet},
		{"postponed", "open", "moved", "", update, imports.There, moved},
		{"postponed", "open", "moved, under another id", "", update, imports.There, moved},
		{"postponed", "open", "moved and over", "", update, imports.There, early},
		{"postponed", "open", "next season", "", nothing, imports.Postponed, waiting},
		{"postponed", "edited", "moved", "", nothing, imports.There, "2027-05-01 Mine"},
		{"postponed", "elsewhere", "moved", "", update, imports.There, moved},
		{"postponed", "ticked off", "postponed", "", nothing, imports.Postponed, ""},
		{"postponed", "ticked off", "postponed, at another place", "", nothing, imports.Postponed, ""},
		{"postponed", "ticked off", "moved", "", reopen, imports.There, moved},
		{"postponed", "ticked off", "moved and over", "", nothing, imports.Deleted, ""},
		{"postponed", "deleted", "moved", "", nothing, imports.Deleted, ""},
	}
}

func TestEachSituationHasItsAction(t *testing.T) {
	t.Parallel()
	for _, s := range situations() {
		t.Run(fmt.Sprintf("%s, %s, %s%s", s.row, s.task, s.schedule, s.query), func(t *testing.T) {
			t.Parallel()
			w, task := s.begin(t)
			query := team + s.query
			switch s.schedule {
			case "not wanted":
				query += "&venue=home"
			case "next season":
				query += "&import=" + w.only().ID
			}
			got, id := nothing, s.league(w)
			for _, c := range w.plan(query).Changes() {
				if c.Game.ID == id && c.Pending() {
					got = map[Kind]action{Add: add, Update: update, Postpone: postpone, Cancel: tickOff}[c.Kind]
					if c.reopen {
						got = reopen
					}
				}
			}
			if s.row == "postponed" && s.task == "deleted" {
				// That there is no such task is only known once it should be reopened.
				if out, err := w.try(team); err != nil || got != reopen || len(out.Failed) != 1 {
					t.Fatalf("%v: %s, %+v", err, got, out)
				}
				got = nothing
			}
			if got != s.action {
				t.Errorf("the plan is to %s, want %s", got, s.action)
			}
			w.run(query)
			if w.writes > 0 != (s.action != nothing) || s.schedule == "as it was" && s.action == nothing && w.reads != 2 {
				t.Errorf("it takes %d reads and %d writes", w.reads, w.writes)
			}
			s.check(t, w, task, id)
		})
	}
}

// check looks at the row and the task afterwards.
func (s *situation) check(t *testing.T, w *world, task, id string) {
	row := w.only().Tasks[id]
	if row == nil {
		row = &imports.Task{}
	}
	if row.State != s.after {
		t.Errorf("the row is %q, want %q", row.State, s.after)
	}
	shows, n := "", 0
	for _, found := range w.tasks() {
		if strings.Contains(found.Content, "Nuggets") || found.Checked {
			continue
		}
		n++
		shows = "no date " + found.Content
		if found.Due != nil {
			shows = found.Due.Date + " " + found.Content
		}
		if task != "" && found.ID != task {
			t.Errorf("the task is another one")
		}
		if elsewhere := found.ProjectID == w.fan.InboxID(); elsewhere != strings.HasSuffix(s.task, "elsewhere") {
			t.Errorf("the task is in its owner's Inbox: %t", elsewhere)
		}
	}
	if shows != s.shows || n > 1 {
		t.Errorf("%d tasks are open, the last one is %q; want %q", n, shows, s.shows)
	}
}

// begin brings about the row and the task of a situation. It returns the task's id.
func (s *situation) begin(t *testing.T) (w *world, task string) {
	one, two := game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(40))
	one.IfNecessary = s.row == "done" || s.row == "if necessary"
	w = newWorld(t, fake.Pro, one, two)
	switch s.row {
	case "none":
		w.publish(two)
		w.run(team)
		return w, ""
	case "left out":
		w.run(team + "&skip=" + one.ID)
		return w, ""
	}
	w.run(team)
	task = w.taskOf(one.ID).ID
	switch s.row {
	case "done":
		w.publish(two)
		w.run(team)
	case "deleted":
		w.must(w.fan.CompleteTask(task))
		w.publish(game(1, "BOS", "NYK", evening(6)), two)
		w.run(team) // to the row it makes no difference whether it was ticked off or deleted
	case "postponed":
		one.Postponed = true
		w.publish(one, two)
		w.run(team)
	}
	switch s.task {
	case "elsewhere":
		w.must(w.fan.MoveTask(task, w.fan.InboxID(), ""))
	case "edited":
		w.edit(task, func(t *fake.Task) { t.Content, t.Due = "Mine", &fake.Due{Date: "2027-05-01"} })
	case "ticked off":
		w.must(w.fan.CompleteTask(task))
	case "opened again":
		w.must(w.fan.ReopenTask(task))
	case "opened again elsewhere":
		w.must(w.fan.ReopenTask(task))
		w.must(w.fan.MoveTask(task, w.fan.InboxID(), ""))
	case "deleted":
		w.must(w.fan.DeleteTask(task))
	}
	return w, task
}

// league publishes the schedule of a situation, and returns the id of game 1 in it.
func (s *situation) league(w *world) string {
	one, two := game(1, "BOS", "NYK", evening(5)), game(2, "DEN", "BOS", evening(40))
	to := func(days int) { one = game(1, "BOS", "NYK", evening(days)) }
	switch s.schedule {
	case "moved":
		to(8)
	case "without a time":
		one.Tip = time.Time{}
	case "under another id":
		one.ID = "401900001"
	case "moved, under another id":
		to(8)
		one.ID = "401900001"
	case "postponed":
		one.Postponed = true
	case "postponed, at another place":
		one.Postponed, one.Arena = true, "Elsewhere"
	case "over":
		w.now = evening(5).Add(5 * time.Hour)
	case "moved and over":
		to(3)
		w.now = evening(5)
	case "gone":
		w.publish(two)
		return one.ID
	case "not wanted":
		to(8) // options keep it away
	case "next season":
		to(8)
		w.publish(one, two)
		w.season.Label = "2027-28"
		return one.ID
	}
	w.publish(one, two)
	return one.ID
}
