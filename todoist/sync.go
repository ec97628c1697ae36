package todoist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

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
	ResourceReminders = "reminders"
)

// State is what a read found; what was not asked for is empty.
type State struct {
	User      User
	Limits    Limits
	Projects  []Project
	Sections  []Section
	Reminders []Reminder
}

// ErrTooLarge means that an account holds more than is read. The request is not
// repeated then.
var ErrTooLarge = errors.New("the account holds more than is read")

// Read asks for resources in full, in one request. Deleted, archived and
// completed things are left out.
func (c *Client) Read(ctx context.Context, resources ...string) (*State, error) {
	var a answer
	r := request{method: http.MethodPost, endpoint: "/sync", body: map[string]any{
		"sync_token":     "*",
		"resource_types": resources,
	}}
	err := c.call(ctx, r, func(body io.Reader) (err error) {
		a, err = decodeAnswer(body)
		if err == nil && a.token == "" {
			err = errors.New("not a sync answer: it has no sync_token")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	a.Projects = slices.DeleteFunc(a.Projects, func(p Project) bool { return p.Deleted || p.Archived })
	a.Sections = slices.DeleteFunc(a.Sections, func(s Section) bool { return s.Deleted || s.Archived })
	a.Reminders = slices.DeleteFunc(a.Reminders, func(r Reminder) bool { return r.Deleted })
	return &a.State, nil
}

// sync sends a sync request until its answer is one by the word of check.
func (c *Client) sync(ctx context.Context, body map[string]any, check func(*answer) error) (a answer, err error) {
	r := request{method: http.MethodPost, endpoint: "/sync", body: body}
	err = c.call(ctx, r, func(body io.Reader) (err error) {
		if a, err = decodeAnswer(body); err != nil {
			return err
		}
		return check(&a)
	})
	return a, err
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

// Write sends at most [MaxCommands] commands. They are carried out in order and each by
// itself: one that fails does not stop the others. Of a request that ends in an error,
// all that is known is what [Doubtful] says.
func (c *Client) Write(ctx context.Context, cmds []Command) (*Result, error) {
	if len(cmds) == 0 || len(cmds) > MaxCommands {
		return nil, fmt.Errorf("write %d commands: a write takes 1 to %d", len(cmds), MaxCommands)
	}
	a, err := c.sync(ctx, map[string]any{"commands": cmds}, func(a *answer) error {
		if a.status == nil {
			return errors.New("not an answer to commands: it has no sync_status")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	result := &Result{Refused: map[string]*Error{}, IDs: a.ids}
	for _, cmd := range cmds {
		raw, ok := a.status[cmd.UUID]
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
