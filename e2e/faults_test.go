package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// What the imports of the table ask for: two projects with sections and a
// reminder for each task, and just so many games that it takes three writes.
var (
	longTeams = []string{"BOS", "NYK"}
	longForm  = url.Values{"team": longTeams, "target": {"each"}, "games": {"upcoming"}, "to": {string(longTo)}, "reminder": {"60"}, "duration": {"150"},
		"sections": {"month"}, "labels": {"nba"}}
)

const longTo schedule.Day = "2027-03-10"

// wantedLong are the games that the import takes of a team.
func wantedLong(team string) []schedule.Game {
	return schedule.Filter{Teams: []string{team}, Upcoming: true, To: longTo}.Games(embedded(), midSeason)
}

// longWrites is how many writes it takes.
const longWrites = 4

// wanted are the games that an import of a team takes.
func wanted(team string) []schedule.Game {
	return schedule.Filter{Teams: []string{team}, Upcoming: true}.Games(embedded(), midSeason)
}

// astray says what is not as the complete import of longForm leaves it.
func astray(a *fake.Account) error {
	all := projects(a)
	if len(all) != len(longTeams) {
		return fmt.Errorf("there are %d projects, want %d", len(all), len(longTeams))
	}
	if n := len(a.Tasks(a.InboxID())); n != 0 {
		return fmt.Errorf("%d tasks are in the Inbox", n)
	}
	for _, team := range longTeams {
		i := slices.IndexFunc(all, func(p fake.Project) bool { return strings.HasPrefix(p.Name, teamName(team)) })
		if i < 0 {
			return fmt.Errorf("there is no project for %s", team)
		}
		have := map[string]int{}
		months := map[string]string{}
		for _, s := range a.Sections(all[i].ID) {
			if !s.Deleted {
				months[s.ID] = s.Name
			}
		}
		made := a.Tasks(all[i].ID)
		for _, task := range made {
			if task.Deleted || task.Checked {
				return fmt.Errorf("%s: %q was deleted or completed", team, task.Content)
			}
			if n := len(slices.DeleteFunc(a.Reminders(task.ID), func(r fake.Reminder) bool { return r.Deleted })); n != 1 && task.Due.HasTime() {
				return fmt.Errorf("%s: %q has %d reminders, want 1", team, task.Content, n)
			}
			if at, ok := task.Due.Instant(); ok && months[task.SectionID] != at.In(schedule.Eastern()).Format("January 2006") {
				return fmt.Errorf("%s: %q of %s is in the section %q", team, task.Content, task.Due.Date, months[task.SectionID])
			}
			have[task.Due.Date]++
		}
		games := wantedLong(team)
		if len(made) != len(games) {
			return fmt.Errorf("%s: there are %d tasks, want %d", team, len(made), len(games))
		}
		for _, g := range games {
			if have[dueOf(&g)] != 1 {
				return fmt.Errorf("%s: %d tasks are due %s, want 1", team, have[dueOf(&g)], dueOf(&g))
			}
		}
	}
	return nil
}

// dueOf is the due that the task of a game has.
func dueOf(g *schedule.Game) string {
	if g.TBD() {
		return string(g.Day)
	}
	return g.Tip.Format("2006-01-02T15:04:05Z")
}

// unwritten are the titles of the games of longForm that have no task.
func unwritten(a *fake.Account) []string {
	var titles []string
	for _, team := range longTeams {
		have := map[string]bool{}
		for _, p := range projects(a) {
			if strings.HasPrefix(p.Name, teamName(team)) {
				for _, task := range tasks(a, p.ID) {
					have[task.Due.Date] = true
				}
			}
		}
		for _, g := range wantedLong(team) {
			if !have[dueOf(&g)] {
				titles = append(titles, g.Title(team))
			}
		}
	}
	return titles
}

// A mishap is something that goes wrong with a request.
type mishap struct {
	fake.Fault
	// revoked ends all of the account's tokens before the request is heard, or
	// after it was carried out, when its answer is a 401.
	revoked bool
	// patience is how long the program waits for an answer, where that is not long.
	patience time.Duration
	// heals is true when the import gets over it by itself if it happens once.
	heals bool
	// single is true for what happens to commands and not to the request.
	single bool
	// says is what the page says, when the mishap lasts.
	says string
}

var refusedTask = &fake.Error{Message: "Invalid argument value", Code: 20, Extra: map[string]any{"argument": "content"},
	Tag: "INVALID_ARGUMENT_VALUE", HTTP: http.StatusBadRequest}

var mishaps = map[string]mishap{
	"5xx":              {Fault: fake.Fault{Status: http.StatusServiceUnavailable}, heals: true, says: "having problems"},
	"a time-out":       {Fault: fake.Fault{Delay: time.Minute}, patience: time.Second, heals: true, says: "could not be reached"},
	"a dropped answer": {Fault: fake.Fault{Drop: true}, heals: true, says: "could not be reached"},
	"a page in HTML": {Fault: fake.Fault{Status: http.StatusOK, Body: "<!doctype html><title>Maintenance</title>", ContentType: "text/html"},
		heals: true, says: "its answer could not be read"},
	"JSON cut off": {Fault: fake.Fault{Status: http.StatusOK, Body: `{"sync_token":"abc","sync_status":{"`}, heals: true, says: "its answer could not be read"},
	"401":          {Fault: fake.Fault{Status: http.StatusUnauthorized}, heals: true, says: "Sign in again"},
	"429 for a moment": {Fault: fake.Fault{Status: http.StatusTooManyRequests, Body: `{"error":"Too many requests","error_extra":{"retry_after":0.01}}`},
		heals: true, says: "Try again in"},
	"429 for ten minutes": {Fault: fake.Fault{Status: http.StatusTooManyRequests, RetryAfter: 600}, says: "Try again in 10 minutes"},
	"one task refused":    {Fault: fake.Fault{Command: "item_add", Refuse: refusedTask, CommandIndex: 10}, single: true, says: "Todoist refused it"},
	"a project refused":   {Fault: fake.Fault{Command: "project_add", Refuse: refusedTask}, single: true, says: "Todoist refused it"},
	"a project too many": {Fault: fake.Fault{Command: "project_add", Refuse: &fake.Error{Message: "Maximum number of projects reached", Code: 49,
		Extra: map[string]any{}, Tag: "MAX_PROJECTS_LIMIT_REACHED", HTTP: http.StatusForbidden}}, single: true, says: "no room for another project"},
	"a scope missing": {Fault: fake.Fault{Status: http.StatusForbidden}, says: "may not do this"},
	"a scope missing for each task": {Fault: fake.Fault{Command: "item_add", CommandIndex: -1, Refuse: &fake.Error{Message: "Insufficient Token scope",
		Code: 403, Extra: map[string]any{}, Tag: "AUTH_INSUFFICIENT_TOKEN_SCOPE", HTTP: http.StatusForbidden}}, single: true, says: "may not do this"},
	"the token revoked": {revoked: true, says: "Sign in again"},
}

// A faultCase is one mishap at one moment of one import.
type faultCase struct {
	name    string
	mishap  mishap
	write   int  // which write it begins with; 0 is the read before
	after   bool // the request is carried out all the same
	lasting string
	repeats bool // Todoist repeats its mapping for a request that it did not apply
}

// How long a mishap lasts.
const (
	once        = "once"
	eachWrite   = "for each write"
	eachRequest = "for each request"
)

// faultCases are the moments at which a mishap of a kind can happen, crossed with
// how long it lasts and how Todoist answers.
func faultCases(kind string) []faultCase {
	m := mishaps[kind]
	var all []faultCase
	for write := range longWrites + 1 {
		for moment, after := range map[string]bool{"before": false, "after": true} {
			for _, lasting := range []string{once, eachWrite, eachRequest} {
				for _, repeats := range []bool{true, false} {
					switch {
					case m.single && (write == 0 || after || lasting == eachRequest):
						// A read has no commands, and those refused are not applied.
					case write == 0 && (after || lasting == eachWrite || repeats):
						// To a read this is all the same.
					case m.revoked && lasting != once:
						// It is for ever anyway.
					default:
						all = append(all, faultCase{fmt.Sprintf("%s %s write %d was applied, %s, mapping repeated %v", kind, moment, write, lasting, repeats),
							m, write, after, lasting, repeats})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b faultCase) int { return strings.Compare(a.name, b.name) })
	return all
}

// arrange makes the mishap happen.
func (c *faultCase) arrange(s *site, account *fake.Account) {
	f := c.mishap.Fault
	f.AfterApply = c.after
	if c.after && f.Status == http.StatusOK && strings.HasPrefix(f.Body, `{"sync_token`) {
		// The real answer, cut off.
		f = fake.Fault{Cut: true}
	}
	if c.lasting == once {
		f.Times = 1
	}
	writes := 0
	f.Match = func(req fake.Request) bool {
		if len(req.Commands) > 0 {
			writes++
		}
		if c.write == 0 {
			return req.Path == "/api/v1/sync"
		}
		return writes >= c.write && (len(req.Commands) > 0 || c.lasting == eachRequest)
	}
	switch {
	case !c.mishap.revoked:
		s.fake.Fail(f)
	case c.write == 0:
		s.fake.RevokeAll(account)
	default:
		var n atomic.Int64
		s.tap.before = func(w http.ResponseWriter, x *exchange) bool {
			if !x.writes() || n.Add(1) != int64(c.write) {
				return false
			}
			if !c.after {
				s.fake.RevokeAll(account)
				return false
			}
			s.fake.ServeHTTP(httptest.NewRecorder(), x.again())
			s.fake.RevokeAll(account)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
	}
}

// run lets the mishap happen to an import, looks at the page it ends with, and
// presses the button again when all is well.
func (c *faultCase) run(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason, "-session-store", "memory:")
	s.with.TodoistTimeout = c.mishap.patience
	s.start()
	s.fake.SetSwitches(fake.Switches{ReplayRepeatsMapping: c.repeats})
	account := s.account("ola", fake.Pro)
	b := s.browser().signIn(account)
	form := b.get("/import?"+longForm.Encode()).want(http.StatusOK).form("post", "/imports")
	c.arrange(s, account)
	p := b.post("/imports", form)
	says := text(p.body)
	switch {
	case p.status == http.StatusSeeOther:
		if err := astray(account); err != nil {
			t.Errorf("it says that all went well, but %v", err)
		}
	case p.status < 400:
		t.Errorf("it answered %d: %s", p.status, says)
	case c.mishap.heals && c.lasting == once:
		t.Errorf("the import did not get over it but answered %d: %.600s", p.status, says)
	case !strings.Contains(says, c.mishap.says):
		t.Errorf("the page does not say %q: %.800s", c.mishap.says, says)
	case !strings.Contains(says, "again"):
		t.Errorf("the page does not say what to do: %.800s", says)
	}
	if left := unwritten(account); c.write > 0 && p.status != http.StatusSeeOther && !c.mishap.revoked {
		for _, title := range left {
			if !strings.Contains(says, title) {
				t.Errorf("the page does not name %s, which is missing: %.800s", title, says)
			}
		}
	}

	s.fake.ClearFaults()
	again := b.post("/imports", form)
	if again.status == http.StatusUnauthorized {
		again = b.signIn(account).post("/imports", form)
	}
	if again.status != http.StatusSeeOther {
		t.Fatalf("after %d %.300s\npressed again it answered %d: %.800s", p.status, says, again.status, text(again.body))
	}
	if err := astray(account); err != nil {
		t.Fatalf("after pressing again %v", err)
	}
	s.fake.ResetRequests()
	b.post("/imports", form).want(http.StatusSeeOther)
	if _, writes := s.requests(); writes > 0 {
		t.Errorf("pressed once more it wrote %d times", writes)
	}
}

// TestWhateverGoesWrongEndsInAClearPageAndThenInTheRightTasks tries each mishap at
// one moment of an import of several writes, at another one each.
func TestWhateverGoesWrongEndsInAClearPageAndThenInTheRightTasks(t *testing.T) {
	t.Parallel()
	for i, kind := range slices.Sorted(maps.Keys(mishaps)) {
		all := faultCases(kind)
		c := all[i*7%len(all)]
		t.Run(c.name, c.run)
	}
}

func TestTheImportOfTheMishapsTakesSeveralWrites(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ola", fake.Pro)
	s.browser().signIn(account).importTeam(longForm.Encode()).want(http.StatusSeeOther)
	if _, writes := s.requests(); writes != longWrites {
		t.Errorf("it took %d writes, want %d", writes, longWrites)
	}
	if err := astray(account); err != nil {
		t.Error(err)
	}
}
