package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"tipoff/imports"
	"tipoff/todoist"
)

// A request is what is sent to Todoist at once for one import. It is stored before it is
// sent, and sent again as it is until it is answered: its commands have uuids by which
// Todoist carries each out once.
type request struct {
	Commands []todoist.Command
	// Effects say what each command does, in the same order.
	Effects []effect

	im  *Importer
	row *imports.Import
	// again says that it may have been sent before.
	again bool
}

// An effect is what is noted once Todoist has taken a command.
type effect struct {
	What effectKind
	Game string `json:",omitempty"` // the schedule's id
	Name string `json:",omitempty"` // of a project or section
	// Row is the row of a task that the command makes, but for its id.
	Row *imports.Task `json:",omitempty"`
	// Wrote are the fingerprints of the fields that the command writes into a task that
	// is there, State is what becomes of it.
	Wrote map[field]string  `json:",omitempty"`
	State imports.TaskState `json:",omitempty"`
	// Change goes into the import's history.
	Change *imports.Change `json:",omitempty"`
}

type effectKind string

// What commands do.
const (
	makesProject effectKind = "project"
	showsProject effectKind = "view" // how a project is shown
	makesSection effectKind = "section"
	makesTask    effectKind = "task"
	writesTask   effectKind = "write" // into a task that is there
	adjustsTask  effectKind = "more"  // its section or reminder
	comments     effectKind = "comment"
)

// An answer is what became of a request.
type answer struct {
	refused  map[string]*todoist.Error // by game; "" is for the project, and a section has its name
	sections map[string]string         // ids of those made, by name
	changes  []imports.Change
	notices  []string
}

// add adds a command. Its uuid derives from the import, the number of the request, the
// game and what the command does.
func (s *request) add(kind string, args map[string]any, e effect, what ...string) (temp string) {
	row := s.row.ID
	if strings.HasPrefix(row, terminalPrefix) {
		// One that is made again after it ended has the same id, but began later.
		row += fmt.Sprint(" ", s.row.Begun.UnixMilli())
	}
	id := todoist.UUID(append([]string{row, fmt.Sprint(s.row.Request), kind, e.Game}, what...)...)
	command := todoist.Command{Type: kind, UUID: id, Args: args}
	if slices.Contains([]string{"project_add", "section_add", "item_add", "reminder_add"}, kind) {
		command.TempID = todoist.UUID("temporary", id)
	}
	s.Commands, s.Effects = append(s.Commands, command), append(s.Effects, e)
	return command.TempID
}

// store stores the request.
func (s *request) store(ctx context.Context) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("store the request: %w", err)
	}
	s.row.Sending = raw
	return s.im.save(ctx, s.row, imports.Saving{})
}

// send sends the stored request and stores what became of it. An error that leaves open
// whether it was carried out leaves it under way.
func (s *request) send(ctx context.Context, c *todoist.Client) (*answer, error) {
	result, err := c.Write(ctx, s.Commands)
	ctx = context.WithoutCancel(ctx) // what was done has to be stored
	if err == nil && len(result.Unanswered) > 0 {
		err = &todoist.Error{Status: http.StatusBadGateway, Text: "the answer leaves out what became of a command"}
	}
	if err != nil {
		if !s.doubtful(err) {
			s.row.Sending = nil // nothing of it was carried out
			if saveErr := s.im.save(ctx, s.row, imports.Saving{}); saveErr != nil {
				return nil, saveErr
			}
		}
		return nil, err
	}
	a := &answer{refused: map[string]*todoist.Error{}, sections: map[string]string{}}
	put := map[string]*imports.Task{}
	var lost []int // commands that made something whose id is not told
	for i, e := range s.Effects {
		id := result.IDs[s.Commands[i].TempID]
		if refused := result.Refused[s.Commands[i].UUID]; refused != nil {
			s.refuse(a, e, refused, put)
			continue
		}
		if id == "" && (e.What == makesProject || e.What == makesSection || e.What == makesTask) {
			lost = append(lost, i)
			continue
		}
		s.note(a, e, id, put)
	}
	if len(lost) > 0 {
		if err := s.findLost(ctx, c, a, lost, put); err != nil {
			return nil, err
		}
	}
	s.row.Sending = nil
	s.row.Request++
	tasks := make([]*imports.Task, 0, len(put))
	for _, t := range put {
		tasks = append(tasks, t)
		s.row.Tasks[t.Game] = t
	}
	return a, s.im.save(ctx, s.row, imports.Saving{Put: tasks, Changes: a.changes})
}

// doubtful reports whether the request that ended in err may have been carried out, now
// or when it was sent before. A refusal for now says nothing of an earlier try.
func (s *request) doubtful(err error) bool {
	refused, ok := errors.AsType[*todoist.Error](err)
	lasting := ok && !slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests}, refused.Status)
	return todoist.Doubtful(err) || s.again && !lasting
}

// rowOf is the row of an effect's game, as it will be stored.
func (s *request) rowOf(e effect, put map[string]*imports.Task) *imports.Task {
	if put[e.Game] == nil {
		row := imports.Task{Game: e.Game}
		if old := s.row.Tasks[e.Game]; old != nil {
			row = *old
			row.Wrote = slices.Clone(old.Wrote)
		}
		put[e.Game] = &row
	}
	return put[e.Game]
}

// note notes what Todoist has taken. id is of what the command made.
func (s *request) note(a *answer, e effect, id string, put map[string]*imports.Task) {
	if e.Change != nil {
		a.changes = append(a.changes, *e.Change)
	}
	switch e.What {
	case makesProject:
		s.row.Project, s.row.Created = id, true
	case makesSection:
		s.row.Sections = append(s.row.Sections, id)
		a.sections[e.Name] = id
	case makesTask, writesTask, adjustsTask, comments:
		row := s.rowOf(e, put)
		if e.What == makesTask {
			*row = *e.Row
			row.ID = id
		}
		if e.State != "" {
			row.State = e.State
		}
		for f, print := range e.Wrote {
			setWrote(row, f, print)
		}
	}
}

// refuse notes what Todoist did not take.
func (s *request) refuse(a *answer, e effect, refused *todoist.Error, put map[string]*imports.Task) {
	if refused.Status >= 500 || refused.Status == http.StatusTooManyRequests {
		// It may be taken later, so the import is not right yet.
		switch e.What {
		case makesSection:
			a.refused[e.Name] = refused
			a.notices = append(a.notices, "Some tasks are in no section yet: "+Explain(refused))
			return
		case adjustsTask:
			a.refused[e.Game] = refused
			return
		}
	}
	switch e.What {
	case showsProject:
		if e.Name == ViewCalendar {
			a.notices = append(a.notices, "Todoist did not let Tipoff show the project as a calendar, so it is a list.")
		}
	case makesProject:
		a.refused[""] = refused
	case makesSection:
		a.notices = append(a.notices, "The project has no room for more sections, so some tasks are in none.")
	case adjustsTask:
		if refused.PlanLimit() {
			s.note(a, e, "", put) // it is not tried at each update
		}
		if _, ok := e.Wrote[fieldReminder]; ok {
			a.notices = append(a.notices, "Todoist sets no reminders for some tasks: "+Explain(refused))
		} else {
			a.notices = append(a.notices, "Todoist left some tasks in their sections: "+Explain(refused))
		}
	case writesTask:
		if refused.Status == http.StatusNotFound {
			s.rowOf(e, put).State = imports.Deleted
		}
		a.refused[e.Game] = refused
	case makesTask:
		a.refused[e.Game] = refused
	case comments:
		a.notices = append(a.notices, "Todoist took no comments: "+Explain(refused))
	}
}

// findLost finds what was made by an earlier try of the request, where Todoist does not
// tell the ids again: the project by its name, tasks by the games that they name. What is
// not there any more was deleted since.
func (s *request) findLost(ctx context.Context, c *todoist.Client, a *answer, lost []int, put map[string]*imports.Task) error {
	now, err := s.im.read(ctx, c)
	if err != nil {
		return err
	}
	for _, i := range lost {
		e := s.Effects[i]
		switch e.What {
		case makesProject:
			id, err := s.lostProject(ctx, c, now, e.Name)
			if err != nil {
				return err
			}
			if id != "" {
				s.note(a, e, id, put)
			}
		case makesSection:
			if id := now.sectionNamed(s.row.Project, e.Name); id != "" {
				s.note(a, e, id, put)
			}
		case makesTask:
			if err := now.readProject(ctx, c, s.row.Project); err != nil {
				return err
			}
			id := ""
			for _, t := range now.tasks {
				if t.Project == s.row.Project && gameIn(t.Description) == e.Game && (id == "" || t.ID < id) {
					id = t.ID
				}
			}
			if s.note(a, e, id, put); id == "" {
				put[e.Game].State = imports.Deleted
			}
		}
	}
	return nil
}

// lostProject is the project of this name that was made since the import began, has no
// tasks and is no other import's, or "".
func (s *request) lostProject(ctx context.Context, c *todoist.Client, now *account, name string) (string, error) {
	for id, p := range now.projects {
		created, err := time.Parse(time.RFC3339, p.CreatedAt)
		if p.Name != name || p.Inbox || err != nil || created.Before(s.row.Begun.Add(-clockSkew)) {
			continue
		}
		other, err := s.im.Rows.InProject(ctx, s.row.User, id)
		if err != nil {
			return "", err
		}
		if err := now.readProject(ctx, c, id); err != nil {
			return "", err
		}
		if other == nil && now.open(id) == 0 {
			return id, nil
		}
	}
	return "", nil
}

// clockSkew is how far our clock and Todoist's may be apart.
const clockSkew = 2 * time.Minute
