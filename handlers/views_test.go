package handlers

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"tipoff/schedule"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestMomentsReadAsTheVisitorReadsTimes(t *testing.T) {
	now := time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
	at := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	american := reader{Zone: zone(t, "America/New_York"), Now: now}
	german := reader{Zone: zone(t, "Europe/Berlin"), Hours24: true, DayFirst: true, Now: now}
	brazilian := reader{Zone: zone(t, "America/Sao_Paulo"), Hours24: true, Now: now}
	for name, tt := range map[string]struct {
		got, want moment
	}{
		"tonight, in New York": {
			american.momentOf(at("2026-11-21T00:30:00Z")),
			moment{ISO: "2026-11-21T00:30:00Z", Date: "2026-11-20", Month: "November 2026", Day: "Fri, Nov 20", Clock: "7:30 PM", Zone: "EST", Relative: "tonight"},
		},
		"the same game is tomorrow in Berlin": {
			german.momentOf(at("2026-11-21T00:30:00Z")),
			moment{ISO: "2026-11-21T00:30:00Z", Date: "2026-11-21", Month: "November 2026", Day: "Sat 21 Nov", Clock: "01:30", Zone: "CET", Relative: "tomorrow"},
		},
		"a matinée is today": {
			american.momentOf(at("2026-11-20T20:00:00Z")),
			moment{ISO: "2026-11-20T20:00:00Z", Date: "2026-11-20", Month: "November 2026", Day: "Fri, Nov 20", Clock: "3:00 PM", Zone: "EST", Relative: "today"},
		},
		"what has begun is not relative": {
			american.momentOf(at("2026-11-20T17:00:00Z")),
			moment{ISO: "2026-11-20T17:00:00Z", Date: "2026-11-20", Month: "November 2026", Day: "Fri, Nov 20", Clock: "12:00 PM", Zone: "EST"},
		},
		"days are counted by midnights, not by hours, over the change to winter time": {
			reader{Zone: zone(t, "America/New_York"), Now: at("2026-10-30T03:00:00Z")}.momentOf(at("2026-11-02T00:30:00Z")),
			moment{ISO: "2026-11-02T00:30:00Z", Date: "2026-11-01", Month: "November 2026", Day: "Sun, Nov 1", Clock: "7:30 PM", Zone: "EST", Relative: "in 3 days"},
		},
		"a zone without letters is named by its offset": {
			brazilian.momentOf(at("2027-01-10T00:30:00Z")),
			moment{ISO: "2027-01-10T00:30:00Z", Date: "2027-01-09", Month: "January 2027", Day: "Sat, Jan 9", Clock: "21:30", Zone: "UTC−3"},
		},
		"an offset may have minutes": {
			reader{Zone: zone(t, "Asia/Kathmandu"), Hours24: true, Now: now}.momentOf(at("2027-01-10T00:30:00Z")),
			moment{ISO: "2027-01-10T00:30:00Z", Date: "2027-01-10", Month: "January 2027", Day: "Sun, Jan 10", Clock: "06:15", Zone: "UTC+5:45"},
		},
		"a day without a time stays the league's day everywhere": {
			german.momentOfDay("2026-11-22"),
			moment{ISO: "2026-11-22", Date: "2026-11-22", Month: "November 2026", Day: "Sun 22 Nov", Relative: "in 2 days"},
		},
		"a day far away says its year": {
			american.momentOfDay("2028-01-02"),
			moment{ISO: "2028-01-02", Date: "2028-01-02", Month: "January 2028", Day: "Sun, Jan 2, 2028"},
		},
		"what is no day is shown as it came": {
			american.momentOfDay("TBD"),
			moment{ISO: "TBD", Date: "TBD", Day: "TBD"},
		},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, tt.got, tt.want)
		}
	}
}

func TestTheCalendarHasEveryDayOnceAndEveryGameOnItsDay(t *testing.T) {
	ny := zone(t, "America/New_York")
	for name, start := range map[string]time.Weekday{"from Sunday": time.Sunday, "from Monday": time.Monday, "from Saturday": time.Saturday} {
		rd := reader{Zone: ny, WeekStart: start, Now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
		games := []*shownGame{
			{gameRow: gameRow{When: rd.momentOf(time.Date(2026, 10, 21, 2, 0, 0, 0, time.UTC)), Home: true}, Alone: "a"},
			{gameRow: gameRow{When: rd.momentOfDay("TBD")}, Alone: "no date"},
			{gameRow: gameRow{When: rd.momentOfDay("2027-02-28")}, Alone: "b"},
			{gameRow: gameRow{When: rd.momentOfDay("2027-02-28"), Home: true}, Alone: "c"},
		}
		months := rd.calendarOf(games)
		if len(months) != 5 {
			t.Fatalf("%s: %d months, want October to February", name, len(months))
		}
		found := map[string]string{}
		today := ""
		for _, m := range months {
			if got := m.Weekdays[0].Long; got != start.String() {
				t.Errorf("%s: the first column is %s", name, got)
			}
			days := 0
			for _, week := range m.Weeks {
				if len(week) != 7 {
					t.Errorf("%s: a week of %s has %d days", name, m.Name, len(week))
				}
				for i, day := range week {
					if day.Number == 0 {
						continue
					}
					days++
					date, err := time.Parse(time.DateOnly, day.Date)
					if err != nil || date.Day() != day.Number || date.Weekday().String() != m.Weekdays[i].Long {
						t.Errorf("%s: %s stands below %s as %d", name, day.Date, m.Weekdays[i].Long, day.Number)
					}
					if day.Today {
						today += day.Date
					}
					for _, g := range day.Games {
						found[string(g)] += day.Date
					}
				}
			}
			first, _ := time.Parse("2006-01", m.ID)
			if want := first.AddDate(0, 1, -1).Day(); days != want {
				t.Errorf("%s: %s has %d days, want %d", name, m.Name, days, want)
			}
		}
		if want := map[string]string{"a": "2026-10-20", "b": "2027-02-28", "c": "2027-02-28"}; !reflect.DeepEqual(found, want) {
			t.Errorf("%s: games stand on %v, want %v", name, found, want)
		}
		if today != "2026-11-20" {
			t.Errorf("%s: today is %q, want 2026-11-20", name, today)
		}
		if last := months[4]; last.Games != 2 || last.Home != 1 {
			t.Errorf("%s: February counts %d games, %d at home, want 2 and 1", name, last.Games, last.Home)
		}
	}
	if got := (reader{Zone: ny}).calendarOf(nil); got != nil {
		t.Errorf("the calendar of no games is %v, want nothing", got)
	}
}

func TestThePlanSaysWhatItWillDo(t *testing.T) {
	rows := func(n int) []planRow { return make([]planRow, n) }
	leftOut := []planRow{{LeftOut: true}, {LeftOut: true}}
	for name, tt := range map[string]struct {
		plan            planView
		summary, button string
	}{
		"a whole season into a new project": {
			planView{Project: "Boston Celtics 2026-27", New: 1, Targets: 1, Added: rows(82)},
			"82 tasks will be added to a new project, “Boston Celtics 2026-27”.", "Add 82 tasks to Todoist",
		},
		"every team at once": {
			planView{Project: "Everybody", New: 1, Targets: 1, Added: rows(1230)},
			"1,230 tasks will be added to a new project, “Everybody”.", "Add 1,230 tasks to Todoist",
		},
		"one game into a project that exists": {
			planView{Project: "Inbox", Added: rows(1)},
			"1 task will be added to “Inbox”.", "Add 1 task to Todoist",
		},
		"what is left out does not count": {
			planView{Project: "Inbox", Added: append(rows(3), leftOut...)},
			"3 tasks will be added to “Inbox”.", "Add 3 tasks to Todoist",
		},
		"additions and changes": {
			planView{Project: "Celtics", Added: rows(3), Changed: rows(2), Postponed: rows(1)},
			"3 tasks will be added to “Celtics” and 3 brought up to date.", "Add 3 and update 3 tasks in Todoist",
		},
		"a postponed game alone": {
			planView{Project: "Celtics", Postponed: rows(1), Unchanged: rows(81)},
			"1 task in “Celtics” will be brought up to date.", "Bring 1 task up to date",
		},
		"a plan that may not run says would": {
			planView{Project: "Celtics", New: 1, Targets: 1, Added: rows(3), Notices: []notice{{Kind: "stop"}}},
			"3 tasks would be added to a new project, “Celtics”.", "Add 3 tasks to Todoist",
		},
		"going on after a cut": {
			planView{Project: "Celtics", Added: rows(40), Again: true},
			"40 tasks will be added to “Celtics”.", "Go on with the other 40 tasks",
		},
		"everything left out": {
			planView{Project: "Celtics", New: 1, Targets: 1, Added: leftOut},
			"Every game is left out, so nothing will be added.", "Add to Todoist",
		},
		"in step but for a game that is left out": {
			planView{Project: "Celtics", Added: leftOut, Unchanged: rows(80)},
			"“Celtics” is in step with the schedule.", "Add to Todoist",
		},
		"in step": {
			planView{Project: "Celtics", Unchanged: rows(82)},
			"“Celtics” is in step with the schedule.", "Add to Todoist",
		},
		"no game fits": {
			planView{Project: "Celtics", New: 1, Targets: 1},
			"No game fits these choices, so there is nothing to add.", "Add to Todoist",
		},
	} {
		if got := tt.plan.Summary(); got != tt.summary {
			t.Errorf("%s: the summary is %q, want %q", name, got, tt.summary)
		}
		if got := tt.plan.Button(); got != tt.button {
			t.Errorf("%s: the button is %q, want %q", name, got, tt.button)
		}
	}
}

func TestThePlansFormRepeatsTheOptionsAndKeepsWhatIsLeftOut(t *testing.T) {
	plan := planView{
		Options: url.Values{"team": {"BOS", "NYK"}, "skip": {"1", "9"}, "venue": {"home"}},
		Added:   []planRow{{ID: "1", LeftOut: true}, {ID: "2"}},
	}
	want := []field{{"team", "BOS"}, {"team", "NYK"}, {"venue", "home"}, {"skip", "9"}}
	if got := plan.Hidden(); !slices.Equal(got, want) {
		t.Errorf("Hidden() = %v, want %v: game 1 has a box of its own, game 9 has none", got, want)
	}
}

func TestAFormShowsWhatWasTypedEvenWhereItIsNoChoice(t *testing.T) {
	f := form{Values: url.Values{"venue": {"moon"}, "type": {"cup", "regular"}}}
	for name, tt := range map[string]struct {
		got, want []box
	}{
		"a value that is no choice comes last": {
			boxesOf(f, "radio", "venue", "all", "Home and away", "home", "Home"),
			[]box{{"radio", "venue", "all", "Home and away", false}, {"radio", "venue", "home", "Home", false}, {"radio", "venue", "moon", "moon", true}},
		},
		"several may be chosen": {
			boxesOf(f, "checkbox", "type", "preseason", "Preseason", "regular", "Regular season", "cup", "NBA Cup"),
			[]box{{"checkbox", "type", "preseason", "Preseason", false}, {"checkbox", "type", "regular", "Regular season", true}, {"checkbox", "type", "cup", "NBA Cup", true}},
		},
		"the empty choice stands for nothing chosen": {
			boxesOf(f, "", "opponent", "", "Everybody", "NYK", "Knicks"),
			[]box{{"", "opponent", "", "Everybody", true}, {"", "opponent", "NYK", "Knicks", false}},
		},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
}

func TestTheOptionsSayInAFewWordsWhatIsChosen(t *testing.T) {
	page := importPage{
		Target: "Sports", Zone: "Los Angeles time",
		Form: form{Values: url.Values{
			"games": {"all"}, "venue": {"away"}, "tv": {"national"}, "opponent": {"NYK", "MIA"}, "type": {"preseason", "regular"}, "from": {"2026-12-01"},
			"title": {"codes"}, "reminder": {"30"}, "priority": {"1"}, "labels": {"nba"}, "target": {"77"}, "view": {"board"}, "sections": {"month"},
		}},
	}
	for _, tt := range []struct{ got, want string }{
		{page.GamesLine(), "Whole season, away only, national TV, against 2 teams, with preseason, some dates"},
		{page.TasksLine(), "Los Angeles time, BOS @ NYK, with a reminder, P1, labelled"},
		{page.ProjectLine(), "Sports, as a board, by month"},
		{importPage{}.GamesLine(), "Still to come"},
		{importPage{Zone: "UTC"}.TasksLine(), "UTC, no reminder"},
		{importPage{EachZone: true, Zone: "Berlin time"}.TasksLine(), "Each team’s own time, no reminder"},
		{importPage{}.TasksLine(), "No reminder"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestAGroupOfOptionsOpensWhereSomethingIsWrong(t *testing.T) {
	page := importPage{Teams: []teamCard{{Code: "BOS"}}, Form: form{Errors: map[string]string{"labels": "too long"}}}
	for group, want := range map[string]bool{"games": false, "tasks": true, "project": false} {
		if got := page.Open(group); got != want {
			t.Errorf("Open(%q) = %v, want %v", group, got, want)
		}
	}
	full := importPage{Teams: page.Teams, Plan: &planView{Notices: []notice{{Kind: "stop"}}}}
	roomy := importPage{Teams: page.Teams, Plan: &planView{Notices: []notice{{Kind: "warn"}}}}
	if !full.Open("project") || full.Open("games") || roomy.Open("project") {
		t.Error("the project’s options are not open just where the tasks do not fit")
	}
}

func TestTheGamesToComeDoNotRepeatThePlan(t *testing.T) {
	games := []planRow{
		{ID: "moved", Changes: []change{{"When", "Wed", "Tue"}}, Note: "What you edited yourself stays."},
		{ID: "kept", Changes: []change{{"When", "Sat", "Thu"}}, Note: "You edited this task, so it stays as you have it.", Kept: true},
	}
	for name, tt := range map[string]struct {
		page projectPage
		want int
	}{
		"beside the plan": {projectPage{Games: games, Plan: &planView{Changed: games[:1]}}, 0},
		"without it":      {projectPage{Games: games, Plan: &planView{}, Done: &outcome{}}, 1},
	} {
		rows := tt.page.GamesByMonth()[0].Rows
		if len(rows[0].Changes) != tt.want || (rows[0].Note != "") != (tt.want > 0) || len(rows[1].Changes) != 1 || rows[1].Note == "" {
			t.Errorf("%s: the rows are %v", name, rows)
		}
	}
	if len(games[0].Changes) != 1 {
		t.Error("the page’s own games were changed")
	}
}

func TestTheProjectPageDoesNotSayTwiceThatAllIsWell(t *testing.T) {
	inStep, waiting := &planView{Unchanged: make([]planRow, 3)}, &planView{Changed: make([]planRow, 1)}
	for name, tt := range map[string]struct {
		page projectPage
		want bool
	}{
		"looked at later, in step":        {projectPage{Plan: inStep}, true},
		"just imported, in step":          {projectPage{Plan: inStep, Done: &outcome{Added: 3}}, false},
		"just imported, one change since": {projectPage{Plan: waiting, Done: &outcome{Added: 3}}, true},
		"Todoist did not answer":          {projectPage{}, false},
	} {
		if got := tt.page.ShowsPlan(); got != tt.want {
			t.Errorf("%s: ShowsPlan() = %v, want %v", name, got, tt.want)
		}
	}
}

func TestOutcomesAreSaidWithoutZeros(t *testing.T) {
	for want, o := range map[string]outcome{
		"82 added.": {Added: 82},
		"1 added, 2 brought up to date, 79 already right, 1 kept as you edited it.": {Added: 1, Updated: 2, Unchanged: 79, Kept: 1},
		"Nothing was written.": {},
	} {
		if got := o.Line(); got != want {
			t.Errorf("Line() = %q, want %q", got, want)
		}
	}
}

func TestWhatManyTasksHaveInCommonIsSaidOnce(t *testing.T) {
	rows := func(n int, changes ...change) []planRow {
		var all []planRow
		for i := range n {
			row := planRow{ID: fmt.Sprint(i), Title: fmt.Sprint("Game ", i)}
			for _, c := range changes {
				if c.New == "" {
					c.New = "new " + row.Title
				}
				row.Changes = append(row.Changes, c)
			}
			all = append(all, row)
		}
		return all
	}
	labels, title := change{"Labels", "none", "nba"}, change{Field: "Title", Old: "old"}
	moved := planRow{ID: "m", Changes: []change{labels, {"When", "Sun", "Mon"}}}
	noted := planRow{ID: "n", Changes: []change{labels}, Note: "What you edited yourself stays."}
	for name, tt := range map[string]struct {
		rows               []planRow
		common             []commonChange
		own, folded, lines int
	}{
		"the same label on all":              {rows(65, labels), []commonChange{{labels, 65}}, 0, 65, 0},
		"three are few enough to see each":   {rows(3, labels), nil, 3, 0, 3},
		"a moved game is not hidden":         {append(rows(65, labels), moved), []commonChange{{labels, 66}}, 1, 65, 1},
		"a word on a task is not hidden":     {append(rows(65, labels), noted), []commonChange{{labels, 66}}, 1, 65, 0},
		"of many new titles a few are shown": {rows(65, title), nil, 10, 55, 10},
		"labels once, titles a few":          {rows(65, labels, title), []commonChange{{labels, 65}}, 10, 55, 10},
		"nothing changes":                    {nil, nil, 0, 0, 0},
	} {
		p := planView{Changed: tt.rows}
		p.gather()
		lines := 0
		for _, row := range p.Own {
			lines += len(row.Changes)
		}
		if !slices.Equal(p.Common, tt.common) || len(p.Own) != tt.own || len(p.Folded) != tt.folded || lines != tt.lines {
			t.Errorf("%s: %v in common, %d rows with %d changes shown, %d folded; want %v, %d with %d, %d", name, p.Common, len(p.Own), lines, len(p.Folded), tt.common, tt.own, tt.lines, tt.folded)
		}
		for i, row := range p.Folded {
			if len(row.Changes) != len(tt.rows[0].Changes) {
				t.Errorf("%s: folded row %d lacks changes", name, i)
			}
		}
	}
}

func TestATeamIsFoundByWhatPeopleCallIt(t *testing.T) {
	for typed, want := range map[string]string{
		"boston": "BOS", "celt": "BOS", "bos": "BOS", "sixers": "PHI", "76ers": "PHI", "blazers": "POR", "wolves": "MIN", "dubs": "GSW",
		"san fran": "GSW", "new york k": "NYK", "la clip": "LAC", "los angeles lak": "LAL", "OKC": "OKC", "salt lake": "UTA", "cavs": "CLE", "mavs": "DAL",
	} {
		var found []string
		for _, team := range schedule.Teams() {
			if cardOf(team).Fits(typed) {
				found = append(found, team.Code)
			}
		}
		if !slices.Equal(found, []string{want}) {
			t.Errorf("%q finds %v, want %s", typed, found, want)
		}
	}
}

func TestTheCountdownNamesItsTwoLargestUnits(t *testing.T) {
	for left, want := range map[time.Duration]string{
		33*time.Hour + 59*time.Minute: "Tips off in 1 d 9 h",
		3*time.Hour + 5*time.Minute:   "Tips off in 3 h 5 min",
		59 * time.Minute:              "Tips off in 59 min",
		0:                             "Tipped off",
		-time.Hour:                    "Tipped off",
	} {
		if got := countdown(left); got != want {
			t.Errorf("%v: got %q, want %q", left, got, want)
		}
	}
}
