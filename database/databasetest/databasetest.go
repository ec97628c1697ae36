// Package databasetest gives tests empty databases.
package databasetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// SQLite returns the address of a file that is not there yet.
func SQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "tipoff.db") }

// Postgres returns the address of an empty schema, which is dropped after the test. The
// server is the one that TIPOFF_TEST_POSTGRES names, which must answer, or the one on
// this machine, without which the test is skipped.
func Postgres(t testing.TB) string {
	t.Helper()
	const local = "127.0.0.1:5432"
	given := os.Getenv("TIPOFF_TEST_POSTGRES")
	if given == "" {
		conn, err := net.DialTimeout("tcp", local, time.Second)
		if err != nil {
			t.Skip("nothing listens at " + local + "; set TIPOFF_TEST_POSTGRES")
		}
		conn.Close()
	}
	server, err := url.Parse(cmp.Or(given, "postgres://postgres@"+local+"/test"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(statement string) {
		t.Helper()
		ctx := context.Background()
		c, err := pgx.Connect(ctx, server.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	schema := "test_" + strings.ToLower(rand.Text())
	run("CREATE SCHEMA " + schema)
	t.Cleanup(func() { run("DROP SCHEMA " + schema + " CASCADE") })
	own := *server
	query := own.Query()
	query.Set("search_path", schema)
	own.RawQuery = query.Encode()
	return own.String()
}
