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
	"net"
	"net/http"
	"net/url"
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
	"tipoff/todoist/fake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "tipoff:", err)
		os.Exit(1)
	}
}

const usage = `Tipoff puts an NBA team's games into Todoist and keeps them right all season.

  tipoff [flags]                 serve
  tipoff config check            say whether the settings are usable
  tipoff healthcheck             ask a running Tipoff whether it is ready
  tipoff sessions flush [USER]   sign out everybody, or one user by Todoist's id
  tipoff sessions rekey          seal all sessions with the first key
  tipoff version

Each flag is also an environment variable: -public-url is TIPOFF_PUBLIC_URL.
Secrets can be read from a file: TIPOFF_SECRET_KEY_FILE.

`

// run is the program: it reads args and the environment, does what they ask for,
// and returns when that is done or ctx ends. The log and all output go to
// stdout.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	cfg, err := parseConfig(args, getenv, func(fs *flag.FlagSet) {
		fmt.Fprint(stdout, usage)
		fs.SetOutput(stdout)
		fs.PrintDefaults()
	})
	if err != nil {
		return err
	}
	switch command := strings.Join(cfg.command, " "); {
	case command == "":
		return serve(ctx, cfg, stdout)
	case command == "version":
		fmt.Fprintln(stdout, "tipoff", version())
		return nil
	case command == "config check":
		fmt.Fprintln(stdout, "The settings are usable.")
		return nil
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

// version is the build's, from the module or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

func logger(cfg *config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.level}
	if cfg.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// clock is the time, or the time since an instant that was set for the start.
func clock(start time.Time) func() time.Time {
	if start.IsZero() {
		return time.Now
	}
	began := time.Now()
	return func() time.Time { return start.Add(time.Since(began)) }
}

// demoStart is when a demo's clock starts: now while the embedded season is on,
// otherwise a month into it.
func demoStart(now time.Time) time.Time {
	season := schedule.Embedded()
	if len(season.Games) == 0 || season.State(now) != schedule.Over && season.State(now) != schedule.Postseason {
		return time.Time{}
	}
	return season.Games[0].Day.Time(schedule.Eastern()).AddDate(0, 0, 32)
}

// serve runs the site until ctx ends, and then lets requests that are under way
// finish.
func serve(ctx context.Context, cfg *config, stdout io.Writer) error {
	log := logger(cfg, stdout)
	if cfg.demo && cfg.start.IsZero() {
		cfg.start = demoStart(time.Now())
	}
	now := clock(cfg.start)

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	public := cfg.public
	if public == nil {
		public = addressOf(listener, cfg.addr)
	}

	games, err := openSchedule(cfg, now, log)
	if err != nil {
		return err
	}
	api := &todoist.API{URL: cfg.apiURL, HTTP: todoist.NewHTTP(), UserAgent: "Tipoff/" + version() + " (self-hosted)"}
	var demo http.Handler
	if cfg.demo {
		stand, stop, err := startDemo(cfg, public, now, log)
		if err != nil {
			return err
		}
		defer stop()
		demo, api.URL = stand.server, stand.address
		cfg.clientID, cfg.clientSecret = stand.clientID, stand.clientSecret
		cfg.authorizeURL = strings.TrimSuffix(public.String(), "/") + "/oauth/authorize"
	}
	var app *todoist.App
	if cfg.clientID != "" {
		app = &todoist.App{API: api, ClientID: cfg.clientID, ClientSecret: cfg.clientSecret,
			AuthorizeURL: cfg.authorizeURL, RedirectURL: strings.TrimSuffix(public.String(), "/") + "/oauth/callback"}
	}
	sessions, err := openSessions(ctx, cfg, public, app, now, log)
	if err != nil {
		return err
	}
	defer sessions.Close()

	site, err := handlers.New(handlers.Config{
		PublicURL:      public,
		Schedule:       games,
		Importer:       &importer.Importer{Season: games.Season, Now: now},
		Sessions:       sessions,
		Todoist:        api,
		App:            app,
		AllowToken:     cfg.allowToken,
		TrustedProxies: cfg.proxies,
		Demo:           demo,
		Now:            now,
		Log:            log,
	})
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           site,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		// An import without a stream answers once it is done.
		WriteTimeout:   11 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}

	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { logEnd(log, "schedule", games.Run(background)) })
	running.Go(func() { logEnd(log, "sessions", sessions.Run(background)) })
	defer running.Wait()
	defer stopBackground()

	report := games.Status()
	attrs := []any{"version", version(), "url", public.String(), "address", listener.Addr().String(),
		"store", storeName(cfg), "schedule", report.Source, "as-of", report.AsOf.UTC().Format(time.RFC3339)}
	if app != nil && !cfg.demo {
		attrs = append(attrs, "redirect-uri", app.RedirectURL)
	}
	if !cfg.start.IsZero() {
		attrs = append(attrs, "now", now().UTC().Format(time.RFC3339))
	}
	log.Info("listening", attrs...)

	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping", "grace", grace.String())
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

func logEnd(log *slog.Logger, what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Error("background work ended", "what", what, "error", err)
	}
}

// addressOf is the public address where none is set: http and what was asked
// to listen on, with the port that was really taken.
func addressOf(l net.Listener, asked string) *url.URL {
	host, _, err := net.SplitHostPort(asked)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if port == "80" {
		return &url.URL{Scheme: "http", Host: host}
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
}

func openSchedule(cfg *config, now func() time.Time, log *slog.Logger) (*schedule.Live, error) {
	sc := schedule.Config{URL: cfg.scheduleURL, ESPNURL: cfg.espnURL, Dir: cfg.dataDir, Refresh: cfg.refresh,
		HTTP: &http.Client{Timeout: 30 * time.Second}, Now: now, Log: log}
	if cfg.demo {
		// A demo needs no network and leaves nothing behind.
		sc.Dir, sc.ESPNURL = "", ""
		if !cfg.given["schedule-url"] {
			sc.URL = ""
		}
	}
	if sc.Dir != "" {
		if err := os.MkdirAll(sc.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the data dir: %w", err)
		}
	}
	return schedule.Open(sc)
}

// storeName is the session store's kind, for the log.
func storeName(cfg *config) string {
	kind, _, _ := strings.Cut(cfg.sessionStore, ":")
	return kind
}

// openSessions opens the session store, with the keys of the settings or the one
// kept in the data dir.
func openSessions(ctx context.Context, cfg *config, public *url.URL, app *todoist.App, now func() time.Time, log *slog.Logger) (*session.Manager, error) {
	keys := cfg.keys()
	if cfg.demo {
		// The demo's Todoist forgets everything at a stop, so its sessions
		// need not outlive it either.
		if cfg.sessionStore == "" {
			cfg.sessionStore = "memory:"
		}
		if len(keys) == 0 {
			keys = []string{rand.Text() + rand.Text()}
		}
	}
	if cfg.sessionStore == "" || len(keys) == 0 {
		if err := os.MkdirAll(cfg.dataDir, 0o700); err != nil {
			return nil, fmt.Errorf("make the data dir: %w", err)
		}
	}
	if cfg.sessionStore == "" {
		cfg.sessionStore = "sqlite:" + filepath.Join(cfg.dataDir, "tipoff.db")
	}
	if len(keys) == 0 {
		key, err := session.Key(filepath.Join(cfg.dataDir, "secret.key"))
		if err != nil {
			return nil, err
		}
		keys = []string{key}
	}
	sc := session.Config{Store: cfg.sessionStore, Keys: keys, Idle: cfg.idle, Lifetime: cfg.lifetime, URL: public, Now: now, Log: log}
	if app != nil {
		sc.Refresh = func(ctx context.Context, refresh string) (session.Tokens, error) {
			return refreshWith(ctx, app, now, refresh)
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

// withSessions opens the store for a command and says what it found.
func withSessions(ctx context.Context, cfg *config, stdout io.Writer, do func(*session.Manager) error) error {
	log := slog.New(slog.NewTextHandler(stdout, &slog.HandlerOptions{Level: slog.LevelWarn}))
	public := cfg.public
	if public == nil {
		public = &url.URL{Scheme: "http", Host: cfg.addr}
	}
	var app *todoist.App
	if cfg.clientID != "" {
		api := &todoist.API{URL: cfg.apiURL, HTTP: todoist.NewHTTP(), UserAgent: "Tipoff/" + version()}
		app = &todoist.App{API: api, ClientID: cfg.clientID, ClientSecret: cfg.clientSecret}
	}
	m, err := openSessions(ctx, cfg, public, app, clock(cfg.start), log)
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
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not answering: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", resp.Status)
	}
	return nil
}

// A stand is the in-memory Todoist of a demo with the address at which the
// program itself reaches it.
type stand struct {
	server                 *fake.Server
	address                string
	clientID, clientSecret string
}

// startDemo starts the in-memory Todoist. Browsers reach it beside Tipoff; the
// program itself by a listener of its own, which stays open until the last
// import is done.
func startDemo(cfg *config, public *url.URL, now func() time.Time, log *slog.Logger) (*stand, func(), error) {
	st := &stand{clientID: "tipoff-demo", clientSecret: rand.Text()}
	st.server = fake.New(fake.Config{Now: now, ClientID: st.clientID, ClientSecret: st.clientSecret,
		RedirectURIs: []string{strings.TrimSuffix(public.String(), "/") + "/oauth/callback"}, PublicPath: strings.TrimSuffix(public.Path, "/"),
		// All visitors of a demo share its accounts.
		PartialSyncs: -1, FullSyncs: -1})
	for _, p := range []fake.Profile{
		{ID: "1000001", Email: "free@demo.example", Name: "Frankie Free", APIToken: "demo-free", Zone: "America/New_York", Plan: fake.Free, TimeFormat: 1, StartDay: 7, DateFormat: 1},
		{ID: "1000002", Email: "pro@demo.example", Name: "Priya Pro", APIToken: "demo-pro", Zone: "Europe/Berlin", Plan: fake.Pro, TimeFormat: 0, StartDay: 1},
	} {
		st.server.AddAccount(p)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("listen for the demo's Todoist: %w", err)
	}
	st.address = "http://" + listener.Addr().String()
	server := &http.Server{Handler: st.server, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the demo's Todoist ended", "error", err)
		}
	})
	return st, func() { server.Close(); serving.Wait() }, nil
}
