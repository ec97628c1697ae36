package importer

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"tipoff/schedule"
	"tipoff/todoist"
)

// account is what an import knows of a Todoist account. It is read once, and
// then follows what each write says has changed.
type account struct {
	token     string // of the last answer, for what has changed since
	user      todoist.User
	limits    todoist.Limits
	projects  map[string]todoist.Project
	sections  map[string]todoist.Section
	reminders map[string]todoist.Reminder
	// tasks holds the open tasks that carry a mark or a game's title; all
	// others are only counted.
	tasks map[string]*todoist.Task
	// open counts the open tasks of each project that was read, and listed
	// has the projects whose tasks were read by themselves.
	open   map[string]int
	listed map[string]bool
	// completed are the completed tasks with a mark, by project, and asked
	// has the projects that they were asked for.
	completed map[string][]todoist.Task
	asked     map[string]bool
	// foreign counts the owner's own completed tasks of those projects.
	foreign map[string]int
	// whole is true when the tasks of all projects were read.
	whole bool
	// titles are those of the games wanted.
	titles map[string]bool
	// made are the projects made by this run, by set.
	made map[string]string
}

// matters tells the tasks that a plan looks at from the owner's others.
func (a *account) matters(t *todoist.Task) bool {
	return strings.Contains(t.Description, "#"+markVersion+"&") || a.titles[t.Content]
}

// read asks Todoist for what a plan needs: one request where a project is to
// be found or made, and a list of one project's tasks more where it is named.
func (im *Importer) read(ctx context.Context, c *todoist.Client, opts Options) (*account, error) {
	a := &account{
		projects:  map[string]todoist.Project{},
		sections:  map[string]todoist.Section{},
		reminders: map[string]todoist.Reminder{},
		tasks:     map[string]*todoist.Task{},
		listed:    map[string]bool{},
		completed: map[string][]todoist.Task{},
		asked:     map[string]bool{},
		foreign:   map[string]int{},
		made:      map[string]string{},
		titles:    im.titles(opts),
		whole:     opts.Target == TargetNew || opts.Target == TargetEach || opts.Target == "",
	}
	resources := []string{todoist.ResourceUser, todoist.ResourceLimits, todoist.ResourceProjects,
		todoist.ResourceSections, todoist.ResourceReminders}
	if a.whole {
		resources = append(resources, todoist.ResourceTasks)
	}
	state, err := c.Read(ctx, a.matters, resources...)
	if err != nil {
		return nil, err
	}
	a.user, a.limits, a.open = state.User, state.Limits, state.Open
	a.follow(state)
	if !a.whole {
		if _, ok := a.projects[opts.Target]; !ok {
			return nil, Invalid{"target": "This project is not among yours any more. Choose another one."}
		}
		if err := a.readProject(ctx, c, opts.Target); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// titles are those that the wanted games' tasks have.
func (im *Importer) titles(opts Options) map[string]bool {
	titles := map[string]bool{}
	season, now := im.Season(), im.Now()
	for _, teams := range opts.partition() {
		l := look{teams: teams, title: opts.Title}
		for _, g := range opts.filter(teams).Games(season, now) {
			titles[l.titleOf(&g)] = true
		}
	}
	return titles
}

// follow takes in what an answer says, whole or since the last one.
func (a *account) follow(s *todoist.State) {
	a.token = s.Token
	for _, p := range s.Projects {
		if p.Deleted || p.Archived {
			delete(a.projects, p.ID)
			a.forgetTasks(p.ID)
			continue
		}
		a.projects[p.ID] = p
	}
	for _, x := range s.Sections {
		if x.Deleted || x.Archived {
			delete(a.sections, x.ID)
			continue
		}
		a.sections[x.ID] = x
	}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		switch {
		case t.Deleted:
			delete(a.tasks, t.ID)
		case t.Checked:
			delete(a.tasks, t.ID)
			a.completed[t.Project] = append(a.completed[t.Project], *t)
		case a.matters(t):
			a.tasks[t.ID] = t
		}
	}
	for _, r := range s.Reminders {
		if r.Deleted {
			delete(a.reminders, r.ID)
			continue
		}
		a.reminders[r.ID] = r
	}
}

func (a *account) forgetTasks(project string) {
	for id, t := range a.tasks {
		if t.Project == project {
			delete(a.tasks, id)
		}
	}
	a.open[project] = 0
}

// readProject reads the open tasks of one project as they are now. A project
// that is gone is forgotten.
func (a *account) readProject(ctx context.Context, c *todoist.Client, project string) error {
	tasks, err := c.Tasks(ctx, project)
	if gone(err) {
		delete(a.projects, project)
		a.forgetTasks(project)
		return nil
	}
	if err != nil {
		return err
	}
	a.forgetTasks(project)
	a.open[project] = len(tasks)
	a.listed[project] = true
	for i := range tasks {
		if t := &tasks[i]; a.matters(t) {
			a.tasks[t.ID] = t
		}
	}
	return nil
}

// gone reports whether Todoist refused because there is no such project. It
// answers 400 for a project's id that it does not know and 404 elsewhere.
func gone(err error) bool {
	refused, ok := errors.AsType[*todoist.Error](err)
	return ok && (refused.Status == http.StatusNotFound || refused.Status == http.StatusBadRequest)
}

// readWhole reads the tasks of all projects, to find those that were moved.
func (a *account) readWhole(ctx context.Context, c *todoist.Client) error {
	state, err := c.Read(ctx, a.matters, todoist.ResourceTasks)
	if err != nil {
		return err
	}
	for i := range state.Tasks {
		// What was listed by project is newer than this.
		if t := &state.Tasks[i]; !a.listed[t.Project] {
			a.tasks[t.ID] = t
		}
	}
	a.whole = true
	return nil
}

// readCompleted reads the marked tasks of a project that were completed since
// the season's schedule came out.
func (a *account) readCompleted(ctx context.Context, c *todoist.Client, project string, season *schedule.Season, now time.Time) error {
	from, _ := season.Window()
	tasks, err := c.Completed(ctx, project, from.Time(time.UTC), now.Add(time.Minute))
	if gone(err) {
		err = nil
	}
	if err != nil {
		return err
	}
	known := a.completed[project]
	a.foreign[project] = 0
	for _, t := range tasks {
		if _, _, ok := findMark(t.Description); !ok {
			a.foreign[project]++
		}
		if a.matters(&t) && !slices.ContainsFunc(known, func(k todoist.Task) bool { return k.ID == t.ID }) {
			known = append(known, t)
		}
	}
	a.completed[project] = known
	a.asked[project] = true
	return nil
}

// taskOf is a task of Todoist as a task of ours. Of its reminders, the one that
// the mark knows stands for all.
func (a *account) taskOf(t *todoist.Task, m *mark) task {
	found := task{
		title:    t.Content,
		text:     textOf(t.Description),
		due:      t.Due,
		priority: t.Priority,
		labels:   t.Labels,
		reminder: NoReminder,
	}
	if t.Duration != nil {
		found.duration = t.Duration.Amount
		if t.Duration.Unit == "day" {
			found.duration *= 24 * 60
		}
	}
	if t.Section != nil {
		found.section = a.sections[*t.Section].Name
	}
	if r := a.reminderOf(t, m); r != nil {
		found.reminder = *r.Minutes
	}
	return found
}

// reminderOf is the relative reminder that Tipoff wrote, or else the first one.
func (a *account) reminderOf(t *todoist.Task, m *mark) *todoist.Reminder {
	var best *todoist.Reminder
	for _, r := range a.reminders {
		if r.Task != t.ID || r.Minutes == nil || r.Type != "relative" {
			continue
		}
		written := task{reminder: *r.Minutes}
		if m != nil && fingerprint(written.value(fieldReminder)) == m.prints[fieldReminder] {
			return &r
		}
		if best == nil || r.ID < best.ID {
			best = &r
		}
	}
	return best
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
