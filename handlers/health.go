package handlers

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// livez says that the process answers.
func livez(w http.ResponseWriter, r *http.Request) {
	plainText(w)
	fmt.Fprintln(w, "ok")
}

// readyz says that the store can be written to, that a key opens what it
// sealed, and that a schedule is at hand. Todoist is not asked: Tipoff shows
// schedules without it, and restarting Tipoff would not bring it back.
//
// Its answer holds for a second: it writes to the store, and anybody may ask.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	plainText(w)
	if err := s.ready.check(r.Context(), s.Now(), s.Sessions.Check); err != nil {
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

// A readiness is the last answer about the store.
type readiness struct {
	mu    sync.Mutex
	asked time.Time
	err   error
}

// check asks once a second at most. A visitor who leaves does not end it, since the
// answer is for all who wait.
func (a *readiness) check(ctx context.Context, now time.Time, ask func(context.Context) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked.IsZero() || now.Sub(a.asked).Abs() >= time.Second {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		a.err, a.asked = ask(ctx), now
	}
	return a.err
}

func plainText(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
}
