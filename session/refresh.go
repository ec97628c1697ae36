package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// refreshEarly is how long before its expiry an access token is replaced.
	refreshEarly = time.Minute

	// Todoist answers a refresh token that was used already with the same new
	// access token for 60 s, and takes it for stolen after that: every token of
	// the user is revoked. From the moment a token may have been used it is
	// therefore sent again for resendFor only, which with askTimeout leaves ten
	// seconds for clocks that differ and answers that linger.
	resendFor  = 40 * time.Second
	askTimeout = 10 * time.Second

	// A replica that finds another one at it waits for that one's answer until
	// it must have given up.
	waitForOther = askTimeout + 2*time.Second
	waitStep     = 100 * time.Millisecond

	// renewTimeout bounds a refresh with all its waits and attempts.
	renewTimeout = resendFor + askTimeout

	// unusedFor is how long a grant may go without a refresh: nobody knows whether
	// Todoist forgets idle ones.
	unusedFor = 7 * 24 * time.Hour

	// maxReplaced bounds how many replaced pairs a grant remembers. Each sign-in in
	// another browser replaces one.
	maxReplaced = 100
)

// Scope is what this request's session may do at Todoist.
func (m *Manager) Scope(ctx context.Context) []string {
	if _, _, err := m.signedIn(ctx); err != nil {
		return nil
	}
	own, _ := m.ownTokens(ctx)
	return own.Scope
}

// Access returns the access token of this request's session. refused is an
// access token that Todoist has just answered 401 to, or empty at first; it is
// never returned again.
//
// A session whose token is about to expire, or was refused, gets the one of its
// user's grant, which is refreshed when that is no better: once, however many
// requests ask, and stored before it is used. ErrSignedOut says that there is none
// any more; the user is then signed out, so that the sign-in page is shown and does
// not send back here. Any other error is Todoist's or the database's, and passes.
func (m *Manager) Access(ctx context.Context, refused string) (string, error) {
	rq, s, err := m.signedIn(ctx)
	if err != nil {
		return "", err
	}
	own, _ := m.ownTokens(ctx)
	if own.fresh(refused, m.now()) {
		return own.Access, nil
	}
	t, err := m.tokensOf(ctx, s.user.ID, refused)
	switch {
	case err == nil:
		if t.Access != own.Access {
			m.set(ctx, rq, valueToken, ownCopy(t))
		}
		return t.Access, nil
	case own.valid(refused, m.now()):
		return own.Access, nil // for the rest of its last minute
	case errors.Is(err, ErrSignedOut):
		m.forget(ctx, rq, s)
	}
	return "", err
}

// forget ends a sign-in that has no token any more.
func (m *Manager) forget(ctx context.Context, rq *request, s *signIn) {
	rq.mu.Lock()
	defer rq.mu.Unlock()
	rq.signIn = nil
	if err := m.endSignIns(ctx, s.user.ID, s.id); err != nil {
		m.cfg.Log.WarnContext(ctx, "sign-in not ended", "user", s.user.ID, "error", err)
	}
}

// tokensOf returns a user's tokens of which the access token can be used for a minute
// or more, refreshed if need be.
func (m *Manager) tokensOf(ctx context.Context, user, refused string) (Tokens, error) {
	for range 3 {
		g, err := m.grantOf(ctx, user)
		if err != nil {
			return Tokens{}, err
		}
		if g.tokens.fresh(refused, m.now()) {
			return g.tokens, nil
		}
		// One at a time per user. The first caller's leaving must not break off what
		// the others wait for, nor lose the answer.
		refresh := m.refreshes.DoChan(user, func() (any, error) {
			if !m.begin() {
				return nil, fmt.Errorf("refresh the token: %w", ErrUnavailable)
			}
			defer m.refreshing.Done()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
			defer cancel()
			return m.renew(ctx, user, refused)
		})
		select {
		case <-ctx.Done():
			return Tokens{}, fmt.Errorf("wait for a new token: %w", ctx.Err())
		case got := <-refresh:
			if got.Err != nil {
				return Tokens{}, got.Err
			}
			// It may have been asked for by somebody who had not been refused.
			if t := got.Val.(Tokens); t.Access != refused {
				return t, nil
			}
		}
	}
	return Tokens{}, errors.New("get an access token: Todoist gave the refused one again")
}

// begin counts a refresh that begins, unless the Manager has been closed.
func (m *Manager) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.refreshing.Add(1)
	}
	return !m.closed
}

// keepAlive refreshes a grant that nobody has used for long. What fails is tried
// again by the next sweep.
func (m *Manager) keepAlive(ctx context.Context, user string) {
	g, err := m.grantOf(ctx, user)
	if err == nil && g.tokens.Refresh != "" {
		_, err = m.tokensOf(ctx, user, g.tokens.Access)
	} else if err == nil {
		_, _, err = m.swap(ctx, g) // notes the use of a token that cannot be refreshed
	}
	if err != nil && !errors.Is(err, ErrSignedOut) {
		m.cfg.Log.WarnContext(ctx, "unused grant not refreshed", "error", err)
	}
}

// Narrow gives back what the session's token may do beyond scope: the user's pair is
// refreshed with this scope, now or, if that fails, next time.
func (m *Manager) Narrow(ctx context.Context, scope []string) error {
	rq, s, err := m.signedIn(ctx)
	if err != nil || s.user.Personal {
		return err
	}
	for range 3 {
		g, err := m.grantOf(ctx, s.user.ID)
		if err != nil {
			return err
		}
		if g.tokens.Refresh == "" {
			return nil
		}
		g.scope = scope
		if _, ok, err := m.swap(ctx, g); err != nil {
			return err
		} else if !ok {
			continue // read it again
		}
		t, err := m.tokensOf(ctx, s.user.ID, g.tokens.Access)
		if err != nil {
			return err
		}
		m.set(ctx, rq, valueToken, ownCopy(t))
		return nil
	}
	return errors.New("narrow the token: the grant changes all the time")
}

// renew gets a new pair, unless somebody else has. The row is read again before
// everything that is decided by it.
func (m *Manager) renew(ctx context.Context, user, refused string) (Tokens, error) {
	for {
		g, err := m.grantOf(ctx, user)
		if err != nil {
			return Tokens{}, err
		}
		now := m.now()
		switch {
		case g.tokens.fresh(refused, now):
			return g.tokens, nil

		case g.tokens.Refresh == "" || m.cfg.Refresh == nil:
			if g.tokens.valid(refused, now) {
				return g.tokens, nil
			}
			return Tokens{}, m.wipe(ctx, g, "the token is used up and there is no refresh token")

		case g.asked.IsZero():
			g.asked, g.by = now, m.process
			g, ok, err := m.swap(ctx, g)
			if err != nil {
				return Tokens{}, err
			}
			if ok {
				return m.ask(ctx, g, refused, false)
			}
			// Somebody else has changed the row: read it again.

		case now.Sub(g.asked).Abs() > resendFor:
			if g.tokens.valid(refused, now) {
				return g.tokens, nil
			}
			return Tokens{}, m.wipe(ctx, g, "an earlier refresh was cut off")

		case g.by == m.process || now.Sub(g.asked) > waitForOther:
			// We asked and got no answer, or another process did and has died.
			return m.ask(ctx, g, refused, true)

		case g.tokens.valid(refused, now):
			return g.tokens, nil // another process is getting the next one

		default:
			select {
			case <-ctx.Done():
				return Tokens{}, fmt.Errorf("wait for another process's new token: %w", ctx.Err())
			case <-time.After(waitStep):
			}
		}
	}
}

// ask asks Todoist for a new pair and stores it. The row says already that it was
// asked. again says that it may have been asked with this pair before, without an
// answer.
func (m *Manager) ask(ctx context.Context, g grant, refused string, again bool) (Tokens, error) {
	next, again, err := m.askTodoist(ctx, g, again)
	switch {
	case err == nil && next.Access == "":
		return Tokens{}, errors.New("refresh the token: the answer has no access token")
	case err == nil && next.Refresh == "" && !again:
		// Somebody else has asked with the same token within the last minute. Their
		// pair is in the row, or will be, and is newer than anything of ours.
		return next, nil
	case err == nil && next.Refresh == "":
		return m.keepAccess(ctx, g, next)
	case err == nil:
		return m.keep(ctx, g, next)
	case errors.Is(err, ErrGrantGone):
		now, readErr := m.grantOf(ctx, g.user)
		if readErr != nil {
			return Tokens{}, readErr
		}
		if now.tokens.Refresh != g.tokens.Refresh {
			return now.tokens, nil // a sign-in or another process was quicker
		}
		return Tokens{}, m.wipe(ctx, now, "Todoist took the grant back")
	case errors.Is(err, ErrUntouched) && !again:
		// As if it had never been asked.
		g.asked, g.by = time.Time{}, ""
		if _, _, err := m.swap(ctx, g); err != nil {
			m.cfg.Log.WarnContext(ctx, "token refresh not unmarked", "error", err)
		}
	}
	m.cfg.Log.WarnContext(ctx, "token refresh failed", "error", err)
	if g.tokens.valid(refused, m.now()) {
		return g.tokens, nil // good for the rest of its last minute
	}
	return Tokens{}, fmt.Errorf("refresh the token: %w", err)
}

// askTodoist asks for a new pair, and once more where the answer may have been lost on
// its way: the same question gets the same access token, while it is not too late.
func (m *Manager) askTodoist(ctx context.Context, g grant, again bool) (next Tokens, asked bool, err error) {
	for try := range 2 {
		if try > 0 {
			if m.now().Sub(g.asked) > resendFor {
				break
			}
			again = true
			m.cfg.Log.WarnContext(ctx, "token refresh asked again", "error", err)
		}
		next, err = m.askOnce(ctx, g)
		if err == nil || errors.Is(err, ErrGrantGone) || errors.Is(err, ErrUntouched) {
			break
		}
	}
	if next.Scope == nil {
		next.Scope = g.tokens.Scope
		if g.scope != nil {
			next.Scope = g.scope
		}
	}
	return next, again, err
}

func (m *Manager) askOnce(ctx context.Context, g grant) (Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return m.cfg.Refresh(ctx, g.tokens.Refresh, g.scope)
}

// keep stores a new pair in place of the one it was got with. Where a sign-in has put
// another one there meanwhile, ours is remembered, to be revoked with the grant.
func (m *Manager) keep(ctx context.Context, g grant, next Tokens) (Tokens, error) {
	askedWith := g.tokens.Refresh
	for try := 0; ; {
		if g.tokens.Refresh == askedWith {
			g.tokens, g.asked, g.by, g.scope = next, time.Time{}, "", nil
		} else {
			g.remember(next)
		}
		_, ok, err := m.swap(ctx, g)
		if ok {
			m.cfg.Log.InfoContext(ctx, "token refreshed")
			return g.tokens, nil
		}
		if err == nil {
			g, err = m.grantOf(ctx, g.user)
		}
		switch {
		case errors.Is(err, ErrSignedOut):
			// The grant ended meanwhile, and with it goes what it would have got.
			if err := m.retire(ctx, next); err != nil {
				m.cfg.Log.WarnContext(ctx, "token not revoked", "error", err)
			}
			return Tokens{}, ErrSignedOut
		case err != nil && try == 3:
			return Tokens{}, fmt.Errorf("store the new token: %w", err)
		case err != nil:
			// A database that comes back within seconds still gets the pair.
			select {
			case <-ctx.Done():
			case <-time.After(time.Second << try):
			}
			try++
			if now, err := m.grantOf(ctx, g.user); err == nil {
				g = now
			}
		}
		if g.tokens.Access == next.Access && g.tokens.Refresh == next.Refresh {
			return next, nil // written by an attempt that seemed to fail
		}
	}
}

// keepAccess takes an access token that came without a refresh token because the
// answer to an earlier attempt was lost, and the refresh token with it. The access
// token is kept for the rest of its hour; then the user must sign in. A row that
// has changed, because the answer was not lost after all, is newer and stays.
func (m *Manager) keepAccess(ctx context.Context, g grant, next Tokens) (Tokens, error) {
	g.tokens, g.asked, g.by = next, time.Time{}, ""
	_, ok, err := m.swap(ctx, g)
	if err != nil {
		return Tokens{}, fmt.Errorf("store the new token: %w", err)
	}
	m.cfg.Log.InfoContext(ctx, "token refreshed without a refresh token", "kept", ok)
	return next, nil
}
