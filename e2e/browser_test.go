package e2e

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"tipoff/todoist/fake"
)

// A browser has cookies and follows no redirect by itself.
type browser struct {
	t      *testing.T
	site   *site
	public string
	client *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	public := cmp.Or(s.public, publicURL)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if u, err := url.Parse(public); err == nil && strings.TrimSuffix(addr, ":80") == u.Host {
				addr = s.addr
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		// Behind an https address stands a proxy that speaks http to the program.
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.addr)
		},
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &browser{s.t, s, public, &http.Client{Jar: jar, Transport: transport, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// A page is an answer with its body.
type page struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	url    *url.URL
	base   string // the public address's path
}

// try sends a request and reports what became of it; a form makes it a POST.
func (b *browser) try(path string, form url.Values, header ...string) (*page, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	address := path
	if strings.HasPrefix(path, "/") {
		// Redirects name the public address's path, the tests do not.
		address = b.public + strings.TrimPrefix(path, basePath(b.public))
	}
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin(b.public))
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &page{b.t, resp.StatusCode, resp.Header, string(raw), resp.Request.URL, basePath(b.public)}, nil
}

// basePath is the path of a public address.
func basePath(public string) string { return strings.TrimPrefix(public, origin(public)) }

// origin is an address without its path.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

func (b *browser) get(path string) *page {
	b.t.Helper()
	p, err := b.try(path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *browser) post(path string, form url.Values, header ...string) *page {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	p, err := b.try(path, form, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// want fails the test unless the status is right.
func (p *page) want(status int) *page {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("%s answered %d %s, want %d:\n%.1500s", p.url, p.status, p.header.Get("Location"), status, text(p.body))
	}
	return p
}

// has fails the test unless the page's text says so.
func (p *page) has(words string) *page {
	p.t.Helper()
	if !strings.Contains(text(p.body), words) {
		p.t.Errorf("%s does not say %q:\n%.3000s", p.url, words, text(p.body))
	}
	return p
}

// location is where a redirect leads.
func (p *page) location() string { return p.header.Get("Location") }

// text is a page without its tags.
func text(body string) string {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return body
	}
	var words []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			words = append(words, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// form reads the fields that a browser would send with the form of this action
// and method when its button is pressed.
func (p *page) form(method, action string) url.Values {
	p.t.Helper()
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.t.Fatal(err)
	}
	attr := func(n *html.Node, name string) (string, bool) {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val, true
			}
		}
		return "", false
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		a, _ := attr(n, "action")
		m, _ := attr(n, "method")
		if a != p.base+action || !strings.EqualFold(m, method) {
			continue
		}
		id, _ := attr(n, "id")
		values := url.Values{}
		take := func(f *html.Node) {
			name, _ := attr(f, "name")
			value, _ := attr(f, "value")
			kind, _ := attr(f, "type")
			_, checked := attr(f, "checked")
			if name == "" || (kind == "checkbox" || kind == "radio") && !checked {
				return
			}
			switch f.Data {
			case "input":
				values.Add(name, value)
			case "select":
				for o := range f.Descendants() {
					if _, selected := attr(o, "selected"); o.Data == "option" && selected {
						value, _ := attr(o, "value")
						values.Add(name, value)
					}
				}
			}
		}
		for f := range doc.Descendants() {
			if f.Type != html.ElementNode {
				continue
			}
			owner, other := attr(f, "form")
			inside := false
			for up := f.Parent; up != nil; up = up.Parent {
				inside = inside || up == n
			}
			if inside && !other || other && owner == id {
				take(f)
			}
		}
		return values
	}
	p.t.Fatalf("%s has no %s form to %s", p.url, method, action)
	return nil
}

// signIn goes through the whole sign-in as the account.
func (b *browser) signIn(a *fake.Account) *browser {
	b.t.Helper()
	asked := b.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusSeeOther)
	back, err := b.site.fake.Consent(asked.location(), a)
	if err != nil {
		b.t.Fatal(err)
	}
	b.get(back).want(http.StatusSeeOther)
	return b
}

// importIn is the id of the import whose tasks are in a project of Todoist's.
func (b *browser) importIn(project string) string {
	b.t.Helper()
	page := b.get("/projects").want(http.StatusOK)
	for _, tile := range strings.Split(page.body, `<li class="tile`) {
		if m := regexp.MustCompile(`/projects/([A-Z0-9]+)"`).FindStringSubmatch(tile); m != nil && strings.Contains(tile, "/"+project+`"`) {
			return m[1]
		}
	}
	b.t.Fatalf("no import is in the project %s:\n%s", project, text(page.body))
	return ""
}

// importTeam opens the import page and presses the button. It returns the
// answer to that.
func (b *browser) importTeam(query string) *page {
	b.t.Helper()
	p := b.get("/import?" + query).want(http.StatusOK)
	return b.post("/imports", p.form("post", "/imports"))
}

// begin presses the sign-in button and returns the way to Todoist and the way
// back that its consent page gives.
func (b *browser) begin(a *fake.Account, next string) (there, back string) {
	b.t.Helper()
	there = b.post("/sign-in", url.Values{"next": {next}}).want(http.StatusSeeOther).location()
	back, err := b.site.fake.Consent(there, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return there, back
}

// cookies are what the browser would send to the site.
func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(b.public + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	return b.client.Jar.Cookies(u)
}

// session is the value of the session's cookie, "" for none.
func (b *browser) session() string {
	for _, c := range b.cookies() {
		if name := strings.TrimPrefix(strings.TrimPrefix(c.Name, "__Host-"), "__Secure-"); name == "tipoff" {
			return c.Value
		}
	}
	return ""
}

// with gives the browser a session's cookie from elsewhere.
func (b *browser) with(value string) *browser {
	u, err := url.Parse(b.public + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: "tipoff", Value: value, Path: "/"}})
	return b
}

// signedIn reports whether the program takes the browser for somebody's.
func (b *browser) signedIn() bool {
	b.t.Helper()
	switch p := b.get("/account"); {
	case p.status == http.StatusOK:
		return true
	case p.status == http.StatusSeeOther && strings.HasPrefix(p.location(), "/sign-in"):
		return false
	default:
		b.t.Fatalf("/account answered %d", p.status)
		return false
	}
}

// ask sends a request without a body and without compression.
func (b *browser) ask(method, path string, header ...string) *page {
	b.t.Helper()
	req, err := http.NewRequest(method, origin(b.public)+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &page{b.t, resp.StatusCode, resp.Header, string(body), resp.Request.URL, basePath(b.public)}
}

// raw gets an address as it is, wherever it leads.
func (b *browser) raw(address string) *page {
	b.t.Helper()
	p, err := b.try(address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// elements are the elements of a page.
func (p *page) elements() func(func(*html.Node) bool) {
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.t.Fatal(err)
	}
	return func(yield func(*html.Node) bool) {
		for n := range doc.Descendants() {
			if n.Type == html.ElementNode && !yield(n) {
				return
			}
		}
	}
}

// setCookies are the cookies that an answer sets.
func setCookies(p *page) []*http.Cookie {
	return (&http.Response{Header: p.header}).Cookies()
}

// fetch gets an address by a plain client and returns the status and the body.
func fetch(t *testing.T, address string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
