package fake_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// names are one field of the objects in a list.
func names(list any, field string) []string {
	var out []string
	for _, x := range list.([]any) {
		out = append(out, x.(map[string]any)[field].(string))
	}
	return out
}

func TestListsArePaged(t *testing.T) {
	w := newWorld(t)
	p := w.pro.AddProject(fake.Project{Name: "P"})
	for i := range 120 {
		w.pro.AddTask(fake.Task{ProjectID: p, Content: fmt.Sprint("t", i)})
	}
	for _, tt := range []struct {
		limit string
		pages []int
	}{{"", []int{50, 50, 20}}, {"limit=100", []int{100, 20}}, {"limit=200", []int{120}}, {"limit=60", []int{60, 60}}} {
		var pages []int
		seen := map[string]bool{}
		cursor := ""
		for {
			path := "/api/v1/tasks?project_id=" + p + "&" + tt.limit + "&cursor=" + cursor
			got := w.request("GET", path, "token-pro", nil).object(t)
			for _, id := range names(got["results"], "id") {
				seen[id] = true
			}
			pages = append(pages, len(got["results"].([]any)))
			if got["next_cursor"] == nil {
				break
			}
			cursor = got["next_cursor"].(string)
		}
		if !slices.Equal(pages, tt.pages) || len(seen) != 120 {
			t.Errorf("%q: pages of %v with %d tasks, want %v", tt.limit, pages, len(seen), tt.pages)
		}
	}
	const invalid = "INVALID_ARGUMENT_VALUE"
	for _, limit := range []string{"201", "0", "-1", "all"} {
		wantTag(t, w.request("GET", "/api/v1/tasks?limit="+limit, "token-pro", nil), 400, invalid, 20)
	}
	cursor := w.request("GET", "/api/v1/tasks?project_id="+p, "token-pro", nil).object(t)["next_cursor"].(string)
	wantTag(t, w.request("GET", "/api/v1/tasks?cursor="+cursor, "token-pro", nil), 400, invalid, 20)
	wantTag(t, w.request("GET", "/api/v1/projects?project_id="+p+"&cursor="+cursor, "token-pro", nil), 400, invalid, 20)
	wantTag(t, w.request("GET", "/api/v1/tasks?cursor=x", "token-pro", nil), 400, invalid, 20)
	if r := w.request("GET", "/api/v1/tasks?cursor="+cursor, "token-free", nil); r.status != 400 {
		t.Error("the cursor of another user is good")
	}
}

func TestProjectsByREST(t *testing.T) {
	w := newWorld(t)
	made := w.request("POST", "/api/v1/projects", "token-pro", obj{"name": "NBA: Lakers", "color": "grape", "view_style": "board", "is_favorite": true}).object(t)
	id := made["id"].(string)
	if made["color"] != "grape" || made["view_style"] != "board" || made["is_favorite"] != true {
		t.Errorf("got %v", made)
	}
	path := "/api/v1/projects/" + id
	if got := w.request("POST", path, "token-pro", obj{"name": "Lakers"}).object(t); got["name"] != "Lakers" || got["color"] != "grape" {
		t.Errorf("got %v", got)
	}
	for _, tt := range []struct {
		query string
		want  int
	}{{"lak", 1}, {"l*s", 1}, {"celtics", 0}, {"*", 2}, {"(", 0}} {
		got := w.request("GET", "/api/v1/projects/search?query="+url.QueryEscape(tt.query), "token-pro", nil).object(t)
		if n := len(got["results"].([]any)); n != tt.want {
			t.Errorf("%q finds %d, want %d", tt.query, n, tt.want)
		}
	}
	if got := w.request("POST", path+"/archive", "token-pro", nil).object(t); got["is_archived"] != true {
		t.Errorf("got %v", got)
	}
	list := func(path string) []string {
		return names(w.request("GET", path, "token-pro", nil).object(t)["results"], "name")
	}
	if got := list("/api/v1/projects"); !slices.Equal(got, []string{"Inbox"}) {
		t.Errorf("active: %v", got)
	}
	if got := list("/api/v1/projects/archived"); !slices.Equal(got, []string{"Lakers"}) {
		t.Errorf("archived: %v", got)
	}
	w.request("POST", path+"/unarchive", "token-pro", nil)
	if r := w.request("DELETE", path, "token-pro", nil); r.status != 204 || r.body != "" {
		t.Errorf("delete: %d %q", r.status, r.body)
	}
	if got := w.request("GET", path, "token-pro", nil).object(t); got["is_deleted"] != true {
		t.Errorf("a deleted project reads %v", got)
	}
	if got := list("/api/v1/projects"); !slices.Equal(got, []string{"Inbox"}) {
		t.Errorf("after the delete: %v", got)
	}
}

func TestIDsThatAreNotThere(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path string
		status       int
		tag          string
		code         int
	}{
		{"GET", "/projects/" + unknownID, 400, "INVALID_ARGUMENT_VALUE", 20},
		{"GET", "/projects/2203306141", 400, "INVALID_ARGUMENT_VALUE", 20},
		{"GET", "/tasks?project_id=" + unknownID, 400, "INVALID_ARGUMENT_VALUE", 20},
		{"DELETE", "/projects/" + unknownID, 400, "INVALID_ARGUMENT_VALUE", 20},
		{"GET", "/tasks/" + unknownID, 404, "NOT_FOUND", 478},
		{"GET", "/tasks/tmp-1", 400, "INVALID_ARGUMENT_VALUE", 20},
		{"POST", "/tasks/" + unknownID + "/close", 404, "NOT_FOUND", 478},
		{"DELETE", "/tasks/" + unknownID, 404, "NOT_FOUND", 478},
		{"GET", "/sections/" + unknownID, 404, "NOT_FOUND", 478},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			wantTag(t, w.request(tt.method, "/api/v1"+tt.path, "token-pro", nil), tt.status, tt.tag, tt.code)
		})
	}
	// What belongs to another user is as unknown as what never was.
	wantTag(t, w.request("GET", "/api/v1/projects/"+w.free.InboxID(), "token-pro", nil), 400, "INVALID_ARGUMENT_VALUE", 20)
	id := w.free.AddTask(fake.Task{Content: "private"})
	wantTag(t, w.request("GET", "/api/v1/tasks/"+id, "token-pro", nil), 404, "NOT_FOUND", 478)
	if tag, _ := w.refuse("token-pro", cmd("item_delete", "", obj{"id": id})); tag != "ITEM_NOT_FOUND" {
		t.Errorf("another user's task: %s", tag)
	}
}

func TestTasksByREST(t *testing.T) {
	w := newWorld(t)
	p := w.pro.AddProject(fake.Project{Name: "P"})
	s := w.pro.AddSection(fake.Section{ProjectID: p, Name: "S"})
	add := func(body obj) obj {
		t.Helper()
		r := w.request("POST", "/api/v1/tasks", "token-pro", body)
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return r.object(t)
	}
	game := add(obj{"content": "Celtics at Knicks", "project_id": p, "section_id": s, "labels": []string{"nba"}, "priority": 3, "order": 7,
		"due_datetime": "2026-10-21T19:30:00-04:00", "duration": 150, "duration_unit": "minute", "deadline_date": "2026-10-30"})
	due := game["due"].(map[string]any)
	if due["date"] != "2026-10-21T23:30:00Z" || due["timezone"] != "Europe/Berlin" || game["child_order"] != 7.0 || game["section_id"] != s ||
		fmt.Sprint(game["duration"]) != "map[amount:150 unit:minute]" || fmt.Sprint(game["deadline"]) != "map[date:2026-10-30 lang:en]" {
		t.Errorf("got %v", game)
	}
	day := add(obj{"content": "day", "due_date": "2026-10-22"})
	if day["project_id"] != w.pro.InboxID() || day["due"].(map[string]any)["timezone"] != nil {
		t.Errorf("got %v", day)
	}
	add(obj{"content": "text", "due_string": "tomorrow", "due_lang": "en", "parent_id": game["id"]})
	for _, bad := range []obj{{}, {"content": "x", "due_date": "2026-10-22T10:00:00Z"}, {"content": "x", "project_id": "p"}, {"content": "x", "duration": 5}} {
		if r := w.request("POST", "/api/v1/tasks", "token-pro", bad); r.status != 400 {
			t.Errorf("%v: %d %s", bad, r.status, r.body)
		}
	}
	path := "/api/v1/tasks/" + game["id"].(string)
	if got := w.request("POST", path, "token-pro", obj{"content": "Knicks vs Celtics", "due_string": "no date"}).object(t); got["content"] != "Knicks vs Celtics" || got["due"] != nil || got["duration"] != nil {
		t.Errorf("got %v", got)
	}
	list := func(query string) []string {
		t.Helper()
		return names(w.request("GET", "/api/v1/tasks?"+query, "token-pro", nil).object(t)["results"], "content")
	}
	for query, want := range map[string]string{
		"":                                    "[Knicks vs Celtics day text]",
		"project_id=" + p:                     "[Knicks vs Celtics text]",
		"section_id=" + s:                     "[Knicks vs Celtics text]",
		"parent_id=" + fmt.Sprint(game["id"]): "[text]",
		"label=nba":                           "[Knicks vs Celtics]",
		"ids=" + fmt.Sprint(day["id"]):        "[day]",
	} {
		if got := fmt.Sprint(list(query)); got != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
	if got := w.request("POST", path+"/move", "token-pro", obj{"project_id": w.pro.InboxID()}).object(t); got["project_id"] != w.pro.InboxID() || got["section_id"] != nil {
		t.Errorf("got %v", got)
	}
	for _, step := range []struct {
		method, path string
		check        func(fake.Task) bool
	}{
		{"POST", path + "/close", func(t fake.Task) bool { return t.Checked }},
		{"POST", path + "/reopen", func(t fake.Task) bool { return !t.Checked }},
		{"DELETE", path, func(t fake.Task) bool { return t.Deleted }},
	} {
		if r := w.request(step.method, step.path, "token-pro", nil); r.status != 204 {
			t.Errorf("%s: %d %s", step.path, r.status, r.body)
		}
		if got, _ := w.pro.Task(game["id"].(string)); !step.check(got) {
			t.Errorf("after %s %s: %+v", step.method, step.path, got)
		}
	}
	if got := w.request("GET", path, "token-pro", nil).object(t); got["is_deleted"] != true {
		t.Errorf("a deleted task reads %v", got)
	}
}

func TestSectionsAndLabelsByREST(t *testing.T) {
	w := newWorld(t)
	p := w.pro.AddProject(fake.Project{Name: "P"})
	made := w.request("POST", "/api/v1/sections", "token-pro", obj{"name": "October", "project_id": p, "order": 4}).object(t)
	path := "/api/v1/sections/" + made["id"].(string)
	if made["section_order"] != 4.0 || made["project_id"] != p {
		t.Errorf("got %v", made)
	}
	if got := w.request("POST", path, "token-pro", obj{"name": "November"}).object(t); got["name"] != "November" {
		t.Errorf("got %v", got)
	}
	if got := w.request("GET", "/api/v1/sections?project_id="+p, "token-pro", nil).object(t); fmt.Sprint(names(got["results"], "name")) != "[November]" {
		t.Errorf("got %v", got)
	}
	if r := w.request("DELETE", path, "token-pro", nil); r.status != 204 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if got := w.request("GET", path, "token-pro", nil).object(t); got["is_deleted"] != true {
		t.Errorf("got %v", got)
	}
	label := w.request("POST", "/api/v1/labels", "token-pro", obj{"name": "nba", "color": "orange"}).object(t)
	if label["name"] != "nba" || strings.Trim(label["id"].(string), "0123456789") != "" {
		t.Errorf("got %v", label)
	}
	if r := w.request("POST", "/api/v1/labels", "token-pro", obj{"name": "NBA"}); r.status != 400 {
		t.Errorf("the same label again: %d", r.status)
	}
	if got := w.request("GET", "/api/v1/labels", "token-pro", nil).object(t); len(got["results"].([]any)) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestCompletedTasksAreReadByTheirDay(t *testing.T) {
	w := newWorld(t)
	p := w.pro.AddProject(fake.Project{Name: "P"})
	var ids []string
	for i := range 3 {
		ids = append(ids, w.pro.AddTask(fake.Task{ProjectID: p, Content: fmt.Sprint(i)}))
		if err := w.pro.CompleteTask(ids[i]); err != nil {
			t.Fatal(err)
		}
		w.advance(24 * time.Hour)
	}
	if err := w.pro.DeleteTask(ids[0]); err != nil {
		t.Fatal(err)
	}
	inbox := w.pro.AddTask(fake.Task{Content: "elsewhere"})
	if err := w.pro.CompleteTask(inbox); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ query, want string }{
		"all":                        {"since=2026-09-01T00:00:00Z&until=2026-11-30T00:00:00Z", "[elsewhere 2 1]"},
		"of a project":               {"since=2026-09-01&until=2026-11-30&project_id=" + p, "[2 1]"},
		"of a day":                   {"since=2026-10-02T00:00:00Z&until=2026-10-02T23:59:59Z", "[1]"},
		"three months are the limit": {"since=2026-08-01T00:00:00Z&until=2026-11-01T00:00:00Z&limit=1", "[elsewhere]"},
	} {
		got := w.request("GET", "/api/v1/tasks/completed/by_completion_date?"+tt.query, "token-pro", nil).object(t)
		if s := fmt.Sprint(names(got["items"], "content")); s != tt.want {
			t.Errorf("%s: got %s, want %s", name, s, tt.want)
		}
		if more := got["next_cursor"] != nil; more != strings.Contains(tt.query, "limit") {
			t.Errorf("%s: next_cursor is %v", name, got["next_cursor"])
		}
	}
	for _, query := range []string{"", "since=2026-10-01", "since=2026-08-01T00:00:00Z&until=2026-11-01T00:00:01Z", "since=2026-10-02&until=2026-10-01", "since=x&until=y"} {
		if r := w.request("GET", "/api/v1/tasks/completed/by_completion_date?"+query, "token-pro", nil); r.status != 400 {
			t.Errorf("%q: %d", query, r.status)
		}
	}
}

func TestRESTNeedsScopes(t *testing.T) {
	w := newWorld(t)
	p := w.pro.AddProject(fake.Project{Name: "P"})
	task := w.pro.AddTask(fake.Task{ProjectID: p, Content: "T"})
	reader, _ := w.s.IssueTokens(w.pro, "data:read")
	writer, _ := w.s.IssueTokens(w.pro, "data:read_write")
	for _, tt := range []struct {
		token, method, path string
		status              int
	}{
		{reader, "GET", "/projects", 200},
		{reader, "POST", "/projects", 403},
		{reader, "POST", "/tasks", 403},
		{reader, "POST", "/tasks/" + task + "/close", 403},
		{writer, "POST", "/tasks/" + task + "/close", 204},
		{writer, "DELETE", "/tasks/" + task, 403},
		{writer, "DELETE", "/projects/" + p, 403},
		{"", "GET", "/projects", 401},
		{"x", "GET", "/projects", 401},
	} {
		if r := w.request(tt.method, "/api/v1"+tt.path, tt.token, nil); r.status != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, r.status, tt.status)
		}
	}
	r := w.request("POST", "/api/v1/tasks", writer, `{"content":"`+strings.Repeat("x", 1<<20)+`"}`)
	if r.status != 413 {
		t.Errorf("a body over a mebibyte: %d", r.status)
	}
	if r := w.request("POST", "/api/v1/tasks", writer, "{"); r.status != 400 {
		t.Errorf("no JSON: %d", r.status)
	}
}
