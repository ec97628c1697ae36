package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver, in pure Go
)

// sqlite keeps rows in a SQLite file.
type sqlite struct {
	read  *sql.DB // several connections
	write *sql.DB // one, because SQLite has one writer: the next waits here and not on the file's lock

	getOne, putOne, swapOne *sql.Stmt

	recent *recent
}

// A process that waits for another one's lock on the file gives up before the
// call's own time limit, so that the error says what the matter is.
const sqliteBusy = storeTimeout - time.Second

const sqliteSchema = `
CREATE TABLE IF NOT EXISTS sessions (
	key     TEXT PRIMARY KEY,
	owner   TEXT NOT NULL,
	value   BLOB NOT NULL,
	expires INTEGER NOT NULL -- Unix time in milliseconds
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_owner ON sessions (owner) WHERE owner <> '';
CREATE INDEX IF NOT EXISTS sessions_expires ON sessions (expires);`

func openSQLite(ctx context.Context, path string) (_ store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// SQLite gives its -wal and -shm files the mode of the database.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = f.Chmod(0o600)
	f.Close()
	if err != nil {
		return nil, err
	}

	// FULL, because tokens must survive a power cut: NORMAL does not wait for the
	// disk in WAL mode. https://www.sqlite.org/pragma.html#pragma_synchronous
	dsn := func(more string) string {
		return fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)%s",
			(&url.URL{Path: path}).EscapedPath(), sqliteBusy.Milliseconds(), more)
	}
	s := &sqlite{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.write, err = sql.Open("sqlite", dsn("&_txlock=immediate")); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if _, err = s.write.ExecContext(ctx, sqliteSchema); err != nil {
		return nil, err
	}
	if s.read, err = sql.Open("sqlite", dsn("&_pragma=query_only(1)")); err != nil {
		return nil, err
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	for _, p := range []struct {
		db    *sql.DB
		stmt  **sql.Stmt
		query string
	}{
		{s.read, &s.getOne, `SELECT owner, value, expires FROM sessions WHERE key = ?`},
		{s.write, &s.putOne, `INSERT INTO sessions (key, owner, value, expires) VALUES (?, ?, ?, ?)
			ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, value = excluded.value, expires = excluded.expires`},
		{s.write, &s.swapOne, `UPDATE sessions SET owner = ?, value = ?, expires = ? WHERE key = ? AND value = ?`},
	} {
		if *p.stmt, err = p.db.PrepareContext(ctx, p.query); err != nil {
			return nil, err
		}
	}
	s.recent = openRecent(path)
	return s, nil
}

func (s *sqlite) get(ctx context.Context, key string) (row, bool, error) {
	return s.recent.get(key, func() (row, bool, error) { return s.find(ctx, key) })
}

// find is on the way of every page and takes microseconds: in WAL mode a reader
// waits for no lock. It is therefore not made to be broken off, which costs a
// goroutine each in database/sql and in the driver.
func (s *sqlite) find(ctx context.Context, key string) (row, bool, error) {
	if err := ctx.Err(); err != nil {
		return row{}, false, err
	}
	r := row{Key: key}
	var ms int64
	err := s.getOne.QueryRowContext(context.WithoutCancel(ctx), key).Scan(&r.Owner, &r.Value, &ms)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, err
	}
	r.Expires = time.UnixMilli(ms).UTC()
	return r, true, nil
}

func (s *sqlite) put(ctx context.Context, r row) error {
	_, err := s.recent.write(ctx, r.Key, func() (bool, error) {
		return affected(s.putOne.ExecContext(ctx, r.Key, r.Owner, r.Value, r.Expires.UnixMilli()))
	})
	return err
}

func (s *sqlite) swap(ctx context.Context, old []byte, r row) (bool, error) {
	return s.recent.write(ctx, r.Key, func() (bool, error) {
		return affected(s.swapOne.ExecContext(ctx, r.Owner, r.Value, r.Expires.UnixMilli(), r.Key, old))
	})
}

func (s *sqlite) remove(ctx context.Context, key string, old []byte) (bool, error) {
	return s.recent.write(ctx, key, func() (bool, error) {
		if old == nil {
			return affected(s.write.ExecContext(ctx, `DELETE FROM sessions WHERE key = ?`, key))
		}
		return affected(s.write.ExecContext(ctx, `DELETE FROM sessions WHERE key = ? AND value = ?`, key, old))
	})
}

func affected(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func (s *sqlite) owned(ctx context.Context, owner string) ([]row, error) {
	// The second condition lets SQLite use the partial index.
	return s.list(ctx, `SELECT key, owner, value, expires FROM sessions WHERE owner = ? AND owner <> ''`, owner)
}

func (s *sqlite) due(ctx context.Context, by time.Time, limit int) ([]row, error) {
	return s.list(ctx, `SELECT key, owner, value, expires FROM sessions WHERE expires <= ? ORDER BY expires LIMIT ?`,
		by.UnixMilli(), limit)
}

// each goes through the keys in order, a page at a time, so that fn can write.
func (s *sqlite) each(ctx context.Context, fn func(row) error) error {
	for last := ""; ; {
		rows, err := s.list(ctx, `SELECT key, owner, value, expires FROM sessions WHERE key > ? ORDER BY key LIMIT 500`, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := fn(r); err != nil {
				return err
			}
			last = r.Key
		}
	}
}

func (s *sqlite) list(ctx context.Context, query string, args ...any) ([]row, error) {
	found, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []row
	for found.Next() {
		var r row
		var ms int64
		if err := found.Scan(&r.Key, &r.Owner, &r.Value, &ms); err != nil {
			return nil, err
		}
		r.Expires = time.UnixMilli(ms).UTC()
		rows = append(rows, r)
	}
	return rows, found.Err()
}

func (s *sqlite) count(ctx context.Context, kind string, after time.Time) (n int, err error) {
	// A slash is followed by 0 in ASCII: all keys of the kind lie between.
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE key >= ? AND key < ? AND expires > ?`,
		kind+"/", kind+"0", after.UnixMilli()).Scan(&n)
	return n, err
}

func (s *sqlite) close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.recent != nil {
		errs = append(errs, s.recent.close())
	}
	return errors.Join(errs...)
}
