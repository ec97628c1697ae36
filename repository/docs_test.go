package repository

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tipoff/app"
)

func TestTheDocsLinkToWhatIsThere(t *testing.T) {
	t.Parallel()
	docs, err := filepath.Glob("docs/*.md")
	if err != nil || len(docs) < 10 {
		t.Fatalf("docs: %v %v", docs, err)
	}
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, path := range append(slices.Clone(docs), "README.md", "NEWS.md", "SECURITY.md", "CONTRIBUTING.md") {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
	index, err := os.ReadFile("docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range docs {
		if name := filepath.Base(path); name != "README.md" && !strings.Contains(string(index), "("+name+")") {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}

// settings are those of the program with an environment, as it shows them.
func settings(environ []string) (string, error) {
	var out bytes.Buffer
	err := app.Run(context.Background(), []string{"config", "show"}, environ, &out, app.Options{})
	return out.String(), err
}

func TestEverySettingNamedInFilesForHostsExists(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	shown, err := settings(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^-([a-z-]+) `).FindAllStringSubmatch(shown, -1) {
		name := "TIPOFF_" + strings.ToUpper(strings.ReplaceAll(m[1], "-", "_"))
		known[name], known[name+"_FILE"] = true, true
	}
	var paths []string
	for _, pattern := range []string{"README.md", "Dockerfile", "compose.yaml", ".env.example", "*.md", "docs/*.md", "deploy/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if errors.Is(err, syscall.EISDIR) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`TIPOFF_[A-Z_]+`).FindAllString(string(raw), -1) {
			if name = strings.TrimSuffix(name, "_"); !known[name] {
				t.Errorf("%s names %s, which is no setting", path, name)
			}
		}
	}
}
