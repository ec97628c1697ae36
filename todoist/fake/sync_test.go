package fake_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

func TestSyncTakesFormsAndJSON(t *testing.T) {
	commands := []obj{
		cmd("project_add", "p", obj{"name": "Celtics & co"}),
		cmd("item_add", "t", obj{"content": "Celtics at Knicks", "project_id": "p"}),
	}
	text, err := json.Marshal(commands)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]any{
		"form": url.Values{"commands": {string(text)}, "sync_token": {"*"}, "resource_types": {`["projects","items"]`}},
		"JSON": obj{"commands": commands, "sync_token": "*", "resource_types": []string{"projects", "items"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.request("POST", "/api/v1/sync", "token-pro", body)
			var got synced
			if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if len(got.Projects) != 2 || got.Projects[1].Name != "Celtics & co" || len(got.Items) != 1 || !got.Full || got.Token == "" {
				t.Errorf("got %s", r.body)
			}
			if got.Items[0].ProjectID != got.Mapping["p"] || got.Items[0].ID != got.Mapping["t"] {
				t.Errorf("the mapping is %v", got.Mapping)
			}
		})
	}
}

func TestCommandsRunInOrderAndStandAlone(t *testing.T) {
	w := newWorld(t)
	out := w.sync("token-pro", obj{"commands": []obj{
		cmd("item_add", "early", obj{"content": "too early", "project_id": "p"}),
		cmd("project_add", "p", obj{"name": "P"}),
		cmd("item_add", "t", obj{"content": "in time", "project_id": "p"}),
		cmd("item_update", "", obj{"id": "t", "content": "updated"}),
		cmd("item_update", "", obj{"id": "t", "priority": 9}),
		cmd("item_close", "", obj{"id": "t"}),
	}})
	failed := 0
	for _, status := range out.Status {
		if status != "ok" {
			failed++
		}
	}
	if failed != 2 || len(out.Status) != 6 {
		t.Errorf("the statuses are %v", out.Status)
	}
	if _, ok := out.Mapping["early"]; ok || len(out.Mapping) != 2 {
		t.Errorf("the mapping is %v", out.Mapping)
	}
	got, _ := w.pro.Task(out.Mapping["t"])
	if got.Content != "updated" || !got.Checked || got.Priority != 1 {
		t.Errorf("the task is %+v", got)
	}
	if n := len(w.pro.Tasks(w.pro.InboxID())); n != 0 {
		t.Errorf("%d tasks fell into the Inbox", n)
	}
}

func TestATemporaryIDMeansNothingInALaterRequest(t *testing.T) {
	w := newWorld(t)
	w.write("token-pro", cmd("project_add", "p", obj{"name": "P"}))
	if tag, code := w.refuse("token-pro", cmd("item_add", "t", obj{"content": "x", "project_id": "p"})); code != 15 {
		t.Errorf("got %s %d", tag, code)
	}
}

func TestAnUnresolvedProjectMayFallIntoTheInbox(t *testing.T) {
	w := newWorld(t)
	w.s.SetSwitches(fake.Switches{UnresolvedToInbox: true})
	w.write("token-pro", cmd("item_add", "t", obj{"content": "x", "project_id": "p", "section_id": "s"}))
	if n := len(w.pro.Tasks(w.pro.InboxID())); n != 1 {
		t.Errorf("%d tasks in the Inbox, want 1", n)
	}
	unknown := cmd("item_add", "t", obj{"content": "x", "project_id": "6QQQQQQQQQQQQQQQ"})
	if tag, _ := w.refuse("token-pro", unknown); tag != "PROJECT_NOT_FOUND" {
		t.Errorf("an unknown id: %s", tag)
	}
}

func TestACommandIsExecutedOnce(t *testing.T) {
	for _, repeats := range []bool{true, false} {
		t.Run(fmt.Sprintf("mapping repeated %t", repeats), func(t *testing.T) {
			w := newWorld(t)
			w.s.SetSwitches(fake.Switches{ReplayRepeatsMapping: repeats})
			first := []obj{cmd("project_add", "p", obj{"name": "P"}), cmd("item_add", "t", obj{"content": "x", "project_id": "p"})}
			ids := w.write("token-pro", first...)
			out := w.sync("token-pro", obj{"commands": append(first, cmd("item_add", "u", obj{"content": "y", "project_id": "p"}))})
			for _, c := range first {
				if out.Status[c["uuid"].(string)] != "ok" {
					t.Errorf("the replay says %v", out.Status)
				}
			}
			if n := len(w.pro.Projects()); n != 2 {
				t.Errorf("%d projects, want 2 with the Inbox", n)
			}
			_, mapped := out.Mapping["p"]
			_, added := out.Mapping["u"]
			if mapped != repeats || added != repeats {
				t.Errorf("mapping %v, status %v", out.Mapping, out.Status)
			}
			if repeats && out.Mapping["p"] != ids["p"] {
				t.Error("the mapping is another one")
			}
			if n := len(w.free.Projects()); n != 1 {
				t.Error("another account has the project")
			}
		})
	}
}

func TestUUIDsOfOneAccountMeanNothingToAnother(t *testing.T) {
	w := newWorld(t)
	c := cmd("project_add", "p", obj{"name": "P"})
	w.write("token-pro", c)
	w.write("token-free", c)
	if len(w.free.Projects()) != 2 || len(w.pro.Projects()) != 2 {
		t.Error("the command of one account was taken for a replay of the other's")
	}
}

func TestARefusedCommandIsTriedAgainOrRefusedAgain(t *testing.T) {
	for _, repeats := range []bool{true, false} {
		w := newWorld(t)
		w.s.SetSwitches(fake.Switches{ReplayRepeatsErrors: repeats})
		limits := fake.Pro.Limits()
		limits.Projects = 0
		w.pro.SetLimits(limits, limits)
		c := cmd("project_add", "p", obj{"name": "P"})
		w.refuse("token-pro", c)
		w.pro.SetLimits(fake.Pro.Limits(), fake.Pro.Limits())
		out := w.sync("token-pro", obj{"commands": []obj{c}})
		if ok := out.Status[c["uuid"].(string)] == "ok"; ok == repeats {
			t.Errorf("repeats %t: %v", repeats, out.Status)
		}
	}
}

func TestWholeRequestsAreRefused(t *testing.T) {
	many := make([]obj, 101)
	for i := range many {
		many[i] = cmd("item_add", "", obj{"content": fmt.Sprint(i)})
	}
	good := cmd("project_add", "p", obj{"name": "P"})
	tests := map[string]struct {
		body   any
		status int
	}{
		"more than a hundred commands":   {obj{"commands": many}, 400},
		"an empty temporary id":          {obj{"commands": []obj{good, {"type": "project_add", "uuid": "2", "temp_id": "", "args": obj{"name": "Q"}}}}, 400},
		"a command without a uuid":       {obj{"commands": []obj{good, {"type": "project_add", "args": obj{"name": "Q"}}}}, 400},
		"a command without a type":       {obj{"commands": []obj{good, {"uuid": "2"}}}, 400},
		"commands that are no array":     {obj{"commands": obj{}}, 400},
		"arguments that are no object":   {obj{"commands": []obj{good, {"type": "x", "uuid": "2", "args": 1}}}, 400},
		"an unknown resource type":       {obj{"resource_types": []string{"games"}, "commands": []obj{good}}, 400},
		"resource types that are a word": {obj{"resource_types": "projects", "commands": []obj{good}}, 400},
		"an unknown sync token":          {obj{"sync_token": "x", "commands": []obj{good}}, 400},
		"no JSON":                        {"{", 400},
		"more than a mebibyte":           {url.Values{"commands": {strings.Repeat("x", 1<<20)}}, 413},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.request("POST", "/api/v1/sync", "token-pro", tt.body)
			if r.status != tt.status || r.object(t)["error_tag"] == nil {
				t.Errorf("got %d %s", r.status, r.body)
			}
			if len(w.pro.Projects()) != 1 {
				t.Error("a command was executed")
			}
		})
	}
	w := newWorld(t)
	if out := w.sync("token-pro", obj{"commands": many[:100]}); len(out.Status) != 100 {
		t.Error("a hundred commands are too many")
	}
	r := w.request("POST", "/api/v1/sync", "token-pro", obj{"commands": many})
	if !strings.Contains(r.body, "You can only submit max 100 commands pr. sync operation") {
		t.Errorf("got %s", r.body)
	}
	other := w.sync("token-free", obj{"sync_token": "*", "resource_types": []string{"projects"}}).Token
	if r := w.request("POST", "/api/v1/sync", "token-pro", obj{"sync_token": other}); r.status != 400 {
		t.Error("the sync token of another account is good")
	}
}

func TestResourceTypesMayBeAllAndExcluded(t *testing.T) {
	w := newWorld(t)
	keys := func(types ...string) []string {
		r := w.request("POST", "/api/v1/sync", "token-pro", obj{"sync_token": "*", "resource_types": types})
		var names []string
		for k := range r.object(t) {
			names = append(names, k)
		}
		slices.Sort(names)
		return names
	}
	if got, want := keys("user_plan_limits", "projects"), []string{"full_sync", "full_sync_date_utc", "projects", "sync_token", "user_plan_limits"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	all, without := keys("all"), keys("all", "-projects")
	if len(all) != 31+3 || len(without) != len(all)-1 || slices.Contains(without, "projects") {
		t.Errorf("all are %v\nwithout projects %v", all, without)
	}
}

func TestAFullSyncHasWhatIsActive(t *testing.T) {
	w := newWorld(t)
	a := w.pro
	p := a.AddProject(fake.Project{Name: "Active"})
	gone := a.AddProject(fake.Project{Name: "Gone"})
	away := a.AddProject(fake.Project{Name: "Away"})
	a.AddTask(fake.Task{ProjectID: away, Content: "in an archived project"})
	a.AddTask(fake.Task{ProjectID: gone, Content: "in a deleted project"})
	open := a.AddTask(fake.Task{ProjectID: p, Content: "open"})
	done := a.AddTask(fake.Task{ProjectID: p, Content: "done"})
	dead := a.AddTask(fake.Task{ProjectID: p, Content: "dead"})
	for _, err := range []error{a.DeleteProject(gone), a.ArchiveProject(away, true), a.CompleteTask(done), a.DeleteTask(dead)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := w.sync("token-pro", obj{"sync_token": "*", "resource_types": []string{"all"}})
	if len(got.Items) != 1 || got.Items[0].ID != open {
		t.Errorf("items: %v", got.Items)
	}
	if len(got.Projects) != 2 || got.Projects[1].ID != p {
		t.Errorf("projects: %v", got.Projects)
	}
	if got.FullAt != "2026-10-01T12:00:00.000000Z" || !got.Full {
		t.Errorf("full %t at %q", got.Full, got.FullAt)
	}
}

func TestAnIncrementalSyncHasWhatChanged(t *testing.T) {
	w := newWorld(t)
	ids := w.write("token-pro",
		cmd("project_add", "p", obj{"name": "P"}), cmd("section_add", "s", obj{"name": "S", "project_id": "p"}),
		cmd("item_add", "a", obj{"content": "a", "project_id": "p"}), cmd("item_add", "b", obj{"content": "b", "project_id": "p"}),
		cmd("item_add", "c", obj{"content": "c", "project_id": "p"}))
	types := []string{"items", "projects", "sections", "user", "user_plan_limits"}
	start := w.sync("token-pro", obj{"sync_token": "*", "resource_types": types})
	nothing := w.sync("token-pro", obj{"sync_token": start.Token, "resource_types": types})
	if nothing.Full || nothing.FullAt != "" || len(nothing.Items)+len(nothing.Projects)+len(nothing.Sections) != 0 || nothing.User != nil || nothing.Limits != nil {
		t.Errorf("nothing changed, but %+v", nothing)
	}
	if err := w.pro.EditTask(ids["a"], func(t *fake.Task) { t.Content = "A" }); err != nil {
		t.Fatal(err)
	}
	w.write("token-pro", cmd("item_close", "", obj{"id": ids["b"]}), cmd("item_delete", "", obj{"id": ids["c"]}), cmd("project_archive", "", obj{"id": ids["p"]}))
	got := w.sync("token-pro", obj{"sync_token": start.Token, "resource_types": types})
	if len(got.Items) != 3 || got.Items[0].Content != "A" || !got.Items[1].Checked || !got.Items[2].IsDeleted {
		t.Errorf("items: %+v", got.Items)
	}
	if len(got.Projects) != 1 || !got.Projects[0].IsArchived || len(got.Sections) != 0 {
		t.Errorf("projects: %+v, sections: %v", got.Projects, got.Sections)
	}
	w.pro.SetLimits(fake.Free.Limits(), fake.Free.Limits())
	if got := w.sync("token-pro", obj{"sync_token": got.Token, "resource_types": types}); got.Limits["current"].(map[string]any)["max_projects"] != 5.0 {
		t.Errorf("limits: %v", got.Limits)
	}
}

func TestAFullSyncMayLagBehind(t *testing.T) {
	w := newWorld(t)
	w.s.SetSwitches(fake.Switches{StaleFullSync: 10 * time.Second})
	read := func(token string) synced {
		return w.sync("token-pro", obj{"sync_token": token, "resource_types": []string{"projects"}})
	}
	w.write("token-pro", cmd("project_add", "p", obj{"name": "P"}))
	w.advance(5 * time.Second)
	old := read("*")
	if len(old.Projects) != 1 || old.FullAt != "2026-10-01T12:00:00.000000Z" {
		t.Errorf("the read is not stale: %+v", old)
	}
	if got := read(old.Token); len(got.Projects) != 1 || got.Projects[0].Name != "P" {
		t.Errorf("the incremental read after it: %+v", got)
	}
	w.advance(5 * time.Second)
	if got := read("*"); len(got.Projects) != 2 {
		t.Errorf("still stale after the lag: %+v", got)
	}
}

func TestScopes(t *testing.T) {
	const scope = "AUTH_INSUFFICIENT_TOKEN_SCOPE"
	tests := map[string]struct {
		scopes string
		kind   string
		want   string
	}{
		"reading does not write":                        {"data:read", "project_update", scope},
		"adding tasks does not update":                  {"task:add", "item_update", scope},
		"adding tasks adds tasks":                       {"task:add", "item_add", ""},
		"writing adds tasks":                            {"data:read_write", "item_add", ""},
		"writing updates":                               {"data:read_write", "item_update", ""},
		"writing completes":                             {"data:read_write", "item_close", ""},
		"writing does not delete tasks":                 {"data:read_write", "item_delete", scope},
		"writing does not delete sections":              {"data:read_write", "section_delete", scope},
		"writing does not delete projects":              {"data:read_write", "project_delete", scope},
		"deleting data does not delete projects":        {"data:read_write,data:delete", "project_delete", scope},
		"deleting data deletes tasks":                   {"data:read_write,data:delete", "item_delete", ""},
		"deleting projects deletes projects":            {"data:read_write,project:delete", "project_delete", ""},
		"deleting projects does not delete their tasks": {"data:read_write,project:delete", "item_delete", scope},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.pro.AddProject(fake.Project{Name: "P"})
			s := w.pro.AddSection(fake.Section{ProjectID: p, Name: "S"})
			task := w.pro.AddTask(fake.Task{ProjectID: p, Content: "T"})
			args := map[string]obj{
				"project_update": {"id": p, "name": "Q"}, "project_delete": {"id": p}, "section_delete": {"id": s},
				"item_add": {"content": "U"}, "item_update": {"id": task, "content": "V"}, "item_close": {"id": task}, "item_delete": {"id": task},
			}[tt.kind]
			token, _ := w.s.IssueTokens(w.pro, strings.Split(tt.scopes, ",")...)
			if tt.want == "" {
				w.write(token, cmd(tt.kind, "", args))
				return
			}
			c := cmd(tt.kind, "", args)
			if tag, code := w.refuse(token, c); tag != tt.want || code != 403 {
				t.Errorf("got %s %d, want %s", tag, code, tt.want)
			}
			w.s.SetSwitches(fake.Switches{ScopeRefusesRequest: true})
			wantTag(t, w.request("POST", "/api/v1/sync", token, obj{"commands": []obj{c}}), 403, scope, 403)
		})
	}
	w := newWorld(t)
	token, _ := w.s.IssueTokens(w.pro, "task:add")
	wantTag(t, w.request("POST", "/api/v1/sync", token, obj{"resource_types": []string{"projects"}}), 403, scope, 403)
	wantTag(t, w.request("GET", "/api/v1/tasks", token, nil), 403, scope, 403)
}

func TestRateLimitsAreTodoistsOwn(t *testing.T) {
	w := newWorld(t)
	full := obj{"sync_token": "*", "resource_types": []string{"user"}}
	for range 100 {
		w.sync("token-pro", full)
	}
	w.advance(14 * time.Minute)
	r := w.request("POST", "/api/v1/sync", "token-pro", full)
	wantTag(t, r, 429, "LIMITS_REACHED", 35)
	if r.header.Get("Retry-After") != "60" || r.object(t)["error_extra"].(map[string]any)["retry_after"] != 60.0 {
		t.Errorf("got %v %s", r.header, r.body)
	}
	w.sync("token-pro", obj{}) // partial syncs are counted apart
	w.sync("token-free", full) // and other users too
	for range 999 {
		w.sync("token-pro", obj{"commands": []obj{cmd("item_update", "", obj{})}})
	}
	if r := w.request("POST", "/api/v1/sync", "token-pro", obj{}); r.status != 429 {
		t.Errorf("the partial sync after a thousand: %d", r.status)
	}
	w.advance(time.Minute)
	w.sync("token-pro", full)
}

func TestTheUserCarriesSecretsThatNoClientShouldKeep(t *testing.T) {
	w := newWorld(t)
	for _, u := range []obj{
		w.request("GET", "/api/v1/user", "token-pro", nil).object(t),
		w.sync("token-pro", obj{"sync_token": "*", "resource_types": []string{"user"}}).User,
	} {
		if u["token"] != "token-pro" || !strings.HasPrefix(u["websocket_url"].(string), "wss://") {
			t.Errorf("got %v", u)
		}
		if tz := u["tz_info"].(map[string]any); tz["timezone"] != "Europe/Berlin" || tz["gmt_string"] != "+02:00" || tz["is_dst"] != 1.0 || tz["hours"] != 2.0 {
			t.Errorf("got %v", tz)
		}
		if u["is_premium"] != true || u["premium_status"] != "current_personal_plan" || u["time_format"] != 1.0 {
			t.Errorf("got %v", u)
		}
	}
}

func TestManyUsersAtOnceStayApart(t *testing.T) {
	w := newWorld(t)
	done := make(chan error)
	for _, a := range w.s.Accounts() {
		for i := range 8 {
			go func() {
				body := fmt.Sprintf(`{"sync_token":"*","resource_types":["all"],"commands":[{"type":"project_add","uuid":"%d","temp_id":"p","args":{"name":"%s %d"}},{"type":"item_add","uuid":"t%d","temp_id":"t","args":{"content":"x","project_id":"p"}}]}`, i, a.Profile().ID, i, i)
				r := httptest.NewRequest("POST", "/api/v1/sync", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+a.Profile().APIToken)
				rec := httptest.NewRecorder()
				w.s.ServeHTTP(rec, r)
				if rec.Code != 200 {
					done <- fmt.Errorf("%d %s", rec.Code, rec.Body)
					return
				}
				done <- nil
			}()
		}
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, a := range w.s.Accounts() {
		want := 5 // the free plan's limit
		if a.Profile().Plan == fake.Pro {
			want = 8
		}
		if n := len(a.Projects()) - 1; n != want || len(a.Tasks("")) != want {
			t.Errorf("account %s has %d projects and %d tasks, want %d", a.Profile().ID, n, len(a.Tasks("")), want)
		}
		for _, p := range a.Projects()[1:] {
			if !strings.HasPrefix(p.Name, a.Profile().ID) {
				t.Errorf("account %s has the project %q", a.Profile().ID, p.Name)
			}
		}
	}
}
