package session

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// Tokens are what Todoist gave to act for a user. They print as "[tokens]". Their JSON
// is only ever sealed.
type Tokens struct {
	Access  string    `json:"access"`
	Refresh string    `json:"refresh,omitempty"` // empty for personal API tokens and for apps from before refresh tokens
	Expires time.Time `json:"expires,omitzero"`  // of the access token; zero: never
	Scope   []string  `json:"scope,omitempty"`
}

// LogValue keeps the tokens out of logs.
func (Tokens) LogValue() slog.Value { return slog.StringValue("[tokens]") }

// String and GoString keep the tokens out of everything that fmt prints.
func (Tokens) String() string   { return "[tokens]" }
func (Tokens) GoString() string { return "[tokens]" }

// valid tells whether the access token can still be used, if Todoist has not refused
// it.
func (t Tokens) valid(refused string, now time.Time) bool {
	return t.Access != refused && t.Access != "" && (t.Expires.IsZero() || now.Before(t.Expires))
}

// fresh tells whether the access token can be used without a refresh.
func (t Tokens) fresh(refused string, now time.Time) bool {
	return t.valid(refused, now.Add(refreshEarly))
}

// openTokens opens sealed tokens that are in no grant.
func (m *Manager) openTokens(name string, sealed []byte) (Tokens, bool) {
	var t Tokens
	plain, ok := m.ring.open(name, sealed)
	ok = ok && json.Unmarshal(plain, &t) == nil
	return t, ok
}

// ownTokens is the copy of the access token that the session itself holds, if any.
func (m *Manager) ownTokens(ctx context.Context) (t Tokens) {
	_ = json.Unmarshal([]byte(m.scs.GetString(ctx, valueToken)), &t)
	return t
}

// ownCopy is what a session holds of tokens.
func ownCopy(t Tokens) string {
	t.Refresh = ""
	b, _ := json.Marshal(t) // strings and a time of this century always encode
	return string(b)
}
