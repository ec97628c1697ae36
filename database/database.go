// Package database opens Tipoff's SQL database, SQLite or PostgreSQL, and
// migrates it. It knows nothing of what the tables mean.
//
// Statements are written once for both: placeholders are $1, $2; types are TEXT,
// BIGINT, BOOLEAN and BYTEA; times are Unix milliseconds in UTC. Text must be
// UTF-8 without zero bytes, which PostgreSQL refuses.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// defaultLimit bounds each call that reads. One that writes may take waitForTurn times
// as long, since SQLite has one writer at a time.
const (
	defaultLimit = 3 * time.Second
	waitForTurn  = 4
)

// openLimit bounds [Open], which may have to wait for another process that is
// migrating the same database.
const openLimit = time.Minute

// A DB is an open database. Its methods are safe for concurrent use.
//
// Each call is bounded by a time limit. An error that wraps [ErrUnavailable] is the
// database's, and may pass; any other is the statement's. A QueryRow that finds
// nothing returns [sql.ErrNoRows].
type DB struct {
	read, write *sql.DB // the same for PostgreSQL
	limit       time.Duration
	file        string   // SQLite's path
	statements  sync.Map // of *sql.Stmt by their text, those that read from SQLite
}

// An Option changes how [Open] opens a database.
type Option func(*DB)

// WithLimit sets the time limit of each call, which is 3 seconds otherwise.
func WithLimit(limit time.Duration) Option {
	return func(db *DB) { db.limit = limit }
}

// Open opens a database and brings its tables up to date. A database that is
// newer than this program is refused and left as it is. The error is for the
// person who starts the program, and shows no password.
func Open(ctx context.Context, dsn string, options ...Option) (*DB, error) {
	if err := Check(dsn); err != nil {
		return nil, fmt.Errorf("database %s: %w", Mask(dsn), err)
	}
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	db := &DB{limit: defaultLimit}
	for _, option := range options {
		option(db)
	}
	var err error
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		err = db.openSQLite(ctx, path)
	} else {
		err = db.openPostgres(ctx, dsn)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("database %s: %s", Mask(dsn), sentence(err))
	}
	return db, nil
}

// Close ends all connections.
func (db *DB) Close() error {
	var errs []error
	// SQLite tidies up when the last connection closes, which has to be one that may write.
	for _, pool := range []*sql.DB{db.read, db.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Exec runs one statement that writes, and returns how many rows it changed. It
// goes on when ctx is cancelled, so a visitor who leaves does not cut it off. A
// write that fails with [ErrUnavailable] may have been done all the same.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (rows int64, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitForTurn*db.limit)
	defer cancel()
	return execute(ctx, db.write, query, args)
}

// A Row is a row of a result. Scan works as that of [sql.Rows].
type Row interface {
	Scan(dest ...any) error
}

// Query runs one statement that reads, and calls each for every row until it
// returns an error. While it runs, each must not use the database. The statement's text
// is kept, so what changes has to be in args.
func (db *DB) Query(ctx context.Context, each func(Row) error, query string, args ...any) error {
	ctx, cancel := db.reading(ctx)
	defer cancel()
	if db.file == "" { // the driver keeps statements itself
		rows, err := db.read.QueryContext(ctx, query, args...)
		return scan(rows, err, each)
	}
	statement, err := db.prepared(ctx, query)
	if err != nil {
		return failed(err)
	}
	rows, err := statement.QueryContext(ctx, args...)
	return scan(rows, err, each)
}

// prepared returns a statement that reads from SQLite, which takes as long to parse one
// as to run it.
func (db *DB) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if kept, ok := db.statements.Load(query); ok {
		return kept.(*sql.Stmt), nil
	}
	statement, err := db.read.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	kept, found := db.statements.LoadOrStore(query, statement)
	if found {
		statement.Close()
	}
	return kept.(*sql.Stmt), nil
}

// QueryRow returns the first row of a statement that reads. Scan runs it.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) Row {
	return firstRow(func(each func(Row) error) error { return db.Query(ctx, each, query, args...) })
}

// A Tx is a transaction.
type Tx struct {
	ctx context.Context // lives as long as the transaction
	tx  *sql.Tx
}

// InTx calls do in a transaction that can read and write. It commits when do
// returns nil and rolls back otherwise. Like [DB.Exec] it goes on when ctx is
// cancelled.
//
// SQLite has one transaction at a time, so do must not write with db itself.
// PostgreSQL has many, so end a SELECT with [DB.ForUpdate] if what you write follows
// from it. do must return the errors of its statements: PostgreSQL refuses what comes
// after one.
func (db *DB) InTx(ctx context.Context, do func(*Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitForTurn*db.limit)
	defer cancel()
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return failed(err)
	}
	defer tx.Rollback()
	if err := do(&Tx{ctx, tx}); err != nil {
		return err
	}
	return failed(tx.Commit())
}

// Exec is [DB.Exec] in the transaction.
func (tx *Tx) Exec(query string, args ...any) (rows int64, err error) {
	return execute(tx.ctx, tx.tx, query, args)
}

// Query is [DB.Query] in the transaction. The statement may write and return rows.
func (tx *Tx) Query(each func(Row) error, query string, args ...any) error {
	rows, err := tx.tx.QueryContext(tx.ctx, query, args...)
	return scan(rows, err, each)
}

// QueryRow is [DB.QueryRow] in the transaction. The statement may write and return rows.
func (tx *Tx) QueryRow(query string, args ...any) Row {
	return firstRow(func(each func(Row) error) error { return tx.Query(each, query, args...) })
}

// ForUpdate returns the clause that ends a SELECT in a transaction and keeps others
// from changing its rows until the transaction ends. SQLite needs none.
func (db *DB) ForUpdate() string {
	if db.file != "" {
		return ""
	}
	return " FOR UPDATE"
}

func (db *DB) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, db.limit)
}

// reading bounds a call that reads. SQLite's readers wait for nobody and get no time
// limit: the driver needs a goroutine to break off a statement, which doubles the
// time that it takes to read a row.
func (db *DB) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	if db.file != "" && ctx.Err() == nil {
		return context.WithoutCancel(ctx), func() {}
	}
	return db.bounded(ctx)
}

// A runner is a [sql.DB] or a [sql.Tx].
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func execute(ctx context.Context, in runner, query string, args []any) (int64, error) {
	res, err := in.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, failed(err)
	}
	return res.RowsAffected()
}

// scan calls each for every row of what a query returned.
func scan(rows *sql.Rows, err error, each func(Row) error) error {
	if err != nil {
		return failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return failed(rows.Err())
}

// A firstRow is the first row of a query, which it is given.
type firstRow func(each func(Row) error) error

func (query firstRow) Scan(dest ...any) error {
	found := false
	err := query(func(row Row) error {
		if found {
			return nil
		}
		found = true
		return row.Scan(dest...)
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}
