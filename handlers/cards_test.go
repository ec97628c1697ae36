package handlers

import (
	"slices"
	"testing"

	"tipoff/schedule"
)

func TestATeamIsFoundByWhatPeopleCallIt(t *testing.T) {
	for typed, want := range map[string]string{
		"boston": "BOS", "celt": "BOS", "bos": "BOS", "sixers": "PHI", "76ers": "PHI", "blazers": "POR", "wolves": "MIN", "dubs": "GSW",
		"san fran": "GSW", "new york k": "NYK", "la clip": "LAC", "los angeles lak": "LAL", "OKC": "OKC", "salt lake": "UTA", "cavs": "CLE", "mavs": "DAL",
	} {
		var found []string
		for _, team := range schedule.Teams() {
			if cardOf(team).Matches(typed) {
				found = append(found, team.Code)
			}
		}
		if !slices.Equal(found, []string{want}) {
			t.Errorf("%q finds %v, want %s", typed, found, want)
		}
	}
}
