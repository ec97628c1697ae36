package e2e

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/static"
	"tipoff/todoist/fake"
)

// getRoutes are the routes that answer GET, as patterns of the paths below the
// base path.
func getRoutes(t *testing.T) []*regexp.Regexp {
	t.Helper()
	source, err := os.ReadFile("handlers/handlers.go")
	if err != nil {
		t.Fatal(err)
	}
	var routes []*regexp.Regexp
	for _, m := range regexp.MustCompile(`\.Get\((static\.Prefix)?[^"()]*"([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		route := strings.NewReplacer("{team:", "(", "+}", "+)", "{id}", "[^/]+", ".", `\.`, "*", ".*").Replace(m[2])
		if m[1] != "" {
			route = static.Prefix + route
		}
		routes = append(routes, regexp.MustCompile("^"+route+"$"))
	}
	if len(routes) < 18 {
		t.Fatalf("only %d routes are found: %v", len(routes), routes)
	}
	return routes
}

// named is what differs between addresses of one kind: ids, hashes and teams.
var named = regexp.MustCompile(`\w*\d\w*|/teams/[A-Za-z]+`)

func TestHeadIsAnsweredWithoutABody(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	for _, path := range []string{"/", "/livez", "/readyz", "/teams/bos", "/teams/bos.ics", "/teams/bos.csv"} {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "HEAD %s HTTP/1.1\r\nHost: tipoff.test\r\nConnection: close\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := strings.Cut(string(answer), "\r\n\r\n")
		if !ok || !strings.HasPrefix(head, "HTTP/1.1 200 ") || body != "" {
			t.Errorf("HEAD %s is answered with\n%.500s", path, answer)
		}
	}
}

func TestHeadAnswersWhereverGetDoes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		base string
		demo bool
	}{"at the root": {"", false}, "the demo, below a path": {"/sports/tipoff", true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, midSeason, "-public-url", publicURL+tt.base)
			token := "api-token-of-hal"
			if tt.demo {
				s.args = []string{"-demo", "-addr", "localhost:0", "-public-url", s.public, "-now", midSeason.Format(time.RFC3339)}
				token = "demo-free"
			} else {
				s.account("hal", fake.Free)
			}
			s.start()
			b := s.browser()
			b.post("/sign-in/token", url.Values{"token": {token}}).want(http.StatusSeeOther)
			project := b.importTeam("team=BOS").want(http.StatusSeeOther).location()
			project, _, _ = strings.Cut(strings.TrimPrefix(project, tt.base), "?")

			paths := slices.Collect(maps.Keys(b.crawl(1, "/", project, "/import?team=BOS", "/imports", "/projects", "/account", "/signed-out", "/sign-in", "/favicon.ico")))
			for _, path := range []string{"/livez", "/readyz", "/oauth/callback", "/no/such/page", "/teams/xyz", "/demo/league"} {
				paths = append(paths, tt.base+path)
			}
			paths = append(paths, "/livez", "/readyz", tt.base)
			var asked []string
			seen := map[string]bool{}
			for _, path := range paths {
				address, _, _ := strings.Cut(path, "?")
				if kind := named.ReplaceAllString(address, ""); !seen[kind] {
					seen[kind], asked = true, append(asked, path)
				}
			}
			for _, path := range asked {
				for who, asker := range map[string]*browser{"signed out": s.browser(), "signed in": b} {
					asker.ask(http.MethodGet, path) // what a page says only once is said now
					get, head := asker.ask(http.MethodGet, path), asker.ask(http.MethodHead, path)
					if head.status != get.status {
						t.Errorf("%s, %s: HEAD is answered %d, GET %d", path, who, head.status, get.status)
						continue
					}
					// A redirect has a few words only where they are wanted.
					if head.header.Get("Content-Length") == "" && head.status/100 == 3 {
						get.header.Del("Content-Length")
					}
					get.header.Del("Date")
					head.header.Del("Date")
					if !maps.EqualFunc(get.header, head.header, slices.Equal) {
						t.Errorf("%s, %s: HEAD has the headers\n%v\nGET has\n%v", path, who, head.header, get.header)
					}
				}
			}
			for _, route := range getRoutes(t) {
				if !slices.ContainsFunc(asked, func(path string) bool {
					address, _, _ := strings.Cut(strings.TrimPrefix(path, tt.base), "?")
					return route.MatchString(address)
				}) {
					t.Errorf("no path of %s was asked for", route)
				}
			}
		})
	}
}
