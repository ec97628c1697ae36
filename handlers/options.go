package handlers

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tipoff/importer"
	"tipoff/schedule"
)

// formOf fills in every field of the options' form.
func formOf(o importer.Options) form {
	pick := func(yes bool, a, b string) []string {
		if yes {
			return []string{a}
		}
		return []string{b}
	}
	v := url.Values{
		"team": o.Teams, "opponent": o.Opponents,
		"games": pick(o.Upcoming, "upcoming", "all"), "venue": pick(o.Venue == "", "all", o.Venue),
		"tv": pick(o.National, "national", "any"), "from": {string(o.From)}, "to": {string(o.To)},
		"title": {o.Title}, "timezone": {o.Timezone},
		"labels": {strings.Join(o.Labels, ", ")}, "priority": {strconv.Itoa(o.Priority)},
		"duration": {strconv.Itoa(o.Duration)}, "reminder": pick(o.Reminder == importer.NoReminder, "none", strconv.Itoa(o.Reminder)),
		"tbd": pick(o.SkipTBD, "skip", "allday"), "target": {o.Target}, "name": {o.Name},
		"view": {o.View}, "sections": pick(o.Months, "month", "none"),
	}
	types := o.Types
	if len(types) == 0 {
		types = []schedule.Type{schedule.Regular, schedule.Cup, schedule.PlayIn, schedule.Playoffs}
	}
	for _, t := range types {
		v.Add("type", string(t))
	}
	for _, ref := range o.Skip {
		v.Add("skip", ref.ID)
	}
	return form{Values: v}
}

// planPath is the path of the plan with these options. Games left out are named by
// their ids alone, since addresses had better be short.
func planPath(o importer.Options) string {
	o.Skip = slices.Clone(o.Skip)
	for i, ref := range o.Skip {
		o.Skip[i] = importer.Ref{ID: ref.ID}
	}
	return "/import?" + o.Values().Encode()
}
