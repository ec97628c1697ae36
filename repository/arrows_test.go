package repository

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Tests name files as they stand in the repository.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// arrows says which packages of ours each package may import. What is not
// listed may not be imported.
var arrows = map[string][]string{
	"tipoff":              {"app"},
	"tipoff/app":          {"database", "handlers", "importer", "imports", "schedule", "session", "todoist", "todoist/fake", "updates"},
	"tipoff/database":     {},
	"tipoff/handlers":     {"importer", "imports", "schedule", "session", "static", "templates", "todoist"},
	"tipoff/importer":     {"database", "imports", "schedule", "todoist"},
	"tipoff/imports":      {"database"},
	"tipoff/jsonstream":   {},
	"tipoff/schedule":     {"jsonstream"},
	"tipoff/session":      {"database"},
	"tipoff/static":       {},
	"tipoff/templates":    {},
	"tipoff/todoist":      {"jsonstream"},
	"tipoff/updates":      {"importer", "imports", "schedule", "todoist"},
	"tipoff/todoist/fake": {},
}

// owners says which packages alone may import a library.
var owners = map[string][]string{
	"github.com/go-chi/chi/v5":                       {"tipoff/handlers"},
	"github.com/alexedwards/scs/v2":                  {"tipoff/session"},
	"github.com/pressly/goose/v3":                    {"tipoff/database"},
	"golang.org/x/oauth2":                            {"tipoff/todoist"},
	"github.com/prometheus/client_golang/prometheus": {"tipoff/handlers"},
	"modernc.org/sqlite":                             {"tipoff/database"},
	"flag":                                           {"tipoff/app"},
	"os/signal":                                      {"tipoff"},
}

func TestPackagesImportOnlyAlongTheArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		allowed, ok := arrows[p.ImportPath]
		if !ok {
			// Generators and test helpers hang off the package they serve.
			continue
		}
		for _, path := range p.Imports {
			if ours, ok := strings.CutPrefix(path, "tipoff/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which no arrow allows", p.ImportPath, path)
			}
			if owners, ok := owners[path]; ok && !slices.Contains(owners, p.ImportPath) {
				t.Errorf("%s imports %s, which is for %s alone", p.ImportPath, path, strings.Join(owners, " and "))
			}
		}
	}
}

func TestOnlyMainEndsTheProcessAndReadsTheEnvironment(t *testing.T) {
	forbidden := regexp.MustCompile(`os\.Exit\(|log\.Fatal|os\.Getenv\(|os\.Args`)
	for path := range arrows {
		dir := strings.TrimPrefix(strings.TrimPrefix(path, "tipoff"), "/")
		files, err := filepath.Glob(filepath.Join(".", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no files: %v", path, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// Generators are programs of their own.
			if file == "main.go" || strings.HasSuffix(file, "_test.go") || strings.HasPrefix(string(raw), "//go:build ignore") {
				continue
			}
			if found := forbidden.FindString(string(raw)); found != "" {
				t.Errorf("%s uses %s, which is for main.go alone", file, found)
			}
		}
	}
}
