package importer

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

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
	// Plan is an update's, for all teams of the project.
	Plan    *Plan
	Project todoist.Project
	// Teams are those whose games are in it.
	Teams []string
	// Tasks are the open marked tasks, by day; Completed counts those ticked
	// off.
	Tasks     []todoist.Task
	Completed int
}

// ErrNotImported means that a project is not there, or holds nothing of ours.
var ErrNotImported = Invalid{"project": "This project is gone, or holds no games from Tipoff."}

// Project reads a project with imported tasks and says what an update with the
// options of its last imports would change. A project without any is
// [ErrNotImported].
func (im *Importer) Project(ctx context.Context, c *todoist.Client, project string) (*Existing, error) {
	a, err := im.readImported(ctx, c, project)
	if err != nil {
		return nil, err
	}
	all, err := im.existing(ctx, c, a, project)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// readImported reads the account as far as one project goes, and its completed
// tasks. A project that is gone is [ErrNotImported].
func (im *Importer) readImported(ctx context.Context, c *todoist.Client, project string) (*account, error) {
	a, err := im.read(ctx, c, Options{Target: project})
	if _, ok := errors.AsType[Invalid](err); ok {
		return nil, ErrNotImported
	}
	if err != nil {
		return nil, err
	}
	return a, a.readCompleted(ctx, c, project)
}

// Mine finds the projects with imported tasks of this season, by reading the
// whole account once, and what an update of each would change.
func (im *Importer) Mine(ctx context.Context, c *todoist.Client) ([]*Existing, error) {
	a, err := im.read(ctx, c, Options{Target: TargetNew})
	if err != nil {
		return nil, err
	}
	var projects []string
	for _, e := range a.tasks {
		if a.ours(e) && !slices.Contains(projects, e.Project) {
			projects = append(projects, e.Project)
		}
	}
	slices.SortFunc(projects, func(x, y string) int {
		return cmp.Or(strings.Compare(a.projects[x].Name, a.projects[y].Name), strings.Compare(x, y))
	})
	if len(projects) == 0 {
		return nil, nil
	}
	if err := a.readCompleted(ctx, c, projects...); err != nil {
		return nil, err
	}
	return im.existing(ctx, c, a, projects...)
}

// existing describes projects whose completed tasks have been read.
func (im *Importer) existing(ctx context.Context, c *todoist.Client, a *account, projects ...string) ([]*Existing, error) {
	var all []*Existing
	for _, project := range projects {
		e := &Existing{Project: a.projects[project]}
		teams := map[string]bool{}
		for _, t := range a.tasks {
			if t.Project == project && a.ours(t) {
				e.Tasks = append(e.Tasks, t.Task)
				note(teams, t)
			}
		}
		for _, t := range a.completed {
			if t.Project == project && a.ours(t) {
				e.Completed++
				note(teams, t)
			}
		}
		if len(teams) == 0 {
			return nil, ErrNotImported
		}
		slices.SortFunc(e.Tasks, func(x, y todoist.Task) int {
			return cmp.Or(strings.Compare(x.Due.Key(), y.Due.Key()), strings.Compare(x.ID, y.ID))
		})
		e.Teams = slices.Sorted(maps.Keys(teams))
		opts, _ := ParseOptions(url.Values{"team": e.Teams})
		opts.Target = project
		// A task may have any title that a game of these teams can have.
		a.titles = titles(opts.Teams, a.season)
		var err error
		if e.Plan, err = im.plan(ctx, c, a, opts, missing{}); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// note adds the teams for which a task was imported.
func note(teams map[string]bool, e *entry) {
	for _, code := range e.mark.options["team"] {
		if _, ok := schedule.TeamByCode(code); ok {
			teams[code] = true
		}
	}
}

// Removal says what taking back the import of a project would delete.
// completed asks for the tasks that were ticked off, too.
func (im *Importer) Removal(ctx context.Context, c *todoist.Client, project string, completed bool) (*Removal, error) {
	a, err := im.readImported(ctx, c, project)
	if err != nil {
		return nil, err
	}
	r := &Removal{Project: a.projects[project], token: a.token}
	own, teams := false, map[string]bool{}
	months := map[string]bool{} // the sections that an import made
	stay := map[string]bool{}   // sections that hold tasks which stay
	foreign := 0                // what is in the project and not ours
	keep := func(e *entry) {
		if e.Section != nil {
			stay[*e.Section] = true
		}
	}
	take := func(e *entry) {
		note(teams, e)
		own = own || a.madeBy(e)
		if e.mark.options.Get("sections") == "month" {
			months[monthOf(e.mark.game.Day)] = true
		}
	}
	for _, e := range a.tasks {
		switch {
		case e.Project != project:
		case e.marked:
			take(e)
			r.Tasks = append(r.Tasks, e.Task)
		default:
			keep(e)
			r.Others++
		}
	}
	for _, e := range a.completed {
		switch {
		case e.Project != project:
		case e.marked:
			take(e)
			r.Completed = append(r.Completed, e.Task)
			if !completed {
				keep(e)
			}
		default:
			keep(e)
			foreign++
		}
	}
	if len(r.Tasks)+len(r.Completed) == 0 {
		return nil, ErrNotImported
	}
	for _, s := range a.sections {
		switch {
		case s.Project != project:
		case !months[s.Name]:
			foreign++
		case !stay[s.ID]:
			r.Sections = append(r.Sections, s)
		}
	}
	byID := func(x, y todoist.Task) int { return strings.Compare(x.ID, y.ID) }
	slices.SortFunc(r.Tasks, byID)
	slices.SortFunc(r.Completed, byID)
	slices.SortFunc(r.Sections, func(x, y todoist.Section) int { return strings.Compare(x.ID, y.ID) })
	r.Teams = slices.Sorted(maps.Keys(teams))
	r.Whole = own && r.Others+foreign == 0 && !r.Project.Inbox && !a.hasChildren(project) &&
		(completed || len(r.Completed) == 0)
	return r, nil
}

// ownWithin is how far a project's making and the mark of it may lie apart: the
// time of an import with its waits, and clocks that differ.
const ownWithin = 30 * time.Minute

// madeBy reports whether the mark of a task says that Tipoff made the project
// that the task is in. A task that was moved into another project says nothing
// of that one.
func (a *account) madeBy(e *entry) bool {
	if e.mark.own.IsZero() {
		return false
	}
	created, err := time.Parse(time.RFC3339, a.projects[e.Project].CreatedAt)
	return err != nil || created.Sub(e.mark.own).Abs() <= ownWithin
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
