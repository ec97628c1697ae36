package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/session"
)

// An importPage is GET /import.
//
// The page has two forms. The options are a GET form to /import, so that the
// address is the plan. The plan is a POST form to /imports: the options of the
// plan that is shown as hidden fields, "plan", and one checkbox named "include" per
// game that would be added, ticked unless it is left out; see [readBoxes]. Since
// those can be ticked without asking the server again, the plan's fingerprint must
// be taken as if nothing were left out.
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
	// ThisImport says that it is the one that this page is about.
	ThisImport bool
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
	for _, o := range optionFields {
		if o.group == group && p.Form.Error(o.name) != "" {
			return true
		}
	}
	return group == "games" && len(p.Teams) == 0 || group == "project" && p.Plan != nil && p.Plan.Stopped()
}

// Follows says that the page shows an import under way rather than a plan.
func (p importPage) Follows() bool {
	return p.Running != nil && p.Running.ThisImport && len(p.Form.Errors) == 0
}

// Targets are the choices for the field "target".
func (p importPage) Targets() []choice {
	choices := []choice{{"new", "A new project"}}
	if p.Form.Get("target") == "new" && p.Target != "" {
		choices[0].Label = p.Target
	}
	if len(p.Teams) > 1 {
		choices = append(choices, choice{"each", "A project for each team"})
	}
	return append(choices, p.Projects...)
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

// UpdatesLine says in a few words what happens later.
func (p importPage) UpdatesLine() string {
	commented, ticked := p.Form.Get("comments") != "off", p.Form.Get("played") == "complete"
	switch {
	case commented && ticked:
		return "Comments on moved games, ticks off played ones"
	case commented:
		return "Comments on moved games"
	case ticked:
		return "Ticks off played games"
	}
	return "No comments"
}

// showImport shows options and the plan they make.
func (s *server) showImport(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	if len(r.URL.Query()) == 0 {
		return s.redirect(w, r, "/") // to pick a team
	}
	opts, id, err := s.Importer.Options(r.Context(), user.ID, r.URL.Query(), false)
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return s.showMistakes(w, r, r.URL.Query(), invalid)
	}
	if err != nil {
		return err
	}
	s.Sessions.Put(r.Context(), teamKey, opts.Teams[0])
	plan, err := s.Importer.Plan(r.Context(), c, user.ID, id, opts)
	if errors.Is(err, importer.ErrGone) && opts.Target == "" {
		return s.redirect(w, r, "/import?"+r.URL.RawQuery) // to begin anew
	}
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return s.showMistakes(w, r, r.URL.Query(), invalid)
	}
	if err != nil {
		return err
	}
	return s.showPlan(w, r, user, http.StatusOK, plan, s.endingNotice(user.ID), false)
}

// showPlan shows the import page of a plan.
func (s *server) showPlan(w http.ResponseWriter, r *http.Request, user session.User, status int, plan *importer.Plan, flash *notice, again bool) error {
	f := formOf(plan.Options)
	f.Values.Set("import", plan.ID)
	page := s.importPage(w, r, f)
	page.Flash = flash
	page.Plan = s.planView(r, plan)
	page.Plan.Again = again
	page.Plan.AskAuto = s.AutoUpdate
	page.Plan.Auto = plan.Options.Auto == "on" || plan.Options.Auto == "" && !user.Personal
	if page.Plan.Nothing() && len(plan.Parts) == 1 && plan.Parts[0].Project != "" {
		page.Plan.OpenURL = s.openURL(user, plan.Parts[0].Project)
	}
	page.Target = "A new project"
	if len(plan.Parts) > 1 {
		page.Target = "A project for each team"
	} else if plan.Options.Target == "" && plan.Parts[0].Project != "" {
		page.Target = "“" + plan.Parts[0].Name + "”, as before"
	}
	page.DefaultName = importer.ProjectName(plan.Options.Teams, plan.Season)
	for _, p := range plan.Projects {
		page.Projects = append(page.Projects, choice{p.ID, p.Name})
		if p.ID == plan.Options.Target {
			page.Target = p.Name
		}
	}
	page.Reminders = plan.Limits.Reminders == nil || *plan.Limits.Reminders
	page.Durations = plan.Limits.Durations != nil && *plan.Limits.Durations
	page.Calendars = plan.Limits.Calendar != nil && *plan.Limits.Calendar
	page.Zone = zoneWords(s.planLocale(r, plan).Zone.String())
	page.EachZone = len(plan.Parts) > 1 && plan.Options.Timezone == importer.ZoneTeam
	if j := s.runs.current(user.ID); j != nil {
		at, _, _ := j.status()
		page.Running = &runningView{Done: at.Done, Total: at.Total, Message: at.Message, ThisImport: j.about == aboutOf(plan.Options)}
	}
	return s.pages.render(w, r, status, page)
}

// showMistakes shows the form as it was filled in, with what is wrong in it.
func (s *server) showMistakes(w http.ResponseWriter, r *http.Request, typed url.Values, invalid importer.Invalid) error {
	opts, _ := importer.ParseOptions(nil)
	f := formOf(opts)
	f.typed(typed, invalid)
	page := s.importPage(w, r, f)
	page.Target = "A new project"
	if target := f.Get("target"); target != "" && target != importer.TargetNew && target != importer.TargetEach {
		// What it is called is not known without asking Todoist.
		page.Projects = []choice{{target, "The project chosen before"}}
		page.Target = page.Projects[0].Label
	}
	page.Reminders, page.Durations, page.Calendars = true, true, true
	return s.pages.render(w, r, http.StatusUnprocessableEntity, page)
}

// importPage fills in what depends on the form alone.
func (s *server) importPage(w http.ResponseWriter, r *http.Request, f form) importPage {
	page := importPage{layout: s.private(w, r, "Import", "teams"), Form: f}
	page.Description = "Choose games and options, and see each task before it is written to your Todoist."
	for _, t := range schedule.Teams() {
		page.AllTeams = append(page.AllTeams, choice{t.Code, t.FullName()})
	}
	opponents := map[string]bool{}
	teamZone := ""
	for _, code := range f.Values["team"] {
		t, ok := schedule.TeamByCode(code)
		if !ok {
			continue
		}
		page.Teams = append(page.Teams, cardOf(t))
		teamZone = "Where the " + t.Name + " play: " + zoneWords(t.Zone)
		for _, g := range s.Schedule.Season().For(t.Code) {
			opponents[g.Opponent(t.Code).Code] = true
		}
	}
	if len(page.Teams) > 1 {
		teamZone = ""
		if f.Get("target") == importer.TargetEach {
			teamZone = "Where each team plays"
		}
	}
	if code := page.Code(); code != "" {
		page.layout.Title = "Import the " + page.Teams[0].Name
		page.theme(s.themes[code])
	}
	page.Zones = zoneFieldOf(f, "Yours in Todoist: "+zoneWords(s.locale(r).Zone.String()), teamZone)
	for _, c := range page.AllTeams {
		if opponents[c.Value] {
			page.Opponents = append(page.Opponents, c)
		}
	}
	return page
}
