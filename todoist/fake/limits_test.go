package fake_test

import (
	"fmt"
	"testing"

	"tipoff/todoist/fake"
)

func TestPlanLimits(t *testing.T) {
	projects := func(w *world, n int) {
		for i := range n {
			w.free.AddProject(fake.Project{Name: fmt.Sprint("P", i)})
		}
	}
	limited := func(change func(*fake.Limits)) func(*world) {
		return func(w *world) {
			l := fake.Pro.Limits()
			change(&l)
			w.free.SetLimits(l, l)
		}
	}
	tests := map[string]struct {
		prepare func(*world)
		command obj
		tag     string
		code    int
	}{
		"the fifth project":               {func(w *world) { projects(w, 4) }, cmd("project_add", "", obj{"name": "P"}), "", 0},
		"the sixth project":               {func(w *world) { projects(w, 5) }, cmd("project_add", "", obj{"name": "P"}), "MAX_PROJECTS_LIMIT_REACHED", 49},
		"a duration on the free plan":     {nil, cmd("item_add", "", obj{"content": "x", "due": obj{"date": "2026-10-21"}, "duration": obj{"amount": 1, "unit": "day"}}), "INVALID_ARGUMENT_VALUE", 20},
		"no duration on the free plan":    {nil, cmd("item_add", "", obj{"content": "x", "duration": nil}), "", 0},
		"a deadline on the free plan":     {nil, cmd("item_add", "", obj{"content": "x", "deadline": obj{"date": "2026-10-21"}}), "INVALID_ARGUMENT_VALUE", 20},
		"a calendar on the free plan":     {nil, cmd("project_add", "", obj{"name": "P", "view_style": "calendar"}), "INVALID_ARGUMENT_VALUE", 20},
		"a reminder on the free plan":     {nil, cmd("reminder_add", "", obj{"item_id": unknownID, "type": "relative", "minute_offset": 5}), "PREMIUM_ONLY", 32},
		"too many labels on a task":       {limited(func(l *fake.Limits) { l.LabelsPerTask = 1 }), cmd("item_add", "", obj{"content": "x", "labels": []string{"a", "b"}}), "INVALID_ARGUMENT_VALUE", 20},
		"too many labels in all":          {limited(func(l *fake.Limits) { l.Labels = 0 }), cmd("label_add", "", obj{"name": "a"}), "MAX_LABELS_LIMIT_REACHED", 49},
		"an archived project back in":     {func(w *world) { projects(w, 5) }, nil, "MAX_PROJECTS_LIMIT_REACHED", 49},
		"a calendar where it is included": {limited(func(*fake.Limits) {}), cmd("project_add", "", obj{"name": "P", "view_style": "calendar"}), "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tt.prepare != nil {
				tt.prepare(w)
			}
			if tt.command == nil {
				id := w.free.AddProject(fake.Project{Name: "Away", Archived: true})
				tt.command = cmd("project_unarchive", "", obj{"id": id})
			}
			if tt.tag == "" {
				w.write("token-free", tt.command)
				return
			}
			if tag, code := w.refuse("token-free", tt.command); tag != tt.tag || code != tt.code {
				t.Errorf("got %s %d, want %s %d", tag, code, tt.tag, tt.code)
			}
		})
	}
}

func TestArchivedProjectsAndTheInboxDoNotCount(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.free.AddProject(fake.Project{Name: fmt.Sprint(i), Archived: i == 0})
	}
	w.write("token-free", cmd("project_add", "p", obj{"name": "P"}))
	w.refuse("token-free", cmd("project_add", "q", obj{"name": "Q"}))
}

func TestTasksAndSectionsOfAProjectAreLimited(t *testing.T) {
	w := newWorld(t)
	p := w.pro.AddProject(fake.Project{Name: "P"})
	q := w.pro.AddProject(fake.Project{Name: "Q"})
	var first string
	for i := range 300 {
		id := w.pro.AddTask(fake.Task{ProjectID: p, Content: fmt.Sprint(i)})
		if i == 0 {
			first = id
		}
	}
	for i := range 20 {
		w.pro.AddSection(fake.Section{ProjectID: p, Name: fmt.Sprint(i)})
	}
	other := w.pro.AddTask(fake.Task{ProjectID: q, Content: "other"})
	section := w.pro.AddSection(fake.Section{ProjectID: q, Name: "S"})
	for _, tt := range []struct {
		c    obj
		want string
	}{
		{cmd("item_add", "", obj{"content": "x", "project_id": p}), "MAX_ITEMS_LIMIT_REACHED"},
		{cmd("item_move", "", obj{"id": other, "project_id": p}), "MAX_ITEMS_LIMIT_REACHED"},
		{cmd("section_add", "", obj{"name": "S", "project_id": p}), "MAX_SECTIONS_LIMIT_REACHED"},
		{cmd("section_move", "", obj{"id": section, "project_id": p}), "MAX_SECTIONS_LIMIT_REACHED"},
	} {
		if tag, code := w.refuse("token-pro", tt.c); tag != tt.want || code != 49 {
			t.Errorf("%v: got %s %d, want %s", tt.c["type"], tag, code, tt.want)
		}
	}
	// A completed task makes room, and cannot come back once that is taken.
	w.write("token-pro", cmd("item_close", "", obj{"id": first}), cmd("item_add", "x", obj{"content": "x", "project_id": p}))
	if tag, _ := w.refuse("token-pro", cmd("item_uncomplete", "", obj{"id": first})); tag != "MAX_ITEMS_LIMIT_REACHED" {
		t.Errorf("reopening: %s", tag)
	}
}

func TestWhatAnAccountIsToldNeedNotBeWhatIsEnforced(t *testing.T) {
	w := newWorld(t)
	w.free.SetLimits(fake.Pro.Limits(), fake.Free.Limits())
	got := w.sync("token-free", obj{"sync_token": "*", "resource_types": []string{"user_plan_limits"}})
	if got.Limits["current"].(map[string]any)["durations"] != true {
		t.Errorf("told %v", got.Limits)
	}
	c := cmd("item_add", "", obj{"content": "x", "due": obj{"date": "2026-10-21"}, "duration": obj{"amount": 1, "unit": "day"}})
	out := w.sync("token-free", obj{"commands": []obj{c}})
	e := out.Status[c["uuid"].(string)].(map[string]any)
	if e["error_tag"] != "INVALID_ARGUMENT_VALUE" || e["error_extra"].(map[string]any)["argument"] != "duration" {
		t.Errorf("got %v", e)
	}
}

func TestTheNumberOfRemindersIsLimited(t *testing.T) {
	w := newWorld(t)
	p := w.place()
	limits := fake.Pro.Limits()
	limits.Reminders = 1
	w.pro.SetLimits(limits, limits)
	w.write("token-pro", cmd("reminder_add", "", obj{"item_id": p.full, "type": "relative", "minute_offset": 5}))
	if tag, _ := w.refuse("token-pro", cmd("reminder_add", "", obj{"item_id": p.full, "type": "relative", "minute_offset": 6})); tag != "MAX_REMINDERS_LIMIT_REACHED" {
		t.Errorf("got %s", tag)
	}
}
