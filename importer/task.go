package importer

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lucasb-eyer/go-colorful"

	"tipoff/schedule"
	"tipoff/todoist"
)

// A field is a part of a task that Tipoff writes. Its number is its place in
// the mark, so new ones go to the end.
type field int

const (
	fieldTitle field = iota
	fieldDue
	fieldZone
	fieldText
	fieldPriority
	fieldLabels
	fieldDuration
	fieldSection
	fieldReminder
	fields int = iota
)

// A task is what Tipoff writes into one task of Todoist: as it should be, or
// as it was found.
type task struct {
	title    string
	text     string // description without the marked link
	due      *todoist.Due
	priority int // Todoist's number: 4 is shown as p1
	labels   []string
	duration int    // minutes, 0 for none
	section  string // name, "" for none
	reminder int    // minutes before, or NoReminder
	// free fields are as they may be: nothing is wanted of them.
	free [fields]bool
}

// value writes a field in a form in which equal means the same.
func (t *task) value(f field) string {
	switch f {
	case fieldTitle:
		return t.title
	case fieldDue:
		return t.due.Key()
	case fieldZone:
		return t.due.Zone()
	case fieldText:
		return t.text
	case fieldPriority:
		return strconv.Itoa(t.priority)
	case fieldLabels:
		return strings.Join(slices.Sorted(slices.Values(t.labels)), ",")
	case fieldDuration:
		return strconv.Itoa(t.duration)
	case fieldSection:
		return t.section
	case fieldReminder:
		return strconv.Itoa(t.reminder)
	}
	panic("no such field")
}

func (t *task) prints() (prints [fields]string) {
	for f := range prints {
		prints[f] = fingerprint(t.value(field(f)))
	}
	return prints
}

// Words before the title of a task whose game is not on.
const (
	postponedPrefix = "Postponed: "
	gonePrefix      = "Off the schedule: "
)

// A look is how the tasks of one part of a plan are written.
type look struct {
	teams    []string
	zone     string // IANA
	title    string
	labels   []string
	priority int // as shown, 1 to 4
	duration int
	reminder int
	months   bool
	// lacks are fields that the account has not: nothing is wanted of them in
	// tasks that are there, and new ones are made without.
	lacks [fields]bool
}

// taskFor is the task that a game should have.
func (l *look) taskFor(g *schedule.Game) task {
	t := task{
		title:    l.titleOf(g),
		text:     l.textOf(g),
		priority: 5 - l.priority,
		labels:   l.labels,
		reminder: NoReminder,
		free:     l.lacks,
	}
	if l.months && !l.lacks[fieldSection] {
		t.section = monthOf(g.Day)
	}
	switch {
	case g.Postponed:
		t.title = postponedPrefix + t.title
	case g.TBD():
		t.due = todoist.DueOn(string(g.Day))
	default:
		t.due = todoist.DueAt(g.Tip, l.zone)
		if !l.lacks[fieldDuration] {
			t.duration = l.duration
		}
		if !l.lacks[fieldReminder] {
			t.reminder = l.reminder
		}
	}
	// The zone decides how an instant is shown and means nothing else.
	t.free[fieldZone] = !timed(t.due)
	return t
}

// timed reports whether a due is an instant.
func timed(d *todoist.Due) bool {
	_, ok := d.Instant()
	return ok
}

// monthOf names the section of a game: "October 2026".
func monthOf(day schedule.Day) string { return day.Time(time.UTC).Format("January 2006") }

// goneTask is the task of a game that is no longer on the schedule.
func (l *look) goneTask(g *schedule.Game) task {
	t := task{title: gonePrefix + l.titleOf(g), reminder: NoReminder, free: l.lacks}
	for _, f := range []field{fieldZone, fieldText, fieldPriority, fieldLabels, fieldSection} {
		t.free[f] = true
	}
	return t
}

// titleOf names a game from the side of the one team that is imported, or from
// nobody's when there are several.
func (l *look) titleOf(g *schedule.Game) string {
	team := ""
	if len(l.teams) == 1 {
		team = l.teams[0]
	}
	title := g.Title(team)
	switch l.title {
	case TitleCodes:
		title = g.Away.Code + " @ " + g.Home.Code
		if g.AtHome(team) {
			title = g.Home.Code + " vs " + g.Away.Code
		}
	case TitleEmoji:
		title = "🏀 " + title
	}
	if g.IfNecessary {
		title += " (if necessary)"
	}
	// "* " at the start would make a task that cannot be completed.
	return strings.TrimLeft(title, "* ")
}

// titlesOf are the titles that a game may have in any style.
func (l *look) titlesOf(g *schedule.Game) (titles []string) {
	for _, style := range titleStyles {
		for _, teams := range [][]string{l.teams, {g.Home.Code}, {g.Away.Code}} {
			other := look{teams: teams, title: style}
			titles = append(titles, other.titleOf(g))
		}
	}
	return titles
}

// textOf is a task's description: where, on which channels, in which contest.
func (l *look) textOf(g *schedule.Game) string {
	var lines []string
	add := func(parts ...string) {
		if line := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · "); line != "" {
			lines = append(lines, line)
		}
	}
	add(strings.Join(slices.DeleteFunc([]string{g.Arena, g.City}, func(s string) bool { return s == "" }), ", "))
	if tv := l.channels(g); len(tv) > 0 {
		add("TV: " + strings.Join(tv, ", "))
	}
	add(g.Label, g.SubLabel, g.Series)
	if g.TBD() && !g.Postponed {
		add("Time to be decided")
	}
	return strings.Join(lines, "\n")
}

// channels are the national ones and those of the imported sides.
func (l *look) channels(g *schedule.Game) []string {
	tv := slices.Clone(g.National)
	if slices.Contains(l.teams, g.Home.Code) {
		tv = append(tv, g.HomeTV...)
	}
	if slices.Contains(l.teams, g.Away.Code) {
		tv = append(tv, g.AwayTV...)
	}
	var distinct []string
	for _, name := range tv {
		if !slices.Contains(distinct, name) {
			distinct = append(distinct, name)
		}
	}
	return distinct
}

// colours are Todoist's twenty.
// https://developer.todoist.com/api/v1/ ("Colors")
var colours = []struct{ name, hex string }{
	{"berry_red", "#B8255F"}, {"red", "#DC4C3E"}, {"orange", "#C77100"}, {"yellow", "#B29104"},
	{"olive_green", "#949C31"}, {"lime_green", "#65A33A"}, {"green", "#369307"}, {"mint_green", "#42A393"},
	{"teal", "#148FAD"}, {"sky_blue", "#319DC0"}, {"light_blue", "#6988A4"}, {"blue", "#4180FF"},
	{"grape", "#692EC2"}, {"violet", "#CA3FEE"}, {"lavender", "#A4698C"}, {"magenta", "#E05095"},
	{"salmon", "#C9766F"}, {"charcoal", "#808080"}, {"grey", "#999999"}, {"taupe", "#8F7A69"},
}

// Colour is the one of Todoist's colours that looks most like a team's, by the
// CIEDE2000 distance with kL = 2. Todoist's are all of a middle lightness: if
// that counted in full, navy would be nearest to purple, and black as well.
func Colour(t schedule.Team) string {
	want, err := colorful.Hex(t.Primary)
	if err != nil {
		return "charcoal"
	}
	best, nearest := "", 0.0
	for _, c := range colours {
		have, err := colorful.Hex(c.hex)
		if err != nil {
			continue
		}
		if d := want.DistanceCIEDE2000klch(have, 2, 1, 1); best == "" || d < nearest {
			best, nearest = c.name, d
		}
	}
	return best
}
