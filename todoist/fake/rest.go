package fake

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPage = 50
	maxPage     = 200

	// maxCompletedMonths is the longest span of one read of completed tasks.
	maxCompletedMonths = 3
)

// A restCall is a REST call whose token was good and may do what it asks. The
// server's mutex is held while it runs.
type restCall struct {
	*call
	a *Account
	b *batch
}

// authorized lets a REST call through when its token has the scope.
func (s *Server) authorized(need scope, h func(*restCall) answer) func(*call) answer {
	return func(c *call) answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		who, ok := s.bearer(c.r, c.now)
		switch {
		case !ok:
			return unauthorizedAnswer(c.r)
		case c.big:
			return refused(tooLarge())
		case !allow(who.scopes, need):
			return refused(insufficientScope())
		}
		if c.log.Writes() {
			s.keepPast(who.account, c.now)
			defer who.account.forget()
		}
		return h(&restCall{
			call: c, a: who.account,
			b: &batch{s: s, a: who.account, now: c.now.UTC(), scopes: who.scopes},
		})
	}
}

// arguments reads a JSON object; an empty body is an empty object.
func (r *restCall) arguments() (*args, *Error) {
	a := &args{b: r.b, rest: true, raw: map[string]json.RawMessage{}}
	if len(r.body) > 0 && json.Unmarshal(r.body, &a.raw) != nil {
		return nil, badRequest("Invalid JSON")
	}
	if a.raw == nil {
		a.raw = map[string]json.RawMessage{}
	}
	if id := r.r.PathValue("id"); id != "" {
		a.raw["id"] = quoted(id)
	}
	return a, nil
}

func quoted(text string) json.RawMessage {
	b, _ := json.Marshal(text) // a string always has a JSON form
	return b
}

// run executes what a command of the same meaning does with the call's
// arguments, after change has brought them into its form.
func (r *restCall) run(do func(*batch, *args) (string, *Error), change func(*args)) (string, *Error) {
	a, e := r.arguments()
	if e != nil {
		return "", e
	}
	if change != nil {
		change(a)
	}
	if a.err != nil {
		return "", a.err
	}
	return do(r.b, a)
}

// pathID is the id in the path, if it has the form of one.
func (r *restCall) pathID() (string, *Error) {
	id := r.r.PathValue("id")
	if !isID(id) {
		return "", invalidArgument("id", "id string", "")
	}
	return id, nil
}

func getUser(r *restCall) answer {
	u := r.a.user(r.now)
	// Only the sync resource has these.
	for _, name := range []string{"has_started_a_trial", "features", "getting_started_guide_projects"} {
		delete(u, name)
	}
	return jsonAnswer(http.StatusOK, u)
}

func listProjects(r *restCall) answer {
	match := func(*Project) bool { return true }
	if strings.HasSuffix(r.r.URL.Path, "/search") {
		query := r.r.URL.Query().Get("query")
		if query == "" {
			return refused(missingArgument("query"))
		}
		pattern := wildcard(query)
		match = func(p *Project) bool { return pattern.MatchString(p.Name) }
	}
	return list(r, "results", wires(copies(r.a.projects, nil), r.a.projectWire, func(p *Project) bool {
		return !p.Deleted && !p.Archived && match(p)
	}))
}

// wildcard finds the text anywhere, in any case; "*" stands for anything.
func wildcard(text string) *regexp.Regexp {
	parts := strings.Split(text, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("(?is)" + strings.Join(parts, ".*"))
}

func listArchivedProjects(r *restCall) answer {
	return list(r, "results", wires(copies(r.a.projects, nil), r.a.projectWire, func(p *Project) bool { return !p.Deleted && p.Archived }))
}

func getProject(r *restCall) answer {
	id, e := r.pathID()
	if e != nil {
		return refused(e)
	}
	return r.project(id)
}

// project answers a project in whatever state it is. An id that never was is
// a bad argument, for ids of projects have a checksum.
func (r *restCall) project(id string) answer {
	p := r.a.projectByID[id]
	if p == nil {
		return refused(invalidArgument("project_id", "id of a project", ""))
	}
	return jsonAnswer(http.StatusOK, r.a.projectWire(*p))
}

func addProject(r *restCall) answer {
	id, e := r.run(projectAdd, nil)
	if e != nil {
		return refused(e)
	}
	return r.project(id)
}

func updateProject(r *restCall) answer    { return r.changeProject(projectUpdate) }
func archiveProject(r *restCall) answer   { return r.changeProject(projectArchive) }
func unarchiveProject(r *restCall) answer { return r.changeProject(projectUnarchive) }

func (r *restCall) changeProject(do func(*batch, *args) (string, *Error)) answer {
	if _, e := r.run(do, nil); e != nil {
		return refused(e)
	}
	return r.project(r.r.PathValue("id"))
}

func deleteProject(r *restCall) answer { return r.finish(projectDelete) }

// finish runs what has nothing to answer but that it was done.
func (r *restCall) finish(do func(*batch, *args) (string, *Error)) answer {
	if _, e := r.run(do, nil); e != nil {
		return refused(e)
	}
	return noContent()
}

func listSections(r *restCall) answer {
	q := r.r.URL.Query()
	project := q.Get("project_id")
	if project != "" && r.a.projectByID[project] == nil {
		return refused(invalidArgument("project_id", "id of a project", ""))
	}
	return list(r, "results", wires(copies(r.a.sections, nil), r.a.sectionWire, func(s *Section) bool {
		return !s.Deleted && !s.Archived && r.a.shown(s.ProjectID) && (project == "" || s.ProjectID == project)
	}))
}

// shown reports whether a project's contents are in the lists.
func (a *Account) shown(projectID string) bool {
	p := a.projectByID[projectID]
	return p != nil && !p.Deleted && !p.Archived
}

func getSection(r *restCall) answer {
	id, e := r.pathID()
	if e != nil {
		return refused(e)
	}
	return r.section(id)
}

func (r *restCall) section(id string) answer {
	s := r.a.sectionByID[id]
	if s == nil {
		return refused(notFound())
	}
	return jsonAnswer(http.StatusOK, r.a.sectionWire(*s))
}

func addSection(r *restCall) answer {
	id, e := r.run(sectionAdd, func(a *args) { a.rename("order", "section_order") })
	if e != nil {
		return refused(e)
	}
	return r.section(id)
}

func updateSection(r *restCall) answer {
	if _, e := r.run(sectionUpdate, nil); e != nil {
		return refused(e)
	}
	return r.section(r.r.PathValue("id"))
}

func deleteSection(r *restCall) answer { return r.finish(sectionDelete) }

func listTasks(r *restCall) answer {
	q := r.r.URL.Query()
	project, section, parent, label := q.Get("project_id"), q.Get("section_id"), q.Get("parent_id"), q.Get("label")
	if project != "" && r.a.projectByID[project] == nil {
		return refused(invalidArgument("project_id", "id of a project", ""))
	}
	var ids []string
	if q.Get("ids") != "" {
		ids = strings.Split(q.Get("ids"), ",")
	}
	return list(r, "results", wires(copies(r.a.tasks, nil), r.a.taskWire, func(t *Task) bool {
		return !t.Deleted && !t.Checked && r.a.shown(t.ProjectID) &&
			(project == "" || t.ProjectID == project) &&
			(section == "" || t.SectionID == section) &&
			(parent == "" || t.ParentID == parent) &&
			(label == "" || slices.Contains(t.Labels, label)) &&
			(ids == nil || slices.Contains(ids, t.ID))
	}))
}

func getTask(r *restCall) answer {
	id, e := r.pathID()
	if e != nil {
		return refused(e)
	}
	return r.task(id)
}

// task answers a task in whatever state it is.
func (r *restCall) task(id string) answer {
	t := r.a.taskByID[id]
	if t == nil {
		return refused(notFound())
	}
	return jsonAnswer(http.StatusOK, r.a.taskWire(*t))
}

func addTask(r *restCall) answer {
	id, e := r.run(itemAdd, flatTask)
	if e != nil {
		return refused(e)
	}
	return r.task(id)
}

func updateTask(r *restCall) answer {
	if _, e := r.run(itemUpdate, flatTask); e != nil {
		return refused(e)
	}
	return r.task(r.r.PathValue("id"))
}

func moveTask(r *restCall) answer {
	if _, e := r.run(itemMove, nil); e != nil {
		return refused(e)
	}
	return r.task(r.r.PathValue("id"))
}

func closeTask(r *restCall) answer  { return r.finish(itemComplete) }
func reopenTask(r *restCall) answer { return r.finish(itemUncomplete) }
func deleteTask(r *restCall) answer { return r.finish(itemDelete) }

// rename gives an argument the name that it has in a command.
func (a *args) rename(from, to string) {
	if raw, ok := a.raw[from]; ok {
		a.raw[to] = raw
		delete(a.raw, from)
	}
}

// flatTask brings the flat fields of a REST task into the form of a command.
func flatTask(a *args) {
	a.rename("order", "child_order")
	a.rename("assignee_id", "responsible_uid")
	a.rename("deadline_date", "deadline")
	if a.has("deadline") {
		a.raw["deadline"] = object("date", a.raw["deadline"])
	}
	switch {
	case a.has("due_date"):
		a.raw["due"] = object("date", a.raw["due_date"])
		if len(value[string](a, "due_date", "YYYY-MM-DD")) != len(time.DateOnly) {
			a.fail(invalidArgument("due_date", "YYYY-MM-DD", ""))
		}
	case a.has("due_datetime"):
		text := value[string](a, "due_datetime", "RFC 3339")
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			text = t.UTC().Format(fixedLayout)
		}
		a.raw["due"] = object("date", quoted(text))
	case a.has("due_string"):
		due := map[string]json.RawMessage{"string": a.raw["due_string"]}
		if a.has("due_lang") {
			due["lang"] = a.raw["due_lang"]
		}
		a.raw["due"], _ = json.Marshal(due)
	}
	if a.has("duration") || a.has("duration_unit") {
		a.need("duration")
		a.need("duration_unit")
		if a.err == nil {
			a.raw["duration"], _ = json.Marshal(map[string]json.RawMessage{"amount": a.raw["duration"], "unit": a.raw["duration_unit"]})
		}
	}
}

func object(name string, raw json.RawMessage) json.RawMessage {
	b, _ := json.Marshal(map[string]json.RawMessage{name: raw}) // raw has been JSON before
	return b
}

// listCompleted reads the tasks completed in a span of at most three months,
// the latest first.
func listCompleted(r *restCall) answer {
	q := r.r.URL.Query()
	var span [2]time.Time
	for i, name := range []string{"since", "until"} {
		if q.Get(name) == "" {
			return refused(missingArgument(name))
		}
		t, ok := readTime(q.Get(name))
		if !ok {
			return refused(invalidArgument(name, "a time", ""))
		}
		span[i] = t
	}
	since, until := span[0], span[1]
	if until.Before(since) || until.After(since.AddDate(0, maxCompletedMonths, 0)) {
		return refused(invalidArgument("until", "at most three months after since", ""))
	}
	project, section, parent := q.Get("project_id"), q.Get("section_id"), q.Get("parent_id")
	if project != "" && r.a.projectByID[project] == nil {
		return refused(invalidArgument("project_id", "id of a project", ""))
	}
	tasks := copies(r.a.tasks, func(t *Task) bool {
		return t.Checked && !t.Deleted && !t.CompletedAt.Before(since) && !t.CompletedAt.After(until) &&
			(project == "" || t.ProjectID == project) &&
			(section == "" || t.SectionID == section) &&
			(parent == "" || t.ParentID == parent)
	})
	slices.SortStableFunc(tasks, func(a, b Task) int { return b.CompletedAt.Compare(a.CompletedAt) })
	return list(r, "items", wires(tasks, r.a.taskWire, func(*Task) bool { return true }))
}

// readTime reads an instant or, without a zone, one in UTC, or a day.
func readTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, floatingLayout, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func listLabels(r *restCall) answer {
	return list(r, "results", wires(copies(r.a.labels, nil), Label.wire, func(l *Label) bool { return !l.Deleted }))
}

func addLabel(r *restCall) answer {
	id, e := r.run(labelAdd, func(a *args) { a.rename("order", "item_order") })
	if e != nil {
		return refused(e)
	}
	for _, l := range r.a.labels {
		if l.ID == id {
			return jsonAnswer(http.StatusOK, l.wire())
		}
	}
	return refused(notFound())
}

// list answers one page of a list. A cursor is good only for the user and the
// parameters that it was made for; pages shift when the list changes between.
func list[T any](r *restCall, name string, all []T) answer {
	q := r.r.URL.Query()
	limit := defaultPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return refused(invalidArgument("limit", "1 to 200", ""))
		}
		limit = n
	}
	cursor := q.Get("cursor")
	q.Del("cursor")
	q.Del("limit")
	sum := sha256.Sum256([]byte(r.a.profile.ID + " " + r.r.URL.Path + "?" + q.Encode()))
	bound := hex.EncodeToString(sum[:8])
	start := 0
	if cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(cursor)
		of, number, _ := strings.Cut(string(text), " ")
		n, bad := strconv.Atoi(number)
		if err != nil || bad != nil || of != bound || n < 0 {
			return refused(invalidArgument("cursor", "the next_cursor of the same list", ""))
		}
		start = min(n, len(all))
	}
	end := min(start+limit, len(all))
	var next any
	if end < len(all) {
		next = base64.RawURLEncoding.EncodeToString([]byte(bound + " " + strconv.Itoa(end)))
	}
	return jsonAnswer(http.StatusOK, map[string]any{name: all[start:end], "next_cursor": next})
}
