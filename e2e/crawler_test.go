package e2e

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A crawler follows everything that pages refer to, as long as it is on the
// site's own host.
type crawler struct {
	b     *browser
	base  string // the public address's path
	host  string
	seen  map[string]bool
	queue []string
	limit int // how many addresses of one kind are followed
	kinds map[string]int
}

// crawl follows all references from some paths on and fails the test for each
// that leaves the base path or leads nowhere. It returns the paths it has been
// at.
func (b *browser) crawl(limit int, from ...string) map[string]bool {
	b.t.Helper()
	public, err := url.Parse(b.public)
	if err != nil {
		b.t.Fatal(err)
	}
	c := &crawler{b: b, base: public.Path, host: public.Host, seen: map[string]bool{}, kinds: map[string]int{}, limit: limit}
	for _, path := range from {
		c.refer(public, public.Path+path, "the test")
	}
	for len(c.queue) > 0 {
		at := c.queue[0]
		c.queue = c.queue[1:]
		c.visit(at)
	}
	return c.seen
}

// kind is an address with its names and numbers left out.
var kind = regexp.MustCompile(`[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*|/[A-Za-z]{3}\b`)

// refer takes up a reference found on a page.
func (c *crawler) refer(page *url.URL, to, where string) {
	to = strings.TrimSpace(to)
	if to == "" || strings.HasPrefix(to, "#") || strings.HasPrefix(to, "data:") {
		return
	}
	to = regexp.MustCompile(`^webcals?:`).ReplaceAllString(to, page.Scheme+":")
	u, err := page.Parse(to)
	if err != nil {
		c.b.t.Errorf("%s: %s refers to %q: %v", page.Path, where, to, err)
		return
	}
	if u.Host != c.host {
		return
	}
	if u.Path != c.base && !strings.HasPrefix(u.Path, c.base+"/") {
		c.b.t.Errorf("%s: %s leaves %s for %s", page.Path, where, c.base, to)
		return
	}
	u.Fragment = ""
	if c.seen[u.RequestURI()] {
		return
	}
	c.seen[u.RequestURI()] = true
	if where != "a form" {
		shape := kind.ReplaceAllString(u.Path, "")
		if c.kinds[shape]++; c.kinds[shape] <= c.limit {
			c.queue = append(c.queue, u.String())
		}
	}
}

var cssURL = regexp.MustCompile(`url\(\s*['"]?([^'")]+)`)

// visit gets an address and takes up what it refers to.
func (c *crawler) visit(at string) {
	p, err := c.b.try(at, nil)
	if err != nil {
		c.b.t.Errorf("%s: %v", at, err)
		return
	}
	if p.status >= 400 {
		c.b.t.Errorf("%s answered %d: %.300s", at, p.status, text(p.body))
		return
	}
	if to := p.location(); to != "" {
		c.refer(p.url, to, "a redirect")
	}
	switch mime, _, _ := strings.Cut(p.header.Get("Content-Type"), ";"); mime {
	case "text/html":
		c.readPage(p)
	case "text/css":
		for _, m := range cssURL.FindAllStringSubmatch(p.body, -1) {
			c.refer(p.url, m[1], "the style sheet")
		}
	case "application/manifest+json":
		var m struct {
			ID       string
			StartURL string `json:"start_url"`
			Scope    string
			Icons    []struct{ Src string }
		}
		if err := json.Unmarshal([]byte(p.body), &m); err != nil {
			c.b.t.Errorf("%s: %v", at, err)
		}
		c.refer(p.url, m.StartURL, "the manifest's start")
		for _, icon := range m.Icons {
			c.refer(p.url, icon.Src, "the manifest's icon")
		}
		if scope, err := p.url.Parse(m.Scope); err != nil || scope.Path != c.base+"/" {
			c.b.t.Errorf("the manifest's scope is %s, want %s/", scope, c.base)
		}
	case "text/javascript":
		for _, m := range regexp.MustCompile("['\"`](/[a-z][^'\"`]*)").FindAllStringSubmatch(p.body, -1) {
			c.b.t.Errorf("%s has the path %q in it, which does not know of %s", at, m[1], c.base)
		}
	}
}

// readPage takes up the references of a page: in the attributes that browsers
// follow, and in those that scripts read.
func (c *crawler) readPage(p *page) {
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		c.b.t.Errorf("%s: %v", p.url, err)
		return
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "href" || a.Key == "src" || a.Key == "poster":
				c.refer(p.url, a.Val, "<"+n.Data+">")
			case a.Key == "srcset":
				for part := range strings.SplitSeq(a.Val, ",") {
					if fields := strings.Fields(part); len(fields) > 0 {
						c.refer(p.url, fields[0], "<"+n.Data+" srcset>")
					}
				}
			case a.Key == "action" || a.Key == "formaction":
				where := "a form"
				if m := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "method" }); m < 0 && a.Key == "action" {
					where = "a form that gets"
				}
				c.refer(p.url, a.Val, where)
			case a.Key == "content" && (strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "http")),
				strings.HasPrefix(a.Key, "data-") && strings.HasPrefix(a.Val, "/"):
				c.refer(p.url, a.Val, "<"+n.Data+" "+a.Key+">")
			}
		}
	}
}
