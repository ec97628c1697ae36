package fake_test

import (
	"fmt"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

const unknownID = "6QQQQQQQQQQQQQQQ"

// place is what the tables below name with $words.
type place struct{ project, archived, inbox, section, task, full string }

func (w *world) place() place {
	p := w.pro.AddProject(fake.Project{Name: "P"})
	away := w.pro.AddProject(fake.Project{Name: "Away"})
	if err := w.pro.ArchiveProject(away, true); err != nil {
		w.t.Fatal(err)
	}
	s := w.pro.AddSection(fake.Section{ProjectID: p, Name: "S"})
	return place{
		project: p, archived: away, inbox: w.pro.InboxID(), section: s,
		task: w.pro.AddTask(fake.Task{ProjectID: p, Content: "day", Due: &fake.Due{Date: "2026-10-21"}}),
		full: w.pro.AddTask(fake.Task{ProjectID: p, Content: "timed", Due: &fake.Due{Date: "2026-10-21T23:30:00Z", Timezone: "America/New_York"}}),
	}
}

// fill puts ids for the $words of arguments.
func (p place) fill(args obj) obj {
	out := obj{}
	for k, v := range args {
		switch v {
		case "$project":
			v = p.project
		case "$archived":
			v = p.archived
		case "$section":
			v = p.section
		case "$task":
			v = p.task
		case "$full":
			v = p.full
		case "$inbox":
			v = p.inbox
		}
		out[k] = v
	}
	return out
}

func TestArgumentsAreValidated(t *testing.T) {
	const (
		invalid = "INVALID_ARGUMENT_VALUE"
		missing = "ARGUMENT_MISSING"
		tempID  = "INVALID_TEMPID"
	)
	due := func(fields obj) obj { return obj{"content": "x", "due": fields} }
	tests := map[string]struct {
		kind string
		args obj
		want string // the tag of the refusal; empty if there is none
	}{
		"an unknown command": {"project_explode", obj{}, invalid},

		"a project without a name":         {"project_add", obj{}, missing},
		"a project with a blank name":      {"project_add", obj{"name": " "}, invalid},
		"a project name of 120 characters": {"project_add", obj{"name": strings.Repeat("ä", 120)}, ""},
		"a project name of 121 characters": {"project_add", obj{"name": strings.Repeat("a", 121)}, invalid},
		"a name that is a number":          {"project_add", obj{"name": 7}, invalid},
		"an unknown colour":                {"project_add", obj{"name": "P", "color": "#fff"}, invalid},
		"a colour of Todoist's":            {"project_add", obj{"name": "P", "color": "mint_green"}, ""},
		"an unknown view style":            {"project_add", obj{"name": "P", "view_style": "gantt"}, invalid},
		"a calendar on the Pro plan":       {"project_add", obj{"name": "P", "view_style": "calendar"}, ""},
		"a project below another":          {"project_add", obj{"name": "P", "parent_id": "$project"}, ""},
		"a project below an archived one":  {"project_add", obj{"name": "P", "parent_id": "$archived"}, "FORBIDDEN"},
		"a project in a workspace":         {"project_add", obj{"name": "P", "workspace_id": "1"}, "FORBIDDEN"},
		"a description that is too long":   {"project_add", obj{"name": "P", "description": strings.Repeat("a", 1025)}, invalid},
		"an unknown project":               {"project_update", obj{"id": unknownID, "name": "Q"}, "PROJECT_NOT_FOUND"},
		"no project":                       {"project_update", obj{"name": "Q"}, missing},
		"an id of the old API":             {"project_update", obj{"id": 2203306141, "name": "Q"}, invalid},
		"an id that a client made up":      {"project_update", obj{"id": "tmp-1", "name": "Q"}, tempID},
		"a project moved below itself":     {"project_move", obj{"id": "$project", "parent_id": "$project"}, invalid},
		"a project moved to the top":       {"project_move", obj{"id": "$project", "parent_id": nil}, ""},
		"a move without a parent":          {"project_move", obj{"id": "$project"}, missing},

		"a section without a project":       {"section_add", obj{"name": "S"}, missing},
		"a section without a name":          {"section_add", obj{"project_id": "$project"}, missing},
		"a section in an archived project":  {"section_add", obj{"name": "S", "project_id": "$archived"}, "FORBIDDEN"},
		"a section name of 2048 characters": {"section_add", obj{"name": strings.Repeat("a", 2048), "project_id": "$project"}, ""},
		"a section name of 2049 characters": {"section_add", obj{"name": strings.Repeat("a", 2049), "project_id": "$project"}, invalid},
		"an unknown section":                {"section_update", obj{"id": unknownID, "name": "S"}, "SECTION_NOT_FOUND"},
		"a section moved":                   {"section_move", obj{"id": "$section", "project_id": "$project"}, ""},

		"a task without content":              {"item_add", obj{"description": "x"}, missing},
		"a content of 500 characters":         {"item_add", obj{"content": strings.Repeat("ü", 500)}, ""},
		"a content of 501 characters":         {"item_add", obj{"content": strings.Repeat("a", 501)}, invalid},
		"a description of 16383 characters":   {"item_add", obj{"content": "x", "description": strings.Repeat("a", 16383)}, ""},
		"a description of 16384 characters":   {"item_add", obj{"content": "x", "description": strings.Repeat("a", 16384)}, invalid},
		"priority 4":                          {"item_add", obj{"content": "x", "priority": 4}, ""},
		"priority 0":                          {"item_add", obj{"content": "x", "priority": 0}, invalid},
		"priority 5":                          {"item_add", obj{"content": "x", "priority": 5}, invalid},
		"a label of 61 characters":            {"item_add", obj{"content": "x", "labels": []string{strings.Repeat("a", 61)}}, invalid},
		"an empty label":                      {"item_add", obj{"content": "x", "labels": []string{""}}, invalid},
		"labels that are a word":              {"item_add", obj{"content": "x", "labels": "nba"}, invalid},
		"somebody else's task":                {"item_add", obj{"content": "x", "responsible_uid": "1"}, invalid},
		"a section alone is enough":           {"item_add", obj{"content": "x", "section_id": "$section"}, ""},
		"a section of another project":        {"item_add", obj{"content": "x", "section_id": "$section", "project_id": "$inbox"}, invalid},
		"a task in an archived project":       {"item_add", obj{"content": "x", "project_id": "$archived"}, "FORBIDDEN"},
		"an unknown section for a task":       {"item_add", obj{"content": "x", "section_id": unknownID}, "SECTION_NOT_FOUND"},
		"a sub-task":                          {"item_add", obj{"content": "x", "parent_id": "$task"}, ""},
		"a sub-task in another section":       {"item_add", obj{"content": "x", "parent_id": "$task", "section_id": "$section"}, invalid},
		"a deadline":                          {"item_add", obj{"content": "x", "deadline": obj{"date": "2026-10-21"}}, ""},
		"a deadline with a time":              {"item_add", obj{"content": "x", "deadline": obj{"date": "2026-10-21T10:00:00Z"}}, invalid},
		"a duration":                          {"item_add", obj{"content": "x", "due": obj{"date": "2026-10-21"}, "duration": obj{"amount": 1, "unit": "day"}}, ""},
		"a duration of nothing":               {"item_add", obj{"content": "x", "due": obj{"date": "2026-10-21"}, "duration": obj{"amount": 0, "unit": "minute"}}, invalid},
		"a duration in hours":                 {"item_add", obj{"content": "x", "due": obj{"date": "2026-10-21"}, "duration": obj{"amount": 2, "unit": "hour"}}, invalid},
		"a duration without a unit":           {"item_add", obj{"content": "x", "due": obj{"date": "2026-10-21"}, "duration": obj{"amount": 2}}, invalid},
		"no due":                              {"item_add", obj{"content": "x", "due": nil}, ""},
		"a day":                               {"item_add", due(obj{"date": "2026-10-21"}), ""},
		"a day that is not":                   {"item_add", due(obj{"date": "2026-02-30"}), invalid},
		"an instant":                          {"item_add", due(obj{"date": "2026-10-21T23:30:00Z"}), ""},
		"an instant with fractions":           {"item_add", due(obj{"date": "2026-10-21T23:30:00.000000Z"}), ""},
		"an instant in a zone":                {"item_add", due(obj{"date": "2026-10-21T23:30:00Z", "timezone": "America/New_York"}), ""},
		"an unknown zone":                     {"item_add", due(obj{"date": "2026-10-21T23:30:00Z", "timezone": "Boston"}), invalid},
		"the zone Local":                      {"item_add", due(obj{"date": "2026-10-21T23:30:00Z", "timezone": "Local"}), invalid},
		"an offset instead of a Z":            {"item_add", due(obj{"date": "2026-10-21T19:30:00-04:00"}), invalid},
		"a wall clock":                        {"item_add", due(obj{"date": "2026-10-21T19:30:00"}), ""},
		"a wall clock in a zone":              {"item_add", due(obj{"date": "2026-10-21T19:30:00", "timezone": "America/New_York"}), invalid},
		"a due that is a word":                {"item_add", obj{"content": "x", "due": "tomorrow"}, invalid},
		"an empty due":                        {"item_add", due(obj{}), invalid},
		"a text that is understood":           {"item_add", due(obj{"string": "tomorrow at 12", "timezone": "Asia/Jakarta"}), ""},
		"a text that is not":                  {"item_add", due(obj{"string": "every game day"}), invalid},
		"a text that is too long":             {"item_add", due(obj{"string": strings.Repeat("a", 151)}), invalid},
		"an unknown language":                 {"item_add", due(obj{"date": "2026-10-21", "lang": "tlh"}), invalid},
		"an instant that recurs":              {"item_add", due(obj{"date": "2026-10-21T23:30:00Z", "is_recurring": true}), invalid},
		"an update of no task":                {"item_update", obj{"content": "x"}, missing},
		"an update of an unknown task":        {"item_update", obj{"id": unknownID, "content": "x"}, "ITEM_NOT_FOUND"},
		"an update to nothing":                {"item_update", obj{"id": "$task", "content": ""}, invalid},
		"an update to null":                   {"item_update", obj{"id": "$task", "content": nil}, missing},
		"a due taken away":                    {"item_update", obj{"id": "$task", "due": nil}, ""},
		"a move to two places":                {"item_move", obj{"id": "$task", "project_id": "$project", "section_id": "$section"}, invalid},
		"a move to nowhere":                   {"item_move", obj{"id": "$task"}, invalid},
		"a move to a section":                 {"item_move", obj{"id": "$task", "section_id": "$section"}, ""},
		"a move below itself":                 {"item_move", obj{"id": "$task", "parent_id": "$task"}, invalid},
		"a move out of the section":           {"item_move", obj{"id": "$task", "section_id": nil}, ""},
		"a move to an archived project":       {"item_move", obj{"id": "$task", "project_id": "$archived"}, "FORBIDDEN"},
		"a reorder of an unknown task":        {"item_reorder", obj{"items": []obj{{"id": unknownID, "child_order": 1}}}, "ITEM_NOT_FOUND"},
		"a reorder without an order":          {"item_reorder", obj{"items": []obj{{"id": unknownID}}}, missing},
		"completing at a time":                {"item_complete", obj{"id": "$task", "date_completed": "2026-10-22T01:00:00Z"}, ""},
		"completing at a time as the SDK has": {"item_complete", obj{"id": "$task", "completed_at": "2026-10-22T01:00:00.000Z"}, ""},
		"completing at no time":               {"item_complete", obj{"id": "$task", "date_completed": "late"}, invalid},
		"closing an unknown task":             {"item_close", obj{"id": unknownID}, "ITEM_NOT_FOUND"},
		"reopening":                           {"item_uncomplete", obj{"id": "$task"}, ""},
		"deleting an unknown task":            {"item_delete", obj{"id": unknownID}, "ITEM_NOT_FOUND"},

		"a reminder":                             {"reminder_add", obj{"item_id": "$full", "type": "relative", "minute_offset": 60}, ""},
		"a reminder of a day":                    {"reminder_add", obj{"item_id": "$task", "type": "relative", "minute_offset": 60}, invalid},
		"a reminder without minutes":             {"reminder_add", obj{"item_id": "$full", "type": "relative"}, missing},
		"a reminder after the fact":              {"reminder_add", obj{"item_id": "$full", "type": "relative", "minute_offset": -5}, invalid},
		"a reminder without a type":              {"reminder_add", obj{"item_id": "$full", "minute_offset": 60}, missing},
		"a reminder of no task":                  {"reminder_add", obj{"type": "relative", "minute_offset": 60}, missing},
		"a reminder at a time":                   {"reminder_add", obj{"item_id": "$task", "type": "absolute", "due": obj{"date": "2026-10-21T22:00:00Z"}}, ""},
		"a reminder on a day":                    {"reminder_add", obj{"item_id": "$task", "type": "absolute", "due": obj{"date": "2026-10-21"}}, invalid},
		"an update of an unknown reminder":       {"reminder_update", obj{"id": unknownID, "minute_offset": 5}, "REMINDER_NOT_FOUND"},
		"a label":                                {"label_add", obj{"name": "nba", "color": "orange"}, ""},
		"a label without a name":                 {"label_add", obj{}, missing},
		"a label name of 61 characters":          {"label_add", obj{"name": strings.Repeat("a", 61)}, invalid},
		"a comment on a task":                    {"note_add", obj{"item_id": "$task", "content": "c"}, ""},
		"a comment on a project":                 {"note_add", obj{"project_id": "$project", "content": "c"}, ""},
		"a comment on nothing":                   {"note_add", obj{"content": "c"}, invalid},
		"a comment on both":                      {"note_add", obj{"item_id": "$task", "project_id": "$project", "content": "c"}, invalid},
		"a comment of 15001 characters":          {"note_add", obj{"item_id": "$task", "content": strings.Repeat("a", 15001)}, invalid},
		"a view in small letters":                {"view_options_set", obj{"view_type": "project", "object_id": "$project", "sorted_by": "due_date", "sort_order": "asc"}, ""},
		"a view in capitals":                     {"view_options_set", obj{"view_type": "PROJECT", "object_id": "$project", "grouped_by": "PRIORITY"}, ""},
		"a view of a project without one":        {"view_options_set", obj{"view_type": "PROJECT"}, missing},
		"a view sorted by an unknown property":   {"view_options_set", obj{"view_type": "TODAY", "sorted_by": "TEAM"}, invalid},
		"defaults of a project's view":           {"project_view_options_defaults_set", obj{"project_id": "$project", "sorted_by": "due_date"}, ""},
		"defaults of an unknown project's view":  {"project_view_options_defaults_set", obj{"project_id": unknownID}, "PROJECT_NOT_FOUND"},
		"a calendar as the default of a project": {"project_view_options_defaults_set", obj{"project_id": "$project", "view_mode": "CALENDAR"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.place()
			before := fmt.Sprint(w.pro.Projects(), w.pro.Sections(""), w.pro.Tasks(""), w.pro.Reminders(""), w.pro.Labels(), w.pro.Notes())
			c := cmd(tt.kind, "", p.fill(tt.args))
			if tt.want == "" {
				w.write("token-pro", c)
				return
			}
			if tag, _ := w.refuse("token-pro", c); tag != tt.want {
				t.Errorf("got %s, want %s", tag, tt.want)
			}
			after := fmt.Sprint(w.pro.Projects(), w.pro.Sections(""), w.pro.Tasks(""), w.pro.Reminders(""), w.pro.Labels(), w.pro.Notes())
			if after != before {
				t.Error("the refused command changed something")
			}
		})
	}
}

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
