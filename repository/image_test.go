package repository

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// dockerfile is the Dockerfile's instructions, its continued lines joined.
func dockerfile(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, line := range lines(strings.ReplaceAll(string(raw), "\\\n", " ")) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

func TestTheImageIsSmallUnprivilegedAndChecksItself(t *testing.T) {
	t.Parallel()
	all := dockerfile(t)
	last := slices.IndexFunc(all, func(line string) bool { return line == "FROM scratch" })
	if last < 0 {
		t.Fatal("the image is not made from scratch")
	}
	counts := map[string]int{}
	var env []string
	for _, line := range all[last:] {
		word, rest, _ := strings.Cut(line, " ")
		counts[word]++
		switch word {
		case "ENV":
			env = strings.Fields(rest)
		case "USER":
			if !regexp.MustCompile(`^[1-9]\d+:[1-9]\d+$`).MatchString(rest) {
				t.Errorf("USER %s is not a number that is not root's", rest)
			}
		case "RUN":
			t.Errorf("there is no shell to run %s", rest)
		case "ENTRYPOINT":
			if rest != `["/tipoff"]` {
				t.Errorf("ENTRYPOINT %s", rest)
			}
		case "HEALTHCHECK":
			if !strings.HasSuffix(rest, `CMD ["/tipoff", "healthcheck"]`) {
				t.Errorf("HEALTHCHECK %s", rest)
			}
		case "VOLUME":
			if rest != "/data" {
				t.Errorf("VOLUME %s", rest)
			}
		}
	}
	for _, word := range []string{"USER", "ENTRYPOINT", "HEALTHCHECK", "VOLUME", "ENV"} {
		if counts[word] != 1 {
			t.Errorf("%d %s instructions, want 1", counts[word], word)
		}
	}
	stage := strings.Join(all[:last], "\n")
	for _, want := range []string{"--platform=$BUILDPLATFORM", "GOARCH=$TARGETARCH", "GOOS=$TARGETOS", "CGO_ENABLED=0", "-trimpath", "-X tipoff/app.stamped=$VERSION"} {
		if !strings.Contains(stage, want) {
			t.Errorf("the build does not have %s", want)
		}
	}
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	needs := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(gomod))[1]
	if !strings.Contains(stage, "FROM --platform=$BUILDPLATFORM golang:"+needs+" ") {
		t.Errorf("the image is not built with Go %s, which go.mod asks for", needs)
	}
	shown, err := settings(env)
	if err != nil || !regexp.MustCompile(`(?m)^-addr +:8080 `).MatchString(shown) || !regexp.MustCompile(`(?m)^-data-dir +/data `).MatchString(shown) || strings.Contains(shown, "Note:") {
		t.Errorf("in the image the settings are %v\n%s", err, shown)
	}
}

func TestWhatDockerIsSentIsEnoughToBuild(t *testing.T) {
	t.Parallel()
	raw, err := os.Open(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	patterns, err := ignorefile.ReadAll(raw)
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	sent := t.TempDir()
	count := 0
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		skip, err := ignored.MatchesOrParentMatches(path)
		if err != nil || skip || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		count++
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(d.Name(), ".env") {
			t.Errorf("%s is sent", path)
		}
		to := filepath.Join(sent, path)
		return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, content, 0o644))
	})
	if err != nil {
		t.Fatal(err)
	}
	// What is there is listed; that it compiles follows from the other tests.
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Error}}{{.}}{{end}}", ".")
	cmd.Dir = sent
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("of what is sent, %d files, go list says: %v\n%s", count, err, out)
	}
	mine, theirs := sources(t, "."), sources(t, sent)
	if !slices.Equal(mine, theirs) {
		t.Errorf("the image is built of other files:\n%v\nwant\n%v", theirs, mine)
	}
}

// sources are the files that the program is built of.
func sources(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", `{{if not .Standard}}{{$p := .ImportPath}}{{range .GoFiles}}{{$p}}/{{.}} {{end}}{{range .EmbedFiles}}{{$p}}/{{.}} {{end}}{{end}}`, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
