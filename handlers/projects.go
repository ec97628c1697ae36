package handlers

import (
	"errors"
	"net/http"
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

// openURL is where a project is seen: at Todoist, or in the demo.
func (s *server) openURL(user session.User, project string) string {
	if s.Demo != nil {
		return s.base + "/demo/todoist/" + user.ID + "/projects/" + project
	}
	return todoist.ProjectURL(project)
}

// noProject is the problem of a project that holds no games.
func noProject(err error) error {
	if _, ok := errors.AsType[importer.Invalid](err); !ok {
		return err
	}
	return &problem{Status: http.StatusNotFound, Heading: "No games from Tipoff here",
		Text:   "This project is gone from your Todoist, or it holds no games that Tipoff put there.",
		Advice: "Choose a team to begin anew, or look at your projects.", Link: "/projects", LinkText: "Your projects", Cause: err}
}

// showProject shows whether an imported project is in step.
func (s *server) showProject(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	e, err := s.Importer.Project(r.Context(), c, chi.URLParam(r, "id"))
	if err != nil {
		return noProject(err)
	}
	page := projectPage{layout: s.private(w, r, e.Project.Name, "projects"), ID: e.Project.ID, Name: e.Project.Name,
		OpenURL: s.openURL(user, e.Project.ID), Completed: e.Completed, Team: onlyTeam(e.Teams),
		Plan: s.planView(r, e.Plan), Done: s.justDone(r, user), Running: s.runs.current(user.ID) != nil,
		OptionsURL: planPath(e.Plan.Options)}
	if page.Done == nil {
		page.Flash = s.endingNotice(user.ID)
	}
	if page.Team != nil {
		page.theme(s.themes[page.Team.Code])
	}
	loc := s.planLocale(r, e.Plan)
	for _, change := range e.Plan.Changes() {
		if change.Task != nil && change.Kind != importer.Completed && change.Game.Upcoming(s.Now()) {
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
	all, err := s.Importer.Mine(r.Context(), c)
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
		line := projectLine{ID: e.Project.ID, Name: e.Project.Name, OpenURL: s.openURL(user, e.Project.ID),
			Team: onlyTeam(e.Teams), Waiting: e.Plan.Pending(), Left: len(e.Tasks)}
		loc := s.planLocale(r, e.Plan)
		for _, change := range e.Plan.Changes() {
			if change.Task != nil && change.Kind != importer.Completed && !change.Game.Postponed && change.Game.Upcoming(s.Now()) {
				row := planRowOf(change, loc)
				line.Next = &row
				break
			}
		}
		page.Projects = append(page.Projects, line)
	}
	return s.pages.render(w, r, http.StatusOK, page)
}
