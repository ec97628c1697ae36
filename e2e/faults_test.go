package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/app"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// A rig is a site that waits for milliseconds where the program waits for seconds,
// and has a wire between it and its Todoist on which a test can sit.
type rig struct {
	*site
	pages http.Handler
	// writing, when set, is asked about each request with commands, counted
	// from 1. It forwards the request, or answers itself.
	writing func(n int, w http.ResponseWriter, r *http.Request)
	// asking, when set, sends the site's requests to Todoist over the wire.
	asking func(wire http.RoundTripper, r *http.Request) (*http.Response, error)
	step   atomic.Int64 // how far the program's clock is from Todoist's
	writes atomic.Int64
}

// A clientCut is how long a rig waits for Todoist.
type clientCut struct{ answer, patience time.Duration }

// newRig starts a rig.
func newRig(t *testing.T, cut clientCut) *rig {
	t.Helper()
	clock := clockFrom(midSeason)
	r := &rig{site: &site{t: t, dir: t.TempDir()}}
	r.fake = fake.New(fake.Config{Now: clock, ClientID: "client", ClientSecret: "secret-of-the-client",
		RedirectURIs: []string{publicURL + "/oauth/callback"}})
	wire := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		if req.URL.Path == "/api/v1/sync" && bytes.Contains(body, []byte(`"commands"`)) {
			if n := r.writes.Add(1); r.writing != nil {
				r.writing(int(n), w, req)
				return
			}
		}
		r.fake.ServeHTTP(w, req)
	}))
	t.Cleanup(wire.Close)
	r.todoist = wire.URL
	r.args = append(settings(r.todoist, r.dir, midSeason), "-session-store", "memory:", "-session-idle", "3h")
	r.with = app.Options{
		Now:     func() time.Time { return clock().Add(time.Duration(r.step.Load())) },
		Backoff: time.Millisecond, Patience: cut.patience, TodoistTimeout: cut.answer,
		Site: func(site http.Handler) http.Handler { r.pages = site; return site },
		Todoist: func(direct http.RoundTripper) http.RoundTripper {
			return transport(func(req *http.Request) (*http.Response, error) {
				if r.asking != nil {
					return r.asking(direct, req)
				}
				return direct.RoundTrip(req)
			})
		},
	}
	r.start()
	return r
}

// consents goes through the whole sign-in as the account.
func (b *browser) consents(a *fake.Account) error {
	asked, err := b.try("/sign-in", url.Values{"next": {"/"}})
	if err != nil {
		return err
	}
	back, err := b.site.fake.Consent(asked.location(), a)
	if err != nil {
		return err
	}
	p, err := b.try(back, nil)
	if err == nil && p.status != http.StatusSeeOther {
		err = fmt.Errorf("the sign-in ended with %d: %s", p.status, text(p.body))
	}
	return err
}

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

const longWrites = 3

// shownForm is longForm as the import page of a new account had it a minute ago,
// with the plan's fingerprint, which is the same for all accounts of one id.
func shownForm(t *testing.T) (url.Values, error) {
	r := newRig(t, clientCut{})
	r.step.Store(int64(-time.Minute))
	b := r.browser()
	if err := b.consents(r.account("ola", fake.Pro)); err != nil {
		return nil, err
	}
	p, err := b.try("/import?"+longForm.Encode(), nil)
	if err != nil {
		return nil, err
	}
	form := p.form("post", "/imports")
	if _, err := b.try("/imports", form); err != nil || r.writes.Load() != longWrites {
		return nil, fmt.Errorf("without a mishap there are %d writes, want %d: %v", r.writes.Load(), longWrites, err)
	}
	return form, nil
}

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
	cut     clientCut
	// heals is true when the import gets over it by itself if it happens once.
	heals bool
	// single is true for what happens to commands and not to the request.
	single bool
	// costly cases wait, and so only some of them are tried.
	costly bool
	// says is what the page says, when the mishap lasts.
	says string
}

var refusedTask = &fake.Error{Message: "Invalid argument value", Code: 20, Extra: map[string]any{"argument": "content"},
	Tag: "INVALID_ARGUMENT_VALUE", HTTP: http.StatusBadRequest}

var mishaps = map[string]mishap{
	"5xx": {Fault: fake.Fault{Status: http.StatusServiceUnavailable}, heals: true, says: "trouble of its own"},
	"a time-out": {Fault: fake.Fault{Delay: time.Minute}, cut: clientCut{answer: 2 * time.Second}, heals: true, costly: true,
		says: "could not be reached"},
	"a dropped answer": {Fault: fake.Fault{Drop: true}, heals: true, says: "could not be reached"},
	"a page in HTML": {Fault: fake.Fault{Status: http.StatusOK, Body: "<!doctype html><title>Maintenance</title>", ContentType: "text/html"},
		heals: true, says: "no answer that makes sense"},
	"JSON cut off": {Fault: fake.Fault{Status: http.StatusOK, Body: `{"sync_token":"abc","sync_status":{"`}, heals: true, says: "no answer that makes sense"},
	"401":          {Fault: fake.Fault{Status: http.StatusUnauthorized}, heals: true, says: "Sign in again"},
	"429 for a second": {Fault: fake.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1}, cut: clientCut{patience: 2 * time.Second},
		heals: true, costly: true, says: "Try again in"},
	"429 for ten minutes": {Fault: fake.Fault{Status: http.StatusTooManyRequests, RetryAfter: 600}, says: "Try again in 10 minutes"},
	"one task refused":    {Fault: fake.Fault{Command: "item_add", Refuse: refusedTask, CommandIndex: 10}, single: true, heals: true, says: "Todoist refused it"},
	"a reminder refused": {Fault: fake.Fault{Command: "reminder_add", Refuse: refusedTask, CommandIndex: 5}, single: true, heals: true,
		says: "Todoist refused it"},
	"a project refused": {Fault: fake.Fault{Command: "project_add", Refuse: refusedTask}, single: true, heals: true, says: "Todoist refused it"},
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
	repeats bool
}

// How long a mishap lasts.
const (
	once        = "once"
	eachWrite   = "for each write"
	eachRequest = "for each request"
)

// faultCases are all kinds of mishaps at all moments. How long they last, and
// whether Todoist repeats its mapping for a request that it did not apply, take
// turns, since all together take minutes; with TEST_EVERY_FAULT in the
// environment they are crossed too.
func faultCases() []faultCase {
	every := os.Getenv("TEST_EVERY_FAULT") != ""
	var all []faultCase
	for k, kind := range slices.Sorted(maps.Keys(mishaps)) {
		m := mishaps[kind]
		turn := k
		for write := range longWrites + 1 {
			for _, after := range []bool{false, true} {
				turn++
				for i, lasting := range []string{once, eachWrite, eachRequest} {
					for j, repeats := range []bool{true, false} {
						moment := "before"
						if after {
							moment = "after"
						}
						c := faultCase{fmt.Sprintf("%s %s write %d was applied, %s, mapping repeated %v", kind, moment, write, lasting, repeats),
							m, write, after, lasting, repeats}
						switch {
						case m.single && (write == 0 || after || lasting == eachRequest):
							// A read has no commands, and those refused are not applied.
						case write == 0 && (after || lasting == eachWrite || repeats):
							// To a read this is all the same.
						case m.revoked && lasting != once:
							// It is for ever anyway.
						case !every && m.costly && lasting != once:
							// They would wait for seconds each.
						case !every && !m.single && !m.revoked && !m.costly && (turn+j)%3 != i && !(write == 0 && (turn+j)%3 == 1):
						case !every && !after && turn%2 != j && write > 0:
						default:
							all = append(all, c)
						}
					}
				}
			}
		}
	}
	return all
}

// arrange makes the mishap happen.
func (c *faultCase) arrange(r *rig, account *fake.Account) {
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
	if !c.mishap.revoked {
		r.fake.Fail(f)
		return
	}
	if c.write == 0 {
		r.fake.RevokeAll(account)
		return
	}
	r.writing = func(n int, w http.ResponseWriter, req *http.Request) {
		if n == c.write && c.after {
			r.fake.ServeHTTP(httptest.NewRecorder(), req)
			r.fake.RevokeAll(account)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if n == c.write {
			r.fake.RevokeAll(account)
		}
		r.fake.ServeHTTP(w, req)
	}
}

// run lets the mishap happen to an import, looks at the page it ends with, and
// presses the button again when all is well.
func (c *faultCase) run(t *testing.T, form url.Values) error {
	r := newRig(t, c.mishap.cut)
	r.fake.SetSwitches(fake.Switches{ReplayRepeatsMapping: c.repeats})
	account := r.account("ola", fake.Pro)
	b := r.browser()
	if err := b.consents(account); err != nil {
		return err
	}
	c.arrange(r, account)
	p, err := b.try("/imports", form)
	if err != nil {
		return err
	}
	says := text(p.body)
	switch {
	case p.status == http.StatusSeeOther:
		if err := astray(account); err != nil {
			return fmt.Errorf("it says that all went well, but %w", err)
		}
	case p.status < 400:
		return fmt.Errorf("it answered %d: %s", p.status, says)
	case c.mishap.heals && c.lasting == once:
		return fmt.Errorf("the import did not get over it but answered %d: %.600s", p.status, says)
	case !strings.Contains(says, c.mishap.says):
		return fmt.Errorf("the page does not say %q: %.800s", c.mishap.says, says)
	case !strings.Contains(says, "again"):
		return fmt.Errorf("the page does not say what to do: %.800s", says)
	}
	if left := unwritten(account); c.write > 0 && p.status != http.StatusSeeOther && !c.mishap.revoked {
		for _, title := range left {
			if !strings.Contains(says, title) {
				return fmt.Errorf("the page does not name %s, which is missing: %.800s", title, says)
			}
		}
	}

	r.fake.ClearFaults()
	r.writing = nil
	again, err := b.try("/imports", form)
	if err == nil && again.status == http.StatusUnauthorized {
		if err := b.consents(account); err != nil {
			return err
		}
		again, err = b.try("/imports", form)
	}
	if err != nil {
		return err
	}
	if again.status != http.StatusSeeOther {
		return fmt.Errorf("after %d %.300s\npressed again it answered %d: %.800s", p.status, says, again.status, text(again.body))
	}
	if err := astray(account); err != nil {
		return fmt.Errorf("after pressing again %w", err)
	}
	before := r.writes.Load()
	if p, err := b.try("/imports", form); err != nil || p.status != http.StatusSeeOther || r.writes.Load() != before {
		return fmt.Errorf("pressed once more it wrote %d times: %v", r.writes.Load()-before, err)
	}
	return nil
}

// TestWhateverGoesWrongEndsInAClearPageAndThenInTheRightTasks tries each mishap
// at each moment of an import of several writes.
func TestWhateverGoesWrongEndsInAClearPageAndThenInTheRightTasks(t *testing.T) {
	t.Parallel()
	cases := faultCases()
	form, err := shownForm(t)
	if err != nil {
		t.Fatal(err)
	}
	if form.Get("plan") == "" || form.Get("target") != "each" {
		t.Fatalf("the form is %v", form)
	}
	// Most of them wait for each other's time-outs rather than for a processor.
	next := make(chan int)
	errs := make([]error, len(cases))
	var workers sync.WaitGroup
	for range 6 {
		workers.Go(func() {
			for i := range next {
				errs[i] = cases[i].run(t, form)
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	workers.Wait()
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if errs[i] != nil {
				t.Error(errs[i])
			}
		})
	}
	t.Logf("%d cases", len(cases))
}
