package e2e

import (
	"archive/tar"
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"tipoff/todoist/fake"
)

func TestABackupMadeWhileRunningIsOneFileAndKeepsPeopleSignedIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, midSeason)
	s.startProcess()
	account := s.account("bak", fake.Free)
	b := s.browser().signIn(account)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// Each signs in, and so writes to the database.
				if _, err := s.browser().try("/sign-in/token", url.Values{"token": {"api-token-of-bak"}}); err != nil {
					t.Errorf("while the backup is made: %v", err)
					return
				}
			}
		})
	}
	path := filepath.Join(t.TempDir(), "tipoff-backup.tar")
	for range 5 {
		if out, err := s.command("backup", path); err != nil || !strings.Contains(out, "2 files backed up to "+path) {
			t.Fatalf("backup: %v\n%s", err, out)
		}
	}
	close(stop)
	busy.Wait()
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the backup: %v %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "backup-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	s.kill()

	// Another machine.
	s.dir = filepath.Join(t.TempDir(), "new")
	s.args = settings(s.todoist, s.dir, midSeason)
	if out, err := s.command("restore", path); err != nil || !strings.Contains(out, "2 files restored") {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	for _, name := range []string{"tipoff.db", "secret.key"} {
		if info, err := os.Stat(filepath.Join(s.dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	s.startProcess()
	b.get("/account").want(http.StatusOK).has("bak")
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	onlyProject(t, account)
	if _, err := s.command("restore", path); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("restoring over what is there: %v", err)
	}
}

func TestABackupHasTheRegistrationAndGoesToStdout(t *testing.T) {
	t.Parallel()
	s := unregistered(t)
	if _, err := s.command("backup", "-"); err == nil || !strings.Contains(err.Error(), "there is nothing to back up") {
		t.Errorf("a backup of nothing: %v", err)
	}
	if _, err := s.command("register"); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.browser().get("/sign-in")
	out, err := s.command("backup", "-")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(strings.NewReader(out)); ; {
		header, err := r.Next()
		if err != nil {
			break
		}
		names = append(names, header.Name)
	}
	if want := []string{"secret.key", "todoist-app.json", "tipoff.db"}; !slices.Equal(names, want) {
		t.Errorf("the backup has %v, want %v", names, want)
	}
	elsewhere := []string{"restore", file(t, out), "-data-dir", filepath.Join(t.TempDir(), "data"), "-database", "sqlite:" + filepath.Join(t.TempDir(), "new", "other.db")}
	if out, err := invoke(t, nil, elsewhere...); err != nil || !strings.Contains(out, "3 files") {
		t.Errorf("restore: %v\n%s", err, out)
	}
}

func TestOnlyABackupIsRestored(t *testing.T) {
	t.Parallel()
	var evil bytes.Buffer
	w := tar.NewWriter(&evil)
	for name, content := range map[string]string{"../../etc/passwd": "root"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(content))
	}
	w.Close()
	for name, tt := range map[string]struct{ content, says string }{
		"nothing":              {"", "it is empty"},
		"another kind of file": {strings.Repeat("not a tar ", 200), "restore the backup"},
		"a path out of it":     {evil.String(), `"../../etc/passwd" is nothing that tipoff backup wrote`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if _, err := invoke(t, nil, "restore", file(t, tt.content), "-data-dir", dir); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("restored %v", left)
			}
		})
	}
	if _, err := invoke(t, nil, "restore", "/nowhere/backup.tar", "-data-dir", t.TempDir()); err == nil {
		t.Error("a backup that is not there was restored")
	}
	// What was written before it went wrong is not in the way of the next try.
	s := unregistered(t)
	s.start()
	path := filepath.Join(t.TempDir(), "backup.tar")
	if out, err := s.command("backup", path); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := invoke(t, nil, "restore", file(t, string(raw[:len(raw)/2])), "-data-dir", dir); err == nil {
		t.Error("half a backup was restored")
	}
	if _, err := invoke(t, nil, "restore", path, "-data-dir", dir); err != nil {
		t.Errorf("after half a backup: %v", err)
	}
}

func TestABackupLeavesAPostgreSQLDatabaseToItsOwnTools(t *testing.T) {
	t.Parallel()
	const dsn = "postgres://localhost/tipoff" // is not asked
	for _, dir := range []string{t.TempDir(), "/nowhere/data"} {
		if _, err := invoke(t, nil, "backup", "-", "-data-dir", dir, "-database", dsn); err == nil || !strings.Contains(err.Error(), "nothing to back up") || !strings.Contains(err.Error(), "pg_dump") {
			t.Errorf("with nothing in %s: %v", dir, err)
		}
	}
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "backup.tar")
	if err := os.WriteFile(filepath.Join(dir, "secret.key"), []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := invoke(t, nil, "backup", path, "-data-dir", dir, "-database", dsn); err != nil || !strings.Contains(out, "1 files backed up") || !strings.Contains(out, "pg_dump") {
		t.Errorf("with a key: %v: %s", err, out)
	}
	if out, err := invoke(t, nil, "restore", path, "-data-dir", filepath.Join(t.TempDir(), "new"), "-database", dsn); err != nil || !strings.Contains(out, "pg_restore") {
		t.Errorf("restore: %v: %s", err, out)
	}
	// A backup with a database has no place there.
	s := unregistered(t)
	s.start()
	if out, err := s.command("backup", path); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := invoke(t, nil, "restore", path, "-data-dir", filepath.Join(t.TempDir(), "new"), "-database", dsn); err == nil || !strings.Contains(err.Error(), `"tipoff.db" is nothing`) {
		t.Errorf("a SQLite database into PostgreSQL: %v", err)
	}
}
