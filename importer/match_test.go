package importer

import (
	"maps"
	"testing"

	"tipoff/imports"
	"tipoff/schedule"
)

func TestRowsFindTheirGames(t *testing.T) {
	t.Parallel()
	on := func(id, away, home, day string) schedule.Game {
		return schedule.Game{ID: id, Away: schedule.Side{Code: away}, Home: schedule.Side{Code: home}, Day: schedule.Day(day)}
	}
	off := func(g schedule.Game) schedule.Game { g.Postponed = true; return g }
	row := func(id, away, home, day string) *imports.Task {
		return &imports.Task{Game: id, Away: away, Home: home, Day: day, State: imports.There}
	}
	deleted := func(t *imports.Task) *imports.Task { t.State = imports.Deleted; return t }
	for name, tt := range map[string]struct {
		rows  []*imports.Task
		games []schedule.Game
		want  map[string]string // games by rows
	}{
		"a game that moved is found by its id": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("1", "BOS", "NYK", "2026-12-24")}, map[string]string{"1": "1"}},
		"an id counts for more than a day": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01"), row("2", "BOS", "NYK", "2026-12-01")},
			[]schedule.Game{on("1", "BOS", "NYK", "2026-12-01"), on("2", "BOS", "NYK", "2026-11-01")}, map[string]string{"1": "1", "2": "2"}},
		"at another source a game is found by its teams and day": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("9", "BOS", "NYK", "2026-11-01")}, map[string]string{"1": "9"}},
		"home and away are told apart": {
			[]*imports.Task{row("1", "DAL", "GSW", "2026-11-01")}, []schedule.Game{on("9", "GSW", "DAL", "2026-11-01")}, nil},
		"two that moved are told apart by who is at home": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01"), row("2", "NYK", "BOS", "2026-12-01")},
			[]schedule.Game{on("8", "NYK", "BOS", "2026-12-02"), on("9", "BOS", "NYK", "2026-11-02")}, map[string]string{"1": "9", "2": "8"}},
		"at another source a game that moved is the only one left": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01"), row("2", "BOS", "NYK", "2026-12-01")},
			[]schedule.Game{on("8", "BOS", "NYK", "2026-12-01"), on("9", "BOS", "NYK", "2026-11-03")}, map[string]string{"1": "9", "2": "8"}},
		"a game whose task was deleted is known again as well": {
			[]*imports.Task{deleted(row("1", "BOS", "NYK", "2026-11-01"))}, []schedule.Game{on("9", "BOS", "NYK", "2026-11-03")}, map[string]string{"1": "9"}},
		"two that cannot be told apart are nobody's": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01"), row("2", "BOS", "NYK", "2026-12-01")},
			[]schedule.Game{on("8", "BOS", "NYK", "2026-12-02"), on("9", "BOS", "NYK", "2026-11-02")}, nil},
		"the make-up goes before the shell of the postponed game": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01")},
			[]schedule.Game{off(on("1", "BOS", "NYK", "2026-11-01")), on("9", "BOS", "NYK", "2027-01-05")}, map[string]string{"1": "9"}},
		"without a make-up the shell is the game": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{off(on("1", "BOS", "NYK", "2026-11-01"))}, map[string]string{"1": "1"}},
		"other teams' games are nobody's": {
			[]*imports.Task{row("1", "BOS", "NYK", "2026-11-01")}, []schedule.Game{on("9", "BOS", "MIA", "2026-11-01")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rows, got := map[string]*imports.Task{}, map[string]string{}
			for _, row := range tt.rows {
				rows[row.Game] = row
			}
			for id, g := range match(rows, tt.games, "") {
				got[id] = g.ID
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
