package imports

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// updating is an import that updates itself and that was made.
func updating(user, id string) *Import {
	im := fresh(user, id)
	im.Project, im.Auto, im.Checked, im.Request, im.Facts = "project of "+id, true, start, 1, "old"
	return im
}

// dueAt makes an import due.
func (s *site) dueAt(im *Import, at time.Time) *Import {
	s.t.Helper()
	im.Due = at
	s.wantTaken(im, "maker", true)
	s.save(im, "maker")
	s.must(s.Release(s.t.Context(), im, "maker"))
	return im
}

// claims are the ids of the imports that holder gets, in order.
func (s *site) claims(holder string, most int) string {
	s.t.Helper()
	all, err := s.ClaimDue(s.t.Context(), holder, s.now.Add(lease), most)
	s.must(err)
	return idsOf(all)
}

func idsOf(all []*Import) string {
	var ids []string
	for _, im := range all {
		ids = append(ids, im.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func (s *site) wantClaims(holder, want string) {
	s.t.Helper()
	if got := s.claims(holder, 100); got != want {
		s.t.Errorf("%s claims %q, want %q", holder, got, want)
	}
}

func TestAnImportThatIsSwitchedOnIsDueAndOneThatIsSwitchedOffIsNot(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := updating("ann", "one")
		im.Auto, im.Failures = false, 5
		s.store(im)
		set := func(user string, auto bool) *Import {
			t.Helper()
			s.must(s.SetAuto(t.Context(), user, "one", auto))
			return s.get("ann", "one")
		}
		if got := set("bob", true); got.Auto || !got.Due.IsZero() {
			t.Errorf("another user switched it on: %+v", got)
		}
		if got := set("ann", true); !got.Auto || !got.Due.Equal(s.now) || got.Failures != 0 {
			t.Errorf("switched on, it is %v, due %v after %d failures", got.Auto, got.Due, got.Failures)
		}
		before := s.now
		s.now = s.now.Add(time.Hour)
		if got := set("ann", true); !got.Due.Equal(before) {
			t.Errorf("switched on again, it is due %v, want as before", got.Due)
		}
		if got := set("ann", false); got.Auto || !got.Due.IsZero() {
			t.Errorf("switched off, it is %v, due %v", got.Auto, got.Due)
		}
		s.wantClaims("a", "")
	})
}

func TestASignInWakesWhatWaitedForIt(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		waits, other, looks := updating("ann", "waits"), updating("bob", "other"), updating("ann", "looks")
		waits.State, other.State, looks.State = SignInAgain, SignInAgain, LookFirst
		waits.Failures = 3
		for _, im := range []*Import{waits, other, looks} {
			s.store(im)
		}
		s.now = s.now.Add(time.Hour)
		s.must(s.SignedIn(t.Context(), "ann"))
		waits.State, waits.Due, waits.Failures = "", s.now, 0
		for _, im := range []*Import{waits, other, looks} {
			s.want(im)
		}
		s.wantClaims("a", "waits")
	})
}

func TestGroupsAreTheDistinctTeamsOfTheSeasonsImportsThatUpdateThemselves(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for id, change := range map[string]func(*Import){
			"a": func(*Import) {}, "b": func(*Import) {},
			"c": func(im *Import) { im.Teams = []string{"BOS", "NYK"} },
			"d": func(im *Import) { im.Played = true },
			"e": func(im *Import) { im.Teams, im.Auto = []string{"UTA"}, false },
			"f": func(im *Import) { im.Teams, im.Season = []string{"LAL"}, "2025-26" },
		} {
			im := updating("ann", id)
			change(im)
			s.store(im)
		}
		groups, err := s.Groups(t.Context(), "2026-27")
		s.must(err)
		var got []string
		for _, g := range groups {
			got = append(got, fmt.Sprint(g.Teams, " ", g.Played))
		}
		slices.Sort(got)
		if want := []string{"BOS false", "BOS true", "BOS,NYK false"}; !slices.Equal(got, want) {
			t.Errorf("the groups are %q, want %q", got, want)
		}
	})
}

func TestUpdatesEndWithTheirSeason(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for id, season := range map[string]string{"last": "2025-26", "this": "2026-27", "next": "2027-28"} {
			im := updating("user of "+id, id)
			im.Season = season
			s.dueAt(im, start)
		}
		s.must(s.EndBefore(t.Context(), "2026-27"))
		if im := s.get("user of last", "last"); im.Auto || !im.Due.IsZero() {
			t.Errorf("last season's import updates itself: %+v", im)
		}
		s.now = s.now.Add(time.Minute)
		s.wantClaims("a", "next this")
	})
}

func TestOnlyImportsWithOtherFactsBecomeDue(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		later := start.Add(time.Hour)
		for id, change := range map[string]func(*Import){
			"due":      func(*Import) {},
			"failing":  func(im *Import) { im.State = Failing },
			"archived": func(im *Import) { im.State = Archived },
			"full":     func(im *Import) { im.State = NoRoom },
			"same":     func(im *Import) { im.Facts = "new" },
			"already":  func(im *Import) { im.Due = later },
			"looks":    func(im *Import) { im.State = LookFirst },
			"signs in": func(im *Import) { im.State = SignInAgain },
			"off":      func(im *Import) { im.Auto = false },
			"not made": func(im *Import) { im.Project, im.Sending = "", []byte("x") },
			"others":   func(im *Import) { im.Teams = []string{"BOS", "NYK"} },
			"played":   func(im *Import) { im.Played = true },
			"last":     func(im *Import) { im.Season = "2025-26" },
		} {
			im := updating("user of "+id, id)
			change(im)
			s.store(im)
		}
		at := start.Add(time.Minute)
		n, err := s.MarkDue(t.Context(), "2026-27", Group{Teams: "BOS"}, "new", func() time.Time { at = at.Add(time.Second); return at })
		s.must(err)
		moments := map[time.Time]bool{}
		for _, id := range []string{"due", "failing", "archived", "full"} {
			due := s.get("user of "+id, id).Due
			moments[due] = true
			if due.Before(start.Add(time.Minute)) || due.After(start.Add(2*time.Minute)) {
				t.Errorf("%s is due %v", id, due)
			}
		}
		if n != 4 || len(moments) != 4 {
			t.Errorf("%d are due, at %d moments; want 4 at as many", n, len(moments))
		}
		if due := s.get("user of already", "already").Due; !due.Equal(later) {
			t.Errorf("what was due is due at %v, want %v", due, later)
		}
		for _, id := range []string{"same", "looks", "signs in", "off", "not made", "others", "played", "last"} {
			if due := s.get("user of "+id, id).Due; !due.IsZero() {
				t.Errorf("%s is due %v", id, due)
			}
		}
	})
}

func TestMoreImportsThanFitIntoABatchBecomeDue(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const n = markBatch + 7
		s.exec(fmt.Sprintf(`INSERT INTO imports (id, user_id, league, season, teams, project, created, options, sections, request, sending, state,
			begun, checked, zone, auto, played, facts, as_of, due, failures, lease, holder)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT 'id ' || i, 'user ' || i, 'nba', '2026-27', 'BOS', 'p', true, 'team=BOS', '', 1, '', '', 1, 1, '', true, false, 'old', 1, 0, 0, 0, '' FROM n`, n))
		got, err := s.MarkDue(t.Context(), "2026-27", Group{Teams: "BOS"}, "new", func() time.Time { return start })
		s.must(err)
		if got != n {
			t.Errorf("%d are due, want %d", got, n)
		}
		if all := strings.Count(s.claims("a", 2*n), "id"); all != n {
			t.Errorf("%d are claimed, want %d", all, n)
		}
	})
}

func TestWhatIsDueIsClaimedOnceUntilItsLeaseRunsOut(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.dueAt(updating("ann", "now"), start)
		s.dueAt(updating("bob", "later"), start.Add(time.Minute))
		off := updating("cat", "off")
		off.Auto = false
		s.dueAt(off, start)
		all, err := s.ClaimDue(t.Context(), "a", s.now.Add(lease), 100)
		s.must(err)
		if idsOf(all) != "now" || all[0].User != "ann" || all[0].Options != "team=BOS" || !all[0].Due.Equal(start) {
			t.Errorf("claimed %+v", all)
		}
		s.wantClaims("b", "")
		s.now = s.now.Add(lease + time.Millisecond)
		s.wantClaims("b", "now")
		s.now = s.now.Add(time.Minute)
		s.wantClaims("b", "later now")
		// Who has given it back, still due, gets it again.
		for _, im := range []*Import{updating("ann", "now"), updating("bob", "later")} {
			s.must(s.Release(t.Context(), im, "b"))
		}
		s.wantClaims("a", "later now")
	})
}

func TestTheLongestDueAreClaimedFirst(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for i, id := range []string{"c", "a", "d", "b"} {
			s.dueAt(updating("user of "+id, id), start.Add(time.Duration(i)*time.Second))
		}
		s.now = start.Add(time.Hour)
		for _, want := range []string{"a c", "b d", ""} {
			if got := s.claims("a", 2); got != want {
				t.Errorf("claimed %q, want %q", got, want)
			}
		}
	})
}

func TestOfAUserOneImportIsClaimedAtATime(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		first, second := s.dueAt(updating("ann", "first"), start), s.dueAt(updating("ann", "second"), start.Add(time.Second))
		s.dueAt(updating("bob", "third"), start)
		s.now = start.Add(time.Minute)
		s.wantClaims("a", "first third")
		s.wantClaims("b", "")
		first.Due = time.Time{}
		s.save(first, "a")
		s.must(s.Release(t.Context(), first, "a"))
		s.wantClaims("b", "second")
		s.must(s.Release(t.Context(), second, "b"))
		// Nor while another of the user's is written by hand.
		s.wantTaken(first, "c", true)
		s.wantClaims("b", "")
	})
}

func TestTwoThatClaimAtOnceShareWhatIsDue(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		const users = 40
		for i := range users {
			for _, id := range []string{"x", "y"} {
				s.dueAt(updating(fmt.Sprintf("user %d", i), fmt.Sprintf("%s%d", id, i)), start.Add(-time.Duration(i)*time.Second))
			}
		}
		var mu sync.Mutex
		by, ofUser := map[string]string{}, map[string]string{}
		var wg sync.WaitGroup
		for i := range 6 {
			holder := fmt.Sprintf("holder %d", i)
			wg.Go(func() {
				for range 12 {
					all, err := s.ClaimDue(t.Context(), holder, s.now.Add(lease), 3)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, im := range all {
						if by[im.ID] != "" || ofUser[im.User] != "" {
							t.Errorf("%s has %s of %s, which %s%s has", holder, im.ID, im.User, by[im.ID], ofUser[im.User])
						}
						by[im.ID], ofUser[im.User] = holder, holder
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(by) != users {
			t.Errorf("%d imports are claimed, want one of each of %d users", len(by), users)
		}
	})
}

func TestAnImportThatHasEndedIsNotTaken(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := s.store(updating("ann", "one"))
		row, taken, err := s.Take(t.Context(), im, "a", s.now.Add(lease))
		s.must(err)
		if !taken {
			t.Error("not taken")
		}
		s.wantSame("Take", row, im)
		if _, taken, err := s.Take(t.Context(), im, "b", s.now.Add(lease)); taken || err != nil {
			t.Errorf("taken twice: %v, %v", taken, err)
		}
		s.must(s.End(t.Context(), im))
		if row, taken, err := s.Take(t.Context(), im, "a", s.now.Add(lease)); row != nil || taken || err != nil {
			t.Errorf("took %v, %v, %v", row, taken, err)
		}
		if n := s.count("imports"); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
	})
}

func TestSaveLeavesTheSwitchAlone(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := updating("ann", "one")
		s.wantTaken(im, "a", true)
		s.must(s.SetAuto(t.Context(), "ann", "one", false))
		s.save(im, "a")
		if s.get("ann", "one").Auto {
			t.Error("it was switched on again")
		}
	})
}
