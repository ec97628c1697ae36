package todoist

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Error tags that decide what people are told.
// https://developer.todoist.com/api/v1/ and, for the limits, what the official
// clients' tests expect.
const (
	TagUnauthorized    = "UNAUTHORIZED"
	TagScope           = "AUTH_INSUFFICIENT_TOKEN_SCOPE"
	TagNotFound        = "NOT_FOUND"
	TagInvalidArgument = "INVALID_ARGUMENT_VALUE"
	TagRateLimit       = "LIMITS_REACHED"
	TagProjectLimit    = "MAX_PROJECTS_LIMIT_REACHED"
	TagTaskLimit       = "MAX_ITEMS_LIMIT_REACHED"
	TagSectionLimit    = "MAX_SECTIONS_LIMIT_REACHED"
)

// Error is Todoist's refusal of a request or of one command in it. Todoist may
// leave out any field, so each may be empty.
type Error struct {
	// Status is the HTTP status, of the answer or as given for one command.
	Status int
	// Tag names the kind of refusal, such as TagProjectLimit.
	Tag  string
	Code int
	// Text is Todoist's own sentence, in English.
	Text string
	// Argument names the argument that was refused, if any.
	Argument string
	// RetryAfter is how long Todoist asks to wait; zero when it does not say.
	RetryAfter time.Duration
}

// Error is for the log, and therefore leaves out of what Todoist wrote whatever
// could be a token that it says back.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "todoist answered %d", e.Status)
	if e.Tag != "" {
		b.WriteString(" " + withoutSecrets(e.Tag))
	}
	if e.Text != "" {
		b.WriteString(": " + withoutSecrets(e.Text))
	}
	if e.Argument != "" {
		b.WriteString(" (" + withoutSecrets(e.Argument) + ")")
	}
	return b.String()
}

// No word of a sentence is this long; tags, which are, have capitals alone.
var longWord = regexp.MustCompile(`\S{16,}`)

func withoutSecrets(s string) string {
	return longWord.ReplaceAllStringFunc(s, func(word string) string {
		if strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" {
			return word
		}
		return "…"
	})
}

// temporary reports whether the same request may be granted later.
func (e *Error) temporary() bool { return e.Status == 429 || e.Status >= 500 }

// PlanLimit reports whether the refusal is one of the user's plan: too many
// projects, tasks or sections, or a feature the plan does not have.
func (e *Error) PlanLimit() bool {
	return strings.HasPrefix(e.Tag, "MAX_") || strings.HasPrefix(e.Tag, "PREMIUM_")
}

// Gone reports whether Todoist refused because it knows no such thing. A project's id
// that it does not know is an invalid argument to it, anything else is not found.
func Gone(err error) bool {
	refused, ok := errors.AsType[*Error](err)
	return ok && (refused.Status == 404 && refused.Tag == TagNotFound || refused.Status == 400 && refused.Tag == TagInvalidArgument)
}

// lostError is a request whose answer never came or made no sense.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// Doubtful reports whether the request that ended in err may have been carried
// out all the same: its answer was lost, made no sense, or was the server's
// own failure. What is there has to be read before anything is sent anew.
func Doubtful(err error) bool {
	if _, ok := errors.AsType[*lostError](err); ok {
		return true
	}
	refused, ok := errors.AsType[*Error](err)
	return ok && refused.Status >= 500
}

// wireError is the error object of answers and of single commands.
type wireError struct {
	Tag   string          `json:"error_tag"`
	Code  int             `json:"error_code"`
	Text  string          `json:"error"`
	HTTP  int             `json:"http_code"`
	Extra json.RawMessage `json:"error_extra"`
}

// refusal reads an error object. status is used where the object names none.
func (w *wireError) refusal(status int) *Error {
	e := &Error{Status: w.HTTP, Tag: w.Tag, Code: w.Code, Text: shorten(w.Text, 200)}
	if e.Status == 0 {
		e.Status = status
	}
	// error_extra is an object, but what it holds differs by error; what does
	// not decode is no reason to lose the rest.
	var extra struct {
		Argument   string  `json:"argument"`
		RetryAfter float64 `json:"retry_after"`
	}
	if json.Unmarshal(w.Extra, &extra) == nil {
		e.Argument = shorten(extra.Argument, 60)
		e.RetryAfter = seconds(extra.RetryAfter)
	}
	return e
}

// seconds turns a count of seconds from the wire into a duration between none
// and a day, so that an absurd figure cannot overflow.
func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, 86400) * float64(time.Second))
}

func shorten(s string, most int) string {
	s = strings.ToValidUTF8(s, "")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
