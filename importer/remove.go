package importer

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"tipoff/schedule"
	"tipoff/todoist"
)

// A Removal is what taking back an import would delete.
type Removal struct {
	Project todoist.Project
	// Teams are those whose games are in the project.
	Teams []string
	// Tasks are the open tasks that Tipoff made, and Completed those ticked
	// off, which stay unless they are asked for too.
	Tasks, Completed []todoist.Task
	// Others counts the open tasks that are the owner's own.
	Others int
	// Sections are those that would be left empty and were made by month.
	Sections []todoist.Section
	// Whole is true when the project was made by Tipoff and holds nothing
	// else, so that it goes itself.
	Whole bool

	token string // of the read, as a write wants it
}

// Existing is a project with imported tasks, as it is now.
type Existing struct {
	Plan    *Plan
	Part    *Part
	Project todoist.Project
	// Tasks are the open marked tasks, by day; Completed counts those ticked
	// off.
	Tasks     []todoist.Task
	Completed int
}

// ErrNotImported means that a project is not there, or holds nothing of ours.
var ErrNotImported = Invalid{"project": "This project is gone, or holds no games from Tipoff."}

// Project reads a project with imported tasks and says what an update with the
// options of its last import would change. A project without any is
// [ErrNotImported].
func (im *Importer) Project(ctx context.Context, c *todoist.Client, project string) (*Existing, error) {
	a, err := im.read(ctx, c, Options{Target: project})
	if _, ok := err.(Invalid); ok {
		return nil, ErrNotImported
	}
	if err != nil {
		return nil, err
	}
	return im.existing(ctx, c, a, project)
}

func (im *Importer) existing(ctx context.Context, c *todoist.Client, a *account, project string) (*Existing, error) {
	season, now := im.Season(), im.Now()
	if err := a.readCompleted(ctx, c, project, season, now); err != nil {
		return nil, err
	}
	e := &Existing{Project: a.projects[project]}
	var teams []string
	for t, m := range a.marked(season) {
		if t.Project == project {
			e.Tasks = append(e.Tasks, *t)
			teams = append(teams, m.options["team"]...)
		}
	}
	slices.SortFunc(e.Tasks, func(x, y todoist.Task) int { return strings.Compare(x.Due.Key()+x.ID, y.Due.Key()+y.ID) })
	for _, t := range a.completed[project] {
		if m, _, ok := findMark(t.Description); ok {
			e.Completed++
			teams = append(teams, m.options["team"]...)
		}
	}
	slices.Sort(teams)
	teams = slices.Compact(teams)
	if len(teams) == 0 {
		return nil, ErrNotImported
	}
	opts, ok := a.remembered(&Part{Project: project}, season)
	if !ok {
		opts, _ = ParseOptions(nil)
	}
	opts.Teams = slices.DeleteFunc(teams, func(code string) bool { _, ok := schedule.TeamByCode(code); return !ok })
	opts.Target, opts.Name = project, ""
	if len(opts.Teams) == 0 {
		return nil, ErrNotImported
	}
	if opts.Timezone == ZoneTeam && len(opts.Teams) > 1 {
		opts.Timezone = ""
	}
	a.titles = im.titles(opts)
	plan, err := im.plan(ctx, c, a, opts, missing{})
	if err != nil {
		return nil, err
	}
	e.Plan, e.Part = plan, plan.Parts[0]
	return e, nil
}

// Mine finds the projects with imported tasks of this season, by reading the
// whole account once, and what an update of each would change.
func (im *Importer) Mine(ctx context.Context, c *todoist.Client) ([]*Existing, error) {
	a, err := im.read(ctx, c, Options{Target: TargetNew})
	if err != nil {
		return nil, err
	}
	var projects []string
	for t := range a.marked(im.Season()) {
		if _, ok := a.projects[t.Project]; ok && !slices.Contains(projects, t.Project) {
			projects = append(projects, t.Project)
		}
	}
	slices.SortFunc(projects, func(x, y string) int {
		return strings.Compare(a.projects[x].Name+x, a.projects[y].Name+y)
	})
	var all []*Existing
	for _, project := range projects {
		e, err := im.existing(ctx, c, a, project)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Removal says what taking back the import of a project would delete.
// completed asks for the tasks that were ticked off, too.
func (im *Importer) Removal(ctx context.Context, c *todoist.Client, project string, completed bool) (*Removal, error) {
	a, err := im.read(ctx, c, Options{Target: project})
	if _, ok := err.(Invalid); ok {
		return nil, ErrNotImported
	}
	if err != nil {
		return nil, err
	}
	if err := a.readCompleted(ctx, c, project, im.Season(), im.Now()); err != nil {
		return nil, err
	}
	r := &Removal{Project: a.projects[project], token: a.token}
	own := false
	months := map[string]bool{}
	kept := map[string]bool{} // sections that hold tasks which stay
	keep := func(t *todoist.Task) {
		if t.Section != nil {
			kept[*t.Section] = true
		}
	}
	note := func(m mark) {
		own = own || m.own
		for _, team := range m.options["team"] {
			if !slices.Contains(r.Teams, team) {
				r.Teams = append(r.Teams, team)
			}
		}
		if m.options.Get("sections") == "month" {
			months[monthOf(m.game.Day)] = true
		}
	}
	tasks, err := c.Tasks(ctx, project)
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		if m, _, ok := findMark(t.Description); ok {
			note(m)
			r.Tasks = append(r.Tasks, t)
		} else {
			r.Others++
			keep(&t)
		}
	}
	for _, t := range a.completed[project] {
		if m, _, ok := findMark(t.Description); ok {
			note(m)
			r.Completed = append(r.Completed, t)
			if !completed {
				keep(&t)
			}
		}
	}
	if len(r.Tasks)+len(r.Completed) == 0 {
		return nil, ErrNotImported
	}
	foreign := r.Others + a.foreign[project]
	for _, s := range a.sections {
		switch {
		case s.Project != project:
		case months[s.Name] && !kept[s.ID]:
			r.Sections = append(r.Sections, s)
		case !months[s.Name]:
			foreign++
		}
	}
	slices.SortFunc(r.Sections, func(x, y todoist.Section) int { return strings.Compare(x.ID, y.ID) })
	r.Whole = own && foreign == 0 && !r.Project.Inbox && !a.hasChildren(project) &&
		(completed || len(r.Completed) == 0)
	return r, nil
}

func (a *account) hasChildren(project string) bool {
	for _, p := range a.projects {
		if p.Parent != nil && *p.Parent == project {
			return true
		}
	}
	return false
}

// Remove takes back the import of a project and nothing else, and returns what
// it deleted. It can be repeated: what is gone already is not looked for. A
// token that may not delete is a [*todoist.Error] with the tag
// [todoist.TagScope].
func (im *Importer) Remove(ctx context.Context, c *todoist.Client, user, project string, completed bool) (*Removal, error) {
	unlock, err := im.lock(ctx, user)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := im.Removal(ctx, c, project, completed)
	if err != nil {
		return nil, err
	}
	token := r.token
	for chunk := range slices.Chunk(r.commands(completed), todoist.MaxCommands) {
		result, err := c.Write(ctx, chunk, token, todoist.ResourceProjects)
		if err != nil {
			return nil, err
		}
		token = result.Since.Token
		for _, refusal := range result.Refused {
			if refusal.Status != http.StatusNotFound {
				return nil, refusal
			}
		}
	}
	return r, nil
}

func (r *Removal) commands(completed bool) []todoist.Command {
	var all []todoist.Command
	add := func(kind, id string) {
		// Deleting twice does no harm, and a uuid that was refused once may
		// not be heard again: each try has its own.
		all = append(all, todoist.Command{Type: kind, UUID: uuid.NewString(), Args: map[string]any{"id": id}})
	}
	if r.Whole {
		add("project_delete", r.Project.ID)
		return all
	}
	for _, t := range r.Tasks {
		add("item_delete", t.ID)
	}
	if completed {
		for _, t := range r.Completed {
			add("item_delete", t.ID)
		}
	}
	for _, s := range r.Sections {
		add("section_delete", s.ID)
	}
	return all
}
