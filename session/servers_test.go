package session

import (
	"bufio"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/database/databasetest"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// A place is where a test's sessions and rows are, and nobody else's.
type place struct{ store, database string }

// stores make places for sessions on the server, databases those for rows.
var (
	stores = []struct {
		name string
		dsn  func(t testing.TB) string
	}{
		{"database", func(testing.TB) string { return "database" }},
		{"memory", func(testing.TB) string { return "memory:" }},
		{"redis", redisDSN},
		{"mongodb", mongoDSN},
	}
	databases = []struct {
		name string
		dsn  func(t testing.TB) string
	}{
		{"sqlite", databasetest.SQLite},
		{"postgres", databasetest.Postgres},
	}
)

// everywhere runs a test with each store on the server and each database.
func everywhere(t *testing.T, test func(t *testing.T, at place)) {
	for _, store := range stores {
		for _, db := range databases {
			t.Run(store.name+" and "+db.name, func(t *testing.T) {
				t.Parallel()
				test(t, place{store.dsn(t), db.dsn(t)})
			})
		}
	}
}

// everyDatabase runs a test with each database and the store in memory, for what the
// store does not matter to.
func everyDatabase(t *testing.T, test func(t *testing.T, at place)) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			test(t, place{"memory:", db.dsn(t)})
		})
	}
}

// unique is a name for a test's own prefix, schema or database.
func unique() string { return "tipoff_test_" + strings.ToLower(rand.Text()[:12]) }

// address returns the DSN of a server to test with, and skips where none listens
// at the one assumed. One named in the environment must be there.
func address(t testing.TB, variable, assumed string) string {
	t.Helper()
	if dsn := os.Getenv(variable); dsn != "" {
		return dsn
	}
	u, err := url.Parse(assumed)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err != nil {
		t.Skipf("nothing listens at %s; set %s", u.Host, variable)
	}
	conn.Close()
	return assumed
}

func withQuery(t testing.TB, dsn, key, value string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func redisDSN(t testing.TB) string {
	dsn := address(t, "TIPOFF_TEST_REDIS", "redis://127.0.0.1:6379/0")
	prefix := unique()
	t.Cleanup(func() {
		o, err := redis.ParseURL(dsn)
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(o)
		defer c.Close()
		ctx := context.Background()
		for keys := c.Scan(ctx, 0, prefix+":*", 1000).Iterator(); keys.Next(ctx); {
			c.Del(ctx, keys.Val())
		}
	})
	return withQuery(t, dsn, "prefix", prefix)
}

func mongoDSN(t testing.TB) string {
	dsn := mongoServer(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + unique()
	t.Cleanup(func() {
		c, err := mongo.Connect(options.Client().ApplyURI(dsn))
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		defer c.Disconnect(ctx)
		if err := c.Database(u.Path[1:]).Drop(ctx); err != nil {
			t.Error(err)
		}
	})
	return u.String()
}

// ferret is a MongoDB-protocol server for the tests, built from the module in
// mongotest with
//
//	go build -C session/mongotest -o ../../bin/mongotest .
//
// It is started once, by the first test that needs it, and ends with the tests:
// its standard input is a pipe that closes with this process, so it must not be
// collected before.
var ferret = sync.OnceValues(startFerret)

type ferretServer struct {
	dsn   string
	stdin io.Closer
}

func startFerret() (s ferretServer, err error) {
	program, err := filepath.Abs("../bin/mongotest")
	if err != nil {
		return s, err
	}
	if _, err := os.Stat(program); err != nil {
		return s, err
	}
	cmd := exec.Command(program)
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return s, err
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := cmd.Start(); err != nil {
		return s, err
	}
	s.dsn, err = bufio.NewReader(out).ReadString('\n')
	s.dsn = strings.TrimSpace(s.dsn)
	return s, err
}

// mongoServer returns the DSN of a MongoDB server: the one the environment names,
// one at the usual port, or FerretDB.
func mongoServer(t testing.TB) string {
	t.Helper()
	if dsn := os.Getenv("TIPOFF_TEST_MONGODB"); dsn != "" {
		return dsn
	}
	if conn, err := net.DialTimeout("tcp", "127.0.0.1:27017", time.Second); err == nil {
		conn.Close()
		return "mongodb://127.0.0.1:27017/"
	}
	server, err := ferret()
	if os.IsNotExist(err) {
		t.Skip("no MongoDB: set TIPOFF_TEST_MONGODB, or go build -C session/mongotest -o ../../bin/mongotest .")
	}
	if err != nil {
		t.Fatal("start FerretDB:", err)
	}
	return server.dsn
}
