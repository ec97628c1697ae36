package handlers

import (
	"net/http"
	"net/url"
	"strconv"

	"tipoff/importer"
)

// An accountPage is GET /account.
type accountPage struct {
	layout
	Sessions []sessionLine
	// Updating are the imports that update themselves.
	Updating []updatingLine
}

// A sessionLine is one browser that is signed in.
type sessionLine struct {
	// Handle names the session in the form; it is not the session's id.
	Handle string
	// Browser reads "Firefox on Linux", or is empty when unknown.
	Browser     string
	Since, Seen moment
	// Current is the session that looks at the page.
	Current bool
}

// An updatingLine is an import that updates itself, and how it is.
type updatingLine struct {
	ID, Name, Line string
	Trouble        bool
}

// showAccount shows where a user is signed in and what goes on without them.
func (s *server) showAccount(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.client(r)
	if err != nil {
		return err
	}
	infos, err := s.Sessions.SignIns(r.Context())
	if err != nil {
		return err
	}
	rows, err := s.Importer.Rows.Of(r.Context(), user.ID)
	if err != nil {
		return err
	}
	page := accountPage{layout: s.private(w, r, "Your account", "")}
	loc := s.locale(r)
	for _, info := range infos {
		page.Sessions = append(page.Sessions, sessionLine{Handle: info.ID, Browser: info.Browser,
			Since: loc.momentOf(info.Since), Seen: loc.momentOf(info.Seen), Current: info.Current})
	}
	for _, row := range rows {
		if row.Auto && s.AutoUpdate {
			line, trouble := stateLine(row, true)
			page.Updating = append(page.Updating, updatingLine{row.ID, importer.ProjectName(row.Teams, row.Season), line, trouble})
		}
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
	return s.redirect(w, r, "/account")
}

// forget ends all that is kept of a user: imports with their history, sign-ins and
// grant. Their tasks stay.
func (s *server) forget(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.client(r)
	if err != nil {
		return err
	}
	if err := s.Importer.Rows.Forget(r.Context(), user.ID); err != nil {
		return err
	}
	s.Log.InfoContext(r.Context(), "forgotten", "user", user.ID)
	return s.endSignIns(w, r, s.Sessions.SignOutEverywhere, url.Values{"forgotten": {"1"}})
}

// A signedOutPage is GET /signed-out.
type signedOutPage struct {
	layout
	// Updating counts the imports that go on updating themselves; Forgotten says that
	// nothing is kept any more.
	Updating  int
	Forgotten bool
}

// showSignedOut says what goes on after a sign-out.
func (s *server) showSignedOut(w http.ResponseWriter, r *http.Request) error {
	page := signedOutPage{layout: s.private(w, r, "You are signed out", ""), Forgotten: r.URL.Query().Get("forgotten") == "1"}
	if n, err := strconv.Atoi(r.URL.Query().Get("updating")); err == nil && n > 0 && n < 1000 {
		page.Updating = n
	}
	return s.pages.render(w, r, http.StatusOK, page)
}
