package session

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// elsewhere is the variable that makes the tests' program another process which
// writes to the SQLite file that it names, as it is told on its standard input.
const elsewhere = "TIPOFF_TEST_WRITE_TO"

// until is the same instant in both processes.
var until = time.Unix(2_000_000_000, 0).UTC()

func TestMain(m *testing.M) {
	if path := os.Getenv(elsewhere); path != "" {
		writeElsewhere(path)
		return
	}
	os.Exit(m.Run())
}

func writeElsewhere(path string) {
	ctx, lines := context.Background(), bufio.NewScanner(os.Stdin)
	s, err := openSQLite(ctx, path)
	if err != nil {
		panic(err)
	}
	defer s.close()
	for lines.Scan() {
		key, value, keep := strings.Cut(lines.Text(), " ")
		if keep {
			err = s.put(ctx, row{Key: key, Value: []byte(value), Expires: until})
		} else {
			_, err = s.remove(ctx, key, nil)
		}
		if err != nil {
			panic(err)
		}
		fmt.Println("done")
	}
}

func TestWhatAnotherProcessWritesIsSeenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := openTestStore(t, "sqlite:"+path)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), elsewhere+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	done := bufio.NewScanner(out)
	tell := func(line string) {
		if fmt.Fprintln(in, line); !done.Scan() {
			t.Fatal("the other process has ended")
		}
	}
	const key = kindSession + "/seen"
	for i := range 100 {
		value := fmt.Sprint("theirs", i)
		tell(key + " " + value)
		wantRow(t, s, row{Key: key, Value: []byte(value), Expires: until})
		wantRow(t, s, row{Key: key, Value: []byte(value), Expires: until}) // as it is kept
		// Theirs and ours right after each other.
		if i%3 == 0 {
			tell(key + " " + value + "again")
			mustPut(t, s, row{Key: kindSession + "/other", Value: []byte(value), Expires: until})
			wantRow(t, s, row{Key: key, Value: []byte(value + "again"), Expires: until})
		}
		if i%4 == 0 {
			tell(key)
			wantNone(t, s, key)
		}
	}
}

func TestWhatWasReadOfASessionIsNotReadAgain(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // nothing is kept elsewhere
	}
	s := openTestStore(t, "sqlite:"+filepath.Join(t.TempDir(), "s.db"))
	session, token := row{Key: kindSession + "/1", Value: []byte("a"), Expires: until}, row{Key: kindToken + "/1", Value: []byte("b"), Expires: until}
	mustPut(t, s, session, token)
	wantRow(t, s, session)
	wantRow(t, s, token)
	mustPut(t, s, row{Key: kindSession + "/2", Value: []byte("c"), Expires: until}) // somebody else's
	if err := s.(bounded).in.(*sqlite).read.Close(); err != nil {
		t.Fatal(err)
	}
	wantRow(t, s, session)
	if got, _, err := s.get(t.Context(), token.Key); err == nil {
		t.Errorf("a token came from memory: %v", got)
	}
}

// Each key has one writer, who knows what it must find.
func TestRowsInMemoryAreThoseOfTheFileWhileManyWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	stores := []store{openTestStore(t, "sqlite:"+path), openTestStore(t, "sqlite:"+path)}
	var writers, readers sync.WaitGroup
	var stop atomic.Bool
	keys := []string{"session/0", "session/1", "session/2", "session/3"}
	for range 4 {
		readers.Go(func() {
			for !stop.Load() {
				if _, _, err := stores[rand.N(2)].get(t.Context(), keys[rand.N(len(keys))]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, key := range keys {
		writers.Go(func() {
			var is row
			for i := range 100 {
				at, next := stores[rand.N(2)], row{Key: key, Value: fmt.Append(nil, i), Expires: until}
				var ok bool
				var err error
				switch {
				case is.Value == nil:
					err, ok = at.put(t.Context(), next), true
				case i%7 == 0:
					next.Value = nil
					ok, err = at.remove(t.Context(), key, is.Value)
				case i%5 == 0: // loses
					ok, err = at.swap(t.Context(), []byte("old"), next)
					ok, next = !ok, is
				default:
					ok, err = at.swap(t.Context(), is.Value, next)
				}
				if !ok || err != nil {
					t.Errorf("%s: write %d: %v, %v", key, i, ok, err)
					return
				}
				is = next
				for _, s := range stores {
					if is.Value == nil {
						wantNone(t, s, key)
					} else {
						wantRow(t, s, is)
					}
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
}
