package fake

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tokenError is a refusal of the token endpoint. The status of these is not
// documented; OAuth's own are used.
func (s *Server) tokenError(account *Account, c *client, status int, text string) answer {
	s.event(TokenRefused, account, c, text)
	a := jsonAnswer(status, map[string]string{"error": text})
	a.header = http.Header{"Cache-Control": {"no-store"}}
	return a
}

var errClient = errors.New("wrong client credentials")

// authenticate finds the client by the credentials in the body or in a Basic
// header. The server's mutex must be held.
func (s *Server) authenticate(r *http.Request, f url.Values) (*client, error) {
	id, given := f.Get("client_id"), f.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		// RFC 6749 has both form-encoded inside the header; the SDK sends them
		// as they are. Ids and secrets of ours read the same either way.
		id, _ = url.QueryUnescape(user)
		given, _ = url.QueryUnescape(password)
	}
	c := s.clients[id]
	if c == nil || subtle.ConstantTimeCompare([]byte(c.secret), []byte(given)) != 1 {
		return nil, errClient
	}
	return c, nil
}

// token is the token endpoint: codes and refresh tokens become access tokens.
func (s *Server) token(c *call) answer {
	f, ok := c.fields()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		return s.tokenError(nil, nil, http.StatusBadRequest, "invalid_request")
	}
	switch f.Get("grant_type") {
	case "", "authorization_code":
		return s.exchange(c, f)
	case "refresh_token":
		return s.refreshAccess(c, f)
	}
	return s.tokenError(nil, nil, http.StatusBadRequest, "unsupported_grant_type")
}

func (s *Server) exchange(c *call, f url.Values) answer {
	app, err := s.authenticate(c.r, f)
	if err != nil {
		return s.tokenError(nil, nil, http.StatusBadRequest, "incorrect_application_credentials")
	}
	given := s.codes[f.Get("code")]
	if given == nil || given.client != app || c.now.After(given.expires) {
		return s.tokenError(nil, app, http.StatusBadRequest, "bad_authorization_code")
	}
	// A code is spent by its first use, also by one that fails.
	delete(s.codes, f.Get("code"))
	if to := f.Get("redirect_uri"); to != "" && to != given.redirectURI {
		return s.tokenError(given.account, app, http.StatusBadRequest, "redirect_uri_mismatch")
	}
	if given.challenge != "" {
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(given.challenge)) != 1 {
			return s.tokenError(given.account, app, http.StatusBadRequest, "bad_authorization_code")
		}
	}
	s.event(Exchanged, given.account, app, "")
	g := &grant{client: app, account: given.account, scopes: given.scopes}
	access, refresh, lifetime := s.issue(g, given.scopes, c.now)
	return tokenAnswer(access, refresh, lifetime, given.scopes)
}

func (s *Server) refreshAccess(c *call, f url.Values) answer {
	app, err := s.authenticate(c.r, f)
	if err != nil {
		return s.tokenError(nil, nil, http.StatusUnauthorized, "invalid_client")
	}
	t := s.refresh[f.Get("refresh_token")]
	if t == nil || t.client != app || t.ended {
		return s.tokenError(nil, app, http.StatusBadRequest, "invalid_grant")
	}
	if !t.used.IsZero() {
		replacement := s.access[t.replacement]
		switch {
		case c.now.Sub(t.used) > refreshGrace:
			s.event(ReplayedLate, t.account, app, "")
			s.endAll(t.account, app)
		case replacement != nil && !replacement.ended && c.now.Before(replacement.expires):
			s.event(ReplayedInGrace, t.account, app, "")
			return tokenAnswer(t.replacement, "", replacement.expires.Sub(c.now), replacement.scopes)
		}
		return s.tokenError(t.account, app, http.StatusBadRequest, "invalid_grant")
	}
	scopes := t.grant.scopes
	if text := f.Get("scope"); text != "" {
		asked, ok := splitScopes(text, ",")
		for _, one := range asked {
			ok = ok && slices.Contains(scopes, one)
		}
		if !ok {
			return s.tokenError(t.account, app, http.StatusBadRequest, "invalid_scope")
		}
		scopes = asked
	}
	access, refresh, lifetime := s.issue(t.grant, scopes, c.now)
	t.used, t.replacement = c.now, access
	s.event(Refreshed, t.account, app, "")
	return tokenAnswer(access, refresh, lifetime, scopes)
}

func tokenAnswer(access, refresh string, lifetime time.Duration, scopes []string) answer {
	a := jsonAnswer(http.StatusOK, struct {
		AccessToken  string `json:"access_token"`
		TokenType    string `json:"token_type"`
		ExpiresIn    int    `json:"expires_in"`
		RefreshToken string `json:"refresh_token,omitempty"`
		Scope        string `json:"scope"`
	}{access, "Bearer", int(lifetime.Seconds()), refresh, strings.Join(scopes, " ")})
	a.header = http.Header{"Cache-Control": {"no-store"}}
	return a
}

// revoke ends a token (RFC 7009). An unknown one is as good as ended.
func (s *Server) revoke(c *call) answer {
	f, ok := c.fields()
	if !ok || f.Get("token") == "" {
		return refused(missingArgument("token"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	app, err := s.authenticate(c.r, f)
	if err != nil || app.authMethod == "none" {
		return s.tokenError(nil, nil, http.StatusUnauthorized, "invalid_client")
	}
	s.end(f.Get("token"), app)
	return answer{status: http.StatusOK, body: []byte("null")}
}

// deleteAccessToken is Todoist's own way to revoke, with all in the query.
func (s *Server) deleteAccessToken(c *call) answer {
	q := c.r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.clients[q.Get("client_id")]
	if app == nil || app.secret == "" || subtle.ConstantTimeCompare([]byte(app.secret), []byte(q.Get("client_secret"))) != 1 {
		return refused(forbidden("wrong client credentials"))
	}
	if q.Get("access_token") == "" {
		return refused(missingArgument("access_token"))
	}
	s.end(q.Get("access_token"), app)
	return answer{status: http.StatusOK, body: []byte("null")}
}

// end revokes a token of the app's.
func (s *Server) end(token string, app *client) {
	if t := s.refresh[token]; t != nil && t.client == app {
		s.event(Revoked, t.account, app, "")
		t.ended = true
	}
	if t := s.access[token]; t != nil && t.client == app {
		s.event(Revoked, t.account, app, "")
		if s.switches.RevokeEndsGrant {
			t.ended = true
		}
		delete(s.access, token)
	}
}
