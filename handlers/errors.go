package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tipoff/importer"
	"tipoff/session"
	"tipoff/todoist"
)

// A problem is an error made for people: what happened and what to do. Cause,
// if any, is for the log.
type problem struct {
	Status                int
	Heading, Text, Advice string
	Link, LinkText        string
	Cause                 error
}

func (p *problem) Error() string {
	if p.Cause != nil {
		return p.Cause.Error()
	}
	return p.Heading
}

func (p *problem) Unwrap() error { return p.Cause }

// An errorPage is the answer when something did not work.
type errorPage struct {
	layout
	Status int
	// Heading is a few words, Text what happened, Advice what to do.
	Heading, Text, Advice string
	// Link and LinkText are the way on; empty means the home page.
	Link, LinkText string
	// RequestID is found in the host's log; may be empty.
	RequestID string
}

// handle makes a handler of one that returns an error. It is the only place
// where errors become answers: a [problem] is shown, what the packages below
// say with an error of their own is translated, and anything else is logged
// and shown as one plain page.
func (s *server) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil || r.Context().Err() != nil && errors.Is(err, context.Canceled) {
			return
		}
		s.fail(w, r, err)
	}
}

// fail answers with the page for an error.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, session.ErrSignedOut) && isGet(r) {
		next := r.URL.Path
		if r.URL.RawQuery != "" {
			next += "?" + r.URL.RawQuery
		}
		_ = s.redirect(w, r, "/sign-in?"+url.Values{"next": {next}}.Encode())
		return
	}
	p := s.problemOf(err)
	if p.Status >= 500 {
		s.Log.ErrorContext(r.Context(), "request failed", "status", p.Status, "error", err)
	}
	link := p.Link
	if link == signInAgain && isGet(r) {
		link = backTo(link, r.URL.RequestURI())
	}
	if wait := retryAfter(err); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds()+0.5)))
	}
	page := errorPage{layout: s.private(w, r, p.Heading, ""), Status: p.Status, Heading: p.Heading, Text: p.Text,
		Advice: p.Advice, Link: link, LinkText: p.LinkText, RequestID: requestID(r.Context())}
	if err := s.pages.render(w, r, p.Status, page); err != nil {
		s.Log.ErrorContext(r.Context(), "error page not rendered", "error", err)
		s.pages.renderBroken(w)
	}
}

// signInAgain is the sign-in page for those who are signed in, and whom Todoist
// does not let in any more.
const signInAgain = "/sign-in?again=1"

// backTo is a link to the sign-in page that leads on to a path of ours.
func backTo(link, next string) string {
	mark := "?"
	if strings.Contains(link, "?") {
		mark = "&"
	}
	return link + mark + url.Values{"next": {next}}.Encode()
}

// retryAfter is how long to wait before trying again, 0 where waiting does not help.
func retryAfter(err error) time.Duration {
	if refused, ok := errors.AsType[*todoist.Error](err); ok && refused.Status == http.StatusUnauthorized {
		return 0
	}
	return importer.Retry(err)
}

// problemOf translates an error for people.
func (s *server) problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{Status: http.StatusRequestEntityTooLarge, Heading: "That form is too large",
			Text: "Tipoff doesn’t read forms this large.", Advice: "Go back and send less.", Cause: err}
	}
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		text := ""
		for field, sentence := range invalid {
			text += fmt.Sprintf("%s: %s ", field, sentence)
		}
		return &problem{Status: http.StatusUnprocessableEntity, Heading: "Something in the form is wrong",
			Text: text, Advice: "Go back and correct it. Nothing was changed.", Cause: err}
	}
	switch {
	case errors.Is(err, session.ErrSignedOut):
		return &problem{Status: http.StatusUnauthorized, Heading: "You are not signed in",
			Text:   "Your session has ended, so nothing was changed.",
			Advice: "Sign in again and do it once more.", Link: "/sign-in", LinkText: "Sign in", Cause: err}
	case errors.Is(err, session.ErrUnavailable):
		return &problem{Status: http.StatusServiceUnavailable, Heading: "Tipoff cannot look up who you are",
			Text:   "Tipoff’s session store does not answer. You are still signed in, and nothing was changed.",
			Advice: "Try again in a minute. Teams and schedules work meanwhile.", Cause: err}
	case errors.Is(err, importer.ErrUnavailable):
		return &problem{Status: http.StatusServiceUnavailable, Heading: "Tipoff cannot look up your imports",
			Text:   "Tipoff’s database does not answer or is full. Nothing is lost.",
			Advice: "Try again in a minute. Teams and schedules work meanwhile.", Cause: err}
	case errors.Is(err, importer.ErrLost):
		return &problem{Status: http.StatusConflict, Heading: "This import continues elsewhere",
			Text:   "Another window or another server of this site took it over.",
			Advice: "Look at your projects in a minute. Retrying won’t create duplicates.", Link: "/projects", LinkText: "Your projects", Cause: err}
	}
	if errors.Is(err, todoist.ErrTooLarge) {
		return &problem{Status: http.StatusUnprocessableEntity, Heading: "Your Todoist is too large for Tipoff",
			Text:   "The tasks that link to games hold more text than Tipoff reads. Nothing was changed.",
			Advice: "Shorten their descriptions in Todoist, or delete those that you do not need.", Cause: err}
	}
	refused, ok := errors.AsType[*todoist.Error](err)
	switch {
	case ok && refused.Status == http.StatusUnauthorized:
		return &problem{Status: http.StatusUnauthorized, Heading: "Todoist no longer lets Tipoff in",
			Text:   "Access was ended in Todoist’s settings, or by signing out elsewhere.",
			Advice: "Sign in again. Your tasks are as they were.", Link: signInAgain, LinkText: "Sign in again", Cause: err}
	case ok && refused.Status == http.StatusTooManyRequests:
		return &problem{Status: http.StatusServiceUnavailable, Heading: "Todoist asks for a pause",
			Text: "There were too many requests for your account in a short time.", Advice: waitSentence(refused.RetryAfter), Cause: err}
	case ok || todoist.Doubtful(err):
		return &problem{Status: http.StatusBadGateway, Heading: "Todoist did not answer as it should",
			Text: importer.Explain(err), Advice: "Try again in a minute. Retrying won’t create duplicates.", Cause: err}
	}
	return &problem{Status: http.StatusInternalServerError, Heading: "Something broke on our side",
		Text:   "Tipoff could not do this. What it had not written yet was not written.",
		Advice: "Try once more. If it stays like this, tell whoever runs this Tipoff the code below.", Cause: err}
}

// waitSentence says when to try again.
func waitSentence(wait time.Duration) string {
	switch {
	case wait <= 0:
		return "Try again in a few minutes."
	case wait < 2*time.Minute:
		return fmt.Sprintf("Try again in %d seconds.", int(wait.Seconds()+0.5))
	}
	return fmt.Sprintf("Try again in %d minutes.", int(wait.Minutes()+0.5))
}

func notFound(http.ResponseWriter, *http.Request) error {
	return &problem{Status: http.StatusNotFound, Heading: "Page not found",
		Text: "Nothing is at this address.", Advice: "Choose a team to go on.", Link: "/", LinkText: "All teams"}
}

func methodNotAllowed(http.ResponseWriter, *http.Request) error {
	return &problem{Status: http.StatusMethodNotAllowed, Heading: "This page can’t do that",
		Text: "This address does not take such a request.", Advice: "Use the buttons on the pages.", Link: "/", LinkText: "All teams"}
}

func badForm(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return &problem{Status: http.StatusBadRequest, Heading: "The form could not be read",
		Text: "What the browser sent is not a form.", Advice: "Go back and try once more.", Cause: err}
}

// retrySeconds is how many seconds to wait before pressing again, 0 for none.
func retrySeconds(err error) int { return int((retryAfter(err) + time.Second - 1) / time.Second) }
