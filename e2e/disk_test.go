package e2e

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tipoff/todoist/fake"
)

// A disk is a small file system of its own.
type disk struct {
	t   *testing.T
	dir string
}

// newDisk mounts one, which root may.
func newDisk(t *testing.T) *disk {
	t.Helper()
	onLinux(t)
	d := &disk{t, t.TempDir()}
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	d.run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", d.dir)
	t.Cleanup(func() { d.run("umount", d.dir) })
	return d
}

func (d *disk) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// fill leaves no room.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "else"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatal(err)
	}
}

// free makes room again.
func (d *disk) free() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "else")); err != nil {
		d.t.Fatal(err)
	}
}

// limitFiles lets the process write to files no further than this.
func (s *site) limitFiles(bytes string) {
	s.t.Helper()
	if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(s.cmd.Process.Pid), "--fsize="+bytes+":unlimited").CombinedOutput(); err != nil {
		s.t.Fatalf("prlimit: %v: %s", err, out)
	}
}

func TestADiskThatTakesNothingStopsSignInsAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*testing.T, *site) (spoil, mend func()){
		"full": func(t *testing.T, s *site) (func(), func()) {
			d := newDisk(t)
			s.dir = d.dir
			return d.fill, d.free
		},
		"refusing": func(t *testing.T, s *site) (func(), func()) {
			onLinux(t)
			return func() { s.limitFiles("0") }, func() { s.limitFiles("unlimited") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lateSeason)
			spoil, mend := arrange(t, s)
			s.args = append(s.args, "-data-dir", s.dir)
			s.startProcess()
			ann, bob := s.account("ann", fake.Free), s.account("bob", fake.Free)
			a := s.browser().signIn(ann)
			a.importTeam("team=BOS").want(http.StatusSeeOther)
			leaving := s.browser().signIn(ann)
			left := s.browser() // has a copy of its cookies
			at, err := url.Parse(publicURL)
			if err != nil {
				t.Fatal(err)
			}
			left.client.Jar.SetCookies(at, leaving.cookies())
			s.awaitReady(http.StatusOK)

			spoil()
			s.awaitReady(http.StatusServiceUnavailable)
			for _, path := range []string{"/", "/teams/bos", "/teams/bos.ics", "/livez"} {
				s.browser().get(path).want(http.StatusOK)
			}
			// Who is signed in is. An import that could not be remembered is not made.
			a.get("/import?team=BOS").want(http.StatusOK)
			a.post("/imports", url.Values{"team": {"NYK"}}).want(http.StatusServiceUnavailable).has("again")
			onlyProject(t, ann)
			// Nobody is told that they were signed in, or out.
			b := s.browser()
			b.post("/sign-in/token", url.Values{"token": {"api-token-of-bob"}}).want(http.StatusServiceUnavailable).has("again")
			_, back := b.begin(bob, "/")
			b.get(back).want(http.StatusServiceUnavailable).has("again")
			if p := b.get("/import?team=BOS"); p.status == http.StatusOK {
				t.Error("somebody is signed in whose session could not be kept")
			}
			leaving.post("/sign-out", nil).want(http.StatusServiceUnavailable).has("again")
			if p := leaving.get("/import?team=BOS"); p.status == http.StatusOK {
				t.Error("the browser of somebody who wanted to sign out still knows who it was")
			}

			mend()
			s.awaitReady(http.StatusOK)
			a.get("/import?team=BOS").want(http.StatusOK)
			s.browser().signIn(bob).importTeam("team=BOS").want(http.StatusSeeOther)
			for _, team := range []string{"BOS", "NYK"} {
				a.post("/imports", url.Values{"team": {team}}).want(http.StatusSeeOther)
				wantExactly(t, ann, embedded(), team, lateSeason)
			}
			s.kill()
			s.startProcess()
			a.get("/import?team=BOS").want(http.StatusOK)
			// What could not be ended then is ended with all others.
			left.get("/import?team=BOS").want(http.StatusOK)
			a.post("/sign-out", url.Values{"everywhere": {"1"}}).want(http.StatusSeeOther)
			for _, b := range []*browser{a, left} {
				if p := b.get("/import?team=BOS"); p.status == http.StatusOK {
					t.Error("who signed out everywhere is still signed in")
				}
			}
			if strings.Contains(s.log.String(), "msg=panic") {
				t.Error("the program panicked")
			}
		})
	}
}

func TestAStartOnADiskThatTakesNothingSaysSo(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	s := startSite(t, midSeason, "-data-dir", d.dir)
	a := s.browser().signIn(s.account("ann", fake.Free))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]struct {
		spoil, mend func()
		ends        string
	}{
		"full":      {d.fill, d.free, "the disk is full; make room and start again"},
		"read-only": {func() { d.run("mount", "-o", "remount,ro", d.dir) }, func() { d.run("mount", "-o", "remount,rw", d.dir) }, "cannot be written to"},
	} {
		do.spoil()
		if out, err := invoke(t, nil, s.args...); err == nil || !strings.Contains(err.Error(), do.ends) {
			t.Errorf("%s: the start ends with %v: %s", name, err, out)
		}
		do.mend()
	}
	s.start()
	a.get("/import?team=BOS").want(http.StatusOK)
}
