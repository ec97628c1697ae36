package todoist_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/todoist"
	"tipoff/todoist/fake"
)

// accessToken is the token of the user of these tests. No error may hold it.
const accessToken = "the-access-token-of-this-user"

// A world is an in-memory Todoist with one user and a client of it, without a
// network, so that tests in a bubble take no time.
type world struct {
	t       *testing.T
	server  *fake.Server
	account *fake.Account
	api     *todoist.API
	// answer, when set, answers in place of the server.
	answer func(*http.Request) (*http.Response, error)
	sent   atomic.Int32 // requests
	open   atomic.Int32 // bodies of answers that are not closed
	// waits are the pauses that the client announced.
	waits []time.Duration
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, server: fake.New(fake.Config{ClientID: "client", ClientSecret: "secret-of-the-client",
		RedirectURIs: []string{"https://tipoff.test/oauth/callback"}})}
	w.account = w.server.AddAccount(fake.Profile{ID: "42", Email: "fan@example.org", Name: "A Fan", APIToken: accessToken,
		Zone: "Europe/Berlin", Plan: fake.Pro, TimeFormat: 1, StartDay: 7})
	w.api = &todoist.API{URL: "https://todoist.test", UserAgent: "tipoff-test", HTTP: &http.Client{Transport: w,
		CheckRedirect: todoist.NewHTTP(0).CheckRedirect}}
	t.Cleanup(func() {
		if n := w.open.Load(); n != 0 {
			t.Errorf("%d bodies of answers were left open", n)
		}
	})
	return w
}

// RoundTrip carries a request to the server, or to answer.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.sent.Add(1)
	carry := w.server.Transport().RoundTrip
	if w.answer != nil {
		carry = w.answer
	}
	resp, err := carry(r)
	if err == nil {
		w.open.Add(1)
		resp.Body = &countedBody{ReadCloser: resp.Body, open: &w.open}
	}
	return resp, err
}

type countedBody struct {
	io.ReadCloser
	open *atomic.Int32
	once sync.Once
}

func (b *countedBody) Close() error {
	b.once.Do(func() { b.open.Add(-1) })
	return b.ReadCloser.Close()
}

// client acts for the user.
func (w *world) client() *todoist.Client {
	c := w.api.As(func(context.Context, string) (string, error) { return accessToken, nil })
	c.Waiting = func(d time.Duration) { w.waits = append(w.waits, d) }
	return c
}

func (w *world) read(ctx context.Context) (*todoist.State, error) {
	return w.client().Read(ctx, todoist.ResourceUser, todoist.ResourceProjects)
}

// text is an answer with a body of text.
func text(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func TestEveryCallWorksBelowAnOddPath(t *testing.T) {
	w := newWorld(t)
	w.api.URL = "https://proxy.test/odd/prefix/"
	w.answer = func(r *http.Request) (*http.Response, error) {
		path, ok := strings.CutPrefix(r.URL.Path, "/odd/prefix")
		if !ok {
			t.Errorf("%s was asked for", r.URL.Path)
		}
		r = r.Clone(r.Context())
		r.URL.Path = path
		return w.server.Transport().RoundTrip(r)
	}
	ctx, c := t.Context(), w.client()
	state, err := w.read(ctx)
	if err != nil || state.User.ID != "42" || state.User.TZ.Timezone != "Europe/Berlin" || len(state.Projects) != 1 {
		t.Fatalf("read: %+v, %v", state, err)
	}
	result, err := c.Write(ctx, []todoist.Command{
		{Type: "project_add", UUID: todoist.UUID("a"), TempID: "p", Args: map[string]any{"name": "Games"}},
		{Type: "item_add", UUID: todoist.UUID("b"), TempID: "t", Args: map[string]any{"content": "A & B", "project_id": "p"}},
	})
	if err != nil || len(result.Refused) != 0 || len(result.IDs) != 2 {
		t.Fatalf("write: %+v, %v", result, err)
	}
	project := result.IDs["p"]
	if tasks, err := c.Tasks(ctx, project, nil); err != nil || len(tasks) != 1 || tasks[0].Content != "A & B" {
		t.Errorf("tasks: %+v, %v", tasks, err)
	}
	if tasks, err := c.TasksByID(ctx, []string{result.IDs["t"]}, nil); err != nil || len(tasks) != 1 || tasks[0].Project != project {
		t.Errorf("tasks by id: %+v, %v", tasks, err)
	}
	if p, err := c.Project(ctx, project); err != nil || p.Name != "Games" || p.CreatedAt == "" {
		t.Errorf("project: %+v, %v", p, err)
	}
	if user, err := c.User(ctx); err != nil || user.Email != "fan@example.org" {
		t.Errorf("user: %+v, %v", user, err)
	}
}

func TestTheUsersOtherTokensAreNeverKept(t *testing.T) {
	w := newWorld(t)
	state, err := w.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	user, err := w.client().User(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"sync": state, "REST": user} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if s := string(raw) + fmt.Sprintf("%+v", v); strings.Contains(s, accessToken) || strings.Contains(s, "wss://") {
			t.Errorf("%s: what was read holds a token: %s", name, s)
		}
	}
}

func TestUUIDsDeriveFromAllParts(t *testing.T) {
	if got, want := todoist.UUID("a", "b"), strings.Clone(todoist.UUID("a", "b")); got != want {
		t.Error("the same parts give two uuids")
	}
	seen := map[string]bool{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"a,b"}, {"a", "b", ""}} {
		id := todoist.UUID(parts...)
		if seen[id] {
			t.Errorf("%q gives the uuid of other parts", parts)
		}
		seen[id] = true
	}
}
