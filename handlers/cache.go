package handlers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"html/template"
	"math/bits"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/flate"

	"tipoff/schedule"
	"tipoff/session"
	"tipoff/static"
	"tipoff/templates"
)

const (
	// keepFor is how old a kept page may get. Pages say how long it is until a
	// game, to the minute.
	keepFor = 10 * time.Second
	// keepAtMost bounds the memory of kept pages, roughly: what comes after is
	// rendered for each request.
	keepAtMost = 12 << 20
)

// A keptKey is everything that a kept page depends on besides the schedule and
// the time.
type keptKey struct {
	path     string
	signedIn bool
	last     string // team that the home page offers once more
	// How times are read: by a visitor's header, or as session.User has it.
	times, zone, lang string
	clock24, dayFirst bool
	startDay          int
}

// A cache keeps the pages that many people see alike. Who is signed in is not in
// them: the place for that is left open and filled for each request.
type cache struct {
	now     func() time.Time
	present atomic.Pointer[edition]
	buffers sync.Pool // of *bytes.Buffer
}

// An edition holds the pages of one state of the schedule and a few seconds.
type edition struct {
	season  *schedule.Season
	trouble string
	begun   time.Time
	pages   sync.Map // of *kept by keptKey
	size    atomic.Int64
}

// at returns the edition for now.
func (c *cache) at(season *schedule.Season, trouble string) *edition {
	now := c.now()
	for {
		e := c.present.Load()
		if e != nil && e.season == season && e.trouble == trouble && now.Sub(e.begun).Abs() < keepFor {
			return e
		}
		next := &edition{season: season, trouble: trouble, begun: now}
		if c.present.CompareAndSwap(e, next) {
			return next
		}
	}
}

// page returns a page of the edition. It is rendered once, however many ask for
// it at the same moment. There is none when there is no room for another.
func (e *edition) page(key keptKey, render func() ([]byte, error)) (*kept, error) {
	found, ok := e.pages.Load(key)
	if !ok {
		if e.size.Load() > keepAtMost {
			return nil, nil
		}
		found, _ = e.pages.LoadOrStore(key, &kept{})
	}
	k := found.(*kept)
	// Its compressed forms together are about a third of a page.
	e.size.Add(int64(k.render(render)) * 4 / 3)
	return k, k.err
}

// A kept page is in two parts with the place for who is signed in between them.
// A visitor's page has no such place and is all in the first. Its compressed
// forms are made when they are first asked for.
type kept struct {
	rendering     sync.Once
	err           error
	before, after []byte
	open          bool // there is a place between the two

	zstd, gzip packing
	deflating  sync.Once
	deflated   [2][]byte  // the parts of a page that is open
	sums       [2]uint32  // their CRC-32
	shift      [32]uint32 // what the length of after does to the bits of a CRC-32
}

// A packing is a page in one coding.
type packing struct {
	once   sync.Once
	packed []byte
}

// The marks stand for words about a person while the part about who is signed in
// is rendered. They are from a block of Unicode for private use. A name that
// begins with the mark of an initial has it for its initial.
const (
	initialMark = "\uE000"
	nameMark    = initialMark + "\uE001"
	planMark    = "\uE002"
)

// newWho renders the layout's part about who is signed in, and cuts it so that
// each word about a person is a part of its own: its mark.
func newWho(set *templates.Set) ([]string, error) {
	var b strings.Builder
	if err := set.Part(&b, "home", "who", layout{Me: &account{Name: nameMark, Plan: planMark}}); err != nil {
		return nil, err
	}
	marks := regexp.MustCompile(nameMark + "|" + initialMark + "|" + planMark)
	var parts []string
	rest := b.String()
	for _, at := range marks.FindAllStringIndex(b.String(), -1) {
		done := b.Len() - len(rest)
		parts = append(parts, rest[:at[0]-done], rest[at[0]-done:at[1]-done])
		rest = rest[at[1]-done:]
	}
	return append(parts, rest), nil
}

// writeWho writes the part about who is signed in. All words about a person
// stand in text there, as a test makes sure.
func (p *pages) writeWho(b *bytes.Buffer, a *account) {
	for _, part := range p.who {
		switch part {
		case nameMark:
			template.HTMLEscape(b, []byte(a.Name))
		case initialMark:
			template.HTMLEscape(b, []byte(a.Initial()))
		case planMark:
			template.HTMLEscape(b, []byte(a.Plan))
		default:
			b.WriteString(part)
		}
	}
}

// whoHole marks the place for who is signed in while a page is rendered to be
// kept. As a comment it cannot come from any text: that would be escaped.
const whoHole = "<!--who-->"

var errNotRendered = errors.New("the page to be kept was not rendered")

// render fills in the page, once.
func (k *kept) render(render func() ([]byte, error)) (size int) {
	k.rendering.Do(func() {
		k.err = errNotRendered // stays when render panics
		var page []byte
		if page, k.err = render(); k.err == nil {
			k.before, k.after, k.open = bytes.Cut(page, []byte(whoHole))
			size = len(page)
		}
	})
	return size
}

// content is the page in the best coding that the Accept-Encoding header takes.
// It is written to b where it is made for this request.
func (k *kept) content(p *pages, b *bytes.Buffer, accept string, who *account) (body []byte, coding string) {
	switch {
	case k.open && static.Accepts(accept, "gzip"):
		k.gzipAround(b, p, who)
		return b.Bytes(), "gzip"
	case k.open:
		b.Write(k.before)
		p.writeWho(b, who)
		b.Write(k.after)
		return p.packer.pack(accept, b.Bytes())
	case static.Accepts(accept, "zstd"):
		k.zstd.once.Do(func() { k.zstd.packed = p.packer.zstd.EncodeAll(k.before, nil) })
		return k.zstd.packed, "zstd"
	case static.Accepts(accept, "gzip"):
		k.gzip.once.Do(func() { k.gzip.packed = p.packer.gzipped(k.before) })
		return k.gzip.packed, "gzip"
	}
	return k.before, ""
}

// gzipAround writes the page in gzip with who in its place. The two parts are
// deflated once, each on its own, and who goes between them in a block that is
// stored as it is. https://www.rfc-editor.org/rfc/rfc1951 (section 3.2.4),
// https://www.rfc-editor.org/rfc/rfc1952
func (k *kept) gzipAround(b *bytes.Buffer, p *pages, who *account) {
	k.deflating.Do(k.deflate)
	b.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}) // no name, no time, unknown system
	b.Write(k.deflated[0])
	b.Write([]byte{0, 0, 0, 0, 0}) // not the last block, stored; its length follows
	start := b.Len()
	p.writeWho(b, who)
	stored := b.Bytes()[start:]
	length := uint16(len(stored)) // of a name, which sessions bound
	binary.LittleEndian.PutUint16(b.Bytes()[start-4:], length)
	binary.LittleEndian.PutUint16(b.Bytes()[start-2:], ^length)
	// The sum of the whole from the sums of its parts: what each further byte
	// does to a CRC's sum so far is linear.
	sum := k.sums[1]
	for begun := crc32.Update(k.sums[0], crc32.IEEETable, stored); begun != 0; begun &= begun - 1 {
		sum ^= k.shift[bits.TrailingZeros32(begun)]
	}
	size := uint32(len(k.before) + len(stored) + len(k.after))
	b.Write(k.deflated[1])
	b.Write(binary.LittleEndian.AppendUint32(b.AvailableBuffer(), sum))
	b.Write(binary.LittleEndian.AppendUint32(b.AvailableBuffer(), size))
}

func (k *kept) deflate() {
	for i, part := range [][]byte{k.before, k.after} {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.DefaultCompression) // the level is a good one
		w.Write(part)                                         // into memory, which cannot fail
		if i == 0 {
			w.Flush() // ends on a whole byte, and more blocks may follow
		} else {
			w.Close()
		}
		k.deflated[i], k.sums[i] = b.Bytes(), crc32.ChecksumIEEE(part)
	}
	zeros := make([]byte, len(k.after))
	for bit := range k.shift {
		// Without the complements that the standard puts around a sum.
		k.shift[bit] = ^crc32.Update(^uint32(1<<bit), crc32.IEEETable, zeros)
	}
}

// keep answers with a page that view makes of a layout. It is taken from the
// cache, or made for it, unless it depends on more than a keptKey holds. last is
// part of that.
func (s *server) keep(w http.ResponseWriter, r *http.Request, user session.User, last string, view func(layout) view) error {
	key := keptKey{path: r.URL.Path, signedIn: user.ID != "", last: last}
	if key.signedIn {
		w.Header().Set("Cache-Control", "no-store")
		key.zone, key.lang, key.clock24, key.dayFirst, key.startDay = user.Zone, user.Lang, user.Clock24, user.DayFirst, user.StartDay
	} else {
		key.times = r.Header.Get(timesHeader)
	}
	if r.URL.RawQuery != "" || len(key.times) > 100 || key.signedIn && s.Demo != nil {
		return s.pages.render(w, r, http.StatusOK, view(s.layout(r, "")))
	}
	report := s.Schedule.Status()
	k, err := s.cache.at(s.Schedule.Season(), report.Trouble).page(key, func() ([]byte, error) {
		l := s.layout(r, "")
		if key.signedIn {
			l.Me, l.Who = &account{}, whoHole
		}
		return s.pages.bytes(view(l))
	})
	if err != nil {
		return err
	}
	if k == nil {
		return s.pages.render(w, r, http.StatusOK, view(s.layout(r, "")))
	}
	b, ok := s.cache.buffers.Get().(*bytes.Buffer)
	if !ok {
		b = new(bytes.Buffer)
	}
	defer s.cache.buffers.Put(b)
	b.Reset()
	body, coding := k.content(s.pages, b, r.Header.Get("Accept-Encoding"), accountOf(user))
	writePacked(w, http.StatusOK, body, coding)
	return nil
}
