package imports

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// tell stores changes as holder, who has the lease.
func (s *site) tell(im *Import, holder string, all ...Change) {
	s.t.Helper()
	s.must(s.Save(s.t.Context(), im, holder, s.now.Add(lease), Saving{Changes: all}))
}

func (s *site) changes(user, id string) []Change {
	s.t.Helper()
	all, err := s.Changes(s.t.Context(), user, id)
	s.must(err)
	return all
}

func TestChangesComeBackWholeAndTheLatestFirst(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		one, two := updating("ann", "one"), updating("ann", "two")
		s.wantTaken(one, "a", true)
		s.wantTaken(two, "a", true)
		first := Change{At: start, Game: "0022600001", Title: "Celtics at Knicks 🏀", What: Moved, Was: "2026-11-08T00:30:00Z", Becomes: "2026-11-07", Auto: true}
		second := Change{At: start, Game: "0022600002", Title: "Postponed: Celtics vs Lakers", What: PutOff, Was: "2026-10-22"}
		third := Change{At: start.Add(time.Hour), Game: "0022600001", Title: "Celtics at Knicks", What: Details}
		s.tell(one, "a", first, second)
		s.tell(two, "a", second)
		s.tell(one, "a", third)
		s.tell(one, "a")
		if got, want := s.changes("ann", "one"), []Change{third, second, first}; !reflect.DeepEqual(got, want) {
			t.Errorf("the changes are\n%+v, want\n%+v", got, want)
		}
		if got := s.changes("ann", "two"); !reflect.DeepEqual(got, []Change{second}) {
			t.Errorf("the other import's are %+v", got)
		}
		for _, other := range [][2]string{{"bob", "one"}, {"ann", "three"}, {"", ""}} {
			if got := s.changes(other[0], other[1]); len(got) != 0 {
				t.Errorf("%q sees of %q: %+v", other[0], other[1], got)
			}
		}
	})
}

func TestTheLastHundredChangesAreKept(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := updating("ann", "one")
		s.wantTaken(im, "a", true)
		all := make([]Change, 250)
		for i := range all {
			all[i] = Change{At: start, Game: "g", Title: fmt.Sprint(i), What: Details}
		}
		s.tell(im, "a", all[:30]...)
		s.tell(im, "a", all[30:120]...)
		for _, last := range []int{119, 249} {
			if last == 249 {
				s.tell(im, "a", all[120:]...)
			}
			got := s.changes("ann", "one")
			if len(got) != 100 || got[0].Title != fmt.Sprint(last) || got[99].Title != fmt.Sprint(last-99) {
				t.Errorf("%d changes are kept, want the last 100 up to %d", len(got), last)
			}
		}
		if n := s.count("changes"); n != 100 {
			t.Errorf("%d rows, want 100", n)
		}
	})
}

func TestChangesGoWithTheirImportAndAreNotWrittenWithoutTheLease(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := updating("ann", "one")
		s.wantTaken(im, "a", true)
		s.tell(im, "a", Change{At: start, Game: "g", What: Added})
		err := s.Save(t.Context(), im, "b", s.now.Add(lease), Saving{Changes: []Change{{At: start, Game: "h", What: Added}}})
		if err != ErrLost {
			t.Errorf("Save = %v, want that the lease is lost", err)
		}
		if got := s.changes("ann", "one"); len(got) != 1 {
			t.Errorf("the changes are %+v, want one", got)
		}
		s.must(s.End(t.Context(), im))
		if n := s.count("changes"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}
