package app

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// formFields are the fields of the site's form, as flags, by the groups of the import
// page. Those that go together with many may come several times. The site's field auto
// is not among them: nobody could give Tipoff access for later.
var formFields = []struct {
	group, name, values, text string
	many                      bool
}{
	{"Games", "team", "BOS", "the team by its three letters; once for each of several", true},
	{"Games", "games", "upcoming|all", "those still to come, or the whole season", false},
	{"Games", "venue", "all|home|away", "where the team plays", false},
	{"Games", "type", "cup", "preseason, regular, cup, playin or playoffs; once for each (default all but preseason)", true},
	{"Games", "tv", "any|national", "any channel, or national ones only", false},
	{"Games", "opponent", "NYK", "games against this team only; once for each", true},
	{"Games", "from", "2026-12-01", "the first day", false},
	{"Games", "to", "2027-01-31", "the last day", false},
	{"Games", "skip", "ID", "leave this game out; once for each; -dry-run shows the ids", true},
	{"Games", "again", "ID", "make a task again that was left out, deleted or completed; once for each", true},
	{"Tasks", "title", "names|codes|emoji", "Celtics at Knicks, BOS @ NYK, or with an emoji", false},
	{"Tasks", "timezone", "Europe/Berlin", "the zone of the tasks' times, or team for the team's own (default yours in Todoist)", false},
	{"Tasks", "duration", "150", "minutes", false},
	{"Tasks", "reminder", "60|none", "minutes before tip-off", false},
	{"Tasks", "priority", "1|2|3|4", "1 is the highest", false},
	{"Tasks", "labels", "nba,sports", "Todoist's labels, with commas between", false},
	{"Tasks", "tbd", "allday|skip", "games without a time: as all-day tasks, or not yet", false},
	{"Project", "target", "ID|each|new", "a project of yours, one for each team, or another one each time (default the one as before)", false},
	{"Project", "name", "NAME", "of a new project", false},
	{"Project", "view", "list|board|calendar", "of a new project", false},
	{"Project", "sections", "none|month", "one section for each month", false},
	{"Updates", "comments", "on|off", "whether a comment says that a game was moved", false},
	{"Updates", "played", "leave|complete", "whether tasks of games that are over are ticked off", false},
}

const (
	importUsage = `Put a team's games into your Todoist, or bring them up to date, without a server and a browser.

  tipoff import -team BOS -token-file FILE [flags]

Run it again at any time, such as every night: it writes what the league has changed, and never makes a task twice. What you
edited, completed or deleted stays so. A flag that you leave out is as it was at the last run.

`
	importUsageCommand = `
The command
  -token-file FILE  your personal API token, in a file that nobody else can read; - for standard input
  -dry-run          show the plan and write nothing
  -json             print one JSON object, for programs
  -adopt            go on with the tasks of a project that this database does not know

Settings that it shares with the server, and their variables: -data-dir, -database, -schedule-url, -espn-url,
-schedule-refresh, -todoist-api-url. tipoff -h explains them. Imports are remembered in the database; keep it.

Examples
  tipoff import -team BOS -token-file ~/.config/todoist-token -dry-run
  tipoff import -team BOS -venue home -reminder 60 -labels nba -token-file ~/.config/todoist-token
  pass todoist | tipoff import -team BOS -team NYK -target each -token-file -

Exit codes: 0 done, or nothing to do; 1 failed, and nothing was written; 2 wrong usage; 3 some games failed, which are named.
`
)

// writeImportHelp writes the flags by their groups.
func writeImportHelp(w io.Writer) {
	fmt.Fprint(w, importUsage)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	group := ""
	for _, f := range formFields {
		if f.group != group {
			if group != "" {
				fmt.Fprintln(table)
			}
			group = f.group
			fmt.Fprintln(table, group)
		}
		fmt.Fprintf(table, "  -%s %s\t%s\n", f.name, f.values, f.text)
	}
	table.Flush()
	fmt.Fprint(w, importUsageCommand)
}
