package fake

import "net/http"

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
