package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// builtVersion is what the program that tests build is stamped with.
const builtVersion = "v0.0.0-built-by-a-test"

// A release is the program as releases are built, static and with a version.
// Tests share one, which the first that needs it builds.
type release struct {
	once sync.Once
	dir  string
	err  error
}

var built release

// program returns the path of the program.
func (r *release) program(t *testing.T) string {
	t.Helper()
	r.once.Do(func() {
		if r.dir, r.err = os.MkdirTemp("", "tipoff-built-*"); r.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X tipoff/app.stamped="+builtVersion, "-o", r.dir, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			r.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if r.err != nil {
		t.Fatal(r.err)
	}
	return filepath.Join(r.dir, "tipoff")
}

// remove takes away what was built.
func (r *release) remove() {
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
}
