package importer

import (
	"tipoff/imports"
	"tipoff/schedule"
)

// match finds the game of each row, by the row's own id of it: the game with this id;
// else that of the same sides, home and away told apart, on the same day; else the one
// game of these sides without a row, where there is one such row. Games that are on
// come first, so that a task that waits for a date finds its game's new date also where
// a source lists that under another id. A game before from, the day on which the import
// began, is known by its id or day alone: it was over then.
func match(rows map[string]*imports.Task, games []schedule.Game, from schedule.Day) map[string]*schedule.Game {
	found := map[string]*schedule.Game{}
	taken := map[string]bool{}
	pair := func(row *imports.Task, g *schedule.Game) {
		found[row.Game], taken[g.ID] = g, true
	}
	byID := map[string]*schedule.Game{}
	for i := range games {
		byID[games[i].ID] = &games[i]
	}
	same := func(postponed bool) {
		for id, row := range rows {
			if g := byID[id]; g != nil && g.Postponed == postponed && found[id] == nil {
				pair(row, g)
			}
		}
		onDay := map[string]*schedule.Game{}
		for i := range games {
			if g := &games[i]; g.Postponed == postponed && !taken[g.ID] {
				onDay[sides(g.Home.Code, g.Away.Code)+string(g.Day)] = g
			}
		}
		for id, row := range rows {
			if g := onDay[sides(row.Home, row.Away)+row.Day]; g != nil && found[id] == nil && !taken[g.ID] {
				pair(row, g)
			}
		}
	}
	same(false)
	left, free := map[string][]*imports.Task{}, map[string][]*schedule.Game{}
	for id, row := range rows {
		if found[id] == nil {
			key := sides(row.Home, row.Away)
			left[key] = append(left[key], row)
		}
	}
	for i := range games {
		if g := &games[i]; !g.Postponed && !taken[g.ID] && g.Day >= from {
			key := sides(g.Home.Code, g.Away.Code)
			free[key] = append(free[key], g)
		}
	}
	for key, rows := range left {
		if len(rows) == 1 && len(free[key]) == 1 {
			pair(rows[0], free[key][0])
		}
	}
	same(true)
	return found
}

// sides names who plays at whose place.
func sides(home, away string) string { return away + "@" + home + " " }
