package e2e

import (
	"debug/elf"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"go.yaml.in/yaml/v3"

	"tipoff/app"
	"tipoff/todoist/fake"
)

// onLinux skips the test elsewhere: images, packages and the unit are for Linux.
func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("this is about Linux")
	}
}

func TestTheReleaseIsStaticAndSaysItsVersion(t *testing.T) {
	t.Parallel()
	onLinux(t)
	program := built.program(t)
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a dynamic loader")
		}
	}
	if libs, err := f.ImportedLibraries(); err != nil || len(libs) != 0 {
		t.Errorf("the program needs %v: %v", libs, err)
	}
	out, err := exec.Command(program, "version").Output()
	if err != nil || string(out) != "tipoff "+builtVersion+"\n" {
		t.Errorf("it says %q: %v", out, err)
	}
	// Nothing in it tells where it was built.
	raw, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	here, _ := os.Getwd()
	if strings.Contains(string(raw), here+"/") {
		t.Errorf("the program has the path %s in it", here)
	}
}

func TestItRunsInAnEmptyReadOnlyRootAsNobody(t *testing.T) {
	t.Parallel()
	onLinux(t)
	if os.Getuid() != 0 {
		t.Skip("only root can change the root directory")
	}
	const nobody = 65532
	program := built.program(t)
	root := t.TempDir()
	// The world may pass, as it may in an image.
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(root, "data")
	certs := filepath.Join(root, "etc", "ssl", "certs")
	if err := errors.Join(os.WriteFile(filepath.Join(root, "tipoff"), raw, 0o755), os.Mkdir(data, 0o755), os.Chown(data, nobody, nobody), os.MkdirAll(certs, 0o755)); err != nil {
		t.Fatal(err)
	}

	// The league answers by https, and its certificate is vouched for by the
	// one file that the image has besides the program.
	feedPath := filepath.Join(t.TempDir(), "feed.json")
	feed(t, feedPath, embedded().Label, midSeason, embedded().Games)
	league := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, feedPath) }))
	t.Cleanup(league.Close)
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: league.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(certs, "ca-certificates.crt"), roots, 0o644); err != nil {
		t.Fatal(err)
	}

	s := newSite(t, midSeason)
	port := freePort(t)
	// The settings of the image, and those of a host.
	s.env = append(imageEnv(t), "TIPOFF_PUBLIC_URL="+publicURL, "TIPOFF_TODOIST_CLIENT_ID=client", "TIPOFF_TODOIST_CLIENT_SECRET=secret-of-the-client",
		"TIPOFF_TODOIST_API_URL="+s.todoist, "TIPOFF_TODOIST_AUTHORIZE_URL="+s.todoist+"/oauth/authorize",
		"TIPOFF_SCHEDULE_URL="+league.URL, "TIPOFF_ESPN_URL=off", "TIPOFF_NOW="+midSeason.Format(time.RFC3339), "TIPOFF_ADDR=:"+port)
	// A mount of its own makes the root read-only, but for the volume. In a
	// container that may not mount, the root belongs to somebody else at least.
	mounts := exec.Command("unshare", "--mount", "true").Run() == nil
	inside := func(args ...string) *exec.Cmd {
		cmd := exec.Command("sh", append([]string{"-c", `exec chroot --userspec=65532:65532 "$0" /tipoff "$@"`, root}, args...)...)
		if mounts {
			script := `mount --bind "$0" "$0" && mount --bind "$0/data" "$0/data" && mount -o remount,bind,ro "$0" && exec chroot --userspec=65532:65532 "$0" /tipoff "$@"`
			cmd = exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, root}, args...)...)
		}
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, s.env...)
		return cmd
	}
	s.log = &output{}
	s.cmd = inside()
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := s.cmd
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s.await(func() bool { return false })
	s.addr = "127.0.0.1:" + port

	if out, err := inside("healthcheck").CombinedOutput(); err != nil {
		t.Errorf("healthcheck: %v\n%s", err, out)
	}
	s.saying(`msg="schedule refreshed" source=nba`)
	account := s.account("nob", fake.Free)
	s.browser().signIn(account).importTeam("team=BOS").want(http.StatusSeeOther)
	wantExactly(t, account, embedded(), "BOS", midSeason)
	if out, err := inside("backup", "-").Output(); err != nil || len(out) < 8000 {
		t.Errorf("backup: %v, %d bytes", err, len(out))
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.ended(); err != nil {
		t.Errorf("the program ended with %v", err)
	}

	var files []string
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(root, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		files = append(files, name)
		if owner := info.Sys().(*syscall.Stat_t).Uid; strings.HasPrefix(name, "data/") && (owner != nobody || info.Mode() != 0o600) {
			t.Errorf("%s belongs to %d and has mode %v", name, owner, info.Mode())
		}
		return nil
	})
	if want := []string{"data/secret.key", "data/tipoff.db", "data/tipoff.db.lock", "etc/ssl/certs/ca-certificates.crt", "tipoff"}; !slices.Equal(files, want) {
		t.Errorf("the root has %v, want %v", files, want)
	}
}

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

// imageEnv is the environment that the image sets.
func imageEnv(t *testing.T) []string {
	t.Helper()
	for _, line := range dockerfile(t) {
		if vars, ok := strings.CutPrefix(line, "ENV "); ok {
			return strings.Fields(vars)
		}
	}
	t.Fatal("the image sets nothing")
	return nil
}

func TestTheImageIsSmallUnprivilegedAndChecksItself(t *testing.T) {
	t.Parallel()
	all := dockerfile(t)
	last := slices.IndexFunc(all, func(line string) bool { return line == "FROM scratch" })
	if last < 0 {
		t.Fatal("the image is not made from scratch")
	}
	counts := map[string]int{}
	for _, line := range all[last:] {
		word, rest, _ := strings.Cut(line, " ")
		counts[word]++
		switch word {
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
	for _, want := range []string{"--platform=$BUILDPLATFORM", "GOARCH=$TARGETARCH", "GOOS=$TARGETOS", "CGO_ENABLED=0", "-trimpath", "-X main.stamped=$VERSION"} {
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
	shown, err := invoke(t, imageEnv(t), "config", "show")
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

// readYAML reads a YAML file.
func readYAML(t *testing.T, path string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

func TestComposeFilesGiveNothingAwayAndWaitForImports(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(lines(string(raw))); n > 20 {
		t.Errorf("compose.yaml has %d lines, want 20 at most", n)
	}
	for path, want := range map[string][]string{"compose.yaml": {"tipoff"}, "deploy/compose.replicas.yaml": {"caddy", "postgres", "tipoff1", "tipoff2"}} {
		services := readYAML(t, path)["services"].(map[string]any)
		var names []string
		for name, service := range services {
			names = append(names, name)
			s := service.(map[string]any)
			if !strings.HasPrefix(name, "tipoff") {
				continue
			}
			wait, err := time.ParseDuration(fmt.Sprint(s["stop_grace_period"]))
			if err != nil || wait <= app.Grace {
				t.Errorf("%s, %s: a stop waits for %v, imports may take %v", path, name, s["stop_grace_period"], app.Grace)
			}
			if s["read_only"] != true || fmt.Sprint(s["cap_drop"]) != "[ALL]" || fmt.Sprint(s["security_opt"]) != "[no-new-privileges:true]" || s["restart"] != "unless-stopped" {
				t.Errorf("%s, %s: %v", path, name, s)
			}
			if ports, ok := s["ports"].([]any); ok && !strings.HasPrefix(fmt.Sprint(ports[0]), "127.0.0.1:") {
				t.Errorf("%s, %s: published to the whole network: %v", path, name, ports)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("%s has the services %v, want %v", path, names, want)
		}
	}
	if path, err := exec.LookPath("docker"); err == nil && exec.Command(path, "compose", "version").Run() == nil {
		env := file(t, "TIPOFF_PUBLIC_URL=https://tipoff.example\n")
		for _, name := range []string{"compose.yaml", "deploy/compose.replicas.yaml"} {
			cmd := exec.Command(path, "compose", "--env-file", env, "-f", name, "config", "-q")
			cmd.Env = append(os.Environ(), "HOST=tipoff.example")
			if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), ".env not found") {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
	}
}

func TestTheUnitIsValidAndHardened(t *testing.T) {
	t.Parallel()
	analyze := tool(t, "systemd-analyze")
	raw, err := os.ReadFile("deploy/tipoff.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "tipoff.service")
	text := strings.Replace(string(raw), "ExecStart=/usr/bin/tipoff", "ExecStart="+built.program(t), 1)
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), "tipoff.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", unit).CombinedOutput()
	m := regexp.MustCompile(`Overall exposure level for tipoff\.service: ([\d.]+)`).FindStringSubmatch(string(out))
	if err != nil || m == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	if exposure, err := strconv.ParseFloat(m[1], 64); err != nil || exposure > 1.5 {
		t.Errorf("systemd calls the exposure %s, want 1.5 at most", m[1])
	}
	m = regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(string(raw))
	if m == nil {
		t.Fatal("the unit does not say how long a stop may take")
	}
	if wait, _ := strconv.Atoi(m[1]); time.Duration(wait)*time.Second <= app.Grace {
		t.Errorf("a stop waits for %d s, imports may take %v", wait, app.Grace)
	}
}

func TestACommandRunsAsTheServiceDoes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("deploy/tipoff.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := lines(string(raw))

	// What the command asks systemd for, printed instead.
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "systemd-run"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("deploy/tipoff-as-service", "config", "show")
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	asked := lines(string(out))
	end := slices.IndexFunc(asked, func(word string) bool { return !strings.HasPrefix(word, "--") })
	if end < 0 || !slices.Contains(unit, "ExecStart="+asked[end]) || !slices.Equal(asked[end+1:], []string{"config", "show"}) {
		t.Fatalf("systemd is asked for %q", asked)
	}
	options := asked[:end]
	// The output and the exit status are the command's.
	for _, want := range []string{"--pipe", "--wait"} {
		if !slices.Contains(options, want) {
			t.Errorf("%s is missing", want)
		}
	}
	// Who it is, and where its settings and data are, is as in the unit.
	same := regexp.MustCompile(`^(User|Group|DynamicUser|StateDirectory|StateDirectoryMode|UMask|Environment|EnvironmentFile)=`)
	var want, got []string
	for _, line := range unit {
		if same.MatchString(line) {
			want = append(want, line)
		}
	}
	for _, option := range options {
		if property, ok := strings.CutPrefix(option, "--property="); ok {
			got = append(got, property)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) < 6 || !slices.Equal(got, want) {
		t.Errorf("a command runs with\n%q\nthe service with\n%q", got, want)
	}
}

func TestExamplesOfProxiesAreValid(t *testing.T) {
	t.Parallel()
	// The others are run by TestEverythingWorksBehindRealProxies.
	cmd := exec.Command(tool(t, "caddy"), "validate", "--adapter", "caddyfile", "--config", "deploy/Caddyfile.replicas")
	cmd.Env = append(os.Environ(), "HOST=tipoff.example", "HOME="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("Caddyfile.replicas: %v\n%s", err, out)
	}
	http := readYAML(t, "deploy/traefik.yaml")["http"].(map[string]any)
	router := http["routers"].(map[string]any)["tipoff"].(map[string]any)
	if _, ok := http["services"].(map[string]any)[fmt.Sprint(router["service"])]; !ok {
		t.Errorf("traefik.yaml: the router leads to %v, which is not there", router["service"])
	}
}

func TestEverySettingNamedInFilesForHostsExists(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	shown, err := invoke(t, nil, "config", "show")
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

func TestTheReleasesFilesAreThere(t *testing.T) {
	t.Parallel()
	config := readYAML(t, ".goreleaser.yaml")
	var sources []string
	for _, archive := range config["archives"].([]any) {
		for _, f := range archive.(map[string]any)["files"].([]any) {
			sources = append(sources, f.(string))
		}
	}
	for _, pkg := range config["nfpms"].([]any) {
		p := pkg.(map[string]any)
		if got := fmt.Sprint(p["formats"]); got != "[deb rpm]" {
			t.Errorf("packages are made as %s", got)
		}
		installed := map[string]string{}
		for _, content := range p["contents"].([]any) {
			c := content.(map[string]any)
			sources = append(sources, c["src"].(string))
			installed[c["dst"].(string)] = c["src"].(string)
		}
		if got := installed["/usr/bin/tipoff-as-service"]; got != "deploy/tipoff-as-service" {
			t.Errorf("/usr/bin/tipoff-as-service is %q", got)
		}
		for _, script := range p["scripts"].(map[string]any) {
			sources = append(sources, script.(string))
			if out, err := exec.Command("sh", "-n", script.(string)).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", script, err, out)
			}
		}
	}
	for _, pattern := range sources {
		if found, err := filepath.Glob(pattern); err != nil || len(found) == 0 {
			t.Errorf("%s is not there: %v", pattern, err)
		}
	}
}
