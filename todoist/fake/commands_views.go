package fake

import (
	"slices"
	"strings"
)

// viewOptionNames are the options of a view with their values, in capitals as
// the SDK has them; the documentation writes them small and either is taken.
func viewOptionNames() map[string][]string {
	return map[string][]string{
		"view_mode":  {"LIST", "BOARD", "CALENDAR"},
		"grouped_by": {"ASSIGNEE", "ADDED_DATE", "DUE_DATE", "DEADLINE", "LABEL", "PRIORITY", "PROJECT", "WORKSPACE"},
		"sorted_by":  {"MANUAL", "ALPHABETICALLY", "ASSIGNEE", "DUE_DATE", "DEADLINE", "ADDED_DATE", "LABEL", "PRIORITY", "PROJECT", "WORKSPACE"},
		"sort_order": {"ASC", "DESC"},
	}
}

// setView changes the options that are there in the list's entry for key.
func (a *args) setView(list *[]*viewOption, key string, identity map[string]any) *Error {
	var v *viewOption
	for _, other := range *list {
		if other.key == key {
			v = other
		}
	}
	wire := map[string]any{"grouped_by": nil, "sorted_by": nil, "sort_order": nil, "view_mode": "LIST", "filtered_by": nil, "show_completed_tasks": false, "is_deleted": false}
	if v != nil {
		for name, x := range v.wire {
			wire[name] = x
		}
	}
	for name, x := range identity {
		wire[name] = x
	}
	for name, allowed := range viewOptionNames() {
		switch {
		case a.has(name):
			text := strings.ToUpper(value[string](a, name, strings.Join(allowed, ", ")))
			if !slices.Contains(allowed, text) {
				a.fail(invalidArgument(name, strings.Join(allowed, ", "), ""))
			}
			if text == "CALENDAR" && !a.b.a.enforced.CalendarLayout {
				a.fail(premiumOnly())
			}
			wire[name] = text
		case a.named(name):
			wire[name] = nil
		}
	}
	if a.has("show_completed_tasks") {
		wire["show_completed_tasks"] = value[bool](a, "show_completed_tasks", "boolean")
	}
	if a.err != nil {
		return a.err
	}
	if v == nil {
		v = &viewOption{key: key}
		*list = append(*list, v)
	}
	// The old map may still be on its way to a reader, so it is replaced.
	v.wire, v.changed = wire, a.b.a.touch()
	return nil
}

func viewOptionsSet(b *batch, a *args) (string, *Error) {
	a.need("view_type")
	kinds := []string{"TODAY", "UPCOMING", "PROJECT", "LABEL", "FILTER", "WORKSPACE_FILTER", "SEARCH", "TEMPLATE_PREVIEW",
		"TASK_DETAIL", "AUTOMATION", "ASSIGNED", "ASSIGNED_TO_ME", "OVERDUE", "WORKSPACE_OVERVIEW"}
	kind := strings.ToUpper(value[string](a, "view_type", strings.Join(kinds, ", ")))
	if !slices.Contains(kinds, kind) {
		a.fail(invalidArgument("view_type", strings.Join(kinds, ", "), ""))
	}
	object := ""
	if kind == "PROJECT" {
		a.need("object_id")
		if p := a.activeProject("object_id"); p != nil {
			object = p.ID
		}
	} else if a.has("object_id") {
		a.fail(invalidArgument("object_id", "none", "only the views of projects have one here"))
	}
	if a.err != nil {
		return "", a.err
	}
	return "", a.setView(&b.a.views, kind+" "+object, map[string]any{"view_type": kind, "object_id": ref(object)})
}

func projectViewDefaultsSet(b *batch, a *args) (string, *Error) {
	a.need("project_id")
	p := a.activeProject("project_id")
	if a.err != nil {
		return "", a.err
	}
	return "", a.setView(&b.a.viewDefaults, p.ID, map[string]any{"project_id": p.ID})
}
