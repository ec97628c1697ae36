package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"tipoff/database/databasetest"
)

func pragma(t *testing.T, pool *sql.DB, name string) (value string) {
	t.Helper()
	if err := pool.QueryRow("PRAGMA " + name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestSQLiteIsSetUpToLoseNothing(t *testing.T) {
	t.Parallel()
	db := open(t, databasetest.SQLite(t))
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "1000", "query_only": "0"} {
		if got := pragma(t, db.write, name); got != want {
			t.Errorf("%s is %s for writing, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"journal_mode": "wal", "busy_timeout": "1000", "query_only": "1"} {
		if got := pragma(t, db.read, name); got != want {
			t.Errorf("%s is %s for reading, want %s", name, got, want)
		}
	}
	if n := db.write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d connections write, want 1", n)
	}
}

func TestOnlyTheOwnerCanReadSQLitesFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not yet", "there")
	path := filepath.Join(dir, "a ?#%20 name.db")
	for range 2 {
		db := open(t, "sqlite:"+path)
		mustPut(t, db, "n", 1)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder has mode %v, %v; want 0700", info.Mode(), err)
		}
		var names []string
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			names = append(names, strings.TrimPrefix(file.Name(), "a ?#%20 name.db"))
			if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, %v; want 0600", file.Name(), info.Mode(), err)
			}
		}
		if got, want := fmt.Sprint(names), "[ -shm -wal .lock]"; got != want {
			t.Errorf("files %s, want %s", got, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		// As somebody might have copied it there.
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// newDisk mounts a small file system, which root may.
func newDisk(t *testing.T) (dir string, run func(name string, args ...string)) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	dir = t.TempDir()
	run = func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir)
	t.Cleanup(func() { run("umount", dir) })
	return dir, run
}

func TestAFullDiskIsUnavailableUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	dir, _ := newDisk(t)
	dsn := "sqlite:" + filepath.Join(dir, "tipoff.db")
	db := open(t, dsn)
	written := 0
	write := func() error {
		err := put(t.Context(), db, fmt.Sprint("row", written), int64(written))
		if err == nil {
			written++
		}
		return err
	}
	for range 10 {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}

	filling := filepath.Join(dir, "else")
	f, err := os.Create(filling)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for range 1000 { // until what SQLite had reserved is used up
		if err = write(); err != nil {
			break
		}
	}
	wantUnavailable(t, "Exec", err)
	wantUnavailable(t, "InTx", db.InTx(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE spent_states SET expires = -1`)
		return err
	}))
	if other, err := Open(t.Context(), "sqlite:"+filepath.Join(dir, "another.db")); err == nil {
		other.Close()
		t.Error("a database was made on a full disk")
	} else if !strings.Contains(err.Error(), "the disk is full; make room") {
		t.Errorf("Open = %v, want it to say that the disk is full", err)
	}
	wantAll := func(db *DB) {
		t.Helper()
		for i := range written {
			wantNumber(t, db, fmt.Sprint("row", i), int64(i))
		}
	}
	wantAll(db)

	if err := os.Remove(filling); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("with room again: %v", err)
	}
	wantAll(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantAll(open(t, dsn))
}

func TestAReadOnlyDiskIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	dir, run := newDisk(t)
	dsn := "sqlite:" + filepath.Join(dir, "tipoff.db")
	if err := open(t, dsn).Close(); err != nil {
		t.Fatal(err)
	}
	run("mount", "-o", "remount,ro", dir)
	for _, dsn := range []string{dsn, "sqlite:" + filepath.Join(dir, "other", "tipoff.db")} {
		if db, err := Open(t.Context(), dsn); err == nil {
			db.Close()
			t.Errorf("opened %s", dsn)
		} else if !strings.Contains(err.Error(), "the file cannot be written to") {
			t.Errorf("Open = %v, want it to say that the file cannot be written to", err)
		}
	}
}

func TestABackupIsADatabaseWithTheSameRows(t *testing.T) {
	t.Parallel()
	db := open(t, databasetest.SQLite(t))
	for i := range int64(100) {
		mustPut(t, db, fmt.Sprint("n", i), i)
	}
	path := filepath.Join(t.TempDir(), "file:copy?.db")
	// What has not been committed is not in it.
	if err := db.InTx(t.Context(), func(tx *Tx) error {
		if _, err := tx.Exec(`UPDATE spent_states SET expires = -1`); err != nil {
			return err
		}
		return db.Backup(t.Context(), path)
	}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v, %v; want 0600", info.Mode(), err)
	}
	copied := open(t, "sqlite:"+path)
	for i := range int64(100) {
		wantNumber(t, copied, fmt.Sprint("n", i), i)
	}
	if err := db.Backup(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("Backup to a file that is there = %v", err)
	}
	wantNumber(t, copied, "n1", 1)

	stopped, stop := context.WithCancel(t.Context())
	stop()
	none := filepath.Join(t.TempDir(), "none.db")
	if err := db.Backup(stopped, none); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup that is stopped = %v", err)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of a backup that failed: %v", err)
	}
}
