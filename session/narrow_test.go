package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// After an undo the token may do no more than before it.
func TestNarrowing(t *testing.T) {
	narrow := []string{"data:read_write"}
	s := newSite(t, "memory:", long)
	b := newBrowser()
	wide := s.todoist.signIn("ann")
	wide.Scope = []string{"data:read_write", "data:delete"}
	b.signInWith(t, s, userNamed("ann"), wide)
	scope := func() (scope []string) {
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { scope = s.Scope(ctx) })
		return scope
	}
	narrowNow := func() (err error) {
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) { err = s.Narrow(ctx, narrow) })
		return err
	}
	if got := scope(); !slices.Equal(got, wide.Scope) {
		t.Errorf("scope %v", got)
	}
	s.todoist.before = func(int) error { return fmt.Errorf("down: %w", ErrUntouched) }
	if err := narrowNow(); !errors.Is(err, ErrUntouched) {
		t.Errorf("Narrow = %v, want why Todoist was not reached", err)
	}
	if got := scope(); !slices.Equal(got, wide.Scope) {
		t.Errorf("scope %v while Todoist is down", got)
	}
	s.todoist.before = nil
	s.clock.advance(61 * time.Minute) // the next refresh does it
	access, err := b.access(s, "")
	wantValid(t, s, access, err, "ann")
	if got := scope(); !slices.Equal(got, narrow) {
		t.Errorf("scope %v, want %v", got, narrow)
	}
	if err := narrowNow(); err != nil || !slices.Equal(scope(), narrow) {
		t.Errorf("Narrow = %v, scope %v", err, scope())
	}
	access, err = b.access(s, "")
	wantValid(t, s, access, err, "ann")

	personal := userNamed("bob")
	personal.Personal = true
	b.signInWith(t, s, personal, Tokens{Access: "personal", Scope: wide.Scope})
	if err := narrowNow(); err != nil {
		t.Errorf("Narrow of a personal token = %v", err)
	}
	if got, err := b.access(s, ""); got != "personal" || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
}

// A refresh that was under way when the scope was narrowed does not undo that.
func TestNarrowingDuringARefresh(t *testing.T) {
	s := newSite(t, "memory:", long)
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	s.todoist.after = func(call int) error {
		if call == 1 {
			g := s.grantRow(t, "ann")
			g.Scope = []string{"data:read"}
			if err := s.swap(t.Context(), &g); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	second, err := b.access(s, first.Access)
	wantValid(t, s, second, err, "ann")
	b.access(s, second)
	if g := s.grantRow(t, "ann"); !slices.Equal(g.Tokens.Scope, []string{"data:read"}) || g.Scope != nil {
		t.Errorf("the pair may %v", g.Tokens.Scope)
	}
}
