package handlers

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tipoff/importer"
	"tipoff/schedule"
)

// An optionField is a field of the options' form.
type optionField struct {
	// group is the part of the import page that it is in.
	group, name string
	// kind is that of its boxes. Together with choices it is only for fields
	// that offer the same everywhere.
	kind    string
	choices []choice
}

// The choices of the field "games".
var (
	stillToCome = choice{"upcoming", "Still to come"}
	wholeSeason = choice{"all", "Whole season"}
)

// optionFields are all the fields, in the order of the import page.
var optionFields = []optionField{
	{group: "games", name: "team"},
	{"games", "games", "radio", []choice{stillToCome, wholeSeason}},
	{"games", "venue", "radio", []choice{{"all", "Home and away"}, {"home", "Home"}, {"away", "Away"}}},
	{"games", "type", "checkbox", []choice{{"preseason", "Preseason"}, {"regular", "Regular season"}, {"cup", "NBA Cup"},
		{"playin", "Play-In"}, {"playoffs", "Playoffs"}}},
	{"games", "tv", "radio", []choice{{"any", "Any channel"}, {"national", "National only"}}},
	{group: "games", name: "from"},
	{group: "games", name: "to"},
	{group: "games", name: "opponent"},
	{group: "games", name: "skip"},
	{group: "games", name: "again"},
	{"tasks", "title", "radio", []choice{{"names", "Celtics at Knicks"}, {"codes", "BOS @ NYK"}, {"emoji", "🏀 Celtics at Knicks"}}},
	{group: "tasks", name: "timezone"},
	{"tasks", "duration", "", []choice{{"0", "No length"}, {"120", "2 hours"}, {"150", "2½ hours"}, {"180", "3 hours"}}},
	{"tasks", "reminder", "", []choice{{"none", "None"}, {"0", "At tip-off"}, {"10", "10 minutes before"}, {"30", "30 minutes before"},
		{"60", "1 hour before"}, {"120", "2 hours before"}, {"1440", "A day before"}}},
	{"tasks", "priority", "radio", []choice{{"4", "None"}, {"3", "P3"}, {"2", "P2"}, {"1", "P1"}}},
	{group: "tasks", name: "labels"},
	{"tasks", "tbd", "radio", []choice{{"allday", "As all-day tasks"}, {"skip", "Not yet"}}},
	{group: "project", name: "target"},
	{group: "project", name: "name"},
	{"project", "view", "radio", []choice{{"list", "List"}, {"board", "Board"}, {"calendar", "Calendar"}}},
	{"project", "sections", "radio", []choice{{"month", "One per month"}, {"none", "None"}}},
	{group: "updates", name: "auto"},
	{"updates", "comments", "radio", []choice{{"on", "Say so in a comment"}, {"off", "Say nothing"}}},
	{"updates", "played", "radio", []choice{{"leave", "Leave its task"}, {"complete", "Tick its task off"}}},
}

// optionBoxes are the things to choose for a field that offers the same
// everywhere. There is no field of that name only by a mistake in a template.
func optionBoxes(f form, name string) ([]box, error) {
	for _, o := range optionFields {
		if o.name == name {
			return o.boxes(f), nil
		}
	}
	return nil, fmt.Errorf("there is no option %q", name)
}

// boxes are the field's things to choose. A value that was typed and is none of
// them comes last, so that it is still there to be seen next to what is wrong
// with it.
func (o optionField) boxes(f form) []box {
	boxes := boxesOf(f, o.kind, o.name, o.choices)
	for _, value := range f.Values[o.name] {
		if value != "" && !slices.ContainsFunc(o.choices, func(c choice) bool { return c.Value == value }) {
			boxes = append(boxes, boxOf(f, o.kind, o.name, value, value))
		}
	}
	return boxes
}

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
		"auto": {o.Auto}, "comments": pick(o.Comments, "on", "off"), "played": pick(o.Played, "complete", "leave"),
	}
	types := o.Types
	if len(types) == 0 {
		types = []schedule.Type{schedule.Regular, schedule.Cup, schedule.PlayIn, schedule.Playoffs}
	}
	for _, t := range types {
		v.Add("type", string(t))
	}
	v["skip"], v["again"] = o.Skip, o.Again
	return form{Values: v}
}

// readBoxes turns the boxes of a plan into the option "skip". A browser does not send
// boxes without a tick, so the field "offered" lists the games that have one. A game
// for two projects has two boxes, and is left out unless both are ticked.
func readBoxes(form url.Values) {
	included := map[string]int{}
	for _, id := range form["include"] {
		included[id]++
	}
	for _, id := range strings.Split(form.Get("offered"), ",") {
		if included[id]--; id != "" && included[id] < 0 && !slices.Contains(form["skip"], id) {
			form.Add("skip", id)
		}
	}
	form.Del("include")
	form.Del("offered")
}

// planPath is the path of the plan with these options, of the import with this id.
func planPath(o importer.Options, id string) string {
	v := o.Values()
	if id != "" {
		v.Set("import", id)
	}
	return "/import?" + v.Encode()
}
