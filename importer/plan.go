package importer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

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
	// Keep leaves a task alone that would change, had its owner not edited
	// the same fields.
	Keep
	// Same leaves a task alone because there is nothing to do.
	Same
	// Completed leaves a task alone because its owner has completed it.
	Completed
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
	// schedule it has sides and day as the task's mark tells them.
	Game schedule.Game
	// Task is the task found; nil for Add.
	Task *todoist.Task
	// LeftOut is true for an addition that the options skip.
	LeftOut bool
	// Title is the task's title as it will be, or as it is where it stays.
	Title string
	// Fields differ and will be written, Kept differ and stay as the owner
	// has them.
	Fields, Kept []FieldChange

	want task
	mark mark // as found; zero for Add
	part *Part
}

// Pending reports whether running the plan writes something for the game.
func (c *Change) Pending() bool {
	return (c.Kind == Add && !c.LeftOut) || c.Kind == Update || c.Kind == Postpone
}

// key names the change within a plan.
func (c *Change) key() string {
	if c.Task != nil {
		return "task " + c.Task.ID
	}
	return c.part.set + " " + c.Game.ID
}

// print is a fingerprint of what the change would write, whether it is left
// out or not.
func (c *Change) print() string {
	h := sha256.New()
	fmt.Fprintln(h, c.Kind, c.key())
	for _, f := range c.writes() {
		fmt.Fprintf(h, "%d=%q\n", f, c.want.value(f))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:6])
}

// writes are the fields that the change writes.
func (c *Change) writes() (all []field) {
	if c.Kind == Add {
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

// A Part is one project of a plan.
type Part struct {
	// Teams are the tricodes of those whose games go into the project.
	Teams []string
	// Project is the target's id, empty when it will be made.
	Project string
	Name    string
	// Colour is Todoist's name of a new project's colour.
	Colour string
	// Changes has every game that is wanted or has a task, by day.
	Changes []*Change

	set  string
	own  bool
	look look
	// options are what the tasks remember of the import.
	options url.Values
	board   bool
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
	// Options are those the plan was made with: as given, or the project's
	// own where only teams were given.
	Options Options
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

// Fingerprint stands for all that the plan would write, and for what it would
// write if nothing were left out.
func (p *Plan) Fingerprint() string {
	var b strings.Builder
	for _, c := range p.Changes() {
		if c.Pending() || c.Kind == Add {
			b.WriteString(c.print())
		}
	}
	return b.String()
}

// within reports whether the plan writes nothing that a plan with this
// fingerprint would not have written. An earlier try may have done a part of
// it already.
func (p *Plan) within(shown string) bool {
	const length = 8
	known := map[string]bool{}
	for i := 0; i+length <= len(shown); i += length {
		known[shown[i:i+length]] = true
	}
	for _, c := range p.Changes() {
		if c.Pending() && !known[c.print()] {
			return false
		}
	}
	return true
}

// missing are features that the account turned out not to have, though its
// limits did not say so.
type missing struct{ sections, durations, reminders bool }

// partition says which teams share a project.
func (o Options) partition() [][]string {
	if o.Target != TargetEach {
		return [][]string{o.Teams}
	}
	var parts [][]string
	for _, team := range o.Teams {
		parts = append(parts, []string{team})
	}
	return parts
}

// plan makes the difference between the tasks wanted and the tasks found. Where
// tasks are to be added to a project that is there, it looks first whether they
// were completed or moved.
func (im *Importer) plan(ctx context.Context, c *todoist.Client, a *account, opts Options, without missing) (*Plan, error) {
	season, now := im.Season(), im.Now()
	p := &Plan{Season: season.Label, User: a.user, Limits: a.limits}
	for _, project := range a.projects {
		p.Projects = append(p.Projects, project)
	}
	slices.SortFunc(p.Projects, func(x, y todoist.Project) int {
		return cmp.Or(inboxFirst(x)-inboxFirst(y), strings.Compare(x.Name, y.Name), strings.Compare(x.ID, y.ID))
	})
	opts.Skip = resolve(opts.Skip, season)
	p.Options = opts
	for _, teams := range opts.partition() {
		part := a.find(teams, opts, season)
		if opts.Bare && part.Project != "" {
			if own, ok := a.remembered(part, season); ok {
				own.Target, own.Name, own.Teams = opts.Target, "", opts.Teams
				own.Skip = append(own.Skip, opts.Skip...)
				opts, p.Options = own, own
				part = a.find(teams, opts, season)
			}
		}
		zone, err := opts.zoneFor(teams, a.user)
		if err != nil {
			return nil, err
		}
		p.Zone = zone
		part.look = look{teams: teams, zone: zone, title: opts.Title, labels: opts.Labels,
			priority: opts.Priority, duration: opts.Duration, reminder: opts.Reminder, months: opts.Months}
		a.restrict(p, part, opts, without)
		a.diff(part, opts, season, now)
		if part.Project != "" && part.adds() > 0 {
			if err := a.lookFurther(ctx, c, part, season, now); err != nil {
				return nil, err
			}
			a.diff(part, opts, season, now)
		}
		p.Parts = append(p.Parts, part)
	}
	a.fit(p)
	return p, nil
}

func inboxFirst(p todoist.Project) int {
	if p.Inbox {
		return 0
	}
	return 1
}

// lookFurther reads what tells a task that is missing from a task that was
// completed or moved elsewhere.
func (a *account) lookFurther(ctx context.Context, c *todoist.Client, part *Part, season *schedule.Season, now time.Time) error {
	if !a.asked[part.Project] {
		if err := a.readCompleted(ctx, c, part.Project, season, now); err != nil {
			return err
		}
	}
	if !a.whole {
		return a.readWhole(ctx, c)
	}
	return nil
}

func (p *Part) adds() int {
	n := 0
	for _, c := range p.Changes {
		if c.Kind == Add && !c.LeftOut {
			n++
		}
	}
	return n
}

// resolve gives refs that have only an id the sides and day of their game, so
// that they name it at any source.
func resolve(refs []Ref, season *schedule.Season) []Ref {
	if len(refs) == 0 {
		return nil
	}
	byID := map[string]*schedule.Game{}
	for i := range season.Games {
		byID[season.Games[i].ID] = &season.Games[i]
	}
	var full []Ref
	for _, r := range refs {
		if g := byID[r.ID]; g != nil && r.Away == "" && g.Known() {
			r = refOf(g)
		}
		if !slices.Contains(full, r) {
			full = append(full, r)
		}
	}
	return full
}

// zoneFor is the IANA zone of the tasks' times.
func (o Options) zoneFor(teams []string, user todoist.User) (string, error) {
	switch o.Timezone {
	case ZoneTeam:
		if len(teams) != 1 {
			return "", Invalid{"timezone": "The teams’ zones differ. Choose one zone, or a project for each team."}
		}
		team, _ := schedule.TeamByCode(teams[0])
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

// setOf derives a set from what it is for, so that two imports that start at
// the same moment agree on it.
func setOf(user string, teams []string, season, target string) string {
	sorted := slices.Sorted(slices.Values(teams))
	sum := sha256.Sum256([]byte(strings.Join([]string{user, strings.Join(sorted, ","), season, target}, "\n")))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// marked are the open tasks with a mark of this season, with their marks.
func (a *account) marked(season *schedule.Season) map[*todoist.Task]mark {
	from, to := season.Window()
	found := map[*todoist.Task]mark{}
	for _, t := range a.tasks {
		if m, _, ok := findMark(t.Description); ok && m.game.Day >= from && m.game.Day <= to {
			found[t] = m
		}
	}
	return found
}

// find says which project the teams' games go into.
func (a *account) find(teams []string, opts Options, season *schedule.Season) *Part {
	part := &Part{Teams: teams, Name: opts.Name, board: opts.Board}
	if part.Name == "" {
		part.Name = ProjectName(teams, season.Label)
	}
	if team, ok := schedule.TeamByCode(teams[0]); ok && len(teams) == 1 {
		part.Colour = Colour(team)
	}
	target := TargetNew
	marks := a.marked(season)
	// votes are the projects, or the sets, by how many tasks speak for them.
	votes := map[string]int{}
	switch opts.Target {
	case TargetNew, TargetEach:
		for t, m := range marks {
			if m.own && sameTeams(m.options["team"], teams) {
				votes[t.Project]++
			}
		}
		part.Project = most(votes)
		part.own = part.Project != ""
		if made := a.made[setOf(a.user.ID, teams, season.Label, target)]; part.Project == "" && made != "" {
			part.Project, part.own = made, true
		}
		if part.Project == "" {
			// A project of this name without an open task was made by an
			// import that went no further, or all its tasks are completed.
			for _, project := range a.projects {
				if project.Name == part.Name && !project.Inbox && a.open[project.ID] == 0 &&
					(part.Project == "" || project.ID < part.Project) {
					part.Project = project.ID
				}
			}
		}
		part.own = part.own || part.Project == ""
	default:
		target = opts.Target
		part.Project = opts.Target
	}
	if project, ok := a.projects[part.Project]; ok {
		part.Name = project.Name
	}
	clear(votes)
	for t, m := range marks {
		if t.Project == part.Project {
			votes[m.set]++
			part.own = part.own || m.own
		}
	}
	part.set = most(votes)
	if part.set == "" {
		part.set = setOf(a.user.ID, teams, season.Label, target)
	}
	remember := opts
	remember.Teams, remember.Target, remember.Name = teams, TargetNew, ""
	part.options = remember.Values()
	return part
}

func sameTeams(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// most is the key with the highest count, the smallest of several, or "".
func most(votes map[string]int) string {
	best := ""
	for _, key := range slices.Sorted(maps.Keys(votes)) {
		if best == "" || votes[key] > votes[best] {
			best = key
		}
	}
	return best
}

// remembered are the options of the import that wrote into a project last.
func (a *account) remembered(part *Part, season *schedule.Season) (Options, bool) {
	var last *mark
	votes := map[string]int{}
	for t, m := range a.marked(season) {
		if t.Project != part.Project {
			continue
		}
		if last == nil || m.written.After(last.written) {
			last = &m
			clear(votes)
		}
		if m.written.Equal(last.written) {
			votes[m.options.Encode()]++
		}
	}
	if last == nil {
		return Options{}, false
	}
	v, err := url.ParseQuery(most(votes))
	if err != nil {
		return Options{}, false
	}
	opts, err := ParseOptions(v)
	return opts, err == nil
}

// restrict takes away from a part's looks what the account does not allow, and
// says so.
func (a *account) restrict(p *Plan, part *Part, opts Options, without missing) {
	say := func(text string) {
		if !slices.Contains(p.Notices, Notice{Text: text}) {
			p.Notices = append(p.Notices, Notice{Text: text})
		}
	}
	if opts.Duration > 0 && (without.durations || a.limits.Durations == nil || !*a.limits.Durations) {
		part.look.duration = 0
		say("Your Todoist plan has no task durations, so the tasks are made without.")
	}
	if opts.Reminder != NoReminder && (without.reminders || a.limits.Reminders != nil && !*a.limits.Reminders) {
		part.look.reminder = NoReminder
		say("Your Todoist plan has no reminders of your own, so the tasks are made without.")
	}
	if opts.Months && without.sections {
		part.look.months = false
		say("Todoist makes no more sections in this project, so the tasks stay without.")
	}
}

// diff compares the games wanted with the tasks found and sets the part's
// changes.
func (a *account) diff(part *Part, opts Options, season *schedule.Season, now time.Time) {
	part.Changes = nil
	all := schedule.Filter{Teams: part.Teams, Types: []schedule.Type{schedule.Preseason, schedule.Regular,
		schedule.Cup, schedule.PlayIn, schedule.Playoffs}}.Games(season, now)
	wanted := map[string]bool{}
	for _, g := range opts.filter(part.Teams).Games(season, now) {
		wanted[g.ID] = true
	}
	isWanted := func(g *schedule.Game) bool { return wanted[g.ID] }
	skipped := map[string]bool{}
	for _, g := range match(opts.Skip, all, isWanted) {
		if g >= 0 {
			skipped[all[g].ID] = true
		}
	}

	found := a.tasksOf(part, season)
	refs := make([]Ref, len(found))
	for i := range found {
		refs[i] = found[i].mark.game
	}
	games := match(refs, all, isWanted)
	have := map[string]bool{} // ids of games that have a task
	for i, f := range found {
		g := games[i]
		switch {
		case g < 0:
			part.Changes = append(part.Changes, a.goneChange(part, f, season, now)...)
		case have[all[g].ID]:
			// A copy that the owner made of a task is the owner's own.
		default:
			have[all[g].ID] = true
			if wanted[all[g].ID] && !skipped[all[g].ID] {
				part.Changes = append(part.Changes, a.compare(part, f, &all[g], season))
			}
		}
	}
	for i := range all {
		g := &all[i]
		if !wanted[g.ID] || have[g.ID] || g.Postponed || g.TBD() && opts.SkipTBD {
			continue
		}
		c := &Change{Kind: Add, Game: *g, LeftOut: skipped[g.ID], want: part.look.taskFor(g), part: part}
		c.Title = c.want.title
		if t := a.unmarked(part, c.want); t != nil {
			c.Kind, c.Task = Keep, t
		}
		part.Changes = append(part.Changes, c)
	}
	slices.SortStableFunc(part.Changes, func(x, y *Change) int {
		return cmp.Or(cmp.Compare(x.Game.Day, y.Game.Day), x.Game.Tip.Compare(y.Game.Tip), cmp.Compare(x.Game.ID, y.Game.ID))
	})
}

// found is a marked task.
type found struct {
	task *todoist.Task
	mark mark
	done bool
}

// tasksOf are the marked tasks of a part: those in its project, and those of
// its set that their owner moved elsewhere. Open ones come first.
func (a *account) tasksOf(part *Part, season *schedule.Season) []found {
	var all []found
	for t, m := range a.marked(season) {
		if t.Project == part.Project || m.set == part.set {
			all = append(all, found{t, m, false})
		}
	}
	from, to := season.Window()
	for i := range a.completed[part.Project] {
		t := &a.completed[part.Project][i]
		if m, _, ok := findMark(t.Description); ok && m.game.Day >= from && m.game.Day <= to {
			all = append(all, found{t, m, true})
		}
	}
	slices.SortFunc(all, func(x, y found) int {
		if x.done != y.done {
			if x.done {
				return 1
			}
			return -1
		}
		return strings.Compare(x.task.ID, y.task.ID)
	})
	// Of another team's games in the same project nothing is said here.
	return slices.DeleteFunc(all, func(f found) bool {
		return !slices.Contains(part.Teams, f.mark.game.Home) && !slices.Contains(part.Teams, f.mark.game.Away)
	})
}

// unmarked is a task in the part's project that has no mark and yet is the one
// wanted, by its title and day: its owner took the mark away.
func (a *account) unmarked(part *Part, want task) *todoist.Task {
	var best *todoist.Task
	for _, t := range a.tasks {
		if t.Project != part.Project || t.Content != want.title || t.Due == nil || (best != nil && best.ID < t.ID) {
			continue
		}
		if _, _, ok := findMark(t.Description); !ok && dayOf(t.Due) == dayOf(want.due) {
			best = t
		}
	}
	return best
}

// dayOf is the Eastern day of a due.
func dayOf(d *todoist.Due) string {
	if at, ok := d.Instant(); ok {
		return string(schedule.DayOf(at, schedule.Eastern()))
	}
	return d.Key()
}

// compare says what has to change in a task so that it tells its game. For each
// field three values count: what was written last, what the task has now, and
// what is wanted now.
func (a *account) compare(part *Part, f found, g *schedule.Game, season *schedule.Season) *Change {
	c := &Change{Kind: Same, Game: *g, Task: f.task, Title: f.task.Content, mark: f.mark, part: part}
	if f.done {
		c.Kind = Completed
		return c
	}
	c.want = part.look.taskFor(g)
	if season.AsOf.Before(f.mark.asOf.Add(-time.Second)) {
		// The task was written from a newer schedule than the one at hand.
		c.want.free[fieldTitle], c.want.free[fieldDue], c.want.free[fieldText] = true, true, true
	}
	a.threeWay(c, Update)
	if c.Kind == Update && g.Postponed {
		c.Kind = Postpone
	}
	return c
}

// threeWay sets the fields of a change, and its kind to kind if there are any.
func (a *account) threeWay(c *Change, kind Kind) {
	now := a.taskOf(c.Task, &c.mark)
	for f := range field(fields) {
		written, is, wanted := c.mark.prints[f], fingerprint(now.value(f)), fingerprint(c.want.value(f))
		if c.want.free[f] || is == wanted || wanted == written {
			continue
		}
		change := FieldChange{Field: f, Old: now, New: c.want}
		if is == written {
			c.Fields = append(c.Fields, change)
		} else {
			c.Kept = append(c.Kept, change)
		}
	}
	switch {
	case len(c.Fields) > 0:
		c.Kind = kind
		if slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return f.Field == fieldTitle }) {
			c.Title = c.want.title
		}
	case len(c.Kept) > 0:
		c.Kind = Keep
	}
}

// goneChange postpones a task whose game is not on the schedule any more. Games
// of the past are left alone, and an older schedule has no say.
func (a *account) goneChange(part *Part, f found, season *schedule.Season, now time.Time) []*Change {
	if f.done || f.mark.game.Day < schedule.DayOf(now, schedule.Eastern()) || season.AsOf.Before(f.mark.asOf.Add(-time.Second)) {
		return nil
	}
	c := &Change{Kind: Same, Task: f.task, Title: f.task.Content, mark: f.mark, part: part, want: part.look.goneTask(f.mark.game)}
	c.Game = schedule.Game{ID: f.mark.game.ID, Day: f.mark.game.Day,
		Home: schedule.Side{Code: f.mark.game.Home}, Away: schedule.Side{Code: f.mark.game.Away}}
	a.threeWay(c, Postpone)
	return []*Change{c}
}

// fit checks a plan against the account's limits before anything is written.
// https://developer.todoist.com/api/v1/ ("User plan limits")
func (a *account) fit(p *Plan) {
	stop := func(format string, args ...any) {
		p.Notices = append(p.Notices, Notice{Stop: true, Text: fmt.Sprintf(format, args...)})
	}
	projects, fresh := 0, 0
	for _, project := range a.projects {
		// Projects of a workspace and the Inbox do not count.
		if !project.Inbox && project.Workspace == nil {
			projects++
		}
	}
	for _, part := range p.Parts {
		if part.Project == "" && part.adds() > 0 {
			fresh++
		}
		if a.limits.Tasks == nil {
			continue
		}
		open, most := 0, *a.limits.Tasks
		if part.Project != "" {
			open = a.open[part.Project]
		}
		if adds := part.adds(); open+adds > most {
			stop("A project of your Todoist plan holds %d tasks. “%s” has %d, so there is room for %d more, and these would be %d. "+
				"Choose fewer games or another project.", most, part.Name, open, max(most-open, 0), adds)
		}
	}
	if a.limits.Projects != nil && fresh > 0 && projects+fresh > *a.limits.Projects {
		stop("Your Todoist plan holds %d projects and you have %d, so there is no room for %s. "+
			"Choose one of your projects below, or archive one in Todoist first.",
			*a.limits.Projects, projects, map[bool]string{true: "a new one", false: fmt.Sprintf("%d new ones", fresh)}[fresh == 1])
	}
	if a.limits.Sections != nil {
		for _, part := range p.Parts {
			names := map[string]bool{}
			for _, s := range a.sections {
				if s.Project == part.Project {
					names[s.Name] = true
				}
			}
			for _, c := range part.Changes {
				if c.Pending() && c.want.section != "" {
					names[c.want.section] = true
				}
			}
			if len(names) > *a.limits.Sections {
				stop("A project of your Todoist plan holds %d sections, and “%s” would have %d. Choose no sections.",
					*a.limits.Sections, part.Name, len(names))
			}
		}
	}
}
