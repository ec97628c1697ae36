package importer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"

	"tipoff/schedule"
	"tipoff/todoist"
)

// A shortage is what an account has too little of for a plan.
type shortage struct{ projects, tasks, sections, reminders bool }

// An Offer is a choice of options near to those of a plan that does not fit the
// account, or not with all that was chosen. The plan of the offer fits.
type Offer struct {
	Text string
	// Tasks is how many tasks the plan would write.
	Tasks   int
	Options Options
}

// mostOffered bounds how many of the owner's projects are offered, and mostTried
// of how many a plan is made to find them: those that hold the fewest tasks.
const (
	mostOffered = 3
	mostTried   = 6
)

// offers are the choices that would do where the plan lacks something. Each of
// them was tried: nothing is promised that is refused again.
func (a *account) offers(p *Plan) []Offer {
	if p.short == (shortage{}) || !a.whole {
		return nil
	}
	try := func(o Options) (*Plan, bool) {
		other, err := a.plan(o, nil)
		return other, err == nil && other.short == (shortage{}) && other.Pending() > 0
	}
	var all []Offer
	offer := func(o Options, text string, about ...any) (fits bool) {
		other, fits := try(o)
		if fits {
			all = append(all, Offer{fmt.Sprintf(text, about...), other.Pending(), o})
		}
		return fits
	}
	fewer := func(o Options, where string) {
		o.Bare = false
		if o.Venue == "" {
			home := o
			home.Venue = "home"
			offer(home, "Only home games%s", where)
		}
		if day := a.lastDay(o, try); day != "" {
			o.To = day
			offer(o, "Only games until %s%s", day, where)
		}
	}

	base, without := p.Options, ""
	if p.short.sections {
		base.Bare, base.Months = false, false
		without = ", without sections"
		if offer(base, "The same without sections") {
			return all
		}
	}
	if p.short.reminders && !p.Stopped() {
		fewer(base, ", with their reminders")
		return all
	}
	one, each := base, base
	one.Target, each.Target, each.Name = TargetNew, TargetEach, ""
	switch {
	case p.short.projects && p.Options.Target == TargetEach && len(base.Teams) > 1:
		offer(one, "All in one new project%s", without)
	case p.short.tasks && p.Options.Target != TargetEach && len(base.Teams) > 1:
		offer(each, "A project for each team%s", without)
	}
	if p.short.tasks && p.Options.Target != TargetNew && p.Options.Target != TargetEach {
		offer(one, "A project of its own%s", without)
	}
	into := func(project todoist.Project) Options {
		o := base
		o.Target, o.Name = project.ID, ""
		return o
	}
	roomy, offered := a.roomy(p.Options.Target), 0
	for _, project := range roomy[:min(mostTried, len(roomy))] {
		if offered < mostOffered && offer(into(project), "Into “%s”%s", project.Name, without) {
			offered++
		}
	}
	switch {
	case p.short.projects && len(all) == 0:
		if p.Options.Target == TargetEach {
			fewer(one, ", all in one new project"+without)
		}
		if len(all) == 0 && len(roomy) > 0 {
			fewer(into(roomy[0]), fmt.Sprintf(", into “%s”%s", roomy[0].Name, without))
		}
	case p.short.tasks && !p.short.projects:
		fewer(base, without)
	}
	return all
}

// roomy are the owner's own projects but one, those with the fewest open tasks
// first.
func (a *account) roomy(but string) []todoist.Project {
	all := slices.DeleteFunc(slices.Collect(maps.Values(a.projects)), func(p todoist.Project) bool {
		return p.ID == but || p.Shared || p.Workspace != nil
	})
	slices.SortFunc(all, func(x, y todoist.Project) int {
		return cmp.Or(cmp.Compare(a.open[x.ID], a.open[y.ID]), cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	return all
}

// lastDay is the last day up to which the games of the options fit, "" where
// none do or all.
func (a *account) lastDay(o Options, try func(Options) (*Plan, bool)) schedule.Day {
	p, err := a.plan(o, nil)
	if err != nil {
		return ""
	}
	var days []schedule.Day
	for _, c := range p.Changes() {
		if c.Kind == Add && !c.LeftOut {
			days = append(days, c.Game.Day)
		}
	}
	slices.Sort(days)
	days = slices.Compact(days)
	n := sort.Search(len(days), func(i int) bool {
		until := o
		until.To = days[i]
		_, fits := try(until)
		return !fits
	})
	if n == 0 || n == len(days) {
		return ""
	}
	return days[n-1]
}
