package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// todoist is Todoist's side of the tokens: it hands them out, takes a refresh
// token once, answers its reuse for 60 s with the same access token and takes it
// for stolen after that.
type todoist struct {
	now func() time.Time

	mu       sync.Mutex
	once     map[string]*once // by refresh token
	access   map[string]*pass // by access token
	n        int
	calls    int      // refreshes asked for
	replays  int      // of them, those taken for theft
	revoked  []string // access tokens we were asked to forget
	latency  time.Duration
	before   func(call int) error // fails a refresh before Todoist sees it
	after    func(call int) error // loses the answer to a refresh
	onRevoke func() error
}

// once is a refresh token, which is taken once.
type once struct {
	user string
	used time.Time // zero: not yet
	next string    // the access token it was exchanged for
}

type pass struct {
	user    string
	expires time.Time
	revoked bool
}

func newTodoist(now func() time.Time) *todoist {
	return &todoist{now: now, once: make(map[string]*once), access: make(map[string]*pass)}
}

// signIn is an exchange of a code.
func (s *todoist) signIn(user string) Tokens {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issue(user)
}

func (s *todoist) issue(user string) Tokens {
	s.n++
	t := Tokens{
		Access:  fmt.Sprintf("access-%s-%d-0123456789abcdef0123456789", user, s.n),
		Refresh: fmt.Sprintf("refresh-%s-%d-0123456789abcdef0123456789", user, s.n),
		Expires: s.now().Add(time.Hour),
		Scope:   []string{"data:read_write"},
	}
	s.once[t.Refresh] = &once{user: user}
	s.access[t.Access] = &pass{user: user, expires: t.Expires}
	return t
}

// use is any request to the API; it tells whose it is.
func (s *todoist) use(access string) (user string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.access[access]
	if p == nil || p.revoked || !s.now().Before(p.expires) {
		return "", false
	}
	return p.user, true
}

func (s *todoist) refresh(ctx context.Context, token string, scopes []string) (Tokens, error) {
	s.mu.Lock()
	s.calls++
	call, before, after, latency := s.calls, s.before, s.after, s.latency
	s.mu.Unlock()
	if before != nil {
		if err := before(call); err != nil {
			return Tokens{}, err
		}
	}
	t, err := s.exchange(token)
	if scopes != nil {
		t.Scope = scopes
	}
	if latency > 0 {
		select {
		case <-ctx.Done():
			return Tokens{}, ctx.Err()
		case <-time.After(latency):
		}
	}
	if after != nil {
		if lost := after(call); lost != nil {
			return Tokens{}, lost
		}
	}
	return t, err
}

func (s *todoist) exchange(token string) (Tokens, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.once[token]
	switch {
	case g == nil:
		return Tokens{}, fmt.Errorf("invalid_grant: %w", ErrGrantGone)
	case g.used.IsZero():
		t := s.issue(g.user)
		g.used, g.next = s.now(), t.Access
		return t, nil
	case s.now().Sub(g.used) <= 60*time.Second:
		return Tokens{Access: g.next, Expires: s.access[g.next].expires}, nil
	}
	s.replays++
	s.revokeUser(g.user)
	return Tokens{}, fmt.Errorf("invalid_grant: %w", ErrGrantGone)
}

// revokeUser forgets all of a user's tokens, as after theft, or when the user
// takes the app out of the account.
func (s *todoist) revokeUser(user string) {
	for token, g := range s.once {
		if g.user == user {
			delete(s.once, token)
		}
	}
	for _, p := range s.access {
		if p.user == user {
			p.revoked = true
		}
	}
}

func (s *todoist) disconnect(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revokeUser(user)
}

func (s *todoist) revoke(_ context.Context, t Tokens) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onRevoke != nil {
		if err := s.onRevoke(); err != nil {
			return err
		}
	}
	s.revoked = append(s.revoked, t.Access)
	delete(s.once, t.Refresh)
	if p := s.access[t.Access]; p != nil {
		p.revoked = true
	}
	return nil
}

// told returns what the counters say.
func (s *todoist) told() (calls, replays int, revoked []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.replays, append([]string(nil), s.revoked...)
}

// set changes how it behaves.
func (s *todoist) set(change func(s *todoist)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// errLostAnswer is a refresh of which the answer did not arrive.
var errLostAnswer = errors.New("the answer was lost")
