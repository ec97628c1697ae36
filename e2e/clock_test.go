package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

func TestAClockThatStepsAnHourSignsNobodyOutAndDoublesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, lateSeason, "-session-store", "memory:", "-session-idle", "3h")
	var ahead atomic.Int64 // how far the program's clock is from Todoist's
	clock := clockFrom(lateSeason)
	s.with.Now = func() time.Time { return clock().Add(time.Duration(ahead.Load())) }
	s.start()
	account, visitor := s.account("ann", fake.Free), s.account("bob", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	for _, step := range []time.Duration{time.Hour, 0, -time.Hour, time.Hour, -time.Hour} {
		// A sign-in is under way.
		other := s.browser()
		asked := other.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusSeeOther)
		back, err := s.fake.Consent(asked.location(), visitor)
		if err != nil {
			t.Fatal(err)
		}
		forward := step > time.Duration(ahead.Load())
		ahead.Store(int64(step))
		p := other.get(back)
		switch {
		case p.status == http.StatusSeeOther:
			other.get("/projects").want(http.StatusOK)
		case forward && p.status == http.StatusBadRequest:
			// To this clock it took an hour.
			p.has("Start again")
		default:
			t.Errorf("%v: a sign-in under way ended with %d: %s", step, p.status, text(p.body))
		}
		other.signIn(visitor).get("/projects").want(http.StatusOK)

		b.get("/readyz").want(http.StatusOK)
		b.get("/account").want(http.StatusOK)
		b.get("/projects").want(http.StatusOK)
		b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusSeeOther)
		// The token ends by Todoist's clock, which is another than ours.
		s.fake.ExpireAccess(account)
		b.get("/projects").want(http.StatusOK)
		b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusSeeOther)
		onlyProject(t, account)
		wantExactly(t, account, embedded(), "BOS", lateSeason)
	}
	if n := s.fake.CountTokenEvents(fake.ReplayedLate); n > 0 {
		t.Errorf("%d refresh tokens were used again", n)
	}
	b.post("/sign-out", nil).want(http.StatusSeeOther)
	if p := b.get("/projects"); p.status == http.StatusOK {
		t.Error("who signed out is still signed in")
	}
}

func TestARestartWithTheClockAnHourOffKeepsSessions(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason, "-session-idle", "3h")
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	for _, step := range []time.Duration{time.Hour, -time.Hour, 0} {
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		s.args = append(s.args, "-now", lateSeason.Add(step).Format(time.RFC3339))
		s.start()
		b.get("/readyz").want(http.StatusOK)
		b.get("/projects").want(http.StatusOK)
		b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusSeeOther)
		wantExactly(t, account, embedded(), "BOS", lateSeason)
		if strings.Contains(s.log.String(), "level=ERROR") {
			t.Errorf("%v: the log has errors:\n%s", step, s.log)
		}
	}
	// A jump over the idle time cannot be told from that time. The session was
	// last seen an hour ahead, in the first step, and is idle from then on.
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.args = append(s.args, "-now", lateSeason.Add(5*time.Hour).Format(time.RFC3339))
	s.start()
	if p := b.get("/projects"); p.status != http.StatusSeeOther {
		t.Errorf("five hours later /projects answered %d", p.status)
	}
}
