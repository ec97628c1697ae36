package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// ErrNoFile says that a DSN names a store that is no file of this host.
var ErrNoFile = errors.New("the store is not a file")

// FileOf returns the path of the file that a DSN names, [ErrNoFile] when it
// names none.
func FileOf(dsn string) (string, error) {
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok || path == "" {
		return "", ErrNoFile
	}
	return path, nil
}

// Backup writes a copy of a store's file, whole and as of one moment, while
// others go on using the store. The file to is new, or empty.
func Backup(ctx context.Context, dsn, to string) error {
	path, err := FileOf(dsn)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	// The mode leaves a store that is not there absent.
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?mode=rw&_pragma=busy_timeout(%d)&_pragma=temp_store(memory)",
		(&url.URL{Path: path}).EscapedPath(), sqliteBusy.Milliseconds()))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy the session store: %w", err)
	}
	return nil
}
