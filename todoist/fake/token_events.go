package fake

import (
	"slices"
	"time"
)

const maxEvents = 4096

// A TokenEvent is something that happened to tokens. It never holds one.
type TokenEvent struct {
	Time    time.Time
	Kind    TokenEventKind
	Account string // user id, where it is known
	Client  string // client id, where it is known
	Reason  string // of a refusal: the error that was answered
}

// A TokenEventKind says what happened.
type TokenEventKind string

const (
	Granted         TokenEventKind = "granted"           // a person pressed Allow
	Denied          TokenEventKind = "denied"            // a person pressed Deny
	Exchanged       TokenEventKind = "exchanged"         // a code became tokens
	Refreshed       TokenEventKind = "refreshed"         // a refresh token was used for the first time
	ReplayedInGrace TokenEventKind = "replayed in grace" // and again within a minute
	ReplayedLate    TokenEventKind = "replayed late"     // and again later: all of the user's tokens ended
	Revoked         TokenEventKind = "revoked"           // the client ended a token
	TokenRefused    TokenEventKind = "refused"           // the token endpoint said no
)

func (s *Server) event(kind TokenEventKind, account *Account, c *client, reason string) {
	e := TokenEvent{Time: s.cfg.Now(), Kind: kind, Reason: reason}
	if account != nil {
		e.Account = account.profile.ID
	}
	if c != nil {
		e.Client = c.id
	}
	if len(s.events) >= maxEvents {
		s.events = slices.Delete(s.events, 0, maxEvents/4)
	}
	s.events = append(s.events, e)
}

// TokenEvents lists what happened to tokens, oldest first.
func (s *Server) TokenEvents() []TokenEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// CountTokenEvents counts what happened of one kind.
func (s *Server) CountTokenEvents(kind TokenEventKind) int {
	n := 0
	for _, e := range s.TokenEvents() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
