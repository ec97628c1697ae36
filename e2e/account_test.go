package e2e

import (
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"tipoff/todoist/fake"
)

// count counts the rows of a table of a site with SQLite.
func (s *site) count(table string) (n int) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "tipoff.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestForgettingEndsEverythingButTheTasks(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("eva", fake.Pro)
	a, b := s.browser().signIn(account), s.browser().signIn(account)
	a.importTeam("team=BOS").want(http.StatusSeeOther)
	project := onlyProject(t, account).ID
	id := a.importIn(project)
	a.get("/account").want(http.StatusOK).has("It keeps itself up to date").has("Forget me")
	end := a.post("/account/forget", nil).want(http.StatusSeeOther)
	a.get(end.location()).want(http.StatusOK).has("Tipoff has forgotten you").has("stay as they are")
	for _, b := range []*browser{a, b} {
		b.get("/account").want(http.StatusSeeOther)
	}
	if access, refresh := s.fake.LiveTokens(account); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens live on", access, refresh)
	}
	for _, table := range []string{"imports", "tasks", "changes", "grants"} {
		if n := s.count(table); n != 0 {
			t.Errorf("%d rows of %s are left", n, table)
		}
	}
	wantExactly(t, account, embedded(), "BOS", lateSeason)
	a.signIn(account).get("/projects/" + id).want(http.StatusNotFound)
}

func TestASignOutSaysWhatGoesOnAndASwitchStopsIt(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("ida", fake.Pro)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	id := b.importIn(onlyProject(t, account).ID)
	out := b.post("/sign-out", nil).want(http.StatusSeeOther)
	b.get(out.location()).want(http.StatusOK).has("One project goes on").has("switch it off")
	if access, refresh := s.fake.LiveTokens(account); access+refresh == 0 {
		t.Error("the tokens of an import that updates itself are revoked")
	}
	b.signIn(account)
	b.post("/projects/"+id+"/auto", url.Values{"auto": {"perhaps"}}).want(http.StatusUnprocessableEntity)
	b.post("/projects/"+id+"/auto", url.Values{"auto": {"off"}}).want(http.StatusSeeOther)
	b.get("/projects/" + id).want(http.StatusOK)
	b.get("/projects/" + id).want(http.StatusOK).has("It changes when you press the button")
	out = b.post("/sign-out", nil).want(http.StatusSeeOther)
	if p := b.get(out.location()).want(http.StatusOK).has("You are signed out"); p.location() != "" {
		t.Error("the page leads on")
	}
	if access, refresh := s.fake.LiveTokens(account); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens live on", access, refresh)
	}
}

func TestNobodySwitchesAnothersUpdates(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("own", fake.Pro)
	owner, other := s.browser().signIn(account), s.browser().signIn(s.account("oth", fake.Pro))
	owner.importTeam("team=BOS").want(http.StatusSeeOther)
	id := owner.importIn(onlyProject(t, account).ID)
	other.post("/projects/"+id+"/auto", url.Values{"auto": {"off"}})
	owner.get("/projects/" + id)
	owner.get("/projects/" + id).want(http.StatusOK).has("It keeps itself up to date")
}
