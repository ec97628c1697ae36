package database

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrate applies the migrations that the database lacks, each in a transaction.
// The caller keeps other processes from doing the same.
func migrate(ctx context.Context, dialect goose.Dialect, pool *sql.DB) error {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, pool, migrations)
	if err != nil {
		return err
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > known {
		return errNewer
	}
	_, err = provider.Up(ctx)
	return err
}
