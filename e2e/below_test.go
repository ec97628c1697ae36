package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tipoff/database/databasetest"
	"tipoff/todoist/fake"
)

// A cable is what the program's connections to one server go through.
type cable struct {
	t      *testing.T
	addr   string
	server string

	mu    sync.Mutex
	harm  harm
	left  int // how often a cut or a wrong byte is still to come; -1 is for ever
	turn  int // counts the harms
	conns map[net.Conn]bool
}

// A harm is what a cable does to what passes. A cut and a wrong byte come after
// so many bytes of a connection's answers. Only answers are falsified: a server
// cannot know of a falsified request that it is none.
type harm struct {
	kind  string // "", slow, gone, hanging, cut or wrong
	after int
}

func newCable(t *testing.T, server string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{t: t, addr: l.Addr().String(), server: server, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); c.set(harm{kind: "gone"}, -1) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.join(conn)
		}
	}()
	return c
}

// set begins a harm, for connections there are as for new ones.
func (c *cable) set(h harm, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.harm, c.left = h, times
	c.turn++
	if h.kind == "gone" {
		for conn := range c.conns {
			conn.Close()
		}
	}
}

func (c *cable) now() (harm, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.harm, c.turn
}

// struck counts a cut or a wrong byte, and reports whether it may happen.
func (c *cable) struck(turn int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn != turn || c.left == 0 {
		return false
	}
	if c.left > 0 {
		c.left--
	}
	return true
}

func (c *cable) join(conn net.Conn) {
	defer conn.Close()
	if h, _ := c.now(); h.kind == "gone" {
		return
	}
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	c.mu.Lock()
	c.conns[conn], c.conns[server] = true, true
	c.mu.Unlock()
	go func() {
		defer conn.Close()
		defer server.Close()
		c.pass(conn, server, true)
	}()
	c.pass(server, conn, false)
}

// pass moves what comes until an end.
func (c *cable) pass(to, from net.Conn, answers bool) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.conns, from)
	}()
	buffer := make([]byte, 16<<10)
	passed, since := 0, 0
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		b := buffer[:n]
		h, turn := c.now()
		for h.kind == "hanging" {
			time.Sleep(5 * time.Millisecond)
			h, turn = c.now()
		}
		if turn != since {
			passed, since = 0, turn
		}
		if h.kind == "slow" {
			time.Sleep(20 * time.Millisecond)
		}
		if at := h.after - passed; answers && at >= 0 && at < n {
			switch {
			case h.kind == "cut" && c.struck(turn):
				_, _ = to.Write(b[:at])
				return
			case h.kind == "wrong" && c.struck(turn):
				b[at] = 1 // what no JSON has, so that it can be told
			}
		}
		passed += n
		if _, err := to.Write(b); err != nil {
			return
		}
	}
}

// harms are what can happen to a connection's answers, after so many bytes, and
// how often.
func harms(after ...int) map[harm]int {
	all := map[harm]int{{kind: "slow"}: -1, {kind: "gone"}: -1}
	for i, n := range after {
		all[harm{"cut", n}] = 1 - 2*(i%2) // once, or for ever
		all[harm{"wrong", n}] = 2*(i%2) - 1
	}
	return all
}

func TestHarmOnTheWayToTodoistLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	harmTodoist(t, harms(300, 9000))
}

// harmTodoist imports while each of the harms happens on the way to Todoist, and
// again when it has ended.
func harmTodoist(t *testing.T, all map[harm]int) {
	for h, times := range all {
		t.Run(fmt.Sprintf("%s after %d bytes, %d times", h.kind, h.after, times), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lateSeason)
			c := newCable(t, strings.TrimPrefix(s.todoist, "http://"))
			s.args = append(s.args, "-todoist-api-url", "http://"+c.addr)
			if h.kind == "hanging" {
				s.with.TodoistTimeout = time.Second
			}
			s.start()
			account := s.account("ann", fake.Pro)
			b := s.browser().signIn(account)
			s.fake.ExpireAccess(account) // the harm begins with the refresh
			c.set(h, times)
			p := b.post("/imports", url.Values{"team": {"BOS"}, "sections": {"month"}, "reminder": {"60"}, "duration": {"150"}})
			if p.status == http.StatusSeeOther && !strings.HasPrefix(p.location(), "/sign-in") {
				wantExactly(t, account, embedded(), "BOS", lateSeason)
			} else if p.status < 500 && p.status != http.StatusSeeOther {
				t.Errorf("the import answered %d: %s", p.status, text(p.body))
			}
			// It is Todoist that has trouble, not this site.
			s.browser().get("/readyz").want(http.StatusOK)
			s.browser().get("/teams/bos").want(http.StatusOK)

			c.set(harm{}, 0)
			again := func() *page {
				return b.post("/imports", url.Values{"team": {"BOS"}, "sections": {"month"}, "reminder": {"60"}, "duration": {"150"}})
			}
			p = again()
			if strings.HasPrefix(p.location(), "/sign-in") || p.status == http.StatusUnauthorized {
				// Nobody knows whether the refresh token was used up.
				b.signIn(account)
				p = again()
			}
			p.want(http.StatusSeeOther)
			onlyProject(t, account)
			wantExactly(t, account, embedded(), "BOS", lateSeason)
			if strings.Contains(s.log.String(), "msg=panic") {
				t.Error("the program panicked")
			}
		})
	}
}

func TestHarmOnTheWayToASharedStoreEndsWithIt(t *testing.T) {
	t.Parallel()
	harmStores(t, map[string]map[harm]int{
		"redis":    {{kind: "gone"}: -1, {kind: "slow"}: -1, {"wrong", 200}: 1},
		"postgres": {{kind: "gone"}: -1, {"cut", 3}: -1},
	})
}

// harmStores imports while each of the harms happens on the way to a store, and
// again when it has ended.
func harmStores(t *testing.T, all map[string]map[harm]int) {
	servers := map[string]string{"redis": "127.0.0.1:6379", "postgres": "127.0.0.1:5432"}
	for name, harms := range all {
		server := servers[name]
		for h, times := range harms {
			t.Run(fmt.Sprintf("%s: %s after %d bytes, %d times", name, h.kind, h.after, times), func(t *testing.T) {
				t.Parallel()
				flag, dsn := "-database", ""
				if name == "redis" {
					flag, dsn = "-session-store", emptyRedis(t)
				} else {
					dsn = databasetest.Postgres(t)
				}
				c := newCable(t, server)
				s := startSite(t, lateSeason, flag, strings.Replace(dsn, server, c.addr, 1), "-secret-key", anotherKey(t))
				account := s.account("ann", fake.Pro)
				b := s.browser().signIn(account)
				b.importTeam("team=BOS").want(http.StatusSeeOther)
				ready := func() int {
					status, _ := fetch(t, "http://"+s.addr+"/readyz")
					return status
				}

				c.set(h, times)
				b.client.Timeout = 30 * time.Second
				p := b.post("/imports", url.Values{"team": {"NYK"}})
				if p.status == http.StatusSeeOther && !strings.HasPrefix(p.location(), "/sign-in") {
					wantExactly(t, account, embedded(), "NYK", lateSeason)
				}
				during := ready()
				if want := map[string]int{"slow": http.StatusOK, "gone": http.StatusServiceUnavailable}[h.kind]; want != 0 && during != want {
					t.Errorf("meanwhile /readyz answered %d, want %d", during, want)
				}
				if h.kind == "cut" && times < 0 && h.after < 10 && during == http.StatusOK {
					t.Error("/readyz says that a store is there that answers nothing")
				}
				s.browser().get("/teams/bos").want(http.StatusOK)
				s.browser().get("/livez").want(http.StatusOK)
				if h.kind == "gone" {
					if p := b.get("/import?team=BOS"); p.status != http.StatusServiceUnavailable {
						t.Errorf("a page that needs the session answered %d", p.status)
					}
				}

				c.set(harm{}, 0)
				// A store's client may find its connections broken one by one.
				for range 500 {
					if ready() == http.StatusOK {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				if got := ready(); got != http.StatusOK {
					t.Fatalf("afterwards /readyz answers %d", got)
				}
				var after *page
				for range 50 {
					if after = b.get("/import?team=BOS"); after.status < 500 {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				after.want(http.StatusOK)
				s.fake.ExpireAccess(account)
				for _, team := range []string{"BOS", "NYK"} {
					b.post("/imports", url.Values{"team": {team}}).want(http.StatusSeeOther)
					wantExactly(t, account, embedded(), team, lateSeason)
				}
				if got := len(projects(account)); got != 2 {
					t.Errorf("there are %d projects, want 2", got)
				}
				if strings.Contains(s.log.String(), "msg=panic") {
					t.Error("the program panicked")
				}
			})
		}
	}
}
