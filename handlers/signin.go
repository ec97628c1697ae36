package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

// localPath returns next if it is a path of ours, with its query, and "/" for
// all else: a link to us must not send people on to another site, nor to another
// app beside us on this one.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || len(next) > 2000 {
		return "/"
	}
	// What is encoded in the path counts as what it stands for.
	if strings.ContainsFunc(next+u.Path, func(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }) {
		return "/"
	}
	// Dot segments and double slashes.
	if strings.TrimSuffix(path.Clean(u.Path), "/") != strings.TrimSuffix(u.Path, "/") {
		return "/"
	}
	return u.RequestURI()
}

// signIn asks how to sign in. People who are signed in already go on.
func (s *server) signIn(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("next"))
	if _, ok := s.Sessions.User(r.Context()); ok && !r.URL.Query().Has("again") {
		return s.redirect(w, r, next)
	}
	return s.signInPage(w, r, http.StatusOK, next, "", false)
}

// A signInPage is GET /sign-in, and the answer to a sign-in that did not work.
type signInPage struct {
	layout
	// Next is the path of ours to come back to.
	Next string
	// Team is the one that was chosen before, nil when none was.
	Team *teamCard
	// OAuth says that this host is registered as an app at Todoist; Token
	// that a personal API token may be used instead. At least one is true.
	OAuth, Token bool
	// Wrong is what went wrong with the last try, as sentences; empty at
	// first. WrongToken says that it was the personal API token.
	Wrong      string
	WrongToken bool
}

func (s *server) signInPage(w http.ResponseWriter, r *http.Request, status int, next, wrong string, token bool) error {
	page := signInPage{layout: s.private(w, r, "Sign in", ""), Next: next, OAuth: s.App != nil, Token: s.AllowToken,
		Wrong: wrong, WrongToken: token}
	page.Private = false
	page.Description = "Sign in with Todoist to put your NBA team’s games into it."
	if u, err := url.Parse(next); err == nil {
		if team, ok := schedule.TeamByCode(u.Query().Get("team")); ok {
			card := cardOf(team)
			page.Team = &card
		}
	}
	return s.pages.render(w, r, status, page)
}

// startSignIn sends the browser to Todoist's page of consent.
func (s *server) startSignIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	return s.authorize(w, r, localPath(r.PostForm.Get("next")), todoist.ScopeReadWrite)
}

// unregistered is the answer to a sign-in with Todoist where there is no app.
func unregistered() error {
	return &problem{Status: http.StatusNotFound, Heading: "This Tipoff is not registered at Todoist",
		Text:   "Whoever runs it has not registered it as an app, so you cannot sign in with Todoist.",
		Advice: "Use a personal API token instead. If you run this Tipoff: tipoff register registers it.", Link: "/sign-in", LinkText: "Sign in with a token"}
}

// authorize begins a sign-in that asks Todoist for scopes and comes back to
// next.
func (s *server) authorize(w http.ResponseWriter, r *http.Request, next string, scopes ...string) error {
	if s.App == nil {
		return unregistered()
	}
	flow, err := s.Sessions.Begin(r.Context(), next, scopes)
	if errors.Is(err, session.ErrTooLong) {
		flow, err = s.Sessions.Begin(r.Context(), "/", scopes)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, s.App.AuthorizeFor(flow.State, flow.Verifier, scopes), http.StatusSeeOther)
	return nil
}

// callback is where Todoist sends the browser back to.
func (s *server) callback(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	query := r.URL.Query()
	// The state is used up by looking, whatever the answer says. Todoist may
	// leave it out with errors, which then change nothing.
	flow, ok := s.Sessions.Finish(r.Context(), query.Get("state"))
	if err := s.Sessions.Err(r.Context()); err != nil {
		return err
	}
	if refusal := query.Get("error"); refusal != "" {
		s.Log.InfoContext(r.Context(), "sign-in refused", "known", ok)
		if _, in := s.Sessions.User(r.Context()); ok && in {
			// Somebody who is signed in was asked for more, and said no to
			// that.
			s.Sessions.Put(r.Context(), refusedKey, refusalSentence(refusal))
			return s.redirect(w, r, localPath(flow.Next))
		}
		return s.signInPage(w, r, http.StatusForbidden, localPath(flow.Next), refusalSentence(refusal), false)
	}
	if !ok || query.Get("code") == "" {
		return &problem{Status: http.StatusBadRequest, Heading: "This sign-in didn’t start here",
			Text: "It started in another browser, was already used, or is more than 15 minutes old. Nobody was signed in.",
			Advice: "Start again. If you run this Tipoff: people have to use it at " + s.PublicURL.String() +
				", because cookies of another address are not seen here.",
			Link: "/sign-in", LinkText: "Sign in"}
	}
	if s.App == nil {
		return unregistered() // there was an app when the sign-in began
	}
	// A visitor who leaves does not cut this off: tokens whose answer is lost
	// cannot be revoked.
	token, err := s.App.Exchange(context.WithoutCancel(r.Context()), query.Get("code"), flow.Verifier)
	if err != nil {
		s.Log.WarnContext(r.Context(), "sign-in failed", "error", err)
		if todoist.Doubtful(err) {
			return &problem{Status: http.StatusBadGateway, Heading: "Todoist did not answer",
				Text: "You approved, but Todoist did not grant access.", Advice: "Start again.",
				Link: "/sign-in?" + url.Values{"next": {flow.Next}}.Encode(), LinkText: "Sign in"}
		}
		return &problem{Status: http.StatusBadRequest, Heading: "Todoist did not accept this sign-in",
			Text: "The code that came with it is old or was used before. Nobody was signed in.", Advice: "Start again.",
			Link: "/sign-in?" + url.Values{"next": {flow.Next}}.Encode(), LinkText: "Sign in"}
	}
	tokens := session.Tokens{Access: token.Access, Refresh: token.Refresh, Scope: token.Scopes}
	if token.Lifetime > 0 {
		tokens.Expires = s.Now().Add(token.Lifetime)
	}
	if len(tokens.Scope) == 0 {
		tokens.Scope = flow.Scopes
	}
	if err := s.completeSignIn(r, tokens, false); err != nil {
		return err
	}
	return s.redirect(w, r, localPath(flow.Next))
}

// refusedKey is where a session has why Todoist gave nothing more, until the
// page that asked has said it.
const refusedKey = "refused"

// refusalSentence is what an error on the way back means.
// https://developer.todoist.com/api/v1/ ("Authorization", errors)
func refusalSentence(code string) string {
	switch code {
	case "access_denied":
		return "Access wasn’t granted. Nothing changed."
	case "invalid_application_status":
		return "Todoist does not let this app sign anybody in at the moment. Whoever runs this Tipoff can see why in Todoist’s app console."
	case "invalid_scope":
		return "Todoist does not give this app what it asks for. Whoever runs this Tipoff should look at its registration."
	case "unsupported_response_type":
		return "Todoist did not understand what Tipoff asked for. Please tell whoever runs this Tipoff."
	}
	return "Todoist ended the sign-in without saying why. Try again in a moment."
}

// signInWithToken signs in with a personal API token.
func (s *server) signInWithToken(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	next, token := localPath(r.PostForm.Get("next")), strings.TrimSpace(r.PostForm.Get("token"))
	if !s.AllowToken {
		return notFound(w, r)
	}
	refuse := func(sentence string) error {
		return s.signInPage(w, r, http.StatusUnprocessableEntity, next, sentence, true)
	}
	if token == "" {
		return refuse("Paste the token here first.")
	}
	if len(token) > 200 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return refuse("This is not a token: it has characters that no token has.")
	}
	err := s.completeSignIn(r, session.Tokens{Access: token, Scope: []string{todoist.ScopeReadWrite, todoist.ScopeDelete, todoist.ScopeDeleteProject}}, true)
	if refused, ok := errors.AsType[*todoist.Error](err); ok && refused.Status < 500 && refused.Status != http.StatusTooManyRequests {
		return refuse("Todoist does not know this token. Copy it once more, without spaces around it.")
	}
	if err != nil {
		return err
	}
	return s.redirect(w, r, next)
}

// completeSignIn asks Todoist whose tokens these are and signs that user in. If it fails,
// the tokens are revoked, except a personal one, which belongs to its owner.
func (s *server) completeSignIn(r *http.Request, t session.Tokens, personal bool) error {
	tries := 0
	c := s.Todoist.As(func(_ context.Context, refused string) (string, error) {
		if tries++; tries > 1 {
			return "", &todoist.Error{Status: http.StatusUnauthorized, Tag: todoist.TagUnauthorized}
		}
		return t.Access, nil
	})
	u, err := c.User(r.Context())
	if err == nil && u.ID == "" {
		err = errors.New("todoist names no user")
	}
	if err != nil {
		if !personal {
			s.Sessions.Discard(r.Context(), t)
		}
		return err
	}
	user := userOf(u)
	user.Personal = personal
	if err := s.Sessions.SignIn(r.Context(), user, t); err != nil {
		return err
	}
	if err := s.Importer.Rows.SignedIn(r.Context(), user.ID); err != nil {
		s.Log.WarnContext(r.Context(), "imports that waited for a sign-in still wait", "error", err)
	}
	return nil
}

// userOf is what a session remembers of an account.
func userOf(u *todoist.User) session.User {
	plan := "Free"
	if u.Premium {
		plan = "Pro"
	}
	return session.User{ID: u.ID, Name: u.Name, Email: u.Email, Zone: u.TZ.Timezone, Clock24: u.TimeFormat == 0,
		DayFirst: u.DateFormat == 0, StartDay: u.StartDay, Plan: plan}
}

func isNotRevoked(err error) bool { return errors.Is(err, session.ErrNotRevoked) }

// signOut ends this session, or all of the user's.
func (s *server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	end := s.Sessions.SignOut
	if r.PostForm.Get("everywhere") == "1" {
		end = s.Sessions.SignOutEverywhere
	}
	said := url.Values{}
	if user, ok := s.Sessions.User(r.Context()); ok && s.AutoUpdate {
		// What cannot be counted is not said; it does not keep anybody signed in.
		if n, err := s.Importer.Rows.CountAuto(r.Context(), user.ID); err == nil && n > 0 {
			said.Set("updating", strconv.Itoa(n))
		}
	}
	return s.endSignIns(w, r, end, said)
}

// endSignIns ends sign-ins and goes to the page that says what that means.
func (s *server) endSignIns(w http.ResponseWriter, r *http.Request, end func(context.Context) error, said url.Values) error {
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	w.Header().Set("Cache-Control", "no-store")
	err := end(r.Context())
	if isNotRevoked(err) {
		return &problem{Status: http.StatusOK, Heading: "You are signed out",
			Text:   "Tipoff has forgotten you. Todoist could not be told yet; Tipoff keeps trying.",
			Advice: "You can also end Tipoff’s access in Todoist’s settings yourself.",
			Link:   todoist.IntegrationsURL, LinkText: "Todoist’s settings"}
	}
	if err != nil {
		return err
	}
	path := "/signed-out"
	if len(said) > 0 {
		path += "?" + said.Encode()
	}
	return s.redirect(w, r, path)
}
