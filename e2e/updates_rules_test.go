package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// busy gives the Celtics so many games to come, in December and January, and returns
// their ids.
func (l *league) busy(games int) (ids []string) {
	for _, id := range []string{nuggets, magic, magic2} {
		delete(l.games, id)
	}
	all := schedule.Teams()
	for i := range games {
		id := fmt.Sprintf("00226008%02d", i)
		away := all[(i+3)%len(all)].Code
		if away == "BOS" {
			away = "LAC"
		}
		l.games.game(id, away, "BOS", time.Date(2026, 12, 1+2*i, 0, 30, 0, 0, time.UTC).Format(time.RFC3339))
		ids = append(ids, id)
	}
	l.publish()
	return ids
}

// delay has the league play so many of these games half an hour later.
func (l *league) delay(ids []string) {
	for _, id := range ids {
		l.games.edit(id, func(g *schedule.Game) { g.Tip = g.Tip.Add(30 * time.Minute) })
	}
	l.publish()
}

// right reports whether all tasks of games have their games' times.
func (f *follower) right(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool {
		due := f.task(id).Due
		return due == nil || due.Date != f.games[id].Tip.Format("2006-01-02T15:04:05Z")
	})
}

func TestAChangeOfMostTasksIsHeldUntilItsOwnerHasSeenIt(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ids := l.busy(20)
	l.start()
	f := l.join("ann", "team=BOS", "on")
	l.delay(ids[:11])
	f.idle(imports.LookFirst)
	f.wantAsked(1, 0)
	w := l.witness()
	l.fake.ResetRequests()
	l.delay(ids[11:12])
	l.later(2 * time.Minute)
	w.sees()
	f.wantAsked(0, 0)
	if f.right(ids) {
		t.Error("nothing was held")
	}
	// The button approves it.
	f.press("team=BOS", "on")
	f.idle("")
	if !f.right(ids) {
		t.Error("the button did not bring all up to date")
	}
	f.b.post("/sign-out", nil).want(http.StatusSeeOther)
	l.delay(ids[3:5])
	f.until("the next change is followed", func() bool { return f.right(ids) })
}

func TestAChangeOfFewTasksOrOfLessThanHalfIsNotHeld(t *testing.T) {
	t.Parallel()
	for name, of := range map[string][2]int{"ten of twelve": {10, 12}, "eleven of twenty-two": {11, 22}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeague(t)
			ids := l.busy(of[1])
			l.start()
			f := l.follow("ann", "team=BOS")
			l.delay(ids[:of[0]])
			f.until("the tasks follow", func() bool { return f.right(ids) })
			f.idle("")
		})
	}
}

func TestGamesThatAreOverAreTickedOffInTheNightAfter(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, stays, w := l.follow("ann", "team=BOS&played=complete"), l.follow("bob", "team=BOS"), l.witness()
	quiet := func(when string) {
		t.Helper()
		at, err := time.Parse(time.RFC3339, when)
		if err != nil {
			t.Fatal(err)
		}
		l.later(at.Sub(l.with.Now()))
		w.sees()
		f.wantAsked(0, 0)
		f.wantOpen(denver, january, march)
	}
	l.fake.ResetRequests()
	quiet("2026-11-25T00:20:00Z") // before
	quiet("2026-11-25T02:00:00Z") // while it is played
	quiet("2026-11-25T09:50:00Z") // ten to five in the morning
	// It goes on and on.
	l.edit(nuggets, func(g *schedule.Game) { g.Status = schedule.InProgress })
	w.sees()
	quiet("2026-11-25T10:10:00Z")
	l.edit(nuggets, func(g *schedule.Game) { g.Status = schedule.Final })
	f.until("the task is ticked off", func() bool { return f.task(nuggets).Checked })
	f.idle("")
	f.wantAsked(1, 1)
	f.wantOpen(january, march)
	stays.wantOpen(denver, january, march)
	stays.wantAsked(0, 0)
	f.wantComments(nuggets)
	f.wantHistory("by itself ticked off: Celtics vs Nuggets, - -> -")

	// Its owner opens it again, and the next game is played.
	if err := f.account.ReopenTask(f.task(nuggets).ID); err != nil {
		t.Fatal(err)
	}
	l.later(time.Date(2027, 1, 6, 12, 0, 0, 0, time.UTC).Sub(l.with.Now()))
	f.until("the next task is ticked off", func() bool { return f.task(magic).Checked })
	f.idle("")
	f.wantOpen(denver, march)
}

func TestAGameThatIsMovedWhileItIsOffIsNotTickedOff(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.follow("ann", "team=BOS&played=complete"), l.witness()
	l.postpone(nuggets)
	f.follows(nuggets, "no date Postponed: Celtics vs Nuggets")
	l.later(7 * 24 * time.Hour)
	w.sees()
	f.idle("")
	f.wantOpen("no date Postponed: Celtics vs Nuggets", january, march)
	l.move("2027-02-17T00:30:00Z", nuggets)
	f.follows(nuggets, "2027-02-17T00:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantOpen("2027-02-17T00:30:00Z Celtics vs Nuggets", january, march)
}

func TestUpdatesOfOneChangeAreSpreadOverATime(t *testing.T) {
	t.Parallel()
	l := startLeague(t, "-update-spread", "1h")
	var all []*follower
	for i := range 5 {
		all = append(all, l.follow(fmt.Sprintf("fan-%d", i), "team=BOS"))
	}
	from := l.with.Now()
	l.moveEarlier()
	moments := map[time.Time]bool{}
	for _, f := range all {
		f.until("the import is due, or done", func() bool { return !f.row().Due.IsZero() || line(f.task(nuggets)) == earlier })
		due := f.row().Due
		moments[due] = true
		if due.After(from.Add(time.Hour + time.Minute)) {
			t.Errorf("it is due %v after the change", due.Sub(from))
		}
	}
	if len(moments) < 2 {
		t.Errorf("all are due at the same time: %v", moments)
	}
	l.later(time.Hour)
	for _, f := range all {
		f.follows(nuggets, earlier)
	}
}

func TestTwoImportsOfOneUserAreBothUpdated(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.join("ann", "team=BOS", "on")
	f.press("team=DEN", "on")
	f.b.post("/sign-out", nil).want(http.StatusSeeOther)
	l.moveEarlier()
	f.until("both projects follow", func() bool {
		n := 0
		for _, task := range f.account.Tasks("") {
			if gameIn(task) == nuggets && task.Due.Date == "2026-11-24T20:30:00Z" {
				n++
			}
		}
		return n == 2
	})
}

func TestTheLogOfUpdatesHasNobodysNameTokenOrTeam(t *testing.T) {
	t.Parallel()
	l := startLeague(t, "-log-level", "debug")
	f := &follower{league: l, b: l.browser(), account: l.fake.AddAccount(fake.Profile{ID: "4711", Email: "zeno@example.org", Name: "Zeno Quux",
		APIToken: "the-token-of-zeno", Zone: "America/New_York", Plan: fake.Pro})}
	f.b.signIn(f.account)
	f.press("team=BOS&name=Hoops+with+Xena", "on")
	f.b.post("/sign-out", nil).want(http.StatusSeeOther)
	l.moveEarlier()
	f.follows(nuggets, earlier)
	f.idle("")
	l.fake.ExpireAccess(f.account)
	l.postpone(magic)
	f.follows(magic, "no date Postponed: Celtics at Magic")
	f.idle("")
	l.fake.Fail(fake.Fault{Path: "/api/v1/tasks", Status: http.StatusServiceUnavailable, Times: 4})
	l.move("2026-11-24T21:30:00Z", nuggets)
	f.until("an update fails", func() bool { return f.row().Failures == 1 })
	f.laterThan(f.row().Due)
	f.idle("")
	l.fake.RevokeAll(f.account)
	l.move("2026-11-24T22:30:00Z", nuggets)
	f.idle(imports.SignInAgain)
	l.until("the log tells of three updates and of two that failed", func() bool {
		log := l.log.String()
		return strings.Count(log, "import updated") == 3 && strings.Count(log, "import not updated") == 2
	})
	log := l.log.String()
	for _, word := range []string{"Zeno", "zeno", "Quux", "Hoops", "Xena", "Celtics", "Boston", "BOS", "Nuggets", "DEN", "Magic", nuggets} {
		if regexp.MustCompile(`\b` + word + `\b`).MatchString(log) { // an id may have its letters
			t.Errorf("the log has %q:\n%s", word, log)
		}
	}
	for secret, what := range l.tap.secrets() {
		if strings.Contains(log, secret) {
			t.Errorf("the log has a %s", what)
		}
	}
}
