package todoist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Registration describes an app that registers itself.
type Registration struct {
	Name, HomeURL string
	RedirectURL   string // https, or http on localhost
	Scopes        []string
}

// Register makes an app of this program at Todoist, by dynamic client
// registration (RFC 7591), and returns its id and secret. It is sent once:
// each time makes another app, and none can be taken back.
func (a *API) Register(ctx context.Context, r Registration) (id, secret string, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]any{
		"client_name":                r.Name,
		"client_uri":                 r.HomeURL,
		"redirect_uris":              []string{r.RedirectURL},
		"scope":                      strings.Join(r.Scopes, " "), // with spaces here, with commas elsewhere
		"grant_types":                []string{"authorization_code", "refresh_token"},
		"response_types":             []string{"code"},
		"token_endpoint_auth_method": "client_secret_post",
	})
	if err != nil {
		return "", "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoint("/oauth/register"), bytes.NewReader(body))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", a.UserAgent)
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	err = a.send(req, "/oauth/register", 1, func(body io.Reader) error {
		if err := decodeInto(&made)(body); err != nil {
			return err
		}
		if made.ID == "" || made.Secret == "" {
			return errors.New("it names no client id or no secret")
		}
		return nil
	})
	if refused, ok := errors.AsType[*Error](err); ok {
		// Nothing secret was sent that it could say back.
		return "", "", fmt.Errorf("register the app: todoist answered %d: %s", refused.Status, refused.Text)
	}
	if err != nil {
		return "", "", fmt.Errorf("register the app: %w", err)
	}
	return made.ID, made.Secret, nil
}
