package handlers

import (
	"slices"
	"testing"
)

func TestATeamIsFoundByWhatPeopleCallIt(t *testing.T) {
	for typed, want := range map[string]string{
		"boston": "BOS", "celt": "BOS", "bos": "BOS", "sixers": "PHI", "76ers": "PHI", "blazers": "POR", "wolves": "MIN", "dubs": "GSW",
		"lak": "LAL", "philly": "PHI", "clips": "LAC", "nola": "NOP", "new york": "NYK", "utah": "UTA", "dc": "WAS",
		"san fran": "GSW", "new york k": "NYK", "la clip": "LAC", "los angeles lak": "LAL", "OKC": "OKC", "salt lake": "UTA", "cavs": "CLE", "mavs": "DAL",
	} {
		if found := codesFor(typed); !slices.Equal(found, []string{want}) {
			t.Errorf("%q finds %v, want %s", typed, found, want)
		}
	}
	if found := codesFor("LA"); !slices.Equal(found, []string{"LAC", "LAL"}) {
		t.Errorf("LA finds %v, want the two teams of the city", found)
	}
	if found := codesFor("xyzzy"); len(found) > 0 {
		t.Errorf("a word that no team has finds %v", found)
	}
}

func codesFor(typed string) (codes []string) {
	for _, t := range teamsFor(typed) {
		codes = append(codes, t.Code)
	}
	return codes
}
