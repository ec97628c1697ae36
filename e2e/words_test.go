package e2e

import (
	"net/http"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// TestPagesAreWrittenAsAFanWouldWrite is about names, numbers and order, where
// a sentence made of parts easily comes out wrong.
func TestPagesAreWrittenAsAFanWouldWrite(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser()
	for code, want := range map[string]string{"bos": "The Boston Celtics’ 2026-27 season", "uta": "The Utah Jazz’s 2026-27 season"} {
		page := b.get("/teams/" + code).want(http.StatusOK)
		if !strings.Contains(page.body, `content="`+want) {
			t.Errorf("%s does not describe itself as %q", page.url, want)
		}
	}

	// The calendar joins two nights in a row where it shows both.
	for filter, joins := range map[string]bool{"": true, "?from=2027-03-11&to=2027-03-11": false} {
		page := b.get("/teams/lal" + filter).want(http.StatusOK).has("Back-to-back, first night")
		if strings.Contains(page.body, " b2b-1") != joins {
			t.Errorf("%s joins two nights: %v, want %v", page.url, !joins, joins)
		}
	}

	account := s.account("fan", fake.Pro)
	b.signIn(account)
	preview := b.get("/import?team=MIA").want(http.StatusOK)
	if !strings.Contains(preview.body, `“Miami Heat <span class="whole">2026-27</span>”`) {
		t.Error("the season’s label may be broken at its hyphen")
	}
	b.importTeam("team=MIA")
	project := onlyProject(t, account)
	b.get("/projects/" + b.importIn(project.ID)).want(http.StatusOK).has("The Heat’s season")

	// Games of several teams follow one another by date, not team by team.
	several := b.get("/import?team=BOS&team=LAL&target=each").want(http.StatusOK)
	if n := strings.Count(several.body, "<h4>March 2027<"); n != 1 {
		t.Errorf("March 2027 is the heading of %d parts of the list, want 1", n)
	}
}
