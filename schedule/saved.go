package schedule

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// copyName is the file in Config.Dir that holds the last good schedule.
const copyName = "schedule.jsonl"

// header is the first line of a saved season; each line after it is a game in
// JSON. The season that comes with the program and the copy that Live keeps are
// saved like this.
type header struct {
	Season string    `json:"season"`
	Source string    `json:"source"`
	AsOf   time.Time `json:"asOf,omitzero"`
	Games  int       `json:"games"` // how many lines follow
	validators
}

// validators are what a web server gave with a document, to be sent with the
// next request for it.
type validators struct {
	URL      string `json:"url,omitempty"` // the document's
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"lastModified,omitempty"` // as it came
}

// Encode saves a season.
func Encode(w io.Writer, s *Season) error { return encode(w, s, validators{}) }

func encode(w io.Writer, s *Season, v validators) error {
	b := bufio.NewWriter(w)
	out := json.NewEncoder(b)
	if err := out.Encode(header{s.Label, s.Source, s.AsOf, len(s.Games), v}); err != nil {
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
func decode(r io.Reader) (*Season, validators, error) {
	in := json.NewDecoder(r)
	var h header
	if err := in.Decode(&h); err != nil {
		return nil, validators{}, fmt.Errorf("read the saved schedule: %w", truncated(err))
	}
	if _, ok := startYear(h.Season); !ok {
		return nil, validators{}, fmt.Errorf("read the saved schedule: %w: no season", errNotSchedule)
	}
	s := &Season{Label: h.Season, Source: h.Source, AsOf: h.AsOf}
	for range h.Games {
		g := Game{Season: h.Season}
		if err := in.Decode(&g); err != nil {
			return nil, validators{}, fmt.Errorf("read the saved schedule's games: %w", truncated(err))
		}
		s.Games = append(s.Games, g)
	}
	if in.More() {
		return nil, validators{}, errors.New("read the saved schedule: it has more games than it says")
	}
	return s, h.validators, nil
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
