package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tipoff/importer"
	"tipoff/session"
)

// importTimeout bounds one import, all its waits included.
const importTimeout = 10 * time.Minute

// runImport carries an import out. With Accept: text/event-stream the answer is
// its progress, otherwise a redirect to the project.
//
// The import runs within this request. Once it has begun it goes on when the
// visitor leaves; whoever stops the program waits for the request.
func (s *server) runImport(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	readBoxes(r.PostForm)
	opts, err := importer.ParseOptions(r.PostForm)
	id := r.PostForm.Get("import")
	if err == nil && r.PostForm.Has("preview") {
		return s.redirect(w, r, planPath(opts, id)) // the button of browsers without scripts
	}
	c, user, denied := s.client(r)
	if denied == nil && err == nil {
		opts, id, err = s.Importer.Options(r.Context(), user.ID, r.PostForm, true)
	}
	if errors.Is(denied, session.ErrSignedOut) && err == nil {
		return signedOutBefore(planPath(opts, id), denied)
	}
	if denied != nil {
		return denied
	}
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return s.showMistakes(w, r, r.PostForm, invalid)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), importTimeout)
	defer cancel()
	st := newStream(w, r)
	if strings.Contains(r.Header.Get("Accept"), eventStream) {
		defer st.keepAlive()()
	} else {
		st.pageOnly = true
	}
	j := s.runs.begin(user.ID, aboutOf(opts))
	// It is over before anybody is told so: the page about its end is not one
	// about an import under way.
	st.ended = func(result any) {
		s.runs.end(user.ID, j, result)
		if r.Context().Err() != nil {
			s.runs.addEnding(user.ID, ending{result, planPath(opts, id), s.Now()})
		}
	}
	defer func() {
		if st.last == nil {
			st.ended(nil)
		}
	}()
	began := time.Now()
	out, err := s.Importer.Run(ctx, c, user.ID, id, opts, r.PostForm.Get("plan"), func(p importer.Progress) {
		if p.Total > 0 {
			j.progress(p)
			st.progress(p)
		}
	})
	s.logImport(ctx, user, opts, out, err, time.Since(began))
	s.Metrics.imported(out, err)
	return s.answerImport(w, r, st, user, planPath(opts, id), out, err)
}

// signedOutBefore is the problem of an import whose session ended while its plan
// was shown.
func signedOutBefore(preview string, cause error) error {
	return &problem{Status: http.StatusUnauthorized, Heading: "You are not signed in",
		Text:   "Your session has ended, so nothing was written.",
		Advice: "Sign in again, and this plan is back with everything you chose.",
		Link:   "/sign-in?" + url.Values{"next": {preview}}.Encode(), LinkText: "Sign in", Cause: cause}
}

// answerImport says how an import ended. preview is the address of its plan.
func (s *server) answerImport(w http.ResponseWriter, r *http.Request, st *stream, user session.User, preview string, out *importer.Outcome, err error) error {
	if changed, ok := errors.AsType[*importer.Changed](err); ok {
		flash := &notice{Kind: "warn", Text: "Your Todoist or the schedule changed since this page was shown, so nothing was written yet. This is the plan as it is now."}
		return st.finish(func() error { return s.showPlan(w, r, user, http.StatusConflict, changed.Plan, flash, false) },
			failure{Message: flash.Text + " Reload the page to see it."})
	}
	if stopped, ok := errors.AsType[*importer.Stopped](err); ok {
		return st.finish(func() error { return s.showPlan(w, r, user, http.StatusConflict, stopped.Plan, nil, false) },
			failure{Message: "This does not fit your Todoist plan. Reload the page to see why."})
	}
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return st.finish(func() error { return s.showMistakes(w, r, r.PostForm, invalid) },
			failure{Message: s.problemOf(invalid).Text})
	}
	if err == nil && len(out.Failed) == 0 {
		done := outcome{Added: out.Added, Updated: out.Updated, Unchanged: out.Unchanged, Kept: out.Kept, Notices: out.Notices}
		path := pathAfter(out)
		if len(out.Notices) > 0 {
			s.Sessions.Put(r.Context(), noticesKey, strings.Join(out.Notices, "\n"))
		}
		return st.finish(func() error {
			s.Sessions.Put(r.Context(), doneKey, path+"?"+done.values().Encode())
			return s.redirect(w, r, path)
		}, finished{Location: s.base + path + "?" + done.values().Encode(), outcome: done})
	}
	if out == nil {
		p := *s.problemOf(err)
		f := failure{Message: p.Heading + ". " + p.Text + " " + p.Advice, RetryAfter: retrySeconds(err)}
		if p.Status == http.StatusUnauthorized {
			p.Link = backTo(p.Link, preview)
			f.SignIn = s.base + p.Link
		}
		return st.finish(func() error { return &p }, f)
	}
	return s.importFailed(w, r, st, user, out, err)
}

// importFailed says what is missing after an import that did not finish, game
// by game.
func (s *server) importFailed(w http.ResponseWriter, r *http.Request, st *stream, user session.User, out *importer.Outcome, err error) error {
	loc := s.planLocale(r, out.Plan)
	reasons := []string{}
	f := failure{RetryAfter: retrySeconds(err), Done: out.Added + out.Updated}
	f.Total = f.Done + len(out.Failed)
	for _, failed := range out.Failed {
		if !slices.Contains(reasons, failed.Reason) {
			reasons = append(reasons, failed.Reason)
		}
		row := planRowOf(failed.Change, loc)
		f.Failed = append(f.Failed, failedGame{Title: row.Title, Day: row.When.Day, Reason: failed.Reason})
	}
	for _, o := range offersOf(out.Left, loc) {
		o.Link = s.base + o.Link
		f.Offers = append(f.Offers, o)
	}
	status := http.StatusBadGateway
	if err != nil {
		status = s.problemOf(err).Status
		if len(out.Failed) == 0 {
			reasons = append(reasons, importer.Explain(err))
		}
	}
	flash := notice{Kind: "stop"}
	advice := "Press the button again to continue. Only what is missing is written, with no duplicates."
	if wait := retryAfter(err); wait > 0 {
		advice = waitSentence(wait) + " Only what is missing is written then, and nothing is made twice."
	}
	if status == http.StatusUnauthorized {
		advice = "Then press the button again. Only what is missing is added."
		flash.Link, flash.LinkText = backTo(signInAgain, planPath(out.Plan.Options, out.Plan.ID)), "Sign in again"
		f.SignIn = s.base + flash.Link
	}
	state := fmt.Sprintf("%s of %s are written.", thousands(f.Done), plural(f.Total, "task"))
	if f.Done == 0 {
		state = "Nothing was written."
	}
	f.Message = strings.Join(append(append([]string{state}, reasons...), advice), " ")
	if wait := retryAfter(err); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retrySeconds(err)))
	}
	flash.Text = f.Message + " What is missing is below."
	return st.finish(func() error {
		return s.showPlan(w, r, user, status, out.Left, &flash, true)
	}, f)
}

func (s *server) logImport(ctx context.Context, user session.User, opts importer.Options, out *importer.Outcome, err error, took time.Duration) {
	attrs := []any{"user", user.ID, "teams", len(opts.Teams), "took", took.Round(time.Millisecond)}
	if out != nil {
		attrs = append(attrs, "added", out.Added, "updated", out.Updated, "unchanged", out.Unchanged, "kept", out.Kept, "failed", len(out.Failed))
	}
	switch {
	case err != nil:
		s.Log.WarnContext(ctx, "import not finished", append(attrs, "error", err)...)
	case len(out.Failed) > 0:
		s.Log.WarnContext(ctx, "import not finished", append(attrs, "reason", out.Failed[0].Reason)...)
	default:
		s.Log.InfoContext(ctx, "import finished", attrs...)
	}
}
