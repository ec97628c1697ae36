package fake

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault is something that goes wrong. Its first group of fields says for
// which requests, the second says what happens to them. A Fault that names
// neither Status, Drop, Cut, Delay nor Refuse leaves the request alone.
type Fault struct {
	// Requests that it is for; an empty field means any.
	Method  string
	Path    string // part of the path
	Account string // user id
	Command string // a sync request that carries a command of this type
	Match   func(Request) bool

	Nth   int // the first of the matching requests that is hit; 0 and 1 are the first
	Times int // how many are hit; 0 is all from then on

	// Refuse lets single commands of a sync request fail with this error,
	// while all others are executed: those of the type Command (any type when
	// it is empty), of these the one at CommandIndex from 0, or all for -1.
	Refuse       *Error
	CommandIndex int

	// Status is answered instead of the real answer, with Body or, when that
	// is empty, with the body that Todoist has for such a status.
	Status      int
	Body        string
	ContentType string
	RetryAfter  int // seconds; header and, without a Body, error_extra

	// AfterApply lets the request take effect before its answer is replaced.
	AfterApply bool

	// Drop closes the connection without an answer. Cut applies the request
	// and closes the connection in the middle of the answer's body.
	Drop, Cut bool

	// Delay is waited before the answer; with AfterApply the request takes
	// effect before it, otherwise after it and only if the client still waits.
	Delay time.Duration
}

// A fault is a Fault at work; seen counts the requests that matched.
type fault struct {
	Fault
	seen int
}

// Fail adds a fault. Where several match a request, the oldest has it.
func (s *Server) Fail(f Fault) (remove func()) {
	added := &fault{Fault: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, added)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(f *fault) bool { return f == added })
	}
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (f *fault) matches(r Request) bool {
	return (f.Method == "" || f.Method == r.Method) &&
		strings.Contains(r.Path, f.Path) &&
		(f.Account == "" || f.Account == r.Account) &&
		(f.Command == "" || slices.Contains(r.Commands, f.Command)) &&
		(f.Match == nil || f.Match(r))
}

// nextFault counts the request at every fault that it matches and returns the
// one that hits it, if any.
func (s *Server) nextFault(r Request) *fault {
	var hit *fault
	for _, f := range s.faults {
		if !f.matches(r) {
			continue
		}
		f.seen++
		first := max(f.Nth, 1)
		if hit == nil && f.seen >= first && (f.Times == 0 || f.seen < first+f.Times) {
			hit = f
		}
	}
	return hit
}

// fail answers a request that a fault hits. An answer without a status is a
// closed connection.
func (s *Server) fail(c *call, f *fault, h func(*call) answer) answer {
	if f.Refuse != nil {
		c.refuse = map[int]*Error{}
		n := 0
		for i, kind := range c.log.Commands {
			if f.Command != "" && f.Command != kind {
				continue
			}
			if f.CommandIndex == n || f.CommandIndex == -1 {
				c.refuse[i] = f.Refuse
			}
			n++
		}
	}
	var a answer
	applied := f.AfterApply || f.Cut
	if applied {
		a = h(c)
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.r.Context().Done():
			return answer{}
		}
	}
	switch {
	case f.Drop:
		return answer{}
	case f.Status != 0:
		return f.answer()
	case !applied:
		return h(c)
	}
	return a
}

// answer is the answer that the fault gives instead of the real one.
func (f *fault) answer() answer {
	a := answer{status: f.Status, header: http.Header{}}
	switch {
	case f.Body != "":
		a.body = []byte(f.Body)
	case f.Status == http.StatusUnauthorized:
		a = refused(unauthorized())
	case f.Status == http.StatusForbidden:
		a = refused(insufficientScope())
	case f.Status == http.StatusNotFound:
		a = refused(notFound())
	case f.Status == http.StatusTooManyRequests:
		a = refused(tooManyRequests(f.RetryAfter))
	case f.Status >= 400:
		e := &Error{http.StatusText(f.Status), f.Status, map[string]any{"event_id": newID()}, "INTERNAL_ERROR", f.Status}
		if f.RetryAfter > 0 {
			e.Extra["retry_after"] = f.RetryAfter
		}
		a = refused(e)
	}
	if f.ContentType != "" {
		a.header.Set("Content-Type", f.ContentType)
	}
	if f.RetryAfter > 0 {
		a.header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	return a
}
