package app

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tipoff/database"
	"tipoff/schedule"
)

// config is every setting. Each is a flag, and an environment variable of the
// flag's name in capitals behind TIPOFF_; the command line wins. A variable that
// is empty counts as not set, because that is how compose files pass on what
// their own user left out.
type config struct {
	addr      string
	publicURL string
	dataDir   string

	clientID, clientSecret string
	authorizeURL, apiURL   string
	allowToken             bool

	secretKey      string
	database       string
	sessionStore   string
	idle, lifetime time.Duration
	autoUpdate     bool
	updateSpread   time.Duration

	scheduleURL, espnURL string
	refresh              time.Duration

	trustedProxies      string
	metricsAddr         string
	pprof               bool
	logFormat, logLevel string
	demo                bool
	now                 string

	// What the texts above mean, once check has been through them.
	public   *url.URL // without a slash at the path's end
	proxies  []netip.Prefix
	start    time.Time // zero for the clock's own
	level    slog.Level
	from     map[string]string // where a flag's value is from; defaults have no entry
	broken   []string          // flags whose values could not be read
	warnings []string          // what is allowed, but hardly meant
	command  []string
	// importing are the flags of tipoff import.
	importing importCommand

	notifySocket string // where systemd is told that the service is ready

	set *flag.FlagSet // all of the above with its values, for show
}

// Files in the data dir.
const (
	databaseFile = "tipoff.db"
	keyFile      = "secret.key"
)

// secrets are the flags whose values may also come from a file, named by the
// variable with _FILE at its end, and are never shown.
var secrets = []string{"todoist-client-secret", "secret-key", "database", "session-store"}

// flags declares every setting on a flag set.
func (c *config) flags() *flag.FlagSet {
	fs := flag.NewFlagSet("tipoff", flag.ContinueOnError)
	fs.StringVar(&c.addr, "addr", "localhost:8080", "`address` to listen on; port 0 picks one (where PORT is set: that port, on all interfaces)")
	fs.StringVar(&c.publicURL, "public-url", "", "`address` that people use, may have a path (default http:// and addr)")
	fs.StringVar(&c.dataDir, "data-dir", "data", "`folder` of the SQLite file, the generated key and the registration")
	fs.StringVar(&c.clientID, "todoist-client-id", "", "`id` of the app registered at Todoist (default what tipoff register keeps in the data dir)")
	fs.StringVar(&c.clientSecret, "todoist-client-secret", "", "`secret` of that app")
	fs.StringVar(&c.authorizeURL, "todoist-authorize-url", "https://app.todoist.com/oauth/authorize", "`address` of Todoist's page of consent")
	fs.StringVar(&c.apiURL, "todoist-api-url", "https://api.todoist.com", "`address` of Todoist's API")
	fs.BoolVar(&c.allowToken, "allow-api-token", true, "let people sign in with a personal API token")
	fs.StringVar(&c.secretKey, "secret-key", "", "`keys` that seal sessions, each of 32 characters or more, with commas between; the first seals, any opens (default made once in the data dir)")
	fs.StringVar(&c.database, "database", "", "`DSN` of what must last: sign-ins, tokens, imports and their history, the last good schedule; sqlite:PATH or postgres:// (default sqlite: in the data dir)")
	fs.StringVar(&c.sessionStore, "session-store", "database", "where sessions are kept: database, or a `DSN`: memory:, cookie:, redis://, mongodb://")
	fs.DurationVar(&c.idle, "session-idle", time.Hour, "`time` without a request after which a session ends")
	fs.DurationVar(&c.lifetime, "session-lifetime", 24*time.Hour, "`time` after which a session ends in any case")
	fs.BoolVar(&c.autoUpdate, "auto-update", true, "let imports update themselves when the league moves a game")
	fs.DurationVar(&c.updateSpread, "update-spread", 5*time.Minute, "`time` over which the imports that a change concerns are updated; 0 is at once")
	fs.StringVar(&c.scheduleURL, "schedule-url", schedule.LeagueURL, "`address` or file of the league's feed; off switches it off")
	fs.StringVar(&c.espnURL, "espn-url", schedule.ESPNURL, "`address` of ESPN's API, the fallback; off switches it off")
	fs.DurationVar(&c.refresh, "schedule-refresh", time.Hour, "`time` between two looks at the feed; 0 is never")
	fs.StringVar(&c.trustedProxies, "trusted-proxies", "", "`networks` (CIDR, with commas between) whose X-Forwarded-For is believed")
	fs.StringVar(&c.metricsAddr, "metrics-addr", "", "`address` to serve Prometheus metrics on, apart from the site (default none)")
	fs.BoolVar(&c.pprof, "pprof", false, "serve Go's profiles beside the metrics")
	fs.StringVar(&c.logFormat, "log-format", "text", "text or json")
	fs.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
	fs.BoolVar(&c.demo, "demo", false, "an in-memory Todoist in place of the real one: no account, no network, no settings")
	fs.StringVar(&c.now, "now", "", "pretend that the program starts at this `instant` (RFC 3339); for demos and tests")
	fs.SetOutput(io.Discard) // its errors are reported with all others
	return fs
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "TIPOFF_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// parseConfig reads the command line and the environment, which is a list of
// NAME=value. Its error lists everything that is wrong, one a line, and the
// config is returned with it; it is flag.ErrHelp when help was asked for, which
// usage has then been given.
func parseConfig(args, environ []string, usage func(*flag.FlagSet)) (*config, error) {
	c := &config{from: map[string]string{}}
	fs := c.flags()
	c.set = fs
	var errs []error
	// Words of a command may stand before or behind flags.
	for rest := args; len(rest) > 0; {
		if rest[0] == "-" || !strings.HasPrefix(rest[0], "-") {
			if c.command = append(c.command, rest[0]); len(c.command) == 1 && rest[0] == "import" {
				fs = c.importing.flags(fs)
			}
			rest = rest[1:]
		}
		if err := fs.Parse(rest); errors.Is(err, flag.ErrHelp) {
			usage(fs)
			return nil, err
		} else if err != nil {
			errs = append(errs, err)
			if m := brokenFlag.FindStringSubmatch(err.Error()); m != nil {
				c.broken = append(c.broken, m[1])
			}
			if fs.NArg() == len(rest) {
				// Such as ---, which is no flag and is left where it was.
				break
			}
		}
		rest = fs.Args()
	}
	for _, given := range []*flag.FlagSet{c.set, fs} {
		given.Visit(func(f *flag.Flag) { c.from[f.Name] = "command line" })
	}

	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	errs = append(errs, c.readEnvironment(env)...)
	c.notifySocket = env["NOTIFY_SOCKET"]
	return c, errors.Join(append(errs, c.check()...)...)
}

// brokenFlag finds the flag's name in an error of the flag package.
var brokenFlag = regexp.MustCompile(`for (?:flag )?-([a-z-]+):`)

// readEnvironment sets from the environment what the command line has not set.
func (c *config) readEnvironment(env map[string]string) (errs []error) {
	known := map[string]bool{}
	c.set.VisitAll(func(f *flag.Flag) {
		name := envName(f.Name)
		secret := slices.Contains(secrets, f.Name)
		known[name], known[name+"_FILE"] = true, secret
		if c.from[f.Name] != "" {
			return
		}
		value, from, err := variable(env, name, secret)
		if err == nil && value != "" {
			c.from[f.Name] = from
			if err = c.set.Set(f.Name, value); err != nil {
				err = fmt.Errorf("%s: %q: %w", name, value, err)
				c.broken = append(c.broken, f.Name)
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, "TIPOFF_") && !known[name] && !fromKubernetes(name, env[name]) {
			c.warnings = append(c.warnings, name+" is not a setting and does nothing; tipoff -h lists them all")
		}
	}
	if port := env["PORT"]; port != "" && c.from["addr"] == "" {
		c.addr, c.from["addr"] = ":"+port, "PORT"
	}
	return errs
}

// variable is the value of an environment variable and where it is from: itself
// or, for a secret, the file that the variable of the same name with _FILE names.
func variable(env map[string]string, name string, secret bool) (value, from string, err error) {
	value, file := env[name], env[name+"_FILE"]
	if file == "" || !secret {
		return value, name, nil
	}
	if value != "" {
		return "", "", fmt.Errorf("%s and %s_FILE are both set; one is enough", name, name)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	if value = strings.TrimRight(string(content), "\r\n"); value == "" {
		return "", "", fmt.Errorf("%s_FILE: %s is empty", name, file)
	}
	return value, name + "_FILE, " + file, nil
}

var kubernetesPort = regexp.MustCompile(`_PORT_\d+_`)

// fromKubernetes recognises the variables by which Kubernetes names its
// services to every container: a service called tipoff has TIPOFF_PORT.
func fromKubernetes(name, value string) bool {
	return strings.Contains(name, "_SERVICE_") || kubernetesPort.MatchString(name) || strings.HasPrefix(value, "tcp://")
}

// useRegistration takes the app that tipoff register has made where the settings
// name none.
func (c *config) useRegistration() error {
	if c.clientID != "" || c.demo || slices.Contains(c.command, "register") {
		return nil
	}
	app, err := readRegistration(c.dataDir)
	if err != nil || app == nil {
		return err
	}
	if why := app.fits(c); why != "" {
		c.warnings = append(c.warnings, "sign-in with Todoist is off: "+why+". Mend the setting, or: tipoff register anew")
		return nil
	}
	c.clientID, c.clientSecret = app.ClientID, app.ClientSecret
	c.from["todoist-client-id"] = filepath.Join(c.dataDir, registrationFile)
	c.from["todoist-client-secret"] = c.from["todoist-client-id"]
	return nil
}

// needsDataDir reports whether anything of importance is kept in the data dir.
func (c *config) needsDataDir() bool {
	return c.secretKey == "" || c.from["database"] == ""
}

// redirectURL is where Todoist sends people back to.
func (c *config) redirectURL() string { return c.public.String() + "/oauth/callback" }

// keys are the secret keys in their order.
func (c *config) keys() []string {
	if c.secretKey == "" {
		return nil
	}
	var keys []string
	for key := range strings.SplitSeq(c.secretKey, ",") {
		keys = append(keys, strings.TrimSpace(key))
	}
	return keys
}

// redact hides the password that an address may have.
func redact(s string) string {
	if u, err := url.Parse(s); err == nil && u.User != nil {
		return u.Redacted()
	}
	return s
}

// show writes each setting with its value and where that is from, and then what
// is hardly meant. Secrets are masked.
func (c *config) show(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	c.set.VisitAll(func(f *flag.Flag) {
		value, from := f.Value.String(), cmp.Or(c.from[f.Name], "default")
		switch {
		case f.Name == "database" || f.Name == "session-store":
			value = database.Mask(value)
		case f.Name == "secret-key" && value == "":
			value = "made at the first start, kept in " + filepath.Join(c.dataDir, keyFile)
		case slices.Contains(secrets, f.Name) && value != "":
			value = "***"
		case f.Name == "public-url" && value == "":
			value = c.public.String()
		case value == "":
			value = "-"
		default:
			value = redact(value)
		}
		fmt.Fprintf(table, "-%s\t%s\t%s\n", f.Name, value, from)
	})
	return errors.Join(table.Flush(), c.notes(w))
}

// notes writes what is allowed, but hardly meant.
func (c *config) notes(w io.Writer) error {
	for _, warning := range c.warnings {
		if _, err := fmt.Fprintln(w, "Note:", warning+"."); err != nil {
			return err
		}
	}
	return nil
}
