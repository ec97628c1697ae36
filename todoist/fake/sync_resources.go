package fake

import (
	"slices"
	"strings"
	"time"
)

// resourceTypes are those that a sync request may name beside "all".
func resourceTypes() []string {
	return []string{
		"labels", "projects", "items", "notes", "project_notes", "sections", "filters", "reminders",
		"reminders_location", "locations", "user", "live_notifications", "collaborators", "collaborator_states",
		"user_settings", "notification_settings", "user_plan_limits", "completed_info", "stats", "workspaces",
		"workspace_users", "workspace_filters", "view_options", "project_view_options_defaults", "role_actions",
		"folders", "day_orders", "calendars", "calendar_accounts", "suggestions", "tooltips",
	}
}

// wantedResources resolves "all" and exclusions such as "-projects".
func wantedResources(names []string) ([]string, *Error) {
	var wanted []string
	for _, name := range names {
		bare := strings.TrimPrefix(name, "-")
		switch {
		case name == "all":
			wanted = append(wanted, resourceTypes()...)
		case !slices.Contains(resourceTypes(), bare):
			return nil, invalidArgument("resource_types", "a known resource type", name)
		case bare == name:
			wanted = append(wanted, name)
		}
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	return slices.DeleteFunc(wanted, func(name string) bool { return slices.Contains(names, "-"+name) }), nil
}

// A pastState is what an account held at a revision.
type pastState struct {
	at           time.Time
	revision     int64
	projects     []Project
	sections     []Section
	tasks        []Task
	reminders    []Reminder
	labels       []Label
	notes        []Note
	views        []viewOption
	viewDefaults []viewOption
}

// present is what the account holds now.
func (a *Account) present(now time.Time) pastState {
	return pastState{
		at: now, revision: a.revision,
		projects: copies(a.projects, nil), sections: copies(a.sections, nil), tasks: copies(a.tasks, nil),
		reminders: copies(a.reminders, nil), labels: copies(a.labels, nil), notes: copies(a.notes, nil),
		views: copies(a.views, nil), viewDefaults: copies(a.viewDefaults, nil),
	}
}

// keepPast remembers the account as it is before a write, for as long as full
// syncs may lag behind.
func (s *Server) keepPast(a *Account, now time.Time) {
	lag := s.switches.StaleFullSync
	a.past = slices.DeleteFunc(a.past, func(p pastState) bool { return now.Sub(p.at) >= lag })
	if lag > 0 && len(a.past) < 16 {
		a.past = append(a.past, a.present(now))
	}
}

// pastOf is the oldest state that a full sync may still answer, if it lags.
func (s *Server) pastOf(a *Account, now time.Time) *pastState {
	for i := range a.past {
		if now.Sub(a.past[i].at) < s.switches.StaleFullSync {
			return &a.past[i]
		}
	}
	return nil
}

// resources reads the named resource types: with since -1 all that is active,
// otherwise all that was touched after that revision, completed and deleted
// objects too. The caller holds the mutex.
func (a *Account) resources(names []string, state pastState, since int64) map[string]any {
	full := since < 0
	active := map[string]bool{} // projects whose contents a full sync shows
	if full {
		for _, p := range state.projects {
			active[p.ID] = !p.Archived && !p.Deleted
		}
	}
	out := make(map[string]any, len(names))
	for _, name := range names {
		switch name {
		case "projects":
			out[name] = wires(state.projects, a.projectWire, func(p *Project) bool {
				return p.changed > since && (!full || active[p.ID])
			})
		case "sections":
			out[name] = wires(state.sections, a.sectionWire, func(s *Section) bool {
				return s.changed > since && (!full || active[s.ProjectID] && !s.Deleted && !s.Archived)
			})
		case "items":
			out[name] = wires(state.tasks, a.taskWire, func(t *Task) bool {
				return t.changed > since && (!full || active[t.ProjectID] && !t.Deleted && !t.Checked)
			})
		case "reminders":
			out[name] = wires(state.reminders, a.reminderWire, func(r *Reminder) bool {
				return r.changed > since && r.Type != "location" && (!full || !r.Deleted)
			})
		case "labels":
			out[name] = wires(state.labels, Label.wire, func(l *Label) bool { return l.changed > since && (!full || !l.Deleted) })
		case "notes":
			out[name] = wires(state.notes, a.noteWire, func(n *Note) bool {
				return n.changed > since && n.TaskID != "" && (!full || !n.Deleted)
			})
		case "project_notes":
			out[name] = wires(state.notes, a.noteWire, func(n *Note) bool {
				return n.changed > since && n.ProjectID != "" && (!full || !n.Deleted)
			})
		case "view_options":
			out[name] = wires(state.views, viewOption.object, func(v *viewOption) bool { return v.changed > since })
		case "project_view_options_defaults":
			out[name] = wires(state.viewDefaults, viewOption.object, func(v *viewOption) bool { return v.changed > since })
		case "user":
			if full || a.userChanged > since {
				out[name] = a.user(state.at)
			}
		case "user_plan_limits":
			if full || a.userChanged > since {
				out[name] = a.planLimits()
			}
		case "completed_info":
			out[name] = completedInfo(state)
		case "user_settings":
			out[name] = userSettings()
		case "notification_settings", "day_orders", "stats", "tooltips":
			out[name] = map[string]any{}
		default:
			out[name] = []any{}
		}
	}
	return out
}

// userSettings are those that every account has.
func userSettings() map[string]any {
	return map[string]any{
		"completed_sound_desktop": true, "completed_sound_mobile": true, "legacy_pricing": 0,
		"navigation":       map[string]any{"counts_shown": true, "features": []any{}},
		"quick_add":        map[string]any{"labels_shown": true, "features": []any{}},
		"reminder_desktop": true, "reminder_email": true, "reminder_push": true,
		"reset_recurring_subtasks": false, "ai_email_assist": false,
	}
}

func (v viewOption) object() map[string]any { return v.wire }

// wires are the objects of a list that are kept, in their wire form.
func wires[T, W any](list []T, wire func(T) W, keep func(*T) bool) []W {
	out := []W{}
	for i := range list {
		if keep(&list[i]) {
			out = append(out, wire(list[i]))
		}
	}
	return out
}

// completedInfo counts the completed tasks of each project and section.
func completedInfo(state pastState) []map[string]any {
	projects, sections := map[string]int{}, map[string]int{}
	for _, t := range state.tasks {
		if !t.Checked || t.Deleted {
			continue
		}
		if t.SectionID != "" {
			sections[t.SectionID]++
		} else {
			projects[t.ProjectID]++
		}
	}
	out := []map[string]any{}
	for _, p := range state.projects {
		if n := projects[p.ID]; n > 0 && !p.Deleted {
			out = append(out, map[string]any{"project_id": p.ID, "completed_items": n, "archived_sections": 0})
		}
	}
	for _, s := range state.sections {
		if n := sections[s.ID]; n > 0 && !s.Deleted {
			out = append(out, map[string]any{"section_id": s.ID, "id": s.ID, "completed_items": n})
		}
	}
	return out
}
