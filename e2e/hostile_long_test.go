//go:build long

package e2e

import "testing"

func TestLongAFeedThatIsHostileLeavesTheScheduleAsItWas(t *testing.T) {
	for name := range hostileFeeds {
		t.Run(name, func(t *testing.T) { hostile(t, name) })
	}
}

func TestLongSoMuchIsTakenInTenMinutesAndNoMore(t *testing.T) {
	for name, limit := range limits(t, startSite(t, midSeason, "-trusted-proxies", "127.0.0.0/8,::1")) {
		t.Run(name, limit.reach)
	}
}
