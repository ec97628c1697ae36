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
			row["DATE"], row["DATE_LANG"] = g.Tip.In(o.Zone).Format("2006-01-02 15:04"), "en"
			row["TIMEZONE"] = o.Zone.String()
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
