package todoist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// maxThings bounds what an answer lists. The largest plan has 500
	// projects of 300 tasks; an answer of 48 MB could list 16 million empty
	// tasks, which take gigabytes.
	maxThings = 250_000
	// maxKept bounds what is kept of it: projects, sections, reminders, and
	// the tasks that are of use. All teams' seasons are 2,500 tasks.
	maxKept = 25_000
	// maxThing bounds one thing and one whole answer without lists. A task's
	// description has 16,383 characters at most.
	maxThing = 1 << 20
	// maxLabels bounds the labels of one task; an account has 500 at most.
	maxLabels = 1000
	// maxSkipped and maxDepth bound how much is read over, in tokens, and how
	// deep it is nested.
	maxSkipped = 1_000_000
	maxDepth   = 100
)

var (
	errThings = fmt.Errorf("more than %d things", maxThings)
	errKept   = fmt.Errorf("more than %d things of use", maxKept)
	errThing  = fmt.Errorf("a single thing of over %d MB", maxThing>>20)
	errLabels = fmt.Errorf("more than %d labels on a task", maxLabels)
	errSkip   = errors.New("too much that is unknown")
)

// A document is an answer in JSON that is read thing by thing, so that a large
// account costs no more memory than what is kept of it, and an answer made to
// exhaust memory is refused early.
type document struct {
	*json.Decoder
	body    io.Reader
	got     int64 // of the body
	things  int
	kept    int
	skipped int
}

func newDocument(body io.Reader) *document {
	d := &document{body: body}
	d.Decoder = json.NewDecoder(d)
	return d
}

// Read gives the decoder what follows, as long as the value that it collects is
// not too large.
func (d *document) Read(p []byte) (int, error) {
	if d.got-d.InputOffset() > maxThing {
		return 0, errThing
	}
	n, err := d.body.Read(p)
	d.got += int64(n)
	return n, err
}

// object calls member with each key of the object that comes next; member has
// to consume the value.
func (d *document) object(member func(key string) error) error {
	if err := d.expect('{'); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string) // a token before a value is its key
		if err := member(name); err != nil {
			return fmt.Errorf("%v: %w", key, err)
		}
	}
	return d.expect('}')
}

func (d *document) expect(want json.Delim) error {
	got, err := d.Token()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%v where %v should be", got, want)
	}
	return nil
}

// skip reads over the next value.
func (d *document) skip() error {
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if d.skipped++; d.skipped > maxSkipped || depth > maxDepth {
			return errSkip
		}
		if depth == 0 {
			return nil
		}
	}
}

// each decodes an array one element at a time and appends to all those for which
// keep is true; a nil keep is all of them. Null counts as an empty array.
func each[T any](d *document, all *[]T, keep func(*T) (bool, error)) error {
	open, err := d.Token()
	if err != nil || open == nil {
		return err
	}
	if open != json.Delim('[') {
		return fmt.Errorf("%v where a list should be", open)
	}
	for d.More() {
		if d.things++; d.things > maxThings {
			return errThings
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return err
		}
		if task, ok := any(&v).(*Task); ok && len(task.Labels) > maxLabels {
			return errLabels
		}
		if keep != nil {
			if ok, err := keep(&v); err != nil {
				return err
			} else if !ok {
				continue
			}
		}
		if d.kept++; d.kept > maxKept {
			return errKept
		}
		*all = append(*all, v)
	}
	return d.expect(']')
}

// decodeInto decodes one JSON value into v.
func decodeInto(v any) func(io.Reader) error {
	return func(r io.Reader) error { return newDocument(r).Decode(v) }
}

// answer is what any sync request may bring.
type answer struct {
	State
	status map[string]json.RawMessage
	ids    map[string]string
}

// decodeAnswer reads a sync answer.
func decodeAnswer(body io.Reader, keep Keep) (answer, error) {
	var a answer
	var limits struct {
		Current *Limits `json:"current"`
	}
	d := newDocument(body)
	err := d.object(func(key string) error {
		switch key {
		case "sync_token":
			return d.Decode(&a.Token)
		case "sync_status":
			return d.Decode(&a.status)
		case "temp_id_mapping":
			return d.Decode(&a.ids)
		case "user":
			return d.Decode(&a.User)
		case "user_plan_limits":
			return d.Decode(&limits)
		case "projects":
			return each(d, &a.Projects, nil)
		case "sections":
			return each(d, &a.Sections, nil)
		case "items":
			return each(d, &a.Tasks, keep)
		case "reminders":
			return each(d, &a.Reminders, nil)
		}
		return d.skip()
	})
	if limits.Current != nil {
		a.Limits = *limits.Current
	}
	return a, err
}
