package e2e

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// everyTeam asks for the whole season of all teams, each in its own project.
func everyTeam() url.Values {
	form := url.Values{"target": {"each"}, "games": {"all"}}
	for _, team := range schedule.Teams() {
		form.Add("team", team.Code)
	}
	return form
}

// wantSeasons fails the test unless each of the teams has one project with one task
// for each game of the season.
func wantSeasons(t *testing.T, account *fake.Account, teams []schedule.Team) {
	t.Helper()
	all := projects(account)
	if len(all) != len(teams) {
		t.Fatalf("there are %d projects, want %d", len(all), len(teams))
	}
	if n := len(account.Tasks(account.InboxID())); n != 0 {
		t.Errorf("%d tasks are in the Inbox", n)
	}
	for _, team := range teams {
		i := slices.IndexFunc(all, func(p fake.Project) bool { return strings.HasPrefix(p.Name, team.FullName()) })
		if i < 0 {
			t.Errorf("there is no project for %s", team.Code)
			continue
		}
		have := map[string]int{}
		made := account.Tasks(all[i].ID)
		for _, task := range made {
			have[task.Due.Date]++
		}
		games := schedule.Filter{Teams: []string{team.Code}}.Games(embedded(), midSeason)
		if len(made) != len(games) {
			t.Errorf("%s: there are %d tasks, want %d", team.Code, len(made), len(games))
		}
		for _, g := range games {
			if n := have[dueOf(&g)]; n != 1 {
				t.Errorf("%s: %d tasks are due %s, want 1", team.Code, n, dueOf(&g))
			}
		}
	}
}

// TestTheWholeLeaguesHomeGamesTakeTwoWritesATeam is all 1,230 games once.
func TestTheWholeLeaguesHomeGamesTakeTwoWritesATeam(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("meg", fake.Pro)
	b := s.browser().signIn(account)
	form := everyTeam()
	form.Set("venue", "home")
	s.fake.ResetRequests()
	b.post("/imports", form).want(http.StatusSeeOther)
	if reads, writes := s.requests(); writes != 60 || reads != 1 {
		t.Errorf("the import took %d reads and %d writes, want 1 and 60", reads, writes)
	}
	n, want := 0, 0
	for _, p := range projects(account) {
		n += len(tasks(account, p.ID))
	}
	for _, team := range schedule.Teams() {
		want += len(schedule.Filter{Teams: []string{team.Code}, Venue: "home"}.Games(embedded(), midSeason))
	}
	if n != want || want < 1150 {
		t.Errorf("there are %d tasks, want %d", n, want)
	}
}

func TestAnImportFinishesWhenItsVisitorLeaves(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("lea", fake.Pro)
	b := s.browser().signIn(account)
	teams := schedule.Teams()[:6]
	form := everyTeam()
	form["team"] = form["team"][:len(teams)]
	// Every write takes a while, so that the visitor leaves in the middle.
	s.fake.Fail(fake.Fault{Command: "item_add", Delay: 20 * time.Millisecond})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, publicURL+"/imports", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", publicURL)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	for events, scan := 0, bufio.NewScanner(resp.Body); events < 4 && scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "event: progress") {
			events++
		}
	}
	resp.Body.Close()
	b.client.CloseIdleConnections()
	if n := len(projects(account)); n == len(teams) {
		t.Fatal("the import was over before the visitor left")
	}
	// Another import of the same user waits for the first one and finds
	// nothing left to do.
	b.post("/imports", form).want(http.StatusSeeOther)
	if !strings.Contains(s.log.String(), "unchanged=0 kept=0 failed=0") || !strings.Contains(s.log.String(), "added=0") {
		t.Error("not the first import made all tasks, but the second")
	}
	wantSeasons(t, account, teams)
	b.get("/projects").want(http.StatusOK).has("480 already right")
}

// TestWhoLeftAnImportIsToldHowItEnded is about what is said to somebody who
// comes back after the end.
func TestWhoLeftAnImportIsToldHowItEnded(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("lou", fake.Pro)
	b := s.browser().signIn(account)
	form := url.Values{"team": {"BOS", "NYK"}, "target": {"each"}, "games": {"upcoming"}, "duration": {"150"}}
	// leaves presses the button, leaves with the first progress, and waits for the
	// end of the import in the log.
	leaves := func(end string) {
		t.Helper()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, publicURL+"/imports", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", publicURL)
		req.Header.Set("Accept", "text/event-stream")
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		leave()
		for range 500 {
			if strings.Contains(s.log.String(), end) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("the log does not say %q", end)
	}
	// The first write takes a while, so that the visitor is gone before the next,
	// which Todoist does not take for a long time.
	s.fake.Fail(fake.Fault{Command: "project_add", Delay: 300 * time.Millisecond, Times: 1})
	remove := s.fake.Fail(fake.Fault{Command: "item_add", Status: http.StatusTooManyRequests, RetryAfter: 600,
		Match: func(r fake.Request) bool { return !slices.Contains(r.Commands, "project_add") }})
	leaves("import not finished")
	p := b.get("/projects").want(http.StatusOK).has("The import that you left has stopped.").has("too many requests").has("Go on")
	if said := text(b.get("/projects").body); strings.Contains(said, "that you left") {
		t.Errorf("it is said again: %.600s", said)
	}
	_, link, _ := strings.Cut(p.body, `<a href="/import?`)
	link, _, _ = strings.Cut(link, `"`)
	remove()
	limits := fake.Pro.Limits()
	limits.Durations = false
	account.SetLimits(fake.Pro.Limits(), limits)
	s.fake.Fail(fake.Fault{Command: "item_add", Delay: 300 * time.Millisecond, Times: 1})
	form = b.get("/import?"+html.UnescapeString(link)).want(http.StatusOK).form("post", "/imports")
	leaves("import finished")
	b.get("/projects").want(http.StatusOK).has("The import that you left is done.").has("include task durations")
	for _, team := range []string{"BOS", "NYK"} {
		wantExactly(t, account, embedded(), team, midSeason)
	}
}

func TestTwoBrowsersWithDifferentOptionsMakeNoDoubles(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("duo", fake.Pro)
	var browsers []*browser
	var forms []url.Values
	for _, options := range []url.Values{
		{"title": {"codes"}, "duration": {"150"}, "reminder": {"60"}, "sections": {"month"}},
		{"title": {"emoji"}, "labels": {"nba"}, "priority": {"1"}, "timezone": {"Asia/Tokyo"}},
	} {
		b := s.browser().signIn(account)
		options.Set("team", "PHX")
		browsers = append(browsers, b)
		forms = append(forms, b.get("/import?"+options.Encode()).want(http.StatusOK).form("post", "/imports"))
	}
	var wg sync.WaitGroup
	for i, b := range browsers {
		wg.Go(func() {
			// The second one to write finds what it has not been shown, and
			// asks again; or what it wants is what is there.
			p, err := b.try("/imports", forms[i])
			if err != nil || p.status != http.StatusSeeOther && p.status != http.StatusConflict {
				t.Errorf("browser %d: %v %+v", i, err, p)
			}
		})
	}
	wg.Wait()
	onlyProject(t, account)
	wantExactly(t, account, embedded(), "PHX", midSeason)
}

func TestOnePageOpenInTwoTabsMakesNoDoubles(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"new", "existing"} {
		t.Run(fmt.Sprint("target ", target), func(t *testing.T) {
			t.Parallel()
			s := startSite(t, midSeason)
			account := s.account("tab", fake.Free)
			project := account.AddProject(fake.Project{Name: "Sports"})
			b := s.browser().signIn(account)
			query := "team=POR"
			if target == "existing" {
				query += "&target=" + project
			}
			first := b.get("/import?"+query).want(http.StatusOK).form("post", "/imports")
			second := b.get("/import?"+query).want(http.StatusOK).form("post", "/imports")
			var wg sync.WaitGroup
			for _, form := range []url.Values{first, second, first} {
				wg.Go(func() {
					if p, err := b.try("/imports", form); err != nil || p.status != http.StatusSeeOther {
						t.Errorf("submit: %v %+v", err, p)
					}
				})
			}
			wg.Wait()
			n, games := 0, wanted("POR")
			for _, p := range projects(account) {
				n += len(account.Tasks(p.ID))
			}
			if n != len(games) {
				t.Errorf("there are %d tasks, want %d", n, len(games))
			}
		})
	}
}
