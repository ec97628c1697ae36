package schedule

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

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
