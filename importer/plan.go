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

	want  task
	found *entry // Task with its mark
	part  *Part
}

// Pending reports whether running the plan writes something for the game.
func (c *Change) Pending() bool {
	return (c.Kind == Add && !c.LeftOut) || c.Kind == Update || c.Kind == Postpone
}

// key names the game within plans of the same options.
func (c *Change) key() string {
	return c.part.set + " " + strings.Join(c.part.Teams, " ") + " " + c.Game.ID
}

// Lengths of the parts of Change.print.
const (
	keyLength   = 4
	writeLength = 8
)

// print is a fingerprint of the game, and one of what the change would write,
// whether it is left out or not.
func (c *Change) print() (key, writes string) {
	h := sha256.New()
	fmt.Fprintln(h, c.Kind, c.key())
	if c.Task != nil {
		fmt.Fprintln(h, c.Task.ID)
	}
	for _, f := range c.writes() {
		fmt.Fprintf(h, "%d=%q\n", f, c.want.value(f))
	}
	return fingerprint(c.key()), base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:6])
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

// A Part is what a plan does with one project for some teams.
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

	opts Options
	set  string
	// own and taken are what marks say of the project.
	own   time.Time
	taken bool
	look  look
	// options are what the tasks remember of the import.
	options url.Values
	// guessed is true when the game of a task was told by more than its id or
	// its day, or was not found: then all tasks of the games have to be known.
	guessed bool
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
	// Offers are what would fit where this does not, or not with all that was
	// chosen.
	Offers []Offer
	// Options are those the plan was made with: as given, or the tasks' own
	// where the options given are bare.
	Options Options
	// Season names the season, such as 2026-27.
	Season string
	// Zone is the IANA zone of the tasks' times.
	Zone string
	// User, Limits and Projects are what was read of the account.
	User     todoist.User
	Limits   todoist.Limits
	Projects []todoist.Project

	made  time.Time
	short shortage
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

// Fingerprint stands for the time of the plan, for all that it would write, and
// for what it would write if nothing were left out.
func (p *Plan) Fingerprint() string {
	var b strings.Builder
	b.WriteString(writeTime(p.made) + ".")
	for _, c := range p.Changes() {
		if c.Pending() || c.Kind == Add {
			key, writes := c.print()
			b.WriteString(key + writes)
		}
	}
	return b.String()
}

// isWhat reports whether the plan is what was shown with a fingerprint, but for
// what its owner has left out since, and what Tipoff itself has written since:
// an earlier try may have done a part of it already.
func (p *Plan) isWhat(shown string) bool {
	at, prints, _ := strings.Cut(shown, ".")
	since, ok := readTime(at)
	if !ok {
		return false
	}
	known, left := map[string]bool{}, map[string]map[string]bool{} // left by game
	for ; len(prints) >= keyLength+writeLength; prints = prints[keyLength+writeLength:] {
		key, print := prints[:keyLength], prints[:keyLength+writeLength]
		if left[key] == nil {
			left[key] = map[string]bool{}
		}
		known[print], left[key][print] = true, true
	}
	if prints != "" {
		return false
	}
	for _, c := range p.Changes() {
		key, writes := c.print()
		ours := c.found != nil && c.found.marked && !c.found.mark.written.Before(since)
		switch {
		case c.Pending() && !known[key+writes]:
			return false
		case c.Pending():
			delete(left[key], key+writes)
		case c.LeftOut, ours:
			delete(left, key)
		}
	}
	for _, prints := range left {
		if len(prints) > 0 {
			return false
		}
	}
	return true
}

// unsure reports whether the plan adds tasks to a project that is there, or to
// one to be made of a name that is there already, or guesses. Then all of the
// account has to be known, since the tasks may have been completed or moved to
// any project.
func (p *Plan) unsure(a *account) bool {
	return slices.ContainsFunc(p.Parts, func(part *Part) bool {
		if part.Project != "" {
			return part.adds() > 0 || part.guessed
		}
		return part.adds() > 0 && len(a.named(part.Name)) > 0
	})
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

// plan makes the difference between the tasks wanted and the tasks found. Where
// tasks are to be added to a project that is there, it looks first whether they
// were completed or moved.
func (im *Importer) plan(ctx context.Context, c *todoist.Client, a *account, opts Options, settled []*Part) (*Plan, error) {
	p, err := a.plan(opts, settled)
	if err == nil && !(a.whole && a.asked[""]) && p.unsure(a) {
		if err := a.readCompleted(ctx, c, ""); err != nil {
			return nil, err
		}
		if !a.whole {
			if err := a.readWhole(ctx, c); err != nil {
				return nil, err
			}
		}
		p, err = a.plan(opts, settled)
	}
	if err == nil && settled == nil {
		p.Offers = a.offers(p)
	}
	return p, err
}

// plan makes the difference from what is known of the account. settled are the
// parts of the first plan of a run, and nil for another plan: the options and the
// sets of a run stay as they were, whatever its own writes make of them.
func (a *account) plan(opts Options, settled []*Part) (*Plan, error) {
	opts.Skip = resolve(opts.Skip, a.season)
	p := &Plan{made: a.now, Season: a.season.Label, User: a.user, Limits: a.limits, Options: opts,
		Projects: slices.Collect(maps.Values(a.projects))}
	slices.SortFunc(p.Projects, func(x, y todoist.Project) int {
		return cmp.Or(inboxFirst(x)-inboxFirst(y), strings.Compare(x.Name, y.Name), strings.Compare(x.ID, y.ID))
	})
	if settled == nil {
		for _, ask := range a.asks(opts) {
			settled = append(settled, &Part{opts: ask})
		}
	}
	if len(settled) == 1 {
		p.Options = settled[0].opts
	}
	planned := map[string]bool{} // games, by project
	for _, known := range settled {
		part := a.find(known.opts, known.set)
		part.opts.Without = part.opts.Without.and(opts.Without)
		opts := part.opts
		var err error
		if p.Zone, err = opts.zoneFor(a.user); err != nil {
			return nil, err
		}
		part.look = look{teams: opts.Teams, zone: p.Zone, title: opts.Title, labels: opts.Labels,
			priority: opts.Priority, duration: opts.Duration, reminder: opts.Reminder, months: opts.Months}
		a.restrict(p, part)
		forgets := part.remember()
		a.diff(part, planned)
		if forgets && part.adds() > 0 {
			p.Notices = append(p.Notices, Notice{Text: fmt.Sprintf("So many games are left out that the tasks in “%s” cannot remember them all: "+
				"the next update offers them again.", part.Name)})
		}
		p.Parts = append(p.Parts, part)
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

// asks splits options into those of each part. Bare ones give way to what the
// tasks of their teams remember, which may be several in one project.
func (a *account) asks(opts Options) []Options {
	parts := [][]string{opts.Teams}
	if opts.Target == TargetEach {
		parts = nil
		for _, team := range opts.Teams {
			parts = append(parts, []string{team})
		}
	}
	var all []Options
	for _, teams := range parts {
		if opts.Bare {
			set, project := a.setOf(teams...), ""
			if opts.Target != TargetNew && opts.Target != TargetEach {
				project = opts.Target
				set, _ = a.home(project)
			}
			for _, own := range a.remembered(set, project, a.tasks, a.completed) {
				if !subset(own.Teams, teams) {
					continue
				}
				own.Target = opts.Target
				own.Skip = resolve(append(own.Skip, opts.Skip...), a.season)
				all = append(all, own)
				teams = slices.DeleteFunc(slices.Clone(teams), func(team string) bool { return slices.Contains(own.Teams, team) })
			}
		}
		if len(teams) > 0 {
			one := opts
			one.Teams = teams
			all = append(all, one)
		}
	}
	if opts.Bare && opts.Target != TargetEach {
		// The order in which they will be remembered: of two teams' game the
		// first has the task.
		slices.SortFunc(all, func(x, y Options) int { return strings.Compare(groupOf(x.Teams), groupOf(y.Teams)) })
	}
	return all
}

// groupOf names teams in any order.
func groupOf(teams []string) string { return strings.Join(slices.Sorted(slices.Values(teams)), " ") }

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// remembered are the options that wrote the tasks of a set, in a project or in
// all for "", for each group of teams those of the last import. A group that is
// part of another one belongs to it. Of several lots of tasks, each is asked only
// about groups of which none before has any, and takes in none that has.
func (a *account) remembered(set, project string, lots ...map[string]*entry) []Options {
	type group struct {
		lot     int
		written time.Time
		votes   map[string]int // by options
	}
	groups := map[string]*group{}
	for lot, tasks := range lots {
		for _, e := range tasks {
			if e.mark.set != set || project != "" && e.Project != project || !a.ours(e) {
				continue
			}
			teams := groupOf(e.mark.options["team"])
			g := groups[teams]
			if g != nil && g.lot < lot {
				continue
			}
			if g == nil || e.mark.written.After(g.written) {
				g = &group{lot, e.mark.written, map[string]int{}}
				groups[teams] = g
			}
			if e.mark.written.Equal(g.written) {
				g.votes[e.mark.options.Encode()]++
			}
		}
	}
	type lasting struct {
		Options
		lot int
	}
	var all []lasting
	for _, teams := range slices.Sorted(maps.Keys(groups)) {
		v, err := url.ParseQuery(most(groups[teams].votes))
		if err != nil {
			continue
		}
		if opts, err := ParseOptions(v); err == nil {
			all = append(all, lasting{opts, groups[teams].lot})
		}
	}
	var own []Options
	for _, o := range all {
		if !slices.ContainsFunc(all, func(other lasting) bool {
			return len(other.Teams) > len(o.Teams) && subset(o.Teams, other.Teams) && other.lot <= o.lot
		}) {
			own = append(own, o.Options)
		}
	}
	return own
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
	known := map[Ref]bool{}
	for _, r := range refs {
		if g := byID[r.ID]; g != nil && r.Away == "" && g.Known() {
			r = refOf(g)
		}
		if !known[r] {
			known[r] = true
			full = append(full, r)
		}
	}
	return full
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

// setOf derives a set from what it is for, so that two imports that start at
// the same moment agree on it: teams for a project of their own, the project
// alone for one that is there.
func (a *account) setOf(target ...string) string {
	sorted := slices.Sorted(slices.Values(target))
	sum := sha256.Sum256([]byte(strings.Join(append([]string{a.user.ID, a.season.Label}, sorted...), "\n")))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// ownProject is the project for exactly these teams, or "". It is where most of
// its open tasks are, or the completed ones where none is open; the Inbox is one
// only when nothing else is.
func (a *account) ownProject(teams []string) string {
	set := a.setOf(teams...)
	for _, tasks := range []map[string]*entry{a.tasks, a.completed} {
		votes, inbox := map[string]int{}, map[string]int{}
		for _, e := range tasks {
			switch {
			case !a.ours(e) || e.mark.set != set || a.strays[e.ID]:
			case a.projects[e.Project].Inbox:
				inbox[e.Project]++
			default:
				votes[e.Project]++
			}
		}
		if project := cmp.Or(most(votes), most(inbox)); project != "" {
			return project
		}
	}
	return ""
}

// find says which project the teams' games go into. The set is known in a run.
func (a *account) find(opts Options, set string) *Part {
	part := &Part{Teams: opts.Teams, Name: cmp.Or(opts.Name, ProjectName(opts.Teams, a.season.Label)), opts: opts}
	if team, ok := schedule.TeamByCode(opts.Teams[0]); ok && len(opts.Teams) == 1 {
		part.Colour = Colour(team)
	}
	switch opts.Target {
	case TargetNew, TargetEach:
		part.set = a.setOf(opts.Teams...)
		part.Project = cmp.Or(a.ownProject(opts.Teams), a.made[part.set])
		if part.Project != "" {
			part.own = a.now
			break
		}
		// A project of this name without an open task was made by an import
		// that went no further, or all its tasks are completed. It may as
		// well be the owner's own.
		for _, id := range a.named(part.Name) {
			if part.Project == "" && a.open[id] == 0 {
				part.Project = id
				part.own, part.taken = a.birth(id), true
			}
		}
		if part.Project == "" {
			part.own = a.now
		}
	default:
		part.Project = opts.Target
		part.set, _ = a.home(part.Project)
	}
	part.set = cmp.Or(set, part.set)
	if project, ok := a.projects[part.Project]; ok {
		part.Name = project.Name
	}
	// What the project is to the set is told by the tasks that are there, and
	// better by Todoist.
	there, owns := false, map[string]int{}
	for _, e := range a.tasks {
		if e.Project != part.Project || e.mark.set != part.set || !a.ours(e) {
			continue
		}
		there = true
		if !e.mark.own.IsZero() {
			owns[fmt.Sprint(writeTime(e.mark.own), " ", e.mark.taken)]++
		}
	}
	if there {
		at, taken, _ := strings.Cut(most(owns), " ")
		part.own, _ = readTime(at)
		part.taken = taken == "true"
	}
	if home, made := a.home(part.Project); home == part.set && home != a.setOf(part.Project) {
		part.own, part.taken = a.birth(part.Project), !made
	}
	return part
}

// birth is when a project was made, or now if that is not known.
func (a *account) birth(project string) time.Time {
	created, err := time.Parse(time.RFC3339, a.projects[project].CreatedAt)
	if err != nil {
		return a.now
	}
	return created
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

// maxRemembered bounds, in bytes, the options that each task's mark repeats. A
// hundred tasks with their marks have to fit into the megabyte of one request.
const maxRemembered = 5000

// remember sets what the tasks remember of the part's options. Of games left out
// that are those of its own teams: with their sides and days, so that they are
// known at any source; by their ids alone where they are many; and not where
// they are too many even so, which it reports.
func (p *Part) remember() (forgets bool) {
	opts := p.opts
	opts.Target, opts.Name, opts.Bare = TargetNew, "", false
	opts.Skip = nil
	for _, r := range p.opts.Skip {
		if r.Away == "" || slices.Contains(p.Teams, r.Away) || slices.Contains(p.Teams, r.Home) {
			opts.Skip = append(opts.Skip, r)
		}
	}
	fits := func() bool {
		p.options = opts.Values()
		return len(p.options.Encode()) <= maxRemembered
	}
	if fits() {
		return false
	}
	for i, r := range opts.Skip {
		opts.Skip[i] = Ref{ID: r.ID}
	}
	if fits() {
		return false
	}
	forgets = len(opts.Skip) > 0
	opts.Skip = nil
	fits()
	return forgets
}

// restrict takes away from a part's looks what the account does not allow, and
// says so.
func (a *account) restrict(p *Plan, part *Part) {
	lack := func(f field, text string) {
		part.look.lacks[f] = true
		if n := (Notice{Text: text}); !slices.Contains(p.Notices, n) {
			p.Notices = append(p.Notices, n)
		}
	}
	if part.opts.Duration > 0 && (part.opts.Without.Durations || a.limits.Durations == nil || !*a.limits.Durations) {
		lack(fieldDuration, "Your Todoist plan has no task durations, so the tasks are made without.")
	}
	if part.opts.Reminder != NoReminder && (part.opts.Without.Reminders || a.limits.Reminders != nil && !*a.limits.Reminders) {
		lack(fieldReminder, "Your Todoist plan has no reminders of your own, so the tasks are made without.")
	}
	if part.opts.View == ViewCalendar && part.Project == "" && !a.calendars() {
		p.Notices = append(p.Notices, Notice{Text: fmt.Sprintf("Your Todoist plan has no calendar layout, so “%s” is made as a list.", part.Name)})
	}
	if part.opts.Months && part.opts.Without.Sections {
		lack(fieldSection, "Todoist makes no more sections in this project, so the tasks stay without.")
	}
}

// calendars reports whether the account can show projects as calendars.
func (a *account) calendars() bool { return a.limits.Calendar != nil && *a.limits.Calendar }

// diff compares the games wanted with the tasks found and sets the part's
// changes. planned has the games that earlier parts of the plan have in hand.
func (a *account) diff(part *Part, planned map[string]bool) {
	all := schedule.Filter{Teams: part.Teams, Types: everyType}.Games(a.season, a.now)
	wanted := map[string]bool{}
	for _, g := range part.opts.filter(part.Teams).Games(a.season, a.now) {
		wanted[g.ID] = true
	}
	// A game left out stays so while it is postponed.
	skipped, elsewhere := map[string]bool{}, []Ref(nil)
	for _, r := range part.opts.Skip {
		if slices.ContainsFunc(all, func(g schedule.Game) bool { return g.ID == r.ID }) {
			skipped[r.ID] = true
		} else {
			elsewhere = append(elsewhere, r)
		}
	}
	// Nothing is guessed about games left out: one that moved and has another id
	// now is on the plan again, where it is seen, and one too few is not.
	for _, g := range match(elsewhere, all, func(*schedule.Game) bool { return false }) {
		if g >= 0 {
			skipped[all[g].ID] = true
		}
	}

	open, done, theirs := a.tasksOf(part)
	have := map[string]bool{} // ids of games that have a task
	for i := range all {
		g := &all[i]
		have[g.ID] = theirs.has(g) != nil || part.Project != "" && planned[part.Project+" "+g.ID]
	}
	// A task may have become that of any game to come that would get one
	// otherwise. Of the others it is not taken, since what is guessed today has
	// to be so tomorrow, when these have their tasks. Nothing is guessed about
	// completed tasks: rather one more than one too few.
	stripped := a.stripped(part)
	free := func(g *schedule.Game) bool {
		return wanted[g.ID] && g.Upcoming(a.now) && !skipped[g.ID] && !have[g.ID] && done.has(g) == nil && !(g.TBD() && part.opts.SkipTBD) &&
			stripped(g) == nil
	}
	refs := make([]Ref, len(open))
	for i := range open {
		refs[i] = open[i].mark.game
	}
	// A game that the filter leaves out now and took before has changed, and so
	// does its task. One that another filter took is left alone, and so are
	// games that are over. What is skipped is additions.
	follows := func(g *schedule.Game, m mark) bool {
		return wanted[g.ID] || g.Upcoming(a.now) && part.sameFilter(m)
	}
	plan := func(c *Change, id string) {
		planned[part.Project+" "+id] = !c.LeftOut
		part.Changes = append(part.Changes, c)
	}
	compared := map[string]bool{}
	for i, g := range match(refs, all, free) {
		e := open[i]
		part.guessed = part.guessed || g < 0 || !e.mark.game.names(&all[g])
		switch {
		case g < 0:
			if c := a.goneChange(part, e); c != nil {
				plan(c, "task "+e.ID)
			}
		case compared[all[g].ID]:
			// A copy that the owner made of a task is the owner's own.
		default:
			compared[all[g].ID], have[all[g].ID] = true, true
			if follows(&all[g], e.mark) {
				plan(a.compare(part, e, &all[g]), all[g].ID)
			}
		}
	}
	for i := range all {
		g := &all[i]
		e := done.has(g)
		if e == nil || have[g.ID] {
			continue
		}
		have[g.ID] = true
		if follows(g, e.mark) {
			plan(&Change{Kind: Completed, Game: *g, Task: &e.Task, Title: e.Content, found: e, part: part}, g.ID)
		}
	}
	for i := range all {
		g := &all[i]
		if !wanted[g.ID] || have[g.ID] || g.TBD() && part.opts.SkipTBD {
			continue
		}
		if g.Postponed {
			part.guessed = true // the task may have been moved elsewhere
			continue
		}
		c := &Change{Kind: Add, Game: *g, LeftOut: skipped[g.ID], want: part.look.taskFor(g), part: part}
		c.Title = c.want.title
		if e := stripped(g); e != nil {
			c.Kind, c.Task, c.found = Keep, &e.Task, e
		}
		plan(c, g.ID)
	}
	slices.SortStableFunc(part.Changes, func(x, y *Change) int {
		return cmp.Or(cmp.Compare(x.Game.Day, y.Game.Day), x.Game.Tip.Compare(y.Game.Tip), cmp.Compare(x.Game.ID, y.Game.ID))
	})
}

// sameFilter reports whether a task was written by an import that chose its
// games as this one does.
func (p *Part) sameFilter(m mark) bool {
	return !slices.ContainsFunc(filterFields, func(field string) bool {
		return !slices.Equal(m.options[field], p.options[field])
	})
}

// byGame are tasks by their game's id, and by its sides and day.
type byGame map[string]*entry

func (b byGame) add(e *entry) { b[e.mark.game.ID], b[e.mark.game.pairDay()] = e, e }

// has is a task that names the game, or nil.
func (b byGame) has(g *schedule.Game) *entry {
	if e := b[g.ID]; e != nil {
		return e
	}
	return b[refOf(g).pairDay()]
}

// tasksOf are the tasks of a part's teams: those in its project, and those of
// its set that their owner moved elsewhere. Of the open ones, those in the project
// come first, so that they are taken before copies. theirs are another import's
// for other teams, which has their fields.
func (a *account) tasksOf(part *Part) (open []*entry, done, theirs byGame) {
	done, theirs = byGame{}, byGame{}
	for _, tasks := range []map[string]*entry{a.tasks, a.completed} {
		for _, e := range tasks {
			r := e.mark.game
			switch {
			case !a.ours(e) || e.mark.set != part.set && e.Project != part.Project,
				!slices.Contains(part.Teams, r.Home) && !slices.Contains(part.Teams, r.Away):
			case !subset(e.mark.options["team"], part.Teams):
				theirs.add(e)
			case e.Checked:
				done.add(e)
			default:
				open = append(open, e)
			}
		}
	}
	slices.SortFunc(open, func(x, y *entry) int {
		if in := x.Project == part.Project; in != (y.Project == part.Project) {
			if in {
				return -1
			}
			return 1
		}
		return strings.Compare(x.ID, y.ID)
	})
	return open, done, theirs
}

// stripped finds the task whose owner took the mark of a game away: one without
// a mark, in the part's project, that is called as the game's would be and due on
// its day.
func (a *account) stripped(part *Part) func(*schedule.Game) *entry {
	all := map[string]*entry{}
	for _, e := range a.tasks {
		if e.Project != part.Project || e.marked || e.Due == nil {
			continue
		}
		key := e.Content + " " + dayOf(e.Due)
		if other := all[key]; other == nil || e.ID < other.ID {
			all[key] = e
		}
	}
	return func(g *schedule.Game) *entry {
		if len(all) == 0 {
			return nil
		}
		day := dayOf(part.look.taskFor(g).due)
		for _, title := range part.look.titlesOf(g) {
			if e := all[title+" "+day]; e != nil {
				return e
			}
		}
		return nil
	}
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
func (a *account) compare(part *Part, e *entry, g *schedule.Game) *Change {
	c := &Change{Kind: Same, Game: *g, Task: &e.Task, Title: e.Content, found: e, part: part}
	c.want = part.look.taskFor(g)
	if e.Project != part.Project {
		// Its owner moved it, and out of the project's sections with that.
		c.want.free[fieldSection] = true
	}
	if a.season.AsOf.Before(e.mark.asOf) {
		// The task was written from a newer schedule than the one at hand.
		for _, of := range []field{fieldTitle, fieldDue, fieldZone, fieldText, fieldDuration, fieldSection, fieldReminder} {
			c.want.free[of] = true
		}
	}
	a.threeWay(c)
	if c.Kind == Update && g.Postponed && c.writesAny(fieldTitle, fieldDue) {
		c.Kind = Postpone
	}
	return c
}

func (c *Change) writesAny(any ...field) bool {
	return slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return slices.Contains(any, f.Field) })
}

// threeWay sets the fields of a change, and its kind to Update or Keep if there
// are any.
func (a *account) threeWay(c *Change) {
	now := a.taskOf(c.found)
	for f := range field(fields) {
		written, is, wanted := c.found.mark.prints[f], fingerprint(now.value(f)), fingerprint(c.want.value(f))
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
	// A date that its owner chose keeps its zone, its length and its reminder
	// as far as these hang on the date.
	due := now.due
	if c.writesAny(fieldDue) {
		due = c.want.due
	}
	c.Fields = slices.DeleteFunc(c.Fields, func(f FieldChange) bool {
		switch f.Field {
		case fieldZone:
			return due.Key() != c.want.due.Key()
		case fieldDuration, fieldReminder:
			return timed(due) != timed(c.want.due)
		}
		return false
	})
	switch {
	case len(c.Fields) > 0:
		c.Kind = Update
		if c.writesAny(fieldTitle) {
			c.Title = c.want.title
		}
	case len(c.Kept) > 0:
		c.Kind = Keep
	}
}

// goneChange postpones a task whose game is not on the schedule any more. It is
// nil for games of the past, for those that the options leave out, and where the
// task is from a newer schedule.
func (a *account) goneChange(part *Part, e *entry) *Change {
	if e.mark.game.Day < schedule.DayOf(a.now, schedule.Eastern()) || a.season.AsOf.Before(e.mark.asOf) {
		return nil
	}
	side := func(code string) schedule.Side {
		if team, ok := schedule.TeamByCode(code); ok {
			return team.Side()
		}
		return schedule.Side{Code: code}
	}
	g := schedule.Game{ID: e.mark.game.ID, Type: schedule.Regular, Day: e.mark.game.Day,
		Home: side(e.mark.game.Home), Away: side(e.mark.game.Away)}
	// Of its type and channels nothing is known any more.
	filter := part.opts.filter(part.Teams)
	filter.Upcoming, filter.Types, filter.National = false, nil, false
	if !part.sameFilter(e.mark) && len(filter.Games(&schedule.Season{Games: []schedule.Game{g}}, a.now)) == 0 {
		return nil
	}
	c := &Change{Kind: Same, Game: g, Task: &e.Task, Title: e.Content, found: e, part: part, want: part.look.goneTask(&g)}
	a.threeWay(c)
	if c.Kind == Update {
		c.Kind = Postpone
	}
	return c
}

// limitReminders takes the reminders away where the account has no room for as
// many, and says so.
func (a *account) limitReminders(p *Plan) {
	if a.limits.MaxReminders == nil {
		return
	}
	more, room := 0, *a.limits.MaxReminders-len(a.reminders)
	adding := func(c *Change) bool {
		return c.Pending() && c.want.reminder != NoReminder && (c.Kind == Add || c.writesAny(fieldReminder) && a.reminderOf(c.found) == nil)
	}
	for _, c := range p.Changes() {
		if adding(c) {
			more++
		}
	}
	if more <= room {
		return
	}
	for _, c := range p.Changes() {
		if !adding(c) {
			continue
		}
		c.want.reminder = NoReminder
		if c.Kind != Add {
			c.Fields = slices.DeleteFunc(c.Fields, func(f FieldChange) bool { return f.Field == fieldReminder })
			if len(c.Fields) == 0 {
				c.Kind = Same
			}
		}
	}
	p.short.reminders = true
	p.Notices = append(p.Notices, Notice{Text: fmt.Sprintf("Your Todoist plan has room for %d more reminders, and these would be %d, "+
		"so the tasks are made without.", max(room, 0), more)})
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
	adds := map[string]int{} // by project that is there
	for _, part := range p.Parts {
		n := part.adds()
		if part.Project == "" && n > 0 {
			fresh++
		}
		open := 0
		if part.Project != "" {
			adds[part.Project] += n
			n, open = adds[part.Project], a.open[part.Project]
		}
		if most := a.limits.Tasks; most != nil && part.adds() > 0 && open+n > *most {
			p.short.tasks = true
			stop("A project of your Todoist plan holds %d tasks. “%s” has %d, so there is room for %d more, and these would be %d. "+
				"Choose fewer games or another project.", *most, part.Name, open, max(*most-open, 0), n)
		}
	}
	if most := a.limits.Projects; most != nil && fresh > 0 && projects+fresh > *most {
		p.short.projects = true
		new := "a new one"
		if fresh > 1 {
			new = fmt.Sprintf("%d new ones", fresh)
		}
		stop("Your Todoist plan holds %d projects and you have %d, so there is no room for %s. "+
			"Choose one of your projects in the options, or archive one in Todoist first.", *most, projects, new)
	}
	for _, part := range p.Parts {
		have, names := 0, map[string]bool{}
		for _, c := range part.Changes {
			if c.Pending() && c.want.section != "" && (c.Kind == Add || c.writesAny(fieldSection)) {
				names[c.want.section] = true
			}
		}
		for _, s := range a.sections {
			if s.Project == part.Project {
				have++
				delete(names, s.Name)
			}
		}
		if most := a.limits.Sections; most != nil && len(names) > 0 && have+len(names) > *most {
			p.short.sections = true
			stop("A project of your Todoist plan holds %d sections, and “%s” would have %d. Choose no sections.",
				*most, part.Name, have+len(names))
		}
	}
}
