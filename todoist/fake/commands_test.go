package fake_test

import (
	"fmt"
	"testing"

	"tipoff/todoist/fake"
)

func TestDuesComeBackAsTheyAreMeant(t *testing.T) {
	tests := map[string]struct {
		in   obj
		want fake.Due
	}{
		"a day":                         {obj{"date": "2026-10-21"}, fake.Due{Date: "2026-10-21", String: "2026-10-21", Lang: "en"}},
		"a day in a zone has no zone":   {obj{"date": "2026-10-21", "timezone": "Asia/Tokyo"}, fake.Due{Date: "2026-10-21", String: "2026-10-21", Lang: "en"}},
		"a wall clock":                  {obj{"date": "2026-10-21T19:30:00"}, fake.Due{Date: "2026-10-21T19:30:00", String: "2026-10-21 19:30", Lang: "en"}},
		"an instant is in the own zone": {obj{"date": "2026-10-21T23:30:00Z"}, fake.Due{Date: "2026-10-21T23:30:00Z", Timezone: "Europe/Berlin", String: "2026-10-22 01:30", Lang: "en"}},
		"an instant in another zone":    {obj{"date": "2026-10-21T23:30:00.000000Z", "timezone": "America/New_York", "lang": "de"}, fake.Due{Date: "2026-10-21T23:30:00Z", Timezone: "America/New_York", String: "2026-10-22 01:30", Lang: "de"}},
		"a text with a zone":            {obj{"string": "tomorrow at 12", "timezone": "Asia/Jakarta"}, fake.Due{Date: "2026-10-02T05:00:00Z", Timezone: "Asia/Jakarta", String: "2026-10-02 07:00", Lang: "en"}},
		"a text without a zone":         {obj{"string": "2026-12-25 at 19:30"}, fake.Due{Date: "2026-12-25T19:30:00", String: "2026-12-25 19:30", Lang: "en"}},
		"today":                         {obj{"string": "today"}, fake.Due{Date: "2026-10-01", String: "2026-10-01", Lang: "en"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ids := w.write("token-pro", cmd("item_add", "t", obj{"content": "x", "due": tt.in}))
			got, _ := w.pro.Task(ids["t"])
			if got.Due == nil || *got.Due != tt.want {
				t.Errorf("got %+v, want %+v", got.Due, tt.want)
			}
		})
	}
	w := newWorld(t)
	ids := w.write("token-pro", cmd("item_add", "t", obj{"content": "x", "due": obj{"string": "no date"}}))
	if got, _ := w.pro.Task(ids["t"]); got.Due != nil {
		t.Errorf("no date is %+v", got.Due)
	}
}

func TestADurationNeedsADue(t *testing.T) {
	w := newWorld(t)
	minutes := obj{"amount": 150, "unit": "minute"}
	ids := w.write("token-pro",
		cmd("item_add", "without", obj{"content": "x", "duration": minutes}),
		cmd("item_add", "with", obj{"content": "y", "due": obj{"date": "2026-10-21T23:30:00Z"}, "duration": minutes}))
	if got, _ := w.pro.Task(ids["without"]); got.Duration != nil {
		t.Error("a duration without a due was kept")
	}
	if got, _ := w.pro.Task(ids["with"]); got.Duration == nil || *got.Duration != (fake.Duration{Amount: 150, Unit: "minute"}) {
		t.Errorf("the duration is %+v", got.Duration)
	}
	w.write("token-pro", cmd("item_update", "", obj{"id": ids["with"], "due": nil}))
	if got, _ := w.pro.Task(ids["with"]); got.Duration != nil {
		t.Error("the duration outlived its due")
	}
}

func TestRelativeRemindersNeedATime(t *testing.T) {
	w := newWorld(t)
	ids := w.write("token-pro",
		cmd("item_add", "t", obj{"content": "x", "due": obj{"date": "2026-10-21T23:30:00Z"}, "auto_reminder": true}),
		cmd("reminder_add", "r", obj{"item_id": "t", "type": "relative", "minute_offset": 60}),
		cmd("reminder_update", "", obj{"id": "r", "minute_offset": 90}))
	got := w.pro.Reminders(ids["t"])
	if len(got) != 2 || got[0].MinuteOffset != 30 || got[1].MinuteOffset != 90 {
		t.Errorf("the reminders are %+v", got)
	}
	w.write("token-pro", cmd("item_update", "", obj{"id": ids["t"], "due": obj{"date": "2026-10-22"}}))
	for _, r := range w.pro.Reminders(ids["t"]) {
		if !r.Deleted {
			t.Error("a reminder outlived the time that it counts from")
		}
	}
}

func TestMovesTakeEverythingAlong(t *testing.T) {
	w := newWorld(t)
	ids := w.write("token-pro",
		cmd("project_add", "p", obj{"name": "P"}), cmd("project_add", "q", obj{"name": "Q"}),
		cmd("section_add", "s", obj{"name": "S", "project_id": "p"}),
		cmd("item_add", "t", obj{"content": "t", "section_id": "s"}),
		cmd("item_add", "u", obj{"content": "u", "parent_id": "t"}),
		cmd("section_move", "", obj{"id": "s", "project_id": "q"}))
	for _, id := range []string{ids["t"], ids["u"]} {
		if got, _ := w.pro.Task(id); got.ProjectID != ids["q"] || got.SectionID != ids["s"] {
			t.Errorf("after the section moved: %+v", got)
		}
	}
	w.write("token-pro", cmd("item_move", "", obj{"id": ids["t"], "project_id": ids["p"]}))
	if got, _ := w.pro.Task(ids["u"]); got.ProjectID != ids["p"] || got.SectionID != "" || got.ParentID != ids["t"] {
		t.Errorf("after its parent moved: %+v", got)
	}
	if tag, _ := w.refuse("token-pro", cmd("item_move", "", obj{"id": ids["t"], "parent_id": ids["u"]})); tag != "INVALID_ARGUMENT_VALUE" {
		t.Errorf("a task below its own sub-task: %s", tag)
	}
	w.write("token-pro", cmd("project_move", "", obj{"id": ids["q"], "parent_id": ids["p"]}))
	if tag, _ := w.refuse("token-pro", cmd("project_move", "", obj{"id": ids["p"], "parent_id": ids["q"]})); tag != "INVALID_ARGUMENT_VALUE" {
		t.Errorf("a project below its own sub-project: %s", tag)
	}
	w.write("token-pro", cmd("project_delete", "", obj{"id": ids["p"]}))
	for _, p := range w.pro.Projects()[1:] {
		if !p.Deleted {
			t.Errorf("%s outlived the project above it", p.Name)
		}
	}
	for _, task := range w.pro.Tasks("") {
		if !task.Deleted {
			t.Errorf("%s outlived its project", task.Content)
		}
	}
}

func TestTheInboxStays(t *testing.T) {
	w := newWorld(t)
	for _, c := range []obj{
		cmd("project_delete", "", obj{"id": w.pro.InboxID()}),
		cmd("project_archive", "", obj{"id": w.pro.InboxID()}),
		cmd("project_update", "", obj{"id": w.pro.InboxID(), "name": "Outbox"}),
	} {
		if tag, _ := w.refuse("token-pro", c); tag != "FORBIDDEN" {
			t.Errorf("%v: %s", c, tag)
		}
	}
}

func TestLabelsInTheContentAreTakenOnRequest(t *testing.T) {
	w := newWorld(t)
	ids := w.write("token-pro",
		cmd("item_add", "a", obj{"content": "Celtics @ Knicks @nba", "auto_parse_labels": true}),
		cmd("item_add", "b", obj{"content": "Celtics @nba"}))
	if got, _ := w.pro.Task(ids["a"]); got.Content != "Celtics @ Knicks" || fmt.Sprint(got.Labels) != "[nba]" {
		t.Errorf("got %q %v", got.Content, got.Labels)
	}
	if got, _ := w.pro.Task(ids["b"]); got.Content != "Celtics @nba" || got.Labels != nil {
		t.Errorf("got %q %v", got.Content, got.Labels)
	}
	if len(w.pro.Labels()) != 0 {
		t.Error("a shared label became a label of the account")
	}
}

func TestWhatIsDeletedTakesItsOwnAlong(t *testing.T) {
	w := newWorld(t)
	p := w.place()
	inSection := w.pro.AddTask(fake.Task{SectionID: p.section, Content: "in the section"})
	ids := w.write("token-pro", cmd("reminder_add", "r", obj{"item_id": p.full, "type": "relative", "minute_offset": 5}))
	writer, _ := w.s.IssueTokens(w.pro)
	if tag, _ := w.refuse(writer, cmd("reminder_delete", "", obj{"id": ids["r"]})); tag != "AUTH_INSUFFICIENT_TOKEN_SCOPE" {
		t.Errorf("without the right: %s", tag)
	}
	w.write("token-pro", cmd("reminder_delete", "", obj{"id": ids["r"]}), cmd("section_delete", "", obj{"id": p.section}))
	if got := w.pro.Reminders(p.full); len(got) != 1 || !got[0].Deleted {
		t.Errorf("the reminders are %+v", got)
	}
	if got, _ := w.pro.Task(inSection); !got.Deleted {
		t.Error("a task outlived its section")
	}
	if got, _ := w.pro.Task(p.full); got.Deleted {
		t.Error("a task outside the section was deleted")
	}
	if err := w.pro.DeleteSection(p.section); err == nil {
		t.Error("a deleted section was deleted again")
	}
	if tag, _ := w.refuse("token-pro", cmd("item_update", "", obj{"id": inSection, "content": "x"})); tag != "ITEM_NOT_FOUND" {
		t.Errorf("updating a deleted task: %s", tag)
	}
	other := w.pro.AddSection(fake.Section{ProjectID: p.project, Name: "Other"})
	if err := w.pro.DeleteSection(other); err != nil {
		t.Error(err)
	}
}

func TestArchivingTakesSubProjectsAlong(t *testing.T) {
	w := newWorld(t)
	ids := w.write("token-pro",
		cmd("project_add", "p", obj{"name": "P"}), cmd("project_add", "q", obj{"name": "Q", "parent_id": "p"}),
		cmd("item_add", "t", obj{"content": "t", "project_id": "q"}), cmd("project_archive", "", obj{"id": "p"}))
	if got, _ := w.pro.Project(ids["q"]); !got.Archived {
		t.Error("the sub-project is active below an archived project")
	}
	if got := w.sync("token-pro", obj{"sync_token": "*", "resource_types": []string{"items"}}); len(got.Items) != 0 {
		t.Errorf("the items are %v", got.Items)
	}
	w.write("token-pro", cmd("project_unarchive", "", obj{"id": ids["q"]}))
	if got, _ := w.pro.Project(ids["q"]); got.Archived || got.ParentID != "" {
		t.Errorf("brought back alone it is %+v", got)
	}
}

func TestTasksAreReordered(t *testing.T) {
	w := newWorld(t)
	ids := w.write("token-pro", cmd("item_add", "a", obj{"content": "a"}), cmd("item_add", "b", obj{"content": "b"}),
		cmd("item_reorder", "", obj{"items": []obj{{"id": "a", "child_order": 2}, {"id": "b", "child_order": 1}}}))
	a, _ := w.pro.Task(ids["a"])
	b, _ := w.pro.Task(ids["b"])
	if a.ChildOrder != 2 || b.ChildOrder != 1 {
		t.Errorf("the orders are %d and %d", a.ChildOrder, b.ChildOrder)
	}
}

func TestViewOptionsAreMerged(t *testing.T) {
	w := newWorld(t)
	p := w.place()
	w.write("token-pro",
		cmd("view_options_set", "", obj{"view_type": "project", "object_id": p.project, "sorted_by": "due_date", "sort_order": "asc"}),
		cmd("view_options_set", "", obj{"view_type": "project", "object_id": p.project, "grouped_by": "LABEL", "sort_order": nil, "show_completed_tasks": true}))
	got := w.request("POST", "/api/v1/sync", "token-pro", obj{"sync_token": "*", "resource_types": []string{"view_options"}}).object(t)["view_options"].([]any)
	want := fmt.Sprint(map[string]any{"view_type": "PROJECT", "object_id": p.project, "sorted_by": "DUE_DATE", "sort_order": nil, "grouped_by": "LABEL",
		"view_mode": "LIST", "filtered_by": nil, "show_completed_tasks": true, "is_deleted": false})
	if len(got) != 1 || fmt.Sprint(got[0]) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}
