package e2e

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"tipoff/database/databasetest"
	"tipoff/todoist/fake"
)

// replica is another process's site over the same database and Todoist. It does not run
// yet.
func (l *league) replica() *site {
	l.t.Helper()
	s := newSite(l.t, midSeason)
	s.args = l.args
	s.with.Refresh, s.with.UpdateEvery, s.with.Now = l.with.Refresh, l.with.UpdateEvery, l.with.Now
	s.fake, s.tap, s.todoist = l.fake, l.tap, l.todoist
	return s
}

// sharing are the settings of replicas.
func sharing(t *testing.T) []string {
	return []string{"-database", databasetest.Postgres(t), "-secret-key", rand.Text() + rand.Text()}
}

func TestTwoReplicasWriteEachChangeOnce(t *testing.T) {
	t.Parallel()
	l := startLeague(t, sharing(t)...)
	l.replica().start()
	var all []*follower
	for i := range 4 {
		all = append(all, l.follow(fmt.Sprintf("fan-%d", i), "team=BOS"))
	}
	l.fake.ResetRequests()
	l.moveEarlier()
	for _, f := range all {
		f.follows(nuggets, earlier)
		f.idle("")
		f.wantAsked(1, 1)
	}
	l.postpone(nuggets)
	for _, f := range all {
		f.follows(nuggets, "no date Postponed: Celtics vs Nuggets")
		f.idle("")
		f.wantAsked(2, 2)
		f.wantOpen("no date Postponed: Celtics vs Nuggets", january, march)
		f.wantComments(nuggets, "The league moved this game from Tue 24 Nov, 19:30 to Tue 24 Nov, 15:30.",
			"The league postponed this game. It was set for Tue 24 Nov, 15:30.")
	}
}

// hold has Todoist answer the write of an update never. The returned function waits
// until that write has arrived.
func (f *follower) hold(after bool) (arrived, release func()) {
	came := make(chan struct{}, 9)
	release = f.fake.Fail(fake.Fault{Command: "item_update", Account: f.account.Profile().ID, AfterApply: after, Delay: time.Minute, Times: 1,
		Match: func(fake.Request) bool {
			came <- struct{}{}
			return true
		}})
	return func() {
		<-came
		for after && line(f.task(nuggets)) != earlier {
			time.Sleep(time.Millisecond)
		}
	}, release
}

// wantOnce fails the test unless the move of the Nuggets' game was carried out and told
// of once.
func (f *follower) wantOnce() {
	f.t.Helper()
	f.follows(nuggets, earlier)
	f.idle("")
	f.wantOpen(earlier, january, march)
	f.wantComments(nuggets, "The league moved this game from Tue 24 Nov, 19:30 to Tue 24 Nov, 15:30.")
	f.wantHistory("by itself moved: Celtics vs Nuggets, 2026-11-25T00:30:00Z -> 2026-11-24T20:30:00Z")
}

func TestTheUpdateOfAReplicaThatWasKilledIsTakenUpByTheOther(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied %v", after), func(t *testing.T) {
			t.Parallel()
			l := newLeague(t, sharing(t)...)
			l.env = append(l.env, soon+"=1")
			l.startProcess()
			f := l.follow("ann", "team=BOS")
			arrived, release := f.hold(after)
			l.moveEarlier()
			arrived()
			other := l.replica()
			other.start()
			l.kill()
			release()
			f.wantOnce()
		})
	}
}

func TestAnUpdateUnderWayWhenTheProgramStopsGoesOnWithTheNext(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied %v", after), func(t *testing.T) {
			t.Parallel()
			l := startLeague(t)
			f := l.follow("ann", "team=BOS")
			arrived, release := f.hold(after)
			l.moveEarlier()
			arrived()
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			release()
			if row := f.row(); row.State != "" || row.Failures != 0 {
				t.Errorf("a stop counts as a failure: %q, %d", row.State, row.Failures)
			}
			l.start()
			f.laterThan(f.row().Due)
			f.wantOnce()
		})
	}
}

func TestAButtonAndAnUpdateAtOnceWriteAMoveOnce(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"one process": nil, "two replicas": sharing(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLeague(t, args...)
			f := l.join("ann", "team=BOS", "on")
			b := f.b
			if args != nil {
				other := l.replica()
				other.start()
				b = other.browser().signIn(f.account)
			}
			form := b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
			form.Set("auto", "on")
			form.Set("priority", "2")
			form.Del("plan")
			slow := l.fake.Fail(fake.Fault{Account: f.account.Profile().ID, Path: "/api/v1/", Delay: 20 * time.Millisecond})
			l.moveEarlier()
			f.until("the update has begun", func() bool { reads, _ := f.asked(); return reads > 2 || line(f.task(nuggets)) == earlier })
			b.post("/imports", form).want(http.StatusSeeOther)
			slow()
			l.later(2 * time.Minute) // the button's replica may have known the older schedule alone
			f.follows(nuggets, earlier)
			f.idle("")
			f.wantOpen(earlier, january, march)
			f.wantComments(nuggets, "The league moved this game from Tue 24 Nov, 19:30 to Tue 24 Nov, 15:30.")
			if n := len(f.history()); n != 4 && n != 3 {
				t.Errorf("the history is %q", f.history())
			}
			// The options are those of the button.
			for _, task := range tasks(f.account, onlyProject(t, f.account).ID) {
				if task.Priority != 3 {
					t.Errorf("%s has the priority %d", line(task), task.Priority)
				}
			}
			if row := f.row(); !slices.Contains(parseQuery(t, row.Options)["priority"], "2") {
				t.Errorf("the options are %q", row.Options)
			}
		})
	}
}
