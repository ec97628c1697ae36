package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrUnavailable is wrapped by the errors of a database that is locked, full,
// gone or not answering.
var ErrUnavailable = errors.New("the database is not available")

// errNewer says that the database has a migration that this program lacks.
var errNewer = errors.New("the database is newer than this program")

// failed returns a driver's error as callers are to see it.
func failed(err error) error {
	if err == nil || statementsFault(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// statementsFault tells whether the database is well and refused a statement.
func statementsFault(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Data exceptions, integrity constraints, syntax errors and access rules.
		return len(refused.Code) == 5 && slices.Contains([]string{"22", "23", "42"}, refused.Code[:2])
	}
	switch sqliteCode(err) {
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG:
		return true
	}
	return false
}

// sqliteCode returns SQLite's primary result code, 0 if the error is not SQLite's.
func sqliteCode(err error) int {
	if refused, ok := errors.AsType[*sqlite.Error](err); ok {
		return refused.Code() & 0xff
	}
	return 0
}

// sentence says why a database could not be opened, and what to do.
func sentence(err error) string {
	_, unreachable := errors.AsType[*pgconn.ConnectError](err)
	refused, _ := errors.AsType[*pgconn.PgError](err)
	code := sqliteCode(err)
	switch {
	case errors.Is(err, errNewer):
		return "it was written by a newer version of this program; start that version, or restore a backup of this one"
	case code == sqlite3.SQLITE_BUSY:
		return "another process has locked the file; stop that process and start again"
	case code == sqlite3.SQLITE_NOTADB:
		return "the file is not a SQLite database; name another one"
	case code == sqlite3.SQLITE_CORRUPT:
		return "the file is damaged; restore a backup"
	case code == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC):
		return "the disk is full; make room and start again"
	case code == sqlite3.SQLITE_CANTOPEN || code == sqlite3.SQLITE_READONLY || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return "the file cannot be written to; let this program write to it and to its folder: " + err.Error()
	case refused != nil:
		return "the server refuses: " + refused.Message
	case unreachable:
		return "the server cannot be reached: " + err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "it does not answer, or another process is still bringing it up to date: " + err.Error()
	}
	return "it cannot be opened: " + err.Error()
}
