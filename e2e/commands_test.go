package e2e

import (
	"net/http"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

func TestTheCommandImportsCountsByStateAndNamesNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, lateSeason)
	if out, err := s.command("imports"); err != nil || out != "There are no imports.\n" {
		t.Errorf("without imports: %v: %s", err, out)
	}
	s.start()
	for _, name := range []string{"ann", "bob"} {
		b := s.browser().signIn(s.account(name, fake.Pro))
		for team, auto := range map[string]string{"BOS": "on", "UTA": "off"} {
			form := b.get("/import?team="+team).want(http.StatusOK).form("post", "/imports")
			form.Set("auto", auto)
			b.post("/imports", form).want(http.StatusSeeOther)
		}
	}
	out, err := s.command("imports")
	want := "" +
		"SEASON   UPDATES ITSELF  STATE  IMPORTS  OLDEST CHECK\n" +
		"2026-27  yes             ok     2        2027-02-10 12:00 UTC\n" +
		"2026-27  no              ok     2        2027-02-10 12:00 UTC\n"
	if err != nil || out != want {
		t.Errorf("%v:\n%s\nwant\n%s", err, out, want)
	}
}

func TestFlushedSessionsLeaveTokensOfUpdatesUnlessTheseAreOff(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	ann, bob := s.account("ann", fake.Pro), s.account("bob", fake.Pro)
	b := s.browser().signIn(ann)
	form := b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
	form.Set("auto", "on")
	b.post("/imports", form).want(http.StatusSeeOther)
	s.browser().signIn(bob)

	out, err := s.command("sessions", "flush")
	if err != nil || !strings.Contains(out, "2 sign-ins ended") || !strings.Contains(out, "-auto-update=false") || b.signedIn() {
		t.Errorf("%v: %s", err, out)
	}
	s.noLiveTokens(bob)
	if access, refresh := s.fake.LiveTokens(ann); access+refresh == 0 {
		t.Error("the import has no token any more")
	}
	if out, err := s.command("sessions", "flush", "-auto-update=false"); err != nil || strings.Contains(out, "keep their tokens") {
		t.Errorf("%v: %s", err, out)
	}
	s.noLiveTokens(ann)
}
