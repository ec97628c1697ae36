package fake

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
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

// A consentPage asks whether an app may have what it asks for.
type consentPage struct {
	layout
	Client   string
	Scopes   []string // in plain words
	Accounts []accountLine
	Params   []param // of the request, to be sent back with the decision
}

type param struct{ Name, Value string }

type accountLine struct {
	ID, Name, Email, Plan string
	Tasks, Projects       int
}

// scopeWords say what a scope means.
func scopeWords(scope string) string {
	switch scope {
	case "task:add":
		return "Add tasks"
	case "data:read":
		return "See your projects, tasks and settings"
	case "data:read_write":
		return "See, add and change your projects, sections, tasks, labels and reminders"
	case "data:delete":
		return "Delete tasks, sections, labels and reminders"
	case "project:delete":
		return "Delete projects"
	case "backups:read":
		return "Download your backups"
	}
	return "Use " + scope
}

// authorizationParams are the parameters that the consent page sends back.
func authorizationParams() []string {
	return []string{"client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method"}
}

func (s *Server) authorizePage(c *call) answer {
	q := c.r.URL.Query()
	a, refusal := s.readAuthorization(q)
	if refusal != nil {
		return *refusal
	}
	page := consentPage{layout: s.pages.layout("Allow " + a.client.name + "?"), Client: a.client.name, Accounts: s.accountLines()}
	for _, one := range a.scopes {
		page.Scopes = append(page.Scopes, scopeWords(one))
	}
	for _, name := range authorizationParams() {
		if q.Has(name) {
			page.Params = append(page.Params, param{name, q.Get(name)})
		}
	}
	// Browsers hold the redirect after a form to the page's form-action, so
	// the app's own origin must be in it.
	return s.pages.render(http.StatusOK, "consent", page, " "+origin(a.redirectURI))
}

// origin is the part of an address that a content security policy names.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.Host == "" {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

func (s *Server) authorizeDecision(c *call) answer {
	if err := new(http.CrossOriginProtection).Check(c.r); err != nil {
		return s.pages.problem(http.StatusForbidden, "This form was sent from another site.")
	}
	f, ok := c.fields()
	if !ok {
		return s.pages.problem(http.StatusBadRequest, "The form cannot be read.")
	}
	a, refusal := s.readAuthorization(f)
	if refusal != nil {
		return *refusal
	}
	var to string
	switch f.Get("decision") {
	case "deny":
		to = s.denyCode(a)
	case "allow":
		account := s.Account(f.Get("account"))
		if account == nil {
			return s.pages.problem(http.StatusBadRequest, "Choose one of the accounts.")
		}
		to = s.grantCode(a, account)
	default:
		return s.pages.problem(http.StatusBadRequest, "Press Allow or Deny.")
	}
	return answer{status: http.StatusSeeOther, header: http.Header{"Location": {to}, "Cache-Control": {"no-store"}}}
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

type projectsView struct {
	layout
	Account  accountLine
	Projects []projectLine
	Archived []projectLine
}

type projectLine struct {
	ID, Name, Color string
	Depth           int
	Open, Done      int
}

func projectsPage(s *Server, a *Account, _ *http.Request) answer {
	page := projectsView{layout: s.pages.layout(a.profile.Name)}
	s.mu.Lock()
	page.Account = a.line()
	open, done := map[string]int{}, map[string]int{}
	for _, t := range a.tasks {
		switch {
		case t.Deleted:
		case t.Checked:
			done[t.ProjectID]++
		default:
			open[t.ProjectID]++
		}
	}
	projects := copies(a.projects, func(p *Project) bool { return !p.Deleted })
	s.mu.Unlock()
	slices.SortStableFunc(projects, func(a, b Project) int { return cmp.Compare(a.ChildOrder, b.ChildOrder) })
	seen := map[string]bool{}
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		for _, p := range projects {
			if p.ParentID != parent || seen[p.ID] {
				continue
			}
			seen[p.ID] = true
			line := projectLine{p.ID, p.Name, p.Color, min(depth, 3), open[p.ID], done[p.ID]}
			if p.Archived {
				page.Archived = append(page.Archived, line)
			} else {
				page.Projects = append(page.Projects, line)
			}
			walk(p.ID, depth+1)
		}
	}
	walk("", 0)
	return s.pages.render(http.StatusOK, "projects", page, "")
}

type projectView struct {
	layout
	Account  accountLine
	Project  Project
	Sections []taskGroup
	Done     []taskLine
	Open     int
}

// A taskGroup is a section with its active tasks; those without a section
// stand first, in a group without a name.
type taskGroup struct {
	Name  string
	Tasks []taskLine
}

// A taskLine is a task as it is shown.
type taskLine struct {
	ID          string
	Content     []piece
	Plain       string // the content as it is written
	Description []piece
	P           int // as people count: 1 is the most urgent
	Labels      []string
	Day, Clock  string // when it is due, for people
	Zone        string // of the clock, where it is not the account's own
	Overdue     bool
	Duration    string
	Reminders   []string
	Date, Time  string // when it is due, for the form
	Instant     time.Time
	sortDay     string
}

// A piece of a text is plain, or a link.
type piece struct{ Text, URL string }

// link is a link in Markdown to an address on the web.
var link = regexp.MustCompile(`\[([^\[\]\n]+)\]\((https?://[^\s()]+)\)`)

// pieces cuts a text at its links.
func pieces(text string) []piece {
	var out []piece
	for text != "" {
		at := link.FindStringSubmatchIndex(text)
		if at == nil {
			return append(out, piece{Text: text})
		}
		if at[0] > 0 {
			out = append(out, piece{Text: text[:at[0]]})
		}
		out = append(out, piece{text[at[2]:at[3]], text[at[4]:at[5]]})
		text = text[at[1]:]
	}
	return out
}

func projectPage(s *Server, a *Account, r *http.Request) answer {
	p, ok := a.Project(r.PathValue("id"))
	if !ok || p.Deleted {
		return s.pages.problem(http.StatusNotFound, "There is no such project.")
	}
	page := projectView{layout: s.pages.layout(p.Name), Project: p}
	now := s.cfg.Now()
	s.mu.Lock()
	page.Account = a.line()
	sections := copies(a.sections, func(x *Section) bool { return x.ProjectID == p.ID && !x.Deleted && !x.Archived })
	tasks := copies(a.tasks, func(t *Task) bool { return t.ProjectID == p.ID && !t.Deleted })
	reminders := map[string][]Reminder{}
	for _, one := range a.reminders {
		if !one.Deleted {
			reminders[one.TaskID] = append(reminders[one.TaskID], *one)
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(sections, func(a, b Section) int { return cmp.Compare(a.Order, b.Order) })
	groups := map[string][]taskLine{}
	for _, t := range tasks {
		line := a.taskLine(t, reminders[t.ID], now)
		if t.Checked {
			page.Done = append(page.Done, line)
			continue
		}
		page.Open++
		groups[t.SectionID] = append(groups[t.SectionID], line)
	}
	byDue := func(a, b taskLine) int {
		return cmp.Or(cmp.Compare(a.sortDay, b.sortDay), a.Instant.Compare(b.Instant))
	}
	if loose := groups[""]; len(loose) > 0 {
		slices.SortStableFunc(loose, byDue)
		page.Sections = append(page.Sections, taskGroup{"", loose})
	}
	for _, one := range sections {
		slices.SortStableFunc(groups[one.ID], byDue)
		page.Sections = append(page.Sections, taskGroup{one.Name, groups[one.ID]})
	}
	slices.SortStableFunc(page.Done, byDue)
	return s.pages.render(http.StatusOK, "project", page, "")
}

// taskLine is a task for people, its time in its own zone, with the day or the
// month first and on a clock of twelve or twenty-four hours as the account has it.
func (a *Account) taskLine(t Task, reminders []Reminder, now time.Time) taskLine {
	l := taskLine{
		ID: t.ID, Content: pieces(t.Content), Plain: t.Content, Description: pieces(t.Description),
		P: 5 - t.Priority, Labels: t.Labels, sortDay: "9999-12-31",
	}
	clock := "15:04"
	if a.profile.TimeFormat == 1 {
		clock = "3:04 PM"
	}
	date := "Mon 2 Jan 2006"
	if a.profile.DateFormat == 1 {
		date = "Mon, Jan 2, 2006"
	}
	if t.Due != nil {
		zone := a.zone
		if own, err := a.s.location(t.Due.Timezone); err == nil {
			zone = own
		}
		at, fixed := t.Due.Instant()
		switch {
		case fixed:
			at = at.In(zone)
			if t.Due.Timezone != a.profile.Zone {
				l.Zone = t.Due.Timezone
			}
		case t.Due.HasTime():
			at, _ = time.ParseInLocation(floatingLayout, t.Due.Date, zone)
		default:
			at, _ = time.ParseInLocation(time.DateOnly, t.Due.Date, zone)
		}
		l.Instant, l.Day, l.Date, l.sortDay = at, at.Format(date), at.Format(time.DateOnly), at.Format(time.DateOnly)
		l.Overdue = at.Format(time.DateOnly) < now.In(zone).Format(time.DateOnly)
		if t.Due.HasTime() {
			l.Clock, l.Time, l.Overdue = at.Format(clock), at.Format("15:04"), at.Before(now)
		}
	}
	if t.Duration != nil {
		l.Duration = fmt.Sprintf("%d min", t.Duration.Amount)
		if t.Duration.Unit == "day" {
			l.Duration = fmt.Sprintf("%d d", t.Duration.Amount)
		}
	}
	for _, r := range reminders {
		switch {
		case r.Type == "relative" && r.MinuteOffset == 0:
			l.Reminders = append(l.Reminders, "when it begins")
		case r.Type == "relative":
			l.Reminders = append(l.Reminders, fmt.Sprintf("%d min before", r.MinuteOffset))
		case r.Due != nil:
			l.Reminders = append(l.Reminders, r.Due.String)
		}
	}
	return l
}

func projectForm(s *Server, a *Account, r *http.Request) answer {
	id := r.PathValue("id")
	back := s.seeOther(a.projectPath(id))
	var err error
	switch r.PostForm.Get("action") {
	case "rename":
		name := strings.TrimSpace(r.PostForm.Get("name"))
		if name == "" || utf8.RuneCountInString(name) > maxProjectName {
			return s.pages.problem(http.StatusBadRequest, "A project's name has 1 to 120 characters.")
		}
		if id == a.inbox {
			return s.pages.problem(http.StatusBadRequest, "The Inbox keeps its name.")
		}
		err = a.RenameProject(id, name)
	case "archive":
		err = a.ArchiveProject(id, id != a.inbox)
		back = s.seeOther("/" + url.PathEscape(a.profile.ID))
	case "unarchive":
		err = a.ArchiveProject(id, false)
	case "delete":
		err = a.DeleteProject(id)
		back = s.seeOther("/" + url.PathEscape(a.profile.ID))
	default:
		return s.pages.problem(http.StatusBadRequest, "The form cannot be read.")
	}
	if errors.Is(err, errNotThere) {
		return s.pages.problem(http.StatusNotFound, "There is no such project.")
	}
	return back
}

func taskForm(s *Server, a *Account, r *http.Request) answer {
	id := r.PathValue("id")
	t, ok := a.Task(id)
	if !ok || t.Deleted {
		return s.pages.problem(http.StatusNotFound, "There is no such task.")
	}
	back := s.seeOther(a.projectPath(t.ProjectID) + "#task-" + id)
	var err error
	switch r.PostForm.Get("action") {
	case "complete":
		err = a.CompleteTask(id)
	case "reopen":
		err = a.ReopenTask(id)
	case "delete":
		err = a.DeleteTask(id)
		back = s.seeOther(a.projectPath(t.ProjectID))
	case "edit":
		content := strings.TrimSpace(r.PostForm.Get("content"))
		if content == "" || utf8.RuneCountInString(content) > maxContent {
			return s.pages.problem(http.StatusBadRequest, "A task has 1 to 500 characters.")
		}
		due, ok := a.formDue(t.Due, r.PostForm.Get("date"), r.PostForm.Get("time"))
		if !ok {
			return s.pages.problem(http.StatusBadRequest, "The date or the time cannot be read.")
		}
		err = a.EditTask(id, func(t *Task) {
			t.Content, t.Due = content, due
			if due == nil {
				t.Duration = nil
			}
		})
	default:
		return s.pages.problem(http.StatusBadRequest, "The form cannot be read.")
	}
	if errors.Is(err, errNotThere) {
		return s.pages.problem(http.StatusNotFound, "There is no such task.")
	}
	return back
}

// formDue is the due that the form's date and time mean: none without a date,
// a day without a time, else that time in the zone that the task had or the
// account has. A floating due stays one.
func (a *Account) formDue(was *Due, date, clock string) (*Due, bool) {
	if date == "" {
		return nil, true
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil, false
	}
	due := &Due{Date: date, Lang: a.profile.Lang}
	if clock != "" {
		at, err := time.Parse("15:04", clock)
		if err != nil {
			return nil, false
		}
		due.Timezone = a.profile.Zone
		if was != nil && was.Timezone != "" {
			due.Timezone = was.Timezone
		}
		zone, err := a.s.location(due.Timezone)
		if err != nil {
			return nil, false
		}
		t := time.Date(day.Year(), day.Month(), day.Day(), at.Hour(), at.Minute(), 0, 0, zone)
		due.Date = t.UTC().Format(fixedLayout)
		if was.HasTime() && was.Timezone == "" {
			due.Date, due.Timezone = t.Format(floatingLayout), ""
		}
	}
	due.String = a.dueText(due)
	return due, true
}
