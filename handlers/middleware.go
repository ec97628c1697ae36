package handlers

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
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

// logged gives each request an id and writes one line about it, but for health
// checks and static files that went well. The line has the route and not the
// path, so that it names no project.
func (s *server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx := context.WithValue(r.Context(), requestIDKey{}, rand.Text()[:12])
		route := chi.NewRouteContext()
		ctx = context.WithValue(ctx, chi.RouteCtxKey, route)
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r.WithContext(ctx))
		pattern := route.RoutePattern()
		level := slog.LevelInfo
		if rec.status < 400 && (strings.HasSuffix(pattern, "/livez") || strings.HasSuffix(pattern, "/readyz") || strings.Contains(pattern, "/static/")) {
			level = slog.LevelDebug
		}
		s.Log.Log(ctx, level, "request", "request", requestID(ctx), "method", r.Method, "route", pattern,
			"status", rec.status, "bytes", rec.bytes, "took", time.Since(began).Round(time.Microsecond), "from", s.addressOf(r))
	})
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

// addressOf is the address that asks. Proxies that are trusted may name it in
// X-Forwarded-For, which is read from its end: what stands before the last
// address that is not a trusted proxy's was written by the client.
func (s *server) addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil || !s.trusted(peer) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return peer.Unmap().String()
		}
		if peer = hop; !s.trusted(hop) {
			break
		}
	}
	return peer.Unmap().String()
}

func (s *server) trusted(a netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

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
			s.Log.ErrorContext(r.Context(), "panic", "panic", v, "stack", string(debug.Stack()), "request", requestID(r.Context()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // too late for a page
			}
			s.pages.renderBroken(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// guarded sets the headers of every answer, bounds every body, and refuses
// writes that another site asks for.
func (s *server) guarded(next http.Handler) http.Handler {
	policy := s.policy()
	origins := http.NewCrossOriginProtection()
	// The public URL may differ from what a proxy lets us see as Host.
	if err := origins.AddTrustedOrigin(s.PublicURL.Scheme + "://" + s.PublicURL.Host); err != nil {
		panic(err) // the settings were checked
	}
	checked := origins.Handler(next)
	origins.SetDenyHandler(s.handle(func(http.ResponseWriter, *http.Request) error {
		return &problem{Status: http.StatusForbidden, Heading: "This came from another site",
			Text: "The browser says that another site sent this form, so Tipoff did nothing.",
			Advice: "Use the buttons on Tipoff’s own pages, at " + s.PublicURL.String() +
				". If you run this Tipoff: its public URL has to be the address that people use.",
			Link: "/", LinkText: "All teams"}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		if s.Demo != nil && s.isDemo(r.URL.Path) {
			// Todoist's stand-in sets its own, takes requests from anywhere
			// and bounds its bodies itself.
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if s.PublicURL.Scheme == "https" {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		checked.ServeHTTP(w, r)
	})
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
