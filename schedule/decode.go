package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// errNotSchedule is returned for JSON that is something else than a schedule.
var errNotSchedule = errors.New("not a schedule")

// stream reads a JSON document piece by piece, so that a whole feed is never
// in memory.
type stream struct {
	*json.Decoder
	in   *window
	left int // elements of arrays that may come
}

// newStream reads a document whose arrays have at most so many elements in all,
// those in values that are decoded whole not counted.
func newStream(r io.Reader, elements int) *stream {
	s := &stream{in: &window{r: r}, left: elements}
	s.Decoder = json.NewDecoder(s.in)
	s.in.dec = s.Decoder
	return s
}

// A window lets the decoder collect no value of over maxValue bytes: a small
// text can take hundredfold memory once it is decoded.
type window struct {
	r   io.Reader
	dec *json.Decoder
	got int64
}

const (
	// maxValue is fifty times the largest game of any feed.
	maxValue = 256 << 10
	// maxDepth bounds how deep values are nested that are read over.
	maxDepth = 100
)

func (w *window) Read(p []byte) (int, error) {
	if w.got-w.dec.InputOffset() > maxValue {
		return 0, fmt.Errorf("%w: one value is over %d kB", errNotSchedule, maxValue>>10)
	}
	n, err := w.r.Read(p)
	w.got += int64(n)
	return n, err
}

// object calls member with each key of the object that comes next; member has
// to consume the value. A null counts as an object without members.
func (s *stream) object(member func(key string) error) error {
	return s.each('{', func() error {
		key, err := s.Token()
		if err != nil {
			return err
		}
		return member(key.(string)) // in an object, a token before a value is its key
	})
}

// array calls element before each element of the array that comes next;
// element has to consume it. A null counts as an empty array.
func (s *stream) array(element func() error) error {
	return s.each('[', func() error {
		if s.left--; s.left < 0 {
			return fmt.Errorf("%w: it lists too much", errNotSchedule)
		}
		return element()
	})
}

func (s *stream) each(open json.Delim, next func() error) error {
	tok, err := s.Token()
	if err != nil || tok == nil {
		return err
	}
	if tok != open {
		return errNotSchedule
	}
	for s.More() {
		if err := next(); err != nil {
			return err
		}
	}
	_, err = s.Token() // the closing one
	return err
}

// value decodes the next value. A member of an unexpected type is left at its
// zero value; a game that lacks something essential for it is dropped later.
func (s *stream) value(v any) error {
	err := s.Decode(v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
}

// skip reads over the next value.
func (s *stream) skip() error {
	for depth := 0; ; {
		token, err := s.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth > maxDepth {
			return fmt.Errorf("%w: it is nested too deep", errNotSchedule)
		}
		if depth == 0 {
			return nil
		}
	}
}

// end reports an error unless the document is complete and nothing follows it.
func (s *stream) end() error {
	switch _, err := s.Token(); {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: something follows the document", errNotSchedule)
}

// truncated names an end of input in the middle of a document.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the document is cut short: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// looseBool is a boolean that some feeds write as a string.
type looseBool bool

// UnmarshalJSON accepts true, "true" and "True"; all else is false.
func (f *looseBool) UnmarshalJSON(b []byte) error {
	*f = looseBool(strings.EqualFold(strings.Trim(string(b), `" `), "true"))
	return nil
}

// tidy takes control characters and needless spaces out of a text.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// names tidies a list of names. It leaves out doubles and names that are still
// to be decided.
func names(list []string) []string {
	var kept []string
	for _, name := range list {
		name = tidy(name)
		if name != "" && !strings.EqualFold(name, "TBD") && !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// teamCode returns a team's code, or "" for what cannot be one.
func teamCode(s string) string {
	s = strings.ToUpper(tidy(s))
	if len(s) < 2 || len(s) > 10 || s == "TBD" || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return ""
	}
	return s
}

// place tidies the name of an arena, a city or a state, whose "TBD" is as good
// as nothing.
func place(s string) string {
	s = tidy(s)
	if strings.EqualFold(s, "TBD") {
		return ""
	}
	return s
}

// instant reads a time in UTC with or without seconds. The feeds' sentinel
// years 1 and 1900 are no time.
func instant(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(minutes, s)
	}
	t = t.UTC().Truncate(time.Second)
	if err != nil || t.Year() <= 1900 || t.Year() > 2900 {
		return time.Time{}, false
	}
	return t, true
}

// minutes is RFC 3339 without the seconds, as ESPN writes its times.
const minutes = "2006-01-02T15:04Z07:00"

// plainLabel takes the sponsor out of a label: "Emirates NBA Cup" is the NBA
// Cup, "NBA Finals presented by YouTube TV" the NBA Finals.
func plainLabel(s string) string {
	for _, plain := range [...]string{"NBA Cup", "Play-In Tournament", "All-Star Game"} {
		if strings.Contains(s, plain) {
			return plain
		}
	}
	before, _, _ := strings.Cut(s, " presented by ")
	return before
}
