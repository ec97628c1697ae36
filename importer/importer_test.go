package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
)

func TestAWholeSeasonTakesOneReadAndOneWrite(t *testing.T) {
	w := newWorld(t, schedule.Embedded(), fake.Pro)
	out := w.imports("team=BOS&sections=month&duration=150")
	if n := len(w.server.Requests()); n != 2 || w.writes() != 1 {
		t.Errorf("the import took %d requests, %d of them writes; want 2 and 1", n, w.writes())
	}
	project := w.onlyProject()
	if out.Added != 65 || len(w.tasks(project.ID)) != 65 || project.Name != "Boston Celtics 2026-27" {
		t.Errorf("added %d, there are %d tasks in %q", out.Added, len(w.tasks(project.ID)), project.Name)
	}
	w.silent("team=BOS&sections=month&duration=150")
	w.silent("team=BOS")
}

// What a season's tasks look like, options by options.
func TestTasksLookAsChosen(t *testing.T) {
	tip := evening(2) // a Sunday, 2026-11-23T00:30:00Z
	base := game(1, "BOS", "NYK", tip)
	base.Arena, base.City = "Madison Square Garden", "New York"
	base.National, base.AwayTV, base.HomeTV = []string{"ESPN", "ABC"}, []string{"NBCSB"}, []string{"MSG"}
	home := game(2, "LAL", "BOS", evening(4))
	home.Type, home.Label, home.SubLabel = schedule.Cup, "NBA Cup", "East Group A"
	tbd := game(3, "BOS", "CHI", evening(6))
	tbd.Tip = time.Time{}
	finals := game(4, "BOS", "MIA", evening(8))
	finals.Type, finals.IfNecessary, finals.Label, finals.Series = schedule.Playoffs, true, "East Finals", "Game 7"

	for query, want := range map[string][]string{
		"team=BOS": {
			`2026-11-23T00:30:00Z America/New_York | Celtics at Knicks | p4 [] 0min [] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, NBCSB" done=false`,
			`2026-11-25T00:30:00Z America/New_York | Celtics vs Lakers | p4 [] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A" done=false`,
			`2026-11-26 | Celtics at Bulls | p4 [] 0min [] |  | "Arena 3, Springfield\nTime to be decided" done=false`,
			`2026-11-29T00:30:00Z America/New_York | Celtics at Heat (if necessary) | p4 [] 0min [] |  | "Arena 4, Springfield\nEast Finals · Game 7" done=false`,
		},
		"team=BOS&title=codes&labels=nba,celtics&priority=1&tbd=skip&to=2026-11-24&timezone=Europe/Berlin": {
			`2026-11-23T00:30:00Z Europe/Berlin | BOS @ NYK | p1 [nba celtics] 0min [] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, NBCSB" done=false`,
			`2026-11-25T00:30:00Z Europe/Berlin | BOS vs LAL | p1 [nba celtics] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A" done=false`,
		},
		"team=LAL&title=emoji&timezone=team&duration=150&reminder=30&sections=month": {
			`2026-11-25T00:30:00Z America/Los_Angeles | 🏀 Lakers at Celtics | p4 [] 150min [30] | November 2026 | "Arena 2, Springfield\nNBA Cup · East Group A" done=false`,
		},
		"team=BOS&team=NYK&opponent=NYK&opponent=BOS&reminder=0": {
			`2026-11-23T00:30:00Z America/New_York | Celtics at Knicks | p4 [] 0min [0] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, MSG, NBCSB" done=false`,
		},
		"team=BOS&tbd=allday&type=regular&duration=120&reminder=60&from=2026-11-26": {
			`2026-11-26 | Celtics at Bulls | p4 [] 0min [] |  | "Arena 3, Springfield\nTime to be decided" done=false`,
		},
		"team=BOS&venue=home":  {`2026-11-25T00:30:00Z America/New_York | Celtics vs Lakers | p4 [] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A" done=false`},
		"team=BOS&tv=national": {`2026-11-23T00:30:00Z America/New_York | Celtics at Knicks | p4 [] 0min [] |  | "Madison Square Garden, New York\nTV: ESPN, ABC, NBCSB" done=false`},
		"team=BOS&skip=0022600001&skip=0022600003&skip=0022600004": {
			`2026-11-25T00:30:00Z America/New_York | Celtics vs Lakers | p4 [] 0min [] |  | "Arena 2, Springfield\nNBA Cup · East Group A" done=false`},
	} {
		t.Run(query, func(t *testing.T) {
			w := newWorld(t, seasonOf(midSeason, base, home, tbd, finals), fake.Pro)
			w.imports(query)
			if d := diffLines(w.look(w.tasks("")), want); d != "" {
				t.Error(d)
			}
			w.silent(query)
		})
	}
}

func TestProjectsLookAsChosen(t *testing.T) {
	for query, want := range map[string]struct{ name, style, colour string }{
		"team=BOS":                       {"Boston Celtics 2026-27", "list", "green"},
		"team=BOS&view=board":            {"Boston Celtics 2026-27", "board", "green"},
		"team=BOS&name=My+games":         {"My games", "list", "green"},
		"team=BOS&team=LAL":              {"Celtics, Lakers 2026-27", "list", "charcoal"},
		"team=BOS&team=LAL&team=NYK":     {"Celtics, Lakers, Knicks 2026-27", "list", "charcoal"},
		"team=BOS&view=list&name=++X+Y+": {"X Y", "list", "green"},
	} {
		w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(2))), fake.Free)
		w.imports(query)
		p := w.onlyProject()
		if p.Name != want.name || p.ViewStyle != want.style || p.Color != want.colour {
			t.Errorf("%s: got %q, %s, %s; want %+v", query, p.Name, p.ViewStyle, p.Color, want)
		}
	}
}

func TestGamesAddedLaterStandWhereTheirDatesAre(t *testing.T) {
	w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(2)), game(2, "BOS", "LAL", evening(20))), fake.Free)
	w.imports("team=BOS&view=board")
	state, err := w.client().Read(t.Context(), nil, todoist.ResourceProjects)
	if err != nil || state == nil {
		t.Fatal(err)
	}
	sorted := false
	for _, r := range w.server.Requests() {
		sorted = sorted || slices.Contains(r.Commands, "view_options_set")
	}
	if !sorted {
		t.Error("the project was not asked to be sorted by date")
	}
}

func TestOneTaskForEachOfManyTeamsInItsOwnProject(t *testing.T) {
	w := newWorld(t, schedule.Embedded(), fake.Pro)
	query := "target=each"
	teams := schedule.Teams()[:6]
	for _, team := range teams {
		query += "&team=" + team.Code
	}
	var seen []Progress
	out, err := w.im.Run(t.Context(), w.client(), "fan-1", w.opts(query), "", func(p Progress) { seen = append(seen, p) })
	if err != nil || len(out.Failed) != 0 {
		t.Fatalf("%d failed, %v", len(out.Failed), err)
	}
	want := 0
	for _, team := range teams {
		want += len(schedule.Filter{Teams: []string{team.Code}, Upcoming: true}.Games(w.season, w.now()))
	}
	if out.Added != want || len(w.tasks("")) != want || len(w.projects()) != len(teams) || len(out.Projects) != len(teams) {
		t.Errorf("added %d tasks to %d projects, there are %d in %d; want %d", out.Added, len(out.Projects), len(w.tasks("")), len(w.projects()), want)
	}
	if n := w.writes(); n > want/todoist.MaxCommands+2 {
		t.Errorf("it took %d writes for %d tasks", n, want)
	}
	for i, p := range seen[1:] {
		if p.Done < seen[i].Done || p.Total != want || p.Message == "" {
			t.Errorf("progress went from %+v to %+v", seen[i], p)
		}
	}
	if last := seen[len(seen)-1]; last.Done != want {
		t.Errorf("the last progress is %+v", last)
	}
	w.silent(query)
	w.silent(strings.ReplaceAll(query, "&team=BOS", "") + "&team=BOS&games=upcoming")
}

func TestRunsOfOneUserTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		im := &Importer{}
		unlock, err := im.lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if other, err := im.lock(t.Context(), "b"); err != nil {
			t.Errorf("another user has to wait: %v", err)
		} else {
			other()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := im.lock(ctx, "a"); err == nil {
			t.Error("a second run began beside the first")
		}
		done := make(chan struct{})
		go func() {
			if unlock, err := im.lock(t.Context(), "a"); err == nil {
				unlock()
			}
			close(done)
		}()
		synctest.Wait()
		unlock()
		<-done
		if n := len(im.running.turns); n != 0 {
			t.Errorf("%d users are remembered for ever", n)
		}
	})
}

// Two replicas import the same two teams with other options, so that they cut their
// requests at other games, and the first one's second request is under way while
// the second one looks what is there.
func TestTwoLongImportsAtOnceMakeNoDoubles(t *testing.T) {
	season := schedule.Embedded()
	for _, tt := range []struct {
		target, first, second string
		sw                    fake.Switches
	}{
		{"each", "&sections=month&reminder=60", "&title=codes&labels=nba", switches[0]},
		{"each", "&sections=month&reminder=60", "&title=codes&labels=nba", switches[1]},
		{"each", "&sections=month&reminder=60", "&title=codes&labels=nba", switches[2]},
		{"each", "&sections=month&reminder=60", "&title=codes&labels=nba", switches[4]},
		{"MINE", "&sections=month&reminder=60", "&sections=month&title=codes", switches[0]},
		{"MINE", "&sections=month&reminder=60", "&sections=month&title=codes", switches[2]},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, season, fake.Pro)
			sw := tt.sw
			w.server.SetSwitches(sw)
			mine := w.fan.AddProject(fake.Project{Name: "Mine"})
			for i, delay := range []time.Duration{time.Second, 2 * time.Second, 10 * time.Second} {
				w.server.Fail(fake.Fault{Command: "item_add", Nth: i + 1, Times: 1, Delay: delay})
			}
			teams := "team=SAC&team=NYK&target=" + strings.ReplaceAll(tt.target, "MINE", mine)
			var wg sync.WaitGroup
			for _, query := range []string{teams + tt.first, teams + tt.second} {
				wg.Go(func() {
					if _, err := w.replica().Run(t.Context(), w.client(), "fan-1", w.opts(query), "", func(Progress) {}); err != nil {
						t.Errorf("%+v: %v", sw, err)
					}
				})
				time.Sleep(100 * time.Millisecond)
			}
			wg.Wait()
			w.imports(teams)
			projects, games := 3, 66+65
			if tt.target == "MINE" {
				projects, games = 1, games-2 // each of theirs against each other is one
			}
			if n := len(w.projects()); n != projects {
				t.Errorf("%+v: there are %d projects, want %d", sw, n, projects)
			}
			made := map[string]int{}
			for _, task := range w.tasks("") {
				m, _, _ := findMark(task.Description)
				made[task.ProjectID+" "+m.game.String()]++
			}
			for game, n := range made {
				if n != 1 {
					t.Fatalf("%+v: there are %d tasks of %s", sw, n, game)
				}
			}
			if len(made) != games {
				t.Errorf("%+v: there are tasks of %d games, want %d", sw, len(made), games)
			}
			months := map[string]bool{}
			for _, s := range w.fan.Sections("") {
				if key := s.ProjectID + s.Name; months[key] {
					t.Errorf("%+v: the section %s is there twice", sw, s.Name)
				} else {
					months[key] = true
				}
			}
		})
	}
}

func TestAPlanThatChangedIsShownAgain(t *testing.T) {
	w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(2)), game(2, "BOS", "LAL", evening(4))), fake.Free)
	opts := w.opts("team=BOS")
	plan, err := w.im.Plan(t.Context(), w.client(), opts)
	if err != nil {
		t.Fatal(err)
	}
	shown := plan.Fingerprint()
	run := func(opts Options) error {
		_, err := w.im.Run(t.Context(), w.client(), "fan-1", opts, shown, func(Progress) {})
		return err
	}
	moved := game(2, "BOS", "LAL", evening(4).Add(time.Hour))
	w.season = seasonOf(midSeason.Add(time.Hour), game(1, "BOS", "NYK", evening(2)), moved)
	changed, ok := run(opts).(*Changed)
	if !ok || len(w.projects()) != 0 {
		t.Fatalf("a plan with another time was run: %d projects", len(w.projects()))
	}
	// Leaving a game out afterwards is what the page offers.
	shown = changed.Plan.Fingerprint()
	opts.Skip = []Ref{{ID: "0022600001"}}
	if err := run(opts); err != nil || len(w.tasks("")) != 1 {
		t.Errorf("%d tasks, %v; want the one that is not left out", len(w.tasks("")), err)
	}
	// An earlier try may have done all of it.
	if err := run(opts); err != nil || len(w.tasks("")) != 1 {
		t.Errorf("sent again: %d tasks, %v", len(w.tasks("")), err)
	}
	w.wait(time.Minute)

	// A plan of less than was shown is another plan, too.
	w.season = seasonOf(midSeason.Add(2*time.Hour), game(1, "BOS", "NYK", evening(2)), game(2, "BOS", "LAL", evening(5)))
	if plan, err = w.im.Plan(t.Context(), w.client(), opts); err != nil || plan.Pending() != 1 {
		t.Fatalf("%d changes, %v; want one", plan.Pending(), err)
	}
	shown = plan.Fingerprint()
	task := w.tasks("")[0]
	if err := w.fan.EditTask(task.ID, func(t *fake.Task) { t.Due = &fake.Due{Date: "2027-01-02"} }); err != nil {
		t.Fatal(err)
	}
	if changed, ok = run(opts).(*Changed); !ok || changed.Plan.Pending() != 0 {
		t.Errorf("a plan that its owner's edit has made smaller was run: %v", changed)
	}
	for _, garbled := range []string{"no fingerprint", ".", shown[:len(shown)-1], shown + "x"} {
		shown = garbled
		if _, ok := run(opts).(*Changed); !ok {
			t.Errorf("the fingerprint %q was taken for the plan's", garbled)
		}
	}
}

func TestTheScheduleOfARunStaysAsItWasShown(t *testing.T) {
	w := newWorld(t, seasonOf(midSeason, game(1, "BOS", "NYK", evening(2)), game(2, "BOS", "LAL", evening(4))), fake.Free)
	// The first command is refused once, so that a second round follows; a new
	// schedule comes between the two.
	w.server.Fail(fake.Fault{Command: "item_add", Times: 1, Refuse: &fake.Error{Message: "No", Code: 1, Tag: "FORBIDDEN", HTTP: 403}})
	out, err := w.im.Run(t.Context(), w.client(), "fan-1", w.opts("team=BOS"), "", func(p Progress) {
		if p.Total > 0 {
			w.season = seasonOf(midSeason.Add(time.Hour), game(1, "BOS", "NYK", evening(3)), game(3, "BOS", "MIA", evening(5)))
		}
	})
	if err != nil || out.Added != 2 || len(out.Failed) != 0 {
		t.Fatalf("added %d, %d failed, %v", out.Added, len(out.Failed), err)
	}
	if got := w.taskOf("0022600001").Due.Date; got != evening(2).Format("2006-01-02T15:04:05Z") {
		t.Errorf("the first game is due %s", got)
	}
}

func TestNothingIsWrittenIntoAnAccountThatHasNoRoom(t *testing.T) {
	var games []schedule.Game
	for i := range 30 {
		games = append(games, game(i, "BOS", "NYK", evening(i+1)))
	}
	limits := func(edit func(*fake.Limits)) fake.Limits {
		l := fake.Free.Limits()
		edit(&l)
		return l
	}
	for name, tt := range map[string]struct {
		limits fake.Limits
		query  string
		says   string
	}{
		"no project is left":     {limits(func(l *fake.Limits) { l.Projects = 1 }), "team=BOS", "holds 1 projects and you have 1, so there is no room for a new one"},
		"two are wanted":         {limits(func(l *fake.Limits) { l.Projects = 2 }), "team=BOS&team=NYK&target=each", "no room for 2 new ones"},
		"a project is too small": {limits(func(l *fake.Limits) { l.TasksPerProject = 29 }), "team=BOS", "room for 29 more, and these would be 30"},
		"the chosen one is full": {limits(func(l *fake.Limits) { l.TasksPerProject = 31 }), "team=BOS&target=MINE", "“Mine” has 2, so there is room for 29 more"},
		"too many sections":      {limits(func(l *fake.Limits) { l.SectionsPerProject = 1 }), "team=BOS&sections=month", "holds 1 sections, and “Boston Celtics 2026-27” would have 2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, seasonOf(midSeason, games...), fake.Free)
			mine := w.fan.AddProject(fake.Project{Name: "Mine"})
			w.fan.AddTask(fake.Task{ProjectID: mine, Content: "A"})
			w.fan.AddTask(fake.Task{ProjectID: mine, Content: "B"})
			w.fan.SetLimits(tt.limits, tt.limits)
			_, err := w.run(strings.ReplaceAll(tt.query, "MINE", mine))
			stopped, ok := err.(*Stopped)
			if !ok || w.writes() != 0 {
				t.Fatalf("got %v and %d writes, want it stopped", err, w.writes())
			}
			if !strings.Contains(fmt.Sprint(stopped.Plan.Notices), tt.says) {
				t.Errorf("the notices are %v, want %q", stopped.Plan.Notices, tt.says)
			}
		})
	}
}

func TestAnImportGoesWithoutWhatAPlanHasNot(t *testing.T) {
	var games []schedule.Game
	for i := range 6 {
		games = append(games, game(i, "BOS", "NYK", evening(i*9+1)))
	}
	none := func(l *fake.Limits) { l.Durations, l.CustomReminders, l.SectionsPerProject = false, false, 0 }
	for name, tt := range map[string]struct {
		enforced func(*fake.Limits)
		told     bool // the account says so itself
		says     string
		wants    string // of each task
	}{
		"durations":              {func(l *fake.Limits) { l.Durations = false }, false, "no task durations", "0min [60] | MONTH"},
		"durations, and told":    {func(l *fake.Limits) { l.Durations = false }, true, "", "0min [60] | MONTH"},
		"reminders":              {func(l *fake.Limits) { l.CustomReminders = false }, false, "no reminders", "150min [] | MONTH"},
		"reminders, and told":    {func(l *fake.Limits) { l.CustomReminders = false }, true, "", "150min [] | MONTH"},
		"room for reminders":     {func(l *fake.Limits) { l.Reminders = 0 }, false, "no reminders", "150min [] | MONTH"},
		"sections":               {func(l *fake.Limits) { l.SectionsPerProject = 0 }, false, "no more sections", "150min [60] | "},
		"all three at once":      {none, false, "no task durations", "0min [] | "},
		"no room, and told so":   {func(l *fake.Limits) { l.Reminders = 5 }, true, "", "150min [] | MONTH"},
		"nothing, told as a lie": {func(l *fake.Limits) {}, false, "", "150min [60] | MONTH"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sw := range switches {
				w := newWorld(t, seasonOf(midSeason, games...), fake.Pro)
				w.server.SetSwitches(sw)
				told, enforced := fake.Pro.Limits(), fake.Pro.Limits()
				tt.enforced(&enforced)
				if tt.told {
					told = enforced
				}
				w.fan.SetLimits(told, enforced)
				const query = "team=BOS&sections=month&duration=150&reminder=60"
				out := w.imports(query)
				if out.Added != 6 || len(w.tasks("")) != 6 {
					t.Errorf("%+v: added %d, there are %d", sw, out.Added, len(w.tasks("")))
				}
				if said := strings.Join(out.Notices, " "); tt.says == "" && said != "" || !strings.Contains(said, tt.says) {
					t.Errorf("%+v: the outcome says %q, want %q", sw, said, tt.says)
				}
				if tt.told && len(out.Plan.Notices) == 0 {
					t.Errorf("%+v: the plan does not say what it goes without", sw)
				}
				for _, line := range w.look(w.tasks("")) {
					at, err := time.Parse(time.RFC3339, line[:len("2026-10-20T23:30:00Z")])
					if err != nil {
						t.Fatal(err)
					}
					month := monthOf(schedule.DayOf(at, schedule.Eastern()))
					if !strings.Contains(line, strings.ReplaceAll(tt.wants, "MONTH", month)+" ") {
						t.Errorf("%+v: %s\nwant %s", sw, line, tt.wants)
					}
				}
				// What was learnt is remembered, so that it is not tried again.
				w.silent("team=BOS")
			}
		})
	}
}

// However many games are left out, the update of each project leaves out the
// same, or the plan says that it will not.
func TestWhatIsLeftOutStaysSo(t *testing.T) {
	const six = "games=all&team=BOS&team=NYK&team=LAL&team=MIA&team=DEN&team=CHI"
	for name, tt := range map[string]struct {
		query   string
		out     int // games left out, of all that are wanted
		forgets bool
	}{
		"many of each of many projects": {"target=each&" + six, 250, false},
		"many of one project":           {"target=new&" + six, 250, false},
		"too many of one project":       {"target=new&" + six + "&team=PHX&team=UTA&team=SAS&team=ORL", 600, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, schedule.Embedded(), fake.Pro)
			opts := w.opts(tt.query)
			plan, err := w.im.Plan(t.Context(), w.client(), opts)
			if err != nil {
				t.Fatal(err)
			}
			known := map[string]bool{}
			for _, c := range plan.Changes() {
				if !known[c.Game.ID] && len(known) < tt.out {
					known[c.Game.ID] = true
					opts.Skip = append(opts.Skip, Ref{ID: c.Game.ID})
				}
			}
			if plan, err = w.im.Plan(t.Context(), w.client(), opts); err != nil {
				t.Fatal(err)
			}
			if said := strings.Contains(fmt.Sprint(plan.Notices), "cannot remember"); said != tt.forgets {
				t.Errorf("the plan says %v", plan.Notices)
			}
			out, err := w.im.Run(t.Context(), w.client(), "fan-1", opts, "", func(Progress) {})
			if err != nil || len(out.Failed) != 0 || out.Added == 0 {
				t.Fatalf("added %d, %v", out.Added, err)
			}
			all, err := w.im.Mine(t.Context(), w.client())
			if err != nil {
				t.Fatal(err)
			}
			waiting := 0
			for _, e := range all {
				waiting += e.Plan.Pending()
			}
			if (waiting > 0) != tt.forgets {
				t.Errorf("%d games that were left out are added by the next update", waiting)
			}
		})
	}
}

// switches are the ways in which Todoist may answer where its documentation is
// silent.
var switches = []fake.Switches{
	{},
	{ReplayRepeatsMapping: true},
	{ReplayRepeatsErrors: true},
	{ReplayRepeatsMapping: true, ReplayRepeatsErrors: true},
	{UnresolvedToInbox: true},
	{UnresolvedToInbox: true, ReplayRepeatsMapping: true, ReplayRepeatsErrors: true},
}
