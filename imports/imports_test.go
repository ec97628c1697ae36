package imports

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/database"
)

func TestAnImportComesBackWithAllItsFieldsAndTasks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, im := range []*Import{full("ann", "one", "p1"), fresh("bob", "two")} {
			s.wantTaken(im, "a", true)
			s.save(im, "a")
			s.want(im)
			row, _ := s.claim(im, "a")
			s.wantSame("Claim", row, im)
			all, err := s.Of(t.Context(), im.User)
			s.must(err)
			if len(all) != 1 {
				t.Fatalf("Of returned %d imports, want 1", len(all))
			}
			s.wantSame("Of", all[0], im)
		}
		row, err := s.InProject(t.Context(), "ann", "p1")
		s.must(err)
		s.wantSame("InProject", row, full("ann", "one", "p1"))
	})
}

func TestNothingOfAnotherUserIsReturned(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ann := s.store(full("ann", "one", "p1"))
		bob := s.store(full("bob", "two", "p2"))
		for _, c := range []struct {
			user  string
			other *Import
		}{{"ann", bob}, {"bob", ann}, {"", ann}} {
			if im := s.get(c.user, c.other.ID); im != nil {
				t.Errorf("Get gave %q the import of %s", c.user, im.User)
			}
			if im, err := s.InProject(t.Context(), c.user, c.other.Project); im != nil || err != nil {
				t.Errorf("InProject gave %q %v, %v", c.user, im, err)
			}
			all, err := s.Of(t.Context(), c.user)
			s.must(err)
			for _, im := range all {
				if im.User != c.user {
					t.Errorf("Of gave %q the import of %s", c.user, im.User)
				}
			}
		}
	})
}

func TestAProjectHasOneImportOfEachUser(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ann := s.store(full("ann", "one", "p1"))
		// Todoist's ids are per account, as far as we know: bob may have one that is the same.
		bob := s.store(full("bob", "two", "p1"))

		second := full("ann", "three", "p1")
		if row, taken := s.claim(second, "a"); row != nil || taken {
			t.Errorf("a second import of the project was claimed: %v, %v", row, taken)
		}
		// Nor does one become the project's later. Many have none yet.
		waits := fresh("ann", "four")
		s.wantTaken(waits, "a", true)
		s.wantTaken(fresh("ann", "five"), "a", true)
		waits.Project = "p1"
		err := s.Save(t.Context(), waits, "a", s.now.Add(lease), Saving{Put: []*Task{{Game: "g", State: There}}})
		if err == nil || errors.Is(err, ErrLost) || errors.Is(err, database.ErrUnavailable) {
			t.Errorf("Save = %v, want that the project has an import", err)
		}
		s.want(fresh("ann", "four"))
		for _, im := range []*Import{ann, bob} {
			row, err := s.InProject(t.Context(), im.User, "p1")
			s.must(err)
			s.wantSame("InProject", row, im)
		}
		if im, err := s.InProject(t.Context(), "ann", ""); im != nil || err != nil {
			t.Errorf("no project has the import %v, %v", im, err)
		}
	})
}

func TestTheLatestImportIsTheFirst(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for id, after := range map[string]time.Duration{"b": 0, "d": time.Millisecond, "a": time.Hour, "c": 0} {
			im := full("ann", id, "project of "+id)
			im.Begun = start.Add(after)
			s.store(im)
		}
		all, err := s.Of(t.Context(), "ann")
		s.must(err)
		order := ""
		for _, im := range all {
			order += im.ID
			if len(im.Tasks) != 5 {
				t.Errorf("%s has %d tasks, want its own 5", im.ID, len(im.Tasks))
			}
		}
		if order != "adbc" {
			t.Errorf("the order is %s, want adbc", order)
		}
	})
}

func TestANewImportIsMadeOnce(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := s.store(full("ann", "one", "p1"))
		// A form that was sent twice knows nothing of what was done since.
		row, taken := s.claim(fresh("ann", "one"), "a")
		if !taken {
			t.Error("not claimed")
		}
		s.wantSame("Claim", row, im)
		s.want(im)
		if n := s.count("imports"); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestOneHolderHasTheLeaseUntilItRunsOut(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := fresh("ann", "one")
		s.wantTaken(im, "a", true)
		s.wantTaken(im, "b", false)
		s.wantTaken(im, "a", true)
		s.now = s.now.Add(lease - time.Millisecond)
		s.wantTaken(im, "b", false)
		s.now = s.now.Add(2 * time.Millisecond)
		s.wantTaken(im, "b", true)
		s.wantTaken(im, "a", false)
		s.wantTaken(fresh("ann", "two"), "a", true) // each has its own
	})
}

func TestWhatIsAnotherUsersIsNeitherClaimedNorWritten(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := fresh("ann", "one")
		s.wantTaken(im, "a", true)
		theirs := full("bob", "one", "p1") // the same id, such as a forged one
		try := func(holder string) {
			t.Helper()
			if row, taken := s.claim(theirs, holder); row != nil || taken {
				t.Errorf("%s claimed %v, %v", holder, row, taken)
			}
		}
		// The same process serves both users, so the holder is the same.
		try("a")
		if err := s.Save(t.Context(), theirs, "a", s.now.Add(lease), Saving{Drop: []string{"g"}}); !errors.Is(err, ErrLost) {
			t.Errorf("Save = %v, want ErrLost", err)
		}
		s.must(s.Release(t.Context(), theirs, "a"))
		s.must(s.End(t.Context(), theirs))
		s.want(im)
		s.wantTaken(im, "b", false)
		s.now = s.now.Add(time.Hour)
		try("b")
		s.wantTaken(im, "a", true)
	})
}

func TestOfTwentyClaimsAtOnceOneWins(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		sites := []*site{s, newSite(t, s.dsn)} // as two processes
		race := func(when string, im *Import) {
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					row, taken, err := sites[i%2].Claim(t.Context(), im, fmt.Sprint("holder ", i), s.now.Add(lease))
					if err != nil || row == nil {
						t.Errorf("%s: Claim = %v, %v", when, row, err)
					}
					if taken {
						won.Add(1)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%s: %d won, want 1", when, won.Load())
			}
		}
		im := fresh("ann", "one")
		race("a new import", im)
		for _, each := range sites {
			each.now = each.now.Add(time.Hour)
		}
		race("a lease that ran out", im)
		if n := s.count("imports"); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestWhoLostTheLeaseWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := full("ann", "one", "p1")
		s.wantTaken(im, "a", true)
		s.save(im, "a")
		lost := func(why string) {
			t.Helper()
			changed := full("ann", "one", "p2")
			changed.Request, changed.Sending, changed.Season = 8, nil, "2027-28"
			err := s.Save(t.Context(), changed, "a", s.now.Add(lease), Saving{Put: []*Task{{Game: "new", State: There}}, Drop: []string{"0022600001"}})
			if !errors.Is(err, ErrLost) {
				t.Errorf("%s: Save = %v, want ErrLost", why, err)
			}
		}
		s.now = s.now.Add(time.Hour)
		s.save(im, "a") // nobody else wanted it
		s.now = s.now.Add(time.Hour)
		s.wantTaken(im, "b", true)
		lost("taken over")
		s.want(im)
		s.must(s.Renew(t.Context(), "a", s.now.Add(time.Hour)))
		s.must(s.Release(t.Context(), im, "a"))
		s.wantTaken(im, "c", false)
		s.save(im, "b")
		s.must(s.Release(t.Context(), im, "b"))
		lost("given back")
		s.want(im)
		s.must(s.End(t.Context(), im))
		lost("ended")
		if n := s.count("imports") + s.count("tasks"); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
	})
}

func TestSavePutsAndDropsTasks(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		other := s.store(full("ann", "other", "p0")) // has the same games
		im := full("ann", "one", "p1")
		s.wantTaken(im, "a", true)
		s.save(im, "a")
		// A game that came under another id, one that changed, and one that is there no more.
		im.Tasks["new"] = &Task{Game: "new", Home: "NYK", Away: "BOS", Day: "2026-10-21", ID: "t1", State: There, Wrote: []string{"x"}}
		im.Tasks["0022600002"] = &Task{Game: "0022600002", Home: "LAL", Away: "BOS", Day: "2027-01-02", ID: "t9", State: Done}
		put := []*Task{im.Tasks["new"], im.Tasks["0022600002"]}
		for _, game := range []string{"0022600001", "0022600003"} {
			delete(im.Tasks, game)
		}
		im.Request, im.Sending, im.State, im.Checked, im.Teams = 8, nil, "", start.Add(2*time.Hour), []string{"BOS"}
		im.Season, im.Options, im.Sections, im.Created, im.Project = "2027-28", "team=BOS", nil, false, "p2"
		s.must(s.Save(t.Context(), im, "a", s.now.Add(lease), Saving{Put: put, Drop: []string{"0022600001", "0022600003", "never there"}}))
		s.want(im)
		s.want(other)
		// A game that is dropped and put is there.
		s.must(s.Save(t.Context(), im, "a", s.now.Add(lease), Saving{Put: put, Drop: []string{"new"}}))
		s.want(im)
	})
}

func TestSaveKeepsTheLease(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := fresh("ann", "one")
		s.wantTaken(im, "a", true)
		s.now = s.now.Add(lease)
		s.save(im, "a")
		s.now = s.now.Add(lease)
		s.wantTaken(im, "b", false)
	})
}

func TestRenewKeepsOnlyTheHoldersLeases(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		one, two, theirs := fresh("ann", "one"), fresh("bob", "two"), fresh("bob", "three")
		s.wantTaken(one, "a", true)
		s.wantTaken(two, "a", true)
		s.wantTaken(theirs, "b", true)
		nobodys := s.store(full("ann", "four", "p1"))
		s.must(s.Renew(t.Context(), "a", s.now.Add(time.Hour)))
		s.wantTaken(nobodys, "c", true)
		s.now = s.now.Add(2 * lease)
		s.wantTaken(one, "c", false)
		s.wantTaken(two, "c", false)
		s.wantTaken(theirs, "c", true)
	})
}

func TestReleaseGivesTheLeaseBack(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im, other := full("ann", "one", "p1"), full("ann", "two", "p2")
		for _, im := range []*Import{im, other} {
			s.wantTaken(im, "a", true)
			s.save(im, "a")
		}
		s.must(s.Release(t.Context(), im, "b")) // has none
		s.wantTaken(im, "b", false)
		s.must(s.Release(t.Context(), im, "a"))
		s.wantTaken(im, "b", true)
		s.wantTaken(other, "b", false)
		s.want(im)
		s.want(other)
	})
}

// A form that names a project makes a row with it before it is known whether the project
// is there, and whether the plan fits.
func TestAnImportThatMadeNothingIsForgotten(t *testing.T) {
	for _, c := range []struct {
		name  string
		made  func(im *Import)
		stays bool
	}{
		{"nothing done", func(im *Import) {}, false},
		{"games left out", func(im *Import) { im.Tasks["g"] = &Task{Game: "g", State: LeftOut} }, false},
		{"the project refused", func(im *Import) { im.Request = 1 }, false},
		{"a project named", func(im *Import) { im.Project = "p1" }, false},
		{"the project's making under way", func(im *Import) { im.Sending = []byte("{}") }, true},
		{"writing into a project under way", func(im *Import) { im.Project, im.Sending = "p1", []byte("{}") }, true},
		{"the project made", func(im *Import) { im.Project, im.Created, im.Request = "p1", true, 1 }, true},
		{"a project that was right already", func(im *Import) { im.Project, im.Checked = "p1", start }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *site) {
				im := fresh("ann", "one")
				c.made(im)
				s.wantTaken(im, "a", true)
				s.save(im, "a")
				s.must(s.Release(t.Context(), im, "a"))
				if stays := s.get("ann", "one") != nil; stays != c.stays {
					t.Errorf("it is there: %v, want %v", stays, c.stays)
				}
				s.must(s.End(t.Context(), im))
				if n := s.count("tasks"); n != 0 {
					t.Errorf("%d rows of tasks are left", n)
				}
			})
		})
	}
}

func TestEndDeletesTheTasksRowsToo(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im, other := s.store(full("ann", "one", "p1")), s.store(full("ann", "two", "p2"))
		s.must(s.End(t.Context(), im))
		s.must(s.End(t.Context(), im)) // again
		if row := s.get("ann", "one"); row != nil {
			t.Errorf("it is there: %v", row)
		}
		s.want(other)
		if n := s.count("tasks"); n != len(other.Tasks) {
			t.Errorf("%d rows of tasks, want those of the other import, %d", n, len(other.Tasks))
		}
		s.store(full("ann", "one", "p1")) // the project is free for another
	})
}

func TestTimesKeepTheirInstantsInUTC(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		tokyo := time.FixedZone("JST", 9*60*60)
		im := full("ann", "one", "p1")
		im.Begun, im.Checked = start.Add(123*time.Millisecond).In(tokyo), time.Date(2027, 3, 14, 2, 30, 0, 0, tokyo)
		s.store(im)
		row := s.get("ann", "one")
		if !row.Begun.Equal(im.Begun) || !row.Checked.Equal(im.Checked) || row.Begun.Location() != time.UTC || row.Checked.Location() != time.UTC {
			t.Errorf("begun %v, checked %v; want %v and %v in UTC", row.Begun, row.Checked, im.Begun, im.Checked)
		}
		im.Checked = time.Time{}
		s.store(im)
		if row := s.get("ann", "one"); !row.Checked.IsZero() {
			t.Errorf("checked %v, want never", row.Checked)
		}
	})
}

// calls are all that can be asked of a store, for an import that holder a has.
func calls(ctx context.Context, s *site, im *Import) (reads, writes map[string]func() error) {
	until := s.now.Add(lease)
	reads = map[string]func() error{
		"Get":       func() error { _, err := s.Get(ctx, im.User, im.ID); return err },
		"InProject": func() error { _, err := s.InProject(ctx, im.User, im.Project); return err },
		"Of":        func() error { _, err := s.Of(ctx, im.User); return err },
	}
	writes = map[string]func() error{
		"Claim": func() error { _, _, err := s.Claim(ctx, im, "a", until); return err },
		"Save": func() error {
			return s.Save(ctx, im, "a", until, Saving{Put: []*Task{im.Tasks["0022600001"]}, Drop: []string{"0022600002"}})
		},
		"Renew":   func() error { return s.Renew(ctx, "a", until) },
		"Release": func() error { return s.Release(ctx, im, "a") },
		"End":     func() error { return s.End(ctx, im) },
	}
	return reads, writes
}

func TestADatabaseThatIsGoneGivesAnErrorAndLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := full("ann", "one", "p1")
		s.wantTaken(im, "a", true)
		s.save(im, "a")
		s.must(s.db.Close())
		reads, writes := calls(t.Context(), s, im)
		for _, all := range []map[string]func() error{reads, writes} {
			for name, call := range all {
				if err := call(); !errors.Is(err, database.ErrUnavailable) {
					t.Errorf("%s = %v, want ErrUnavailable", name, err)
				}
			}
		}
		again := newSite(t, s.dsn)
		again.want(im)
		again.wantTaken(im, "b", false)
	})
}

func TestWhoLeavesEndsNoWrite(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := full("ann", "one", "p1")
		left, leave := context.WithCancel(t.Context())
		leave()
		reads, writes := calls(left, s, im)
		for name, call := range reads {
			if err := call(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s = %v, want Canceled", name, err)
			}
		}
		for _, name := range []string{"Claim", "Save", "Renew"} {
			if err := writes[name](); err != nil {
				t.Errorf("%s = %v", name, err)
			}
		}
		s.wantTaken(im, "b", false)
		s.must(writes["Release"]())
		im.Tasks = map[string]*Task{"0022600001": im.Tasks["0022600001"]}
		s.want(im)
		s.must(writes["End"]())
		if n := s.count("imports"); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
	})
}

func TestWhatFailsHalfWayWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		im := s.store(full("ann", "one", "p1"))
		s.exec(`ALTER TABLE tasks RENAME TO away`)
		if row, taken, err := s.Claim(t.Context(), im, "a", s.now.Add(lease)); row != nil || taken || err == nil {
			t.Errorf("Claim = %v, %v, %v; want only an error", row, taken, err)
		}
		if all, err := s.Of(t.Context(), "ann"); all != nil || err == nil {
			t.Errorf("Of = %v, %v; want only an error", all, err)
		}
		s.exec(`ALTER TABLE away RENAME TO tasks`)
		s.wantTaken(im, "b", true)
		s.exec(`ALTER TABLE tasks RENAME TO away`)
		changed := full("ann", "one", "p2")
		if err := s.Save(t.Context(), changed, "b", s.now.Add(time.Hour), Saving{Put: []*Task{im.Tasks["0022600001"]}}); err == nil {
			t.Error("Save wrote what cannot be written")
		}
		s.exec(`ALTER TABLE away RENAME TO tasks`)
		s.want(im)
	})
}
