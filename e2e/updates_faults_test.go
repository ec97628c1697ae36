package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/imports"
	"tipoff/todoist/fake"
)

// earlier is the Nuggets' game after the league has moved it.
const earlier = "2026-11-24T20:30:00Z Celtics vs Nuggets"

func (l *league) moveEarlier() { l.move("2026-11-24T20:30:00Z", nuggets) }

// later puts the program's clock so much ahead.
func (l *league) later(d time.Duration) { l.ahead.Add(int64(d)) }

// laterThan puts the program's clock behind the moment at which an import is due.
func (f *follower) laterThan(due time.Time) {
	f.later(max(0, due.Sub(f.with.Now())) + time.Second)
}

func TestAnUpdateWaitsAsLongAsTodoistAsks(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fake.Fault{
		"before the read":  {Path: "/api/v1/tasks", Status: http.StatusTooManyRequests, RetryAfter: 90, Times: 1},
		"before the write": {Command: "item_update", Status: http.StatusTooManyRequests, RetryAfter: 90, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLeague(t)
			f, w := l.follow("ann", "team=BOS"), l.witness()
			fault.Account = f.account.Profile().ID
			l.fake.Fail(fault)
			l.moveEarlier()
			f.until("the import is to be updated later", func() bool { return f.row().Due.After(l.with.Now().Add(80 * time.Second)) })
			if row := f.row(); row.State != "" || row.Failures != 0 {
				t.Errorf("a pause that Todoist asks for counts as a failure: %q, %d", row.State, row.Failures)
			}
			l.fake.ResetRequests()
			l.later(85 * time.Second)
			w.sees()
			f.wantAsked(0, 0)
			f.laterThan(f.row().Due)
			f.follows(nuggets, earlier)
			f.idle("")
			f.wantComments(nuggets, "The league moved this game from Tue 24 Nov, 19:30 to Tue 24 Nov, 15:30.")
		})
	}
}

func TestAnUpdateThatFailsIsTriedAgainAfterLongerAndLongerPauses(t *testing.T) {
	t.Parallel()
	failAgainAndAgain(t, 5, "the read", "the answer")
}

// failAgainAndAgain has updates fail so many times, in these ways or in all.
func failAgainAndAgain(t *testing.T, times int, ways ...string) {
	for name, fault := range map[string]fake.Fault{
		"the read":                      {Path: "/api/v1/tasks", Status: http.StatusServiceUnavailable},
		"the write":                     {Command: "item_update", Status: http.StatusBadGateway},
		"the answer":                    {Command: "item_update", AfterApply: true, Drop: true},
		"the answer, that is cut short": {Command: "item_update", Cut: true},
	} {
		if len(ways) > 0 && !slices.Contains(ways, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLeague(t)
			f := l.follow("ann", "team=BOS")
			l.fake.Fail(fault)
			l.moveEarlier()
			for n := 1; n <= times; n++ {
				f.until(fmt.Sprintf("failure %d", n), func() bool { return f.row().Failures == n })
				row := f.row()
				wait := row.Due.Sub(l.with.Now())
				if least := min(time.Minute<<(n-1), 4*time.Hour); wait < least-time.Minute/4 || wait > least*3/2 {
					t.Errorf("after failure %d it waits %v, want %v to half as long again", n, wait, least)
				}
				if failing := row.State == imports.Failing; failing != (n > 3) {
					t.Errorf("after failure %d the state is %q", n, row.State)
				}
				f.laterThan(row.Due)
			}
			l.fake.ClearFaults()
			f.until("the next try", func() bool {
				if row := f.row(); row.Due.After(l.with.Now()) {
					f.laterThan(row.Due)
				}
				return f.row().Due.IsZero()
			})
			f.idle("")
			if n := f.row().Failures; n != 0 {
				t.Errorf("%d failures are remembered after a success", n)
			}
			f.wantOpen(earlier, january, march)
			f.wantComments(nuggets, "The league moved this game from Tue 24 Nov, 19:30 to Tue 24 Nov, 15:30.")
			f.wantHistory("by itself moved: Celtics vs Nuggets, 2026-11-25T00:30:00Z -> 2026-11-24T20:30:00Z")
		})
	}
}

func TestAnImportWhoseGrantWasRevokedWaitsForTheNextSignIn(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.follow("ann", "team=BOS"), l.witness()
	l.fake.RevokeAll(f.account)
	l.moveEarlier()
	f.idle(imports.SignInAgain)
	l.fake.ResetRequests()
	l.move("2027-01-07T00:00:00Z", magic)
	l.later(2 * time.Minute)
	w.sees()
	f.wantAsked(0, 0)
	f.wantOpen(denver, january, march)
	f.b.signIn(f.account)
	f.follows(nuggets, earlier)
	f.follows(magic, "2027-01-07T00:00:00Z Celtics at Magic")
	f.idle("")
	if access, refresh := l.fake.LiveTokens(f.account); access == 0 || refresh == 0 {
		t.Errorf("%d access and %d refresh tokens live", access, refresh)
	}
}

func TestAProjectThatItsOwnerDeletedEndsTheImportThatUpdatesItself(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.follow("ann", "team=BOS"), l.witness()
	if err := f.account.DeleteProject(onlyProject(t, f.account).ID); err != nil {
		t.Fatal(err)
	}
	l.moveEarlier()
	f.until("the import has ended", func() bool {
		all, err := l.store().Of(t.Context(), f.account.Profile().ID)
		return err == nil && len(all) == 0
	})
	l.fake.ResetRequests()
	l.move("2026-11-24T21:30:00Z", nuggets)
	l.later(2 * time.Minute)
	w.sees()
	f.wantAsked(0, 0)
	if got := projects(f.account); len(got) != 0 {
		t.Errorf("the account has the projects %+v", got)
	}
}

func TestAnArchivedProjectPausesUpdatesUntilTheNextChange(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.follow("ann", "team=BOS"), l.witness()
	project := onlyProject(t, f.account).ID
	if err := f.account.ArchiveProject(project, true); err != nil {
		t.Fatal(err)
	}
	l.moveEarlier()
	f.idle(imports.Archived)
	// It is not asked about again and again.
	l.fake.ResetRequests()
	l.later(2 * time.Minute)
	w.sees()
	f.wantAsked(0, 0)
	if err := f.account.ArchiveProject(project, false); err != nil {
		t.Fatal(err)
	}
	l.move("2027-01-07T00:00:00Z", magic)
	f.follows(magic, "2027-01-07T00:00:00Z Celtics at Magic")
	f.idle("")
	f.wantOpen(earlier, "2027-01-07T00:00:00Z Celtics at Magic", march)
}

func TestAGameForWhichThereIsNoRoomWaitsForTheNextChange(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f, w := l.follow("ann", "team=BOS"), l.witness()
	full := fake.Pro.Limits()
	full.TasksPerProject = 3
	f.account.SetLimits(full, full)
	l.games.game("0022601210", "ATL", "BOS", "2027-01-09T00:30:00Z")
	l.moveEarlier()
	f.idle(imports.NoRoom)
	f.wantOpen(earlier, january, march) // what is there is kept right
	l.fake.ResetRequests()
	l.later(2 * time.Minute)
	w.sees()
	f.wantAsked(0, 0)
	f.account.SetLimits(fake.Pro.Limits(), fake.Pro.Limits())
	l.move("2026-11-24T21:30:00Z", nuggets)
	f.follows(nuggets, "2026-11-24T21:30:00Z Celtics vs Nuggets")
	f.idle("")
	f.wantOpen("2026-11-24T21:30:00Z Celtics vs Nuggets", january, march, "2027-01-09T00:30:00Z Celtics vs Hawks")
}

func TestAnOlderScheduleWritesNothing(t *testing.T) {
	t.Parallel()
	l := startLeague(t)
	f := l.follow("ann", "team=BOS")
	l.moveEarlier()
	f.follows(nuggets, earlier)
	f.idle("")
	l.fake.ResetRequests()
	newest := l.asOf
	l.asOf = l.asOf.Add(-30 * time.Minute)
	l.move("2026-11-25T00:30:00Z", nuggets)
	l.saying("older than the import")
	f.wantAsked(0, 0)
	f.wantOpen(earlier, january, march)
	l.asOf = newest
	l.move("2026-11-24T21:30:00Z", nuggets)
	l.until("the newer schedule is read", func() bool { return strings.Count(l.log.String(), "changed=1") >= 3 })
	f.laterThan(f.row().Due)
	f.follows(nuggets, "2026-11-24T21:30:00Z Celtics vs Nuggets")
	f.wantComments(nuggets, "The league moved this game from Tue 24 Nov, 19:30 to Tue 24 Nov, 15:30.",
		"The league moved this game from Tue 24 Nov, 15:30 to Tue 24 Nov, 16:30.")
}
