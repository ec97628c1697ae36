package importer

import (
	"slices"
	"testing"

	"tipoff/schedule"
)

func TestTasksFindTheirGames(t *testing.T) {
	on := func(id, away, home, day string) schedule.Game {
		return schedule.Game{ID: id, Away: schedule.Side{Code: away}, Home: schedule.Side{Code: home}, Day: schedule.Day(day)}
	}
	off := func(g schedule.Game) schedule.Game { g.Postponed = true; return g }
	ref := func(id, away, home, day string) Ref { return Ref{id, away, home, schedule.Day(day)} }
	for name, tt := range map[string]struct {
		refs  []Ref
		games []schedule.Game
		want  []int
	}{
		"a game that moved is found by its id": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("1", "BOS", "NYK", "2026-12-24")}, []int{0}},
		"at another source a game is found by its teams and day": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("9", "BOS", "NYK", "2026-11-01")}, []int{0}},
		"and so it is when home and away are swapped": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("9", "NYK", "BOS", "2026-11-01")}, []int{0}},
		"at another source a game that moved is the only one left": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("9", "BOS", "NYK", "2026-11-03")}, []int{0}},
		"two that moved are told apart by who is at home": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01"), ref("2", "NYK", "BOS", "2026-12-01")},
			[]schedule.Game{on("8", "NYK", "BOS", "2026-12-02"), on("9", "BOS", "NYK", "2026-11-02")}, []int{1, 0}},
		"two that cannot be told apart are nobody's": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01"), ref("2", "BOS", "NYK", "2026-12-01")},
			[]schedule.Game{on("8", "BOS", "NYK", "2026-12-02"), on("9", "BOS", "NYK", "2026-11-02")}, []int{-1, -1}},
		"the make-up goes before the shell of the postponed game": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01")},
			[]schedule.Game{off(on("1", "BOS", "NYK", "2026-11-01")), on("9", "BOS", "NYK", "2027-01-05")}, []int{1}},
		"without a make-up the shell is the game": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{off(on("1", "BOS", "NYK", "2026-11-01"))}, []int{0}},
		"copies of a task share its game": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01"), ref("1", "BOS", "NYK", "2026-11-01")},
			[]schedule.Game{on("1", "BOS", "NYK", "2026-11-01")}, []int{0, 0}},
		"other teams' games are nobody's": {
			[]Ref{ref("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("9", "BOS", "MIA", "2026-11-01")}, []int{-1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := match(tt.refs, tt.games, func(*schedule.Game) bool { return true }); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
