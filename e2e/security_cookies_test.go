package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

func TestSecurity11CookiesAreBoundToTheHostAndToHTTPS(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", secureURL)
	b, account := s.browser(), s.account("ann", fake.Free)
	asked := b.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusSeeOther)
	back, err := s.fake.Consent(asked.location(), account)
	if err != nil {
		t.Fatal(err)
	}
	signedIn := b.get(back).want(http.StatusSeeOther)
	signedOut := b.post("/sign-out", nil).want(http.StatusSeeOther)
	n := 0
	for _, p := range []*page{asked, signedIn, signedOut} {
		for _, c := range setCookies(p) {
			n++
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("cookie %s: %q", c.Name, strings.Replace(c.String(), c.Value, "…", 1))
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d cookies were set or taken back", n)
	}
}

func TestSecurity12PlainHTTPAndPathsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	for public, want := range map[string]http.Cookie{
		"http://localhost:8080":        {Name: "tipoff", Path: "/"},
		secureURL + "/below":           {Name: "__Secure-tipoff", Path: "/below", Secure: true},
		"http://localhost:8080/at/one": {Name: "tipoff", Path: "/at/one"},
	} {
		s := startSite(t, midSeason, "-public-url", public)
		b := s.browser()
		p := b.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusSeeOther)
		back, err := s.fake.Consent(p.location(), s.account("ann", fake.Free))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range setCookies(b.get(back).want(http.StatusSeeOther)) {
			if !strings.HasPrefix(c.Name, want.Name) || strings.HasPrefix(c.Name, "__Host-") || c.Path != want.Path || c.Secure != want.Secure || !c.HttpOnly {
				t.Errorf("%s: %q", public, strings.Replace(c.String(), c.Value, "…", 1))
			}
		}
		if !bytes.Contains(doc, []byte("`"+want.Name+"`")) {
			t.Errorf("docs/security.md does not name the cookie %s", want.Name)
		}
	}
}

func TestSecurity13NoCookieIsOver4096Bytes(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"memory:", "cookie:"} {
		s := startSite(t, midSeason, "-public-url", secureURL, "-session-store", store)
		for _, length := range []int{10, 1000, 3000} {
			account := s.fake.AddAccount(fake.Profile{ID: fmt.Sprint("long", length), Email: strings.Repeat("e", 50) + fmt.Sprint(length) + "@example.org",
				Name: strings.Repeat("Ω", length/2), APIToken: fmt.Sprint("token", length), Zone: "America/New_York"})
			b := s.browser()
			asked := b.post("/sign-in", url.Values{"next": {"/import?team=BOS&labels=" + strings.Repeat("x", min(length, 1900))}})
			pages := []*page{asked}
			if asked.status == http.StatusSeeOther {
				back, err := s.fake.Consent(asked.location(), account)
				if err != nil {
					t.Fatal(err)
				}
				pages = append(pages, b.get(back))
			}
			for _, p := range pages {
				if p.status >= 500 && p.header.Get("Set-Cookie") != "" && b.session() != "" {
					t.Errorf("%s, %d: an error signed in", store, length)
				}
				for _, c := range setCookies(p) {
					if n := len(c.Name) + len(c.Value); n > 4096 {
						t.Errorf("%s, %d: cookie %s has %d bytes", store, length, c.Name, n)
					}
				}
			}
			// What does not fit is cut or refused, never half kept.
			if last := pages[len(pages)-1]; last.status == http.StatusSeeOther && !b.signedIn() {
				t.Errorf("%s, %d: signed in and not", store, length)
			}
		}
	}
}

func TestSecurity15SignedInPagesAreNotKept(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ann", fake.Free))
	project, _, _ := strings.Cut(b.importTeam("team=BOS").want(http.StatusSeeOther).location(), "?")
	for _, path := range []string{"/", "/teams/bos", "/import?team=BOS", "/import?team=XYZ", "/projects", project, project + "/remove", "/account", "/projects/none", "/no/such/page"} {
		if p := b.get(path); !strings.Contains(p.header.Get("Cache-Control"), "no-store") {
			t.Errorf("GET %s: Cache-Control %q", path, p.header.Values("Cache-Control"))
		}
	}
	p := b.post("/sign-out", nil).want(http.StatusSeeOther)
	if got := p.header.Get("Clear-Site-Data"); !strings.Contains(got, `"cache"`) || !strings.Contains(got, `"storage"`) {
		t.Errorf("Clear-Site-Data at sign-out: %q", got)
	}
}
