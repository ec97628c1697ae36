package fake

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
