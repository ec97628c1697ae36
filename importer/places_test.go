package importer

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
)

func TestSoManyImportsRunAtOnceAndNoUserTakesTwoPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var im Importer
		running := map[string]func(){}
		for i := range atOnce {
			user := fmt.Sprint("user ", i)
			unlock, err := im.lock(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			running[user] = unlock
		}
		// One user's further imports wait for that user and take no place; one
		// who gives up leaves nothing behind.
		got := make(chan func(), 1)
		go func() {
			unlock, err := im.lock(t.Context(), "user 0")
			if err != nil {
				t.Error(err)
			}
			unlock()
		}()
		impatient, leave := context.WithCancel(t.Context())
		go func() {
			if _, err := im.lock(impatient, "impatient"); err == nil {
				t.Error("there was a place where there is none")
			}
		}()
		synctest.Wait()
		leave()
		synctest.Wait()
		go func() {
			unlock, err := im.lock(t.Context(), "next")
			if err != nil {
				t.Error(err)
			}
			got <- unlock
		}()
		synctest.Wait()
		if len(got) > 0 {
			t.Error("one more than there are places ran")
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
		if len(im.writers) > 0 || len(im.places) > 0 {
			t.Errorf("%d users and %d places are left", len(im.writers), len(im.places))
		}
	})
}
