package importer

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tipoff/imports"
	"tipoff/todoist"
)

// A Removal is what undoing an import would delete.
type Removal struct {
	Import  *imports.Import
	Project todoist.Project
	// Tasks are the open tasks that Tipoff made, and Completed those ticked
	// off, which stay unless they are asked for too.
	Tasks, Completed []todoist.Task
	// Others counts the open tasks that are the owner's own, and Held the tasks
	// of Tipoff's that stay because the owner has completed tasks below them.
	Others, Held int
	// Sections are those that Tipoff made and that would be left empty.
	Sections []todoist.Section
	// Whole is true when the project was made by Tipoff and holds nothing
	// else, so that it goes itself.
	Whole bool

	lifted []todoist.Task // the owner's own below tasks that go, which are moved out
}

// ErrNotImported means that there is no such import, or that its project is gone.
var ErrNotImported = Invalid{"project": "This project is gone, or holds no games from Tipoff."}

// Removal says what undoing an import would delete. completed asks for the tasks that
// were ticked off, too.
func (im *Importer) Removal(ctx context.Context, c *todoist.Client, user, id string, completed bool) (*Removal, error) {
	row, err := im.Rows.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrNotImported
	}
	a, err := im.read(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := a.readProject(ctx, c, row.Project); err != nil {
		return nil, err
	}
	if _, ok := a.projects[row.Project]; !ok {
		return nil, ErrNotImported
	}
	done, err := c.Completed(ctx, row.Project, row.Begun.Add(-completedBefore), a.now.Add(time.Minute), a.look)
	if err != nil {
		return nil, err
	}
	return a.removal(row, done, completed), nil
}

// completedBefore is how long before an import completed tasks are looked for: those of
// the owner's own keep a project.
const completedBefore = 365 * 24 * time.Hour

func (a *account) removal(row *imports.Import, done []todoist.Task, completed bool) *Removal {
	r := &Removal{Import: row, Project: a.projects[row.Project]}
	ours := map[string]bool{}
	for _, t := range row.Tasks {
		ours[t.ID] = t.ID != ""
	}
	var all []todoist.Task
	for _, t := range a.tasks {
		if t.Project == row.Project {
			all = append(all, *t)
		}
	}
	for _, t := range done {
		t.Checked = true
		all = append(all, t)
	}
	slices.SortFunc(all, func(x, y todoist.Task) int { return strings.Compare(x.ID, y.ID) })

	// A task below which its owner has completed tasks stays with them: they
	// would go with it and nobody could move them away. Open ones are moved.
	stays := map[string]bool{}
	for _, t := range all {
		if t.Checked && t.Parent != nil && !(ours[t.ID] && completed) {
			stays[*t.Parent] = true
		}
	}
	goes, foreign, kept := map[string]bool{}, 0, map[string]bool{} // kept: sections that hold tasks which stay
	for _, t := range all {
		switch {
		case ours[t.ID] && t.Checked && !stays[t.ID]:
			r.Completed = append(r.Completed, t)
			goes[t.ID] = completed
		case ours[t.ID] && !stays[t.ID]:
			r.Tasks = append(r.Tasks, t)
			goes[t.ID] = true
		default:
			foreign++
			switch {
			case ours[t.ID]:
				r.Held++
			case !t.Checked:
				r.Others++
			}
		}
		if t.Section != nil && !goes[t.ID] {
			kept[*t.Section] = true
		}
	}
	for _, t := range all {
		if t.Parent != nil && goes[*t.Parent] && !goes[t.ID] && !t.Checked {
			r.lifted = append(r.lifted, t)
		}
	}
	for _, s := range a.sections {
		made := slices.Contains(row.Sections, s.ID)
		switch {
		case s.Project != row.Project:
		case made && !kept[s.ID]:
			r.Sections = append(r.Sections, s)
		case !made:
			foreign++
		}
	}
	for _, p := range a.projects {
		if p.Parent != nil && *p.Parent == row.Project {
			foreign++
		}
	}
	slices.SortFunc(r.Sections, func(x, y todoist.Section) int { return strings.Compare(x.ID, y.ID) })
	r.Whole = row.Created && foreign == 0 && !r.Project.Inbox && (completed || len(r.Completed) == 0)
	return r
}

// Unfinished is the error of a removal that did not delete all it should, for
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

// Remove undoes an import and nothing else, ends it, and returns what it deleted. It can
// be repeated: what is gone already is not looked for. Once it has begun, its error is an
// [Unfinished]; a token that may not delete is a [*todoist.Error] with the tag
// [todoist.TagScope] in it.
func (im *Importer) Remove(ctx context.Context, c *todoist.Client, user, id string, completed bool) (*Removal, error) {
	unlock, err := im.lock(ctx, user)
	if err != nil {
		return nil, err
	}
	defer unlock()
	row, err := im.Rows.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrNotImported
	}
	part := &Part{Import: row}
	defer im.hold(ctx, []*Part{part})()
	if err := im.claim(ctx, part); err != nil {
		return nil, err
	}
	if err := im.resume(ctx, c, part.Import); err != nil {
		return nil, err
	}
	r, err := im.Removal(ctx, c, user, id, completed)
	if err != nil {
		return nil, err
	}
	if err := r.carryOut(ctx, c, completed); err != nil {
		return nil, err
	}
	return r, im.Rows.End(context.WithoutCancel(ctx), part.Import)
}

// carryOut deletes what is to be deleted. What is not answered, or refused, stays; all
// else goes on.
func (r *Removal) carryOut(ctx context.Context, c *todoist.Client, completed bool) error {
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
	// The owner's own tasks are out of the way before anything is deleted.
	for _, all := range [][]todoist.Command{lift, commands} {
		for chunk := range slices.Chunk(all, todoist.MaxCommands) {
			result, err := c.Write(ctx, chunk)
			if err != nil {
				u.Cause = err
				return u
			}
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
		if u.Cause != nil {
			return u
		}
	}
	return nil
}

// errSilent is the cause where Todoist's answer leaves out what became of a
// command.
var errSilent = &todoist.Error{Status: http.StatusBadGateway, Text: "the answer leaves out what became of a command"}

// commands are those of a removal, and before them those that lift the owner's
// own tasks out of what is deleted.
func (r *Removal) commands(completed bool) (lift, all []todoist.Command) {
	command := func(kind, id string, args map[string]any) todoist.Command {
		args["id"] = id
		// Doing this twice does no harm, so each try has uuids of its own.
		return todoist.Command{Type: kind, UUID: uuid.NewString(), Args: args}
	}
	if r.Whole {
		return nil, []todoist.Command{command("project_delete", r.Project.ID, map[string]any{})}
	}
	for _, t := range r.lifted {
		to := map[string]any{"project_id": r.Project.ID}
		if t.Section != nil {
			to = map[string]any{"section_id": *t.Section}
		}
		lift = append(lift, command("item_move", t.ID, to))
	}
	tasks := r.Tasks
	if completed {
		tasks = slices.Concat(tasks, r.Completed)
	}
	for _, t := range tasks {
		all = append(all, command("item_delete", t.ID, map[string]any{}))
	}
	for _, s := range r.Sections {
		all = append(all, command("section_delete", s.ID, map[string]any{}))
	}
	return lift, all
}
