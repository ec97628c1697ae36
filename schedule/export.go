package schedule

import (
	"slices"
	"strings"
	"time"
)

// ExportOptions say how games are written out.
type ExportOptions struct {
	Name     string          // of the calendar
	Team     string          // code of the team whose games they are; "" = several
	Zone     *time.Location  // of the times in a CSV file; a calendar has instants
	Duration time.Duration   // of a game; 0 = not told, and in a calendar 2:30 h
	Alarms   []time.Duration // before the tip-off; only in a calendar
	Priority int             // in a CSV file, 1 to 4 as Todoist shows it; 0 = 4
	Labels   []string        // in a CSV file
	Sections bool            // in a CSV file, one section per month
}

// heading names a game in an export.
func heading(g *Game, team string) string {
	if g.Postponed {
		return "Postponed: " + g.Title(team)
	}
	return g.Title(team)
}

// details are what there is to say about a game beside who, when and where:
// the occasion, what is not sure about it, and the channels.
func details(g *Game, team string) []string {
	var lines []string
	occasion := slices.DeleteFunc([]string{g.Label, g.SubLabel, g.Series}, func(s string) bool { return s == "" })
	if len(occasion) > 0 {
		lines = append(lines, strings.Join(occasion, ", "))
	}
	if g.Neutral {
		lines = append(lines, "Neutral site")
	}
	if g.IfNecessary {
		lines = append(lines, "If necessary")
	}
	if g.TBD() && !g.Postponed {
		lines = append(lines, "Time to be decided")
	}
	channels := slices.Clone(g.National)
	own := g.AwayTV
	if g.AtHome(team) {
		own = g.HomeTV
	}
	if g.Has(team) {
		for _, name := range own {
			if !slices.Contains(channels, name) {
				channels = append(channels, name)
			}
		}
	}
	if len(channels) > 0 {
		lines = append(lines, "TV: "+strings.Join(channels, ", "))
	}
	return lines
}
