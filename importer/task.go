package importer

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lucasb-eyer/go-colorful"

	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

// A field is a part of a task that Tipoff writes. Its number is its place in a row's
// fingerprints, so new ones go to the end.
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

// told is the place behind the fields' fingerprints where a row has that of the last
// comment, so that a move whose writing has to be tried again is told once.
const told = field(fields)

// A task is what Tipoff writes into one task of Todoist: as it should be, or
// as it was found.
type task struct {
	title    string
	text     string // description without the link
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

// prints are fingerprints of all fields, as rows keep them.
func (t *task) prints() []string {
	prints := make([]string, fields)
	for f := range prints {
		prints[f] = t.print(field(f))
	}
	return prints
}

// print is the fingerprint of a field.
func (t *task) print(f field) string { return fingerprint(t.value(f)) }

// fingerprint stands for a value: 48 bits tell an edit from none.
func fingerprint(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// wrote is the fingerprint of a field as a row has it, or "".
func wrote(row *imports.Task, f field) string {
	if row == nil || int(f) >= len(row.Wrote) {
		return ""
	}
	return row.Wrote[f]
}

// setWrote notes in a row what was written into a field.
func setWrote(row *imports.Task, f field, print string) {
	row.Wrote = append(row.Wrote, make([]string, max(0, int(f)+1-len(row.Wrote)))...)
	row.Wrote[f] = print
}

// Words before the title of a task whose game is not on.
const (
	postponedPrefix = "Postponed: "
	notNeededPrefix = "Not needed: "
)

// ifNecessary ends the title of a game that may not be needed.
const ifNecessary = " (if necessary)"

// A style is how the tasks of one import are written.
type style struct {
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
func (l *style) taskFor(g *schedule.Game) task {
	t := task{
		title:    l.titleOf(g),
		text:     l.textFor(g),
		priority: 5 - l.priority,
		labels:   l.labels,
		reminder: NoReminder,
		free:     l.lacks,
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
	if l.months && !l.lacks[fieldSection] && !g.Postponed {
		t.section = l.monthOf(g)
	}
	// The zone decides how an instant is shown and means nothing else.
	t.free[fieldZone] = !timed(t.due)
	// A task that waits for a date stays where it is.
	t.free[fieldSection] = t.free[fieldSection] || g.Postponed
	return t
}

// timed reports whether a due is an instant.
func timed(d *todoist.Due) bool {
	_, ok := d.Instant()
	return ok
}

// monthOf names the section of a game: "October 2026", the month of the date that the
// task shows.
func (l *style) monthOf(g *schedule.Game) string {
	const layout = "January 2006"
	if g.TBD() {
		return g.Day.Time(time.UTC).Format(layout)
	}
	zone, err := time.LoadLocation(l.zone)
	if err != nil {
		zone = schedule.Eastern()
	}
	return g.Tip.In(zone).Format(layout)
}

// goneTask is the task of a game that is no longer on the schedule: of which no more is
// known than the row says.
func (l *style) goneTask(g *schedule.Game, prefix string) task {
	t := task{title: prefix + l.titleOf(g), reminder: NoReminder, free: l.lacks}
	for _, f := range []field{fieldZone, fieldText, fieldPriority, fieldLabels, fieldSection} {
		t.free[f] = true
	}
	return t
}

// titleOf names a game from the side of the one team that is imported, or from
// nobody's when there are several.
func (l *style) titleOf(g *schedule.Game) string {
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
		title += ifNecessary
	}
	// "* " at the start would make a task that cannot be completed.
	return strings.TrimLeft(title, "* ")
}

// textFor is a task's description: where, on which channels, in which contest.
func (l *style) textFor(g *schedule.Game) string {
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
func (l *style) channels(g *schedule.Game) []string {
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
