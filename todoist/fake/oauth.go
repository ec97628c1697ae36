package fake

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// codeLifetime is how long an authorization code can be exchanged. The
	// documentation says only that it is short.
	codeLifetime = 5 * time.Minute

	// refreshGrace is how long a used refresh token still answers with its
	// replacement; later it counts as stolen.
	refreshGrace = time.Minute

	// legacyLifetime is the ten years that apps without refresh tokens get.
	legacyLifetime = 315360000 * time.Second

	maxClients = 1000
	maxEvents  = 4096
)

// A scope is a right that a call needs.
type scope int

const (
	anyScope scope = iota
	addTasks
	read
	write
	deleteData
	deleteProjects
)

// knownScopes are the scopes that an app may ask for, in their order on the
// consent page.
func knownScopes() []string {
	return []string{"task:add", "data:read", "data:read_write", "data:delete", "project:delete",
		"backups:read", "billing:read", "billing:read_write", "dev:app_console"}
}

// allow reports whether the granted scopes contain the right that is needed.
func allow(granted []string, need scope) bool {
	for _, g := range granted {
		switch {
		case need == anyScope,
			need == addTasks && (g == "task:add" || g == "data:read_write"),
			need == read && (g == "data:read" || g == "data:read_write"),
			need == write && g == "data:read_write",
			need == deleteData && g == "data:delete",
			need == deleteProjects && g == "project:delete":
			return true
		}
	}
	return false
}

// A client is a registered app. A public one has no secret.
type client struct {
	id, secret, name string
	redirectURIs     []string
	authMethod       string
}

type code struct {
	client      *client
	account     *Account
	scopes      []string
	redirectURI string
	challenge   string
	expires     time.Time
}

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

// splitScopes reads a list of scopes; it must not be empty and all of them
// must be known.
func splitScopes(text, separator string) ([]string, bool) {
	scopes := strings.Split(text, separator)
	for _, s := range scopes {
		if !slices.Contains(knownScopes(), s) {
			return nil, false
		}
	}
	return scopes, true
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

// register is dynamic client registration (RFC 7591), open to everybody.
func (s *Server) register(c *call) answer {
	bad := func(text, why string) answer {
		return jsonAnswer(http.StatusBadRequest, map[string]string{"error": text, "error_description": why})
	}
	var in struct {
		RedirectURIs  []string `json:"redirect_uris"`
		ClientName    string   `json:"client_name"`
		ClientURI     string   `json:"client_uri"`
		LogoURI       string   `json:"logo_uri"`
		Scope         string   `json:"scope"`
		GrantTypes    []string `json:"grant_types"`
		ResponseTypes []string `json:"response_types"`
		AuthMethod    string   `json:"token_endpoint_auth_method"`
	}
	if c.big || json.Unmarshal(c.body, &in) != nil {
		return bad("invalid_client_metadata", "the body is not JSON")
	}
	if len(in.RedirectURIs) == 0 || len(in.RedirectURIs) > 10 {
		return bad("invalid_client_metadata", "one to ten redirect_uris are needed")
	}
	for _, uri := range in.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || len(uri) > 512 || u.Host == "" || u.Fragment != "" ||
			u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return bad("invalid_client_metadata", "a redirect URI must be https, or http on localhost")
		}
	}
	if in.Scope == "" {
		in.Scope = "data:read_write"
	}
	if _, ok := splitScopes(in.Scope, " "); !ok {
		return bad("invalid_scope", "an unknown scope")
	}
	if in.GrantTypes == nil {
		in.GrantTypes = []string{"authorization_code"}
	}
	if !slices.Contains(in.GrantTypes, "authorization_code") {
		return bad("invalid_client_metadata", "grant_types must contain authorization_code")
	}
	if in.ResponseTypes == nil {
		in.ResponseTypes = []string{"code"}
	}
	if in.AuthMethod == "" {
		in.AuthMethod = "client_secret_post"
	}
	if !slices.Contains([]string{"client_secret_post", "client_secret_basic", "none"}, in.AuthMethod) {
		return bad("invalid_client_metadata", "an unknown token_endpoint_auth_method")
	}
	if in.ClientName == "" {
		in.ClientName = "An app without a name"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients) >= maxClients {
		return refused(tooManyRequests(3600))
	}
	made := &client{id: "tdd_" + secret()[:32], name: in.ClientName, redirectURIs: in.RedirectURIs, authMethod: in.AuthMethod}
	out := map[string]any{
		"client_id": made.id, "client_id_issued_at": c.now.Unix(), "client_name": in.ClientName,
		"redirect_uris": in.RedirectURIs, "scope": in.Scope, "grant_types": in.GrantTypes,
		"response_types": in.ResponseTypes, "token_endpoint_auth_method": in.AuthMethod,
	}
	if in.AuthMethod != "none" {
		made.secret = secret()
		out["client_secret"], out["client_secret_expires_at"] = made.secret, 0
	}
	for k, v := range map[string]string{"client_uri": in.ClientURI, "logo_uri": in.LogoURI} {
		if v != "" {
			out[k] = v
		}
	}
	s.clients[made.id] = made
	return jsonAnswer(http.StatusCreated, out)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *Server) authorizationServer(c *call) answer {
	base := baseURL(c.r) + s.cfg.PublicPath
	return jsonAnswer(http.StatusOK, map[string]any{
		"issuer":                                base,
		"authorization_endpoint":                base + "/oauth/authorize",
		"token_endpoint":                        base + "/oauth/access_token",
		"registration_endpoint":                 base + "/oauth/register",
		"revocation_endpoint":                   base + "/api/v1/revoke",
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "none"},
		"scopes_supported":                      knownScopes(),
	})
}

func (s *Server) protectedResource(c *call) answer {
	base := baseURL(c.r) + s.cfg.PublicPath
	return jsonAnswer(http.StatusOK, map[string]any{
		"resource":                 base + "/api/v1",
		"authorization_servers":    []string{base},
		"bearer_methods_supported": []string{"header"},
		"scopes_supported":         knownScopes(),
	})
}
