package app

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tipoff/database"
	"tipoff/session"
)

var update = flag.Bool("update", false, "write the files that tests generate")

// invoke runs a command of the program and returns what it printed.
func invoke(t *testing.T, environ []string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Run(t.Context(), args, environ, &out, Options{})
	return out.String(), err
}

// parse reads settings that have to be usable.
func parse(t *testing.T, environ []string, args ...string) *config {
	t.Helper()
	c, err := parseConfig(args, environ, func(*flag.FlagSet) {})
	if err != nil {
		t.Fatalf("%v %v: %v", environ, args, err)
	}
	return c
}

// file writes a file that only this test knows.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const longKey = "a key of thirty-two characters or more"

func TestEveryMistakeInTheSettingsIsReportedAtOnce(t *testing.T) {
	empty := file(t, "\n")
	out, err := invoke(t, []string{"TIPOFF_LOG_LEVEL=loud", "TIPOFF_SECRET_KEY=secret-of-mine", "TIPOFF_SCHEDULE_REFRESH=often",
		"TIPOFF_TODOIST_CLIENT_SECRET_FILE=" + empty, "TIPOFF_SESSION_STORE=x", "TIPOFF_SESSION_STORE_FILE=" + empty},
		"-addr", "8080", "config", "-nonsense=1", "check", "-public-url", "tipoff.example", "-todoist-api-url", "api", "-espn-url", "ftp://espn",
		"-todoist-client-id", "id", "-session-idle", "48h", "-trusted-proxies", "10.0.0.0/8,nginx,0.0.0.0/0", "-log-format", "xml",
		"-now", "yesterday", "-pprof", "-data-dir", "", "-allow-api-token=perhaps")
	if err == nil {
		t.Fatalf("the settings were taken: %s", out)
	}
	for _, want := range []string{
		"-nonsense",
		`"perhaps"`,
		`TIPOFF_SCHEDULE_REFRESH: "often"`,
		"TIPOFF_TODOIST_CLIENT_SECRET_FILE: " + empty + " is empty",
		"TIPOFF_SESSION_STORE and TIPOFF_SESSION_STORE_FILE are both set",
		`-addr (TIPOFF_ADDR): "8080" is not an address`,
		`-public-url (TIPOFF_PUBLIC_URL): "tipoff.example" is not an address such as https://`,
		"-todoist-api-url", "-espn-url",
		"-todoist-client-id (TIPOFF_TODOIST_CLIENT_ID): the client id and the client secret go together",
		"-secret-key (TIPOFF_SECRET_KEY): each key needs 32 characters or more; one has 14",
		"-session-idle (TIPOFF_SESSION_IDLE): 48h0m0s without a request is longer",
		`"nginx" is not a network`, "0.0.0.0/0 is everybody",
		`"xml" is neither`, `"loud" is none of`, `"yesterday" is not an instant`,
		"-pprof (TIPOFF_PPROF): profiles are served beside the metrics",
		"-data-dir (TIPOFF_DATA_DIR): a folder is needed",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 19 {
		t.Errorf("the error has %d lines, want one for each of 19 mistakes:\n%v", got, err)
	}
	if strings.Contains(err.Error(), "secret-of-mine") {
		t.Errorf("the error shows a secret:\n%v", err)
	}
}

func TestTheCommandLineWinsOverTheEnvironmentAndThatOverTheDefault(t *testing.T) {
	environ := []string{"TIPOFF_ADDR=localhost:1", "TIPOFF_DATA_DIR=" + t.TempDir(), "TIPOFF_LOG_FORMAT=", "TIPOFF_SESSION_IDLE=5m", "TIPOFF_ALLOW_API_TOKEN=true"}
	c := parse(t, environ, "-addr", "localhost:2")
	if c.addr != "localhost:2" || c.from["addr"] != "command line" {
		t.Errorf("addr is %s from %s", c.addr, c.from["addr"])
	}
	if c.idle.Minutes() != 5 || c.from["session-idle"] != "TIPOFF_SESSION_IDLE" {
		t.Errorf("session-idle is %v from %s", c.idle, c.from["session-idle"])
	}
	if c.logFormat != "text" || c.from["log-format"] != "" {
		t.Errorf("a variable that is empty set log-format to %q", c.logFormat)
	}
	if c := parse(t, []string{"PORT=3000"}); c.addr != ":3000" || c.public.String() != "http://localhost:3000" {
		t.Errorf("with PORT, addr is %s and the public URL %s", c.addr, c.public)
	}
	if c := parse(t, []string{"PORT=3000", "TIPOFF_ADDR=localhost:1"}); c.addr != "localhost:1" {
		t.Errorf("PORT won over TIPOFF_ADDR: %s", c.addr)
	}
	if _, err := parseConfig(nil, []string{"PORT=many"}, nil); err == nil || !strings.Contains(err.Error(), `PORT: "many" is not a port`) {
		t.Errorf("a bad PORT: %v", err)
	}
}

func TestSecretsCanComeFromFiles(t *testing.T) {
	secret, key := file(t, "the secret\n"), file(t, longKey+"\r\n")
	store := file(t, "memory:")
	c := parse(t, []string{"TIPOFF_TODOIST_CLIENT_ID=id", "TIPOFF_TODOIST_CLIENT_SECRET_FILE=" + secret, "TIPOFF_SECRET_KEY_FILE=" + key, "TIPOFF_SESSION_STORE_FILE=" + store})
	if c.clientSecret != "the secret" || c.sessionStore != "memory:" || !slices.Equal(c.keys(), []string{longKey}) {
		t.Errorf("read %q, %q, %q", c.clientSecret, c.sessionStore, c.keys())
	}
	missing := filepath.Join(t.TempDir(), "nothing")
	_, err := parseConfig(nil, []string{"TIPOFF_SECRET_KEY_FILE=" + missing}, nil)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "TIPOFF_SECRET_KEY_FILE: open "+missing) {
		t.Errorf("a file that is not there: %v", err)
	}
	// A file given for what is no secret would go unnoticed otherwise.
	if c := parse(t, []string{"TIPOFF_PUBLIC_URL_FILE=" + secret}); len(c.warnings) != 1 || !strings.Contains(c.warnings[0], "TIPOFF_PUBLIC_URL_FILE is not a setting") {
		t.Errorf("warnings: %q", c.warnings)
	}
}

func TestAMisspeltVariableIsPointedOut(t *testing.T) {
	out, err := invoke(t, []string{"TIPOFF_PUBLICURL=https://tipoff.example", "TIPOFF_PORT=tcp://10.0.0.1:8080", "TIPOFF_SERVICE_HOST=10.0.0.1",
		"TIPOFF_PORT_8080_TCP_ADDR=10.0.0.1", "PATH=/bin"}, "config", "check")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "TIPOFF_PUBLICURL is not a setting") || strings.Count(out, "is not a setting") != 1 || !strings.Contains(out, "The settings are usable.") {
		t.Errorf("config check says:\n%s", out)
	}
}

func TestConfigShowMasksSecretsAndSaysWhereEachValueIsFrom(t *testing.T) {
	path := file(t, longKey)
	out, err := invoke(t, []string{"TIPOFF_TODOIST_CLIENT_ID=id", "TIPOFF_TODOIST_CLIENT_SECRET=hidden-secret", "TIPOFF_SECRET_KEY_FILE=" + path,
		"TIPOFF_SCHEDULE_URL=https://user:hidden-password@feed.example/x.json"},
		"-database", "postgres://tipoff:hidden-password@db/tipoff", "-session-store", "redis://:hidden-password@cache/0", "-public-url", "https://tipoff.example", "config", "show")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "hidden") || strings.Contains(out, longKey) {
		t.Errorf("config show shows a secret:\n%s", out)
	}
	for _, want := range []string{
		`-todoist-client-secret +\*\*\* +TIPOFF_TODOIST_CLIENT_SECRET\n`,
		`-secret-key +\*\*\* +TIPOFF_SECRET_KEY_FILE, ` + path + `\n`,
		`-database +postgres://tipoff:\*\*\*@db/tipoff +command line\n`,
		`-session-store +redis://:\*\*\*@cache/0 +command line\n`,
		`-schedule-url +https://user:xxxxx@feed\.example/x\.json +TIPOFF_SCHEDULE_URL\n`,
		`-addr +localhost:8080 +default\n`,
		`-public-url +https://tipoff\.example +command line\n`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("config show does not match %s:\n%s", want, out)
		}
	}
	out, err = invoke(t, nil, "config", "show", "-log-level", "loud")
	if err == nil || !regexp.MustCompile(`-log-level +loud +command line\n`).MatchString(out) {
		t.Errorf("with a mistake in it: %v\n%s", err, out)
	}
	if !strings.Contains(out, "-public-url             http://localhost:8080") || !strings.Contains(out, "sqlite:data/tipoff.db") {
		t.Errorf("defaults that depend on other settings are not shown:\n%s", out)
	}
}

func TestThePublicURLIsWrittenAsBrowsersWriteIt(t *testing.T) {
	for typed, want := range map[string]string{
		"https://tipoff.example":          "https://tipoff.example",
		"https://Tipoff.Example/":         "https://tipoff.example",
		"https://tipoff.example:443/nba/": "https://tipoff.example/nba",
		"http://nas:80":                   "http://nas",
		"http://nas:8080/a/b-c_d~e.f":     "http://nas:8080/a/b-c_d~e.f",
		"http://[::1]:8080":               "http://[::1]:8080",
	} {
		if c := parse(t, nil, "-public-url", typed); c.public.String() != want {
			t.Errorf("%s became %s, want %s", typed, c.public, want)
		}
	}
	for _, typed := range []string{"tipoff.example", "https://", "https://:8080", "https://a.example/?x=1", "https://a.example/#x", "https://a.example/?",
		"https://user@a.example", "https://a.example/a//b", "https://a.example/../b", "https://a.example/a%2fb", "https://a.example/{x}",
		"https://a.example/a b", "https://tipöff.example", "javascript:alert(1)", "https://a.example/.."} {
		if _, err := parseConfig([]string{"-public-url", typed}, nil, nil); err == nil {
			t.Errorf("%s was taken", typed)
		}
	}
	if c := parse(t, nil, "-public-url", "http://tipoff.example"); len(c.warnings) != 1 || !strings.Contains(c.warnings[0], "is not https") {
		t.Errorf("http beyond this machine: %q", c.warnings)
	}
	if c := parse(t, nil, "-public-url", "http://localhost:9000"); len(c.warnings) != 0 {
		t.Errorf("http on this machine: %q", c.warnings)
	}
}

func TestWithoutAnAppAndWithoutTokensNobodyCouldSignIn(t *testing.T) {
	_, err := parseConfig([]string{"-allow-api-token=false", "-data-dir", t.TempDir()}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "nobody could sign in") {
		t.Errorf("got %v", err)
	}
	parse(t, nil, "-allow-api-token=false", "-todoist-client-id", "id", "-todoist-client-secret", "secret")
	parse(t, nil, "-allow-api-token=false", "-demo")
	parse(t, nil, "-allow-api-token=false", "register")
}

func TestSwitchingOffASourceOfTheSchedule(t *testing.T) {
	c := parse(t, []string{"TIPOFF_SCHEDULE_URL=off"}, "-espn-url", "")
	if c.scheduleURL != "" || c.espnURL != "" || len(c.warnings) != 1 {
		t.Errorf("got %q and %q, warnings %q", c.scheduleURL, c.espnURL, c.warnings)
	}
}

func TestHelpListsEverySettingAndCommand(t *testing.T) {
	out, err := invoke(t, nil, "-h")
	if err != nil {
		t.Errorf("got %v", err)
	}
	new(config).flags().VisitAll(func(f *flag.Flag) {
		if !strings.Contains(out, "\n  -"+f.Name) {
			t.Errorf("-%s is not there", f.Name)
		}
	})
	for _, command := range []string{"config check", "config show", "register", "healthcheck", "sessions flush", "sessions rekey", "version"} {
		if !strings.Contains(out, "  tipoff "+command) {
			t.Errorf("tipoff %s is not there", command)
		}
	}
	if _, err := invoke(t, nil, "sessions", "burn"); err == nil || !strings.Contains(err.Error(), `no command "sessions burn"`) {
		t.Errorf("an unknown command: %v", err)
	}
}

// defaultIn finds the default of a setting that depends on others in its usage.
var defaultIn = regexp.MustCompile(` \(default (.*)\)$`)

// settingsTable is the table in docs/settings.md.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | |\n| --- | --- | --- | --- |\n")
	new(config).flags().VisitAll(func(f *flag.Flag) {
		_, what := flag.UnquoteUsage(f)
		value := ""
		if f.DefValue != "" {
			value = "`" + strings.TrimSuffix(f.DefValue, "0m0s") + "`"
		}
		if m := defaultIn.FindStringSubmatch(what); m != nil {
			what, value = strings.TrimSuffix(what, m[0]), m[1]
		}
		variable := "`" + envName(f.Name) + "`"
		if slices.Contains(secrets, f.Name) {
			variable += ", `…_FILE`"
		}
		fmt.Fprintf(&b, "| `-%s` | %s | %s | %s |\n", f.Name, variable, value, what)
	})
	return b.String()
}

func TestTheSettingsInTheDocsAreThoseOfTheProgram(t *testing.T) {
	const path, begin, end = "../docs/settings.md", "<!-- settings -->\n", "<!-- end of settings -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	written, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+settingsTable()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if written != settingsTable() {
		t.Errorf("%s is not up to date: go test ./app -run %s -update", path, t.Name())
	}
}

func TestTheExampleOfSettingsIsUsableOnceFilledIn(t *testing.T) {
	raw, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	var environ, names []string
	for line := range strings.SplitSeq(string(raw), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if value == "" {
			value = "filled-in"
		}
		environ, names = append(environ, name+"="+value), append(names, name)
	}
	if want := []string{"TIPOFF_PUBLIC_URL", "TIPOFF_TODOIST_CLIENT_ID", "TIPOFF_TODOIST_CLIENT_SECRET", "TIPOFF_TRUSTED_PROXIES"}; !slices.Equal(names, want) {
		t.Errorf("the example sets %v, want those that matter: %v", names, want)
	}
	c := parse(t, environ)
	if len(c.warnings) != 0 || c.public.String() != "https://tipoff.example" {
		t.Errorf("public URL %s, warnings %q", c.public, c.warnings)
	}
	// Where a proxy on the same machine asks from: without Docker, and with
	// compose.yaml, which publishes the port on this machine only.
	for _, proxy := range []string{"127.0.0.1", "172.17.0.1", "172.31.0.1"} {
		if !slices.ContainsFunc(c.proxies, func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr(proxy)) }) {
			t.Errorf("the proxy at %s is not trusted", proxy)
		}
	}
	doc, err := os.ReadFile("../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, proxy := range c.proxies {
		if !strings.Contains(string(doc), "`"+strings.TrimSuffix(proxy.String(), "/32")+"`") {
			t.Errorf("docs/proxies.md does not name %s", proxy)
		}
	}
}

func TestEveryStoreThatIsOfferedIsKnown(t *testing.T) {
	for name, offered := range map[string]struct {
		check func(string) error
		kinds []string
	}{
		"session-store": {session.CheckStore, []string{"database", "memory:", "cookie:", "redis://", "mongodb://"}},
		"database":      {database.Check, []string{"sqlite:PATH", "postgres://"}},
	} {
		usage := new(config).flags().Lookup(name).Usage
		for _, kind := range offered.kinds {
			if err := offered.check(kind); err != nil || !strings.Contains(usage, kind) {
				t.Errorf("-%s: %s: %v, in %q", name, kind, err, usage)
			}
		}
		for _, dsn := range []string{"mysql://db", "data/tipoff.db", "memory:more", "sqlite:", "redis:localhost"} {
			if _, err := parseConfig([]string{"-" + name, dsn}, nil, nil); err == nil || !strings.Contains(err.Error(), "-"+name) {
				t.Errorf("-%s %s: %v", name, dsn, err)
			}
		}
	}
	// A session store is no database, and the other way round.
	for name, dsn := range map[string]string{"session-store": "postgres://localhost/tipoff", "database": "redis://localhost"} {
		if _, err := parseConfig([]string{"-" + name, dsn}, nil, nil); err == nil {
			t.Errorf("-%s takes %s", name, dsn)
		}
	}
}
