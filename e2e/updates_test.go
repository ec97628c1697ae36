package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

func TestAMovedGameMovesItsTaskWithNobodySignedInByOneReadAndOneWrite(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS")
	if access, refresh := l.fake.LiveTokens(f.account); access+refresh == 0 {
		t.Fatal("the grant ended with the sign-in, though the import updates itself")
	}
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantAsked(1, 1)
	f.wantComments(nuggets, "The league moved this game from Tue 24 Nov, 19:30 to Tue 24 Nov, 15:30.")
	f.wantHistory("by itself moved: Celtics vs Nuggets, 2026-11-25T00:30:00Z -> 2026-11-24T20:30:00Z")

	// Two hours later the access token has expired.
	l.ahead.Store(int64(2 * time.Hour))
	l.fake.ExpireAccess(f.account)
	l.fake.ResetRequests()
	l.move("2026-11-24T23:00:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T23:00:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantAsked(1, 1)
	if n := l.fake.CountTokenEvents(fake.Refreshed); n != 1 {
		t.Errorf("the token was refreshed %d times, want once", n)
	}
	f.wantOpen("2026-11-24T23:00:00Z Celtics vs Nuggets", january, march)
}

func TestATokenThatTodoistTakesNoMoreIsRefreshedForAnUpdate(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS")
	l.fake.ExpireAccess(f.account) // by Todoist's clock, of which ours knows nothing
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Celtics vs Nuggets")
	if n := l.fake.CountTokenEvents(fake.Refreshed); n != 1 {
		t.Errorf("the token was refreshed %d times, want once", n)
	}
}

func TestWhatMovesNoneOfItsGamesSendsNothingForAnImport(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.follow("ann", "team=BOS"), l.witness()
	l.fake.ResetRequests()
	for name, publish := range map[string]func(){
		"the same once more":   l.publish,
		"another team's game":  func() { l.move("2026-12-30T03:00:00Z", lakers) },
		"another team's new":   func() { l.games.game("0022600102", "LAL", "GSW", "2027-02-20T03:00:00Z"); l.publish() },
		"television":           func() { l.edit(nuggets, func(g *schedule.Game) { g.National = []string{"ESPN"} }) },
		"the arena":            func() { l.edit(nuggets, func(g *schedule.Game) { g.Arena = "Causeway Center" }) },
		"a game that was over": func() { l.edit(opener, func(g *schedule.Game) { g.Arena = "The Garden" }) },
	} {
		publish()
		w.sees()
		if reads, writes := f.asked(); reads+writes != 0 {
			t.Errorf("%s: %d reads and %d writes at Todoist", name, reads, writes)
		}
	}
	f.wantOpen(denver, january, march)
	f.wantHistory()
}

func TestTelevisionAndArenaRideAlongWithTheNextRealChange(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.follow("ann", "team=BOS"), l.witness()
	l.games.edit(magic, func(g *schedule.Game) { g.National = []string{"NBC"} })
	l.edit(magic2, func(g *schedule.Game) { g.Arena = "Lake Eola Dome" })
	w.sees()
	l.fake.ResetRequests()
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantAsked(1, 1)
	if got := f.task(magic).Description; !strings.Contains(got, "TV: NBC") {
		t.Errorf("the task does not know its channel: %q", got)
	}
	if got := f.task(magic2).Description; !strings.Contains(got, "Lake Eola Dome") {
		t.Errorf("the task does not know its arena: %q", got)
	}
	f.wantComments(magic)
	f.wantHistory("by itself details: Celtics at Magic, - -> -", "by itself details: Celtics at Magic, - -> -",
		"by itself moved: Celtics vs Nuggets, 2026-11-25T00:30:00Z -> 2026-11-24T20:30:00Z")
}

func TestAPostponedGameWaitsWithoutADateAndComesBack(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS")
	l.postpone(nuggets)
	f.follows(nuggets, "no date Postponed: Celtics vs Nuggets")
	f.idle("")
	f.wantAsked(1, 1)
	l.fake.ResetRequests()
	l.move("2027-02-17T00:30:00Z", nuggets)
	f.follows(nuggets, "2027-02-17T00:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantAsked(1, 1)
	f.wantComments(nuggets, "The league postponed this game. It was set for Tue 24 Nov, 19:30.",
		"The league set a new date for this game: Tue 16 Feb, 19:30.")
	f.wantHistory("by itself back: Celtics vs Nuggets, - -> 2027-02-17T00:30:00Z",
		"by itself postponed: Celtics vs Nuggets, 2026-11-25T00:30:00Z -> -")
}

func TestWithoutCommentsTheHistoryAloneTellsOfAMove(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS&comments=off")
	l.postpone(magic)
	f.follows(magic, "no date Postponed: Celtics at Magic")
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Celtics vs Nuggets")
	f.idle("")
	if notes := f.account.Notes(); len(notes) > 0 {
		t.Errorf("there are comments: %+v", notes)
	}
	f.wantHistory("by itself moved: Celtics vs Nuggets, 2026-11-25T00:30:00Z -> 2026-11-24T20:30:00Z",
		"by itself postponed: Celtics at Magic, 2027-01-06T00:00:00Z -> -")
}

func TestAGameThatIsAddedGetsItsTaskWithSectionAndReminder(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS&sections=month&reminder=60&duration=150&labels=nba")
	l.games.game("0022601210", "ATL", "BOS", "2027-01-09T00:30:00Z")
	l.publish()
	f.until("the game has a task", func() bool { return len(tasks(f.account, onlyProject(t, f.account).ID)) == 4 })
	f.idle("")
	f.wantAsked(2, 1)
	task, sections := f.task("0022601210"), map[string]string{}
	for _, s := range f.account.Sections(task.ProjectID) {
		sections[s.ID] = s.Name
	}
	if line(task) != "2027-01-09T00:30:00Z Celtics vs Hawks" || sections[task.SectionID] != "January 2027" {
		t.Errorf("the task is %s in %q", line(task), sections[task.SectionID])
	}
	if r := f.account.Reminders(task.ID); len(r) != 1 || r[0].MinuteOffset != 60 || task.Duration == nil || task.Duration.Amount != 150 {
		t.Errorf("the task has the reminders %+v and lasts %+v", r, task.Duration)
	}
	f.wantHistory("by itself added: Celtics vs Hawks, - -> 2027-01-09T00:30:00Z")

	// A game that goes into a month that has no section yet.
	l.fake.ResetRequests()
	l.move("2027-04-02T00:30:00Z", magic2)
	f.follows(magic2, "2027-04-02T00:30:00Z Celtics at Magic")
	f.idle("")
	for _, s := range f.account.Sections(task.ProjectID) {
		sections[s.ID] = s.Name
	}
	if got := sections[f.task(magic2).SectionID]; got != "April 2027" {
		t.Errorf("the moved task is in the section %q", got)
	}
	f.wantAsked(2, 2)
}

func TestAnUpdateDeletesNothingAndBringsNothingBack(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	l.games.game("0022600005", "CHI", "BOS", "2026-12-20T00:30:00Z")
	l.games.game("0022600006", "MIA", "BOS", "2026-12-22T00:30:00Z")
	l.publish()
	l.start()
	f := l.follow("ann", "team=BOS")
	// One is deleted, one is ticked off.
	if err := f.account.DeleteTask(f.task(magic).ID); err != nil {
		t.Fatal(err)
	}
	if err := f.account.CompleteTask(f.task("0022600005").ID); err != nil {
		t.Fatal(err)
	}
	mine := f.account.AddTask(fake.Task{ProjectID: onlyProject(t, f.account).ID, Content: "Buy a scarf"})
	before := len(f.account.Tasks(""))

	l.games.edit(magic, func(g *schedule.Game) { *g = moved(*g, "2027-01-07T00:00:00Z") })
	l.games.edit("0022600005", func(g *schedule.Game) { *g = moved(*g, "2026-12-21T00:30:00Z") })
	delete(l.games, "0022600006") // gone from the schedule
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Celtics vs Nuggets")
	f.follows("0022600006", "no date Postponed: Celtics vs Heat")
	f.idle("")
	l.move("2026-11-24T21:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T21:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantOpen("2026-11-24T21:30:00Z Celtics vs Nuggets", march, "no date Postponed: Celtics vs Heat", "no date Buy a scarf")
	if got := len(f.account.Tasks("")); got != before {
		t.Errorf("there are %d tasks, before there were %d", got, before)
	}
	if task, ok := f.account.Task(mine); !ok || task.Deleted || task.Checked {
		t.Errorf("the owner's own task is %+v", task)
	}
}

func TestAGameThatWasLeftOutStaysSo(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS&skip="+magic)
	f.wantOpen(denver, march)
	l.move("2027-01-07T00:00:00Z", magic)
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantOpen("2026-11-24T20:30:00Z Celtics vs Nuggets", march)
}

func TestAnUpdateKeepsWhatItsOwnerEdited(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS")
	f.rewrite(nuggets, func(task *fake.Task) { task.Content = "Nuggets with Dad" })
	f.rewrite(magic, func(task *fake.Task) { task.Due = &fake.Due{Date: "2027-01-04"} })
	l.games.edit(magic, func(g *schedule.Game) { *g = moved(*g, "2027-01-07T00:00:00Z") })
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Nuggets with Dad")
	f.idle("")
	f.wantOpen("2026-11-24T20:30:00Z Nuggets with Dad", "2027-01-04 Celtics at Magic", march)
	f.wantComments(magic)
	f.wantAsked(1, 1)
	// What the owner has is not asked about again.
	l.fake.ResetRequests()
	w := l.witness()
	w.sees()
	f.wantAsked(0, 0)
}

func TestAnImportThatDoesNotUpdateItselfStaysAndItsGrantEndsWithTheSignIn(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"off": nil, "off everywhere": {"-auto-update=false"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLeague(t, args...)
			auto := "off"
			if args != nil {
				auto = "on"
			}
			f := l.join("ann", "team=BOS", auto)
			f.b.post("/sign-out", nil).want(http.StatusSeeOther)
			if access, refresh := l.fake.LiveTokens(f.account); access+refresh != 0 {
				t.Errorf("%d access and %d refresh tokens live on", access, refresh)
			}
			l.fake.ResetRequests()
			if args == nil {
				w := l.witness()
				l.move("2026-11-24T20:30:00Z", nuggets)
				w.sees()
			} else {
				for n := range 5 { // nothing tells of work that is not done
					l.move(fmt.Sprintf("2026-11-24T2%d:30:00Z", n), nuggets)
					l.until("the schedule is read", func() bool { return strings.Count(l.log.String(), "changed=1") > n })
				}
			}
			f.wantAsked(0, 0)
			f.wantOpen(denver, january, march)
		})
	}
}

func TestAnImportThatIsSwitchedOffByTheFormUpdatesItselfNoMore(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.join("ann", "team=BOS", "on"), l.witness()
	f.press("team=BOS", "off")
	l.fake.ResetRequests()
	l.move("2026-11-24T20:30:00Z", nuggets)
	w.sees()
	f.wantAsked(0, 0)
	f.press("team=BOS", "on")
	f.wantOpen("2026-11-24T20:30:00Z Celtics vs Nuggets", january, march)
	l.move("2026-11-24T21:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T21:30:00Z Celtics vs Nuggets")
}

func TestAPersonalAPITokenUpdatesToo(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := &follower{league: l, account: l.account("pat", fake.Free), b: l.browser()}
	f.b.post("/sign-in/token", url.Values{"token": {f.account.Profile().APIToken}, "next": {"/"}}).want(http.StatusSeeOther)
	f.press("team=BOS", "on")
	f.b.post("/sign-out", nil).want(http.StatusSeeOther)
	l.fake.ResetRequests()
	l.move("2026-11-24T20:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T20:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantAsked(1, 1)
}

func TestAnotherSeasonsScheduleTouchesNothing(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS")
	l.label = "2027-28"
	for id, g := range l.games {
		l.games[id] = moved(g, g.Tip.AddDate(1, 0, 0).Format(time.RFC3339))
	}
	l.publish()
	l.saying("season=2027-28")
	w := l.witness() // in the new season
	l.fake.ResetRequests()
	l.move("2027-11-24T20:30:00Z", nuggets)
	w.sees()
	f.wantAsked(0, 0)
	f.wantOpen(denver, january, march)
	// Its own season is over, and so are its updates; nothing needs the grant any more.
	l.restart(midSeason)
	l.until("the grant has ended", func() bool {
		access, refresh := l.fake.LiveTokens(f.account)
		return access+refresh == 0
	})
	if access, refresh := l.fake.LiveTokens(w.account); access == 0 || refresh == 0 {
		t.Error("the grant of an import of the new season has ended too")
	}
}

func TestAGrantLivesWithoutSignInsWhileAnImportUpdatesItself(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	stays, off, gone := l.join("ann", "team=BOS", "on"), l.join("bob", "team=BOS", "off"), l.follow("cat", "team=BOS")
	if err := gone.account.DeleteProject(onlyProject(t, gone.account).ID); err != nil {
		t.Fatal(err)
	}
	l.moveEarlier()
	stays.follows(nuggets, earlier)
	stays.idle("")
	l.saying("result=gone")
	l.later(48 * time.Hour) // all sign-ins have run out
	l.restart(midSeason)    // a start sweeps
	for _, f := range []*follower{off, gone} {
		l.until("the grant has ended", func() bool {
			access, refresh := l.fake.LiveTokens(f.account)
			return access+refresh == 0
		})
	}
	if stays.b.signedIn() {
		t.Error("the sign-in lives on")
	}
	l.move("2026-11-24T21:30:00Z", nuggets)
	stays.follows(nuggets, "2026-11-24T21:30:00Z Celtics vs Nuggets")
}
