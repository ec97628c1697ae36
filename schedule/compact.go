package schedule

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The compact table is the project's own format for a season: the season that
// comes with the program and the copy that Live keeps are written in it. It is
// text, so that a change can be read. The first line is compactVersion. Then
// come lines "name<TAB>value", an empty line, and one line for each game. The
// fields of a game are separated by tabs, parts of a field by vertical bars,
// and empty fields at the end are left out:
//
//	id
//	tip-off, or the day of a game without a time, or both if they do not agree
//	away side: the code, "code|city|name" if not one of the thirty, "-" if unknown
//	home side
//	type and marks, separated by spaces; "" = regular
//	arena|city|state; "" = the home team's own, "-" = unknown
//	national TV
//	label|sublabel|series
//	home side's TV
//	away side's TV
//	when the game last changed
const compactVersion = "tipoff schedule 1"

// validators are what a web server gave with a document, to be sent with the
// next request for it.
type validators struct {
	URL      string // the document's
	ETag     string
	Modified string // Last-Modified as it came
}

// Encode writes a season as a compact table.
func Encode(w io.Writer, s *Season) error { return encode(w, s, validators{}) }

func encode(w io.Writer, s *Season, v validators) error {
	b := bufio.NewWriter(w)
	tidy := newWords()
	fmt.Fprintln(b, compactVersion)
	for _, line := range [...][2]string{
		{"season", s.Label},
		{"source", s.Source},
		{"as of", compactTime(s.AsOf)},
		{"url", v.URL},
		{"etag", v.ETag},
		{"last modified", v.Modified},
		{"games", strconv.Itoa(len(s.Games))},
	} {
		if line[1] != "" {
			fmt.Fprintf(b, "%s\t%s\n", line[0], strings.Join(strings.Fields(line[1]), " "))
		}
	}
	fmt.Fprintln(b)
	for i := range s.Games {
		fields := compactFields(&s.Games[i], tidy)
		for len(fields) > 0 && fields[len(fields)-1] == "" {
			fields = fields[:len(fields)-1]
		}
		b.WriteString(strings.Join(fields, "\t"))
		b.WriteByte('\n')
	}
	return b.Flush()
}

func compactFields(g *Game, w *words) []string {
	parts := func(values ...string) string {
		for i, v := range values {
			values[i] = w.clean(v)
		}
		return strings.TrimRight(strings.Join(values, "|"), "|")
	}
	when := compactTime(g.Tip)
	switch {
	case g.TBD():
		when = string(g.Day)
	case g.Day != DayOf(g.Tip, Eastern()):
		when = string(g.Day) + " " + when
	}
	side := func(s Side) string {
		team, ok := TeamByCode(s.Code)
		if ok && team.Side() == s {
			return s.Code
		}
		if !s.Known() {
			return "-"
		}
		written := parts(s.Code, s.City, s.Name)
		if ok && !strings.Contains(written, "|") {
			written += "|" // not the team that is called by this code
		}
		return written
	}
	var marks []string
	if g.Type != Regular {
		marks = append(marks, string(g.Type))
	}
	if g.Status != Scheduled && g.Status != "" {
		marks = append(marks, string(g.Status))
	}
	for _, mark := range [...]struct {
		on   bool
		word string
	}{{g.Postponed, "postponed"}, {g.IfNecessary, "if-necessary"}, {g.Neutral, "neutral"}} {
		if mark.on {
			marks = append(marks, mark.word)
		}
	}
	arena := parts(g.Arena, g.City, g.State)
	if home, ok := TeamByCode(g.Home.Code); ok && arena == parts(home.Arena, home.ArenaCity, home.ArenaState) {
		arena = ""
	} else if arena == "" {
		arena = "-"
	}
	list := func(names []string) string { return parts(slices.Clone(names)...) }
	return []string{
		g.ID, when, side(g.Away), side(g.Home), strings.Join(marks, " "), arena, list(g.National),
		parts(g.Label, g.SubLabel, g.Series), list(g.HomeTV), list(g.AwayTV), compactTime(g.Changed),
	}
}

// compactTime writes an instant in UTC, without the seconds if there are none,
// and no instant as "".
func compactTime(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Second() == 0:
		return t.UTC().Format(minutes)
	}
	return t.UTC().Format(time.RFC3339)
}

// Decode reads a compact table.
func Decode(r io.Reader) (*Season, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the schedule: %w", err)
	}
	s, _, err := decode(string(b))
	return s, err
}

// decode reads a compact table. The season's strings are parts of the text.
func decode(text string) (*Season, validators, error) {
	s, v := &Season{}, validators{}
	number, header, games := 0, true, 0
	wrong := func(err error) (*Season, validators, error) {
		return nil, validators{}, fmt.Errorf("read the schedule's line %d: %w", number, err)
	}
	w := newWords()
	for line := range strings.Lines(text) {
		number++
		line, complete := strings.CutSuffix(line, "\n")
		switch {
		case !complete:
			return wrong(io.ErrUnexpectedEOF)
		case number == 1:
			if line != compactVersion {
				return wrong(errNotSchedule)
			}
		case header && line == "":
			header = false
			if _, ok := startYear(s.Label); !ok {
				return wrong(fmt.Errorf("%w: no season", errNotSchedule))
			}
			s.Games = make([]Game, 0, strings.Count(text, "\n")-number)
		case header:
			name, value, _ := strings.Cut(line, "\t")
			switch name {
			case "season":
				s.Label = value
			case "source":
				s.Source = value
			case "as of":
				s.AsOf, _ = instant(value)
			case "url":
				v.URL = value
			case "etag":
				v.ETag = value
			case "last modified":
				v.Modified = value
			case "games":
				games, _ = strconv.Atoi(value)
			}
		default:
			g, err := compactGame(line, w)
			if err != nil {
				return wrong(err)
			}
			g.Season = s.Label
			s.Games = append(s.Games, g)
		}
	}
	if header || len(s.Games) != games {
		return wrong(io.ErrUnexpectedEOF)
	}
	s.finish()
	return s, v, nil
}

// compactGame reads the line of a game.
func compactGame(line string, w *words) (Game, error) {
	var f [11]string
	for i := range f {
		f[i], line, _ = strings.Cut(line, "\t")
	}
	g := Game{ID: f[0], Type: Regular, Status: Scheduled}
	if !digits(g.ID) {
		return Game{}, errors.New("no id")
	}

	day, tip, both := strings.Cut(f[1], " ")
	if !both && len(day) > len(time.DateOnly) {
		day, tip = "", day
	}
	var ok bool
	if tip != "" {
		if g.Tip, ok = instant(tip); !ok {
			return Game{}, fmt.Errorf("%q is not a time", tip)
		}
	}
	if day == "" {
		g.Day = DayOf(g.Tip, Eastern())
	} else {
		var err error
		if g.Day, err = ParseDay(day); err != nil {
			return Game{}, err
		}
	}

	for i, side := range [...]*Side{&g.Away, &g.Home} {
		field := f[2+i]
		if team, ok := TeamByCode(field); ok {
			*side = team.Side()
		} else if field != "-" {
			side.Code, side.City, side.Name = three(field)
			if side.Code == "" || w.code(side.Code) != side.Code {
				return Game{}, fmt.Errorf("%q is not a side", field)
			}
		}
	}
	for mark := range strings.FieldsSeq(f[4]) {
		switch mark {
		case "postponed":
			g.Postponed = true
		case "if-necessary":
			g.IfNecessary = true
		case "neutral":
			g.Neutral = true
		case string(InProgress), string(Final):
			g.Status = Status(mark)
		case string(Preseason), string(Cup), string(PlayIn), string(Playoffs), string(AllStar):
			g.Type = Type(mark)
		default:
			return Game{}, fmt.Errorf("%q is not a mark", mark)
		}
	}
	switch home, ok := TeamByCode(g.Home.Code); {
	case f[5] == "" && ok:
		g.Arena, g.City, g.State = home.Arena, home.ArenaCity, home.ArenaState
	case f[5] != "-":
		g.Arena, g.City, g.State = three(f[5])
	}
	g.National = compactList(f[6], w)
	g.Label, g.SubLabel, g.Series = three(f[7])
	g.HomeTV, g.AwayTV = compactList(f[8], w), compactList(f[9], w)
	g.Changed, _ = instant(f[10])
	return g, nil
}

func compactList(field string, w *words) []string {
	if field == "" {
		return nil
	}
	if list, ok := w.lists[field]; ok {
		return list
	}
	list := strings.Split(field, "|")
	w.lists[field] = list
	return list
}

// three splits a field into its three parts.
func three(field string) (a, b, c string) {
	a, field, _ = strings.Cut(field, "|")
	b, c, _ = strings.Cut(field, "|")
	return a, b, c
}
