package fake

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

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
