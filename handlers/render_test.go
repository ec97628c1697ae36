package handlers

import (
	"bytes"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jba/templatecheck"
	"golang.org/x/net/html"

	"tipoff/schedule"
	"tipoff/static"
)

// storybook is where TestEveryPageInEveryState leaves the pages for people to
// look at: go test ./handlers -run EveryState -storybook /tmp/pages
var storybook = flag.String("storybook", "", "folder to write every page and state to")

func allViews() []view {
	return []view{
		homePage{}, signInPage{}, importPage{}, projectPage{}, removePage{},
		projectsPage{}, teamPage{}, accountPage{}, signedOutPage{}, leaguePage{}, errorPage{},
	}
}

func testFiles(t testing.TB) *static.Files {
	t.Helper()
	files, err := static.New(map[string][]byte{"teams.css": teamsCSS(schedule.Teams())})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func testPages(t *testing.T, base string) *pages {
	t.Helper()
	p, err := newPages(base, testFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryTemplateFitsItsStruct(t *testing.T) {
	p := testPages(t, "")
	left := map[string]bool{}
	for _, name := range p.set.Names() {
		left[name] = true
	}
	for _, v := range allViews() {
		name := v.template()
		if !left[name] {
			t.Errorf("%T asks for the template %q, which does not exist", v, name)
			continue
		}
		delete(left, name)
		if err := templatecheck.CheckHTML(p.set.Page(name), v); err != nil {
			t.Errorf("%s with %T: %v", name, v, err)
		}
	}
	for name := range left {
		t.Errorf("no struct is for the template %q", name)
	}
}

func TestAPageThatCannotBeRenderedWritesNothing(t *testing.T) {
	p := testPages(t, "")
	w := httptest.NewRecorder()
	broken := teamPage{WebcalURL: "javascript:alert(1)", Games: []*renderedGame{{}}}
	if err := p.render(w, httptest.NewRequest("GET", "/", nil), 200, broken); err == nil {
		t.Error("render of a page with a wrong webcal address reports no error")
	}
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("render wrote %d bytes and the header %v before it failed", w.Body.Len(), w.Header())
	}
	p.renderBroken(w)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "Something broke on our side") {
		t.Errorf("renderBroken answers %d with %q", w.Code, w.Body.String())
	}
}

// A timedWriter remembers until when it may be written to.
type timedWriter struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (w *timedWriter) SetWriteDeadline(until time.Time) error { w.until = until; return nil }

func TestAVisitorHasAMinuteToTakeAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &timedWriter{ResponseRecorder: httptest.NewRecorder()}
		if err := testPages(t, "").render(w, httptest.NewRequest("GET", "/", nil), 200, errorPage{Status: 200}); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(w.until); left != writeTimeout {
			t.Errorf("the page may be written for %v", left)
		}
	})
}

func TestPagesBelowAPathLinkBelowIt(t *testing.T) {
	p := testPages(t, "/tipoff")
	for name, v := range stories(p) {
		body, err := p.bytes(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, link := range regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`).FindAllStringSubmatch(string(body), -1) {
			if !strings.HasPrefix(link[1], "/tipoff/") {
				t.Errorf("%s links to %s", name, link[1])
			}
		}
	}
}

// TestEveryPageInEveryState renders the pages with the data of stories and
// checks what must hold for each: well-formed, nothing inline that the content
// security policy forbids, unique ids, labelled fields, links that lead
// somewhere, nothing left unescaped.
func TestEveryPageInEveryState(t *testing.T) {
	p := testPages(t, "")
	for name, v := range stories(p) {
		t.Run(name, func(t *testing.T) {
			body, err := p.bytes(v)
			if err != nil {
				t.Fatal(err)
			}
			if *storybook != "" {
				if err := os.WriteFile(filepath.Join(*storybook, name+".html"), body, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, fault := range faultsIn(body) {
				t.Error(fault)
			}
		})
	}
	if *storybook != "" {
		writeAssets(t, *storybook)
	}
}

// faultsIn reads a page as a browser would and says what is wrong with it.
func faultsIn(body []byte) []string {
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	ids, labels, count := map[string]bool{}, map[string]bool{}, map[string]int{}
	var targets, refs, fields []string
	var visit func(*html.Node, []string)
	visit = func(n *html.Node, above []string) {
		if n.Type == html.ElementNode {
			count[n.Data]++
			attr := map[string]string{}
			for _, a := range n.Attr {
				attr[a.Key] = a.Val
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
					say("<%s> has the attribute %s", n.Data, a.Key)
				}
			}
			if id, ok := attr["id"]; ok {
				if ids[id] {
					say("the id %q is there twice", id)
				}
				ids[id] = true
			}
			for _, key := range []string{"aria-labelledby", "aria-describedby"} {
				refs = append(refs, strings.Fields(attr[key])...)
			}
			switch n.Data {
			case "style":
				say("there is an inline style sheet")
			case "script":
				if attr["src"] == "" {
					say("there is an inline script")
				}
			case "label":
				labels[attr["for"]] = true
			case "a":
				if to, ok := strings.CutPrefix(attr["href"], "#"); ok {
					targets = append(targets, to)
				} else if attr["href"] == "" {
					say("a link leads nowhere")
				}
			case "input", "select":
				inLabel := strings.Contains(strings.Join(above, " "), "label")
				if attr["type"] != "hidden" && !inLabel {
					fields = append(fields, attr["id"])
				}
			}
			above = append(above, n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c, above)
		}
	}
	visit(root, nil)
	if count["h1"] != 1 || count["main"] != 1 {
		say("there are %d h1 and %d main, want one each", count["h1"], count["main"])
	}
	for _, to := range append(targets, refs...) {
		if !ids[to] {
			say("something refers to #%s, which is not there", to)
		}
	}
	for _, id := range fields {
		if !labels[id] {
			say("the field %q has no label", id)
		}
	}
	for _, sign := range []string{"ZgotmplZ", "<script>alert", "&amp;lt;"} {
		if bytes.Contains(body, []byte(sign)) {
			say("the page contains %q", sign)
		}
	}
	return faults
}

func TestTeamNamesAndTasksAreEscaped(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	p := testPages(t, "")
	for _, v := range []view{
		homePage{Last: &teamCard{Code: "BOS", City: evil, Name: evil}},
		signInPage{Next: evil, Wrong: evil, Token: true},
		projectPage{layout: layout{Title: evil, Flash: &notice{Text: evil, Kind: evil}}, Name: evil, OpenURL: "javascript:alert(1)", Games: []planRow{{Title: evil}}},
		errorPage{Text: evil},
	} {
		body, err := p.bytes(v)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(body, []byte("<script>alert")) || bytes.Contains(body, []byte(`href="javascript`)) {
			t.Errorf("%T lets markup through", v)
		}
	}
}

// writeAssets puts the static files where the written pages look for them.
func writeAssets(t *testing.T, folder string) {
	t.Helper()
	files := testFiles(t)
	if err := os.MkdirAll(filepath.Join(folder, "static"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app.css", "teams.css", "icon.svg", "icon-180.png", "app.webmanifest", "picker.js", "import.js", "follow.js", "team.js", "times.js"} {
		w := httptest.NewRecorder()
		files.ServeHTTP(w, httptest.NewRequest("GET", files.URL(name), nil))
		if err := os.WriteFile(filepath.Join(folder, files.URL(name)), w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryFunctionOfTheTemplatesIsUsed(t *testing.T) {
	var all strings.Builder
	err := filepath.WalkDir("../templates", func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".html" {
			return err
		}
		content, err := os.ReadFile(path)
		all.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range functions("", testFiles(t)) {
		if !regexp.MustCompile(`[{( ]` + name + ` `).MatchString(all.String()) {
			t.Errorf("no template calls %q", name)
		}
	}
}
