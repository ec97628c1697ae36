package handlers

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/imports"
	"tipoff/todoist"
)

// An updatesView is what a project's page says about its updates.
type updatesView struct {
	// On says that the import updates itself, Offered that it could here.
	On, Offered bool
	// Line says how it is, in a sentence; Trouble that something keeps it from being
	// right.
	Line    string
	Trouble bool
	// Checked is when it was right last; nil is not known.
	Checked *moment
	Changes []changeLine
	// Next is where the next season is imported, once it is published.
	Next, NextSeason string
}

// A changeLine is an entry of an import's history.
type changeLine struct {
	At          moment
	Title, Text string
	Auto        bool
}

// updatesView is what there is to say about an import's updates.
func (s *server) updatesView(e *importer.Existing, changes []imports.Change, loc locale) *updatesView {
	v := &updatesView{On: e.Import.Auto, Offered: s.AutoUpdate}
	v.Line, v.Trouble = stateLine(e.Import, s.AutoUpdate)
	if e.Import.Season < e.Plan.Season {
		v.Line, v.Offered = "The "+e.Import.Season+" season is over, and this import with it. Your tasks stay.", false
		v.Next = "/import?" + url.Values{"team": e.Import.Teams}.Encode()
		v.NextSeason = e.Plan.Season
	}
	if at := e.Import.Checked; !at.IsZero() {
		m := loc.momentOf(at)
		v.Checked = &m
	}
	for _, c := range changes {
		v.Changes = append(v.Changes, changeLine{At: loc.momentOf(c.At), Title: c.Title, Text: changeText(c, loc), Auto: c.Auto})
	}
	return v
}

// stateLine says how an import is, and whether something is in the way.
func stateLine(im *imports.Import, offered bool) (line string, trouble bool) {
	switch {
	case !im.Auto || !offered:
		return "It changes when you press the button.", false
	case im.State == imports.SignInAgain:
		return "Todoist ended Tipoff’s access. Sign in again to continue.", true
	case im.State == imports.LookFirst:
		return "Look first: so much would change at once that Tipoff waits for you.", true
	case im.State == imports.Archived:
		return "The project is archived in Todoist, so nothing is changed.", true
	case im.State == imports.NoRoom:
		return "Your Todoist plan has no room for the new games.", true
	case im.State == imports.Failing:
		return "The last updates failed. Tipoff keeps trying.", true
	}
	return "It keeps itself up to date.", false
}

// changeText says what was changed in a task.
func changeText(c imports.Change, loc locale) string {
	at := func(date string) string { return dayAndClock(momentOfDue(&todoist.Due{Date: date}, loc)) }
	switch c.What {
	case imports.Added:
		return "added, on " + at(c.Becomes)
	case imports.Moved:
		return "moved from " + at(c.Was) + " to " + at(c.Becomes)
	case imports.PutOff:
		return "postponed"
	case imports.Back:
		return "has a new date, " + at(c.Becomes)
	case imports.NotNeeded:
		return "not needed, ticked off"
	case imports.TickedOff:
		return "over, ticked off"
	}
	return "details brought up to date"
}

// switchUpdates switches an import's updates by itself on or off.
func (s *server) switchUpdates(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.client(r)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	auto := r.PostForm.Get("auto")
	if auto != "on" && auto != "off" {
		return importer.Invalid{"auto": "It is “on” or “off”."}
	}
	id := chi.URLParam(r, "id")
	if err := s.Importer.Rows.SetAuto(r.Context(), user.ID, id, auto == "on" && s.AutoUpdate); err != nil {
		return err
	}
	if r.PostForm.Get("back") == "account" {
		return s.redirect(w, r, "/account")
	}
	return s.redirect(w, r, "/projects/"+url.PathEscape(id)+"#updates")
}
