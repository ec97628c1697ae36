//go:build long

package e2e

import "testing"

func TestLongReplicasAreOneSiteWithEveryStore(t *testing.T) {
	for with := range shared {
		t.Run(with, func(t *testing.T) { replicate(t, with) })
	}
}

func TestLongReplicasRefreshAnExpiredTokenSafelyWithEveryStore(t *testing.T) {
	for with := range shared {
		t.Run(with, func(t *testing.T) {
			t.Parallel()
			refreshAtOnce(t, with)
		})
	}
}
