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

	"tipoff/jsonstream"
)

// errNotSchedule is returned for JSON that is something else than a schedule.
var errNotSchedule = errors.New("not a schedule")

// maxValue is fifty times the size of the largest game of any feed.
const maxValue = 256 << 10

// value decodes the next value. A member of an unexpected type is left at its
// zero value; a game that lacks something essential for it is dropped later.
func value(in *jsonstream.Reader, v any) error {
	err := in.Value(v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
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
