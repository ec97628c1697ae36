package importer

import (
	"cmp"
	"slices"
	"strings"

	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

// diff sets a part's changes: what becomes of each game that the options choose, and of
// each that the import has a row for. It also sets part.ask, the tasks that have to be
// asked for before it can be told, and part.dirty, the rows that have become others.
func (a *account) diff(p *Part) {
	p.Changes, p.ask, p.unknown = nil, nil, false
	if p.Import.Season != a.season.Label || a.season.AsOf.Before(p.Import.AsOf) {
		return // neither another season's schedule nor an older one touches anything
	}
	filter := p.opts.filter()
	filter.Upcoming = false
	p.wanted = map[string]bool{}
	for _, g := range filter.Games(a.season, a.now) {
		p.wanted[g.ID] = true
	}
	games := schedule.Filter{Teams: p.allTeams(), Types: everyType}.Games(a.season, a.now)
	rows := p.matched(games)
	for _, row := range p.Import.Tasks {
		if row.State == imports.Deleted && a.tasks[row.ID] != nil {
			// It was ticked off, and its owner has opened it again. If its game is over,
			// it is theirs from now on.
			row.State = imports.There
			if row.Day < string(schedule.DayOf(a.now, schedule.Eastern())) {
				row.State = imports.Done
			}
			p.change(row)
		}
	}
	for i := range games {
		if c := a.decide(p, rows[games[i].ID], &games[i]); c != nil {
			p.Changes = append(p.Changes, c)
		}
	}
	for _, row := range p.Import.Tasks {
		if rows[row.Game] != row {
			if c := a.decideGone(p, row); c != nil {
				p.Changes = append(p.Changes, c)
			}
		}
	}
	if a.tasksOnly {
		p.unknown = p.unknown || slices.ContainsFunc(p.Changes, func(c *Change) bool { return c.Kind == Add && !c.LeftOut || c.reopen })
	}
	slices.SortStableFunc(p.Changes, func(x, y *Change) int {
		return cmp.Or(cmp.Compare(x.Game.Day, y.Game.Day), x.Game.Tip.Compare(y.Game.Tip), cmp.Compare(x.Game.ID, y.Game.ID))
	})
}

// allTeams are the teams of the options and of the rows.
func (p *Part) allTeams() []string {
	teams := slices.Clone(p.Teams)
	for _, row := range p.Import.Tasks {
		if !slices.Contains(teams, row.Home) && !slices.Contains(teams, row.Away) {
			teams = append(teams, row.Home)
		}
	}
	return teams
}

// matched are the rows by the games that they are about. A row takes over what the
// schedule says of its game, the id among it.
func (p *Part) matched(games []schedule.Game) map[string]*imports.Task {
	rows := map[string]*imports.Task{}
	for id, g := range match(p.Import.Tasks, games, schedule.DayOf(p.Import.Begun, schedule.Eastern())) {
		row := p.Import.Tasks[id]
		rows[g.ID] = row
		if row.Game == g.ID && row.Home == g.Home.Code && row.Away == g.Away.Code && row.Day == string(g.Day) {
			continue
		}
		if row.Game != g.ID {
			p.renamed = append(p.renamed, row.Game)
			if slices.Contains(p.opts.Skip, row.Game) {
				p.opts.Skip = append(slices.Clone(p.opts.Skip), g.ID)
			}
		}
		row.Game, row.Home, row.Away, row.Day = g.ID, g.Home.Code, g.Away.Code, string(g.Day)
		p.change(row)
	}
	byID := map[string]*imports.Task{}
	for _, row := range p.Import.Tasks {
		byID[row.Game] = row
	}
	p.Import.Tasks = byID
	return rows
}

// decide says what becomes of a game that is on the schedule. row may be nil.
func (a *account) decide(p *Part, row *imports.Task, g *schedule.Game) *Change {
	c := &Change{Game: *g, row: row, part: p, want: p.style.taskFor(g)}
	c.Title = c.want.title
	switch {
	case row == nil || row.State == imports.LeftOut || row.ID == "" && row.State != imports.Deleted:
		if !p.addable(a, g) {
			return nil
		}
		c.Kind, c.LeftOut = Add, slices.Contains(p.opts.Skip, g.ID)
		return c
	case row.State == imports.Done && !g.Upcoming(a.now):
		return nil // also where its owner has opened it again
	case row.State == imports.Deleted || row.State == imports.Done:
		return p.missing(a, c)
	case !p.wanted[g.ID]:
		return nil
	}
	if c.Task = a.taskFor(p, row); c.Task == nil {
		return a.decideMissing(p, c)
	}
	if !g.Upcoming(a.now) {
		// Of what was played the date counts, and nothing else any more.
		for f := range field(fields) {
			c.want.free[f] = c.want.free[f] || f != fieldTitle && f != fieldDue && f != fieldZone
		}
	}
	if c.Task.Project != p.Project {
		c.want.free[fieldSection] = true // its owner moved it
	}
	a.compare(c)
	if row.State == imports.Postponed && !g.Postponed && !c.Pending() {
		// Its owner has given it a title and a date.
		row.State = imports.There
		p.change(row)
	}
	switch {
	case c.Kind == Update && g.Postponed && c.writesAny(fieldTitle, fieldDue):
		c.Kind = Postpone
	case c.Kind == Keep && !g.Upcoming(a.now):
		c.Kind, c.Kept = Same, nil // nobody needs to hear of a game that is over
	}
	if p.opts.Played && g.Ended(a.now) {
		if c.over = true; !c.Pending() {
			c.Kind = TickOff
		}
	}
	return c
}

// taskFor is a row's task, or nil when it is not in the project.
func (a *account) taskFor(p *Part, row *imports.Task) *todoist.Task {
	if a.rowsOnly {
		return &todoist.Task{ID: row.ID, Project: p.Project}
	}
	return a.tasks[row.ID]
}

// addable reports whether the game gets a task if it has none.
func (p *Part) addable(a *account, g *schedule.Game) bool {
	return p.wanted[g.ID] && !g.Postponed && (g.Upcoming(a.now) || !p.opts.Upcoming) && !(g.TBD() && p.opts.SkipTBD)
}

// decideMissing says what becomes of a game whose task is not in the project. Whether it
// is open elsewhere is asked only if there is something to write, or if it is wanted
// once more.
func (a *account) decideMissing(p *Part, c *Change) *Change {
	changed := false
	for f := range field(fields) {
		changed = changed || !c.want.free[f] && c.want.print(f) != wrote(c.row, f)
	}
	again := slices.Contains(p.opts.Again, c.Game.ID)
	switch {
	case !changed && !again, c.row.State == imports.Postponed && c.Game.Postponed:
		return p.missing(a, c)
	case !a.asked[c.row.ID]:
		p.ask = append(p.ask, c.row.ID)
		return p.missing(a, c)
	case c.row.State == imports.Postponed && !c.Game.Postponed && c.Game.Upcoming(a.now):
		// It was ticked off while it waited for a date, which says nothing of the game.
		c.Kind, c.reopen = Update, true
		for f := range field(fields) {
			if !c.want.free[f] {
				c.Fields = append(c.Fields, FieldChange{Field: f, New: c.want})
			}
		}
		return c
	}
	p.lose(c.row)
	return p.missing(a, c)
}

// lose notes that a task is not open anywhere, so that it is not asked for again.
func (p *Part) lose(row *imports.Task) {
	row.State = imports.Deleted
	p.change(row)
}

// missing is a game whose task is gone: it is made again if that is asked for.
func (p *Part) missing(a *account, c *Change) *Change {
	if !p.addable(a, &c.Game) {
		return nil
	}
	c.Kind = Missing
	gone := c.row.State == imports.Deleted || c.row.State == imports.Done
	switch {
	case !gone || !slices.Contains(p.opts.Again, c.Game.ID):
	case c.row.ID != "" && !a.asked[c.row.ID]:
		p.ask = append(p.ask, c.row.ID) // it may be open again
	case a.tasks[c.row.ID] == nil:
		c.Kind = Add
	}
	return c
}

// decideGone says what becomes of a row whose game is not on the schedule any more:
// it is postponed, or was not needed.
func (a *account) decideGone(p *Part, row *imports.Task) *Change {
	if row.State != imports.There || row.ID == "" || row.Day < string(schedule.DayOf(a.now, schedule.Eastern())) {
		return nil
	}
	side := func(code string) schedule.Side {
		if team, ok := schedule.TeamByCode(code); ok {
			return team.Side()
		}
		return schedule.Side{Code: code}
	}
	g := schedule.Game{ID: row.Game, Type: schedule.Regular, Day: schedule.Day(row.Day), Home: side(row.Home), Away: side(row.Away)}
	c := &Change{Game: g, row: row, part: p, Task: a.taskFor(p, row)}
	prefix := postponedPrefix
	if c.Task != nil && strings.Contains(c.Task.Content, ifNecessary) {
		prefix = notNeededPrefix
	}
	c.want = p.style.goneTask(&g, prefix)
	c.Title = c.want.title
	if c.Task == nil {
		if a.asked[row.ID] {
			p.lose(row)
		} else {
			p.ask = append(p.ask, row.ID)
		}
		c.Kind = Missing
		return c
	}
	a.compare(c)
	switch {
	case prefix == notNeededPrefix:
		c.Kind = Cancel
	case c.Kind == Update:
		c.Kind = Postpone
	}
	return c
}

// compare says what has to change in a task so that it tells its game. For each field
// three values count: what we wrote last, what the task says, and what is wanted.
func (a *account) compare(c *Change) {
	c.Kind, c.Title = Same, cmp.Or(c.Task.Content, c.want.title)
	now := a.taskOf(c.Task, c.row)
	for f := range field(fields) {
		wrote, is, wants := wrote(c.row, f), now.print(f), c.want.print(f)
		if a.rowsOnly {
			is = wrote
		}
		if a.tasksOnly && (f == fieldDuration || f == fieldSection || f == fieldReminder) {
			c.part.unknown = c.part.unknown || !c.want.free[f] && wants != wrote
			continue
		}
		change := FieldChange{Field: f, Old: now, New: c.want}
		switch {
		case c.want.free[f]:
		case is == wants:
			c.settle(f, wants)
		case wants == wrote: // the schedule has not changed, whatever the owner did
		case is == wrote:
			c.Fields = append(c.Fields, change)
		default:
			c.Kept = append(c.Kept, change)
		}
	}
	// A date that its owner chose keeps its zone, its length and its reminder
	// as far as these hang on the date.
	due := now.due
	if c.writesAny(fieldDue) {
		due = c.want.due
	}
	c.Fields = slices.DeleteFunc(c.Fields, func(f FieldChange) bool {
		switch f.Field {
		case fieldZone:
			return due.Key() != c.want.due.Key()
		case fieldDuration, fieldReminder:
			return timed(due) != timed(c.want.due)
		}
		return false
	})
	c.Moved = !a.rowsOnly && !c.want.free[fieldDue] && !c.writesAny(fieldDue) && now.due.Key() != c.want.due.Key()
	switch {
	case len(c.Fields) > 0:
		c.Kind = Update
		if c.writesAny(fieldTitle) {
			c.Title = c.want.title
		}
	case len(c.Kept) > 0:
		c.Kind = Keep
	}
}

// settle notes that task and schedule agree on a field: that is now what we wrote.
func (c *Change) settle(f field, print string) {
	if wrote(c.row, f) == print {
		return
	}
	setWrote(c.row, f, print)
	c.part.change(c.row)
}

// dayOf is the Eastern day of a due.
func dayOf(d *todoist.Due) string {
	if at, ok := d.Instant(); ok {
		return string(schedule.DayOf(at, schedule.Eastern()))
	}
	return d.Key()
}

// Day is the Eastern day of a due, for which [schedule.Day] is the type.
func Day(d *todoist.Due) schedule.Day { return schedule.Day(dayOf(d)) }
