package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// A tap stands between the program and Todoist and remembers what passed.
type tap struct {
	todoist http.Handler
	// before, when set, is told of each request before it is passed on, and
	// answers it itself where it returns true.
	before func(http.ResponseWriter, *exchange) bool

	mu  sync.Mutex
	all []*exchange
}

// An exchange is a request of the program and Todoist's answer to it.
type exchange struct {
	method, path string
	address      string // with the query
	header       http.Header
	fields       url.Values // of the query and of a form or flat JSON body
	status       int
	answer       string
}

// startTapped is startSite with a tap. The in-memory Todoist knows the app at
// the addresses given.
func startTapped(t *testing.T, now time.Time, public string, args ...string) (*site, *tap) {
	t.Helper()
	s, tp := newTapped(t, now, public, args...)
	s.start()
	return s, tp
}

func newTapped(t *testing.T, now time.Time, public string, args ...string) (*site, *tap) {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), public: public}
	s.fake = fake.New(fake.Config{Now: clockFrom(now), ClientID: "client", ClientSecret: "secret-of-the-client",
		RedirectURIs: []string{public + "/oauth/callback"}, FullSyncs: -1, PartialSyncs: -1})
	tp := &tap{todoist: s.fake}
	ts := httptest.NewServer(tp)
	t.Cleanup(ts.Close)
	s.todoist = ts.URL
	s.args = append(append(settings(s.todoist, s.dir, now), "-public-url", public), args...)
	return s, tp
}

func (tp *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	x := &exchange{method: r.Method, path: r.URL.Path, address: r.URL.String(), header: r.Header.Clone(), fields: r.URL.Query()}
	var flat map[string]any
	if json.Unmarshal(body, &flat) == nil {
		for name, value := range flat {
			if text, ok := value.(string); ok {
				x.fields.Add(name, text)
			}
		}
	} else if form, err := url.ParseQuery(string(body)); err == nil {
		for name, values := range form {
			x.fields[name] = append(x.fields[name], values...)
		}
	}
	tee := &teeWriter{ResponseWriter: w}
	defer func() {
		tp.mu.Lock()
		defer tp.mu.Unlock()
		x.status, x.answer = tee.status, tee.body.String()
		tp.all = append(tp.all, x)
	}()
	if tp.before != nil && tp.before(tee, x) {
		return
	}
	tp.todoist.ServeHTTP(tee, r)
}

// exchanges are those whose path has this in it, in the order in which they
// ended.
func (tp *tap) exchanges(path string) []*exchange {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(tp.all), func(x *exchange) bool { return !strings.Contains(x.path, path) })
}

// secrets are what passed that nobody else may see, by what they are.
func (tp *tap) secrets() map[string]string {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	all := map[string]string{}
	add := func(secret, what string) {
		if all[secret] == "" || all[secret] == "token" {
			all[secret] = what
		}
	}
	for _, x := range tp.all {
		if token, ok := strings.CutPrefix(x.header.Get("Authorization"), "Bearer "); ok {
			add(token, "token")
		}
		if basic, ok := strings.CutPrefix(x.header.Get("Authorization"), "Basic "); ok {
			if raw, err := base64.StdEncoding.DecodeString(basic); err == nil {
				_, secret, _ := strings.Cut(string(raw), ":")
				add(secret, "client secret")
			}
		}
		for _, name := range []string{"code", "code_verifier", "refresh_token", "client_secret", "token"} {
			for _, value := range x.fields[name] {
				add(value, name)
			}
		}
		var answer map[string]any
		if json.Unmarshal([]byte(x.answer), &answer) == nil {
			user, _ := answer["user"].(map[string]any)
			for _, object := range []map[string]any{answer, user} {
				for _, name := range []string{"access_token", "refresh_token", "token", "websocket_url"} {
					if value, ok := object[name].(string); ok {
						add(value, name)
					}
				}
			}
		}
	}
	delete(all, "")
	return all
}

// teeWriter keeps what passes.
type teeWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *teeWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *teeWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

func (w *teeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// bare is the program that pages are compared with: net/http and one handler
// that sends an answer from a file, with the same headers, as a process of its
// own.
func bare() {
	raw, err := os.ReadFile(os.Getenv("TIPOFF_TEST_BARE"))
	if err != nil {
		panic(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		panic(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(err)
	}
	answer.Header.Del("Date") // net/http sets it
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.Write(body)
	})))
}
