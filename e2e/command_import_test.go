package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/database/databasetest"
	"tipoff/todoist/fake"
)

// A ran is a command that has ended: what it printed, and its exit code.
type ran struct {
	t           *testing.T
	out, errors string
	code        int
}

// importing runs tipoff import as a process, with the token of an account in a file.
func (s *site) importing(a *fake.Account, args ...string) ran {
	s.t.Helper()
	return s.process("", append([]string{"import", "-token-file", s.tokenFile(a)}, args...)...)
}

// tokenFile is a file with the account's personal API token, which nobody else can read.
func (s *site) tokenFile(a *fake.Account) string {
	return file(s.t, tokenOf(a)+"\n")
}

func tokenOf(a *fake.Account) string { return a.Profile().APIToken }

// process runs the program as it is shipped, or the site's own, with these words and the
// site's settings, until it ends.
func (s *site) process(stdin string, words ...string) ran {
	s.t.Helper()
	program := s.program
	if program == "" {
		program = built.program(s.t)
	}
	cmd := exec.Command(program, append(words, s.args...)...)
	cmd.Env = append(append(os.Environ(), "TEST_BINARY_IS_TIPOFF=1"), s.env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		s.t.Fatal(err)
	}
	r := ran{s.t, out.String(), problems.String(), cmd.ProcessState.ExitCode()}
	if strings.Contains(r.out+r.errors, "api-token-of-") {
		s.t.Errorf("the command prints the token:\n%s%s", r.out, r.errors)
	}
	if strings.Contains(r.out+r.errors, "\x1b") || strings.Contains(r.out+r.errors, "\r") {
		s.t.Errorf("the command moves the cursor of what is no terminal:\n%q%q", r.out, r.errors)
	}
	return r
}

// quickly makes commands ask Todoist again at once; the shipped program waits.
func (s *site) quickly() { s.program = os.Args[0] }

// want fails the test unless the command ended with this code and printed this.
func (r ran) want(code int, printed ...string) ran {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.errors)
	}
	for _, words := range printed {
		if !strings.Contains(r.out, words) {
			r.t.Errorf("it does not print %q:\n%s%s", words, r.out, r.errors)
		}
	}
	if code == 0 && r.errors != "" {
		r.t.Errorf("all went well, but it says:\n%s", r.errors)
	}
	return r
}

// says fails the test unless the command said this on standard error.
func (r ran) says(all ...string) ran {
	r.t.Helper()
	for _, words := range all {
		if !strings.Contains(r.errors, words) {
			r.t.Errorf("standard error does not have %q:\n%s", words, r.errors)
		}
	}
	return r
}

// unwritten fails the test if anything was written to Todoist.
func (s *site) unwritten() {
	s.t.Helper()
	if _, writes := s.requests(); writes > 0 {
		s.t.Errorf("there were %d writes", writes)
	}
}

// titles are the titles and dates of a project's open tasks.
func titles(a *fake.Account, project string) []string {
	var all []string
	for _, task := range tasks(a, project) {
		date := "no date"
		if task.Due != nil {
			date = task.Due.Date
		}
		all = append(all, date+" "+task.Content)
	}
	slices.Sort(all)
	return all
}

func wantTitles(t *testing.T, a *fake.Account, want ...string) {
	t.Helper()
	if got := titles(a, onlyProject(t, a).ID); !slices.Equal(got, want) {
		t.Errorf("the tasks are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const (
	nuggetsTask = "2026-11-25T00:30:00Z Celtics vs Nuggets"
	magicTask   = "2027-01-06T00:00:00Z Celtics at Magic"
	magic2Task  = "2027-03-13T00:30:00Z Celtics at Magic"
)

func TestACommandImportsTheGamesAndTheNextRunBringsThemUpToDate(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	l.importing(ann, "-team", "bos", "-name", "My games", "-labels", "nba").want(0,
		"Schedule 2026-27: a file, of 20 November 2026, 11:00 UTC.\n", "“My games”, a new project: 3 to add, 0 to update, 0 unchanged. Times: America/New_York.\n",
		"Celtics vs Nuggets  Tue 24 Nov, 19:30", "Done: 3 added.\n")
	wantTitles(t, ann, nuggetsTask, magicTask, magic2Task)
	if p := onlyProject(t, ann); p.Name != "My games" {
		t.Errorf("the project is called %q", p.Name)
	}

	l.fake.ResetRequests()
	l.importing(ann, "-team", "BOS").want(0, "Nothing to do: 3 unchanged.\n")
	l.unwritten()

	// The next day.
	l.args = append(l.args, "-now", midSeason.AddDate(0, 0, 1).Format(time.RFC3339))
	l.move("2026-11-24T20:30:00Z", nuggets)
	l.importing(ann, "-team", "BOS").want(0, nuggets, "When: Tue 24 Nov, 19:30 → Tue 24 Nov, 15:30", "Done: 1 updated, 2 unchanged.\n")
	wantTitles(t, ann, "2026-11-24T20:30:00Z Celtics vs Nuggets", magicTask, magic2Task)
	l.postpone(nuggets)
	l.importing(ann, "-team", "BOS").want(0, "postponed by the league: no date", "Done: 1 updated, 2 unchanged.\n")
	wantTitles(t, ann, magicTask, magic2Task, "no date Postponed: Celtics vs Nuggets")
}

func TestACommandLeavesAloneWhatItsOwnerDeletedEditedOrLeftOut(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	l.importing(ann, "-team", "BOS", "-skip", magic2).want(0, "Done: 2 added.\n")
	project := onlyProject(t, ann).ID
	for _, task := range tasks(ann, project) {
		if strings.Contains(task.Content, "Magic") {
			ann.DeleteTask(task.ID)
		} else {
			ann.EditTask(task.ID, func(t *fake.Task) { t.Content = "Watch with Bob" })
		}
	}
	l.importing(ann, "-team", "BOS").want(0, "Nothing to do")
	l.move("2026-11-24T20:30:00Z", nuggets)
	l.importing(ann, "-team", "BOS").want(0, "Done: 1 updated")
	wantTitles(t, ann, "2026-11-24T20:30:00Z Watch with Bob")
	l.importing(ann, "-team", "BOS", "-dry-run").want(0, "-again makes it again", "left out; -again makes it")
	l.importing(ann, "-team", "BOS", "-again", magic, "-again", magic2).want(0, "Done: 2 added")
	wantTitles(t, ann, "2026-11-24T20:30:00Z Watch with Bob", magicTask, magic2Task)
}

func TestADryRunShowsThePlanAndWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	r := l.importing(ann, "-team", "BOS", "-dry-run").want(0)
	want := `Schedule 2026-27: a file, of 20 November 2026, 11:00 UTC.
“Boston Celtics 2026-27”, a new project: 3 to add, 0 to update, 0 unchanged. Times: America/New_York.

GAME                DAY                ID          CHANGE
Celtics vs Nuggets  Tue 24 Nov, 19:30  0022600002  add
Celtics at Magic    Tue 5 Jan, 19:00   0022600003  add
Celtics at Magic    Fri 12 Mar, 19:30  0022600004  add

`
	if r.out != want {
		t.Errorf("it prints\n%s\nwant\n%s", r.out, want)
	}
	l.unwritten()
}

func TestACommandForProgramsPrintsOneObjectOfDocumentedFields(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	r := l.importing(ann, "-team", "BOS", "-json").want(0)
	var doc struct {
		Projects []struct {
			ID    string
			Games []struct{ ID, Day, Tip, Title, Action string }
		}
		Result *struct{ Added int }
	}
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
		t.Fatalf("%v:\n%s", err, r.out)
	}
	if doc.Result == nil || doc.Result.Added != 3 || doc.Projects[0].ID != onlyProject(t, ann).ID || len(doc.Projects[0].Games) != 3 {
		t.Errorf("the object says otherwise:\n%s", r.out)
	} else if g := doc.Projects[0].Games[0]; g.ID != nuggets || g.Day != "2026-11-24" || g.Tip != "2026-11-25T00:30:00Z" || g.Action != "add" {
		t.Errorf("the first game is %+v", g)
	}
	l.move("2026-11-24T20:30:00Z", nuggets)
	r = l.importing(ann, "-team", "BOS", "-json", "-dry-run").want(0, `"old": "Tue 24 Nov, 19:30"`, `"result": null`)

	docs, err := os.ReadFile("docs/terminal.md")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				if !bytes.Contains(docs, []byte("`"+name+"`")) {
					t.Errorf("docs/terminal.md does not explain the field %s", name)
				}
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		}
	}
	var all any
	if err := json.Unmarshal([]byte(r.out), &all); err != nil {
		t.Fatal(err)
	}
	walk(all)
	l.importing(ann, "-team", "BOS", "-target", "each", "-team", "ORL", "-json").want(0, `"Orlando Magic 2026-27"`)
}

func TestATokenIsReadFromStandardInputOrAFileThatNobodyElseCanRead(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	l.process(tokenOf(ann)+"\n", "import", "-team", "BOS", "-token-file", "-").want(0, "Done: 3 added.\n")
	l.fake.ResetRequests()
	path := l.tokenFile(ann)
	for mode, code := range map[os.FileMode]int{0o644: 2, 0o640: 2, 0o604: 2, 0o600: 0, 0o400: 0} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		r := l.process("", "import", "-team", "BOS", "-token-file", path).want(code)
		if code != 0 {
			r.says("other users can read", "chmod 600 "+path)
		}
	}
	l.process("", "import", "-team", "BOS", "-token-file", "-").want(2).says("there is no token")
	l.process("two words\n", "import", "-team", "BOS", "-token-file", "-").want(2).says("more than a token")
	l.process("", "import", "-team", "BOS", "-token-file", filepath.Join(t.TempDir(), "none")).want(2).says("no such file")
	for _, x := range l.tap.exchanges("") {
		if strings.Contains(x.address, "api-token-of-") {
			t.Errorf("the token is in the address %s", x.address)
		}
	}
}

func TestACommandThatIsCalledTheWrongWaySaysSoAndEndsWithTwo(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	for words, sentence := range map[string]string{
		"-team XYZ":                          "-team: “XYZ” is not known here. A team is named by its three letters",
		"":                                   "-team: Choose a team.",
		"-team BOS -venue nowhere":           "-venue: “nowhere” is not known here",
		"-team BOS -priority 9 -view x":      "-view: “x” is not known here",
		"-team BOS -auto on":                 "flag provided but not defined: -auto",
		"-team BOS stray":                    "tipoff import takes flags alone",
		"-team BOS -demo":                    "a demo's Todoist is gone",
		"-team BOS -log-format loud":         "-log-format",
		"-team BOS -dry-run=perhaps":         "dry-run",
		"-team BOS -team NYK -timezone team": "-timezone: The teams’ zones differ",
	} {
		l.importing(ann, strings.Fields(words)...).want(2).says(sentence)
	}
	l.process("", "import", "-team", "BOS").want(2).says("-token-file is missing")
	l.process("", "import", "-h").want(0, "Games\n", "Tasks\n", "-opponent NYK", "Exit codes: 0 done")
	l.unwritten()
}

func TestACommandThatCannotReachItsAimSaysWhyAndEndsWithOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm func(*league, *fake.Account)
		says string
	}{
		"a token that is wrong": {func(l *league, a *fake.Account) { l.fake.Fail(fake.Fault{Path: "/user", Status: 401}) }, "Todoist does not know this token."},
		"Todoist is down":       {func(l *league, a *fake.Account) { l.fake.Fail(fake.Fault{Status: 503}) }, "Todoist is having problems at the moment."},
		"Todoist wants a pause": {func(l *league, a *fake.Account) { l.fake.Fail(fake.Fault{Status: 429, RetryAfter: 900}) }, "Todoist asks for a pause: too many requests in a short time. Try again in 15m0s."},
		"there is no network":   {func(l *league, a *fake.Account) { l.args = append(l.args, "-todoist-api-url", "http://127.0.0.1:1") }, "Todoist could not be reached"},
		"no room for a project": {func(l *league, a *fake.Account) {
			for range 5 {
				a.AddProject(fake.Project{Name: "Mine"})
			}
		}, "Into “Inbox”: -target "},
		"the project is refused": {func(l *league, a *fake.Account) {
			l.fake.Fail(fake.Fault{Command: "project_add", Refuse: &fake.Error{Message: "Maximum number of projects reached", Code: 49, Tag: "MAX_PROJECTS_LIMIT_REACHED", HTTP: 403}, CommandIndex: -1})
		}, "Your Todoist plan has no room for another project."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeague(t)
			l.quickly()
			ann := l.account("ann", fake.Free)
			c.harm(l, ann)
			before := len(projects(ann))
			l.importing(ann, "-team", "BOS").want(1).says(c.says)
			if len(projects(ann)) != before {
				t.Error("a project was made")
			}
		})
	}
}

func TestGamesThatFailAreNamedAndTheNextRunMakesThem(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	l.fake.Fail(fake.Fault{Command: "item_add", Refuse: &fake.Error{Message: "Maximum number of items reached", Code: 48, Tag: "MAX_ITEMS_LIMIT_REACHED", HTTP: 403}, CommandIndex: 1, Times: 1})
	l.importing(ann, "-team", "BOS").want(3, "Not done: 2 added, 1 failed.\n").says("1 game failed.", "Celtics at Magic, 2027-01-05: The project is full")
	l.importing(ann, "-team", "BOS").want(0, "Done: 1 added, 2 unchanged.\n")
	wantTitles(t, ann, nuggetsTask, magicTask, magic2Task)
}

func TestACommandThatWasCutOffGoesOnWithoutADouble(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	l.quickly()
	ann := l.account("ann", fake.Pro)
	// The tasks are made, and no answer ever comes.
	l.fake.Fail(fake.Fault{Command: "item_add", Drop: true, AfterApply: true, Times: 4})
	l.importing(ann, "-team", "BOS").want(3).says("3 games failed.", "Todoist could not be reached")
	l.importing(ann, "-team", "BOS").want(0, "Nothing to do: 3 unchanged.\n")
	wantTitles(t, ann, nuggetsTask, magicTask, magic2Task)
}

func TestWithoutItsDatabaseACommandSaysSoAndAdoptsTheProjectIfItIsTold(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	l.importing(ann, "-team", "BOS").want(0, "Done: 3 added.\n")
	l.args = append(l.args, "-data-dir", t.TempDir())
	l.move("2026-11-24T20:30:00Z", nuggets)
	l.fake.ResetRequests()
	l.importing(ann, "-team", "BOS").want(1, "this Tipoff has forgotten", "When: ").says("this database does not know the tasks that are there", "-adopt")
	l.unwritten()
	l.importing(ann, "-team", "BOS", "-adopt").want(0, "Done: 1 updated, 2 unchanged.\n")
	wantTitles(t, ann, "2026-11-24T20:30:00Z Celtics vs Nuggets", magicTask, magic2Task)
	l.importing(ann, "-team", "BOS").want(0, "Nothing to do: 3 unchanged.\n")
}

// TestCommandsAtOnceMakeOneProject runs several at once on each database. None gets past
// reading the account before all have come as far.
func TestCommandsAtOnceMakeOneProject(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"SQLite": nil, "PostgreSQL": databasetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeague(t)
			ann := l.account("ann", fake.Pro)
			data := filepath.Join(t.TempDir(), "data")
			l.args = append(l.args, "-data-dir", data)
			if database != nil {
				l.args = append(l.args, "-database", database(t))
			}
			const commands = 3
			var mu sync.Mutex
			read, all := 0, make(chan struct{})
			l.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
				if !bytes.Contains(x.body, []byte("user_plan_limits")) {
					return false
				}
				mu.Lock()
				if read++; read == commands {
					close(all)
				}
				mu.Unlock()
				select {
				case <-all:
				case <-t.Context().Done():
				}
				return false
			}
			path := l.tokenFile(ann)
			var running sync.WaitGroup
			for range commands {
				running.Go(func() {
					if r := l.process("", "import", "-team", "BOS", "-token-file", path); r.code != 0 {
						t.Errorf("exit code %d\n%s%s", r.code, r.out, r.errors)
					}
				})
			}
			running.Wait()
			wantTitles(t, ann, nuggetsTask, magicTask, magic2Task)
			if _, err := os.Stat(data); database != nil && err == nil {
				t.Error("a data dir is made that nothing is kept in")
			}
		})
	}
}

func TestAFormMakesNoImportWithTheIDOfACommand(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	ann := s.account("ann", fake.Pro)
	b := s.browser().signIn(ann)
	form := b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
	form.Set("import", "terminal-of-somebody-else")
	b.post("/imports", form).want(http.StatusUnprocessableEntity)
	s.unwritten()
}

func TestTheSiteAndACommandShareAnImport(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	ann := s.account("ann", fake.Pro)
	b := s.browser().signIn(ann)
	b.importTeam("team=BOS&venue=home")
	n := len(tasks(ann, onlyProject(t, ann).ID))
	s.fake.ResetRequests()
	s.importing(ann, "-team", "BOS").want(0, "Nothing to do: ")
	s.unwritten()
	s.importing(ann, "-team", "UTA").want(0, "Done: ")
	b.get("/projects").want(http.StatusOK).has("Utah Jazz")
	if len(projects(ann)) != 2 || n == 0 {
		t.Errorf("there are %d projects, and %d tasks in the first", len(projects(ann)), n)
	}
}

func TestAProjectThatItsOwnerDeletedEndsTheImportOnce(t *testing.T) {
	t.Parallel()
	l := newLeague(t)
	ann := l.account("ann", fake.Pro)
	l.importing(ann, "-team", "BOS").want(0)
	ann.DeleteProject(onlyProject(t, ann).ID)
	l.importing(ann, "-team", "BOS").want(1).says("ends its import", "The next run makes a new project.")
	l.args = append(l.args, "-now", midSeason.Add(time.Hour).Format(time.RFC3339))
	l.importing(ann, "-team", "BOS").want(0, "Done: 3 added.\n")
	wantTitles(t, ann, nuggetsTask, magicTask, magic2Task)
}

func TestWhenTheSeasonIsOverThereIsNothingToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t, time.Date(2027, 7, 20, 12, 0, 0, 0, time.UTC))
	ann := s.account("ann", fake.Pro)
	s.importing(ann, "-team", "BOS").want(0, "Schedule 2026-27: built in, of ", "This season is over; the next one comes in August.", "Nothing to do: there is no game to add.\n")
	s.unwritten()
	if n := len(projects(ann)); n != 0 {
		t.Errorf("there are %d projects", n)
	}
}

func TestACommandAsksForTheScheduleOnceAndGoesOnWithoutIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason, "-schedule-url", "http://127.0.0.1:1/")
	ann := s.account("ann", fake.Pro)
	s.importing(ann, "-team", "BOS", "-dry-run").want(0, "Schedule 2026-27: built in, of ", "The league's feed is not answering.")
}
