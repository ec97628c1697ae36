package handlers

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tipoff/importer"
	"tipoff/todoist"
)

// A planView is what an import would do.
type planView struct {
	// Fingerprint stands for all that the plan would write, taken as if no
	// game were left out.
	Fingerprint string
	// Options are the fields of the plan that is shown, as the POST form
	// repeats them.
	Options url.Values
	// Project is the target's name, or the names of several; New says how many
	// of them will be made.
	Project string
	New     int
	// Targets counts the projects.
	Targets int
	// OpenURL is where the one project is seen when there is nothing to do in
	// it, else empty.
	OpenURL string
	// Notices are limits and warnings. A notice of the kind "stop" takes the
	// button away.
	Notices []notice
	// Offers are what would fit where this does not.
	Offers []offer

	Added     []planRow
	Changed   []planRow
	Postponed []planRow
	// Common are changes that several of Changed have in common, see groupChanges.
	// Shown are the rows with what else changes in them, and Folded those that
	// are not shown at first, with all their changes.
	Common []commonChange
	Shown  []planRow
	Folded []planRow
	// Kept tasks would change, had their owner not edited them.
	Kept      []planRow
	Unchanged []planRow
	// Missing tasks are not in the project any more, and can be had once more.
	Missing []planRow
	// AskAuto says that there is a tick for updates by themselves, Auto that it is set.
	AskAuto, Auto bool
	// Again is true when an earlier try was cut short, so that the button
	// goes on rather than starts.
	Again bool
}

// An offer is another plan, in words, and the path of its page.
type offer struct {
	Text  string `json:"text"`
	Link  string `json:"link"`
	Tasks int    `json:"tasks"`
}

// A planRow is one task of a plan.
type planRow struct {
	// ID is the game's.
	ID   string
	When moment
	// Title is the task's content; Label as in gameRow.
	Title, Label string
	// Postponed says that the game has no date now; When is its old one.
	Postponed bool
	// LeftOut says that the game is among skip.
	LeftOut bool
	// Changes are what differs, field by field; Note is a sentence for rows
	// that need one ("You moved this task to Friday, so it stays there.").
	Changes []change
	Note    string
	// Task are the fields of the task that will be made, but for its title and time.
	Task []change
	// Kept says that none of the changes is made, because the owner edited the
	// task.
	Kept bool
	// League says when the game is where the owner gave the task a date of their
	// own, which When is then.
	League string
}

// A change is a field's old and new value, in words.
type change struct{ Field, Old, New string }

// A commonChange is a change that several tasks have in common.
type commonChange struct {
	change
	Tasks int
}

const (
	// commonFrom is from how many tasks on a change is said once for all of them.
	commonFrom = 4
	// maxAlike is how many rows with changes to the same fields are shown at once.
	maxAlike = 10
)

// groupChanges sums up the changes: what several tasks have in common is said once,
// and of many rows with changes to the same fields a few are shown, so that
// changed options do not hide what the league has changed.
func (p *planView) groupChanges() {
	tasks := map[change]int{}
	fields := map[string]int{} // the most tasks that a change of the field has
	var found []change
	for _, row := range p.Changed {
		for _, c := range row.Changes {
			if tasks[c]++; tasks[c] == 1 {
				found = append(found, c)
			}
			fields[c.Field] = max(fields[c.Field], tasks[c])
		}
	}
	for _, c := range found {
		if tasks[c] >= commonFrom {
			p.Common = append(p.Common, commonChange{c, tasks[c]})
		}
	}
	// The widest change first, and those of one field together.
	slices.SortStableFunc(p.Common, func(a, b commonChange) int {
		return cmp.Or(cmp.Compare(fields[b.Field], fields[a.Field]), strings.Compare(a.Field, b.Field))
	})
	alike := map[string]int{}
	for _, row := range p.Changed {
		rest, fields := row, ""
		rest.Changes = nil
		for _, c := range row.Changes {
			if tasks[c] < commonFrom {
				rest.Changes = append(rest.Changes, c)
				fields += c.Field + " "
			}
		}
		alike[fields+rest.Note]++
		if len(rest.Changes) == 0 && rest.Note == "" && len(row.Changes) > 0 || alike[fields+rest.Note] > maxAlike {
			p.Folded = append(p.Folded, row)
		} else {
			p.Shown = append(p.Shown, rest)
		}
	}
}

// Why says where the changes come from.
func (p planView) Why() string {
	league, options := false, false
	for _, row := range p.Changed {
		moved := slices.ContainsFunc(row.Changes, func(c change) bool { return c.Field == "When" || c.Field == "Description" })
		league = league || moved
		for _, c := range row.Changes {
			// A game that is moved may take its section, zone and length along.
			options = options || c.Field == "Labels" || c.Field == "Priority" || !moved
		}
	}
	switch {
	case league && options:
		return "The league changed some of these games since you imported them, and you chose other options."
	case options:
		return "You chose other options than at the last import."
	}
	return "The league changed these games since you imported them."
}

// Adding counts the additions that are not left out.
func (p planView) Adding() int {
	n := 0
	for _, row := range p.Added {
		if !row.LeftOut {
			n++
		}
	}
	return n
}

// Kinds counts the kinds of things that the plan lists, to tell whether counts
// say more than the summary.
func (p planView) Kinds() int {
	n := 0
	for _, rows := range [][]planRow{p.Added, p.Changed, p.Postponed, p.Kept, p.Unchanged} {
		if len(rows) > 0 {
			n++
		}
	}
	return n
}

// Changing counts the tasks that would be brought up to date.
func (p planView) Changing() int { return len(p.Changed) + len(p.Postponed) }

// AddedByMonth groups the additions for the list.
func (p planView) AddedByMonth() []month[planRow] { return planMonths(p.Added) }

// UnchangedByMonth groups what stays as it is for the list.
func (p planView) UnchangedByMonth() []month[planRow] { return planMonths(p.Unchanged) }

func planMonths(rows []planRow) []month[planRow] {
	return byMonth(rows, func(row planRow) moment { return row.When })
}

// Stopped says that a notice forbids running the plan.
func (p planView) Stopped() bool {
	return slices.ContainsFunc(p.Notices, func(n notice) bool { return n.Kind == "stop" })
}

// Nothing says that running the plan would write nothing.
func (p planView) Nothing() bool { return p.Adding() == 0 && p.Changing() == 0 }

// LeftOut counts the additions that are left out.
func (p planView) LeftOut() int { return len(p.Added) - p.Adding() }

// HasButton says that there is a button: something to write, or left out and to be
// put back, and nothing that forbids it.
func (p planView) HasButton() bool {
	return !p.Stopped() && (len(p.Added) > 0 || len(p.Missing) > 0 || p.Changing() > 0)
}

// Untimed counts the additions that have no time yet.
func (p planView) Untimed() int {
	n := 0
	for _, row := range p.Added {
		if row.When.Clock == "" && !row.LeftOut {
			n++
		}
	}
	return n
}

// Summary says in one sentence what running the plan does.
func (p planView) Summary() string {
	project := "“" + p.Project + "”"
	added, changed := p.Adding(), p.Changing()
	fresh := "a new project, " + project
	switch {
	case p.Targets > 1 && p.New == p.Targets:
		fresh = fmt.Sprintf("%d new projects", p.New)
		if p.Targets <= 3 {
			fresh += ": " + project
		}
	case p.Targets > 3:
		project = fmt.Sprintf("%d projects", p.Targets)
		fresh = fmt.Sprintf("%s, %d of them new", project, p.New)
	case p.Targets > 1:
		fresh = project
	}
	will := " will"
	if p.Stopped() {
		will = " would"
	}
	switch {
	case added > 0 && changed == 0 && p.New > 0:
		return plural(added, "game") + will + " be added to " + fresh + "."
	case added > 0 && changed > 0:
		return plural(added, "game") + will + " be added to " + project + " and " + plural(changed, "task") + " updated."
	case added > 0:
		return plural(added, "game") + will + " be added to " + project + "."
	case changed > 0:
		return plural(changed, "task") + " in " + project + will + " be updated."
	case len(p.Unchanged)+len(p.Kept) > 0:
		is := " is"
		if p.Targets > 1 {
			is = " are"
		}
		return project + is + " up to date."
	case len(p.Added) > 0:
		return "Every game is left out, so there is nothing to add."
	}
	return "No game matches these options, so there is nothing to add."
}

// Button is the label of the one button.
func (p planView) Button() string {
	added, changed := p.Adding(), p.Changing()
	switch {
	case p.Again && added+changed > 0:
		return "Continue with the other " + plural(added+changed, "task")
	case added > 0 && changed > 0:
		return "Add " + plural(added, "game") + " and update " + plural(changed, "task")
	case changed > 0:
		return "Update " + plural(changed, "task")
	case added == 0:
		return "Add to Todoist"
	}
	return "Add " + plural(added, "game") + " to Todoist"
}

// Offered are the games that have a box, for [readBoxes].
func (p planView) Offered() string {
	ids := make([]string, len(p.Added))
	for i, row := range p.Added {
		ids[i] = row.ID
	}
	return strings.Join(ids, ",")
}

// Hidden are the POST form's hidden fields, but for import and plan. Games
// left out that have no checkbox of their own stay left out.
func (p planView) Hidden() []field {
	but := []string{"skip", "again"}
	if p.AskAuto {
		but = append(but, "auto")
	}
	fields := fieldsOf(p.Options, but...)
	for _, id := range p.Options["skip"] {
		if !slices.ContainsFunc(p.Added, func(row planRow) bool { return row.ID == id }) {
			fields = append(fields, field{"skip", id})
		}
	}
	for _, id := range p.Options["again"] {
		if !slices.ContainsFunc(p.Missing, func(row planRow) bool { return row.ID == id }) {
			fields = append(fields, field{"again", id})
		}
	}
	return fields
}

// planView is a plan as the pages show it.
func (s *server) planView(r *http.Request, plan *importer.Plan) *planView {
	loc := s.planLocale(r, plan)
	v := &planView{Fingerprint: plan.Fingerprint(), Options: plan.Options.Values()}
	v.Options.Set("import", plan.ID)
	names := []string{}
	for _, part := range plan.Parts {
		names = append(names, part.Name)
		if part.Project == "" {
			v.New++
		}
	}
	v.Targets, v.Project = len(names), strings.Join(names, "”, “")
	for _, n := range plan.Notices {
		kind := "warn"
		if n.Stop {
			kind = "stop"
		}
		v.Notices = append(v.Notices, notice{Kind: kind, Text: n.Text})
	}
	v.Offers = offersOf(plan, loc)
	for _, c := range plan.Changes() {
		row := planRowOf(c, loc)
		switch c.Kind {
		case importer.Add:
			v.Added = append(v.Added, row)
		case importer.Update, importer.TickOff:
			v.Changed = append(v.Changed, row)
		case importer.Postpone, importer.Cancel:
			v.Postponed = append(v.Postponed, row)
		case importer.Keep:
			v.Kept = append(v.Kept, row)
		case importer.Missing:
			v.Missing = append(v.Missing, row)
		default:
			v.Unchanged = append(v.Unchanged, row)
		}
	}
	if len(plan.Parts) > 1 {
		for _, rows := range [][]planRow{v.Added, v.Changed, v.Postponed, v.Kept, v.Unchanged} {
			slices.SortStableFunc(rows, func(a, b planRow) int {
				return cmp.Or(strings.Compare(a.When.Date, b.When.Date), strings.Compare(a.When.ISO, b.When.ISO))
			})
		}
	}
	v.groupChanges()
	return v
}

// offersOf are a plan's offers as the pages show them.
func offersOf(plan *importer.Plan, loc locale) (all []offer) {
	for _, o := range plan.Offers {
		text := o.Text
		if to := string(o.Options.To); to != "" {
			text = strings.ReplaceAll(text, to, loc.momentOfDay(to).Day)
		}
		all = append(all, offer{text, planPath(o.Options, ""), o.Tasks})
	}
	return all
}

// planLocale has the zone of the plan's tasks, or the account's where they have
// several.
func (s *server) planLocale(r *http.Request, plan *importer.Plan) locale {
	loc := s.locale(r)
	if len(plan.Parts) > 1 && plan.Options.Timezone == importer.ZoneTeam {
		return loc
	}
	if zone, err := time.LoadLocation(plan.Zone); err == nil && plan.Zone != "" {
		loc.Zone = zone
	}
	return loc
}

// planRowOf is a change as the pages show it.
func planRowOf(c *importer.Change, loc locale) planRow {
	row := planRow{ID: c.Game.ID, When: whenOf(&c.Game, loc), Title: c.Title, Label: labelOf(&c.Game), Postponed: c.Game.Postponed, LeftOut: c.LeftOut}
	due := func(d *todoist.Due) string { return dayAndClock(momentOfDue(d, loc)) }
	if c.Moved {
		row.League = "The league has it on " + dayAndClock(row.When) + "."
		if row.Postponed {
			row.League = "The league has no date for it yet."
		}
		if row.Postponed = c.Task.Due == nil; c.Task.Due != nil {
			row.When = momentOfDue(c.Task.Due, loc)
		}
	}
	changesOf := func(fields []importer.FieldChange) []change {
		var all []change
		for _, f := range fields {
			old, new := f.Values(due)
			// A task gets and loses its zone with its time, which is said.
			if f.Name() == "Time zone" && (old == "none" || new == "none") {
				continue
			}
			lines := strings.NewReplacer("\n", " · ")
			all = append(all, change{f.Name(), lines.Replace(old), lines.Replace(new)})
		}
		return all
	}
	switch {
	case c.Kind == importer.Add:
		row.Task = changesOf(c.Makes())
	case len(c.Kept) > 0 && c.Kind == importer.Keep:
		row.Changes, row.Kept = changesOf(c.Kept), true
		row.Note = "You edited this task, so Tipoff keeps your edit."
	case len(c.Kept) > 0:
		row.Changes = changesOf(c.Fields)
		row.Note = "Your own edits stay."
	case c.Kind == importer.TickOff:
		row.Note = "The game is over, so the task is ticked off."
	default:
		row.Changes = changesOf(c.Fields)
	}
	return row
}

// momentOfDue is when a task is due.
func momentOfDue(d *todoist.Due, loc locale) moment {
	if at, ok := d.Instant(); ok {
		return loc.momentOf(at)
	}
	return loc.momentOfDay(string(importer.Day(d)))
}

// dayAndClock writes a moment in a sentence.
func dayAndClock(m moment) string {
	if m.Clock == "" {
		return m.Day
	}
	return m.Day + ", " + m.Clock
}
