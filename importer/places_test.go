package importer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

func TestSoManyGoOnAtOnceAndNoUserTakesTwoPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		queue func(*Importer) *queue
		enter func(*Importer, context.Context, string) (func(), error)
	}{
		"imports": {func(im *Importer) *queue { return &im.running }, (*Importer).lock},
		"pages":   {func(im *Importer) *queue { return &im.reading }, (*Importer).Turn},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var im Importer
				running := map[string]func(){}
				for i := range atOnce {
					user := fmt.Sprint("user ", i)
					unlock, err := tt.enter(&im, t.Context(), user)
					if err != nil {
						t.Fatal(err)
					}
					running[user] = unlock
				}
				// One user's further requests wait for that user and take no place; one
				// who gives up leaves nothing behind.
				got := make(chan func(), 1)
				go func() {
					unlock, err := tt.enter(&im, t.Context(), "user 0")
					if err != nil {
						t.Error(err)
					}
					unlock()
				}()
				impatient, leave := context.WithCancel(t.Context())
				go func() {
					if _, err := tt.enter(&im, impatient, "impatient"); err == nil {
						t.Error("there was a place where there is none")
					}
				}()
				synctest.Wait()
				leave()
				synctest.Wait()
				go func() {
					unlock, err := tt.enter(&im, t.Context(), "next")
					if err != nil {
						t.Error(err)
					}
					got <- unlock
				}()
				synctest.Wait()
				if len(got) > 0 {
					t.Error("one more than there are places went on")
				}
				running["user 1"]()
				synctest.Wait()
				if len(got) != 1 {
					t.Error("the place that was left is not taken")
				}
				(<-got)()
				for user, unlock := range running {
					if user != "user 1" {
						unlock()
					}
				}
				synctest.Wait()
				if q := tt.queue(&im); len(q.turns) > 0 || !q.places.TryAcquire(atOnce) {
					t.Errorf("%d users are left, or places are not", len(q.turns))
				}
			})
		})
	}
}

func TestAUsersPagesWaitInALineThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var im Importer
		end, err := im.Turn(t.Context(), "ann")
		if err != nil {
			t.Fatal(err)
		}
		impatient, leave := context.WithCancel(t.Context())
		for i := range maxWaiting - 1 {
			ctx := t.Context()
			if i == 0 {
				ctx = impatient
			}
			go func() {
				end, err := im.Turn(ctx, "ann")
				switch {
				case i == 0:
					if !errors.Is(err, context.Canceled) {
						t.Errorf("who gave up is told %v", err)
					}
				case err != nil:
					t.Error(err)
				default:
					end()
				}
			}()
		}
		synctest.Wait()
		if _, err := im.Turn(t.Context(), "ann"); !errors.Is(err, ErrBusy) {
			t.Errorf("one page too many is told %v", err)
		}
		// Neither another user nor an import of the same one is held up.
		for _, enter := range []func() (func(), error){
			func() (func(), error) { return im.Turn(t.Context(), "ben") },
			func() (func(), error) { return im.lock(t.Context(), "ann") },
		} {
			end, err := enter()
			if err != nil {
				t.Fatal(err)
			}
			end()
		}
		// Who gives up makes room for another.
		leave()
		synctest.Wait()
		late := make(chan error, 1)
		go func() {
			end, err := im.Turn(t.Context(), "ann")
			if err == nil {
				end()
			}
			late <- err
		}()
		synctest.Wait()
		end()
		if err := <-late; err != nil {
			t.Errorf("who came after one gave up is told %v", err)
		}
		synctest.Wait()
		if n := len(im.reading.turns); n != 0 {
			t.Errorf("%d users are remembered for ever", n)
		}
	})
}
