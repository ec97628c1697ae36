package fake

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeLifetime is how long an authorization code can be exchanged. The
// documentation says only that it is short.
const codeLifetime = 5 * time.Minute

type code struct {
	client      *client
	account     *Account
	scopes      []string
	redirectURI string
	challenge   string
	expires     time.Time
}

// An authorization is a request to /oauth/authorize that may be shown to a
// person.
type authorization struct {
	client      *client
	redirectURI string
	state       string
	scopes      []string
	challenge   string
}

// readAuthorization judges the parameters. Where the redirect URI is good, a
// refusal is a redirect to it; where not, it is shown to the browser as JSON.
func (s *Server) readAuthorization(q url.Values) (*authorization, *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	show := func(text string) (*authorization, *answer) {
		a := jsonAnswer(http.StatusBadRequest, map[string]string{"error": text})
		return nil, &a
	}
	c := s.clients[q.Get("client_id")]
	if c == nil {
		return show("invalid_client")
	}
	a := &authorization{client: c, state: q.Get("state"), redirectURI: q.Get("redirect_uri")}
	switch {
	case a.redirectURI == "" && len(c.redirectURIs) == 1:
		a.redirectURI = c.redirectURIs[0]
	case a.redirectURI == "":
		return show("invalid_request")
	case !slices.Contains(c.redirectURIs, a.redirectURI):
		return show("Redirect URI not configured")
	}
	back := func(text string) (*authorization, *answer) {
		to := answer{status: http.StatusFound, header: http.Header{"Location": {a.errorRedirect(text, !s.switches.ErrorsWithoutState)}}}
		return nil, &to
	}
	if s.switches.InvalidApplicationStatus {
		return back("invalid_application_status")
	}
	if t := q.Get("response_type"); t != "" && t != "code" {
		return back("unsupported_response_type")
	}
	scopes, ok := splitScopes(q.Get("scope"), ",")
	if !ok {
		return back("invalid_scope")
	}
	a.scopes = scopes
	a.challenge = q.Get("code_challenge")
	if method := q.Get("code_challenge_method"); a.challenge != "" && method != "S256" ||
		a.challenge == "" && (method != "" || c.authMethod == "none") {
		return back("invalid_request")
	}
	return a, nil
}

// errorRedirect is where the browser goes with a refusal.
func (a *authorization) errorRedirect(text string, withState bool) string {
	q := url.Values{"error": {text}}
	if withState && a.state != "" {
		q.Set("state", a.state)
	}
	return withQuery(a.redirectURI, q)
}

func withQuery(address string, q url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + q.Encode()
}

// grantCode is what Allow does: where the browser goes with its new code.
func (s *Server) grantCode(a *authorization, account *Account) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	maps.DeleteFunc(s.codes, func(_ string, c *code) bool { return now.After(c.expires) })
	text := secret()
	s.codes[text] = &code{
		client: a.client, account: account, scopes: a.scopes, redirectURI: a.redirectURI,
		challenge: a.challenge, expires: now.Add(codeLifetime),
	}
	s.event(Granted, account, a.client, "")
	q := url.Values{"code": {text}}
	if a.state != "" {
		q.Set("state", a.state)
	}
	return withQuery(a.redirectURI, q)
}

// denyCode is what Deny does.
func (s *Server) denyCode(a *authorization) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.event(Denied, nil, a.client, "")
	return a.errorRedirect("access_denied", !s.switches.ErrorsWithoutState)
}

// Consent plays the person on the consent page that authorizeURL leads to, who
// presses Allow as the account or, when it is nil, Deny. It returns where the
// browser goes next; a request that never gets as far as the page is an error
// unless it is redirected.
func (s *Server) Consent(authorizeURL string, as *Account) (redirect string, err error) {
	u, err := url.Parse(authorizeURL)
	if err != nil {
		return "", fmt.Errorf("read the authorize URL: %w", err)
	}
	a, refusal := s.readAuthorization(u.Query())
	if refusal != nil {
		if to := refusal.header.Get("Location"); to != "" {
			return to, nil
		}
		return "", fmt.Errorf("authorize: %d %s", refusal.status, refusal.body)
	}
	if as == nil {
		return s.denyCode(a), nil
	}
	return s.grantCode(a, as), nil
}
