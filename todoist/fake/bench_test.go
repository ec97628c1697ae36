package fake_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// season is the body of a sync request that writes a project with nine
// sections and 82 tasks. The uuids carry n, so that none is a replay.
func season(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"commands":[{"type":"project_add","uuid":"%d p","temp_id":"p","args":{"name":"Boston Celtics 2026-27","color":"green"}}`, n)
	for i := range 9 {
		fmt.Fprintf(&b, `,{"type":"section_add","uuid":"%d s%d","temp_id":"s%d","args":{"name":"Month %d","project_id":"p"}}`, n, i, i, i)
	}
	for i := range 82 {
		fmt.Fprintf(&b, `,{"type":"item_add","uuid":"%d t%d","temp_id":"t%d","args":{"content":"Celtics at Knicks","description":"Madison Square Garden, New York\n[game page](https://www.nba.com/game/0022600%03d#tipoff-mark)","project_id":"p","section_id":"s%d","priority":1,"labels":["nba"],"due":{"date":"2026-10-21T23:30:00Z","timezone":"America/New_York","lang":"en"}}}`, n, i, i, i, i%9)
	}
	return b.String() + "]}"
}

func benchServer() (*fake.Server, *fake.Account) {
	s := fake.New(fake.Config{PartialSyncs: -1, FullSyncs: -1})
	limits := fake.Pro.Limits()
	limits.Projects = 1 << 30
	a := s.AddAccount(fake.Profile{ID: "1", APIToken: "token", Plan: fake.Pro})
	a.SetLimits(limits, limits)
	return s, a
}

func post(b *testing.B, s *fake.Server, body string) int {
	r := httptest.NewRequest("POST", "/api/v1/sync", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer token")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	if rec.Code != 200 || strings.Contains(rec.Body.String(), "error_tag") {
		b.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Body.Len()
}

func BenchmarkSyncWriteOf92Commands(b *testing.B) {
	s, a := benchServer()
	n := 0
	for b.Loop() {
		if n%30 == 0 {
			b.StopTimer()
			s, a = benchServer()
			b.StartTimer()
		}
		post(b, s, season(n))
		n++
	}
	if got := len(a.Tasks("")); got%82 != 0 || got == 0 {
		b.Fatalf("%d tasks", got)
	}
}

func BenchmarkSyncReadBeforeAnImport(b *testing.B) {
	s, _ := benchServer()
	for n := range 5 {
		post(b, s, season(n))
	}
	for b.Loop() {
		post(b, s, `{"sync_token":"*","resource_types":["user","user_plan_limits","projects"]}`)
	}
}

func BenchmarkSyncReadOf1230Tasks(b *testing.B) {
	s, _ := benchServer()
	for n := range 15 {
		post(b, s, season(n))
	}
	for b.Loop() {
		b.ReportMetric(float64(post(b, s, `{"sync_token":"*","resource_types":["projects","sections","items"]}`)), "B/answer")
	}
}

func BenchmarkRESTReadOfAProject(b *testing.B) {
	s, a := benchServer()
	post(b, s, season(0))
	path := "/api/v1/tasks?limit=200&project_id=" + a.Projects()[1].ID
	for b.Loop() {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer token")
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}
