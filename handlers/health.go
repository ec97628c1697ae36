package handlers

import (
	"fmt"
	"net/http"
)

// livez says that the process answers.
func livez(w http.ResponseWriter, r *http.Request) {
	plain(w)
	fmt.Fprintln(w, "ok")
}

// readyz says that the store can be written to, that a key opens what it
// sealed, and that a schedule is at hand. Todoist is not asked: Tipoff shows
// schedules without it, and restarting Tipoff would not bring it back.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	plain(w)
	if err := s.Sessions.Check(r.Context()); err != nil {
		s.Log.WarnContext(r.Context(), "not ready", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "the session store does not answer")
		return
	}
	if len(s.Schedule.Season().Games) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "there is no schedule")
		return
	}
	fmt.Fprintln(w, "ok")
}

func plain(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
}
