package fake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxFinished is how many tombstones and finished tasks an account keeps for
// its readers.
const maxFinished = 5_000

// errNotThere is what the owner's hands say of an object that never was or is
// deleted.
var errNotThere = errors.New("not there")

// A Profile is what an account is from its beginning.
type Profile struct {
	ID, Email, Name string
	APIToken        string // the personal API token; it may do everything
	Zone            string // IANA; UTC when empty
	Lang            string // "en" when empty
	Plan            Plan
	TimeFormat      int // 0 is 24 hours, 1 is 12 hours
	StartDay        int // 1 is Monday … 7 is Sunday; 1 when 0
	DateFormat      int // 0 is DD-MM-YYYY, 1 is MM-DD-YYYY
	AutoReminder    int // minutes before a task; 30 when 0
}

// A Project as its owner sees it. Project, Section, Task, Reminder, Label and
// Note are copies: changing one changes nothing in the account.
type Project struct {
	ID, Name, Description string
	Color                 string // one of Todoist's twenty names
	ParentID              string
	ViewStyle             string // list, board or calendar
	ChildOrder            int
	Inbox                 bool
	Favorite              bool
	Collapsed             bool
	Archived, Deleted     bool
	CreatedAt, UpdatedAt  time.Time

	changed int64
}

// A Section of a project.
type Section struct {
	ID, ProjectID, Name string
	Order               int
	Collapsed           bool
	Archived, Deleted   bool
	AddedAt, UpdatedAt  time.Time

	changed int64
}

// A Task, active, completed or deleted.
type Task struct {
	ID, ProjectID, SectionID, ParentID string
	Content, Description               string
	Labels                             []string
	Priority                           int // 1 is normal, 4 is what people see as p1
	Due                                *Due
	Deadline                           string // YYYY-MM-DD, or empty
	Duration                           *Duration
	ChildOrder, DayOrder               int
	Collapsed                          bool
	Checked, Deleted                   bool
	AssignedBy, Responsible            string // user ids
	AddedAt, UpdatedAt, CompletedAt    time.Time

	changed int64
}

// A Due is when a task is due, in one of three forms of Date: YYYY-MM-DD is a
// day, YYYY-MM-DDTHH:MM:SS is a wall clock wherever the user is, and the same
// with a Z at its end is an instant shown in Timezone.
type Due struct {
	Date, Timezone, String, Lang string
	Recurring                    bool
}

// HasTime reports whether the due is more than a day.
func (d *Due) HasTime() bool { return d != nil && len(d.Date) > len(time.DateOnly) }

// Instant is the moment of a due with a time zone of its own.
func (d *Due) Instant() (time.Time, bool) {
	if d == nil || !strings.HasSuffix(d.Date, "Z") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, d.Date)
	return t, err == nil
}

// A Duration is how long a task takes, in minutes or days.
type Duration struct {
	Amount int    `json:"amount"`
	Unit   string `json:"unit"`
}

// A Reminder of a task: minutes before its due, or at a due of its own.
type Reminder struct {
	ID, TaskID   string
	Type         string // relative, absolute or location
	MinuteOffset int
	Due          *Due
	Urgent       bool
	Deleted      bool

	changed int64
}

// A Label of the account.
type Label struct {
	ID, Name, Color string
	Order           int
	Favorite        bool
	Deleted         bool

	changed int64
}

// A Note is a comment, on a task or on a project.
type Note struct {
	ID, TaskID, ProjectID, Content string
	PostedAt                       time.Time
	Deleted                        bool

	changed int64
}

// A viewOption is how a view is shown; key is its type and object.
type viewOption struct {
	key     string
	wire    map[string]any
	changed int64
}

// An Account is one user of the Server and the hands of its owner: what is
// done through its methods happens as in Todoist's own apps, without a token,
// a plan limit or a line in the wire log.
type Account struct {
	s       *Server
	profile Profile
	zone    *time.Location
	joined  time.Time
	inbox   string

	// All below is guarded by the server's mutex. revision counts changes;
	// an object's changed is the revision that touched it last.
	revision       int64
	userChanged    int64
	told, enforced Limits
	projects       []*Project
	sections       []*Section
	tasks          []*Task
	reminders      []*Reminder
	labels         []*Label
	notes          []*Note
	views          []*viewOption
	viewDefaults   []*viewOption
	projectByID    map[string]*Project
	sectionByID    map[string]*Section
	taskByID       map[string]*Task
	finished       int // tasks completed or deleted and still kept
	uuids          uuidMemory
	partial, full  window
	past           []pastState
}

// AddAccount adds a user. It panics when the profile has no id, repeats
// another's id or token, or names an unknown zone.
func (s *Server) AddAccount(p Profile) *Account {
	if p.ID == "" {
		panic("fake: an account without an id")
	}
	if p.Zone == "" {
		p.Zone = "UTC"
	}
	zone, err := s.location(p.Zone)
	if err != nil {
		panic("fake: " + err.Error())
	}
	if p.Lang == "" {
		p.Lang = "en"
	}
	if p.StartDay == 0 {
		p.StartDay = 1
	}
	if p.AutoReminder == 0 {
		p.AutoReminder = 30
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byToken[p.APIToken] != nil || s.accountByID(p.ID) != nil {
		panic("fake: a second account with the id or the token of " + p.ID)
	}
	now := s.cfg.Now().UTC()
	a := &Account{
		s: s, profile: p, zone: zone, joined: now,
		told: p.Plan.Limits(), enforced: p.Plan.Limits(),
		projectByID: map[string]*Project{},
		sectionByID: map[string]*Section{},
		taskByID:    map[string]*Task{},
		uuids:       uuidMemory{known: map[string]outcome{}},
	}
	a.userChanged = a.touch()
	a.inbox = a.addProject(Project{Name: "Inbox", Inbox: true}, now).ID
	s.accounts = append(s.accounts, a)
	if p.APIToken != "" {
		s.byToken[p.APIToken] = a
	}
	return a
}

// Accounts lists all users in the order in which they were added.
func (s *Server) Accounts() []*Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accounts)
}

// Account finds a user by id; nil when there is none.
func (s *Server) Account(id string) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accountByID(id)
}

func (s *Server) accountByID(id string) *Account {
	for _, a := range s.accounts {
		if a.profile.ID == id {
			return a
		}
	}
	return nil
}

// Profile is what the account was made from.
func (a *Account) Profile() Profile { return a.profile }

// InboxID is the id of the account's Inbox.
func (a *Account) InboxID() string { return a.inbox }

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
