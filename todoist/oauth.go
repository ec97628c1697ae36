package todoist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Scopes that Tipoff asks for.
// https://developer.todoist.com/api/v1/ ("Authorization", scopes)
const (
	ScopeReadWrite     = "data:read_write"
	ScopeDelete        = "data:delete"
	ScopeDeleteProject = "project:delete"
)

// App is this program as Todoist knows it.
type App struct {
	API                    *API
	ClientID, ClientSecret string
	// AuthorizeURL is the page that asks the user.
	AuthorizeURL string
	// RedirectURL is where that page sends the user back to; the one that was
	// registered, byte for byte.
	RedirectURL string
}

// Token is what an exchange or a refresh gave.
type Token struct {
	Access string
	// Refresh is empty where Todoist gave none: for apps from before April
	// 2026, and for a refresh that was answered within the 60 seconds of
	// grace after another one.
	Refresh string
	// Lifetime counts from now, and is zero for a token that does not expire.
	Lifetime time.Duration
	Scopes   []string
}

// AuthorizeFor returns the address to send a browser to. state and verifier
// are random and kept by us; only the verifier's hash leaves.
func (a *App) AuthorizeFor(state, verifier string, scopes []string) string {
	// x/oauth2 joins scopes with spaces, Todoist wants commas.
	return a.config().AuthCodeURL(state, oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("scope", strings.Join(scopes, ",")))
}

// Exchange trades the code of a callback for a token.
func (a *App) Exchange(ctx context.Context, code, verifier string) (Token, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now()
	tok, err := a.config().Exchange(a.context(ctx), code, oauth2.VerifierOption(verifier))
	a.observe(began, err)
	if err != nil {
		return Token{}, fmt.Errorf("trade the code for a token: %w", tokenError(err))
	}
	return tokenOf(tok), nil
}

// Refresh trades a refresh token for a new pair. With scopes, which must be among
// those that the pair has, the new one has only these. It is sent once: whether a
// refresh may be repeated is for the caller to know. A refresh token that is no
// longer good is [ErrInvalidGrant].
func (a *App) Refresh(ctx context.Context, refresh string, scopes ...string) (Token, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now()
	var tok *oauth2.Token
	var err error
	if len(scopes) == 0 {
		tok, err = a.config().TokenSource(a.context(ctx), &oauth2.Token{RefreshToken: refresh}).Token()
	} else {
		// x/oauth2 has no refresh with scopes; its exchange takes any parameters.
		tok, err = a.config().Exchange(a.context(ctx), "", oauth2.SetAuthURLParam("grant_type", "refresh_token"),
			oauth2.SetAuthURLParam("refresh_token", refresh), oauth2.SetAuthURLParam("scope", strings.Join(scopes, ",")))
	}
	a.observe(began, err)
	if err != nil {
		return Token{}, fmt.Errorf("refresh the token: %w", tokenError(err))
	}
	t := tokenOf(tok)
	if t.Refresh == refresh {
		// x/oauth2 puts the old one back where the answer has none.
		t.Refresh = ""
	}
	return t, nil
}

// observe reports a call of the token endpoint, which x/oauth2 makes.
func (a *App) observe(began time.Time, err error) {
	if a.API.Observe == nil {
		return
	}
	status := http.StatusOK
	if err != nil {
		status = 0
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response != nil {
			status = refused.Response.StatusCode
		}
	}
	a.API.Observe(Call{Endpoint: "/oauth/access_token", Status: status, Try: 1, Took: time.Since(began)})
}

// ErrInvalidGrant means that Todoist no longer takes a refresh token, and the
// user has to sign in again.
var ErrInvalidGrant = errors.New("todoist: invalid_grant")

// Revoke ends both tokens at Todoist; either may be empty. It succeeds when
// the tokens were unknown to Todoist already.
func (a *App) Revoke(ctx context.Context, access, refresh string) error {
	var errs []error
	for hint, token := range map[string]string{"access_token": access, "refresh_token": refresh} {
		if token == "" {
			continue
		}
		if err := a.revoke(ctx, token, hint); err != nil {
			errs = append(errs, fmt.Errorf("revoke the %s: %w", hint, err))
		}
	}
	return errors.Join(errs...)
}

func (a *App) revoke(ctx context.Context, token, hint string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// The documentation says form, its schema and Doist's own SDK say JSON.
	body, err := json.Marshal(map[string]string{"token": token, "token_type_hint": hint})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.API.endpoint("/api/v1/revoke"), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(a.ClientID, a.ClientSecret)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", a.API.UserAgent)
	err = a.API.send(req, "/revoke", 1, nil)
	if refused, ok := errors.AsType[*Error](err); ok && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusNotFound) {
		return nil
	}
	return err
}

func (a *App) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID:     a.ClientID,
		ClientSecret: a.ClientSecret,
		RedirectURL:  a.RedirectURL,
		Endpoint: oauth2.Endpoint{
			AuthURL:   a.AuthorizeURL,
			TokenURL:  a.API.endpoint("/oauth/access_token"),
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// context makes x/oauth2 use our HTTP client.
func (a *App) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, a.API.HTTP)
}

func tokenOf(tok *oauth2.Token) Token {
	scope, _ := tok.Extra("scope").(string)
	return Token{
		Access:   tok.AccessToken,
		Refresh:  tok.RefreshToken,
		Lifetime: time.Duration(max(tok.ExpiresIn, 0)) * time.Second,
		// Seen with commas and with spaces.
		Scopes: strings.FieldsFunc(scope, func(r rune) bool { return r == ',' || r == ' ' }),
	}
}

// tokenError replaces x/oauth2's error, whose text quotes the whole answer,
// with one that is safe to log.
func tokenError(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return &lostError{err: cause(err)}
	}
	if refused.ErrorCode == "invalid_grant" {
		return ErrInvalidGrant
	}
	e := &Error{Status: http.StatusBadGateway, Text: shorten(refused.ErrorCode, 60)}
	if refused.Response != nil {
		e.Status = refused.Response.StatusCode
	}
	return e
}
