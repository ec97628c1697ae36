package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// TestATeamThatIsImportedIsNotOfferedAgain is about the team's page: its button leads
// to the project, and says whether there is something to do.
func TestATeamThatIsImportedIsNotOfferedAgain(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("tea", fake.Free)
	b := s.browser().signIn(account)
	b.get("/teams/bos").want(http.StatusOK).has("Add 65 games to Todoist")
	b.post("/imports", b.get("/import?team=BOS").want(http.StatusOK).form("post", "/imports")).want(http.StatusSeeOther)
	id := b.importIn(onlyProject(t, account).ID)
	s.fake.ResetRequests()
	page := b.get("/teams/bos").want(http.StatusOK).has("Up to date")
	if strings.Contains(page.body, "to Todoist</") || !strings.Contains(page.body, `href="/projects/`+id+`">Up to date`) {
		t.Error("the page of an imported team does not lead to its project")
	}
	b.get("/teams/nyk").want(http.StatusOK).has("games to Todoist")
	if n := len(s.fake.Requests()); n != 0 {
		t.Errorf("a team's page asks Todoist %d times", n)
	}
}

// TestTheTeamsButtonSaysWhatTheImportWillAdd compares the two pages under several
// filters.
func TestTheTeamsButtonSaysWhatTheImportWillAdd(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("num", fake.Pro))
	button := regexp.MustCompile(`href="(/import\?[^"]+)">(Add [\d,]+ games? to Todoist)<`)
	for _, query := range []string{"", "?venue=home", "?games=all&tv=national", "?from=2027-03-01&opponent=NYK"} {
		found := button.FindStringSubmatch(b.get("/teams/bos" + query).want(http.StatusOK).body)
		if found == nil {
			t.Fatalf("/teams/bos%s has no button", query)
		}
		b.get(strings.ReplaceAll(found[1], "&amp;", "&")).want(http.StatusOK).has(found[2])
	}
	if page := b.get("/teams/bos?to=2026-11-01").want(http.StatusOK); strings.Contains(page.body, "games to Todoist") {
		t.Error("games that are over are offered")
	}
}

// TestAChoiceThatDoesNotExistIsNotOffered is about addresses that somebody typed.
func TestAChoiceThatDoesNotExistIsNotOffered(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("luna", fake.Free))
	for path, want := range map[string]string{"/teams/mem?venue=moon&timezone=Mars": "/teams/mem", "/import?team=MEM&venue=moon&timezone=Mars": "/import"} {
		page := b.get(path).want(http.StatusUnprocessableEntity).has("“moon”")
		if strings.Contains(page.body, `value="moon"`) {
			t.Errorf("%s offers the moon", path)
		}
		form := page.form("get", want)
		if got := form.Get("venue"); got != "all" {
			t.Errorf("%s has the venue %q chosen, want the default", path, got)
		}
		if got := form.Get("timezone"); got != "Mars" && got != "" {
			t.Errorf("%s has the zone %q", path, got)
		}
	}
}

func TestATeamsPageStartsAtTodayWithWhatIsPlayedFolded(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	page := s.browser().get("/teams/bos").want(http.StatusOK).has("15 played")
	played := strings.Index(page.body, "15 played")
	ahead := page.body[strings.LastIndex(page.body, "</details>"):]
	if n := strings.Count(ahead, `class="row game`); n != 65 {
		t.Errorf("below what is folded there are %d games, want 65", n)
	}
	if n := strings.Count(page.body[played:], `class="row game over`); n != 15 {
		t.Errorf("%d games are marked as played, want 15", n)
	}
	// A season that is over is not folded away.
	over := startSite(t, lateSeason.AddDate(0, 8, 0))
	if page := over.browser().get("/teams/bos").want(http.StatusOK); !strings.Contains(page.body, `<details class="played" open>`) {
		t.Error("a season that is over shows nothing at first")
	}
}
