package e2e

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

func TestAnImportOfASeasonThatIsOverIsNotDueForEver(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason, "-metrics-addr", "localhost:0")
	account := s.account("una", fake.Pro)
	b := s.browser().signIn(account)
	form := b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
	form.Set("auto", "off")
	b.post("/imports", form).want(http.StatusSeeOther)
	id := b.importIn(onlyProject(t, account).ID)

	// The next season is published, and its owner switches the import's updates on.
	games := slices.Clone(embedded().Games)
	for i := range games {
		games[i].ID = strings.Replace(games[i].ID, "26", "27", 1)
		games[i] = moved(games[i], games[i].Tip.AddDate(1, 0, 0).Format(time.RFC3339))
	}
	path, later := filepath.Join(t.TempDir(), "feed.json"), lateSeason.AddDate(0, 8, 0)
	feed(t, path, "2027-28", later, games)
	s.with.UpdateEvery = time.Millisecond
	s.restart(later, "-schedule-url", path)
	b.signIn(account)
	s.wantMetric(1, "tipoff_schedule_info", "season", "2027-28")
	s.fake.ResetRequests()
	b.post("/projects/"+id+"/auto", map[string][]string{"auto": {"on"}}).want(http.StatusSeeOther)
	for n := 0; s.count("imports WHERE due > 0") > 0; n++ {
		if n > 3000 {
			t.Fatal("the import stays due")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if asked := len(s.fake.Requests()); asked > 0 {
		t.Errorf("Todoist is asked %d times", asked)
	}
}
