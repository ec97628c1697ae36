package handlers

import (
	"cmp"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A layout is what every page shows around its own content. Each page's
// struct embeds one.
type layout struct {
	// Title is the page's own, without the product's name.
	Title string
	// Description is one sentence for search results and link previews; empty
	// leaves the element out.
	Description string
	// Section is the entry of the navigation that is current: "teams",
	// "projects" or "".
	Section string
	// Private pages are kept out of search indexes.
	Private bool
	// ShareImage and Canonical are absolute addresses, or empty.
	ShareImage, Canonical string
	// Times says that a script may write the page's times as the browser does:
	// nobody is signed in whose account says how. Now is the instant of the
	// page in RFC 3339, since the program's clock may not be the browser's
	// (-now).
	Times bool
	Now   string
	// Here is the path of the page itself, for a link that loads it again;
	// empty where that cannot be done.
	Here string
	// ThemeLight and ThemeDark colour the browser's own frame; empty for the
	// page's.
	ThemeLight, ThemeDark string
	// Me is nil for a visitor who is not signed in.
	Me *account
	// Demo says that the in-memory Todoist takes the real one's place; DemoURL
	// is then the path of its page, as the url function takes it.
	Demo    bool
	DemoURL string
	// Flash is said once on top of the page, nil otherwise.
	Flash *notice
	// Schedule says where the games come from; nil leaves the line out.
	Schedule *scheduleNote
}

// theme colours the browser's frame as the page's band.
func (l *layout) theme(t theme) { l.ThemeLight, l.ThemeDark = t.light, t.dark }

// An account is who is signed in, as the header shows it.
type account struct {
	// Name is the person's own, Plan is "Free", "Pro" or "Business".
	Name, Plan string
}

// Initial is the letter in the account menu's disc.
func (a account) Initial() string {
	for _, r := range a.Name {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// A notice is a sentence that wants attention. Kind is "info", "done", "warn"
// or "stop". Link and LinkText are both set or both empty; Link is a path of
// ours or an absolute https address.
type notice struct {
	Kind, Text     string
	Link, LinkText string
}

// A scheduleNote is the footer's line about the games' source.
type scheduleNote struct {
	// Source reads like "the league’s feed" or "ESPN".
	Source string
	// AsOf is when it was fetched.
	AsOf moment
	// Trouble is a whole sentence such as "The league’s feed is not
	// answering; Tipoff keeps trying.", or empty.
	Trouble string
}

// A moment is a point in time, or a day, written for one visitor.
type moment struct {
	// ISO is for the datetime attribute: a UTC instant with seconds
	// (2026-10-20T23:30:00Z) or, for a day without a time, its date.
	ISO string
	// Date is the day as the visitor's zone has it (2026-10-20), Month the
	// heading it goes below ("October 2026").
	Date, Month string
	// Day reads like "Tue, Oct 20" or "Tue 20 Oct".
	Day string
	// Clock reads like "7:30 PM" or "19:30", Zone like "EDT". Both are empty
	// for a day without a time.
	Clock, Zone string
	// Relative reads like "tonight" or "in 3 days"; empty when the day is
	// more than a week ahead, or past.
	Relative string
	// On says that a game has tipped off and is not over; Relative is then
	// "on now".
	On bool
}

// A reader is how one visitor reads times. Zone must be set.
type reader struct {
	Zone *time.Location
	// Hours24 chooses 19:30 over 7:30 PM, DayFirst 20 Oct over Oct 20.
	Hours24, DayFirst bool
	// WeekStart is the calendar's first column.
	WeekStart time.Weekday
	Now       time.Time
}

// momentOf writes an instant.
func (rd reader) momentOf(t time.Time) moment {
	local := t.In(rd.Zone)
	m := rd.day(local)
	m.ISO = t.UTC().Format(time.RFC3339)
	m.Clock = local.Format("3:04 PM")
	if rd.Hours24 {
		m.Clock = local.Format("15:04")
	}
	m.Zone = zoneName(local)
	if m.Relative == "today" && local.Hour() >= 17 {
		m.Relative = "tonight"
	}
	if t.Before(rd.Now) {
		m.Relative = ""
	}
	return m
}

// momentOfDay writes a calendar date (2026-10-20) that has no time yet, the
// way the league dates games: by the Eastern day. What is not a date is
// written as it came.
func (rd reader) momentOfDay(date string) moment {
	day, err := time.ParseInLocation(time.DateOnly, date, rd.Zone)
	if err != nil {
		return moment{ISO: date, Date: date, Day: date}
	}
	m := rd.day(day)
	m.ISO = date
	return m
}

// day fills in what a moment has of its day; local is in the reader's zone.
func (rd reader) day(local time.Time) moment {
	now := rd.Now.In(rd.Zone)
	m := moment{
		Date:  local.Format(time.DateOnly),
		Month: local.Format("January 2006"),
		Day:   local.Format(rd.dayLayout(local.Sub(now).Abs() > 300*24*time.Hour)),
	}
	switch days := daysBetween(now, local); {
	case days == 0:
		m.Relative = "today"
	case days == 1:
		m.Relative = "tomorrow"
	case days > 1 && days <= 7:
		m.Relative = fmt.Sprintf("in %d days", days)
	}
	return m
}

// dayLayout is how the visitor writes a day, with its year where asked.
func (rd reader) dayLayout(year bool) string {
	switch {
	case rd.DayFirst && year:
		return "Mon 2 Jan 2006"
	case rd.DayFirst:
		return "Mon 2 Jan"
	case year:
		return "Mon, Jan 2, 2006"
	}
	return "Mon, Jan 2"
}

// daysBetween counts midnights from one local time to another.
func daysBetween(from, to time.Time) int {
	midnight := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(to).Sub(midnight(from)).Hours() / 24)
}

// zoneName is the zone's abbreviation, or the offset from UTC where the zone
// has no letters of its own (Go then gives "-03").
func zoneName(local time.Time) string {
	name, offset := local.Zone()
	if !strings.HasPrefix(name, "+") && !strings.HasPrefix(name, "-") {
		return name
	}
	sign := "+"
	if offset < 0 {
		sign, offset = "−", -offset
	}
	if minutes := offset / 60 % 60; minutes != 0 {
		return fmt.Sprintf("UTC%s%d:%02d", sign, offset/3600, minutes)
	}
	return fmt.Sprintf("UTC%s%d", sign, offset/3600)
}

// A teamCard is a team as cards, headers and chips show it.
type teamCard struct {
	// Code is the tricode, BOS.
	Code string
	// City and Name read "Boston" and "Celtics".
	City, Name string
	// Conference is "East" or "West", Division "Atlantic" and so on.
	Conference, Division string
	// Arena is where the team plays at home.
	Arena string
	// Next is the next game, nil when none is known.
	Next *gameRow
	// Direct is as in homePage.
	Direct bool
}

// FullName reads "Boston Celtics".
func (t teamCard) FullName() string { return t.City + " " + t.Name }

// Words are what the team can be found by: city, name, code, and what else
// people call it.
func (t teamCard) Words() string {
	also := map[string]string{
		"BKN": "New York", "CLE": "Cavs", "DAL": "Mavs", "DEN": "Nugs", "GSW": "San Francisco Oakland Dubs",
		"IND": "Indianapolis", "LAC": "Los Angeles", "LAL": "LA", "MIN": "Wolves Minneapolis",
		"PHI": "Sixers", "POR": "Blazers", "UTA": "Salt Lake City",
	}
	return strings.TrimSpace(strings.ToLower(t.City + " " + t.Name + " " + t.Code + " " + also[t.Code]))
}

// Fits says whether each word that was typed begins one of the team's words.
// The script that searches as somebody types does the same.
func (t teamCard) Fits(typed string) bool {
	apart := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	own := strings.FieldsFunc(t.Words(), apart)
	for _, word := range strings.FieldsFunc(strings.ToLower(typed), apart) {
		if !slices.ContainsFunc(own, func(one string) bool { return strings.HasPrefix(one, word) }) {
			return false
		}
	}
	return true
}

// A gameRow is one game as one team's fan sees it.
type gameRow struct {
	// ID is the league's or ESPN's; the list's anchor is "game-" and the ID.
	ID   string
	When moment
	// Title reads "Celtics at Knicks"; Opponent "Knicks", OpponentCode "NYK"
	// (empty for a club from outside of the league or one not yet known).
	Title, Opponent, OpponentCode string
	// Home is false for away games; Neutral games are neither.
	Home, Neutral bool
	// Arena and City may be empty.
	Arena, City string
	// TV are the channels, national ones first; National says that there is
	// a national one.
	TV       []string
	National bool
	// Label reads "NBA Cup", "Preseason", "Play-In", "First round, game 3",
	// "If necessary"; empty for a plain game of the regular season.
	Label string
	// Cup marks games of the NBA Cup.
	Cup bool
	// BackToBack is 1 on the first and 2 on the second of two nights in a
	// row, else 0.
	BackToBack int
	// Postponed games have no new date yet; Over games are finished.
	Postponed, Over bool
}

// A gameCell is a game in the calendar. Joined says that it is next to the other
// night of a back-to-back.
type gameCell struct {
	gameRow
	Number int // the day of the month
	Joined bool
}

// Where says "home", "away" or "neutral site".
func (g gameRow) Where() string {
	switch {
	case g.Neutral:
		return "neutral site"
	case g.Home:
		return "home"
	}
	return "away"
}

// Versus is "vs", or "at" for away games.
func (g gameRow) Versus() string {
	if g.Home || g.Neutral {
		return "vs"
	}
	return "at"
}

// A month is a stretch of a long list.
type month[Row any] struct {
	Name string // "October 2026"
	Rows []Row
}

// byMonth groups rows, in their order, below the months of when they are.
func byMonth[Row any](rows []Row, when func(Row) moment) []month[Row] {
	var months []month[Row]
	for _, row := range rows {
		if n := len(months); n == 0 || months[n-1].Name != when(row).Month {
			months = append(months, month[Row]{Name: when(row).Month})
		}
		last := &months[len(months)-1]
		last.Rows = append(last.Rows, row)
	}
	return months
}

// A form is a form's fields as they were typed, or as they are by default,
// under the names of the query, with what is wrong with them.
type form struct {
	Values url.Values
	// Errors has a sentence per field name. The key "" is for what concerns
	// no single field.
	Errors map[string]string
}

// Get is a field's first value.
func (f form) Get(name string) string { return f.Values.Get(name) }

// Has says whether the field has this value among its values.
func (f form) Has(name, value string) bool { return slices.Contains(f.Values[name], value) }

// Error is what is wrong with the field, or "".
func (f form) Error(name string) string { return f.Errors[name] }

// Skipped are the games left out so far, for the hidden fields of the options.
func (f form) Skipped() []string { return f.Values["skip"] }

// A formError is a line of the summary of what is wrong. Field is empty for
// what concerns no single field.
type formError struct{ Field, Text string }

// Mistakes lists what is wrong in the order of the fields on the page.
func (f form) Mistakes() []formError {
	order := []string{"", "team", "games", "venue", "type", "tv", "from", "to", "opponent", "skip", "title", "timezone", "duration",
		"reminder", "priority", "labels", "tbd", "target", "name", "view", "sections"}
	var all []formError
	for field, text := range f.Errors {
		all = append(all, formError{field, text})
	}
	slices.SortFunc(all, func(a, b formError) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Field), slices.Index(order, b.Field)), strings.Compare(a.Field, b.Field))
	})
	return all
}

// A field is a hidden field of a form.
type field struct{ Name, Value string }

// fieldsOf flattens values, by name, without those named.
func fieldsOf(values url.Values, without ...string) []field {
	var fields []field
	for name, all := range values {
		if slices.Contains(without, name) {
			continue
		}
		for _, value := range all {
			fields = append(fields, field{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

// A choice is an entry of a list to choose from that only the server knows:
// projects, opponents, zones.
type choice struct{ Value, Label string }

// A box is one thing to choose in a form: a radio button, a tick-box (Kind
// "radio" or "checkbox") or an entry of a select.
type box struct {
	Kind, Name, Value, Label string
	Chosen                   bool
}

// boxOf is one thing to choose, chosen where the form has it.
func boxOf(f form, kind, name, value, label string) box {
	return box{kind, name, value, label, f.Has(name, value) || value == "" && f.Get(name) == ""}
}

// boxesOf are the things to choose for a field, from values and labels in
// turn. A value that was typed and is none of them comes last, so that it is
// still there to be seen next to what is wrong with it.
func boxesOf(f form, kind, name string, valuesAndLabels ...string) []box {
	var boxes []box
	known := map[string]bool{"": true}
	for pair := range slices.Chunk(valuesAndLabels, 2) {
		boxes = append(boxes, boxOf(f, kind, name, pair[0], pair[1]))
		known[pair[0]] = true
	}
	for _, value := range f.Values[name] {
		if !known[value] {
			boxes = append(boxes, boxOf(f, kind, name, value, value))
		}
	}
	return boxes
}

// choicesOf are the choices for a field, chosen where the form has them.
func choicesOf(f form, kind, name string, choices []choice) []box {
	boxes := make([]box, 0, len(choices))
	for _, c := range choices {
		boxes = append(boxes, boxOf(f, kind, name, c.Value, c.Label))
	}
	return boxes
}

// A fieldFault is a field's name and what is wrong with it, if anything.
type fieldFault struct{ Name, Error string }

func faultOf(f form, name string) fieldFault { return fieldFault{name, f.Error(name)} }

// A homePage is GET /.
type homePage struct {
	layout
	// Conferences are East and West, each with its three divisions.
	Conferences []conference
	// Last is the team that the visitor had last, nil when unknown.
	Last *teamCard
	// Season reads "2026-27".
	Season string
	// Query is what was searched for, Found how many teams fit.
	Query string
	Found int
	// Direct says that picking a team leads straight to Todoist's page of
	// consent: nobody is signed in, and the host has registered an app.
	Direct bool
	// Zone is the zone of the times in words ("New York time").
	Zone string
}

// A conference is a part of the team picker.
type conference struct {
	Name      string // "East" or "West"
	Divisions []division
}

// A division is a part of a conference.
type division struct {
	Name  string
	Cards []template.HTML
}

// A signInPage is GET /sign-in, and the answer to a sign-in that did not work.
type signInPage struct {
	layout
	// Next is the path of ours to come back to.
	Next string
	// Team is the one that was chosen before, nil when none was.
	Team *teamCard
	// OAuth says that this host is registered as an app at Todoist; Token
	// that a personal API token may be used instead. At least one is true.
	OAuth, Token bool
	// Wrong is what went wrong with the last try, as sentences; empty at
	// first. WrongToken says that it was the personal API token.
	Wrong      string
	WrongToken bool
}

// An importPage is GET /import.
//
// The page has two forms. The options are a GET form to /import, so that the
// address is the plan. The plan is a POST form to /imports: the options of the
// plan that is shown as hidden fields, "plan", and one checkbox
// named "skip" per game that would be added, unticked at first, meaning "leave
// this one out". Since those can be ticked without asking the server again, the
// plan's fingerprint must be taken as if nothing were left out.
type importPage struct {
	layout
	// Form has every field of the options, defaults filled in.
	Form form
	// Teams are the chosen ones; AllTeams are the choices, value = tricode.
	Teams    []teamCard
	AllTeams []choice
	// Opponents are the tricodes of those on the schedule.
	Opponents []choice
	// Zones are the time zones to choose from.
	Zones zoneField
	// Projects are the existing ones to import into, Inbox among them. Target
	// is where the tasks go, in words.
	Projects []choice
	Target   string
	// DefaultName is what a new project is called unless it is named.
	DefaultName string
	// Zone is the zone of the times below, in words ("Berlin time"). EachZone
	// says that the tasks themselves are in each team's own.
	Zone     string
	EachZone bool
	// Running is an import of this person's under way, nil for none.
	Running *runningView
	// Reminders, Durations and Calendars say what the account's plan allows.
	Reminders, Durations, Calendars bool
	// Plan is nil when mistakes in the form leave nothing to show.
	Plan *planView
}

// A runningView is an import under way in another request.
type runningView struct {
	Done, Total int
	Message     string
	// Here says that it is the one that this page is about.
	Here bool
}

// Code is the tricode whose colours the page wears; empty for several teams.
func (p importPage) Code() string {
	if len(p.Teams) != 1 {
		return ""
	}
	return p.Teams[0].Code
}

// Open says whether a group of the options is open at first: when something in
// it is wrong, the games when there is no team yet, and the project when the
// tasks do not fit into it.
func (p importPage) Open(group string) bool {
	fields := map[string][]string{
		"games":   {"team", "games", "venue", "type", "tv", "opponent", "from", "to", "skip"},
		"tasks":   {"title", "timezone", "duration", "reminder", "priority", "labels", "tbd"},
		"project": {"target", "name", "view", "sections"},
	}
	for _, name := range fields[group] {
		if p.Form.Error(name) != "" {
			return true
		}
	}
	return group == "games" && len(p.Teams) == 0 || group == "project" && p.Plan != nil && p.Plan.Stopped()
}

// Follows says that the page shows an import under way rather than a plan.
func (p importPage) Follows() bool {
	return p.Running != nil && p.Running.Here && len(p.Form.Errors) == 0
}

// NewTarget names the entry of the targets that is no project of its own.
func (p importPage) NewTarget() string {
	if p.Form.Get("target") == "new" && p.Target != "" {
		return p.Target
	}
	return "A new project"
}

// GamesLine says in a few words which games are chosen.
func (p importPage) GamesLine() string {
	words := []string{"Still to come"}
	if p.Form.Get("games") == "all" {
		words[0] = "Whole season"
	}
	switch p.Form.Get("venue") {
	case "home":
		words = append(words, "home only")
	case "away":
		words = append(words, "away only")
	}
	if p.Form.Get("tv") == "national" {
		words = append(words, "national TV")
	}
	if n := len(p.Form.Values["opponent"]); n > 0 {
		words = append(words, "against "+plural(n, "team"))
	}
	if p.Form.Has("type", "preseason") {
		words = append(words, "with preseason")
	}
	if p.Form.Get("from") != "" || p.Form.Get("to") != "" {
		words = append(words, "some dates")
	}
	return strings.Join(words, ", ")
}

// TasksLine says in a few words what the tasks are like.
func (p importPage) TasksLine() string {
	var words []string
	switch {
	case p.EachZone:
		words = append(words, "each team’s own time")
	case p.Zone != "":
		words = append(words, p.Zone)
	}
	switch p.Form.Get("title") {
	case "codes":
		words = append(words, "BOS @ NYK")
	case "emoji":
		words = append(words, "with an emoji")
	}
	if minutes := p.Form.Get("reminder"); minutes == "none" || minutes == "" {
		words = append(words, "no reminder")
	} else {
		words = append(words, "with a reminder")
	}
	if priority := p.Form.Get("priority"); priority != "" && priority != "4" {
		words = append(words, "P"+priority)
	}
	if labels := p.Form.Get("labels"); labels != "" {
		words = append(words, "labelled")
	}
	return capital(strings.Join(words, ", "))
}

// ProjectLine says in a few words where the tasks will go.
func (p importPage) ProjectLine() string {
	words := []string{p.Target}
	if view := p.Form.Get("view"); view == "board" || view == "calendar" {
		words = append(words, "as a "+view)
	}
	if p.Form.Get("sections") == "month" {
		words = append(words, "by month")
	}
	return strings.Join(words, ", ")
}

// capital begins a sentence with a capital letter.
func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

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
	// Common are changes that several of Changed have in common, see gather.
	// Own are the rows with what else changes in them, and Folded those that
	// are not shown at first, with all their changes.
	Common []commonChange
	Own    []planRow
	Folded []planRow
	// Kept tasks would change, had their owner not edited them.
	Kept      []planRow
	Unchanged []planRow
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
	// Kept says that none of the changes is made, because the owner edited the
	// task.
	Kept bool
}

// A change is a field's old and new value, in words.
type change struct{ Field, Old, New string }

// A commonChange is a change that several tasks have in common.
type commonChange struct {
	change
	Tasks int
}

// From how many tasks on a change is said once for all of them, and how many
// rows with changes to the same fields are shown at once.
const (
	common  = 4
	atATime = 10
)

// gather sums up the changes: what several tasks have in common is said once,
// and of many rows with changes to the same fields a few are shown, so that
// changed options do not hide what the league has changed.
func (p *planView) gather() {
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
		if tasks[c] >= common {
			p.Common = append(p.Common, commonChange{c, tasks[c]})
		}
	}
	// The widest change first, and those of one field together.
	slices.SortStableFunc(p.Common, func(a, b commonChange) int {
		return cmp.Or(cmp.Compare(fields[b.Field], fields[a.Field]), strings.Compare(a.Field, b.Field))
	})
	alike := map[string]int{}
	for _, row := range p.Changed {
		own, fields := row, ""
		own.Changes = nil
		for _, c := range row.Changes {
			if tasks[c] < common {
				own.Changes = append(own.Changes, c)
				fields += c.Field + " "
			}
		}
		alike[fields+own.Note]++
		if len(own.Changes) == 0 && own.Note == "" && len(row.Changes) > 0 || alike[fields+own.Note] > atATime {
			p.Folded = append(p.Folded, row)
		} else {
			p.Own = append(p.Own, own)
		}
	}
}

// Why says where the changes come from.
func (p planView) Why() string {
	league, options := false, false
	for _, row := range p.Changed {
		moved := slices.ContainsFunc(row.Changes, func(c change) bool { return c.Field == "When" || c.Field == "Details" })
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

// Runs says that there is a button: something to write, or left out and to be
// put back, and nothing that forbids it.
func (p planView) Runs() bool {
	return !p.Stopped() && (len(p.Added) > 0 || p.Changing() > 0)
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
		return plural(added, "task") + will + " be added to " + fresh + "."
	case added > 0 && changed > 0:
		return plural(added, "task") + will + " be added to " + project + fmt.Sprintf(" and %s brought up to date.", thousands(changed))
	case added > 0:
		return plural(added, "task") + will + " be added to " + project + "."
	case changed > 0:
		return plural(changed, "task") + " in " + project + will + " be brought up to date."
	case len(p.Unchanged)+len(p.Kept) > 0:
		is := " is"
		if p.Targets > 1 {
			is = " are"
		}
		return project + is + " in step with the schedule."
	case len(p.Added) > 0:
		return "Every game is left out, so nothing will be added."
	}
	return "No game fits these choices, so there is nothing to add."
}

// Button is the label of the one button.
func (p planView) Button() string {
	added, changed := p.Adding(), p.Changing()
	switch {
	case p.Again && added+changed > 0:
		return "Go on with the other " + plural(added+changed, "task")
	case added > 0 && changed > 0:
		return fmt.Sprintf("Add %d and update %s in Todoist", added, plural(changed, "task"))
	case changed > 0:
		return "Bring " + plural(changed, "task") + " up to date"
	case added == 0:
		return "Add to Todoist"
	}
	return "Add " + plural(added, "task") + " to Todoist"
}

// Hidden are the POST form's hidden fields, but for import and plan. Games
// left out that have no checkbox of their own stay left out.
func (p planView) Hidden() []field {
	fields := fieldsOf(p.Options, "skip")
	for _, id := range p.Options["skip"] {
		if !slices.ContainsFunc(p.Added, func(row planRow) bool { return row.ID == id }) {
			fields = append(fields, field{"skip", id})
		}
	}
	return fields
}

// A projectPage is GET /projects/{id}.
type projectPage struct {
	layout
	ID, Name string
	// OpenURL is the project at Todoist or in the demo.
	OpenURL string
	// Team is nil for a project of several teams.
	Team *teamCard
	// Plan is what would change now; nil when it could not be made, and Flash
	// then says why.
	Plan *planView
	// Done is the import just finished, nil otherwise.
	Done *outcome
	// Running says that an import of this person is under way.
	Running bool
	// OptionsURL is the path of the import page with this project's options.
	OptionsURL string
	// Games are the project's tasks that are still to come.
	Games []planRow
	// Completed counts the tasks ticked off.
	Completed int
}

// ShowsPlan says that the plan is worth a place on the page: not when the
// import just done says the same.
func (p projectPage) ShowsPlan() bool {
	return p.Plan != nil && (p.Done == nil || !p.Plan.Nothing())
}

// GamesByMonth groups the games for the list. What is about to change is said
// in the plan, where that is shown.
func (p projectPage) GamesByMonth() []month[planRow] {
	games := slices.Clone(p.Games)
	for i := range games {
		if p.ShowsPlan() && !games[i].Kept {
			games[i].Changes, games[i].Note = nil, ""
		}
	}
	return planMonths(games)
}

// An outcome is what an import did.
type outcome struct {
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`
	// Notices say what it did without, as sentences.
	Notices []string `json:"-"`
}

// values are the counts for an address.
func (o outcome) values() url.Values {
	return url.Values{"added": {strconv.Itoa(o.Added)}, "updated": {strconv.Itoa(o.Updated)},
		"unchanged": {strconv.Itoa(o.Unchanged)}, "kept": {strconv.Itoa(o.Kept)}}
}

// Several says that more than one thing was done, so that counts say more than
// a heading.
func (o outcome) Several() bool {
	n := 0
	for _, count := range []int{o.Added, o.Updated, o.Unchanged, o.Kept} {
		if count > 0 {
			n++
		}
	}
	return n > 1
}

// Heading says in a few words what was done.
func (o outcome) Heading() string {
	switch {
	case o.Added > 0 && o.Updated > 0:
		return "Your list is up to date"
	case o.Added > 0 && o.Unchanged+o.Kept > 0:
		return plural(o.Added, "game") + " added to your list"
	case o.Added == 1:
		return "1 game is on your list"
	case o.Added > 0:
		return plural(o.Added, "game") + " are on your list"
	case o.Updated > 0:
		return plural(o.Updated, "task") + " brought up to date"
	}
	return "Everything was already right"
}

// Line says in one sentence what was done.
func (o outcome) Line() string {
	var words []string
	kept := "kept as you edited them"
	if o.Kept == 1 {
		kept = "kept as you edited it"
	}
	for _, part := range []struct {
		n    int
		text string
	}{{o.Added, "added"}, {o.Updated, "brought up to date"}, {o.Unchanged, "already right"}, {o.Kept, kept}} {
		if part.n > 0 {
			words = append(words, thousands(part.n)+" "+part.text)
		}
	}
	if len(words) == 0 {
		return "Nothing was written."
	}
	return strings.Join(words, ", ") + "."
}

// A removePage is GET /projects/{id}/remove.
type removePage struct {
	layout
	ID, Name, OpenURL string
	Team              *teamCard
	// Tasks counts the open tasks that Tipoff made, Completed those ticked
	// off, Others what is the owner's own and stays, Held the tasks that stay
	// because of what the owner has completed below them.
	Tasks, Completed, Others, Held int
	// Sections counts those that Tipoff made and that would be left empty.
	Sections int
	// WholeProject says that the project itself goes, since it holds nothing
	// else.
	WholeProject bool
	// Consent says that Todoist will ask first whether Tipoff may delete.
	Consent bool
	// WithCompleted says that the completed tasks were asked for before that.
	WithCompleted bool
}

// A projectsPage is GET /projects.
type projectsPage struct {
	layout
	// Running says that an import of this person is under way.
	Running  bool
	Projects []projectLine
}

// A projectLine is one project made by Tipoff.
type projectLine struct {
	ID, Name, OpenURL string
	// Team is nil for a project of several teams.
	Team *teamCard
	// Waiting counts the changes that an update would make; 0 is in step.
	Waiting int
	// Left counts the open tasks; Next is the nearest of them, or nil.
	Left int
	Next *planRow
	// Trouble is a sentence when the state could not be found out.
	Trouble string
}

// State reads "In step" or "3 changes waiting".
func (p projectLine) State() string {
	switch {
	case p.Trouble != "":
		return p.Trouble
	case p.Waiting > 0:
		return plural(p.Waiting, "change") + " waiting"
	}
	return "In step"
}

// A teamPage is GET /teams/{team}.
type teamPage struct {
	layout
	Team teamCard
	// Season reads "2026-27".
	Season string
	// State is the season's: "unreleased", "ahead" (before the first game),
	// "running", "playoffs" or "over".
	State string
	Facts teamFacts
	// Countdown is how long it is until the next game tips off, in words.
	Countdown string
	// Form has the filter's fields, defaults filled in.
	Form      form
	Opponents []choice
	// Calendar and Games are the same selection, as a picture and as a list.
	Calendar []calendarMonth
	Games    []*shownGame
	// Filtered says that the query leaves something out. Of counts the
	// season's games before that.
	Filtered bool
	Of       int
	// Zones are the time zones to choose from, and Zone the chosen one in words
	// ("New York time").
	Zones zoneField
	Zone  string
	// CalendarURL, WebcalURL and CSVURL are addresses of the selection:
	// paths but for WebcalURL, which is absolute (webcal://).
	CalendarURL, WebcalURL, CSVURL string
	// ImportURL is the path of the import page with the same selection.
	// Direct is as in homePage.
	ImportURL string
	Direct    bool
}

// GamesByMonth groups the games for the list.
func (p teamPage) GamesByMonth() []month[*shownGame] {
	return byMonth(p.Games, func(g *shownGame) moment { return g.When })
}

// countdown says how long it is until a tip-off, as static/team.js goes on to.
func countdown(left time.Duration) string {
	if left <= 0 {
		return "Tipped off"
	}
	days, hours, minutes := int(left.Hours())/24, int(left.Hours())%24, int(left.Minutes())%60
	switch {
	case days > 0:
		return fmt.Sprintf("Tips off in %d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("Tips off in %d h %d min", hours, minutes)
	}
	return fmt.Sprintf("Tips off in %d min", minutes)
}

// teamFacts are the numbers people look for. They are the whole season's, not
// the filter's.
type teamFacts struct {
	// Left counts the games still to come; Home and Away are theirs.
	Left, Home, Away int
	// BackToBacks counts pairs of nights still to come.
	BackToBacks int
	// Trip is the longest run of away games still to come: how many, from and
	// to when. Zero games leave the fact out.
	Trip               int
	TripFrom, TripTo   moment
	National, CupGames int
}

// A sessionsPage is GET /sessions.
type sessionsPage struct {
	layout
	Sessions []sessionLine
}

// A sessionLine is one browser that is signed in.
type sessionLine struct {
	// Handle names the session in the form; it is not the session's id.
	Handle string
	// Browser reads "Firefox on Linux", or is empty when unknown.
	Browser     string
	Since, Seen moment
	// Here is the session that looks at the page.
	Here bool
}

// An errorPage is the answer when something did not work.
type errorPage struct {
	layout
	Status int
	// Heading is a few words, Text what happened, Advice what to do.
	Heading, Text, Advice string
	// Link and LinkText are the way on; empty means the home page.
	Link, LinkText string
	// RequestID is found in the host's log; may be empty.
	RequestID string
}

// plural writes a count and its noun: "1 task", "82 tasks".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", thousands(n), noun)
}

// possessive reads "Lakers’" or "Heat’s".
func possessive(name string) string {
	if strings.HasSuffix(name, "s") {
		return name + "’"
	}
	return name + "’s"
}

// thousands writes a count with commas: 1,230.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
