package importer

import (
	"tipoff/schedule"
)

// match finds the game of each ref among games: first by id; then by both sides
// and the Eastern day, since ids differ between sources; then, for games that
// moved as well, by both sides where one ref and one wanted game are left over.
// The result has an index into games per ref, or -1. No two refs get the same
// game but those with the same id, which are copies of one task.
func match(refs []Ref, games []schedule.Game, wanted func(*schedule.Game) bool) []int {
	found := make([]int, len(refs))
	taken := make([]bool, len(games))
	byID := map[string]int{}
	byDay := map[string][]int{}
	for i := range games {
		g := refOf(&games[i])
		byID[g.ID] = i
		byDay[g.pair()+string(g.Day)] = append(byDay[g.pair()+string(g.Day)], i)
	}
	for i, r := range refs {
		found[i] = -1
		if g, ok := byID[r.ID]; ok {
			found[i], taken[g] = g, true
		}
	}
	for i, r := range refs {
		if found[i] >= 0 || r.Away == "" {
			continue
		}
		for _, g := range byDay[r.pair()+string(r.Day)] {
			if !taken[g] {
				found[i], taken[g] = g, true
				break
			}
		}
	}
	leftRefs, leftGames := map[string][]int{}, map[string][]int{}
	for i, r := range refs {
		if found[i] < 0 && r.Away != "" {
			leftRefs[r.pair()] = append(leftRefs[r.pair()], i)
		}
	}
	for i := range games {
		if pair := refOf(&games[i]).pair(); !taken[i] && leftRefs[pair] != nil && wanted(&games[i]) {
			leftGames[pair] = append(leftGames[pair], i)
		}
	}
	for pair, r := range leftRefs {
		if g := leftGames[pair]; len(r) == 1 && len(g) == 1 {
			found[r[0]] = g[0]
		}
	}
	return found
}
