package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// expected reads, without the program's own decoder, when each team's games of
// the regular season and the Cup are: instants, or days for games without a
// time, by game id.
func expected(t *testing.T, path string, now time.Time) map[string]map[string]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		LeagueSchedule struct {
			GameDates []struct {
				Games []struct {
					GameID, GameStatusText, GameDateEst, GameDateTimeUTC string
					HomeTeam, AwayTeam                                   struct{ TeamTricode string }
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	teams := map[string]map[string]string{}
	for _, date := range doc.LeagueSchedule.GameDates {
		for _, g := range date.Games {
			if kind := g.GameID[:3]; kind != "002" && kind != "006" || g.HomeTeam.TeamTricode == "" {
				continue
			}
			due := g.GameDateTimeUTC
			if strings.TrimSpace(g.GameStatusText) == "TBD" {
				due = g.GameDateEst[:10]
			}
			if at, err := time.Parse(time.RFC3339, due); err == nil && at.Before(now) {
				continue
			}
			for _, code := range []string{g.HomeTeam.TeamTricode, g.AwayTeam.TeamTricode} {
				if teams[code] == nil {
					teams[code] = map[string]string{}
				}
				teams[code][g.GameID] = due
			}
		}
	}
	return teams
}

func TestTeamsOfARealFeedGetOneTaskPerUpcomingGame(t *testing.T) {
	t.Parallel()
	realFeeds(t, "BOS", "LAL", "TOR")
}

// realFeeds imports teams of two real feeds, all of them where none is named.
func realFeeds(t *testing.T, teams ...string) {
	for name, now := range map[string]time.Time{
		"nba-2024-25-cdn-20240816.json":  time.Date(2024, 11, 16, 12, 0, 0, 0, time.UTC),
		"nba-2026-27-cdn-synthetic.json": midSeason,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := sharedFile(t, name)
			s := startSite(t, now, "-schedule-url", path)
			want := expected(t, path, now)
			if len(want) != 30 {
				t.Fatalf("the feed has %d teams", len(want))
			}
			for code, games := range want {
				if len(teams) > 0 && !slices.Contains(teams, code) {
					continue
				}
				account := s.account(code, fake.Free)
				b := s.browser().signIn(account)
				form := b.get("/import?team="+code).want(http.StatusOK).form("post", "/imports")
				s.fake.ResetRequests()
				b.post("/imports", form).want(http.StatusSeeOther)
				if reads, writes := s.requests(); writes != 2 || reads != 1 {
					t.Errorf("%s: the import took %d reads and %d writes, want 1 and 2", code, reads, writes)
				}
				got := map[string]string{}
				for _, task := range tasks(account, onlyProject(t, account).ID) {
					id := gameID(task)
					if got[id] != "" {
						t.Errorf("%s: game %s has two tasks", code, id)
					}
					got[id] = task.Due.Date
				}
				if len(got) != len(games) {
					t.Errorf("%s: got %d tasks, want %d", code, len(got), len(games))
				}
				for id, due := range games {
					if got[id] != due {
						t.Errorf("%s: game %s is due %q, want %q", code, id, got[id], due)
					}
				}
			}
		})
	}
}

// gameID is the id in the link that a task's description ends with.
func gameID(task fake.Task) string {
	_, link, _ := strings.Cut(task.Description, "https://www.nba.com/game/")
	id, _, _ := strings.Cut(link, "#")
	return id
}

func TestASecondImportWritesNothing(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	first := b.importTeam("team=BOS").want(http.StatusSeeOther)
	before := account.Tasks(onlyProject(t, account).ID)
	s.fake.ResetRequests()
	project, _, _ := strings.Cut(first.location(), "?")
	b.get(first.location()).want(http.StatusOK).has("65 games are on your list")
	b.get(project).want(http.StatusOK).has("Up to date")
	b.get("/import?team=BOS").want(http.StatusOK).has("Nothing to do")
	again := b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusSeeOther)
	if _, writes := s.requests(); writes != 0 {
		t.Errorf("the second import wrote %d times", writes)
	}
	if got := len(account.Tasks(onlyProject(t, account).ID)); got != len(before) {
		t.Errorf("there are %d tasks, want %d", got, len(before))
	}
	if !strings.HasPrefix(again.location(), project) {
		t.Errorf("the second import leads to %s, want %s", again.location(), project)
	}
}

// TestAProjectIsKnownAgainRenamedAndMoved is also about its state on the list of
// projects, and about games left out, which stay so.
func TestAProjectIsKnownAgainRenamedAndMoved(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ren", fake.Free)
	b := s.browser().signIn(account)
	form := b.get("/import?team=BOS&labels=nba").want(http.StatusOK).form("post", "/imports")
	games := wanted("BOS")
	form["include"] = slices.DeleteFunc(form["include"], func(id string) bool { return id == games[2].ID || id == games[30].ID })
	b.get(b.post("/imports", form).want(http.StatusSeeOther).location()).want(http.StatusOK).has("63 games are on your list")
	project := onlyProject(t, account).ID
	id := b.importIn(project)
	account.RenameProject(project, "Green")
	account.MoveProject(project, account.AddProject(fake.Project{Name: "Sports"}))

	b.get("/projects").want(http.StatusOK).has("Green Up to date, updates itself 63 games to go")
	b.get("/import?team=BOS").want(http.StatusOK).has("“Green” is up to date")
	s.fake.ResetRequests()
	b.get("/projects/" + id).want(http.StatusOK).has("Up to date").has("2 games left out")
	for _, r := range s.fake.Requests() {
		if slices.Contains(r.ResourceTypes, "items") {
			t.Error("the page of one project reads all tasks of the account")
		}
	}
	// Three that their owner deletes stay deleted, whatever is changed.
	for _, task := range tasks(account, project)[:3] {
		account.DeleteTask(task.ID)
	}
	b.get("/projects").want(http.StatusOK).has("Green Up to date, updates itself")
	form = b.get("/import?import="+id+"&labels=nba,green").want(http.StatusOK).form("post", "/imports")
	b.post("/imports", form).want(http.StatusSeeOther)
	left := tasks(account, project)
	for _, task := range left {
		if len(task.Labels) != 2 || task.Due.Date == dueOf(&games[2]) || task.Due.Date == dueOf(&games[30]) {
			t.Errorf("%q of %s has the labels %v", task.Content, task.Due.Date, task.Labels)
		}
	}
	if len(left) != 60 || len(projects(account)) != 2 {
		t.Errorf("there are %d tasks in %d projects, want 60 in 2", len(left), len(projects(account)))
	}
	b.get("/projects/" + id).want(http.StatusOK).has("60 tasks brought up to date")
	page := b.get("/projects/" + id).want(http.StatusOK).has("2 games left out")
	// One that was left out is put back by its box.
	back := page.form("post", "/imports")
	back["include"] = []string{games[2].ID}
	b.get(b.post("/imports", back).want(http.StatusSeeOther).location()).want(http.StatusOK).has("1 game added to your list")
	if n := len(tasks(account, project)); n != 61 {
		t.Errorf("with one put back there are %d tasks, want 61", n)
	}
	b.get("/projects/" + id).want(http.StatusOK).has("1 game left out")
}

// TestThePreviewCountsWhatIsTicked does without scripts what people do there: it unticks
// games, has the preview updated, and imports what is left.
func TestThePreviewCountsWhatIsTicked(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("kim", fake.Free)
	b := s.browser().signIn(account)
	page := b.get("/import?team=BOS").want(http.StatusOK).has("65 games will be added").has("65 games to add").has("Add 65 games to Todoist")
	if strings.Contains(page.body, "left out") {
		t.Error("nothing is left out, and the page speaks of it")
	}
	form := page.form("post", "/imports")
	if n := len(form["include"]); n != 65 {
		t.Fatalf("%d games are ticked, want 65", n)
	}
	form["include"] = form["include"][4:]
	form.Set("preview", "1")
	page = b.get(b.post("/imports", form).want(http.StatusSeeOther).location()).want(http.StatusOK)
	page.has("61 games will be added").has("61 games to add · 4 left out").has("Add 61 games to Todoist")
	form = page.form("post", "/imports")
	form["include"] = form["include"][1:]
	b.get(b.post("/imports", form).want(http.StatusSeeOther).location()).want(http.StatusOK).has("60 games are on your list")
	if n := len(tasks(account, onlyProject(t, account).ID)); n != 60 {
		t.Errorf("there are %d tasks, want the 60 that were ticked", n)
	}
	b.get("/import?team=BOS").want(http.StatusOK).has("0 games to add · 5 left out")
}

// TestAGameForTwoProjectsIsLeftOutByEitherBox is about Celtics against Knicks, with a
// project for each.
func TestAGameForTwoProjectsIsLeftOutByEitherBox(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("lou", fake.Free))
	page := b.get("/import?team=BOS&team=NYK&target=each&opponent=BOS&opponent=NYK").want(http.StatusOK)
	form := page.form("post", "/imports")
	games := len(form["include"])
	if games == 0 || games%2 != 0 {
		t.Fatalf("%d boxes for the games of two teams against each other", games)
	}
	form["include"] = form["include"][1:]
	form.Set("preview", "1")
	page = b.get(b.post("/imports", form).want(http.StatusSeeOther).location()).want(http.StatusOK)
	page.has(fmt.Sprintf("%d games to add · 2 left out", games-2))
}

func TestFiveSubmitsOfOneFormMakeOneProject(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("bob", fake.Free)
	b := s.browser().signIn(account)
	form := b.get("/import?team=NYK").want(http.StatusOK).form("post", "/imports")
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if p, err := b.try("/imports", form); err != nil || p.status != http.StatusSeeOther {
				t.Errorf("submit: %v %+v", err, p)
			}
		})
	}
	wg.Wait()
	wantExactly(t, account, embedded(), "NYK", lateSeason)
}

// wantExactly fails the test unless the account has one project with one task
// for each upcoming game of the team, at its time.
func wantExactly(t *testing.T, account *fake.Account, season *schedule.Season, team string, now time.Time) {
	t.Helper()
	games := schedule.Filter{Teams: []string{team}, Upcoming: true}.Games(season, now)
	var all []fake.Task
	for _, p := range projects(account) {
		if strings.Contains(p.Name, teamName(team)) {
			all = append(all, tasks(account, p.ID)...)
		}
	}
	due := map[string]int{}
	for _, task := range all {
		due[task.Due.Date]++
	}
	if len(all) != len(games) {
		t.Errorf("%s: got %d tasks, want %d", team, len(all), len(games))
	}
	for _, g := range games {
		want := g.Tip.Format("2006-01-02T15:04:05Z")
		if g.TBD() {
			want = string(g.Day)
		}
		if due[want] != 1 {
			t.Errorf("%s: %d tasks are due %s, want 1", team, due[want], want)
		}
	}
}

func teamName(code string) string {
	team, _ := schedule.TeamByCode(code)
	return team.FullName()
}

func TestAnImportCutOffIsCompleteAfterPressingAgain(t *testing.T) {
	t.Parallel()
	cut := map[string]fake.Fault{
		"the answer is dropped each time after the commands were applied": {Command: "project_add", AfterApply: true, Drop: true},
		"each answer is a 502 after the commands were applied":            {Command: "project_add", AfterApply: true, Status: 502},
		"each request is dropped before it is applied":                    {Command: "project_add", Drop: true},
		"the first answer is a 502 after the commands were applied":       {Command: "project_add", AfterApply: true, Status: 502, Times: 1},
		"the first answer is dropped after the commands were applied":     {Command: "project_add", AfterApply: true, Drop: true, Times: 1},
	}
	for name, fault := range cut {
		for _, repeats := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, mapping repeated %v", name, repeats), func(t *testing.T) {
				t.Parallel()
				s := startSite(t, lateSeason)
				s.fake.SetSwitches(fake.Switches{ReplayRepeatsMapping: repeats})
				account := s.account("cut", fake.Free)
				b := s.browser().signIn(account)
				form := b.get("/import?team=DEN&duration=0&labels=nba").want(http.StatusOK).form("post", "/imports")
				s.fake.Fail(fault)
				p := b.post("/imports", form)
				// A request that is answered once is repeated at once.
				want := http.StatusBadGateway
				if fault.Times == 1 {
					want = http.StatusSeeOther
				}
				if p.status != want {
					t.Errorf("the import answered %d, want %d: %s", p.status, want, text(p.body))
				}
				s.fake.ClearFaults()
				b.post("/imports", form).want(http.StatusSeeOther)
				wantExactly(t, account, embedded(), "DEN", lateSeason)
			})
		}
	}
}

func TestTwoUsersAtOnceNeverSeeEachOthersTasks(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	teams := []string{"BOS", "NYK", "LAL", "GSW", "CHI"}
	users := map[string]*fake.Account{"eve": s.account("eve", fake.Free), "fay": s.account("fay", fake.Free)}
	var wg sync.WaitGroup
	for name, account := range users {
		b := s.browser().signIn(account)
		for _, team := range teams {
			wg.Go(func() {
				p, err := b.try("/imports", url.Values{"team": {team}, "labels": {"of-" + name}})
				if err != nil || p.status != http.StatusSeeOther {
					t.Errorf("%s imports %s: %v %+v", name, team, err, p)
				}
			})
		}
	}
	wg.Wait()
	for name, account := range users {
		if got := len(projects(account)); got != len(teams) {
			t.Errorf("%s has %d projects, want %d", name, got, len(teams))
		}
		for _, team := range teams {
			wantExactly(t, account, embedded(), team, lateSeason)
		}
		for _, p := range projects(account) {
			for _, task := range tasks(account, p.ID) {
				if len(task.Labels) != 1 || task.Labels[0] != "of-"+name {
					t.Fatalf("%s has a task with the labels %v", name, task.Labels)
				}
			}
		}
	}
}

func TestBadInputNamesWhatIsWrongAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("gus", fake.Free)
	signedIn, stranger := s.browser().signIn(account), s.browser()
	bos := func(pairs ...string) url.Values {
		v := url.Values{"team": {"BOS"}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	s.fake.ResetRequests()
	for name, tt := range map[string]struct {
		page   *page
		status int
		says   string
	}{
		"an unknown team on the page":   {signedIn.get("/import?team=XYZ"), 422, "“XYZ” is not known"},
		"an unknown team in the form":   {signedIn.post("/imports", url.Values{"team": {"XYZ"}}), 422, "“XYZ” is not known"},
		"no team":                       {signedIn.post("/imports", nil), 422, "Choose a team"},
		"an unknown zone":               {signedIn.post("/imports", bos("timezone", "Mars/Phobos")), 422, "“Mars/Phobos” is not known"},
		"an unknown target":             {signedIn.post("/imports", bos("target", "6XnotAProjectOfX")), 422, "no longer exists"},
		"a label that is too long":      {signedIn.post("/imports", bos("labels", strings.Repeat("x", 61))), 422, "61"},
		"a priority beyond":             {signedIn.post("/imports", bos("priority", "9")), 422, "from 1"},
		"a view that is none":           {signedIn.post("/imports", bos("view", "spiral")), 422, "“spiral” is not known"},
		"a day that is none":            {signedIn.post("/imports", bos("from", "2026-13-45")), 422, "2026-13-45"},
		"a form without a session":      {stranger.post("/imports", bos()), 401, "not signed in"},
		"a callback without a state":    {stranger.get("/oauth/callback?code=abc"), 400, "didn’t start here"},
		"a callback with a false state": {stranger.get("/oauth/callback?code=abc&state=made-up"), 400, "didn’t start here"},
		"a callback with nothing":       {stranger.get("/oauth/callback"), 400, "didn’t start here"},
		"a body that is too large":      {signedIn.post("/imports", bos("labels", strings.Repeat("x", 400<<10))), 413, "too large"},
		"an unknown page":               {stranger.get("/no/such/page"), 404, "Page not found"},
		"an unknown team's page":        {stranger.get("/teams/XYZ"), 404, "Team not found"},
		"a project that is not there":   {signedIn.get("/projects/6XnotAProjectOfX"), 404, "No games"},
		"another site's form":           {signedIn.post("/imports", bos(), "Origin", "https://evil.example"), 403, "another site"},
		"a false token":                 {stranger.post("/sign-in/token", url.Values{"token": {"nobody's"}}), 422, "does not know this token"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.page.t = t
			tt.page.want(tt.status).has(tt.says)
		})
	}
	if _, writes := s.requests(); writes != 0 || len(projects(account)) != 0 {
		t.Errorf("bad input wrote %d times and left %d projects", writes, len(projects(account)))
	}
}
