package fake

import (
	"slices"
	"time"
)

// maxFinished is how many tombstones and finished tasks an account keeps for
// its readers.
const maxFinished = 5_000

// touch starts a new revision of the account and returns it.
func (a *Account) touch() int64 {
	a.revision++
	return a.revision
}

func (a *Account) addProject(p Project, now time.Time) *Project {
	p.ID = newID()
	if p.Color == "" {
		p.Color = "charcoal"
	}
	if p.ViewStyle == "" {
		p.ViewStyle = "list"
	}
	if p.ChildOrder == 0 {
		for _, other := range a.projects {
			if !other.Deleted && other.ParentID == p.ParentID {
				p.ChildOrder = max(p.ChildOrder, other.ChildOrder+1)
			}
		}
	}
	p.CreatedAt, p.UpdatedAt, p.changed = now, now, a.touch()
	a.projects = append(a.projects, &p)
	a.projectByID[p.ID] = &p
	return &p
}

func (a *Account) deleteProject(p *Project, now time.Time) {
	p.Deleted, p.UpdatedAt, p.changed = true, now, a.touch()
	for _, sub := range a.projects {
		if sub.ParentID == p.ID && !sub.Deleted {
			a.deleteProject(sub, now)
		}
	}
	for _, s := range a.sections {
		if s.ProjectID == p.ID && !s.Deleted {
			a.deleteSection(s, now)
		}
	}
	for _, t := range a.tasks {
		if t.ProjectID == p.ID && !t.Deleted {
			a.deleteTask(t, now)
		}
	}
	for _, n := range a.notes {
		if n.ProjectID == p.ID && !n.Deleted {
			n.Deleted, n.changed = true, a.touch()
		}
	}
}

func (a *Account) addSection(s Section, now time.Time) *Section {
	s.ID = newID()
	if s.Order == 0 {
		for _, other := range a.sections {
			if !other.Deleted && other.ProjectID == s.ProjectID {
				s.Order = max(s.Order, other.Order)
			}
		}
		s.Order++
	}
	s.AddedAt, s.UpdatedAt, s.changed = now, now, a.touch()
	a.sections = append(a.sections, &s)
	a.sectionByID[s.ID] = &s
	return &s
}

func (a *Account) deleteSection(s *Section, now time.Time) {
	s.Deleted, s.UpdatedAt, s.changed = true, now, a.touch()
	for _, t := range a.tasks {
		if t.SectionID == s.ID && !t.Deleted {
			a.deleteTask(t, now)
		}
	}
}

func (a *Account) addTask(t Task, now time.Time) *Task {
	t.ID = newID()
	if s := a.sectionByID[t.SectionID]; s != nil {
		t.ProjectID = s.ProjectID
	}
	if t.ProjectID == "" {
		t.ProjectID = a.inbox
	}
	if t.Priority == 0 {
		t.Priority = 1
	}
	if t.ChildOrder == 0 {
		for _, other := range a.tasks {
			if other.ProjectID == t.ProjectID && other.SectionID == t.SectionID && !other.Deleted {
				t.ChildOrder = max(t.ChildOrder, other.ChildOrder)
			}
		}
		t.ChildOrder++
	}
	if t.DayOrder == 0 {
		t.DayOrder = -1
	}
	t.AddedAt, t.UpdatedAt, t.changed = now, now, a.touch()
	a.tasks = append(a.tasks, &t)
	a.taskByID[t.ID] = &t
	return &t
}

func (a *Account) deleteTask(t *Task, now time.Time) {
	if !t.Checked {
		a.finished++
	}
	t.Deleted, t.UpdatedAt, t.changed = true, now, a.touch()
	for _, r := range a.reminders {
		if r.TaskID == t.ID && !r.Deleted {
			r.Deleted, r.changed = true, a.touch()
		}
	}
	for _, n := range a.notes {
		if n.TaskID == t.ID && !n.Deleted {
			n.Deleted, n.changed = true, a.touch()
		}
	}
	for _, sub := range a.tasks {
		if sub.ParentID == t.ID && !sub.Deleted {
			a.deleteTask(sub, now)
		}
	}
}

func (a *Account) completeTask(t *Task, at, now time.Time) {
	if t.Checked {
		return
	}
	a.finished++
	t.Checked, t.CompletedAt, t.UpdatedAt, t.changed = true, at, now, a.touch()
	for _, sub := range a.tasks {
		if sub.ParentID == t.ID && !sub.Deleted {
			a.completeTask(sub, at, now)
		}
	}
}

// reopenTask reopens the task's ancestors as well, which could not show it
// otherwise.
func (a *Account) reopenTask(t *Task, now time.Time) {
	for t != nil && t.Checked && !t.Deleted {
		a.finished--
		t.Checked, t.CompletedAt, t.UpdatedAt, t.changed = false, time.Time{}, now, a.touch()
		t = a.taskByID[t.ParentID]
	}
}

func (a *Account) moveTask(t *Task, projectID, sectionID, parentID string, now time.Time) {
	t.ProjectID, t.SectionID, t.ParentID = projectID, sectionID, parentID
	t.UpdatedAt, t.changed = now, a.touch()
	for _, sub := range a.tasks {
		if sub.ParentID == t.ID && !sub.Deleted {
			a.moveTask(sub, projectID, sectionID, t.ID, now)
		}
	}
}

func (a *Account) addReminder(r Reminder) *Reminder {
	r.ID, r.changed = newID(), a.touch()
	a.reminders = append(a.reminders, &r)
	return &r
}

func (a *Account) addNote(n Note, now time.Time) *Note {
	n.ID, n.PostedAt, n.changed = newID(), now, a.touch()
	a.notes = append(a.notes, &n)
	return &n
}

// forget drops the oldest finished tasks, and all that was deleted and hangs
// on nothing, when there are too many to keep. It is called between requests,
// so nothing that a command of the same request names can go missing.
func (a *Account) forget() {
	if a.finished > maxFinished {
		drop := a.finished - maxFinished*9/10
		a.tasks = slices.DeleteFunc(a.tasks, func(t *Task) bool {
			if drop == 0 || !t.Checked && !t.Deleted {
				return false
			}
			drop--
			a.finished--
			delete(a.taskByID, t.ID)
			return true
		})
	}
	a.projects = dropOldest(a.projects, func(p *Project) bool { return p.Deleted }, func(p *Project) { delete(a.projectByID, p.ID) })
	a.sections = dropOldest(a.sections, func(s *Section) bool { return s.Deleted }, func(s *Section) { delete(a.sectionByID, s.ID) })
	a.reminders = dropOldest(a.reminders, func(r *Reminder) bool { return r.Deleted || a.taskByID[r.TaskID] == nil }, nil)
	a.notes = dropOldest(a.notes, func(n *Note) bool { return n.Deleted }, nil)
}

// dropOldest drops what is over, once the list is too long to keep all of it.
func dropOldest[T any](list []*T, over func(*T) bool, dropped func(*T)) []*T {
	if len(list) <= maxFinished {
		return list
	}
	return slices.DeleteFunc(list, func(x *T) bool {
		if !over(x) {
			return false
		}
		if dropped != nil {
			dropped(x)
		}
		return true
	})
}
