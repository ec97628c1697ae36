package fake

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
