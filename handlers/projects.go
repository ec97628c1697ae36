package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/session"
	"tipoff/todoist"
)

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
	Games   []planRow
	Updates *updatesView
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
	// Teams and Season are what the import is about; only [server.rowLine] sets them.
	Teams  []string
	Season string
	// Waiting counts the changes that an update would make; 0 is up to date. Changed
	// says that the schedule has changed and how much waits is not known; Over that
	// the season is.
	Waiting       int
	Changed, Over bool
	// Left counts the open tasks; Next is the nearest of them, or nil.
	Left int
	Next *planRow
	// Trouble is a sentence when something is in the way.
	Trouble string
	// Auto says that the import updates itself.
	Auto bool
}

// Waits says that an update has something to do.
func (p projectLine) Waits() bool { return p.Waiting > 0 || p.Changed }

// State reads "Up to date" or "3 changes waiting".
func (p projectLine) State() string {
	switch {
	case p.Trouble != "":
		return p.Trouble
	case p.Waiting > 0:
		return plural(p.Waiting, "change") + " waiting"
	case p.Changed:
		return "The schedule changed"
	case p.Over:
		return "Season over"
	case p.Auto:
		return "Up to date, updates itself"
	}
	return "Up to date"
}

// Short is the state on a button that leads to the project.
func (p projectLine) Short() string {
	if p.Trouble != "" {
		return "Needs a look"
	}
	return "Up to date"
}

// openURL is where a project is seen: at Todoist, or in the demo.
func (s *server) openURL(user session.User, project string) string {
	if s.Demo != nil {
		return s.base + "/demo/todoist/" + user.ID + "/projects/" + project
	}
	return todoist.ProjectURL(project)
}

// noProject is the problem of a project that holds no games.
func noProject(err error) error {
	invalid, ok := errors.AsType[importer.Invalid](err)
	if !ok {
		return err
	}
	p := &problem{Status: http.StatusNotFound, Heading: "No games from Tipoff here",
		Text:   "This import has ended, or it was never yours.",
		Advice: "Choose a team to start again, or look at your projects.", Link: "/projects", LinkText: "Your projects", Cause: err}
	if text := invalid["target"]; text != "" {
		p.Heading, p.Text, p.Advice = "The project is not there", text, "Nothing was changed."
	}
	return p
}

// showProject shows whether an imported project is in step.
func (s *server) showProject(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	e, err := s.Importer.Project(r.Context(), c, user.ID, chi.URLParam(r, "id"))
	if err != nil {
		return noProject(err)
	}
	page := projectPage{layout: s.private(w, r, e.Project.Name, "projects"), ID: e.Import.ID, Name: e.Project.Name,
		OpenURL: s.openURL(user, e.Project.ID), Team: onlyTeam(e.Import.Teams),
		Plan: s.planView(r, e.Plan), Done: s.justDone(r, user), Running: s.runs.current(user.ID) != nil,
		OptionsURL: "/import?import=" + url.QueryEscape(e.Import.ID)}
	if page.Done == nil {
		page.Flash = s.endingNotice(user.ID)
	}
	if page.Team != nil {
		page.theme(s.themes[page.Team.Code])
	}
	loc := s.planLocale(r, e.Plan)
	page.Updates = s.updatesView(e, e.Changes, loc)
	for _, change := range e.Plan.Changes() {
		if change.Task != nil && change.Game.Upcoming(s.Now()) {
			page.Games = append(page.Games, planRowOf(change, loc))
		}
	}
	return s.pages.render(w, r, http.StatusOK, page)
}

// listProjects shows all projects with games from Tipoff.
func (s *server) listProjects(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	all, err := s.Importer.Mine(r.Context(), c, user.ID)
	if err != nil {
		return err
	}
	page := projectsPage{layout: s.private(w, r, "Your projects", "projects"), Running: s.runs.current(user.ID) != nil}
	if done := s.justDone(r, user); done != nil {
		page.Flash = &notice{Kind: "done", Text: strings.Join(append([]string{done.Line()}, done.Notices...), " ")}
	} else if gone := s.Sessions.Pop(r.Context(), removedKey); gone != "" {
		page.Flash = &notice{Kind: "done", Text: gone}
	} else {
		page.Flash = s.endingNotice(user.ID)
	}
	for _, e := range all {
		line := projectLine{ID: e.Import.ID, Name: e.Project.Name, OpenURL: s.openURL(user, e.Project.ID),
			Team: onlyTeam(e.Import.Teams), Waiting: e.Waiting, Left: e.Left}
		if text, trouble := stateLine(e.Import, s.AutoUpdate); trouble {
			line.Trouble = text
		}
		line.Auto = e.Import.Auto && s.AutoUpdate
		if e.Missing {
			line.Trouble = "The project is archived in your Todoist, or gone"
		}
		loc := s.planLocale(r, e.Plan)
		for _, change := range e.Plan.Changes() {
			if change.Task != nil && !change.Game.Postponed && change.Game.Upcoming(s.Now()) {
				row := planRowOf(change, loc)
				line.Next = &row
				break
			}
		}
		page.Projects = append(page.Projects, line)
	}
	return s.pages.render(w, r, http.StatusOK, page)
}
