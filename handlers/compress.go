package handlers

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tipoff/static"
)

// A packer compresses answers. Static files bring their own compressed forms.
//
// Compression lets who can read sizes on the wire and have a victim's browser
// fetch pages of their choosing guess at secrets in these pages (BREACH,
// https://www.breachattack.com). No page has a secret in it: forms are guarded
// by what browsers say of their origin and not by tokens, and the session's
// cookie, which is SameSite=Lax, is not sent with what other sites fetch.
//
// An answer is compressed in one piece and then sent, so that a slow visitor
// holds bytes and not an encoder. Streams are not compressed: they are short,
// and each event has to leave at once.
type packer struct {
	// zstd and gzips are fast, for answers made for one request; smallZstd is for
	// those that are cached.
	zstd, smallZstd *zstd.Encoder
	gzips           sync.Pool // of *gzip.Writer
}

func newPacker() (*packer, error) {
	fast, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(128<<10))
	if err != nil {
		return nil, fmt.Errorf("make the compressor: %w", err)
	}
	small, err := zstd.NewWriter(nil, zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, fmt.Errorf("make the compressor: %w", err)
	}
	return &packer{zstd: fast, smallZstd: small}, nil
}

// codingFor is the content coding to answer a request with that has this
// Accept-Encoding header: "zstd", "gzip", or "" for none.
func codingFor(accept string) string {
	for _, coding := range []string{"zstd", "gzip"} {
		if static.Accepts(accept, coding) {
			return coding
		}
	}
	return ""
}

// fast compresses content at little cost.
func (p *packer) fast(coding string, content []byte) []byte {
	switch coding {
	case "zstd":
		return p.zstd.EncodeAll(content, make([]byte, 0, len(content)/4))
	case "gzip":
		w, ok := p.gzips.Get().(*gzip.Writer)
		if !ok {
			w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a good one
		}
		defer p.gzips.Put(w)
		return gzipped(w, content)
	}
	return content
}

// small compresses content well.
func (p *packer) small(coding string, content []byte) []byte {
	switch coding {
	case "zstd":
		return p.smallZstd.EncodeAll(content, nil)
	case "gzip":
		return gzipped(gzip.NewWriter(nil), content)
	}
	return content
}

func gzipped(w *gzip.Writer, content []byte) []byte {
	var b bytes.Buffer
	w.Reset(&b)
	// Writing into memory cannot fail.
	w.Write(content)
	w.Close()
	return b.Bytes()
}
