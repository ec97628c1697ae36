package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"

	"tipoff/database/databasetest"
	"tipoff/todoist/fake"
)

// shared are the ways in which several replicas can be one site, each with a
// function that makes what they need for a test and returns the settings.
var shared = map[string]func(*testing.T) []string{
	"database": func(t *testing.T) []string { return []string{"-database", databasetest.Postgres(t)} },
	"redis": func(t *testing.T) []string {
		return []string{"-database", databasetest.Postgres(t), "-session-store", emptyRedis(t)}
	},
	"mongodb": func(t *testing.T) []string {
		return []string{"-database", databasetest.Postgres(t), "-session-store", emptyMongo(t)}
	},
	"cookie": func(t *testing.T) []string {
		return []string{"-database", databasetest.Postgres(t), "-session-store", "cookie:"}
	},
}

// answers skips the test unless something listens at an address.
func answers(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		t.Skipf("nothing answers at %s", addr)
	}
	conn.Close()
}

func emptyRedis(t *testing.T) string {
	answers(t, "127.0.0.1:6379")
	prefix := "test-" + rand.Text()
	t.Cleanup(func() {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
		defer client.Close()
		ctx := context.Background()
		for keys := client.Scan(ctx, 0, prefix+":*", 1000).Iterator(); keys.Next(ctx); {
			client.Del(ctx, keys.Val())
		}
	})
	return "redis://127.0.0.1:6379/0?prefix=" + prefix
}

// ferretDB starts the MongoDB-protocol server for the tests once; it ends with
// its standard input.
var ferretDB = sync.OnceValues(func() (string, error) {
	cmd := exec.Command(filepath.Join("bin", "mongotest"))
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ferretInput = in
	dsn, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(dsn), err
})

// ferretInput keeps the server's standard input from being collected.
var ferretInput any

func emptyMongo(t *testing.T) string {
	dsn, err := ferretDB()
	if os.IsNotExist(err) {
		t.Skip("no MongoDB-protocol server: go build -C session/mongotest -o ../../bin/mongotest .")
	}
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/test_" + strings.ToLower(rand.Text())
	return u.String()
}

// A fleet is several sites over one Todoist and one store, behind a proxy that
// gives each request to the next of them.
type fleet struct {
	*site // where browsers go: the proxy
	sites []*site
}

// startFleet starts two replicas with the same settings and one clock.
func startFleet(t *testing.T, with []string, now time.Time) *fleet {
	t.Helper()
	first := newSite(t, now) // whose Todoist is that of both
	key, clock := rand.Text()+rand.Text(), clockFrom(now)
	f := &fleet{}
	var proxies []http.Handler
	for range 2 {
		s := newSite(t, now, "-todoist-api-url", first.todoist, "-secret-key", key, "-trusted-proxies", "127.0.0.1/32")
		s.args = append(s.args, with...)
		s.fake, s.tap, s.with.Now = first.fake, first.tap, clock
		s.start()
		f.sites = append(f.sites, s)
		proxies = append(proxies, &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s.addr})
			r.Out.Host = r.In.Host
		}})
	}
	var n atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies[int(n.Add(1))%len(proxies)].ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	f.site = &site{t: t, fake: first.fake, todoist: first.todoist, addr: proxy.Listener.Addr().String(), log: f.sites[0].log}
	return f
}

func TestReplicasBehindARoundRobinProxyAreOneSite(t *testing.T) {
	t.Parallel()
	for _, with := range []string{"database", "redis", "cookie"} {
		t.Run(with, func(t *testing.T) { replicate(t, with) })
	}
}

// replicate goes through an import at two replicas.
func replicate(t *testing.T, with string) {
	t.Parallel()
	f := startFleet(t, append(shared[with](t), "-auto-update=false"), lateSeason)
	account := f.account("ria", fake.Pro)
	b := f.browser().signIn(account)
	// Each request goes to the other replica: the page to one, the
	// button's to the next.
	done := b.importTeam("team=MIL").want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "MIL", lateSeason)
	project, _, _ := strings.Cut(done.location(), "?")
	b.get(done.location()).want(http.StatusOK).has("27 games are on your list")
	for range 3 {
		b.get(project).want(http.StatusOK).has("Up to date")
	}
	form := b.get("/import?team=LAC").want(http.StatusOK).form("post", "/imports")
	streamed := b.post("/imports", form, "Accept", "text/event-stream").want(http.StatusOK)
	if !strings.Contains(streamed.body, "event: progress") || !strings.Contains(streamed.body, "event: done") {
		t.Errorf("the streamed import says:\n%s", streamed.body)
	}
	// A task that its owner deleted is had back from either side.
	task := tasks(account, onlyProjectNamed(t, account, "Milwaukee").ID)[0]
	if err := account.DeleteTask(task.ID); err != nil {
		t.Fatal(err)
	}
	back := b.get(project).want(http.StatusOK).form("post", "/imports")
	back.Set("again", gameIn(task))
	b.post("/imports", back).want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "MIL", lateSeason)

	b.post("/sign-out", nil).want(http.StatusSeeOther)
	for range 2 {
		b.get("/import?team=BOS").want(http.StatusSeeOther)
	}
	if access, refresh := f.fake.LiveTokens(account); access+refresh != 0 {
		t.Errorf("%d access and %d refresh tokens live on after signing out", access, refresh)
	}
}

// Each knows the sign-ins and the imports made at it. A cookie signs in at both.
func TestReplicasThatShareNothingTakeAProjectOverAfterShowingThePlan(t *testing.T) {
	t.Parallel()
	f := startFleet(t, []string{"-session-store", "cookie:"}, lateSeason)
	account := f.account("ria", fake.Pro)
	b := f.browser().signIn(account)
	b.importTeam("team=MIL").want(http.StatusSeeOther)
	takenOver := false
	for range 6 {
		p := b.get("/import?team=MIL").want(http.StatusOK)
		takenOver = takenOver || strings.Contains(text(p.body), "It takes them over")
		// This goes to the other one: what nobody was shown is not written.
		b.post("/imports", url.Values{"team": {"MIL"}})
		wantExactly(t, account, embedded(), "MIL", lateSeason)
		onlyProject(t, account)
	}
	if !takenOver {
		t.Error("the replica that did not make the import does not say that it takes it over")
	}
	b.post("/sign-out", nil).want(http.StatusSeeOther)
	if access, _ := f.fake.LiveTokens(account); access != 0 {
		t.Errorf("%d access tokens live on after signing out", access)
	}
}

func onlyProjectNamed(t *testing.T, a *fake.Account, name string) fake.Project {
	t.Helper()
	for _, p := range projects(a) {
		if strings.Contains(p.Name, name) {
			return p
		}
	}
	t.Fatalf("the account has no project %s", name)
	return fake.Project{}
}

func TestParallelRequestsOverTwoReplicasRefreshAnExpiredTokenSafely(t *testing.T) {
	t.Parallel()
	refreshAtOnce(t, "database")
}

// refreshAtOnce sends many requests with an expired token to two replicas.
func refreshAtOnce(t *testing.T, with string) {
	f := startFleet(t, shared[with](t), lateSeason)
	account := f.account("rob", fake.Free)
	b := f.browser().signIn(account)
	b.importTeam("team=UTA").want(http.StatusSeeOther)
	f.fake.ExpireAccess(account)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if p, err := b.try("/import?team=BOS", nil); err != nil || p.status != http.StatusOK {
				t.Errorf("a request with an expired token: %v %+v", err, p)
			}
		})
	}
	wg.Wait()
	if n := f.fake.CountTokenEvents(fake.ReplayedLate); n != 0 {
		t.Errorf("%d refresh tokens were replayed too late", n)
	}
	if n := f.fake.CountTokenEvents(fake.Refreshed); n != 1 {
		t.Errorf("the token was refreshed %d times, want once", n)
	}
	// What was stored is the newest pair: the next refresh works too.
	f.fake.ExpireAccess(account)
	for range 4 {
		b.get("/import?team=BOS").want(http.StatusOK)
	}
	if n := f.fake.CountTokenEvents(fake.ReplayedLate); n != 0 {
		t.Errorf("%d refresh tokens were replayed too late", n)
	}
}

func TestADoubleClickOverTwoReplicasMakesOneProject(t *testing.T) {
	t.Parallel()
	for _, repeats := range []bool{true, false} {
		t.Run(fmt.Sprintf("mapping repeated %v", repeats), func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, []string{"-database", databasetest.Postgres(t)}, lateSeason)
			f.fake.SetSwitches(fake.Switches{ReplayRepeatsMapping: repeats})
			account := f.account("two", fake.Free)
			first, second := f.browser().signIn(account), f.browser().signIn(account)
			form := first.get("/import?team=SAC").want(http.StatusOK).form("post", "/imports")
			f.fake.Fail(fake.Fault{Command: "project_add", Delay: 300 * time.Millisecond, Times: 2})
			var wg sync.WaitGroup
			for _, b := range []*browser{first, second} {
				wg.Go(func() {
					if p, err := b.try("/imports", form); err != nil || p.status != http.StatusSeeOther {
						t.Errorf("submit: %v %+v", err, p)
					}
				})
			}
			wg.Wait()
			onlyProject(t, account)
			wantExactly(t, account, embedded(), "SAC", lateSeason)
		})
	}
}
