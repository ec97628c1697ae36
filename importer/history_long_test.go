//go:build long

package importer

import "testing"

func TestLongWhateverHappensEachGameHasItsTask(t *testing.T) { playHistories(t, 1500) }
