package fake_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/todoist/fake"
)

func TestFaults(t *testing.T) {
	add := obj{"commands": []obj{cmd("project_add", "p", obj{"name": "P"})}}
	tests := map[string]struct {
		fault   fake.Fault
		status  int // 0 when the connection is closed
		body    string
		header  map[string]string
		applied bool
		missed  bool // the fault is for another request
	}{
		"a 502 before":                     {fake.Fault{Status: 502}, 502, `"http_code":502`, nil, false, false},
		"a 502 after":                      {fake.Fault{Status: 502, AfterApply: true}, 502, `"http_code":502`, nil, true, false},
		"a 503 that says when to try":      {fake.Fault{Status: 503, RetryAfter: 7}, 503, `"retry_after":7`, map[string]string{"Retry-After": "7"}, false, false},
		"a 429":                            {fake.Fault{Status: 429, RetryAfter: 66}, 429, `"error_tag":"LIMITS_REACHED"`, map[string]string{"Retry-After": "66"}, false, false},
		"a 401":                            {fake.Fault{Status: 401}, 401, `"error_code":477`, nil, false, false},
		"a 403":                            {fake.Fault{Status: 403}, 403, "AUTH_INSUFFICIENT_TOKEN_SCOPE", nil, false, false},
		"a 404":                            {fake.Fault{Status: 404}, 404, `"error_code":478`, nil, false, false},
		"a page of a proxy's":              {fake.Fault{Status: 502, Body: "<html>Bad Gateway</html>", ContentType: "text/html"}, 502, "<html>", map[string]string{"Content-Type": "text/html"}, false, false},
		"garbage with a good status":       {fake.Fault{Status: 200, Body: "<html>"}, 200, "<html>", nil, false, false},
		"garbage after it was applied":     {fake.Fault{Status: 200, Body: "{", AfterApply: true}, 200, "{", nil, true, false},
		"a connection closed before":       {fake.Fault{Drop: true}, 0, "", nil, false, false},
		"a connection closed after":        {fake.Fault{Drop: true, AfterApply: true}, 0, "", nil, true, false},
		"an answer that is cut off":        {fake.Fault{Cut: true}, 0, `{"full_sync"`, nil, true, false},
		"a fault for another path":         {fake.Fault{Path: "/oauth/", Status: 500}, 200, `"ok"`, nil, true, true},
		"a fault for another account":      {fake.Fault{Account: "1001", Status: 500}, 200, `"ok"`, nil, true, true},
		"a fault for this account":         {fake.Fault{Account: "1002", Status: 500}, 500, "", nil, false, false},
		"a fault for another method":       {fake.Fault{Method: "GET", Status: 500}, 200, `"ok"`, nil, true, true},
		"a fault for another command":      {fake.Fault{Command: "item_add", Status: 500}, 200, `"ok"`, nil, true, true},
		"a fault for this command":         {fake.Fault{Command: "project_add", Status: 500}, 500, "", nil, false, false},
		"a fault that looks for itself":    {fake.Fault{Match: func(r fake.Request) bool { return r.Writes() }, Status: 500}, 500, "", nil, false, false},
		"a fault for the second request":   {fake.Fault{Nth: 2, Status: 500}, 200, `"ok"`, nil, true, true},
		"a fault that does nothing at all": {fake.Fault{}, 200, `"ok"`, nil, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.s.Fail(tt.fault)
			r := w.request("POST", "/api/v1/sync", "token-pro", add)
			if r.dropped != (tt.status == 0) || !r.dropped && r.status != tt.status || !strings.Contains(r.body, tt.body) {
				t.Errorf("got %d %q, dropped %t", r.status, r.body, r.dropped)
			}
			for k, want := range tt.header {
				if got := r.header.Get(k); got != want {
					t.Errorf("%s is %q, want %q", k, got, want)
				}
			}
			if got := len(w.pro.Projects()) == 2; got != tt.applied {
				t.Errorf("applied is %t, want %t", got, tt.applied)
			}
			log := w.s.Requests()
			if len(log) != 1 || log[0].Fault == tt.missed || (log[0].Status == 0) != tt.fault.Drop {
				t.Errorf("the log is %+v", log)
			}
			// Resent without the fault, the command ends in one project.
			w.s.ClearFaults()
			w.write("token-pro", add["commands"].([]obj)...)
			if n := len(w.pro.Projects()); n != 2 {
				t.Errorf("%d projects after resending, want 2", n)
			}
		})
	}
}

func TestAFaultHitsTheNthRequestAndSoManyTimes(t *testing.T) {
	w := newWorld(t)
	remove := w.s.Fail(fake.Fault{Path: "/user", Nth: 2, Times: 2, Status: 500})
	var got []int
	for range 5 {
		got = append(got, w.request("GET", "/api/v1/user", "token-pro", nil).status)
		w.request("GET", "/api/v1/projects", "token-pro", nil)
	}
	if fmt.Sprint(got) != "[200 500 500 200 200]" {
		t.Errorf("got %v", got)
	}
	remove()
	w.s.Fail(fake.Fault{Status: 418})
	if r := w.request("GET", "/api/v1/user", "token-pro", nil); r.status != 418 {
		t.Errorf("the next fault answers %d", r.status)
	}
}

func TestOneCommandIsRefusedAndTheOthersAreNot(t *testing.T) {
	refusal := &fake.Error{Message: "No", Code: 49, Tag: "MAX_ITEMS_LIMIT_REACHED", HTTP: 403, Extra: map[string]any{}}
	for _, tt := range []struct {
		fault fake.Fault
		added string
	}{
		{fake.Fault{Command: "item_add", CommandIndex: 1, Refuse: refusal}, "[a c]"},
		{fake.Fault{Command: "item_add", CommandIndex: -1, Refuse: refusal}, "[]"},
		{fake.Fault{CommandIndex: 3, Refuse: refusal}, "[a b]"},
		{fake.Fault{Command: "project_add", Refuse: refusal}, "[]"},
	} {
		w := newWorld(t)
		w.s.Fail(tt.fault)
		out := w.sync("token-pro", obj{"commands": []obj{
			cmd("project_add", "p", obj{"name": "P"}),
			cmd("item_add", "a", obj{"content": "a", "project_id": "p"}),
			cmd("item_add", "b", obj{"content": "b", "project_id": "p"}),
			cmd("item_add", "c", obj{"content": "c", "project_id": "p"}),
		}})
		got := []string{}
		for _, task := range w.pro.Tasks("") {
			got = append(got, task.Content)
		}
		if fmt.Sprint(got) != tt.added {
			t.Errorf("%+v: got %v, want %s; %v", tt.fault, got, tt.added, out.Status)
		}
	}
}

func TestFaultsReachTheTokenEndpoint(t *testing.T) {
	w := newWorld(t)
	_, refresh := w.s.IssueTokens(w.pro)
	w.s.Fail(fake.Fault{Path: "/oauth/access_token", Drop: true, AfterApply: true, Times: 1})
	if r := w.request("POST", "/oauth/access_token", "", refreshing(refresh)); !r.dropped {
		t.Errorf("got %d", r.status)
	}
	// The pair was made and lost; within a minute the token answers again.
	_, got := w.token(refreshing(refresh))
	if _, ok := got["refresh_token"]; ok || got["access_token"] == nil {
		t.Errorf("got %v", got)
	}
}

func TestADelayedAnswerComesLateAndAClientThatLeftIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name    string
			after   bool
			patient bool
			applied bool
		}{
			{"before, the client waits", false, true, true},
			{"before, the client leaves", false, false, false},
			{"after, the client waits", true, true, true},
			{"after, the client leaves", true, false, true},
		} {
			w := newWorld(t)
			w.s.Fail(fake.Fault{Delay: 30 * time.Second, AfterApply: tt.after})
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			if tt.patient {
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
			}
			body := strings.NewReader(`{"commands":[{"type":"project_add","uuid":"1","args":{"name":"P"}}]}`)
			r := httptest.NewRequestWithContext(ctx, "POST", "/api/v1/sync", body)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer token-pro")
			start := time.Now()
			got := w.serve(r)
			cancel()
			wait := 15 * time.Second
			if tt.patient {
				wait = 30 * time.Second
			}
			if got.dropped == tt.patient || time.Since(start) != wait {
				t.Errorf("%s: dropped %t after %v", tt.name, got.dropped, time.Since(start))
			}
			if applied := len(w.pro.Projects()) == 2; applied != tt.applied {
				t.Errorf("%s: applied is %t", tt.name, applied)
			}
		}
	})
}

func TestADroppedConnectionIsOneForARealClient(t *testing.T) {
	w := newWorld(t)
	web := httptest.NewServer(w.s)
	defer web.Close()
	for _, f := range []fake.Fault{{Drop: true}, {Cut: true}} {
		w.s.ClearFaults()
		w.s.Fail(f)
		resp, err := web.Client().Get(web.URL + "/.well-known/oauth-authorization-server")
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%+v: the client noticed nothing", f)
		}
	}
}
