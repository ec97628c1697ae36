package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/httprate"

	"tipoff/importer"
)

// What may be asked for within limitWindow. A household or an office behind one
// address does not come near these; who guesses tokens, fills the store with
// sign-ins that are never finished or sends Tipoff against Todoist does. Each
// process counts for itself.
const (
	limitWindow         = 10 * time.Minute
	signInsPerAddress   = 60
	callbacksPerAddress = 120
	writesPerUser       = 60
	writesPerAddress    = 600
)

// limited lets a key through so often in each window. A demo has no limits: its
// visitors share two accounts, and its Todoist is our own.
func (s *server) limited(often int, key httprate.KeyFunc) func(http.Handler) http.Handler {
	if s.Demo != nil {
		return func(next http.Handler) http.Handler { return next }
	}
	return httprate.LimitBy(often, limitWindow, key,
		httprate.WithResponseHeaders(httprate.ResponseHeaders{}),
		httprate.WithLimitHandler(s.handle(tooManyRequests)))
}

// byAddress counts together what comes from one address, or from one network of
// IPv6, of which a single customer has all.
func (s *server) byAddress(r *http.Request) (string, error) {
	return httprate.CanonicalizeIP(s.addressOf(r)), nil
}

// byUser counts together what one user asks for, wherever from.
func (s *server) byUser(r *http.Request) (string, error) {
	if user, ok := s.Sessions.User(r.Context()); ok {
		return "user " + user.ID, nil
	}
	return s.byAddress(r)
}

func tooManyRequests(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Retry-After", strconv.Itoa(int(limitWindow.Seconds())))
	return &problem{Status: http.StatusTooManyRequests, Heading: "Too many requests",
		Text:   "Tipoff limits how often one person or one network can try. Nothing was done.",
		Advice: waitSentence(limitWindow), Link: "/", LinkText: "All teams"}
}

// inTurn makes the pages of one user for which their account is read one after
// the other, since each may take as much memory as the account is large. A demo's
// visitors share two accounts, which are small.
func (s *server) inTurn(h func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		user, ok := s.Sessions.User(r.Context())
		if !ok || s.Demo != nil {
			return h(w, r)
		}
		end, err := s.Importer.Turn(r.Context(), user.ID)
		if errors.Is(err, importer.ErrBusy) {
			w.Header().Set("Retry-After", "10")
			return &problem{Status: http.StatusTooManyRequests, Heading: "Too many requests",
				Text:   "Tipoff is already loading several of your pages, and reads your Todoist for one at a time.",
				Advice: "Wait until they have loaded, then reload this page."}
		}
		if err != nil {
			return err
		}
		defer end()
		return h(w, r)
	}
}
