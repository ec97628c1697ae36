package importer

import (
	"cmp"
	"slices"
	"strings"

	"tipoff/schedule"
	"tipoff/todoist"
)

// Adopts reports whether the plan takes over tasks that no import knows.
func (p *Plan) Adopts() bool {
	return slices.ContainsFunc(p.Parts, func(part *Part) bool { return part.adopted })
}

// Zone is the IANA zone of the times of the part's tasks.
func (p *Part) Zone() string { return p.style.zone }

// Flags are the fields in which the offer's options differ from others, as a command
// takes them.
func (o Offer) Flags(from Options) string {
	was, is := from.Values(), o.Options.Values()
	var flags []string
	for name := range is {
		if !slices.Equal(was[name], is[name]) {
			flags = append(flags, "-"+name+" "+strings.Join(is[name], " -"+name+" "))
		}
	}
	for name := range was {
		if len(is[name]) == 0 {
			flags = append(flags, "-"+name+" "+`""`)
		}
	}
	slices.Sort(flags)
	return strings.Join(flags, " ")
}

// WhenDue is when a task is due, as the plan's table writes it: the day, and the time
// where there is one.
func WhenDue(d *todoist.Due, zone string) string {
	return cmp.Or(dateIn(dateOf(d), zone), "no date")
}

// When is when a game is, in the same words.
func When(g *schedule.Game, zone string) string {
	if g.TBD() {
		return dateIn(string(g.Day), zone)
	}
	return dateIn(g.Tip.UTC().Format("2006-01-02T15:04:05Z"), zone)
}
