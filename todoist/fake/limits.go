package fake

import (
	"slices"
	"time"
)

// A Plan is what an account pays for.
type Plan int

const (
	Free Plan = iota // Todoist's Beginner plan
	Pro
)

// Limits are what a plan allows, as the usage-limits page of Todoist's help
// centre and reports from real accounts have it.
type Limits struct {
	PlanName           string
	Projects           int // active personal projects without the Inbox
	TasksPerProject    int // active ones
	SectionsPerProject int
	Labels             int
	LabelsPerTask      int
	Reminders          int // how many; none unless CustomReminders
	CustomReminders    bool
	Durations          bool
	Deadlines          bool
	CalendarLayout     bool
}

// Limits are what the plan allows.
func (p Plan) Limits() Limits {
	if p == Pro {
		return Limits{
			PlanName: "pro", Projects: 300, TasksPerProject: 300, SectionsPerProject: 20, Labels: 500, LabelsPerTask: 100,
			Reminders: 700, CustomReminders: true, Durations: true, Deadlines: true, CalendarLayout: true,
		}
	}
	return Limits{
		PlanName: "free", Projects: 5, TasksPerProject: 300, SectionsPerProject: 20, Labels: 500, LabelsPerTask: 100,
		Reminders: 700,
	}
}

// SetLimits changes what the account is told in user_plan_limits and what is
// enforced on its writes; the two need not agree.
func (a *Account) SetLimits(told, enforced Limits) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.told, a.enforced = told, enforced
	a.userChanged = a.touch()
}

// wire is the user_plan_limits object of the plan.
func (l Limits) wire() map[string]any {
	return map[string]any{
		"plan_name":                   l.PlanName,
		"max_projects":                l.Projects,
		"max_projects_joined":         500,
		"max_tasks":                   l.TasksPerProject,
		"max_sections":                l.SectionsPerProject,
		"max_labels":                  l.Labels,
		"max_filters":                 map[bool]int{false: 3, true: 150}[l.PlanName == "pro"],
		"max_folders_per_user":        500,
		"max_collaborators":           map[bool]int{false: 5, true: 25}[l.PlanName == "pro"],
		"max_guests_per_workspace":    25,
		"max_free_workspaces_created": 1,
		"max_calendar_accounts":       map[bool]int{false: 1, true: 25}[l.PlanName == "pro"],
		"max_reminders_time":          l.Reminders,
		"max_reminders_location":      300,
		"upload_limit_mb":             map[bool]int{false: 5, true: 100}[l.PlanName == "pro"],
		"reminders":                   l.CustomReminders,
		"reminders_at_due":            true,
		"durations":                   l.Durations,
		"deadlines":                   l.Deadlines,
		"calendar_layout":             l.CalendarLayout,
		"labels":                      true,
		"filters":                     true,
		"comments":                    true,
		"uploads":                     true,
		"templates":                   true,
		"completed_tasks":             true,
		"activity_log":                true,
		"activity_log_limit":          map[bool]int{false: 7, true: -1}[l.PlanName == "pro"],
		"email_forwarding":            true,
		"calendar_feeds":              true,
		"automatic_backups":           l.PlanName == "pro",
		"customization_color":         l.PlanName == "pro",
		"advanced_permissions":        false,
	}
}

// planLimits is the user_plan_limits resource: this plan and the next better.
func (a *Account) planLimits() map[string]any {
	var next any
	if a.told.PlanName != "pro" {
		next = Pro.Limits().wire()
	}
	return map[string]any{"current": a.told.wire(), "next": next}
}

func (a *Account) countedProjects() int {
	n := 0
	for _, p := range a.projects {
		if !p.Inbox && !p.Archived && !p.Deleted {
			n++
		}
	}
	return n
}

func (a *Account) activeTasks(projectID string) int {
	n := 0
	for _, t := range a.tasks {
		if t.ProjectID == projectID && !t.Checked && !t.Deleted {
			n++
		}
	}
	return n
}

func (a *Account) activeSections(projectID string) int {
	n := 0
	for _, s := range a.sections {
		if s.ProjectID == projectID && !s.Archived && !s.Deleted {
			n++
		}
	}
	return n
}

func (a *Account) activeReminders() int {
	n := 0
	for _, r := range a.reminders {
		if !r.Deleted {
			n++
		}
	}
	return n
}

// rateWindow is the span in which syncs are counted.
const rateWindow = 15 * time.Minute

// A window holds the times of the requests that count against a rate limit.
type window []time.Time

// take counts a request, or says in how many seconds one may come again.
// A limit below zero is none.
func (w *window) take(now time.Time, limit int) (wait int, ok bool) {
	if limit < 0 {
		return 0, true
	}
	*w = slices.DeleteFunc(*w, func(t time.Time) bool { return now.Sub(t) >= rateWindow })
	if len(*w) >= limit {
		if limit == 0 {
			return int(rateWindow.Seconds()), false
		}
		left := rateWindow - now.Sub((*w)[0])
		return int((left + time.Second - 1) / time.Second), false
	}
	*w = append(*w, now)
	return 0, true
}
