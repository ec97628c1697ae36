package fake

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
