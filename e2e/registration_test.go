package e2e

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// unregistered is a site without an app, at an https address.
func unregistered(t *testing.T) *site {
	t.Helper()
	s := newSite(t, midSeason, "-public-url", secureURL)
	s.args = []string{"-addr", "localhost:0", "-public-url", s.public, "-data-dir", s.dir,
		"-todoist-api-url", s.todoist, "-todoist-authorize-url", s.todoist + "/oauth/authorize",
		"-schedule-url", "off", "-espn-url", "off", "-now", midSeason.Format("2006-01-02T15:04:05Z")}
	return s
}

// command runs a command with the site's settings.
func (s *site) command(words ...string) (string, error) {
	s.t.Helper()
	return invoke(s.t, nil, append(append([]string{}, words...), s.args...)...)
}

func TestAnAppRegisteredByCommandSignsPeopleInAndMayTakeBack(t *testing.T) {
	t.Parallel()
	s := unregistered(t)
	out, err := s.command("register")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(s.dir, "todoist-app.json")
	for _, want := range []string{"Registered at Todoist as tdd_", "https://tipoff.test/oauth/callback", path} {
		if !strings.Contains(out, want) {
			t.Errorf("register does not say %q:\n%s", want, out)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the registration: %v %v", info.Mode(), err)
	}
	var kept struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	raw, _ := os.ReadFile(path)
	if err := json.Unmarshal(raw, &kept); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, kept.ClientSecret) {
		t.Error("register prints the secret")
	}
	if shown, err := s.command("config", "show"); err != nil || !strings.Contains(shown, kept.ClientID) || strings.Contains(shown, kept.ClientSecret) || !strings.Contains(shown, path) {
		t.Errorf("config show: %v\n%s", err, shown)
	}

	s.start()
	if !strings.Contains(s.log.String(), "redirect-uri=https://tipoff.test/oauth/callback") {
		t.Errorf("the start does not name the redirect URI:\n%s", s.log)
	}
	account := s.account("reg", fake.Free)
	b := s.browser().signIn(account)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	id := b.importIn(onlyProject(t, account).ID)
	// Deleting needs more scopes, which Todoist is asked for then.
	asked := b.post("/projects/"+id+"/remove", b.get("/projects/"+id+"/remove").want(http.StatusOK).form("post", "/projects/"+id+"/remove")).want(http.StatusSeeOther)
	back, err := s.fake.Consent(asked.location(), account)
	if err != nil {
		t.Fatal(err)
	}
	again := b.get(back).want(http.StatusSeeOther).location()
	b.post("/projects/"+id+"/remove", b.get(again).want(http.StatusOK).form("post", "/projects/"+id+"/remove")).want(http.StatusSeeOther)
	if left := projects(account); len(left) != 0 {
		t.Errorf("after taking back there are %d projects", len(left))
	}
}

func TestARegistrationIsNotReplacedUnasked(t *testing.T) {
	t.Parallel()
	s := unregistered(t)
	path := filepath.Join(s.dir, "todoist-app.json")
	if _, err := s.command("register"); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	out, err := s.command("register")
	if err != nil || !strings.Contains(out, "Registered already") {
		t.Errorf("the second time: %v\n%s", err, out)
	}
	elsewhere := strings.Join(s.args, "\n")
	elsewhere = strings.Replace(elsewhere, "https://tipoff.test", "https://moved.test", 1)
	args := strings.Split(elsewhere, "\n")
	if _, err := invoke(t, nil, append([]string{"register"}, args...)...); err == nil || !strings.Contains(err.Error(), "tipoff register anew") {
		t.Errorf("for another address: %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the registration was replaced")
	}
	// The old one would lead people to an address that is not this one's.
	if out, err := invoke(t, nil, append([]string{"config", "check"}, args...)...); err != nil || !strings.Contains(out, "sign-in with Todoist is off") {
		t.Errorf("config check at another address: %v\n%s", err, out)
	}
	if out, err := invoke(t, nil, append([]string{"register", "anew"}, args...)...); err != nil || !strings.Contains(out, "https://moved.test/oauth/callback") || !strings.Contains(out, "tipoff sessions flush") {
		t.Errorf("anew: %v\n%s", err, out)
	}
	if after, _ := os.ReadFile(path); string(after) == string(before) {
		t.Error("the registration was not replaced")
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "*.json.*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRegisteringFailsWithWordsThatHelp(t *testing.T) {
	t.Parallel()
	s := unregistered(t)
	with := func(more ...string) []string { return append(append([]string{"register"}, s.args...), more...) }
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"an http address":             {with("-public-url", "http://tipoff.test"), "https addresses only"},
		"an app in the settings":      {with("-todoist-client-id", "id", "-todoist-client-secret", "secret"), "-todoist-client-id (TIPOFF_TODOIST_CLIENT_ID) is set"},
		"the demo":                    {with("-demo"), "a Todoist of its own"},
		"no address":                  {[]string{"register", "-addr", "localhost:0", "-data-dir", s.dir}, "set -public-url"},
		"a Todoist that is not there": {with("-todoist-api-url", "http://127.0.0.1:1"), "register the app: ask todoist for /oauth/register"},
		"a Todoist that refuses":      {with("-public-url", "https://"+strings.Repeat("x", 600)+".test"), "todoist answered 400: invalid_client_metadata"},
		"a data dir that is a file":   {with("-data-dir", filepath.Join(full, "data")), "cannot be written to by user"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := invoke(t, nil, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q\n%s", err, tt.says, out)
			}
			if _, err := os.Stat(filepath.Join(s.dir, "todoist-app.json")); err == nil || !os.IsNotExist(err) {
				t.Errorf("a registration was written: %v", err)
			}
		})
	}
	if err := os.WriteFile(filepath.Join(s.dir, "todoist-app.json"), []byte("{"), fs.FileMode(0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.command("config", "check"); err == nil || !strings.Contains(err.Error(), "tipoff register anew replaces it") {
		t.Errorf("half a registration: %v", err)
	}
	if _, err := s.command("register", "anew"); err != nil {
		t.Errorf("anew, over half a registration: %v", err)
	}
}

func TestWithoutAnAppPeopleSignInWithTokensAndTheHostIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	s := unregistered(t)
	s.start()
	account := s.account("tok", fake.Pro)
	b := s.browser()
	b.get("/sign-in").want(http.StatusOK).has("personal API token").has("tipoff register")
	b.post("/sign-in", url.Values{"next": {"/"}}).want(http.StatusNotFound).has("tipoff register")
	b.post("/sign-in/token", url.Values{"token": {"api-token-of-tok"}}).want(http.StatusSeeOther)
	b.importTeam("team=BOS").want(http.StatusSeeOther)
	onlyProject(t, account)
	if !strings.Contains(s.log.String(), "tipoff register, or set -todoist-client-id") || !strings.Contains(s.log.String(), "redirect-uri=https://tipoff.test/oauth/callback") {
		t.Errorf("the log does not say what to do:\n%s", s.log)
	}
}

func TestADemoSaysWhereToOpenItAndWarnsOfNothing(t *testing.T) {
	t.Parallel()
	s := &site{t: t, args: []string{"-demo", "-addr", "localhost:0", "-now", midSeason.Format(time.RFC3339)}}
	s.start()
	s.saying("this is a demo: open http://localhost:")
	if log := s.log.String(); strings.Contains(log, "level=WARN") {
		t.Errorf("a demo warns:\n%s", log)
	}
}
