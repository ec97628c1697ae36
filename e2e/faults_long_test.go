//go:build long

package e2e

import "testing"

// TestLongWhateverGoesWrongEndsInAClearPageAndThenInTheRightTasks tries each
// mishap at each moment.
func TestLongWhateverGoesWrongEndsInAClearPageAndThenInTheRightTasks(t *testing.T) {
	for kind := range mishaps {
		for _, c := range faultCases(kind) {
			t.Run(c.name, c.run)
		}
	}
}
