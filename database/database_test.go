package database

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/database/databasetest"
)

// Time limits for tests: one that is never reached, and one that always is.
const (
	long  = time.Minute
	short = 300 * time.Millisecond
)

// kinds are the two kinds of database. new makes an empty one for a test, and
// returns its DSN.
var kinds = []struct {
	name string
	new  func(t testing.TB) (dsn string)
}{
	{"sqlite", databasetest.SQLite},
	{"postgres", databasetest.Postgres},
}

// each runs a test with each kind of database.
func each(t *testing.T, run func(t *testing.T, dsn string)) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			run(t, kind.new(t))
		})
	}
}

func open(t testing.TB, dsn string, options ...Option) *DB {
	t.Helper()
	db, err := Open(t.Context(), dsn, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func mustExec(t testing.TB, db *DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// The tests keep numbers in spent_states.
func put(ctx context.Context, db *DB, id string, n int64) error {
	_, err := db.Exec(ctx, `INSERT INTO spent_states (id, expires) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET expires = excluded.expires`, id, n)
	return err
}

func mustPut(t testing.TB, db *DB, id string, n int64) {
	t.Helper()
	if err := put(t.Context(), db, id, n); err != nil {
		t.Fatal(err)
	}
}

func wantNumber(t testing.TB, db *DB, id string, want int64) {
	t.Helper()
	var n int64
	if err := db.QueryRow(t.Context(), `SELECT expires FROM spent_states WHERE id = $1`, id).Scan(&n); err != nil || n != want {
		t.Errorf("%s is %d, %v; want %d", id, n, err, want)
	}
}

func wantUnavailable(t testing.TB, what string, err error) {
	t.Helper()
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("%s: error %v, want ErrUnavailable", what, err)
	}
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		mustExec(t, db, `CREATE TABLE kinds (id TEXT PRIMARY KEY, data BYTEA NOT NULL, n BIGINT NOT NULL, yes BOOLEAN NOT NULL)`)
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		for i, c := range []struct {
			id   string
			data []byte
			n    int64
			yes  bool
		}{
			{"", []byte{}, 0, false},
			{"007", []byte("007"), math.MaxInt64, true},
			{"1e3", []byte("1e3"), math.MinInt64, false},
			{"é 🏀 '\"", every, time.Date(2026, 11, 7, 20, 30, 0, 0, time.UTC).UnixMilli(), true},
			{"TRUE", []byte("NULL"), -1, true},
			{"0x10", []byte(" 12 "), 1, false},
		} {
			mustExec(t, db, `INSERT INTO kinds (n, id, yes, data) VALUES ($3, $1, $4, $2)`, c.id, c.data, c.n, c.yes)
			// Found again by each value.
			var id string
			var data []byte
			var n int64
			var yes bool
			err := db.QueryRow(t.Context(), `SELECT id, data, n, yes FROM kinds WHERE yes = $4 AND n = $3 AND data = $2 AND id = $1`,
				c.id, c.data, c.n, c.yes).Scan(&id, &data, &n, &yes)
			if err != nil || id != c.id || !bytes.Equal(data, c.data) || n != c.n || yes != c.yes {
				t.Errorf("%d: read %q, %q, %d, %v, %v; want %+v", i, id, data, n, yes, err, c)
			}
		}
	})
}

func TestStatementsTellWhatTheyDid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		ctx := t.Context()
		for i := range int64(3) {
			mustPut(t, db, fmt.Sprint("n", i), i)
		}
		mustPut(t, db, "n1", 10) // replaces
		if n, err := db.Exec(ctx, `UPDATE spent_states SET expires = expires + $2 WHERE id <> $1`, "n0", 1); n != 2 || err != nil {
			t.Errorf("Exec = %d, %v; want 2 rows", n, err)
		}
		read := func(query func(each func(Row) error) error) (all []int64) {
			t.Helper()
			err := query(func(row Row) error {
				var n int64
				err := row.Scan(&n)
				all = append(all, n)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		if got, want := read(func(each func(Row) error) error {
			return db.Query(ctx, each, `SELECT expires FROM spent_states ORDER BY id`)
		}), []int64{0, 11, 3}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("Query read %v, want %v", got, want)
		}
		var first int64
		if err := db.QueryRow(ctx, `SELECT expires FROM spent_states ORDER BY id`).Scan(&first); first != 0 || err != nil {
			t.Errorf("the first row is %d, %v; want 0", first, err)
		}
		err := db.InTx(ctx, func(tx *Tx) error {
			got := read(func(each func(Row) error) error {
				return tx.Query(each, `UPDATE spent_states SET expires = expires + 1 WHERE id <> $1 RETURNING expires`, "n0")
			})
			if fmt.Sprint(got) != "[12 4]" && fmt.Sprint(got) != "[4 12]" {
				t.Errorf("UPDATE … RETURNING read %v, want 12 and 4", got)
			}
			var n int64
			if err := tx.QueryRow(`DELETE FROM spent_states WHERE id = $1 RETURNING expires`, "n1").Scan(&n); n != 12 || err != nil {
				t.Errorf("DELETE … RETURNING read %d, %v; want 12", n, err)
			}
			return tx.QueryRow(`SELECT expires FROM spent_states WHERE id = $1`, "n1").Scan(&n)
		})
		if !errors.Is(err, sql.ErrNoRows) || errors.Is(err, ErrUnavailable) {
			t.Errorf("a row that is gone: %v, want ErrNoRows", err)
		}
		wantNumber(t, db, "n1", 11) // the error undid it all

		stop := errors.New("stop")
		if err := db.Query(ctx, func(Row) error { return stop }, `SELECT id FROM spent_states`); err != stop {
			t.Errorf("Query = %v, want the error of what it called", err)
		}
	})
}

func TestTheStatementsOwnFaultsAreNotTheDatabases(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		mustPut(t, db, "n", 1)
		ctx := t.Context()
		var n int64
		for what, err := range map[string]error{
			"a second row of the same key": second(db.Exec(ctx, `INSERT INTO spent_states (id, expires) VALUES ('n', 2)`)),
			"a value missing":              second(db.Exec(ctx, `INSERT INTO spent_states (id) VALUES ('m')`)),
			"no such table":                second(db.Exec(ctx, `DELETE FROM nothing`)),
			"no SQL":                       db.QueryRow(ctx, `SELEKT 1`).Scan(&n),
			"no row":                       db.QueryRow(ctx, `SELECT expires FROM spent_states WHERE id = 'm'`).Scan(&n),
			"a value of another type":      db.QueryRow(ctx, `SELECT id FROM spent_states`).Scan(&n),
		} {
			if err == nil || errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: error %v, want one that is not ErrUnavailable", what, err)
			}
		}
		wantNumber(t, db, "n", 1)
	})
}

func second[A any](_ A, err error) error { return err }

func TestATransactionThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		mustPut(t, db, "n", 1)
		broken := errors.New("broken")
		if err := db.InTx(t.Context(), func(tx *Tx) error {
			if _, err := tx.Exec(`UPDATE spent_states SET expires = 2`); err != nil {
				return err
			}
			return broken
		}); err != broken {
			t.Errorf("InTx = %v, want the error of what it called", err)
		}
		wantNumber(t, db, "n", 1)
		func() {
			defer func() { recover() }()
			db.InTx(t.Context(), func(tx *Tx) error {
				tx.Exec(`UPDATE spent_states SET expires = 3`)
				panic("broken")
			})
		}()
		wantNumber(t, db, "n", 1)
		mustPut(t, db, "n", 4)
		wantNumber(t, db, "n", 4)
	})
}

func TestConcurrentWritersLoseNoUpdate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		// Two, as in two processes.
		dbs := []*DB{open(t, dsn, WithLimit(long)), open(t, dsn, WithLimit(long))}
		mustPut(t, dbs[0], "n", 0)
		const writers, times = 8, 20
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				db := dbs[i%len(dbs)]
				for range times {
					if err := db.InTx(t.Context(), func(tx *Tx) error {
						var n int64
						if err := tx.QueryRow(`SELECT expires FROM spent_states WHERE id = $1`+db.ForUpdate(), "n").Scan(&n); err != nil {
							return err
						}
						_, err := tx.Exec(`UPDATE spent_states SET expires = $2 WHERE id = $1`, "n", n+1)
						return err
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		wantNumber(t, dbs[0], "n", writers*times)
	})
}

func TestReadersSeeWhatIsCommittedAndWaitForNoWriter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db, other := open(t, dsn), open(t, dsn)
		mustPut(t, db, "n", 1)
		if err := db.InTx(t.Context(), func(tx *Tx) error {
			if _, err := tx.Exec(`UPDATE spent_states SET expires = 2`); err != nil {
				return err
			}
			wantNumber(t, db, "n", 1)
			wantNumber(t, other, "n", 1)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		wantNumber(t, db, "n", 2)
		wantNumber(t, other, "n", 2)
	})
}

func TestAVisitorWhoLeavesDoesNotCutOffAWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		left, leave := context.WithCancel(t.Context())
		if err := db.InTx(left, func(tx *Tx) error {
			if _, err := tx.Exec(`INSERT INTO spent_states (id, expires) VALUES ('n', 1)`); err != nil {
				return err
			}
			leave()
			_, err := tx.Exec(`UPDATE spent_states SET expires = 2`)
			return err
		}); err != nil {
			t.Errorf("InTx = %v", err)
		}
		wantNumber(t, db, "n", 2)
		if err := put(left, db, "n", 3); err != nil {
			t.Errorf("Exec = %v", err)
		}
		wantNumber(t, db, "n", 3)
		// There is nobody to read for, and the database is not to blame.
		var n int64
		err := db.QueryRow(left, `SELECT expires FROM spent_states`).Scan(&n)
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Errorf("QueryRow = %v, want only that the visitor left", err)
		}
	})
}

func TestALockedDatabaseIsUnavailableUntilItIsFree(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, WithLimit(short))
		mustPut(t, db, "n", 1)
		statement := "BEGIN; LOCK TABLE spent_states"
		if strings.HasPrefix(dsn, "sqlite:") {
			statement = "BEGIN EXCLUSIVE"
		}
		unlock := lock(t, dsn, statement)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				wantUnavailable(t, "Exec", put(t.Context(), db, "n", 2))
				wantUnavailable(t, "InTx", db.InTx(t.Context(), func(tx *Tx) error {
					_, err := tx.Exec(`UPDATE spent_states SET expires = 2`)
					return err
				}))
			})
		}
		wg.Wait()
		unlock()
		db.limit = long
		wantNumber(t, db, "n", 1)
		mustPut(t, db, "n", 3)
		wantNumber(t, db, "n", 3)
	})
}

// lock runs a statement that locks something, as another program might.
func lock(t *testing.T, dsn, statement string) (unlock func()) {
	t.Helper()
	driver, name := "pgx", dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, name = "sqlite", path
	}
	other, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := func(query string) {
		t.Helper()
		if _, err := conn.ExecContext(context.Background(), query); err != nil {
			t.Fatal(err)
		}
	}
	run(statement)
	return func() { t.Helper(); run("ROLLBACK") }
}

func TestAStatementThatTakesTooLongIsCutOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		mustPut(t, open(t, dsn), "n", 1)
		db := open(t, dsn, WithLimit(short))
		_, err := db.Exec(t.Context(), `INSERT INTO spent_states (id, expires)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT 'm', max(i) FROM n`)
		wantUnavailable(t, "Exec", err)
		db.limit = long
		mustPut(t, db, "n", 2)
		wantNumber(t, db, "n", 2)
	})
}
