package session

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// A start that fails says which store and why, and does not show the password.
func TestAStoreThatCannotBeOpened(t *testing.T) {
	noDatabase := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(noDatabase, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dsn, want string }{
		{"nothing", "", "no scheme"},
		{"a path alone", "/var/lib/sessions.db", "no scheme"},
		{"an unknown kind", "mysql://root:Pa55w0rd@localhost/x", "session store mysql://root:***@localhost/x: unknown kind"},
		{"more after memory", "memory:Pa55w0rd", "session store memory:***: nothing can follow memory"},
		{"more after cookie", "cookie:Pa55w0rd", "nothing can follow cookie"},
		{"names no file", "sqlite:", "names no file"},
		{"a path below a file", "sqlite:" + noDatabase + "/x.db", "not a directory"},
		{"a directory", "sqlite:" + t.TempDir(), "is a directory"},
		{"a file that is no database", "sqlite:" + noDatabase, "not a database"},
		{"Redis not there", "redis://:Pa55w0rd@127.0.0.1:1/0", "session store redis://:***@127.0.0.1:1/0: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"Redis with TLS not there", "rediss://:Pa55w0rd@127.0.0.1:1/0", "connection refused"},
		{"Redis database no number", "redis://:Pa55w0rd@127.0.0.1:1/zero", "zero"},
		{"Redis option unknown", "redis://:Pa55w0rd@127.0.0.1:1/0?colour=red", "colour"},
		{"Redis without a server", "redis:Pa55w0rd", "session store redis:***: names no server"},
		{"an unescaped password", "redis://:Pa55w0rd/x@127.0.0.1:6379/0", "percent-encoded"},
		{"an odd URL", "redis://:Pa55w0rd@127.0.0.1:port/0", "not a valid URL"},
		{"PostgreSQL not there", "postgres://tipoff:Pa55w0rd@127.0.0.1:1/x", "connection refused"},
		{"PostgreSQL not there, password in the query", "postgres://127.0.0.1:1/x?user=tipoff&password=Pa55w0rd", "connection refused"},
		{"PostgreSQL port too high", "postgres://tipoff:Pa55w0rd@127.0.0.1:99999/x", "port"},
		{"PostgreSQL option wrong", "postgres://tipoff:Pa55w0rd@127.0.0.1:1/x?pool_max_conns=many", "pool_max_conns"},
		{"MongoDB not there", "mongodb://tipoff:Pa55w0rd@127.0.0.1:1/x?serverSelectionTimeoutMS=50", "connection refused"},
		{"MongoDB option wrong", "mongodb://tipoff:Pa55w0rd@127.0.0.1:1/x?ssl=maybe", "ssl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := Open(context.Background(), Config{Store: c.dsn, Keys: []string{testKey}, Now: time.Now, Log: quiet()})
			if err == nil {
				m.Close()
				t.Fatal("opened")
			}
			if got := err.Error(); !strings.HasPrefix(got, "session store ") || !strings.Contains(got, c.want) || strings.Contains(got, "Pa55") {
				t.Errorf("Open = %v; want it to say %q and no password", err, c.want)
			}
		})
	}
}

func TestMaskedDSNs(t *testing.T) {
	for _, c := range []struct{ dsn, want string }{
		{"redis://host:6379/0", "redis://host:6379/0"},
		{"redis://:secret@host:6379/0", "redis://:***@host:6379/0"},
		{"postgres://me:secret@host/db?sslmode=disable", "postgres://me:***@host/db?sslmode=disable"},
		{"postgres://host/db?user=me&password=secret&x=1", "postgres://host/db?user=me&password=***&x=1"},
		{"postgres://host/db?sslpassword=secret", "postgres://host/db?sslpassword=***"},
		{"mongodb://me:secret@a:1,b:2/db", "mongodb://me:***@a:1,b:2/db"},
		{"redis://:sec@ret/x@host", "redis://:***@host"},
		{"sqlite:data/tipoff.db", "sqlite:data/tipoff.db"},
		{"memory:", "memory:"},
		{"secret", "***"},
		{"redis:secret", "redis:***"},
	} {
		if got := MaskDSN(c.dsn); got != c.want {
			t.Errorf("MaskDSN(%q) = %q, want %q", c.dsn, got, c.want)
		}
	}
}

// Neither a masked DSN nor what a parser says of one shows the password.
func FuzzDSN(f *testing.F) {
	f.Add("redis", "user", "Pa55word!", "host:6379/0")
	f.Add("postgres", "", "Pa55/word", "host/db?sslmode=off")
	f.Add("mongodb", "u:v", "Pa55@word", "host:1,host:2/db")
	f.Add("mongodb+srv", "u", "Pa55%zzword", "")
	f.Add("rediss", "u", "Pa55%41word", "[::1]:x")
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		const secret = "Pa55w0rdThatIsSecret"
		dsn := scheme + "://" + user + ":" + password + secret + "@" + rest
		if strings.Contains(scheme+user+rest, secret) || strings.ContainsAny(rest, "@") {
			return
		}
		if got := MaskDSN(dsn); strings.Contains(got, secret) {
			t.Errorf("MaskDSN(%q) = %q", dsn, got)
		}
		err := CheckDSN(dsn)
		if err == nil {
			switch scheme {
			case "redis", "rediss":
				_, err = redis.ParseURL(dsn)
			case "postgres", "postgresql":
				_, err = pgxpool.ParseConfig(dsn)
			case "mongodb": // mongodb+srv asks the network
				_, err = connstring.ParseAndValidate(dsn)
			}
		}
		if err != nil && strings.Contains(scrub(err, dsn).Error(), secret) {
			t.Errorf("scrubbed: %v", scrub(err, dsn))
		}
	})
}

// A second start finds the sessions of the first; nobody else can read the files.
func TestASQLiteFileSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "not yet", "a ?#%20 name.db")
	s := newSite(t, "sqlite:"+path)
	b := newBrowser()
	tokens := b.signIn(t, s, "ann")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) < 2 {
		t.Errorf("files %v, %v; want the database and its log", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v; want 0600", filepath.Base(file), info.Mode(), err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		for _, secret := range []string{tokens.Access, tokens.Refresh, b.cookies()[s.CookieName()], "ann@example.com"} {
			if strings.Contains(string(content), secret) {
				t.Errorf("%s holds %q in clear", filepath.Base(file), secret)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	wantUser(t, s, b, "ann")
	if got, err := b.access(s, ""); got != tokens.Access || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
}

// writer returns the connection that a site's SQLite store writes with.
func sqliteWriter(s *site) *sql.DB { return s.faults.store.(*sqlite).write }

// A power cut must not bring back a refresh token that was used: Todoist takes it
// for stolen.
func TestSQLiteWritesAreOnTheDiskBeforeTheyCount(t *testing.T) {
	s := newSite(t, "sqlite:"+filepath.Join(t.TempDir(), "s.db"))
	var synchronous int
	if err := sqliteWriter(s).QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil {
		t.Fatal(err)
	}
	if synchronous != 2 { // FULL
		t.Errorf("PRAGMA synchronous is %d, want 2", synchronous)
	}
}

func TestALockedSQLiteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := newSite(t, "sqlite:"+path)
	b := newBrowser()
	b.signIn(t, s, "ann")
	if _, err := sqliteWriter(s).Exec("PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	wantUser(t, s, b, "ann") // reading goes on
	if err := s.Check(t.Context()); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "locked") {
		t.Errorf("Check = %v, want ErrUnavailable for a lock", err)
	}
	newBrowser().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if err := s.SignIn(ctx, userNamed("bob"), s.todoist.signIn("bob")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("SignIn = %v, want ErrUnavailable", err)
		}
	})
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check = %v, after the lock is gone", err)
	}
	wantUser(t, s, b, "ann")
}

func TestAFullDisk(t *testing.T) {
	s := newSite(t, "sqlite:"+filepath.Join(t.TempDir(), "s.db"))
	b := newBrowser()
	first := b.signIn(t, s, "ann")
	if _, err := sqliteWriter(s).Exec("PRAGMA max_page_count = 1"); err != nil { // as it is now, and no more
		t.Fatal(err)
	}
	var full error
	for range 200 {
		newBrowser().visit(s, func(ctx context.Context, _ http.ResponseWriter) {
			full = s.SignIn(ctx, userNamed("bob"), s.todoist.signIn("bob"))
		})
		if full != nil {
			break
		}
	}
	if !errors.Is(full, ErrUnavailable) || !strings.Contains(full.Error(), "full") {
		t.Fatalf("SignIn = %v, want ErrUnavailable for a full disk", full)
	}
	// Nothing is half-written: each session has its token and each token its session.
	rows := map[string]bool{}
	if err := s.store.each(t.Context(), func(r row) error { rows[r.Key] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for key := range rows {
		kind, id, _ := strings.Cut(key, "/")
		if kind == kindSession && !rows[kindToken+"/"+id] || kind == kindToken && !rows[kindSession+"/"+id] {
			t.Errorf("%s is alone", key)
		}
	}
	wantUser(t, s, b, "ann")
	if got, err := b.access(s, ""); got != first.Access || err != nil {
		t.Errorf("Access = %q, %v", got, err)
	}
	if _, err := sqliteWriter(s).Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	b.signIn(t, s, "ann")
	wantUser(t, s, b, "ann")
}

// A file that goes bad under a running program is the store's failure, not a page's.
func TestASQLiteFileThatGoesBad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := newSite(t, "sqlite:"+path)
	b := newBrowser()
	b.signIn(t, s, "ann")
	if _, err := sqliteWriter(s).Exec("DROP TABLE sessions"); err != nil {
		t.Fatal(err)
	}
	b.visit(s, func(ctx context.Context, _ http.ResponseWriter) {
		if _, ok := s.User(ctx); ok || !errors.Is(s.Err(ctx), ErrUnavailable) {
			t.Errorf("signed in %v, Err = %v; want ErrUnavailable", ok, s.Err(ctx))
		}
	})
}

func TestBrowserNames(t *testing.T) {
	for _, c := range []struct{ agent, want string }{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari on macOS"},
		{"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"},
		{"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome on iPad"},
		{"Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Chrome on ChromeOS"},
		{"curl/8.10", "curl"},
		{"", "a browser"},
		{"<script>alert(1)</script>", "a browser"},
	} {
		if got := browserOf(c.agent); got != c.want {
			t.Errorf("browserOf(%q) = %q, want %q", c.agent, got, c.want)
		}
	}
}
