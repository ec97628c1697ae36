package todoist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/uuid"
)

// MaxCommands is how many commands one write may carry.
// https://developer.todoist.com/api/v1/ ("Sync", request limits)
const MaxCommands = 100

// Names of what [Client.Read] can ask for.
const (
	ResourceUser      = "user"
	ResourceLimits    = "user_plan_limits"
	ResourceProjects  = "projects"
	ResourceSections  = "sections"
	ResourceTasks     = "items"
	ResourceReminders = "reminders"
)

// State is what a read found; what was not asked for is empty. Deleted and
// archived projects and sections, and completed tasks, are left out.
type State struct {
	User      User
	Limits    Limits
	Projects  []Project
	Sections  []Section
	Tasks     []Task
	Reminders []Reminder
}

// Read asks for resources in full, in one request. Every task is shown to
// keep, which may count it, and stays in the state where keep returns true; a
// nil keep keeps all. A very large account may get an answer that is some
// seconds old (API v1, "Sync"), so after a write [Client.Tasks] tells more.
func (c *Client) Read(ctx context.Context, keep func(*Task) bool, resources ...string) (*State, error) {
	var state *State
	r := request{method: http.MethodPost, endpoint: "/sync", body: map[string]any{
		"sync_token":     "*",
		"resource_types": resources,
	}}
	err := c.call(ctx, r, func(body io.Reader) (err error) {
		state, err = decodeState(body, keep)
		return err
	})
	return state, err
}

// decodeState reads a sync answer as a stream, so that a large account costs
// no more memory than what is kept of it.
func decodeState(body io.Reader, keep func(*Task) bool) (*State, error) {
	s := &State{}
	var limits struct {
		Current *Limits `json:"current"`
	}
	dec := json.NewDecoder(body)
	if err := expect(dec, '{'); err != nil {
		return nil, err
	}
	full := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		switch name {
		case "sync_token":
			full = true
			err = dec.Decode(new(json.RawMessage))
		case "user":
			err = dec.Decode(&s.User)
		case "user_plan_limits":
			err = dec.Decode(&limits)
		case "projects":
			err = decodeEach(dec, func(p *Project) {
				if !p.Deleted && !p.Archived {
					s.Projects = append(s.Projects, *p)
				}
			})
		case "sections":
			err = decodeEach(dec, func(x *Section) {
				if !x.Deleted && !x.Archived {
					s.Sections = append(s.Sections, *x)
				}
			})
		case "items":
			err = decodeEach(dec, func(t *Task) {
				if !t.Deleted && !t.Checked && (keep == nil || keep(t)) {
					s.Tasks = append(s.Tasks, *t)
				}
			})
		case "reminders":
			err = decodeEach(dec, func(r *Reminder) {
				if !r.Deleted {
					s.Reminders = append(s.Reminders, *r)
				}
			})
		default:
			err = dec.Decode(new(json.RawMessage))
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", name, err)
		}
	}
	if err := expect(dec, '}'); err != nil {
		return nil, err
	}
	if !full {
		return nil, errors.New("not a sync answer: it has no sync_token")
	}
	if limits.Current != nil {
		s.Limits = *limits.Current
	}
	return s, nil
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%v where %v should be", got, want)
	}
	return nil
}

// decodeEach decodes an array one element at a time; null counts as empty.
func decodeEach[T any](dec *json.Decoder, each func(*T)) error {
	open, err := dec.Token()
	if err != nil || open == nil {
		return err
	}
	if open != json.Delim('[') {
		return fmt.Errorf("%v where a list should be", open)
	}
	for dec.More() {
		var v T
		if err := dec.Decode(&v); err != nil {
			return err
		}
		each(&v)
	}
	return expect(dec, ']')
}

// Command is one change, carried out in order with the others of a write.
// https://developer.todoist.com/api/v1/ ("Sync", "Write resources")
type Command struct {
	Type string `json:"type"`
	// UUID makes the command happen once, however often it is sent: see UUID.
	UUID string `json:"uuid"`
	// TempID names what the command makes for later commands of the same
	// write. It is empty for commands that make nothing; Todoist refuses a
	// whole request for an empty one, so it is left out then.
	TempID string         `json:"temp_id,omitempty"`
	Args   map[string]any `json:"args"`
}

// commands is the namespace of the uuids that [UUID] makes.
var commands = uuid.MustParse("9f0c7c2e-6a1d-4c57-9c55-0d1f2b8d7a3e")

// UUID derives a command's uuid, or a temporary id, from what the command is:
// the same parts always give the same uuid.
func UUID(parts ...string) string {
	raw, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings always marshal
	}
	return uuid.NewSHA1(commands, raw).String()
}

// Result is what became of a write.
type Result struct {
	// Refused holds the refusal of each command that failed, by uuid.
	Refused map[string]*Error
	// Unanswered holds the uuids that the answer said nothing about.
	Unanswered []string
	// IDs are the real ids, by temporary id. A command that Todoist had
	// carried out earlier may be missing here.
	IDs map[string]string
}

// Write sends at most [MaxCommands] commands. They are carried out in order and
// each by itself: one that fails does not stop the others. An error means that
// nothing is known of any of them where [Doubtful] says so, and that none was
// carried out otherwise.
func (c *Client) Write(ctx context.Context, cmds []Command) (*Result, error) {
	if len(cmds) == 0 || len(cmds) > MaxCommands {
		return nil, fmt.Errorf("write %d commands: a write takes 1 to %d", len(cmds), MaxCommands)
	}
	var answer struct {
		Status map[string]json.RawMessage `json:"sync_status"`
		IDs    map[string]string          `json:"temp_id_mapping"`
	}
	r := request{method: http.MethodPost, endpoint: "/sync", body: map[string]any{"commands": cmds}}
	err := c.call(ctx, r, func(body io.Reader) error {
		if err := json.NewDecoder(body).Decode(&answer); err != nil {
			return err
		}
		if answer.Status == nil {
			return errors.New("not a sync answer: it has no sync_status")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	result := &Result{Refused: map[string]*Error{}, IDs: answer.IDs}
	for _, cmd := range cmds {
		raw, ok := answer.Status[cmd.UUID]
		if !ok {
			result.Unanswered = append(result.Unanswered, cmd.UUID)
			continue
		}
		// "ok", or an object; one that names no error is a long-running
		// operation that was accepted.
		var w wireError
		if raw[0] == '{' && json.Unmarshal(raw, &w) == nil && (w.Text != "" || w.Code != 0 || w.Tag != "") {
			result.Refused[cmd.UUID] = w.refusal(http.StatusBadRequest)
		}
	}
	return result, nil
}
