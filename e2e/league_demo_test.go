package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTheDemosVisitorPlaysTheLeagueAndTheTasksFollow(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	s.args = []string{"-demo", "-addr", "localhost:0", "-public-url", publicURL, "-now", midSeason.Format(time.RFC3339)}
	s.with.UpdateEvery = time.Millisecond
	s.start()
	b := s.browser()
	b.post("/sign-in/token", url.Values{"token": {"demo-pro"}}).want(http.StatusSeeOther)
	b.get("/demo/league").want(http.StatusOK).has("Import a team first")
	form := b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")
	form.Set("auto", "on")
	b.post("/imports", form).want(http.StatusSeeOther)

	// follows waits until the tasks are as the league has the games, and says so.
	follows := func(says string) string {
		t.Helper()
		for range 3000 {
			p := b.get("/demo/league").want(http.StatusOK)
			if !strings.Contains(p.body, "state waiting") && strings.Contains(text(p.body), says) {
				return p.body
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("it never says %q: %s", says, text(b.get("/demo/league").body))
		return ""
	}
	game := regexp.MustCompile(`name="game" value="([^"]+)"`)
	first := func() string { return game.FindStringSubmatch(b.get("/demo/league").body)[1] }
	play := func(id, do string) {
		t.Helper()
		b.post("/demo/league", url.Values{"game": {id}, "do": {do}}).want(http.StatusSeeOther)
	}
	id := first()
	follows("Celtics at Kings Task: Sun 22 Nov, 04:00")
	play(id, "move")
	follows("Celtics at Kings Task: Mon 23 Nov, 02:30")
	play(id, "postpone")
	follows("Celtics at Kings Task: no date")
	play(id, "announce")
	play(id, "announce")
	play(id, "restore")
	follows("Celtics at Warriors")
	b.get("/import?team=BOS").want(http.StatusOK).has("is up to date")
	if n := strings.Count(text(b.get("/projects/"+b.mine()).body), "Celtics at Kings"); n < 3 {
		t.Errorf("the page of the project names the game, the two announced and its history %d times", n)
	}
	b.post("/demo/league", url.Values{"game": {"none"}, "do": {"move"}}).want(http.StatusUnprocessableEntity)
	b.post("/demo/league", url.Values{"game": {id}, "do": {"cancel"}}).want(http.StatusUnprocessableEntity)
}

// mine is the id of the visitor's one import.
func (b *browser) mine() string {
	b.t.Helper()
	found := regexp.MustCompile(`href="[^"]*/projects/([A-Z0-9]+)"`).FindStringSubmatch(b.get("/projects").want(http.StatusOK).body)
	if found == nil {
		b.t.Fatal("there is no import")
	}
	return found[1]
}
