package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/app"
	"tipoff/todoist/fake"
)

// sealedColumns are the columns of each table that has something sealed: its key, and
// what is sealed.
var sealedColumns = map[string][2]string{"sessions": {"token", "data"}, "grants": {"user_id", "sealed"}, "revocations": {"id", "sealed"}}

// rows reads what is sealed in a table of the database's file.
func (s *site) rows(table string) map[string][]byte {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "tipoff.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	columns := sealedColumns[table]
	found, err := db.Query(fmt.Sprintf("SELECT %s, %s FROM %s WHERE %[1]s NOT LIKE 'check-%%'", columns[0], columns[1], table))
	if err != nil {
		s.t.Fatal(err)
	}
	defer found.Close()
	all := map[string][]byte{}
	for found.Next() {
		var key string
		var value []byte
		if err := found.Scan(&key, &value); err != nil {
			s.t.Fatal(err)
		}
		all[key] = value
	}
	return all
}

// setRow changes what is sealed in a row.
func (s *site) setRow(table, key string, value []byte) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "tipoff.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	columns := sealedColumns[table]
	if _, err := db.Exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE %s = ?", table, columns[1], columns[0]), value, key); err != nil {
		s.t.Fatal(err)
	}
}

func TestSecurity25StoredTokensAreSealedToTheirRow(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	ann, bob := s.account("ann", fake.Free), s.account("bob", fake.Free)
	a := s.browser().signIn(ann)
	var annKey, bobKey string
	for key := range s.rows("sessions") {
		annKey = key
	}
	b := s.browser().signIn(bob)
	rows := s.rows("sessions")
	for key := range rows {
		if key != annKey {
			bobKey = key
		}
	}
	if annKey == "" || bobKey == "" {
		t.Fatal("the rows of the sessions were not found")
	}

	// What was sealed for one row opens as no other, and not with a bit changed.
	refused := func(what string, bs ...*browser) {
		t.Helper()
		before := len(s.tap.exchanges("/api/v1/"))
		for _, b := range bs {
			if p := b.get("/import?team=BOS"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location(), "/sign-in") {
				t.Errorf("%s: answered %d %s", what, p.status, p.location())
			}
		}
		if got := len(s.tap.exchanges("/api/v1/")); got != before {
			t.Errorf("%s: Todoist was asked all the same", what)
		}
	}
	a.get("/import?team=BOS").want(http.StatusOK)
	s.setRow("sessions", annKey, rows[bobKey])
	s.setRow("sessions", bobKey, rows[annKey])
	refused("sessions exchanged", a, b)
	for _, i := range []int{0, 1, len(rows[annKey]) / 2, len(rows[annKey]) - 1} {
		flipped := slices.Clone(rows[annKey])
		flipped[i] ^= 0x10
		s.setRow("sessions", annKey, flipped)
		refused(fmt.Sprintf("a bit flipped at %d", i), a)
	}
	s.setRow("sessions", annKey, rows[annKey])
	s.setRow("sessions", bobKey, rows[bobKey])
	a.get("/import?team=BOS").want(http.StatusOK)
	b.get("/import?team=BOS").want(http.StatusOK)

	// A grant is its user's alone: the other's is none, and nobody gets a token by it.
	grants := s.rows("grants")
	s.setRow("grants", "ann-1", grants["bob-1"])
	s.setRow("grants", "bob-1", grants["ann-1"])
	s.fake.ExpireAccess(ann)
	s.fake.ExpireAccess(bob)
	for _, b := range []*browser{a, b} {
		if p := b.get("/import?team=BOS"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location(), "/sign-in") {
			t.Errorf("grants exchanged: answered %d %s", p.status, p.location())
		}
	}
	if got := s.fake.CountTokenEvents(fake.Refreshed); got != 0 {
		t.Errorf("grants exchanged: %d tokens were refreshed all the same", got)
	}

	// The nonce is drawn anew for each write: no two sealed values begin alike.
	nonces := map[string]bool{}
	b.signIn(bob)
	n := 0
	for range 20 {
		s.fake.ExpireAccess(bob)
		b.get("/import?team=BOS").want(http.StatusOK)
		for _, table := range []string{"sessions", "grants"} {
			for _, value := range s.rows(table) {
				nonces[string(value[1:13])] = true
			}
		}
		n++
	}
	if len(nonces) < 2*n {
		t.Errorf("%d refreshes used %d nonces", n, len(nonces))
	}
}

func TestSecurity26KeysCanBeChanged(t *testing.T) {
	t.Parallel()
	const oldKey, newKey, other = "the old key: 32 characters and more", "the new key for after the change!!", "and one that never sealed a thing"
	s := startSite(t, midSeason, "-secret-key", oldKey)
	b := s.browser().signIn(s.account("ann", fake.Free))
	s.restart(midSeason, "-secret-key", newKey+","+oldKey)
	b.get("/import?team=BOS").want(http.StatusOK)
	var out output
	if err := app.Run(t.Context(), append([]string{"sessions", "rekey"}, s.args...), nil, &out, app.Options{}); err != nil || !regexp.MustCompile(`[1-9]\d* records sealed anew`).MatchString(out.String()) {
		t.Errorf("sessions rekey: %v, %s", err, &out)
	}
	s.restart(midSeason, "-secret-key", newKey)
	b.get("/import?team=BOS").want(http.StatusOK)
	// With a wrong key nobody is signed in, and nothing is an error.
	s.restart(midSeason, "-secret-key", other)
	b.get("/").want(http.StatusOK)
	b.get("/readyz").want(http.StatusOK)
	if b.signedIn() {
		t.Error("a key that sealed nothing opens a session")
	}
	s.restart(midSeason, "-secret-key", newKey)
	b.get("/import?team=BOS").want(http.StatusOK)
}

func TestSecurity27KeysComeFromOutsideAndWeakOnesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := "kept in a file: 32 characters and more"
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(env string, args ...string) (string, error) {
		var out output
		args = append([]string{"config", "check", "-data-dir", dir}, args...)
		err := app.Run(t.Context(), args, []string{env}, &out, app.Options{})
		return out.String(), err
	}
	for _, env := range []string{"TIPOFF_SECRET_KEY=" + key, "TIPOFF_SECRET_KEY_FILE=" + file} {
		if out, err := check(env); err != nil || strings.Contains(out, key) {
			t.Errorf("a good key from outside: %v", err)
		}
	}
	for what, weak := range map[string]string{
		"short": "Tr0ub4dor&3", "one letter": strings.Repeat("x", 40), "one word over and over": strings.Repeat("correcthorse", 4),
		"a short one behind a good one": key + ",short-one",
	} {
		var out output
		args := append(settings("http://127.0.0.1:1", t.TempDir(), midSeason), "-secret-key", weak)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := app.Run(ctx, args, nil, &out, app.Options{})
		cancel()
		if err == nil || strings.Contains(err.Error()+out.String(), weak) || strings.Contains(out.String(), "listening") {
			t.Errorf("a key that is %s: %v", what, err)
		}
	}
	// The key that is made when none is given is its owner's alone.
	s := startSite(t, midSeason)
	info, err := os.Stat(filepath.Join(s.dir, "secret.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key that was made: %v, %v", info, err)
	}
	made, err := os.ReadFile(filepath.Join(s.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{strings.TrimSpace(string(made))}
	for range 49 {
		keys = append(keys, anotherKey(t))
	}
	randomness(t, keys, 32)
}

func TestSecurity28NoRequestUsesTheTokenOfAnother(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	teams := []string{"BOS", "NYK", "LAL", "GSW", "CHI"}
	accounts := map[string]*fake.Account{"ann": s.account("ann", fake.Pro), "bob": s.account("bob", fake.Pro)}
	var wg sync.WaitGroup
	// Both speak over the same connections, as behind a proxy.
	shared := s.browser().client.Transport
	for name, account := range accounts {
		b := s.browser().signIn(account)
		b.client.Transport = shared
		for _, team := range teams {
			wg.Go(func() {
				// Tokens end in the middle of it.
				if team == "LAL" {
					s.fake.ExpireAccess(account)
				}
				p, err := b.try("/imports", url.Values{"team": {team}, "labels": {"of-" + name}})
				if err != nil || p.status != http.StatusSeeOther {
					t.Errorf("%s imports %s: %v %+v", name, team, err, p)
				}
			})
			wg.Go(func() {
				if p, err := b.try("/import?team=BOS", nil); err != nil || p.status != http.StatusOK || strings.Contains(p.body, accounts["ann"].Profile().Name+"<") != (name == "ann") {
					t.Errorf("%s looks at the projects: %v", name, err)
				}
			})
		}
	}
	wg.Wait()
	for name, account := range accounts {
		if got := len(projects(account)); got != len(teams) {
			t.Errorf("%s has %d projects, want %d", name, got, len(teams))
		}
		for _, p := range projects(account) {
			for _, task := range tasks(account, p.ID) {
				if !slices.Equal(task.Labels, []string{"of-" + name}) {
					t.Fatalf("%s has a task with the labels %v", name, task.Labels)
				}
			}
		}
	}
	if len(s.tap.exchanges("/sync")) < 4*len(teams) {
		t.Errorf("only %d requests reached Todoist", len(s.tap.exchanges("/sync")))
	}
}

func TestSecurity29A401IsFollowedByOneRefreshAndOneRetry(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	calls, asked := s.tap.tokenCalls(), len(s.tap.exchanges("/sync"))
	s.fake.ExpireAccess(account)
	b.get("/import?team=BOS").want(http.StatusOK)
	var statuses []int
	for _, x := range s.tap.exchanges("/sync")[asked:] {
		statuses = append(statuses, x.status)
	}
	if got := s.tap.tokenCalls() - calls; got != 1 || len(statuses) < 2 || statuses[0] != 401 || slices.Contains(statuses[1:], 401) {
		t.Errorf("%d refreshes, answers %v", got, statuses)
	}
	// A Todoist that refuses the new token too has to be asked for another
	// sign-in, and is not asked for ever.
	calls, asked = s.tap.tokenCalls(), len(s.tap.exchanges("/api/v1/"))
	s.fake.Fail(fake.Fault{Path: "/api/v1/", Status: 401})
	p := b.get("/import?team=BOS")
	if got := s.tap.tokenCalls() - calls; got != 1 || p.status != http.StatusUnauthorized && p.status != http.StatusSeeOther {
		t.Errorf("%d refreshes, and the answer %d", got, p.status)
	}
	if got := len(s.tap.exchanges("/api/v1/")) - asked; got > 3 {
		t.Errorf("Todoist was asked %d times", got)
	}
}

func TestSecurity30FiftyRequestsWithAnExpiredTokenRefreshOnce(t *testing.T) {
	t.Parallel()
	s := startSite(t, lateSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	for range 2 {
		calls := s.tap.tokenCalls()
		s.fake.ExpireAccess(account)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				// Of one user's pages only so many wait for their turn.
				if p, err := b.try("/import?team=BOS", nil); err != nil || p.status != http.StatusOK && p.status != http.StatusTooManyRequests {
					t.Errorf("%v %+v", err, p)
				}
			})
		}
		wg.Wait()
		if got := s.tap.tokenCalls() - calls; got != 1 {
			t.Errorf("50 requests refreshed %d times", got)
		}
	}
}

func TestSecurity31ANewPairIsStoredBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	t.Run("killed when the new token is first used", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, midSeason)
		s.startProcess()
		account := s.account("ann", fake.Free)
		b := s.browser().signIn(account)
		s.fake.ExpireAccess(account)
		refreshes := s.fake.CountTokenEvents(fake.Refreshed)
		used, killed := make(chan struct{}), make(chan struct{})
		var once sync.Once
		s.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
			if strings.HasPrefix(x.path, "/api/v1/") && s.fake.CountTokenEvents(fake.Refreshed) > refreshes {
				once.Do(func() { close(used) })
				<-killed
			}
			return false
		}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.try("/import?team=BOS", nil) })
		<-used
		s.kill()
		close(killed)
		wg.Wait()
		calls := s.tap.tokenCalls()
		s.startProcess()
		b.get("/import?team=BOS").want(http.StatusOK)
		s.fake.ExpireAccess(account)
		b.get("/import?team=BOS").want(http.StatusOK)
		if got := s.tap.tokenCalls() - calls; got != 1 || s.fake.CountTokenEvents(fake.ReplayedLate)+s.fake.CountTokenEvents(fake.ReplayedInGrace) > 0 {
			t.Errorf("%d refreshes after the restart, and a token was replayed", got)
		}
	})
	t.Run("killed while it waits for the new pair", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, midSeason)
		s.startProcess()
		account := s.account("ann", fake.Free)
		b := s.browser().signIn(account)
		s.fake.ExpireAccess(account)
		s.fake.Fail(fake.Fault{Path: "/oauth/access_token", AfterApply: true, Delay: time.Minute})
		refreshes := s.fake.CountTokenEvents(fake.Refreshed)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.try("/import?team=BOS", nil) })
		for s.fake.CountTokenEvents(fake.Refreshed) == refreshes {
			time.Sleep(time.Millisecond)
		}
		s.kill()
		wg.Wait()
		s.fake.ClearFaults()
		for s.tap.tokenCalls() < 2 {
			time.Sleep(time.Millisecond)
		}
		// Two minutes later the old token would be taken for stolen.
		s.args = append(s.args, "-now", midSeason.Add(2*time.Minute).Format(time.RFC3339))
		s.startProcess()
		calls := s.tap.tokenCalls()
		if p := b.get("/import?team=BOS"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location(), "/sign-in") {
			t.Errorf("answered %d %s, want to be asked to sign in", p.status, p.location())
		}
		if s.tap.tokenCalls() != calls {
			t.Error("a refresh token that may be used up was sent again")
		}
	})
}

func TestSecurity32AnAnswerWithoutARefreshTokenRestoresNone(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	s.fake.ExpireAccess(account)
	s.fake.Fail(fake.Fault{Path: "/oauth/access_token", AfterApply: true, Drop: true, Times: 1})
	b.get("/import?team=BOS").want(http.StatusOK)
	if got := s.fake.CountTokenEvents(fake.ReplayedInGrace); got != 1 {
		t.Fatalf("the lost answer was asked for again %d times, want 1", got)
	}
	calls := s.tap.tokenCalls()
	s.fake.ExpireAccess(account)
	if p := b.get("/import?team=BOS"); p.status != http.StatusSeeOther {
		t.Errorf("answered %d, want to be asked to sign in", p.status)
	}
	if s.tap.tokenCalls() != calls {
		t.Error("the consumed refresh token was sent again")
	}
}

func TestSecurity33SigningOutRevokesAtTodoist(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	b.post("/sign-out", nil).want(http.StatusSeeOther)
	revokes := s.tap.exchanges("/api/v1/revoke")
	if len(revokes) == 0 {
		t.Fatal("Todoist was not told")
	}
	for _, x := range revokes {
		user, password, ok := (&http.Request{Header: x.header}).BasicAuth()
		if x.method != http.MethodPost || !ok || user != "client" || password != "secret-of-the-client" || x.fields().Get("token") == "" {
			t.Errorf("revoked by %s as %s", x.method, user)
		}
	}

	b.signIn(account)
	id := b.session()
	s.fake.Fail(fake.Fault{Path: "/api/v1/revoke", Status: 503})
	b.post("/sign-out", nil).want(http.StatusOK).has("Todoist could not be told yet")
	if len(s.rows("grants")) != 0 || len(s.rows("sessions")) != 0 || s.browser().with(id).signedIn() {
		t.Error("the local copy is still there")
	}
	s.fake.ClearFaults()
	s.restart(midSeason.Add(5 * time.Minute))
	for range 1000 {
		if access, refresh := s.fake.LiveTokens(account); access+refresh == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if access, refresh := s.fake.LiveTokens(account); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens still work", access, refresh)
	}
}

func TestSecurity34ARevokedGrantIsWipedAndTheUserTold(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	account := s.account("ann", fake.Free)
	b := s.browser().signIn(account)
	s.fake.RevokeAll(account)
	before := len(s.tap.exchanges("/"))
	p := b.get("/import?team=BOS").want(http.StatusSeeOther)
	// The sign-in page is shown and does not send back.
	b.get(p.location()).want(http.StatusOK).has("Sign in with Todoist")
	if got := len(s.tap.exchanges("/")) - before; got > 2 {
		t.Errorf("Todoist was asked %d times", got)
	}
	if got := len(s.rows("grants")); got != 0 {
		t.Errorf("%d grants are left", got)
	}
	// Whoever presses a button hears why nothing happened.
	b.signIn(account)
	s.fake.RevokeAll(account)
	b.post("/imports", url.Values{"team": {"BOS"}}).want(http.StatusUnauthorized).has("Sign in again")
	b.get("/sign-in").want(http.StatusOK)
}
