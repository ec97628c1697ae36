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

// endingLifetime is for how long an ending can be asked for.
const endingLifetime = time.Hour

// A job is an import under way.
type job struct {
	// about tells imports of one user apart, see aboutOf.
	about string

	mu sync.Mutex
	at importer.Progress
	// result is the data of the last event, [finished] or [failure], and nil
	// while it runs.
	result any
	// changed is closed with each update.
	changed chan struct{}
}

// aboutOf says what an import is about: its teams. Where they go is known only once a
// new project is made.
func aboutOf(o importer.Options) string { return strings.Join(o.Teams, ",") }

// begin enters an import of a user. When one of theirs runs already, that one
// stays the one to follow, since the new one waits for it.
func (rs *runs) begin(user, about string) *job {
	j := &job{about: about, changed: make(chan struct{})}
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
		result = failure{Message: "The import ended early. Press the button to continue. Only what is missing is written."}
	}
	j.update(func() { j.result = result })
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.byUser[user] == j {
		delete(rs.byUser, user)
	}
}

// addEnding remembers how an import ended until its user is told.
func (rs *runs) addEnding(user string, e ending) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.endings == nil {
		rs.endings = map[string]ending{}
	}
	for other, old := range rs.endings {
		if e.at.Sub(old.at) > endingLifetime {
			delete(rs.endings, other)
		}
	}
	rs.endings[user] = e
}

// ending takes out what was remembered for a user, nil for nothing.
func (rs *runs) ending(user string, now time.Time) *ending {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	e, ok := rs.endings[user]
	if !ok {
		return nil
	}
	delete(rs.endings, user)
	if now.Sub(e.at) > endingLifetime {
		return nil
	}
	return &e
}

// endingNotice says how an import ended whose visitor had left, once; nil where
// there is nothing to say.
func (s *server) endingNotice(user string) *notice {
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

// current is a user's import under way, nil for none.
func (rs *runs) current(user string) *job {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.byUser[user]
}

func (j *job) update(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *job) progress(p importer.Progress) { j.update(func() { j.at = p }) }

// status tells where an import stands. changed is closed when that has changed.
func (j *job) status() (at importer.Progress, result any, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at, j.result, j.changed
}

// followImport streams the progress of an import that another request began, as that
// one's answer does. When none runs, there is nothing to say.
func (s *server) followImport(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.client(r)
	if err != nil {
		return err
	}
	if !strings.Contains(r.Header.Get("Accept"), eventStream) {
		return s.redirect(w, r, "/projects")
	}
	w.Header().Set("Cache-Control", "no-store")
	j := s.runs.current(user.ID)
	if j == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	st := newStream(w, r)
	defer st.keepAlive()()
	for {
		at, result, changed := j.status()
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
		case <-changed:
		case <-r.Context().Done():
			return context.Cause(r.Context())
		}
	}
}
