package database

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/database/databasetest"
)

// A proxy stands before a server, so that the server can go away.
type proxy struct {
	server string
	mu     sync.Mutex
	gone   bool
	conns  map[net.Conn]bool
}

// newProxy returns a proxy for the server that a DSN names, and a DSN that leads
// through it.
func newProxy(t *testing.T, dsn string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: u.Host, conns: make(map[net.Conn]bool)}
	u.Host = listener.Addr().String()
	t.Cleanup(func() { listener.Close(); p.setGone(true) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p, u.String()
}

func (p *proxy) setGone(gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = gone
	if gone {
		for conn := range p.conns {
			conn.Close()
		}
	}
}

func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[conn], p.conns[server] = true, true
	gone := p.gone
	p.mu.Unlock()
	if gone {
		return
	}
	go func() {
		defer conn.Close()
		io.Copy(conn, server)
	}()
	io.Copy(server, conn)
}

func TestAServerThatGoesAwayIsFoundAgain(t *testing.T) {
	t.Parallel()
	p, dsn := newProxy(t, databasetest.Postgres(t))
	db := open(t, dsn)
	mustPut(t, db, "n", 1)
	// Several connections, all of which break.
	var wg sync.WaitGroup
	use := func() {
		for range 2 * connections {
			wg.Go(func() { wantNumber(t, db, "n", 1) })
		}
		wg.Wait()
	}
	// Each broken connection fails once, unless it lay idle for a second.
	fail := func() {
		for range connections {
			wantUnavailable(t, "Exec", put(t.Context(), db, "n", 2))
			wantUnavailable(t, "QueryRow", db.QueryRow(t.Context(), `SELECT expires FROM spent_states`).Scan(new(int64)))
			wantUnavailable(t, "InTx", db.InTx(t.Context(), func(*Tx) error { return nil }))
		}
	}
	use()
	p.setGone(true)
	fail()
	p.setGone(false)
	use()

	// It goes away in the middle of a transaction.
	wantUnavailable(t, "InTx", db.InTx(t.Context(), func(tx *Tx) error {
		if _, err := tx.Exec(`UPDATE spent_states SET expires = 2`); err != nil {
			return err
		}
		p.setGone(true)
		_, err := tx.Exec(`UPDATE spent_states SET expires = 3`)
		wantUnavailable(t, "Exec in a transaction", err)
		return err
	}))
	fail()
	p.setGone(false)
	use()
	mustPut(t, db, "n", 4)
	wantNumber(t, db, "n", 4)
}

func TestAServerThatDoesNotAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, err = Open(t.Context(), "postgres://"+silent.Addr().String()+"/x", WithLimit(20*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "the server cannot be reached") {
		t.Errorf("Open = %v, want that the server cannot be reached", err)
	}
}

func TestPostgreSQLIsBackedUpWithItsOwnTool(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "copy")
	if err := open(t, databasetest.Postgres(t)).Backup(t.Context(), path); err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("Backup = %v, want it to name pg_dump", err)
	}
}
