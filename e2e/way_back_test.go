package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// TestATaskLeadsBackToItsProjectsPage follows the links of a task's last line.
func TestATaskLeadsBackToItsProjectsPage(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", publicURL+"/sports")
	account := s.account("way", fake.Free)
	b := s.browser().signIn(account)
	b.post("/imports", b.get("/import?team=BOS&venue=home").want(http.StatusOK).form("post", "/imports")).want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	home := "/projects/" + b.importIn(project)
	for _, task := range tasks(account, project) {
		lines := strings.Split(task.Description, "\n")
		last := lines[len(lines)-1]
		if slices.Contains(lines, "") || !strings.HasPrefix(last, "[Game page](https://") ||
			!strings.HasSuffix(last, ") · [Tipoff]("+publicURL+"/sports"+home+")") {
			t.Fatalf("a task's description is %q", task.Description)
		}
	}
	b.get(home).want(http.StatusOK).has("games are on your list")
}

// TestAnUpdateLeavesDescriptionsThatHaveNoLinkBack is about tasks that were made before
// there was one, and at another address.
func TestAnUpdateLeavesDescriptionsThatHaveNoLinkBack(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("old", fake.Free)
	b := s.browser().signIn(account)
	b.post("/imports", b.get("/import?team=BOS&venue=home").want(http.StatusOK).form("post", "/imports")).want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	for i, task := range tasks(account, project) {
		account.EditTask(task.ID, func(task *fake.Task) {
			text, link, _ := strings.Cut(task.Description, "\n[Game page]")
			link, back, _ := strings.Cut(link, " · ")
			task.Description = text + "\n\n[Game page]" + link
			if i%2 == 0 {
				task.Description += " · " + strings.Replace(back, publicURL, "https://elsewhere.example", 1)
			}
		})
	}
	before := tasks(account, project)
	s.fake.ResetRequests()
	b.get("/import?team=BOS&venue=home").want(http.StatusOK).has("Nothing to do")
	b.post("/imports", b.get("/import?team=BOS&labels=nba").want(http.StatusOK).form("post", "/imports")).want(http.StatusSeeOther)
	for i, task := range tasks(account, project) {
		if task.Description != before[i].Description {
			t.Errorf("the description %q became %q", before[i].Description, task.Description)
		}
	}
}
