package repository

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"tipoff/app"
)

// lines splits a text.
func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

// tool is the path of a program that the test needs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not here; .ci/install has it")
	}
	return path
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
		env := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(env, []byte("TIPOFF_PUBLIC_URL=https://tipoff.example\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"compose.yaml", "deploy/compose.replicas.yaml"} {
			cmd := exec.Command(path, "compose", "--env-file", env, "-f", name, "config", "-q")
			cmd.Env = append(os.Environ(), "HOST=tipoff.example", "DATABASE_PASSWORD=secret")
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
	// Any program will do, as long as it is there.
	text := strings.Replace(string(raw), "ExecStart=/usr/bin/tipoff", "ExecStart="+os.Args[0], 1)
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
