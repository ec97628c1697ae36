package schedule

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Where the league and ESPN publish their schedules.
const (
	LeagueURL = "https://cdn.nba.com/static/json/staticData/scheduleLeagueV2.json"
	ESPNURL   = "https://site.web.api.espn.com"
)

// copyName is the file in Config.Dir that holds the last good schedule.
const copyName = "schedule.jsonl"

// Config says where Live gets its schedule from.
type Config struct {
	URL     string        // the league's feed: an http(s) URL or a file's path; "" = it is never asked
	ESPNURL string        // scheme and host of ESPN's API; "" = it is never asked
	Dir     string        // where the last good schedule is kept; "" = nowhere
	Refresh time.Duration // how often Run asks; 0 = never
	HTTP    *http.Client  // nil = http.DefaultClient
	Now     func() time.Time
	Log     *slog.Logger

	// Observe is told the source ("nba", "espn" or "file") and the result
	// ("changed", "unchanged", "refused" or "failed") of every attempt at a
	// refresh. It may be nil.
	Observe func(source, result string)
}

// Live holds the best schedule there is and refreshes it.
//
// The league's feed is asked first, and ESPN when that does not answer or is
// refused. What is got replaces the season at hand only if it passes the
// guards of check. A feed in a file stands for itself: ESPN is not asked.
// Games that cannot be right are left out, and Status and the log name them.
type Live struct {
	cfg     Config
	season  atomic.Pointer[Season]
	trouble atomic.Pointer[trouble]

	mu         sync.Mutex // held during a refresh
	validators validators // of the league's answer that the season is from
}

// Report says where the schedule is from and what is wrong with it.
type Report struct {
	Source  string    // as in Season
	AsOf    time.Time // when that source last stood behind it
	Trouble string    // sentences for people; "" when all is well
	Since   time.Time // when the trouble began; zero when there is none
}

// unchanged is returned by a source that has nothing new.
var errUnchanged = errors.New("not changed")

// Open returns a schedule that is ready at once, without the network: that of
// the file if the feed is one, else the last good copy if it fits, else the
// season that came with the program. A file that cannot be read or holds no
// season of all thirty teams is an error; a bad copy is logged.
func Open(cfg Config) (*Live, error) {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string, string) {}
	}
	l := &Live{cfg: cfg}
	if l.isFile() {
		s, v, err := l.readFile(validators{})
		if err != nil {
			return nil, fmt.Errorf("read the schedule %s: %w", cfg.URL, err)
		}
		faulty := leaveOut(s)
		if err := checkWhole(s); err != nil {
			return nil, fmt.Errorf("read the schedule %s: %w", cfg.URL, err)
		}
		carry(nil, s, s.AsOf)
		l.season.Store(s)
		if len(faulty) == 0 {
			l.validators = v
		}
		l.settle(leftOut(SourceFile, faulty), nil)
		return l, nil
	}
	s := Embedded()
	carry(nil, s, s.AsOf)
	l.season.Store(s)
	if err := l.readCopy(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		cfg.Log.Warn("the saved schedule is not used", "error", err)
	}
	return l, nil
}

// Season returns the present season. It is never nil.
func (l *Live) Season() *Season { return l.season.Load() }

// Status reports on the present season.
func (l *Live) Status() Report {
	s := l.season.Load()
	r := Report{Source: s.Source, AsOf: s.AsOf}
	if t := l.trouble.Load(); t != nil {
		r.Trouble, r.Since = t.text, t.since
	}
	return r
}

// Run refreshes the schedule until the context ends, and then returns nil. The
// first time is at once, unless the copy at hand is recent; the pauses between
// differ by a tenth, so that many installations do not ask in step.
func (l *Live) Run(ctx context.Context) error {
	if l.cfg.Refresh <= 0 {
		<-ctx.Done()
		return nil
	}
	wait := time.Duration(0)
	if s := l.Season(); s.Source == SourceNBA || s.Source == SourceESPN {
		wait = max(0, min(l.cfg.Refresh, s.AsOf.Add(l.cfg.Refresh).Sub(l.cfg.Now())))
	}
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		_ = l.Refresh(ctx) // reported by itself
		wait = l.cfg.Refresh + time.Duration((rand.Float64()-0.5)*0.2*float64(l.cfg.Refresh))
	}
}

// Refresh asks the sources once and takes over what is good. The error says
// what went wrong with the source that should have answered, even if another
// one did; it is already logged.
func (l *Live) Refresh(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.isFile():
		text, err := l.try(SourceFile, func() (*Season, validators, error) { return l.readFile(l.validators) })
		l.settle(text, err)
		return err

	case l.cfg.URL == "" && l.cfg.ESPNURL == "":
		return nil

	case l.cfg.URL == "":
		text, err := l.try(SourceESPN, func() (*Season, validators, error) { return l.fetchESPN(ctx) })
		l.settle(text, err)
		return err
	}

	text, err := l.try(SourceNBA, func() (*Season, validators, error) { return l.fetchNBA(ctx) })
	if err == nil || text == "" || ctx.Err() != nil {
		l.settle(text, err)
		return err
	}
	if l.cfg.ESPNURL != "" {
		more, espn := l.try(SourceESPN, func() (*Season, validators, error) { return l.fetchESPN(ctx) })
		if espn == nil {
			text += " This is ESPN's schedule."
		} else {
			more = cmp.Or(more, "ESPN has no newer one.")
			err = errors.Join(err, espn)
		}
		text = strings.TrimSpace(text + " " + more)
	}
	l.settle(text, err)
	return err
}

// try gets a season from a source and takes it over if it is good. The text
// tells people what is wrong with the source, and is "" if nothing is.
func (l *Live) try(source string, get func() (*Season, validators, error)) (text string, err error) {
	next, v, err := get()
	current := l.season.Load()
	now := l.cfg.Now().UTC()
	switch {
	case errors.Is(err, errUnchanged):
		l.cfg.Observe(source, "unchanged")
		if source != SourceFile {
			// The source stands behind what is here once more.
			l.publish(&Season{Label: current.Label, Source: current.Source, AsOf: now, Games: current.Games}, l.validators)
		}
		return "", nil
	case err != nil:
		l.cfg.Observe(source, "failed")
		return sentence(source, err), err
	}
	faulty := leaveOut(next)
	if source == SourceFile {
		err = checkWhole(next)
	} else {
		next.AsOf = now
		err = check(current, next, now)
	}
	if err != nil {
		l.cfg.Observe(source, "refused")
		if text = sentence(source, err); text != "" {
			text = strings.TrimSpace(text + " " + leftOut(source, faulty))
		}
		return text, err
	}
	if len(faulty) > 0 {
		v = validators{} // an answer "not changed" would not name them again
	}
	changed := carry(current, next, now)
	l.publish(next, v)
	result := "unchanged"
	if changed > 0 {
		result = "changed"
	}
	l.cfg.Observe(source, result)
	l.cfg.Log.Info("schedule refreshed", "source", source, "season", next.Label, "games", len(next.Games), "changed", changed)
	return leftOut(source, faulty), nil
}

// publish makes a season the present one and keeps a copy of it.
func (l *Live) publish(s *Season, v validators) {
	l.season.Store(s)
	l.validators = v
	if err := l.writeCopy(s, v); err != nil {
		l.cfg.Log.Warn("the schedule is not saved", "error", err)
	}
}

func (l *Live) isFile() bool {
	return l.cfg.URL != "" && !strings.HasPrefix(l.cfg.URL, "http://") && !strings.HasPrefix(l.cfg.URL, "https://")
}

// readFile reads the feed from a file, unless it is the one that v describes.
func (l *Live) readFile(v validators) (*Season, validators, error) {
	f, err := os.Open(l.cfg.URL)
	if err != nil {
		return nil, v, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, v, err
	}
	seen := validators{ETag: fmt.Sprint(info.Size()), Modified: info.ModTime().UTC().Format(time.RFC3339Nano)}
	if seen == v {
		return nil, v, errUnchanged
	}
	s, err := DecodeNBA(f)
	if err != nil {
		return nil, v, err
	}
	s.Source = SourceFile
	if s.AsOf.IsZero() {
		s.AsOf = info.ModTime().UTC().Truncate(time.Second)
	}
	return s, seen, nil
}

// readCopy makes the last good copy the present season if it is good and
// better than the one that came with the program.
func (l *Live) readCopy() error {
	if l.cfg.Dir == "" {
		return nil
	}
	f, err := os.Open(filepath.Join(l.cfg.Dir, copyName))
	if err != nil {
		return err
	}
	defer f.Close()
	s, v, err := decode(f)
	if err != nil {
		return err
	}
	if faulty := leaveOut(s); len(faulty) > 0 {
		return errors.New(faulty[0])
	}
	if err := checkWhole(s); err != nil {
		return err
	}
	came := l.season.Load()
	if s.Label != came.Label {
		err = checkLabel(came, s, l.cfg.Now())
	} else if s.AsOf.Before(came.AsOf) {
		err = errors.New("it is older than what came with the program")
	}
	if err != nil {
		return err
	}
	l.season.Store(s)
	if v.URL == l.cfg.URL {
		l.validators = v
	}
	return nil
}

// writeCopy saves a season so that a reader, and a crash, finds the old copy
// or the new one and nothing between.
func (l *Live) writeCopy(s *Season, v validators) error {
	if l.cfg.Dir == "" || l.isFile() {
		return nil
	}
	if err := os.MkdirAll(l.cfg.Dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(l.cfg.Dir, copyName+".*") // mode 0600
	if err != nil {
		return err
	}
	err = encode(f, s, v)
	err = cmp.Or(err, f.Sync())
	err = cmp.Or(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(l.cfg.Dir, copyName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// requestTimeout is for one request and its whole answer.
const requestTimeout = 15 * time.Second

// maxBody is more than six times the size of the league's feed.
const maxBody = 20 << 20

// statusError is a status other than those that get understands.
type statusError int

func (e statusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", int(e), http.StatusText(int(e))))
}

// errWebPage is returned for an answer that is a page for people. Servers send
// one, with any status and any content type, to those that they turn away.
var errWebPage = errors.New("the server answered with a web page")

// get requests a document and has it read. The answer's header is returned.
func (l *Live) get(ctx context.Context, url string, header http.Header, read func(io.Reader) error) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := l.cfg.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		body := bufio.NewReader(http.MaxBytesReader(nil, resp.Body, maxBody))
		if start, _ := body.Peek(512); bytes.HasPrefix(bytes.TrimSpace(start), []byte("<")) {
			return nil, errWebPage
		}
		return resp.Header, read(body)
	case http.StatusNotModified:
		return resp.Header, errUnchanged
	}
	return nil, fmt.Errorf("the server answered %w", statusError(resp.StatusCode))
}

// fetchNBA asks the league. Since May 2026 its CDN wants a Referer, and it has
// always wanted a browser; it refuses many cloud hosts whatever they send.
func (l *Live) fetchNBA(ctx context.Context) (*Season, validators, error) {
	header := http.Header{
		"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"},
		"Accept":          {"application/json, text/plain, */*"},
		"Accept-Language": {"en-US,en;q=0.5"},
		"Origin":          {"https://www.nba.com"},
		"Referer":         {"https://www.nba.com/"},
	}
	// Only what the league itself sent can be confirmed by it.
	if v := l.validators; v.URL == l.cfg.URL && l.season.Load().Source == SourceNBA {
		if v.ETag != "" {
			header.Set("If-None-Match", v.ETag)
		}
		if v.Modified != "" {
			header.Set("If-Modified-Since", v.Modified)
		}
	}
	var s *Season
	got, err := l.get(ctx, l.cfg.URL, header, func(body io.Reader) (err error) {
		s, err = DecodeNBA(body)
		return err
	})
	if err != nil {
		return nil, validators{}, fmt.Errorf("get the league's feed: %w", err)
	}
	return s, validators{URL: l.cfg.URL, ETag: got.Get("Etag"), Modified: got.Get("Last-Modified")}, nil
}
