package fake_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// exchange is the fields of a good exchange with some changed.
func exchange(code string, change url.Values) url.Values {
	f := url.Values{"client_id": {"client"}, "client_secret": {"client-secret"}, "code": {code}, "redirect_uri": {redirectURI}, "grant_type": {"authorization_code"}}
	for k, v := range change {
		f[k] = v
		if v[0] == "" {
			f.Del(k)
		}
	}
	return f
}

func refreshing(token string) url.Values {
	return url.Values{"client_id": {"client"}, "client_secret": {"client-secret"}, "grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// token posts to the token endpoint.
func (w *world) token(body any) (reply, map[string]any) {
	w.t.Helper()
	r := w.request("POST", "/oauth/access_token", "", body)
	return r, r.object(w.t)
}

func (w *world) works(token string) bool {
	return w.request("GET", "/api/v1/user", token, nil).status == http.StatusOK
}

func TestACodeIsExchangedByFormAndByJSON(t *testing.T) {
	basic := func(w *world, body url.Values) reply {
		r := httptest.NewRequest("POST", "/oauth/access_token", strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("client", "client-secret")
		return w.serve(r)
	}
	for name, send := range map[string]func(*world, string) reply{
		"form": func(w *world, code string) reply {
			return w.request("POST", "/oauth/access_token", "", exchange(code, nil))
		},
		"JSON as the SDK sends it": func(w *world, code string) reply {
			return w.request("POST", "/oauth/access_token", "", obj{"client_id": "client", "client_secret": "client-secret", "code": code})
		},
		"Basic": func(w *world, code string) reply {
			return basic(w, url.Values{"code": {code}, "grant_type": {"authorization_code"}, "redirect_uri": {redirectURI}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := send(w, w.code(url.Values{"scope": {"data:read_write,data:delete"}}))
			got := r.object(t)
			if r.status != 200 || got["token_type"] != "Bearer" || got["expires_in"] != 3600.0 || got["refresh_token"] == nil || got["scope"] != "data:read_write data:delete" {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if r.header.Get("Cache-Control") != "no-store" {
				t.Error("the tokens may be cached")
			}
			if token := got["access_token"].(string); len(token) != 40 || !w.works(token) {
				t.Errorf("the token %q does not work", token)
			}
		})
	}
}

func TestBadExchangesAreRefused(t *testing.T) {
	verifier := strings.Repeat("v", 64)
	sum := sha256.Sum256([]byte(verifier))
	challenged := url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	tests := map[string]struct {
		authorize url.Values
		change    url.Values
		wait      time.Duration
		want      string
	}{
		"a good one":                             {want: ""},
		"no redirect URI, as the SDK sends it":   {change: url.Values{"redirect_uri": {""}}},
		"another redirect URI":                   {change: url.Values{"redirect_uri": {"https://example.com"}}, want: "redirect_uri_mismatch"},
		"a wrong secret":                         {change: url.Values{"client_secret": {"x"}}, want: "incorrect_application_credentials"},
		"no secret":                              {change: url.Values{"client_secret": {""}}, want: "incorrect_application_credentials"},
		"an unknown client":                      {change: url.Values{"client_id": {"x"}}, want: "incorrect_application_credentials"},
		"an unknown code":                        {change: url.Values{"code": {"x"}}, want: "bad_authorization_code"},
		"no code":                                {change: url.Values{"code": {""}}, want: "bad_authorization_code"},
		"a code that is too old":                 {wait: 5*time.Minute + time.Second, want: "bad_authorization_code"},
		"the right verifier":                     {authorize: challenged, change: url.Values{"code_verifier": {verifier}}},
		"a wrong verifier":                       {authorize: challenged, change: url.Values{"code_verifier": {"x"}}, want: "bad_authorization_code"},
		"no verifier where a challenge was sent": {authorize: challenged, want: "bad_authorization_code"},
		"another grant type":                     {change: url.Values{"grant_type": {"password"}}, want: "unsupported_grant_type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			code := w.code(tt.authorize)
			w.advance(tt.wait)
			r, got := w.token(exchange(code, tt.change))
			if tt.want == "" {
				if r.status != 200 {
					t.Errorf("refused: %s", r.body)
				}
				return
			}
			if r.status != 400 || got["error"] != tt.want {
				t.Errorf("got %d %s, want %s", r.status, r.body, tt.want)
			}
			if w.s.CountTokenEvents(fake.TokenRefused) != 1 {
				t.Error("the refusal is not on record")
			}
		})
	}
}

func TestACodeWorksOnce(t *testing.T) {
	w := newWorld(t)
	code := w.code(nil)
	w.token(exchange(code, nil))
	if r, got := w.token(exchange(code, nil)); r.status != 400 || got["error"] != "bad_authorization_code" {
		t.Errorf("got %d %s", r.status, r.body)
	}
	failed := w.code(nil)
	w.token(exchange(failed, url.Values{"redirect_uri": {"https://example.com"}}))
	if r, _ := w.token(exchange(failed, nil)); r.status != 400 {
		t.Error("a code works after it failed")
	}
}

func TestARefreshRotates(t *testing.T) {
	w := newWorld(t)
	access, refresh := w.s.IssueTokens(w.pro)
	_, got := w.token(refreshing(refresh))
	if got["access_token"] == access || got["refresh_token"] == refresh || got["refresh_token"] == nil || got["expires_in"] != 3600.0 {
		t.Errorf("got %v", got)
	}
	if !w.works(got["access_token"].(string)) {
		t.Error("the new token does not work")
	}
	if n := w.s.CountTokenEvents(fake.Refreshed); n != 1 {
		t.Errorf("%d refreshes on record", n)
	}
	_, byJSON := w.token(obj{"client_id": "client", "client_secret": "client-secret", "grant_type": "refresh_token", "refresh_token": got["refresh_token"]})
	if byJSON["refresh_token"] == nil {
		t.Errorf("JSON: %v", byJSON)
	}
}

func TestAReplayedRefreshTokenIsForgivenForAMinute(t *testing.T) {
	w := newWorld(t)
	_, refresh := w.s.IssueTokens(w.pro)
	_, first := w.token(refreshing(refresh))
	w.advance(time.Minute)
	r, again := w.token(refreshing(refresh))
	if r.status != 200 || again["access_token"] != first["access_token"] || again["expires_in"] != 3540.0 {
		t.Errorf("got %s", r.body)
	}
	if _, ok := again["refresh_token"]; ok {
		t.Error("the answer has a refresh token")
	}
	if n := w.s.CountTokenEvents(fake.ReplayedInGrace); n != 1 {
		t.Errorf("%d replays on record", n)
	}
	if _, next := w.token(refreshing(first["refresh_token"].(string))); next["refresh_token"] == nil {
		t.Error("the newer refresh token stopped working")
	}
}

func TestAReplayAfterTheGraceEndsAllTokensOfTheUser(t *testing.T) {
	w := newWorld(t)
	access, refresh := w.s.IssueTokens(w.pro)
	other, _ := w.s.IssueTokens(w.pro)
	bystander, _ := w.s.IssueTokens(w.free)
	_, first := w.token(refreshing(refresh))
	w.advance(time.Minute + time.Second)
	if r, got := w.token(refreshing(refresh)); r.status != 400 || got["error"] != "invalid_grant" {
		t.Errorf("got %d %s", r.status, r.body)
	}
	for _, token := range []string{access, other, first["access_token"].(string)} {
		if w.works(token) {
			t.Error("a token of the user still works")
		}
	}
	if _, got := w.token(refreshing(first["refresh_token"].(string))); got["error"] != "invalid_grant" {
		t.Error("the replacement can still be refreshed")
	}
	if a, r := w.s.LiveTokens(w.pro); a != 0 || r != 0 {
		t.Errorf("%d access and %d refresh tokens live", a, r)
	}
	if !w.works(bystander) {
		t.Error("another user's token ended too")
	}
	if n := w.s.CountTokenEvents(fake.ReplayedLate); n != 1 {
		t.Errorf("%d late replays on record", n)
	}
}

func TestBadRefreshesAreRefused(t *testing.T) {
	tests := map[string]struct {
		change url.Values
		want   string
		status int
	}{
		"an unknown token":     {url.Values{"refresh_token": {"x"}}, "invalid_grant", 400},
		"no token":             {url.Values{"refresh_token": {""}}, "invalid_grant", 400},
		"a wrong secret":       {url.Values{"client_secret": {"x"}}, "invalid_client", 401},
		"more than was given":  {url.Values{"scope": {"data:read_write,data:delete"}}, "invalid_scope", 400},
		"an unknown scope":     {url.Values{"scope": {"x"}}, "invalid_scope", 400},
		"another grant type":   {url.Values{"grant_type": {"client_credentials"}}, "unsupported_grant_type", 400},
		"a part of the scopes": {url.Values{"scope": {"data:read_write"}}, "", 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, refresh := w.s.IssueTokens(w.pro)
			f := refreshing(refresh)
			for k, v := range tt.change {
				f[k] = v
			}
			r, got := w.token(f)
			if r.status != tt.status || tt.want != "" && got["error"] != tt.want {
				t.Errorf("got %d %s, want %d %s", r.status, r.body, tt.status, tt.want)
			}
		})
	}
}

func TestAccessTokensExpire(t *testing.T) {
	w := newWorld(t)
	access, refresh := w.s.IssueTokens(w.pro)
	w.advance(time.Hour - time.Second)
	if !w.works(access) {
		t.Error("the token does not live an hour")
	}
	w.advance(time.Second)
	r := w.request("POST", "/api/v1/sync", access, obj{"commands": []obj{cmd("project_add", "p", obj{"name": "P"})}})
	wantTag(t, r, 401, "UNAUTHORIZED", 477)
	if h := r.header.Get("WWW-Authenticate"); !strings.HasPrefix(h, "Bearer ") || !strings.Contains(h, "resource_metadata=") {
		t.Errorf("WWW-Authenticate is %q", h)
	}
	if r.object(t)["error_extra"].(map[string]any)["retry_after"] != 3.0 {
		t.Error("error_extra has no retry_after")
	}
	if len(w.pro.Projects()) != 1 {
		t.Error("a command was executed with an expired token")
	}
	if _, got := w.token(refreshing(refresh)); got["access_token"] == nil {
		t.Error("an expired access token cannot be refreshed")
	}

	access, _ = w.s.IssueTokens(w.pro)
	w.s.ExpireAccess(w.pro)
	if w.works(access) {
		t.Error("ExpireAccess has no effect")
	}
	access, refresh = w.s.IssueTokens(w.pro)
	w.s.RevokeAll(w.pro)
	if _, got := w.token(refreshing(refresh)); w.works(access) || got["error"] != "invalid_grant" {
		t.Error("RevokeAll has no effect")
	}
	if !w.works("token-pro") {
		t.Error("the personal API token ended")
	}
}

func TestRevoking(t *testing.T) {
	revoke := func(w *world, token, secret string, json bool) reply {
		body, kind := url.Values{"token": {token}}.Encode(), "application/x-www-form-urlencoded"
		if json {
			body, kind = `{"token":"`+token+`","token_type_hint":"access_token"}`, "application/json"
		}
		r := httptest.NewRequest("POST", "/api/v1/revoke", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.SetBasicAuth("client", secret)
		return w.serve(r)
	}
	for _, json := range []bool{true, false} {
		w := newWorld(t)
		access, refresh := w.s.IssueTokens(w.pro)
		if r := revoke(w, access, "wrong", json); r.status != 401 || !w.works(access) {
			t.Errorf("a wrong secret: %d", r.status)
		}
		if r := revoke(w, access, "client-secret", json); r.status != 200 || r.body != "null" || w.works(access) {
			t.Errorf("access token: %d %q", r.status, r.body)
		}
		if _, live := w.s.LiveTokens(w.pro); live != 1 {
			t.Error("the refresh token ended with the access token")
		}
		_, got := w.token(refreshing(refresh))
		newest := got["access_token"].(string)
		if revoke(w, got["refresh_token"].(string), "client-secret", json); w.works(newest) {
			t.Error("the access token outlived its revoked refresh token")
		}
		if r := revoke(w, "unknown", "client-secret", json); r.status != 200 {
			t.Errorf("an unknown token: %d", r.status)
		}
		if n := w.s.CountTokenEvents(fake.Revoked); n != 2 {
			t.Errorf("%d revocations on record", n)
		}
	}

	w := newWorld(t)
	w.s.SetSwitches(fake.Switches{RevokeEndsGrant: true})
	access, refresh := w.s.IssueTokens(w.pro)
	revoke(w, access, "client-secret", true)
	if _, got := w.token(refreshing(refresh)); got["error"] != "invalid_grant" {
		t.Error("the switch does not end the grant")
	}

	access, _ = w.s.IssueTokens(w.pro)
	query := url.Values{"client_id": {"client"}, "client_secret": {"client-secret"}, "access_token": {access}}
	if r := w.request("DELETE", "/api/v1/access_tokens?"+query.Encode(), "", nil); r.status != 200 || w.works(access) {
		t.Errorf("DELETE: %d", r.status)
	}
	query.Set("client_secret", "wrong")
	if r := w.request("DELETE", "/api/v1/access_tokens?"+query.Encode(), "", nil); r.status != 403 {
		t.Errorf("DELETE with a wrong secret: %d", r.status)
	}
}

func TestLegacyAppsGetNoRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.s.SetSwitches(fake.Switches{LegacyTokens: true})
	_, got := w.token(exchange(w.code(nil), nil))
	if _, ok := got["refresh_token"]; ok || got["expires_in"] != 315360000.0 {
		t.Errorf("got %v", got)
	}
}

func TestAnotherAppsCodesAndTokensAreNotGood(t *testing.T) {
	w := newWorld(t)
	other := w.request("POST", "/oauth/register", "", obj{"redirect_uris": []string{"https://example.com/cb"}}).object(t)
	as := url.Values{"client_id": {other["client_id"].(string)}, "client_secret": {other["client_secret"].(string)}}
	if r, _ := w.token(exchange(w.code(nil), as)); r.status != 400 {
		t.Error("another app exchanged a code")
	}
	access, refresh := w.s.IssueTokens(w.pro)
	f := refreshing(refresh)
	f["client_id"], f["client_secret"] = as["client_id"], as["client_secret"]
	if _, got := w.token(f); got["error"] != "invalid_grant" {
		t.Error("another app refreshed a token")
	}
	as.Set("access_token", access)
	if w.request("DELETE", "/api/v1/access_tokens?"+as.Encode(), "", nil); !w.works(access) {
		t.Error("another app revoked a token")
	}
}

func TestTheRecordOfTokensHoldsNone(t *testing.T) {
	w := newWorld(t)
	code := w.code(nil)
	_, got := w.token(exchange(code, nil))
	w.token(refreshing(got["refresh_token"].(string)))
	for _, e := range w.s.TokenEvents() {
		text := strings.Join([]string{string(e.Kind), e.Account, e.Client, e.Reason}, " ")
		for _, secret := range []string{code, got["access_token"].(string), got["refresh_token"].(string), "client-secret"} {
			if strings.Contains(text, secret) {
				t.Errorf("the event %+v holds a secret", e)
			}
		}
	}
}
