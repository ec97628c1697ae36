package session

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// memory keeps rows in the process.
type memory struct {
	mu     sync.RWMutex
	rows   map[string]row
	owners map[string]map[string]bool // owner, then keys
}

func newMemory() *memory {
	return &memory{rows: make(map[string]row), owners: make(map[string]map[string]bool)}
}

func (s *memory) get(_ context.Context, key string) (row, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.rows[key]
	return r, ok, nil
}

func (s *memory) put(_ context.Context, r row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(r)
	return nil
}

// set writes a row; the caller holds the lock.
func (s *memory) set(r row) {
	s.unset(r.Key)
	s.rows[r.Key] = r
	if r.Owner != "" {
		if s.owners[r.Owner] == nil {
			s.owners[r.Owner] = make(map[string]bool)
		}
		s.owners[r.Owner][r.Key] = true
	}
}

// unset removes a row; the caller holds the lock.
func (s *memory) unset(key string) {
	owner := s.rows[key].Owner
	delete(s.rows, key)
	delete(s.owners[owner], key)
	if len(s.owners[owner]) == 0 {
		delete(s.owners, owner)
	}
}

func (s *memory) swap(_ context.Context, old []byte, r row) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is, ok := s.rows[r.Key]
	if !ok || !bytes.Equal(is.Value, old) {
		return false, nil
	}
	s.set(r)
	return true, nil
}

func (s *memory) remove(_ context.Context, key string, old []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is, ok := s.rows[key]
	if !ok || old != nil && !bytes.Equal(is.Value, old) {
		return false, nil
	}
	s.unset(key)
	return true, nil
}

func (s *memory) owned(_ context.Context, owner string) ([]row, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var rows []row
	for key := range s.owners[owner] {
		rows = append(rows, s.rows[key])
	}
	return rows, nil
}

func (s *memory) due(_ context.Context, by time.Time, limit int) ([]row, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var rows []row
	for _, r := range s.rows {
		if len(rows) == limit {
			break
		}
		if !r.Expires.After(by) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func (s *memory) each(_ context.Context, fn func(row) error) error {
	s.mu.RLock()
	rows := slices.Collect(maps.Values(s.rows))
	s.mu.RUnlock()
	for _, r := range rows {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *memory) count(_ context.Context, kind string, after time.Time) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for key, r := range s.rows {
		if strings.HasPrefix(key, kind+"/") && r.Expires.After(after) {
			n++
		}
	}
	return n, nil
}

func (s *memory) close() error { return nil }
