package importer

import (
	"fmt"
	"slices"
)

// An Offer is a choice of options near to those of a plan that does not fit the
// account.
type Offer struct {
	Text string
	// Tasks is how many tasks the plan would write.
	Tasks   int
	Options Options
}

// restrict takes away from a part's style what the account does not allow, and says so.
func (a *account) restrict(p *Plan, part *Part) {
	lack := func(f field, text string) {
		part.style.lacks[f] = true
		if n := (Notice{Text: text}); !slices.Contains(p.Notices, n) {
			p.Notices = append(p.Notices, n)
		}
	}
	if part.opts.Duration > 0 && (a.limits.Durations == nil || !*a.limits.Durations) {
		lack(fieldDuration, "Your plan doesn’t include task durations, so we’ll skip them.")
	}
	if part.opts.Reminder != NoReminder && a.limits.Reminders != nil && !*a.limits.Reminders {
		lack(fieldReminder, "Your plan doesn’t include custom reminders, so we’ll skip them.")
	}
	if part.opts.View == ViewCalendar && part.Project == "" && !a.calendars() {
		p.Notices = append(p.Notices, Notice{Text: fmt.Sprintf("Your plan doesn’t include the calendar view, so “%s” will be a list.", part.Name)})
	}
}

// calendars reports whether the account can show projects as calendars.
func (a *account) calendars() bool { return a.limits.Calendar != nil && *a.limits.Calendar }

// limitReminders takes the reminders away where the account has no room for as
// many, and says so.
func (a *account) limitReminders(p *Plan) {
	if a.limits.MaxReminders == nil {
		return
	}
	more, room := 0, *a.limits.MaxReminders-a.reminding
	adding := func(c *Change) bool {
		return c.Pending() && c.want.reminder != NoReminder && (c.Kind == Add || c.writesAny(fieldReminder) && a.reminderOf(c.row.ID, c.row) == nil)
	}
	for _, c := range p.Changes() {
		if adding(c) {
			more++
		}
	}
	if more <= room {
		return
	}
	for _, c := range p.Changes() {
		if !adding(c) {
			continue
		}
		c.want.reminder = NoReminder
		if c.Kind != Add {
			c.Fields = slices.DeleteFunc(c.Fields, func(f FieldChange) bool { return f.Field == fieldReminder })
			if len(c.Fields) == 0 && !c.reopen {
				c.Kind = Same
			}
		}
	}
	p.Notices = append(p.Notices, Notice{Text: fmt.Sprintf("Your Todoist plan has room for %d more reminders, and these would be %d, "+
		"so the tasks are made without.", max(room, 0), more)})
}

// additions are the changes that make tasks, by day.
func (p *Part) additions() []*Change {
	return slices.DeleteFunc(slices.Clone(p.Changes), func(c *Change) bool { return c.Kind != Add || c.LeftOut })
}

// stop adds a notice that forbids running the plan.
func (p *Plan) stop(format string, args ...any) {
	p.Notices = append(p.Notices, Notice{Stop: true, Text: fmt.Sprintf(format, args...)})
}

// fit checks a plan against the account's limits before anything is written, and
// offers what is near and fits.
// https://developer.todoist.com/api/v1/ ("User plan limits")
func (a *account) fit(p *Plan) {
	a.fitProjects(p)
	for _, part := range p.Parts {
		a.fitTasks(p, part)
		a.fitSections(p, part)
	}
}

// room is how many projects more the account may have; -1 is any number.
func (a *account) room() int {
	if a.limits.Projects == nil {
		return -1
	}
	room := *a.limits.Projects
	for _, project := range a.projects {
		// Projects of a workspace and the Inbox do not count.
		if !project.Inbox && project.Workspace == nil {
			room--
		}
	}
	return max(room, 0)
}

func (a *account) fitProjects(p *Plan) {
	fresh, room := 0, a.room()
	for _, part := range p.Parts {
		if part.Project == "" && len(part.additions()) > 0 {
			fresh++
		}
	}
	if room < 0 || fresh <= room {
		return
	}
	these := "a new one"
	if fresh > 1 {
		these = fmt.Sprintf("%d new ones", fresh)
	}
	p.stop("Your Todoist plan holds %d projects, so there is no room for %s. "+
		"Choose one of your projects in the options, or archive one in Todoist first.", *a.limits.Projects, these)
	if fresh > 1 && room > 0 {
		o := p.Options
		o.Target = TargetNew
		p.offer("All in one new project", o, p.Pending())
	}
	p.offerInbox()
}

func (a *account) fitTasks(p *Plan, part *Part) {
	most, adds, open := a.limits.Tasks, part.additions(), 0
	if part.Project != "" {
		open = a.open(part.Project)
	}
	if most == nil || open+len(adds) <= *most || len(adds) == 0 {
		return
	}
	room := max(*most-open, 0)
	p.stop("A project of your Todoist plan holds %d tasks. “%s” has %d, so there is room for %d more, and these would be %d. "+
		"Choose fewer games or another project.", *most, part.Name, open, room, len(adds))
	if len(p.Parts) > 1 {
		return
	}
	if more := a.room(); len(part.Teams) > 1 && (more < 0 || more >= len(part.Teams)) {
		o := p.Options
		o.Target, o.Name = TargetEach, ""
		p.offer("A project for each team", o, len(adds))
	}
	// The last day of which all games fit.
	n := room
	for n > 0 && adds[n-1].Game.Day == adds[n].Game.Day {
		n--
	}
	if n > 0 {
		o := p.Options
		o.To = adds[n-1].Game.Day
		p.offer("Only games until "+string(o.To), o, n)
	}
	home := 0
	for _, c := range adds {
		if slices.Contains(part.Teams, c.Game.Home.Code) {
			home++
		}
	}
	if part.opts.Venue == "" && home > 0 && home <= room {
		o := p.Options
		o.Venue = "home"
		p.offer("Only home games", o, home)
	}
}

func (a *account) fitSections(p *Plan, part *Part) {
	have, names := 0, map[string]bool{}
	for _, c := range part.Changes {
		if c.Pending() && c.want.section != "" && (c.Kind == Add || c.writesAny(fieldSection)) {
			names[c.want.section] = true
		}
	}
	for _, s := range a.sections {
		if s.Project == part.Project {
			have++
			delete(names, s.Name)
		}
	}
	if most := a.limits.Sections; most != nil && len(names) > 0 && have+len(names) > *most {
		p.stop("A project of your Todoist plan holds %d sections, and “%s” would have %d. Choose no sections.",
			*most, part.Name, have+len(names))
		o := p.Options
		o.Months = false
		p.offer("The same without sections", o, len(part.additions()))
	}
}

func (p *Plan) offer(text string, o Options, tasks int) {
	p.Offers = append(p.Offers, Offer{text, tasks, o})
}

// offerInbox offers the Inbox where there is no room for a project.
func (p *Plan) offerInbox() {
	for _, project := range p.Projects {
		if project.Inbox {
			o := p.Options
			o.Target, o.Name = project.ID, ""
			p.offer("Into “"+project.Name+"”", o, p.Pending())
		}
	}
}
