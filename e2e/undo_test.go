package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// snapshot is all that an owner can see in an account.
func snapshot(a *fake.Account) []string {
	var all []string
	for _, p := range a.Projects() {
		if !p.Deleted {
			p.UpdatedAt = time.Time{}
			all = append(all, fmt.Sprintf("project %+v", p))
		}
	}
	for _, x := range a.Sections("") {
		if !x.Deleted {
			x.UpdatedAt = time.Time{}
			all = append(all, fmt.Sprintf("section %+v", x))
		}
	}
	for _, t := range a.Tasks("") {
		if !t.Deleted {
			t.UpdatedAt = time.Time{}
			due := fmt.Sprintf("%+v", t.Due)
			t.Due = nil
			all = append(all, fmt.Sprintf("task %+v due %s", t, due))
		}
	}
	for _, r := range a.Reminders("") {
		if !r.Deleted {
			all = append(all, fmt.Sprintf("reminder %+v", r))
		}
	}
	slices.Sort(all)
	return all
}

// wantSnapshot fails the test unless the account is as it was.
func wantSnapshot(t *testing.T, a *fake.Account, want []string) {
	t.Helper()
	got := snapshot(a)
	for _, x := range got {
		if !slices.Contains(want, x) {
			t.Errorf("this was not there before: %.300s", x)
		}
	}
	for _, x := range want {
		if !slices.Contains(got, x) {
			t.Errorf("this is not there any more: %.300s", x)
		}
	}
}

// takeBack presses the button on a project's page of removal, and says yes when
// Todoist asks.
func (b *browser) takeBack(a *fake.Account, project string, fields ...string) {
	b.t.Helper()
	path := "/projects/" + b.importIn(project) + "/remove"
	form := b.get(path).want(http.StatusOK).form("post", path)
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	p := b.post(path, form).want(http.StatusSeeOther)
	if asked := p.location(); strings.Contains(asked, "/oauth/authorize") {
		u, err := url.Parse(asked)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, scope := range []string{"data:read_write", "data:delete", "project:delete"} {
			if !slices.Contains(strings.Split(u.Query().Get("scope"), ","), scope) {
				b.t.Errorf("Todoist is asked for %s, without %s", u.Query().Get("scope"), scope)
			}
		}
		back, err := b.site.fake.Consent(asked, a)
		if err != nil {
			b.t.Fatal(err)
		}
		at := b.get(back).want(http.StatusSeeOther).location()
		if page, _, _ := strings.Cut(at, "?"); page != path {
			b.t.Errorf("the consent leads to %s, want %s", at, path)
		}
		again := b.get(at).want(http.StatusOK)
		// What was ticked is ticked still.
		form = again.form("post", path)
		for i := 0; i+1 < len(fields); i += 2 {
			if got := form.Get(fields[i]); got != fields[i+1] {
				b.t.Errorf("after the consent the page has %s=%q, want %q", fields[i], got, fields[i+1])
			}
		}
		if strings.Contains(text(again.body), "Todoist asks you first") {
			b.t.Error("the page announces a second consent")
		}
		p = b.post(path, form).want(http.StatusSeeOther)
	}
	if at := p.location(); !strings.HasPrefix(at, "/projects") || strings.Contains(at, "authorize") {
		b.t.Errorf("the removal leads to %s", at)
	}
}

// furnish gives an account things of its own, and returns a project of them.
func furnish(a *fake.Account) (project string) {
	project = a.AddProject(fake.Project{Name: "Sports", Color: "teal"})
	other := a.AddProject(fake.Project{Name: "Boston Celtics fan club"})
	running := a.AddSection(fake.Section{ProjectID: project, Name: "Running"})
	a.AddSection(fake.Section{ProjectID: project, Name: "Empty"})
	a.AddTask(fake.Task{ProjectID: project, SectionID: running, Content: "Five miles", Labels: []string{"run"}})
	a.AddTask(fake.Task{ProjectID: project, Content: "Buy shoes", Due: &fake.Due{Date: "2026-12-01"}})
	a.AddTask(fake.Task{ProjectID: other, Content: "Celtics vs Nets"})
	inbox := a.AddTask(fake.Task{Content: "Call mum", Due: &fake.Due{Date: "2026-11-21T18:00:00Z", Timezone: "America/New_York"}})
	a.AddReminder(fake.Reminder{TaskID: inbox, MinuteOffset: 30})
	return project
}

func TestTakingAnImportBackLeavesTheAccountAsItWas(t *testing.T) {
	t.Parallel()
	const options = "team=BOS&sections=month&reminder=30&duration=150&labels=nba"
	for name, tt := range map[string]struct {
		target string // "" for a new project
		query  string
		// meanwhile is what the owner does between the import and its end.
		meanwhile func(a *fake.Account, project string)
		fields    []string
	}{
		"a project of its own": {query: options},
		"a project of its own, renamed and with tasks edited": {query: options, meanwhile: func(a *fake.Account, project string) {
			a.RenameProject(project, "Green")
			for _, task := range tasks(a, project)[:5] {
				a.EditTask(task.ID, func(t *fake.Task) { t.Content, t.Priority = "Watch with Jo", 4 })
			}
		}},
		"a project of its own with completed tasks, which are asked for too": {query: options, fields: []string{"completed", "1"},
			meanwhile: func(a *fake.Account, project string) {
				for _, task := range tasks(a, project)[:3] {
					a.CompleteTask(task.ID)
				}
			}},
		"a project that was there":                   {target: "sports", query: options},
		"a project that was there, without sections": {target: "sports", query: "team=BOS"},
		"the Inbox":                  {target: "inbox", query: options},
		"the Inbox without sections": {target: "inbox", query: "team=BOS&team=NYK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, lateSeason)
			account := s.account("una", fake.Pro)
			sports := furnish(account)
			before := snapshot(account)
			b := s.browser().signIn(account)
			target := map[string]string{"sports": sports, "inbox": account.InboxID()}[tt.target]
			query := tt.query
			if target != "" {
				query += "&target=" + target
			}
			done := b.importTeam(query).want(http.StatusSeeOther)
			id, _, _ := strings.Cut(strings.TrimPrefix(done.location(), "/projects/"), "?")
			project := target
			if project == "" {
				project = projects(account)[slices.IndexFunc(projects(account), func(p fake.Project) bool { return p.Name == "Boston Celtics 2026-27" })].ID
			}
			if got := b.importIn(project); got != id {
				t.Fatalf("the import leads to %s, want %s", id, got)
			}
			if len(snapshot(account)) < len(before)+25 {
				t.Fatal("nothing much was imported")
			}
			if tt.meanwhile != nil {
				tt.meanwhile(account, project)
			}
			b.takeBack(account, project, tt.fields...)
			wantSnapshot(t, account, before)
			// There is nothing left to take back.
			b.get("/projects/" + id + "/remove").want(http.StatusNotFound)
		})
	}
}

func TestTakingAnImportBackLeavesWhatTheOwnerPutIntoIt(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ivy", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS&sections=month").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	made := tasks(account, project)
	completed, last := made[0], made[len(made)-1]
	if err := account.CompleteTask(completed.ID); err != nil {
		t.Fatal(err)
	}
	own := account.AddTask(fake.Task{ProjectID: project, SectionID: last.SectionID, Content: "Book a table"})
	elsewhere := made[5]
	account.MoveTask(elsewhere.ID, account.InboxID(), "")

	b.takeBack(account, project)
	left := map[string]bool{}
	for _, task := range account.Tasks("") {
		if !task.Deleted {
			left[task.ID] = true
		}
	}
	if !left[completed.ID] || !left[own] {
		t.Error("a completed task or one of the owner's is gone")
	}
	delete(left, elsewhere.ID) // it is in another project, which keeps it or not
	if len(left) != 2 {
		t.Errorf("%d tasks are left, want 2", len(left))
	}
	var sections []string
	for _, x := range account.Sections(project) {
		if !x.Deleted {
			sections = append(sections, x.ID)
		}
	}
	for _, id := range []string{completed.SectionID, last.SectionID} {
		if !slices.Contains(sections, id) {
			t.Error("a section that holds a task is gone")
		}
	}
	if len(sections) != 2 {
		t.Errorf("%d sections are left, want the 2 that hold tasks", len(sections))
	}
	onlyProject(t, account)
}

// TestARemovalWithoutConsentRemovesNothing presses the button
// again after the owner said no.
func TestARemovalWithoutConsentRemovesNothing(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("nic", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	before := snapshot(account)
	path := "/projects/" + b.importIn(project) + "/remove"
	asked := b.post(path, b.get(path).want(http.StatusOK).form("post", path)).want(http.StatusSeeOther)
	u, err := url.Parse(asked.location())
	if err != nil {
		t.Fatal(err)
	}
	b.get("/oauth/callback?" + url.Values{"error": {"access_denied"}, "state": {u.Query().Get("state")}}.Encode())
	wantSnapshot(t, account, before)
	b.get("/projects/" + b.importIn(project)).want(http.StatusOK)
	b.takeBack(account, project)
	if n := len(projects(account)); n != 0 {
		t.Errorf("%d projects are left", n)
	}
}

// mayDelete lets the owner consent to the deletion that the page of a removal
// asks for.
func (b *browser) mayDelete(a *fake.Account, path string) {
	b.t.Helper()
	asked := b.post(path, b.get(path).want(http.StatusOK).form("post", path)).want(http.StatusSeeOther)
	back, err := b.site.fake.Consent(asked.location(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	b.get(back).want(http.StatusSeeOther)
}

// TestARemovalCutShortSaysHowFarItCame presses the button until all is gone,
// with something in the way each time.
func TestARemovalCutShortSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("cut", fake.Pro)
	sports := furnish(account)
	before := snapshot(account)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS&team=NYK&target=" + sports).want(http.StatusSeeOther)
	all := len(tasks(account, sports)) - 2
	path := "/projects/" + b.importIn(sports) + "/remove"
	b.mayDelete(account, path)
	for _, tt := range []struct {
		fault  fake.Fault
		status int
		says   string
	}{
		{fake.Fault{Command: "item_delete", Status: http.StatusTooManyRequests, RetryAfter: 100, Nth: 2}, http.StatusServiceUnavailable,
			fmt.Sprintf("100 of %d tasks are gone, and nothing else was touched. Try again in 100 seconds.", all)},
		{fake.Fault{Command: "item_delete", Refuse: &fake.Error{Message: "No", Code: 1, Tag: "FORBIDDEN", HTTP: http.StatusForbidden}, CommandIndex: 3},
			http.StatusBadGateway, fmt.Sprintf("Todoist refused it. %d of %d tasks are gone", all-101, all-100)},
	} {
		remove := s.fake.Fail(tt.fault)
		p := b.post(path, b.get(path).want(http.StatusOK).form("post", path)).want(tt.status).has("Some tasks are still there").has(tt.says)
		if !strings.Contains(p.body, `href="`+path+`"`) {
			t.Error("the page does not lead back to what is left")
		}
		remove()
	}
	b.takeBack(account, sports)
	wantSnapshot(t, account, before)
}

// TestATaskOfTheOwnersBelowAGameOutlivesIt is about what Todoist would delete along.
func TestATaskOfTheOwnersBelowAGameOutlivesIt(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("sub", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS&sections=month").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	own := account.AddTask(fake.Task{ProjectID: project, ParentID: tasks(account, project)[7].ID, Content: "Buy tickets"})
	// It cannot be moved out of the way at first, and nothing is deleted then.
	remove := s.fake.Fail(fake.Fault{Command: "item_move", Refuse: &fake.Error{Message: "No", Code: 1, Tag: "FORBIDDEN", HTTP: http.StatusForbidden}})
	path := "/projects/" + b.importIn(project) + "/remove"
	b.mayDelete(account, path)
	before := snapshot(account)
	b.post(path, b.get(path).want(http.StatusOK).form("post", path)).want(http.StatusBadGateway).has("0 of 65 tasks are gone")
	wantSnapshot(t, account, before)
	remove()
	b.takeBack(account, project)
	if left := tasks(account, ""); len(left) != 1 || left[0].ID != own || left[0].ParentID != "" {
		t.Errorf("these are left: %+v", left)
	}
}
