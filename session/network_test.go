package session

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/database/databasetest"
)

// A proxy stands between a store and its server, so that the server can go away.
type proxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	state string // "", "gone" or "hanging"
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, listener net.Listener, server string) *proxy {
	p := &proxy{listener: listener, server: server, conns: make(map[net.Conn]bool)}
	t.Cleanup(func() {
		listener.Close()
		p.set("gone")
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

// set changes what the proxy does, with connections there are as with new ones.
func (p *proxy) set(state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
	if state == "gone" {
		for conn := range p.conns {
			conn.Close()
		}
	}
}

func (p *proxy) is(state string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == state
}

func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil || p.is("gone") {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[conn], p.conns[server] = true, true
	p.mu.Unlock()
	go func() {
		defer conn.Close()
		io.Copy(conn, server)
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if !p.is("hanging") {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

// through returns a DSN that leads through a listener, and the server it had.
func through(t *testing.T, dsn string, listener net.Listener) (via, server string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server = u.Host
	u.Host = listener.Addr().String()
	return u.String(), server
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A server that goes away or hangs fails each call within its time, and is found
// again without a restart.
func TestAServerThatGoesAwayAndComesBack(t *testing.T) {
	for _, kind := range []struct {
		name string
		dsn  func(testing.TB) string
	}{{"redis", redisDSN}, {"mongodb", mongoDSN}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			listener := listen(t)
			via, server := through(t, kind.dsn(t), listener)
			p := newProxy(t, listener, server)
			s := newSite(t, via)
			store := s.scs.Store.(sealed)
			if err := store.CommitCtx(t.Context(), "net", []byte("1"), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			for _, state := range []string{"gone", "hanging"} {
				p.set(state)
				for range 3 {
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
					if _, _, err := store.FindCtx(ctx, "net"); !errors.Is(err, ErrUnavailable) {
						t.Errorf("%s: Find = %v, want ErrUnavailable", state, err)
					}
					cancel()
				}
				p.set("gone") // a hanging server's connections do not recover
				p.set("")
				back := false
				for deadline := time.Now().Add(20 * time.Second); !back && time.Now().Before(deadline); {
					got, ok, err := store.FindCtx(t.Context(), "net")
					back = err == nil && ok && string(got) == "1"
				}
				if !back {
					t.Fatalf("%s: not found again", state)
				}
			}
		})
	}
}

func TestRedisOverTLS(t *testing.T) {
	dsn := redisDSN(t)
	certificates := httptest.NewTLSServer(nil)
	certificates.Close()
	listener := tls.NewListener(listen(t), &tls.Config{Certificates: certificates.TLS.Certificates})
	via, server := through(t, "rediss"+strings.TrimPrefix(dsn, "redis"), listener)
	newProxy(t, listener, server)
	cfg := Config{DB: openDB(t, databasetest.SQLite(t)), Store: via, Keys: []string{testKey}, Now: time.Now, Log: quiet()}
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("open with a certificate nobody vouches for = %v", err)
	}
	s := newSite(t, withQuery(t, via, "skip_verify", "true"))
	b := newBrowser()
	b.signIn(t, s, "ann")
	wantUser(t, s, b, "ann")
}
