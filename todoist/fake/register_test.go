package fake_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

func TestAnAppRegistersItself(t *testing.T) {
	w := newWorld(t)
	r := w.request("POST", "/oauth/register", "", obj{"redirect_uris": []string{"https://example.com/cb"}, "client_name": "Other", "token_endpoint_auth_method": "none"})
	got := r.object(t)
	id, _ := got["client_id"].(string)
	if r.status != 201 || !strings.HasPrefix(id, "tdd_") || got["client_secret"] != nil || got["scope"] != "data:read_write" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	// A public client must send a challenge and its verifier.
	good := url.Values{"client_id": {id}, "redirect_uri": {"https://example.com/cb"}}
	if to, _ := w.s.Consent(authorizeURL(good), w.pro); !strings.Contains(to, "error=invalid_request") {
		t.Errorf("without a challenge: %s", to)
	}
	sum := sha256.Sum256([]byte("verifier"))
	good.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
	good.Set("code_challenge_method", "S256")
	_, tokens := w.token(url.Values{"client_id": {id}, "code": {w.code(good)}, "code_verifier": {"verifier"}})
	if tokens["access_token"] == nil {
		t.Errorf("the exchange: %v", tokens)
	}

	r = w.request("POST", "/oauth/register", "", obj{"redirect_uris": []string{"http://localhost:3000/cb"}})
	if got := r.object(t); r.status != 201 || got["client_secret"] == nil || got["client_secret_expires_at"] != 0.0 {
		t.Errorf("%d %s", r.status, r.body)
	}
	for name, tt := range map[string]struct {
		body obj
		want string
	}{
		"no redirect":        {obj{}, "invalid_client_metadata"},
		"a plain http one":   {obj{"redirect_uris": []string{"http://example.com/"}}, "invalid_client_metadata"},
		"an unknown scope":   {obj{"redirect_uris": []string{"https://example.com/"}, "scope": "data:read,data:delete"}, "invalid_scope"},
		"no code grant":      {obj{"redirect_uris": []string{"https://example.com/"}, "grant_types": []string{"refresh_token"}}, "invalid_client_metadata"},
		"an unknown method":  {obj{"redirect_uris": []string{"https://example.com/"}, "token_endpoint_auth_method": "x"}, "invalid_client_metadata"},
		"a URI far too long": {obj{"redirect_uris": []string{"https://example.com/" + strings.Repeat("x", 512)}}, "invalid_client_metadata"},
	} {
		if r := w.request("POST", "/oauth/register", "", tt.body); r.status != 400 || r.object(t)["error"] != tt.want {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}
