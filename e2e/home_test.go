package e2e

import (
	"net/http"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// TestTheHomePageBeginsWithOnesImports is also about the team that is added next.
func TestTheHomePageBeginsWithOnesImports(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("hom", fake.Pro)
	b := s.browser().signIn(account)
	b.get("/").want(http.StatusOK).has("Every game on your list.").has("Pick your team")
	for _, query := range []string{"team=BOS&venue=home", "team=LAL&name=Lakeshow"} {
		b.post("/imports", b.get("/import?"+query).want(http.StatusOK).form("post", "/imports")).want(http.StatusSeeOther)
	}
	s.fake.ResetRequests()
	page := b.get("/").want(http.StatusOK)
	at := -1
	for _, words := range []string{"Your projects", "Boston Celtics 2026-27", "Up to date", "33 games to go", "Lakeshow", "Next games", "Add another team", "Atlanta"} {
		next := strings.Index(text(page.body)[at+1:], words)
		if next < 0 {
			t.Fatalf("the home page does not say %q where it should:\n%.2000s", words, text(page.body))
		}
		at += next + 1
	}
	if strings.Contains(page.body, `class="hero"`) {
		t.Error("who has imports is still told what Tipoff is")
	}
	if n := len(s.fake.Requests()); n != 0 {
		t.Errorf("the home page asks Todoist %d times", n)
	}
	if other := s.browser().get("/").want(http.StatusOK); strings.Contains(other.body, "Lakeshow") {
		t.Error("a visitor sees somebody's imports")
	}
}

func TestACardSaysWhereItLeadsBeforeItLeadsThere(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	said := "A team takes you to Todoist first"
	visitor := s.browser().get("/").want(http.StatusOK).has(said)
	if cards := strings.Count(visitor.body, `aria-describedby="leads"`); cards != 30 {
		t.Errorf("%d cards say so, want 30", cards)
	}
	b := s.browser().signIn(s.account("car", fake.Free))
	if page := b.get("/").want(http.StatusOK); strings.Contains(page.body, said) {
		t.Error("somebody who is signed in is told so, too")
	}
	packed := s.browser().ask(http.MethodGet, "/", "Accept-Encoding", "gzip")
	if n := len(packed.body); n > 20_000 {
		t.Errorf("the home page has %d bytes compressed, more than 20,000", n)
	}
}
