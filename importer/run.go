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

	"github.com/google/uuid"

	"tipoff/schedule"
	"tipoff/todoist"
)

// maxRounds bounds how often a run writes what is still missing. The second
// round does without what the account refused, and repeats what Todoist says it
// has done and has not; the third is for both at once.
const maxRounds = 3

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
	// Projects are the ids of the targets, in the order of the plan's parts,
	// empty for one that could not be made.
	Projects []string
}

// A Failure is a game whose task was not written, with the reason as a sentence
// for people.
type Failure struct {
	Change *Change
	Reason string
}

// Run makes the plan anew and carries it out. shown is the fingerprint of the
// plan that the person saw, or empty; a plan that would write more than was
// shown is not run but returned as a [Changed], and one that does not fit as
// a [Stopped].
//
// Nothing is made twice, whatever is lost on the way. Runs of one user take
// turns within this process. Between processes, and for a request that is sent
// again, every command's uuid derives from the user, the project's set, the
// game and what is written, and Todoist carries out a uuid once. What a write
// did is read from the changes that its own answer brings, or, where these do
// not show it, from the project itself; only what is missing is sent anew.
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
	plan, err := im.plan(ctx, c, a, opts, missing{})
	if err != nil {
		return nil, err
	}
	if shown != "" && !plan.within(shown) {
		return nil, &Changed{plan}
	}
	if plan.Stopped() && plan.Pending() > 0 {
		return nil, &Stopped{plan}
	}
	r := &run{im: im, client: c, account: a, opts: plan.Options, plan: plan, left: plan,
		total: plan.Pending(), progress: progress, refused: map[string]*todoist.Error{}}
	err = r.rounds(ctx)
	return r.outcome(err), err
}

// A run is a plan on its way.
type run struct {
	im       *Importer
	client   *todoist.Client
	account  *account
	opts     Options
	plan     *Plan // as it was at first
	left     *Plan // as it is now
	without  missing
	total    int
	progress func(Progress)
	refused  map[string]*todoist.Error // by Change.key, or part.set for its project
}

// rounds writes what is left until nothing is, or nothing helps.
func (r *run) rounds(ctx context.Context) error {
	for round := range maxRounds {
		steps := r.steps(round)
		if len(steps) == 0 {
			return nil
		}
		doubtful, err := r.write(ctx, steps)
		if err != nil {
			if todoist.Doubtful(err) || len(doubtful) > 0 {
				r.lookAfter(ctx, doubtful)
			}
			return err
		}
		if err := r.confirm(ctx, doubtful); err != nil {
			return err
		}
		if r.left, err = r.im.plan(ctx, r.client, r.account, r.opts, r.without); err != nil {
			return err
		}
		if r.hopeless() {
			return nil
		}
	}
	return nil
}

// lookAfter finds out, as far as that is possible, what a write whose answer
// was lost has done, so that the failures named are the real ones. The context
// may be over by now.
func (r *run) lookAfter(ctx context.Context, doubtful map[string]*Part) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, part := range r.left.Parts {
		doubtful[part.set] = part
	}
	if r.confirm(ctx, doubtful) != nil {
		return
	}
	if left, err := r.im.plan(ctx, r.client, r.account, r.opts, r.without); err == nil {
		r.left = left
	}
}

// hopeless reports whether another round would be refused as well: the account
// has no room for a project or for more tasks.
func (r *run) hopeless() bool {
	for _, refusal := range r.refused {
		if refusal.Tag == todoist.TagProjectLimit || refusal.Tag == todoist.TagTaskLimit || refusal.Tag == todoist.TagScope {
			return true
		}
	}
	return false
}

// A step is one command of a run.
type step struct {
	command todoist.Command
	part    *Part
	change  *Change // nil for projects, sections and how a project is shown
	// makes is the kind of thing that the command makes, for steps without
	// a change.
	makes string
	// feature is what the account would have to lack for the command to be
	// refused: "section", "duration", "reminder" or "".
	feature string
}

// steps are the commands for all that is pending, in the order in which they
// depend on each other: for each project itself, its sections, its tasks.
func (r *run) steps(round int) []step {
	var all []step
	for _, part := range r.left.Parts {
		pending := slices.DeleteFunc(slices.Clone(part.Changes), func(c *Change) bool { return !c.Pending() })
		if len(pending) == 0 {
			continue
		}
		s := stepper{run: r, part: part, project: part.Project, sections: map[string]string{}, round: round}
		if part.Project == "" {
			s.addProject()
		}
		for _, c := range pending {
			s.section(c.want.section)
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

// A stepper writes the commands of one part.
type stepper struct {
	run      *run
	part     *Part
	project  string            // id or temporary id
	sections map[string]string // ids or temporary ids, by name
	round    int
	steps    []step
}

// id derives a uuid from what a command does. It holds for one day, so that a
// project that is imported, removed and imported again the next day is not
// taken for a repetition; on the same day a later round takes care of that, and
// the last one is drawn at random.
func (s *stepper) id(kind string, parts ...string) string {
	day := s.run.im.Now().UTC().Format(time.DateOnly)
	all := append([]string{s.run.account.user.ID, s.part.set, day, strconv.Itoa(s.round), kind}, parts...)
	if s.round == maxRounds-1 {
		all = append(all, uuid.NewString())
	}
	return todoist.UUID(all...)
}

func (s *stepper) add(st step, kind string, temp string, args map[string]any, parts ...string) {
	st.part = s.part
	st.command = todoist.Command{Type: kind, UUID: s.id(kind, parts...), TempID: temp, Args: args}
	s.steps = append(s.steps, st)
}

func (s *stepper) addProject() {
	s.project = s.id("project", s.part.Name)
	args := map[string]any{"name": s.part.Name, "view_style": "list"}
	if s.part.board {
		args["view_style"] = "board"
	}
	if s.part.Colour != "" {
		args["color"] = s.part.Colour
	}
	s.add(step{makes: "project"}, "project_add", s.project, args, s.part.Name)
	// Games that are added later would stand at the end of the list, were it
	// not sorted by date. A project that stays unsorted is none the worse.
	s.add(step{makes: "view"}, "view_options_set", "", map[string]any{
		"view_type": "project", "object_id": s.project, "sorted_by": "due_date", "sort_order": "asc"}, s.part.Name)
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
	temp := s.id("section", name)
	s.sections[name] = temp
	s.add(step{makes: "section", feature: "section"}, "section_add", temp,
		map[string]any{"name": name, "project_id": s.project}, name)
}

// mark is what a task will say about itself. Fields that keep what the owner
// made of them keep their old fingerprints.
func (s *stepper) mark(c *Change) mark {
	m := mark{
		game:    refOf(&c.Game),
		set:     s.part.set,
		own:     s.part.own,
		written: s.run.im.Now(),
		asOf:    s.run.im.Season().AsOf,
		prints:  c.want.prints(),
		options: s.part.options,
	}
	if c.Task == nil {
		return m
	}
	m.prints = c.mark.prints
	if m.asOf.Before(c.mark.asOf) {
		m.asOf = c.mark.asOf
	}
	for _, f := range c.writes() {
		m.prints[f] = fingerprint(c.want.value(f))
	}
	return m
}

func (s *stepper) addTask(c *Change, order int) {
	want, m := &c.want, s.mark(c)
	args := map[string]any{
		"content":     want.title,
		"description": describe(want.text, pageOf(&c.Game), m),
		"project_id":  s.project,
		"priority":    want.priority,
		"child_order": order + 1,
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
	st := step{change: c}
	if want.duration > 0 {
		args["duration"] = minutes(want.duration)
		st.feature = "duration"
	}
	content := strings.Join(append(m.prints[:], m.options.Encode()), "")
	temp := s.id("task", c.Game.ID, content)
	s.add(st, "item_add", temp, args, c.Game.ID, content)
	if want.reminder != NoReminder {
		s.addReminder(c, temp, content)
	}
}

func minutes(n int) map[string]any { return map[string]any{"amount": n, "unit": "minute"} }

func (s *stepper) addReminder(c *Change, task, content string) {
	s.add(step{change: c, feature: "reminder"}, "reminder_add", s.id("reminder", task, content),
		map[string]any{"item_id": task, "type": "relative", "minute_offset": c.want.reminder}, task, content)
}

func (s *stepper) updateTask(c *Change) {
	want, m := &c.want, s.mark(c)
	id := c.Task.ID
	content := strings.Join(m.prints[:], "") + strconv.FormatInt(c.mark.written.Unix(), 36) + strconv.FormatInt(c.mark.asOf.Unix(), 36)
	args := map[string]any{"id": id}
	st := step{change: c}
	text := false
	for _, f := range c.writes() {
		switch f {
		case fieldTitle:
			args["content"] = want.title
		case fieldDue, fieldZone:
			// null takes the date away.
			args["due"] = want.due
		case fieldText:
			text = true
		case fieldPriority:
			args["priority"] = want.priority
		case fieldLabels:
			args["labels"] = append([]string{}, want.labels...)
		case fieldDuration:
			args["duration"] = nil
			if want.duration > 0 {
				args["duration"] = minutes(want.duration)
				st.feature = "duration"
			}
		}
	}
	args["description"] = remark(c.Task.Description, pageOf(&c.Game), m)
	if text {
		args["description"] = describe(want.text, pageOf(&c.Game), m)
	}
	s.add(st, "item_update", "", args, id, content)
	for _, f := range c.writes() {
		switch f {
		case fieldSection:
			move := map[string]any{"id": id, "project_id": c.Task.Project}
			if want.section != "" {
				move = map[string]any{"id": id, "section_id": s.sections[want.section]}
			}
			s.add(step{change: c}, "item_move", "", move, id, content)
		case fieldReminder:
			if old := s.run.account.reminderOf(c.Task, &c.mark); old != nil {
				s.add(step{change: c}, "reminder_delete", "", map[string]any{"id": old.ID}, id, content)
			}
			if want.reminder != NoReminder {
				s.addReminder(c, id, content)
			}
		}
	}
}

// write sends the steps and takes in what Todoist answers. The parts returned
// are those for which the answers do not show that all was done.
func (r *run) write(ctx context.Context, steps []step) (map[string]*Part, error) {
	doubtful := map[string]*Part{}
	ids := map[string]string{}
	written := r.total - r.left.Pending()
	for chunk := range slices.Chunk(steps, todoist.MaxCommands) {
		r.progress(Progress{Done: written, Total: r.total, Message: r.message(chunk)})
		commands := make([]todoist.Command, len(chunk))
		for i, st := range chunk {
			commands[i] = withIDs(st.command, ids)
		}
		r.client.Waiting = func(d time.Duration) {
			r.progress(Progress{Done: written, Total: r.total,
				Message: fmt.Sprintf("Todoist asks to wait %d seconds", int(d.Round(time.Second).Seconds()))})
		}
		result, err := r.client.Write(ctx, commands, r.account.token, todoist.ResourceProjects,
			todoist.ResourceSections, todoist.ResourceTasks, todoist.ResourceReminders)
		if err != nil {
			return doubtful, err
		}
		r.account.follow(&result.Since)
		maps.Copy(ids, result.IDs)
		for i, st := range chunk {
			r.took(st, commands[i], result, doubtful)
		}
		written = min(written+changesIn(chunk), r.total)
		r.progress(Progress{Done: written, Total: r.total, Message: r.message(chunk)})
		// What comes next needs the real ids of the projects made here.
		for _, st := range chunk {
			if _, ok := ids[st.command.TempID]; st.makes == "project" && !ok {
				return doubtful, nil
			}
		}
	}
	return doubtful, nil
}

// took notes what became of a step.
func (r *run) took(st step, sent todoist.Command, result *todoist.Result, doubtful map[string]*Part) {
	if refusal := result.Refused[sent.UUID]; refusal != nil {
		r.refusal(st, refusal)
		return
	}
	id := result.IDs[sent.TempID]
	shown := false
	switch sent.Type {
	case "project_add":
		if id != "" {
			r.account.made[st.part.set] = id
			_, shown = r.account.projects[id]
			r.account.keepProject(id, st.part.Name)
		}
	case "section_add":
		_, shown = r.account.sections[id]
	case "reminder_add", "reminder_delete", "view_options_set":
		// Their absence loses no game; the next look at the plan shows it.
		shown = true
	case "item_add":
		_, shown = r.account.tasks[id]
	default:
		shown = slices.ContainsFunc(result.Since.Tasks, func(t todoist.Task) bool { return t.ID == sent.Args["id"] })
	}
	if !shown || slices.Contains(result.Unanswered, sent.UUID) {
		doubtful[st.part.set] = st.part
	}
}

// keepProject makes sure that a project which Todoist says it made is known.
func (a *account) keepProject(id, name string) {
	if _, ok := a.projects[id]; !ok {
		a.projects[id] = todoist.Project{ID: id, Name: name}
	}
}

// refusal notes that a command was refused, and what the account turns out not
// to have.
func (r *run) refusal(st step, e *todoist.Error) {
	switch {
	case st.makes == "view":
		return
	case st.feature == "section":
		r.without.sections = true
		return
	case st.feature == "reminder":
		r.without.reminders = true
		return
	case st.feature == "duration" && (e.PlanLimit() && e.Tag != todoist.TagTaskLimit || strings.Contains(e.Argument+e.Text, "duration") ||
		e.Tag == todoist.TagInvalidArgument && e.Argument == ""):
		r.without.durations = true
	}
	key := st.part.set
	if st.change != nil {
		key = st.change.key()
	}
	r.refused[key] = e
}

// withIDs puts real ids in place of the temporary ones of earlier requests.
func withIDs(c todoist.Command, ids map[string]string) todoist.Command {
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

func (r *run) message(chunk []step) string {
	var names []string
	for _, st := range chunk {
		if !slices.Contains(names, st.part.Name) {
			names = append(names, st.part.Name)
		}
	}
	return "Writing to " + strings.Join(names, ", ")
}

// confirm reads the projects that a write left in doubt as they are now.
func (r *run) confirm(ctx context.Context, doubtful map[string]*Part) error {
	for _, part := range doubtful {
		id := cmp.Or(part.Project, r.account.made[part.set])
		if id == "" {
			id = r.account.holderOf(part.set)
		}
		if id != "" {
			if err := r.account.readProject(ctx, r.client, id); err != nil {
				return err
			}
			if _, ok := r.account.projects[id]; !ok {
				delete(r.account.made, part.set)
			}
			continue
		}
		// The project may have been made, and nobody told us its id.
		projects, err := r.client.Projects(ctx)
		if err != nil {
			return err
		}
		for _, p := range projects {
			if _, known := r.account.projects[p.ID]; known || p.Name != part.Name || p.Deleted || p.Archived {
				continue
			}
			r.account.projects[p.ID] = p
			if err := r.account.readProject(ctx, r.client, p.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// holderOf is the project that holds the tasks of a set, or "".
func (a *account) holderOf(set string) string {
	votes := map[string]int{}
	for _, t := range a.tasks {
		if m, _, ok := findMark(t.Description); ok && m.set == set {
			votes[t.Project]++
		}
	}
	return most(votes)
}

// outcome compares the plan as it was with what is left of it.
func (r *run) outcome(ended error) *Outcome {
	o := &Outcome{Plan: r.plan, Left: r.left}
	pending := map[string]*Change{}
	for _, part := range r.left.Parts {
		id := part.Project
		if id == "" {
			id = r.account.made[part.set]
		}
		o.Projects = append(o.Projects, id)
		for _, c := range part.Changes {
			if c.Pending() {
				pending[c.key()] = c
			}
		}
	}
	for _, c := range r.plan.Changes() {
		left := pending[c.key()]
		switch {
		case left != nil && c.Pending():
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
	for _, n := range r.left.Notices {
		if !n.Stop && !slices.Contains(r.plan.Notices, n) {
			o.Notices = append(o.Notices, n.Text)
		}
	}
	return o
}

// reason says why a change was not written.
func (r *run) reason(c *Change, ended error) string {
	if ended != nil {
		return Explain(ended)
	}
	if e := r.refused[c.part.set]; e != nil {
		return Explain(e)
	}
	if e := r.refused[c.key()]; e != nil {
		return Explain(e)
	}
	return "Todoist took the task and does not show it."
}

// Explain says in a sentence for people what Todoist's refusal means, or that
// it could not be reached.
func Explain(err error) string {
	e, ok := errors.AsType[*todoist.Error](err)
	switch {
	case !ok && errors.Is(err, context.Canceled):
		return "Tipoff was stopped before this was written."
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
