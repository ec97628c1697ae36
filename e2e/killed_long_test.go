//go:build long

package e2e

import "testing"

func TestLongASiteThatIsEndedAgainAndAgainLosesAndDoublesNothing(t *testing.T) {
	endAtAnyMoment(t, 30)
}
