package app

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"
)

// Whatever the other settings are: they are usable or each mistake is named, and
// no secret is.
func FuzzConfig(f *testing.F) {
	const secret = "kept-0123456789-abcdefghijklmnop-quiet"
	f.Add("-addr\n:0\n-public-url\nhttps://tipoff.example/x/", "")
	f.Add("-demo\n-secret-key\nshort", "TIPOFF_SESSION_IDLE=5m\nPORT=99999")
	f.Add("config\ncheck\n-now\n2026-11-21T12:00:00Z", "TIPOFF_TODOIST_CLIENT_ID=")
	f.Add("-trusted-proxies\n10.0.0.0/8, ::1\n-session-idle\n-1h\n-log-level\nloud", "TIPOFF_PUBLIC_URL=https://a:b@c")
	f.Add("-session-store\npostgres://u:p@h/db?x=%zz\n-schedule-url\nftp://u:p@x", "TIPOFF_NONSENSE=1")
	f.Add("-metrics-addr\n:0\n-pprof\n-\n--\n-x=y", "TIPOFF_PORT=tcp://10.0.0.1:80")
	f.Fuzz(func(t *testing.T, args, environ string) {
		if strings.Contains(environ, "_FILE") || strings.Contains(args+environ, "kept-") {
			return // it would read any file, /dev/zero among them; or show what is no secret where it stands
		}
		lines := func(s string) []string {
			return slices.DeleteFunc(strings.Split(s, "\n"), func(line string) bool { return line == "" })
		}
		env := []string{"TIPOFF_SECRET_KEY=" + secret, "TIPOFF_TODOIST_CLIENT_ID=client", "TIPOFF_TODOIST_CLIENT_SECRET=" + secret, "TIPOFF_SESSION_STORE=redis://u:" + secret + "@h:6379/0",
			"TIPOFF_SCHEDULE_URL=https://u:" + secret + "@feeds.example/x"}
		cfg, err := parseConfig(append([]string{"-data-dir", t.TempDir()}, lines(args)...), append(env, lines(environ)...), func(*flag.FlagSet) {})
		if cfg == nil && err == nil {
			t.Fatal("there are neither settings nor a mistake")
		}
		var said bytes.Buffer
		if err != nil {
			said.WriteString(err.Error())
		}
		if cfg != nil {
			_ = cfg.show(&said)
		}
		if strings.Contains(said.String(), secret) {
			t.Errorf("a secret is shown:\n%s", said.String())
		}
		if err == nil && (cfg.public == nil || cfg.public.Host == "" && cfg.publicURL != "") {
			t.Errorf("usable settings without an address: %q", cfg.publicURL)
		}
	})
}
