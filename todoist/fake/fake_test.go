package fake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"tipoff/todoist/fake"
)

const redirectURI = "http://localhost:8080/oauth/callback"

// A world is a server with two people and a clock that a test moves.
type world struct {
	t         *testing.T
	s         *fake.Server
	free, pro *fake.Account

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, change ...func(*fake.Config)) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)}
	cfg := fake.Config{Now: w.time, ClientID: "client", ClientSecret: "client-secret", RedirectURIs: []string{redirectURI}}
	for _, f := range change {
		f(&cfg)
	}
	w.s = fake.New(cfg)
	w.free = w.s.AddAccount(fake.Profile{ID: "1001", Email: "free@example.com", Name: "Free", APIToken: "token-free", Zone: "America/New_York"})
	w.pro = w.s.AddAccount(fake.Profile{ID: "1002", Email: "pro@example.com", Name: "Pro", APIToken: "token-pro", Plan: fake.Pro, Zone: "Europe/Berlin", TimeFormat: 1})
	return w
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// A reply is what came back; dropped when the connection was closed instead.
type reply struct {
	status  int
	header  http.Header
	body    string
	dropped bool
}

// object is the reply's body as JSON.
func (r reply) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("status %d, body %q: %v", r.status, r.body, err)
	}
	return v
}

// serve gives a request to the server without a connection.
func (w *world) serve(r *http.Request) (out reply) {
	rec := httptest.NewRecorder()
	defer func() {
		switch err := recover(); err {
		case nil:
		case http.ErrAbortHandler:
			out = reply{status: rec.Code, body: rec.Body.String(), dropped: true}
		default:
			panic(err)
		}
	}()
	w.s.ServeHTTP(rec, r)
	return reply{status: rec.Code, header: rec.Header(), body: rec.Body.String()}
}

// request sends a body, JSON unless it is a url.Values, with a bearer token
// unless that is empty.
func (w *world) request(method, path, token string, body any) reply {
	w.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	switch b := body.(type) {
	case nil:
	case url.Values:
		r = httptest.NewRequest(method, path, strings.NewReader(b.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case string:
		r = httptest.NewRequest(method, path, strings.NewReader(b))
		r.Header.Set("Content-Type", "application/json")
	default:
		text, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		r = httptest.NewRequest(method, path, strings.NewReader(string(text)))
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return w.serve(r)
}

type obj = map[string]any

// cmd makes a command with a uuid of its own.
func cmd(kind, tempID string, args obj) obj {
	c := obj{"type": kind, "uuid": fmt.Sprintf("%s %s %v", kind, tempID, args), "args": args}
	if tempID != "" {
		c["temp_id"] = tempID
	}
	return c
}

// synced is the answer to a sync request.
type synced struct {
	Token   string            `json:"sync_token"`
	Full    bool              `json:"full_sync"`
	FullAt  string            `json:"full_sync_date_utc"`
	Status  map[string]any    `json:"sync_status"`
	Mapping map[string]string `json:"temp_id_mapping"`
	Items   []struct {
		ID, Content string
		ProjectID   string `json:"project_id"`
		Checked     bool
		IsDeleted   bool `json:"is_deleted"`
	}
	Projects []struct {
		ID, Name   string
		IsArchived bool `json:"is_archived"`
		IsDeleted  bool `json:"is_deleted"`
	}
	Sections  []obj
	Reminders []obj
	User      obj
	Limits    obj `json:"user_plan_limits"`
}

// sync sends a sync request that must be answered with 200.
func (w *world) sync(token string, body obj) synced {
	w.t.Helper()
	r := w.request("POST", "/api/v1/sync", token, body)
	if r.status != http.StatusOK {
		w.t.Fatalf("sync: %d %s", r.status, r.body)
	}
	var out synced
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// write sends commands, all of which must be executed, and returns the ids.
func (w *world) write(token string, commands ...obj) map[string]string {
	w.t.Helper()
	out := w.sync(token, obj{"commands": commands})
	for uuid, status := range out.Status {
		if status != "ok" {
			w.t.Fatalf("%s: %v", uuid, status)
		}
	}
	return out.Mapping
}

// refuse sends one command that must be refused and returns tag and code.
func (w *world) refuse(token string, command obj) (tag string, code int) {
	w.t.Helper()
	out := w.sync(token, obj{"commands": []obj{command}})
	e, ok := out.Status[command["uuid"].(string)].(map[string]any)
	if !ok {
		w.t.Fatalf("%v was not refused: %v", command, out.Status)
	}
	for _, name := range []string{"error", "error_code", "error_extra", "error_tag", "http_code"} {
		if _, ok := e[name]; !ok {
			w.t.Errorf("the error %v has no %s", e, name)
		}
	}
	return e["error_tag"].(string), int(e["error_code"].(float64))
}

// wantTag checks the error of a refused request.
func wantTag(t *testing.T, r reply, status int, tag string, code int) {
	t.Helper()
	e := r.object(t)
	if r.status != status || e["error_tag"] != tag || e["error_code"] != float64(code) || e["http_code"] != float64(status) {
		t.Errorf("got %d %s, want %d %s %d", r.status, r.body, status, tag, code)
	}
}

func TestARequestIsLoggedWithWhatItAsked(t *testing.T) {
	w := newWorld(t)
	w.sync("token-pro", obj{"sync_token": "*", "resource_types": []string{"projects", "user"}})
	w.write("token-pro", cmd("project_add", "p", obj{"name": "P"}), cmd("section_add", "s", obj{"name": "S", "project_id": "p"}))
	w.request("GET", "/api/v1/tasks", "token-free", nil)
	w.request("GET", "/api/v1/tasks", "nobody's", nil)
	got := w.s.Requests()
	at := w.time()
	want := []fake.Request{
		{Time: at, Method: "POST", Path: "/api/v1/sync", Account: "1002", Status: 200, ResourceTypes: []string{"projects", "user"}, FullSync: true},
		{Time: at, Method: "POST", Path: "/api/v1/sync", Account: "1002", Status: 200, Commands: []string{"project_add", "section_add"}},
		{Time: at, Method: "GET", Path: "/api/v1/tasks", Account: "1001", Status: 200},
		{Time: at, Method: "GET", Path: "/api/v1/tasks", Status: 401},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	var writes []bool
	for _, r := range got {
		writes = append(writes, r.Writes())
	}
	if !slices.Equal(writes, []bool{false, true, false, false}) {
		t.Errorf("writes are %v", writes)
	}
	w.s.ResetRequests()
	if n := len(w.s.Requests()); n != 0 {
		t.Errorf("%d requests after the reset", n)
	}
}

func TestTheLogAndTheMemoryOfUUIDsStayBounded(t *testing.T) {
	w := newWorld(t, func(c *fake.Config) { c.PartialSyncs = -1 })
	commands := make([]obj, 100)
	for round := range 110 {
		for i := range commands {
			commands[i] = obj{"type": "project_update", "uuid": fmt.Sprint(round, " ", i), "args": obj{"id": w.pro.InboxID(), "color": "red"}}
		}
		w.sync("token-pro", obj{"commands": commands})
	}
	for range 5000 {
		w.request("GET", "/nothing", "", nil)
	}
	if n := len(w.s.Requests()); n > 4096 {
		t.Errorf("%d requests are kept", n)
	}
	if n := w.s.Served(); n != 5110 {
		t.Errorf("%d requests were served, want 5110", n)
	}
	// The first command was forgotten and is executed again, the last not.
	before := w.sync("token-pro", obj{}).Token
	for _, tt := range []struct {
		uuid    string
		changed bool
	}{{"109 99", false}, {"0 0", true}} {
		w.sync("token-pro", obj{"commands": []obj{{"type": "project_update", "uuid": tt.uuid, "args": obj{"id": w.pro.InboxID(), "color": "blue"}}}})
		got := w.sync("token-pro", obj{"sync_token": before, "resource_types": []string{"projects"}})
		if (len(got.Projects) == 1) != tt.changed {
			t.Errorf("command %q: executed again is %t, want %t", tt.uuid, !tt.changed, tt.changed)
		}
	}
}

func TestFinishedTasksAreForgottenWhenThereAreTooMany(t *testing.T) {
	w := newWorld(t)
	var first, last string
	for i := range 5_050 {
		id := w.pro.AddTask(fake.Task{Content: "task"})
		if i == 0 {
			first = id
		}
		last = id
		if err := w.pro.DeleteTask(id); err != nil {
			t.Fatal(err)
		}
	}
	kept := w.pro.AddTask(fake.Task{Content: "active"})
	w.write("token-pro", cmd("project_update", "", obj{"id": w.pro.InboxID(), "color": "red"}))
	if n := len(w.pro.Tasks("")); n > 5_001 {
		t.Errorf("%d tasks are kept", n)
	}
	if _, ok := w.pro.Task(first); ok {
		t.Error("the oldest deleted task is still known")
	}
	for _, id := range []string{last, kept} {
		if _, ok := w.pro.Task(id); !ok {
			t.Error("a task that should be kept is gone")
		}
	}
}

func TestAnUnknownPathIsJSON(t *testing.T) {
	w := newWorld(t)
	wantTag(t, w.request("GET", "/api/v1/nothing", "token-free", nil), 404, "NOT_FOUND", 478)
	wantTag(t, w.request("GET", "/API/v1/user", "token-free", nil), 404, "NOT_FOUND", 478)
	wantTag(t, w.request("GET", "/api/v1/sync", "token-free", nil), 404, "NOT_FOUND", 478)
}

func TestTheOwnersHandsChangeTheAccount(t *testing.T) {
	w := newWorld(t)
	a := w.pro
	p := a.AddProject(fake.Project{Name: "Games", Color: "green"})
	sub := a.AddProject(fake.Project{Name: "Below", ParentID: p})
	s := a.AddSection(fake.Section{ProjectID: p, Name: "October"})
	id := a.AddTask(fake.Task{SectionID: s, Content: "Celtics at Knicks", Due: &fake.Due{Date: "2026-10-21T23:30:00Z", Timezone: "America/New_York"}})
	child := a.AddTask(fake.Task{ProjectID: p, ParentID: id, Content: "Snacks"})
	a.AddReminder(fake.Reminder{TaskID: id, MinuteOffset: 30})
	a.AddNote(id, "a comment")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(a.EditTask(id, func(t *fake.Task) { t.Content = "Knicks vs Celtics"; t.Due.Date = "2026-10-22" }))
	if got, _ := a.Task(id); got.Content != "Knicks vs Celtics" || got.Due.Date != "2026-10-22" || got.ProjectID != p {
		t.Errorf("after the edit: %+v", got)
	}
	must(a.CompleteTask(id))
	if got, _ := a.Task(child); !got.Checked || got.CompletedAt.IsZero() {
		t.Error("the sub-task was not completed with its parent")
	}
	must(a.ReopenTask(child))
	if got, _ := a.Task(id); got.Checked {
		t.Error("the parent was not reopened with its sub-task")
	}
	must(a.MoveTask(id, a.InboxID(), ""))
	if got, _ := a.Task(child); got.ProjectID != a.InboxID() || got.ParentID != id {
		t.Errorf("the sub-task did not move along: %+v", got)
	}
	must(a.RenameProject(p, "Renamed"))
	must(a.MoveProject(sub, ""))
	must(a.DeleteTask(id))
	for _, r := range a.Reminders("") {
		if !r.Deleted {
			t.Error("a reminder outlived its task")
		}
	}
	for _, n := range a.Notes() {
		if !n.Deleted {
			t.Error("a comment outlived its task")
		}
	}
	must(a.DeleteProject(p))
	if got, _ := a.Project(p); !got.Deleted || got.Name != "Renamed" {
		t.Errorf("the project is %+v", got)
	}
	if got, _ := a.Project(sub); got.Deleted {
		t.Error("a project that was moved out was deleted too")
	}
	for _, s := range a.Sections(p) {
		if !s.Deleted {
			t.Error("a section outlived its project")
		}
	}
	if err := a.EditTask(id, func(*fake.Task) {}); err == nil {
		t.Error("a deleted task was edited")
	}
	if err := a.DeleteProject(a.InboxID()); err == nil {
		t.Error("the Inbox was deleted")
	}
}
