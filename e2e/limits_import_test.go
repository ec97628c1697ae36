package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// TestAnImportDoesWithoutWhatThePlanTurnsOutNotToHave is about accounts that
// are told other limits than those that their writes meet.
func TestAnImportDoesWithoutWhatThePlanTurnsOutNotToHave(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		enforced func(*fake.Limits)
		says     string
		lacks    func(*fake.Account) bool
	}{
		"durations": {func(l *fake.Limits) { l.Durations = false }, "include task durations", func(a *fake.Account) bool {
			for _, task := range a.Tasks("") {
				if task.Duration != nil {
					return false
				}
			}
			return true
		}},
		"reminders": {func(l *fake.Limits) { l.CustomReminders = false }, "sets no reminders", func(a *fake.Account) bool {
			return len(a.Reminders("")) == 0
		}},
		"as many reminders": {func(l *fake.Limits) { l.Reminders = 10 }, "reminders", func(a *fake.Account) bool {
			return len(a.Reminders("")) <= 10
		}},
		"as many sections": {func(l *fake.Limits) { l.SectionsPerProject = 2 }, "no room for more sections", func(a *fake.Account) bool {
			return len(a.Sections("")) <= 2
		}},
		"any section": {func(l *fake.Limits) { l.SectionsPerProject = 0 }, "no room for more sections", func(a *fake.Account) bool {
			return len(a.Sections("")) == 0
		}},
		"calendars": {func(l *fake.Limits) { l.CalendarLayout = false }, "as a calendar, so it is a list", func(a *fake.Account) bool { return true }},
		"any of these": {func(l *fake.Limits) { l.SectionsPerProject, l.Durations, l.CustomReminders = 0, false, false }, "include task durations",
			func(a *fake.Account) bool { return len(a.Sections(""))+len(a.Reminders("")) == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, lateSeason)
			account := s.account("lim", fake.Pro)
			enforced := fake.Pro.Limits()
			tt.enforced(&enforced)
			account.SetLimits(fake.Pro.Limits(), enforced)
			b := s.browser().signIn(account)
			p := b.get("/import?team=BOS&duration=150&reminder=60&sections=month&view=calendar").want(http.StatusOK)
			if strings.Contains(text(p.body), tt.says) {
				t.Fatalf("the plan knows already what the account has not: %q", tt.says)
			}
			form := p.form("post", "/imports")
			done := b.post("/imports", form).want(http.StatusSeeOther)
			b.get(done.location()).want(http.StatusOK).has(tt.says)
			wantExactly(t, account, embedded(), "BOS", lateSeason)
			if !tt.lacks(account) {
				t.Error("the account has what it cannot have")
			}
			if mode, sorted := s.viewOf(account); mode == "CALENDAR" != enforced.CalendarLayout || sorted != "DUE_DATE" {
				t.Errorf("the project is shown as %s, sorted by %s", mode, sorted)
			}
			// An update does not try again what was refused, and leaves it to the
			// tasks to which it was granted.
			bare := url.Values{"team": {"BOS"}, "target": {onlyProject(t, account).ID}}
			s.fake.ResetRequests()
			b.post("/imports", bare).want(http.StatusSeeOther)
			if _, n := s.requests(); n != 0 {
				t.Errorf("an update wrote %d times", n)
			}
			b.get("/projects").want(http.StatusOK).has("Up to date")
			wantExactly(t, account, embedded(), "BOS", lateSeason)
			b.post("/imports", form)
			wantExactly(t, account, embedded(), "BOS", lateSeason)
		})
	}
}

// viewOf is how the account's one project is shown, and what its tasks are sorted
// by, as Todoist says it.
func (s *site) viewOf(a *fake.Account) (mode, sorted string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.todoist+"/api/v1/sync", strings.NewReader(
		url.Values{"sync_token": {"*"}, "resource_types": {`["view_options"]`}}.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+a.Profile().APIToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var state struct {
		Views []struct {
			Mode   string `json:"view_mode"`
			Sorted string `json:"sorted_by"`
		} `json:"view_options"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil || len(state.Views) != 1 {
		s.t.Fatalf("the account has the views %+v, %v", state.Views, err)
	}
	return state.Views[0].Mode, state.Views[0].Sorted
}

// offers are the links below the heading of what fits, by their words.
func (p *page) offers() map[string]string {
	p.t.Helper()
	_, list, _ := strings.Cut(p.body, `<div class="offers">`)
	list, _, _ = strings.Cut(list, "</div>")
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`).FindAllStringSubmatch(list, -1) {
		all[html.UnescapeString(m[2])] = html.UnescapeString(m[1])
	}
	return all
}

// TestAnImportThatDoesNotFitStopsBeforeItWrites is about limits that are told. The
// page offers what fits, and the first of the offers can be run as it is.
func TestAnImportThatDoesNotFitStopsBeforeItWrites(t *testing.T) {
	t.Parallel()
	doesNotFit(t, 1)
}

// doesNotFit tries imports that do not fit, and so many of the offers of each.
func doesNotFit(t *testing.T, most int) {
	for name, tt := range map[string]struct {
		told   func(*fake.Limits)
		query  string // INBOX stands for the Inbox's id
		says   string
		offers []string
	}{
		"too many projects": {func(l *fake.Limits) { l.Projects = 0 }, "team=BOS", "no room for a new one", []string{"Into “Inbox”"}},
		"too many projects at once": {func(l *fake.Limits) { l.Projects = 2 }, "team=BOS&team=NYK&team=LAL&target=each", "no room for 3 new ones",
			[]string{"All in one new project", "Into “Inbox”"}},
		"too many projects, also for one": {func(*fake.Limits) {}, "team=BOS&team=LAL&team=DEN&team=MIA&team=DAL&team=NYK&target=each", "no room for 6 new ones",
			[]string{"All in one new project", "Into “Inbox”"}},
		"too many projects, and sections": {func(l *fake.Limits) { l.Projects, l.SectionsPerProject = 0, 3 }, "team=BOS&sections=month",
			"no room for a new one", []string{"Into “Inbox”", "The same without sections"}},
		"too many projects, and full ones": {func(l *fake.Limits) { l.Projects, l.TasksPerProject = 0, 20 }, "team=BOS&venue=home",
			"no room for a new one", []string{"Into “Inbox”", "Only games until Tue 9 Feb"}},
		"too many tasks":    {func(l *fake.Limits) { l.TasksPerProject = 50 }, "team=BOS", "room for 50 more", []string{"Only games until Fri 12 Mar", "Only home games"}},
		"too many sections": {func(l *fake.Limits) { l.SectionsPerProject = 3 }, "team=BOS&sections=month", "holds 3 sections", []string{"The same without sections"}},
		"too many teams for project": {func(*fake.Limits) {}, "team=BOS&team=LAL&team=DEN&team=MIA&team=DAL", "holds 300 tasks",
			[]string{"A project for each team", "Only games until Fri 9 Apr", "Only home games"}},
		"too many for a project of theirs": {func(l *fake.Limits) { l.TasksPerProject = 66 }, "team=BOS&team=LAL&target=INBOX", "room for 66 more",
			[]string{"A project for each team", "Only games until Tue 2 Feb", "Only home games"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, midSeason)
			account := s.account("fit", fake.Free)
			limits := fake.Free.Limits()
			tt.told(&limits)
			account.SetLimits(limits, limits)
			b := s.browser().signIn(account)
			query := strings.ReplaceAll(tt.query, "INBOX", account.InboxID())
			offers := b.get("/import?" + query).want(http.StatusOK).has(tt.says).offers()
			if got := slices.Sorted(maps.Keys(offers)); !slices.Equal(got, tt.offers) {
				t.Errorf("the page offers %q, want %q", got, tt.offers)
			}
			s.fake.ResetRequests()
			b.post("/imports", parseForm(t, query)).want(http.StatusConflict).has(tt.says).has(tt.offers[0])
			streamed := b.post("/imports", parseForm(t, query), "Accept", "text/event-stream")
			if strings.Contains(streamed.body, "event: done") || streamed.status < 400 && !strings.Contains(streamed.body, "event: failed") {
				t.Errorf("the streamed import answers %d: %.300s", streamed.status, streamed.body)
			}
			if _, writes := s.requests(); writes != 0 || len(projects(account)) != 0 {
				t.Errorf("%d writes left %d projects", writes, len(projects(account)))
			}
			for _, words := range tt.offers[:min(most, len(tt.offers))] {
				link := offers[words]
				account := s.account(fmt.Sprintf("fit%d", len(s.fake.Accounts())), fake.Free)
				account.SetLimits(limits, limits)
				link = strings.ReplaceAll(link, s.fake.Accounts()[0].InboxID(), account.InboxID())
				b := s.browser().signIn(account)
				// What does not fit there either says what does.
				for p := b.get(link).want(http.StatusOK); len(p.offers()) > 0; p = b.get(link).want(http.StatusOK) {
					link = p.offers()[slices.Sorted(maps.Keys(p.offers()))[0]]
				}
				b.post("/imports", b.get(link).form("post", "/imports")).want(http.StatusSeeOther)
				n := len(tasks(account, ""))
				if said, _, _ := strings.Cut(link, "?"); n == 0 || said != "/import" {
					t.Errorf("%s, %s: made %d tasks", words, link, n)
				}
			}
		})
	}
}

// TestAnImportThatTurnsOutNotToFitSaysWhatIsMissing is about limits that nobody
// tells, and for which no feature can be left out.
func TestAnImportThatTurnsOutNotToFitSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		enforced func(*fake.Limits)
		query    string
		says     string
		tasks    int
	}{
		"projects":     {func(l *fake.Limits) { l.Projects = 0 }, "team=BOS", "no room for another project", 0},
		"one project":  {func(l *fake.Limits) { l.Projects = 1 }, "team=BOS&team=NYK&target=each", "no room for another project", len(wanted("BOS"))},
		"tasks":        {func(l *fake.Limits) { l.TasksPerProject = 20 }, "team=BOS", "The project is full", 20},
		"tasks by far": {func(l *fake.Limits) { l.TasksPerProject = 0 }, "team=BOS", "The project is full", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, midSeason)
			account := s.account("end", fake.Free)
			enforced := fake.Free.Limits()
			tt.enforced(&enforced)
			account.SetLimits(fake.Free.Limits(), enforced)
			b := s.browser().signIn(account)
			form := b.get("/import?"+tt.query).want(http.StatusOK).form("post", "/imports")
			streamed := b.post("/imports", form, "Accept", "text/event-stream").want(http.StatusOK)
			if offered := strings.Contains(streamed.body, "Into “Inbox”"); !strings.Contains(streamed.body, "event: failed") || offered != (name == "projects") {
				t.Errorf("the streamed import says:\n%.600s", streamed.body)
			}
			p := b.post("/imports", form)
			if p.status < 400 {
				t.Fatalf("the import answered %d", p.status)
			}
			p.has(tt.says)
			n := 0
			for _, task := range account.Tasks("") {
				if task.ProjectID == account.InboxID() {
					t.Fatalf("%q is in the Inbox", task.Content)
				}
				n++
			}
			if n != tt.tasks {
				t.Errorf("there are %d tasks, want %d", n, tt.tasks)
			}
			if link := p.offers()["Into “Inbox”"]; (link == "") == (name == "projects") {
				t.Errorf("the page offers %v", p.offers())
			} else if link != "" {
				b.get(link).want(http.StatusOK).has("65 games will be added to “Inbox”")
			}
			// Once there is room, the same button does the rest.
			account.SetLimits(fake.Free.Limits(), fake.Free.Limits())
			b.post("/imports", form).want(http.StatusSeeOther)
			wantExactly(t, account, embedded(), "BOS", midSeason)
			if strings.Contains(tt.query, "NYK") {
				wantExactly(t, account, embedded(), "NYK", midSeason)
			}
		})
	}
}

func parseForm(t *testing.T, query string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
