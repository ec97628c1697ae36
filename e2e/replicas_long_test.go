//go:build long

package e2e

import "testing"

func TestLongReplicasAreOneSiteWithEveryStore(t *testing.T) {
	for store := range sharedStores {
		t.Run(store, func(t *testing.T) { replicate(t, store) })
	}
}

func TestLongReplicasRefreshAnExpiredTokenSafelyWithEveryStore(t *testing.T) {
	for store := range sharedStores {
		if store == "cookie" {
			continue // holds no refresh token: its hour over, people sign in again
		}
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			refreshAtOnce(t, store)
		})
	}
}
