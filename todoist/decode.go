package todoist

import (
	"encoding/json"
	"fmt"
	"io"

	"tipoff/jsonstream"
)

const (
	// maxThings bounds what an answer lists. The largest plan has 500
	// projects of 300 tasks; an answer of 48 MB could list 16 million empty
	// tasks, which take gigabytes.
	maxThings = 250_000
	// maxKept bounds what is kept of each list: projects, sections, reminders,
	// and the tasks that are of use. All teams' seasons are 2,500 tasks.
	maxKept = 25_000
	// maxThing bounds one thing and one whole answer without lists. A task's
	// description has 16,383 characters at most.
	maxThing = 1 << 20
	// maxLabels bounds the labels of one task; an account has 500 at most.
	maxLabels = 1000
)

var (
	errKept   = fmt.Errorf("more than %d things of use", maxKept)
	errLabels = fmt.Errorf("more than %d labels on a task", maxLabels)
)

// newReader reads an answer thing by thing, so that a large account costs no
// more memory than what is kept of it.
func newReader(body io.Reader) *jsonstream.Reader {
	return jsonstream.NewReader(body, jsonstream.Limits{Value: maxThing, Elements: maxThings})
}

// each decodes an array one element at a time and appends it to all. look, which may
// be nil, sees each first.
func each[T any](in *jsonstream.Reader, all *[]T, look func(*T) error) error {
	return in.Array(func() error {
		var v T
		if err := in.Value(&v); err != nil {
			return err
		}
		if task, ok := any(&v).(*Task); ok && len(task.Labels) > maxLabels {
			return errLabels
		}
		if look != nil {
			if err := look(&v); err != nil {
				return err
			}
		}
		*all = append(*all, v)
		if len(*all) > maxKept {
			return errKept
		}
		return nil
	})
}

// decodeInto decodes one JSON value into v.
func decodeInto(v any) func(io.Reader) error {
	return func(r io.Reader) error { return newReader(r).Value(v) }
}

// answer is what any sync request may bring.
type answer struct {
	State
	token  string
	status map[string]json.RawMessage
	ids    map[string]string
}

// decodeAnswer reads a sync answer.
func decodeAnswer(body io.Reader) (answer, error) {
	var a answer
	var limits struct {
		Current *Limits `json:"current"`
	}
	in := newReader(body)
	err := in.Object(func(key string) error {
		switch key {
		case "sync_token":
			return in.Value(&a.token)
		case "sync_status":
			return in.Value(&a.status)
		case "temp_id_mapping":
			return in.Value(&a.ids)
		case "user":
			return in.Value(&a.User)
		case "user_plan_limits":
			return in.Value(&limits)
		case "projects":
			return each(in, &a.Projects, nil)
		case "sections":
			return each(in, &a.Sections, nil)
		case "reminders":
			return each(in, &a.Reminders, nil)
		}
		return in.Skip()
	})
	if limits.Current != nil {
		a.Limits = *limits.Current
	}
	return a, err
}
