package fake

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
)

const maxClients = 1000

// A client is a registered app. A public one has no secret.
type client struct {
	id, secret, name string
	redirectURIs     []string
	authMethod       string
}

// A registration is what an app says of itself.
type registration struct {
	RedirectURIs  []string `json:"redirect_uris"`
	ClientName    string   `json:"client_name"`
	ClientURI     string   `json:"client_uri"`
	LogoURI       string   `json:"logo_uri"`
	Scope         string   `json:"scope"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
}

// complete fills in what the app left out. It returns a refusal when something
// that the app did say is wrong.
func (in *registration) complete() *answer {
	if len(in.RedirectURIs) == 0 || len(in.RedirectURIs) > 10 {
		return badRegistration("invalid_client_metadata", "one to ten redirect_uris are needed")
	}
	for _, uri := range in.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || len(uri) > 512 || u.Host == "" || u.Fragment != "" ||
			u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return badRegistration("invalid_client_metadata", "a redirect URI must be https, or http on localhost")
		}
	}
	if in.Scope == "" {
		in.Scope = "data:read_write"
	}
	if _, ok := splitScopes(in.Scope, " "); !ok {
		return badRegistration("invalid_scope", "an unknown scope")
	}
	if in.GrantTypes == nil {
		in.GrantTypes = []string{"authorization_code"}
	}
	if !slices.Contains(in.GrantTypes, "authorization_code") {
		return badRegistration("invalid_client_metadata", "grant_types must contain authorization_code")
	}
	if in.ResponseTypes == nil {
		in.ResponseTypes = []string{"code"}
	}
	if in.AuthMethod == "" {
		in.AuthMethod = "client_secret_post"
	}
	if !slices.Contains([]string{"client_secret_post", "client_secret_basic", "none"}, in.AuthMethod) {
		return badRegistration("invalid_client_metadata", "an unknown token_endpoint_auth_method")
	}
	if in.ClientName == "" {
		in.ClientName = "An app without a name"
	}
	return nil
}

func badRegistration(text, why string) *answer {
	a := jsonAnswer(http.StatusBadRequest, map[string]string{"error": text, "error_description": why})
	return &a
}

// register is dynamic client registration (RFC 7591), open to everybody.
func (s *Server) register(c *call) answer {
	var in registration
	if c.big || json.Unmarshal(c.body, &in) != nil {
		return *badRegistration("invalid_client_metadata", "the body is not JSON")
	}
	if refusal := in.complete(); refusal != nil {
		return *refusal
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
