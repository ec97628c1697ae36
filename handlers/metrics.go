package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

// Metrics are what Prometheus is told. No label names a user, a path or a team:
// each has a handful of values that this program chooses, so that nobody can
// make series by asking for odd things.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.HistogramVec
	imports   *prometheus.CounterVec
	updates   *prometheus.CounterVec
	calls     *prometheus.HistogramVec
	retries   *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	schedule  *prometheus.CounterVec
}

// NewMetrics makes the metrics of a program of this version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tipoff_http_request_duration_seconds",
			Help:    "Requests answered, by route, method and status, and how long they took.",
			Buckets: []float64{.001, .005, .025, .1, .25, 1, 2.5, 10, 30, 120},
		}, []string{"route", "method", "code"}),
		imports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tipoff_imports_total",
			Help: "Imports, by how they ended: done; changed (the plan was no longer right and is shown anew); " +
				"refused (options or the Todoist plan do not allow it); partial (some games are missing); failed (nothing was written).",
		}, []string{"outcome"}),
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tipoff_auto_updates_total",
			Help: "Imports that updated themselves, by result: done; unchanged (nothing was written); held (so much would change that " +
				"the owner has to look first); waiting (for the owner); later (Todoist asks for a pause, or another process was at it); " +
				"gone (the project was deleted, which ends the import); failed (it is tried again). " +
				"What was held, waits or failed has a reason: the outcome of a request to Todoist; database; " +
				"signed-out, archived, full or large for its owner to mend; games (some could not be written); or other.",
		}, []string{"result", "reason"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tipoff_todoist_request_duration_seconds",
			Help: "Requests to Todoist, by endpoint and outcome, and how long they took. The outcome is ok, unauthorized (401), " +
				"limited (429), refused (other 4xx), failed (5xx) or lost (no answer).",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}, []string{"endpoint", "outcome"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tipoff_todoist_retries_total",
			Help: "Requests to Todoist that were repetitions, by endpoint.",
		}, []string{"endpoint"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tipoff_token_refreshes_total",
			Help: "Tokens refreshed, by outcome: ok; gone (the user has to sign in again); failed (it is tried again); unknown (no answer came).",
		}, []string{"outcome"}),
		schedule: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tipoff_schedule_refreshes_total",
			Help: "Attempts to refresh the schedule, by source (nba, espn, file) and result (changed, unchanged, refused, failed).",
		}, []string{"source", "result"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tipoff_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.imports, m.updates, m.calls, m.retries, m.refreshes, m.schedule, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// What has not happened yet is 0, so that its first time shows as a rise.
	for _, outcome := range []string{"done", "changed", "refused", "partial", "failed"} {
		m.imports.WithLabelValues(outcome)
	}
	for result, reasons := range map[string][]string{"done": {""}, "unchanged": {""}, "gone": {""}, "held": {"large"},
		"waiting": {"signed-out", "archived", "full"}, "later": {"limited", "other"},
		"failed": {"lost", "unauthorized", "refused", "failed", "database", "games", "other"}} {
		for _, reason := range reasons {
			m.updates.WithLabelValues(result, reason)
		}
	}
	for _, outcome := range []string{"ok", "gone", "failed", "unknown"} {
		m.refreshes.WithLabelValues(outcome)
	}
	return m
}

// Handler answers /metrics and, where profiles are wanted, /debug/pprof/. It is
// for a listener of its own that only the operator reaches.
func (m *Metrics) Handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// TodoistCall counts a request to Todoist. It is for [todoist.API.Observe].
func (m *Metrics) TodoistCall(c todoist.Call) {
	m.calls.WithLabelValues(c.Endpoint, outcomeOf(c.Status)).Observe(c.Took.Seconds())
	if c.Try > 1 {
		m.retries.WithLabelValues(c.Endpoint).Inc()
	}
}

// outcomeOf names a status of Todoist, which is 0 where there was no answer.
func outcomeOf(status int) string {
	switch {
	case status == 0:
		return "lost"
	case status == http.StatusUnauthorized:
		return "unauthorized"
	case status == http.StatusTooManyRequests:
		return "limited"
	case status >= 500:
		return "failed"
	case status >= 300:
		return "refused"
	}
	return "ok"
}

// TokenRefresh counts an attempt at [session.Config.Refresh], by its error.
func (m *Metrics) TokenRefresh(err error) {
	outcome := "unknown"
	switch {
	case err == nil:
		outcome = "ok"
	case errors.Is(err, session.ErrGrantGone):
		outcome = "gone"
	case errors.Is(err, session.ErrUntouched):
		outcome = "failed"
	}
	m.refreshes.WithLabelValues(outcome).Inc()
}

// ScheduleRefresh counts an attempt to refresh the schedule. It is for
// [schedule.Config.Observe].
func (m *Metrics) ScheduleRefresh(source, result string) {
	m.schedule.WithLabelValues(source, result).Inc()
}

// AutoUpdate counts an import that updated itself. It is for [updates.Config.Observe].
func (m *Metrics) AutoUpdate(result string, err error) {
	reason := ""
	if result != "done" && result != "unchanged" && result != "gone" {
		reason = updateReason(err)
	}
	m.updates.WithLabelValues(result, reason).Inc()
}

// updateReason names why an import was not updated.
func updateReason(err error) string {
	answer, answered := errors.AsType[*todoist.Error](err)
	_, stopped := errors.AsType[*importer.Stopped](err)
	switch {
	case err == nil:
		return "games"
	case errors.Is(err, session.ErrSignedOut):
		return "signed-out"
	case errors.Is(err, importer.ErrLookFirst):
		return "large"
	case errors.Is(err, importer.ErrArchived):
		return "archived"
	case stopped:
		return "full"
	case errors.Is(err, importer.ErrUnavailable):
		return "database"
	case answered:
		return outcomeOf(answer.Status)
	case todoist.Doubtful(err):
		return "lost"
	}
	return "other"
}

// imported counts an import that ran.
func (m *Metrics) imported(out *importer.Outcome, err error) {
	_, changed := errors.AsType[*importer.Changed](err)
	_, stopped := errors.AsType[*importer.Stopped](err)
	_, invalid := errors.AsType[importer.Invalid](err)
	outcome := "failed"
	switch {
	case changed:
		outcome = "changed"
	case stopped, invalid:
		outcome = "refused"
	case err == nil && len(out.Failed) == 0:
		outcome = "done"
	case out != nil && out.Added+out.Updated > 0:
		outcome = "partial"
	}
	m.imports.WithLabelValues(outcome).Inc()
}

// request counts a request that was answered.
func (m *Metrics) request(route, method string, status int, took time.Duration) {
	if method != http.MethodGet && method != http.MethodHead && method != http.MethodPost {
		method = "other" // anybody may send any word
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// A stateCollector reads gauges each time that Prometheus asks.
type stateCollector struct {
	schedule *schedule.Live
	sessions *session.Manager
	importer *importer.Importer // nil where imports do not update themselves

	asOf, season, trouble, live, store *prometheus.Desc
	auto, due, running, oldest         *prometheus.Desc
}

// registerState adds the state of the schedule, the sessions and the imports to the
// metrics.
func (m *Metrics) registerState(cfg *Config) error {
	state := &stateCollector{
		schedule: cfg.Schedule, sessions: cfg.Sessions,
		asOf: prometheus.NewDesc("tipoff_schedule_as_of_timestamp_seconds",
			"When the source of the schedule last stood behind it, in Unix time.", nil, nil),
		season: prometheus.NewDesc("tipoff_schedule_info",
			"Always 1; the labels say which season is shown and where it is from (nba, espn, file, embedded).", []string{"source", "season"}, nil),
		trouble: prometheus.NewDesc("tipoff_schedule_trouble",
			"1 while the first source of the schedule fails or has faulty entries, else 0.", nil, nil),
		live: prometheus.NewDesc("tipoff_sessions",
			"Sign-ins that are live.", nil, nil),
		store: prometheus.NewDesc("tipoff_session_store_up",
			"1 while the database and the session store answer, else 0.", nil, nil),
		auto: prometheus.NewDesc("tipoff_auto_imports",
			"Imports that update themselves.", nil, nil),
		due: prometheus.NewDesc("tipoff_auto_imports_due",
			"Imports that are to be updated now.", nil, nil),
		running: prometheus.NewDesc("tipoff_auto_imports_running",
			"Imports that are being written, of those that update themselves.", nil, nil),
		oldest: prometheus.NewDesc("tipoff_auto_imports_oldest_due_seconds",
			"How long the import has been due that is due the longest; 0 while none is.", nil, nil),
	}
	if cfg.AutoUpdate {
		state.importer = cfg.Importer
	}
	return m.registry.Register(state)
}

// Describe implements prometheus.Collector.
func (s *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.asOf, s.season, s.trouble, s.live, s.store, s.auto, s.due, s.running, s.oldest} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	report := s.schedule.Status()
	gauge(s.asOf, float64(report.AsOf.Unix()))
	gauge(s.season, 1, report.Source, s.schedule.Season().Label)
	trouble := 0.0
	if report.Trouble != "" {
		trouble = 1
	}
	gauge(s.trouble, trouble)
	// Each call has a time limit of its own.
	ctx := context.Background()
	n, err := 0, s.sessions.Check(ctx)
	if err == nil {
		n, err = s.sessions.Count(ctx)
	}
	if err != nil {
		gauge(s.store, 0)
		return
	}
	gauge(s.store, 1)
	gauge(s.live, float64(n))
	if s.importer == nil {
		return
	}
	if c, err := s.importer.Rows.Counts(ctx); err == nil {
		gauge(s.auto, float64(c.All))
		gauge(s.due, float64(c.Due))
		gauge(s.running, float64(c.Running))
		gauge(s.oldest, c.Oldest.Seconds())
	}
}
