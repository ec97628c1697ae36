package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// A fan is somebody with an import of the Celtics, and a league that can move games.
type fan struct {
	*desk
	games calendar
}

const rulesQuery = "team=BOS"

// newFan imports a season of four games on 20 November, of which one is over.
func newFan(t *testing.T, query string) *fan {
	t.Helper()
	f := &fan{newDesk(t, fake.Pro, []string{"BOS"}, nil, midSeason), calendar{}}
	f.games.game("0022600001", "BOS", "NYK", "2026-10-21T23:30:00Z")
	f.games.game("0022600002", "DEN", "BOS", "2026-11-25T00:30:00Z")
	f.games.game("0022600003", "BOS", "ORL", "2027-01-06T00:00:00Z")
	f.games.game("0022600004", "BOS", "ORL", "2027-03-13T00:30:00Z")
	f.update(query)
	return f
}

// update brings the import up to date with the games as they are now.
func (f *fan) update(query string) *importer.Outcome {
	f.t.Helper()
	f.season = f.games.season(f.now)
	return f.run(query)
}

// move moves a game.
func (f *fan) move(id, when string) {
	f.games.edit(id, func(g *schedule.Game) { *g = moved(*g, when); g.Postponed = false })
}

func (f *fan) postpone(id string) {
	f.games.edit(id, func(g *schedule.Game) { g.Postponed = true })
}

// gameIn is the id of the game that a task names.
func gameIn(task fake.Task) string {
	_, id, _ := strings.Cut(task.Description, "#tipoff-")
	id, _, _ = strings.Cut(id, ")")
	return id
}

// of returns the tasks that name a game, deleted ones apart.
func (f *fan) of(id string) []fake.Task {
	return slices.DeleteFunc(f.account.Tasks(""), func(task fake.Task) bool {
		return task.Deleted || !strings.Contains(task.Description, "#tipoff-"+id+")")
	})
}

// task is the one task that names a game.
func (f *fan) task(id string) fake.Task {
	f.t.Helper()
	all := f.of(id)
	if len(all) != 1 {
		f.t.Fatalf("%d tasks name the game %s, want 1", len(all), id)
	}
	return all[0]
}

func (f *fan) edit(id string, change func(*fake.Task)) {
	f.t.Helper()
	if err := f.account.EditTask(f.task(id).ID, change); err != nil {
		f.t.Fatal(err)
	}
}

// wants fails the test unless these are the open tasks.
func (f *fan) wants(when string, want ...string) {
	f.t.Helper()
	wantOpen(f.t, f.account, when, want)
}

// wantOpen fails the test unless these are an account's open tasks, when says at which
// point.
func wantOpen(t *testing.T, account *fake.Account, when string, want []string) {
	t.Helper()
	var got []string
	for _, p := range account.Projects() {
		for _, task := range tasks(account, p.ID) {
			got = append(got, line(task))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: the open tasks are\n%q, want\n%q", when, got, want)
	}
}

const (
	denver  = "2026-11-25T00:30:00Z Celtics vs Nuggets"
	january = "2027-01-06T00:00:00Z Celtics at Magic"
	march   = "2027-03-13T00:30:00Z Celtics at Magic"
)

func TestATimeThatTheOwnerAndTheLeagueAgreeOnIsTheLeaguesAgain(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	zone := "America/New_York"
	f.edit("0022600002", func(task *fake.Task) { task.Due = &fake.Due{Date: "2026-11-25T01:00:00Z", Timezone: zone} })
	f.move("0022600002", "2026-11-25T01:00:00Z")
	f.update(rulesQuery)
	f.move("0022600002", "2026-11-25T02:00:00Z")
	f.update(rulesQuery)
	f.wants("moved once more", "2026-11-25T02:00:00Z Celtics vs Nuggets", january, march)
}

func TestANoteInPlaceOfTheDescriptionMakesNoSecondTask(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	id := f.task("0022600002").ID
	if err := f.account.EditTask(id, func(task *fake.Task) { task.Description, task.Content = "Bring the scarf", "With Dad" }); err != nil {
		t.Fatal(err)
	}
	f.update(rulesQuery)
	f.move("0022600002", "2026-11-25T01:00:00Z")
	f.update(rulesQuery)
	f.wants("moved", "2026-11-25T01:00:00Z With Dad", january, march)
	if task, _ := f.account.Task(id); task.Description != "Bring the scarf" {
		t.Errorf("the note is %q", task.Description)
	}
}

func TestADeletedTaskStaysDeletedUntilItIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	if err := f.account.DeleteTask(f.task("0022600002").ID); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		f.update(rulesQuery)
		f.wants(fmt.Sprintf("update %d", i), january, march)
		f.move("0022600002", fmt.Sprintf("2026-11-25T0%d:00:00Z", i+1))
	}
	f.update(rulesQuery + "&again=0022600002")
	f.wants("asked for", "2026-11-25T03:00:00Z Celtics vs Nuggets", january, march)
	f.update(rulesQuery)
	f.wants("later", "2026-11-25T03:00:00Z Celtics vs Nuggets", january, march)
}

func TestWhatIsLeftOutStaysLeftOut(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	f.games.game("0022601210", "ATL", "BOS", "2026-12-09T00:30:00Z")
	f.update(rulesQuery + "&skip=0022601210")
	for range 2 {
		f.update(rulesQuery)
		f.wants("left out", denver, january, march)
	}
}

func TestOptionsLastThoughTheyWroteNothing(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	f.update(rulesQuery + "&venue=away")
	f.games.game("0022601210", "ATL", "BOS", "2026-12-09T00:30:00Z")
	f.games.game("0022601211", "BOS", "ATL", "2026-12-11T00:30:00Z")
	f.update(rulesQuery)
	f.wants("away only", denver, january, march, "2026-12-11T00:30:00Z Celtics at Hawks")
	// Nor does completing the one task that was written with them bring others back.
	if err := f.account.CompleteTask(f.task("0022601211").ID); err != nil {
		t.Fatal(err)
	}
	f.games.game("0022601212", "MIA", "BOS", "2026-12-13T00:30:00Z")
	f.update(rulesQuery)
	f.wants("still away only", denver, january, march)
}

func TestAMakeUpGameComesThoughThePostponedOneWasTickedOff(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	f.postpone("0022600003")
	f.update(rulesQuery)
	f.wants("postponed", denver, march, "no date Postponed: Celtics at Magic")
	if err := f.account.CompleteTask(f.task("0022600003").ID); err != nil {
		t.Fatal(err)
	}
	f.update(rulesQuery)
	f.wants("ticked off", denver, march)
	f.move("0022600003", "2027-02-18T00:00:00Z")
	f.update(rulesQuery)
	f.wants("with its new date", denver, march, "2027-02-18T00:00:00Z Celtics at Magic")
}

func TestAListThatTodoistRefusesWritesNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusInternalServerError} {
		f := newFan(t, rulesQuery)
		f.move("0022600002", "2026-11-25T01:00:00Z")
		f.season = f.games.season(f.now)
		f.fake.Fail(fake.Fault{Path: "/api/v1/tasks", Status: status})
		f.fake.ResetRequests()
		opts, id, err := f.importer.Options(t.Context(), "fan-1", parseQuery(t, rulesQuery), false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.importer.Run(t.Context(), f.client, "fan-1", id, opts, "", func(importer.Progress) {}); err == nil {
			t.Errorf("%d: the import goes on", status)
		}
		for _, r := range f.fake.Requests() {
			if r.Writes() {
				t.Errorf("%d: it writes %v", status, r.Commands)
			}
		}
	}
}

func TestANoteThatIsWrittenWhileAnImportIsShownStays(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	f.games.edit("0022600002", func(g *schedule.Game) { g.Arena = "Causeway Center" })
	f.season = f.games.season(f.now)
	opts, id, err := f.importer.Options(t.Context(), "fan-1", parseQuery(t, rulesQuery), false)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := f.importer.Plan(t.Context(), f.client, "fan-1", id, opts)
	if err != nil || plan.Pending() != 1 {
		t.Fatalf("the plan has %d changes, %v", plan.Pending(), err)
	}
	f.edit("0022600002", func(task *fake.Task) { task.Description = "Bring the scarf\n\n" + task.Description })
	if _, err := f.importer.Run(t.Context(), f.client, "fan-1", id, opts, plan.Fingerprint(), func(importer.Progress) {}); err != nil {
		t.Fatal(err)
	}
	if got := f.task("0022600002").Description; !strings.HasPrefix(got, "Bring the scarf") {
		t.Errorf("the description is %q", got)
	}
}

func TestTwoGamesOfAPairThatMoveUnderOtherIDsStayTwoTasks(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	rename := func(from, to string) {
		g := f.games[from]
		delete(f.games, from)
		g.ID = to
		f.games[to] = g
	}
	rename("0022600003", "401900003")
	rename("0022600004", "401900004")
	f.update(rulesQuery)
	f.move("401900003", "2027-01-07T00:00:00Z")
	f.move("401900004", "2027-03-14T00:30:00Z")
	f.update(rulesQuery)
	f.wants("moved at the other source", denver, "2027-01-07T00:00:00Z Celtics at Magic", "2027-03-14T00:30:00Z Celtics at Magic")
}

func TestASectionIsTheMonthThatTheTaskShows(t *testing.T) {
	t.Parallel()
	f := newFan(t, "team=BOS&sections=month&timezone=Europe/Berlin")
	f.games.game("0022600005", "BOS", "MIA", "2026-12-01T00:30:00Z") // 30 November in Miami
	f.update(rulesQuery)
	task := f.task("0022600005")
	for _, s := range f.account.Sections(task.ProjectID) {
		if s.ID == task.SectionID && s.Name != "December 2026" {
			t.Errorf("1 December in Berlin stands in %s", s.Name)
		}
	}
	if task.SectionID == "" {
		t.Error("the task is in no section")
	}
}

func TestAGameThatWasMovedAndPlayedGetsItsRealDate(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	f.move("0022600003", "2026-12-12T00:00:00Z")
	f.now = time.Date(2026, 12, 14, 12, 0, 0, 0, time.UTC)
	f.update(rulesQuery)
	f.wants("played earlier than it was set for", denver, "2026-12-12T00:00:00Z Celtics at Magic", march)

	f.postpone("0022600004")
	f.update(rulesQuery)
	f.move("0022600004", "2027-04-02T00:00:00Z")
	f.now = time.Date(2027, 4, 4, 12, 0, 0, 0, time.UTC)
	f.update(rulesQuery)
	f.wants("made up and played", denver, "2026-12-12T00:00:00Z Celtics at Magic", "2027-04-02T00:00:00Z Celtics at Magic")
}

func TestAMakeUpGameUnderAnotherIDIsTheTaskThatWaits(t *testing.T) {
	t.Parallel()
	for _, shell := range []bool{true, false} {
		f := newFan(t, "team=BOS&games=all")
		f.postpone("0022600004")
		f.update(rulesQuery)
		if !shell {
			delete(f.games, "0022600004")
		}
		f.games.game("401909999", "BOS", "ORL", "2027-04-02T00:00:00Z")
		f.now = time.Date(2027, 4, 4, 12, 0, 0, 0, time.UTC)
		for range 2 {
			f.update(rulesQuery)
			f.wants(fmt.Sprintf("made up, shell %v", shell), "2026-10-21T23:30:00Z Celtics at Knicks", denver, january, "2027-04-02T00:00:00Z Celtics at Magic")
		}
	}
}

func TestAnotherSeasonTouchesNothing(t *testing.T) {
	t.Parallel()
	f := newFan(t, rulesQuery)
	f.season = &schedule.Season{Label: "2027-28", AsOf: f.now}
	f.run(rulesQuery)
	f.wants("in the next season", denver, january, march)
}

func TestAProjectThatItsOwnerDeletedEndsItsImport(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("del", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=MIA").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	id := b.importIn(project)
	if err := account.DeleteProject(project); err != nil {
		t.Fatal(err)
	}
	b.get("/projects").want(http.StatusOK).has("archived in your Todoist, or gone")
	b.get("/projects/" + id).want(http.StatusNotFound).has("no longer exists")
	b.get("/projects").want(http.StatusOK).has("Nothing here yet")
	b.importTeam("team=MIA").want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "MIA", lateSeason)

	// The import page begins anew by itself.
	if err := account.DeleteProject(onlyProject(t, account).ID); err != nil {
		t.Fatal(err)
	}
	again := b.get(b.get("/import?team=MIA").want(http.StatusSeeOther).location())
	b.post("/imports", again.want(http.StatusOK).form("post", "/imports")).want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "MIA", lateSeason)
}

func TestAnArchivedProjectPausesItsImport(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("arc", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=MIA").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	id := b.importIn(project)
	form := b.get("/import?import="+id+"&priority=1").want(http.StatusOK).form("post", "/imports")
	if err := account.ArchiveProject(project, true); err != nil {
		t.Fatal(err)
	}
	s.fake.ResetRequests()
	b.get("/projects/" + id).want(http.StatusNotFound).has("archived in Todoist")
	b.get("/import?team=MIA").want(http.StatusUnprocessableEntity).has("archived in Todoist")
	b.post("/imports", form).want(http.StatusUnprocessableEntity).has("archived in Todoist")
	if _, writes := s.requests(); writes != 0 {
		t.Errorf("there were %d writes", writes)
	}
	if err := account.ArchiveProject(project, false); err != nil {
		t.Fatal(err)
	}
	b.post("/imports", form).want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "MIA", lateSeason)
}

func TestAProjectPageShowsTheDateThatItsOwnerGaveAGame(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("own", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	task := tasks(account, project)[0] // at Sacramento on 21 November, 22:00 in New York
	if err := account.EditTask(task.ID, func(task *fake.Task) {
		task.Due = &fake.Due{Date: "2026-11-22T17:00:00Z", Timezone: "America/New_York"}
	}); err != nil {
		t.Fatal(err)
	}
	id := b.importIn(project)
	b.get("/projects/" + id).want(http.StatusOK)
	b.get("/projects/" + id).want(http.StatusOK).has("Sun 22 Nov , 12:00 PM").has("The league has it on Sat 21 Nov, 10:00 PM.")
}

func TestADeletedGameIsHadBackFromAPreviewThatNamesIt(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("bak", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	task := tasks(account, onlyProject(t, account).ID)[0]
	if err := account.DeleteTask(task.ID); err != nil {
		t.Fatal(err)
	}
	form := b.get("/import?team=BOS&again="+gameIn(task)).want(http.StatusOK).form("post", "/imports")
	b.post("/imports", form).want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "BOS", midSeason)
}
