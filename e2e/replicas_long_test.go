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
		if with == "cookie alone" {
			continue // only one of the two has a refresh token
		}
		t.Run(with, func(t *testing.T) {
			t.Parallel()
			refreshAtOnce(t, with)
		})
	}
}
