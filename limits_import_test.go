package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// TestAnImportDoesWithoutWhatThePlanTurnsOutNotToHave is about accounts that
// are told other limits than those that their writes meet.
func TestAnImportDoesWithoutWhatThePlanTurnsOutNotToHave(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		enforced func(*fake.Limits)
		says     string
		lacks    func(*fake.Account) bool
	}{
		"durations": {func(l *fake.Limits) { l.Durations = false }, "no task durations", func(a *fake.Account) bool {
			for _, task := range a.Tasks("") {
				if task.Duration != nil {
					return false
				}
			}
			return true
		}},
		"reminders": {func(l *fake.Limits) { l.CustomReminders = false }, "no reminders", func(a *fake.Account) bool {
			return len(a.Reminders("")) == 0
		}},
		"as many reminders": {func(l *fake.Limits) { l.Reminders = 10 }, "reminders", func(a *fake.Account) bool {
			return len(a.Reminders("")) <= 10
		}},
		"as many sections": {func(l *fake.Limits) { l.SectionsPerProject = 2 }, "no more sections", func(a *fake.Account) bool {
			return len(a.Sections("")) <= 2
		}},
		"any section": {func(l *fake.Limits) { l.SectionsPerProject = 0 }, "no more sections", func(a *fake.Account) bool {
			return len(a.Sections("")) == 0
		}},
		"any of these": {func(l *fake.Limits) { l.SectionsPerProject, l.Durations, l.CustomReminders = 0, false, false }, "no task durations",
			func(a *fake.Account) bool { return len(a.Sections(""))+len(a.Reminders("")) == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, midSeason)
			account := s.account("lim", fake.Pro)
			enforced := fake.Pro.Limits()
			tt.enforced(&enforced)
			account.SetLimits(fake.Pro.Limits(), enforced)
			b := s.browser().signIn(account)
			p := b.get("/import?team=BOS&duration=150&reminder=60&sections=month").want(http.StatusOK)
			if strings.Contains(text(p.body), tt.says) {
				t.Fatalf("the plan knows already what the account has not: %q", tt.says)
			}
			form := p.form("post", "/imports")
			done := b.post("/imports", form).want(http.StatusSeeOther)
			b.get(done.location()).want(http.StatusOK).has(tt.says)
			wantExactly(t, account, embedded(), "BOS", midSeason)
			if !tt.lacks(account) {
				t.Error("the account has what it cannot have")
			}
			// An update does not try again what was refused, and leaves it to the
			// tasks to which it was granted.
			bare := url.Values{"team": {"BOS"}, "target": {onlyProject(t, account).ID}}
			s.fake.ResetRequests()
			b.post("/imports", bare).want(http.StatusSeeOther)
			if _, n := s.requests(); n != 0 {
				t.Errorf("an update wrote %d times", n)
			}
			b.get("/projects").want(http.StatusOK).has("In step")
			wantExactly(t, account, embedded(), "BOS", midSeason)
			b.post("/imports", form)
			wantExactly(t, account, embedded(), "BOS", midSeason)
		})
	}
}

// TestAnImportThatDoesNotFitStopsBeforeItWrites is about limits that are told.
func TestAnImportThatDoesNotFitStopsBeforeItWrites(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		told  func(*fake.Limits)
		query string
		says  string
	}{
		"too many projects":          {func(l *fake.Limits) { l.Projects = 0 }, "team=BOS", "no room for a new one"},
		"too many projects at once":  {func(l *fake.Limits) { l.Projects = 2 }, "team=BOS&team=NYK&team=LAL&target=each", "no room for 3 new ones"},
		"too many tasks":             {func(l *fake.Limits) { l.TasksPerProject = 50 }, "team=BOS", "room for 50 more"},
		"too many sections":          {func(l *fake.Limits) { l.SectionsPerProject = 3 }, "team=BOS&sections=month", "holds 3 sections"},
		"too many teams for project": {func(*fake.Limits) {}, "team=BOS&team=LAL&team=DEN&team=MIA&team=DAL", "holds 300 tasks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, midSeason)
			account := s.account("fit", fake.Free)
			limits := fake.Free.Limits()
			tt.told(&limits)
			account.SetLimits(limits, limits)
			b := s.browser().signIn(account)
			b.get("/import?" + tt.query).want(http.StatusOK).has(tt.says)
			s.fake.ResetRequests()
			b.post("/imports", parseForm(t, tt.query)).want(http.StatusConflict).has(tt.says)
			streamed := b.post("/imports", parseForm(t, tt.query), "Accept", "text/event-stream")
			if strings.Contains(streamed.body, "event: done") || streamed.status < 400 && !strings.Contains(streamed.body, "event: failed") {
				t.Errorf("the streamed import answers %d: %.300s", streamed.status, streamed.body)
			}
			if _, writes := s.requests(); writes != 0 || len(projects(account)) != 0 {
				t.Errorf("%d writes left %d projects", writes, len(projects(account)))
			}
		})
	}
}

// TestAnImportThatTurnsOutNotToFitSaysWhatIsMissing is about limits that nobody
// tells, and for which no feature can be left out.
func TestAnImportThatTurnsOutNotToFitSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		enforced func(*fake.Limits)
		query    string
		says     string
		tasks    int
	}{
		"projects":     {func(l *fake.Limits) { l.Projects = 0 }, "team=BOS", "no room for another project", 0},
		"one project":  {func(l *fake.Limits) { l.Projects = 1 }, "team=BOS&team=NYK&target=each", "no room for another project", len(wanted("BOS"))},
		"tasks":        {func(l *fake.Limits) { l.TasksPerProject = 20 }, "team=BOS", "The project is full", 20},
		"tasks by far": {func(l *fake.Limits) { l.TasksPerProject = 0 }, "team=BOS", "The project is full", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, midSeason)
			account := s.account("end", fake.Free)
			enforced := fake.Free.Limits()
			tt.enforced(&enforced)
			account.SetLimits(fake.Free.Limits(), enforced)
			b := s.browser().signIn(account)
			form := b.get("/import?"+tt.query).want(http.StatusOK).form("post", "/imports")
			p := b.post("/imports", form)
			if p.status < 400 {
				t.Fatalf("the import answered %d", p.status)
			}
			p.has(tt.says)
			n := 0
			for _, task := range account.Tasks("") {
				if task.ProjectID == account.InboxID() {
					t.Fatalf("%q is in the Inbox", task.Content)
				}
				n++
			}
			if n != tt.tasks {
				t.Errorf("there are %d tasks, want %d", n, tt.tasks)
			}
			// Once there is room, the same button does the rest.
			account.SetLimits(fake.Free.Limits(), fake.Free.Limits())
			b.post("/imports", form).want(http.StatusSeeOther)
			wantExactly(t, account, embedded(), "BOS", midSeason)
			if strings.Contains(tt.query, "NYK") {
				wantExactly(t, account, embedded(), "NYK", midSeason)
			}
		})
	}
}

func parseForm(t *testing.T, query string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
