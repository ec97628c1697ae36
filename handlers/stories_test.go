package handlers

import (
	"fmt"
	"html/template"
	"net/url"
	"time"

	"tipoff/schedule"
)

// stories are the pages' data in every state worth looking at, by file name.
// The games are made up. What pages have as HTML is rendered by p.
func stories(p *pages) map[string]view {
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	loc := locale{Zone: ny, Now: time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)}
	me := &account{Name: "Robin Example", Plan: "Pro"}
	note := &scheduleNote{Source: "the league’s feed", AsOf: loc.momentOf(loc.Now.Add(-40 * time.Minute))}
	out := layout{Title: "Pick your team", Section: "teams", Schedule: note, Reload: "/here", Description: "Every game of your team as a Todoist task, right all season."}
	in := out
	in.Me = me
	titled := func(l layout, title, section string) layout { l.Title, l.Section = title, section; return l }
	demo := in
	demo.Demo, demo.DemoURL = true, "/demo/todoist/"

	season := storySeason(loc)
	next := season[16]
	shown := storyShown(p, season)
	celtics := storyTeam("BOS", &next)
	planRows := storyPlan(season)
	grid := storyGrid(p, schedule.Teams(), &next)
	options := form{Values: url.Values{
		"team": {"BOS"}, "games": {"upcoming"}, "venue": {"all"}, "type": {"regular", "cup", "playin", "playoffs"},
		"tv": {"any"}, "title": {"names"}, "timezone": {""}, "target": {"new"}, "name": {"Boston Celtics 2026-27"},
		"view": {"list"}, "sections": {"none"}, "priority": {"4"}, "duration": {"150"}, "reminder": {"none"}, "tbd": {"allday"},
	}}
	opponents := []choice{{"NYK", "New York Knicks"}, {"MIA", "Miami Heat"}, {"LAL", "Los Angeles Lakers"}, {"CHI", "Chicago Bulls"}}
	var all []choice
	for _, t := range schedule.Teams() {
		all = append(all, choice{t.Code, t.FullName()})
	}

	fresh := importPage{
		layout: titled(in, "Import the Celtics", ""), Form: options, Teams: []teamCard{celtics}, AllTeams: all, Opponents: opponents,
		Zones:    zoneFieldOf(options, "Yours in Todoist: New York time", "Where the Celtics play: New York time"),
		Projects: []choice{{"in", "Inbox"}, {"77", "Sports"}}, Target: "A new project", DefaultName: "Boston Celtics 2026-27", Zone: "New York time", Reminders: true, Durations: true,
		Plan: &planView{Fingerprint: "f-1", Options: options.Values, Project: "Boston Celtics 2026-27", New: 1, Targets: 1, Added: planRows[14:]},
	}
	again := fresh
	again.Target = "“Boston Celtics 2026-27”, as before"
	again.Plan = &planView{
		Fingerprint: "f-2", Options: options.Values, Project: "Boston Celtics 2026-27",
		Added: planRows[40:43], Unchanged: planRows[20:40],
		Changed: []planRow{
			{ID: "c1", When: planRows[15].When, Title: "Celtics at Bulls", Changes: []change{{"Tip-off", "Sun, Nov 22, 6:00 PM", "Sun, Nov 22, 3:30 PM"}, {"TV", "NBC Sports Boston", "ABC, NBC Sports Boston"}}},
			{ID: "c2", When: planRows[16].When, Title: "Celtics vs Heat", Changes: []change{{"Arena", "", "TD Garden, Boston"}}},
		},
		Postponed: []planRow{{ID: "p1", When: planRows[18].When, Title: "Celtics vs Knicks", Note: "Was Wed, Dec 2, 7:30 PM."}},
		Kept:      []planRow{{ID: "k1", When: planRows[19].When, Title: "Lakers night with Sam!", Note: "You moved this task to Friday. The league now says Sat, Dec 5, 8:30 PM.", Changes: []change{{"Tip-off", "Fri, Dec 4, 8:00 PM", "Sat, Dec 5, 8:30 PM"}}}},
		Notices:   []notice{{Kind: "warn", Text: "Your plan keeps 300 open tasks in a project; this one will have 212."}},
	}
	again.Plan.groupChanges()
	every := fresh
	every.Teams = nil
	for _, t := range schedule.Teams() {
		every.Teams = append(every.Teams, storyTeam(t.Code, nil))
	}
	wrong := fresh
	wrong.Plan = nil
	wrong.Form = form{Values: url.Values{"team": {"BOS"}, "timezone": {"America/Gotham"}, "from": {"2026-13-40"}, "labels": {"a"}, "venue": {"moon"}, "target": {"new"}, "reminder": {"7"}},
		Errors: map[string]string{"timezone": "“America/Gotham” is no time zone. Try a name such as America/New_York.", "from": "“2026-13-40” is no date.", "venue": "“moon” is neither all, home nor away."}}
	stopped := fresh
	plan := *fresh.Plan
	plan.Notices = []notice{{Kind: "stop", Text: "Your Todoist has 5 projects, and its plan keeps no more than 5."}}
	plan.Offers = []offer{{"Into “Inbox”", "/import?team=BOS&target=in", 68}, {"Only home games, into “Inbox”", "/import?team=BOS&target=in&venue=home", 33}}
	stopped.Plan = &plan
	inStep := again
	inStep.Plan = &planView{Project: "Boston Celtics 2026-27", Unchanged: planRows[14:]}

	options2 := again
	relabelled := make([]planRow, 0, 60)
	for i, row := range planRows[14:74] {
		row.Changes = []change{{"Labels", "none", "nba"}, {"Section", "none", row.When.Month}, {"Title", row.Title, "🏀 " + row.Title}}
		if i == 3 {
			row.Changes = append(row.Changes, change{"When", "Sun, Nov 29, 6:00 PM", row.When.Day + ", " + row.When.Clock})
		}
		relabelled = append(relabelled, row)
	}
	options2.Plan = &planView{Fingerprint: "f-5", Options: options.Values, Project: "Boston Celtics 2026-27", Changed: relabelled}
	options2.Plan.groupChanges()
	running := fresh
	running.Running = &runningView{Done: 400, Total: 1230, Message: "Writing the Bulls’ games", ThisImport: true}
	other := fresh
	other.Running = &runningView{Done: 12, Total: 65}

	project := projectPage{
		layout: titled(in, "Boston Celtics 2026-27", "projects"), ID: "6XR4", Name: "Boston Celtics 2026-27", OpenURL: "https://app.todoist.com/app/project/6XR4",
		Team: &celtics, OptionsURL: "/import?team=BOS&target=6XR4", Games: planRows[14:40],
		Plan: &planView{Project: "Boston Celtics 2026-27", Unchanged: planRows[14:40]},
	}
	waiting := project
	waiting.Plan = &planView{Fingerprint: "f-3", Options: options.Values, Project: project.Name, Changed: again.Plan.Changed, Postponed: again.Plan.Postponed, Kept: again.Plan.Kept, Unchanged: planRows[20:40]}
	aside := project
	out1 := planRows[14]
	out1.LeftOut = true
	aside.Plan = &planView{Fingerprint: "f-4", Options: options.Values, Project: project.Name, Added: []planRow{out1}, Unchanged: planRows[15:40]}
	done := project
	done.Done = &outcome{Added: 68, Notices: []string{"Your Todoist plan has no reminders before a game, so the tasks have none."}}
	behind := project
	behind.Running = true
	team := teamPage{
		layout: titled(out, "Boston Celtics 2026-27", "teams"), Team: celtics, Season: "2026-27", State: "running", Countdown: "Tips off in 1 d 6 h",
		Facts: teamFacts{Left: 68, Home: 33, Away: 35, BackToBacks: 11, Trip: 6, TripFrom: season[30].When, TripTo: season[35].When, National: 24, CupGames: 2},
		Form:  form{Values: url.Values{"games": {"all"}, "venue": {"all"}, "type": {"regular", "cup", "playin", "playoffs"}, "tv": {"any"}, "timezone": {"America/New_York"}}}, Opponents: opponents,
		Calendar: loc.calendarOf(shown), Games: shown, Of: len(season), Zone: "New York time", Direct: true, Adding: 68,
		CalendarURL: "/teams/bos.ics", WebcalURL: "webcal://localhost:8080/teams/bos.ics", CSVURL: "/teams/bos.csv", ImportURL: "/import?team=BOS",
	}
	team.Team.Arena = "TD Garden"
	ofTeam := func(code string) teamPage {
		p := team
		p.Team = storyTeam(code, &next)
		return p
	}
	filtered := team
	filtered.Filtered, filtered.Games, filtered.Calendar = true, nil, nil
	unreleased := team
	unreleased.State, unreleased.Of, unreleased.Games, unreleased.Calendar, unreleased.Facts = "unreleased", 0, nil, nil, teamFacts{}
	unreleased.Team.Next = nil

	troubled := out
	troubled.Schedule = &scheduleNote{Source: "the copy that came with Tipoff", AsOf: loc.momentOfDay("2026-08-16"), Trouble: "The league’s feed is not answering; Tipoff keeps trying."}

	team.Zones = zoneFieldOf(team.Form, "The league’s: New York time", "Where the Celtics play: New York time")
	imported := team
	imported.Mine = &projectLine{ID: "6XR4", Name: "Boston Celtics 2026-27", Changed: true}
	homeMine := homePage{layout: demo, Grid: grid, Season: "2026-27", Zone: "New York time", Found: 30, Games: planRows[14:17], Mine: []projectLine{
		{ID: "6XR4", Name: "Boston Celtics 2026-27", OpenURL: "https://app.todoist.com/app/project/1", Team: &celtics, Left: 68, Next: &planRows[14], Auto: true},
		{ID: "6XR5", Name: "Sports", OpenURL: "https://app.todoist.com/app/project/2", Changed: true},
	}}
	home := homePage{layout: out, Grid: grid, Season: "2026-27", Zone: "New York time", Direct: true, Found: 30}
	homeIn := homePage{layout: demo, Grid: grid, Season: "2026-27", Last: &celtics, Zone: "New York time", Found: 30}
	found := home
	found.Query, found.Found = "bos", 1
	found.Grid = storyGrid(p, schedule.Teams()[1:2], &next)
	none := home
	none.Query, none.Found, none.Grid = "gotham", 0, ""
	trouble := errorPage{layout: titled(troubled, "Not found", ""), Status: 404, Heading: "Page not found", Text: "No team matches “XYZ”.", Advice: "Pick the team from the list instead.", RequestID: "r-5f2c9a"}

	return map[string]view{
		"home":                home,
		"home-signed-in-demo": homeIn,
		"home-found":          found,
		"home-none":           none,
		"sign-in":             signInPage{layout: titled(out, "Sign in", ""), Next: "/import?team=BOS", Team: &celtics, OAuth: true, Token: true},
		"sign-in-wrong":       signInPage{layout: titled(out, "Sign in", ""), OAuth: true, Token: true, Wrong: "Access wasn’t granted. Nothing changed."},
		"sign-in-token-wrong": signInPage{layout: titled(demoOut(out), "Sign in", ""), Token: true, Wrong: "Todoist does not know this token. Copy it once more, without spaces.", WrongToken: true},
		"import":              fresh,
		"import-again":        again,
		"import-every-team":   every,
		"import-new-options":  options2,
		"import-running":      running,
		"import-other-runs":   other,
		"import-wrong":        wrong,
		"import-stopped":      stopped,
		"import-in-step":      inStep,
		"project":             project,
		"project-left-out":    aside,
		"project-waiting":     waiting,
		"project-done":        done,
		"project-running":     behind,
		"remove":              removePage{layout: titled(in, "Take back", "projects"), ID: "6XR4", Name: project.Name, Team: &celtics, Tasks: 68, Completed: 9, WholeProject: true, Consent: true},
		"remove-shared":       removePage{layout: titled(in, "Take back", "projects"), ID: "77", Name: "Sports", Tasks: 68, Others: 4, Sections: 2},
		"projects": projectsPage{layout: titled(in, "Your projects", "projects"), Projects: []projectLine{
			{ID: "6XR4", Name: project.Name, OpenURL: project.OpenURL, Team: &celtics, Left: 68, Next: &planRows[14]},
			{ID: "6XR5", Name: "Sports", OpenURL: project.OpenURL, Waiting: 3, Left: 112, Next: &planRows[15]},
			{ID: "6XR6", Name: "Brooklyn Nets 2026-27", OpenURL: project.OpenURL, Team: ptr(storyTeam("BKN", nil)), Trouble: "Todoist did not answer"},
		}},
		"projects-empty": projectsPage{layout: titled(in, "Your projects", "projects")},
		"team-imported":  imported,
		"home-imports":   homeMine,
		"team":           team,
		"team-bkn":       ofTeam("BKN"),
		"team-gsw":       ofTeam("GSW"),
		"team-den":       ofTeam("DEN"),
		"team-lal":       ofTeam("LAL"),
		"team-empty":     filtered,
		"team-early":     unreleased,
		"signed-out":     signedOutPage{layout: titled(out, "You are signed out", ""), Updating: 2},
		"account": accountPage{layout: titled(in, "Your account", ""), Sessions: []sessionLine{
			{Handle: "h1", Browser: "Firefox on Linux", Since: loc.momentOf(loc.Now.Add(-2 * time.Hour)), Seen: loc.momentOf(loc.Now), Current: true},
			{Handle: "h2", Browser: "Safari on iPhone", Since: loc.momentOf(loc.Now.Add(-20 * time.Hour)), Seen: loc.momentOf(loc.Now.Add(-3 * time.Hour))},
			{Handle: "h3", Since: loc.momentOf(loc.Now.Add(-22 * time.Hour)), Seen: loc.momentOf(loc.Now.Add(-9 * time.Hour))},
		}},
		"error": trouble,
	}
}

func ptr[T any](v T) *T { return &v }

func demoOut(l layout) layout {
	l.Demo, l.DemoURL = true, "/demo/todoist/"
	return l
}

func storyTeam(code string, next *gameRow) teamCard {
	t, ok := schedule.TeamByCode(code)
	if !ok {
		panic("no team " + code)
	}
	return teamCard{Code: t.Code, City: t.City, Name: t.Name, Conference: t.Conference, Division: t.Division, Arena: t.Arena, Next: next}
}

func storyGrid(p *pages, teams []schedule.Team, next *gameRow) template.HTML {
	cards := map[string]template.HTML{}
	for _, t := range teams {
		cards[t.Code] = storyPart(p, "team-card", storyTeam(t.Code, next))
	}
	return storyPart(p, "team-grid", conferencesOf(teams, cards))
}

func storyPart(p *pages, name string, data any) template.HTML {
	html, err := p.part("home", name, data)
	if err != nil {
		panic(err)
	}
	return html
}

func storyShown(p *pages, games []gameRow) []*renderedGame {
	var all []*renderedGame
	for _, g := range games {
		one := &renderedGame{gameRow: g}
		if err := p.renderGame(one); err != nil {
			panic(err)
		}
		all = append(all, one)
	}
	return all
}

// storySeason is 82 games of the Celtics, every other day or so.
func storySeason(loc locale) []gameRow {
	var games []gameRow
	teams := schedule.Teams()
	at := time.Date(2026, 10, 20, 23, 30, 0, 0, time.UTC)
	previous := 0
	for i := range 82 {
		other := teams[(i*7+3)%len(teams)]
		if other.Code == "BOS" {
			other = teams[5]
		}
		home := i%5 < 2 || i%7 == 0
		g := gameRow{ID: fmt.Sprintf("00226%05d", i+1), When: loc.momentOf(at), Opponent: other.Name, OpponentCode: other.Code, Home: home, Arena: other.Arena, City: other.ArenaCity, Title: "Celtics at " + other.Name, TV: []string{"NBC Sports Boston"}, Over: at.Before(loc.Now)}
		if home {
			g.Title, g.Arena, g.City = "Celtics vs "+other.Name, "TD Garden", "Boston"
		}
		switch {
		case i%9 == 4:
			g.National, g.TV = true, []string{"ESPN", "NBC Sports Boston"}
		case i == 12 || i == 20:
			g.Cup, g.Label = true, "NBA Cup"
		case i == 26:
			g.Postponed = true
		case i == 33:
			g.Neutral, g.Label = true, "Mexico City Game"
		}
		if i >= 70 && i%4 == 1 {
			g.When = loc.momentOfDay(at.In(loc.Zone).Format(time.DateOnly))
		}
		if previous == 1 {
			g.BackToBack = 2
			games[len(games)-1].BackToBack = 1
		}
		games = append(games, g)
		previous = []int{2, 2, 1, 3, 2, 2, 3, 2, 1, 2, 2}[i%11]
		at = at.AddDate(0, 0, previous)
	}
	return games
}

func storyPlan(games []gameRow) []planRow {
	var rows []planRow
	for _, g := range games {
		rows = append(rows, planRow{ID: g.ID, When: g.When, Title: g.Title, Label: g.Label})
	}
	return rows
}
