//go:build long

package e2e

import "testing"

func TestLongAnUpdateThatFailsInAnyWayIsTriedAgainUntilItWorks(t *testing.T) {
	failAgainAndAgain(t, 11)
}
