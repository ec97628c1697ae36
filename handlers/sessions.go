package handlers

import "net/http"

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
	Current bool
}

// listSessions shows where a user is signed in.
func (s *server) listSessions(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.client(r); err != nil {
		return err
	}
	infos, err := s.Sessions.SignIns(r.Context())
	if err != nil {
		return err
	}
	page := sessionsPage{layout: s.private(w, r, "Where you are signed in", "")}
	loc := s.locale(r)
	for _, info := range infos {
		page.Sessions = append(page.Sessions, sessionLine{Handle: info.ID, Browser: info.Browser,
			Since: loc.momentOf(info.Since), Seen: loc.momentOf(info.Seen), Current: info.Current})
	}
	return s.pages.render(w, r, http.StatusOK, page)
}

// endSession ends one of a user's sessions.
func (s *server) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	if err := s.Sessions.End(r.Context(), r.PostForm.Get("handle")); err != nil && !isNotRevoked(err) {
		return err
	}
	if _, ok := s.Sessions.User(r.Context()); !ok {
		w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
		return s.redirect(w, r, "/")
	}
	return s.redirect(w, r, "/sessions")
}
