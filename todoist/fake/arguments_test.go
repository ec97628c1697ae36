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
