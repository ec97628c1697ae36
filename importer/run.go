package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tipoff/schedule"
	"tipoff/todoist"
)

// maxRounds bounds how often a run writes what is still missing: again without
// what the account turned out not to have, or anew what Todoist took for the
// repetition of something that is gone since. An import that goes well takes
// one.
const maxRounds = 6

// maxTries bounds how often a run tries to write a task that is refused for a
// reason of its own.
const maxTries = 2

// Progress is how far a run has come. Total is 0 while it reads.
type Progress struct {
	Done, Total int
	Message     string
}

// Changed is the error of a run that was not begun, because Todoist or the
// schedule changed since the plan was shown.
type Changed struct{ Plan *Plan }

func (*Changed) Error() string { return "the plan is not the one that was shown" }

// Stopped is the error of a run that was not begun, because the plan does not
// fit the account.
type Stopped struct{ Plan *Plan }

func (*Stopped) Error() string { return "the plan does not fit the account" }

// An Outcome is what a run did.
type Outcome struct {
	// Plan is the plan as it was when the run began, and Left what is still
	// to do.
	Plan, Left *Plan
	Added      int
	Updated    int // tasks brought up to date, the postponed ones among them
	Unchanged  int
	Kept       int
	Failed     []Failure
	// Notices say what the run did without.
	Notices []string
	// Projects are the distinct ids of the targets, in the order of the plan's
	// parts, empty for one that could not be made.
	Projects []string
}

// A Failure is a game whose task was not written, with the reason as a sentence
// for people.
type Failure struct {
	Change *Change
	Reason string
}

// Run makes the plan anew and carries it out. shown is the fingerprint of the
// plan that the person saw, or empty; one that is not what was shown, but for
// what an earlier try has done of it, is not run but returned as a [Changed], and
// one that does not fit as a [Stopped].
//
// Nothing is made twice, whatever is lost on the way. Runs of one user take
// turns within this process. Between processes, and for a request that is sent
// again, each command's uuid derives from what the command is for: of an
// addition the user, the project's set and the game, whatever the options; of
// an update the task in the state that it starts from. Todoist carries out a
// uuid once. A uuid that it answered is not sent again by the same run: what was
// refused, and what was taken and is not there, goes with the next one. What a write did is read from the changes that its
// own answer brings, and before anything is sent anew from the project itself.
//
// The outcome is not nil once writing has begun. The error is what ended the
// run early.
func (im *Importer) Run(ctx context.Context, c *todoist.Client, user string, opts Options, shown string, progress func(Progress)) (*Outcome, error) {
	unlock, err := im.lock(ctx, user)
	if err != nil {
		return nil, err
	}
	defer unlock()
	progress(Progress{Message: "Reading your Todoist"})
	a, err := im.read(ctx, c, opts)
	if err != nil {
		return nil, err
	}
	plan, err := im.plan(ctx, c, a, opts, nil)
	if err != nil {
		return nil, err
	}
	if shown != "" && !plan.isWhat(shown) {
		return nil, &Changed{plan}
	}
	if plan.Stopped() && plan.Pending() > 0 {
		return nil, &Stopped{plan}
	}
	r := &run{im: im, client: c, account: a, opts: opts, plan: plan, left: plan, progress: progress,
		total: plan.Pending(), there: map[string]bool{}, planned: map[string]bool{}, temps: map[string]bool{}, spent: map[string]bool{}, excused: map[string]bool{}, took: map[string]string{}, refused: map[string]*todoist.Error{},
		tries: map[string]int{}, lies: map[string][]field{}}
	for id := range a.projects {
		r.there[id] = true
	}
	for id := range a.tasks {
		r.there[id] = true
	}
	for _, c := range plan.Changes() {
		r.planned[c.key()] = c.Pending()
	}
	err = r.rounds(ctx)
	return r.outcome(err), err
}

// A run is a plan on its way. What it notes of a game it notes by Change.key,
// of a project by the part's set.
type run struct {
	im       *Importer
	client   *todoist.Client
	account  *account
	opts     Options // its Without grows by what turns out not to be there
	plan     *Plan   // as it was at first
	left     *Plan   // as it is now
	round    int
	wrote    int             // how often, in all rounds
	temps    map[string]bool // temporary ids that were sent
	total    int
	progress func(Progress)

	there   map[string]bool           // projects and tasks when the run began
	planned map[string]bool           // games that the plan at first writes: no others are
	spent   map[string]bool           // uuids that Todoist has answered, and whether it refused them
	excused map[string]bool           // uuids that were refused for want of what they depend on
	took    map[string]string         // of games that were written: the description before, "" for none
	refused map[string]*todoist.Error // the last refusal of games and projects
	tries   map[string]int            // how often it was refused for a reason of its own
	lies    map[string][]field        // of games: what the mark says and was refused
	notices []string
}

// rounds writes what is left until nothing is, or nothing helps.
func (r *run) rounds(ctx context.Context) error {
	for r.round = range maxRounds {
		steps := r.steps()
		if len(steps) == 0 {
			return nil
		}
		if err := r.write(ctx, steps); err != nil {
			return r.lookAfter(ctx, err)
		}
		if err := r.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look finds out what is left after a write.
func (r *run) look(ctx context.Context) error {
	if err := r.planAgain(ctx); err != nil {
		return err
	}
	if amends := r.amends(); len(amends) > 0 {
		if err := r.write(ctx, amends); err != nil {
			return r.lookAfter(ctx, err)
		}
		for _, st := range amends {
			if st.of == ofMark {
				delete(r.lies, st.key())
				delete(r.took, st.key())
			} else {
				delete(r.account.strays, st.change.Task.ID)
			}
		}
		if err := r.planAgain(ctx); err != nil {
			return err
		}
	}
	lost := r.lost()
	if len(lost) == 0 {
		return nil
	}
	if err := r.confirm(ctx, lost); err != nil {
		return err
	}
	return r.planAgain(ctx)
}

// planAgain works out what is left.
func (r *run) planAgain(ctx context.Context) error {
	// What is known already, should the rest not be found out.
	left, err := r.account.plan(r.opts, r.plan.Parts)
	if err != nil {
		return err
	}
	r.take(left)
	if left, err = r.im.plan(ctx, r.client, r.account, r.opts, r.plan.Parts); err != nil {
		return err
	}
	r.take(left)
	return nil
}

// take makes a plan the one that is left. A task that was written is done, even
// if somebody else has written other things into it meanwhile: two imports with
// different options at once must not take turns for ever.
func (r *run) take(left *Plan) {
	for _, c := range left.Changes() {
		before, ok := r.took[c.key()]
		if !ok || !c.Pending() || c.Task == nil || c.Task.Description == before || len(r.lies[c.key()]) > 0 {
			continue
		}
		// The task of an addition is one that names its game.
		if before != "" || c.found.mark.game.names(&c.Game) {
			c.Kind, c.Fields = Same, nil
		}
	}
	r.left = left
}

// lookAfter finds out, as far as that is possible, what a write that ended in an
// error has done, so that the failures named are the real ones. All may be
// done, and then that is no error. The context may be over by now.
func (r *run) lookAfter(ctx context.Context, ended error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if todoist.Doubtful(ended) {
		if since, err := r.client.Changes(ctx, r.account.token, changing...); err == nil {
			r.account.follow(since)
			r.findStrays(since)
		}
	}
	if left, err := r.account.plan(r.opts, r.plan.Parts); err == nil {
		r.take(left)
	}
	if todoist.Doubtful(ended) && r.left.Pending() == 0 && len(r.lies) == 0 && len(r.account.strays) == 0 {
		return nil
	}
	return ended
}

// changing are the resources that a write changes.
var changing = []string{todoist.ResourceProjects, todoist.ResourceSections, todoist.ResourceTasks, todoist.ResourceReminders}

// lost are the parts with games that Todoist says are written and that are not
// there.
func (r *run) lost() (parts []*Part) {
	for _, part := range r.left.Parts {
		if slices.ContainsFunc(part.Changes, func(c *Change) bool {
			_, took := r.took[c.key()]
			return took && c.Pending() && len(r.lies[c.key()]) == 0
		}) {
			parts = append(parts, part)
		}
	}
	return parts
}

// confirm reads the projects of parts as they are now.
func (r *run) confirm(ctx context.Context, parts []*Part) error {
	projects, err := r.client.Projects(ctx)
	if err != nil {
		return err
	}
	for _, p := range projects {
		_, known := r.account.projects[p.ID]
		r.account.projects[p.ID] = p
		for _, part := range parts {
			// The project may have been made, and nobody told us its id.
			if !known && part.Project == "" && p.Name == part.Name {
				r.account.made[part.set] = p.ID
			}
		}
	}
	for id := range r.account.projects {
		if !slices.ContainsFunc(projects, func(p todoist.Project) bool { return p.ID == id }) {
			delete(r.account.projects, id)
			r.account.forgetTasks(id)
		}
	}
	for _, part := range parts {
		id := r.projectOf(part)
		if _, ok := r.account.projects[id]; !ok {
			continue
		}
		if err := r.account.readProject(ctx, r.client, id); err != nil {
			return err
		}
	}
	return nil
}

// A step is one command of a run.
type step struct {
	command todoist.Command
	part    *Part
	change  *Change // nil for projects, sections and how a project is shown
	// of says what the command makes: "project", "view", "section", "task",
	// or what of a task it changes beside the task itself, a field's name.
	// These other fields are in the task's mark, which is written before.
	of string
}

// What steps are of.
const (
	ofProject  = "project"
	ofView     = "view"
	ofSection  = "section"
	ofTask     = "task"
	ofPlace    = "place"    // the section of a task
	ofReminder = "reminder" // of a task
	ofNone     = "none"     // the reminder of a task that is to have none
	ofMark     = "mark"     // what a task's mark says
)

// steps are the commands for all that is pending, in the order in which they
// depend on each other: for each project itself, its sections, its tasks.
func (r *run) steps() []step {
	var all []step
	for _, part := range r.left.Parts {
		if part.Project == "" && r.tries[part.set] >= maxTries {
			continue
		}
		pending := slices.DeleteFunc(slices.Clone(part.Changes), func(c *Change) bool {
			return !c.Pending() || !r.planned[c.key()] || r.tries[c.key()] >= maxTries
		})
		// Tasks that Todoist put into the Inbox wait for their project.
		waits := part.Project == "" && slices.ContainsFunc(part.Changes, func(c *Change) bool { return c.Task != nil && r.account.strays[c.Task.ID] })
		if len(pending) == 0 && !waits {
			continue
		}
		s := stepper{run: r, part: part, project: part.Project, sections: map[string]string{}}
		if part.Project == "" {
			s.addProject()
		}
		for _, c := range pending {
			if slices.Contains(c.writes(), fieldSection) {
				s.section(c.want.section)
			}
		}
		for i, c := range pending {
			if c.Kind == Add {
				s.addTask(c, i)
			} else {
				s.updateTask(c)
			}
		}
		all = append(all, s.steps...)
	}
	return all
}

// amends put right what the refusal of single commands has left wrong: marks
// that say more than was written, and tasks in another project than they
// belong.
func (r *run) amends() []step {
	var all []step
	for _, part := range r.left.Parts {
		s := stepper{run: r, part: part}
		for _, c := range part.Changes {
			if c.Task == nil || !c.found.marked {
				continue
			}
			if lies := r.lies[c.key()]; len(lies) > 0 {
				m, is := c.found.mark, r.account.taskOf(c.found)
				m.written, m.options = r.written(), part.options
				for _, f := range lies {
					m.prints[f] = fingerprint(is.value(f))
				}
				s.add(c, ofMark, "item_update", map[string]any{"id": c.Task.ID,
					"description": remark(c.Task.Description, pageOf(&c.Game), m)}, c.Task.ID, c.Task.Description)
			}
			if r.account.strays[c.Task.ID] && part.Project != "" && part.Project != c.Task.Project {
				s.add(c, ofPlace, "item_move", map[string]any{"id": c.Task.ID, "project_id": part.Project}, c.Task.ID, part.Project)
			}
		}
		all = append(all, s.steps...)
	}
	return all
}

// minute tells apart the uuids of imports of other minutes.
func (r *run) minute() string { return " " + writeTime(r.account.now.Truncate(time.Minute)) }

// written is the time that marks of the next write get. It tells the writes of
// a run apart, since the options to be remembered are those of the last one,
// which does without what was refused.
func (r *run) written() time.Time { return r.account.now.Add(time.Duration(r.wrote) * time.Second) }

// A stepper writes the commands of one part.
type stepper struct {
	run      *run
	part     *Part
	project  string            // id or temporary id
	sections map[string]string // ids or temporary ids, by name
	steps    []step
}

// add adds a command and returns its temporary id. The uuid derives from the
// user, the set and what the command is for, and is the first of its kind that
// this run has no answer to. Todoist may repeat a refusal for its uuid for ever,
// so what was refused derives from the minute of the import, too: a later one
// is heard, and those at the same time still agree. So does all in the last
// round, which is there for what was imported and removed again several times.
func (s *stepper) add(c *Change, of, kind string, args map[string]any, what ...string) (temp string) {
	parts := append([]string{s.run.account.user.ID, s.part.set, kind}, what...)
	id, minute := "", ""
	if s.run.round == maxRounds-1 {
		minute = s.run.minute()
	}
	for n := 0; ; n++ {
		id = todoist.UUID(append(parts, strconv.Itoa(n)+minute)...)
		refused, spent := s.run.spent[id]
		if !spent {
			break
		}
		if refused {
			minute = s.run.minute()
		}
	}
	command := todoist.Command{Type: kind, UUID: id, Args: args}
	if strings.HasSuffix(kind, "_add") {
		command.TempID = todoist.UUID("temporary", id)
	}
	s.steps = append(s.steps, step{command: command, part: s.part, change: c, of: of})
	return command.TempID
}

func (s *stepper) addProject() {
	// A calendar is asked for afterwards, since a project may be refused for it.
	style := s.part.opts.View
	if style == ViewCalendar {
		style = ViewList
	}
	args := map[string]any{"name": s.part.Name, "view_style": style}
	if s.part.Colour != "" {
		args["color"] = s.part.Colour
	}
	// One of the name that is there may be what an import of old has left: were
	// this taken for a repetition of that, all would go there.
	s.project = s.add(nil, ofProject, "project_add", args, s.run.account.named(s.part.Name)...)
	// Games that are added later would stand at the end of the list, were it
	// not sorted by date. A project that stays unsorted is none the worse.
	view := func(style string, what ...string) {
		s.add(nil, ofView, "view_options_set", map[string]any{"view_type": "project", "object_id": s.project,
			"view_mode": style, "sorted_by": "due_date", "sort_order": "asc"}, what...)
	}
	view(style)
	if s.part.opts.View == ViewCalendar && s.run.account.calendars() {
		view(ViewCalendar, ViewCalendar)
	}
}

// section makes sure of a section by its name.
func (s *stepper) section(name string) {
	if name == "" || s.sections[name] != "" {
		return
	}
	if id := s.run.account.sectionNamed(s.part.Project, name); id != "" && s.part.Project != "" {
		s.sections[name] = id
		return
	}
	s.sections[name] = s.add(nil, ofSection, "section_add", map[string]any{"name": name, "project_id": s.project}, name, s.project)
}

// mark is what a task will say about itself. Fields that keep what the owner
// made of them keep their old fingerprints.
func (s *stepper) mark(c *Change) mark {
	a := s.run.account
	m := mark{
		game:    refOf(&c.Game),
		set:     s.part.set,
		own:     s.part.own,
		taken:   s.part.taken,
		written: s.run.written(),
		asOf:    a.season.AsOf,
		prints:  c.want.prints(),
		options: s.part.options,
	}
	if c.Kind == Add {
		return m
	}
	m.prints = c.found.mark.prints
	if m.asOf.Before(c.found.mark.asOf) {
		m.asOf = c.found.mark.asOf
	}
	for _, f := range c.writes() {
		m.prints[f] = fingerprint(c.want.value(f))
	}
	return m
}

func (s *stepper) addTask(c *Change, order int) {
	want := &c.want
	args := map[string]any{
		"content":     want.title,
		"description": describe(want.text, pageOf(&c.Game), s.mark(c)),
		"project_id":  s.project,
		"priority":    want.priority,
	}
	if s.part.Project == "" {
		args["child_order"] = order + 1
	}
	if want.section != "" {
		args["section_id"] = s.sections[want.section]
	}
	if want.due != nil {
		args["due"] = want.due
	}
	if len(want.labels) > 0 {
		args["labels"] = want.labels
	}
	if want.duration > 0 {
		args["duration"] = minutes(want.duration)
	}
	game := refOf(&c.Game)
	temp := s.add(c, ofTask, "item_add", args, game.pairDay())
	if want.reminder != NoReminder {
		s.addReminder(c, temp)
	}
}

func minutes(n int) map[string]any { return map[string]any{"amount": n, "unit": "minute"} }

// addReminder adds a reminder to a task that is there, or to one of a temporary
// id. The task may have had a reminder before that went with its time, so the
// uuid has to tell the states of the task apart.
func (s *stepper) addReminder(c *Change, task string) {
	state := ""
	if c.Task != nil {
		state = c.Task.Description
	}
	s.add(c, ofReminder, "reminder_add", map[string]any{"item_id": task, "type": "relative", "minute_offset": c.want.reminder}, task, state)
}

func (s *stepper) updateTask(c *Change) {
	want, a := &c.want, s.run.account
	args := map[string]any{"id": c.Task.ID, "description": remark(c.Task.Description, pageOf(&c.Game), s.mark(c))}
	for _, f := range c.writes() {
		switch f {
		case fieldTitle:
			args["content"] = want.title
		case fieldDue, fieldZone:
			// nil takes the date away.
			args["due"] = want.due
			if zone := c.Task.Due.Zone(); zone != "" && timed(want.due) && !c.writesAny(fieldZone) {
				at, _ := want.due.Instant()
				args["due"] = todoist.DueAt(at, zone)
			}
		case fieldText:
			args["description"] = describe(want.text, pageOf(&c.Game), s.mark(c))
		case fieldPriority:
			args["priority"] = want.priority
		case fieldLabels:
			args["labels"] = append([]string{}, want.labels...)
		case fieldDuration:
			args["duration"] = nil
			if want.duration > 0 {
				args["duration"] = minutes(want.duration)
			}
		}
	}
	// The mark in the description has the time of the last write, so that no
	// state comes twice.
	s.add(c, ofTask, "item_update", args, c.Task.ID, c.Task.Description)
	if c.writesAny(fieldSection) {
		move := map[string]any{"id": c.Task.ID, "project_id": c.Task.Project}
		if want.section != "" {
			move = map[string]any{"id": c.Task.ID, "section_id": s.sections[want.section]}
		}
		s.add(c, ofPlace, "item_move", move, c.Task.ID, c.Task.Description)
	}
	if !c.writesAny(fieldReminder) {
		return
	}
	old := a.reminderOf(c.found)
	switch {
	case want.reminder != NoReminder && old == nil:
		s.addReminder(c, c.Task.ID)
	case want.reminder != NoReminder:
		s.add(c, ofReminder, "reminder_update", map[string]any{"id": old.ID, "type": "relative", "minute_offset": want.reminder}, old.ID, c.Task.Description)
	case old != nil && timed(want.due):
		// Reminders of a task that has no time any more go by themselves.
		s.add(c, ofNone, "reminder_delete", map[string]any{"id": old.ID}, old.ID, c.Task.Description)
	}
}

// write sends the steps and takes in what Todoist answers.
func (r *run) write(ctx context.Context, steps []step) error {
	r.wrote++
	before := r.opts.Without
	var refusals []step
	ids := map[string]string{}
	written := r.total - r.left.Pending()
	notMade := map[*Part]bool{} // parts whose project is not there
	// Parts of which Todoist took a section for the repetition of one that is
	// gone since. That tasks are refused then says nothing of them.
	repeated := map[*Part]bool{}
	for len(steps) > 0 {
		var chunk []step
		chunk, steps = next(steps, notMade)
		if len(chunk) == 0 {
			break
		}
		commands := make([]todoist.Command, len(chunk))
		for i, st := range chunk {
			commands[i] = withIDs(st.command, ids)
			if temp := st.command.TempID; temp != "" {
				r.temps[temp] = true
			}
		}
		r.progress(Progress{Done: written, Total: r.total, Message: message(chunk)})
		r.client.Waiting = func(d time.Duration) {
			r.progress(Progress{Done: written, Total: r.total,
				Message: fmt.Sprintf("Todoist asks to wait %d seconds", int(d.Round(time.Second).Seconds()))})
		}
		result, err := r.client.Write(ctx, commands, r.account.token, changing...)
		if err != nil {
			return err
		}
		r.account.follow(&result.Since)
		r.findStrays(&result.Since)
		maps.Copy(ids, result.IDs)
		var unmade *Change // whose task was just not made
		for i, st := range chunk {
			if st.change != nil && st.change == unmade {
				// Of what hangs on it nothing can be there, and its refusal
				// says nothing.
				r.spent[commands[i].UUID] = true
				continue
			}
			refused := r.answered(st, commands[i], result)
			project := r.projectOf(st.part)
			switch {
			case refused && repeated[st.part] && st.change != nil:
			case refused:
				refusals = append(refusals, st)
			case st.of == ofSection && r.account.sectionNamed(project, st.name()) == "":
				repeated[st.part] = true
			}
			if st.of == ofTask && st.change.Kind == Add && (refused || !r.account.holds(st.change, result.IDs[commands[i].TempID])) {
				unmade = st.change
			}
			if st.of == ofProject && project == "" {
				notMade[st.part] = true
			}
		}
		written = min(written+changesIn(chunk), r.total)
		r.progress(Progress{Done: written, Total: r.total, Message: message(chunk)})
	}
	counted := map[string]bool{}
	for _, st := range refusals {
		key := st.key()
		// What was refused along with a feature may well be taken without it.
		if !counted[key] && r.opts.Without == before {
			r.tries[key]++
		}
		counted[key] = true
	}
	return nil
}

// projectOf is the id of a part's project, "" for one that is not there.
func (r *run) projectOf(p *Part) string { return cmp.Or(p.Project, r.account.made[p.set]) }

// findStrays finds tasks that a write has put into the Inbox, where Todoist may
// put those whose project it did not make.
func (r *run) findStrays(since *todoist.State) {
	for _, t := range since.Tasks {
		e := r.account.tasks[t.ID]
		if e == nil || !e.marked || r.there[t.ID] || !r.account.projects[t.Project].Inbox {
			continue
		}
		if slices.ContainsFunc(r.plan.Parts, func(p *Part) bool { return p.set == e.mark.set && p.opts.Target != t.Project }) {
			r.account.strays[t.ID] = true
		}
	}
}

// next cuts off the steps of one request. All commands of a game go together,
// so that no lost request leaves half of them. Steps of parts whose project is
// not there are dropped.
func next(steps []step, notMade map[*Part]bool) (chunk, rest []step) {
	for len(steps) > 0 {
		n := 1
		for n < len(steps) && steps[0].change != nil && steps[n].change == steps[0].change {
			n++
		}
		if !notMade[steps[0].part] {
			if len(chunk)+n > todoist.MaxCommands {
				break
			}
			chunk = append(chunk, steps[:n]...)
		}
		steps = steps[n:]
	}
	return chunk, steps
}

// name is that of the section which the step makes.
func (st *step) name() string {
	name, _ := st.command.Args["name"].(string)
	return name
}

// key is what a step is noted by.
func (st *step) key() string {
	switch {
	case st.change != nil:
		return st.change.key()
	case st.of == ofSection:
		return st.part.set + " section"
	}
	return st.part.set
}

// answered notes what Todoist says about a step, and reports whether it refused
// it for a reason that counts. What the answer says nothing about is sent again
// as it is.
func (r *run) answered(st step, sent todoist.Command, result *todoist.Result) (refused bool) {
	if slices.Contains(result.Unanswered, sent.UUID) {
		return false
	}
	e := result.Refused[sent.UUID]
	if e != nil && !r.excused[sent.UUID] && r.dangling(sent, result) {
		// Somebody else may be about to send the same: this goes again as it is.
		r.excused[sent.UUID] = true
		return false
	}
	r.spent[sent.UUID] = e != nil
	if e != nil {
		return r.refusal(st, e)
	}
	id := result.IDs[sent.TempID]
	switch st.of {
	case ofProject:
		// One that was there before was made by an import of old, of which
		// Todoist takes this one for a repetition.
		if _, ok := r.account.projects[id]; ok && !r.there[id] {
			r.account.made[st.part.set] = id
		}
	case ofTask:
		r.took[st.key()] = ""
		if st.change.Task != nil {
			r.took[st.key()] = st.change.Task.Description
		}
	}
	return false
}

// dangling reports whether a command names something by a temporary id that
// Todoist did not know: the command that makes it was refused, or taken for the
// repetition of another import's, which does not always tell the id.
func (r *run) dangling(sent todoist.Command, result *todoist.Result) bool {
	for name, v := range sent.Args {
		if temp, ok := v.(string); ok && strings.HasSuffix(name, "_id") && r.temps[temp] && result.IDs[temp] == "" {
			return true
		}
	}
	return false
}

// refusal notes that a command was refused, and what the account turns out not
// to have.
func (r *run) refusal(st step, e *todoist.Error) (counts bool) {
	if st.of != ofProject && r.projectOf(st.part) == "" {
		return false // without its project nothing of a part can be made
	}
	switch st.of {
	case ofView:
		if st.command.Args["view_mode"] == ViewCalendar {
			r.say("Todoist did not let Tipoff show the project as a calendar, so it is a list.")
		}
		return false
	case ofMark:
		return false
	case ofPlace, ofReminder:
		if _, ok := r.took[st.key()]; !ok {
			return false // the task itself was refused, which says it all
		}
	}
	switch st.of {
	case ofNone:
		r.say("Todoist did not let Tipoff take the reminders away, so they stay.")
		return false
	case ofSection:
		r.opts.Without.Sections = r.opts.Without.Sections || e.PlanLimit() || r.tries[st.key()] > 0
	case ofPlace:
		r.lies[st.key()] = append(r.lies[st.key()], fieldSection)
	case ofReminder:
		r.lies[st.key()] = append(r.lies[st.key()], fieldReminder)
		r.opts.Without.Reminders = r.opts.Without.Reminders || e.PlanLimit()
	case ofTask:
		delete(r.took, st.key())
		if _, has := st.command.Args["duration"]; has && durationRefused(e) {
			r.opts.Without.Durations = true
		}
	}
	r.refused[st.key()] = e
	return true
}

// say notes what the run does without, once.
func (r *run) say(text string) {
	if !slices.Contains(r.notices, text) {
		r.notices = append(r.notices, text)
	}
}

// durationRefused reports whether a refusal of a task with a duration is, or may
// be, one of the duration.
func durationRefused(e *todoist.Error) bool {
	return e.PlanLimit() && e.Tag != todoist.TagTaskLimit || strings.Contains(e.Argument+e.Text, "duration") ||
		e.Tag == todoist.TagInvalidArgument && e.Argument == ""
}

// withIDs puts real ids in place of the temporary ones of earlier requests.
func withIDs(c todoist.Command, ids map[string]string) todoist.Command {
	c.Args = maps.Clone(c.Args)
	for name, v := range c.Args {
		if temp, ok := v.(string); ok && strings.HasSuffix(name, "_id") && ids[temp] != "" {
			c.Args[name] = ids[temp]
		}
	}
	return c
}

// changesIn counts the games that are done once the chunk is.
func changesIn(chunk []step) int {
	distinct := map[*Change]bool{}
	for _, st := range chunk {
		if st.change != nil {
			distinct[st.change] = true
		}
	}
	return len(distinct)
}

func message(chunk []step) string {
	var names []string
	for _, st := range chunk {
		if !slices.Contains(names, st.part.Name) {
			names = append(names, st.part.Name)
		}
	}
	return "Writing to " + strings.Join(names, ", ")
}

// outcome compares the plan as it was with what is left of it.
func (r *run) outcome(ended error) *Outcome {
	o := &Outcome{Plan: r.plan, Left: r.left, Notices: r.notices}
	pending := map[string]bool{}
	for _, part := range r.left.Parts {
		if !slices.Contains(o.Projects, part.Project) {
			o.Projects = append(o.Projects, part.Project)
		}
		for _, c := range part.Changes {
			if c.Pending() || len(r.lies[c.key()]) > 0 || c.Task != nil && r.account.strays[c.Task.ID] {
				pending[c.key()] = true
			}
		}
	}
	for _, c := range r.plan.Changes() {
		switch {
		case c.Pending() && pending[c.key()]:
			o.Failed = append(o.Failed, Failure{c, r.reason(c, ended)})
		case c.Kind == Add && !c.LeftOut:
			o.Added++
		case c.Kind == Update || c.Kind == Postpone:
			o.Updated++
		case c.Kind == Keep:
			o.Kept++
		case c.Kind == Same || c.Kind == Completed:
			o.Unchanged++
		}
	}
	// An account that turned out to have no room for a project may have it in one.
	if len(o.Projects) == 1 && o.Projects[0] == "" && slices.ContainsFunc(slices.Collect(maps.Values(r.refused)), func(e *todoist.Error) bool {
		return e.Tag == todoist.TagProjectLimit
	}) {
		none := 0
		r.account.limits.Projects, r.left.short.projects = &none, true
		r.left.Offers = r.account.offers(r.left)
	}
	for _, n := range r.left.Notices {
		if !n.Stop && !slices.Contains(r.plan.Notices, n) {
			o.Notices = append(o.Notices, n.Text)
		}
	}
	return o
}

// reason says why a change was not written.
func (r *run) reason(c *Change, ended error) string {
	e := r.refused[c.key()]
	if project := r.refused[c.part.set]; project != nil && r.account.made[c.part.set] == "" {
		e = project
	}
	reason := "Todoist took the task and does not show it."
	switch {
	case e != nil:
		reason = Explain(e)
	case ended != nil:
		reason = Explain(ended)
	}
	if len(r.account.strays) > 0 {
		reason += " Todoist put the task into your Inbox instead."
	}
	return reason
}

// Explain says in a sentence for people what Todoist's refusal means, or that
// it could not be reached.
func Explain(err error) string {
	e, ok := errors.AsType[*todoist.Error](err)
	switch {
	case errors.Is(err, todoist.ErrTooLarge):
		return "Your tasks that link to games hold more text than Tipoff reads."
	case !ok && errors.Is(err, context.Canceled):
		return "Tipoff was stopped before this was written."
	case !ok && !todoist.Doubtful(err):
		return "Your sign-in has ended, or could not be looked up. Sign in again."
	case !ok:
		return "Todoist could not be reached, or gave no answer that makes sense."
	case e.Tag == todoist.TagProjectLimit:
		return "Your Todoist plan has no room for another project."
	case e.Tag == todoist.TagTaskLimit:
		return "The project is full: your Todoist plan allows no more tasks in it."
	case e.Tag == todoist.TagSectionLimit:
		return "The project has no room for more sections."
	case e.PlanLimit():
		return "Your Todoist plan does not allow this."
	case e.Tag == todoist.TagScope:
		return "Todoist says that Tipoff may not do this. Sign out and in again to allow it."
	case e.Status == http.StatusTooManyRequests:
		return "Todoist asks for a pause: too many requests in a short time."
	case e.Status == http.StatusNotFound:
		return "It is not in your Todoist any more."
	case e.Status == http.StatusUnauthorized:
		return "Todoist no longer lets Tipoff in. Sign in again."
	case e.Status >= 500:
		return "Todoist has trouble of its own at the moment."
	}
	return "Todoist refused it."
}

// Retry is how long to wait before pressing the button again, or 0.
func Retry(err error) time.Duration {
	if e, ok := errors.AsType[*todoist.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// Values writes a field's old and new value for people; due writes when a task
// is due.
func (f FieldChange) Values(due func(*todoist.Due) string) (old, new string) {
	write := func(t *task) string {
		switch f.Field {
		case fieldDue:
			if t.due == nil {
				return "no date"
			}
			return due(t.due)
		case fieldPriority:
			return "p" + strconv.Itoa(5-t.priority)
		case fieldDuration:
			if t.duration == 0 {
				return "none"
			}
			return fmt.Sprintf("%d minutes", t.duration)
		case fieldReminder:
			if t.reminder == NoReminder {
				return "none"
			}
			return fmt.Sprintf("%d minutes before", t.reminder)
		}
		return cmp.Or(t.value(f.Field), "none")
	}
	return write(&f.Old), write(&f.New)
}

// Name is the field's name for people.
func (f FieldChange) Name() string {
	return [fields]string{"Title", "When", "Time zone", "Details", "Priority", "Labels", "Duration", "Section", "Reminder"}[f.Field]
}

// Day is the Eastern day of a due, for which [schedule.Day] is the type.
func Day(d *todoist.Due) schedule.Day { return schedule.Day(dayOf(d)) }
