package todoist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// requestTimeout bounds one request. Todoist gives itself 15 seconds for
	// a standard one (API v1, "Request limits").
	requestTimeout = 20 * time.Second
	// maxTries bounds how often one request is sent in all.
	maxTries = 4
	// maxAnswer bounds an answer's body. The largest real one is a full read
	// of a big account: 300 projects of 300 tasks, rarely more than a few MB.
	maxAnswer = 48 << 20
	// maxRefusal bounds how much of a refusal's body is read.
	maxRefusal = 64 << 10
)

// request is what one call sends. It is kept as bytes, so that each try sends
// the same.
type request struct {
	method, endpoint string
	path             string // below /api/v1; endpoint when empty
	query            url.Values
	body             any // sent as JSON; nil for none
}

// encode gives the body as JSON; nil for none.
func (r request) encode() ([]byte, error) {
	if r.body == nil {
		return nil, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	// Every mark has a dozen "&", which would each take six bytes of the
	// megabyte that a request may have.
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.body); err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return b.Bytes(), nil
}

// call sends r until it is granted or patience ends, and gives the body of the
// answer to decode. The last refusal is what the caller gets; it is [Doubtful] where
// any try was.
func (c *Client) call(ctx context.Context, r request, decode func(io.Reader) error) error {
	body, err := r.encode()
	if err != nil {
		return err
	}
	token, err := c.access(ctx, "")
	if err != nil {
		return err
	}
	patience := c.api.Patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	pause := c.api.Backoff
	if pause == 0 {
		pause = 500 * time.Millisecond
	}
	renewed, doubtful := false, false
	for try := 1; ; try++ {
		err := c.once(ctx, r, body, token, try, decode)
		if err == nil {
			return nil
		}
		if doubtful = doubtful || Doubtful(err); doubtful && !Doubtful(err) {
			err = &lostError{err}
		}
		if ctx.Err() != nil || errors.Is(err, ErrTooLarge) {
			return err
		}
		refused, ok := errors.AsType[*Error](err)
		if ok && refused.Status == http.StatusUnauthorized && !renewed {
			// Todoist asks to wait with a 401 too; a new token is what helps.
			renewed = true
			if token, err = c.access(ctx, token); err != nil {
				if doubtful {
					err = &lostError{err}
				}
				return err
			}
			continue
		}
		if ok && !refused.temporary() || try >= maxTries {
			return err
		}
		wait := pause + rand.N(pause)
		pause *= 2
		if ok && refused.RetryAfter > 0 {
			wait = refused.RetryAfter + rand.N(250*time.Millisecond)
		}
		if wait > patience {
			return err
		}
		patience -= wait
		if c.Waiting != nil {
			c.Waiting(wait)
		}
		if !sleep(ctx, wait) {
			return err
		}
	}
}

// once sends r a single time.
func (c *Client) once(ctx context.Context, r request, body []byte, token string, try int, decode func(io.Reader) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	path := r.path
	if path == "" {
		path = r.endpoint
	}
	address := c.api.endpoint("/api/v1" + path)
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var payload io.Reader
	if body != nil {
		payload = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, payload)
	if err != nil {
		return fmt.Errorf("ask todoist for %s: %w", r.endpoint, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", c.api.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.api.send(req, r.endpoint, try, decode)
}

// send carries out req and gives the body of a 2xx answer to decode; decode
// may be nil. Whatever else comes back is an *Error or a lost answer.
func (a *API) send(req *http.Request, endpoint string, try int, decode func(io.Reader) error) error {
	began, status := time.Now(), 0
	if a.Observe != nil {
		defer func() { a.Observe(Call{Endpoint: endpoint, Status: status, Try: try, Took: time.Since(began)}) }()
	}
	resp, err := a.HTTP.Do(req)
	if err != nil {
		return &lostError{fmt.Errorf("ask todoist for %s: %w", endpoint, cause(err))}
	}
	defer resp.Body.Close()
	status = resp.StatusCode
	if status < 200 || status > 299 {
		return refusal(resp)
	}
	if decode == nil {
		return nil
	}
	limited := &io.LimitedReader{R: resp.Body, N: maxAnswer}
	if err := decode(limited); err != nil {
		if limited.N <= 0 {
			err = fmt.Errorf("over %d MB", maxAnswer>>20)
		}
		return &lostError{fmt.Errorf("read todoist's answer to %s: %w", endpoint, err)}
	}
	// A short rest is read, so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	return nil
}

// refusal makes an *Error of an answer that is not 2xx. Its body is read with
// a bound and may be anything; proxies answer in HTML.
func refusal(resp *http.Response) *Error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	var w wireError
	e := &Error{}
	if json.Unmarshal(raw, &w) == nil {
		e = w.refusal(resp.StatusCode)
	}
	// The answer's own status decides, whatever its body says.
	e.Status = resp.StatusCode
	if e.RetryAfter == 0 {
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			e.RetryAfter = seconds(float64(s))
		} else if at, err := http.ParseTime(resp.Header.Get("Retry-After")); err == nil {
			e.RetryAfter = min(max(time.Until(at), 0), 24*time.Hour)
		}
	}
	return e
}

// sleep waits for d and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// cause strips the address from an error of net/http: a query may hold what no
// log should.
func cause(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
