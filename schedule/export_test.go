package schedule

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for zones that the tests name

	ical "github.com/emersion/go-ical"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// exported are games of the Knicks of every kind that an export tells apart.
func exported() []Game {
	side := func(code string) Side { t, _ := TeamByCode(code); return t.Side() }
	released, moved := at("2026-08-16T19:35:48Z"), at("2026-11-20T08:15:00Z")
	return []Game{
		{
			ID: "0022600062", Type: Regular, Away: side("PHI"), Home: side("NYK"), Day: "2026-10-20", Tip: at("2026-10-20T23:00:00Z"), Status: Final,
			Arena: "Madison Square Garden", City: "New York", State: "NY", National: []string{"NBC/Peacock"}, HomeTV: []string{"MSG"}, AwayTV: []string{"NBCSP"}, Changed: released,
		},
		{
			ID: "0022600015", Type: Cup, Away: side("NYK"), Home: side("LAC"), Day: "2026-11-20", Tip: at("2026-11-21T03:30:00Z"), Label: "NBA Cup", SubLabel: "West Group A; the \"odd\" one",
			Arena: "Intuit Dome", City: "Inglewood", State: "CA", National: []string{"Prime Video"}, AwayTV: []string{"MSG", "Prime Video"}, Changed: moved,
		},
		{
			ID: "0022601201", Type: Cup, Away: side("NYK"), Home: side("MIA"), Day: "2026-12-04", Label: "NBA Cup", SubLabel: "Quarterfinal", Series: "Date subject to change",
			Arena: "Kaseya Center", City: "Miami", State: "FL", Changed: moved,
		},
		{
			ID: "0022600700", Type: Regular, Away: side("NYK"), Home: side("MIL"), Day: "2027-01-25", Tip: at("2027-01-26T00:00:00Z"), Postponed: true,
			Arena: "Fiserv Forum", City: "Milwaukee", State: "WI", Changed: moved,
		},
		{
			ID: "401910613", Type: Regular, Away: side("NYK"), Home: side("SAS"), Day: "2027-02-05", Tip: at("2027-02-05T20:00:00Z"), Neutral: true,
			Arena: "Palacio de los Deportes, «Sala Ñandú» de la Comunidad Autónoma", City: "Ciudad de México", Changed: released,
		},
		{
			ID: "0042600404", Type: Playoffs, Away: side("OKC"), Home: side("NYK"), Day: "2027-06-14", Tip: at("2027-06-15T00:30:00Z"), IfNecessary: true,
			Arena: "Madison Square Garden", City: "New York", State: "NY", National: []string{"ABC"}, Label: "NBA Finals", Series: "Game 5", Changed: moved,
		},
	}
}

func writeICS(t *testing.T, games []Game, o ExportOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteICS(&b, games, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCalendarIsAsItWas(t *testing.T) {
	golden(t, "knicks.ics", writeICS(t, exported(), ExportOptions{
		Name: "New York Knicks 2026-27", Team: "NYK", Alarms: []time.Duration{30 * time.Minute, 24 * time.Hour},
	}))
	golden(t, "plain.ics", writeICS(t, exported()[:1], ExportOptions{Duration: 2 * time.Hour}))
}

func TestCalendarIsReadByAnotherParser(t *testing.T) {
	games := exported()
	cal, err := ical.NewDecoder(bytes.NewReader(writeICS(t, games, ExportOptions{Name: "Knicks, all of them", Team: "nyk", Alarms: []time.Duration{time.Hour}}))).Decode()
	if err != nil {
		t.Fatal(err)
	}
	if name, err := cal.Props.Text("X-WR-CALNAME"); err != nil || name != "Knicks, all of them" {
		t.Errorf("got the name %q, %v", name, err)
	}
	if every, err := cal.Props.Get("REFRESH-INTERVAL").Duration(); err != nil || every != 3*time.Hour {
		t.Errorf("got refresh after %v, %v", every, err)
	}
	// The encoder checks what RFC 5545 demands of each component.
	if err := ical.NewEncoder(&bytes.Buffer{}).Encode(cal); err != nil {
		t.Error(err)
	}
	events := cal.Events()
	if len(events) != len(games) {
		t.Fatalf("got %d events, want %d", len(events), len(games))
	}
	text := func(e ical.Event, name string) string {
		s, err := e.Props.Text(name)
		if err != nil {
			t.Error(err)
		}
		return s
	}
	for i, e := range events {
		g := games[i]
		if got := text(e, "UID"); got != g.ID+"@tipoff" {
			t.Errorf("got UID %q", got)
		}
		start, err := e.DateTimeStart(time.UTC)
		if err != nil {
			t.Error(err)
		}
		end, err := e.DateTimeEnd(time.UTC)
		if err != nil {
			t.Error(err)
		}
		if g.TBD() {
			if e.Props.Get("DTSTART").ValueType() != ical.ValueDate || DayOf(start, time.UTC) != g.Day || end.Sub(start) != 24*time.Hour {
				t.Errorf("%s: got from %v to %v", g.ID, start, end)
			}
		} else if !start.Equal(g.Tip) || end.Sub(start) != 150*time.Minute {
			t.Errorf("%s: got from %v to %v, want from %v", g.ID, start, end, g.Tip)
		}
		stamp, err := e.Props.DateTime("DTSTAMP", time.UTC)
		if err != nil || !stamp.Equal(g.Changed) {
			t.Errorf("%s: got DTSTAMP %v, %v", g.ID, stamp, err)
		}
		if got := text(e, "LOCATION"); got != g.Place() {
			t.Errorf("%s: got location %q, want %q", g.ID, got, g.Place())
		}
		alarms := len(e.Children)
		if want := map[bool]int{false: 1}[g.TBD() || g.Postponed]; alarms != want {
			t.Errorf("%s: got %d alarms, want %d", g.ID, alarms, want)
		}
	}
	for i, want := range []string{"CONFIRMED", "CONFIRMED", "TENTATIVE", "CANCELLED", "CONFIRMED", "TENTATIVE"} {
		if got := text(events[i], "STATUS"); got != want {
			t.Errorf("%s: got %s, want %s", games[i].ID, got, want)
		}
	}
	for i, want := range []string{"Knicks vs 76ers", "Knicks at Clippers", "Knicks at Heat", "Postponed: Knicks at Bucks", "Knicks at Spurs", "Knicks vs Thunder"} {
		if got := text(events[i], "SUMMARY"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got, want := text(events[1], "DESCRIPTION"), "NBA Cup, West Group A; the \"odd\" one\nTV: Prime Video, MSG\nhttps://www.nba.com/game/0022600015"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCalendarLinesAreFoldedAndEndAsTheyShould(t *testing.T) {
	b := writeICS(t, exported(), ExportOptions{Name: strings.Repeat("Ñandú ", 40), Team: "NYK"})
	if bytes.Count(b, []byte("\n")) != bytes.Count(b, []byte("\r\n")) || !bytes.HasSuffix(b, []byte("END:VCALENDAR\r\n")) {
		t.Error("not every line ends with CRLF")
	}
	for line := range strings.SplitSeq(string(b), "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d octets: %q", len(line), line)
		}
		if strings.ToValidUTF8(line, "") != line {
			t.Errorf("a character is cut: %q", line)
		}
	}
}

func TestSequenceMovesWithTheGameAndNeverBack(t *testing.T) {
	g := exported()[0]
	_, before := lastChange(&g)
	g.National, g.Status = nil, InProgress
	if _, n := lastChange(&g); n != before {
		t.Errorf("got %d for a game that has not moved, want %d", n, before)
	}
	g.Changed = g.Changed.Add(time.Hour)
	if _, n := lastChange(&g); n != before+60 {
		t.Errorf("got %d an hour later, want %d", n, before+60)
	}
	g.Changed = time.Time{}
	if when, n := lastChange(&g); n != 0 || !when.Equal(at("2026-08-01T00:00:00Z")) {
		t.Errorf("got %d at %v for a game that was never seen", n, when)
	}
}

func TestCSVIsAsItWas(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = WriteCSV(&b, exported(), ExportOptions{
		Team: "NYK", Zone: zone, Duration: 150 * time.Minute, Priority: 2, Labels: []string{"nba", "new york"}, Sections: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "knicks.csv", b.Bytes())
	b.Reset()
	if err := WriteCSV(&b, exported()[:1], ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "plain.csv", b.Bytes())
}

func TestCSVIsReadBack(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	games := embeddedSeason().For("LAL")
	var b bytes.Buffer
	if err := WriteCSV(&b, games, ExportOptions{Team: "LAL", Zone: zone}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(games)+1 {
		t.Fatalf("got %d rows, want %d", len(rows), len(games)+1)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	for i, row := range rows[1:] {
		tip, err := time.ParseInLocation("2006-01-02 15:04", row[column("DATE")], zone)
		if err != nil || !tip.Equal(games[i].Tip) || row[column("TIMEZONE")] != "America/Los_Angeles" {
			t.Errorf("got %q, want %v", row, games[i].Tip)
		}
		if row[column("TYPE")] != "task" || row[column("PRIORITY")] != "4" || row[column("CONTENT")] != games[i].Title("LAL") {
			t.Errorf("got %q", row)
		}
	}
}

// In Berlin the clocks go back from three to two on 25 October 2026, at 01:00Z.
func TestCSVTimeThatClocksShowTwiceIsWrittenInUTC(t *testing.T) {
	for zone, tips := range map[string]map[string]string{
		"Europe/Berlin": {
			"2026-10-24T23:30:00Z": "2026-10-25 01:30 Europe/Berlin",
			"2026-10-25T00:00:00Z": "2026-10-25 00:00 UTC", // 02:00
			"2026-10-25T00:59:00Z": "2026-10-25 00:59 UTC",
			"2026-10-25T01:00:00Z": "2026-10-25 01:00 UTC", // 02:00 again
			"2026-10-25T01:59:00Z": "2026-10-25 01:59 UTC",
			"2026-10-25T02:00:00Z": "2026-10-25 03:00 Europe/Berlin",
			"2027-03-28T00:30:00Z": "2027-03-28 01:30 Europe/Berlin", // the hour after it is left out
			"2027-03-28T01:00:00Z": "2027-03-28 03:00 Europe/Berlin",
		},
		"Australia/Lord_Howe": { // by half an hour, from two, on 4 April 2027 at 15:00Z the day before
			"2027-04-03T14:00:00Z": "2027-04-04 01:00 Australia/Lord_Howe",
			"2027-04-03T14:45:00Z": "2027-04-03 14:45 UTC",
			"2027-04-03T15:15:00Z": "2027-04-03 15:15 UTC",
			"2027-04-03T15:30:00Z": "2027-04-04 02:00 Australia/Lord_Howe",
		},
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for tip, want := range tips {
			g := exported()[0]
			g.Tip = at(tip)
			var b bytes.Buffer
			if err := WriteCSV(&b, []Game{g}, ExportOptions{Zone: loc}); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(&b).ReadAll()
			if err != nil || len(rows) != 2 {
				t.Fatalf("got %q, %v", rows, err)
			}
			got := rows[1][slices.Index(rows[0], "DATE")] + " " + rows[1][slices.Index(rows[0], "TIMEZONE")]
			if got != want {
				t.Errorf("%s in %s: got %q, want %q", tip, zone, got, want)
			}
		}
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestExportsTellThatTheyCouldNotBeWritten(t *testing.T) {
	if err := WriteICS(full{}, exported(), ExportOptions{}); !errors.Is(err, errFull) {
		t.Errorf("calendar: got %v", err)
	}
	if err := WriteCSV(full{}, exported(), ExportOptions{}); !errors.Is(err, errFull) {
		t.Errorf("CSV: got %v", err)
	}
}

func BenchmarkWriteICS(b *testing.B) {
	games := embeddedSeason().For("NYK")
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteICS(&bytes.Buffer{}, games, ExportOptions{Name: "Knicks", Team: "NYK", Alarms: []time.Duration{time.Hour}}); err != nil {
			b.Fatal(err)
		}
	}
}
