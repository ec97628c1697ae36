package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

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
		Plan: s.planView(r, e.Plan), Done: s.justDone(r, user), Running: s.runs.of(user.ID) != nil,
		OptionsURL: planPath(e.Plan.Options)}
	if page.Done == nil {
		page.Flash = s.leftImport(user.ID)
	}
	if page.Team != nil {
		page.theme(s.themes[page.Team.Code])
	}
	rd := s.planReader(r, e.Plan)
	for _, change := range e.Plan.Changes() {
		if change.Task != nil && change.Kind != importer.Completed && change.Game.Upcoming(s.Now()) {
			page.Games = append(page.Games, rowOf(change, rd))
		}
	}
	return s.pages.render(w, r, http.StatusOK, page)
}

// onlyTeam is the card of a single team, nil for several.
func onlyTeam(codes []string) *teamCard {
	if len(codes) != 1 {
		return nil
	}
	t, ok := schedule.TeamByCode(codes[0])
	if !ok {
		return nil
	}
	card := cardOf(t)
	return &card
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
	page := projectsPage{layout: s.private(w, r, "Your projects", "projects"), Running: s.runs.of(user.ID) != nil}
	if done := s.justDone(r, user); done != nil {
		page.Flash = &notice{Kind: "done", Text: strings.Join(append([]string{done.Line()}, done.Notices...), " ")}
	} else if gone := s.Sessions.Pop(r.Context(), removedKey); gone != "" {
		page.Flash = &notice{Kind: "done", Text: gone}
	} else {
		page.Flash = s.leftImport(user.ID)
	}
	for _, e := range all {
		line := projectLine{ID: e.Project.ID, Name: e.Project.Name, OpenURL: s.openURL(user, e.Project.ID),
			Team: onlyTeam(e.Teams), Waiting: e.Plan.Pending(), Left: len(e.Tasks)}
		rd := s.planReader(r, e.Plan)
		for _, change := range e.Plan.Changes() {
			if change.Task != nil && change.Kind != importer.Completed && !change.Game.Postponed && change.Game.Upcoming(s.Now()) {
				row := rowOf(change, rd)
				line.Next = &row
				break
			}
		}
		page.Projects = append(page.Projects, line)
	}
	return s.pages.render(w, r, http.StatusOK, page)
}

// askRemove says what taking back an import would delete.
func (s *server) askRemove(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	removal, err := s.Importer.Removal(r.Context(), c, chi.URLParam(r, "id"), false)
	if err != nil {
		return noProject(err)
	}
	page := removePage{layout: s.private(w, r, "Remove", "projects"),
		ID: removal.Project.ID, Name: removal.Project.Name, OpenURL: s.openURL(user, removal.Project.ID),
		Team: onlyTeam(removal.Teams), Tasks: len(removal.Tasks), Completed: len(removal.Completed),
		Others: removal.Others, Held: removal.Held, Sections: len(removal.Sections), WholeProject: removal.Whole,
		Consent: s.App != nil && !s.mayDelete(r) && !user.Personal, WithCompleted: r.URL.Query().Get("completed") != ""}
	if why := s.Sessions.Pop(r.Context(), refusedKey); why != "" {
		page.Flash = &notice{Kind: "warn", Text: why + " Nothing was removed."}
	}
	return s.pages.render(w, r, http.StatusOK, page)
}

// remove takes an import back. A token that may not delete is first replaced by
// one that may, with the consent of the user, who comes back to the page that
// asked as it was.
func (s *server) remove(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	project := chi.URLParam(r, "id")
	completed := r.PostForm.Get("completed") != ""
	back := "/projects/" + url.PathEscape(project) + "/remove"
	if completed {
		back += "?completed=1"
	}
	if s.App != nil && !s.mayDelete(r) && !user.Personal {
		return s.authorize(w, r, back, todoist.ScopeReadWrite, todoist.ScopeDelete, todoist.ScopeDeleteProject)
	}
	// Once begun, it goes on when the visitor leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), importTimeout)
	defer cancel()
	removal, err := s.Importer.Remove(ctx, c, user.ID, project, completed)
	if refused, ok := errors.AsType[*todoist.Error](err); ok && refused.Tag == todoist.TagScope && s.App != nil {
		return s.authorize(w, r, back, todoist.ScopeReadWrite, todoist.ScopeDelete, todoist.ScopeDeleteProject)
	}
	if unfinished, ok := errors.AsType[*importer.Unfinished](err); ok {
		return s.notAllRemoved(unfinished, back)
	}
	if err != nil {
		return noProject(err)
	}
	s.Log.InfoContext(r.Context(), "import removed", "user", user.ID, "tasks", len(removal.Tasks))
	text := "“" + removal.Project.Name + "” is gone, with " + plural(len(removal.Tasks), "open task") + ". Nothing else was touched."
	if !removal.Whole {
		text = plural(len(removal.Tasks), "task") + " removed from “" + removal.Project.Name + "”. Nothing else was touched."
	}
	s.Sessions.Put(r.Context(), removedKey, text)
	return s.redirect(w, r, "/projects")
}

// notAllRemoved says how far a removal came that was cut short.
func (s *server) notAllRemoved(u *importer.Unfinished, back string) error {
	p := *s.problemOf(u.Cause)
	p.Heading, p.Cause = "Not all of it is removed", u
	p.Text = fmt.Sprintf("%s %s of %s are gone, and nothing else was touched.", importer.Explain(u.Cause), thousands(u.Gone), plural(u.Of, "task"))
	if todoist.Doubtful(u.Cause) {
		p.Text = fmt.Sprintf("%s At least %s of %s are gone, and nothing else was touched.", importer.Explain(u.Cause), thousands(u.Gone), plural(u.Of, "task"))
	}
	if p.Status == http.StatusUnauthorized {
		p.Link = backTo(p.Link, back)
		return &p
	}
	p.Advice = "Look at what is left and press the button again: it takes up where this stopped."
	if wait := retry(u.Cause); wait > 0 {
		p.Advice = waitSentence(wait) + " It takes up where this stopped."
	}
	p.Link, p.LinkText = back, "What is left"
	return &p
}

// removedKey is where a session keeps what was removed until the next page says
// it.
const removedKey = "removed"
