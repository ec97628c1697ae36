package session

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// ferret is a MongoDB-protocol server for the tests, built from the module in
// mongotest with
//
//	go build -C session/mongotest -o ../../bin/mongotest .
//
// It is started once, by the first test that needs it, and ends with the tests:
// its standard input is a pipe that closes with this process, so it must not be
// collected before.
var (
	ferret = sync.OnceValues(startFerret)
)

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
