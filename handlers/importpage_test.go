package handlers

import (
	"net/url"
	"testing"
)

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
