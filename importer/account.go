package importer

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"tipoff/schedule"
	"tipoff/todoist"
)

// account is what an import knows of a Todoist account, and the schedule that
// it goes by. It is read once, and then follows what each answer says has
// changed; the schedule stays as it was at first, whatever is published
// meanwhile, so that what runs is what was shown.
type account struct {
	season   *schedule.Season
	from, to schedule.Day // the season's window
	now      time.Time

	token     string // of the last answer, for what has changed since
	user      todoist.User
	limits    todoist.Limits
	projects  map[string]todoist.Project
	sections  map[string]todoist.Section
	reminders map[string]todoist.Reminder
	reminding map[string][]todoist.Reminder // the same, by task
	// tasks are the open tasks, by id: all of a project that was listed, and
	// of the others those that carry a mark or have the title of a game.
	tasks map[string]*entry
	// open counts the open tasks of each project. The owner's own tasks in
	// projects that were not listed count as they were when first read.
	open   map[string]int
	listed map[string]bool // projects, whose tasks were read by themselves
	whole  bool            // the tasks of all projects were read
	// completed are completed tasks, by id, and asked has the projects of
	// which all those of the season were read, "" for all projects.
	completed map[string]*entry
	asked     map[string]bool
	// titles are those of the games wanted, in every style.
	titles map[string]bool
	// made are the projects made by this run, by set, and strays the tasks that
	// Todoist put into another project than this run told it.
	made   map[string]string
	strays map[string]bool
}

// An entry is a task of Todoist with what its mark says, if it has one.
type entry struct {
	todoist.Task
	mark   mark
	marked bool
	// text is the description without the marked link, cut after maxText bytes.
	text string
}

// maxText is longer than the text that Tipoff writes for any game. A longer one is
// its owner's, and is not compared further.
const maxText = 2 << 10

func entryOf(t *todoist.Task) *entry {
	e := &entry{Task: *t, text: textOf(t.Description)}
	e.mark, _, e.marked = findMark(t.Description)
	if len(e.text) > maxText {
		e.text = strings.ToValidUTF8(e.text[:maxText], "") + "…"
	}
	return e
}

// size is about how many bytes the entry takes in memory.
func (e *entry) size() int {
	n := 2<<10 + len(e.Content) + len(e.Description) + min(len(e.Description), maxText)
	for _, label := range e.Labels {
		n += 32 + len(label)
	}
	for _, values := range e.mark.options {
		n += 100 + 32*len(values)
	}
	return n
}

// read asks Todoist for what a plan needs: one request where a project is to
// be found or made, and a list of one project's tasks more where it is named.
func (im *Importer) read(ctx context.Context, c *todoist.Client, opts Options) (*account, error) {
	a := &account{
		season:    im.Season(),
		now:       im.Now().UTC(),
		projects:  map[string]todoist.Project{},
		sections:  map[string]todoist.Section{},
		reminders: map[string]todoist.Reminder{},
		tasks:     map[string]*entry{},
		open:      map[string]int{},
		listed:    map[string]bool{},
		completed: map[string]*entry{},
		asked:     map[string]bool{},
		made:      map[string]string{},
		strays:    map[string]bool{},
		whole:     opts.Target == TargetNew || opts.Target == TargetEach,
	}
	a.from, a.to = a.season.Window()
	a.titles = titles(opts.Teams, a.season)
	resources := []string{todoist.ResourceUser, todoist.ResourceLimits, todoist.ResourceProjects,
		todoist.ResourceSections, todoist.ResourceReminders}
	if a.whole {
		resources = append(resources, todoist.ResourceTasks)
	}
	state, err := c.Read(ctx, a.keep(a.matters), resources...)
	if err != nil {
		return nil, err
	}
	a.user, a.limits = state.User, state.Limits
	a.follow(state)
	if a.whole {
		a.open = state.Open
		return a, nil
	}
	if _, ok := a.projects[opts.Target]; ok {
		err = a.readProject(ctx, c, opts.Target)
	}
	if _, ok := a.projects[opts.Target]; !ok && err == nil {
		err = Invalid{"target": "This project is not among yours any more. Choose another one."}
	}
	return a, err
}

// matters tells the tasks that a plan looks at from the owner's others.
func (a *account) matters(t *todoist.Task) bool {
	return strings.Contains(t.Description, markSign) || a.titles[t.Content]
}

func everyTask(*todoist.Task) bool { return true }

// maxSize bounds, in bytes, what is held of an account's tasks. The games of a season,
// imported for all thirty teams, take a quarter of it.
const maxSize = 32 << 20

// keep holds on to the tasks that matter, without what no plan looks at: the
// descriptions of the owner's own tasks, and the text around the marks of completed
// ones. It is [todoist.ErrTooLarge] where the account has more than maxSize of them.
func (a *account) keep(matters func(*todoist.Task) bool) todoist.Keep {
	size := 0
	for _, tasks := range []map[string]*entry{a.tasks, a.completed} {
		for _, e := range tasks {
			size += e.size()
		}
	}
	return func(t *todoist.Task) (bool, error) {
		if !matters(t) {
			return false, nil
		}
		m, at, marked := findMark(t.Description)
		switch {
		case !marked:
			t.Description = ""
		case t.Checked:
			t.Description = strings.Clone(t.Description[at.link.start:at.link.end])
		}
		e := entry{Task: *t, mark: m, marked: marked}
		if size += e.size(); size > maxSize {
			return false, todoist.ErrTooLarge
		}
		return true, nil
	}
}

// titles are those that tasks of the teams' games have in any style, or of all
// games for no teams.
func titles(teams []string, season *schedule.Season) map[string]bool {
	all := map[string]bool{}
	games := schedule.Filter{Teams: teams, Types: everyType}.Games(season, time.Time{})
	for i := range games {
		for _, title := range new(look).titlesOf(&games[i]) {
			all[title] = true
		}
	}
	return all
}

// follow takes in what an answer says, whole or since the last one.
func (a *account) follow(s *todoist.State) {
	if s.Token != "" {
		a.token = s.Token
	}
	for _, p := range s.Projects {
		if p.Deleted || p.Archived {
			delete(a.projects, p.ID)
			a.forgetTasks(p.ID)
			continue
		}
		a.projects[p.ID] = p
	}
	for _, x := range s.Sections {
		if x.Deleted || x.Archived {
			delete(a.sections, x.ID)
			continue
		}
		a.sections[x.ID] = x
	}
	for i := range s.Tasks {
		a.take(&s.Tasks[i])
	}
	for _, r := range s.Reminders {
		if r.Deleted {
			delete(a.reminders, r.ID)
			continue
		}
		a.reminders[r.ID] = r
	}
	if len(s.Reminders) > 0 || a.reminding == nil {
		a.reminding = map[string][]todoist.Reminder{}
		for _, r := range a.reminders {
			a.reminding[r.Task] = append(a.reminding[r.Task], r)
		}
	}
}

// take takes in one task as it is now.
func (a *account) take(t *todoist.Task) {
	if old := a.tasks[t.ID]; old != nil {
		a.open[old.Project]--
		delete(a.tasks, t.ID)
	}
	delete(a.completed, t.ID)
	e := entryOf(t)
	switch {
	case t.Deleted || !e.marked && !a.titles[t.Content] && !a.listed[t.Project]:
	case t.Checked:
		a.completed[t.ID] = e
	default:
		a.tasks[t.ID] = e
		a.open[t.Project]++
	}
}

func (a *account) forgetTasks(project string) {
	for id, t := range a.tasks {
		if t.Project == project {
			delete(a.tasks, id)
		}
	}
	a.open[project] = 0
}

// readProject reads the open tasks of one project as they are now. A project
// that is gone is forgotten.
func (a *account) readProject(ctx context.Context, c *todoist.Client, project string) error {
	tasks, err := c.Tasks(ctx, project, a.keep(everyTask))
	if gone(err) {
		delete(a.projects, project)
		a.forgetTasks(project)
		return nil
	}
	if err != nil {
		return err
	}
	a.forgetTasks(project)
	a.listed[project] = true
	for i := range tasks {
		a.take(&tasks[i])
	}
	return nil
}

// gone reports whether Todoist refused because there is no such project. It
// answers 400 for a project's id that it does not know and 404 elsewhere.
func gone(err error) bool {
	refused, ok := errors.AsType[*todoist.Error](err)
	return ok && (refused.Status == http.StatusNotFound || refused.Status == http.StatusBadRequest)
}

// readWhole reads the tasks of all projects, to find those that were moved.
func (a *account) readWhole(ctx context.Context, c *todoist.Client) error {
	// What was listed by project is newer than this.
	state, err := c.Read(ctx, a.keep(func(t *todoist.Task) bool { return !a.listed[t.Project] && a.matters(t) }), todoist.ResourceTasks)
	if err != nil {
		return err
	}
	for i := range state.Tasks {
		a.take(&state.Tasks[i])
	}
	for project, n := range state.Open {
		if !a.listed[project] {
			a.open[project] = n
		}
	}
	a.whole = true
	return nil
}

// readCompleted reads the tasks of a project that were completed since the
// season's schedule came out, or of all projects for "", of which only those are
// kept that a plan looks at.
func (a *account) readCompleted(ctx context.Context, c *todoist.Client, project string) error {
	if a.asked[project] {
		return nil
	}
	matters := everyTask
	if project == "" {
		matters = a.matters
	}
	tasks, err := c.Completed(ctx, project, a.from.Time(time.UTC), a.now.Add(time.Minute), a.keep(matters))
	if err != nil && !gone(err) {
		return err
	}
	for i := range tasks {
		a.completed[tasks[i].ID] = entryOf(&tasks[i])
	}
	a.asked[project] = true
	return nil
}

// ours reports whether a task was made by Tipoff for a game of this season, and
// is where a plan looks.
func (a *account) ours(e *entry) bool {
	_, known := a.projects[e.Project]
	return e.marked && known && e.mark.game.Day >= a.from && e.mark.game.Day <= a.to
}

// madeSoon is how far apart the making of a project may be from that of its
// first tasks by Todoist's clock, and from the import's beginning by ours.
const madeSoon = 2 * time.Minute

// home is the set of the tasks that are at home in a project, by what most of
// them say: the one that the project was made or taken for, or else the
// project's own. Tasks of other sets were moved there by their owner. Completed
// tasks are asked only where none is open. made is true when Tipoff made the
// project.
func (a *account) home(project string) (set string, made bool) {
	own := a.setOf(project)
	votes, byUs := map[string]int{}, map[string]bool{}
	created, err := time.Parse(time.RFC3339, a.projects[project].CreatedAt)
	soon := func(t time.Time) bool { return err != nil || created.Sub(t).Abs() < madeSoon }
	fits := map[string]bool{own: true}
	for _, tasks := range []map[string]*entry{a.tasks, a.completed} {
		if len(votes) > 0 {
			break
		}
		for _, e := range tasks {
			if e.Project != project || !e.marked {
				continue
			}
			votes[e.mark.set]++
			added, _ := time.Parse(time.RFC3339, e.AddedAt)
			switch {
			case e.mark.own.IsZero():
			case e.mark.taken: // its age was read, not guessed
				fits[e.mark.set] = fits[e.mark.set] || err != nil || created.Unix() == e.mark.own.Unix()
			case soon(e.mark.own) || soon(added):
				fits[e.mark.set], byUs[e.mark.set] = true, err == nil
			}
		}
	}
	maps.DeleteFunc(votes, func(set string, _ int) bool { return !fits[set] })
	set = cmp.Or(most(votes), own)
	return set, byUs[set]
}

// taskOf is a task of Todoist as a task of ours. Of its reminders, the one that
// the mark knows stands for all.
func (a *account) taskOf(e *entry) task {
	found := task{
		title:    e.Content,
		text:     e.text,
		due:      e.Due,
		priority: e.Priority,
		labels:   e.Labels,
		reminder: NoReminder,
	}
	if e.Duration != nil {
		found.duration = e.Duration.Amount
		if e.Duration.Unit == "day" {
			found.duration *= 24 * 60
		}
	}
	if e.Section != nil {
		found.section = a.sections[*e.Section].Name
	}
	if r := a.reminderOf(e); r != nil {
		found.reminder = *r.Minutes
	}
	return found
}

// reminderOf is the relative reminder that Tipoff wrote, or else the first one.
func (a *account) reminderOf(e *entry) *todoist.Reminder {
	var best *todoist.Reminder
	for _, r := range a.reminding[e.ID] {
		if r.Minutes == nil || r.Type != "relative" {
			continue
		}
		written := task{reminder: *r.Minutes}
		if e.marked && fingerprint(written.value(fieldReminder)) == e.mark.prints[fieldReminder] {
			return &r
		}
		if best == nil || r.ID < best.ID {
			best = &r
		}
	}
	return best
}

// named are the ids of the projects of a name.
func (a *account) named(name string) (ids []string) {
	for id, p := range a.projects {
		if p.Name == name && !p.Inbox {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// holds reports whether there is an open task for an addition, of this id if it
// is known.
func (a *account) holds(c *Change, id string) bool {
	if a.tasks[id] != nil {
		return true
	}
	for _, e := range a.tasks {
		if e.marked && e.mark.set == c.part.set && e.mark.game.names(&c.Game) {
			return true
		}
	}
	return false
}

// sectionNamed is the id of a project's section, or "".
func (a *account) sectionNamed(project, name string) string {
	best := ""
	for id, s := range a.sections {
		if s.Project == project && s.Name == name && (best == "" || id < best) {
			best = id
		}
	}
	return best
}
