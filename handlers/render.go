package handlers

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"tipoff/static"
	"tipoff/templates"
)

// A view is a page's data. It names the template that shows it, so that the
// two cannot be mixed up.
type view interface{ template() string }

func (homePage) template() string     { return "home" }
func (signInPage) template() string   { return "sign-in" }
func (importPage) template() string   { return "import" }
func (projectPage) template() string  { return "project" }
func (removePage) template() string   { return "remove" }
func (projectsPage) template() string { return "projects" }
func (teamPage) template() string     { return "team" }
func (accountPage) template() string  { return "account" }

func (leaguePage) template() string { return "league" }

func (signedOutPage) template() string { return "signed-out" }
func (errorPage) template() string     { return "error" }

// pages renders views.
type pages struct {
	set *templates.Set
	// broken is the page for when a page cannot be rendered. It is rendered at
	// the start, so that it always can.
	broken []byte
	packer *packer
	// buffers are of *bytes.Buffer, for pages on their way out.
	buffers sync.Pool
}

// newPages parses the templates for an app that is served below base: "" or a
// path such as "/tipoff", without a slash at its end.
func newPages(base string, files *static.Files) (*pages, error) {
	set, err := templates.Parse(functions(base, files))
	if err != nil {
		return nil, err
	}
	p := &pages{set: set}
	if p.packer, err = newPacker(); err != nil {
		return nil, err
	}
	p.broken, err = p.bytes(errorPage{
		layout:  layout{Title: "Something broke"},
		Status:  http.StatusInternalServerError,
		Heading: "Something broke on our side",
		Text:    "Tipoff could not build this page. Nothing in your Todoist was changed.",
		Advice:  "Try once more. If it stays like this, tell whoever runs this Tipoff.",
	})
	if err != nil {
		return nil, fmt.Errorf("render the page of last resort: %w", err)
	}
	return p, nil
}

// functions are what templates may call.
func functions(base string, files *static.Files) template.FuncMap {
	return template.FuncMap{
		"url":        func(path string) string { return below(base, path) },
		"asset":      func(name string) (string, error) { return assetURL(base, files, name) },
		"webcal":     webcalURL,
		"plural":     plural,
		"possessive": possessive,
		"nobreak":    noBreak,
		"thousands":  thousands,
		"lower":      strings.ToLower,
		"team":       teamClass,
		"options":    optionBoxes,
		"choices":    boxesOf,
		"fieldError": fieldErrorOf,
	}
}

// bytes renders a view.
func (p *pages) bytes(v view) ([]byte, error) {
	var b bytes.Buffer
	if err := p.set.Execute(&b, v.template(), v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// part renders a template that a page defines.
func (p *pages) part(page, name string, data any) (template.HTML, error) {
	var b strings.Builder
	err := p.set.Part(&b, page, name, data)
	return template.HTML(b.String()), err
}

// keptBuffer is how large a buffer may be to be used again.
const keptBuffer = 256 << 10

// writeTimeout is how long a visitor has to take a page.
const writeTimeout = time.Minute

// render writes a view as the answer. When it cannot be rendered, nothing is
// written and the error is returned.
func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, v view) error {
	b, ok := p.buffers.Get().(*bytes.Buffer)
	if !ok {
		b = new(bytes.Buffer)
	}
	defer func() {
		if b.Cap() <= keptBuffer {
			b.Reset()
			p.buffers.Put(b)
		}
	}()
	if err := p.set.Execute(b, v.template(), v); err != nil {
		return err
	}
	coding := codingFor(r.Header.Get("Accept-Encoding"))
	// A visitor who takes the page slowly holds on to its memory.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	writePacked(w, status, p.packer.fast(coding, b.Bytes()), coding)
	return nil
}

// writePacked writes a page in the coding that the request allows. Every page
// shows times, at least in its footer, so every page depends on timesHeader.
func writePacked(w http.ResponseWriter, status int, body []byte, coding string) {
	w.Header().Add("Vary", "Accept-Encoding, "+timesHeader)
	if coding != "" {
		w.Header().Set("Content-Encoding", coding)
	}
	writePage(w, status, body)
}

// renderBroken writes the page of last resort.
func (p *pages) renderBroken(w http.ResponseWriter) {
	writePage(w, http.StatusInternalServerError, p.broken)
}

func writePage(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // an error here means that the visitor went away
}

// below puts a path of ours below the base path. Other addresses stay as they
// are.
func below(base, path string) string {
	if strings.HasPrefix(path, "/") {
		return base + path
	}
	return path
}

// assetURL refuses names that do not exist, so that a misspelt one fails the
// first time its page is rendered, in a test.
func assetURL(base string, files *static.Files, name string) (string, error) {
	if !files.Has(name) {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	return base + files.URL(name), nil
}

// seasonLabel is a season's label within a text.
var seasonLabel = regexp.MustCompile(`\b\d{4}-\d{2}\b`)

// noBreak writes a text in which no season's label is broken at its hyphen, as
// browsers do at the end of a line.
func noBreak(text string) template.HTML {
	return template.HTML(seasonLabel.ReplaceAllString(template.HTMLEscapeString(text), `<span class="whole">$0</span>`))
}

// webcalURL lets a subscription's address through html/template, which knows
// no such scheme and would take it away.
func webcalURL(address string) (template.URL, error) {
	if !strings.HasPrefix(address, "webcal://") && !strings.HasPrefix(address, "webcals://") {
		return "", fmt.Errorf("%q is no webcal address", address)
	}
	return template.URL(address), nil
}

// teamClass is the class that sets a team's colours, see teams.css. Without a
// code it is the class of the neutral ones.
func teamClass(code string) string {
	if code == "" {
		return "team-none"
	}
	return "team-" + strings.ToLower(code)
}
