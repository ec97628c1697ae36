package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tipoff/database"
	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
	"tipoff/todoist/fake"
	"tipoff/updates"
)

// A process is a worker with all that it does not share with others.
type process struct {
	s      *simulation
	im     *importer.Importer
	api    *todoist.API
	db     *database.DB
	cancel context.CancelFunc
	done   chan struct{}
	// At the beginning of each round, when it asks for the season, a worker says so and
	// waits until it may go on.
	begins, goes chan struct{}
	// fate is how many requests it still makes until it is stopped or killed, and how.
	fate  atomic.Int64
	how   func(r *http.Request) (*http.Response, error)
	ended atomic.Bool
}

func (s *simulation) process() *process {
	p := &process{s: s, done: make(chan struct{}), begins: make(chan struct{}), goes: make(chan struct{})}
	var err error
	p.db, err = database.Open(s.t.Context(), s.dsn, database.WithLimit(time.Minute))
	s.must(err)
	p.api = &todoist.API{URL: "https://todoist.test", HTTP: &http.Client{Transport: transport(p.carry)}, Backoff: 1, Patience: time.Millisecond}
	p.im = importer.New(s.season.Load, imports.New(p.db, s.clock), s.clock, slog.New(slog.NewTextHandler(complaint{p}, nil)))
	return p
}

// start starts a worker.
func (s *simulation) start() {
	p := s.process()
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	worker := updates.New(updates.Config{Importer: p.im, Rows: p.im.Rows, Client: p.client, SignedOut: errors.New("nobody"), Now: s.clock, Every: time.Millisecond, Log: p.im.Log,
		Season: func() *schedule.Season {
			select {
			case p.begins <- struct{}{}:
			case <-ctx.Done():
			}
			select {
			case <-p.goes:
			case <-ctx.Done():
			}
			return s.season.Load()
		}})
	go func() {
		defer close(p.done)
		_ = worker.Run(ctx) // which returns nil
	}()
	<-p.begins
	s.workers = append(s.workers, p)
}

func (p *process) client(user string) *todoist.Client {
	return p.api.As(func(context.Context, string) (string, error) { return "token-of-" + user, nil })
}

// complaint takes the log of a process. Imports may fail, for Todoist does; the database
// may not.
type complaint struct{ p *process }

func (c complaint) Write(b []byte) (int, error) {
	if line := string(b); !c.p.ended.Load() && strings.Contains(line, "level=WARN") && !strings.Contains(line, "import not updated") {
		c.p.s.t.Errorf("a worker says %s", line)
	}
	return fmt.Fprint(&c.p.s.log, c.p.s.clock().Format(time.DateTime+" "), string(b))
}

// carry takes a request to Todoist, unless the process ends meanwhile.
func (p *process) carry(r *http.Request) (*http.Response, error) {
	if p.ended.Load() {
		return nil, errors.New("the process has ended")
	}
	p.s.requests.Add(1)
	if writes(r) {
		p.s.writes.Add(1)
	}
	if p.fate.Load() > 0 && p.fate.Add(-1) == 0 {
		return p.how(r)
	}
	resp, err := p.s.todoist.Transport().RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.s.faults.Add(1)
	}
	return resp, err
}

// writes reports whether a request carries commands.
func writes(r *http.Request) bool {
	if r.GetBody == nil {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	raw, _ := io.ReadAll(body)
	return bytes.Contains(raw, []byte(`"commands":[{`))
}

// doom ends the process at one of its next requests: it is asked to stop, or it is killed
// before or after Todoist has carried that out.
func (s *simulation) doom(p *process) {
	if p.fate.Load() > 0 {
		return
	}
	kill := func(carried bool) func(r *http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			p.ended.Store(true)
			p.db.Close() // what it holds stays as it is
			if carried {
				_, _ = s.todoist.Transport().RoundTrip(r) // nobody hears the answer
			}
			return nil, errors.New("the process was killed")
		}
	}
	p.how = []func(r *http.Request) (*http.Response, error){kill(false), kill(true), kill(true), func(r *http.Request) (*http.Response, error) {
		p.cancel()
		return s.todoist.Transport().RoundTrip(r)
	}}[s.r.IntN(4)]
	p.fate.Store(int64(1 + s.r.IntN(4)))
}

// stop ends a process and waits for it.
func (p *process) stop() {
	p.cancel()
	<-p.done
	p.ended.Store(true)
	p.db.Close()
}

// revive puts new processes in the place of those that have ended.
func (s *simulation) revive() {
	for i, p := range slices.Clone(s.workers) {
		select {
		case <-p.done:
			s.restarts++
		default:
			if !p.ended.Load() {
				continue
			}
			s.kills++
		}
		p.stop()
		s.now.Add(int64(p.im.Lease + time.Second)) // its leases run out
		s.start()
		s.workers[i] = s.workers[len(s.workers)-1]
		s.workers = s.workers[:len(s.workers)-1]
	}
}

// round lets each worker look at the schedule, and begin what is due.
func (s *simulation) round() {
	for _, p := range s.workers {
		select {
		case p.goes <- struct{}{}:
		case <-p.done:
		}
	}
	for _, p := range s.workers {
		select {
		case <-p.begins:
		case <-p.done:
		}
	}
}

// disturb makes Todoist fail some of the next requests, and ends a worker at one of them.
// partly is true where it may refuse a change, and take the comment on it.
func (s *simulation) disturb() (partly bool) {
	if s.r.IntN(6) == 0 {
		s.doom(s.workers[s.r.IntN(len(s.workers))])
	}
	if s.r.IntN(2) == 0 {
		return false
	}
	f := fake.Fault{Nth: 1 + s.r.IntN(3), Times: 1 + s.r.IntN(9), AfterApply: s.r.IntN(2) == 0}
	if s.r.IntN(2) == 0 {
		f.Match = fake.Request.Writes
	}
	switch s.r.IntN(6) {
	case 0:
		f.Status = http.StatusBadGateway
	case 1:
		f.Status = http.StatusInternalServerError
	case 2:
		f.Drop = true
	case 3:
		f.Cut = true
	case 4:
		f.Status, f.RetryAfter, f.AfterApply = http.StatusTooManyRequests, 30+s.r.IntN(600), false
	case 5:
		// Some commands fail, and the others do not.
		f.Refuse, f.CommandIndex = &fake.Error{Message: "Service unavailable", Code: 503, Tag: "INTERNAL_ERROR", HTTP: 503}, s.r.IntN(4)-1
		f.Command = []string{"", "section_add", "item_add", "item_update", "item_move", "item_close", "item_uncomplete", "reminder_add"}[s.r.IntN(8)]
		partly = f.Command != "" || f.CommandIndex >= 0
	}
	s.todoist.Fail(f)
	return partly
}
