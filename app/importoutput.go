package app

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/todoist"
)

// writePlan writes what the plan does as a table for each project, and where the schedule
// is from.
func (r *importRun) writePlan(plan *importer.Plan) error {
	fmt.Fprintln(r.out, r.scheduleLine())
	for _, notice := range plan.Notices {
		if !notice.Stop || r.dryRun { // what stops a run is its error
			fmt.Fprintln(r.out, notice.Text)
		}
	}
	for _, part := range plan.Parts {
		if err := r.writePart(part); err != nil {
			return err
		}
	}
	return nil
}

// scheduleLine says in a sentence where the schedule is from.
func (r *importRun) scheduleLine() string {
	report := r.games.Status()
	label, on := r.games.Season().Label, report.AsOf.UTC().Format("2 January 2006, 15:04 UTC")
	from := map[string]string{
		schedule.SourceNBA: "the league's, of " + on, schedule.SourceESPN: "ESPN's, of " + on,
		schedule.SourceFile: "a file, of " + on, schedule.SourceEmbedded: "built in, of " + on,
	}[report.Source]
	line := "Schedule " + label + ": " + from + "."
	if r.games.Season().State(r.now()) == schedule.Over {
		line += " This season is over; the next one comes in August."
	}
	return strings.TrimSpace(line + " " + report.Trouble)
}

// writePart writes a project's line and the table of its games.
func (r *importRun) writePart(part *importer.Part) error {
	where := "“" + part.Name + "”"
	if part.Project == "" {
		where += ", a new project"
	}
	counts := map[string]int{}
	var listed []*importer.Change
	for _, c := range part.Changes {
		action := actionOf(c)
		counts[action]++
		// What stays away is shown to those who look, and not every night.
		if action != actionSame && (c.Pending() || action == actionKeep || r.dryRun) {
			listed = append(listed, c)
		}
	}
	added, same := counts[actionAdd], counts[actionSame]
	changed := counts[actionUpdate] + counts[actionPostpone] + counts[actionCancel] + counts[actionComplete]
	fmt.Fprintf(r.out, "%s: %d to add, %d to update, %d unchanged. Times: %s.\n", where, added, changed, same, part.Zone())
	if len(listed) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nGAME\tDAY\tID\tCHANGE")
	for _, c := range listed {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", oneLine(c.Title), importer.When(&c.Game, part.Zone()), c.Game.ID, changeWords(c, part.Zone()))
	}
	fmt.Fprintln(table)
	return table.Flush()
}

// What a plan does with a game, for programs and for counting.
const (
	actionAdd      = "add"
	actionUpdate   = "update"
	actionPostpone = "postpone"
	actionCancel   = "cancel"
	actionComplete = "complete"
	actionKeep     = "keep"
	actionSame     = "same"
	actionMissing  = "missing"
	actionSkip     = "skip"
)

func actionOf(c *importer.Change) string {
	if c.LeftOut {
		return actionSkip
	}
	return map[importer.Kind]string{importer.Add: actionAdd, importer.Update: actionUpdate, importer.Postpone: actionPostpone,
		importer.Cancel: actionCancel, importer.TickOff: actionComplete, importer.Keep: actionKeep, importer.Same: actionSame,
		importer.Missing: actionMissing}[c.Kind]
}

// changeWords says in a few words what the plan does with a game.
func changeWords(c *importer.Change, zone string) string {
	switch actionOf(c) {
	case actionAdd:
		return "add"
	case actionPostpone:
		return "postponed by the league: no date"
	case actionCancel:
		return "not needed: complete"
	case actionComplete:
		return "over: complete"
	case actionSkip:
		return "left out; -again makes it"
	case actionMissing:
		return "deleted, completed or moved away; -again makes it again"
	case actionKeep:
		return "your edit kept: " + fieldWords(c.Kept, zone)
	case actionUpdate:
		return fieldWords(c.Fields, zone)
	}
	return ""
}

func fieldWords(fields []importer.FieldChange, zone string) string {
	var words []string
	for _, f := range fieldsOf(fields, zone) {
		if strings.Contains(f.Old+f.New, "\n") {
			words = append(words, f.Field) // which takes several lines
		} else {
			words = append(words, f.Field+": "+f.Old+" → "+f.New)
		}
	}
	return oneLine(strings.Join(words, "; "))
}

// oneLine keeps what stands in Todoist from breaking the table or moving the cursor.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// resultLine says in one line what a run did.
func resultLine(out *importer.Outcome) string {
	var words []string
	for _, count := range []struct {
		n    int
		text string
	}{{out.Added, "added"}, {out.Updated, "updated"}, {out.Unchanged, "unchanged"}, {out.Kept, "kept as you edited them"}, {len(out.Failed), "failed"}} {
		if count.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", count.n, count.text))
		}
	}
	switch {
	case len(out.Failed) == 0 && out.Added+out.Updated == 0 && len(words) == 0:
		return "Nothing to do: there is no game to add."
	case len(out.Failed) == 0 && out.Added+out.Updated == 0:
		return "Nothing to do: " + strings.Join(words, ", ") + "."
	case len(out.Failed) > 0:
		return "Not done: " + strings.Join(words, ", ") + "."
	}
	return "Done: " + strings.Join(words, ", ") + "."
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// narrow is a line that fits into most terminals.
const narrow = 78

// progressLine shows how far a run is in a line of a terminal, and nothing elsewhere. end
// takes the line away.
func progressLine(w *os.File) (show func(importer.Progress), end func()) {
	info, err := w.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(importer.Progress) {}, func() {}
	}
	longest := 0
	line := func(text string) {
		if r := []rune(text); len(r) > narrow {
			text = string(r[:narrow-1]) + "…"
		}
		longest = max(longest, len(text))
		fmt.Fprintf(w, "\r%-*s\r%s", longest, "", text)
	}
	return func(p importer.Progress) {
		text := oneLine(p.Message)
		if p.Total > 0 {
			text += fmt.Sprintf(": %d of %d", p.Done, p.Total)
		}
		line(text)
	}, func() { line("") }
}

// A report is what -json prints. docs/terminal.md explains each field.
type report struct {
	DryRun   bool            `json:"dryRun"`
	Season   string          `json:"season"`
	Schedule scheduleReport  `json:"schedule"`
	Projects []projectReport `json:"projects"`
	Notices  []string        `json:"notices"`
	Result   *resultReport   `json:"result"`
	Error    string          `json:"error"`
}

type scheduleReport struct {
	Source  string    `json:"source"`
	AsOf    time.Time `json:"asOf"`
	Trouble string    `json:"trouble"`
}

type projectReport struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	URL      string       `json:"url"`
	Teams    []string     `json:"teams"`
	Timezone string       `json:"timezone"`
	Games    []gameReport `json:"games"`
}

type gameReport struct {
	ID      string        `json:"id"`
	Day     string        `json:"day"`
	Tip     *time.Time    `json:"tip"`
	Title   string        `json:"title"`
	Action  string        `json:"action"`
	Changes []fieldReport `json:"changes"`
	Failed  string        `json:"failed"`
}

type fieldReport struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

type resultReport struct {
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`
	Failed    int `json:"failed"`
}

// writeJSON writes the plan, and what became of it where it was run.
func (r *importRun) writeJSON(plan *importer.Plan, out *importer.Outcome, ended error) error {
	at := r.games.Status()
	doc := report{DryRun: r.dryRun, Season: plan.Season, Schedule: scheduleReport{at.Source, at.AsOf.UTC(), at.Trouble}, Notices: []string{}}
	if ended != nil {
		doc.Error = ended.Error()
	}
	for _, notice := range plan.Notices {
		doc.Notices = append(doc.Notices, notice.Text)
	}
	failed := map[*importer.Change]string{}
	if out != nil {
		plan = out.Plan // as it was when the run began
		doc.Result = &resultReport{out.Added, out.Updated, out.Unchanged, out.Kept, len(out.Failed)}
		doc.Notices = append(doc.Notices, out.Notices...)
		for _, f := range out.Failed {
			failed[f.Change] = f.Reason
		}
	}
	for i, part := range plan.Parts {
		p := projectReport{ID: part.Project, Name: part.Name, Teams: part.Teams, Timezone: part.Zone(), Games: []gameReport{}}
		if out != nil {
			p.ID = out.Left.Parts[i].Project
		}
		if p.ID != "" {
			p.URL = todoist.ProjectURL(p.ID)
		}
		for _, c := range part.Changes {
			p.Games = append(p.Games, gameReportOf(c, part.Zone(), failed[c]))
		}
		doc.Projects = append(doc.Projects, p)
	}
	enc := json.NewEncoder(r.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func gameReportOf(c *importer.Change, zone, failed string) gameReport {
	g := gameReport{ID: c.Game.ID, Day: string(c.Game.Day), Title: c.Title, Action: actionOf(c), Failed: failed}
	if !c.Game.TBD() {
		tip := c.Game.Tip.UTC()
		g.Tip = &tip
	}
	fields := c.Fields
	if g.Action == actionKeep {
		fields = c.Kept
	}
	g.Changes = fieldsOf(fields, zone)
	return g
}

// fieldsOf writes the changes of fields for people.
func fieldsOf(fields []importer.FieldChange, zone string) []fieldReport {
	all := []fieldReport{}
	for _, f := range fields {
		was, is := f.Values(func(d *todoist.Due) string { return importer.WhenDue(d, zone) })
		all = append(all, fieldReport{f.Name(), was, is})
	}
	return all
}
