package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// serve asks for a path and query as a browser with these cookies would, where
// no client of HTTP mends the query.
func (s *site) serve(path, query string, cookies []*http.Cookie) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, publicURL+path, nil)
	req.URL.RawQuery = query
	req.RequestURI = req.URL.RequestURI()
	for _, c := range cookies {
		req.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, req)
	return w
}

// Whatever stands behind the question mark: a page is shown, or what is wrong
// with the options, and nothing of it gets into the page as markup.
func FuzzTeamQuery(f *testing.F) {
	for i, query := range []string{"venue=home&tv=national&opponent=BOS", "games=all&type=cup&type=playoffs", "from=2026-12-01&to=2027-01-01", "skip=0022600001&timezone=Asia/Tokyo",
		"venue=nowhere", "from=2026-02-30&to=x", "%zz", "q=%3Cfuzz%3E&opponent=%3Cfuzz%3E", "type=&type=&games=", "timezone=..%2f..%2fetc%2fpasswd", "name=%00%ff&labels=a,b,,"} {
		f.Add(uint8(i), query)
	}
	paths := []string{"/teams/bos", "/teams/bos.ics", "/teams/bos.csv", "/", "/sign-in", "/import"}
	f.Fuzz(func(t *testing.T, which uint8, query string) {
		s := startSite(t, midSeason, "-session-store", "memory:")
		path := paths[int(which)%len(paths)]
		w := s.serve(path, query, nil)
		if w.Code >= 500 || w.Code < 200 {
			t.Errorf("%s answered %d", path, w.Code)
		}
		if body := w.Body.String(); strings.Contains(w.Header().Get("Content-Type"), "html") && (strings.Contains(body, "<fuzz>") || !strings.Contains(body, "</html>") && w.Code != http.StatusSeeOther) {
			t.Errorf("%s shows %.300s", path, body)
		}
		if to := w.Header().Get("Location"); to != "" && !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
			t.Errorf("%s leads to %q", path, to)
		}
	})
}

// Whatever comes back from Todoist: nobody is signed in by it without the state
// of this browser and a code of Todoist, and it leads nowhere else.
func FuzzCallbackQuery(f *testing.F) {
	for _, query := range []string{"code=a&state=STATE", "code=&state=STATE", "error=access_denied&state=STATE", "error=%3Cfuzz%3E", "state=STATE&state=b&code=a", "code=a", "state=" + strings.Repeat("a", 43) + "&code=b", "%", "error=&code=%00&state=%ff"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s := startSite(t, midSeason, "-session-store", "memory:")
		b := s.browser()
		asked, err := b.try("/sign-in", url.Values{"next": {"/teams/bos"}})
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(asked.location())
		if err != nil {
			t.Fatal(err)
		}
		state := to.Query().Get("state")
		if state == "" {
			t.Fatalf("no state in %q", asked.location())
		}
		account := s.account("ola", fake.Free)
		for _, cookies := range [][]*http.Cookie{nil, b.cookies()} {
			w := s.serve("/oauth/callback", strings.ReplaceAll(query, "STATE", url.QueryEscape(state)), cookies)
			if w.Code >= 500 && w.Code != http.StatusBadGateway || w.Code < 400 {
				t.Errorf("answered %d, to %q", w.Code, w.Header().Get("Location"))
			}
			for _, c := range w.Result().Cookies() {
				if c.Value != "" && c.MaxAge >= 0 && !strings.Contains(c.Name, "-") {
					t.Errorf("a session's cookie was set: %s", c.Name)
				}
			}
			if strings.Contains(w.Body.String(), "<fuzz>") {
				t.Error("the page has the query's markup")
			}
		}
		if access, refresh := s.fake.LiveTokens(account); access+refresh > 0 {
			t.Error("Todoist gave a token for it")
		}
	})
}
