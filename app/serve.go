package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"tipoff/database"
	"tipoff/handlers"
	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
	"tipoff/updates"
)

// memoryLimit is from where on the runtime collects garbage earlier than it would,
// at the cost of some speed. It is no bound: what is in use stays. The program's
// own pages come on top, about 25 MB. GOMEMLIMIT in the environment replaces it.
const memoryLimit = 120 << 20

// serve runs the site until ctx ends, and then lets requests that are under way
// finish.
func serve(ctx context.Context, cfg *config, stdout io.Writer, with Options) error {
	log := logger(cfg, stdout)
	for _, warning := range cfg.warnings {
		log.Warn("look at the settings", "because", warning)
	}
	if cfg.demo && cfg.start.IsZero() {
		cfg.start = demoStart(time.Now())
	}
	now := with.Now
	if now == nil {
		now = clock(cfg.start)
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}

	listener, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	defer listener.Close()

	metrics := handlers.NewMetrics(version())
	db, closeDB, err := openDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer closeDB()
	cfg.refresh = cmp.Or(with.Refresh, cfg.refresh)
	games, err := openSchedule(ctx, cfg, db, metrics, now, log)
	if err != nil {
		return err
	}
	api := openTodoist(cfg, metrics, with)
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
	sessions, err := openSessions(ctx, cfg, cfg.sessionStore, db, app, metrics, now, log)
	if err != nil {
		return err
	}
	defer sessions.Close()

	if cfg.demo && cfg.from["update-spread"] == "" {
		cfg.updateSpread = 0 // visitors want to see it
	}
	importing := importer.New(games.Season, imports.New(db, now), now, log)
	importing.Lease = cmp.Or(with.ImportLease, importing.Lease)
	importing.PublicURL = cfg.public.String()
	worker := updates.New(updates.Config{Importer: importing, Rows: importing.Rows, Season: games.Season, Now: now, Spread: cfg.updateSpread, Every: with.UpdateEvery,
		Log: log, Observe: metrics.AutoUpdate, SignedOut: session.ErrSignedOut, Client: func(user string) *todoist.Client {
			return api.As(func(ctx context.Context, refused string) (string, error) {
				return sessions.AccessOf(ctx, user, refused)
			})
		}})
	site, err := handlers.New(handlers.Config{
		PublicURL:      cfg.public,
		Schedule:       games,
		Importer:       importing,
		Sessions:       sessions,
		Todoist:        api,
		App:            app,
		AllowToken:     cfg.allowToken,
		AutoUpdate:     cfg.autoUpdate,
		TrustedProxies: cfg.proxies,
		Demo:           demo,
		Metrics:        metrics,
		Now:            now,
		Log:            log,
	})
	if err != nil {
		return err
	}
	if with.Site != nil {
		site = with.Site(site)
	}
	server := newServer(site, log, with)
	var running sync.WaitGroup
	defer running.Wait()

	metricsAt, stopMetrics, err := serveMetrics(ctx, cfg, metrics, &running, log)
	if err != nil {
		return err
	}
	defer stopMetrics()

	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	running.Go(func() { logEnd(log, "schedule", games.Run(background)) })
	running.Go(func() { logEnd(log, "sessions", sessions.Run(background)) })
	if cfg.autoUpdate {
		running.Go(func() { logEnd(log, "updates", worker.Run(background)) })
	}
	defer stopBackground()

	logStart(log, cfg, listener.Addr().String(), metricsAt, games.Status(), now())
	return untilStopped(ctx, cfg, server, listener, log)
}

// Grace is how long running imports may take to finish after a stop is asked
// for. Service managers wait longer than this before they kill.
const Grace = 60 * time.Second

// listen takes the address of the settings. Where they have no public URL, it is that
// address, whose port may have been picked just now.
func listen(ctx context.Context, cfg *config) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if cfg.publicURL == "" {
		host, _, _ := net.SplitHostPort(cfg.addr)
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		cfg.public = defaultPublic(net.JoinHostPort(host, port))
	}
	return listener, nil
}

// untilStopped serves until ctx ends, and then waits for what is under way.
func untilStopped(ctx context.Context, cfg *config, server *http.Server, listener net.Listener, log *slog.Logger) error {
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
	log.Info("stopping", "grace", Grace.String())
	_ = notify(cfg.notifySocket, "STOPPING=1") // it asked for the stop itself
	// The context that asks for the stop is over; the stop has its own.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), Grace)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		server.Close()
		log.Warn("stopped before every request was done", "error", err)
	}
	<-ended
	return nil
}

// openTodoist is Todoist's API as the settings have it.
func openTodoist(cfg *config, metrics *handlers.Metrics, with Options) *todoist.API {
	api := &todoist.API{URL: cfg.apiURL, HTTP: todoist.NewHTTP(with.TodoistTimeout), UserAgent: userAgent(),
		Backoff: with.Backoff, Patience: with.Patience, Observe: metrics.TodoistCall}
	if with.Todoist != nil {
		api.HTTP.Transport = with.Todoist(api.HTTP.Transport)
	}
	return api
}

func newServer(site http.Handler, log *slog.Logger, with Options) *http.Server {
	readHeader := cmp.Or(with.ReadHeaderTimeout, 10*time.Second)
	return &http.Server{
		Handler:           site,
		ReadHeaderTimeout: readHeader,
		ReadTimeout:       3 * readHeader,
		// An import without a stream answers once it is done.
		WriteTimeout:   11 * time.Minute,
		IdleTimeout:    cmp.Or(with.IdleTimeout, 2*time.Minute),
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// serveMetrics serves what is for operators, where the settings ask for it. It returns
// the address and how to stop.
func serveMetrics(ctx context.Context, cfg *config, metrics *handlers.Metrics, running *sync.WaitGroup, log *slog.Logger) (address string, stop func(), err error) {
	if cfg.metricsAddr == "" {
		return "", func() {}, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.metricsAddr)
	if err != nil {
		return "", nil, fmt.Errorf("listen for metrics: %w", err)
	}
	server := &http.Server{Handler: metrics.Handler(cfg.pprof), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	running.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "error", err)
		}
	})
	return l.Addr().String(), func() { server.Close() }, nil
}

// logStart says what runs and what a host has to know of it.
func logStart(log *slog.Logger, cfg *config, address, metricsAt string, games schedule.Report, now time.Time) {
	store, _, _ := strings.Cut(cfg.sessionStore, ":")
	attrs := []any{"version", version(), "url", cfg.public.String(), "address", address,
		"database", strings.SplitN(cfg.database, ":", 2)[0], "store", store, "schedule", games.Source, "as-of", games.AsOf.UTC().Format(time.RFC3339)}
	if metricsAt != "" {
		attrs = append(attrs, "metrics", metricsAt)
	}
	if !cfg.start.IsZero() {
		attrs = append(attrs, "now", now.UTC().Format(time.RFC3339))
	}
	if store == "memory" {
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

func openSchedule(ctx context.Context, cfg *config, db *database.DB, metrics *handlers.Metrics, now func() time.Time, log *slog.Logger) (*schedule.Live, error) {
	sc := schedule.Config{URL: cfg.scheduleURL, ESPNURL: cfg.espnURL, Keeper: &keptSchedule{db: db}, Refresh: cfg.refresh,
		HTTP: &http.Client{Timeout: 30 * time.Second}, Now: now, Log: log, Observe: metrics.ScheduleRefresh}
	if cfg.demo {
		// A demo needs no network.
		sc.ESPNURL = ""
		if cfg.from["schedule-url"] == "" {
			sc.URL = ""
		}
	}
	return schedule.Open(ctx, sc)
}

// appOf is this program as Todoist knows it, nil where it does not.
func appOf(cfg *config, api *todoist.API) *todoist.App {
	if cfg.clientID == "" {
		return nil
	}
	return &todoist.App{API: api, ClientID: cfg.clientID, ClientSecret: cfg.clientSecret,
		AuthorizeURL: cfg.authorizeURL, RedirectURL: cfg.redirectURL()}
}

// openDatabase opens the database, and returns how to close it. A demo has one of its
// own, which goes with it.
func openDatabase(ctx context.Context, cfg *config) (*database.DB, func(), error) {
	dsn, remove := cfg.database, func() {}
	if cfg.demo {
		dir, err := os.MkdirTemp("", "tipoff-demo-*")
		if err != nil {
			return nil, nil, fmt.Errorf("make room for the demo's database: %w", err)
		}
		dsn, remove = "sqlite:"+filepath.Join(dir, databaseFile), func() { os.RemoveAll(dir) }
	} else if cfg.needsDataDir() {
		if err := prepareDataDir(cfg.dataDir); err != nil {
			return nil, nil, err
		}
	}
	db, err := database.Open(ctx, dsn)
	if err != nil {
		remove()
		return nil, nil, err
	}
	return db, func() { db.Close(); remove() }, nil
}

// openSessions opens a session store, with the keys of the settings or the one
// kept in the data dir.
func openSessions(ctx context.Context, cfg *config, store string, db *database.DB, app *todoist.App, metrics *handlers.Metrics, now func() time.Time, log *slog.Logger) (*session.Manager, error) {
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
	sc := session.Config{DB: db, Store: store, Keys: keys, Idle: cfg.idle, Lifetime: cfg.lifetime, URL: cfg.public, Now: now, Log: log}
	if cfg.autoUpdate {
		sc.Needed = imports.UpdatingUsers
	}
	if app != nil {
		sc.Refresh = func(ctx context.Context, refresh string, scopes []string) (session.Tokens, error) {
			tokens, err := refreshWith(ctx, app, now, refresh, scopes)
			metrics.TokenRefresh(err)
			return tokens, err
		}
		sc.Revoke = func(ctx context.Context, t session.Tokens) error { return app.Revoke(ctx, t.Access, t.Refresh) }
	}
	return session.Open(ctx, sc)
}

// refreshWith asks Todoist for a new pair and says of an error what it means for
// the old one.
func refreshWith(ctx context.Context, app *todoist.App, now func() time.Time, refresh string, scopes []string) (session.Tokens, error) {
	t, err := app.Refresh(ctx, refresh, scopes...)
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
