// Package jsonstream reads a JSON document piece by piece. A large document
// takes no more memory than what is kept of it, and one that was made to exhaust
// memory is refused early.
package jsonstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrUnexpected is wrapped by errors about the content of a document. Those of
// encoding/json are about its syntax, and all others about reading it.
var ErrUnexpected = errors.New("unexpected content")

// Limits bound a document, on top of what bounds its length.
type Limits struct {
	Value    int // bytes of one value that is decoded, or of one text
	Elements int // of all arrays; those inside a decoded value do not count
}

// What [Reader.Skip] reads over is bounded too.
const (
	maxDepth   = 100
	maxSkipped = 1_000_000 // tokens in all
)

// Reader reads one document from its beginning to its end.
type Reader struct {
	dec      *json.Decoder
	elements int // that may still come
	skipped  int // tokens
}

// NewReader returns a reader of the document in r.
func NewReader(r io.Reader, limits Limits) *Reader {
	s := &source{Reader: r, limit: int64(limits.Value)}
	s.dec = json.NewDecoder(s)
	return &Reader{dec: s.dec, elements: limits.Elements}
}

// source is what the decoder reads from. It gives no more once the decoder has
// collected too much for one value: a small text can take a hundred times its
// size when it is decoded.
type source struct {
	io.Reader
	dec   *json.Decoder
	got   int64
	limit int64
}

func (s *source) Read(p []byte) (int, error) {
	if s.got-s.dec.InputOffset() > s.limit {
		return 0, fmt.Errorf("%w: a single value of over %d kB", ErrUnexpected, s.limit>>10)
	}
	n, err := s.Reader.Read(p)
	s.got += int64(n)
	return n, err
}

// Object calls member with each key of the object that comes next; member has
// to consume the value. Null counts as an object without members.
func (r *Reader) Object(member func(key string) error) error {
	return r.each('{', func() error {
		key, err := r.dec.Token()
		if err != nil {
			return err
		}
		if err := member(key.(string)); err != nil { // in an object, a token before a value is its key
			return fmt.Errorf("%.40q: %w", key, err)
		}
		return nil
	})
}

// Array calls element before each element of the array that comes next; element
// has to consume it. Null counts as an empty array.
func (r *Reader) Array(element func() error) error {
	return r.each('[', func() error {
		if r.elements--; r.elements < 0 {
			return fmt.Errorf("%w: too many elements", ErrUnexpected)
		}
		return element()
	})
}

func (r *Reader) each(open json.Delim, next func() error) error {
	token, err := r.dec.Token()
	if err != nil || token == nil {
		return err
	}
	if token != open {
		return fmt.Errorf("%w: no %v where one should be", ErrUnexpected, open)
	}
	for r.dec.More() {
		if err := next(); err != nil {
			return err
		}
	}
	_, err = r.dec.Token() // the closing one
	return err
}

// Value decodes the next value into v, as [json.Unmarshal] does.
func (r *Reader) Value(v any) error { return r.dec.Decode(v) }

// Skip reads over the next value.
func (r *Reader) Skip() error {
	for depth := 0; ; {
		token, err := r.dec.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if r.skipped++; r.skipped > maxSkipped || depth > maxDepth {
			return fmt.Errorf("%w: too much that is unknown", ErrUnexpected)
		}
		if depth == 0 {
			return nil
		}
	}
}

// End returns an error if something follows the document.
func (r *Reader) End() error {
	switch _, err := r.dec.Token(); err {
	case io.EOF:
		return nil
	case nil:
		return fmt.Errorf("%w: something follows the document", ErrUnexpected)
	default:
		return err
	}
}
