package importer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

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
	// Others counts the open tasks that are the owner's own, and Held the tasks
	// of Tipoff's that stay because the owner has completed tasks below them.
	Others, Held int
	// Sections are those that would be left empty and were made by month.
	Sections []todoist.Section
	// Whole is true when the project was made by Tipoff and holds nothing
	// else, so that it goes itself.
	Whole bool

	// lifted are the owner's own tasks below tasks that go, which are moved
	// to where those are.
	lifted []todoist.Task
	token  string // of the read, as a write wants it
}

// Existing is a project with imported tasks, as it is now.
type Existing struct {
	Plan    *Plan
	Project todoist.Project
	// Teams are those whose games are in the project.
	Teams []string
	// Tasks are the open marked tasks, by day; Completed counts those ticked
	// off, where the project was asked for by itself.
	Tasks     []todoist.Task
	Completed int
}

// ErrNotImported means that a project is not there, or holds nothing of ours.
var ErrNotImported = Invalid{"project": "This project is gone, or holds no games from Tipoff."}

// readNamed reads one project for itself, with its completed tasks.
func (im *Importer) readNamed(ctx context.Context, c *todoist.Client, project string) (*account, error) {
	a, err := im.read(ctx, c, Options{Target: project})
	if _, ok := err.(Invalid); ok {
		return nil, ErrNotImported
	}
	if err != nil {
		return nil, err
	}
	return a, a.readCompleted(ctx, c, project)
}

// Project reads a project with imported tasks and says what an update with the
// options that the tasks remember would change. A project without any is
// [ErrNotImported].
func (im *Importer) Project(ctx context.Context, c *todoist.Client, project string) (*Existing, error) {
	a, err := im.readNamed(ctx, c, project)
	if err != nil {
		return nil, err
	}
	e := a.existing(project)
	if len(e.Teams) == 0 {
		return nil, ErrNotImported
	}
	e.Plan, err = im.plan(ctx, c, a, e.update(), nil)
	return e, err
}

// existing is what is known of a project without a plan. It has no teams where
// nothing in it was imported.
func (a *account) existing(project string) *Existing {
	e := &Existing{Project: a.projects[project]}
	for _, t := range a.tasks {
		if t.Project == project && a.ours(t) {
			e.Tasks = append(e.Tasks, t.Task)
		}
	}
	slices.SortFunc(e.Tasks, func(x, y todoist.Task) int {
		return cmp.Or(strings.Compare(x.Due.Key(), y.Due.Key()), strings.Compare(x.ID, y.ID))
	})
	for _, t := range a.completed {
		if t.Project == project && a.ours(t) {
			e.Completed++
		}
	}
	home, _ := a.home(project)
	// Teams of which all is completed may have been taken back but for that.
	all := a.remembered(home, project, a.tasks)
	if len(all) == 0 {
		all = a.remembered(home, project, a.completed)
	}
	for _, opts := range all {
		e.Teams = append(e.Teams, opts.Teams...)
	}
	slices.Sort(e.Teams)
	e.Teams = slices.Compact(e.Teams)
	return e
}

// update are the options of an update of all that is in the project.
func (e *Existing) update() Options {
	opts, _ := ParseOptions(nil)
	opts.Teams, opts.Target = e.Teams, e.Project.ID
	return opts
}

// Mine finds the projects with imported tasks of this season, by reading the
// whole account once, and what an update of each would change.
func (im *Importer) Mine(ctx context.Context, c *todoist.Client) ([]*Existing, error) {
	a, err := im.read(ctx, c, Options{Target: TargetNew})
	if err != nil {
		return nil, err
	}
	projects := map[string]bool{}
	for _, t := range a.tasks {
		if a.ours(t) {
			projects[t.Project] = true
		}
	}
	var all []*Existing
	for id := range projects {
		if e := a.existing(id); len(e.Teams) > 0 {
			all = append(all, e)
		}
	}
	for _, e := range all {
		if e.Plan, err = im.plan(ctx, c, a, e.update(), nil); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(x, y *Existing) int {
		return cmp.Or(strings.Compare(x.Project.Name, y.Project.Name), strings.Compare(x.Project.ID, y.Project.ID))
	})
	return all, nil
}

// Removal says what taking back the import of a project would delete.
// completed asks for the tasks that were ticked off, too.
func (im *Importer) Removal(ctx context.Context, c *todoist.Client, project string, completed bool) (*Removal, error) {
	a, err := im.readNamed(ctx, c, project)
	if err != nil {
		return nil, err
	}
	r := a.removal(project, completed)
	if len(r.Teams) == 0 {
		return nil, ErrNotImported
	}
	return r, nil
}

func (a *account) removal(project string, completed bool) *Removal {
	r := &Removal{Project: a.projects[project], token: a.token}
	entries := slices.Concat(slices.Collect(maps.Values(a.tasks)), slices.Collect(maps.Values(a.completed)))
	entries = slices.DeleteFunc(entries, func(e *entry) bool { return e.Project != project })
	slices.SortFunc(entries, func(x, y *entry) int { return strings.Compare(x.ID, y.ID) })

	// A task below which its owner has completed tasks stays with them: they
	// would go with it and nobody could move them away. Open ones are moved.
	stays := map[string]bool{}
	for _, e := range entries {
		if e.Checked && e.Parent != nil && !(e.marked && completed) {
			stays[*e.Parent] = true
		}
	}
	goes := map[string]bool{}
	_, made := a.home(project)
	foreign := 0
	months := map[string]bool{} // names of sections that an import made
	var first time.Time         // when it did
	kept := map[string]bool{}   // sections that hold tasks which stay
	for _, e := range entries {
		if e.marked {
			if e.mark.options.Get("sections") == "month" {
				months[monthOf(e.mark.game.Day)] = true
				if added, err := time.Parse(time.RFC3339, e.AddedAt); err == nil && (first.IsZero() || added.Before(first)) {
					first = added
				}
			}
			for _, team := range e.mark.options["team"] {
				if !slices.Contains(r.Teams, team) {
					r.Teams = append(r.Teams, team)
				}
			}
		}
		switch {
		case e.marked && e.Checked && !stays[e.ID]:
			r.Completed = append(r.Completed, e.Task)
			goes[e.ID] = completed
		case e.marked && !stays[e.ID]:
			r.Tasks = append(r.Tasks, e.Task)
			goes[e.ID] = true
		default:
			foreign++
			switch {
			case e.marked:
				r.Held++
			case !e.Checked:
				r.Others++
			}
		}
		if e.Section != nil && !goes[e.ID] {
			kept[*e.Section] = true
		}
	}
	for _, e := range entries {
		if e.Parent != nil && goes[*e.Parent] && !goes[e.ID] && !e.Checked {
			r.lifted = append(r.lifted, e.Task)
		}
	}
	for _, s := range a.sections {
		// One that was there before the import was not made by it.
		added, err := time.Parse(time.RFC3339, s.AddedAt)
		made := months[s.Name] && !(err == nil && added.Before(first.Add(-madeSoon)))
		switch {
		case s.Project != project:
		case made && !kept[s.ID]:
			r.Sections = append(r.Sections, s)
		case !made:
			foreign++
		}
	}
	for _, p := range a.projects {
		if p.Parent != nil && *p.Parent == project {
			foreign++
		}
	}
	slices.Sort(r.Teams)
	slices.SortFunc(r.Sections, func(x, y todoist.Section) int { return strings.Compare(x.ID, y.ID) })
	r.Whole = made && foreign == 0 && !r.Project.Inbox && (completed || len(r.Completed) == 0)
	return r
}

// Unfinished is the error of a removal that did not take back all it should, for
// what its cause says.
type Unfinished struct {
	Removal *Removal
	// Gone counts the tasks that are known to be gone, Of all that were to go.
	Gone, Of int
	Cause    error
}

func (u *Unfinished) Error() string {
	return fmt.Sprintf("%d of %d tasks were removed: %v", u.Gone, u.Of, u.Cause)
}

func (u *Unfinished) Unwrap() error { return u.Cause }

// Remove takes back the import of a project and nothing else, and returns what
// it deleted. It can be repeated: what is gone already is not looked for. Once
// it has begun, its error is an [Unfinished]; a token that may not delete is a
// [*todoist.Error] with the tag [todoist.TagScope] in it.
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
	u := &Unfinished{Removal: r}
	lift, commands := r.commands(completed)
	for _, command := range commands {
		if command.Type == "item_delete" {
			u.Of++
		}
	}
	if r.Whole {
		u.Of = len(r.Tasks) + len(r.Completed)
	}
	token := r.token
	// What was not answered, or refused, stays; all else goes on.
	write := func(commands []todoist.Command) error {
		for chunk := range slices.Chunk(commands, todoist.MaxCommands) {
			result, err := c.Write(ctx, chunk, token, todoist.ResourceProjects)
			if err != nil {
				return err
			}
			token = cmp.Or(result.Since.Token, token)
			for _, command := range chunk {
				refusal := result.Refused[command.UUID]
				switch {
				case slices.Contains(result.Unanswered, command.UUID):
					u.Cause = cmp.Or(u.Cause, error(errSilent))
				case refusal != nil && refusal.Status != http.StatusNotFound:
					u.Cause = cmp.Or(u.Cause, error(refusal))
				case command.Type == "item_delete":
					u.Gone++
				}
			}
		}
		return u.Cause
	}
	// The owner's own tasks are out of the way before anything is deleted.
	if err := write(lift); err != nil {
		u.Cause = err
		return nil, u
	}
	if err := write(commands); err != nil {
		u.Cause = err
		return nil, u
	}
	return r, nil
}

// errSilent is the cause where Todoist's answer leaves out what became of a
// command.
var errSilent = &todoist.Error{Status: http.StatusBadGateway, Text: "the answer leaves out what became of a command"}

// commands are those of a removal, and before them those that lift the owner's
// own tasks out of what is deleted.
func (r *Removal) commands(completed bool) (lift, all []todoist.Command) {
	add := func(kind, id string, more ...string) {
		args := map[string]any{"id": id}
		for i := 0; i+1 < len(more); i += 2 {
			args[more[i]] = more[i+1]
		}
		// Doing this twice does no harm, and a uuid that was refused once may
		// not be heard again: each try has its own.
		all = append(all, todoist.Command{Type: kind, UUID: uuid.NewString(), Args: args})
	}
	if r.Whole {
		add("project_delete", r.Project.ID)
		return nil, all
	}
	for _, t := range r.lifted {
		if t.Section != nil {
			add("item_move", t.ID, "section_id", *t.Section)
		} else {
			add("item_move", t.ID, "project_id", r.Project.ID)
		}
	}
	lift, all = all, nil
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
	return lift, all
}
