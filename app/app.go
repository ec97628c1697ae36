// Package app is the program around the site: its settings and commands, and what
// is built once at the start and runs until the end. Nothing else reads flags or the
// environment.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	_ "time/tzdata" // zones are needed on hosts that have none

	"tipoff/database"
	"tipoff/handlers"
	"tipoff/session"
)

const usage = `Tipoff puts an NBA team's games into Todoist and keeps them right all season.

  tipoff [flags]                 serve
  tipoff config check            say whether the settings are usable
  tipoff config show             show each setting and where its value is from
  tipoff register                make this Tipoff known to Todoist as an app
  tipoff register anew           the same, in place of an earlier registration
  tipoff backup FILE             write what has to be kept into one file, - for stdout
  tipoff restore FILE            put a backup into an empty data dir, - for stdin
  tipoff healthcheck             ask a running Tipoff whether it is ready
  tipoff sessions flush [USER]   sign out everybody, or one user by Todoist's id
  tipoff sessions rekey          seal all sessions with the first key
  tipoff imports                 count imports by their state
  tipoff import -team BOS -token-file FILE
                                 import without a server; tipoff import -h says more
  tipoff version

Each flag is also an environment variable: -public-url is TIPOFF_PUBLIC_URL.
Secrets can be read from a file: TIPOFF_SECRET_KEY_FILE.

`

// Options are what tests put in the place of real clocks and real waiting. The zero
// value is for everybody else.
type Options struct {
	// Now is the clock; nil is the real one, or what -now makes of it.
	Now func() time.Time
	// Backoff is the first pause before Todoist is asked again, Patience bounds all
	// pauses of a call, and TodoistTimeout the wait for an answer. Zero leaves
	// them as they are in package todoist.
	Backoff, Patience, TodoistTimeout time.Duration
	// ImportLease is how long after a process's last sign of life another one takes
	// over the import that it was writing; zero leaves it as it is in package importer.
	ImportLease time.Duration
	// UpdateEvery is how often imports that are due are looked for; zero is a second.
	UpdateEvery time.Duration
	// Refresh is how often the schedule is refreshed; zero is what -schedule-refresh says.
	Refresh time.Duration
	// ReadHeaderTimeout is how long a visitor may take to send a request's header;
	// zero is ten seconds. The whole request may take three times that. IdleTimeout
	// is how long a connection may wait for another request; zero is two minutes.
	ReadHeaderTimeout, IdleTimeout time.Duration
	// Site is given the handler of the whole site before it is served, and Todoist
	// what carries the requests to Todoist; each returns what is used instead.
	Site    func(http.Handler) http.Handler
	Todoist func(http.RoundTripper) http.RoundTripper
}

// Run is the program: it reads args and the environment, which is a list of
// NAME=value, does what they ask for, and returns when that is done or ctx ends.
// The log and all output go to stdout. The error is an [ExitError] where the process is to
// end with another code than 1.
func Run(ctx context.Context, args, environ []string, stdout io.Writer, with Options) error {
	cfg, err := parseConfig(args, environ, func(fs *flag.FlagSet) {
		if fs.Name() == "tipoff import" {
			writeImportHelp(stdout)
			return
		}
		fmt.Fprint(stdout, usage)
		fs.SetOutput(stdout)
		fs.PrintDefaults()
	})
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	command := strings.Join(cfg.command, " ")
	if command == "config show" {
		// Also when something is wrong, and then above all.
		return errors.Join(cfg.show(stdout), err)
	}
	if command == "version" {
		fmt.Fprintln(stdout, "tipoff", version())
		return nil
	}
	importing := len(cfg.command) > 0 && cfg.command[0] == "import"
	if err != nil && importing {
		return &ExitError{codeUsage, err}
	}
	if err != nil {
		return err
	}
	switch {
	case importing:
		return runImport(ctx, cfg, stdout, with)
	case command == "":
		return serve(ctx, cfg, stdout, with)
	case command == "config check":
		fmt.Fprintln(stdout, "The settings are usable.")
		return cfg.notes(stdout)
	case command == "register", command == "register anew":
		return register(ctx, cfg, command == "register anew", stdout)
	case len(cfg.command) == 2 && cfg.command[0] == "backup":
		return backup(ctx, cfg, cfg.command[1], stdout)
	case len(cfg.command) == 2 && cfg.command[0] == "restore":
		return restore(cfg, cfg.command[1], stdout)
	case command == "healthcheck":
		return healthcheck(ctx, cfg)
	case command == "sessions flush", len(cfg.command) == 3 && strings.HasPrefix(command, "sessions flush "):
		return withSessions(ctx, cfg, stdout, func(m *session.Manager) error {
			n, err := m.Flush(ctx, strings.Join(cfg.command[2:], ""))
			fmt.Fprintf(stdout, "%d sign-ins ended.\n", n)
			if cfg.autoUpdate {
				fmt.Fprintln(stdout, "Imports that update themselves keep their tokens. To end these too, add -auto-update=false.")
			}
			return err
		})
	case command == "sessions rekey":
		return withSessions(ctx, cfg, stdout, func(m *session.Manager) error {
			n, err := m.Rekey(ctx)
			fmt.Fprintf(stdout, "%d records sealed anew.\n", n)
			if cfg.sessionStore != "database" {
				fmt.Fprintf(stdout, "Sessions in %s are not reached. They end when you take the old key out; keep it for %v, and nobody is signed out.\n",
					database.Mask(cfg.sessionStore), cfg.lifetime)
			}
			return err
		})
	case command == "imports":
		return listImports(ctx, cfg, stdout)
	default:
		return fmt.Errorf("there is no command %q; tipoff -h lists them", command)
	}
}

// stamped is the version that a release is built with:
// go build -ldflags "-X tipoff/app.stamped=v1.2.3".
var stamped string

// version is the build's: the one it was stamped with, the module's, or the
// commit's.
func version() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case stamped != "":
		return stamped
	case !ok:
		return "unknown"
	case info.Main.Version != "" && info.Main.Version != "(devel)":
		return info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

func userAgent() string { return "Tipoff/" + version() + " (self-hosted)" }

// logger writes lines with their time in UTC and, where they are about a
// request, with its id.
func logger(cfg *config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
	var h slog.Handler = slog.NewTextHandler(w, opts)
	if cfg.logFormat == "json" {
		h = slog.NewJSONHandler(w, opts)
	}
	return slog.New(handlers.LogRequests(h))
}

// clock is the time, or the time since an instant that was set for the start.
func clock(start time.Time) func() time.Time {
	if start.IsZero() {
		return time.Now
	}
	began := time.Now()
	return func() time.Time { return start.Add(time.Since(began)) }
}
