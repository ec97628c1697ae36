// Package todoist speaks Todoist's API v1: the request loop, reading and
// writing through /sync, the few REST calls Tipoff needs, and OAuth. It knows
// nothing of basketball.
//
// An [API] is one Todoist service and is shared by the whole program; a
// [Client] is one user of it. Every request goes through one loop that bounds
// time and size, repeats what is safe to repeat (every call here is: reads, and
// commands that carry their own uuid), waits as told, asks once for a newer
// token after a 401, and turns every refusal into an [*Error].
//
// The API is described at https://developer.todoist.com/api/v1/.
package todoist

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// API is one Todoist service.
type API struct {
	// URL is the address before "/api/v1" and "/oauth", without a slash at
	// its end: https://api.todoist.com.
	URL string
	// HTTP carries the requests. It must not follow redirects, because a
	// redirect to another host would hand it the user's token: see [NewHTTP].
	HTTP *http.Client
	// UserAgent names the program to Todoist's operators.
	UserAgent string
	// Backoff is the pause before the first repetition; it doubles after
	// each. Zero means half a second.
	Backoff time.Duration
	// Patience bounds all pauses of one call together. A longer wait asked
	// for by Todoist is reported, not waited for. Zero means 20 seconds.
	Patience time.Duration
	// Observe, when set, is told of every request once it has ended.
	Observe func(Call)
}

// A Call is one HTTP request to Todoist as [API.Observe] is told of it. It
// names no user.
type Call struct {
	// Endpoint is the path with ids left out: "/sync", "/tasks".
	Endpoint string
	// Status is the HTTP status, or 0 when no answer came.
	Status int
	// Try counts from 1; above 1 the request is a repetition.
	Try  int
	Took time.Duration
}

// NewHTTP returns a client fit for [API.HTTP]: it bounds connecting and, by timeout,
// the wait for an answer's first byte (zero is 20 seconds), follows no redirect, and
// keeps enough idle connections for many users at once.
func NewHTTP(timeout time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	transport.TLSHandshakeTimeout = 5 * time.Second
	transport.ResponseHeaderTimeout = cmp.Or(timeout, requestTimeout)
	transport.MaxIdleConns = 128
	transport.MaxIdleConnsPerHost = 128
	transport.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Access returns a user's access token. refused is empty, or the token that
// Todoist has just answered 401 to: then a newer one is wanted. Its errors end
// the call and reach the caller wrapped.
type Access func(ctx context.Context, refused string) (string, error)

// Client is one user of Todoist.
type Client struct {
	api    *API
	access Access
	// Waiting, when set, is told before each pause how long it will be, so
	// that somebody who looks on can be told why nothing moves.
	Waiting func(time.Duration)
}

// As returns a client that calls Todoist with the tokens access gives.
func (a *API) As(access Access) *Client { return &Client{api: a, access: access} }

// ProjectURL is the address of a project in Todoist's web app. Phones open it
// in Todoist's own app when that is installed.
func ProjectURL(id string) string { return "https://app.todoist.com/app/project/" + id }

// IntegrationsURL is where a user sees and ends the access of apps.
const IntegrationsURL = "https://app.todoist.com/app/settings/integrations"

func (a *API) endpoint(path string) string { return strings.TrimSuffix(a.URL, "/") + path }
