package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
)

// readers is how many connections read from SQLite's file at once.
const readers = 4

func (db *DB) openSQLite(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	db.file = path
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// SQLite gives its -wal and -shm files the mode of the database.
	if err := private(path); err != nil {
		return err
	}
	unlock, err := lockStart(ctx, path+".lock")
	if err != nil {
		return err
	}
	defer unlock()

	// SQLite goes on waiting for a lock when a call's time is over.
	busy := db.limit / 3
	db.limit -= busy
	db.write, err = sqlitePool(path, busy, "&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1) // SQLite has one writer: the next one waits here and not for the file's lock
	db.read, err = sqlitePool(path, busy, "&_pragma=query_only(1)")
	if err != nil {
		return err
	}
	db.read.SetMaxOpenConns(readers)
	db.read.SetMaxIdleConns(readers)
	// Without this a locked file would be noticed by the first visitor.
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	return migrate(ctx, goose.DialectSQLite3, db.write)
}

func sqlitePool(path string, busy time.Duration, more string) (*sql.DB, error) {
	return sql.Open("sqlite", fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)%s",
		(&url.URL{Path: path}).EscapedPath(), busy.Milliseconds(), more))
}

// private makes the file if it is missing, and takes it from all but its owner. It
// does not open one that is there: closing that would drop the locks that this
// process has on it.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	case info.Mode().Perm() == 0o600:
		return nil
	}
	return os.Chmod(path, 0o600)
}

// lockStart keeps out other processes that open the same database until unlock is
// called: goose has no lock for SQLite, and switching a file to WAL fails where
// another process has it open. The lock is one on an empty database, which the
// system releases when the process dies.
func lockStart(ctx context.Context, path string) (unlock func() error, err error) {
	if err := private(path); err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline() // Open sets one
	lock, err := sqlitePool(path, time.Until(deadline), "")
	if err != nil {
		return nil, err
	}
	lock.SetMaxOpenConns(1)
	if _, err := lock.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		lock.Close()
		return nil, err
	}
	return lock.Close, nil
}

// Backup writes a copy of the database, as of one moment, to a new file. Others go
// on using the database. It takes as long as there is data; ctx ends it.
func (db *DB) Backup(ctx context.Context, path string) (err error) {
	if db.file == "" {
		return errors.New("a PostgreSQL database is backed up with pg_dump")
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	copied, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	copied.Close()
	defer func() {
		if err != nil {
			os.Remove(path)
		}
	}()
	source, err := sqlitePool(db.file, db.limit, "&mode=rw&_pragma=temp_store(memory)")
	if err != nil {
		return err
	}
	defer source.Close()
	_, err = source.ExecContext(ctx, "VACUUM INTO $1", path)
	return failed(err)
}
