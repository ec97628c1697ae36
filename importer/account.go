package importer

import (
	"context"
	"slices"
	"strings"
	"time"

	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

// An account is what was read of a Todoist account, and the schedule that it is
// compared with, which stays as it was at first whatever is published meanwhile.
type account struct {
	season *schedule.Season
	now    time.Time

	user      todoist.User
	limits    todoist.Limits
	projects  map[string]todoist.Project
	sections  map[string]todoist.Section
	reminders map[string][]todoist.Reminder // by task
	reminding int                           // how many there are
	// tasks are the open tasks of the projects that were listed, and those of rows
	// that were asked for by their ids, by id. asked has these ids.
	tasks map[string]*todoist.Task
	asked map[string]bool
	// listed has the projects whose tasks were read.
	listed map[string]bool
	// rowsOnly says that no tasks were read: they are taken to be as we wrote them.
	rowsOnly bool
	// tasksOnly says that nothing else was read: sections, reminders and limits are not
	// known.
	tasksOnly bool
	// shows says that the plan is for a page that only shows it: tasks that are not in
	// the project are not asked for.
	shows bool
	size  int // about how many bytes the tasks take in memory
}

func (im *Importer) newAccount() *account {
	return &account{season: im.Season(), now: im.Now().UTC(), projects: map[string]todoist.Project{}, sections: map[string]todoist.Section{},
		reminders: map[string][]todoist.Reminder{}, tasks: map[string]*todoist.Task{}, asked: map[string]bool{}, listed: map[string]bool{}}
}

// read asks for all but tasks, in one request.
func (im *Importer) read(ctx context.Context, c *todoist.Client) (*account, error) {
	a := im.newAccount()
	state, err := c.Read(ctx, todoist.ResourceUser, todoist.ResourceLimits, todoist.ResourceProjects, todoist.ResourceSections, todoist.ResourceReminders)
	if err != nil {
		return nil, err
	}
	a.user, a.limits, a.reminding = state.User, state.Limits, len(state.Reminders)
	for _, p := range state.Projects {
		a.projects[p.ID] = p
	}
	for _, s := range state.Sections {
		a.sections[s.ID] = s
	}
	for _, r := range state.Reminders {
		a.reminders[r.Task] = append(a.reminders[r.Task], r)
	}
	return a, nil
}

// maxSize bounds, in bytes, what is held of an account's tasks. The games of a season,
// imported for all thirty teams, take a quarter of it.
const maxSize = 32 << 20

// maxText is longer than the description that Tipoff writes for any game.
const maxText = 4 << 10

// look bounds what is held of a task. Of a description that is longer than ours its
// end is held, where the link stands; it is never written again.
func (a *account) look(t *todoist.Task) error {
	if n := len(t.Description); n > maxText {
		t.Description = "…" + strings.ToValidUTF8(t.Description[n-maxText:], "")
	}
	a.size += 2<<10 + len(t.Content) + len(t.Description)
	for _, label := range t.Labels {
		a.size += 32 + len(label)
	}
	if a.size > maxSize {
		return todoist.ErrTooLarge
	}
	return nil
}

// readProject reads a project's open tasks, once.
func (a *account) readProject(ctx context.Context, c *todoist.Client, project string) error {
	if _, ok := a.projects[project]; !ok || a.listed[project] {
		return nil
	}
	tasks, err := c.Tasks(ctx, project, a.look)
	if todoist.Gone(err) {
		delete(a.projects, project)
		return nil
	}
	if err != nil {
		return err
	}
	a.listed[project] = true
	for i := range tasks {
		a.tasks[tasks[i].ID] = &tasks[i]
	}
	return nil
}

// readTasks asks for the tasks with these ids that are open somewhere.
func (a *account) readTasks(ctx context.Context, c *todoist.Client, ids []string) error {
	for chunk := range slices.Chunk(ids, 100) {
		tasks, err := c.TasksByID(ctx, chunk, a.look)
		if err != nil {
			return err
		}
		for i := range tasks {
			a.tasks[tasks[i].ID] = &tasks[i]
		}
		for _, id := range chunk {
			a.asked[id] = true
		}
	}
	return nil
}

// open counts the open tasks of a project that was listed.
func (a *account) open(project string) int {
	n := 0
	for _, t := range a.tasks {
		if t.Project == project {
			n++
		}
	}
	return n
}

// taskOf is a task of Todoist as a task of ours. Of its reminders, the one that we
// wrote stands for all.
func (a *account) taskOf(t *todoist.Task, row *imports.Task) task {
	found := task{title: t.Content, text: textOf(t.Description), due: t.Due, priority: t.Priority, labels: t.Labels, reminder: NoReminder}
	if t.Duration != nil {
		found.duration = t.Duration.Amount
		if t.Duration.Unit == "day" {
			found.duration *= 24 * 60
		}
	}
	if t.Section != nil {
		found.section = a.sections[*t.Section].Name
	}
	if r := a.reminderOf(t.ID, row); r != nil {
		found.reminder = *r.Minutes
	}
	return found
}

// reminderOf is the relative reminder that we wrote, or else the first one.
func (a *account) reminderOf(id string, row *imports.Task) *todoist.Reminder {
	var first *todoist.Reminder
	for _, r := range a.reminders[id] {
		if r.Minutes == nil || r.Type != "relative" {
			continue
		}
		if is := (&task{reminder: *r.Minutes}); is.print(fieldReminder) == wrote(row, fieldReminder) {
			return &r
		}
		if first == nil || r.ID < first.ID {
			first = &r
		}
	}
	return first
}

// sectionNamed is the id of a project's section, or "".
func (a *account) sectionNamed(project, name string) string {
	best := ""
	for id, s := range a.sections {
		if s.Project == project && s.Name == name && (best == "" || id < best) {
			best = id
		}
	}
	return best
}
