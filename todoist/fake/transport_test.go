package fake_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/todoist/fake"
)

func TestTheTransportBreaksConnectionsAsANetworkDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fake.New(fake.Config{})
		s.AddAccount(fake.Profile{ID: "1", APIToken: "token"})
		client := &http.Client{Transport: s.Transport()}
		ask := func(ctx context.Context) (int, string, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://todoist.test/api/v1/user", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer token")
			resp, err := client.Do(req)
			if err != nil {
				return 0, "", err
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			return resp.StatusCode, string(raw), err
		}

		if status, body, err := ask(t.Context()); status != http.StatusOK || !strings.HasSuffix(body, "}") || err != nil {
			t.Errorf("got %d %q %v, want the user", status, body, err)
		}
		s.Fail(fake.Fault{Drop: true, Times: 1})
		if _, _, err := ask(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("a dropped answer is the error %v, want EOF", err)
		}
		s.ClearFaults()
		s.Fail(fake.Fault{Cut: true, Times: 1})
		if status, body, err := ask(t.Context()); status != http.StatusOK || body == "" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("an answer that is cut off is %d %q %v, want its beginning", status, body, err)
		}
		s.ClearFaults()
		s.Fail(fake.Fault{Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if _, _, err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("a slow answer is the error %v after %s, want a minute", err, time.Since(began))
		}
	})
}
