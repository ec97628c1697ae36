package session

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres keeps rows in a PostgreSQL table, in the schema that the connection
// finds first.
type postgres struct{ pool *pgxpool.Pool }

const postgresSchema = `
CREATE TABLE IF NOT EXISTS tipoff_sessions (
	key     text PRIMARY KEY,
	owner   text NOT NULL,
	value   bytea NOT NULL,
	expires timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS tipoff_sessions_owner ON tipoff_sessions (owner) WHERE owner <> '';
CREATE INDEX IF NOT EXISTS tipoff_sessions_expires ON tipoff_sessions (expires);`

func openPostgres(ctx context.Context, dsn string) (store, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.ConnectTimeout = storeTimeout
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// CREATE ... IF NOT EXISTS of two replicas at once would collide.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('tipoff_sessions'))`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, postgresSchema)
		return err
	})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &postgres{pool}, nil
}

func (s *postgres) get(ctx context.Context, key string) (row, bool, error) {
	r := row{Key: key}
	err := s.pool.QueryRow(ctx, `SELECT owner, value, expires FROM tipoff_sessions WHERE key = $1`, key).
		Scan(&r.Owner, &r.Value, &r.Expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, err
	}
	r.Expires = r.Expires.UTC()
	return r, true, nil
}

func (s *postgres) put(ctx context.Context, r row) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO tipoff_sessions (key, owner, value, expires) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, value = excluded.value, expires = excluded.expires`,
		r.Key, r.Owner, r.Value, r.Expires)
	return err
}

func (s *postgres) swap(ctx context.Context, old []byte, r row) (bool, error) {
	tag, err := s.pool.Exec(ctx, `UPDATE tipoff_sessions SET owner = $1, value = $2, expires = $3 WHERE key = $4 AND value = $5`,
		r.Owner, r.Value, r.Expires, r.Key, old)
	return tag.RowsAffected() > 0, err
}

func (s *postgres) remove(ctx context.Context, key string, old []byte) (bool, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM tipoff_sessions WHERE key = $1 AND ($2::bytea IS NULL OR value = $2)`, key, old)
	return tag.RowsAffected() > 0, err
}

func (s *postgres) owned(ctx context.Context, owner string) ([]row, error) {
	return s.list(ctx, `SELECT key, owner, value, expires FROM tipoff_sessions WHERE owner = $1 AND owner <> ''`, owner)
}

func (s *postgres) due(ctx context.Context, by time.Time, limit int) ([]row, error) {
	return s.list(ctx, `SELECT key, owner, value, expires FROM tipoff_sessions WHERE expires <= $1 ORDER BY expires LIMIT $2`, by, limit)
}

// each goes through the keys in order, a page at a time, so that no connection is
// held while fn works.
func (s *postgres) each(ctx context.Context, fn func(row) error) error {
	for last := ""; ; {
		rows, err := s.list(ctx, `SELECT key, owner, value, expires FROM tipoff_sessions WHERE key > $1 ORDER BY key LIMIT 500`, last)
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

func (s *postgres) list(ctx context.Context, query string, args ...any) ([]row, error) {
	found, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(line pgx.CollectableRow) (r row, err error) {
		err = line.Scan(&r.Key, &r.Owner, &r.Value, &r.Expires)
		r.Expires = r.Expires.UTC()
		return r, err
	})
}

func (s *postgres) count(ctx context.Context, kind string, after time.Time) (n int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT count(*) FROM tipoff_sessions WHERE starts_with(key, $1) AND expires > $2`, kind+"/", after).Scan(&n)
	return n, err
}

func (s *postgres) close() error {
	s.pool.Close()
	return nil
}
