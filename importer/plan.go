package importer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

// A Kind is what a plan does with one game.
type Kind int

const (
	// Add makes a task.
	Add Kind = iota
	// Update writes what changed into a task.
	Update
	// Postpone renames a task and takes its date away, because its game is
	// postponed or no longer on the schedule.
	Postpone
	// Cancel renames a task and ticks it off, because its game is not needed.
	Cancel
	// TickOff ticks a task off, because its game is over.
	TickOff
	// Keep leaves a task alone that would change, had its owner not edited
	// the same fields.
	Keep
	// Same leaves a task alone because there is nothing to do.
	Same
	// Missing does nothing for a game whose task is not in the project any more: its
	// owner completed, deleted or moved it. It can be had once more.
	Missing
)

// A FieldChange is one field of a task: as it is, and as it should be.
type FieldChange struct {
	Field    field
	Old, New task
}

// A Change is what a plan does with one game.
type Change struct {
	Kind Kind
	// Game is the game as the schedule has it. Of one that is gone from the
	// schedule it has sides and day as the import knows them.
	Game schedule.Game
	// Task is the task found; nil where there is none.
	Task *todoist.Task
	// Moved is true where the owner gave the task another date, which stays.
	Moved bool
	// LeftOut is true for an addition that the options skip.
	LeftOut bool
	// Title is the task's title as it will be, or as it is where it stays.
	Title string
	// Fields differ and will be written, Kept differ and stay as the owner
	// has them.
	Fields, Kept []FieldChange

	want   task
	row    *imports.Task // nil where there is none
	over   bool          // the task is ticked off as well
	reopen bool          // the task was ticked off while its game waited for a date
	part   *Part
	// noDuration is true once Todoist refused the task's duration.
	noDuration bool
}

// Pending reports whether running the plan writes something for the game.
func (c *Change) Pending() bool {
	switch c.Kind {
	case Add:
		return !c.LeftOut
	case Update, Postpone, Cancel, TickOff:
		return true
	}
	return false
}

// writes are the fields that the change writes.
func (c *Change) writes() (all []field) {
	if c.Kind == Add || c.Kind == Missing {
		for f := range field(fields) {
			all = append(all, f)
		}
		return all
	}
	for _, f := range c.Fields {
		all = append(all, f.Field)
	}
	return all
}

func (c *Change) writesAny(any ...field) bool {
	return slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return slices.Contains(any, f.Field) })
}

// print stands for what the change would write, whether it is left out or not.
func (c *Change) print() string {
	h := sha256.New()
	fmt.Fprintln(h, strings.Join(c.part.Teams, " "), c.Game.ID, c.Kind == Add || c.Kind == Missing)
	for _, f := range c.writes() {
		fmt.Fprintf(h, "%d=%q\n", f, c.want.value(f))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:printLength*3/4])
}

// printLength is how many characters stand for a change in a plan's fingerprint.
const printLength = 8

// A Part is what a plan does with one import.
type Part struct {
	// Import is the row; of a new one it is not stored yet.
	Import *imports.Import
	// Teams are the tricodes of those whose games go into the project.
	Teams []string
	// Project is the target's id, empty when it will be made.
	Project string
	Name    string
	// Colour is Todoist's name of a new project's colour.
	Colour string
	// Changes has every game that is wanted or has a task, by day.
	Changes []*Change

	opts    Options
	style   style
	wanted  map[string]bool // ids of the games that the options choose, over or not
	dirty   map[string]*imports.Task
	renamed []string // ids under which rows were kept before
	ask     []string // ids of tasks that have to be asked for
	adopted bool     // the rows are made from the tasks found
	unknown bool     // something would have to be read for the plan to be right
}

// A Notice is something that people should know before they run a plan.
type Notice struct {
	// Stop is true when the plan cannot be run as it is.
	Stop bool
	Text string
}

// A Plan is what an import would do.
type Plan struct {
	Parts   []*Part
	Notices []Notice
	// Offers are what would fit where this does not.
	Offers []Offer
	// Options are those the plan was made with.
	Options Options
	// ID is the import's, which the form has to repeat.
	ID string
	// Season names the season, such as 2026-27.
	Season string
	// Zone is the IANA zone of the tasks' times.
	Zone string
	// User, Limits and Projects are what was read of the account.
	User     todoist.User
	Limits   todoist.Limits
	Projects []todoist.Project
}

// Changes has those of all parts.
func (p *Plan) Changes() []*Change {
	var all []*Change
	for _, part := range p.Parts {
		all = append(all, part.Changes...)
	}
	return all
}

// Pending counts the tasks that running the plan would write.
func (p *Plan) Pending() int {
	n := 0
	for _, c := range p.Changes() {
		if c.Pending() {
			n++
		}
	}
	return n
}

// Stopped reports whether a notice forbids running the plan.
func (p *Plan) Stopped() bool {
	return slices.ContainsFunc(p.Notices, func(n Notice) bool { return n.Stop })
}

// Fingerprint stands for all that the plan would write, and for what it would write if
// nothing were left out.
func (p *Plan) Fingerprint() string {
	var prints []string
	for _, c := range p.Changes() {
		if c.Pending() || c.Kind == Add || c.Kind == Missing {
			prints = append(prints, c.print())
		}
	}
	slices.Sort(prints)
	return strings.Join(prints, "")
}

// within reports whether the plan writes nothing but what was shown with a fingerprint.
func (p *Plan) within(shown string) bool {
	known := map[string]bool{}
	for print := range slices.Chunk([]byte(shown), printLength) {
		known[string(print)] = true
	}
	return !slices.ContainsFunc(p.Changes(), func(c *Change) bool { return c.Pending() && !known[c.print()] })
}

// plan makes the difference between the tasks wanted and the tasks found.
func (im *Importer) plan(ctx context.Context, c *todoist.Client, a *account, id string, opts Options, parts []*Part) (*Plan, error) {
	p := &Plan{Parts: parts, Season: a.season.Label, User: a.user, Limits: a.limits, Options: opts, ID: id, Projects: slices.Collect(maps.Values(a.projects))}
	slices.SortFunc(p.Projects, func(x, y todoist.Project) int {
		return cmp.Or(inboxFirst(x)-inboxFirst(y), strings.Compare(x.Name, y.Name), strings.Compare(x.ID, y.ID))
	})
	if len(parts) == 1 {
		p.ID = parts[0].Import.ID
	}
	for _, part := range parts {
		if err := im.find(ctx, c, a, part); err != nil {
			return nil, err
		}
		if part.Project != "" && opts.Target != TargetEach {
			p.Options.Target = part.Project
		}
		var err error
		if p.Zone, err = part.opts.zoneFor(a.user); err != nil {
			return nil, err
		}
		part.style = part.opts.style(part.Teams, p.Zone)
		a.restrict(p, part)
		a.diff(part)
		if len(part.ask) > 0 && !a.shows {
			if err := a.readTasks(ctx, c, part.ask); err != nil {
				return nil, err
			}
			a.diff(part)
		}
		if a.season.AsOf.Before(part.Import.AsOf) {
			p.Notices = append(p.Notices, Notice{Text: "The schedule that Tipoff has at the moment is older than the one that your tasks follow, so nothing is changed. " +
				"Come back in a few minutes."})
		}
		if part.adopted {
			p.Notices = append(p.Notices, Notice{Text: fmt.Sprintf("“%s” has games from Tipoff that this Tipoff has forgotten. It takes them over: "+
				"look at what would change first.", part.Name)})
		}
	}
	a.limitReminders(p)
	a.fit(p)
	return p, nil
}

func inboxFirst(p todoist.Project) int {
	if p.Inbox {
		return 0
	}
	return 1
}

// find reads the project of a part, and takes over what is in it where no row knows it.
func (im *Importer) find(ctx context.Context, c *todoist.Client, a *account, part *Part) error {
	row := part.Import
	name := cmp.Or(part.opts.Name, ProjectName(part.Teams, a.season.Label))
	if row.Project == "" && part.opts.Target == "" && len(row.Tasks) == 0 {
		if err := im.findForgotten(ctx, c, a, part, name); err != nil {
			return err
		}
	}
	if row.Project == "" {
		part.Name = name
		if len(part.Teams) == 1 {
			team, _ := schedule.TeamByCode(part.Teams[0])
			part.Colour = Colour(team)
		}
		return nil
	}
	if err := a.readProject(ctx, c, row.Project); err != nil {
		return err
	}
	project, ok := a.projects[row.Project]
	if !ok {
		return im.notThere(ctx, c, row)
	}
	part.Project, part.Name = project.ID, project.Name
	if len(row.Tasks) == 0 {
		a.adopt(part)
		// What is there may be of the request under way, which was not forgotten.
		part.adopted = part.adopted && len(row.Sending) == 0
	}
	return nil
}

// findForgotten looks for a project of the name that no row knows and that holds games.
func (im *Importer) findForgotten(ctx context.Context, c *todoist.Client, a *account, part *Part, name string) error {
	for _, id := range slices.Sorted(maps.Keys(a.projects)) {
		if a.projects[id].Name != name || a.projects[id].Inbox {
			continue
		}
		known, err := im.Rows.InProject(ctx, part.Import.User, id)
		if err != nil {
			return err
		}
		if known != nil {
			continue
		}
		if err := a.readProject(ctx, c, id); err != nil {
			return err
		}
		part.Import.Project = id
		if a.adopt(part); part.adopted {
			return nil
		}
		part.Import.Project = ""
	}
	return nil
}

// adopt makes rows of the tasks in the part's project that name games of the season.
// What was written into them is not known: it is what they say now.
func (a *account) adopt(part *Part) {
	games := map[string]*schedule.Game{}
	for i := range a.season.Games {
		games[a.season.Games[i].ID] = &a.season.Games[i]
	}
	for _, t := range a.tasks {
		g := games[gameIn(t.Description)]
		if g == nil || t.Project != part.Import.Project || part.Import.Tasks[g.ID] != nil {
			continue
		}
		is := a.taskOf(t, nil)
		row := rowOf(g, t.ID, imports.There, is.prints())
		part.Import.Tasks[g.ID] = row
		part.change(row)
		part.adopted = true
	}
}

func rowOf(g *schedule.Game, task string, state imports.TaskState, wrote []string) *imports.Task {
	return &imports.Task{Game: g.ID, Home: g.Home.Code, Away: g.Away.Code, Day: string(g.Day), ID: task, State: state, Wrote: wrote}
}

// change notes that a row has to be stored.
func (p *Part) change(row *imports.Task) {
	if p.dirty == nil {
		p.dirty = map[string]*imports.Task{}
	}
	p.dirty[row.Game] = row
}

var (
	// ErrGone means that the owner deleted an import's project, which ended the import.
	ErrGone = errors.New("the project of the import is gone")
	// ErrArchived means that the owner archived it, which pauses the import.
	ErrArchived = errors.New("the project of the import is archived")
)

// notThere finds out what became of a project that is not among the account's. One that
// its owner deleted ends its import.
func (im *Importer) notThere(ctx context.Context, c *todoist.Client, row *imports.Import) error {
	project, err := c.Project(ctx, row.Project)
	switch {
	case err != nil && !todoist.Gone(err):
		return err
	case err == nil && project.Archived && !project.Deleted:
		return errors.Join(ErrArchived, Invalid{"target": "This project is archived in Todoist. Take it out of the archive there, or choose another one."})
	}
	if err := im.Rows.End(ctx, row); err != nil {
		return err
	}
	return errors.Join(ErrGone, Invalid{"target": "This import no longer exists. Choose another project, or start a new import."})
}

// zoneFor is the IANA zone of the tasks' times.
func (o Options) zoneFor(user todoist.User) (string, error) {
	switch o.Timezone {
	case ZoneTeam:
		if len(o.Teams) != 1 {
			return "", Invalid{"timezone": "The teams’ zones differ. Choose one zone, or a project for each team."}
		}
		team, _ := schedule.TeamByCode(o.Teams[0])
		return team.Zone, nil
	case "":
		if _, err := time.LoadLocation(user.TZ.Timezone); err != nil || user.TZ.Timezone == "" || user.TZ.Timezone == "Local" {
			return schedule.Eastern().String(), nil
		}
		return user.TZ.Timezone, nil
	}
	return o.Timezone, nil
}

// ProjectName is what a project for these teams is called unless a person
// names it.
func ProjectName(teams []string, season string) string {
	var names []string
	for _, code := range teams {
		if team, ok := schedule.TeamByCode(code); ok {
			names = append(names, team.Name)
			if len(teams) == 1 {
				names[0] = team.FullName()
			}
		}
	}
	switch {
	case len(names) > 3 && len(names) == len(schedule.Teams()):
		return "NBA " + season
	case len(names) > 3:
		return fmt.Sprintf("NBA, %d teams %s", len(names), season)
	}
	return strings.Join(names, ", ") + " " + season
}
