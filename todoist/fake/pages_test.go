package fake_test

import (
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// page gets a page of the demo's, which must be there.
func (w *world) page(path string) string {
	w.t.Helper()
	r := w.request("GET", "/demo/todoist"+path, "", nil)
	if r.status != 200 {
		w.t.Fatalf("%s: %d %s", path, r.status, r.body)
	}
	if csp := r.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") {
		w.t.Errorf("%s: the policy is %q", path, csp)
	}
	for _, inline := range []string{"<script", " style=", "<style", "onclick"} {
		if strings.Contains(r.body, inline) {
			w.t.Errorf("%s has %q", path, inline)
		}
	}
	return r.body
}

// inOrder fails unless the page says all of it in this order.
func inOrder(t *testing.T, page string, texts ...string) {
	t.Helper()
	rest := page
	for _, text := range texts {
		at := strings.Index(rest, text)
		if at < 0 {
			t.Errorf("the page does not say %q, or not there, in\n%s", text, page)
			return
		}
		rest = rest[at+len(text):]
	}
}

func TestTheDemosPagesWriteDatesAsTheAccountHasThem(t *testing.T) {
	w := newWorld(t)
	a := w.s.AddAccount(fake.Profile{ID: "1003", Name: "Month first", Zone: "America/New_York", TimeFormat: 1, DateFormat: 1})
	p := a.AddProject(fake.Project{Name: "Celtics"})
	a.AddTask(fake.Task{ProjectID: p, Content: "Celtics at Knicks", Due: &fake.Due{Date: "2026-10-22T23:30:00Z", Timezone: "America/New_York"}})
	inOrder(t, w.page("/1003/projects/"+p), "Celtics at Knicks", "Thu, Oct 22, 2026, 7:30 PM")
}

func TestTheDemosPagesShowWhatTodoistWould(t *testing.T) {
	w := newWorld(t)
	a := w.pro // Berlin, on a clock of twelve hours
	p := a.AddProject(fake.Project{Name: "Boston Celtics 2026-27", Color: "green"})
	october := a.AddSection(fake.Section{ProjectID: p, Name: "October"})
	a.AddSection(fake.Section{ProjectID: p, Name: "November"})
	late := a.AddTask(fake.Task{ProjectID: p, SectionID: october, Content: "Celtics at Knicks", Priority: 4, Labels: []string{"nba"},
		Description: "Madison Square Garden\n[on the <league's> page](https://example.com/game?a=1&b=2#mark)",
		Due:         &fake.Due{Date: "2026-10-22T23:30:00Z", Timezone: "America/New_York"}, Duration: &fake.Duration{Amount: 150, Unit: "minute"}})
	a.AddReminder(fake.Reminder{TaskID: late, MinuteOffset: 60})
	a.AddTask(fake.Task{ProjectID: p, SectionID: october, Content: "Time to be announced", Due: &fake.Due{Date: "2026-10-22"}})
	a.AddTask(fake.Task{ProjectID: p, SectionID: october, Content: "Opening night", Due: &fake.Due{Date: "2026-10-20T23:30:00Z", Timezone: "Europe/Berlin"}})
	a.AddTask(fake.Task{ProjectID: p, Content: "Loose & <b>bold</b> [x](javascript:alert(1))", Due: &fake.Due{Date: "2026-09-01"}})
	done := a.AddTask(fake.Task{ProjectID: p, Content: "Preseason"})
	if err := a.CompleteTask(done); err != nil {
		t.Fatal(err)
	}

	inOrder(t, w.page("/"), "Free", "free@example.com", "Pro", "pro@example.com", "1 project, 4 tasks")
	inOrder(t, w.page("/1002"), "Inbox", `<span class="dot c-green">`, "Boston Celtics 2026-27", "4 open, 1 done")
	page := w.page("/1002/projects/" + p)
	inOrder(t, page,
		"Boston Celtics 2026-27", "4 open tasks, 1 done",
		"Loose &amp; &lt;b&gt;bold&lt;/b&gt; [x](javascript:alert(1))", `class="overdue"`,
		"October", "Opening night", "Wed 21 Oct 2026, 1:30 AM",
		"Time to be announced", "Thu 22 Oct 2026<",
		"Celtics at Knicks", "Madison Square Garden\n", `<a href="https://example.com/game?a=1&amp;b=2#mark"`, "on the &lt;league&#39;s&gt; page",
		"Thu 22 Oct 2026, 7:30 PM", "America/New_York", "150 min", "p1", "60 min before", "@nba",
		"November", "Nothing here",
		"Done (1)", "Preseason")
	if strings.Contains(page, `href="javascript:`) {
		t.Error("a link runs a script")
	}
}

func TestAVisitorPlaysTheOwner(t *testing.T) {
	w := newWorld(t)
	a := w.free
	p := a.AddProject(fake.Project{Name: "Games"})
	id := a.AddTask(fake.Task{ProjectID: p, Content: "Game", Due: &fake.Due{Date: "2026-10-21T23:30:00Z", Timezone: "America/Los_Angeles"}})
	task, project := "/1001/tasks/"+id, "/1001/projects/"+p
	post := func(path string, form url.Values) reply {
		return w.request("POST", "/demo/todoist"+path, "", form)
	}
	now := func() fake.Task { got, _ := a.Task(id); return got }

	for _, tt := range []struct {
		path  string
		form  url.Values
		to    string
		check func() bool
	}{
		{task, url.Values{"action": {"complete"}}, project + "#task-" + id, func() bool { return now().Checked }},
		{task, url.Values{"action": {"reopen"}}, project + "#task-" + id, func() bool { return !now().Checked }},
		{task, url.Values{"action": {"edit"}, "content": {" Mine "}, "date": {"2026-10-22"}, "time": {"18:00"}}, project + "#task-" + id, func() bool {
			return now().Content == "Mine" && now().Due.Date == "2026-10-23T01:00:00Z" && now().Due.Timezone == "America/Los_Angeles" && now().Due.String == "2026-10-22 21:00"
		}},
		{task, url.Values{"action": {"edit"}, "content": {"Mine"}, "date": {"2026-10-22"}, "time": {""}}, project + "#task-" + id, func() bool { return now().Due.Date == "2026-10-22" && now().Due.Timezone == "" }},
		{task, url.Values{"action": {"edit"}, "content": {"Mine"}, "date": {""}}, project + "#task-" + id, func() bool { return now().Due == nil }},
		{task, url.Values{"action": {"delete"}}, project, func() bool { return now().Deleted }},
		{project, url.Values{"action": {"rename"}, "name": {"Renamed"}}, project, func() bool { p, _ := a.Project(p); return p.Name == "Renamed" }},
		{project, url.Values{"action": {"archive"}}, "/1001", func() bool { p, _ := a.Project(p); return p.Archived }},
		{project, url.Values{"action": {"unarchive"}}, project, func() bool { p, _ := a.Project(p); return !p.Archived }},
		{project, url.Values{"action": {"delete"}}, "/1001", func() bool { p, _ := a.Project(p); return p.Deleted }},
	} {
		r := post(tt.path, tt.form)
		if r.status != 303 || r.header.Get("Location") != "/demo/todoist"+tt.to {
			t.Errorf("%v: %d to %q", tt.form, r.status, r.header.Get("Location"))
		}
		if !tt.check() {
			t.Errorf("%v changed nothing", tt.form)
		}
	}

	other := a.AddTask(fake.Task{Content: "x"})
	for name, tt := range map[string]struct {
		path   string
		form   url.Values
		status int
	}{
		"a blank task":             {"/1001/tasks/" + other, url.Values{"action": {"edit"}, "content": {" "}}, 400},
		"a date that is none":      {"/1001/tasks/" + other, url.Values{"action": {"edit"}, "content": {"x"}, "date": {"soon"}}, 400},
		"a time that is none":      {"/1001/tasks/" + other, url.Values{"action": {"edit"}, "content": {"x"}, "date": {"2026-10-22"}, "time": {"late"}}, 400},
		"no action":                {"/1001/tasks/" + other, url.Values{}, 400},
		"a task that is deleted":   {task, url.Values{"action": {"complete"}}, 404},
		"another account's task":   {"/1002/tasks/" + other, url.Values{"action": {"delete"}}, 404},
		"an unknown account":       {"/1/tasks/" + other, url.Values{"action": {"delete"}}, 404},
		"a deleted project":        {project, url.Values{"action": {"rename"}, "name": {"x"}}, 404},
		"a blank project":          {"/1001/projects/" + a.InboxID(), url.Values{"action": {"rename"}, "name": {""}}, 400},
		"the Inbox renamed":        {"/1001/projects/" + a.InboxID(), url.Values{"action": {"rename"}, "name": {"x"}}, 400},
		"the Inbox deleted":        {"/1001/projects/" + a.InboxID(), url.Values{"action": {"delete"}}, 404},
		"a project name too long":  {"/1001/projects/" + a.InboxID(), url.Values{"action": {"rename"}, "name": {strings.Repeat("x", 121)}}, 400},
		"a form that is too large": {"/1001/tasks/" + other, url.Values{"action": {strings.Repeat("x", 1<<17)}}, 400},
	} {
		if r := post(tt.path, tt.form); r.status != tt.status {
			t.Errorf("%s: %d, want %d", name, r.status, tt.status)
		}
	}
	r := httptest.NewRequest("POST", "/demo/todoist/1001/tasks/"+other, strings.NewReader("action=delete"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := w.serve(r); got.status != 403 {
		t.Errorf("another site's form: %d", got.status)
	}
	if got, _ := a.Task(other); got.Deleted || got.Content != "x" {
		t.Errorf("a refused form changed the task: %+v", got)
	}
}

func TestTodoistsOwnAddressesLeadToThePages(t *testing.T) {
	w := newWorld(t, func(c *fake.Config) { c.PublicPath = "/tipoff" })
	p := w.pro.AddProject(fake.Project{Name: "P"})
	task := w.pro.AddTask(fake.Task{ProjectID: p, Content: "T"})
	for path, want := range map[string]string{
		"/app/project/" + p:         "/tipoff/demo/todoist/1002/projects/" + p,
		"/app/task/" + task:         "/tipoff/demo/todoist/1002/projects/" + p + "#task-" + task,
		"/app/project/" + unknownID: "",
		"/app/task/" + unknownID:    "",
	} {
		if r := w.request("GET", "/demo/todoist"+path, "", nil); r.header.Get("Location") != want || (r.status == 404) != (want == "") {
			t.Errorf("%s: %d to %q, want %q", path, r.status, r.header.Get("Location"), want)
		}
	}
	// All links and forms stay below the public path.
	for _, path := range []string{"/", "/1002", "/1002/projects/" + p} {
		for _, m := range regexp.MustCompile(`(?:href|action)="(/[^"]*)"`).FindAllStringSubmatch(w.page(path), -1) {
			if !strings.HasPrefix(m[1], "/tipoff/") {
				t.Errorf("%s leads to %s", path, m[1])
			}
		}
	}
	for _, path := range []string{"/demo/todoist/nobody", "/demo/todoist/1002/projects/" + unknownID, "/demo/todoist/a/b/c"} {
		if r := w.request("GET", path, "", nil); r.status != 404 || !strings.Contains(r.body, "There is no such") {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

func TestTheStyleSheetHasEveryColour(t *testing.T) {
	w := newWorld(t)
	r := w.request("GET", "/demo/todoist/style.css", "", nil)
	if r.status != 200 || r.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Fatalf("%d %v", r.status, r.header)
	}
	var classes []string
	for _, m := range regexp.MustCompile(`\.c-([a-z_]+) \{ background: #[0-9a-f]{6}; \}`).FindAllStringSubmatch(r.body, -1) {
		classes = append(classes, m[1])
		w.write("token-pro", cmd("project_add", "", obj{"name": "P", "color": m[1]}))
	}
	slices.Sort(classes)
	if len(slices.Compact(classes)) != 20 {
		t.Errorf("%d colours", len(classes))
	}
}
