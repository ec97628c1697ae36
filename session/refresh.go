package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tipoff/database"
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
	return m.ownTokens(ctx).Scope
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
	own := m.ownTokens(ctx)
	if own.fresh(refused, m.now()) {
		return own.Access, nil
	}
	t, err := Tokens{}, s.alone
	if err == nil {
		t, err = m.tokensOf(ctx, s.user.ID, refused)
	}
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

// AccessOf returns the access token of a user who need not be here, refreshed if need
// be. refused is as for [Manager.Access]. ErrSignedOut says that there is no grant any
// more.
func (m *Manager) AccessOf(ctx context.Context, user, refused string) (string, error) {
	t, err := m.tokensOf(ctx, user, refused)
	return t.Access, err
}

// forget ends a sign-in that has no token any more.
func (m *Manager) forget(ctx context.Context, rq *request, s *signIn) {
	rq.mu.Lock()
	defer rq.mu.Unlock()
	rq.signIn = nil
	if s.alone != nil {
		m.dropCookie(rq)
		return
	}
	if err := m.endSignIns(ctx, s.user.ID, s.id); err != nil {
		m.cfg.Log.WarnContext(ctx, "sign-in not ended", "user", s.user.ID, "error", err)
	}
}

// tokensOf returns a user's tokens, refreshed if need be.
func (m *Manager) tokensOf(ctx context.Context, user, refused string) (Tokens, error) {
	for range 3 {
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

// keepAlive refreshes a grant that nobody has used for long.
func (m *Manager) keepAlive(ctx context.Context, user string) error {
	g, err := m.grantOf(ctx, user)
	switch {
	case err == nil && g.Tokens.Refresh != "":
		_, err = m.tokensOf(ctx, user, g.Tokens.Access)
	case err == nil: // a token that cannot be refreshed
		g.used = m.now()
		err = m.swap(ctx, &g)
	}
	if errors.Is(err, ErrSignedOut) || errors.Is(err, errChanged) {
		return nil
	}
	return err
}

// Narrow gives back what the session's token may do beyond scope: the user's pair is
// refreshed with this scope, now or, if that fails, next time.
func (m *Manager) Narrow(ctx context.Context, scope []string) error {
	rq, s, err := m.signedIn(ctx)
	if err != nil || s.user.Personal || s.alone != nil {
		return err
	}
	replace := "" // the access token that may do more
	err = m.cfg.DB.InTx(ctx, func(tx *database.Tx) error {
		g, err := m.lockGrant(tx, s.user.ID)
		if err != nil || g.Tokens.Refresh == "" {
			return err
		}
		replace, g.Scope = g.Tokens.Access, scope
		return m.writeGrant(tx.Exec, &g)
	})
	if err != nil || replace == "" {
		return unavailable("narrow the token", err)
	}
	t, err := m.tokensOf(ctx, s.user.ID, replace)
	if err == nil {
		m.set(ctx, rq, valueToken, ownCopy(t))
	}
	return err
}

// renew gets a new pair, unless somebody else has. The row is read again before
// everything that is decided by it.
func (m *Manager) renew(ctx context.Context, user, refused string) (Tokens, error) {
	for {
		g, err := m.grantOf(ctx, user)
		if err != nil {
			return Tokens{}, err
		}
		t, err := m.renewOnce(ctx, g, refused)
		if !errors.Is(err, errChanged) {
			return t, err
		}
	}
}

// renewOnce decides what to do about a grant as it was read just now. errChanged asks
// to have it read again.
func (m *Manager) renewOnce(ctx context.Context, g grant, refused string) (Tokens, error) {
	now := m.now()
	askable := g.Tokens.Refresh != "" && m.cfg.Refresh != nil
	since := now.Sub(g.asked)
	late := !g.asked.IsZero() && since.Abs() > resendFor
	switch {
	case g.Tokens.fresh(refused, now):
		return g.Tokens, nil
	case askable && g.asked.IsZero():
		g.asked, g.by = now, m.process
		if err := m.swap(ctx, &g); err != nil {
			return Tokens{}, err
		}
		return m.ask(ctx, g, refused, false)
	case askable && !late && (g.by == m.process || since > waitForOther):
		// We asked and got no answer, or another process did and has died.
		return m.ask(ctx, g, refused, true)
	case g.Tokens.valid(refused, now):
		return g.Tokens, nil // for the rest of its last minute
	case !askable:
		return Tokens{}, m.wipe(ctx, g, "the token is used up and there is no refresh token")
	case late:
		return Tokens{}, m.wipe(ctx, g, "an earlier refresh was cut off")
	}
	return Tokens{}, cmp.Or(pause(ctx, waitStep), errChanged)
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for another process's new token: %w", ctx.Err())
	case <-time.After(d):
		return nil
	}
}

// ask asks Todoist for a new pair and stores it. The row says already that it was
// asked. again says that it may have been asked with this pair before, without an
// answer.
func (m *Manager) ask(ctx context.Context, g grant, refused string, again bool) (Tokens, error) {
	next, err := m.askOnce(ctx, g)
	if lost(err) && m.now().Sub(g.asked) <= resendFor {
		// The same question gets the same access token, while it is not too late.
		m.cfg.Log.WarnContext(ctx, "token refresh asked again", "user", g.user, "error", err)
		next, err = m.askOnce(ctx, g)
		again = true
	}
	switch {
	case err == nil && next.Access != "":
		return m.keep(ctx, g, next)
	case err == nil:
		err = errors.New("the answer has no access token")
	case errors.Is(err, ErrGrantGone):
		return Tokens{}, m.wipe(ctx, g, "Todoist took the grant back")
	case errors.Is(err, ErrUntouched) && !again:
		// As if it had never been asked.
		g.asked, g.by = time.Time{}, ""
		if err := m.swap(ctx, &g); err != nil {
			m.cfg.Log.WarnContext(ctx, "token refresh not unmarked", "user", g.user, "error", err)
		}
	}
	m.cfg.Log.WarnContext(ctx, "token refresh failed", "user", g.user, "error", err)
	if g.Tokens.valid(refused, m.now()) {
		return g.Tokens, nil // for the rest of its last minute
	}
	return Tokens{}, fmt.Errorf("refresh the token: %w", err)
}

// lost tells whether nobody knows what became of a refresh.
func lost(err error) bool {
	return err != nil && !errors.Is(err, ErrGrantGone) && !errors.Is(err, ErrUntouched)
}

func (m *Manager) askOnce(ctx context.Context, g grant) (next Tokens, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	defer recovered(&err) // nobody above us in this goroutine does
	next, err = m.cfg.Refresh(ctx, g.Tokens.Refresh, g.Scope)
	if next.Scope == nil {
		next.Scope = g.Tokens.Scope
		if g.Scope != nil {
			next.Scope = g.Scope
		}
	}
	return next, err
}

// keep stores what came in answer to a refresh with the pair of g, before it is used.
// The row may have changed meanwhile:
//
//   - A sign-in has put another pair there. Ours is remembered, to be revoked with it.
//   - Another process had the same answer, because it took the one who asked first for
//     dead. The one that has the refresh token with it counts.
//   - The grant has ended. What it would have got is revoked.
func (m *Manager) keep(ctx context.Context, g grant, next Tokens) (Tokens, error) {
	user, askedWith, scope := g.user, g.Tokens.Refresh, g.Scope
	var err error
	for try := range 5 { // a database that comes back within seconds still gets the pair
		if try > 0 && pause(ctx, time.Second<<try/4) != nil {
			break
		}
		if g, err = m.grantOf(ctx, user); errors.Is(err, ErrSignedOut) {
			_ = m.discard(ctx, user, next) // what fails is logged, and tried again
			return Tokens{}, ErrSignedOut
		} else if err != nil {
			continue
		}
		switch {
		case g.Tokens.Refresh == askedWith, g.Tokens.Access == next.Access && next.Refresh != "":
			g.set(next, m.now())
			if slices.Equal(g.Scope, scope) {
				g.Scope = nil // it has been asked for
			}
		default:
			g.remember(next)
		}
		if err = m.swap(ctx, &g); err == nil {
			m.cfg.Log.InfoContext(ctx, "token refreshed", "user", user, "whole", next.Refresh != "")
			return g.Tokens, nil
		}
	}
	return Tokens{}, fmt.Errorf("store the new token: %w", err)
}
