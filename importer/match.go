package importer

import (
	"tipoff/schedule"
)

// match finds the game of each ref among games that are on: first by id; then by
// both sides and the Eastern day, since ids differ between sources; then, for
// games that moved as well, by who visits whom and then by both sides, where one
// ref and one free game are left over. Only then come games that are postponed, by id and by day, so that
// a task finds the new date of its game also where a source lists that as
// another game. The result has an index into games per ref, or -1. No two refs
// get the same game but those with the same id, which are copies of one task.
func match(refs []Ref, games []schedule.Game, free func(*schedule.Game) bool) []int {
	found := make([]int, len(refs))
	for i := range found {
		found[i] = -1
	}
	taken := make([]bool, len(games))
	byID := map[string]int{}
	byDay := map[string]int{}
	for i := range games {
		r := refOf(&games[i])
		byID[r.ID] = i
		if other, ok := byDay[r.pairDay()]; !ok || games[other].Postponed {
			byDay[r.pairDay()] = i
		}
	}
	pass := func(of map[string]int, key func(Ref) string, postponed, shared bool) {
		for i, r := range refs {
			g, ok := of[key(r)]
			if ok && found[i] < 0 && games[g].Postponed == postponed && (shared || !taken[g]) {
				found[i] = g
				taken[g] = !shared
			}
		}
		for _, g := range found {
			if g >= 0 {
				taken[g] = true
			}
		}
	}
	id := func(r Ref) string { return r.ID }
	pass(byID, id, false, true)
	pass(byDay, Ref.pairDay, false, false)

	// Who is at home tells two moved games of the same teams apart, unless one
	// of them is swapped.
	single := func(key func(Ref) string) {
		leftRefs, leftGames := map[string][]int{}, map[string][]int{}
		for i, r := range refs {
			if found[i] < 0 && r.Away != "" {
				leftRefs[key(r)] = append(leftRefs[key(r)], i)
			}
		}
		for i := range games {
			if k := key(refOf(&games[i])); !taken[i] && !games[i].Postponed && leftRefs[k] != nil && free(&games[i]) {
				leftGames[k] = append(leftGames[k], i)
			}
		}
		for k, r := range leftRefs {
			if g := leftGames[k]; len(r) == 1 && len(g) == 1 {
				found[r[0]] = g[0]
				taken[g[0]] = true
			}
		}
	}
	single(func(r Ref) string { return r.Away + " " + r.Home })
	single(Ref.pair)

	pass(byID, id, true, true)
	pass(byDay, Ref.pairDay, true, false)
	return found
}
