package importer

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tipoff/schedule"
)

// anyMark draws a mark as an import writes it.
func anyMark(t *rapid.T) mark {
	second := func(label string) time.Time {
		return time.Unix(rapid.Int64Range(1, 1<<36-1).Draw(t, label), 0).UTC()
	}
	m := mark{
		game: Ref{ID: rapid.StringMatching(`[0-9]{9,10}`).Draw(t, "id"), Away: "BOS", Home: rapid.StringMatching(`[A-Z0-9]{2,8}`).Draw(t, "home"),
			Day: schedule.Day("2026-08-01").AddDays(rapid.IntRange(0, 360).Draw(t, "day"))},
		set:     rapid.StringMatching(`[0-9A-Za-z_-]{0,16}`).Draw(t, "set"),
		written: second("written"),
		asOf:    second("as of"),
		options: anyOptions(t).Values(),
	}
	if rapid.Bool().Draw(t, "own") {
		m.own = second("made")
		m.taken = rapid.Bool().Draw(t, "taken")
	}
	for f := range m.prints {
		m.prints[f] = fingerprint(rapid.String().Draw(t, "value"))
	}
	return m
}

func TestAMarkIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMark(t)
		text := strings.TrimSpace(rapid.StringMatching(`[ -~\näß]{0,80}`).Draw(t, "text"))
		description := describe(text, "https://www.nba.com/game/0022600061", m)
		got, at, ok := findMark(description)
		if !ok || !reflect.DeepEqual(got, m) {
			t.Fatalf("got %+v, %t; want %+v\n%s", got, ok, m, description)
		}
		if link := description[at.link.start:]; !strings.HasPrefix(link, "[Game page](https://www.nba.com/game/0022600061#") || !strings.HasSuffix(link, ")") {
			t.Fatalf("the link is %s", link)
		}
		if got := textOf(description); got != text {
			t.Fatalf("the text is %q, want %q", got, text)
		}
		// What its owner writes around it stays where it is.
		before, after := rapid.StringMatching(`[ -~\n]{0,30}`).Draw(t, "before"), rapid.StringMatching(`[ -~\n]{0,30}`).Draw(t, "after")
		edited := before + "\n" + description + "\n" + after
		m.written = m.written.Add(-time.Second)
		again := remark(edited, "https://www.espn.com/nba/game/_/gameId/401", m)
		if got, _, ok := findMark(again); !ok || !reflect.DeepEqual(got, m) {
			t.Fatalf("the new mark is %+v, %t; want %+v", got, ok, m)
		}
		if textOf(again) != textOf(edited) {
			t.Fatalf("the text was %q and is %q", textOf(edited), textOf(again))
		}
	})
}

func TestMarksAreFoundInWhatPeopleMakeOfThem(t *testing.T) {
	m := mark{game: Ref{ID: "0022600061", Away: "BOS", Home: "NYK", Day: "2026-10-20"}, set: "s", written: time.Unix(1, 0).UTC(), asOf: time.Unix(2, 0).UTC(),
		prints: new(task).prints(), options: url.Values{"team": {"BOS"}, "games": {"upcoming"}}}
	next := m
	next.written = time.Unix(3, 0).UTC()
	const page, other = "https://www.nba.com/game/0022600061", "https://www.espn.com/nba/game/_/gameId/401"
	old, new := page+"#"+m.fragment(), other+"#"+next.fragment()
	for name, tt := range map[string]struct{ description, text, remarked string }{
		"as written":                 {"Arena\n\n[Game page](" + old + ")", "Arena", "Arena\n\n[Game page](" + new + ")"},
		"with another name":          {"[Tickets!](" + old + ")", "", "[Tickets!](" + new + ")"},
		"with words on both sides":   {"Bring Ann.\n[Game page](" + old + ")\nAnd Ben.", "Bring Ann.\n\nAnd Ben.", "Bring Ann.\n[Game page](" + new + ")\nAnd Ben."},
		"bare":                       {"see " + old, "see", "see " + new},
		"in brackets of their own":   {"(see " + old + ")", "(see )", "(see " + new + ")"},
		"with a bracket in the name": {"[a [b] c](" + old + ")", "[a [b] c]()", "[a [b] c](" + new + ")"},
		"with half of the Markdown":  {"[Game page](" + old, "[Game page](", "[Game page](" + new},
		"with lines of another kind": {"A\r\nB\r\n\r\n[Game page](" + old + ")", "A\nB", "A\r\nB\r\n\r\n[Game page](" + new + ")"},
		"twice":                      {"[Game page](" + page + "#" + next.fragment() + ")\n[Game page](" + old + ")", "[Game page](" + page + "#" + next.fragment() + ")", "[Game page](" + page + "#" + next.fragment() + ")\n[Game page](" + new + ")"},
	} {
		got, _, ok := findMark(tt.description)
		if !ok || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: got %+v, %t", name, got, ok)
		}
		if got := textOf(tt.description); got != tt.text {
			t.Errorf("%s: the text is %q, want %q", name, got, tt.text)
		}
		if got := remark(tt.description, other, next); got != tt.remarked {
			t.Errorf("%s: remarked to\n%s\nwant\n%s", name, got, tt.remarked)
		}
	}
}

func TestWhatIsNoMarkIsNotOne(t *testing.T) {
	good := mark{game: Ref{ID: "0022600061", Away: "BOS", Home: "NYK", Day: "2026-10-20"}, written: time.Unix(1, 0), asOf: time.Unix(2, 0),
		prints: new(task).prints()}.fragment()
	if _, _, ok := findMark("https://www.nba.com/game/1#" + good); !ok {
		t.Fatal("the mark that the others are made from is none")
	}
	for name, fragment := range map[string]string{
		"another version":        strings.Replace(good, "tipoff=1", "tipoff=2", 1),
		"no game":                strings.Replace(good, "game=", "g=", 1),
		"a game without a day":   strings.Replace(good, ".BOS.NYK.20261020", "", 1),
		"a day that is none":     strings.Replace(good, "20261020", "20261320", 1),
		"a print too few":        strings.Replace(good, "as=", "as=x", 1),
		"a time that is none":    strings.Replace(good, "at=1", "at=-1", 1),
		"a time beyond all":      strings.Replace(good, "at=1", "at=zzzzzzzzzzzzz", 1),
		"a set that is too long": strings.Replace(good, "set=", "set="+strings.Repeat("x", 17), 1),
	} {
		if m, _, ok := findMark("https://www.nba.com/game/1#" + fragment); ok {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
	for _, s := range []string{"", "Buy milk", "#tipoff=1&", "http://www.nba.com/#" + good, "nba.com#" + good} {
		if _, _, ok := findMark(s); ok {
			t.Errorf("%q was taken for a mark", s)
		}
	}
}

// A text that was made for the search for marks costs no more than any other. What it
// allocates stands for that, since a test must not depend on time.
func TestALongDescriptionTakesNoMoreThanAShortOneToRead(t *testing.T) {
	m := mark{game: Ref{ID: "0022600061", Away: "BOS", Home: "NYK", Day: "2026-10-20"}, written: time.Unix(1, 0), asOf: time.Unix(2, 0),
		prints: new(task).prints(), options: url.Values{"team": {"BOS"}}}
	short := describe("", "https://www.nba.com/game/0022600061", m)
	costs := func(description string) float64 {
		return testing.AllocsPerRun(10, func() {
			if _, _, ok := findMark(description); !ok {
				t.Fatal("no mark is found")
			}
		})
	}
	for _, piece := range []string{"[", "words and words ", "[x](https://a#tipoff=1&) ", "https://a#tipoff=1&x ", "#tipoff=1&", "https://"} {
		long := strings.Repeat(piece, 16000/len(piece)) + "\n" + short
		if got, want := costs(long), costs(short); got > want {
			t.Errorf("%q again and again: %v allocations, want %v", piece, got, want)
		}
	}
}

func TestRefsAreReadAsTheyAreWritten(t *testing.T) {
	for _, s := range []string{"0022600061.BOS.NYK.20261020", "0022600061", "401812345.GS.MEL.20261003"} {
		if r, ok := parseRef(s); !ok || r.String() != s {
			t.Errorf("%s: got %s, %t", s, r, ok)
		}
	}
	for _, s := range []string{"", ".", "1.BOS.NYK", "1.BOS.NYK.2026-10-20", "1.BOS.NYK.20261399", "a b", "1.BOS.NYK.20261020.x", strings.Repeat("1", 25)} {
		if r, ok := parseRef(s); ok {
			t.Errorf("%q was read as %+v", s, r)
		}
	}
}

func FuzzMark(f *testing.F) {
	m := mark{game: Ref{ID: "0022600061", Away: "BOS", Home: "NYK", Day: "2026-10-20"}, set: "s", own: time.Unix(5, 0), written: time.Unix(1, 0), asOf: time.Unix(2, 0),
		prints: new(task).prints(), options: url.Values{"team": {"BOS"}}}
	f.Add(describe("Arena", "https://www.nba.com/game/0022600061", m))
	f.Add("[x](https://a#tipoff=1&)https://b#tipoff=1&game=1.A.B.20261020")
	f.Add("https://#tipoff=1&%zz")
	f.Fuzz(func(t *testing.T, description string) {
		got, at, ok := findMark(description)
		text := textOf(description)
		if !ok {
			return
		}
		if at.link.start < 0 || at.link.start > at.address.start || at.address.end > at.link.end || at.link.end > len(description) {
			t.Fatalf("the link is at %+v of %d bytes", at, len(description))
		}
		// A mark that was read is written back so that it is read the same.
		again := remark(description, "https://www.nba.com/schedule", got)
		if m, _, ok := findMark(again); !ok || !reflect.DeepEqual(m, got) {
			t.Fatalf("got %+v, %t; want %+v", m, ok, got)
		}
		if textOf(again) != text {
			t.Fatalf("the text was %q and is %q", text, textOf(again))
		}
	})
}
