package fake_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// The shapes below are what Doist's own SDK (17.0.0) checks with its schemas:
// each key must be there, with a value of the type; "?" before a type means
// that the key may be absent, "|null" that null is allowed. Extra keys are
// fine, but for those that a shape forbids with "absent".
type shape map[string]string

var (
	projectShape = shape{
		"id": "id", "name": "string", "color": "string", "description": "string", "child_order": "int", "default_order": "int",
		"view_style": "string", "can_assign_tasks": "bool", "is_archived": "bool", "is_deleted": "bool", "is_favorite": "bool",
		"is_frozen": "bool", "is_collapsed": "bool", "is_shared": "bool", "created_at": "time|null", "updated_at": "time|null",
		"parent_id": "id|null", "inbox_project": "?bool", "order_key": "?string",
		// Its mere presence would make the SDK read a workspace's project.
		"workspace_id": "absent",
	}
	dueShape = shape{
		"is_recurring": "bool", "string": "string", "date": "due", "timezone": "string|null", "lang": "string|null", "datetime": "?string|null",
	}
	taskShape = shape{
		"id": "id", "user_id": "string", "project_id": "id", "section_id": "id|null", "parent_id": "id|null",
		"added_by_uid": "string|null", "assigned_by_uid": "string|null", "responsible_uid": "string|null", "labels": "strings",
		"deadline": "object|null", "duration": "object|null", "checked": "bool", "is_deleted": "bool", "added_at": "time|null",
		"completed_at": "time|null", "updated_at": "time|null", "due": "object|null", "priority": "int", "child_order": "int",
		"content": "string", "description": "string", "day_order": "int", "is_collapsed": "bool",
	}
	sectionShape = shape{
		"id": "id", "user_id": "string", "project_id": "id", "added_at": "time", "updated_at": "time", "archived_at": "time|null",
		"name": "string", "description": "string|null", "section_order": "int", "is_archived": "bool", "is_deleted": "bool", "is_collapsed": "bool",
	}
	labelShape    = shape{"id": "string", "name": "string", "color": "string", "order": "int|null", "is_favorite": "bool"}
	reminderShape = shape{
		"id": "id", "notify_uid": "string", "item_id": "id", "is_deleted": "bool", "type": "string", "minute_offset": "?int", "due": "?object", "is_urgent": "?bool",
	}
	noteShape = shape{
		"id": "id", "item_id": "?id", "project_id": "?id", "content": "string", "posted_at": "time", "file_attachment": "object|null",
		"posted_uid": "string", "uids_to_notify": "strings|null", "reactions": "object|null", "is_deleted": "bool",
	}
	userShape = shape{
		"id": "string", "email": "string", "full_name": "string", "business_account_id": "string|null", "is_premium": "bool",
		"premium_status": "string", "date_format": "bit", "time_format": "bit", "weekly_goal": "int", "daily_goal": "int",
		"completed_count": "int", "completed_today": "int", "karma": "number", "karma_trend": "string", "lang": "string",
		"next_week": "int", "start_day": "int", "start_page": "string", "inbox_project_id": "id", "days_off": "ints",
		"weekend_start_day": "int", "tz_info": "object",
		// Pictures are absent, not null, where there are none.
		"avatar_big": "absent", "avatar_medium": "absent", "avatar_small": "absent", "avatar_s640": "absent", "websocket_url": "?string",
	}
	zoneShape     = shape{"gmt_string": "string", "hours": "int", "minutes": "int", "is_dst": "bit", "timezone": "string"}
	syncUserShape = shape{
		"activated_user": "bool", "auto_reminder": "int", "feature_identifier": "string", "features": "object", "has_magic_number": "bool",
		"has_password": "bool", "image_id": "string|null", "is_celebrations_enabled": "bool", "joinable_workspace": "object|null",
		"joined_at": "time", "getting_started_guide_projects": "array|null", "premium_until": "time|null", "share_limit": "int",
		"sort_order": "int", "theme_id": "string", "unique_prefix": "int", "verification_status": "string", "websocket_url": "string",
	}
	featuresShape = shape{
		"karma_disabled": "bool", "restriction": "int", "karma_vacation": "bool", "dateist_lang": "string|null", "beta": "bit",
		"has_push_reminders": "bool", "dateist_inline_disabled": "bool",
	}
	deadlineShape   = shape{"date": "string", "lang": "string"}
	durationShape   = shape{"amount": "int", "unit": "string"}
	planLimitsShape = shape{
		"plan_name": "string", "max_projects": "int", "max_tasks": "int", "max_sections": "int", "max_labels": "int", "max_filters": "int",
		"max_reminders_time": "int", "reminders": "bool", "reminders_at_due": "bool", "durations": "bool", "deadlines": "bool",
		"calendar_layout": "bool", "templates": "bool", "comments": "bool", "labels": "bool", "upload_limit_mb": "int",
	}
	tokenShape = shape{"access_token": "string", "token_type": "string", "expires_in": "int", "refresh_token": "?string", "scope": "string"}
	errorShape = shape{"error": "string", "error_code": "int", "error_extra": "object", "error_tag": "string", "http_code": "int"}
)

var (
	timePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
	duePattern  = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ?)?$`)
	idPattern   = regexp.MustCompile(`^[0-9A-Za-z]{16}$`)
)

// wrong says what is wrong with an object, if anything.
func (s shape) wrong(object map[string]any) []string {
	var wrongs []string
	for key, kind := range s {
		v, there := object[key]
		kind, optional := strings.CutPrefix(kind, "?")
		kind, nullable := strings.CutSuffix(kind, "|null")
		if kind == "absent" {
			if there {
				wrongs = append(wrongs, key+" is there")
			}
			continue
		}
		if !there && optional || there && v == nil && nullable {
			continue
		}
		if !there || v == nil || !isA(v, kind) {
			wrongs = append(wrongs, fmt.Sprintf("%s is %v (there: %t), want %s", key, v, there, kind))
		}
	}
	return wrongs
}

func isA(v any, kind string) bool {
	all := func(kind string) bool {
		list, ok := v.([]any)
		for _, x := range list {
			ok = ok && isA(x, kind)
		}
		return ok
	}
	text, isText := v.(string)
	number, isNumber := v.(float64)
	switch kind {
	case "string":
		return isText
	case "id":
		return isText && idPattern.MatchString(text)
	case "time":
		return isText && timePattern.MatchString(text)
	case "due":
		return isText && duePattern.MatchString(text)
	case "number":
		return isNumber
	case "int":
		return isNumber && number == math.Trunc(number)
	case "bit":
		return isNumber && (number == 0 || number == 1)
	case "bool":
		_, ok := v.(bool)
		return ok
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "array":
		_, ok := v.([]any)
		return ok
	case "strings":
		return all("string")
	case "ints":
		return all("int")
	}
	return false
}

func (s shape) check(t *testing.T, what string, v any) {
	t.Helper()
	object, ok := v.(map[string]any)
	if !ok {
		t.Errorf("%s is %v", what, v)
		return
	}
	for _, w := range s.wrong(object) {
		t.Errorf("%s: %s", what, w)
	}
	if _, task := s["day_order"]; task {
		for name, inner := range map[string]shape{"due": dueShape, "deadline": deadlineShape, "duration": durationShape} {
			if object[name] != nil {
				inner.check(t, what+" "+name, object[name])
			}
		}
	}
	if _, user := s["karma_trend"]; user {
		zoneShape.check(t, what+" tz_info", object["tz_info"])
	}
	if _, user := s["features"]; user {
		featuresShape.check(t, what+" features", object["features"])
	}
}

func (s shape) checkAll(t *testing.T, what string, list any, atLeast int) {
	t.Helper()
	objects, ok := list.([]any)
	if !ok || len(objects) < atLeast {
		t.Errorf("%s are %v, want at least %d", what, list, atLeast)
	}
	for _, v := range objects {
		s.check(t, what, v)
	}
}

func TestAnswersSatisfyTheSDKsStrictSchemas(t *testing.T) {
	for _, plan := range []fake.Plan{fake.Free, fake.Pro} {
		w := newWorld(t)
		token, a := "token-free", w.free
		if plan == fake.Pro {
			token, a = "token-pro", w.pro
		}
		due := obj{"date": "2026-10-21T23:30:00Z", "timezone": "America/New_York"}
		commands := []obj{
			cmd("project_add", "p", obj{"name": "P", "color": "green"}), cmd("project_add", "q", obj{"name": "Q", "parent_id": "p"}),
			cmd("section_add", "s", obj{"name": "S", "project_id": "p"}),
			cmd("item_add", "t", obj{"content": "T", "section_id": "s", "due": due, "labels": []string{"nba"}}),
			cmd("item_add", "u", obj{"content": "U", "parent_id": "t", "due": obj{"date": "2026-10-21"}, "responsible_uid": a.Profile().ID}),
			cmd("item_add", "v", obj{"content": "V", "due": obj{"date": "2026-10-21T19:30:00"}}),
			cmd("label_add", "l", obj{"name": "nba"}),
			cmd("note_add", "n", obj{"item_id": "t", "content": "c"}), cmd("note_add", "m", obj{"project_id": "p", "content": "c"}),
		}
		reminders := 0
		if plan == fake.Pro {
			reminders = 2
			commands = append(commands,
				cmd("item_update", "", obj{"id": "t", "duration": obj{"amount": 150, "unit": "minute"}, "deadline": obj{"date": "2026-10-30"}}),
				cmd("reminder_add", "r", obj{"item_id": "t", "type": "relative", "minute_offset": 60}),
				cmd("reminder_add", "x", obj{"item_id": "t", "type": "absolute", "due": due}))
		}
		ids := w.write(token, commands...)
		read := func(syncToken string) map[string]any {
			return w.request("POST", "/api/v1/sync", token, obj{"sync_token": syncToken, "resource_types": []string{"all"}}).object(t)
		}
		full := read("*")
		projectShape.checkAll(t, "projects", full["projects"], 3)
		sectionShape.checkAll(t, "sections", full["sections"], 1)
		taskShape.checkAll(t, "items", full["items"], 3)
		labelShape.checkAll(t, "labels", full["labels"], 1)
		reminderShape.checkAll(t, "reminders", full["reminders"], reminders)
		noteShape.checkAll(t, "notes", full["notes"], 1)
		noteShape.checkAll(t, "project notes", full["project_notes"], 1)
		userShape.check(t, "the sync user", full["user"])
		syncUserShape.check(t, "the sync user", full["user"])
		limits := full["user_plan_limits"].(map[string]any)
		planLimitsShape.check(t, "the plan's limits", limits["current"])
		if next := limits["next"]; (next == nil) != (plan == fake.Pro) {
			t.Errorf("the next plan is %v", next)
		}

		if err := a.CompleteTask(ids["v"]); err != nil {
			t.Fatal(err)
		}
		if err := a.DeleteProject(ids["p"]); err != nil {
			t.Fatal(err)
		}
		changed := read(full["sync_token"].(string))
		projectShape.checkAll(t, "deleted projects", changed["projects"], 2)
		sectionShape.checkAll(t, "deleted sections", changed["sections"], 1)
		taskShape.checkAll(t, "finished items", changed["items"], 3)
		reminderShape.checkAll(t, "deleted reminders", changed["reminders"], reminders)
		noteShape.checkAll(t, "deleted notes", changed["notes"], 1)

		get := func(path string) map[string]any { return w.request("GET", "/api/v1"+path, token, nil).object(t) }
		userShape.check(t, "the user", get("/user"))
		projectShape.check(t, "a deleted project", get("/projects/"+ids["p"]))
		projectShape.checkAll(t, "projects", get("/projects")["results"], 1)
		sectionShape.check(t, "a deleted section", get("/sections/"+ids["s"]))
		taskShape.check(t, "a deleted task", get("/tasks/"+ids["t"]))
		taskShape.checkAll(t, "completed tasks", get("/tasks/completed/by_completion_date?since=2026-09-30&until=2026-10-30")["items"], 1)
		labelShape.checkAll(t, "labels", get("/labels")["results"], 1)
		errorShape.check(t, "an error", get("/tasks/"+unknownID))
		for _, list := range []string{"/projects", "/tasks", "/sections", "/labels"} {
			if v, ok := get(list)["next_cursor"]; !ok || v != nil {
				t.Errorf("%s: next_cursor is %v, there: %t", list, v, ok)
			}
		}
	}
	w := newWorld(t)
	_, tokens := w.token(exchange(w.code(nil), nil))
	tokenShape.check(t, "the tokens", map[string]any(tokens))
}

// The checker itself must notice what is wrong.
func TestTheShapesNoticeWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	r := w.request("GET", "/api/v1/projects/"+w.pro.InboxID(), "token-pro", nil)
	for key, v := range map[string]any{"workspace_id": "1", "description": nil, "child_order": 1.5, "is_shared": 0.0, "created_at": "2026-10-01T12:00:00Z", "id": "2203306141"} {
		var object map[string]any
		if err := json.Unmarshal([]byte(r.body), &object); err != nil {
			t.Fatal(err)
		}
		if got := projectShape.wrong(object); len(got) != 0 {
			t.Fatalf("a good project: %v", got)
		}
		object[key] = v
		if got := projectShape.wrong(object); len(got) != 1 || !strings.HasPrefix(got[0], key) {
			t.Errorf("%s as %v: %v", key, v, got)
		}
		delete(object, "name")
		if got := projectShape.wrong(object); len(got) != 2 {
			t.Errorf("without a name: %v", got)
		}
	}
}
