package schedule

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// csvHeader names the columns of Todoist's project templates, as exported
// since 2025. Todoist finds a column by its name.
var csvHeader = []string{
	"TYPE", "CONTENT", "DESCRIPTION", "IS_COLLAPSED", "PRIORITY", "INDENT", "AUTHOR", "RESPONSIBLE",
	"DATE", "DATE_LANG", "TIMEZONE", "DURATION", "DURATION_UNIT", "DEADLINE", "DEADLINE_LANG",
}

// WriteCSV writes games in the form of Todoist's project templates, one task
// for each. Times are clocks in the zone of the options, UTC without one; a
// game without a time is due on its Eastern day, a postponed one is not due.
// Todoist reads a date as text in the row's zone, so a time that the zone's
// clocks show twice, in the night when they go back, is written in UTC.
func WriteCSV(w io.Writer, games []Game, o ExportOptions) error {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if team, ok := TeamByCode(o.Team); ok {
		o.Team = team.Code
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write(csvHeader) // an error stays until Flush
	month := ""
	for i := range games {
		g := &games[i]
		day := g.Day
		if !g.TBD() {
			day = DayOf(g.Tip, o.Zone)
		}
		if name := day.Time(time.UTC).Format("January 2006"); o.Sections && name != month {
			month = name
			_ = out.Write(csvRow(map[string]string{"TYPE": "section", "CONTENT": name}))
		}
		row := map[string]string{
			"TYPE": "task", "CONTENT": heading(g, o.Team), "PRIORITY": strconv.Itoa(cmp.Or(o.Priority, 4)), "INDENT": "1",
			"DESCRIPTION": strings.Join(csvDetails(g, o.Team), " · "),
		}
		for _, label := range o.Labels {
			row["CONTENT"] += " @" + strings.ReplaceAll(label, " ", "_")
		}
		switch {
		case g.Postponed:
		case g.TBD():
			row["DATE"], row["DATE_LANG"] = string(g.Day), "en"
		default:
			tip := g.Tip.In(o.Zone)
			if shownTwice(tip) {
				tip = g.Tip.UTC()
			}
			row["DATE"], row["DATE_LANG"], row["TIMEZONE"] = tip.Format(csvTime), "en", tip.Location().String()
			if o.Duration > 0 {
				row["DURATION"], row["DURATION_UNIT"] = strconv.Itoa(int(o.Duration/time.Minute)), "minute"
			}
		}
		_ = out.Write(csvRow(row))
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write the CSV file: %w", err)
	}
	return nil
}

// csvTime is how a row gives a time.
const csvTime = "2006-01-02 15:04"

// shownTwice reports whether the clocks of the instant's zone show its time at
// another instant too.
func shownTwice(t time.Time) bool {
	_, offset := t.Zone()
	for _, days := range [...]int{-1, 1} {
		_, other := t.AddDate(0, 0, days).Zone()
		again := t.Add(time.Duration(offset-other) * time.Second)
		if !again.Equal(t) && again.Format(csvTime) == t.Format(csvTime) {
			return true
		}
	}
	return false
}

func csvRow(values map[string]string) []string {
	row := make([]string, len(csvHeader))
	for i, name := range csvHeader {
		row[i] = values[name]
	}
	return row
}

// csvDetails are a game's details on one line, with its place and its page.
func csvDetails(g *Game, team string) []string {
	lines := details(g, team)
	if place := g.Place(); place != "" {
		lines = append([]string{place}, lines...)
	}
	if url := g.URL(); url != "" {
		lines = append(lines, url)
	}
	return lines
}
