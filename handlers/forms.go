package handlers

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// A form is a form's fields as they were typed, or as they are by default,
// under the names of the query, with what is wrong with them.
type form struct {
	Values url.Values
	// Errors has a sentence per field name. The key "" is for what concerns
	// no single field.
	Errors map[string]string
}

// Get is a field's first value.
func (f form) Get(name string) string { return f.Values.Get(name) }

// Has says whether the field has this value among its values.
func (f form) Has(name, value string) bool { return slices.Contains(f.Values[name], value) }

// typed fills in what was typed and what is wrong with it. A field that offers the same
// everywhere keeps its default where it was given something else.
func (f *form) typed(values url.Values, wrong map[string]string) {
	f.Errors = wrong
	for field, typed := range values {
		fixed := slices.ContainsFunc(optionFields, func(o optionField) bool { return o.name == field && o.choices != nil })
		if !fixed || wrong[field] == "" {
			f.Values[field] = typed
		}
	}
}

// Error is what is wrong with the field, or "".
func (f form) Error(name string) string { return f.Errors[name] }

// Skipped are the games left out so far, for the hidden fields of the options.
func (f form) Skipped() []string { return f.Values["skip"] }

// A formError is a line of the summary of what is wrong. Field is empty for
// what concerns no single field.
type formError struct{ Field, Text string }

// Mistakes lists what is wrong in the order of the fields on the page.
func (f form) Mistakes() []formError {
	order := func(e formError) int {
		return slices.IndexFunc(optionFields, func(o optionField) bool { return o.name == e.Field })
	}
	var all []formError
	for field, text := range f.Errors {
		all = append(all, formError{field, text})
	}
	slices.SortFunc(all, func(a, b formError) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), strings.Compare(a.Field, b.Field))
	})
	return all
}

// A field is a hidden field of a form.
type field struct{ Name, Value string }

// fieldsOf flattens values, by name, without those named.
func fieldsOf(values url.Values, without ...string) []field {
	var fields []field
	for name, all := range values {
		if slices.Contains(without, name) {
			continue
		}
		for _, value := range all {
			fields = append(fields, field{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

// A choice is an entry of a list to choose from.
type choice struct{ Value, Label string }

// A box is one thing to choose in a form: a radio button, a tick-box (Kind
// "radio" or "checkbox") or an entry of a select.
type box struct {
	Kind, Name, Value, Label string
	Chosen                   bool
}

// boxOf is one thing to choose, chosen where the form has it.
func boxOf(f form, kind, name, value, label string) box {
	return box{kind, name, value, label, f.Has(name, value) || value == "" && f.Get(name) == ""}
}

// boxesOf are the things to choose for a field.
func boxesOf(f form, kind, name string, choices []choice) []box {
	boxes := make([]box, 0, len(choices))
	for _, c := range choices {
		boxes = append(boxes, boxOf(f, kind, name, c.Value, c.Label))
	}
	return boxes
}

// A fieldError is a field's name and what is wrong with it, if anything.
type fieldError struct{ Name, Error string }

func fieldErrorOf(f form, name string) fieldError { return fieldError{name, f.Error(name)} }
