package handlers

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
)

func TestThePlanSaysWhatItWillDo(t *testing.T) {
	rows := func(n int) []planRow { return make([]planRow, n) }
	leftOut := []planRow{{LeftOut: true}, {LeftOut: true}}
	for name, tt := range map[string]struct {
		plan            planView
		summary, button string
	}{
		"a whole season into a new project": {
			planView{Project: "Boston Celtics 2026-27", New: 1, Targets: 1, Added: rows(82)},
			"82 games will be added to a new project, “Boston Celtics 2026-27”.", "Add 82 games to Todoist",
		},
		"every team at once": {
			planView{Project: "Everybody", New: 1, Targets: 1, Added: rows(1230)},
			"1,230 games will be added to a new project, “Everybody”.", "Add 1,230 games to Todoist",
		},
		"one game into a project that exists": {
			planView{Project: "Inbox", Added: rows(1)},
			"1 game will be added to “Inbox”.", "Add 1 game to Todoist",
		},
		"what is left out does not count": {
			planView{Project: "Inbox", Added: append(rows(3), leftOut...)},
			"3 games will be added to “Inbox”.", "Add 3 games to Todoist",
		},
		"additions and changes": {
			planView{Project: "Celtics", Added: rows(3), Changed: rows(2), Postponed: rows(1)},
			"3 games will be added to “Celtics” and 3 tasks updated.", "Add 3 games and update 3 tasks",
		},
		"a postponed game alone": {
			planView{Project: "Celtics", Postponed: rows(1), Unchanged: rows(81)},
			"1 task in “Celtics” will be updated.", "Update 1 task",
		},
		"a plan that may not run says would": {
			planView{Project: "Celtics", New: 1, Targets: 1, Added: rows(3), Notices: []notice{{Kind: "stop"}}},
			"3 games would be added to a new project, “Celtics”.", "Add 3 games to Todoist",
		},
		"going on after a cut": {
			planView{Project: "Celtics", Added: rows(40), Again: true},
			"40 games will be added to “Celtics”.", "Continue with the other 40 tasks",
		},
		"everything left out": {
			planView{Project: "Celtics", New: 1, Targets: 1, Added: leftOut},
			"Every game is left out, so there is nothing to add.", "Add to Todoist",
		},
		"in step but for a game that is left out": {
			planView{Project: "Celtics", Added: leftOut, Unchanged: rows(80)},
			"“Celtics” is up to date.", "Add to Todoist",
		},
		"in step": {
			planView{Project: "Celtics", Unchanged: rows(82)},
			"“Celtics” is up to date.", "Add to Todoist",
		},
		"no game fits": {
			planView{Project: "Celtics", New: 1, Targets: 1},
			"No game matches these options, so there is nothing to add.", "Add to Todoist",
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
	noted := planRow{ID: "n", Changes: []change{labels}, Note: "Your own edits stay."}
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
		p.groupChanges()
		lines := 0
		for _, row := range p.Shown {
			lines += len(row.Changes)
		}
		if !slices.Equal(p.Common, tt.common) || len(p.Shown) != tt.own || len(p.Folded) != tt.folded || lines != tt.lines {
			t.Errorf("%s: %v in common, %d rows with %d changes shown, %d folded; want %v, %d with %d, %d", name, p.Common, len(p.Shown), lines, len(p.Folded), tt.common, tt.own, tt.lines, tt.folded)
		}
		for i, row := range p.Folded {
			if len(row.Changes) != len(tt.rows[0].Changes) {
				t.Errorf("%s: folded row %d lacks changes", name, i)
			}
		}
	}
}
