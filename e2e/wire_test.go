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
	body         []byte
	status       int
	answer       string
}

// fields are those of the query and of a form or flat JSON body.
func (x *exchange) fields() url.Values {
	_, query, _ := strings.Cut(x.address, "?")
	all, _ := url.ParseQuery(query) // what can be read of it
	var flat map[string]any
	if json.Unmarshal(x.body, &flat) == nil {
		for name, value := range flat {
			if text, ok := value.(string); ok {
				all.Add(name, text)
			}
		}
	} else if form, err := url.ParseQuery(string(x.body)); err == nil {
		for name, values := range form {
			all[name] = append(all[name], values...)
		}
	}
	return all
}

// again is the same request once more.
func (x *exchange) again() *http.Request {
	r := httptest.NewRequest(x.method, x.address, bytes.NewReader(x.body))
	r.Header = x.header.Clone()
	return r
}

// writes reports whether the request changes something in Todoist.
func (x *exchange) writes() bool { return bytes.Contains(x.body, []byte(`"commands":`)) }

func (tp *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	x := &exchange{method: r.Method, path: r.URL.Path, address: r.URL.String(), header: r.Header.Clone(), body: body}
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
		fields := x.fields()
		for _, name := range []string{"code", "code_verifier", "refresh_token", "client_secret", "token"} {
			for _, value := range fields[name] {
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
