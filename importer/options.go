package importer

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tipoff/schedule"
)

// Values of Options.Target that name no project.
const (
	// TargetNew is a new project.
	TargetNew = "new"
	// TargetEach is such a project for each team.
	TargetEach = "each"
)

// Title styles.
const (
	TitleNames = "names" // Celtics at Knicks
	TitleCodes = "codes" // BOS @ NYK
	TitleEmoji = "emoji" // 🏀 Celtics at Knicks
)

// everyType has the types of games that can be imported. It is never written to.
var (
	everyType = []schedule.Type{schedule.Preseason, schedule.Regular, schedule.Cup, schedule.PlayIn, schedule.Playoffs}
)

// NoReminder is Options.Reminder when none is wanted.
const NoReminder = -1

// ZoneTeam is Options.Timezone for the home zone of the one chosen team.
const ZoneTeam = "team"

// How a new project is shown.
const (
	ViewList     = "list"
	ViewBoard    = "board"
	ViewCalendar = "calendar"
)

// Bounds of the options. Names and labels are as long as Todoist allows
// (API v1, "Projects", "Labels").
const (
	maxName      = 120
	maxLabel     = 60
	maxLabels    = 20
	maxSkip      = 1500
	maxDuration  = 24*60 - 1 // Todoist shows durations below a day
	maxReminder  = 30 * 24 * 60
	maxTextField = 2000
)

// Options are what a person chose: the query of GET /import and the form of
// POST /imports. [ParseOptions] fills in the defaults.
type Options struct {
	Teams     []string // tricodes, at least one, in the order chosen
	Upcoming  bool     // only games to come
	Venue     string   // "", "home" or "away"
	Types     []schedule.Type
	National  bool     // only games on national television
	Opponents []string // tricodes; none means all
	From, To  schedule.Day
	Skip      []string // ids of games left out
	Again     []string // ids of games whose tasks were deleted or completed and are wanted once more

	Title    string // TitleNames, TitleCodes or TitleEmoji
	Timezone string // IANA, ZoneTeam, or "" for the account's
	Labels   []string
	Priority int // as Todoist shows it: 1 is p1, the highest
	Duration int // minutes, 0 for none
	Reminder int // minutes before, or NoReminder
	SkipTBD  bool

	Target string // TargetNew, TargetEach, a project's id, or "" for the import that there is of the teams
	Name   string // of a new project; "" for the team and season
	View   string // of a new project: ViewList, ViewBoard or ViewCalendar
	Months bool   // one section a month

	Auto     string // "on", "off", or "" for what it is
	Comments bool   // tell in a comment that a game was moved
	Played   bool   // tick games off once they are over
}

// Invalid says what is wrong with options, in a sentence for each field's name.
type Invalid map[string]string

func (i Invalid) Error() string {
	var all []string
	for field, sentence := range i {
		all = append(all, field+": "+sentence)
	}
	slices.Sort(all)
	return "invalid options: " + strings.Join(all, " ")
}

// ParseOptions reads options from a query or a form. Fields that are missing
// or empty take their defaults. The error is an [Invalid]; the options then
// hold what could be read.
func ParseOptions(v url.Values) (Options, error) {
	p := parser{v: v, wrong: Invalid{}}
	o := Options{
		Teams:     p.teams("team"),
		Upcoming:  p.choice("games", "upcoming", "all") == "upcoming",
		Venue:     strings.TrimPrefix(p.choice("venue", "all", "home", "away"), "all"),
		Types:     p.types(),
		National:  p.choice("tv", "any", "national") == "national",
		Opponents: p.teams("opponent"),
		From:      p.day("from"),
		To:        p.day("to"),
		Skip:      p.games("skip"),
		Again:     p.games("again"),
		Title:     p.choice("title", TitleNames, TitleCodes, TitleEmoji),
		Timezone:  p.zone(),
		Labels:    p.labels(),
		Priority:  p.number("priority", 4, 1, 4, "The priority is a number from 1 (highest) to 4."),
		Duration: p.number("duration", 0, 0, maxDuration,
			"The duration is a number of minutes, from 0 (none) to less than a day."),
		Reminder: NoReminder,
		SkipTBD:  p.choice("tbd", "allday", "skip") == "skip",
		Target:   p.target(),
		Name:     p.text("name", maxName),
		View:     p.choice("view", ViewList, ViewBoard, ViewCalendar),
		Months:   p.choice("sections", "none", "month") == "month",
		Auto:     p.choice("auto", "", "on", "off"),
		Comments: p.choice("comments", "on", "off") == "on",
		Played:   p.choice("played", "leave", "complete") == "complete",
	}
	if p.text("reminder", 20) != "none" {
		o.Reminder = p.number("reminder", NoReminder, 0, maxReminder,
			"The reminder is “none” or a number of minutes before tip-off, at most 30 days.")
	}
	if len(o.Teams) == 0 && p.wrong["team"] == "" {
		p.wrong["team"] = "Choose a team."
	}
	if o.From != "" && o.To != "" && o.To < o.From {
		p.wrong["to"] = "The last day is before the first day."
	}
	if o.Target == TargetEach && o.Name != "" {
		p.wrong["name"] = "With a project for each team, the projects take the teams’ names."
	}
	if len(p.wrong) > 0 {
		return o, p.wrong
	}
	return o, nil
}

// Values writes the options as a query. Defaults are left out, so that equal
// options give the same, short query, but for the first, whose default differs
// between pages.
func (o Options) Values() url.Values {
	v := url.Values{"team": o.Teams}
	set := func(field, value string, isDefault bool) {
		if !isDefault {
			v.Add(field, value)
		}
	}
	set("target", o.Target, o.Target == "")
	for _, id := range o.Skip {
		v.Add("skip", id)
	}
	for _, id := range o.Again {
		v.Add("again", id)
	}
	v.Set("games", "upcoming")
	if !o.Upcoming {
		v.Set("games", "all")
	}
	set("venue", o.Venue, o.Venue == "")
	for _, t := range o.Types {
		v.Add("type", string(t))
	}
	set("tv", "national", !o.National)
	for _, code := range o.Opponents {
		v.Add("opponent", code)
	}
	set("from", string(o.From), o.From == "")
	set("to", string(o.To), o.To == "")
	set("title", o.Title, o.Title == TitleNames)
	set("timezone", o.Timezone, o.Timezone == "")
	set("labels", strings.Join(o.Labels, ","), len(o.Labels) == 0)
	set("priority", strconv.Itoa(o.Priority), o.Priority == 4)
	set("duration", strconv.Itoa(o.Duration), o.Duration == 0)
	set("reminder", strconv.Itoa(o.Reminder), o.Reminder == NoReminder)
	set("tbd", "skip", !o.SkipTBD)
	set("name", o.Name, o.Name == "")
	set("view", o.View, o.View == ViewList)
	set("sections", "month", !o.Months)
	set("auto", o.Auto, o.Auto == "")
	set("comments", "off", o.Comments)
	set("played", "complete", !o.Played)
	return v
}

// filter picks the games of the teams.
func (o Options) filter() schedule.Filter {
	return schedule.Filter{
		Teams: o.Teams, Upcoming: o.Upcoming, Venue: o.Venue, Types: o.Types, National: o.National,
		Opponents: o.Opponents, From: o.From, To: o.To,
	}
}

// parser reads fields and collects what is wrong with them.
type parser struct {
	v     url.Values
	wrong Invalid
}

// text is a field's trimmed value of at most so many characters.
func (p *parser) text(field string, most int) string {
	s := strings.TrimSpace(p.v.Get(field))
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		p.wrong[field] = "This holds characters that cannot be used."
		return ""
	}
	if n := utf8.RuneCountInString(s); n > most {
		p.wrong[field] = fmt.Sprintf("This is %d characters long; at most %d are allowed.", n, most)
	}
	return s
}

// choice is a field with a few values, the first of which is the default.
func (p *parser) choice(field string, values ...string) string {
	s := p.text(field, maxTextField)
	switch {
	case s == "":
		return values[0]
	case slices.Contains(values, s):
		return s
	}
	p.unknown(field, s, "Choose one of: "+strings.Trim(strings.Join(values, ", "), ", ")+".")
	return values[0]
}

func (p *parser) unknown(field, value, hint string) {
	if r := []rune(value); len(r) > 40 {
		value = string(r[:40]) + "…"
	}
	p.wrong[field] = fmt.Sprintf("“%s” is not known here. %s", value, hint)
}

// list is the distinct, non-empty values of a field that may come repeatedly.
func (p *parser) list(field string) []string {
	var list []string
	known := map[string]bool{"": true}
	for _, s := range p.v[field] {
		s = strings.TrimSpace(s)
		if !known[s] {
			known[s] = true
			list = append(list, s)
		}
	}
	return list
}

func (p *parser) teams(field string) []string {
	var codes []string
	for _, s := range p.list(field) {
		team, ok := schedule.TeamByCode(s)
		if !ok {
			p.unknown(field, s, "A team is named by its three letters, such as BOS.")
			continue
		}
		if !slices.Contains(codes, team.Code) {
			codes = append(codes, team.Code)
		}
	}
	return codes
}

func (p *parser) types() []schedule.Type {
	var types []schedule.Type
	for _, s := range p.list("type") {
		if !slices.Contains(everyType, schedule.Type(s)) {
			p.unknown("type", s, "Choose among: preseason, regular, cup, playin, playoffs.")
			continue
		}
		types = append(types, schedule.Type(s))
	}
	slices.SortFunc(types, func(a, b schedule.Type) int { return slices.Index(everyType, a) - slices.Index(everyType, b) })
	// All but the preseason is what no choice means.
	if slices.Equal(types, everyType[1:]) {
		return nil
	}
	return types
}

func (p *parser) day(field string) schedule.Day {
	s := p.text(field, maxTextField)
	if s == "" {
		return ""
	}
	day, err := schedule.ParseDay(s)
	if err != nil {
		p.unknown(field, s, "A day is written like 2026-10-20.")
	}
	return day
}

func (p *parser) number(field string, preset, low, high int, sentence string) int {
	s := p.text(field, maxTextField)
	if s == "" {
		return preset
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		p.wrong[field] = sentence
		return preset
	}
	return n
}

func (p *parser) zone() string {
	s := p.text("timezone", maxTextField)
	if s == "" || s == ZoneTeam {
		return s
	}
	// Local would be the server's zone, which nobody means.
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		p.unknown("timezone", s, "A time zone is written like America/New_York.")
		return ""
	}
	return s
}

func (p *parser) labels() []string {
	var labels []string
	for _, s := range strings.Split(p.text("labels", maxTextField), ",") {
		// Todoist shows labels with an @ and has none with spaces.
		s = strings.TrimLeftFunc(s, func(r rune) bool { return r == '@' || unicode.IsSpace(r) })
		s = strings.Join(strings.Fields(s), "_")
		if s == "" || slices.Contains(labels, s) {
			continue
		}
		if n := utf8.RuneCountInString(s); n > maxLabel {
			p.wrong["labels"] = fmt.Sprintf("A label may have %d characters; one here has %d.", maxLabel, n)
		}
		labels = append(labels, s)
	}
	if len(labels) > maxLabels {
		p.wrong["labels"] = fmt.Sprintf("At most %d labels, please.", maxLabels)
	}
	return labels
}

func (p *parser) target() string {
	s := p.text("target", 64)
	if s == "" {
		return ""
	}
	if strings.Trim(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") != "" {
		p.unknown("target", s, "It is “new”, “each” or one of your projects.")
		return ""
	}
	return s
}

// games are the ids of games in a field.
func (p *parser) games(field string) []string {
	ids := p.list(field)
	for _, id := range ids {
		if !gameID.MatchString(id) {
			p.unknown(field, id, "It is a game’s id.")
		}
	}
	if len(ids) > maxSkip {
		p.wrong[field] = "That is more games than a season has."
		return nil
	}
	return ids
}

var gameID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,24}$`)

// stored are the options as an import's row keeps them: the query without what is kept
// elsewhere.
func (o Options) stored() string {
	o.Skip, o.Again, o.Target, o.Auto = nil, nil, "", ""
	return o.Values().Encode()
}

// style is how the tasks of these teams are written, in a zone.
func (o Options) style(teams []string, zone string) style {
	return style{teams: teams, zone: zone, title: o.Title, labels: o.Labels, priority: o.Priority, duration: o.Duration,
		reminder: o.Reminder, months: o.Months}
}
