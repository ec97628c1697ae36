package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// connections is how many connections one process has to PostgreSQL at most. A
// server allows 100 by default.
const connections = 10

func (db *DB) openPostgres(ctx context.Context, dsn string) error {
	config, err := parsePostgres(dsn)
	if err != nil {
		return err
	}
	config.ConnectTimeout = db.limit // database/sql connects in the background, too
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(30 * time.Minute)
	db.read, db.write = pool, pool

	first, cancel := db.bounded(ctx)
	defer cancel()
	if err := pool.PingContext(first); err != nil {
		return err
	}
	// Keeps out other processes that open the same database. goose's own lock leaves
	// the making of its table open, and asks once a second.
	lock, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer lock.Rollback()
	if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('tipoff'))`); err != nil {
		return err
	}
	return migrate(ctx, goose.DialectPostgres, pool)
}
