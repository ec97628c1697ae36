//go:build long

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// The program is stopped and killed at random moments while people import.
// TEST_SEED in the environment repeats one run's moments.
func TestLongASiteThatIsEndedAtAnyMomentLosesAndDoublesNothing(t *testing.T) {
	const rounds = 30
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("TEST_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	s := newSite(t, lateSeason)
	// Writes take a moment, so that there is something to interrupt.
	s.fake.Fail(fake.Fault{Path: "/api/v1/sync", Delay: 10 * time.Millisecond})
	address := "127.0.0.1:" + freePort(t)
	s.args = append(s.args, "-addr", address)
	s.startProcess()
	front := &site{t: t, fake: s.fake, todoist: s.todoist, addr: address} // the same wherever the process is

	type person struct {
		*browser
		account *fake.Account
		teams   []string
	}
	all := schedule.Teams()
	var people []*person
	for i := range 4 {
		p := &person{browser: front.browser(), account: front.account(fmt.Sprintf("user-%d", i), fake.Pro)}
		p.signIn(p.account)
		for n := range 3 {
			p.teams = append(p.teams, all[(7*i+n)%len(all)].Code)
		}
		people = append(people, p)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i, p := range people {
		choice := rand.New(rand.NewPCG(seed, uint64(i+1)))
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				team := p.teams[choice.IntN(len(p.teams))]
				var got *page
				var err error
				switch choice.IntN(4) {
				case 0:
					got, err = p.try("/projects", nil)
				case 1:
					got, err = p.try("/imports", url.Values{"team": {team}}, "Accept", "text/event-stream")
				default:
					got, err = p.try("/imports", url.Values{"team": {team}, "reminder": {"60"}})
				}
				if err != nil {
					time.Sleep(5 * time.Millisecond) // nobody is there
				} else if got.status == http.StatusInternalServerError {
					t.Errorf("answered %d: %s", got.status, text(got.body))
				}
			}
		})
	}
	for range rounds {
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		// Those of odd number have tokens that are refreshed in between.
		for i := 1; i < len(people); i += 2 {
			s.fake.ExpireAccess(people[i].account)
		}
		time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
		if random.IntN(2) == 0 {
			s.kill()
		} else {
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := s.ended(); err != nil {
				t.Errorf("after SIGTERM the program ended with %v", err)
			}
		}
		if strings.Contains(s.log.String(), "msg=panic") {
			t.Errorf("the program panicked:\n%s", s.log)
		}
		s.startProcess()
	}
	close(done)
	wg.Wait()
	s.fake.ClearFaults()

	if status, body := fetch(t, "http://"+address+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answered %d %q", status, body)
	}
	for i, p := range people {
		if got := p.get("/projects"); got.status != http.StatusOK {
			if i%2 == 0 || got.status != http.StatusSeeOther {
				t.Errorf("user %d has no session any more: %d %s", i, got.status, got.location())
			}
			// The program ended while it waited for a new pair of tokens.
			p.signIn(p.account)
		}
		for _, team := range p.teams {
			p.post("/imports", url.Values{"team": {team}, "reminder": {"60"}}).want(http.StatusSeeOther)
			wantExactly(t, p.account, embedded(), team, lateSeason)
		}
		if got := len(projects(p.account)); got != len(p.teams) {
			t.Errorf("user %d has %d projects, want %d", i, got, len(p.teams))
		}
		if got := len(tasks(p.account, p.account.InboxID())); got != 0 {
			t.Errorf("user %d has %d tasks in the Inbox", i, got)
		}
	}
}

// The read, the project with its sections, and the tasks: each request finds the database
// as the commit before it left it.
func TestLongAnImportKilledAtEachRequestIsCompleteAfterPressingAgain(t *testing.T) {
	const requests = 3
	for nth := 1; nth <= requests; nth++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("request %d, applied %v", nth, after), func(t *testing.T) {
				t.Parallel()
				killedAt(t, nth, after)
			})
		}
	}
}

// killedAt kills the program while it waits for the answer to a request of an import.
func killedAt(t *testing.T, nth int, after bool) {
	s := newSite(t, lateSeason)
	s.startProcess()
	account := s.account("kim", fake.Free)
	b := s.browser().signIn(account)
	form := b.get("/import?team=MIA&sections=month").want(http.StatusOK).form("post", "/imports")
	arrived, came := make(chan struct{}), atomic.Int64{}
	remove := s.fake.Fail(fake.Fault{Path: "/api/v1/sync", AfterApply: after, Delay: time.Minute, Times: 1,
		Match: func(fake.Request) bool {
			if came.Add(1) != int64(nth) {
				return false
			}
			close(arrived)
			return true
		}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if p, err := b.try("/imports", form); err == nil {
			t.Errorf("the import was answered with %d though the program was killed", p.status)
		}
	}()
	<-arrived
	// A read has nothing to apply, the next request makes the project, the last the tasks.
	for after && (nth == 2 && len(projects(account)) == 0 || nth == 3 && len(account.Tasks("")) == 0) {
		time.Sleep(time.Millisecond)
	}
	s.kill()
	<-done
	remove()
	s.startProcess()
	// The session outlives the program, and so does the form.
	b.post("/imports", form).want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "MIA", lateSeason)
}
