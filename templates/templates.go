// Package templates holds the pages' HTML and parses it.
//
// Each page is a set of its own: the layout, the partials and the page's file,
// which defines "main" and, where it has scripts, "scripts". What the pages may
// ask for is the caller's business: it passes the functions here and a struct
// to Execute.
package templates

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

//go:embed layout.html partials pages
var files embed.FS

// A Set is every page, parsed.
type Set struct {
	pages map[string]*template.Template
}

// Parse reads every page. A page that does not parse is an error here, at the
// start, and not when somebody asks for it.
func Parse(funcs template.FuncMap) (*Set, error) {
	shared, err := template.New("shared").Funcs(funcs).ParseFS(files, "layout.html", "partials/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	set := &Set{pages: map[string]*template.Template{}}
	for _, name := range names {
		page, err := shared.Clone()
		if err != nil {
			return nil, fmt.Errorf("copy the layout for %s: %w", name, err)
		}
		if page, err = page.ParseFS(files, name); err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		if page.Lookup("main") == nil {
			return nil, fmt.Errorf("parse %s: it does not define %q", name, "main")
		}
		set.pages[strings.TrimSuffix(path.Base(name), ".html")] = page.Lookup("layout")
	}
	return set, nil
}

// Names lists the pages, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.pages)) }

// Page is a page's template for a test to check, or nil.
func (s *Set) Page(name string) *template.Template { return s.pages[name] }

// Execute writes a page. It may fail halfway: write to a buffer first.
func (s *Set) Execute(w io.Writer, name string, data any) error {
	page, ok := s.pages[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("render %q: %w", name, err)
	}
	return nil
}

// Part writes a template that a page's set defines.
func (s *Set) Part(w io.Writer, page, part string, data any) error {
	set, ok := s.pages[page]
	if !ok {
		return fmt.Errorf("there is no page %q", page)
	}
	if err := set.ExecuteTemplate(w, part, data); err != nil {
		return fmt.Errorf("render %q of %q: %w", part, page, err)
	}
	return nil
}
