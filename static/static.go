// Package static serves the files that pages refer to: the style sheet, the
// scripts and the icons.
//
// Each file has an address with a hash of its content (/static/app.3f2a….css)
// that browsers may keep for ever, and its plain one (/static/app.css) for
// references from within other files, which is asked for again every hour.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
)

//go:generate go run drawicons.go

//go:embed *.css *.js *.svg *.png *.ico *.webmanifest
var embedded embed.FS

// Prefix is the path below which Files answers.
const Prefix = "/static/"

// Files are the static files. They are made by New.
type Files struct {
	// byPath has each file twice, below its plain and its hashed name.
	byPath map[string]served
	// urls maps a plain name to its hashed path.
	urls map[string]string
}

// served is a file below one of its two names.
type served struct {
	*file
	forever bool
}

// A file is a file's content with what is prepared for answering.
type file struct {
	kind, etag string
	plain      []byte
	// gzip and brotli give the compressed content, made when it is first
	// wanted, or nil when compression does not pay.
	gzip, brotli func() []byte
}

// New takes the embedded files and those that the caller generates, by plain
// name ("teams.css").
func New(extra map[string][]byte) (*Files, error) {
	all := maps.Clone(extra)
	if all == nil {
		all = map[string][]byte{}
	}
	entries, err := fs.ReadDir(embedded, ".")
	if err != nil {
		return nil, fmt.Errorf("list the static files: %w", err)
	}
	for _, entry := range entries {
		if _, taken := all[entry.Name()]; taken {
			return nil, fmt.Errorf("static file %q exists twice", entry.Name())
		}
		if all[entry.Name()], err = embedded.ReadFile(entry.Name()); err != nil {
			return nil, fmt.Errorf("read static file: %w", err)
		}
	}
	f := &Files{byPath: map[string]served{}, urls: map[string]string{}}
	for name, content := range all {
		kind, ok := kinds()[path.Ext(name)]
		if !ok {
			return nil, fmt.Errorf("static file %q has no known type", name)
		}
		sum := sha256.Sum256(content)
		hash := hex.EncodeToString(sum[:6])
		one := &file{kind: kind, etag: `"` + hash + `"`, plain: content}
		one.gzip = sync.OnceValue(func() []byte { return smaller(content, gzipped(content)) })
		one.brotli = sync.OnceValue(func() []byte { return smaller(content, brotlied(content)) })
		if !compresses(kind) {
			none := func() []byte { return nil }
			one.gzip, one.brotli = none, none
		}
		ext := path.Ext(name)
		hashed := Prefix + strings.TrimSuffix(name, ext) + "." + hash + ext
		f.urls[name] = hashed
		f.byPath[hashed] = served{one, true}
		f.byPath[Prefix+name] = served{one, false}
	}
	return f, nil
}

// kinds maps each extension that may be served to its content type. The
// operating system's table is not asked, since it differs between hosts.
func kinds() map[string]string {
	return map[string]string{
		".css":         "text/css; charset=utf-8",
		".js":          "text/javascript; charset=utf-8",
		".svg":         "image/svg+xml",
		".png":         "image/png",
		".ico":         "image/x-icon",
		".webmanifest": "application/manifest+json",
	}
}

func compresses(kind string) bool { return kind != "image/png" }

// smaller keeps a compressed form only when it saves something.
func smaller(plain, packed []byte) []byte {
	if len(packed) >= len(plain) {
		return nil
	}
	return packed
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	return pack(&b, w, err, content)
}

func brotlied(content []byte) []byte {
	var b bytes.Buffer
	// The best there is, with a window no larger than these files: a table of
	// 32 MB comes with the default.
	return pack(&b, brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 16}), nil, content)
}

// pack returns the content untouched where compression fails, which smaller
// then takes for "does not pay".
func pack(b *bytes.Buffer, w io.WriteCloser, err error, content []byte) []byte {
	if err != nil {
		return content
	}
	if _, err := w.Write(content); err != nil {
		return content
	}
	if err := w.Close(); err != nil {
		return content
	}
	return b.Bytes()
}

// URL is the path of a file by its plain name, with the hash of its content.
// It is an error in the program to ask for a file that does not exist; the
// path is then the plain one, which answers 404.
func (f *Files) URL(name string) string {
	if hashed, ok := f.urls[name]; ok {
		return hashed
	}
	return Prefix + name
}

// Has says whether there is a file of this plain name.
func (f *Files) Has(name string) bool {
	_, ok := f.urls[name]
	return ok
}

// ServeHTTP answers GET and HEAD below Prefix, and /favicon.ico.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := r.URL.Path
	if at == "/favicon.ico" {
		at = Prefix + "favicon.ico"
	}
	found, ok := f.byPath[at]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", found.etag)
	if found.kind == "image/png" {
		// Other sites show share.png beside their links to this one.
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	h.Set("Cache-Control", "public, max-age=3600")
	if found.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := found.plain
	if compresses(found.kind) {
		h.Set("Vary", "Accept-Encoding")
		// A range of compressed bytes would be of no use to whoever asks for
		// one, so that ranges get the plain content.
		if r.Header.Get("Range") == "" {
			for _, coding := range []struct {
				name string
				body func() []byte
			}{{"br", found.brotli}, {"gzip", found.gzip}} {
				if !Accepts(r.Header.Get("Accept-Encoding"), coding.name) {
					continue
				}
				if packed := coding.body(); packed != nil {
					body = packed
					h.Set("Content-Encoding", coding.name)
					h.Set("Content-Length", strconv.Itoa(len(packed)))
					h.Set("ETag", strings.TrimSuffix(found.etag, `"`)+"-"+coding.name+`"`)
					break
				}
			}
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// Accepts says whether an Accept-Encoding header names the coding with a weight
// that is not zero (RFC 9110, section 12.5.3).
func Accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		weight, found := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if !found {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return err == nil && q > 0
	}
	return false
}
