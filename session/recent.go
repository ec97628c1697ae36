package session

import (
	"context"
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// recentAtMost bounds how many rows are kept, at a few hundred bytes each.
const recentAtMost = 4096

// recent keeps in memory what was last read of sessions, so that a page need not
// ask SQLite, which is half of what a session costs it. What it returns is what
// the file holds, also when another process has just written to it.
//
// SQLite's own readers learn of a write from the first bytes of the file that
// ends in -shm: they are another mark after each transaction, and one of them
// counts transactions (https://www.sqlite.org/walformat.html, section 2). What was
// read under a mark is good as long as the mark stands. A write of this process
// is told from another's by the count, so that it costs only the row that it
// writes.
type recent struct {
	index *os.File // nil: nothing is kept
	kept  atomic.Pointer[known]

	turn    chan struct{} // held by the write that is under way
	writing atomic.Bool   // whether one is

	mu     sync.Mutex
	writes atomic.Int64 // how many were; changed with mu held
}

// A mark is the two copies of the header of SQLite's index.
type mark [96]byte

// changes is the number of transactions so far.
func (m *mark) changes() uint32 { return binary.NativeEndian.Uint32(m[8:]) }

// known are rows and the mark under which they are good.
type known struct {
	mark mark
	rows *rows
}

type rows struct {
	byKey sync.Map // of row
	count atomic.Int64
}

// openRecent takes the path of a database that is open. Its index must not be
// closed before the database is: that would drop the process's locks on it.
func openRecent(path string) *recent {
	r := &recent{turn: make(chan struct{}, 1)}
	r.kept.Store(&known{rows: &rows{}})
	if runtime.GOOS != "linux" {
		return r // elsewhere a file need not show at once what is written to it as memory
	}
	if f, err := os.Open(path + "-shm"); err == nil {
		r.index = f
	}
	return r
}

// now reads the mark.
func (r *recent) now() (m mark, ok bool) {
	if r.index == nil {
		return m, false
	}
	n, err := r.index.ReadAt(m[:], 0)
	return m, err == nil && n == len(m) && m != mark{}
}

// get returns a row that is kept, or what find finds.
func (r *recent) get(key string, find func() (row, bool, error)) (row, bool, error) {
	for {
		k, writes := r.kept.Load(), r.writes.Load()
		is, ok := r.now()
		if !ok || !strings.HasPrefix(key, kindSession+"/") {
			return find()
		}
		if is != k.mark {
			if r.writing.Load() {
				return find() // it may be our own write's, which is being noted
			}
			r.kept.CompareAndSwap(k, &known{mark: is, rows: &rows{}})
			continue
		}
		if v, ok := k.rows.byKey.Load(key); ok {
			return v.(row), true, nil
		}
		found, ok, err := find()
		if ok && err == nil {
			r.keep(k, writes, found)
		}
		return found, ok, err
	}
}

// keep keeps a row that was found, unless something of ours was written since.
func (r *recent) keep(k *known, writes int64, found row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writes.Load() != writes {
		return
	}
	if k.rows.count.Add(1) > recentAtMost {
		r.kept.CompareAndSwap(k, &known{mark: k.mark, rows: &rows{}})
		return
	}
	k.rows.byKey.Store(found.Key, found)
}

// write does one write to a row, in a transaction of its own, which reports
// whether it changed something.
func (r *recent) write(ctx context.Context, key string, do func() (bool, error)) (bool, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-r.turn }()
	r.writing.Store(true)
	defer r.writing.Store(false)

	before, sure := r.now()
	changed, err := do()
	after, stillSure := r.now()

	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes.Add(1)
	ours := uint32(0)
	if changed {
		ours = 1
	}
	k := r.kept.Load()
	next := &known{mark: after, rows: k.rows}
	if err != nil || !sure || !stillSure || before != k.mark || after.changes()-before.changes() != ours {
		next.rows = &rows{}
	}
	next.rows.byKey.Delete(key)
	r.kept.Store(next)
	return changed, err
}

func (r *recent) close() error {
	if r.index == nil {
		return nil
	}
	return r.index.Close()
}
