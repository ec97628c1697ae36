package fake

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The lengths that Todoist accepts, in characters.
const (
	maxProjectName = 120
	maxProjectText = 1024
	maxSectionName = 2048
	maxContent     = 500
	maxDescription = 16383
	maxLabelName   = 60
	maxNote        = 15000
	maxDueText     = 150
)

// A kind is a type of command: the right it needs and what it does. What run
// returns is the id of the object that it made, if it made one.
type kind struct {
	need scope
	run  func(*batch, *args) (id string, e *Error)
}

// commandKind finds a type of command.
func commandKind(name string) (kind, bool) {
	switch name {
	case "project_add":
		return kind{write, projectAdd}, true
	case "project_update":
		return kind{write, projectUpdate}, true
	case "project_move":
		return kind{write, projectMove}, true
	case "project_archive":
		return kind{write, projectArchive}, true
	case "project_unarchive":
		return kind{write, projectUnarchive}, true
	case "project_delete":
		return kind{deleteProjects, projectDelete}, true
	case "section_add":
		return kind{write, sectionAdd}, true
	case "section_update":
		return kind{write, sectionUpdate}, true
	case "section_move":
		return kind{write, sectionMove}, true
	case "section_delete":
		return kind{deleteData, sectionDelete}, true
	case "item_add":
		return kind{addTasks, itemAdd}, true
	case "item_update":
		return kind{write, itemUpdate}, true
	case "item_move":
		return kind{write, itemMove}, true
	case "item_reorder":
		return kind{write, itemReorder}, true
	case "item_close", "item_complete":
		return kind{write, itemComplete}, true
	case "item_uncomplete":
		return kind{write, itemUncomplete}, true
	case "item_delete":
		return kind{deleteData, itemDelete}, true
	case "reminder_add":
		return kind{write, reminderAdd}, true
	case "reminder_update":
		return kind{write, reminderUpdate}, true
	case "reminder_delete":
		return kind{deleteData, reminderDelete}, true
	case "label_add":
		return kind{write, labelAdd}, true
	case "note_add":
		return kind{write, noteAdd}, true
	case "view_options_set":
		return kind{write, viewOptionsSet}, true
	case "project_view_options_defaults_set":
		return kind{write, projectViewDefaultsSet}, true
	}
	return kind{}, false
}

// args are the arguments of a command or of a REST call. The first thing that
// is wrong with them stays in err, so that a command reads all that it needs
// and looks at err once, before it changes anything.
type args struct {
	b    *batch
	raw  map[string]json.RawMessage
	rest bool // of a REST call, where temporary ids mean nothing
	err  *Error
}

func (a *args) fail(e *Error) {
	if a.err == nil {
		a.err = e
	}
}

// named reports whether the argument is there, even as null.
func (a *args) named(name string) bool {
	_, ok := a.raw[name]
	return ok
}

// has reports whether the argument is there with a value.
func (a *args) has(name string) bool { return given(a.raw[name]) }

// value decodes an argument that is there; expected says what it should be.
func value[T any](a *args, name, expected string) (v T) {
	if !a.has(name) {
		if a.named(name) {
			a.fail(invalidArgument(name, expected, "null"))
		}
		return v
	}
	if json.Unmarshal(a.raw[name], &v) != nil {
		a.fail(invalidArgument(name, expected, ""))
	}
	return v
}

// text is a string of at most limit characters.
func (a *args) text(name string, limit int) string {
	v := value[string](a, name, "string")
	if utf8.RuneCountInString(v) > limit {
		a.fail(&Error{"Invalid argument value", 20, map[string]any{"argument": name, "expected": "a shorter text", "max_count": limit}, "INVALID_ARGUMENT_VALUE", 400})
	}
	return v
}

// title is a text that must be there and must not be blank.
func (a *args) title(name string, limit int) string {
	if !a.has(name) {
		a.fail(missingArgument(name))
		return ""
	}
	v := a.text(name, limit)
	if strings.TrimSpace(v) == "" {
		a.fail(invalidArgument(name, "a text", "it is blank"))
	}
	return v
}

// set assigns an argument if it is there.
func set[T any](a *args, to *T, name, expected string) {
	if a.named(name) {
		*to = value[T](a, name, expected)
	}
}

// setText assigns a text of at most limit characters if it is there.
func (a *args) setText(to *string, name string, limit int) {
	if a.named(name) {
		*to = a.text(name, limit)
	}
}

// oneOf is a text that must be among the allowed, when it is there.
func (a *args) oneOf(to *string, name string, allowed ...string) {
	if !a.named(name) {
		return
	}
	v := value[string](a, name, strings.Join(allowed, ", "))
	if !slices.Contains(allowed, v) {
		a.fail(invalidArgument(name, strings.Join(allowed, ", "), ""))
	}
	*to = v
}

// unresolved reports whether the argument is a temporary id that nothing in
// this request has been given.
func (a *args) unresolved(name string) bool {
	var id string
	return a.has(name) && json.Unmarshal(a.raw[name], &id) == nil && a.b.temp[id] == "" && !isID(id)
}

// id is the real id that an argument means; empty when it is not there.
func (a *args) id(name string) string {
	if !a.has(name) {
		return ""
	}
	// An integer id of the old API is refused like any other non-string.
	id := value[string](a, name, "id string")
	if real, ok := a.b.temp[id]; ok {
		return real
	}
	if !isID(id) && a.err == nil {
		if a.rest {
			a.fail(invalidArgument(name, "id string", ""))
		} else {
			a.fail(invalidTempID(name))
		}
	}
	return id
}

// project is the project that an argument names; nil when it names none.
func (a *args) project(name string) *Project {
	id := a.id(name)
	if id == "" || a.err != nil {
		return nil
	}
	p := a.b.a.projectByID[id]
	if p == nil || p.Deleted {
		if a.rest {
			a.fail(invalidArgument(name, "id of a project", ""))
		} else {
			a.fail(projectNotFound())
		}
		return nil
	}
	return p
}

// activeProject is a project in which something can be made.
func (a *args) activeProject(name string) *Project {
	p := a.project(name)
	if p != nil && p.Archived {
		a.fail(forbidden("the project is archived"))
	}
	return p
}

func (a *args) section(name string) *Section {
	id := a.id(name)
	if id == "" || a.err != nil {
		return nil
	}
	s := a.b.a.sectionByID[id]
	if s == nil || s.Deleted {
		a.fail(sectionNotFound())
		return nil
	}
	return s
}

func (a *args) task(name string) *Task {
	id := a.id(name)
	if id == "" || a.err != nil {
		return nil
	}
	t := a.b.a.taskByID[id]
	if t == nil || t.Deleted {
		if a.rest {
			a.fail(notFound())
		} else {
			a.fail(taskNotFound())
		}
		return nil
	}
	return t
}

// need refuses the command when an argument is missing.
func (a *args) need(name string) {
	if !a.has(name) {
		a.fail(missingArgument(name))
	}
}

// colors are the names of Todoist's twenty colours, ids 30 to 49.
func colors() []string {
	return []string{
		"berry_red", "red", "orange", "yellow", "olive_green", "lime_green", "green", "mint_green", "teal", "sky_blue",
		"light_blue", "blue", "grape", "violet", "lavender", "magenta", "salmon", "charcoal", "grey", "taupe",
	}
}

// readProject reads the fields that project_add and project_update share.
func (a *args) readProject(p *Project) {
	a.oneOf(&p.Color, "color", colors()...)
	a.setText(&p.Description, "description", maxProjectText)
	set(a, &p.Favorite, "is_favorite", "boolean")
	set(a, &p.Collapsed, "is_collapsed", "boolean")
	styles := []string{"list", "board"}
	if a.b.a.enforced.CalendarLayout {
		styles = append(styles, "calendar")
	}
	a.oneOf(&p.ViewStyle, "view_style", styles...)
}

func projectAdd(b *batch, a *args) (string, *Error) {
	p := Project{Name: a.title("name", maxProjectName)}
	a.readProject(&p)
	set(a, &p.ChildOrder, "child_order", "integer")
	if parent := a.activeProject("parent_id"); parent != nil {
		p.ParentID = parent.ID
	}
	if a.has("workspace_id") || a.has("folder_id") {
		a.fail(forbidden("the account has no workspace"))
	}
	if limit := b.a.enforced.Projects; b.a.countedProjects() >= limit {
		a.fail(maxProjects(limit))
	}
	if a.err != nil {
		return "", a.err
	}
	return b.a.addProject(p, b.now).ID, nil
}

func projectUpdate(b *batch, a *args) (string, *Error) {
	a.need("id")
	p := a.project("id")
	if a.err != nil {
		return "", a.err
	}
	edited := *p
	a.readProject(&edited)
	if a.named("name") {
		edited.Name = a.title("name", maxProjectName)
		if p.Inbox {
			a.fail(forbidden("the Inbox keeps its name"))
		}
	}
	if a.err != nil {
		return "", a.err
	}
	edited.UpdatedAt, edited.changed = b.now, b.a.touch()
	*p = edited
	return "", nil
}

// ownProject is the project named by id, which must not be the Inbox.
func (a *args) ownProject() *Project {
	a.need("id")
	p := a.project("id")
	if p != nil && p.Inbox {
		a.fail(forbidden("the Inbox stays where it is"))
	}
	return p
}

func projectMove(b *batch, a *args) (string, *Error) {
	p, parent := a.ownProject(), a.activeProject("parent_id")
	if !a.named("parent_id") {
		a.fail(missingArgument("parent_id"))
	}
	for up := parent; a.err == nil && up != nil; up = b.a.projectByID[up.ParentID] {
		if up == p {
			a.fail(invalidArgument("parent_id", "", "a project cannot be below itself"))
		}
	}
	if a.err != nil {
		return "", a.err
	}
	p.ParentID = ""
	if parent != nil {
		p.ParentID = parent.ID
	}
	p.UpdatedAt, p.changed = b.now, b.a.touch()
	return "", nil
}

func projectArchive(b *batch, a *args) (string, *Error) {
	p := a.ownProject()
	if a.err != nil {
		return "", a.err
	}
	b.archive(p)
	return "", nil
}

// archive puts a project away with those below it.
func (b *batch) archive(p *Project) {
	p.Archived, p.UpdatedAt, p.changed = true, b.now, b.a.touch()
	for _, sub := range b.a.projects {
		if sub.ParentID == p.ID && !sub.Archived && !sub.Deleted {
			b.archive(sub)
		}
	}
}

func projectUnarchive(b *batch, a *args) (string, *Error) {
	p := a.ownProject()
	if a.err == nil && p.Archived && b.a.countedProjects() >= b.a.enforced.Projects {
		a.fail(maxProjects(b.a.enforced.Projects))
	}
	if a.err != nil {
		return "", a.err
	}
	if parent := b.a.projectByID[p.ParentID]; parent != nil && parent.Archived {
		p.ParentID = ""
	}
	p.Archived, p.UpdatedAt, p.changed = false, b.now, b.a.touch()
	return "", nil
}

func projectDelete(b *batch, a *args) (string, *Error) {
	p := a.ownProject()
	if a.err != nil {
		return "", a.err
	}
	b.a.deleteProject(p, b.now)
	return "", nil
}

func sectionAdd(b *batch, a *args) (string, *Error) {
	s := Section{Name: a.title("name", maxSectionName)}
	a.need("project_id")
	set(a, &s.Order, "section_order", "integer")
	if p := a.activeProject("project_id"); p != nil {
		s.ProjectID = p.ID
		if limit := b.a.enforced.SectionsPerProject; b.a.activeSections(p.ID) >= limit {
			a.fail(maxSections(limit))
		}
	}
	if a.err != nil {
		return "", a.err
	}
	return b.a.addSection(s, b.now).ID, nil
}

func sectionUpdate(b *batch, a *args) (string, *Error) {
	a.need("id")
	s := a.section("id")
	if a.err != nil {
		return "", a.err
	}
	edited := *s
	if a.named("name") {
		edited.Name = a.title("name", maxSectionName)
	}
	set(a, &edited.Collapsed, "is_collapsed", "boolean")
	if a.err != nil {
		return "", a.err
	}
	edited.UpdatedAt, edited.changed = b.now, b.a.touch()
	*s = edited
	return "", nil
}

func sectionMove(b *batch, a *args) (string, *Error) {
	a.need("id")
	a.need("project_id")
	s, p := a.section("id"), a.activeProject("project_id")
	if a.err == nil && s.ProjectID != p.ID {
		tasks := 0
		for _, t := range b.a.tasks {
			if t.SectionID == s.ID && !t.Checked && !t.Deleted {
				tasks++
			}
		}
		if limit := b.a.enforced.SectionsPerProject; b.a.activeSections(p.ID) >= limit {
			a.fail(maxSections(limit))
		}
		if limit := b.a.enforced.TasksPerProject; b.a.activeTasks(p.ID)+tasks > limit {
			a.fail(maxTasks(limit))
		}
	}
	if a.err != nil {
		return "", a.err
	}
	s.ProjectID, s.UpdatedAt, s.changed = p.ID, b.now, b.a.touch()
	for _, t := range b.a.tasks {
		if t.SectionID == s.ID && !t.Deleted {
			t.ProjectID, t.UpdatedAt, t.changed = p.ID, b.now, b.a.touch()
		}
	}
	return "", nil
}

func sectionDelete(b *batch, a *args) (string, *Error) {
	a.need("id")
	s := a.section("id")
	if a.err != nil {
		return "", a.err
	}
	b.a.deleteSection(s, b.now)
	return "", nil
}

// readTask reads the fields that item_add and item_update share.
func (a *args) readTask(t *Task) {
	if a.named("content") {
		t.Content = a.title("content", maxContent)
	}
	a.setText(&t.Description, "description", maxDescription)
	if a.named("priority") {
		t.Priority = value[int](a, "priority", "1 to 4")
		if t.Priority < 1 || t.Priority > 4 {
			a.fail(invalidArgument("priority", "1 to 4", ""))
		}
	}
	if a.named("labels") {
		t.Labels = a.labels()
	}
	if a.named("due") {
		t.Due = nil
		if a.has("due") {
			due, e := readDue(a.raw["due"], "due", a.b.a, a.b.now)
			if e != nil {
				a.fail(e)
			}
			t.Due = due
		}
	}
	if a.named("deadline") {
		t.Deadline = a.deadline()
	}
	if a.named("duration") {
		t.Duration = a.duration()
	}
	set(a, &t.Collapsed, "is_collapsed", "boolean")
	set(a, &t.DayOrder, "day_order", "integer")
	for name, to := range map[string]*string{"assigned_by_uid": &t.AssignedBy, "responsible_uid": &t.Responsible} {
		if !a.named(name) {
			continue
		}
		*to = ""
		if a.has(name) {
			*to = value[string](a, name, "user id")
			if *to != a.b.a.profile.ID {
				a.fail(invalidArgument(name, "", "the project is shared with nobody"))
			}
		}
	}
	if t.Due == nil {
		// A duration without a due is dropped, and nobody is told.
		t.Duration = nil
	}
}

func (a *args) labels() []string {
	names := value[[]string](a, "labels", "array of label names")
	if len(names) > a.b.a.enforced.LabelsPerTask {
		a.fail(invalidArgument("labels", "fewer labels", ""))
	}
	var labels []string
	for _, name := range names {
		if name == "" || utf8.RuneCountInString(name) > maxLabelName {
			a.fail(invalidArgument("labels", "names of 1 to 60 characters", ""))
		}
		if !slices.Contains(labels, name) {
			labels = append(labels, name)
		}
	}
	return labels
}

func (a *args) deadline() string {
	if !a.has("deadline") {
		return ""
	}
	d := value[struct {
		Date string `json:"date"`
	}](a, "deadline", "object with a date")
	if _, err := time.Parse(time.DateOnly, d.Date); err != nil || !a.b.a.enforced.Deadlines {
		a.fail(invalidArgument("deadline", "object with a date", ""))
	}
	return d.Date
}

func (a *args) duration() *Duration {
	if !a.has("duration") {
		return nil
	}
	d := value[Duration](a, "duration", "object with amount and unit")
	if d.Amount <= 0 || d.Unit != "minute" && d.Unit != "day" || !a.b.a.enforced.Durations {
		a.fail(invalidArgument("duration", "object with amount and unit", ""))
	}
	return &d
}

func itemAdd(b *batch, a *args) (string, *Error) {
	a.need("content")
	t := Task{Priority: 1}
	a.readTask(&t)
	set(a, &t.ChildOrder, "child_order", "integer")
	if b.s.switches.UnresolvedToInbox && a.unresolved("project_id") {
		for _, name := range []string{"project_id", "section_id", "parent_id"} {
			delete(a.raw, name)
		}
	}
	project, section, parent := a.activeProject("project_id"), a.section("section_id"), a.task("parent_id")
	if a.err != nil {
		return "", a.err
	}
	a.place(&t, project, section, parent)
	if a.err == nil && b.a.projectByID[t.ProjectID].Archived {
		a.fail(forbidden("the project is archived"))
	}
	if limit := b.a.enforced.TasksPerProject; b.a.activeTasks(t.ProjectID) >= limit {
		a.fail(maxTasks(limit))
	}
	remind := value[bool](a, "auto_reminder", "boolean")
	if a.has("auto_parse_labels") && value[bool](a, "auto_parse_labels", "boolean") {
		t.Content, t.Labels = parseLabels(t.Content, t.Labels)
	}
	if a.err != nil {
		return "", a.err
	}
	added := b.a.addTask(t, b.now)
	if remind && t.Due.HasTime() && b.a.enforced.CustomReminders {
		b.a.addReminder(Reminder{TaskID: added.ID, Type: "relative", MinuteOffset: b.a.profile.AutoReminder})
	}
	return added.ID, nil
}

// place puts a new task where its arguments say, the Inbox when they say
// nothing; they must not contradict one another.
func (a *args) place(t *Task, project *Project, section *Section, parent *Task) {
	t.ProjectID = a.b.a.inbox
	switch {
	case parent != nil:
		t.ProjectID, t.SectionID, t.ParentID = parent.ProjectID, parent.SectionID, parent.ID
	case section != nil:
		t.ProjectID, t.SectionID = section.ProjectID, section.ID
	case project != nil:
		t.ProjectID = project.ID
	}
	if project != nil && project.ID != t.ProjectID {
		a.fail(invalidArgument("project_id", "", "the section or the parent is in another project"))
	}
	if section != nil && section.ID != t.SectionID {
		a.fail(invalidArgument("section_id", "", "the parent is in another section"))
	}
}

// parseLabels takes the @words out of a task's content.
func parseLabels(content string, labels []string) (string, []string) {
	var words []string
	for _, word := range strings.Fields(content) {
		if name, ok := strings.CutPrefix(word, "@"); ok && name != "" {
			if !slices.Contains(labels, name) {
				labels = append(labels, name)
			}
			continue
		}
		words = append(words, word)
	}
	return strings.Join(words, " "), labels
}

func itemUpdate(b *batch, a *args) (string, *Error) {
	a.need("id")
	t := a.task("id")
	if a.err != nil {
		return "", a.err
	}
	edited := *t
	a.readTask(&edited)
	if a.err != nil {
		return "", a.err
	}
	edited.UpdatedAt, edited.changed = b.now, b.a.touch()
	*t = edited
	if !t.Due.HasTime() {
		// Minutes before a time that is gone mean nothing.
		for _, r := range b.a.reminders {
			if r.TaskID == t.ID && r.Type == "relative" && !r.Deleted {
				r.Deleted, r.changed = true, b.a.touch()
			}
		}
	}
	return "", nil
}

func itemMove(b *batch, a *args) (string, *Error) {
	a.need("id")
	t := a.task("id")
	targets := 0
	for _, name := range []string{"parent_id", "section_id", "project_id"} {
		if a.named(name) {
			targets++
		}
	}
	if targets != 1 {
		a.fail(invalidArgument("parent_id", "exactly one of parent_id, section_id and project_id", ""))
	}
	project, section, parent := a.activeProject("project_id"), a.section("section_id"), a.task("parent_id")
	if a.err != nil {
		return "", a.err
	}
	to := Task{ProjectID: t.ProjectID}
	switch {
	case parent != nil:
		to.ProjectID, to.SectionID, to.ParentID = parent.ProjectID, parent.SectionID, parent.ID
		for up := parent; up != nil; up = b.a.taskByID[up.ParentID] {
			if up == t {
				return "", invalidArgument("parent_id", "", "a task cannot be below itself")
			}
		}
	case section != nil:
		to.ProjectID, to.SectionID = section.ProjectID, section.ID
	case project != nil:
		to.ProjectID = project.ID
	case a.named("parent_id"):
		to.SectionID = t.SectionID
	}
	if limit := b.a.enforced.TasksPerProject; to.ProjectID != t.ProjectID && b.a.activeTasks(to.ProjectID)+b.a.size(t) > limit {
		return "", maxTasks(limit)
	}
	b.a.moveTask(t, to.ProjectID, to.SectionID, to.ParentID, b.now)
	return "", nil
}

// size counts a task and the active ones below it.
func (a *Account) size(t *Task) int {
	n := 1
	for _, sub := range a.tasks {
		if sub.ParentID == t.ID && !sub.Deleted && !sub.Checked {
			n += a.size(sub)
		}
	}
	return n
}

func itemReorder(b *batch, a *args) (string, *Error) {
	a.need("items")
	type place struct {
		task  *Task
		order int
	}
	var places []place
	for _, item := range value[[]map[string]json.RawMessage](a, "items", "array of id and child_order") {
		one := &args{b: b, raw: item, rest: a.rest}
		one.need("id")
		one.need("child_order")
		places = append(places, place{one.task("id"), value[int](one, "child_order", "integer")})
		if one.err != nil {
			return "", one.err
		}
	}
	if a.err != nil {
		return "", a.err
	}
	for _, p := range places {
		p.task.ChildOrder, p.task.UpdatedAt, p.task.changed = p.order, b.now, b.a.touch()
	}
	return "", nil
}

// itemComplete is item_close and item_complete. When it was completed is
// called date_completed in the documentation and completed_at in the SDK.
func itemComplete(b *batch, a *args) (string, *Error) {
	a.need("id")
	t := a.task("id")
	at := b.now
	for _, name := range []string{"date_completed", "completed_at"} {
		if a.has(name) {
			when, err := time.Parse(time.RFC3339Nano, value[string](a, name, "a time"))
			if err != nil {
				a.fail(invalidArgument(name, "a time", ""))
			}
			at = when.UTC()
		}
	}
	if a.err != nil {
		return "", a.err
	}
	b.a.completeTask(t, at, b.now)
	return "", nil
}

func itemUncomplete(b *batch, a *args) (string, *Error) {
	a.need("id")
	t := a.task("id")
	if a.err != nil {
		return "", a.err
	}
	if limit := b.a.enforced.TasksPerProject; t.Checked && b.a.activeTasks(t.ProjectID) >= limit {
		return "", maxTasks(limit)
	}
	b.a.reopenTask(t, b.now)
	return "", nil
}

func itemDelete(b *batch, a *args) (string, *Error) {
	a.need("id")
	t := a.task("id")
	if a.err != nil {
		return "", a.err
	}
	b.a.deleteTask(t, b.now)
	return "", nil
}

// reminder is the reminder that the argument id names.
func (a *args) reminder() *Reminder {
	a.need("id")
	id := a.id("id")
	if a.err != nil {
		return nil
	}
	for _, r := range a.b.a.reminders {
		if r.ID == id && !r.Deleted {
			return r
		}
	}
	a.fail(reminderNotFound())
	return nil
}

// readReminder reads when a reminder of the task rings.
func (a *args) readReminder(r *Reminder, t *Task) {
	set(a, &r.Urgent, "is_urgent", "boolean")
	switch r.Type {
	case "relative":
		if !a.has("minute_offset") {
			a.fail(missingArgument("minute_offset"))
			return
		}
		r.MinuteOffset = value[int](a, "minute_offset", "minutes")
		if r.MinuteOffset < 0 {
			a.fail(invalidArgument("minute_offset", "minutes", ""))
		}
		if !t.Due.HasTime() {
			a.fail(invalidArgument("item_id", "a task that is due at a time", ""))
		}
	case "absolute":
		if !a.has("due") {
			a.fail(missingArgument("due"))
			return
		}
		due, e := readDue(a.raw["due"], "due", a.b.a, a.b.now)
		if e != nil {
			a.fail(e)
		} else if !due.HasTime() {
			a.fail(invalidArgument("due", "a due with a time", ""))
		}
		r.Due = due
	}
}

func reminderAdd(b *batch, a *args) (string, *Error) {
	if !b.a.enforced.CustomReminders {
		return "", premiumOnly()
	}
	a.need("item_id")
	a.need("type")
	var r Reminder
	// The third type, location, has nothing to do with games.
	a.oneOf(&r.Type, "type", "relative", "absolute")
	t := a.task("item_id")
	if a.err != nil {
		return "", a.err
	}
	r.TaskID = t.ID
	a.readReminder(&r, t)
	if limit := b.a.enforced.Reminders; b.a.activeReminders() >= limit {
		a.fail(maxReminders(limit))
	}
	if a.err != nil {
		return "", a.err
	}
	return b.a.addReminder(r).ID, nil
}

func reminderUpdate(b *batch, a *args) (string, *Error) {
	r := a.reminder()
	if a.err != nil {
		return "", a.err
	}
	t := b.a.taskByID[r.TaskID]
	if t == nil {
		return "", taskNotFound()
	}
	edited := *r
	a.oneOf(&edited.Type, "type", "relative", "absolute")
	if a.has("minute_offset") || a.has("due") || edited.Type != r.Type {
		a.readReminder(&edited, t)
	}
	if a.err != nil {
		return "", a.err
	}
	edited.changed = b.a.touch()
	*r = edited
	return "", nil
}

func reminderDelete(b *batch, a *args) (string, *Error) {
	r := a.reminder()
	if a.err != nil {
		return "", a.err
	}
	r.Deleted, r.changed = true, b.a.touch()
	return "", nil
}

func labelAdd(b *batch, a *args) (string, *Error) {
	l := Label{Name: a.title("name", maxLabelName), Color: "charcoal"}
	a.oneOf(&l.Color, "color", colors()...)
	set(a, &l.Favorite, "is_favorite", "boolean")
	l.Order = len(b.a.labels) + 1
	set(a, &l.Order, "item_order", "integer")
	active := 0
	for _, other := range b.a.labels {
		if other.Deleted {
			continue
		}
		active++
		if strings.EqualFold(other.Name, l.Name) {
			a.fail(invalidArgument("name", "a new name", "there is such a label"))
		}
	}
	if limit := b.a.enforced.Labels; active >= limit {
		a.fail(maxLabels(limit))
	}
	if a.err != nil {
		return "", a.err
	}
	l.ID, l.changed = b.s.newLabelID(), b.a.touch()
	b.a.labels = append(b.a.labels, &l)
	return l.ID, nil
}

func noteAdd(b *batch, a *args) (string, *Error) {
	n := Note{Content: a.title("content", maxNote)}
	task, project := a.task("item_id"), a.project("project_id")
	switch {
	case a.err != nil:
		return "", a.err
	case task != nil && project == nil:
		n.TaskID = task.ID
	case project != nil && task == nil:
		n.ProjectID = project.ID
	default:
		return "", invalidArgument("item_id", "exactly one of item_id and project_id", "")
	}
	return b.a.addNote(n, b.now).ID, nil
}

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
