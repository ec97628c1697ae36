package session

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAKeyIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	path := filepath.Join(dir, "key")
	var mu sync.Mutex
	keys := map[string]int{}
	var wg sync.WaitGroup
	for range 20 { // as many processes at once
		wg.Go(func() {
			key, err := Key(path)
			if err != nil {
				t.Errorf("Key = %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			keys[key]++
		})
	}
	wg.Wait()
	if len(keys) != 1 {
		t.Fatalf("%d different keys", len(keys))
	}
	for key := range keys {
		if len(key) != 43 { // 32 bytes
			t.Errorf("a key of %d characters", len(key))
		}
		if again, err := Key(path); again != key || err != nil {
			t.Errorf("read again: another key or %v", err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory's mode %v, %v; want 0700", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".key-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAKeyThatOthersCanReadIsTightened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("  "+testKey+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if key, err := Key(path); key != testKey || err != nil {
		t.Errorf("Key = %q, %v", key, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestAFileThatIsNoKeyIsRefusedAndKept(t *testing.T) {
	for _, content := range []string{"", "short", strings.Repeat("a", 50)} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if key, err := Key(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Key of %q = %q, %v; want an error that names the file", content, key, err)
		}
		if got, err := os.ReadFile(path); string(got) != content || err != nil {
			t.Errorf("the file is now %q, %v", got, err)
		}
	}
	if _, err := Key(t.TempDir()); err == nil {
		t.Error("a directory was taken for a key")
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, fs.FileMode(0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Key(filepath.Join(path, "key")); err == nil {
		t.Error("a key was made below a file")
	}
}
