package fake

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/http"
	"strings"
	"time"
)

const (
	// refreshGrace is how long a used refresh token still answers with its
	// replacement; later it counts as stolen.
	refreshGrace = time.Minute

	// legacyLifetime is the ten years that apps without refresh tokens get.
	legacyLifetime = 315360000 * time.Second
)

// A grant is what one exchange of a code began: a chain of tokens that can be
// ended together.
type grant struct {
	client  *client
	account *Account
	scopes  []string
	ended   bool
}

type accessToken struct {
	*grant
	scopes  []string
	expires time.Time
}

type refreshToken struct {
	*grant
	used        time.Time // when it was first used; zero while it is good
	replacement string    // the access token that its use gave out
}

// A bearer is whose token a request carries and what it may do.
type bearer struct {
	account *Account
	scopes  []string
}

// bearer finds the request's token. The server's mutex must be held.
func (s *Server) bearer(r *http.Request, now time.Time) (bearer, bool) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") || token == "" {
		return bearer{}, false
	}
	if a := s.byToken[token]; a != nil {
		return bearer{a, knownScopes()}, true
	}
	t := s.access[token]
	if t == nil || t.ended || !now.Before(t.expires) {
		return bearer{}, false
	}
	return bearer{t.account, t.scopes}, true
}

// LiveTokens counts the account's access and refresh tokens that still work.
func (s *Server) LiveTokens(a *Account) (access, refresh int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for _, t := range s.access {
		if t.account == a && !t.ended && now.Before(t.expires) {
			access++
		}
	}
	for _, t := range s.refresh {
		if t.account == a && !t.ended && t.used.IsZero() {
			refresh++
		}
	}
	return access, refresh
}

// IssueTokens gives out a pair of tokens for the configured app without the
// pages, with the scopes named or else data:read_write.
func (s *Server) IssueTokens(a *Account, scopes ...string) (access, refresh string) {
	if len(scopes) == 0 {
		scopes = []string{"data:read_write"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[s.cfg.ClientID]
	if c == nil {
		panic("fake: tokens for an app that is not configured")
	}
	access, refresh, _ = s.issue(&grant{client: c, account: a, scopes: scopes}, scopes, s.cfg.Now())
	return access, refresh
}

// ExpireAccess lets all access tokens of the account expire now; its refresh
// tokens stay good.
func (s *Server) ExpireAccess(a *Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for _, t := range s.access {
		if t.account == a && t.expires.After(now) {
			t.expires = now
		}
	}
}

// RevokeAll ends all tokens of the account, as its owner does who removes the
// app from the list of integrations.
func (s *Server) RevokeAll(a *Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endAll(a, nil)
}

// endAll ends the account's grants to one client, or to all when it is nil.
func (s *Server) endAll(a *Account, c *client) {
	for _, t := range s.access {
		if t.account == a && (c == nil || t.client == c) {
			t.ended = true
		}
	}
	for _, t := range s.refresh {
		if t.account == a && (c == nil || t.client == c) {
			t.ended = true
		}
	}
}

// issue makes the tokens of a grant. There is no refresh token for legacy apps.
func (s *Server) issue(g *grant, scopes []string, now time.Time) (access, refresh string, lifetime time.Duration) {
	s.sweepTokens(now)
	lifetime = s.cfg.AccessLifetime
	if s.switches.LegacyTokens {
		lifetime = legacyLifetime
	} else {
		refresh = secret()
		s.refresh[refresh] = &refreshToken{grant: g}
	}
	access = secret()
	s.access[access] = &accessToken{grant: g, scopes: scopes, expires: now.Add(lifetime)}
	return access, refresh, lifetime
}

// sweepTokens forgets, a few times an hour, the tokens that can never work
// again and whose replay means nothing anymore.
func (s *Server) sweepTokens(now time.Time) {
	if now.Sub(s.swept) < 10*time.Minute {
		return
	}
	s.swept = now
	maps.DeleteFunc(s.access, func(_ string, t *accessToken) bool { return t.ended || now.Sub(t.expires) > time.Hour })
	maps.DeleteFunc(s.refresh, func(_ string, t *refreshToken) bool {
		return t.ended || !t.used.IsZero() && now.Sub(t.used) > 24*time.Hour
	})
}

// secret is a new token: 40 hexadecimal digits.
func secret() string {
	var b [20]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
