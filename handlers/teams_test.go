package handlers

import (
	"testing"
	"time"
)

func TestTheCountdownNamesItsTwoLargestUnits(t *testing.T) {
	for left, want := range map[time.Duration]string{
		33*time.Hour + 59*time.Minute: "Tips off in 1 d 9 h",
		3*time.Hour + 5*time.Minute:   "Tips off in 3 h 5 min",
		59 * time.Minute:              "Tips off in 59 min",
		0:                             "Tipped off",
		-time.Hour:                    "Tipped off",
	} {
		if got := countdown(left); got != want {
			t.Errorf("%v: got %q, want %q", left, got, want)
		}
	}
}
