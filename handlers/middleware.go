package handlers

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"tipoff/static"
)

// maxBody bounds what a form may send. The largest is an import of all teams
// with its plan's fingerprint.
const maxBody = 256 << 10

type requestIDKey struct{}

// requestID names a request in the log and on error pages.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// LogRequests returns a log handler that adds the id of the request, where there
// is one, to what h is given.
func LogRequests(h slog.Handler) slog.Handler { return requestLog{h} }

type requestLog struct{ slog.Handler }

func (l requestLog) Handle(ctx context.Context, r slog.Record) error {
	if id := requestID(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	return l.Handler.Handle(ctx, r)
}

func (l requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{l.Handler.WithAttrs(attrs)}
}

func (l requestLog) WithGroup(name string) slog.Handler { return requestLog{l.Handler.WithGroup(name)} }

// logged gives each request an id, counts it, and writes one line about it, but
// for health checks and static files that went well. The line has the route and
// not the path, so that it names no project, and the network and not the
// address of the visitor.
func (s *server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx := context.WithValue(r.Context(), requestIDKey{}, rand.Text()[:12])
		pattern := chi.NewRouteContext()
		ctx = context.WithValue(ctx, chi.RouteCtxKey, pattern)
		rec := &recorder{ResponseWriter: w}
		// Also when the handler gives up with a panic.
		defer func() {
			route, took := routeOf(strings.TrimPrefix(pattern.RoutePattern(), s.base)), time.Since(began)
			status := rec.status
			if status == 0 {
				status = http.StatusOK
				if r.Context().Err() != nil {
					status = statusGone
				}
			}
			s.Metrics.request(route, r.Method, status, took)
			level := slog.LevelInfo
			if status < 400 && (route == "/livez" || route == "/readyz" || route == static.Prefix+"*") {
				level = slog.LevelDebug
			}
			s.Log.Log(ctx, level, "request", "method", r.Method, "route", route,
				"status", status, "bytes", rec.bytes, "took", took.Round(time.Microsecond), "from", network(s.addressOf(r)))
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

// statusGone is what is noted of a visitor who left before the answer; nobody
// gets it. The number is nginx's.
const statusGone = 499

// routeOf is chi's pattern without its regular expressions, and a word for all
// paths that no route has.
func routeOf(pattern string) string {
	if pattern == "" || pattern == "/*" {
		return "none"
	}
	for {
		from := strings.IndexByte(pattern, ':')
		to := strings.IndexByte(pattern[max(from, 0):], '}')
		if from < 0 || to < 0 {
			return pattern
		}
		pattern = pattern[:from] + pattern[from+to:]
	}
}

// A recorder remembers the status and the size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 || r.status < 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// recovered answers a panic with a plain page; the log has the rest.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.Log.ErrorContext(r.Context(), "panic", "panic", v, "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // too late for a page
			}
			s.pages.renderBroken(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// withHead routes HEAD as GET, through both routers; net/http leaves the body
// out. chi's own GetHead looks ahead in one router only.
func withHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			chi.RouteContext(r.Context()).RouteMethod = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// isGet reports whether a request is GET or HEAD, which is GET without the body.
func isGet(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// guarded sets the headers of every answer, bounds every body, and refuses
// writes that another site asks for.
func (s *server) guarded(next http.Handler) http.Handler {
	policy := s.policy()
	public := s.PublicURL.Scheme + "://" + s.PublicURL.Host
	origins := http.NewCrossOriginProtection()
	// The public URL may differ from what a proxy lets us see as Host.
	if err := origins.AddTrustedOrigin(public); err != nil {
		panic(err) // the settings were checked
	}
	origins.SetDenyHandler(s.handle(s.refuseCrossOrigin))
	checked := origins.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Browsers at another address of ours pass so far: their cookies and
		// Todoist's way back would still be those of the public one.
		if origin := r.Header.Get("Origin"); origin != "" && origin != "null" && origin != public && !isGet(r) {
			s.handle(s.refuseCrossOrigin)(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
	fixed := http.Header{}
	fixed.Set("Content-Security-Policy", policy)
	fixed.Set("Referrer-Policy", "same-origin")
	fixed.Set("Cross-Origin-Opener-Policy", "same-origin")
	fixed.Set("Cross-Origin-Resource-Policy", "same-origin")
	fixed.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	if s.PublicURL.Scheme == "https" {
		fixed.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		if s.Demo != nil && s.isDemo(r.URL.Path) {
			// Todoist's stand-in sets its own, takes requests from anywhere
			// and bounds its bodies itself.
			next.ServeHTTP(w, r)
			return
		}
		maps.Copy(h, fixed) // the values are shared: Set and Add leave them as they are
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		checked.ServeHTTP(w, r)
	})
}

// refuseCrossOrigin refuses a form that was not sent from the public URL. Another
// site may have sent it; or Tipoff's own page at an address that it is not set
// up for, which whoever runs it then has to hear of. Old browsers, and those that
// came by http, do not say which, and the Host may be what a proxy made of it.
func (s *server) refuseCrossOrigin(_ http.ResponseWriter, r *http.Request) error {
	other := &problem{Status: http.StatusForbidden, Heading: "This request came from another site",
		Text:   "The browser says that another site sent this form, so Tipoff did nothing.",
		Advice: "Use the buttons on Tipoff’s own pages, at " + s.PublicURL.String() + "/.", Link: "/", LinkText: "All teams"}
	origin, err := url.Parse(r.Header.Get("Origin"))
	site := r.Header.Get("Sec-Fetch-Site")
	if err != nil || origin.Host == "" || origin.Scheme != "http" && origin.Scheme != "https" || site != "" && site != "same-origin" {
		return other
	}
	at := origin.Scheme + "://" + origin.Host
	s.Log.WarnContext(r.Context(), "a form came from another address than the public URL: either another site sent it, or people use an address that Tipoff is not set up for",
		"browser", at, "public-url", s.PublicURL.String())
	advice := "If you run this Tipoff, and " + at + " is where people should use it: set its public URL to " + at + s.base +
		" (-public-url or TIPOFF_PUBLIC_URL), and have Todoist know " + at + s.base + "/oauth/callback."
	if site == "" && !strings.EqualFold(origin.Host, r.Host) {
		other.Advice += " " + advice
		return other
	}
	return &problem{Status: http.StatusForbidden, Heading: "This Tipoff is set up for another address",
		Text:   "Your browser is at " + at + ", but this Tipoff is set up for " + s.PublicURL.String() + ". People can sign in only there, so it did nothing.",
		Advice: advice, Link: s.PublicURL.String() + "/", LinkText: "Go to " + s.PublicURL.String()}
}

// outsideBase answers what is not below the public URL's path.
func (s *server) outsideBase(http.ResponseWriter, *http.Request) error {
	return &problem{Status: http.StatusNotFound, Heading: "Page not found",
		Text:   "This Tipoff is at " + s.PublicURL.String() + "/ and below.",
		Advice: "If you run it and have just been there: the proxy in front of it has to pass on the whole path, with " + s.base + " at its beginning.",
		Link:   "/", LinkText: "All teams"}
}

// isDemo reports whether a path is one of the in-memory Todoist's.
func (s *server) isDemo(path string) bool {
	path = strings.TrimPrefix(path, s.base)
	return slices.ContainsFunc(demoPaths, func(p string) bool {
		prefix, open := strings.CutSuffix(p, "*")
		return path == p || open && strings.HasPrefix(path, prefix)
	})
}

// policy is the content security policy: nothing but our own files, and forms
// that may lead on to Todoist's page of consent, since browsers hold the policy
// against redirects too.
func (s *server) policy() string {
	forms := "'self'"
	if s.App != nil {
		if u, err := url.Parse(s.App.AuthorizeURL); err == nil && u.Host != s.PublicURL.Host {
			forms += " " + u.Scheme + "://" + u.Host
		}
	}
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
		"connect-src 'self'", "manifest-src 'self'", "form-action " + forms,
		"base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'",
	}, "; ")
}
