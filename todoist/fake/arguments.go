package fake

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// args are the arguments of a command or of a REST call. The first thing that
// is wrong with them stays in err, so that a command reads all that it needs
// and looks at err once, before it changes anything.
type args struct {
	b    *batch
	raw  map[string]json.RawMessage
	rest bool // of a REST call, where temporary ids mean nothing
	err  *Error
}

func (a *args) fail(e *Error) {
	if a.err == nil {
		a.err = e
	}
}

// named reports whether the argument is there, even as null.
func (a *args) named(name string) bool {
	_, ok := a.raw[name]
	return ok
}

// has reports whether the argument is there with a value.
func (a *args) has(name string) bool { return given(a.raw[name]) }

// value decodes an argument that is there; expected says what it should be.
func value[T any](a *args, name, expected string) (v T) {
	if !a.has(name) {
		if a.named(name) {
			a.fail(invalidArgument(name, expected, "null"))
		}
		return v
	}
	if json.Unmarshal(a.raw[name], &v) != nil {
		a.fail(invalidArgument(name, expected, ""))
	}
	return v
}

// text is a string of at most limit characters.
func (a *args) text(name string, limit int) string {
	v := value[string](a, name, "string")
	if utf8.RuneCountInString(v) > limit {
		a.fail(&Error{"Invalid argument value", 20, map[string]any{"argument": name, "expected": "a shorter text", "max_count": limit}, "INVALID_ARGUMENT_VALUE", 400})
	}
	return v
}

// title is a text that must be there and must not be blank.
func (a *args) title(name string, limit int) string {
	if !a.has(name) {
		a.fail(missingArgument(name))
		return ""
	}
	v := a.text(name, limit)
	if strings.TrimSpace(v) == "" {
		a.fail(invalidArgument(name, "a text", "it is blank"))
	}
	return v
}

// set assigns an argument if it is there.
func set[T any](a *args, to *T, name, expected string) {
	if a.named(name) {
		*to = value[T](a, name, expected)
	}
}

// setText assigns a text of at most limit characters if it is there.
func (a *args) setText(to *string, name string, limit int) {
	if a.named(name) {
		*to = a.text(name, limit)
	}
}

// oneOf is a text that must be among the allowed, when it is there.
func (a *args) oneOf(to *string, name string, allowed ...string) {
	if !a.named(name) {
		return
	}
	v := value[string](a, name, strings.Join(allowed, ", "))
	if !slices.Contains(allowed, v) {
		a.fail(invalidArgument(name, strings.Join(allowed, ", "), ""))
	}
	*to = v
}

// unresolved reports whether the argument is a temporary id that nothing in
// this request has been given.
func (a *args) unresolved(name string) bool {
	var id string
	return a.has(name) && json.Unmarshal(a.raw[name], &id) == nil && a.b.temp[id] == "" && !isID(id)
}

// id is the real id that an argument means; empty when it is not there.
func (a *args) id(name string) string {
	if !a.has(name) {
		return ""
	}
	// An integer id of the old API is refused like any other non-string.
	id := value[string](a, name, "id string")
	if real, ok := a.b.temp[id]; ok {
		return real
	}
	if !isID(id) && a.err == nil {
		if a.rest {
			a.fail(invalidArgument(name, "id string", ""))
		} else {
			a.fail(invalidTempID(name))
		}
	}
	return id
}

// project is the project that an argument names; nil when it names none.
func (a *args) project(name string) *Project {
	id := a.id(name)
	if id == "" || a.err != nil {
		return nil
	}
	p := a.b.a.projectByID[id]
	if p == nil || p.Deleted {
		if a.rest {
			a.fail(invalidArgument(name, "id of a project", ""))
		} else {
			a.fail(projectNotFound())
		}
		return nil
	}
	return p
}

// activeProject is a project in which something can be made.
func (a *args) activeProject(name string) *Project {
	p := a.project(name)
	if p != nil && p.Archived {
		a.fail(forbidden("the project is archived"))
	}
	return p
}

func (a *args) section(name string) *Section {
	id := a.id(name)
	if id == "" || a.err != nil {
		return nil
	}
	s := a.b.a.sectionByID[id]
	if s == nil || s.Deleted {
		a.fail(sectionNotFound())
		return nil
	}
	return s
}

func (a *args) task(name string) *Task {
	id := a.id(name)
	if id == "" || a.err != nil {
		return nil
	}
	t := a.b.a.taskByID[id]
	if t == nil || t.Deleted {
		if a.rest {
			a.fail(notFound())
		} else {
			a.fail(taskNotFound())
		}
		return nil
	}
	return t
}

// need refuses the command when an argument is missing.
func (a *args) need(name string) {
	if !a.has(name) {
		a.fail(missingArgument(name))
	}
}
