package fake

import (
	"errors"
	"fmt"
	"slices"
)

// errNotThere is what the owner's hands say of an object that never was or is
// deleted.
var errNotThere = errors.New("not there")

// Projects lists all projects, also archived and deleted ones, as added.
func (a *Account) Projects() []Project {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copies(a.projects, nil)
}

// Project finds a project by id, whatever its state.
func (a *Account) Project(id string) (Project, bool) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copied(a.projectByID[id])
}

// Sections lists the sections of a project, or all of them when the id is
// empty, also archived and deleted ones, as added.
func (a *Account) Sections(projectID string) []Section {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copies(a.sections, func(s *Section) bool { return projectID == "" || s.ProjectID == projectID })
}

// Tasks lists the tasks of a project, or all of them when the id is empty,
// also completed and deleted ones, as added.
func (a *Account) Tasks(projectID string) []Task {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copies(a.tasks, func(t *Task) bool { return projectID == "" || t.ProjectID == projectID })
}

// Task finds a task by id, whatever its state.
func (a *Account) Task(id string) (Task, bool) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copied(a.taskByID[id])
}

// Reminders lists the reminders of a task, or all of them when the id is
// empty, also deleted ones.
func (a *Account) Reminders(taskID string) []Reminder {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copies(a.reminders, func(r *Reminder) bool { return taskID == "" || r.TaskID == taskID })
}

// Labels lists the account's own labels, also deleted ones.
func (a *Account) Labels() []Label {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copies(a.labels, nil)
}

// Notes lists all comments, also deleted ones.
func (a *Account) Notes() []Note {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return copies(a.notes, nil)
}

func copies[T any](from []*T, keep func(*T) bool) []T {
	out := make([]T, 0, len(from))
	for _, x := range from {
		if keep == nil || keep(x) {
			out = append(out, *x)
		}
	}
	return out
}

func copied[T any](x *T) (T, bool) {
	if x == nil {
		var none T
		return none, false
	}
	return *x, true
}

// AddProject adds a project as its owner would; only Name is needed.
func (a *Account) AddProject(p Project) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.addProject(p, a.s.cfg.Now().UTC()).ID
}

// RenameProject gives a project another name.
func (a *Account) RenameProject(id, name string) error {
	return a.EditProject(id, func(p *Project) { p.Name = name })
}

// MoveProject puts a project below another one, or at the top for an empty id.
func (a *Account) MoveProject(id, parentID string) error {
	return a.EditProject(id, func(p *Project) { p.ParentID = parentID })
}

// EditProject lets edit change the fields of a project. It must not call
// methods of the account.
func (a *Account) EditProject(id string, edit func(*Project)) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	p := a.projectByID[id]
	if p == nil || p.Deleted {
		return fmt.Errorf("edit project %s: %w", id, errNotThere)
	}
	edited := *p
	edit(&edited)
	edited.ID, edited.UpdatedAt, edited.changed = p.ID, a.s.cfg.Now().UTC(), a.touch()
	*p = edited
	return nil
}

// ArchiveProject archives a project or brings it back.
func (a *Account) ArchiveProject(id string, archived bool) error {
	return a.EditProject(id, func(p *Project) { p.Archived = archived })
}

// DeleteProject deletes a project with all that is in it.
func (a *Account) DeleteProject(id string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	p := a.projectByID[id]
	if p == nil || p.Deleted || p.Inbox {
		return fmt.Errorf("delete project %s: %w", id, errNotThere)
	}
	a.deleteProject(p, a.s.cfg.Now().UTC())
	return nil
}

// AddSection adds a section; ProjectID and Name are needed.
func (a *Account) AddSection(s Section) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.addSection(s, a.s.cfg.Now().UTC()).ID
}

// DeleteSection deletes a section with its tasks.
func (a *Account) DeleteSection(id string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	s := a.sectionByID[id]
	if s == nil || s.Deleted {
		return fmt.Errorf("delete section %s: %w", id, errNotThere)
	}
	a.deleteSection(s, a.s.cfg.Now().UTC())
	return nil
}

// AddTask adds a task as its owner would; only Content is needed, and without
// a ProjectID it goes to the Inbox.
func (a *Account) AddTask(t Task) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.addTask(t, a.s.cfg.Now().UTC()).ID
}

// EditTask lets edit change the fields of a task. It must not call methods of
// the account.
func (a *Account) EditTask(id string, edit func(*Task)) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	t := a.taskByID[id]
	if t == nil || t.Deleted {
		return fmt.Errorf("edit task %s: %w", id, errNotThere)
	}
	edited := *t
	edited.Labels = slices.Clone(t.Labels)
	if t.Due != nil {
		due := *t.Due
		edited.Due = &due
	}
	if t.Duration != nil {
		d := *t.Duration
		edited.Duration = &d
	}
	edit(&edited)
	edited.ID, edited.UpdatedAt, edited.changed = t.ID, a.s.cfg.Now().UTC(), a.touch()
	edited.Checked, edited.Deleted, edited.CompletedAt = t.Checked, t.Deleted, t.CompletedAt
	*t = edited
	return nil
}

// CompleteTask ticks a task off, with its sub-tasks.
func (a *Account) CompleteTask(id string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	t := a.taskByID[id]
	if t == nil || t.Deleted {
		return fmt.Errorf("complete task %s: %w", id, errNotThere)
	}
	now := a.s.cfg.Now().UTC()
	a.completeTask(t, now, now)
	return nil
}

// ReopenTask takes the tick back.
func (a *Account) ReopenTask(id string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	t := a.taskByID[id]
	if t == nil || t.Deleted {
		return fmt.Errorf("reopen task %s: %w", id, errNotThere)
	}
	a.reopenTask(t, a.s.cfg.Now().UTC())
	return nil
}

// DeleteTask deletes a task with its sub-tasks and reminders.
func (a *Account) DeleteTask(id string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	t := a.taskByID[id]
	if t == nil || t.Deleted {
		return fmt.Errorf("delete task %s: %w", id, errNotThere)
	}
	a.deleteTask(t, a.s.cfg.Now().UTC())
	return nil
}

// MoveTask moves a task, with its sub-tasks, to a section of a project or, for
// an empty section, to the project itself.
func (a *Account) MoveTask(id, projectID, sectionID string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	t := a.taskByID[id]
	if t == nil || t.Deleted {
		return fmt.Errorf("move task %s: %w", id, errNotThere)
	}
	a.moveTask(t, projectID, sectionID, "", a.s.cfg.Now().UTC())
	return nil
}

// AddReminder adds a reminder; TaskID is needed.
func (a *Account) AddReminder(r Reminder) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if r.Type == "" {
		r.Type = "relative"
	}
	return a.addReminder(r).ID
}

// AddNote comments on a task.
func (a *Account) AddNote(taskID, content string) string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.addNote(Note{TaskID: taskID, Content: content}, a.s.cfg.Now().UTC()).ID
}
