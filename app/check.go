package app

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tipoff/database"
	"tipoff/session"
)

// A checker looks at each value of a config and at what must agree with what,
// fills in the rest of the config, and collects what is wrong.
type checker struct {
	*config
	errs []error
}

// check checks the groups of settings in the order in which errors are listed.
func (c *config) check() []error {
	checks := &checker{config: c}
	checks.checkAddresses()
	checks.checkServices()
	checks.checkSignIn()
	checks.checkStorage()
	checks.checkTimes()
	checks.checkProxies()
	checks.checkMetrics()
	checks.checkLog()
	checks.checkNow()
	return checks.errs
}

// bad reports what is wrong with a flag's value.
func (c *checker) bad(flag, format string, args ...any) {
	if slices.Contains(c.broken, flag) {
		return // its value could not be read; that is reported already
	}
	c.errs = append(c.errs, fmt.Errorf("-%s (%s): "+format, append([]any{flag, envName(flag)}, args...)...))
}

// warn reports what is allowed, but hardly meant.
func (c *checker) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// checkAddresses looks at where the site listens and what people call it.
func (c *checker) checkAddresses() {
	if err := checkListen(c.addr); err != nil && c.from["addr"] == "PORT" {
		c.errs = append(c.errs, fmt.Errorf("PORT: %q is not a port", strings.TrimPrefix(c.addr, ":")))
	} else if err != nil {
		c.bad("addr", "%v", err)
	}
	c.public = defaultPublic(c.addr)
	if c.publicURL != "" {
		public, err := parsePublic(c.publicURL)
		if err != nil {
			c.bad("public-url", "%v", err)
		} else if c.public = public; public.Scheme == "http" && !isLoopback(public.Hostname()) {
			c.warn("the public URL %s is not https: anybody on the way can read along and take over sessions, and Todoist sends people back to https addresses only", public)
		}
	}
}

// checkServices looks at the addresses of Todoist and of the schedule.
func (c *checker) checkServices() {
	for _, setting := range []struct {
		name  string
		value *string
	}{
		{"todoist-authorize-url", &c.authorizeURL}, {"todoist-api-url", &c.apiURL}, {"espn-url", &c.espnURL}, {"schedule-url", &c.scheduleURL},
	} {
		may := setting.name == "espn-url" || setting.name == "schedule-url"
		if may && (*setting.value == "off" || *setting.value == "") {
			*setting.value = ""
			continue
		}
		if setting.name == "schedule-url" && !strings.Contains(*setting.value, "://") {
			continue // a file, which is read at the start
		}
		if _, err := parseAddress(*setting.value); err != nil {
			c.bad(setting.name, "%v", err)
		}
	}
	if c.scheduleURL == "" && c.espnURL == "" && !c.demo {
		c.warn("no source of the schedule is on: games stay as they came with this program")
	}
}

// checkSignIn looks at the ways to sign in.
func (c *checker) checkSignIn() {
	if (c.clientID == "") != (c.clientSecret == "") {
		c.bad("todoist-client-id", "the client id and the client secret go together; only one is set")
	} else if err := c.useRegistration(); err != nil {
		c.errs = append(c.errs, err)
	}
	if c.clientID == "" && !c.allowToken && !c.demo && !slices.Contains(c.command, "register") {
		c.bad("allow-api-token", "without an app registered at Todoist and without personal API tokens nobody could sign in")
	}
}

// checkStorage looks at what is kept, and where.
func (c *checker) checkStorage() {
	for key := range strings.SplitSeq(c.secretKey, ",") {
		if key = strings.TrimSpace(key); c.secretKey != "" && len(key) < 32 {
			c.bad("secret-key", "each key needs 32 characters or more; one has %d", len(key))
		}
	}
	if c.database == "" {
		c.database = "sqlite:" + filepath.Join(c.dataDir, databaseFile)
	} else if err := database.Check(c.database); err != nil {
		c.bad("database", "%s %v", database.Mask(c.database), err)
	}
	if c.sessionStore == "" {
		c.sessionStore = "database"
	}
	if err := session.CheckStore(c.sessionStore); err != nil {
		c.bad("session-store", "%s %v", database.Mask(c.sessionStore), err)
	}
	if c.dataDir == "" {
		c.bad("data-dir", "a folder is needed")
	}
}

// checkTimes looks at how long sessions last and how often the schedule is read.
func (c *checker) checkTimes() {
	if c.idle <= 0 {
		c.bad("session-idle", "%v is not a time that a session could last", c.idle)
	}
	if c.lifetime <= 0 {
		c.bad("session-lifetime", "%v is not a time that a session could last", c.lifetime)
	} else if c.idle > c.lifetime {
		c.bad("session-idle", "%v without a request is longer than a whole session of %v", c.idle, c.lifetime)
	}
	if c.refresh < 0 || c.refresh > 0 && c.refresh < time.Minute {
		c.bad("schedule-refresh", "%v is too often; a minute is the least, 0 is never", c.refresh)
	}
	if c.updateSpread < 0 || c.updateSpread > 6*time.Hour {
		c.bad("update-spread", "%v is not between 0 and 6h", c.updateSpread)
	}
}

// checkProxies reads the networks of trusted proxies.
func (c *checker) checkProxies() {
	for network := range strings.FieldsFuncSeq(c.trustedProxies, func(r rune) bool { return r == ',' || r == ' ' }) {
		prefix, err := parseNetwork(network)
		if err != nil {
			c.bad("trusted-proxies", "%v", err)
			continue
		}
		c.proxies = append(c.proxies, prefix)
	}
}

// checkMetrics looks at where metrics and profiles are served.
func (c *checker) checkMetrics() {
	if c.metricsAddr != "" {
		if err := checkListen(c.metricsAddr); err != nil {
			c.bad("metrics-addr", "%v", err)
		} else if _, port, _ := net.SplitHostPort(c.metricsAddr); c.metricsAddr == c.addr && port != "0" {
			c.bad("metrics-addr", "metrics need an address of their own, so that they are not public; %s is the site's", c.addr)
		}
	} else if c.pprof {
		c.bad("pprof", "profiles are served beside the metrics; set -metrics-addr (%s) too", envName("metrics-addr"))
	}
}

// checkLog looks at the form and the level of the log.
func (c *checker) checkLog() {
	if c.logFormat != "text" && c.logFormat != "json" {
		c.bad("log-format", "%q is neither text nor json", c.logFormat)
	}
	if err := c.level.UnmarshalText([]byte(c.logLevel)); err != nil {
		c.bad("log-level", "%q is none of debug, info, warn and error", c.logLevel)
	}
}

// checkNow reads the instant of the start.
func (c *checker) checkNow() {
	if c.now != "" {
		var err error
		if c.start, err = time.Parse(time.RFC3339, c.now); err != nil {
			c.bad("now", "%q is not an instant such as 2026-11-21T12:00:00Z", c.now)
		}
	}
}

// checkListen tells what is wrong with an address to listen on.
func checkListen(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is not an address such as localhost:8080", addr)
	}
	return nil
}

// parseAddress parses an absolute http or https address.
func parseAddress(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not an address such as https://tipoff.example", redact(s))
	}
	return u, nil
}

var publicPath = regexp.MustCompile(`^(/[A-Za-z0-9~_-][A-Za-z0-9.~_-]*)*/?$`)

// parsePublic parses the public URL and writes it as browsers do in their
// Origin header, which it is compared with: the host in small letters, without
// the scheme's own port, and here without a slash at the path's end.
func parsePublic(s string) (*url.URL, error) {
	u, err := parseAddress(s)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "#") {
		return nil, fmt.Errorf("%q may have a path and nothing else behind the host", redact(s))
	}
	if !publicPath.MatchString(u.Path) || u.RawPath != "" {
		return nil, fmt.Errorf("the path of %q may have letters, digits and . ~ _ - between its slashes", s)
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r > '~' }) {
		return nil, fmt.Errorf("write the host of %q as browsers send it, with xn--", s)
	}
	u.Host = strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; strings.HasSuffix(u.Host, port) {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// defaultPublic is the public URL where none is set: http and the address that
// is listened on.
func defaultPublic(addr string) *url.URL {
	host, port, err := net.SplitHostPort(addr)
	if ip, ipErr := netip.ParseAddr(host); err != nil || host == "" || ipErr == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "80" && port != "" {
		host += ":" + port
	}
	return &url.URL{Scheme: "http", Host: host}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.IsLoopback()
}

// parseNetwork parses a network or a single address.
func parseNetwork(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if addr, addrErr := netip.ParseAddr(s); addrErr == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil || prefix.Addr().Is4In6() || prefix.Addr().Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is not a network such as 10.0.0.0/8", s)
	}
	if prefix.Bits() == 0 {
		return netip.Prefix{}, fmt.Errorf("%s is everybody: anybody could then claim any address", s)
	}
	return prefix.Masked(), nil
}
