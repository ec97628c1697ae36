// Package handlers is all that a browser can reach: the routes, the pages, the
// sign-in and the imports. A handler returns an error; the one place where
// errors become pages is errors.go.
package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/static"
	"tipoff/todoist"
)

// Config is what the handlers are made of. Fields without a word on it must be
// set.
type Config struct {
	// PublicURL is the address people see, the only truth for links, cookies
	// and redirects. It may have a path.
	PublicURL *url.URL
	Schedule  *schedule.Live
	Importer  *importer.Importer
	Sessions  *session.Manager
	Todoist   *todoist.API
	// App is nil where no app is registered at Todoist.
	App *todoist.App
	// AllowToken lets people sign in with a personal API token.
	AllowToken bool
	// AutoUpdate says that imports may update themselves.
	AutoUpdate bool
	// TrustedProxies may say in X-Forwarded-For who asks. Nobody else may.
	TrustedProxies []netip.Prefix
	// Demo is the in-memory Todoist, which answers Todoist's own paths beside
	// Tipoff's; nil for the real one.
	Demo    http.Handler
	Metrics *Metrics
	Now     func() time.Time
	Log     *slog.Logger
}

// server holds what the handlers share.
type server struct {
	Config
	base        string // the public URL's path without a slash at its end
	pages       *pages
	cache       cache
	files       *static.Files
	themes      map[string]theme
	runs        runs
	ready       readiness
	proxyWarned sync.Once // that a proxy is not believed
}

// New returns the handler of the whole site.
func New(cfg Config) (http.Handler, error) {
	s := &server{Config: cfg, base: strings.TrimSuffix(cfg.PublicURL.Path, "/"), themes: teamThemes(), cache: cache{now: cfg.Now}}
	var err error
	if s.files, err = static.New(map[string][]byte{"teams.css": teamStyles()}); err != nil {
		return nil, fmt.Errorf("prepare the static files: %w", err)
	}
	if s.pages, err = newPages(s.base, s.files); err != nil {
		return nil, fmt.Errorf("prepare the pages: %w", err)
	}
	if err := cfg.Metrics.registerState(&cfg); err != nil {
		return nil, fmt.Errorf("prepare the metrics: %w", err)
	}
	return s.routes(), nil
}

// routes shows every address and what guards it.
func (s *server) routes() http.Handler {
	app := chi.NewRouter()
	app.NotFound(s.Sessions.Wrap(s.handle(notFound)).ServeHTTP)
	app.MethodNotAllowed(s.Sessions.Wrap(s.handle(methodNotAllowed)).ServeHTTP)

	app.Get(static.Prefix+"*", s.files.ServeHTTP)
	app.Get("/favicon.ico", s.favicon)

	if s.Demo != nil {
		for _, path := range demoPaths {
			app.Handle(path, s.Demo)
		}
	}

	// What calendars and other programs fetch is the same for everybody.
	app.Get("/teams/{team:[A-Za-z]+}.ics", s.handle(s.exportICS))
	app.Get("/teams/{team:[A-Za-z]+}.csv", s.handle(s.exportCSV))

	// Everything below knows who is here.
	app.Group(func(r chi.Router) {
		r.Use(s.Sessions.Wrap)
		r.Get("/", s.handle(s.home))
		r.Get("/teams/{team:[A-Za-z]+}", s.handle(s.team))
		r.Get("/sign-in", s.handle(s.signIn))
		signIns := r.With(s.limited(signInsPerAddress, s.byAddress))
		signIns.Post("/sign-in", s.handle(s.startSignIn))
		signIns.Post("/sign-in/token", s.handle(s.signInWithToken))
		r.With(s.limited(callbacksPerAddress, s.byAddress)).Get("/oauth/callback", s.handle(s.callback))
		r.Post("/sign-out", s.handle(s.signOut))

		r.Get("/import", s.handle(s.inTurn(s.showImport)))
		writes := r.With(s.limited(writesPerAddress, s.byAddress), s.limited(writesPerUser, s.byUser))
		writes.Post("/imports", s.handle(s.runImport))
		r.Get("/imports", s.handle(s.followImport))
		r.Get("/projects", s.handle(s.inTurn(s.listProjects)))
		r.Get("/projects/{id}", s.handle(s.inTurn(s.showProject)))
		r.Get("/projects/{id}/remove", s.handle(s.inTurn(s.askRemove)))
		writes.Post("/projects/{id}/remove", s.handle(s.remove))
		r.Post("/projects/{id}/auto", s.handle(s.switchUpdates))
		r.Get("/account", s.handle(s.showAccount))
		r.Post("/account/sessions/end", s.handle(s.endSession))
		r.Post("/account/forget", s.handle(s.forget))
		r.Get("/signed-out", s.handle(s.showSignedOut))
		if s.Demo != nil {
			r.Get("/demo/league", s.handle(s.inTurn(s.showLeague)))
			r.Post("/demo/league", s.handle(s.playLeague))
		}
	})

	return s.logged(withHead(s.recovered(s.guarded(s.belowBase(app)))))
}

// belowBase puts the site below its base path. What machines ask for is at the
// root as well.
func (s *server) belowBase(app http.Handler) http.Handler {
	root := chi.NewRouter()
	root.Get("/livez", livez)
	root.Get("/readyz", s.readyz)
	if s.base == "" {
		root.Mount("/", app)
		return root
	}
	root.Get(s.base+"/livez", livez)
	root.Get(s.base+"/readyz", s.readyz)
	root.Get(s.base, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.base+"/", http.StatusMovedPermanently)
	})
	root.Handle(s.base+"/*", http.StripPrefix(s.base, app))
	root.NotFound(s.handle(s.outsideBase))
	if s.Demo != nil {
		for _, path := range demoPaths {
			root.Handle(path, s.Demo)
		}
	}
	return root
}

// demoPaths are what the in-memory Todoist answers: Todoist's own paths and the
// demo's pages.
var demoPaths = []string{"/oauth/authorize", "/oauth/access_token", "/oauth/register", "/api/v1/*", "/demo/todoist/*", "/.well-known/*"}

func (s *server) favicon(w http.ResponseWriter, r *http.Request) {
	r.URL.Path = static.Prefix + "favicon.ico"
	s.files.ServeHTTP(w, r)
}

// redirect sends the browser to a path of ours with 303, so that it asks with
// GET.
func (s *server) redirect(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, s.base+path, http.StatusSeeOther)
	return nil
}

// client is Todoist as the user of this request. It is [session.ErrSignedOut]
// when nobody is signed in.
func (s *server) client(r *http.Request) (*todoist.Client, session.User, error) {
	if err := s.Sessions.Err(r.Context()); err != nil {
		return nil, session.User{}, err
	}
	user, ok := s.Sessions.User(r.Context())
	if !ok {
		return nil, session.User{}, session.ErrSignedOut
	}
	return s.Todoist.As(s.Sessions.Access), user, nil
}
