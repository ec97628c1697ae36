package handlers

import (
	"bytes"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestAPageIsSentInTheCodingThatTheBrowserTakes(t *testing.T) {
	p := testPages(t, "")
	page := stories(p)["team"]
	plain, err := p.bytes(page)
	if err != nil {
		t.Fatal(err)
	}
	unzstd := func(r io.Reader) io.Reader {
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	ungzip := func(r io.Reader) io.Reader {
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	as := func(r io.Reader) io.Reader { return r }
	for accept, want := range map[string]struct {
		coding string
		open   func(io.Reader) io.Reader
	}{
		"gzip, deflate, br, zstd": {"zstd", unzstd},
		"gzip, deflate, br":       {"gzip", ungzip},
		"zstd;q=0, gzip":          {"gzip", ungzip},
		"identity":                {"", as},
		"":                        {"", as},
	} {
		// Twice, since compressors are used again.
		for range 2 {
			r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
			r.Header.Set("Accept-Encoding", accept)
			if err := p.render(w, r, 200, page); err != nil {
				t.Fatal(err)
			}
			if got := w.Header().Get("Content-Encoding"); got != want.coding {
				t.Errorf("%q: the coding is %q, want %q", accept, got, want.coding)
				continue
			}
			if got := w.Header().Get("Vary"); got != "Accept-Encoding, Tipoff-Times" {
				t.Errorf("%q: Vary is %q", accept, got)
			}
			if want.coding != "" && w.Body.Len() > len(plain)/5 {
				t.Errorf("%q: %d bytes of %d are left", accept, w.Body.Len(), len(plain))
			}
			got, err := io.ReadAll(want.open(w.Body))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%q: the page is not the same: %v", accept, err)
			}
		}
	}
}

func BenchmarkPack(b *testing.B) {
	p, err := newPages("", testFiles(b))
	if err != nil {
		b.Fatal(err)
	}
	page, err := p.bytes(stories(p)["team"])
	if err != nil {
		b.Fatal(err)
	}
	for _, coding := range []string{"zstd", "gzip"} {
		b.Run(coding, func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				size = len(p.packer.fast(coding, page))
			}
			b.ReportMetric(float64(size), "size")
		})
	}
}
