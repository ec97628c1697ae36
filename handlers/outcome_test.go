package handlers

import "testing"

func TestOutcomesAreSaidWithoutZeros(t *testing.T) {
	for want, o := range map[string]outcome{
		"82 added.": {Added: 82},
		"1 added, 2 brought up to date, 79 already right, 1 kept as you edited it.": {Added: 1, Updated: 2, Unchanged: 79, Kept: 1},
		"Nothing was written.": {},
	} {
		if got := o.Line(); got != want {
			t.Errorf("Line() = %q, want %q", got, want)
		}
	}
}
