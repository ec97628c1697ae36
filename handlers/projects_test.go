package handlers

import "testing"

func TestTheGamesToComeDoNotRepeatThePlan(t *testing.T) {
	games := []planRow{
		{ID: "moved", Changes: []change{{"When", "Wed", "Tue"}}, Note: "Your own edits stay."},
		{ID: "kept", Changes: []change{{"When", "Sat", "Thu"}}, Note: "You edited this task, so Tipoff keeps your edit.", Kept: true},
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
