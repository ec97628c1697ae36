package fake_test

import "testing"

func TestTheServerDescribesItself(t *testing.T) {
	w := newWorld(t)
	got := w.request("GET", "/.well-known/oauth-authorization-server", "", nil).object(t)
	for name, want := range map[string]string{
		"issuer":                 "http://example.com",
		"authorization_endpoint": "http://example.com/oauth/authorize",
		"token_endpoint":         "http://example.com/oauth/access_token",
		"registration_endpoint":  "http://example.com/oauth/register",
		"revocation_endpoint":    "http://example.com/api/v1/revoke",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %s", name, got[name], want)
		}
	}
	if got := w.request("GET", "/.well-known/oauth-protected-resource", "", nil).object(t); got["resource"] != "http://example.com/api/v1" {
		t.Errorf("the resource is %v", got)
	}
}
