// Package fake is an in-memory Todoist that speaks HTTP: the sign-in pages, the
// token endpoint, the sync endpoint and the REST calls that an importer needs.
// The demo mode runs on it and the tests run against it, so it answers as the
// real service does, down to the keys that Doist's own SDK insists on, and it
// can be told to fail in every way that the real service has failed.
//
// The wire is what it imitates; nothing of the client is imported here. What
// the documentation leaves open is a switch (see [Switches]) with the harsher
// answer as its default.
//
// A test makes a server, gives it people and points a client at it:
//
//	todoist := fake.New(fake.Config{ClientID: "id", ClientSecret: "secret"})
//	fan := todoist.AddAccount(fake.Profile{ID: "1", Email: "fan@example.com", APIToken: "token"})
//	web := httptest.NewServer(todoist)
//
// The methods of [Account] are the owner's hands: what a person would do in
// the apps between two imports. [Server.Requests] tells what was asked, and
// [Server.Fail] makes the next answers bad.
package fake

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxBody is how many bytes a POST may carry (1 MiB, "Request limits").
	maxBody = 1 << 20

	// maxRequests is how many requests are remembered.
	maxRequests = 4096
)

// Config is what a Server is made of.
type Config struct {
	Now func() time.Time // time.Now when nil
	Log *slog.Logger     // nothing is logged when nil

	// The registered app. AppName is what the consent page calls it ("Tipoff"
	// when empty); RedirectURIs are compared exactly.
	ClientID, ClientSecret string
	AppName                string
	RedirectURIs           []string

	// AccessLifetime is how long an access token lives; one hour when zero.
	AccessLifetime time.Duration

	// PartialSyncs and FullSyncs are how many an account may make in fifteen
	// minutes: Todoist's own 1000 and 100 when zero, no limit when negative.
	PartialSyncs, FullSyncs int

	// PublicPath is the path below which the server is reached, without a
	// slash at its end; it is put before the links of the pages.
	PublicPath string
}

// Switches are the points on which Todoist's documentation is silent or
// contradicts itself. The zero value is the harsher answer where one of the
// two would be easier on a client.
type Switches struct {
	// ReplayRepeatsMapping makes a command whose uuid was executed before
	// answer with its temp_id_mapping again; without it the answer is "ok"
	// alone, and the temporary id means nothing to later commands.
	ReplayRepeatsMapping bool

	// ReplayRepeatsErrors remembers refused commands too, so that the same
	// uuid is refused again; without it the command is tried anew.
	ReplayRepeatsErrors bool

	// UnresolvedToInbox lets a task whose project_id is an unknown temporary
	// id fall into the Inbox; without it the command is refused.
	UnresolvedToInbox bool

	// ScopeRefusesRequest answers 403 to a whole sync request in which one
	// command lacks a scope; without it that command alone is refused.
	ScopeRefusesRequest bool

	// RevokeEndsGrant makes the end of an access token the end of its refresh
	// token too; without it only a revoked refresh token ends the whole grant.
	RevokeEndsGrant bool

	// LegacyTokens makes the token endpoint answer as for apps registered
	// before refresh tokens: none, and ten years of life.
	LegacyTokens bool

	// ErrorsWithoutState leaves the state out of error redirects.
	ErrorsWithoutState bool

	// InvalidApplicationStatus refuses every authorization, as for an app
	// that is suspended or has reached its cap of tokens.
	InvalidApplicationStatus bool

	// StaleFullSync is how far a full sync may lag behind the writes of the
	// same account, as it does for big accounts; zero is not at all. The
	// sync_token of such an answer is from the same moment, so an incremental
	// read with it brings what was missing.
	StaleFullSync time.Duration
}

// A Server is one Todoist. It is safe for concurrent use.
type Server struct {
	cfg   Config
	mux   *http.ServeMux
	pages *pages
	zones sync.Map // time zones by name, for loading one reads a file

	mu       sync.Mutex // guards all below, and everything in the accounts
	switches Switches
	accounts []*Account
	byToken  map[string]*Account // personal API tokens
	clients  map[string]*client
	codes    map[string]*code
	access   map[string]*accessToken
	refresh  map[string]*refreshToken
	swept    time.Time // when dead tokens were last forgotten
	events   []TokenEvent
	faults   []*fault
	requests []Request
	served   int // requests ever answered
	labels   int // labels ever made, in all accounts
}

// New makes a Server without accounts. It panics when the app has an id but
// no secret, which no configuration means.
func New(cfg Config) *Server {
	if cfg.ClientID != "" && cfg.ClientSecret == "" {
		panic("fake: a client id without a secret")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.AppName == "" {
		cfg.AppName = "Tipoff"
	}
	if cfg.AccessLifetime == 0 {
		cfg.AccessLifetime = time.Hour
	}
	if cfg.PartialSyncs == 0 {
		cfg.PartialSyncs = 1000
	}
	if cfg.FullSyncs == 0 {
		cfg.FullSyncs = 100
	}
	s := &Server{
		cfg:     cfg,
		mux:     http.NewServeMux(),
		byToken: map[string]*Account{},
		clients: map[string]*client{},
		codes:   map[string]*code{},
		access:  map[string]*accessToken{},
		refresh: map[string]*refreshToken{},
	}
	if cfg.ClientID != "" {
		s.clients[cfg.ClientID] = &client{
			id: cfg.ClientID, secret: cfg.ClientSecret, name: cfg.AppName,
			redirectURIs: slices.Clone(cfg.RedirectURIs), authMethod: "client_secret_post",
		}
	}
	s.pages = newPages(s)
	s.routes()
	return s
}

// routes names every path that is answered.
func (s *Server) routes() {
	s.handle("GET /oauth/authorize", s.authorizePage)
	s.handle("POST /oauth/authorize", s.authorizeDecision)
	s.handle("POST /oauth/access_token", s.token)
	s.handle("POST /oauth/register", s.register)
	s.handle("GET /.well-known/oauth-authorization-server", s.authorizationServer)
	s.handle("GET /.well-known/oauth-protected-resource", s.protectedResource)

	s.handle("POST /api/v1/revoke", s.revoke)
	s.handle("DELETE /api/v1/access_tokens", s.deleteAccessToken)
	s.handle("POST /api/v1/sync", s.sync)

	s.handle("GET /api/v1/user", s.authorized(read, getUser))
	s.handle("GET /api/v1/projects", s.authorized(read, listProjects))
	s.handle("POST /api/v1/projects", s.authorized(write, addProject))
	s.handle("GET /api/v1/projects/search", s.authorized(read, listProjects))
	s.handle("GET /api/v1/projects/archived", s.authorized(read, listArchivedProjects))
	s.handle("GET /api/v1/projects/{id}", s.authorized(read, getProject))
	s.handle("POST /api/v1/projects/{id}", s.authorized(write, updateProject))
	s.handle("DELETE /api/v1/projects/{id}", s.authorized(deleteProjects, deleteProject))
	s.handle("POST /api/v1/projects/{id}/archive", s.authorized(write, archiveProject))
	s.handle("POST /api/v1/projects/{id}/unarchive", s.authorized(write, unarchiveProject))
	s.handle("GET /api/v1/sections", s.authorized(read, listSections))
	s.handle("POST /api/v1/sections", s.authorized(write, addSection))
	s.handle("GET /api/v1/sections/{id}", s.authorized(read, getSection))
	s.handle("POST /api/v1/sections/{id}", s.authorized(write, updateSection))
	s.handle("DELETE /api/v1/sections/{id}", s.authorized(deleteData, deleteSection))
	s.handle("GET /api/v1/tasks", s.authorized(read, listTasks))
	s.handle("POST /api/v1/tasks", s.authorized(addTasks, addTask))
	s.handle("GET /api/v1/tasks/completed/by_completion_date", s.authorized(read, listCompleted))
	s.handle("GET /api/v1/tasks/{id}", s.authorized(read, getTask))
	s.handle("POST /api/v1/tasks/{id}", s.authorized(write, updateTask))
	s.handle("DELETE /api/v1/tasks/{id}", s.authorized(deleteData, deleteTask))
	s.handle("POST /api/v1/tasks/{id}/close", s.authorized(write, closeTask))
	s.handle("POST /api/v1/tasks/{id}/reopen", s.authorized(write, reopenTask))
	s.handle("POST /api/v1/tasks/{id}/move", s.authorized(write, moveTask))
	s.handle("GET /api/v1/labels", s.authorized(read, listLabels))
	s.handle("POST /api/v1/labels", s.authorized(write, addLabel))

	s.mux.Handle("/demo/todoist/", s.Pages())
	s.handle("/", func(*call) answer { return refused(notFound()) })
}

// ServeHTTP answers Todoist's own paths, and the pages of [Server.Pages] below
// /demo/todoist/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// SetSwitches replaces the switches.
func (s *Server) SetSwitches(sw Switches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switches = sw
}

// A call is one request on its way to an answer. Its body has been read.
type call struct {
	s    *Server
	r    *http.Request
	now  time.Time
	body []byte
	big  bool // the body was longer than maxBody and is cut off
	log  Request
	sync syncRequest // of a sync request
	bad  *Error      // what is wrong with that sync request, if anything
	// refuse are the commands of a sync request that a fault lets fail, by
	// their place in it.
	refuse map[int]*Error
}

// An answer is a response not yet written, so that a fault can take its place.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *Server) handle(pattern string, h func(*call) answer) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, h) })
}

// serve reads the request, lets the faults have their way with it, and writes
// and records the answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, h func(*call) answer) {
	c := &call{s: s, r: r, now: s.cfg.Now()}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		// The client went away in the middle of its own request: there is
		// nobody to answer, and nothing was asked.
		panic(http.ErrAbortHandler)
	}
	if len(body) > maxBody {
		c.big, body = true, nil
	}
	c.body = body
	c.log = Request{Time: c.now, Method: r.Method, Path: r.URL.Path}
	if r.URL.Path == "/api/v1/sync" {
		c.readSync()
	}

	s.mu.Lock()
	if who, _ := s.bearer(r, c.now); who.account != nil {
		c.log.Account = who.account.profile.ID
	}
	f := s.nextFault(c.log)
	s.mu.Unlock()

	var a answer
	switch {
	case f == nil:
		a = h(c)
	default:
		c.log.Fault = true
		a = s.fail(c, f, h)
	}
	c.log.Status = a.status
	s.record(c.log)
	if a.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if w.Header().Get("Content-Type") == "" && len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if f != nil && f.Cut {
		w.Write(a.body[:len(a.body)/2])
		panic(http.ErrAbortHandler)
	}
	w.Write(a.body)
}

// isJSON reports whether the request says that its body is JSON.
func (c *call) isJSON() bool {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	return kind == "application/json"
}

// fields reads a flat body, a form or a JSON object of strings, and reports
// whether it could be read.
func (c *call) fields() (url.Values, bool) {
	if c.big {
		return nil, false
	}
	if !c.isJSON() {
		v, err := url.ParseQuery(string(c.body))
		return v, err == nil
	}
	var raw map[string]any
	if json.Unmarshal(c.body, &raw) != nil {
		return nil, false
	}
	v := url.Values{}
	for k, x := range raw {
		switch x := x.(type) {
		case string:
			v.Set(k, x)
		case nil:
		default:
			return nil, false
		}
	}
	return v, true
}

// jsonAnswer is an answer with v as its JSON body.
func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		// Only our own types come here, and none of them can fail.
		panic("fake: " + err.Error())
	}
	return answer{status: status, body: body}
}

// noContent is the answer of a REST call that has nothing to say.
func noContent() answer { return answer{status: http.StatusNoContent} }

// A Request is one line of the wire log.
type Request struct {
	Time          time.Time
	Method, Path  string
	Account       string   // id of the account whose token was sent; empty if none
	Status        int      // 0 when the connection was closed without an answer
	Commands      []string // types of a sync request's commands, in order
	ResourceTypes []string // of a sync request
	FullSync      bool     // a sync request that read everything
	Fault         bool     // a fault had its way with it
}

// Writes reports whether the request asked for a change.
func (r Request) Writes() bool {
	return len(r.Commands) > 0 || strings.HasPrefix(r.Path, "/api/v1/") && r.Path != "/api/v1/sync" && r.Method != http.MethodGet
}

func (s *Server) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	if len(s.requests) >= maxRequests {
		s.requests = slices.Delete(s.requests, 0, maxRequests/4)
	}
	s.requests = append(s.requests, r)
	s.cfg.Log.Debug("todoist request", "method", r.Method, "path", r.Path, "status", r.Status,
		"account", r.Account, "commands", len(r.Commands), "full_sync", r.FullSync, "fault", r.Fault)
}

// Requests lists the answered requests to Todoist's own paths, oldest first
// and at most the last few thousand, since the start or the last ResetRequests.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetRequests empties the wire log.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Served counts all requests ever answered, also those that the log forgot.
func (s *Server) Served() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// idAlphabet are the 32 characters of Todoist's object ids.
const idAlphabet = "23456789CFGHJMPQRVWXcfghjmpqrvwx"

// newID returns a new object id: 16 characters, the first of them 6.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = idAlphabet[b[i]%32]
	}
	b[0] = '6'
	return string(b[:])
}

// isID reports whether the text has the form of an object id.
func isID(id string) bool {
	if len(id) != 16 {
		return false
	}
	for i := range len(id) {
		if strings.IndexByte(idAlphabet, id[i]) < 0 {
			return false
		}
	}
	return true
}

// location is the time zone of a name; "Local" and nothing are not names.
func (s *Server) location(name string) (*time.Location, error) {
	if loc, ok := s.zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		s.zones.Store(name, loc)
	}
	return loc, err
}

// newLabelID returns a new label id, which are numbers in a string.
func (s *Server) newLabelID() string {
	s.labels++
	return strconv.FormatInt(2_150_000_000+int64(s.labels), 10) // beyond the int of 32-bit machines
}
