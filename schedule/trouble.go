package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"tipoff/jsonstream"
)

// trouble is what keeps the schedule from being refreshed, or from being whole.
type trouble struct {
	text  string
	since time.Time
}

// sourceNames begin the sentences for people.
var sourceNames = map[string]string{SourceNBA: "The league's feed", SourceESPN: "ESPN", SourceFile: "The schedule's file"}

// sentence tells people about a source's error, and returns "" for one that is
// no trouble: a season that has not been released.
func sentence(source string, err error) string {
	who := sourceNames[source]
	refused, ok := errors.AsType[*RefusedError](err)
	switch {
	case ok && refused.NotYet:
		return ""
	case ok:
		return who + " is not used: " + refused.Reason + "."
	case source == SourceFile:
		return who + " cannot be read."
	}
	return who + " " + failure(err) + "."
}

// failure says what a source on the web did in place of sending its schedule.
func failure(err error) string {
	status, isStatus := errors.AsType[statusError](err)
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	_, notJSON := errors.AsType[*json.SyntaxError](err)
	switch {
	case isStatus && status/100 == 4:
		return "refused the request (" + status.Error() + ")"
	case isStatus:
		return "answered " + status.Error() + " instead of the schedule"
	case errors.Is(err, errWebPage):
		return "answered with a web page instead of the schedule"
	case tooLarge:
		return fmt.Sprintf("sent more than %d MB", maxBody>>20)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "sent only a part of the schedule"
	case notJSON, errors.Is(err, jsonstream.ErrUnexpected), errors.Is(err, errNotSchedule):
		return "sent something other than the schedule"
	}
	return "is not answering"
}

// leftOut tells people which games of a source are left out.
func leftOut(source string, faulty []string) string {
	const most = 3 // that are named
	who, n := sourceNames[source], len(faulty)
	switch {
	case n == 0:
		return ""
	case n == 1:
		return who + " has a faulty entry, which is left out: " + faulty[0] + "."
	case n > most:
		faulty = append(faulty[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return fmt.Sprintf("%s has %d faulty entries, which are left out: %s.", who, n, strings.Join(faulty, "; "))
}

// settle makes a trouble known, or its end. The same one is logged once.
func (l *Live) settle(text string, err error) {
	before := l.trouble.Load()
	switch {
	case text == "":
		l.trouble.Store(nil)
		if before != nil {
			l.cfg.Log.Info("the schedule has no more trouble")
		}
		return
	case errors.Is(err, context.Canceled):
		return // The program is being stopped.
	case before == nil:
		l.trouble.Store(&trouble{text, l.cfg.Now().UTC()})
	case before.text == text:
		return
	default:
		l.trouble.Store(&trouble{text, before.since})
	}
	if err == nil {
		l.cfg.Log.Warn("the schedule has faulty entries", "trouble", text)
	} else {
		l.cfg.Log.Warn("the schedule is not refreshed", "trouble", text, "error", err)
	}
}
