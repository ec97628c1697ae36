package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/todoist"
)

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

// askRemove says what taking back an import would delete.
func (s *server) askRemove(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	removal, err := s.Importer.Removal(r.Context(), c, user.ID, chi.URLParam(r, "id"), false)
	if err != nil {
		return noProject(err)
	}
	page := removePage{layout: s.private(w, r, "Remove", "projects"),
		ID: removal.Import.ID, Name: removal.Project.Name, OpenURL: s.openURL(user, removal.Project.ID),
		Team: onlyTeam(removal.Import.Teams), Tasks: len(removal.Tasks), Completed: len(removal.Completed),
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
	if err := s.Sessions.Narrow(ctx, []string{todoist.ScopeReadWrite}); err != nil {
		s.Log.WarnContext(ctx, "the token may still delete", "error", err)
	}
	return s.redirect(w, r, "/projects")
}

// notAllRemoved says how far a removal came that was cut short.
func (s *server) notAllRemoved(u *importer.Unfinished, back string) error {
	p := *s.problemOf(u.Cause)
	p.Heading, p.Cause = "Some tasks are still there", u
	p.Text = fmt.Sprintf("%s %s of %s are gone, and nothing else was touched.", importer.Explain(u.Cause), thousands(u.Gone), plural(u.Of, "task"))
	if todoist.Doubtful(u.Cause) {
		p.Text = fmt.Sprintf("%s At least %s of %s are gone, and nothing else was touched.", importer.Explain(u.Cause), thousands(u.Gone), plural(u.Of, "task"))
	}
	if p.Status == http.StatusUnauthorized {
		p.Link = backTo(p.Link, back)
		return &p
	}
	p.Advice = "Check what is left and press the button again. It continues from here."
	if wait := retryAfter(u.Cause); wait > 0 {
		p.Advice = waitSentence(wait) + " It takes up where this stopped."
	}
	p.Link, p.LinkText = back, "What is left"
	return &p
}

// removedKey is where a session has what was removed until the next page says it.
const removedKey = "removed"

// mayDelete reports whether this session's token may delete tasks and
// projects.
func (s *server) mayDelete(r *http.Request) bool {
	scopes := s.Sessions.Scope(r.Context())
	return slices.Contains(scopes, todoist.ScopeDelete) && slices.Contains(scopes, todoist.ScopeDeleteProject)
}
