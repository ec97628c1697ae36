package handlers

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tipoff/static"
)

// worthPacking is the size from which compression saves packets.
const worthPacking = 1 << 10

// A packer compresses answers that are made for one request. Static files bring
// their own compressed forms.
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
	zstd  *zstd.Encoder
	gzips sync.Pool // of *gzip.Writer
}

func newPacker() (*packer, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, fmt.Errorf("make the compressor: %w", err)
	}
	return &packer{zstd: z}, nil
}

// pack compresses content with what the Accept-Encoding header takes. The
// coding is empty, and the content as it was, where nothing is gained.
func (p *packer) pack(accept string, content []byte) (packed []byte, coding string) {
	switch {
	case len(content) < worthPacking:
		return content, ""
	case static.Accepts(accept, "zstd"):
		return p.zstd.EncodeAll(content, make([]byte, 0, len(content)/4)), "zstd"
	case static.Accepts(accept, "gzip"):
		return p.gzipped(content), "gzip"
	}
	return content, ""
}

func (p *packer) gzipped(content []byte) []byte {
	var b bytes.Buffer
	w, ok := p.gzips.Get().(*gzip.Writer)
	if ok {
		w.Reset(&b)
	} else {
		w = gzip.NewWriter(&b)
	}
	defer p.gzips.Put(w)
	// Writing into memory cannot fail.
	w.Write(content)
	w.Close()
	return b.Bytes()
}
