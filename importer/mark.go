package importer

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tipoff/schedule"
)

// A Ref names a game so that it is found again in another state of the
// schedule and at another source: by its id, or by who plays whom and when.
type Ref struct {
	ID         string
	Away, Home string       // tricodes; "" in a Ref that has only an id
	Day        schedule.Day // Eastern
}

func refOf(g *schedule.Game) Ref {
	return Ref{ID: g.ID, Away: g.Away.Code, Home: g.Home.Code, Day: g.Day}
}

// String writes "0022600061.BOS.NYK.20261020", or the id alone.
func (r Ref) String() string {
	if r.Away == "" {
		return r.ID
	}
	return strings.Join([]string{r.ID, r.Away, r.Home, strings.ReplaceAll(string(r.Day), "-", "")}, ".")
}

var refPattern = regexp.MustCompile(`^([0-9A-Za-z_-]{1,24})(?:\.([0-9A-Za-z]{1,8})\.([0-9A-Za-z]{1,8})\.([0-9]{8}))?$`)

func parseRef(s string) (Ref, bool) {
	m := refPattern.FindStringSubmatch(s)
	if m == nil {
		return Ref{}, false
	}
	r := Ref{ID: m[1], Away: m[2], Home: m[3]}
	if d := m[4]; d != "" {
		day, err := schedule.ParseDay(d[:4] + "-" + d[4:6] + "-" + d[6:])
		if err != nil {
			return Ref{}, false
		}
		r.Day = day
	}
	return r, true
}

// pair names the two sides without telling home from away, since games are
// swapped at times.
func (r Ref) pair() string {
	if r.Away < r.Home {
		return r.Away + " " + r.Home
	}
	return r.Home + " " + r.Away
}

// pairDay names the game at every source, as long as it is not moved.
func (r Ref) pairDay() string { return r.pair() + " " + string(r.Day) }

// names reports whether the ref names the game without a guess.
func (r Ref) names(g *schedule.Game) bool {
	return r.ID == g.ID || r.pairDay() == refOf(g).pairDay()
}

// A mark is what a task says about itself, in the fragment of the link that
// its description ends with.
type mark struct {
	game Ref
	// set is the same for all tasks of one import target, so that a task is
	// known again after its owner moved it to another project.
	set string
	// own is when the project was made that is the set's own, to the second,
	// and zero when the owner chose the project. taken is true when it was
	// there already, under the name that Tipoff would have given it.
	own   time.Time
	taken bool
	// written is when the task was last written, and asOf how old the
	// schedule was then; both to the second.
	written, asOf time.Time
	// prints are fingerprints of the fields as they were written.
	prints [fields]string
	// options are those of the import that wrote the task.
	options url.Values
}

// markVersion is the first field of every mark, markSign what begins its fragment,
// and space what ends an address.
const (
	markVersion = "tipoff=1"
	markSign    = "#" + markVersion + "&"
	space       = " \t\n\f\r"
)

// printLength is how many characters a fingerprint has. 24 bits tell an edit
// from none but for one time in 16 million.
const printLength = 4

func fingerprint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:3])
}

// Names of the mark's own fields; the options' names are the others.
const (
	markGame    = "game"
	markSet     = "set"
	markOwn     = "own"
	markTaken   = "taken" // in place of markOwn
	markWritten = "at"
	markAsOf    = "of"
	markPrints  = "as"
)

// fragment writes the mark for the part of an address behind "#".
func (m mark) fragment() string {
	v := url.Values{
		markGame:    {m.game.String()},
		markSet:     {m.set},
		markWritten: {writeTime(m.written)},
		markAsOf:    {writeTime(m.asOf)},
		markPrints:  {strings.Join(m.prints[:], "")},
	}
	switch {
	case m.own.IsZero():
	case m.taken:
		v.Set(markTaken, writeTime(m.own))
	default:
		v.Set(markOwn, writeTime(m.own))
	}
	for field, values := range m.options {
		v[field] = values
	}
	return markVersion + "&" + v.Encode()
}

func writeTime(t time.Time) string { return strconv.FormatInt(t.Unix(), 36) }

func readTime(s string) (time.Time, bool) {
	seconds, err := strconv.ParseInt(s, 36, 64)
	if err != nil || seconds < 0 || seconds >= 1<<36 {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).UTC(), true
}

// A span is a part of a text.
type span struct{ start, end int }

// A place is where a marked link stands in a description: the link, with the
// Markdown around it, and the address in it.
type place struct{ link, address span }

// findMark finds the last mark in a description: "https://…#tipoff=1&…", with the
// Markdown around it where that is whole. It searches from the end and looks at
// each byte a few times at most: an account may have thousands of long descriptions,
// for which a regular expression takes seconds.
func findMark(description string) (m mark, at place, ok bool) {
	for sign := len(description); ; {
		if sign = strings.LastIndex(description[:sign], markSign); sign < 0 {
			return mark{}, place{}, false
		}
		start := strings.LastIndexAny(description[:sign], space+"()#") + 1
		scheme := strings.Index(description[start:sign], "https://")
		if scheme < 0 || start+scheme+len("https://") == sign {
			continue
		}
		fragment := description[sign+len(markSign):]
		if end := strings.IndexAny(fragment, space+"()[]"); end >= 0 {
			fragment = fragment[:end]
		}
		if fragment == "" {
			continue
		}
		at.address = span{start + scheme, sign + len(markSign) + len(fragment)}
		at.link = at.address
		if before, ok := strings.CutSuffix(description[:at.address.start], "]("); ok && strings.HasPrefix(description[at.address.end:], ")") {
			if name := strings.LastIndexAny(before, "[]\n"); name >= 0 && before[name] == '[' {
				at.link = span{name, at.address.end + 1}
			}
		}
		m, ok = parseMark(fragment)
		return m, at, ok
	}
}

// parseMark reads a fragment without its version.
func parseMark(fragment string) (mark, bool) {
	v, err := url.ParseQuery(fragment)
	if err != nil {
		return mark{}, false
	}
	game, ok := parseRef(v.Get(markGame))
	if !ok || game.Day == "" {
		return mark{}, false
	}
	m := mark{game: game, set: v.Get(markSet)}
	if len(m.set) > 16 {
		return mark{}, false
	}
	times := map[string]*time.Time{markWritten: &m.written, markAsOf: &m.asOf}
	if m.taken = v.Has(markTaken); m.taken {
		times[markTaken] = &m.own
	} else if v.Has(markOwn) {
		times[markOwn] = &m.own
	}
	for field, into := range times {
		if *into, ok = readTime(v.Get(field)); !ok {
			return mark{}, false
		}
	}
	prints := v.Get(markPrints)
	if len(prints) != fields*printLength {
		return mark{}, false
	}
	for f := range m.prints {
		m.prints[f] = prints[f*printLength : (f+1)*printLength]
	}
	for _, field := range []string{markGame, markSet, markOwn, markTaken, markWritten, markAsOf, markPrints} {
		v.Del(field)
	}
	m.options = v
	return m, true
}

// describe writes a task's description: the text, and below it the marked link.
func describe(text, page string, m mark) string {
	link := "[Game page](" + page + "#" + m.fragment() + ")"
	if text == "" {
		return link
	}
	return text + "\n\n" + link
}

// remark puts a new mark in place of the last one and leaves all else in the
// description as it is, the words of the link among it.
func remark(description, page string, m mark) string {
	_, at, ok := findMark(description)
	if !ok {
		return describe(strings.TrimSpace(description), page, m)
	}
	return description[:at.address.start] + page + "#" + m.fragment() + description[at.address.end:]
}

// textOf is a description without its marked link.
func textOf(description string) string {
	if _, at, ok := findMark(description); ok {
		description = description[:at.link.start] + description[at.link.end:]
	}
	return strings.TrimSpace(strings.ReplaceAll(description, "\r\n", "\n"))
}

// pageOf is the address that a game's link leads to.
func pageOf(g *schedule.Game) string {
	if page := g.URL(); page != "" {
		return page
	}
	return "https://www.nba.com/schedule"
}
