package importer

import (
	"slices"

	"tipoff/imports"
	"tipoff/todoist"
)

// structure adds the commands that make a new project and the sections that the
// changes need.
func (r *run) structure(s *request, part *Part, pending []*Change) {
	project := part.Project
	if project == "" {
		project = r.addProject(s, part)
	}
	var made []string
	for _, c := range pending {
		name := c.want.section
		if name == "" || slices.Contains(made, name) || !slices.Contains(c.writes(), fieldSection) ||
			part.Project != "" && r.account.sectionNamed(part.Project, name) != "" {
			continue
		}
		made = append(made, name)
		s.add("section_add", map[string]any{"name": name, "project_id": project}, effect{What: makesSection, Name: name}, name)
	}
}

func (r *run) addProject(s *request, part *Part) (temp string) {
	// A calendar is asked for afterwards, since a project may be refused for it.
	mode := part.opts.View
	if mode == ViewCalendar {
		mode = ViewList
	}
	args := map[string]any{"name": part.Name, "view_style": mode}
	if part.Colour != "" {
		args["color"] = part.Colour
	}
	temp = s.add("project_add", args, effect{What: makesProject, Name: part.Name})
	// Games that are added later would stand at the end of the list, were it
	// not sorted by date. A project that stays unsorted is none the worse.
	view := func(mode string) {
		s.add("view_options_set", map[string]any{"view_type": "project", "object_id": temp,
			"view_mode": mode, "sorted_by": "due_date", "sort_order": "asc"}, effect{What: showsProject, Name: mode}, mode)
	}
	view(mode)
	if part.opts.View == ViewCalendar && r.account.calendars() {
		view(ViewCalendar)
	}
	return temp
}

// commands adds what a change writes.
func (r *run) commands(s *request, part *Part, c *Change, order int) {
	switch {
	case c.Kind == Add:
		r.addTask(s, part, c, order)
	default:
		r.writeTask(s, part, c)
	}
}

// sectionOf is the id of the section that the change wants, or "".
func (r *run) sectionOf(part *Part, c *Change) string {
	if c.want.section == "" {
		return ""
	}
	return r.account.sectionNamed(part.Import.Project, c.want.section)
}

// unmade is why Todoist made no section for the change, where it may do so later.
func (r *run) unmade(part *Part, c *Change) *todoist.Error {
	if c.want.section == "" {
		return nil
	}
	return r.refused[part.Import.ID+c.want.section]
}

func (r *run) addTask(s *request, part *Part, c *Change, order int) {
	want := &c.want
	args := map[string]any{"content": want.title, "description": describe(want.text, linkTo(&c.Game, r.im.home(part.Import.ID))),
		"project_id": part.Import.Project, "priority": want.priority}
	if part.Project == "" {
		args["child_order"] = order
	}
	if id := r.sectionOf(part, c); id != "" {
		args["section_id"] = id
	}
	if want.due != nil {
		args["due"] = want.due
	}
	if len(want.labels) > 0 {
		args["labels"] = want.labels
	}
	if want.duration > 0 && !c.noDuration {
		args["duration"] = minutes(want.duration)
	}
	row := rowOf(&c.Game, "", imports.There, want.prints())
	row.Wrote[fieldReminder] = (&task{reminder: NoReminder}).print(fieldReminder) // until there is one
	if r.unmade(part, c) != nil {
		row.Wrote[fieldSection] = (&task{}).print(fieldSection)
	}
	temp := s.add("item_add", args, effect{What: makesTask, Game: c.Game.ID, Row: row, Change: r.record(part, c)})
	if want.reminder != NoReminder {
		r.addReminder(s, c, temp)
	}
}

func minutes(n int) map[string]any { return map[string]any{"amount": n, "unit": "minute"} }

func (r *run) addReminder(s *request, c *Change, task string) {
	s.add("reminder_add", map[string]any{"item_id": task, "type": "relative", "minute_offset": c.want.reminder},
		effect{What: adjustsTask, Game: c.Game.ID, Wrote: c.wrote(fieldReminder)})
}

// wrote are the fingerprints of these fields as they are wanted.
func (c *Change) wrote(of ...field) map[field]string {
	prints := map[field]string{}
	for _, f := range of {
		prints[f] = c.want.print(f)
	}
	return prints
}

func (r *run) writeTask(s *request, part *Part, c *Change) {
	want, id := &c.want, c.row.ID
	state := imports.There
	if c.Kind == Postpone || c.row.State == imports.Postponed && c.Game.Postponed {
		state = imports.Postponed
	}
	record := r.record(part, c)
	text := comment(record, r.plan.Zone)
	if c.reopen {
		s.add("item_uncomplete", map[string]any{"id": id}, effect{What: writesTask, Game: c.Game.ID})
	}
	args := map[string]any{"id": id}
	var written []field
	for _, f := range c.writes() {
		switch f {
		case fieldTitle:
			args["content"] = want.title
		case fieldDue, fieldZone:
			// nil takes the date away.
			args["due"] = want.due
			if c.Task != nil && c.Task.Due.Zone() != "" && timed(want.due) && !c.writesAny(fieldZone) {
				at, _ := want.due.Instant()
				args["due"] = todoist.DueAt(at, c.Task.Due.Zone())
			}
		case fieldText:
			args["description"] = describe(want.text, linkTo(&c.Game, r.im.home(part.Import.ID)))
			if c.Task != nil {
				args["description"] = withText(c.Task.Description, want.text)
			}
		case fieldPriority:
			args["priority"] = want.priority
		case fieldLabels:
			args["labels"] = append([]string{}, want.labels...)
		case fieldDuration:
			args["duration"] = nil
			if want.duration > 0 && !c.noDuration {
				args["duration"] = minutes(want.duration)
			}
		case fieldReminder:
			if timed(want.due) {
				continue
			}
			// Reminders of a task that has no time any more go by themselves.
		default:
			continue
		}
		written = append(written, f)
	}
	if len(written) > 0 {
		s.add("item_update", args, effect{What: writesTask, Game: c.Game.ID, Wrote: c.wrote(written...), State: state, Change: record})
		record = nil
	}
	if c.writesAny(fieldSection) {
		r.moveTask(s, part, c)
	}
	if c.writesAny(fieldReminder) {
		r.writeReminder(s, c)
	}
	if c.Kind == Cancel || c.over {
		s.add("item_close", map[string]any{"id": id}, effect{What: writesTask, Game: c.Game.ID, State: imports.Done, Change: record})
	}
	if said := fingerprint(text); text != "" && part.opts.Comments && said != wrote(c.row, told) {
		s.add("note_add", map[string]any{"item_id": id, "content": text}, effect{What: comments, Game: c.Game.ID, Wrote: map[field]string{told: said}})
	}
}

// moveTask moves a task into the section that it should be in.
func (r *run) moveTask(s *request, part *Part, c *Change) {
	if refused := r.unmade(part, c); refused != nil {
		r.refused[part.Import.ID+c.Game.ID] = refused
		return // it stays where it is until then
	}
	args := map[string]any{"id": c.row.ID, "project_id": part.Import.Project}
	if id := r.sectionOf(part, c); id != "" {
		args = map[string]any{"id": c.row.ID, "section_id": id}
	}
	s.add("item_move", args, effect{What: adjustsTask, Game: c.Game.ID, Wrote: c.wrote(fieldSection)})
}

func (r *run) writeReminder(s *request, c *Change) {
	e := effect{What: adjustsTask, Game: c.Game.ID, Wrote: c.wrote(fieldReminder)}
	old := r.account.reminderOf(c.row.ID, c.row)
	switch {
	case c.want.reminder != NoReminder && old == nil:
		r.addReminder(s, c, c.row.ID)
	case c.want.reminder != NoReminder:
		s.add("reminder_update", map[string]any{"id": old.ID, "type": "relative", "minute_offset": c.want.reminder}, e)
	case old != nil && timed(c.want.due):
		s.add("reminder_delete", map[string]any{"id": old.ID}, e)
	}
}
