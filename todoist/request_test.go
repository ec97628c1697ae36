package todoist_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/todoist"
	"tipoff/todoist/fake"
)

func TestRequestsAreRepeatedAsTold(t *testing.T) {
	const second = time.Second
	for name, tt := range map[string]struct {
		fault    fake.Fault
		requests int32
		granted  bool
		status   int           // of the error
		retry    time.Duration // that the error reports
		atLeast  time.Duration // of all pauses
		atMost   time.Duration
	}{
		"two answers of 503 and then a good one":            {fake.Fault{Status: 503, Times: 2}, 3, true, 0, 0, 1500 * time.Millisecond, 3 * second},
		"502 for ever":                                      {fake.Fault{Status: 502}, 4, false, 502, 0, 3500 * time.Millisecond, 7 * second},
		"a wait of 7 seconds":                               {fake.Fault{Status: 429, RetryAfter: 7, Times: 1}, 2, true, 0, 0, 7 * second, 7250 * time.Millisecond},
		"a 503 that says when":                              {fake.Fault{Status: 503, RetryAfter: 3, Times: 1}, 2, true, 0, 0, 3 * second, 3250 * time.Millisecond},
		"a wait of a day is reported and not slept":         {fake.Fault{Status: 429, RetryAfter: 86400}, 1, false, 429, 24 * time.Hour, 0, 0},
		"a wait of a year is reported as a day":             {fake.Fault{Status: 429, RetryAfter: 365 * 86400}, 1, false, 429, 24 * time.Hour, 0, 0},
		"waits of 9 seconds until patience ends":            {fake.Fault{Status: 429, RetryAfter: 9}, 3, false, 429, 9 * second, 18 * second, 18500 * time.Millisecond},
		"403 is final":                                      {fake.Fault{Status: 403}, 1, false, 403, 0, 0, 0},
		"404 is final, even with a time to wait":            {fake.Fault{Status: 404}, 1, false, 404, 3 * second, 0, 0},
		"a dropped connection and then a good answer":       {fake.Fault{Drop: true, Times: 1}, 2, true, 0, 0, second / 2, second},
		"an answer that is cut off and then a good one":     {fake.Fault{Cut: true, Times: 1}, 2, true, 0, 0, second / 2, second},
		"dropped connections for ever":                      {fake.Fault{Drop: true}, 4, false, 0, 0, 3500 * time.Millisecond, 7 * second},
		"a page of HTML in place of every answer":           {fake.Fault{Status: 200, Body: "<html>Welcome!</html>", ContentType: "text/html"}, 4, false, 0, 0, 3500 * time.Millisecond, 7 * second},
		"JSON that is something else":                       {fake.Fault{Status: 200, Body: `{"hello": "world"}`}, 4, false, 0, 0, 3500 * time.Millisecond, 7 * second},
		"half of an answer":                                 {fake.Fault{Status: 200, Body: `{"sync_token": "abc", "items": [{"id": "1"`}, 4, false, 0, 0, 3500 * time.Millisecond, 7 * second},
		"no answer for ever":                                {fake.Fault{Delay: time.Hour}, 4, false, 0, 0, 3500 * time.Millisecond, 7 * second},
		"a page of HTML that is a refusal":                  {fake.Fault{Status: 403, Body: "<html>Blocked</html>", ContentType: "text/html"}, 1, false, 403, 0, 0, 0},
		"an error object that is a list":                    {fake.Fault{Status: 500, Body: `[1, 2]`}, 4, false, 500, 0, 3500 * time.Millisecond, 7 * second},
		"an error with an absurd wait and none in a header": {fake.Fault{Status: 429, Body: `{"error_extra": {"retry_after": 1e300}}`}, 1, false, 429, 24 * time.Hour, 0, 0},
		"an error with a wait below zero":                   {fake.Fault{Status: 429, Body: `{"error_extra": {"retry_after": -5}}`, Times: 1}, 2, true, 0, 0, second / 2, second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.server.Fail(tt.fault)
				_, err := w.read(t.Context())
				if got := w.sent.Load(); got != tt.requests {
					t.Errorf("got %d requests, want %d", got, tt.requests)
				}
				if (err == nil) != tt.granted {
					t.Fatalf("got the error %v, want it granted: %t", err, tt.granted)
				}
				var waited time.Duration
				for _, d := range w.waits {
					waited += d
				}
				if waited < tt.atLeast || waited > tt.atMost {
					t.Errorf("waited %s, want %s to %s", waited, tt.atLeast, tt.atMost)
				}
				if err == nil {
					return
				}
				refused, ok := errors.AsType[*todoist.Error](err)
				if ok != (tt.status != 0) || ok && (refused.Status != tt.status || refused.RetryAfter != tt.retry) {
					t.Errorf("got %v, want status %d and a wait of %s", err, tt.status, tt.retry)
				}
				if got, want := todoist.Doubtful(err), tt.status == 0 || tt.status >= 500; got != want {
					t.Errorf("doubtful is %t, want %t", got, want)
				}
				if strings.Contains(err.Error(), accessToken) {
					t.Errorf("the error has the token: %v", err)
				}
			})
		})
	}
}

func TestAWaitMayBeGivenAsADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		at := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
		w.answer = text(http.StatusTooManyRequests, "", "Retry-After", at)
		_, err := w.read(t.Context())
		if refused, ok := errors.AsType[*todoist.Error](err); !ok || refused.RetryAfter != time.Hour {
			t.Errorf("got %v, want a wait of an hour", err)
		}
	})
}

func TestARedirectIsNeverFollowed(t *testing.T) {
	w := newWorld(t)
	w.answer = text(http.StatusTemporaryRedirect, "", "Location", "https://elsewhere.test/api/v1/sync")
	_, err := w.read(t.Context())
	if refused, ok := errors.AsType[*todoist.Error](err); !ok || refused.Status != http.StatusTemporaryRedirect || w.sent.Load() != 1 {
		t.Errorf("got %v after %d requests, want the redirect as an error after one", err, w.sent.Load())
	}
}

func TestARepeatedWriteIsDoneOnce(t *testing.T) {
	for name, fault := range map[string]fake.Fault{
		"dropped answers": {Drop: true, AfterApply: true, Times: 3},
		"late answers":    {Delay: time.Minute, AfterApply: true, Times: 3},
		"cut answers":     {Cut: true, Times: 3},
		"500 afterwards":  {Status: 500, AfterApply: true, Times: 3},
		"HTML afterwards": {Status: 200, Body: "<html>", AfterApply: true, Times: 3},
		"401 afterwards":  {Status: 401, AfterApply: true, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.server.Fail(fault)
				result, err := w.client().Write(t.Context(), []todoist.Command{{Type: "item_add", UUID: todoist.UUID("once"), TempID: "t",
					Args: map[string]any{"content": "Once"}}})
				if err != nil || len(result.Refused)+len(result.Unanswered) != 0 {
					t.Fatalf("write: %+v, %v", result, err)
				}
				if got := len(w.account.Tasks("")); got != 1 {
					t.Errorf("%d tasks were made, want 1", got)
				}
			})
		})
	}
}

func TestA401AsksForOneNewerToken(t *testing.T) {
	w := newWorld(t)
	w.server.Fail(fake.Fault{Status: 401, Times: 1})
	var asked []string
	tokens := []string{"an-old-token-that-is-used-up", accessToken, accessToken}
	c := w.api.As(func(_ context.Context, refused string) (string, error) {
		asked = append(asked, refused)
		return tokens[len(asked)-1], nil
	})
	if _, err := c.User(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"", tokens[0]}; !slices.Equal(asked, want) {
		t.Errorf("asked for tokens with %q, want %q", asked, want)
	}

	w.server.ClearFaults()
	w.server.Fail(fake.Fault{Status: 401})
	asked = nil
	_, err := c.User(t.Context())
	if refused, ok := errors.AsType[*todoist.Error](err); !ok || refused.Status != 401 || refused.Tag != todoist.TagUnauthorized {
		t.Errorf("a token that stays refused is the error %v, want Todoist's 401", err)
	}
	if len(asked) != 2 {
		t.Errorf("asked for tokens with %q, want once more", asked)
	}
	if strings.Contains(fmt.Sprint(err), accessToken) {
		t.Errorf("the error has the token: %v", err)
	}
}

func TestAnErrorOfTheTokensEndsTheCall(t *testing.T) {
	w := newWorld(t)
	gone := errors.New("signed out")
	c := w.api.As(func(context.Context, string) (string, error) { return "", gone })
	if _, err := c.User(t.Context()); !errors.Is(err, gone) || w.sent.Load() != 0 {
		t.Errorf("got %v after %d requests, want the tokens' error after none", err, w.sent.Load())
	}
}

func TestAWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server.Fail(fake.Fault{Status: 429, RetryAfter: 15})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		_, err := w.read(ctx)
		if err == nil || time.Since(began) != 4*time.Second {
			t.Errorf("returned %v after %s, want an error after 4s", err, time.Since(began))
		}
	})
}

func TestARequestEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server.Fail(fake.Fault{Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		_, err := w.read(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !todoist.Doubtful(err) || time.Since(began) != 4*time.Second || w.sent.Load() != 1 {
			t.Errorf("returned %v after %s and %d requests", err, time.Since(began), w.sent.Load())
		}
	})
}

// endless is a body without an end, which costs time only.
type endless struct {
	begin string
	each  time.Duration
	done  <-chan struct{}
}

func (e *endless) Read(b []byte) (int, error) {
	if e.begin != "" {
		n := copy(b, e.begin)
		e.begin = e.begin[n:]
		return n, nil
	}
	if e.each > 0 {
		select {
		case <-time.After(e.each):
		case <-e.done:
			return 0, context.Canceled
		}
		b = b[:1]
	}
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func (e *endless) Close() error { return nil }

func TestAnswersWithoutAnEndAreCutOff(t *testing.T) {
	t.Run("in size", func(t *testing.T) {
		w := newWorld(t)
		w.api.Patience = 1 // one try is enough
		w.answer = func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: &endless{begin: `{"sync_token": "`}, Request: r}, nil
		}
		if _, err := w.read(t.Context()); !todoist.Doubtful(err) || !strings.Contains(fmt.Sprint(err), "over 1024 kB") {
			t.Errorf("got %v, want that it is too large", err)
		}
	})
	t.Run("in size, of a refusal", func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 403, Header: http.Header{}, Body: &endless{begin: `{"error": "`}, Request: r}, nil
		}
		_, err := w.read(t.Context())
		if refused, ok := errors.AsType[*todoist.Error](err); !ok || refused.Status != 403 {
			t.Errorf("got %v, want the refusal", err)
		}
	})
	t.Run("in time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.answer = func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r,
					Body: &endless{begin: `{"sync_token": "`, each: time.Second, done: r.Context().Done()}}, nil
			}
			began := time.Now()
			if _, err := w.read(t.Context()); !todoist.Doubtful(err) {
				t.Errorf("got %v, want a lost answer", err)
			}
			if took := time.Since(began); took > 4*20*time.Second+7*time.Second {
				t.Errorf("gave up after %s, want four times 20 s and the pauses", took)
			}
		})
	})
}

func TestEachRequestIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var calls []todoist.Call
		w.api.Observe = func(c todoist.Call) { calls = append(calls, c) }
		w.server.Fail(fake.Fault{Status: 503, Times: 1})
		w.server.Fail(fake.Fault{Drop: true, Nth: 2, Times: 1})
		if _, err := w.client().Tasks(t.Context(), w.account.InboxID(), nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range calls {
			got = append(got, fmt.Sprint(c.Endpoint, " ", c.Status, " ", c.Try))
		}
		if want := []string{"/tasks 503 1", "/tasks 0 2", "/tasks 200 3"}; !slices.Equal(got, want) {
			t.Errorf("observed %q, want %q", got, want)
		}
	})
}
