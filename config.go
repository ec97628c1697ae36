package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"tipoff/schedule"
)

// config is every setting. Each is a flag, and an environment variable of the
// flag's name in capitals behind TIPOFF_; the command line wins.
type config struct {
	addr      string
	publicURL string
	dataDir   string

	clientID, clientSecret string
	authorizeURL, apiURL   string
	allowToken             bool

	secretKey      string
	sessionStore   string
	idle, lifetime time.Duration

	scheduleURL, espnURL string
	refresh              time.Duration

	trustedProxies      string
	logFormat, logLevel string
	demo                bool
	now                 string

	// What the texts above mean, once check has been through them.
	public  *url.URL // nil until the address is known, when no public URL is set
	proxies []netip.Prefix
	start   time.Time // zero for the clock's own
	level   slog.Level
	given   map[string]bool // flags that were set, by either way
	command []string
}

// secrets are the flags whose values may also come from a file, named by the
// variable with _FILE at its end, and are never shown.
var secrets = []string{"todoist-client-secret", "secret-key", "session-store"}

// flags declares every setting on a flag set.
func (c *config) flags() *flag.FlagSet {
	fs := flag.NewFlagSet("tipoff", flag.ContinueOnError)
	fs.StringVar(&c.addr, "addr", "localhost:8080", "`address` to listen on; port 0 picks one (default with PORT set: all interfaces, that port)")
	fs.StringVar(&c.publicURL, "public-url", "", "`address` that people use, may have a path (default http:// and addr)")
	fs.StringVar(&c.dataDir, "data-dir", "data", "`folder` of the SQLite file, the generated key and the last good schedule")
	fs.StringVar(&c.clientID, "todoist-client-id", "", "`id` of the app registered at Todoist; without it people sign in by personal API token")
	fs.StringVar(&c.clientSecret, "todoist-client-secret", "", "`secret` of that app")
	fs.StringVar(&c.authorizeURL, "todoist-authorize-url", "https://app.todoist.com/oauth/authorize", "`address` of Todoist's page of consent")
	fs.StringVar(&c.apiURL, "todoist-api-url", "https://api.todoist.com", "`address` of Todoist's API")
	fs.BoolVar(&c.allowToken, "allow-api-token", true, "let people sign in with a personal API token")
	fs.StringVar(&c.secretKey, "secret-key", "", "`keys` that seal sessions, each of 32 characters or more, with commas between; the first seals, any opens (default: made once in the data dir)")
	fs.StringVar(&c.sessionStore, "session-store", "", "where sessions are kept, a `DSN`: memory:, cookie:, sqlite:PATH, redis://, postgres://, mongodb:// (default sqlite: in the data dir)")
	fs.DurationVar(&c.idle, "session-idle", time.Hour, "`time` without a request after which a session ends")
	fs.DurationVar(&c.lifetime, "session-lifetime", 24*time.Hour, "`time` after which a session ends in any case")
	fs.StringVar(&c.scheduleURL, "schedule-url", schedule.LeagueURL, "`address` or file of the league's feed")
	fs.StringVar(&c.espnURL, "espn-url", schedule.ESPNURL, "`address` of ESPN's API, the fallback; empty switches it off")
	fs.DurationVar(&c.refresh, "schedule-refresh", time.Hour, "`time` between two looks at the feed; 0 is never")
	fs.StringVar(&c.trustedProxies, "trusted-proxies", "", "`networks` (CIDR, with commas between) whose X-Forwarded-For is believed")
	fs.StringVar(&c.logFormat, "log-format", "text", "text or json")
	fs.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
	fs.BoolVar(&c.demo, "demo", false, "an in-memory Todoist in place of the real one: no account, no network, no settings")
	fs.StringVar(&c.now, "now", "", "`instant` (RFC 3339) to take for the start's; for demos and tests")
	return fs
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "TIPOFF_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// parseConfig reads the command line and the environment. Its error lists
// everything that is wrong; it is flag.ErrHelp when help was asked for, which
// usage has then been given.
func parseConfig(args []string, getenv func(string) string, usage func(*flag.FlagSet)) (*config, error) {
	c := &config{given: map[string]bool{}}
	fs := c.flags()
	fs.SetOutput(discard{})
	var errs []error
	// Words of a command may stand before or behind flags.
	for rest := args; len(rest) > 0; {
		if err := fs.Parse(rest); errors.Is(err, flag.ErrHelp) {
			usage(fs)
			return nil, err
		} else if err != nil {
			errs = append(errs, err)
			break
		}
		if rest = fs.Args(); len(rest) > 0 {
			c.command = append(c.command, rest[0])
			rest = rest[1:]
		}
	}
	fs.Visit(func(f *flag.Flag) { c.given[f.Name] = true })
	fs.VisitAll(func(f *flag.Flag) {
		if c.given[f.Name] {
			return
		}
		value, name := getenv(envName(f.Name)), envName(f.Name)
		if file := getenv(name + "_FILE"); file != "" && slices.Contains(secrets, f.Name) {
			if value != "" {
				errs = append(errs, fmt.Errorf("%s and %s_FILE are both set; one is enough", name, name))
				return
			}
			content, err := os.ReadFile(file)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s_FILE: %w", name, err))
				return
			}
			value, name = strings.TrimRight(string(content), "\r\n"), name+"_FILE"
		}
		if value == "" {
			return
		}
		c.given[f.Name] = true
		if err := fs.Set(f.Name, value); err != nil {
			if slices.Contains(secrets, f.Name) {
				err = errors.New("unusable value")
			}
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	})
	if port := getenv("PORT"); port != "" && !c.given["addr"] {
		c.addr = ":" + port
	}
	return c, errors.Join(append(errs, c.check()...)...)
}

// discard keeps the flag package from printing what is reported anyway.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// check looks at each value and at what must agree with what.
func (c *config) check() (errs []error) {
	bad := func(flag, format string, args ...any) {
		errs = append(errs, fmt.Errorf("-%s (%s): "+format, append([]any{flag, envName(flag)}, args...)...))
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		bad("addr", "%q is not an address such as localhost:8080", c.addr)
	}
	if c.publicURL != "" {
		u, err := parseAddress(c.publicURL)
		switch {
		case err != nil:
			bad("public-url", "%v", err)
		case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
			bad("public-url", "%q may have a path and nothing behind it", c.publicURL)
		case strings.Contains(u.Path, "//") || strings.ContainsAny(u.Path, "{}*"):
			bad("public-url", "the path of %q cannot be used", c.publicURL)
		}
		c.public = u
	}
	for name, value := range map[string]string{"todoist-authorize-url": c.authorizeURL, "todoist-api-url": c.apiURL} {
		if _, err := parseAddress(value); err != nil {
			bad(name, "%v", err)
		}
	}
	if c.espnURL != "" {
		if _, err := parseAddress(c.espnURL); err != nil {
			bad("espn-url", "%v", err)
		}
	}
	if (c.clientID == "") != (c.clientSecret == "") {
		bad("todoist-client-id", "the client id and the client secret go together; only one is set")
	}
	if c.clientID == "" && !c.allowToken && !c.demo {
		bad("allow-api-token", "without an app registered at Todoist and without personal API tokens nobody could sign in")
	}
	if c.secretKey != "" {
		for _, key := range c.keys() {
			if len(key) < 32 {
				bad("secret-key", "each key needs 32 characters or more; one has %d", len(key))
			}
		}
	}
	if c.idle <= 0 || c.lifetime <= 0 {
		bad("session-idle", "how long sessions last has to be more than nothing")
	}
	if c.idle > c.lifetime {
		bad("session-idle", "%v without a request is longer than a whole session of %v", c.idle, c.lifetime)
	}
	if c.refresh < 0 || c.refresh > 0 && c.refresh < time.Minute {
		bad("schedule-refresh", "%v is too often; a minute is the least, 0 is never", c.refresh)
	}
	for _, network := range strings.FieldsFunc(c.trustedProxies, func(r rune) bool { return r == ',' || r == ' ' }) {
		prefix, err := netip.ParsePrefix(network)
		if addr, addrErr := netip.ParseAddr(network); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			bad("trusted-proxies", "%q is not a network such as 10.0.0.0/8", network)
			continue
		}
		c.proxies = append(c.proxies, prefix.Masked())
	}
	if c.logFormat != "text" && c.logFormat != "json" {
		bad("log-format", "%q is neither text nor json", c.logFormat)
	}
	if err := c.level.UnmarshalText([]byte(c.logLevel)); err != nil {
		bad("log-level", "%q is none of debug, info, warn and error", c.logLevel)
	}
	if c.now != "" {
		start, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			bad("now", "%q is not an instant such as 2026-11-21T12:00:00Z", c.now)
		}
		c.start = start
	}
	return errs
}

// keys are the secret keys in their order.
func (c *config) keys() []string {
	var keys []string
	for key := range strings.SplitSeq(c.secretKey, ",") {
		if key = strings.TrimSpace(key); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// parseAddress parses an absolute http or https address.
func parseAddress(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not an address such as https://tipoff.example", s)
	}
	return u, nil
}
