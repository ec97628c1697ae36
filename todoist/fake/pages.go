package fake

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

//go:embed pages
var pageFiles embed.FS

// pages are the parsed templates, by the name of their file. They are parsed
// when the first page is asked for: most servers in tests never show one.
type pages struct {
	s     *Server
	parse func() map[string]*template.Template
}

func newPages(s *Server) *pages {
	return &pages{s, sync.OnceValue(func() map[string]*template.Template {
		sets := map[string]*template.Template{}
		for _, name := range []string{"consent", "accounts", "projects", "project", "problem"} {
			sets[name] = template.Must(template.New("layout.html").ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
		}
		return sets
	})}
}

// A layout is what every page has.
type layout struct {
	Title string
	Base  string // where the pages are, without a slash at the end
	Home  string // the app's own first page
	App   string // the app's name
}

func (p *pages) layout(title string) layout {
	return layout{title, p.s.cfg.PublicPath + "/demo/todoist", p.s.cfg.PublicPath + "/", p.s.cfg.AppName}
}

// render makes a page into an answer. formTargets are origins beside our own
// to which a form may lead.
func (p *pages) render(status int, name string, data any, formTargets string) answer {
	var body bytes.Buffer
	if err := p.parse()[name].Execute(&body, data); err != nil {
		p.s.cfg.Log.Error("demo page", "page", name, "err", err)
		return answer{status: http.StatusInternalServerError, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, body: []byte("The page cannot be shown.\n")}
	}
	return answer{status: status, body: body.Bytes(), header: http.Header{
		"Content-Type":            {"text/html; charset=utf-8"},
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'" + formTargets + "; base-uri 'none'; frame-ancestors 'none'"},
		"Referrer-Policy":         {"same-origin"},
		"X-Content-Type-Options":  {"nosniff"},
	}}
}

type problemPage struct {
	layout
	Message string
}

func (p *pages) problem(status int, message string) answer {
	return p.render(status, "problem", problemPage{p.layout(http.StatusText(status)), message}, "")
}

type accountLine struct {
	ID, Name, Email, Plan string
	Tasks, Projects       int
}

func (s *Server) accountLines() []accountLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []accountLine
	for _, a := range s.accounts {
		lines = append(lines, a.line())
	}
	return lines
}

// line is the account in a list. The mutex must be held.
func (a *Account) line() accountLine {
	l := accountLine{ID: a.profile.ID, Name: a.profile.Name, Email: a.profile.Email, Plan: "Free", Projects: a.countedProjects()}
	if a.profile.Plan == Pro {
		l.Plan = "Pro"
	}
	for _, t := range a.tasks {
		if !t.Checked && !t.Deleted && a.shown(t.ProjectID) {
			l.Tasks++
		}
	}
	return l
}

// Pages shows the accounts with their projects and tasks, below
// /demo/todoist/, and lets a visitor do what an owner would do in Todoist's
// apps. Everybody may: it is for demos and tests.
//
// Below app/ it answers the paths of Todoist's own web address, so that
// app/project/{id} leads to a project as https://app.todoist.com/app/project/{id}
// does.
func (s *Server) Pages() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(*http.Request) answer) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /demo/todoist"+path, func(w http.ResponseWriter, r *http.Request) {
			a := h(r)
			for k, v := range a.header {
				w.Header()[k] = v
			}
			w.WriteHeader(a.status)
			w.Write(a.body)
		})
	}
	handle("GET /{$}", s.accountsPage)
	handle("GET /style.css", styleSheet)
	handle("GET /app/project/{id}", s.findProject)
	handle("GET /app/task/{id}", s.findTask)
	handle("GET /{account}", s.owned(projectsPage))
	handle("GET /{account}/projects/{id}", s.owned(projectPage))
	handle("POST /{account}/projects/{id}", s.owned(projectForm))
	handle("POST /{account}/tasks/{id}", s.owned(taskForm))
	handle("GET /", func(*http.Request) answer {
		return s.pages.problem(http.StatusNotFound, "There is no such page.")
	})
	return mux
}

func styleSheet(*http.Request) answer {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic("fake: " + err.Error()) // it is embedded
	}
	return answer{status: http.StatusOK, body: css, header: http.Header{
		"Content-Type": {"text/css; charset=utf-8"}, "Cache-Control": {"max-age=300"}, "X-Content-Type-Options": {"nosniff"},
	}}
}

type accountsView struct {
	layout
	Accounts []accountLine
}

func (s *Server) accountsPage(*http.Request) answer {
	return s.pages.render(http.StatusOK, "accounts", accountsView{s.pages.layout("Accounts"), s.accountLines()}, "")
}

func (s *Server) findProject(r *http.Request) answer {
	for _, a := range s.Accounts() {
		if p, ok := a.Project(r.PathValue("id")); ok && !p.Deleted {
			return s.seeOther(a.projectPath(p.ID))
		}
	}
	return s.pages.problem(http.StatusNotFound, "There is no such project.")
}

func (s *Server) findTask(r *http.Request) answer {
	for _, a := range s.Accounts() {
		if t, ok := a.Task(r.PathValue("id")); ok && !t.Deleted {
			return s.seeOther(a.projectPath(t.ProjectID) + "#task-" + t.ID)
		}
	}
	return s.pages.problem(http.StatusNotFound, "There is no such task.")
}

// projectPath is the address of a project's page, below that of all pages.
func (a *Account) projectPath(id string) string {
	return "/" + url.PathEscape(a.profile.ID) + "/projects/" + id
}

func (s *Server) seeOther(path string) answer {
	return answer{status: http.StatusSeeOther, header: http.Header{"Location": {s.cfg.PublicPath + "/demo/todoist" + path}}}
}

// owned finds the account in the path, and keeps other sites' forms out.
func (s *Server) owned(h func(*Server, *Account, *http.Request) answer) func(*http.Request) answer {
	return func(r *http.Request) answer {
		if err := new(http.CrossOriginProtection).Check(r); err != nil {
			return s.pages.problem(http.StatusForbidden, "This form was sent from another site.")
		}
		a := s.Account(r.PathValue("account"))
		if a == nil {
			return s.pages.problem(http.StatusNotFound, "There is no such account.")
		}
		r.Body = http.MaxBytesReader(nil, r.Body, 1<<16)
		if err := r.ParseForm(); err != nil {
			return s.pages.problem(http.StatusBadRequest, "The form cannot be read.")
		}
		return h(s, a, r)
	}
}
