package handlers

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"tipoff/importer"
)

// runs knows the imports under way in this process, so that somebody who left
// one can come back to it. It is a view and no more: the import itself lives in
// its request, and in another process nobody knows of it.
type runs struct {
	mu     sync.Mutex
	byUser map[string]*job
	// endings are those that nobody has been told of yet, by user.
	endings map[string]ending
}

// An ending is how an import ended whose visitor had left.
type ending struct {
	// result is a [finished] or a [failure].
	result any
	// path is that of its plan.
	path string
	at   time.Time
}

// endingKept is for how long an ending can be asked for.
const endingKept = time.Hour

// A job is an import under way.
type job struct {
	// about tells imports of one user apart, see aboutOf.
	about string

	mu sync.Mutex
	at importer.Progress
	// result is the data of the last event, [finished] or [failure], and nil
	// while it runs.
	result any
	// turn is closed with each change.
	turn chan struct{}
}

// aboutOf says what an import is about: its teams and where they go.
func aboutOf(o importer.Options) string { return strings.Join(o.Teams, ",") + " " + o.Target }

// begin enters an import of a user. When one of theirs runs already, that one
// stays the one to follow, since the new one waits for it.
func (rs *runs) begin(user, about string) *job {
	j := &job{about: about, turn: make(chan struct{})}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.byUser == nil {
		rs.byUser = map[string]*job{}
	}
	if rs.byUser[user] == nil {
		rs.byUser[user] = j
	}
	return j
}

// end takes an import out, once its result is known to who follows.
func (rs *runs) end(user string, j *job, result any) {
	if result == nil {
		result = failure{Message: "The import ended early. Press the button to go on: only what is missing is written."}
	}
	j.change(func() { j.result = result })
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.byUser[user] == j {
		delete(rs.byUser, user)
	}
}

// keep keeps how an import ended until its user is told.
func (rs *runs) keep(user string, e ending) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.endings == nil {
		rs.endings = map[string]ending{}
	}
	for other, old := range rs.endings {
		if e.at.Sub(old.at) > endingKept {
			delete(rs.endings, other)
		}
	}
	rs.endings[user] = e
}

// ending takes out what was kept for a user, nil for nothing.
func (rs *runs) ending(user string, now time.Time) *ending {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	e, ok := rs.endings[user]
	if !ok {
		return nil
	}
	delete(rs.endings, user)
	if now.Sub(e.at) > endingKept {
		return nil
	}
	return &e
}

// leftImport says how an import ended whose visitor had left, once; nil where
// there is nothing to say.
func (s *server) leftImport(user string) *notice {
	e := s.runs.ending(user, s.Now())
	if e == nil {
		return nil
	}
	switch result := e.result.(type) {
	case finished:
		return &notice{Kind: "done", Text: strings.Join(append([]string{"The import that you left is done. " + result.Line()}, result.Notices...), " ")}
	case failure:
		return &notice{Kind: "stop", Text: "The import that you left has stopped. " + result.Message, Link: e.path, LinkText: "Go on"}
	}
	return nil
}

// of is a user's import under way, nil for none.
func (rs *runs) of(user string) *job {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.byUser[user]
}

func (j *job) change(how func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	how()
	close(j.turn)
	j.turn = make(chan struct{})
}

func (j *job) progress(p importer.Progress) { j.change(func() { j.at = p }) }

// look tells where an import stands, and when to look again.
func (j *job) look() (at importer.Progress, result any, turn <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at, j.result, j.turn
}

// follow streams the progress of an import that another request began, as that
// one's answer does. When none runs, there is nothing to say.
func (s *server) follow(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.client(r)
	if err != nil {
		return err
	}
	if !strings.Contains(r.Header.Get("Accept"), eventStream) {
		return s.redirect(w, r, "/projects")
	}
	w.Header().Set("Cache-Control", "no-store")
	j := s.runs.of(user.ID)
	if j == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	st := newStream(w, r)
	defer st.keepAlive()()
	for {
		at, result, turn := j.look()
		switch result := result.(type) {
		case finished:
			st.send("done", result)
			return nil
		case failure:
			st.send("failed", result)
			return nil
		}
		if at.Total > 0 {
			st.progress(at)
		}
		select {
		case <-turn:
		case <-r.Context().Done():
			return context.Cause(r.Context())
		}
	}
}
