package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// A block is commands on a page of the docs with what the comment above them
// says of running them.
type block struct {
	line   int
	how    string // "run", "serves", or "not run: " and why
	script string
}

var marked = regexp.MustCompile(`^<!-- (run|serves|not run: .+) -->$`)

// byName is a command that calls the program by its name alone, which works
// nowhere or, with the package and sudo, on other settings than the service's.
var byName = regexp.MustCompile(`^ *(sudo )?(\w+=\S* )*tipoff( |$)`)

// blocks are the commands of a page.
func blocks(t *testing.T, path string) []block {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	how, in := "", false
	for i, line := range lines(string(raw)) {
		switch {
		case in && line == "```":
			in, how = false, ""
		case in:
			all[len(all)-1].script += line + "\n"
		case line == "```sh":
			if how == "" {
				t.Errorf("%s:%d: nothing says whether these commands are run", path, i+1)
			}
			in = true
			all = append(all, block{line: i + 1, how: how})
		case marked.MatchString(line):
			how = marked.FindStringSubmatch(line)[1]
		case strings.HasPrefix(line, "```"):
			t.Errorf("%s:%d: commands are marked with sh, all else is indented", path, i+1)
		}
		if byName.MatchString(line) {
			t.Errorf("%s:%d: nothing puts tipoff on the path: %s", path, i+1, line)
		}
	}
	return all
}

func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("docs/*.md")
	if err != nil || len(found) < 10 {
		t.Fatalf("docs: %v %v", found, err)
	}
	return found
}

// lastLine is the last line of a script.
var lastLine = regexp.MustCompile(`(?m)^.*\n\z`)

// checkout is a folder with the program in it, as make build leaves it.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(built.program(t), filepath.Join(dir, "tipoff")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheCommandsInTheDocsWork(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, path := range append(pages(t), "README.md") {
		all := blocks(t, path)
		for _, b := range all {
			if b.how == "run" || b.how == "serves" {
				ran++
			}
		}
		if !slices.ContainsFunc(all, func(b block) bool { return b.how == "run" || b.how == "serves" }) {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			todoist := newSite(t, midSeason).todoist
			addr := "localhost:" + freePort(t)
			dir := checkout(t)
			command := func(script string) (*exec.Cmd, *output) {
				cmd := exec.Command("sh", "-eu", "-c", strings.ReplaceAll(script, "localhost:8080", addr))
				cmd.Dir = dir
				cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir,
					"TIPOFF_ADDR=" + addr, "TIPOFF_TODOIST_API_URL=" + todoist, "TIPOFF_SCHEDULE_URL=off", "TIPOFF_ESPN_URL=off"}
				out := &output{}
				cmd.Stdout, cmd.Stderr = out, out
				return cmd, out
			}
			for _, b := range all {
				switch b.how {
				case "run":
					cmd, out := command(b.script)
					if err := cmd.Run(); err != nil {
						t.Errorf("%s:%d: %v\n%s%s", path, b.line, err, b.script, out)
					}
				case "serves":
					cmd, out := command(lastLine.ReplaceAllString(b.script, "exec $0"))
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() {
						cmd.Process.Signal(syscall.SIGTERM)
						if err := cmd.Wait(); err != nil {
							t.Errorf("%s:%d: %v\n%s%s", path, b.line, err, b.script, out)
						}
					})
					for i := 0; !strings.Contains(out.String(), "msg=listening"); i++ {
						if i == 1000 {
							t.Fatalf("%s:%d does not serve:\n%s%s", path, b.line, b.script, out)
						}
						time.Sleep(10 * time.Millisecond)
					}
				}
			}
		})
	}
	if ran < 10 {
		t.Errorf("only %d blocks of commands are run", ran)
	}
}

// startFails runs the program with settings with which it does not start, and
// returns what it says.
func startFails(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	out, err := invoke(t, environ, append([]string{"-data-dir", filepath.Join(t.TempDir(), "data"), "-addr", "127.0.0.1:0", "-schedule-url", "off", "-espn-url", "off"}, args...)...)
	if err == nil {
		t.Fatalf("%v: the program starts:\n%s", args, out)
	}
	return err.Error()
}

// troubles make each of the troubles in docs/troubleshooting.md happen and
// return what is then said.
var troubles = map[string]func(t *testing.T) string{
	"bind: address already in use": func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return startFails(t, nil, "-addr", l.Addr().String())
	},
	"the data dir … cannot be … by user …": func(t *testing.T) string {
		return startFails(t, nil, "-data-dir", filepath.Join(file(t, ""), "data"))
	},
	"… is not an address such as https://tipoff.example": func(t *testing.T) string {
		return startFails(t, nil, "-public-url", "tipoff.example")
	},
	"_FILE: open …: no such file or directory": func(t *testing.T) string {
		return startFails(t, []string{"TIPOFF_SECRET_KEY_FILE=/run/secrets/nothing"})
	},
	"are both set; one is enough": func(t *testing.T) string {
		return startFails(t, []string{"TIPOFF_SECRET_KEY_FILE=/dev/null", "TIPOFF_SECRET_KEY=" + longKey})
	},
	"each key needs 32 characters or more": func(t *testing.T) string {
		return startFails(t, nil, "-secret-key", "short")
	},
	"the client id and the client secret go together": func(t *testing.T) string {
		return startFails(t, nil, "-todoist-client-id", "id")
	},
	"without an app registered at Todoist and without personal API tokens nobody could sign in": func(t *testing.T) string {
		return startFails(t, nil, "-allow-api-token=false")
	},
	"database …: ": func(t *testing.T) string {
		return startFails(t, nil, "-database", "sqlite:/dev/null/tipoff.db")
	},
	"session store …: ": func(t *testing.T) string {
		_, err := invoke(t, nil, "-addr", "localhost:0", "-data-dir", t.TempDir(), "-schedule-url", "off", "-espn-url", "off", "-session-store", "redis://127.0.0.1:1")
		return fmt.Sprint(err)
	},
	"TIPOFF_… is not a setting and does nothing": func(t *testing.T) string {
		out, err := invoke(t, []string{"TIPOFF_PUBLICURL=https://tipoff.example"}, "config", "check")
		if err != nil {
			t.Fatal(err)
		}
		return out
	},
	"This Tipoff is set up for another address": func(t *testing.T) string {
		return elsewhere(t, "Sec-Fetch-Site", "same-origin")
	},
	"a form came from another address than the public URL": func(t *testing.T) string { return elsewhere(t) },
	"This request came from another site": func(t *testing.T) string {
		return elsewhere(t, "Sec-Fetch-Site", "cross-site")
	},
	"This sign-in didn’t start here": func(t *testing.T) string {
		return text(startSite(t, midSeason).browser().get("/oauth/callback?code=x&state=y").body)
	},
	"Redirect URI not configured": func(t *testing.T) string {
		s := newSite(t, midSeason)
		s.args = append(s.args, "-public-url", "http://localhost:1234")
		s.start()
		return s.browser().raw(s.browser().post("/sign-in", url.Values{}, "Origin", "http://localhost:1234").want(http.StatusSeeOther).location()).body
	},
	"sign-in with Todoist is off: ": func(t *testing.T) string {
		s := unregistered(t)
		if _, err := s.command("register"); err != nil {
			t.Fatal(err)
		}
		s.args = append(s.args, "-public-url", "https://moved.example")
		s.start()
		return s.log.String()
	},
	"This Tipoff is not registered at Todoist": func(t *testing.T) string {
		s := unregistered(t)
		s.start()
		return text(s.browser().post("/sign-in", nil).body)
	},
	"there is a registration in … already": func(t *testing.T) string {
		s := unregistered(t)
		if _, err := s.command("register"); err != nil {
			t.Fatal(err)
		}
		s.args = append(s.args, "-public-url", "https://moved.example")
		_, err := s.command("register")
		return fmt.Sprint(err)
	},
	"todoist sends people back to https addresses only": func(t *testing.T) string {
		_, err := invoke(t, nil, "register", "-public-url", "http://tipoff.example")
		return fmt.Sprint(err)
	},
	"Too many requests": func(t *testing.T) string {
		b := startSite(t, midSeason).browser()
		for range 60 {
			b.post("/sign-in", nil).want(http.StatusSeeOther)
		}
		return text(b.post("/sign-in", nil).want(http.StatusTooManyRequests).body)
	},
	"X-Forwarded-For is not believed": func(t *testing.T) string {
		s := startSite(t, midSeason)
		fetch(t, "http://"+s.addr+"/", "X-Forwarded-For", "198.51.100.7")
		s.saying("X-Forwarded-For is not believed")
		return s.log.String()
	},
	"sessions are kept in memory: a restart signs everyone out": func(t *testing.T) string {
		return startSite(t, midSeason, "-session-store", "memory:").log.String()
	},
	"the proxy in front of it has to pass on the whole path": func(t *testing.T) string {
		s := startSite(t, midSeason, "-public-url", publicURL+"/nba")
		_, body := fetch(t, "http://"+s.addr+"/teams/BOS")
		return text(body)
	},
	"Tipoff cannot look up who you are": func(t *testing.T) string {
		s := startSite(t, midSeason)
		b := s.browser().signIn(s.account("who", fake.Free))
		s.breakStore()
		return text(b.get("/import?team=BOS").want(http.StatusServiceUnavailable).body)
	},
	"not ready: 503 Service Unavailable": func(t *testing.T) string {
		s := startSite(t, midSeason)
		s.breakStore()
		_, err := invoke(t, nil, "healthcheck", "-addr", s.addr)
		return fmt.Sprint(err)
	},
	"not answering: ": func(t *testing.T) string {
		_, err := invoke(t, nil, "healthcheck", "-addr", "127.0.0.1:1")
		return fmt.Sprint(err)
	},
	"Something broke on our side": func(t *testing.T) string {
		s := startSite(t, midSeason)
		s.fake.Fail(fake.Fault{Path: "/api/v1/user", Status: 200, Body: "{}"})
		p := s.browser().post("/sign-in/token", url.Values{"token": {"x"}}).want(http.StatusInternalServerError)
		number := regexp.MustCompile(`[A-Z2-7]{12}`).FindString(text(p.body))
		if !strings.Contains(s.log.String(), "request="+number) {
			t.Errorf("the log does not have the number %s of the page:\n%s", number, s.log)
		}
		return text(p.body)
	},
	"the schedule is not refreshed": func(t *testing.T) string {
		s := startSite(t, midSeason, "-schedule-url", "http://127.0.0.1:1/")
		s.saying("the schedule is not refreshed")
		return s.log.String()
	},
	"games to come are postponed, cancelled or missing": func(t *testing.T) string {
		s := startSite(t, midSeason, "-schedule-url", serveFeed(t, allPostponed()))
		s.saying("the schedule is not refreshed")
		return text(s.browser().get("/teams/bos").body)
	},
	"the schedule has faulty entries": func(t *testing.T) string {
		s := startSite(t, midSeason, "-schedule-url", serveFeed(t, oneTwice()))
		s.saying("the schedule has faulty entries")
		return s.log.String()
	},
	"Todoist did not answer as it should": func(t *testing.T) string { return refusedBy(t, fake.Fault{Status: 400}) },
	"Todoist asks for a pause":            func(t *testing.T) string { return refusedBy(t, fake.Fault{Status: 429, RetryAfter: 900}) },
	"Todoist no longer lets Tipoff in":    func(t *testing.T) string { return refusedBy(t, fake.Fault{Status: 401}) },
}

// elsewhere sends the sign-in form from another address than the public one and
// returns what the page and the log say.
func elsewhere(t *testing.T, header ...string) string {
	s := startSite(t, midSeason)
	p := s.browser().post("/sign-in", nil, append([]string{"Origin", "http://192.168.1.2:8080"}, header...)...).want(http.StatusForbidden)
	return text(p.body) + "\n" + s.log.String()
}

// refusedBy is the page of somebody whose Todoist answers with a fault.
func refusedBy(t *testing.T, f fake.Fault) string {
	s := startSite(t, midSeason)
	b := s.browser().signIn(s.account("ref", fake.Free))
	f.Path = "/api/v1/sync"
	s.fake.Fail(f)
	return text(b.get("/import?team=BOS").body)
}

// breakStore makes the session store useless while the program runs.
func (s *site) breakStore() {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "tipoff.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), "ALTER TABLE sessions RENAME TO gone"); err != nil {
		s.t.Fatal(err)
	}
}

func TestEveryTextInTroubleshootingIsWhatTheProgramSays(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, m := range regexp.MustCompile("(?m)^### `(.*)`$").FindAllStringSubmatch(string(raw), -1) {
		titles = append(titles, m[1])
	}
	slices.Sort(titles)
	if made := slices.Sorted(maps.Keys(troubles)); !slices.Equal(titles, made) {
		t.Fatalf("the page explains\n%s\n\nand the test makes happen\n%s", strings.Join(titles, "\n"), strings.Join(made, "\n"))
	}
	for title, happen := range troubles {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			said := happen(t)
			rest := said
			for part := range strings.SplitSeq(title, "…") {
				_, after, ok := strings.Cut(rest, part)
				if !ok {
					t.Fatalf("the program says\n%s", said)
				}
				rest = after
			}
		})
	}
}

func TestTheKeyIsChangedAsTheDocsSay(t *testing.T) {
	t.Parallel()
	dir := checkout(t)
	s := newSite(t, midSeason)
	s.dir, s.program = filepath.Join(dir, "data"), "sh"
	environ := []string{"TIPOFF_ADDR=localhost:" + freePort(t), "TIPOFF_PUBLIC_URL=" + publicURL, "TIPOFF_TODOIST_API_URL=" + s.todoist,
		"TIPOFF_TODOIST_AUTHORIZE_URL=" + s.todoist + "/oauth/authorize", "TIPOFF_TODOIST_CLIENT_ID=client",
		"TIPOFF_TODOIST_CLIENT_SECRET=secret-of-the-client", "TIPOFF_SCHEDULE_URL=off", "TIPOFF_ESPN_URL=off", "TIPOFF_NOW=" + midSeason.Format(time.RFC3339)}
	s.env = environ
	// serve starts the program as a line of a page does, in place of the one
	// that runs.
	serve := func(line string) {
		t.Helper()
		if s.cmd != nil {
			s.cmd.Process.Signal(syscall.SIGTERM)
			if err := s.ended(); err != nil {
				t.Fatal(err)
			}
		}
		s.args = []string{"-c", `cd "$0" && exec env ` + line, dir}
		s.startProcess()
	}
	key := func() string {
		raw, err := os.ReadFile(filepath.Join(s.dir, "secret.key"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(raw))
	}
	serve("./tipoff")
	old := key()
	b := s.browser().signIn(s.account("kay", fake.Free))

	ran := 0
	for _, block := range blocks(t, "docs/operate.md") {
		if block.how != "not run: "+t.Name()+" runs these" {
			continue
		}
		for _, line := range lines(block.script) {
			ran++
			if strings.HasSuffix(line, "./tipoff") {
				serve(line)
				b.get("/import?team=BOS").want(http.StatusOK)
				continue
			}
			cmd := exec.Command("sh", "-eu", "-c", line)
			cmd.Dir, cmd.Env = dir, append(environ, "PATH="+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("docs/operate.md:%d: %s: %v\n%s", block.line, line, err, out)
			}
		}
	}
	if ran != 5 {
		t.Errorf("%d commands are run, want 5", ran)
	}
	b.get("/import?team=BOS").want(http.StatusOK)
	if key() == old {
		t.Error("the key is the old one")
	}
	serve("TIPOFF_SECRET_KEY=" + old + " ./tipoff")
	if b.signedIn() {
		t.Error("the old key still opens the session")
	}
}
