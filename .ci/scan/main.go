// Command scan has gosec read the source and wapiti attack the demo, signed out
// and signed in, and fails for each finding that is not in the file accepted, and
// for each line of that file which nothing was found for. Run it from the
// repository's root, by make scan; go run ./.ci/scan gosec is one of them alone.
// Wapiti is Debian's package; gosec's version is in .ci/gosec/go.mod.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := scan(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "scan:", err)
		os.Exit(1)
	}
}

func scan(ctx context.Context) error {
	accepted, err := readAccepted(filepath.Join(".ci", "scan", "accepted"))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tipoff-scan-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var found []string
	for name, run := range map[string]func(context.Context, string) ([]string, error){"gosec": gosec, "wapiti": wapiti} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], name) {
			accepted = slices.DeleteFunc(accepted, func(a *acceptance) bool { return strings.HasPrefix(a.finding, name+" ") })
			continue
		}
		got, err := run(ctx, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, got...)
	}
	slices.Sort(found)
	bad := 0
	for _, finding := range slices.Compact(found) {
		i := slices.IndexFunc(accepted, func(a *acceptance) bool { return a.covers(finding) })
		if i >= 0 {
			accepted[i].found++
			continue
		}
		fmt.Println("NEW   ", finding)
		bad++
	}
	for _, a := range accepted {
		if a.found == 0 {
			fmt.Println("STALE ", a.finding)
			bad++
			continue
		}
		fmt.Printf("%4d×  %s (%s)\n", a.found, a.finding, a.reason)
	}
	if bad > 0 {
		return fmt.Errorf("%d findings are new, or accepted and not found any more", bad)
	}
	return nil
}

// An acceptance is a finding, whose end may be left open with a *, and why it is
// none.
type acceptance struct {
	finding, reason string
	found           int
}

func (a *acceptance) covers(finding string) bool {
	begin, open := strings.CutSuffix(a.finding, "*")
	return finding == a.finding || open && strings.HasPrefix(finding, begin)
}

func readAccepted(path string) ([]*acceptance, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []*acceptance
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		finding, reason, ok := strings.Cut(line, " | ")
		if !ok || reason == "" {
			return nil, fmt.Errorf("%s: %q has no reason", path, line)
		}
		all = append(all, &acceptance{finding: strings.TrimSpace(finding), reason: strings.TrimSpace(reason)})
	}
	return all, nil
}

// gosec's findings are its rule, the file, and what it says.
func gosec(ctx context.Context, dir string) ([]string, error) {
	out := filepath.Join(dir, "gosec.json")
	// Its status says whether it found anything, which its report says better.
	said, err := exec.CommandContext(ctx, "go", "tool", "-modfile=.ci/gosec/go.mod", "gosec", "-quiet", "-no-fail",
		"-nosec", "-exclude-dir", ".ci", "-fmt", "json", "-out", out, "./...").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	var report struct {
		Issues []struct {
			Rule    string `json:"rule_id"`
			File    string `json:"file"`
			Details string `json:"details"`
		}
		Errors map[string]any `json:"Golang errors"`
		Stats  struct{ Files, Lines int }
	}
	if err := readJSON(out, &report); err != nil {
		return nil, err
	}
	if len(report.Errors) > 0 || report.Stats.Files == 0 {
		return nil, fmt.Errorf("it could not read the source: %v", report.Errors)
	}
	fmt.Printf("gosec read %d files with %d lines\n", report.Stats.Files, report.Stats.Lines)
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, issue := range report.Issues {
		file, err := filepath.Rel(root, issue.File)
		if err != nil {
			return nil, err
		}
		found = append(found, fmt.Sprintf("gosec %s %s: %s", issue.Rule, filepath.ToSlash(file), issue.Details))
	}
	return found, nil
}

// What wapiti tries. Left out are the modules that need somebody else's server
// (ssrf) or list (nikto, wapp), those that try passwords and paths by the
// thousand (brute_login_form, buster), of which there are none to be found.
const modules = "backup,blindsql,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,xss,xxe"

// wapiti's findings are their kind, the request and what it says.
func wapiti(ctx context.Context, dir string) ([]string, error) {
	program := filepath.Join(dir, "tipoff")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	// As hosts run it: below https, behind a proxy.
	var inside *url.URL
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(inside)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}}
	proxy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Wapiti would sign itself out. Its own -x fails with Debian's Python.
		if r.URL.Path == "/sign-out" || r.URL.Path == "/sessions/end" {
			http.Error(w, "not now", http.StatusForbidden)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	demo := exec.CommandContext(ctx, program, "-demo", "-addr", "127.0.0.1:0", "-public-url", proxy.URL, "-trusted-proxies", "127.0.0.1")
	log, err := demo.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := demo.Start(); err != nil {
		return nil, err
	}
	defer func() { _ = demo.Process.Kill(); _ = demo.Wait() }()
	address := regexp.MustCompile(`msg=listening .*address=(\S+)`)
	var said []byte
	for b := make([]byte, 4096); inside == nil; {
		n, err := log.Read(b)
		said = append(said, b[:n]...)
		if m := address.FindSubmatch(said); m != nil {
			inside = &url.URL{Scheme: "http", Host: string(m[1])}
		} else if err != nil {
			return nil, fmt.Errorf("the demo does not start: %s", said)
		}
	}
	panics := make(chan int, 1)
	go func() {
		raw, _ := io.ReadAll(log) // until the demo ends
		panics <- bytes.Count(raw, []byte("msg=panic"))
	}()

	var found []string
	for _, signedIn := range []bool{false, true} {
		name := map[bool]string{false: "signed-out", true: "signed-in"}[signedIn]
		out := filepath.Join(dir, name+".json")
		args := []string{"-u", proxy.URL + "/", "--scope", "folder", "-m", modules,
			"-d", "3", "--max-links-per-page", "200", "--max-files-per-dir", "40", "--max-parameters", "30",
			"--max-scan-time", "120", "--max-attack-time", "15", "--verify-ssl", "0",
			"--flush-session", "--store-session", filepath.Join(dir, name), "--store-config", filepath.Join(dir, "config"),
			"--no-bugreport", "-v", "1", "-f", "json", "-o", out}
		if signedIn {
			cookies, err := signIn(proxy)
			if err != nil {
				return nil, err
			}
			file := filepath.Join(dir, "cookies.json")
			if err := writeCookies(file, proxy.URL, cookies); err != nil {
				return nil, err
			}
			args = append(args, "-c", file, "-s", proxy.URL+"/projects", "-s", proxy.URL+"/import?team=NYK&name=Knicks&labels=nba&opponent=BOS&timezone=UTC&target=new", "-s", proxy.URL+"/sessions")
		}
		// Wapiti's own bounds come first; this is for when they do not hold.
		limited, cancel := context.WithTimeout(ctx, 15*time.Minute)
		cmd := exec.CommandContext(limited, "wapiti", args...)
		printed, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%w: %.4000s", err, printed)
		}
		var report struct {
			Vulnerabilities, Anomalies map[string][]struct{ Method, Path, Info, Parameter string }
		}
		if err := readJSON(out, &report); err != nil {
			return nil, err
		}
		crawled, _, _ := bytes.Cut(printed, []byte("Saving scan state"))
		looked := bytes.Count(crawled, []byte("\n[+] "))
		if looked < 10 || signedIn && !bytes.Contains(crawled, []byte("POST "+proxy.URL+"/imports")) {
			return nil, fmt.Errorf("it looked at %d pages and forms only: %.4000s", looked, printed)
		}
		n := 0
		for _, kinds := range []map[string][]struct{ Method, Path, Info, Parameter string }{report.Vulnerabilities, report.Anomalies} {
			for kind, all := range kinds {
				n += len(all)
				for _, f := range all {
					path, _, _ := strings.Cut(f.Path, "?")
					found = append(found, fmt.Sprintf("wapiti %s: %s %s %s: %s", kind, f.Method, path, f.Parameter, f.Info))
				}
			}
		}
		fmt.Printf("wapiti, %s: %d pages and forms, %d findings\n", name, looked, n)
	}
	_ = demo.Process.Signal(os.Interrupt)
	if n := <-panics; n > 0 {
		return nil, fmt.Errorf("the program panicked %d times", n)
	}
	return found, nil
}

// signIn signs in to the demo and returns the session's cookies.
func signIn(proxy *httptest.Server) ([]*http.Cookie, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client := proxy.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, form := range []url.Values{{"token": {"demo-pro"}}, {"team": {"BOS"}, "from": {"2026-12-01"}, "to": {"2026-12-07"}}} {
		path := "/sign-in/token"
		if form.Has("team") {
			path = "/imports" // so that there is a project to look at
		}
		resp, err := client.PostForm(proxy.URL+path, form)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusSeeOther {
			return nil, fmt.Errorf("POST %s answered %s", path, resp.Status)
		}
	}
	at, err := url.Parse(proxy.URL)
	if err != nil {
		return nil, err
	}
	all := jar.Cookies(at)
	if len(all) == 0 {
		return nil, errors.New("signing in set no cookie")
	}
	return all, nil
}

// writeCookies writes cookies as wapiti keeps them.
func writeCookies(file, address string, cookies []*http.Cookie) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	byName := map[string]any{}
	for _, c := range cookies {
		byName[c.Name] = map[string]any{"value": c.Value, "expires": nil, "secure": true, "port": nil, "version": 0}
	}
	raw, err := json.Marshal(map[string]any{at.Hostname(): map[string]any{cmp.Or(at.Path, "/"): byName}})
	if err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o600)
}

func readJSON(file string, v any) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}
