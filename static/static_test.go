package static

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

func get(f *Files, path string, header ...string) *http.Response {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) []byte {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func files(t *testing.T) *Files {
	t.Helper()
	f, err := New(map[string][]byte{"teams.css": []byte(strings.Repeat(".team-bos{--team:#008348}\n", 40)), "tiny.css": []byte("a{}")})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAHashedAddressMayBeKeptForEver(t *testing.T) {
	f := files(t)
	at := f.URL("app.css")
	if !regexp.MustCompile(`^/static/app\.[0-9a-f]{12}\.css$`).MatchString(at) {
		t.Errorf("URL(app.css) = %q", at)
	}
	for path, want := range map[string]string{at: "public, max-age=31536000, immutable", "/static/app.css": "public, max-age=3600"} {
		answer := get(f, path)
		if got := answer.Header.Get("Cache-Control"); answer.StatusCode != 200 || got != want {
			t.Errorf("%s answers %d with Cache-Control %q, want %q", path, answer.StatusCode, got, want)
		}
	}
}

func TestAnAddressChangesWithTheContent(t *testing.T) {
	one, err := New(map[string][]byte{"teams.css": []byte("a")})
	if err != nil {
		t.Fatal(err)
	}
	two, err := New(map[string][]byte{"teams.css": []byte("b")})
	if err != nil {
		t.Fatal(err)
	}
	if one.URL("teams.css") == two.URL("teams.css") {
		t.Errorf("two contents share the address %s", one.URL("teams.css"))
	}
	if one.URL("app.css") != two.URL("app.css") {
		t.Error("one content has two addresses")
	}
}

func TestEachCodingGivesTheSameContent(t *testing.T) {
	f := files(t)
	at := f.URL("teams.css")
	plain := body(t, get(f, at).Body)
	for name, tt := range map[string]struct {
		accept, coding string
		open           func(io.Reader) io.Reader
	}{
		"brotli where it is known":      {"gzip, deflate, br", "br", func(r io.Reader) io.Reader { return brotli.NewReader(r) }},
		"gzip elsewhere":                {"gzip", "gzip", func(r io.Reader) io.Reader { z, _ := gzip.NewReader(r); return z }},
		"a weight of zero is a refusal": {"br;q=0, gzip;q=0.5", "gzip", func(r io.Reader) io.Reader { z, _ := gzip.NewReader(r); return z }},
		"nothing for who asks nothing":  {"", "", func(r io.Reader) io.Reader { return r }},
	} {
		answer := get(f, at, "Accept-Encoding", tt.accept)
		if got := answer.Header.Get("Content-Encoding"); got != tt.coding {
			t.Errorf("%s: Content-Encoding is %q, want %q", name, got, tt.coding)
			continue
		}
		if answer.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Vary is %q", name, answer.Header.Get("Vary"))
		}
		if got := body(t, tt.open(answer.Body)); !bytes.Equal(got, plain) {
			t.Errorf("%s: the content differs", name)
		}
	}
	part := get(f, at, "Accept-Encoding", "br", "Range", "bytes=0-4")
	if got := body(t, part.Body); part.StatusCode != http.StatusPartialContent || !bytes.Equal(got, plain[:5]) {
		t.Errorf("a range answers %d with %q, want the first bytes of the plain content", part.StatusCode, got)
	}
	if got := get(f, f.URL("tiny.css"), "Accept-Encoding", "br").Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a file that does not shrink is sent as %q", got)
	}
}

func TestAnUnchangedFileIsNotSentAgain(t *testing.T) {
	f := files(t)
	first := get(f, "/static/app.css", "Accept-Encoding", "br")
	again := get(f, "/static/app.css", "Accept-Encoding", "br", "If-None-Match", first.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("the second time answers %d, want 304", again.StatusCode)
	}
}

func TestEveryFileHasItsTypeAndNoSniffing(t *testing.T) {
	f := files(t)
	for name, want := range map[string]string{
		"app.css": "text/css; charset=utf-8", "import.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
		"icon-192.png": "image/png", "app.webmanifest": "application/manifest+json", "favicon.ico": "image/x-icon",
	} {
		answer := get(f, f.URL(name))
		if got := answer.Header.Get("Content-Type"); got != want || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s is %q with %q", name, got, answer.Header.Get("X-Content-Type-Options"))
		}
	}
	if got := get(f, "/favicon.ico").StatusCode; got != 200 {
		t.Errorf("/favicon.ico answers %d", got)
	}
	for _, path := range []string{"/static/", "/static/static.go", "/static/drawicons.go", "/static/share.html", "/static/../go.mod", "/static/app.000000000000.css"} {
		if got := get(f, path).StatusCode; got != 404 {
			t.Errorf("%s answers %d, want 404", path, got)
		}
	}
}

func TestAFileIsRefusedThatExistsTwiceOrHasNoType(t *testing.T) {
	for _, name := range []string{"app.css", "notes.txt"} {
		if _, err := New(map[string][]byte{name: nil}); err == nil {
			t.Errorf("New with %q reports no error", name)
		}
	}
}

func TestTheManifestsIconsExistInTheSizesItNames(t *testing.T) {
	f := files(t)
	var manifest struct {
		Icons []struct{ Src, Type, Sizes string }
	}
	if err := json.Unmarshal(body(t, get(f, "/static/app.webmanifest").Body), &manifest); err != nil {
		t.Fatal(err)
	}
	for _, icon := range manifest.Icons {
		answer := get(f, Prefix+icon.Src)
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != icon.Type {
			t.Errorf("%s answers %d as %q", icon.Src, answer.StatusCode, answer.Header.Get("Content-Type"))
			continue
		}
		if icon.Type != "image/png" {
			continue
		}
		size, err := png.DecodeConfig(answer.Body)
		if err != nil {
			t.Errorf("%s: %v", icon.Src, err)
		}
		if side, _, _ := strings.Cut(icon.Sizes, "x"); side == "" || size.Width != size.Height || side != strconv.Itoa(size.Width) {
			t.Errorf("%s is %d wide, the manifest says %s", icon.Src, size.Width, icon.Sizes)
		}
	}
}

func TestTheSharePictureHasTheSizeThatThePagesName(t *testing.T) {
	answer := get(files(t), Prefix+"share.png")
	content := body(t, answer.Body)
	size, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil || size.Width != 1200 || size.Height != 630 {
		t.Errorf("share.png is %d by %d, %v; want 1200 by 630", size.Width, size.Height, err)
	}
	if len(content) > 60_000 {
		t.Errorf("share.png has %d bytes, want at most 60,000", len(content))
	}
	if got := answer.Header.Get("Cross-Origin-Resource-Policy"); got != "cross-origin" {
		t.Errorf("other sites may not show it: Cross-Origin-Resource-Policy is %q", got)
	}
}

func TestNothingRefersToAThirdParty(t *testing.T) {
	f := files(t)
	for _, name := range []string{"app.css", "picker.js", "import.js", "team.js", "times.js"} {
		content := body(t, get(f, f.URL(name)).Body)
		if found := regexp.MustCompile(`(https?:)?//[a-z]+\.[a-z]|@import|^import `).Find(content); found != nil {
			t.Errorf("%s refers to %q", name, found)
		}
	}
}

func BenchmarkServeHTTP(b *testing.B) {
	f, err := New(nil)
	if err != nil {
		b.Fatal(err)
	}
	at := f.URL("app.css")
	for b.Loop() {
		get(f, at, "Accept-Encoding", "br")
	}
}
