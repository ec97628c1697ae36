//go:build long

package e2e

import "testing"

func TestLongMemoryFilesDiskAndLogStayFlatOverThousandsOfRequests(t *testing.T) {
	stayFlat(t, 50, 300)
}
