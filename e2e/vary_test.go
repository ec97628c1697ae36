package e2e

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// A shared cache gives an answer to whoever asks for the address with the same
// headers, of those that Vary names.
func TestEveryPageThatShowsTheVisitorsTimesSaysSo(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	visitor, user := s.browser(), s.browser().signIn(s.account("vic", fake.Free))
	requestID := regexp.MustCompile(`\b[A-Z2-7]{12}\b`) // on error pages
	seen, differ := map[string]bool{}, map[string]bool{}
	paths := slices.Collect(maps.Keys(visitor.crawl(1, "/", "/sign-in", "/teams/bos", "/teams/bos?venue=home", "/favicon.ico")))
	for _, path := range append(paths, "/no/such/page", "/teams/xyz", "/teams/bos?venue=moon", "/oauth/callback", "/projects", "/account", "/import?team=BOS") {
		kind := named.ReplaceAllString(path, "")
		if seen[kind] {
			continue
		}
		seen[kind] = true
		for _, b := range []*browser{visitor, user} {
			newYork := b.ask(http.MethodGet, path, "Tipoff-Times", "America/New_York~12~0~0")
			berlin := b.ask(http.MethodGet, path, "Tipoff-Times", "Europe/Berlin~24~1~1")
			if requestID.ReplaceAllString(newYork.body, "") == requestID.ReplaceAllString(berlin.body, "") {
				continue
			}
			differ[path] = true
			if vary := strings.Join(newYork.header.Values("Vary"), ", "); !strings.Contains(vary, "Tipoff-Times") {
				t.Errorf("%s differs between New York and Berlin, and its Vary is %q", path, vary)
			}
		}
	}
	for _, path := range []string{"/", "/sign-in", "/teams/bos?venue=home"} {
		if !differ[path] {
			t.Errorf("%s shows everybody the same times; those that differ are %v", path, slices.Sorted(maps.Keys(differ)))
		}
	}
}
