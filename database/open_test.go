package database

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tipoff/database/databasetest"
)

// TestMain lets tests start this program as another process that opens a database.
func TestMain(m *testing.M) {
	if dsn := os.Getenv("TIPOFF_TEST_OPEN"); dsn != "" {
		io.ReadAll(os.Stdin) // until the test closes it
		db, err := Open(context.Background(), dsn)
		if err == nil {
			err = put(context.Background(), db, fmt.Sprint(os.Getpid()), 1)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		db.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestTwoProcessesThatStartAtOnceBothOpen(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for range 30 {
				dsn := kind.new(t)
				type process struct {
					cmd   *exec.Cmd
					start io.Closer
					out   bytes.Buffer
				}
				var pair [2]process
				for i := range pair {
					p := &pair[i]
					p.cmd = exec.Command(os.Args[0])
					p.cmd.Env = append(os.Environ(), "TIPOFF_TEST_OPEN="+dsn,
						"GORACE=atexit_sleep_ms=0") // the race detector's second at the end of each process
					p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
					stdin, err := p.cmd.StdinPipe()
					if err != nil {
						t.Fatal(err)
					}
					p.start = stdin
					if err := p.cmd.Start(); err != nil {
						t.Fatal(err)
					}
				}
				for i := range pair {
					pair[i].start.Close()
				}
				for i := range pair {
					if err := pair[i].cmd.Wait(); err != nil {
						t.Errorf("%v: %s", err, pair[i].out.String())
					}
				}
				db := open(t, dsn)
				var rows int
				if err := db.QueryRow(t.Context(), `SELECT count(*) FROM spent_states`).Scan(&rows); err != nil || rows != 2 {
					t.Errorf("%d rows, %v; want one of each process", rows, err)
				}
			}
		})
	}
}

func TestAStartDoesNotWaitForeverForAnother(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		mustPut(t, open(t, dsn), "n", 1)
		other, statement := dsn, `BEGIN; SELECT pg_advisory_xact_lock(hashtext('tipoff'))`
		if strings.HasPrefix(dsn, "sqlite:") {
			other, statement = dsn+".lock", "BEGIN EXCLUSIVE"
		}
		unlock := lock(t, other, statement)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if db, err := Open(ctx, dsn); err == nil {
			db.Close()
			t.Error("opened")
		} else if !strings.Contains(err.Error(), "another process") {
			t.Errorf("Open = %v, want it to say that another process is in the way", err)
		}
		unlock()
		wantNumber(t, open(t, dsn), "n", 1)
	})
}

func TestOpeningAgainKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		mustPut(t, db, "n", 1)
		for range 2 {
			wantNumber(t, open(t, dsn), "n", 1)
		}
		var applied int
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM goose_db_version WHERE version_id = 1`).Scan(&applied); err != nil || applied != 1 {
			t.Errorf("the first migration was applied %d times, %v", applied, err)
		}
	})
}

func TestANewerDatabaseIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		mustPut(t, db, "n", 1)
		mustExec(t, db, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, $1)`, true)
		mustExec(t, db, `DROP TABLE schedules`) // as the newer program might
		versions := func() (n int) {
			t.Helper()
			if err := db.QueryRow(t.Context(), `SELECT count(*) FROM goose_db_version`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		recorded := versions()
		newer, err := Open(t.Context(), dsn)
		if err == nil {
			newer.Close()
			t.Fatal("opened")
		}
		if !strings.Contains(err.Error(), "newer version") {
			t.Errorf("Open = %v, want it to say that the database is newer", err)
		}
		wantNumber(t, db, "n", 1)
		if got := versions(); got != recorded {
			t.Errorf("%d versions are recorded, want %d as before", got, recorded)
		}
		if _, err := db.Exec(t.Context(), `DELETE FROM schedules`); err == nil {
			t.Error("a table was made again that the newer program dropped")
		}
	})
}

func TestADatabaseThatCannotBeOpenedSaysWhyAndShowsNoPassword(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	locked := databasetest.SQLite(t)
	if err := open(t, locked).Close(); err != nil {
		t.Fatal(err)
	}
	lock(t, locked, "BEGIN EXCLUSIVE")
	server := databasetest.Postgres(t)
	for _, c := range []struct{ name, dsn, want string }{
		{"nothing", "", "has no scheme"},
		{"a kind unknown", "mysql://root:Pa55w0rd@localhost/x", "database mysql://root:***@localhost/x: unknown kind"},
		{"a path below a file", "sqlite:" + text + "/x.db", "not a directory"},
		{"a directory", "sqlite:" + filepath.Dir(text), "is a directory"},
		{"no database", "sqlite:" + text, "database sqlite:" + text + ": the file is not a SQLite database"},
		{"locked", locked, "another process has locked the file"},
		{"nobody listens", "postgres://tipoff:Pa55w0rd@127.0.0.1:1/x", "database postgres://tipoff:***@127.0.0.1:1/x: the server cannot be reached"},
		{"nobody listens, password in the query", "postgres://127.0.0.1:1/x?user=tipoff&password=Pa55w0rd", "the server cannot be reached"},
		{"no such database", strings.Replace(server, "/test?", "/nowhere?", 1), `the server refuses: database "nowhere" does not exist`},
		{"an option unknown", server + "&colour=red", `unrecognized configuration parameter "colour"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db, err := Open(t.Context(), c.dsn, WithLimit(short))
			if err == nil {
				db.Close()
				t.Fatal("opened")
			}
			if !strings.HasPrefix(err.Error(), "database ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "Pa55w0rd") {
				t.Errorf("Open = %v; want it to say %q", err, c.want)
			}
		})
	}
}
