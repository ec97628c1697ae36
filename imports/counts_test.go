package imports

import (
	"reflect"
	"testing"
	"time"
)

func TestImportsThatUpdateThemselvesAreCounted(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		want := func(want Counts) {
			t.Helper()
			got, err := s.Counts(t.Context())
			s.must(err)
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		want(Counts{})
		for id, due := range map[string]time.Time{
			"right": {}, "later": start.Add(time.Minute), "now": start, "long ago": start.Add(-time.Hour),
		} {
			im := full("user of "+id, id, "p")
			im.Auto, im.Due = true, due
			s.store(im)
		}
		by := full("ann", "by hand", "p")
		by.Due = start.Add(-time.Hour)
		s.store(by)
		want(Counts{All: 4, Due: 2, Oldest: time.Hour})

		claimed, err := s.ClaimDue(t.Context(), "a", s.now.Add(lease), 1)
		s.must(err)
		if len(claimed) != 1 || claimed[0].ID != "long ago" {
			t.Fatalf("claimed %v, want the one that is due the longest", claimed)
		}
		want(Counts{All: 4, Due: 1, Running: 1})
		// What a process that died was at is due again.
		s.now = s.now.Add(2 * time.Minute)
		want(Counts{All: 4, Due: 3, Oldest: time.Hour + 2*time.Minute})
	})
}

func TestImportsAreCountedByState(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		if all, err := s.ByState(t.Context()); err != nil || len(all) != 0 {
			t.Fatalf("without imports: %v, %v", all, err)
		}
		for i, c := range []struct {
			season  string
			auto    bool
			state   State
			checked time.Time
		}{
			{"2025-26", false, "", start.AddDate(-1, 0, 0)}, {"2026-27", false, "", time.Time{}}, {"2026-27", false, "", start},
			{"2026-27", true, LookFirst, start}, {"2026-27", true, "", start.Add(time.Hour)}, {"2026-27", true, "", start},
		} {
			im := full("ann", string(rune('a'+i)), "project "+string(rune('a'+i)))
			im.Season, im.Auto, im.State, im.Checked = c.season, c.auto, c.state, c.checked
			s.store(im)
		}
		got, err := s.ByState(t.Context())
		s.must(err)
		want := []StateCount{
			{"2026-27", true, "", 2, start}, {"2026-27", true, LookFirst, 1, start}, {"2026-27", false, "", 2, time.Time{}},
			{"2025-26", false, "", 1, start.AddDate(-1, 0, 0)},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v\nwant\n%+v", got, want)
		}
	})
}
