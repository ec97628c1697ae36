package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

func TestNoPageLeavesItsBasePath(t *testing.T) {
	t.Parallel()
	const base = "/nba/tipoff"
	for _, demo := range []bool{true, false} {
		t.Run(fmt.Sprintf("demo %v", demo), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, midSeason, "-public-url", publicURL+base)
			if demo {
				s.args = []string{"-demo", "-addr", "localhost:0", "-public-url", s.public, "-now", midSeason.Format(time.RFC3339)}
			}
			s.start()
			b := s.browser()
			b.crawl(1, "/", "/sign-in", "/favicon.ico")
			token := "demo-free"
			if !demo {
				s.account("bea", fake.Free)
				token = "api-token-of-bea"
			}
			b.post("/sign-in/token", url.Values{"token": {token}, "next": {"/import?team=BOS"}}).want(http.StatusSeeOther)
			done := b.importTeam("team=BOS").want(http.StatusSeeOther)
			project, _, _ := strings.Cut(strings.TrimPrefix(done.location(), base), "?")
			seen := b.crawl(2, "/", project, done.location()[len(base):], "/projects", "/account", "/import?team=BOS&team=NYK&sections=month")
			for _, must := range []string{"/", "/teams/BOS", "/account", "/projects", project, project + "/remove", "/static/app.webmanifest", "/teams/BOS.ics", "/sign-out"} {
				found := slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(at string) bool {
					path, _, _ := strings.Cut(at, "?")
					name, ext := strings.TrimSuffix(must, filepath.Ext(must)), filepath.Ext(must)
					return path == base+must || strings.HasPrefix(path, base+name+".") && strings.HasSuffix(path, ext)
				})
				if !found {
					t.Errorf("no page refers to %s, or the crawler does not find it", must)
				}
			}
			if demo && !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(at string) bool { return strings.HasPrefix(at, base+"/demo/todoist/1000001/projects/") }) {
				t.Error("no page refers to the demo's Todoist")
			}
		})
	}
}

func TestBelowAPathHealthIsAtTheRootTooAndNothingElse(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", publicURL+"/nba")
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/nba/livez": 200, "/nba/readyz": 200,
		"/nba": 301, "/nba/": 200, "/": 404, "/teams/BOS": 404, "/nbax": 404, "/static/app.css": 404} {
		p := s.browser().raw("http://" + s.addr + path)
		if p.status != want {
			t.Errorf("%s answered %d, want %d", path, p.status, want)
		}
		if p.status == http.StatusMovedPermanently && p.location() != "/nba/" {
			t.Errorf("%s leads to %s", path, p.location())
		}
		if p.status == http.StatusNotFound && path != "/nbax" {
			p.has("the proxy in front of it has to pass on the whole path, with /nba at its beginning")
		}
	}
	if out, err := invoke(t, nil, "healthcheck", "-addr", s.addr); err != nil {
		t.Errorf("healthcheck: %v\n%s", err, out)
	}
}

// certificate makes a self-signed certificate for a host and returns its files.
func certificate(t *testing.T, host string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host, "other.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = file(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs})))
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return cert, key, roots
}

// A proxy is one of those that people put in front, with the example in deploy
// that is tested.
type proxy struct {
	program, example string
	// config makes of the example a whole configuration for a test.
	config func(example, dir, port, upstream, cert, key string) string
	check  []string // checks the configuration
	run    []string // runs it in the foreground
}

func nginx(example string) proxy {
	return proxy{"nginx", example, func(example, dir, port, upstream, cert, key string) string {
		example = strings.NewReplacer("listen 443", "listen 127.0.0.1:"+port, "127.0.0.1:8080", upstream, "tipoff.example;", "tipoff.test other.test;",
			"/etc/letsencrypt/live/tipoff.example/fullchain.pem", cert, "/etc/letsencrypt/live/tipoff.example/privkey.pem", key).Replace(example)
		user := ""
		if os.Getuid() == 0 {
			user = "user root;\n"
		}
		return user + fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log stderr notice;
events {}
http {
    access_log off;
    client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
%[2]s
}
`, dir, example)
	}, []string{"-t", "-c"}, []string{"-e", "stderr", "-c"}}
}

func caddy(example string) proxy {
	return proxy{"caddy", example, func(example, dir, port, upstream, cert, key string) string {
		example = strings.NewReplacer("127.0.0.1:8080", upstream,
			"tipoff.example {\n", fmt.Sprintf("https://tipoff.test:%[1]s https://other.test:%[1]s {\n\tbind 127.0.0.1\n\ttls %[2]s %[3]s\n", port, cert, key)).Replace(example)
		return fmt.Sprintf("{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system %s\n}\n%s", dir, example)
	}, []string{"validate", "--adapter", "caddyfile", "--config"}, []string{"run", "--adapter", "caddyfile", "--config"}}
}

// behind starts the site behind a proxy that speaks https, below a path, and
// returns a function that makes browsers which reach it as tipoff.test.
func behind(t *testing.T, p proxy, base string, args ...string) (*site, func() *browser) {
	t.Helper()
	program := tool(t, p.program)
	port := freePort(t)
	s := newSite(t, lateSeason, append([]string{"-public-url", "https://tipoff.test:" + port + base}, args...)...)
	s.start()
	cert, key, roots := certificate(t, "tipoff.test")
	example, err := os.ReadFile(filepath.Join("deploy", p.example))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := file(t, p.config(string(example), dir, port, s.addr, cert, key))
	if out, err := exec.Command(program, append(slices.Clone(p.check), config)...).CombinedOutput(); err != nil {
		t.Fatalf("%s does not take %s: %v\n%s", p.program, p.example, err, out)
	}
	cmd := exec.Command(program, append(slices.Clone(p.run), config)...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	log := &output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", p.program, log)
		}
	})
	for i := 0; ; i++ {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			break
		}
		if i == 1000 {
			t.Fatalf("%s does not listen:\n%s", p.program, log)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return s, func() *browser {
		b := s.browser()
		// Another address than the proxy's, so that the two can be told apart.
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if _, at, _ := net.SplitHostPort(addr); at != port {
					return new(net.Dialer).DialContext(ctx, network, addr)
				}
				return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
			}}
		t.Cleanup(transport.CloseIdleConnections)
		b.client.Transport = transport
		return b
	}
}

func TestEverythingWorksBehindRealProxies(t *testing.T) {
	t.Parallel()
	onLinux(t) // all of 127.0.0.0/8 is this machine there
	for name, tt := range map[string]struct {
		proxy proxy
		base  string
	}{
		"nginx":               {nginx("nginx.conf"), ""},
		"nginx, below a path": {nginx("nginx-path.conf"), "/tipoff"},
		"Caddy":               {caddy("Caddyfile"), ""},
		"Caddy, below a path": {caddy("Caddyfile-path"), "/tipoff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, newBrowser := behind(t, tt.proxy, tt.base, "-trusted-proxies", "127.0.0.1")
			account := s.account("pia", fake.Free)
			b := newBrowser()

			// The round trip through Todoist, whose redirect has to be the one
			// that is registered, byte for byte.
			asked := b.post("/sign-in", url.Values{"next": {"/import?team=BOS"}}).want(http.StatusSeeOther)
			to, err := url.Parse(asked.location())
			if err != nil || to.Query().Get("redirect_uri") != s.public+"/oauth/callback" {
				t.Errorf("Todoist is asked to send people back to %s", to.Query().Get("redirect_uri"))
			}
			back, err := s.fake.Consent(asked.location(), account)
			if err != nil {
				t.Fatal(err)
			}
			in := b.get(back).want(http.StatusSeeOther)
			wantName, wantPath := "__Host-tipoff", "/"
			if tt.base != "" {
				wantName, wantPath = "__Secure-tipoff", tt.base
			}
			cookie := slices.IndexFunc((&http.Response{Header: in.header}).Cookies(), func(c *http.Cookie) bool {
				return c.Name == wantName && c.Path == wantPath && c.Secure && c.HttpOnly && c.Domain == ""
			})
			if cookie < 0 {
				t.Errorf("the session's cookie is not %s for %s: %v", wantName, wantPath, in.header["Set-Cookie"])
			}
			if in.location() != tt.base+"/import?team=BOS" {
				t.Errorf("after sign-in comes %s", in.location())
			}
			if in.header.Get("Strict-Transport-Security") == "" {
				t.Error("no Strict-Transport-Security on https")
			}

			// Progress arrives while Todoist is still at work.
			form := b.get(in.location()).want(http.StatusOK).form("post", "/imports")
			working, goOn := make(chan struct{}, 9), make(chan struct{})
			s.tap.before = func(_ http.ResponseWriter, x *exchange) bool {
				// Writing goes on from a read; a read begins anew.
				if x.writes() {
					working <- struct{}{}
					<-goOn
				}
				return false
			}
			req, err := http.NewRequest(http.MethodPost, s.public+"/imports", strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Accept", "text/event-stream")
			req.Header.Set("Origin", origin(s.public))
			resp, err := b.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			<-working
			events := bufio.NewReader(resp.Body)
			first, err := events.ReadString('\n')
			if err != nil || first != "event: progress\n" {
				t.Fatalf("while Todoist works, the browser is sent %q: %v", first, err)
			}
			close(goOn)
			rest, err := io.ReadAll(events)
			if err != nil || !strings.Contains(string(rest), "event: done\n") || !strings.Contains(string(rest), `"location":"`+tt.base+"/projects/") {
				t.Fatalf("the rest of the stream: %v\n%s", err, rest)
			}
			wantExactly(t, account, embedded(), "BOS", lateSeason)

			project := "/projects/" + b.importIn(onlyProject(t, account).ID)
			seen := b.crawl(1, "/", project, "/account")
			if len(seen) < 20 {
				t.Errorf("the crawler found only %d addresses", len(seen))
			}

			// Who asks is what the proxy says, and not what the browser made up.
			b.try("/teams/BOS", nil, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "Forwarded", "for=203.0.113.9")
			for _, line := range lines(s.log.String()) {
				if strings.Contains(line, "msg=request ") && !strings.Contains(line, "from=127.0.0.2") {
					t.Errorf("a request from 127.0.0.2 was taken for another's: %s", line)
				}
			}

			// At an address that it is not set up for, the host is told so.
			elsewhere := strings.Replace(s.public, "tipoff.test", "other.test", 1)
			p, err := newBrowser().try(elsewhere+"/sign-in", url.Values{"next": {"/"}}, "Origin", origin(elsewhere), "Sec-Fetch-Site", "same-origin")
			if err != nil {
				t.Fatal(err)
			}
			p.want(http.StatusForbidden).has("This Tipoff is set up for another address").has("set its public URL to " + elsewhere)
			if !strings.Contains(s.log.String(), "browser="+origin(elsewhere)) {
				t.Error("the log does not tell the host")
			}

			b.post("/sign-out", nil).want(http.StatusSeeOther)
		})
	}
}
