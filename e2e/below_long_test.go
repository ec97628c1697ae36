//go:build long

package e2e

import "testing"

func TestLongHarmOnTheWayToTodoistLosesAndDoublesNothing(t *testing.T) {
	all := harms(300, 9000, 0, 1, 30, 2000)
	all[harm{kind: "hanging"}] = -1
	harmTodoist(t, all)
}

func TestLongHarmOnTheWayToASharedStoreEndsWithIt(t *testing.T) {
	all := harms(3, 200, 0, 40)
	harmStores(t, map[string]map[harm]int{"redis": all, "postgres": all})
}
