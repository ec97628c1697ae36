package jsonstream

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// read reads a document that is an object: the array "list" thing by thing, the
// object "in" as another such document, and "one" as a whole.
func read(r *Reader) (things []string, err error) {
	var members func(key string) error
	members = func(key string) error {
		switch key {
		case "list":
			return r.Array(func() error {
				var s string
				err := r.Value(&s)
				things = append(things, s)
				return err
			})
		case "in":
			return r.Object(members)
		case "one":
			return r.Value(new(any))
		}
		return r.Skip()
	}
	if err := r.Object(members); err != nil {
		return nil, err
	}
	return things, r.End()
}

var plenty = Limits{Value: 1 << 10, Elements: 10}

func TestDocumentsAreReadPieceByPiece(t *testing.T) {
	const whole = `{"odd":[{"list":["x"]},[],1,null],"list":["a","b"],"in":{"list":["c"],"one":{"x":[1]},"odd":"y"}}`
	things, err := read(NewReader(strings.NewReader(whole+"\n "), plenty))
	if want := []string{"a", "b", "c"}; err != nil || !slices.Equal(things, want) {
		t.Errorf("got %q and %v, want %q", things, err, want)
	}
	for n := range whole {
		if _, err := read(NewReader(strings.NewReader(whole[:n]), plenty)); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d of %d bytes: got %v, want that it is cut short", n, len(whole), err)
		}
	}
	for _, empty := range []string{`null`, `{}`, `{"list":null,"in":null,"one":null,"odd":null}`} {
		if things, err := read(NewReader(strings.NewReader(empty), plenty)); err != nil || len(things) > 0 {
			t.Errorf("%s: got %q and %v, want nothing", empty, things, err)
		}
	}
}

func TestOtherDocumentsAreRefused(t *testing.T) {
	long := func(text string, n int) string { return strings.Repeat(text, n) }
	for name, doc := range map[string]string{
		"an array for an object":     `[]`,
		"an object for an array":     `{"list":{}}`,
		"a text for an object":       `{"in":"x"}`,
		"two documents":              `{}{}`,
		"too many elements":          `{"list":[` + long(`"",`, 10) + `""]}`,
		"too many in several arrays": `{"list":["","",""]` + long(`,"in":{"list":["","",""]}`, 3) + `}`,
		"a large value":              `{"one":[` + long(`{},`, 10_000) + `{}]}`,
		"a long text":                `{"list":["` + long("x", 100_000) + `"]}`,
		"a long text to skip":        `{"odd":"` + long("x", 100_000) + `"}`,
		"a long key":                 `{"` + long("x", 100_000) + `":1}`,
		"a gap":                      `{` + long(" ", 100_000) + `}`,
		"deep nesting":               `{"odd":` + long("[", 101),
		"too much to skip":           `{"odd":[` + long(`[],`, 500_000) + `1]}`,
	} {
		if _, err := read(NewReader(strings.NewReader(doc), plenty)); !errors.Is(err, ErrUnexpected) || len(err.Error()) > 200 {
			t.Errorf("%s: got %v, want an error that is about its content", name, err)
		}
	}
}

func TestErrorsSayWhereTheyAreAndKeepTheirCause(t *testing.T) {
	_, err := read(NewReader(strings.NewReader(`{"in":{"list":[7]}}`), plenty))
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok || !strings.HasPrefix(err.Error(), `"in": "list": `) {
		t.Errorf("got %v", err)
	}
	gone := errors.New("the line is gone")
	for _, begin := range []string{``, `{`, `{"list":["a",`, `{"one":{`, `{"odd":[`, `{}`} {
		r := io.MultiReader(strings.NewReader(begin), failing{gone})
		if _, err := read(NewReader(r, plenty)); !errors.Is(err, gone) {
			t.Errorf("after %s: got %v, want %v", begin, err, gone)
		}
	}
}

// failing is a reader that only fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
