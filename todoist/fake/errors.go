package fake

import (
	"net/http"
	"strconv"
	"strings"
)

// An Error is Todoist's error object, the status of a refused command or the
// body of a refused request. All five fields are always sent: the SDK's types
// demand them.
type Error struct {
	Message string         `json:"error"`
	Code    int            `json:"error_code"`
	Extra   map[string]any `json:"error_extra"`
	Tag     string         `json:"error_tag"`
	HTTP    int            `json:"http_code"`
}

// The tags, codes and texts are those seen on the wire where they are known;
// the codes of the not-found family, of a plan's refusals and of a missing
// argument are from reports about older versions.

func invalidArgument(argument, expected, explanation string) *Error {
	extra := map[string]any{"argument": argument}
	if expected != "" {
		extra["expected"] = expected
	}
	if explanation != "" {
		extra["explanation"] = explanation
	}
	return &Error{"Invalid argument value", 20, extra, "INVALID_ARGUMENT_VALUE", http.StatusBadRequest}
}

func missingArgument(argument string) *Error {
	return &Error{"Required argument is missing", 19, map[string]any{"argument": argument}, "ARGUMENT_MISSING", http.StatusBadRequest}
}

func invalidTempID(argument string) *Error {
	return &Error{"Invalid temporary id", 15, map[string]any{"argument": argument}, "INVALID_TEMPID", http.StatusBadRequest}
}

func projectNotFound() *Error {
	return &Error{"Project not found", 21, map[string]any{}, "PROJECT_NOT_FOUND", http.StatusNotFound}
}

func taskNotFound() *Error {
	return &Error{"Item not found", 22, map[string]any{}, "ITEM_NOT_FOUND", http.StatusNotFound}
}

func sectionNotFound() *Error {
	return &Error{"Section not found", 23, map[string]any{}, "SECTION_NOT_FOUND", http.StatusNotFound}
}

func reminderNotFound() *Error {
	return &Error{"Reminder not found", 24, map[string]any{}, "REMINDER_NOT_FOUND", http.StatusNotFound}
}

func notFound() *Error {
	return &Error{"Not found", 478, map[string]any{"retry_after": 3}, "NOT_FOUND", http.StatusNotFound}
}

func forbidden(explanation string) *Error {
	return &Error{"Forbidden", 32, map[string]any{"explanation": explanation}, "FORBIDDEN", http.StatusForbidden}
}

func badRequest(text string) *Error {
	return &Error{text, 20, map[string]any{}, "INVALID_REQUEST", http.StatusBadRequest}
}

func tooLarge() *Error {
	return &Error{"Request body too large", 20, map[string]any{"max_count": maxBody}, "REQUEST_TOO_LARGE", http.StatusRequestEntityTooLarge}
}

func unauthorized() *Error {
	return &Error{"Unauthorized", 477, map[string]any{"retry_after": 3, "event_id": newID()}, "UNAUTHORIZED", http.StatusUnauthorized}
}

func insufficientScope() *Error {
	return &Error{"Insufficient Token scope", 403, map[string]any{"access_type": "access_token"}, "AUTH_INSUFFICIENT_TOKEN_SCOPE", http.StatusForbidden}
}

func tooManyRequests(retryAfter int) *Error {
	return &Error{"Too many requests. Limits reached. Try again later", 35,
		map[string]any{"retry_after": retryAfter, "event_id": newID()}, "LIMITS_REACHED", http.StatusTooManyRequests}
}

func maxProjects(limit int) *Error {
	return &Error{"Maximum number of projects reached", 49, map[string]any{"max_count": limit}, "MAX_PROJECTS_LIMIT_REACHED", http.StatusForbidden}
}

func maxTasks(limit int) *Error {
	return &Error{"Maximum number of items exceeded", 49, map[string]any{"max_count": limit}, "MAX_ITEMS_LIMIT_REACHED", http.StatusForbidden}
}

func maxSections(limit int) *Error {
	return &Error{"Maximum number of sections reached", 49, map[string]any{"max_count": limit}, "MAX_SECTIONS_LIMIT_REACHED", http.StatusForbidden}
}

func maxLabels(limit int) *Error {
	return &Error{"Maximum number of labels reached", 49, map[string]any{"max_count": limit}, "MAX_LABELS_LIMIT_REACHED", http.StatusForbidden}
}

func maxReminders(limit int) *Error {
	return &Error{"Maximum number of reminders reached", 49, map[string]any{"max_count": limit}, "MAX_REMINDERS_LIMIT_REACHED", http.StatusForbidden}
}

func premiumOnly() *Error {
	return &Error{"Premium only feature", 32, map[string]any{}, "PREMIUM_ONLY", http.StatusForbidden}
}

// refused is the answer to a request that is refused as a whole.
func refused(e *Error) answer {
	a := jsonAnswer(e.HTTP, e)
	a.header = http.Header{}
	if e.HTTP == http.StatusUnauthorized {
		a.header.Set("WWW-Authenticate", `Bearer realm="todoist", error="invalid_token"`)
	}
	if seconds, ok := e.Extra["retry_after"].(int); ok && e.HTTP == http.StatusTooManyRequests {
		a.header.Set("Retry-After", strconv.Itoa(seconds))
	}
	return a
}

// unauthorizedAnswer is the answer to a missing, unknown or expired token. It
// names where the resource describes itself (RFC 9728).
func unauthorizedAnswer(r *http.Request) answer {
	a := refused(unauthorized())
	a.header.Set("WWW-Authenticate", `Bearer realm="todoist", error="invalid_token", resource_metadata="`+baseURL(r)+`/.well-known/oauth-protected-resource"`)
	return a
}

// baseURL is the address that the request came to.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
