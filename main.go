// Tipoff puts an NBA team's games into Todoist and keeps them right all season.
//
// A tour, from the bottom up:
//
//   - schedule knows the teams and the games and where they are published, and
//     nothing of Todoist.
//   - todoist speaks Todoist's API and knows nothing of basketball;
//     todoist/fake answers as Todoist does, from memory, for the demo and the
//     tests.
//   - importer turns games into tasks: it compares what should be in a project
//     with what is there, shows the difference and carries it out.
//   - session knows who is here and keeps each user's tokens sealed.
//   - templates and static hold the pages and what they refer to.
//   - handlers is all that a browser can reach.
//   - This package reads the settings (config.go), builds each part once, and
//     runs them until it is told to stop.
//
// The ideas behind it are in docs/decisions.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // zones are needed on hosts that have none

	"tipoff/handlers"
	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

// memoryLimit is from where on the runtime collects garbage earlier than it would,
// at the cost of some speed. It is no bound: what is in use stays. The program's
// own pages come on top, about 25 MB. GOMEMLIMIT in the environment replaces it.
const memoryLimit = 120 << 20

func main() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "tipoff:", strings.ReplaceAll(err.Error(), "\n", "\n        "))
		os.Exit(1)
	}
}

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
  tipoff version

Each flag is also an environment variable: -public-url is TIPOFF_PUBLIC_URL.
Secrets can be read from a file: TIPOFF_SECRET_KEY_FILE.

`

// run is the program: it reads args and the environment, which is a list of
// NAME=value, does what they ask for, and returns when that is done or ctx ends.
// The log and all output go to stdout.
func run(ctx context.Context, args, environ []string, stdout io.Writer) error {
	cfg, err := parseConfig(args, environ, func(fs *flag.FlagSet) {
		fmt.Fprint(stdout, usage)
		fs.SetOutput(stdout)
		fs.PrintDefaults()
	})
	if cfg == nil {
		return err
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
	if err != nil {
		return err
	}
	switch {
	case command == "":
		return serve(ctx, cfg, stdout)
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
			fmt.Fprintf(stdout, "%d sessions ended.\n", n)
			return err
		})
	case command == "sessions rekey":
		return withSessions(ctx, cfg, stdout, func(m *session.Manager) error {
			n, err := m.Rekey(ctx)
			fmt.Fprintf(stdout, "%d records sealed anew.\n", n)
			return err
		})
	default:
		return fmt.Errorf("there is no command %q; tipoff -h lists them", command)
	}
}

// stamped is the version that a release is built with:
// go build -ldflags "-X main.stamped=v1.2.3".
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

// serve runs the site until ctx ends, and then lets requests that are under way
// finish.
func serve(ctx context.Context, cfg *config, stdout io.Writer) error {
	log := logger(cfg, stdout)
	for _, warning := range cfg.warnings {
		log.Warn("look at the settings", "because", warning)
	}
	if cfg.demo && cfg.start.IsZero() {
		cfg.start = demoStart(time.Now())
	}
	now := clock(cfg.start)

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	if cfg.publicURL == "" {
		// The port may have been picked just now.
		host, _, _ := net.SplitHostPort(cfg.addr)
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		cfg.public = defaultPublic(net.JoinHostPort(host, port))
	}

	metrics := handlers.NewMetrics(version())
	games, err := openSchedule(cfg, metrics, now, log)
	if err != nil {
		return err
	}
	api := &todoist.API{URL: cfg.apiURL, HTTP: todoist.NewHTTP(), UserAgent: userAgent(), Observe: metrics.TodoistCall}
	var demo http.Handler
	if cfg.demo {
		stand, stop, err := startDemo(cfg, now, log)
		if err != nil {
			return err
		}
		defer stop()
		demo, api.URL = stand.server, stand.address
		cfg.clientID, cfg.clientSecret = stand.clientID, stand.clientSecret
		cfg.authorizeURL = cfg.public.String() + "/oauth/authorize"
	}
	app := appOf(cfg, api)
	sessions, err := openSessions(ctx, cfg, app, metrics, now, log)
	if err != nil {
		return err
	}
	defer sessions.Close()

	site, err := handlers.New(handlers.Config{
		PublicURL:      cfg.public,
		Schedule:       games,
		Importer:       &importer.Importer{Season: games.Season, Now: now},
		Sessions:       sessions,
		Todoist:        api,
		App:            app,
		AllowToken:     cfg.allowToken,
		TrustedProxies: cfg.proxies,
		Demo:           demo,
		Metrics:        metrics,
		Now:            now,
		Log:            log,
	})
	if err != nil {
		return err
	}
	quiet := slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	server := &http.Server{
		Handler:           site,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		// An import without a stream answers once it is done.
		WriteTimeout:   11 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       quiet,
	}
	var running sync.WaitGroup
	defer running.Wait()

	metricsAt := ""
	if cfg.metricsAddr != "" {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.metricsAddr)
		if err != nil {
			return fmt.Errorf("listen for metrics: %w", err)
		}
		metricsAt = l.Addr().String()
		operator := &http.Server{Handler: metrics.Handler(cfg.pprof), ReadHeaderTimeout: 10 * time.Second, ErrorLog: quiet}
		running.Go(func() {
			if err := operator.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				log.Error("metrics are no longer served", "error", err)
			}
		})
		defer operator.Close()
	}

	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	running.Go(func() { logEnd(log, "schedule", games.Run(background)) })
	running.Go(func() { logEnd(log, "sessions", sessions.Run(background)) })
	defer stopBackground()

	logStart(log, cfg, listener.Addr().String(), metricsAt, games.Status(), now())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := notify(cfg.notifySocket, "READY=1"); err != nil {
		log.Warn("systemd does not know that Tipoff is ready", "error", err)
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping", "grace", grace.String())
	_ = notify(cfg.notifySocket, "STOPPING=1") // it asked for the stop itself
	// The context that asks for the stop is over; the stop has its own.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		server.Close()
		log.Warn("stopped before every request was done", "error", err)
	}
	<-ended
	return nil
}

// grace is how long running imports may take to finish after a stop is asked
// for. Service managers wait longer than this before they kill.
const grace = 60 * time.Second

// logStart says what runs and what a host has to know of it.
func logStart(log *slog.Logger, cfg *config, address, metricsAt string, games schedule.Report, now time.Time) {
	store, _, _ := strings.Cut(cfg.sessionStore, ":")
	attrs := []any{"version", version(), "url", cfg.public.String(), "address", address,
		"store", store, "schedule", games.Source, "as-of", games.AsOf.UTC().Format(time.RFC3339)}
	if metricsAt != "" {
		attrs = append(attrs, "metrics", metricsAt)
	}
	if !cfg.start.IsZero() {
		attrs = append(attrs, "now", now.UTC().Format(time.RFC3339))
	}
	if store == "memory" && !cfg.demo {
		log.Warn("sessions are kept in memory: a restart signs everyone out")
	}
	log.Info("listening", attrs...)
	switch {
	case cfg.demo:
		log.Info("this is a demo: open " + cfg.public.String() + " in a browser; the Todoist in it is made up, and nothing is kept")
	case cfg.clientID == "":
		log.Info("people sign in with personal API tokens; to let Todoist ask them instead: tipoff register, or set -todoist-client-id",
			"redirect-uri", cfg.redirectURL())
	default:
		log.Info("people sign in with Todoist; its app console must list this redirect URI", "redirect-uri", cfg.redirectURL(),
			"client-id", cfg.clientID, "from", cfg.from["todoist-client-id"])
	}
}

func logEnd(log *slog.Logger, what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Error("background work ended", "what", what, "error", err)
	}
}

func openSchedule(cfg *config, metrics *handlers.Metrics, now func() time.Time, log *slog.Logger) (*schedule.Live, error) {
	sc := schedule.Config{URL: cfg.scheduleURL, ESPNURL: cfg.espnURL, Dir: cfg.dataDir, Refresh: cfg.refresh,
		HTTP: &http.Client{Timeout: 30 * time.Second}, Now: now, Log: log, Observe: metrics.ScheduleRefresh}
	if cfg.demo {
		// A demo needs no network and leaves nothing behind.
		sc.Dir, sc.ESPNURL = "", ""
		if cfg.from["schedule-url"] == "" {
			sc.URL = ""
		}
		return schedule.Open(sc)
	}
	if err := prepareDataDir(cfg.dataDir); err != nil {
		if cfg.needsDataDir() {
			return nil, err
		}
		log.Warn("the last good schedule will not survive a restart", "error", err)
		sc.Dir = ""
	}
	return schedule.Open(sc)
}

// appOf is this program as Todoist knows it, nil where it does not.
func appOf(cfg *config, api *todoist.API) *todoist.App {
	if cfg.clientID == "" {
		return nil
	}
	return &todoist.App{API: api, ClientID: cfg.clientID, ClientSecret: cfg.clientSecret,
		AuthorizeURL: cfg.authorizeURL, RedirectURL: cfg.redirectURL()}
}

// openSessions opens the session store, with the keys of the settings or the one
// kept in the data dir.
func openSessions(ctx context.Context, cfg *config, app *todoist.App, metrics *handlers.Metrics, now func() time.Time, log *slog.Logger) (*session.Manager, error) {
	keys := cfg.keys()
	switch {
	case len(keys) > 0:
	case cfg.demo:
		keys = []string{rand.Text() + rand.Text()}
	default:
		key, err := session.Key(filepath.Join(cfg.dataDir, keyFile))
		if err != nil {
			return nil, err
		}
		keys = []string{key}
	}
	sc := session.Config{Store: cfg.sessionStore, Keys: keys, Idle: cfg.idle, Lifetime: cfg.lifetime, URL: cfg.public, Now: now, Log: log}
	if app != nil {
		sc.Refresh = func(ctx context.Context, refresh string) (session.Tokens, error) {
			tokens, err := refreshWith(ctx, app, now, refresh)
			metrics.TokenRefresh(err)
			return tokens, err
		}
		sc.Revoke = func(ctx context.Context, t session.Tokens) error { return app.Revoke(ctx, t.Access, t.Refresh) }
	}
	return session.Open(ctx, sc)
}

// refreshWith asks Todoist for a new pair and says of an error what it means for
// the old one.
func refreshWith(ctx context.Context, app *todoist.App, now func() time.Time, refresh string) (session.Tokens, error) {
	t, err := app.Refresh(ctx, refresh)
	if err != nil {
		refused, answered := errors.AsType[*todoist.Error](err)
		dial, unreached := errors.AsType[*net.OpError](err)
		switch {
		case errors.Is(err, todoist.ErrInvalidGrant):
			return session.Tokens{}, fmt.Errorf("%w: %w", session.ErrGrantGone, err)
		case answered && refused.Status < 500, unreached && dial.Op == "dial":
			return session.Tokens{}, fmt.Errorf("%w: %w", session.ErrUntouched, err)
		}
		return session.Tokens{}, err
	}
	tokens := session.Tokens{Access: t.Access, Refresh: t.Refresh, Scope: t.Scopes}
	if t.Lifetime > 0 {
		tokens.Expires = now().Add(t.Lifetime)
	}
	return tokens, nil
}

// withSessions opens the session store for a command. It returns an error if the
// store is one that no other process can reach.
func withSessions(ctx context.Context, cfg *config, stdout io.Writer, do func(*session.Manager) error) error {
	switch cfg.sessionStore {
	case "memory:":
		return errors.New("commands cannot reach sessions in the memory of the running Tipoff (-session-store memory:); restart it to end them all")
	case "cookie:":
		return errors.New("commands cannot reach sessions in people's browsers (-session-store cookie:); each ends within an hour of its sign-in, " +
			"and all end at once when Tipoff restarts with a new -secret-key and without the old one")
	}
	log := slog.New(slog.NewTextHandler(stdout, &slog.HandlerOptions{Level: slog.LevelWarn}))
	app := appOf(cfg, &todoist.API{URL: cfg.apiURL, HTTP: todoist.NewHTTP(), UserAgent: userAgent()})
	m, err := openSessions(ctx, cfg, app, handlers.NewMetrics(version()), clock(cfg.start), log)
	if err != nil {
		return err
	}
	return errors.Join(do(m), m.Close())
}

// healthcheck asks the Tipoff that listens on the address of the settings
// whether it is ready, for containers that have no other program to ask with.
func healthcheck(ctx context.Context, cfg *config) error {
	host, port, err := net.SplitHostPort(cfg.addr)
	if err != nil {
		return err
	}
	// Whoever listens everywhere listens here. The name localhost is not used:
	// an empty container has no file that says what it means.
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr == netip.IPv4Unspecified() {
		host = "127.0.0.1"
	} else if err == nil && addr.IsUnspecified() {
		host = "::1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	// The proxy of the environment is for the way out.
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return fmt.Errorf("not answering: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("not ready: %s: %s", resp.Status, strings.TrimSpace(string(why)))
	}
	return nil
}
