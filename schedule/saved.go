package schedule

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Keeper keeps the last good schedule, for the next start and for other
// processes of the same site. Its methods are called by one goroutine at a time.
type Keeper interface {
	// Load returns what was last saved and which version that is. It returns
	// nil if that is the version known, or if nothing was saved yet; no version
	// is 0.
	Load(ctx context.Context, known int64) (saved []byte, version int64, err error)

	// Save replaces what was saved and returns the version of it.
	Save(ctx context.Context, saved []byte) (version int64, err error)

	// Claim asks to be the one process that refreshes from now until then, and reports
	// whether the caller is. Release ends the caller's claim before its time.
	Claim(ctx context.Context, now, until time.Time) (bool, error)
	Release(ctx context.Context) error
}

// header is the first line of a saved season; each line after it is a game in
// JSON. The season that comes with the program and what Live hands to its keeper
// are saved like this.
type header struct {
	Season string    `json:"season"`
	Source string    `json:"source"`
	AsOf   time.Time `json:"asOf,omitzero"`
	Games  int       `json:"games"` // how many lines follow
	validators
	Trouble string    `json:"trouble,omitempty"`
	Since   time.Time `json:"since,omitzero"` // when the trouble began
}

// validators are what a web server gave with a document, to be sent with the
// next request for it.
type validators struct {
	URL      string `json:"url,omitempty"` // the document's
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"lastModified,omitempty"` // as it came
}

// Encode saves a season.
func Encode(w io.Writer, s *Season) error { return encode(w, s, header{}) }

// encode saves a season with what h says of it beside the season's own.
func encode(w io.Writer, s *Season, h header) error {
	h.Season, h.Source, h.AsOf, h.Games = s.Label, s.Source, s.AsOf, len(s.Games)
	b := bufio.NewWriter(w)
	out := json.NewEncoder(b)
	if err := out.Encode(h); err != nil {
		return err
	}
	for i := range s.Games {
		if err := out.Encode(&s.Games[i]); err != nil {
			return err
		}
	}
	return b.Flush()
}

// decode reads a saved season. One that is not complete is an error.
func decode(r io.Reader) (*Season, header, error) {
	in := json.NewDecoder(r)
	var h header
	if err := in.Decode(&h); err != nil {
		return nil, header{}, fmt.Errorf("read the saved schedule: %w", truncated(err))
	}
	if _, ok := startYear(h.Season); !ok {
		return nil, header{}, fmt.Errorf("read the saved schedule: %w: no season", errNotSchedule)
	}
	s := &Season{Label: h.Season, Source: h.Source, AsOf: h.AsOf}
	for range h.Games {
		g := Game{Season: h.Season}
		if err := in.Decode(&g); err != nil {
			return nil, header{}, fmt.Errorf("read the saved schedule's games: %w", truncated(err))
		}
		s.Games = append(s.Games, g)
	}
	if in.More() {
		return nil, header{}, errors.New("read the saved schedule: it has more games than it says")
	}
	return s, h, nil
}

// load takes over what the keeper has, if that is new and good, and reports
// whether it did.
func (l *Live) load(ctx context.Context) (bool, error) {
	if l.cfg.Keeper == nil || l.isFile() {
		return false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	saved, version, err := l.cfg.Keeper.Load(ctx, l.version)
	if err != nil || saved == nil {
		return false, err
	}
	l.version = version
	s, h, err := decode(bytes.NewReader(saved))
	if err != nil {
		return false, err
	}
	if faulty := leaveOut(s); len(faulty) > 0 {
		return false, errors.New(faulty[0])
	}
	if err := checkWhole(s); err != nil {
		return false, err
	}
	present := l.season.Load()
	if s.Label != present.Label {
		err = checkLabel(present, s, l.cfg.Now())
	} else if s.AsOf.Before(present.AsOf) {
		err = errors.New("it is older than the one at hand")
	}
	if err != nil {
		return false, err
	}
	l.season.Store(s)
	l.validators = validators{}
	if h.URL == l.cfg.URL {
		l.validators = h.validators
	}
	l.trouble.Store(nil)
	if h.Trouble != "" {
		l.trouble.Store(&trouble{h.Trouble, h.Since})
	}
	return true, nil
}

// save hands the present season and its trouble to the keeper.
func (l *Live) save(ctx context.Context) {
	if l.cfg.Keeper == nil || l.isFile() {
		return
	}
	h := header{validators: l.validators}
	if t := l.trouble.Load(); t != nil {
		h.Trouble, h.Since = t.text, t.since
	}
	var saved bytes.Buffer
	err := encode(&saved, l.season.Load(), h)
	if err == nil {
		l.version, err = l.cfg.Keeper.Save(ctx, saved.Bytes())
	}
	if err != nil {
		l.cfg.Log.Warn("the schedule is not saved", "error", err)
	}
}
