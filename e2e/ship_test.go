package e2e

import (
	"debug/elf"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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

// imageEnv is the environment that the image sets.
func imageEnv(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	env := regexp.MustCompile(`(?m)^ENV (.*)$`).FindStringSubmatch(string(raw))
	if env == nil {
		t.Fatal("the image sets nothing")
	}
	return strings.Fields(env[1])
}
