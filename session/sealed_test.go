package session

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Item 25: what was sealed as one row does not open as another, nor when a bit of it
// has changed; and that is signed out, not an error.
func TestRowsCannotBeSwappedNorChanged(t *testing.T) {
	s := newSite(t, "database")
	ann, bob := newBrowser(), newBrowser()
	tokens := ann.signIn(t, s, "ann")
	bob.signIn(t, s, "bob")
	key := func(b *browser) string { return hash(b.cookies()[s.CookieName()]) }
	read := func(query, key string) (b []byte) {
		if err := s.cfg.DB.QueryRow(t.Context(), query, key).Scan(&b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	const session, grant = `SELECT data FROM sessions WHERE token = $1`, `SELECT sealed FROM grants WHERE user_id = $1`
	putSession := func(value []byte) { s.exec(t, `UPDATE sessions SET data = $1 WHERE token = $2`, value, key(ann)) }
	putGrant := func(value []byte) { s.exec(t, `UPDATE grants SET sealed = $1 WHERE user_id = 'ann'`, value) }
	wantOut := func(what string) {
		t.Helper()
		ann.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if _, ok := s.User(ctx); ok || s.Err(ctx) != nil {
				t.Errorf("%s: signed in %v, Err %v; want signed out and no error", what, ok, s.Err(ctx))
			}
		})
	}

	whole, wholeGrant := read(session, key(ann)), read(grant, "ann")
	putSession(read(session, key(bob)))
	wantOut("bob's row")
	putSession(wholeGrant)
	wantOut("a grant")
	for i := 0; i < len(whole); i += 7 {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		putSession(flipped)
		wantOut("a changed row")
	}
	for _, broken := range [][]byte{{}, {sealVersion}, []byte("rubbish"), whole[:20]} {
		putSession(broken)
		wantOut("a broken row")
	}
	// What opens and is no session is signed out as well.
	for _, text := range []string{"", "null", "[]", `{"values":{"user":"{\"id\":\"ann\"}"}}`, `{"values":{"sign-in":3}}`} {
		putSession(s.ring.seal("session/"+key(ann), []byte(text)))
		wantOut(text)
	}

	// A user id does not make another's sign-in one's own.
	var id string
	if err := s.cfg.DB.QueryRow(t.Context(), `SELECT id FROM sign_ins WHERE user_id = 'bob'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	putSession(whole)
	wantUser(t, s, ann, "ann")
	s.exec(t, `UPDATE sign_ins SET user_id = 'eve' WHERE user_id = 'ann'`)
	wantOut("a sign-in of somebody else")
	s.exec(t, `UPDATE sign_ins SET user_id = 'ann' WHERE user_id = 'eve'`)

	for _, sealed := range [][]byte{read(grant, "bob"), {}, []byte("rubbish"), s.ring.seal("grant/ann", []byte("[1]"))} {
		putGrant(wholeGrant)
		putSession(whole)
		s.exec(t, `UPDATE sign_ins SET seen = since`) // also what was ended
		wantUser(t, s, ann, "ann")
		putGrant(sealed)
		if got, err := ann.access(s, tokens.Access); !errors.Is(err, ErrSignedOut) {
			t.Errorf("with a grant that is not ann's: %q, %v; want ErrSignedOut", got, err)
		}
		s.exec(t, `DELETE FROM grants WHERE user_id = 'ann'`)
		s.exec(t, `INSERT INTO grants (user_id, sealed, version, asked, asked_by, used) VALUES ('ann', $1, 1, 0, '', $2)`, wholeGrant, s.now().UnixMilli())
	}
}

// Item 26: another key is a clean signed-out.
func TestAnotherKeySignsOut(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := newSiteAt(t, at)
		b := newBrowser()
		b.signIn(t, s, "ann")
		s.cfg.Keys = []string{"another key with 32 characters or more"}
		s.open(t)
		b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			if _, ok := s.User(ctx); ok || s.Err(ctx) != nil {
				t.Errorf("signed in %v, Err %v; want signed out and no error", ok, s.Err(ctx))
			}
		})
		b.signIn(t, s, "ann")
		wantUser(t, s, b, "ann")
		s.clock.advance(48 * time.Hour)
		if err := s.sweep(t.Context()); err != nil { // rows of the lost key go as well
			t.Error(err)
		}
		if n := s.count(t, "grants") + s.count(t, "sign_ins"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// Nothing in the database or the store opens anything or tells names without the key.
func TestStolenRowsTellNothing(t *testing.T) {
	s := newSite(t, "database", long)
	b := newBrowser()
	tokens := b.signIn(t, s, "ann")
	again := newBrowser().signIn(t, s, "ann") // a replaced pair
	s.todoist.set(func(td *todoist) { td.onRevoke = func() error { return errors.New("503") } })
	bob := newBrowser()
	gone := bob.signIn(t, s, "bob")
	bob.signOut(s) // a revocation
	copied := t.TempDir() + "/copy.db"
	if err := s.cfg.DB.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	content := readFile(t, copied)
	secrets := []string{b.cookies()[s.CookieName()], "ann@example.com", "Name of ann"}
	for _, pair := range []Tokens{tokens, again, gone} {
		secrets = append(secrets, pair.Access, pair.Refresh)
	}
	for _, secret := range secrets {
		if strings.Contains(content, secret) {
			t.Errorf("the database holds %q in clear", secret)
		}
	}
	// What the rows hold in clear, tried as a cookie.
	var clear []string
	for _, query := range []string{`SELECT token FROM sessions`, `SELECT id FROM sign_ins`, `SELECT asked_by FROM grants`} {
		more, err := s.users(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		clear = append(clear, more...)
	}
	for _, value := range clear {
		thief := newBrowser()
		thief.jar[s.CookieName()] = value
		wantUser(t, s, thief, "")
	}
}

// Item 38, for this package: the log of everything here, failures included, has no
// token, cookie, state or verifier in it.
func TestTheLogHoldsNoSecrets(t *testing.T) {
	s := newSite(t, "database")
	b := newBrowser()
	f := b.begin(t, s, "/next")
	tokens := b.signIn(t, s, "ann")
	secrets := []string{f.State, f.Verifier, hash(f.State), tokens.Access, tokens.Refresh, testKey}
	for _, value := range b.cookies() {
		secrets = append(secrets, value, hash(value))
	}
	access, _ := b.access(s, tokens.Access)
	secrets = append(secrets, access)
	s.todoist.set(func(td *todoist) { td.onRevoke = func() error { return errors.New("503") } })
	s.todoist.set(func(td *todoist) { td.before = func(int) error { return errors.New("502") } })
	b.access(s, access)
	mend := s.broken(t, "sessions")
	b.access(s, "")
	b.put(s, "team", "BOS")
	b.signOut(s)
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		eve := s.todoist.signIn("eve")
		secrets = append(secrets, eve.Access, eve.Refresh)
		if err := s.SignIn(ctx, userNamed("eve"), eve); err == nil {
			t.Error("signed in though the session cannot be stored")
		}
	})
	mend()
	b.signIn(t, s, "ann")
	b.signOut(s)
	held := struct{ Tokens Tokens }{tokens}
	s.cfg.Log.Info("printed", "tokens", tokens, "pointer", &tokens, "held", held)
	log := s.log.String()
	for _, want := range []string{"signed in", "signed out", "token refreshed", "token refresh failed", "token not revoked", "session not read", "sign-in failed"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q", want)
		}
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(log, secret) {
			t.Errorf("the log holds the secret %q", secret)
		}
	}
}
